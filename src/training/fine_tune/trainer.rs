//! The run: epochs of batches, looks at the validation rows between them, the best weights kept, a checkpoint from time to time. The same rows, base,
//! options and seed give the same weights bit for bit, however often the run was cut off and gone on with, and on however many threads.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use super::averaging::{self, Average, Values};
use super::batch;
use super::checkpoint::{self, Numbers, Position, RunFingerprint, Snapshot};
use super::encoder::DropoutPlan;
use super::error::FineTuneError;
use super::evaluate::{Evaluation, evaluate};
use super::heads::LossSettings;
use super::network::Network;
use super::optimiser::{Moments, Rates};
use super::options::FineTuneOptions;
use super::parameters::Group;
use super::rows::{FineTuneRow, HeadKind, Targets, hash_rows};
use super::tuned::FineTuned;
use crate::random::SplitMix64;

/// Rows below which nothing can be learnt.
const LEAST_ROWS: usize = 2;

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// Steps taken.
    pub step: usize,
    /// Steps in all, where it does not stop early.
    pub steps: usize,
    /// Loss of the last step.
    pub loss: f64,
    /// Seconds that the steps left will take at the speed so far.
    pub seconds_left: f64,
    /// The look at the validation rows that was just taken, if one was.
    pub evaluation: Option<&'a Evaluation>,
}

/// What is learnt from, and what is looked at.
#[derive(Debug, Clone, Copy)]
pub struct FineTuneRows<'a> {
    /// Learnt from.
    pub training: &'a [FineTuneRow],
    /// Looked at for early stopping; may be empty.
    pub validation: &'a [FineTuneRow],
    /// Heads.
    pub targets: Targets,
}

/// Trains the encoder of a model folder further, together with new heads, and gives the weights that did best on the validation rows (the last ones where
/// there are none). The folder is not changed. `progress` is told of every step and may end the run: it is then kept in the checkpoint, if there is one,
/// and the error is [`FineTuneError::Cancelled`].
///
/// # Errors
/// Options, rows or a base folder that do not fit, each by its name; a checkpoint that belongs to another run; a loss that is no number.
pub fn fine_tune(
    base: &Path,
    rows: FineTuneRows<'_>,
    options: &FineTuneOptions,
    progress: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
) -> Result<FineTuned, FineTuneError> {
    options.check()?;
    if rows.training.len() < LEAST_ROWS {
        return Err(FineTuneError::TooFewRows { rows: rows.training.len(), least: LEAST_ROWS });
    }
    let mut random = SplitMix64::new(options.seed);
    let network = Network::load(base, rows.targets, options.device, &mut random)?;
    for of_kind in [rows.training, rows.validation] {
        rows.targets.check(of_kind, network.vocabulary())?;
        if let Some(row) = of_kind.iter().position(|row| row.texts().any(|text| text.len() > network.most_tokens())) {
            return Err(FineTuneError::Row {
                row,
                what: "it has more tokens than the base model has positions; cut it",
            });
        }
    }
    let run = fingerprint(&network, &rows, options);
    let mut run = Run::begin(network, rows, options, run, &random);
    run.resume()?;
    run.go(progress)
}

fn fingerprint(network: &Network, rows: &FineTuneRows<'_>, options: &FineTuneOptions) -> RunFingerprint {
    let mut data = blake3::Hasher::new();
    hash_rows(&mut data, rows.training);
    hash_rows(&mut data, rows.validation);
    let mut base = blake3::Hasher::new();
    for one in network.parameters.all.iter().filter(|one| one.group == Group::Encoder) {
        let mut bytes = Vec::with_capacity(one.values.len() * 4);
        one.values.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
        base.update(&bytes);
    }
    let hex = |hasher: &blake3::Hasher| hasher.finalize().to_hex().to_string();
    let options = serde_json::to_vec(options).unwrap_or_default();
    let options = blake3::Hasher::new().update(&options).update(format!("{:?}", rows.targets).as_bytes()).finalize();
    RunFingerprint { options: options.to_hex().to_string(), data: hex(&data), base: hex(&base) }
}

