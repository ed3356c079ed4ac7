//! How to fine-tune. The defaults are the recipe that a small encoder learns task labels well by; every option that decides the weights is part of a
//! run's fingerprint.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::FineTuneError;

/// What rare labels weigh beside frequent ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassWeights {
    /// Every row the same.
    None,
    /// Between: the root of what would make every label the same.
    #[default]
    Sqrt,
    /// Every label the same.
    Balanced,
}

/// Whether weights are averaged over the points where they are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Averaging {
    /// The weights as they are.
    #[default]
    None,
    /// A running mean that keeps this share of itself.
    Ema(f32),
    /// The mean of so many last points.
    Last(usize),
}

/// Where the arithmetic runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrainingDevice {
    /// The processor, by kernels of our own.
    #[default]
    Cpu,
    /// The processor, by candle's plain operations: what the kernels are compared with.
    CpuByCandle,
    /// The first CUDA device.
    Cuda,
}

/// Where a run is kept so that it can go on after a kill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointOptions {
    /// The file.
    pub path: PathBuf,
    /// Written after so many steps; 0 for never by steps.
    pub every_steps: usize,
    /// Written after so many seconds; 0 for never by time.
    pub every_seconds: u64,
    /// Whether a file that is there is gone on from. Otherwise it is refused.
    pub resume: bool,
}

/// How to fine-tune.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FineTuneOptions {
    /// Times that every row is learnt from.
    pub epochs: usize,
    /// Rows of a step.
    pub batch: usize,
    /// Learning rate of the encoder.
    pub encoder_rate: f64,
    /// Learning rate of the heads.
    pub head_rate: f64,
    /// Share of a weight that is taken off for every unit of learning rate; biases and normalisations keep theirs.
    pub weight_decay: f64,
    /// Share of the numbers that is dropped while learning.
    pub dropout: f32,
    /// Share of a label's probability that is spread over all labels.
    pub smoothing: f32,
    /// What rare labels weigh.
    pub class_weights: ClassWeights,
    /// Weight of the auxiliary labels' loss.
    pub auxiliary_weight: f32,
    /// Share of the steps in which the learning rate rises.
    pub warm_up: f64,
    /// The longest that all gradients together may be; 0 for any.
    pub clip: f64,
    /// How often the validation rows are looked at in an epoch.
    pub evaluations_per_epoch: usize,
    /// Looks without a better one after which learning ends; 0 for never.
    pub patience: usize,
    /// Whether weights are averaged over these looks.
    pub averaging: Averaging,
    /// Seed of new heads, order and dropout.
    pub seed: u64,
    /// Where the arithmetic runs.
    pub device: TrainingDevice,
    /// Where the run is kept.
    #[serde(skip)]
    pub checkpoint: Option<CheckpointOptions>,
}

impl Default for FineTuneOptions {
    fn default() -> Self {
        Self {
            epochs: 5,
            batch: 32,
            encoder_rate: 1e-4,
            head_rate: 2e-3,
            weight_decay: 0.01,
            dropout: 0.1,
            smoothing: 0.05,
            class_weights: ClassWeights::Sqrt,
            auxiliary_weight: 0.5,
            warm_up: 0.1,
            clip: 1.0,
            evaluations_per_epoch: 1,
            patience: 0,
            averaging: Averaging::None,
            seed: 0,
            device: TrainingDevice::Cpu,
            checkpoint: None,
        }
    }
}

impl FineTuneOptions {
    /// Refuses what makes no sense, by its name.
    pub(super) fn check(&self) -> Result<(), FineTuneError> {
        let refuse = |option, value: String, expected| Err(FineTuneError::Option { option, value, expected });
        for (option, value) in
            [("epochs", self.epochs), ("batch", self.batch), ("evaluations per epoch", self.evaluations_per_epoch)]
        {
            if value == 0 {
                return refuse(option, value.to_string(), "at least 1 is needed");
            }
        }
        for (option, value) in [("encoder rate", self.encoder_rate), ("head rate", self.head_rate)] {
            if !(value > 0.0 && value < 1.0) {
                return refuse(
                    option,
                    value.to_string(),
                    "a learning rate lies between 0 and 1, and mostly below 0.01",
                );
            }
        }
        let shares = [
            ("dropout", f64::from(self.dropout)),
            ("smoothing", f64::from(self.smoothing)),
            ("warm-up", self.warm_up),
            ("weight decay", self.weight_decay),
        ];
        for (option, value) in shares {
            if !(0.0..1.0).contains(&value) {
                return refuse(option, value.to_string(), "a share from 0 to below 1 is needed");
            }
        }
        if !self.auxiliary_weight.is_finite() || self.auxiliary_weight < 0.0 {
            return refuse("auxiliary weight", self.auxiliary_weight.to_string(), "0 or more is needed");
        }
        if !self.clip.is_finite() || self.clip < 0.0 {
            return refuse("clip", self.clip.to_string(), "0 or more is needed");
        }
        match self.averaging {
            Averaging::Ema(keep) if !(0.0..1.0).contains(&keep) => {
                refuse("averaging", keep.to_string(), "a running mean keeps a share from 0 to below 1")
            }
            Averaging::Last(0) => refuse("averaging", "0".into(), "a mean needs at least 1 point"),
            _ => Ok(()),
        }
    }
}

impl ClassWeights {
    /// A weight for each label, so that all rows together weigh as much as they are. Labels without rows weigh 1.
    pub(super) fn of(self, labels: impl Iterator<Item = usize>, count: usize) -> Vec<f32> {
        let mut rows = vec![0usize; count];
        labels.for_each(|label| rows[label] += 1);
        let all: usize = rows.iter().sum();
        let power = match self {
            Self::None => return vec![1.0; count],
            Self::Sqrt => 0.5,
            Self::Balanced => 1.0,
        };
        let raw = |rows: usize| libm::pow(all as f64 / (count * rows.max(1)) as f64, power);
        let weighed: f64 = rows.iter().map(|rows| *rows as f64 * raw(*rows)).sum();
        rows.iter()
            .map(
                |rows| if *rows == 0 { 1.0 } else { (raw(*rows) * all as f64 / weighed.max(f64::MIN_POSITIVE)) as f32 },
            )
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_labels_weigh_more_and_all_rows_as_much_as_they_are() {
        let labels = || [vec![0; 90], vec![1; 10]].concat().into_iter();
        assert_eq!(ClassWeights::None.of(labels(), 3), [1.0; 3]);
        for (weights, ratio) in [(ClassWeights::Sqrt, 3.0), (ClassWeights::Balanced, 9.0)] {
            let of_labels = weights.of(labels(), 3);
            assert!((of_labels[1] / of_labels[0] - ratio).abs() < 1e-4, "{of_labels:?}");
            assert!((90.0 * of_labels[0] + 10.0 * of_labels[1] - 100.0).abs() < 1e-3);
            assert_eq!(of_labels[2], 1.0);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let refused = |change: fn(&mut FineTuneOptions)| {
            let mut options = FineTuneOptions::default();
            change(&mut options);
            options.check().unwrap_err().to_string()
        };
        assert!(FineTuneOptions::default().check().is_ok());
        assert_eq!(refused(|options| options.epochs = 0), "epochs is 0; at least 1 is needed");
        assert!(refused(|options| options.dropout = 1.0).starts_with("dropout is 1;"));
        assert!(refused(|options| options.encoder_rate = f64::NAN).starts_with("encoder rate is NaN;"));
        assert!(refused(|options| options.averaging = Averaging::Last(0)).starts_with("averaging is 0;"));
    }
}
