//! The forward pass of BERT-family encoders in f16 and bf16, on candle tensors, for accelerators. One product for queries, keys and values; a
//! mask that is finite in either type, and none where no text is padded. Takes a padded batch and gives back 32 bits; knows nothing of
//! tokenizers and pooling. candle's own BERT gives no numbers in f16: its mask multiplies 0 by what was the lowest f32 and has become infinite.

use candle_core::{DType, Device, IndexOp, Result, Tensor};
use candle_nn::ops;

use super::fused::{FusedActivation, FusedShape, Positions, TensorFile};
use super::pass::Padded;

/// Where checkpoints put the encoder: by itself, or under its family's name.
const ROOTS: [&str; 3] = ["", "bert.", "roberta."];

/// What is added to the scores of padding: low enough that nothing is left of them after the softmax, and finite in f16, which ends at 65,504.
const OUT_OF_SIGHT: f32 = -1e4;

/// A loaded encoder.
pub(super) struct HalfEncoder {
    /// [vocabulary, hidden]
    words: Tensor,
    /// [positions, hidden]; the token type is added up with them.
    positions: Tensor,
    counting: Positions,
    norm: Norm,
    layers: Vec<Layer>,
}

/// Weights, [outputs, inputs], and bias of a linear map.
struct Linear {
    weight: Tensor,
    bias: Tensor,
}

struct Norm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f32,
}

struct Layer {
    /// Queries (scaled by the root of a head's dimensions), keys and values.
    qkv: Linear,
    attended: Linear,
    attention_norm: Norm,
    widen: Linear,
    narrow: Linear,
    output_norm: Norm,
    activation: FusedActivation,
    heads: usize,
}

impl HalfEncoder {
    /// Gives [texts, length, dims], in f32.
    pub(super) fn forward(&self, batch: &Padded) -> Result<Tensor> {
        let (device, dtype) = (self.words.device(), self.words.dtype());
        let rows = batch.ids.len();
        let ids = Tensor::from_slice(&batch.ids, rows, device)?;
        let positions = Tensor::from_vec(self.rows_of_positions(batch), rows, device)?;
        let embedded = (self.words.index_select(&ids, 0)? + self.positions.index_select(&positions, 0)?)?;
        let mut hidden = self.norm.apply(&embedded)?;
        let mask = if batch.mask.contains(&0) {
            let added: Vec<f32> = batch.mask.iter().map(|real| if *real == 0 { OUT_OF_SIGHT } else { 0.0 }).collect();
            Some(Tensor::from_vec(added, (batch.texts, 1, 1, batch.length), device)?.to_dtype(dtype)?)
        } else {
            None
        };
        for layer in &self.layers {
            hidden = layer.forward(&hidden, batch, mask.as_ref())?;
        }
        hidden.to_dtype(DType::F32)?.reshape((batch.texts, batch.length, ()))
    }

    /// Reckoned here and not on the device: half precision does not hold every whole number above 2,048 (bf16: 256).
    fn rows_of_positions(&self, batch: &Padded) -> Vec<u32> {
        let mut rows = Vec::with_capacity(batch.ids.len());
        for ids in batch.ids.chunks(batch.length) {
            let mut next = match self.counting {
                Positions::FromZero => 0,
                Positions::BehindPadding(padding) => padding + 1,
            };
            for id in ids {
                match self.counting {
                    Positions::BehindPadding(padding) if *id == padding => rows.push(padding),
                    _ => {
                        rows.push(next);
                        next += 1;
                    }
                }
            }
        }
        rows
    }
}

impl Layer {
    /// `hidden`: [texts x length, dims].
    fn forward(&self, hidden: &Tensor, batch: &Padded, mask: Option<&Tensor>) -> Result<Tensor> {
        let attended = self.attended.apply(&self.attend(hidden, batch, mask)?)?;
        let hidden = self.attention_norm.apply(&(attended + hidden)?)?;
        let wide = self.widen.apply(&hidden)?;
        let wide = match self.activation {
            FusedActivation::Gelu => wide.gelu_erf()?,
            FusedActivation::Relu => wide.relu()?,
        };
        self.output_norm.apply(&(self.narrow.apply(&wide)? + hidden)?)
    }

    fn attend(&self, hidden: &Tensor, batch: &Padded, mask: Option<&Tensor>) -> Result<Tensor> {
        let qkv = self.qkv.apply(hidden)?.reshape((batch.texts, batch.length, 3, self.heads, ()))?;
        // One copy sorts all three by head: [3, texts, heads, length, a head's dims].
        let qkv = qkv.permute((2, 0, 3, 1, 4))?.contiguous()?;
        let mut scores = product(&qkv.i(0)?, &qkv.i(1)?.t()?)?;
        if let Some(mask) = mask {
            scores = scores.broadcast_add(mask)?;
        }
        let context = product(&softmax(&scores)?, &qkv.i(2)?)?;
        context.transpose(1, 2)?.reshape((batch.ids.len(), ()))
    }
}

impl Linear {
    fn apply(&self, rows: &Tensor) -> Result<Tensor> {
        product(rows, &self.weight.t()?)?.broadcast_add(&self.bias)
    }
}

impl Norm {
    /// candle's kernels add up in 32 bits.
    fn apply(&self, rows: &Tensor) -> Result<Tensor> {
        ops::layer_norm(rows, &self.weight, &self.bias, self.epsilon)
    }
}

