//! Attention of one text: every head's queries against the text's own keys, softmax, and the values weighed by it. Nothing is transposed
//! in memory but the keys, into panels; texts of a batch never see each other, so there is no mask.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::matmul::{Finish, Multiply, Panels, Rows};
use super::simd::exp;

/// So low that its exponential adds nothing.
const NO_SCORE: f32 = -1e30;

/// Room that is used again for every head and layer.
#[derive(Debug, Default)]
pub(super) struct AttentionRoom {
    keys: Panels,
    values: Panels,
    scores: Vec<f32>,
}

/// Some queries of one text.
pub(super) struct Attention<'a> {
    /// Queries, keys and values of the text's tokens, beside each other: [tokens, 3 * hidden]. Queries are scaled already.
    pub(super) qkv: &'a [f32],
    pub(super) hidden: usize,
    pub(super) heads: usize,
    /// Which of the text's tokens ask.
    pub(super) queries: Range<usize>,
    /// [queries, hidden]
    pub(super) out: &'a mut [f32],
    pub(super) room: &'a mut AttentionRoom,
}

impl WithSimd for Attention<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { qkv, hidden, heads, queries, out, room } = self;
        let width = 2 * S::F32_LANES;
        let (stride, dims) = (3 * hidden, hidden / heads);
        let length = qkv.len() / stride;
        let scores_stride = length.next_multiple_of(width);
        // What a longer text left behind is overwritten below.
        room.scores.resize(room.scores.len().max(queries.len() * scores_stride), 0.0);
        let scores = &mut room.scores[..queries.len() * scores_stride];
        for head in 0..heads {
            room.keys.reset(dims, length, width);
            room.values.reset(length, dims, width);
            for (at, token) in qkv.chunks_exact(stride).enumerate() {
                room.keys.set_column(at, &token[hidden + head * dims..][..dims]);
                room.values.set_row(at, &token[2 * hidden + head * dims..][..dims]);
            }
            Multiply {
                rows: queries.len(),
                left: Rows { data: &qkv[queries.start * stride + head * dims..], stride },
                right: &room.keys,
                bias: &[],
                finish: Finish::Nothing,
                out: scores,
                out_stride: scores_stride,
            }
            .with_simd(simd);
            for row in scores.chunks_exact_mut(scores_stride) {
                row[length..].fill(NO_SCORE);
                softmax(simd, row);
            }
            Multiply {
                rows: queries.len(),
                left: Rows { data: scores, stride: scores_stride },
                right: &room.values,
                bias: &[],
                finish: Finish::Nothing,
                out: &mut out[head * dims..],
                out_stride: hidden,
            }
            .with_simd(simd);
        }
    }
}

/// In place; the row is a multiple of a vector long.
#[inline(always)]
fn softmax<S: Simd>(simd: S, row: &mut [f32]) {
    let (row, _) = S::as_mut_simd_f32s(row);
    // Loops and no closures, which would be compiled for any processor.
    let mut highest = simd.splat_f32s(NO_SCORE);
    for x in row.iter() {
        highest = simd.max_f32s(highest, *x);
    }
    let highest = simd.splat_f32s(simd.reduce_max_f32s(highest));
    let mut sum = simd.splat_f32s(0.0);
    for x in row.iter_mut() {
        *x = exp(simd, simd.sub_f32s(*x, highest));
        sum = simd.add_f32s(sum, *x);
    }
    let inverse = simd.splat_f32s(1.0 / simd.reduce_sum_f32s(sum));
    for x in row {
        *x = simd.mul_f32s(*x, inverse);
    }
}
