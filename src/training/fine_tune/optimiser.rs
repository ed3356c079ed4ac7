//! One step of learning: gradients clipped by their common length, then Adam with decoupled weight decay (Loshchilov and Hutter 2019), the learning rate
//! warmed up and brought down in a straight line. On the processor, shared among threads by numbers; every sum has a fixed order.

use rayon::prelude::*;

use super::parameters::{Group, Parameters};

const MEAN_DECAY: f64 = 0.9;
const SQUARE_DECAY: f64 = 0.999;
const EPSILON: f64 = 1e-8;
/// What keeps the clipping of no gradient at all from dividing by nothing.
const CLIP_EPSILON: f64 = 1e-6;
/// Numbers of one task.
const NUMBERS_A_TASK: usize = 64 * 1024;

/// Learning rates and how they change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    pub(super) encoder: f64,
    pub(super) head: f64,
    pub(super) weight_decay: f64,
    /// Longest gradient; 0 for any.
    pub(super) clip: f64,
    /// Steps until the rate is whole.
    pub(super) warm_up: usize,
    /// Steps in all.
    pub(super) steps: usize,
}

impl Rates {
    /// The part of the learning rate that a step has, counted from 0.
    pub(super) fn factor(&self, step: usize) -> f64 {
        if step < self.warm_up {
            return (step + 1) as f64 / self.warm_up as f64;
        }
        let left = self.steps.saturating_sub(step) as f64;
        left / (self.steps.saturating_sub(self.warm_up)).max(1) as f64
    }
}

/// Running means of gradients and of their squares, one of each for every parameter.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    pub(super) mean: Vec<Vec<f32>>,
    pub(super) square: Vec<Vec<f32>>,
}

impl Moments {
    pub(super) fn new(parameters: &Parameters) -> Self {
        let zeros: Vec<Vec<f32>> = parameters.all.iter().map(|one| vec![0.0; one.values.len()]).collect();
        Self { mean: zeros.clone(), square: zeros }
    }

    /// Takes step number `step`, counted from 0. A gradient that is empty counts as zeros.
    pub(super) fn step(
        &mut self,
        parameters: &mut Parameters,
        mut gradients: Vec<Vec<f32>>,
        rates: &Rates,
        step: usize,
    ) {
        let shrink = clip_factor(&gradients, rates.clip);
        let count = step as i32 + 1;
        let bias = (1.0 - MEAN_DECAY.powi(count), (1.0 - SQUARE_DECAY.powi(count)).sqrt());
        for (at, one) in parameters.all.iter_mut().enumerate() {
            let rate = rates.factor(step) * if one.group == Group::Encoder { rates.encoder } else { rates.head };
            let decay = if one.decays() { rates.weight_decay } else { 0.0 };
            let update =
                Update { keep: (1.0 - rate * decay) as f32, rate: (rate / bias.0) as f32, root: bias.1 as f32, shrink };
            let gradient = &mut gradients[at];
            gradient.resize(one.values.len(), 0.0);
            one.values
                .par_chunks_mut(NUMBERS_A_TASK)
                .zip(self.mean[at].par_chunks_mut(NUMBERS_A_TASK))
                .zip(self.square[at].par_chunks_mut(NUMBERS_A_TASK))
                .zip(gradient.par_chunks(NUMBERS_A_TASK))
                .for_each(|(((values, means), squares), gradient)| update.apply(values, means, squares, gradient));
        }
    }
}

struct Update {
    keep: f32,
    rate: f32,
    /// Root of the squares' bias.
    root: f32,
    shrink: f32,
}

impl Update {
    fn apply(&self, values: &mut [f32], means: &mut [f32], squares: &mut [f32], gradient: &[f32]) {
        let (kept, kept_square) = (MEAN_DECAY as f32, SQUARE_DECAY as f32);
        for (((value, mean), square), gradient) in values.iter_mut().zip(means).zip(squares).zip(gradient) {
            let gradient = gradient * self.shrink;
            *mean = kept * *mean + (1.0 - MEAN_DECAY) as f32 * gradient;
            *square = kept_square * *square + (1.0 - SQUARE_DECAY) as f32 * gradient * gradient;
            *value = self.keep * *value - self.rate * *mean / (square.sqrt() / self.root + EPSILON as f32);
        }
    }
}

/// What all gradients are multiplied with, so that together they are no longer than `most`.
fn clip_factor(gradients: &[Vec<f32>], most: f64) -> f32 {
    if most <= 0.0 {
        return 1.0;
    }
    (most / (length(gradients) + CLIP_EPSILON)).min(1.0) as f32
}

/// Of all gradients together.
pub(super) fn length(gradients: &[Vec<f32>]) -> f64 {
    let of_one = |gradient: &Vec<f32>| {
        let shares: Vec<f64> = gradient
            .par_chunks(NUMBERS_A_TASK)
            .map(|share| share.iter().map(|x| f64::from(*x) * f64::from(*x)).sum())
            .collect();
        shares.iter().sum::<f64>()
    };
    gradients.iter().map(of_one).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_in_a_line_and_falls_in_a_line() {
        let rates = Rates { encoder: 1.0, head: 1.0, weight_decay: 0.0, clip: 0.0, warm_up: 4, steps: 12 };
        let factors: Vec<f64> = (0..12).map(|step| rates.factor(step)).collect();
        assert_eq!(factors[..5], [0.25, 0.5, 0.75, 1.0, 1.0]);
        assert_eq!(factors[5..], [0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]);
    }

    #[test]
    fn gradients_are_clipped_by_their_common_length() {
        let gradients = vec![vec![3.0, 0.0], vec![4.0]];
        assert_eq!(length(&gradients), 5.0);
        assert!((clip_factor(&gradients, 1.0) - 0.2).abs() < 1e-6);
        assert_eq!(clip_factor(&gradients, 10.0), 1.0);
        assert_eq!(clip_factor(&gradients, 0.0), 1.0);
    }
}
