//! Attention among the tokens of each text: softmax of queries against keys, dropout of what it gives, and the values weighed by it; and the gradients
//! of queries, keys and values. Texts stand end to end and never see each other, so there is no mask and no padding.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{Dropout, Processor};
use crate::embedder::{Finish, Multiply, Panels, Rows, exp};

/// So low that its exponential adds nothing.
const NO_SCORE: f32 = -1e30;

/// Sizes of an attention.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct AttentionShape<'a> {
    /// Length of a token's vector, all heads together.
    pub(in super::super) hidden: usize,
    pub(in super::super) heads: usize,
    /// Where each text begins and ends among the tokens.
    pub(in super::super) bounds: &'a [usize],
    /// Of the probabilities; rows are counted by head and token.
    pub(in super::super) dropout: Dropout,
}

impl AttentionShape<'_> {
    fn dims(&self) -> usize {
        self.hidden / self.heads
    }

    /// Softmax probabilities of every text: its heads one after the other, each [tokens, tokens with a row's end filled up].
    fn probability_bounds(&self, width: usize) -> Vec<usize> {
        let mut bounds = vec![0];
        let mut end = 0;
        for text in self.bounds.windows(2) {
            let length = text[1] - text[0];
            end += self.heads * length * length.next_multiple_of(width);
            bounds.push(end);
        }
        bounds
    }
}

/// `qkv`: queries, keys and values beside each other, [tokens, 3 * hidden]. Gives what every token takes from the others, [tokens, hidden], and the
/// probabilities for the backward pass.
pub(in super::super) fn attend(cpu: Processor, shape: AttentionShape<'_>, qkv: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let probability_bounds = shape.probability_bounds(cpu.width);
    let mut out = vec![0.0; qkv.len() / 3];
    let mut probabilities = vec![0.0; probability_bounds.last().copied().unwrap_or(0)];
    let outs = split(&mut out, shape.bounds, shape.hidden);
    let of_texts = split(&mut probabilities, &probability_bounds, 1);
    outs.into_par_iter().zip(of_texts).enumerate().for_each_init(
        Room::default,
        |room, (text, (out, probabilities))| {
            let first = shape.bounds[text];
            let qkv = &qkv[first * 3 * shape.hidden..][..out.len() * 3];
            cpu.arch.dispatch(Attend { shape, first, qkv, out, probabilities, room });
        },
    );
    (out, probabilities)
}

/// From the gradient of what tokens took, that of `qkv`.
pub(in super::super) fn attention_gradient(
    cpu: Processor,
    shape: AttentionShape<'_>,
    qkv: &[f32],
    probabilities: &[f32],
    gradient: &[f32],
) -> Vec<f32> {
    let probability_bounds = shape.probability_bounds(cpu.width);
    let mut out = vec![0.0; qkv.len()];
    let outs = split(&mut out, shape.bounds, 3 * shape.hidden);
    outs.into_par_iter().enumerate().for_each_init(Room::default, |room, (text, out)| {
        let first = shape.bounds[text];
        cpu.arch.dispatch(Gradient {
            shape,
            first,
            qkv: &qkv[first * 3 * shape.hidden..][..out.len()],
            probabilities: &probabilities[probability_bounds[text]..probability_bounds[text + 1]],
            gradient: &gradient[first * shape.hidden..][..out.len() / 3],
            out,
            room,
        });
    });
    out
}

/// A slice for every text.
fn split<'a>(mut numbers: &'a mut [f32], bounds: &[usize], width: usize) -> Vec<&'a mut [f32]> {
    let mut slices = Vec::with_capacity(bounds.len().saturating_sub(1));
    for text in bounds.windows(2) {
        let (now, later) = numbers.split_at_mut((text[1] - text[0]) * width);
        slices.push(now);
        numbers = later;
    }
    slices
}

/// Room that is used again for every head and text.
#[derive(Default)]
struct Room {
    panels: Panels,
    values: Panels,
    scores: Vec<f32>,
    turned: Vec<f32>,
    factors: Vec<f32>,
}

struct Attend<'a> {
    shape: AttentionShape<'a>,
    first: usize,
    qkv: &'a [f32],
    out: &'a mut [f32],
    probabilities: &'a mut [f32],
    room: &'a mut Room,
}

impl WithSimd for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, first, qkv, out, probabilities, room } = self;
        let (width, hidden, dims) = (2 * S::F32_LANES, shape.hidden, shape.dims());
        let length = out.len() / hidden;
        let stride = length.next_multiple_of(width);
        let scale = 1.0 / (dims as f32).sqrt();
        room.factors.resize(room.factors.len().max(stride), 1.0);
        for (head, probabilities) in probabilities.chunks_exact_mut((length * stride).max(1)).enumerate() {
            let at = head * dims;
            pack_columns(&mut room.panels, qkv, 3 * hidden, hidden + at, dims, width);
            pack_rows(&mut room.values, qkv, 3 * hidden, 2 * hidden + at, dims, width);
            let queries = Rows { data: &qkv[at..], stride: 3 * hidden };
            times(simd, length, queries, &room.panels, probabilities, stride);
            for row in probabilities.chunks_exact_mut(stride) {
                row[length..].fill(NO_SCORE);
                softmax(simd, row, scale);
            }
            let mut weights = Rows { data: &*probabilities, stride };
            if !shape.dropout.is_none() {
                room.scores.clear();
                room.scores.extend_from_slice(probabilities);
                for (token, row) in room.scores.chunks_exact_mut(stride).enumerate() {
                    let row_number = (first + token) * shape.heads + head;
                    shape.dropout.apply(row_number, &mut row[..length], &mut room.factors);
                }
                weights = Rows { data: &room.scores, stride };
            }
            times(simd, length, weights, &room.values, &mut out[at..], hidden);
        }
    }
}

