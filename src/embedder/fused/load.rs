//! Packs a checkpoint's tensors for this processor, one after the other.

use std::sync::Mutex;

use pulp::Arch;

use super::byte_matrix::ByteMatrix;
use super::forward::{Embeddings, FusedEncoder, Positions, Words};
use super::layer::{Layer, Linear};
use super::matmul::{Finish, PanelWidth};
use super::norm::Norm;
use super::tensors::TensorFile;
use crate::embedder::Precision;

/// Where checkpoints put the encoder: by itself, or under the name that its family gives it when a head stands on top.
const ROOTS: [&str; 3] = ["", "bert.", "roberta."];

/// As bytes, queries, keys and values are what costs the vectors most digits: one large number among a token's inputs makes the steps of all the
/// others coarse. In halves, no vector of 1,000 prompts falls below a cosine of 0.995 to that of 32 bits (docs/performance.md).
pub(in crate::embedder) const QKV_PARTS: usize = 2;

/// What of a configuration the forward pass goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FusedShape {
    pub(crate) vocabulary: usize,
    /// Rows of the table of positions.
    pub(crate) positions: usize,
    pub(crate) types: usize,
    pub(crate) hidden: usize,
    pub(crate) intermediate: usize,
    pub(crate) heads: usize,
    pub(crate) layers: usize,
    pub(crate) activation: FusedActivation,
    pub(crate) epsilon: f64,
    pub(crate) counting: Positions,
}

/// Activations that the fused pass computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FusedActivation {
    Gelu,
    Relu,
}

impl FusedEncoder {
    /// Reads the weights. The error names the tensor that is missing, of another shape or unreadable.
    pub(crate) fn load(shape: FusedShape, precision: Precision, file: &mut TensorFile) -> Result<Self, String> {
        let arch = Arch::new();
        let words = "embeddings.word_embeddings.weight";
        let root = ROOTS.into_iter().find(|root| file.contains(&format!("{root}{words}"))).unwrap_or_default();
        let mut source = Source { file, shape, precision, width: arch.dispatch(PanelWidth) };
        let hidden = shape.hidden;
        let words = format!("{root}{words}");
        let words = match precision {
            Precision::Int8 => Words::Bytes(source.matrix(&words, shape.vocabulary, hidden, 1)?),
            _ => Words::Numbers(source.read(&words, &[shape.vocabulary, hidden])?),
        };
        let table = |name: &str| format!("{root}embeddings.{name}_embeddings.weight");
        let mut positions = source.read(&table("position"), &[shape.positions, hidden])?;
        let types = source.read(&table("token_type"), &[shape.types, hidden])?;
        // One text and no second: every token is of type 0.
        for row in positions.chunks_exact_mut(hidden) {
            row.iter_mut().zip(&types).for_each(|(x, of_type)| *x += of_type);
        }
        let norm = source.norm(&format!("{root}embeddings.LayerNorm"))?;
        let layers = (0..shape.layers)
            .map(|at| source.layer(&format!("{root}encoder.layer.{at}")))
            .collect::<Result<Vec<_>, _>>()?;
        let embeddings = Embeddings { words, positions, counting: shape.counting, norm };
        Ok(Self { arch, hidden, embeddings, layers, rooms: Mutex::default() })
    }
}

/// A checkpoint, and how its weights are packed.
struct Source<'a> {
    file: &'a mut TensorFile,
    shape: FusedShape,
    precision: Precision,
    width: usize,
}

