//! The quality heads of a fine-tuned network: a number for each model from the vector of the encoder that was trained with them. They speak last, by a share
//! that prompts unknown to the encoder gave them; where their encoder did not run, what the other parts say stands. Pure.

use super::dot;

/// Heads that were learnt together with an encoder, in the order of an artifact's models.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkQuality {
    /// Index of that encoder among the artifact's embedders.
    pub embedder: usize,
    /// `models * dims`, a model's together: for vectors of unit length, calibrated.
    pub weights: Vec<f32>,
    /// One a model.
    pub intercepts: Vec<f32>,
    /// How far each model's prediction goes from what the other parts say to the network's, 0 to 1.
    pub share: Vec<f32>,
}

impl NetworkQuality {
    /// Checks that the parts fit; the message says what does not.
    pub(super) fn check(&self, models: usize, dims: usize) -> Result<(), String> {
        for (name, found, expected) in [
            ("network.weights", self.weights.len(), models * dims),
            ("network.intercepts", self.intercepts.len(), models),
            ("network.share", self.share.len(), models),
        ] {
            if found != expected {
                return Err(format!("{found} {name}, expected {expected}"));
            }
        }
        Ok(())
    }

    /// Moves what was said of the models, in their order. `vector` is the encoder's.
    pub(super) fn moved(&self, vector: &[f32], said: &mut [f64]) {
        let heads = self.weights.chunks_exact(vector.len().max(1)).zip(&self.intercepts).zip(&self.share);
        for (said, ((weights, intercept), share)) in said.iter_mut().zip(heads).filter(|(_, (_, share))| **share > 0.0)
        {
            *said += f64::from(*share) * (quality_of_score(intercept + dot(weights, vector)) - *said);
        }
    }
}

/// The quality, 0 to 1, that a network's score means: its sigmoid.
pub fn quality_of_score(score: f32) -> f64 {
    1.0 / (1.0 + libm::exp(-f64::from(score)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_says_how_far_a_prediction_moves() {
        let network = NetworkQuality {
            embedder: 0,
            weights: vec![2.0, 0.0, 2.0, 0.0, 2.0, 0.0],
            intercepts: vec![-2.0; 3],
            share: vec![0.0, 0.5, 1.0],
        };
        assert_eq!(network.check(3, 2), Ok(()));
        assert!(network.check(2, 2).is_err() && network.check(3, 3).is_err());
        let mut said = [0.9; 3];
        network.moved(&[1.0, 0.0], &mut said);
        let near = said.iter().zip([0.9, 0.7, 0.5]).all(|(said, expected)| (said - expected).abs() < 1e-9);
        assert!(near, "{said:?}");
    }
}
