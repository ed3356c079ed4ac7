//! Encoder, heads and their weights together: the gradient of a batch, and what the network says of texts. Runs the encoder by this room's kernels, or by
//! candle's plain operations where those are asked for.

use std::path::Path;

use candle_core::{Device, Tensor, Var};

use crate::embedder::TrainableEncoder;
use crate::random::SplitMix64;

use super::batch::TokenBatch;
use super::encoder::{DropoutPlan, Encoder};
use super::error::FineTuneError;
use super::heads::{HeadTensors, LossSettings, scaled};
use super::kernels::{Dropout, Processor};
use super::options::TrainingDevice;
use super::parameters::{Group, Parameters};
use super::plain::PlainEncoder;
use super::rows::{FineTuneRow, HeadKind, Targets};

/// A network that learns.
pub(super) struct Network {
    encoder: Encoder,
    pub(super) parameters: Parameters,
    targets: Targets,
    most_tokens: usize,
    way: Way,
}

enum Way {
    Kernels,
    /// The same numbers as in the parameters, where candle computes with them.
    Plain(Device, Vec<Var>),
}

/// What a batch says: the mean loss, and a gradient for each parameter.
pub(super) struct Learnt {
    pub(super) loss: f64,
    pub(super) gradients: Vec<Vec<f32>>,
}

/// What the network says of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The pooled vector as the heads read it.
    pub vector: Vec<f32>,
    /// A score for each task before softmax; empty without that head.
    pub task: Vec<f32>,
    /// The same of auxiliary labels.
    pub auxiliary: Vec<f32>,
    /// A score for each step of the scale before the sigmoid.
    pub complexity: Vec<f32>,
    /// A score for each model before the sigmoid.
    pub quality: Vec<f32>,
}

impl Said {
    pub(super) fn of(&self, kind: HeadKind) -> &[f32] {
        match kind {
            HeadKind::Task => &self.task,
            HeadKind::Auxiliary => &self.auxiliary,
            HeadKind::Complexity => &self.complexity,
            HeadKind::Quality => &self.quality,
        }
    }
}

impl Network {
    pub(super) fn load(
        folder: &Path,
        targets: Targets,
        device: TrainingDevice,
        random: &mut SplitMix64,
    ) -> Result<Self, FineTuneError> {
        let mut base = TrainableEncoder::open(folder)?;
        let parameters = Parameters::load(&mut base, &targets, random)?;
        let encoder = Encoder { cpu: Processor::new(), shape: base.shape, pooling: base.pooling };
        let way = match device {
            TrainingDevice::Cpu => Way::Kernels,
            TrainingDevice::CpuByCandle => Way::Plain(Device::Cpu, Vec::new()),
            TrainingDevice::Cuda if cfg!(feature = "cuda") => Way::Plain(Device::new_cuda(0)?, Vec::new()),
            TrainingDevice::Cuda => {
                let message = "device cuda: this semroute was built without it; build with --features cuda, or train on the processor";
                return Err(FineTuneError::Device(message.into()));
            }
        };
        let mut network = Self { encoder, parameters, targets, most_tokens: base.max_tokens, way };
        network.changed()?;
        Ok(network)
    }

    /// Rows of its table of words.
    pub(super) fn vocabulary(&self) -> usize {
        self.encoder.shape.vocabulary
    }

    /// The most tokens of a text that have a position.
    pub(super) fn most_tokens(&self) -> usize {
        self.most_tokens
    }