impl Source<'_> {
    fn read(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        self.file.read(name, shape)
    }

    fn layer(&mut self, name: &str) -> Result<Layer, String> {
        let FusedShape { hidden, intermediate, heads, .. } = self.shape;
        Ok(Layer {
            qkv: self.qkv(&format!("{name}.attention.self"))?,
            attended: self.linear(&format!("{name}.attention.output.dense"), hidden, hidden)?,
            attention_norm: self.norm(&format!("{name}.attention.output.LayerNorm"))?,
            widen: self.linear(&format!("{name}.intermediate.dense"), intermediate, hidden)?,
            narrow: self.linear(&format!("{name}.output.dense"), hidden, intermediate)?,
            output_norm: self.norm(&format!("{name}.output.LayerNorm"))?,
            activation: match self.shape.activation {
                FusedActivation::Gelu => Finish::Gelu,
                FusedActivation::Relu => Finish::Relu,
            },
            heads,
        })
    }

    /// Queries, keys and values as one map. What is scaled are the scales of the bytes and not the bytes' numbers, so that bytes are the same whether they
    /// are made here or stood in the file.
    fn qkv(&mut self, name: &str) -> Result<Linear, String> {
        let FusedShape { hidden, heads, .. } = self.shape;
        let scale = 1.0 / ((hidden / heads) as f32).sqrt();
        let (mut matrices, mut weights, mut bias) = (Vec::new(), Vec::new(), Vec::with_capacity(3 * hidden));
        for (part, factor) in [("query", scale), ("key", 1.0), ("value", 1.0)] {
            let weight = format!("{name}.{part}.weight");
            if self.precision == Precision::Int8 {
                matrices.push(self.matrix(&weight, hidden, hidden, QKV_PARTS)?.times(factor));
            } else {
                weights.extend(self.read(&weight, &[hidden, hidden])?.into_iter().map(|x| x * factor));
            }
            let part_bias = self.read(&format!("{name}.{part}.bias"), &[hidden])?;
            bias.extend(part_bias.into_iter().map(|x| x * factor));
        }
        if self.precision != Precision::Int8 {
            return Ok(Linear::of_numbers(&weights, bias, self.width));
        }
        if matrices.windows(2).any(|pair| pair[0].parts() != pair[1].parts()) {
            let parts: Vec<usize> = matrices.iter().map(ByteMatrix::parts).collect();
            return Err(format!(
                "{name}: query, key and value have {parts:?} scales a row; the same number of each is needed"
            ));
        }
        Ok(Linear::of_bytes(&matrices, &bias))
    }

    fn linear(&mut self, name: &str, outputs: usize, inputs: usize) -> Result<Linear, String> {
        let weight = format!("{name}.weight");
        if self.precision == Precision::Int8 {
            let matrix = self.matrix(&weight, outputs, inputs, 1)?;
            return Ok(Linear::of_bytes(&[matrix], &self.read(&format!("{name}.bias"), &[outputs])?));
        }
        let weights = self.read(&weight, &[outputs, inputs])?;
        let bias = self.read(&format!("{name}.bias"), &[outputs])?;
        Ok(Linear::of_numbers(&weights, bias, self.width))
    }

    /// A file's bytes, or bytes made of its numbers.
    fn matrix(&mut self, name: &str, outputs: usize, inputs: usize, parts: usize) -> Result<ByteMatrix, String> {
        if self.file.holds_bytes(name) {
            return self.file.read_bytes(name, [outputs, inputs]);
        }
        Ok(ByteMatrix::of_numbers(&self.read(name, &[outputs, inputs])?, inputs, parts))
    }

    /// Checkpoints converted from TensorFlow call the two vectors gamma and beta.
    fn norm(&mut self, name: &str) -> Result<Norm, String> {
        let named = |part: &str| format!("{name}.{part}");
        let is_old = !self.file.contains(&named("weight")) && self.file.contains(&named("gamma"));
        let (weight, bias) = if is_old { ("gamma", "beta") } else { ("weight", "bias") };
        let dims = [self.shape.hidden];
        let (weight, bias) = (self.read(&named(weight), &dims)?, self.read(&named(bias), &dims)?);
        #[expect(clippy::cast_possible_truncation, reason = "a small number stays one")]
        let epsilon = self.shape.epsilon as f32;
        Ok(Norm { weight, bias, epsilon })
    }
}