/// Accelerators add products up in 32 bits and round at the end. On the processor, where only tests come, candle cannot multiply bf16, and this
/// does the same by way of f32.
fn product(left: &Tensor, right: &Tensor) -> Result<Tensor> {
    if left.device().is_cpu() {
        return left.to_dtype(DType::F32)?.matmul(&right.to_dtype(DType::F32)?)?.to_dtype(left.dtype());
    }
    left.matmul(right)
}

/// As `product`: candle's kernels for accelerators add up in 32 bits, that for the processor does not.
fn softmax(scores: &Tensor) -> Result<Tensor> {
    if scores.device().is_cpu() {
        return ops::softmax_last_dim(&scores.to_dtype(DType::F32)?)?.to_dtype(scores.dtype());
    }
    ops::softmax_last_dim(scores)
}

impl HalfEncoder {
    /// Reads the weights one after the other, rounds them to `dtype` and puts them on the device. The error names the tensor that is missing, of
    /// another shape or unreadable.
    pub(super) fn load(
        shape: FusedShape,
        dtype: DType,
        device: &Device,
        file: &mut TensorFile,
    ) -> std::result::Result<Self, String> {
        let words = "embeddings.word_embeddings.weight";
        let root = ROOTS.into_iter().find(|root| file.contains(&format!("{root}{words}"))).unwrap_or_default();
        let mut source = Source { file, shape, dtype, device };
        let hidden = shape.hidden;
        let table = |name: &str| format!("{root}embeddings.{name}_embeddings.weight");
        let mut positions = source.file.read(&table("position"), &[shape.positions, hidden])?;
        let types = source.file.read(&table("token_type"), &[shape.types, hidden])?;
        // One text and no second: every token is of type 0.
        for row in positions.chunks_exact_mut(hidden) {
            row.iter_mut().zip(&types).for_each(|(x, of_type)| *x += of_type);
        }
        Ok(Self {
            words: source.read(&format!("{root}{words}"), &[shape.vocabulary, hidden])?,
            positions: source.place(positions, &[shape.positions, hidden])?,
            counting: shape.counting,
            norm: source.norm(&format!("{root}embeddings.LayerNorm"))?,
            layers: (0..shape.layers)
                .map(|at| source.layer(&format!("{root}encoder.layer.{at}")))
                .collect::<std::result::Result<_, _>>()?,
        })
    }
}

/// A checkpoint, and what its tensors become.
struct Source<'a> {
    file: &'a mut TensorFile,
    shape: FusedShape,
    dtype: DType,
    device: &'a Device,
}

impl Source<'_> {
    fn read(&mut self, name: &str, shape: &[usize]) -> std::result::Result<Tensor, String> {
        let numbers = self.file.read(name, shape)?;
        self.place(numbers, shape)
    }

    /// Rounded before it travels, so that the device never holds it in 32 bits.
    fn place(&self, numbers: Vec<f32>, shape: &[usize]) -> std::result::Result<Tensor, String> {
        Tensor::from_vec(numbers, shape, &Device::Cpu)
            .and_then(|tensor| tensor.to_dtype(self.dtype)?.to_device(self.device))
            .map_err(|error| super::pass::without_backtrace(&error))
    }

    fn layer(&mut self, name: &str) -> std::result::Result<Layer, String> {
        let FusedShape { hidden, intermediate, heads, activation, .. } = self.shape;
        let scale = 1.0 / ((hidden / heads) as f32).sqrt();
        let (mut weights, mut bias) = (Vec::with_capacity(3 * hidden * hidden), Vec::with_capacity(3 * hidden));
        for (part, factor) in [("query", scale), ("key", 1.0), ("value", 1.0)] {
            let part = format!("{name}.attention.self.{part}");
            let rows = self.file.read(&format!("{part}.weight"), &[hidden, hidden])?;
            weights.extend(rows.into_iter().map(|x| x * factor));
            bias.extend(self.file.read(&format!("{part}.bias"), &[hidden])?.into_iter().map(|x| x * factor));
        }
        Ok(Layer {
            qkv: Linear { weight: self.place(weights, &[3 * hidden, hidden])?, bias: self.place(bias, &[3 * hidden])? },
            attended: self.linear(&format!("{name}.attention.output.dense"), hidden, hidden)?,
            attention_norm: self.norm(&format!("{name}.attention.output.LayerNorm"))?,
            widen: self.linear(&format!("{name}.intermediate.dense"), intermediate, hidden)?,
            narrow: self.linear(&format!("{name}.output.dense"), hidden, intermediate)?,
            output_norm: self.norm(&format!("{name}.output.LayerNorm"))?,
            activation,
            heads,
        })
    }

    fn linear(&mut self, name: &str, outputs: usize, inputs: usize) -> std::result::Result<Linear, String> {
        let weight = self.read(&format!("{name}.weight"), &[outputs, inputs])?;
        Ok(Linear { weight, bias: self.read(&format!("{name}.bias"), &[outputs])? })
    }

    /// Checkpoints converted from TensorFlow call the two vectors gamma and beta.
    fn norm(&mut self, name: &str) -> std::result::Result<Norm, String> {
        let is_old = !self.file.contains(&format!("{name}.weight")) && self.file.contains(&format!("{name}.gamma"));
        let (weight, bias) = if is_old { ("gamma", "beta") } else { ("weight", "bias") };
        let dims = [self.shape.hidden];
        let weight = self.read(&format!("{name}.{weight}"), &dims)?;
        #[expect(clippy::cast_possible_truncation, reason = "a small number stays one")]
        let epsilon = self.shape.epsilon as f32;
        Ok(Norm { weight, bias: self.read(&format!("{name}.{bias}"), &dims)?, epsilon })
    }
}
