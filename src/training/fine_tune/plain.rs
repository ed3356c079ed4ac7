//! The same encoder by candle's own operations, padded to the longest text, differentiated by candle: what runs on an accelerator, and what this
//! room's kernels are compared with. Composed of operations that have a backward pass: candle's fused layer normalisation and softmax have none
//! and would leave the weights before them as they are, without a word.

use candle_core::{D, DType, Device, Result, Tensor};

use crate::embedder::{FusedActivation, FusedShape, TrainablePooling};

use super::batch::TokenBatch;
use super::encoder::DropoutPlan;
use super::kernels::Dropout;
use super::parameters::{
    ATTENDED, ATTENTION_NORM, KEY, NARROW, NORM, OUTPUT_NORM, POSITIONS, Parameters, QUERY, TYPES, VALUE, WIDEN, WORDS,
};

/// So low that its exponential is 0.
const NO_SCORE: f64 = -1e30;

/// An encoder over tensors, in the order of [`Parameters`].
pub(super) struct PlainEncoder<'a> {
    pub(super) shape: FusedShape,
    pub(super) pooling: TrainablePooling,
    pub(super) weights: &'a [Tensor],
}

/// A batch as a rectangle.
struct Padded<'a> {
    batch: &'a TokenBatch,
    texts: usize,
    longest: usize,
    device: Device,
    dtype: DType,
    /// [texts, longest, 1]: 1 for tokens.
    mask: Tensor,
}

impl PlainEncoder<'_> {
    /// Pooled vectors, [texts, hidden].
    pub(super) fn pooled(&self, batch: &TokenBatch, dropout: DropoutPlan) -> Result<Tensor> {
        let hidden = self.shape.hidden;
        let padded = Padded::new(batch, &self.weights[WORDS])?;
        let rows = |at: usize, ids: &[u32]| {
            let ids = Tensor::from_vec(padded.filled(ids), padded.texts * padded.longest, &padded.device)?;
            self.weights[at].index_select(&ids, 0)
        };
        let sum = (rows(WORDS, &batch.ids)? + rows(POSITIONS, &batch.positions)?)?;
        let sum = sum.broadcast_add(&self.weights[TYPES].narrow(0, 0, 1)?)?;
        let embedded = self.norm(NORM, &sum)?;
        let mut x = padded.drop(&embedded, dropout.of_embeddings(), hidden)?;
        for layer in 0..self.shape.layers {
            x = self.layer(&padded, layer, &x, dropout)?;
        }
        let x = x.reshape((padded.texts, padded.longest, hidden))?;
        match self.pooling {
            TrainablePooling::Cls => x.narrow(1, 0, 1)?.squeeze(1),
            TrainablePooling::Mean => x.broadcast_mul(&padded.mask)?.sum(1)?.broadcast_div(&padded.mask.sum(1)?),
        }
    }

    fn layer(&self, padded: &Padded<'_>, layer: usize, x: &Tensor, dropout: DropoutPlan) -> Result<Tensor> {
        let FusedShape { hidden, heads, .. } = self.shape;
        let first = Parameters::layer(layer);
        let [of_probabilities, of_attended, of_narrow] = dropout.of_layer(layer);
        let dims = hidden / heads;
        let part = |at: usize| {
            let rows = self.linear(first + at, x)?.reshape((padded.texts, padded.longest, heads, dims))?;
            rows.transpose(1, 2)?.contiguous()
        };
        let scores = (part(QUERY)?.matmul(&part(KEY)?.t()?)? * (1.0 / (dims as f64).sqrt()))?;
        let sunk = ((&padded.mask.reshape((padded.texts, 1, 1, padded.longest))? - 1.0)? * -NO_SCORE)?;
        let probabilities = softmax(&scores.broadcast_add(&sunk)?)?;
        let probabilities = padded.drop_probabilities(&probabilities, of_probabilities, heads)?;
        let taken = probabilities.matmul(&part(VALUE)?)?.transpose(1, 2)?.contiguous()?;
        let attended = self.linear(first + ATTENDED, &taken.reshape(((), hidden))?)?;
        let attended = padded.drop(&attended, of_attended, hidden)?;
        let middle = self.norm(first + ATTENTION_NORM, &(x + attended)?)?;
        let wide = self.linear(first + WIDEN, &middle)?;
        let active = match self.shape.activation {
            FusedActivation::Gelu => wide.gelu_erf()?,
            FusedActivation::Relu => wide.relu()?,
        };
        let narrow = padded.drop(&self.linear(first + NARROW, &active)?, of_narrow, hidden)?;
        self.norm(first + OUTPUT_NORM, &(middle + narrow)?)
    }

    fn linear(&self, at: usize, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.weights[at].t()?)?.broadcast_add(&self.weights[at + 1])
    }

    fn norm(&self, at: usize, x: &Tensor) -> Result<Tensor> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + self.shape.epsilon)?.sqrt()?;
        let normal = centred.broadcast_div(&deviation)?;
        normal.broadcast_mul(&self.weights[at])?.broadcast_add(&self.weights[at + 1])
    }
}

