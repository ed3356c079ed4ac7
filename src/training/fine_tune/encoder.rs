//! An encoder of the BERT family forward and backward on the processor, by this room's kernels: texts end to end, nothing padded. Gives one pooled vector
//! a text and, from those vectors' gradients, the gradient of every weight. Knows nothing of heads, losses and steps.

use crate::embedder::{FusedShape, TrainablePooling};

use super::batch::TokenBatch;
use super::kernels::{
    AttentionShape, Dropout, Norm, NormTrace, Processor, activate, activation_gradient, add, attend,
    attention_gradient, column_sums, input_gradient, product, weight_gradient,
};
use super::parameters::{
    ATTENDED, ATTENTION_NORM, KEY, NARROW, NORM, OUTPUT_NORM, POSITIONS, Parameters, QUERY, TYPES, VALUE, WIDEN, WORDS,
};
use crate::random::SplitMix64;

/// Places in a layer where numbers are dropped.
const DROPOUTS_A_LAYER: u64 = 3;

/// What is dropped in one pass, everywhere in the network.
#[derive(Debug, Clone, Copy)]
pub(super) struct DropoutPlan {
    pub(super) rate: f32,
    pub(super) seed: u64,
}

impl DropoutPlan {
    pub(super) const NONE: Self = Self { rate: 0.0, seed: 0 };

    fn at(&self, place: u64) -> Dropout {
        Dropout::new(self.rate, SplitMix64::new(self.seed.wrapping_add(place)).next())
    }

    pub(super) fn of_embeddings(&self) -> Dropout {
        self.at(0)
    }

    pub(super) fn of_pooled(&self) -> Dropout {
        self.at(1)
    }

    /// Of the probabilities, of what attention gives, and of what the wide part gives.
    pub(super) fn of_layer(&self, layer: usize) -> [Dropout; 3] {
        let first = 2 + layer as u64 * DROPOUTS_A_LAYER;
        [self.at(first), self.at(first + 1), self.at(first + 2)]
    }
}

/// An encoder's sizes; its weights stand elsewhere.
#[derive(Clone, Copy)]
pub(super) struct Encoder {
    pub(super) cpu: Processor,
    pub(super) shape: FusedShape,
    pub(super) pooling: TrainablePooling,
}

/// What a backward pass needs of the forward pass.
pub(super) struct Trace {
    embedding: NormTrace,
    layers: Vec<LayerTrace>,
}

struct LayerTrace {
    /// What came in, [tokens, hidden].
    input: Vec<f32>,
    qkv_weights: Vec<f32>,
    qkv: Vec<f32>,
    probabilities: Vec<f32>,
    taken: Vec<f32>,
    attention_norm: NormTrace,
    /// What stands between attention and the wide part.
    middle: Vec<f32>,
    wide: Vec<f32>,
    active: Vec<f32>,
    output_norm: NormTrace,
}

impl Encoder {
    /// Pooled vectors [texts, hidden], and what the backward pass needs.
    pub(super) fn forward(
        &self,
        parameters: &Parameters,
        batch: &TokenBatch,
        dropout: DropoutPlan,
    ) -> (Vec<f32>, Trace) {
        let (mut rows, embedding) = self.embed(parameters, batch, dropout);
        let mut layers = Vec::with_capacity(self.shape.layers);
        for layer in 0..self.shape.layers {
            let (out, trace) = self.layer(parameters, layer, batch, dropout, rows);
            rows = out;
            layers.push(trace);
        }
        (self.pool(&rows, batch), Trace { embedding, layers })
    }

    /// The same without dropout, and without keeping anything.
    pub(super) fn pooled(&self, parameters: &Parameters, batch: &TokenBatch) -> Vec<f32> {
        let (mut rows, _) = self.embed(parameters, batch, DropoutPlan::NONE);
        for layer in 0..self.shape.layers {
            (rows, _) = self.layer(parameters, layer, batch, DropoutPlan::NONE, rows);
        }
        self.pool(&rows, batch)
    }

