//! The numbers that are learnt: each tensor of the encoder by its published name, then the heads'. Knows their order, shapes and which of them
//! decay; computes nothing with them.

use crate::embedder::{FolderError, FusedShape, TrainableEncoder};
use crate::random::SplitMix64;

use super::rows::Targets;

/// Spread of a new head's weights, as BERT's own were begun.
const HEAD_SPREAD: f32 = 0.02;

/// Tensors before the layers'.
pub(super) const WORDS: usize = 0;
pub(super) const POSITIONS: usize = 1;
pub(super) const TYPES: usize = 2;
pub(super) const NORM: usize = 3;
const BEFORE_LAYERS: usize = 5;

/// Tensors of one layer, from the layer's first: a weight at each place and its bias behind it.
pub(super) const QUERY: usize = 0;
pub(super) const KEY: usize = 2;
pub(super) const VALUE: usize = 4;
pub(super) const ATTENDED: usize = 6;
pub(super) const ATTENTION_NORM: usize = 8;
pub(super) const WIDEN: usize = 10;
pub(super) const NARROW: usize = 12;
pub(super) const OUTPUT_NORM: usize = 14;
const A_LAYER: usize = 16;

/// Which learning rate a tensor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Encoder,
    Head,
}

/// One tensor.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
    pub(super) group: Group,
}

impl Parameter {
    /// Biases and normalisations do not decay: they have no size that would be too large.
    pub(super) fn decays(&self) -> bool {
        self.shape.len() > 1
    }
}

/// All tensors, in a fixed order.
#[derive(Debug, Clone)]
pub(super) struct Parameters {
    pub(super) all: Vec<Parameter>,
    layers: usize,
}

impl Parameters {
    /// The encoder's from its folder, the heads' at random.
    pub(super) fn load(
        base: &mut TrainableEncoder,
        targets: &Targets,
        random: &mut SplitMix64,
    ) -> Result<Self, FolderError> {
        let mut all = Vec::new();
        for (name, shape) in encoder_tensors(&base.shape) {
            let values = base.read(&name, &shape)?;
            all.push(Parameter { name, shape, values, group: Group::Encoder });
        }
        for (name, outputs) in targets.heads() {
            let shape = vec![outputs, base.shape.hidden];
            let values = (0..outputs * base.shape.hidden).map(|_| HEAD_SPREAD * normal(random)).collect();
            all.push(Parameter { name: format!("heads.{name}.weight"), shape, values, group: Group::Head });
            let (shape, values) = (vec![outputs], vec![0.0; outputs]);
            all.push(Parameter { name: format!("heads.{name}.bias"), shape, values, group: Group::Head });
        }
        Ok(Self { all, layers: base.shape.layers })
    }

    pub(super) fn values(&self, at: usize) -> &[f32] {
        &self.all[at].values
    }

    /// Weight and bias.
    pub(super) fn pair(&self, at: usize) -> (&[f32], &[f32]) {
        (self.values(at), self.values(at + 1))
    }

    /// Where a layer's tensors begin.
    pub(super) fn layer(at: usize) -> usize {
        BEFORE_LAYERS + at * A_LAYER
    }

    /// Where the heads' tensors begin.
    pub(super) fn heads(&self) -> usize {
        Self::layer(self.layers)
    }

    /// Room for a gradient of each.
    pub(super) fn no_gradients(&self) -> Vec<Vec<f32>> {
        vec![Vec::new(); self.all.len()]
    }
}

/// Names and shapes of an encoder's tensors, as Hugging Face's checkpoints have them.
pub(super) fn encoder_tensors(shape: &FusedShape) -> Vec<(String, Vec<usize>)> {
    let FusedShape { hidden, intermediate, .. } = *shape;
    let table = |name: &str, rows: usize| (format!("embeddings.{name}_embeddings.weight"), vec![rows, hidden]);
    let mut all = vec![
        table("word", shape.vocabulary),
        table("position", shape.positions),
        table("token_type", shape.types),
        ("embeddings.LayerNorm.weight".into(), vec![hidden]),
        ("embeddings.LayerNorm.bias".into(), vec![hidden]),
    ];
    let of_layer: [(&str, &[usize]); A_LAYER / 2] = [
        ("attention.self.query", &[hidden, hidden]),
        ("attention.self.key", &[hidden, hidden]),
        ("attention.self.value", &[hidden, hidden]),
        ("attention.output.dense", &[hidden, hidden]),
        ("attention.output.LayerNorm", &[hidden]),
        ("intermediate.dense", &[intermediate, hidden]),
        ("output.dense", &[hidden, intermediate]),
        ("output.LayerNorm", &[hidden]),
    ];
    for layer in 0..shape.layers {
        for (name, of_weight) in of_layer {
            all.push((format!("encoder.layer.{layer}.{name}.weight"), of_weight.to_vec()));
            all.push((format!("encoder.layer.{layer}.{name}.bias"), vec![of_weight[0]]));
        }
    }
    all
}

/// From a normal distribution (Box and Muller 1958).
fn normal(random: &mut SplitMix64) -> f32 {
    let mut uniform = || (random.next() >> 11) as f64 / (1u64 << 53) as f64;
    let (first, second) = (1.0 - uniform(), uniform());
    ((-2.0 * libm::log(first)).sqrt() * libm::cos(std::f64::consts::TAU * second)) as f32
}