/// A run under way.
struct Run<'a> {
    network: Network,
    rows: FineTuneRows<'a>,
    options: &'a FineTuneOptions,
    settings: LossSettings,
    rates: Rates,
    moments: Moments,
    average: Average,
    best: Option<Values>,
    position: Position,
    lengths: Vec<usize>,
}

impl<'a> Run<'a> {
    fn begin(
        network: Network,
        rows: FineTuneRows<'a>,
        options: &'a FineTuneOptions,
        run: RunFingerprint,
        random: &SplitMix64,
    ) -> Self {
        let class_weights = HeadKind::ALL.map(|kind| {
            let labels = match kind {
                HeadKind::Quality => 0,
                HeadKind::Complexity => rows.targets.complexities,
                kind => rows.targets.outputs(kind),
            };
            options.class_weights.of(rows.training.iter().filter_map(|row| row.label(kind)), labels)
        });
        let settings = LossSettings {
            targets: rows.targets,
            class_weights,
            smoothing: options.smoothing,
            auxiliary_weight: options.auxiliary_weight,
        };
        let steps = options.epochs * rows.training.len().div_ceil(options.batch);
        let rates = Rates {
            encoder: options.encoder_rate,
            head: options.head_rate,
            weight_decay: options.weight_decay,
            clip: options.clip,
            warm_up: ((steps as f64 * options.warm_up).round() as usize).max(1),
            steps,
        };
        let moments = Moments::new(&network.parameters);
        let average = Average::new(options.averaging);
        let position = Position::begin(run, random.state());
        let lengths = rows.training.iter().map(|row| row.tokens.len()).collect();
        Self { network, rows, options, settings, rates, moments, average, best: None, position, lengths }
    }

    /// Goes on from the checkpoint, where there is one.
    fn resume(&mut self) -> Result<(), FineTuneError> {
        let Some(checkpoint) = &self.options.checkpoint else { return Ok(()) };
        let path = &checkpoint.path;
        let found = checkpoint::read(path, &self.position.run, &self.network.parameters)?;
        let Some((position, numbers)) = found else { return Ok(()) };
        if !checkpoint.resume {
            let message = "a run was begun here and can be gone on with; resume it, or delete the file to begin anew";
            return Err(FineTuneError::Checkpoint { path: path.display().to_string(), message: message.into() });
        }
        let Numbers { values, means, squares, best, average } = numbers;
        averaging::exchange(&mut self.network.parameters, values);
        self.moments = Moments { mean: means, square: squares };
        self.average.points = average;
        self.best = best;
        self.position = position;
        self.network.changed()
    }

    fn go(mut self, progress: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>) -> Result<FineTuned, FineTuneError> {
        let clock = Clock::start(self.position.step);
        let mut written = Instant::now();
        while self.position.epoch < self.options.epochs && !self.is_stale() {
            let mut order = SplitMix64::new(self.position.epoch_random);
            let batches = batch::epoch(&self.lengths, self.options.batch, &mut order);
            if self.position.batch == 0 {
                self.position.random = order.state();
            }
            while self.position.batch < batches.len() {
                let loss = self.step(&batches[self.position.batch])?;
                let at = self.position.batch;
                self.position.batch += 1;
                let look = self.looks_after(at, batches.len());
                if look {
                    self.look()?;
                }
                if self.position.batch == batches.len() {
                    self.position.epoch += 1;
                    self.position.batch = 0;
                    self.position.epoch_random = self.position.random;
                }
                let told = Progress {
                    step: self.position.step,
                    steps: self.rates.steps,
                    loss,
                    seconds_left: clock.seconds_left(self.position.step, self.rates.steps),
                    evaluation: self.position.history.last().filter(|_| look),
                };
                let cancelled = progress(&told).is_break();
                if cancelled || self.is_due(written.elapsed()) {
                    self.write()?;
                    written = Instant::now();
                }
                if cancelled {
                    return Err(FineTuneError::Cancelled { step: self.position.step, steps: self.rates.steps });
                }
                if self.position.batch == 0 || self.is_stale() {
                    break;
                }
            }
        }
        // What is done with the weights takes minutes more, and a run that is over is gone on with as one that is not.
        self.write()?;
        self.finish()
    }