    /// Writes down the gradient of every weight, from that of the pooled vectors.
    pub(super) fn backward(
        &self,
        parameters: &Parameters,
        batch: &TokenBatch,
        dropout: DropoutPlan,
        trace: Trace,
        pooled: &[f32],
        gradients: &mut [Vec<f32>],
    ) {
        let mut gradient = self.spread(pooled, batch);
        for (layer, of_layer) in trace.layers.into_iter().enumerate().rev() {
            let of_weights = &mut gradients[Parameters::layer(layer)..];
            gradient = self.layer_backward(parameters, layer, batch, dropout, &of_layer, &gradient, of_weights);
        }
        let hidden = self.shape.hidden;
        let drops = dropout.of_embeddings();
        let mut room = vec![0.0; hidden];
        gradient.chunks_exact_mut(hidden).enumerate().for_each(|(row, x)| drops.apply(row, x, &mut room));
        let of_norm = self.norm(parameters, NORM, Dropout::none()).backward(self.cpu, &trace.embedding, &gradient);
        (gradients[NORM], gradients[NORM + 1]) = (of_norm.weight, of_norm.bias);
        let mut scatter = |at: usize, rows: &[u32]| {
            let mut sums = vec![0.0; parameters.values(at).len()];
            for (row, gradient) in rows.iter().zip(of_norm.residual.chunks_exact(hidden)) {
                let sum = &mut sums[*row as usize * hidden..][..hidden];
                sum.iter_mut().zip(gradient).for_each(|(sum, x)| *sum += x);
            }
            gradients[at] = sums;
        };
        scatter(WORDS, &batch.ids);
        scatter(POSITIONS, &batch.positions);
        // One text and no second: every token is of type 0.
        let mut types = column_sums(&of_norm.residual, hidden);
        types.resize(parameters.values(TYPES).len(), 0.0);
        gradients[TYPES] = types;
    }

    fn embed(&self, parameters: &Parameters, batch: &TokenBatch, dropout: DropoutPlan) -> (Vec<f32>, NormTrace) {
        let hidden = self.shape.hidden;
        let row = |at: usize, id: u32| &parameters.values(at)[id as usize * hidden..][..hidden];
        let types = row(TYPES, 0);
        let mut sums = Vec::with_capacity(batch.ids.len() * hidden);
        for (id, position) in batch.ids.iter().zip(&batch.positions) {
            let (word, position) = (row(WORDS, *id), row(POSITIONS, *position));
            sums.extend(
                word.iter().zip(position).zip(types).map(|((word, position), of_type)| word + position + of_type),
            );
        }
        let (mut rows, trace) = self.norm(parameters, NORM, Dropout::none()).forward(self.cpu, &sums, &[]);
        let drops = dropout.of_embeddings();
        let mut room = vec![0.0; hidden];
        rows.chunks_exact_mut(hidden).enumerate().for_each(|(row, x)| drops.apply(row, x, &mut room));
        (rows, trace)
    }

