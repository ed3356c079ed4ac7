//! Weights averaged over the points where they are looked at: what one noisy epoch did is not what is kept.

use super::options::Averaging;
use super::parameters::Parameters;

/// Values of all parameters.
pub(super) type Values = Vec<Vec<f32>>;

/// The points so far.
#[derive(Debug, Clone)]
pub(super) struct Average {
    kind: Averaging,
    /// One for a running mean, the last ones for a mean of them.
    pub(super) points: Vec<Values>,
}

impl Average {
    pub(super) fn new(kind: Averaging) -> Self {
        Self { kind, points: Vec::new() }
    }

    /// Takes the weights of one more point; gives the averaged ones, or `None` where they are taken as they are.
    pub(super) fn take(&mut self, parameters: &Parameters) -> Option<Values> {
        let now = || values(parameters);
        match self.kind {
            Averaging::None => None,
            Averaging::Ema(keep) => {
                match self.points.first_mut() {
                    None => self.points.push(now()),
                    Some(mean) => {
                        for (mean, one) in mean.iter_mut().zip(&parameters.all) {
                            mean.iter_mut().zip(&one.values).for_each(|(mean, x)| *mean += (1.0 - keep) * (x - *mean));
                        }
                    }
                }
                self.points.first().cloned()
            }
            Averaging::Last(most) => {
                self.points.push(now());
                if self.points.len() > most {
                    self.points.remove(0);
                }
                let share = 1.0 / self.points.len() as f32;
                let mut mean: Values = parameters.all.iter().map(|one| vec![0.0; one.values.len()]).collect();
                for point in &self.points {
                    for (mean, point) in mean.iter_mut().zip(point) {
                        mean.iter_mut().zip(point).for_each(|(mean, x)| *mean += share * x);
                    }
                }
                Some(mean)
            }
        }
    }
}

/// A copy of all values.
pub(super) fn values(parameters: &Parameters) -> Values {
    parameters.all.iter().map(|one| one.values.clone()).collect()
}

/// Puts values in the place of the parameters' own, and gives those.
pub(super) fn exchange(parameters: &mut Parameters, mut values: Values) -> Values {
    for (one, values) in parameters.all.iter_mut().zip(&mut values) {
        std::mem::swap(&mut one.values, values);
    }
    values
}