    /// To be called when the parameters were changed.
    pub(super) fn changed(&mut self) -> Result<(), FineTuneError> {
        let Way::Plain(device, vars) = &mut self.way else { return Ok(()) };
        let tensor = |one: &super::parameters::Parameter| {
            Tensor::from_slice(&one.values, one.shape.as_slice(), device).and_then(|tensor| Var::from_tensor(&tensor))
        };
        *vars = self.parameters.all.iter().map(tensor).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// The loss of some rows and its gradient.
    pub(super) fn learn(
        &self,
        rows: &[&FineTuneRow],
        settings: &LossSettings,
        dropout: DropoutPlan,
    ) -> Result<Learnt, FineTuneError> {
        let batch = self.batch(rows);
        let mut gradients = self.parameters.no_gradients();
        let drops = self.pooled_factors(rows.len(), dropout.of_pooled());
        let loss = match &self.way {
            Way::Kernels => {
                let (pooled, trace) = self.encoder.forward(&self.parameters, &batch, dropout);
                let pooled = Var::from_vec(pooled, (rows.len(), self.encoder.shape.hidden), &Device::Cpu)?;
                let vars = self.head_vars()?;
                let input = dropped(scaled(&pooled)?, drops)?;
                let Some(loss) = settings.loss(&input, &self.head_tensors(&vars), rows)? else {
                    return Ok(Learnt { loss: 0.0, gradients });
                };
                let found = loss.backward()?;
                for (at, var) in vars.iter().enumerate() {
                    gradients[self.parameters.heads() + at] = numbers(found.get(var))?;
                }
                let of_pooled = numbers(found.get(&pooled))?;
                self.encoder.backward(&self.parameters, &batch, dropout, trace, &of_pooled, &mut gradients);
                loss
            }
            Way::Plain(device, vars) => {
                let weights: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
                let pooled = self.plain(&weights).pooled(&batch, dropout)?;
                let drops = drops.map(|drops| drops.to_device(device)).transpose()?;
                let input = dropped(scaled(&pooled)?, drops)?;
                let heads = self.head_tensors(&vars[self.parameters.heads()..]);
                let Some(loss) = settings.loss(&input, &heads, rows)? else {
                    return Ok(Learnt { loss: 0.0, gradients });
                };
                let found = loss.backward()?;
                for (gradient, var) in gradients.iter_mut().zip(vars) {
                    *gradient = numbers(found.get(var))?;
                }
                loss
            }
        };
        Ok(Learnt { loss: f64::from(loss.to_scalar::<f32>()?), gradients })
    }

    /// What is said of some rows, without dropout, in their order.
    pub(super) fn say(&self, rows: &[&FineTuneRow]) -> Result<Vec<Said>, FineTuneError> {
        let (batch, hidden) = (self.batch(rows), self.encoder.shape.hidden);
        let pooled = match &self.way {
            Way::Kernels => {
                Tensor::from_vec(self.encoder.pooled(&self.parameters, &batch), (rows.len(), hidden), &Device::Cpu)?
            }
            Way::Plain(_, vars) => {
                let weights: Vec<Tensor> = vars.iter().map(|var| var.as_detached_tensor()).collect();
                self.plain(&weights).pooled(&batch, DropoutPlan::NONE)?.to_device(&Device::Cpu)?
            }
        };
        let input = scaled(&pooled)?;
        let vars = self.head_vars()?;
        let mut scores = [const { Vec::new() }; 4];
        for head in self.head_tensors(&vars) {
            scores[head.kind as usize] = head.scores(&input)?.to_vec2::<f32>()?;
        }
        let mut of =
            |kind: HeadKind, at: usize| scores[kind as usize].get_mut(at).map(std::mem::take).unwrap_or_default();
        let vectors = input.to_vec2::<f32>()?.into_iter().enumerate();
        Ok(vectors
            .map(|(at, vector)| Said {
                vector,
                task: of(HeadKind::Task, at),
                auxiliary: of(HeadKind::Auxiliary, at),
                complexity: of(HeadKind::Complexity, at),
                quality: of(HeadKind::Quality, at),
            })
            .collect())
    }

    fn batch(&self, rows: &[&FineTuneRow]) -> TokenBatch {
        TokenBatch::of(rows.iter().map(|row| row.tokens.as_slice()), self.encoder.shape.counting)
    }

    fn plain<'a>(&self, weights: &'a [Tensor]) -> PlainEncoder<'a> {
        PlainEncoder { shape: self.encoder.shape, pooling: self.encoder.pooling, weights }
    }

    fn head_vars(&self) -> Result<Vec<Var>, FineTuneError> {
        let heads = self.parameters.all.iter().filter(|one| one.group == Group::Head);
        let var = |one: &super::parameters::Parameter| Var::from_slice(&one.values, one.shape.as_slice(), &Device::Cpu);
        Ok(heads.map(var).collect::<Result<_, _>>()?)
    }

    fn head_tensors(&self, vars: &[Var]) -> Vec<HeadTensors> {
        let tensor = |var: &Var| var.as_tensor().clone();
        let heads = self.targets.kinds().zip(vars.chunks_exact(2));
        heads.map(|(kind, pair)| HeadTensors { kind, weight: tensor(&pair[0]), bias: tensor(&pair[1]) }).collect()
    }

    /// Dropout's factors of what heads read.
    fn pooled_factors(&self, rows: usize, dropout: Dropout) -> Option<Tensor> {
        if dropout.is_none() {
            return None;
        }
        let hidden = self.encoder.shape.hidden;
        let mut factors = vec![1.0; rows * hidden];
        factors.chunks_exact_mut(hidden).enumerate().for_each(|(row, factors)| dropout.factors(row, factors));
        Tensor::from_vec(factors, (rows, hidden), &Device::Cpu).ok()
    }
}

fn dropped(input: Tensor, factors: Option<Tensor>) -> candle_core::Result<Tensor> {
    match factors {
        Some(factors) => input * factors,
        None => Ok(input),
    }
}

/// All numbers of a gradient; none where there is none.
fn numbers(gradient: Option<&Tensor>) -> Result<Vec<f32>, FineTuneError> {
    match gradient {
        Some(gradient) => Ok(gradient.flatten_all()?.to_vec1::<f32>()?),
        None => Ok(Vec::new()),
    }
}