    fn norm<'a>(&self, parameters: &'a Parameters, at: usize, dropout: Dropout) -> Norm<'a> {
        let (weight, bias) = parameters.pair(at);
        Norm { weight, bias, epsilon: self.shape.epsilon as f32, dropout }
    }

    fn attention<'a>(&self, batch: &'a TokenBatch, dropout: Dropout) -> AttentionShape<'a> {
        AttentionShape { hidden: self.shape.hidden, heads: self.shape.heads, bounds: &batch.bounds, dropout }
    }

    fn layer(
        &self,
        parameters: &Parameters,
        layer: usize,
        batch: &TokenBatch,
        dropout: DropoutPlan,
        input: Vec<f32>,
    ) -> (Vec<f32>, LayerTrace) {
        let (cpu, first) = (self.cpu, Parameters::layer(layer));
        let [of_probabilities, of_attended, of_narrow] = dropout.of_layer(layer);
        // Three products with one input are one.
        let together =
            |offset: usize| [QUERY, KEY, VALUE].map(|part| parameters.values(first + part + offset)).concat();
        let (qkv_weights, qkv_bias) = (together(0), together(1));
        let qkv = product(cpu, &input, &qkv_weights, &qkv_bias);
        let (taken, probabilities) = attend(cpu, self.attention(batch, of_probabilities), &qkv);
        let linear = |at: usize, input: &[f32]| {
            let (weights, bias) = parameters.pair(first + at);
            product(cpu, input, weights, bias)
        };
        let attended = linear(ATTENDED, &taken);
        let norm = self.norm(parameters, first + ATTENTION_NORM, of_attended);
        let (middle, attention_norm) = norm.forward(cpu, &input, &attended);
        let wide = linear(WIDEN, &middle);
        let active = activate(cpu, self.shape.activation, &wide);
        let narrow = linear(NARROW, &active);
        let norm = self.norm(parameters, first + OUTPUT_NORM, of_narrow);
        let (out, output_norm) = norm.forward(cpu, &middle, &narrow);
        let trace = LayerTrace {
            input,
            qkv_weights,
            qkv,
            probabilities,
            taken,
            attention_norm,
            middle,
            wide,
            active,
            output_norm,
        };
        (out, trace)
    }

    /// From the gradient of what came out of a layer that of what went in. `gradients` begin with the layer's.
    #[expect(clippy::too_many_arguments, reason = "the forward pass' arguments, its trace and two gradients")]
    fn layer_backward(
        &self,
        parameters: &Parameters,
        layer: usize,
        batch: &TokenBatch,
        dropout: DropoutPlan,
        trace: &LayerTrace,
        gradient: &[f32],
        gradients: &mut [Vec<f32>],
    ) -> Vec<f32> {
        let (cpu, first, hidden) = (self.cpu, Parameters::layer(layer), self.shape.hidden);
        let [of_probabilities, of_attended, of_narrow] = dropout.of_layer(layer);
        let mut linear = |at: usize, input: &[f32], gradient: &[f32]| {
            let (weights, bias) = parameters.pair(first + at);
            gradients[at] = weight_gradient(cpu, gradient, input, bias.len());
            gradients[at + 1] = column_sums(gradient, bias.len());
            input_gradient(cpu, gradient, weights, bias.len())
        };
        let norm = self.norm(parameters, first + OUTPUT_NORM, of_narrow);
        let output = norm.backward(cpu, &trace.output_norm, gradient);
        let mut wide = linear(NARROW, &trace.active, &output.added);
        activation_gradient(cpu, self.shape.activation, &trace.wide, &mut wide);
        let mut middle = linear(WIDEN, &trace.middle, &wide);
        add(&mut middle, &output.residual);
        let norm = self.norm(parameters, first + ATTENTION_NORM, of_attended);
        let attention = norm.backward(cpu, &trace.attention_norm, &middle);
        let taken = linear(ATTENDED, &trace.taken, &attention.added);
        let shape = self.attention(batch, of_probabilities);
        let qkv = attention_gradient(cpu, shape, &trace.qkv, &trace.probabilities, &taken);
        let mut input = input_gradient(cpu, &qkv, &trace.qkv_weights, 3 * hidden);
        add(&mut input, &attention.residual);
        let weights = weight_gradient(cpu, &qkv, &trace.input, 3 * hidden);
        let bias = column_sums(&qkv, 3 * hidden);
        for (at, part) in [QUERY, KEY, VALUE].into_iter().enumerate() {
            gradients[part] = weights[at * hidden * hidden..][..hidden * hidden].to_vec();
            gradients[part + 1] = bias[at * hidden..][..hidden].to_vec();
        }
        (gradients[ATTENTION_NORM], gradients[ATTENTION_NORM + 1]) = (attention.weight, attention.bias);
        (gradients[OUTPUT_NORM], gradients[OUTPUT_NORM + 1]) = (output.weight, output.bias);
        input
    }

    fn pool(&self, rows: &[f32], batch: &TokenBatch) -> Vec<f32> {
        let hidden = self.shape.hidden;
        let mut pooled = vec![0.0; batch.texts() * hidden];
        for (text, pooled) in batch.bounds.windows(2).zip(pooled.chunks_exact_mut(hidden)) {
            let rows = &rows[text[0] * hidden..text[1] * hidden];
            match self.pooling {
                TrainablePooling::Cls => pooled.copy_from_slice(&rows[..hidden]),
                TrainablePooling::Mean => {
                    for row in rows.chunks_exact(hidden) {
                        pooled.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
                    }
                    let inverse = 1.0 / (text[1] - text[0]) as f32;
                    pooled.iter_mut().for_each(|x| *x *= inverse);
                }
            }
        }
        pooled
    }

    /// From the gradient of the pooled vectors that of the tokens'.
    fn spread(&self, pooled: &[f32], batch: &TokenBatch) -> Vec<f32> {
        let hidden = self.shape.hidden;
        let mut rows = vec![0.0; batch.ids.len() * hidden];
        for (text, gradient) in batch.bounds.windows(2).zip(pooled.chunks_exact(hidden)) {
            let rows = &mut rows[text[0] * hidden..text[1] * hidden];
            match self.pooling {
                TrainablePooling::Cls => rows[..hidden].copy_from_slice(gradient),
                TrainablePooling::Mean => {
                    let inverse = 1.0 / (text[1] - text[0]) as f32;
                    for row in rows.chunks_exact_mut(hidden) {
                        row.iter_mut().zip(gradient).for_each(|(x, gradient)| *x = gradient * inverse);
                    }
                }
            }
        }
        rows
    }
}