    /// Learns from one batch.
    fn step(&mut self, batch: &[usize]) -> Result<f64, FineTuneError> {
        // Each row begins at another turn, so that every epoch reads some as they are.
        let read = batch.iter().map(|row| self.rows.training[*row].at_turn(self.position.epoch + row));
        let read: Vec<Cow<'_, FineTuneRow>> = read.collect();
        let rows: Vec<&FineTuneRow> = read.iter().map(AsRef::as_ref).collect();
        let mut random = SplitMix64::new(self.position.random);
        let dropout = DropoutPlan { rate: self.options.dropout, seed: random.next() };
        self.position.random = random.state();
        let learnt = self.network.learn(&rows, &self.settings, dropout)?;
        if !learnt.loss.is_finite() {
            return Err(FineTuneError::Diverged { step: self.position.step });
        }
        let step = self.position.step;
        self.moments.step(&mut self.network.parameters, learnt.gradients, &self.rates, step);
        self.network.changed()?;
        self.position.step += 1;
        self.position.loss_sum += learnt.loss;
        self.position.loss_steps += 1;
        Ok(learnt.loss)
    }

    /// Whether the validation rows are looked at after this batch: so often an epoch, the last time at its end.
    fn looks_after(&self, batch: usize, batches: usize) -> bool {
        let looks = self.options.evaluations_per_epoch.min(batches);
        (batch + 1) * looks / batches > batch * looks / batches
    }

    fn look(&mut self) -> Result<(), FineTuneError> {
        let averaged = self.average.take(&self.network.parameters);
        let own = averaged.map(|averaged| averaging::exchange(&mut self.network.parameters, averaged));
        self.network.changed()?;
        let training_loss = self.position.loss_sum / self.position.loss_steps.max(1) as f64;
        let (validation, targets) = (self.rows.validation, &self.rows.targets);
        let found = evaluate(&self.network, validation, targets, self.position.step, training_loss)?;
        let is_better = self.position.best.as_ref().is_none_or(|best| found.score > best.score);
        if is_better || validation.is_empty() {
            self.best = Some(averaging::values(&self.network.parameters));
            self.position.best = Some(found.clone());
            self.position.stale = 0;
        } else {
            self.position.stale += 1;
        }
        self.position.history.push(found);
        (self.position.loss_sum, self.position.loss_steps) = (0.0, 0);
        if let Some(own) = own {
            averaging::exchange(&mut self.network.parameters, own);
        }
        self.network.changed()
    }

    fn is_stale(&self) -> bool {
        self.options.patience > 0 && self.position.stale >= self.options.patience
    }

    fn is_due(&self, since: Duration) -> bool {
        let Some(checkpoint) = &self.options.checkpoint else { return false };
        let by_steps = checkpoint.every_steps > 0 && self.position.step.is_multiple_of(checkpoint.every_steps);
        by_steps || (checkpoint.every_seconds > 0 && since.as_secs() >= checkpoint.every_seconds)
    }

    fn write(&self) -> Result<(), FineTuneError> {
        let Some(checkpoint) = &self.options.checkpoint else { return Ok(()) };
        let snapshot = Snapshot {
            position: &self.position,
            parameters: &self.network.parameters,
            means: &self.moments.mean,
            squares: &self.moments.square,
            best: self.best.as_ref(),
            average: &self.average.points,
        };
        snapshot.write(&checkpoint.path)
    }

    fn finish(mut self) -> Result<FineTuned, FineTuneError> {
        if let Some(best) = self.best.take() {
            averaging::exchange(&mut self.network.parameters, best);
            self.network.changed()?;
        }
        Ok(FineTuned { network: self.network, best: self.position.best, history: self.position.history })
    }
}

/// How fast the run is.
struct Clock {
    started: Instant,
    first: usize,
}

impl Clock {
    fn start(first: usize) -> Self {
        Self { started: Instant::now(), first }
    }

    fn seconds_left(&self, step: usize, steps: usize) -> f64 {
        let taken = step.saturating_sub(self.first).max(1) as f64;
        self.started.elapsed().as_secs_f64() / taken * steps.saturating_sub(step) as f64
    }
}