/// Over the last dimension. What is taken off the highest score changes nothing, so no gradient goes through it.
fn softmax(scores: &Tensor) -> Result<Tensor> {
    let raised = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?.detach())?.exp()?;
    raised.broadcast_div(&raised.sum_keepdim(D::Minus1)?)
}

impl<'a> Padded<'a> {
    fn new(batch: &'a TokenBatch, like: &Tensor) -> Result<Self> {
        let (device, dtype) = (like.device().clone(), like.dtype());
        let longest = batch.bounds.windows(2).map(|text| text[1] - text[0]).max().unwrap_or(0);
        let (texts, none) = (batch.texts(), Tensor::zeros((1, 1, 1), dtype, &device)?);
        let mut padded = Self { batch, texts, longest, device, dtype, mask: none };
        let mask = padded.filled(&vec![1.0; batch.ids.len()]);
        padded.mask = Tensor::from_vec(mask, (texts, longest, 1), &padded.device)?.to_dtype(dtype)?;
        Ok(padded)
    }

    /// Numbers of the tokens, with zeros where a text has ended.
    fn filled<T: Copy + Default>(&self, of_tokens: &[T]) -> Vec<T> {
        let mut all = vec![T::default(); self.texts * self.longest];
        for (row, text) in all.chunks_exact_mut(self.longest.max(1)).zip(self.batch.bounds.windows(2)) {
            row[..text[1] - text[0]].copy_from_slice(&of_tokens[text[0]..text[1]]);
        }
        all
    }

    /// [texts * longest, width]
    fn drop(&self, x: &Tensor, dropout: Dropout, width: usize) -> Result<Tensor> {
        if dropout.is_none() {
            return Ok(x.clone());
        }
        let mut factors = vec![1.0; self.texts * self.longest * width];
        for (text, tokens) in self.batch.bounds.windows(2).enumerate() {
            for token in tokens[0]..tokens[1] {
                let at = (text * self.longest + token - tokens[0]) * width;
                dropout.factors(token, &mut factors[at..at + width]);
            }
        }
        x * Tensor::from_vec(factors, (self.texts * self.longest, width), &self.device)?.to_dtype(self.dtype)?
    }

    /// [texts, heads, longest, longest]
    fn drop_probabilities(&self, x: &Tensor, dropout: Dropout, heads: usize) -> Result<Tensor> {
        if dropout.is_none() {
            return Ok(x.clone());
        }
        let longest = self.longest;
        let mut factors = vec![1.0; self.texts * heads * longest * longest];
        for (text, tokens) in self.batch.bounds.windows(2).enumerate() {
            let length = tokens[1] - tokens[0];
            for token in tokens[0]..tokens[1] {
                for head in 0..heads {
                    let at = ((text * heads + head) * longest + token - tokens[0]) * longest;
                    dropout.factors(token * heads + head, &mut factors[at..at + length]);
                }
            }
        }
        x * Tensor::from_vec(factors, (self.texts, heads, longest, longest), &self.device)?.to_dtype(self.dtype)?
    }
}