struct Gradient<'a> {
    shape: AttentionShape<'a>,
    first: usize,
    qkv: &'a [f32],
    probabilities: &'a [f32],
    gradient: &'a [f32],
    out: &'a mut [f32],
    room: &'a mut Room,
}

impl WithSimd for Gradient<'_> {
    type Output = ();

    /// With p the probabilities, d their dropout's factors and s the scaled scores: the gradient of the values is the transposed (d p) times the
    /// gradient; that of s is p (h - sum(p h)) by row, with h the gradient times the transposed values, times d.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, first, qkv, probabilities, gradient, out, room } = self;
        let (width, hidden, dims) = (2 * S::F32_LANES, shape.hidden, shape.dims());
        let length = gradient.len() / hidden;
        let stride = length.next_multiple_of(width);
        let scale = 1.0 / (dims as f32).sqrt();
        room.factors.resize(room.factors.len().max(stride), 1.0);
        room.factors.fill(1.0);
        room.scores.resize(room.scores.len().max(length * stride), 0.0);
        room.turned.resize(room.turned.len().max(length * length), 0.0);
        for (head, probabilities) in probabilities.chunks_exact((length * stride).max(1)).enumerate() {
            let at = head * dims;
            let of_head = Rows { data: &gradient[at..], stride: hidden };
            let scores = &mut room.scores[..length * stride];
            pack_columns(&mut room.panels, qkv, 3 * hidden, 2 * hidden + at, dims, width);
            times(simd, length, of_head, &room.panels, scores, stride);
            for (token, row) in scores.chunks_exact_mut(stride).enumerate() {
                let row_number = (first + token) * shape.heads + head;
                if !shape.dropout.is_none() {
                    shape.dropout.factors(row_number, &mut room.factors[..length]);
                }
                let of_row = &probabilities[token * stride..][..length];
                let row = &mut row[..length];
                let mut along = 0.0;
                for other in 0..length {
                    room.turned[other * length + token] = of_row[other] * room.factors[other];
                    row[other] *= room.factors[other];
                    along += row[other] * of_row[other];
                }
                for other in 0..length {
                    row[other] = of_row[other] * (row[other] - along) * scale;
                }
            }
            let turned = Rows { data: &room.turned[..length * length], stride: length };
            pack_rows(&mut room.values, gradient, hidden, at, dims, width);
            times(simd, length, turned, &room.values, &mut out[2 * hidden + at..], 3 * hidden);
            pack_rows(&mut room.values, qkv, 3 * hidden, hidden + at, dims, width);
            times(simd, length, Rows { data: scores, stride }, &room.values, &mut out[at..], 3 * hidden);
            for (token, row) in scores.chunks_exact(stride).enumerate() {
                for (other, x) in row[..length].iter().enumerate() {
                    room.turned[other * length + token] = *x;
                }
            }
            let turned = Rows { data: &room.turned[..length * length], stride: length };
            pack_rows(&mut room.values, qkv, 3 * hidden, at, dims, width);
            times(simd, length, turned, &room.values, &mut out[hidden + at..], 3 * hidden);
        }
    }
}

/// A head's part of every row as columns.
#[inline(always)]
fn pack_columns(panels: &mut Panels, rows: &[f32], stride: usize, at: usize, dims: usize, width: usize) {
    panels.reset(dims, rows.len() / stride, width);
    for (column, row) in rows.chunks_exact(stride).enumerate() {
        panels.set_column(column, &row[at..at + dims]);
    }
}

/// A head's part of every row as rows.
#[inline(always)]
fn pack_rows(panels: &mut Panels, rows: &[f32], stride: usize, at: usize, dims: usize, width: usize) {
    panels.reset(rows.len() / stride, dims, width);
    for (place, row) in rows.chunks_exact(stride).enumerate() {
        panels.set_row(place, &row[at..at + dims]);
    }
}

#[inline(always)]
fn times<S: Simd>(simd: S, rows: usize, left: Rows<'_>, right: &Panels, out: &mut [f32], out_stride: usize) {
    Multiply { rows, left, right, bias: &[], finish: Finish::Nothing, out, out_stride }.with_simd(simd);
}

/// Of the scaled row, in place; the row is a multiple of a vector long.
#[inline(always)]
fn softmax<S: Simd>(simd: S, row: &mut [f32], scale: f32) {
    let (row, _) = S::as_mut_simd_f32s(row);
    let scale = simd.splat_f32s(scale);
    // Loops and no closures, which would be compiled for any processor.
    let mut highest = simd.splat_f32s(NO_SCORE);
    for x in row.iter() {
        highest = simd.max_f32s(highest, *x);
    }
    let highest = simd.splat_f32s(simd.reduce_max_f32s(highest));
    let mut sum = simd.splat_f32s(0.0);
    for x in row.iter_mut() {
        *x = exp(simd, simd.mul_f32s(simd.sub_f32s(*x, highest), scale));
        sum = simd.add_f32s(sum, *x);
    }
    let inverse = simd.splat_f32s(1.0 / simd.reduce_sum_f32s(sum));
    for x in row {
        *x = simd.mul_f32s(*x, inverse);
    }
}
