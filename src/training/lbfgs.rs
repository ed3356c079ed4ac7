//! Where to go next when a loss is minimised by L-BFGS (Liu and Nocedal 1989). Knows no loss, and takes no step.

use std::collections::VecDeque;

/// The last steps, and how the slope changed with each.
pub(super) struct Past {
    most: usize,
    steps: VecDeque<(Vec<f32>, Vec<f32>, f64)>,
}

impl Past {
    /// None yet, and never more than so many.
    pub(super) fn new(most: usize) -> Self {
        Self { most, steps: VecDeque::with_capacity(most) }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// A step, and the slope on either side of it; one along which the slope does not rise is forgotten.
    pub(super) fn remember(&mut self, from: &[f32], to: &[f32], slope_from: &[f32], slope_to: &[f32]) {
        let moved: Vec<f32> = to.iter().zip(from).map(|(to, from)| to - from).collect();
        let turned: Vec<f32> = slope_to.iter().zip(slope_from).map(|(to, from)| to - from).collect();
        let curvature = dot(&moved, &turned);
        if curvature > 0.0 && curvature.is_finite() {
            if self.steps.len() == self.most {
                self.steps.pop_front();
            }
            self.steps.push_back((moved, turned, curvature));
        }
    }

    /// The two loops of Nocedal: minus the inverse of the curvature seen so far, times the slope.
    pub(super) fn direction(&self, slope: &[f32]) -> Vec<f32> {
        let mut direction: Vec<f32> = slope.iter().map(|x| -x).collect();
        let mut shares = Vec::with_capacity(self.steps.len());
        for (moved, turned, curvature) in self.steps.iter().rev() {
            let share = dot(moved, &direction) / curvature;
            add(&mut direction, turned, -share);
            shares.push(share);
        }
        if let Some((_, turned, curvature)) = self.steps.back() {
            let scale = (curvature / dot(turned, turned).max(f64::MIN_POSITIVE)) as f32;
            direction.iter_mut().for_each(|x| *x *= scale);
        }
        for ((moved, turned, curvature), share) in self.steps.iter().zip(shares.into_iter().rev()) {
            let back = dot(turned, &direction) / curvature;
            add(&mut direction, moved, share - back);
        }
        direction
    }
}

pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn add(to: &mut [f32], what: &[f32], times: f64) {
    to.iter_mut().zip(what).for_each(|(to, x)| *to += times as f32 * x);
}
