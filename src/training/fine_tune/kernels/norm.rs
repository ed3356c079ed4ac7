//! Layer normalisation, with what stands before it in an encoder: dropout of a product and the residual that it is added to.
//!
//! With s = residual + dropout(added), y = weight * (s - mean) / deviation + bias over every row. The gradient of s is
//! (g - mean(g) - n mean(g n)) / deviation, where g is the gradient of y times the weight and n the normalised row.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::sums::{ROWS_A_SHARE, added_up};
use super::{Dropout, Processor};

/// A normalisation of rows, and the dropout of what is added to them first.
#[derive(Clone, Copy)]
pub(in super::super) struct Norm<'a> {
    pub(in super::super) weight: &'a [f32],
    pub(in super::super) bias: &'a [f32],
    pub(in super::super) epsilon: f32,
    pub(in super::super) dropout: Dropout,
}

/// What the gradient of a normalisation needs.
pub(in super::super) struct NormTrace {
    /// The normalised rows before weight and bias.
    normal: Vec<f32>,
    /// One over each row's deviation.
    inverse: Vec<f32>,
}

/// Gradients of a normalisation.
pub(in super::super) struct NormGradient {
    pub(in super::super) residual: Vec<f32>,
    pub(in super::super) added: Vec<f32>,
    pub(in super::super) weight: Vec<f32>,
    pub(in super::super) bias: Vec<f32>,
}

impl Norm<'_> {
    /// Of the sum of two matrices of [rows, width]; the second may be empty.
    pub(in super::super) fn forward(&self, cpu: Processor, residual: &[f32], added: &[f32]) -> (Vec<f32>, NormTrace) {
        let width = self.weight.len();
        let rows = residual.len() / width;
        let (mut out, mut normal) = (vec![0.0; rows * width], vec![0.0; rows * width]);
        let mut inverse = vec![0.0; rows];
        let share = ROWS_A_SHARE * width;
        out.par_chunks_mut(share)
            .zip(normal.par_chunks_mut(share))
            .zip(inverse.par_chunks_mut(ROWS_A_SHARE))
            .enumerate()
            .for_each(|(at, ((out, normal), inverse))| {
                let first = at * ROWS_A_SHARE;
                cpu.arch.dispatch(Forward { norm: *self, residual, added, first, out, normal, inverse });
            });
        (out, NormTrace { normal, inverse })
    }

    /// From the gradient of what came out.
    pub(in super::super) fn backward(&self, cpu: Processor, of: &NormTrace, gradient: &[f32]) -> NormGradient {
        let width = self.weight.len();
        let (mut residual, mut added) = (vec![0.0; gradient.len()], vec![0.0; gradient.len()]);
        let share = ROWS_A_SHARE * width;
        let sums: Vec<Vec<f32>> = residual
            .par_chunks_mut(share)
            .zip(added.par_chunks_mut(share))
            .zip(gradient.par_chunks(share))
            .enumerate()
            .map(|(at, ((residual, added), gradient))| {
                // The weight's sums and behind them the bias'.
                let mut sums = vec![0.0; 2 * width];
                let first = at * ROWS_A_SHARE;
                cpu.arch.dispatch(Backward { norm: *self, of, first, gradient, residual, added, sums: &mut sums });
                sums
            })
            .collect();
        let mut weight = added_up(sums.iter().map(Vec::as_slice), 2 * width);
        let bias = weight.split_off(width);
        NormGradient { residual, added, weight, bias }
    }
}

struct Forward<'a> {
    norm: Norm<'a>,
    residual: &'a [f32],
    added: &'a [f32],
    /// The first row of this share.
    first: usize,
    out: &'a mut [f32],
    normal: &'a mut [f32],
    inverse: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let norm = self.norm;
        let width = norm.weight.len();
        let mut factors = vec![1.0; width];
        for (at, inverse) in self.inverse.iter_mut().enumerate() {
            let row = self.first + at;
            let normal = &mut self.normal[at * width..][..width];
            normal.copy_from_slice(&self.residual[row * width..][..width]);
            if !norm.dropout.is_none() {
                norm.dropout.factors(row, &mut factors);
            }
            if let Some(added) = self.added.get(row * width..(row + 1) * width) {
                for place in 0..width {
                    normal[place] += added[place] * factors[place];
                }
            }
            let mean = sum(simd, normal) / width as f32;
            normal.iter_mut().for_each(|x| *x -= mean);
            let variance = dot(simd, normal, normal) / width as f32;
            *inverse = 1.0 / (variance + norm.epsilon).sqrt();
            let out = &mut self.out[at * width..][..width];
            for place in 0..width {
                normal[place] *= *inverse;
                out[place] = normal[place] * norm.weight[place] + norm.bias[place];
            }
        }
    }
}

struct Backward<'a> {
    norm: Norm<'a>,
    of: &'a NormTrace,
    first: usize,
    gradient: &'a [f32],
    residual: &'a mut [f32],
    added: &'a mut [f32],
    sums: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let norm = self.norm;
        let width = norm.weight.len();
        let (weight_sums, bias_sums) = self.sums.split_at_mut(width);
        let mut factors = vec![1.0; width];
        for (at, gradient) in self.gradient.chunks_exact(width).enumerate() {
            let row = self.first + at;
            let normal = &self.of.normal[row * width..][..width];
            let residual = &mut self.residual[at * width..][..width];
            for place in 0..width {
                weight_sums[place] += gradient[place] * normal[place];
                bias_sums[place] += gradient[place];
                residual[place] = gradient[place] * norm.weight[place];
            }
            let mean = sum(simd, residual) / width as f32;
            let along = dot(simd, residual, normal) / width as f32;
            let inverse = self.of.inverse[row];
            if !norm.dropout.is_none() {
                norm.dropout.factors(row, &mut factors);
            }
            let added = &mut self.added[at * width..][..width];
            for place in 0..width {
                residual[place] = (residual[place] - mean - normal[place] * along) * inverse;
                added[place] = residual[place] * factors[place];
            }
        }
    }
}

#[inline(always)]
fn sum<S: Simd>(simd: S, row: &[f32]) -> f32 {
    let (vectors, end) = S::as_simd_f32s(row);
    let mut sums = simd.splat_f32s(0.0);
    for x in vectors {
        sums = simd.add_f32s(sums, *x);
    }
    simd.reduce_sum_f32s(sums) + end.iter().sum::<f32>()
}

#[inline(always)]
fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_end), (b, b_end)) = (S::as_simd_f32s(a), S::as_simd_f32s(b));
    let mut sums = simd.splat_f32s(0.0);
    for (a, b) in a.iter().zip(b) {
        sums = simd.mul_add_e_f32s(*a, *b, sums);
    }
    simd.reduce_sum_f32s(sums) + a_end.iter().zip(b_end).map(|(a, b)| a * b).sum::<f32>()
}
