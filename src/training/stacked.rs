//! Fits the second tier's linear head on top of the first's: a head over the transformer's vectors alone, added to the first
//! tier's scores with a weight chosen on held-out rows. The sum is again one linear map. Fitting both together would let the
//! noisy copies, which share their original's vector, teach the head to trust that vector too much.

use serde_json::json;

use super::TrainingError;
use super::design::CentredVectors;
use super::held_out::HeldOut;
use super::linear_head::{Choice, FittedHead, FittedLinear, Learns, LinearFit, round};
use super::margin::Margin;

const COSTS: [f32; 3] = [0.3, 1.0, 3.0];
/// What the vectors' scores weigh beside the first tier's.
const WEIGHTS: [f32; 6] = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2];

impl LinearFit<'_> {
    /// The first tier's head with the vectors of `embedder` added. `first_said` is what the first tier says of the rows that this tier's folds hold out, in their
    /// order.
    pub(super) fn fit_on_top(
        &self,
        first: &FittedLinear,
        first_said: &HeldOut,
        embedder: usize,
    ) -> Result<FittedHead, TrainingError> {
        let vectors = CentredVectors::new(embedder, &self.weighed.set().vectors[embedder]);
        let mut best: Option<Candidate> = None;
        let mut tried = Vec::new();
        for cost in COSTS {
            let choice = Choice { cost, ..first.choice };
            let of_vectors = self.hold_out(&vectors, choice, Learns::Originals);
            for weight in WEIGHTS {
                let held_out = sum(first_said, &of_vectors, weight);
                let temperature = held_out.best_temperature();
                let loss = held_out.log_loss(temperature);
                tried.push(json!({"cost": cost, "weight": weight, "log_loss": round(loss)}));
                if best.as_ref().is_none_or(|best| loss < best.loss) {
                    best = Some(Candidate { loss, choice, weight, temperature, held_out });
                }
            }
        }
        let best = best.ok_or(TrainingError::Numeric("no second tier could be fitted"))?;
        let originals = self.data.originals(self.weighed.set());
        let of_vectors = self.margins(&vectors, &originals, best.choice);
        let margins: Vec<Margin> = first
            .margins
            .iter()
            .zip(of_vectors)
            .map(|(first, vectors)| Margin {
                weights: first.weights.iter().copied().chain(vectors.weights.iter().map(|w| w * best.weight)).collect(),
                intercept: first.intercept + best.weight * vectors.intercept,
            })
            .collect();
        let mut space = first.space.clone();
        space.vectors.push(vectors.input);
        let head = self.head(space, &margins, best.temperature)?;
        let metrics = json!({
            "cost": best.choice.cost,
            "weight": best.weight,
            "temperature": best.temperature,
            "tried": tried,
        });
        Ok(FittedHead { head, held_out: best.held_out, metrics })
    }
}

struct Candidate {
    loss: f64,
    choice: Choice,
    weight: f32,
    temperature: f32,
    held_out: HeldOut,
}

/// The first tier's scores with the vectors' added. Both list the same rows in the same order.
fn sum(first: &HeldOut, of_vectors: &HeldOut, weight: f32) -> HeldOut {
    debug_assert_eq!(first.rows, of_vectors.rows);
    let scores = first.scores.iter().zip(&of_vectors.scores).map(|(first, vectors)| first.plus(vectors, weight));
    HeldOut { scores: scores.collect(), ..first.clone() }
}
