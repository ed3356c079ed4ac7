//! From token ids to pooled vectors, in one of three ways: by the fused kernels on the processor, texts end to end; or padded to the longest text, by
//! the half-precision pass on accelerators, or by candle's plain one, in 32 bits, on accelerators and for encoders that the kernels do not know.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::encoder::{Encoder, EncoderConfig};
use super::folder::{FolderError, WEIGHTS_FILE};
use super::fused::{FusedEncoder, TensorFile, bytes_are_fast};
use super::half_precision::HalfEncoder;
use super::pooling::Pooling;
use super::{Precision, TokenIds, TransformerFolder};

/// Where the arithmetic runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The processor.
    Cpu,
    /// The processor, by the passes that accelerators run: what the kernels are compared with, and how those passes are tested.
    CpuByCandle,
    /// The first accelerator of the kind this binary was built for; where there is none, the processor. A build that was meant for one warns.
    Best,
}

/// A loaded encoder with its pooling.
pub(super) struct Pass {
    pooling: Pooling,
    dims: usize,
    way: Way,
    precision: Precision,
}

enum Way {
    Fused(FusedEncoder),
    Half { encoder: HalfEncoder, pad_id: u32, precision: Precision },
    // Boxed because candle's models are large where the build has accelerators.
    Plain { encoder: Box<Encoder>, pad_id: u32, device: Device },
}

/// A batch in which every text is as long as the longest.
pub(super) struct Padded {
    /// [texts, length]
    pub(super) ids: Vec<u32>,
    /// [texts, length]: 1 for real tokens, 0 for padding.
    pub(super) mask: Vec<u32>,
    pub(super) texts: usize,
    /// At least 1, so that a batch of empty texts has a shape.
    pub(super) length: usize,
}

impl Pass {
    pub(super) fn load(
        parts: &TransformerFolder,
        device: DeviceChoice,
        precision: Option<Precision>,
    ) -> Result<Self, FolderError> {
        let (way, precision) = Way::load(&parts.encoder, parts, device, precision)?;
        Ok(Self { pooling: parts.pooling, dims: parts.encoder.dims, way, precision })
    }

    /// What weights are multiplied as.
    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    /// Tokens that a batch costs: all that are reckoned, padding included.
    pub(super) fn cost(&self, texts: usize, longest: usize, tokens: usize) -> usize {
        match self.way {
            Way::Fused(_) => tokens,
            Way::Half { .. } | Way::Plain { .. } => texts * longest,
        }
    }

    /// One vector a text, not yet of unit length; of a text without tokens, anything.
    pub(super) fn pooled(&self, batch: &[&TokenIds]) -> Result<Vec<Vec<f32>>, String> {
        match &self.way {
            Way::Fused(encoder) => {
                let ids: Vec<&[u32]> = batch.iter().map(|tokens| tokens.ids.as_slice()).collect();
                Ok(encoder.run(&ids, |rows, bounds| {
                    let texts = bounds.windows(2).map(|text| &rows[text[0] * self.dims..text[1] * self.dims]);
                    texts.map(|rows| self.pooling.pool_rows(rows, self.dims)).collect()
                }))
            }
            Way::Half { encoder, pad_id, precision } => {
                let padded = Padded::of(batch, *pad_id);
                let pooled = padded.pooled(self.pooling, || encoder.forward(&padded))?;
                let mut of_texts = pooled.iter().zip(batch).filter(|(_, tokens)| !tokens.is_empty());
                if of_texts.any(|(vector, _)| vector.iter().any(|x| !x.is_finite())) {
                    let remedy = if *precision == Precision::F16 { "bf16 or f32" } else { "f32" };
                    return Err(format!("a vector is not finite with precision {}; use {remedy}", precision.name()));
                }
                Ok(pooled)
            }
            Way::Plain { encoder, pad_id, device } => {
                let padded = Padded::of(batch, *pad_id);
                padded.pooled(self.pooling, || {
                    let shape = (padded.texts, padded.length);
                    let ids = Tensor::from_slice(&padded.ids, shape, device)?;
                    encoder.forward(&ids, &Tensor::from_slice(&padded.mask, shape, device)?)
                })
            }
        }
    }
}

