//! One layer of the encoder, in two steps: all tokens' queries, keys and values first, then, for any share of the tokens by itself,
//! everything else. Between the steps stands the only wait of a layer when several threads work on it.

use pulp::Arch;

use super::attention::{Attention, AttentionRoom};
use super::byte_matrix::ByteMatrix;
use super::matmul::{Finish, Multiply, Panels, Rows};
use super::norm::{AddAndNormalise, Norm};
use super::quantised::{MultiplyQuantised, QuantisedPanels, QuantisedRows};

/// Tokens that go through the second step together: what they are multiplied into stays in the cache.
const TOKENS_A_BLOCK: usize = 128;

/// Weights and bias of a linear map.
#[derive(Debug, Clone)]
pub(super) enum Linear {
    Whole {
        weights: Panels,
        /// As long as all panels are wide.
        bias: Vec<f32>,
    },
    Quantised(QuantisedPanels),
}

impl Linear {
    /// `weights`: as many rows as there are outputs, of as many numbers as there are inputs.
    pub(super) fn of_numbers(weights: &[f32], mut bias: Vec<f32>, width: usize) -> Self {
        let columns = bias.len();
        bias.resize(columns.next_multiple_of(width), 0.0);
        let depth = weights.len() / columns.max(1);
        Self::Whole { weights: Panels::of_weights(weights, columns, depth, width), bias }
    }

    /// Matrices over the same inputs in the same parts; their outputs stand one after the other.
    pub(super) fn of_bytes(matrices: &[ByteMatrix], bias: &[f32]) -> Self {
        Self::Quantised(QuantisedPanels::of_matrices(matrices, bias))
    }

    fn outputs(&self) -> usize {
        match self {
            Self::Whole { weights, .. } => weights.columns,
            Self::Quantised(weights) => weights.columns,
        }
    }

    pub(super) fn apply(&self, arch: Arch, left: &[f32], finish: Finish, out: &mut [f32], room: &mut QuantisedRows) {
        match self {
            Self::Whole { weights, bias } => arch.dispatch(Multiply {
                rows: left.len() / weights.depth,
                left: Rows { data: left, stride: weights.depth },
                right: weights,
                bias,
                finish,
                out,
                out_stride: weights.columns,
            }),
            Self::Quantised(weights) => MultiplyQuantised { left, right: weights, finish, out, room }.run(arch),
        }
    }
}

/// The weights of a layer.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// Queries (scaled by the root of a head's dimensions), keys and values.
    pub(super) qkv: Linear,
    pub(super) attended: Linear,
    pub(super) attention_norm: Norm,
    pub(super) widen: Linear,
    pub(super) narrow: Linear,
    pub(super) output_norm: Norm,
    pub(super) activation: Finish,
    pub(super) heads: usize,
}

/// Room for one thread's intermediate results, used again for every layer and request.
#[derive(Debug, Default)]
pub(super) struct LayerRoom {
    attention: AttentionRoom,
    quantised: QuantisedRows,
    /// [block, hidden]
    context: Vec<f32>,
    /// [block, hidden]
    narrow: Vec<f32>,
    /// [block, intermediate]
    wide: Vec<f32>,
}

/// Where the texts of a batch begin and end, in tokens.
pub(super) struct Texts<'a> {
    /// One more than there are texts; the first is 0.
    pub(super) bounds: &'a [usize],
}

impl Layer {
    /// Queries, keys and values of these tokens.
    pub(super) fn project(&self, arch: Arch, hidden: &[f32], qkv: &mut [f32], room: &mut LayerRoom) {
        self.qkv.apply(arch, hidden, Finish::Nothing, qkv, &mut room.quantised);
    }

    /// What follows, for the tokens from `first` on that `hidden` holds; `qkv` is of all tokens.
    pub(super) fn finish(
        &self,
        arch: Arch,
        texts: &Texts<'_>,
        qkv: &[f32],
        first: usize,
        hidden: &mut [f32],
        room: &mut LayerRoom,
    ) {
        let dims = self.attended.outputs();
        for (at, block) in hidden.chunks_mut(TOKENS_A_BLOCK * dims).enumerate() {
            let tokens = block.len() / dims;
            let first = first + at * TOKENS_A_BLOCK;
            room.context.resize(tokens * dims, 0.0);
            room.narrow.resize(tokens * dims, 0.0);
            room.wide.resize(tokens * self.widen.outputs(), 0.0);
            self.attend(arch, texts, qkv, first, room);
            let LayerRoom { context, narrow, wide, quantised, .. } = &mut *room;
            self.attended.apply(arch, context, Finish::Nothing, narrow, quantised);
            arch.dispatch(AddAndNormalise { rows: block, added: narrow, norm: &self.attention_norm });
            self.widen.apply(arch, block, self.activation, wide, quantised);
            self.narrow.apply(arch, wide, Finish::Nothing, narrow, quantised);
            arch.dispatch(AddAndNormalise { rows: block, added: narrow, norm: &self.output_norm });
        }
    }

    /// Fills `room.context` for the tokens from `first` on.
    fn attend(&self, arch: Arch, texts: &Texts<'_>, qkv: &[f32], first: usize, room: &mut LayerRoom) {
        let (dims, stride) = (self.attended.outputs(), self.qkv.outputs());
        let last = first + room.context.len() / dims;
        for text in texts.bounds.windows(2) {
            let (begin, end) = (text[0], text[1]);
            let (from, to) = (begin.max(first), end.min(last));
            if from >= to {
                continue;
            }
            arch.dispatch(Attention {
                qkv: &qkv[begin * stride..end * stride],
                hidden: dims,
                heads: self.heads,
                queries: from - begin..to - begin,
                out: &mut room.context[(from - first) * dims..(to - first) * dims],
                room: &mut room.attention,
            });
        }
    }
}
