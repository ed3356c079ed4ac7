//! Layer normalisation of rows that something is added to first.

use pulp::{Simd, WithSimd};

/// The weights of a normalisation.
#[derive(Debug, Clone)]
pub(super) struct Norm {
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) epsilon: f32,
}

/// `rows` become the normalised sum of themselves and `added`.
pub(super) struct AddAndNormalise<'a> {
    pub(super) rows: &'a mut [f32],
    pub(super) added: &'a [f32],
    pub(super) norm: &'a Norm,
}

impl WithSimd for AddAndNormalise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, added, norm } = self;
        let width = norm.weight.len();
        let inverse_width = 1.0 / width as f32;
        for (row, added) in rows.chunks_exact_mut(width).zip(added.chunks_exact(width)) {
            let mean = add(simd, row, added) * inverse_width;
            let variance = centre(simd, row, mean) * inverse_width;
            scale(simd, row, 1.0 / (variance + norm.epsilon).sqrt(), norm);
        }
    }
}

/// Adds, and gives the sum of all.
#[inline(always)]
fn add<S: Simd>(simd: S, row: &mut [f32], added: &[f32]) -> f32 {
    let ((row, row_end), (added, added_end)) = (S::as_mut_simd_f32s(row), S::as_simd_f32s(added));
    let mut sum = simd.splat_f32s(0.0);
    for (x, added) in row.iter_mut().zip(added) {
        *x = simd.add_f32s(*x, *added);
        sum = simd.add_f32s(sum, *x);
    }
    let mut rest = 0.0;
    for (x, added) in row_end.iter_mut().zip(added_end) {
        *x += added;
        rest += *x;
    }
    simd.reduce_sum_f32s(sum) + rest
}

/// Takes the mean off, and gives the sum of the squares that are left.
#[inline(always)]
fn centre<S: Simd>(simd: S, row: &mut [f32], mean: f32) -> f32 {
    let (row, row_end) = S::as_mut_simd_f32s(row);
    let (means, mut sum) = (simd.splat_f32s(mean), simd.splat_f32s(0.0));
    for x in row {
        *x = simd.sub_f32s(*x, means);
        sum = simd.mul_add_e_f32s(*x, *x, sum);
    }
    let mut rest = 0.0;
    for x in row_end {
        *x -= mean;
        rest += *x * *x;
    }
    simd.reduce_sum_f32s(sum) + rest
}

#[inline(always)]
fn scale<S: Simd>(simd: S, row: &mut [f32], factor: f32, norm: &Norm) {
    let (row, row_end) = S::as_mut_simd_f32s(row);
    let ((weight, weight_end), (bias, bias_end)) = (S::as_simd_f32s(&norm.weight), S::as_simd_f32s(&norm.bias));
    let factors = simd.splat_f32s(factor);
    for ((x, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
        *x = simd.mul_add_e_f32s(simd.mul_f32s(*x, factors), *weight, *bias);
    }
    for ((x, weight), bias) in row_end.iter_mut().zip(weight_end).zip(bias_end) {
        *x = *x * factor * weight + bias;
    }
}
