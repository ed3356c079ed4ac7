//! A linear map over a feature space: one score an output. n-gram weights are kept as signed bytes with one scale an output,
//! because they are many and each says little. Pure.

use super::Features;
use super::feature_space::{FeatureSpace, WeighedNgrams};
use super::lexical::BUCKETS;

/// Weights of `outputs` scores.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearMap {
    outputs: usize,
    space: FeatureSpace,
    /// `BUCKETS * outputs`, a bucket's weights together.
    lexical: Vec<i8>,
    /// What one step of an output's lexical weights is worth.
    lexical_steps: Vec<f32>,
    /// `dense_columns * outputs`, a column's weights together.
    dense: Vec<f32>,
    intercepts: Vec<f32>,
}

impl LinearMap {
    /// Puts the parts together; the message says what does not fit.
    pub fn new(
        space: FeatureSpace,
        lexical: Vec<i8>,
        lexical_steps: Vec<f32>,
        dense: Vec<f32>,
        intercepts: Vec<f32>,
    ) -> Result<Self, String> {
        space.check()?;
        let outputs = intercepts.len();
        for (name, found, expected) in [
            ("lexical weights", lexical.len(), BUCKETS * outputs),
            ("lexical steps", lexical_steps.len(), outputs),
            ("dense weights", dense.len(), space.dense_columns() * outputs),
        ] {
            if found != expected {
                return Err(format!("{found} {name}, expected {expected}"));
            }
        }
        let finite = [&lexical_steps, &dense, &intercepts].into_iter().flatten().all(|x| x.is_finite());
        if !finite {
            return Err("a weight is not a finite number".into());
        }
        Ok(Self { outputs, space, lexical, lexical_steps, dense, intercepts })
    }

    /// Rounds n-gram weights (`BUCKETS * outputs`, a bucket's together) to bytes: symmetric, the largest weight of an output is 127
    /// steps.
    pub fn quantise(lexical: &[f32], outputs: usize) -> (Vec<i8>, Vec<f32>) {
        let mut most = vec![0.0f32; outputs];
        for of_bucket in lexical.chunks_exact(outputs.max(1)) {
            most.iter_mut().zip(of_bucket).for_each(|(most, weight)| *most = most.max(weight.abs()));
        }
        let steps: Vec<f32> = most.iter().map(|most| most / 127.0).collect();
        let bytes = lexical
            .chunks_exact(outputs.max(1))
            .flat_map(|of_bucket| {
                of_bucket
                    .iter()
                    .zip(&steps)
                    .map(|(weight, step)| if *step > 0.0 { (weight / step).round() as i8 } else { 0 })
            })
            .collect();
        (bytes, steps)
    }

    /// Renumbers the embedders it reads.
    pub(super) fn replace_embedders(&mut self, mut place: impl FnMut(usize) -> usize) {
        self.space.vectors.iter_mut().for_each(|input| input.embedder = place(input.embedder));
    }

    /// How many scores it gives.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The numbers it reads.
    pub fn space(&self) -> &FeatureSpace {
        &self.space
    }

    /// n-gram weights in steps.
    pub fn lexical(&self) -> &[i8] {
        &self.lexical
    }

    /// What a step is worth.
    pub fn lexical_steps(&self) -> &[f32] {
        &self.lexical_steps
    }

    /// Weights of the dense columns.
    pub fn dense(&self) -> &[f32] {
        &self.dense
    }

    /// What each score is without any feature.
    pub fn intercepts(&self) -> &[f32] {
        &self.intercepts
    }

    /// The scores of one prompt.
    pub(super) fn scores_of(&self, features: &Features, ngrams: &mut WeighedNgrams) -> Vec<f32> {
        self.scores(ngrams.of(&self.space, features), &self.space.dense(features))
    }

    /// The scores of one prompt, from its n-grams and its dense columns in the map's space.
    pub fn scores(&self, lexical: &[(u32, f32)], dense: &[f32]) -> Vec<f32> {
        let outputs = self.outputs;
        let mut scores = vec![0.0f32; outputs];
        for &(bucket, value) in lexical {
            let at = bucket as usize * outputs;
            let weights = &self.lexical[at..at + outputs];
            scores.iter_mut().zip(weights).for_each(|(score, weight)| *score += value * f32::from(*weight));
        }
        scores.iter_mut().zip(&self.lexical_steps).for_each(|(score, step)| *score *= step);
        for (value, weights) in dense.iter().zip(self.dense.chunks_exact(outputs.max(1))) {
            scores.iter_mut().zip(weights).for_each(|(score, weight)| *score += value * weight);
        }
        scores.iter_mut().zip(&self.intercepts).for_each(|(score, intercept)| *score += intercept);
        scores
    }

    /// What one n-gram bucket adds to an output for a value of 1.
    pub fn lexical_weight(&self, bucket: u32, output: usize) -> f32 {
        f32::from(self.lexical[bucket as usize * self.outputs + output]) * self.lexical_steps[output]
    }

    /// What one dense column adds to an output for a value of 1.
    pub fn dense_weight(&self, column: usize, output: usize) -> f32 {
        self.dense[column * self.outputs + output]
    }
}
