//! The activation between a layer's two wide products, and its gradient.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::Processor;
use crate::embedder::{FusedActivation, gelu, gelu_slope};

/// Numbers of one task.
const NUMBERS_A_TASK: usize = 16 * 1024;

/// The activation of every number.
pub(in super::super) fn activate(cpu: Processor, activation: FusedActivation, input: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; input.len()];
    out.par_chunks_mut(NUMBERS_A_TASK).zip(input.par_chunks(NUMBERS_A_TASK)).for_each(|(out, input)| {
        cpu.arch.dispatch(Activate { activation, input, out });
    });
    out
}

/// `gradient` becomes that of the activation's input.
pub(in super::super) fn activation_gradient(
    cpu: Processor,
    activation: FusedActivation,
    input: &[f32],
    gradient: &mut [f32],
) {
    gradient.par_chunks_mut(NUMBERS_A_TASK).zip(input.par_chunks(NUMBERS_A_TASK)).for_each(|(gradient, input)| {
        cpu.arch.dispatch(Slope { activation, input, gradient });
    });
}

struct Activate<'a> {
    activation: FusedActivation,
    input: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let ((input, input_end), (out, out_end)) = (S::as_simd_f32s(self.input), S::as_mut_simd_f32s(self.out));
        match self.activation {
            FusedActivation::Gelu => {
                for (out, x) in out.iter_mut().zip(input) {
                    *out = gelu(simd, *x);
                }
                let end = gelu(simd, simd.partial_load_f32s(input_end));
                simd.partial_store_f32s(out_end, end);
            }
            FusedActivation::Relu => {
                for (out, x) in out.iter_mut().zip(input) {
                    *out = simd.max_f32s(*x, simd.splat_f32s(0.0));
                }
                out_end.iter_mut().zip(input_end).for_each(|(out, x)| *out = x.max(0.0));
            }
        }
    }
}

struct Slope<'a> {
    activation: FusedActivation,
    input: &'a [f32],
    gradient: &'a mut [f32],
}

impl WithSimd for Slope<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if self.activation == FusedActivation::Relu {
            for (gradient, x) in self.gradient.iter_mut().zip(self.input) {
                *gradient = if *x > 0.0 { *gradient } else { 0.0 };
            }
            return;
        }
        let (input, input_end) = S::as_simd_f32s(self.input);
        let (gradient, gradient_end) = S::as_mut_simd_f32s(self.gradient);
        for (gradient, x) in gradient.iter_mut().zip(input) {
            *gradient = simd.mul_f32s(*gradient, gelu_slope(simd, *x));
        }
        let slope = gelu_slope(simd, simd.partial_load_f32s(input_end));
        let end = simd.mul_f32s(simd.partial_load_f32s(gradient_end), slope);
        simd.partial_store_f32s(gradient_end, end);
    }
}
