//! From token ids to pooled vectors, in one of two ways: by the fused kernels on the processor, texts end to end; or by candle's plain forward pass,
//! padded to the longest text, on accelerators and for encoders that the kernels do not know.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::encoder::{Encoder, EncoderConfig};
use super::folder::FolderError;
use super::fused::{FusedEncoder, TensorFile};
use super::pooling::Pooling;
use super::{Precision, TokenIds, TransformerFolder};

/// Where the arithmetic runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The processor.
    Cpu,
    /// The processor, by candle's plain forward pass: what the kernels are compared with.
    CpuByCandle,
    /// The first accelerator this binary was built for, or the processor.
    Best,
}

/// A loaded encoder with its pooling.
pub(super) struct Pass {
    pooling: Pooling,
    dims: usize,
    way: Way,
}

enum Way {
    Fused(FusedEncoder),
    Plain { encoder: Encoder, pad_id: u32, device: Device },
}

impl Pass {
    pub(super) fn load(
        parts: &TransformerFolder,
        device: DeviceChoice,
        precision: Precision,
    ) -> Result<Self, FolderError> {
        let way = Way::load(&parts.encoder, parts, device, precision)?;
        Ok(Self { pooling: parts.pooling, dims: parts.encoder.dims, way })
    }

    /// Tokens that a batch costs.
    pub(super) fn cost(&self, texts: usize, longest: usize, tokens: usize) -> usize {
        match self.way {
            Way::Fused(_) => tokens,
            Way::Plain { .. } => texts * longest,
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
            Way::Plain { encoder, pad_id, device } => {
                plainly(encoder, self.pooling, *pad_id, device, batch).map_err(|error| without_backtrace(&error))
            }
        }
    }
}

impl Way {
    fn load(
        config: &EncoderConfig,
        parts: &TransformerFolder,
        choice: DeviceChoice,
        precision: Precision,
    ) -> Result<Self, FolderError> {
        let path = &parts.weights_path;
        let device = open_device(choice).map_err(|error| FolderError::invalid(path, without_backtrace(&error)))?;
        let fused = config.fused_shape().filter(|_| device.is_cpu() && choice != DeviceChoice::CpuByCandle);
        if let Some(shape) = fused {
            let invalid = |message| FolderError::invalid(path, message);
            let mut file = TensorFile::open(path).map_err(invalid)?;
            return FusedEncoder::load(shape, precision, &mut file).map(Self::Fused).map_err(invalid);
        }
        if precision == Precision::Int8 {
            let message = "precision int8 is for the processor and the activations gelu and relu; use f32";
            return Err(FolderError::invalid(path, message));
        }
        let weights =
            std::fs::read(path).map_err(|cause| FolderError::Read { path: path.display().to_string(), cause })?;
        let encoder = VarBuilder::from_buffered_safetensors(weights, DType::F32, &device)
            .and_then(|tensors| config.load(tensors))
            .map_err(|error| FolderError::invalid(path, without_backtrace(&error)))?;
        Ok(Self::Plain { encoder, pad_id: config.pad_id, device })
    }
}

fn plainly(
    encoder: &Encoder,
    pooling: Pooling,
    pad_id: u32,
    device: &Device,
    batch: &[&TokenIds],
) -> candle_core::Result<Vec<Vec<f32>>> {
    // At least one, so that a batch of empty texts has a shape.
    let length = batch.iter().map(|tokens| tokens.len()).max().unwrap_or(0).max(1);
    let mut ids = vec![pad_id; batch.len() * length];
    let mut mask = vec![0u32; batch.len() * length];
    for (row, tokens) in batch.iter().enumerate() {
        let start = row * length;
        ids[start..start + tokens.len()].copy_from_slice(&tokens.ids);
        mask[start..start + tokens.len()].fill(1);
    }
    let shape = (batch.len(), length);
    let ids = Tensor::from_vec(ids, shape, device)?;
    let mask = Tensor::from_vec(mask, shape, device)?;
    let hidden = encoder.forward(&ids, &mask)?;
    pooling.pool(&hidden, &mask)?.to_vec2::<f32>()
}

/// candle appends a backtrace to its messages when `RUST_BACKTRACE` is set; it is for the log of a crash, not for a user.
fn without_backtrace(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn open_device(choice: DeviceChoice) -> candle_core::Result<Device> {
    match choice {
        DeviceChoice::Cpu | DeviceChoice::CpuByCandle => Ok(Device::Cpu),
        DeviceChoice::Best if cfg!(feature = "cuda") => Device::cuda_if_available(0),
        DeviceChoice::Best if cfg!(feature = "metal") => Device::new_metal(0).or(Ok(Device::Cpu)),
        DeviceChoice::Best => Ok(Device::Cpu),
    }
}