impl Way {
    fn load(
        config: &EncoderConfig,
        parts: &TransformerFolder,
        choice: DeviceChoice,
        asked: Option<Precision>,
    ) -> Result<(Self, Precision), FolderError> {
        let path = parts.files.path(WEIGHTS_FILE);
        let invalid = |message| FolderError::invalid(&path, message);
        let (device, no_accelerator) = open_device(choice);
        let is_processor = device.is_cpu() && choice != DeviceChoice::CpuByCandle;
        let mut file = parts.files.tensors(WEIGHTS_FILE).map_err(invalid)?;
        // Bytes are what heads over them were fitted on, so that they stay bytes where that is not slow.
        let is_bytes = is_processor && config.fused_shape().is_some() && file.has_bytes() && bytes_are_fast();
        let precision = asked.unwrap_or(if is_bytes { Precision::Int8 } else { Precision::F32 });
        let refused = |why: &str| invalid(format!("precision {} is for {why}", precision.name()));
        let way = match (precision.half(), config.fused_shape()) {
            (Some(_), _) if is_processor => {
                return Err(refused(&format!("accelerators, and {no_accelerator}; use f32 or int8")));
            }
            (Some(dtype), Some(shape)) => {
                let encoder = HalfEncoder::load(shape, dtype, &device, &mut file).map_err(invalid)?;
                Self::Half { encoder, pad_id: config.pad_id, precision }
            }
            (None, Some(shape)) if is_processor => {
                Self::Fused(FusedEncoder::load(shape, precision, &mut file).map_err(invalid)?)
            }
            _ if precision == Precision::F32 => {
                let encoder = plain_tensors(parts, &mut file, &device)
                    .and_then(|tensors| config.load(tensors).map_err(|error| without_backtrace(&error)))
                    .map_err(invalid)?;
                Self::Plain { encoder: Box::new(encoder), pad_id: config.pad_id, device }
            }
            (None, _) if !is_processor => {
                return Err(refused("the processor; on an accelerator, use f32, f16 or bf16"));
            }
            _ => return Err(refused("the activations gelu and relu; use f32")),
        };
        Ok((way, precision))
    }
}

/// A file's tensors for candle, which knows nothing of bytes with scales: those become numbers first.
fn plain_tensors(
    parts: &TransformerFolder,
    file: &mut TensorFile,
    device: &Device,
) -> Result<VarBuilder<'static>, String> {
    let by_candle = |error: candle_core::Error| without_backtrace(&error);
    if !file.has_bytes() {
        let weights = parts.files.read(WEIGHTS_FILE).map_err(|error| error.to_string())?.into_owned();
        return VarBuilder::from_buffered_safetensors(weights, DType::F32, device).map_err(by_candle);
    }
    let mut tensors = HashMap::new();
    for name in file.names() {
        let shape = file.shape(&name)?.1.to_vec();
        let numbers = file.read(&name, &shape)?;
        tensors.insert(name, Tensor::from_vec(numbers, shape, device).map_err(by_candle)?);
    }
    Ok(VarBuilder::from_tensors(tensors, DType::F32, device))
}

impl Padded {
    fn of(batch: &[&TokenIds], pad_id: u32) -> Self {
        let length = batch.iter().map(|tokens| tokens.len()).max().unwrap_or(0).max(1);
        let mut ids = vec![pad_id; batch.len() * length];
        let mut mask = vec![0u32; batch.len() * length];
        for (row, tokens) in batch.iter().enumerate() {
            let start = row * length;
            ids[start..start + tokens.len()].copy_from_slice(&tokens.ids);
            mask[start..start + tokens.len()].fill(1);
        }
        Self { ids, mask, texts: batch.len(), length }
    }

    /// `forward` gives the last layer, [texts, length, dims] in f32.
    fn pooled(
        &self,
        pooling: Pooling,
        forward: impl FnOnce() -> candle_core::Result<Tensor>,
    ) -> Result<Vec<Vec<f32>>, String> {
        let pooled = forward().and_then(|hidden| {
            let mask = Tensor::from_slice(&self.mask, (self.texts, self.length), hidden.device())?;
            pooling.pool(&hidden, &mask)?.to_vec2::<f32>()
        });
        pooled.map_err(|error| without_backtrace(&error))
    }
}

impl Precision {
    /// candle's name of a half precision.
    fn half(self) -> Option<DType> {
        match self {
            Self::F16 => Some(DType::F16),
            Self::Bf16 => Some(DType::BF16),
            Self::F32 | Self::Int8 => None,
        }
    }
}

/// candle appends a backtrace to its messages when `RUST_BACKTRACE` is set; it is for the log of a crash, not for a user.
pub(super) fn without_backtrace(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// The device, and why it is no accelerator where it is none.
fn open_device(choice: DeviceChoice) -> (Device, String) {
    let accelerator = match choice {
        DeviceChoice::Cpu | DeviceChoice::CpuByCandle => return (Device::Cpu, "the processor was asked for".into()),
        DeviceChoice::Best if cfg!(feature = "cuda") => Device::new_cuda(0),
        DeviceChoice::Best if cfg!(feature = "metal") => Device::new_metal(0),
        DeviceChoice::Best => {
            return (Device::Cpu, "this build has none (its features cuda and metal are off)".into());
        }
    };
    match accelerator {
        Ok(device) => (device, String::new()),
        Err(error) => {
            let why = without_backtrace(&error);
            tracing::warn!("no accelerator could be opened, so the transformer runs on the processor: {why}");
            (Device::Cpu, format!("none could be opened ({why})"))
        }
    }
}
