//! Arithmetic on vectors of whatever width the processor has, chosen at run time: exponential, error function, activation. Safe code over
//! `pulp`; every function must be inlined into one that was dispatched, or it falls back to single numbers.

use pulp::Simd;

/// Beyond these the exponential leaves the numbers of 32 bits.
const LOWEST_EXPONENT: f32 = -87.336_54;
const HIGHEST_EXPONENT: f32 = 88.0;
/// 1.5 * 2^23: adding it leaves a whole number in the lowest bits.
const ROUNDING: f32 = 12_582_912.0;
/// ln 2 in two parts, the first of which has few digits, so that a multiple of it is exact (Cody and Waite's reduction).
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// e^r for |r| <= ln 2 / 2 as a polynomial, the highest power first (coefficients of Cephes' `expf`); then r^2 times it, plus r, plus 1.
const EXP: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
/// Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: absolute error below 1.5e-7.
const ERF_T: f32 = 0.327_591_1;
const ERF: [f32; 5] = [1.061_405_4, -1.453_152, 1.421_413_7, -0.284_496_72, 0.254_829_6];
const INVERSE_ROOT_2_PI: f32 = 0.398_942_3;

/// e^x, with a relative error of about 2e-7. What is too small becomes the smallest normal number, which adds nothing to any sum here.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = simd.max_f32s(x, simd.splat_f32s(LOWEST_EXPONENT));
    let x = simd.min_f32s(x, simd.splat_f32s(HIGHEST_EXPONENT));
    let rounding = simd.splat_f32s(ROUNDING);
    let shifted = simd.mul_add_e_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), rounding);
    let whole = simd.sub_f32s(shifted, rounding);
    let rest = simd.negate_mul_add_e_f32s(whole, simd.splat_f32s(LN_2[0]), x);
    let rest = simd.negate_mul_add_e_f32s(whole, simd.splat_f32s(LN_2[1]), rest);
    let polynomial = polynomial(simd, rest, &EXP);
    let value = simd.mul_add_e_f32s(simd.mul_f32s(rest, rest), polynomial, rest);
    let value = simd.add_f32s(value, simd.splat_f32s(1.0));
    // 2^whole: added to the exponent's bits.
    let exponent = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(value), exponent))
}

/// x times the share of a normal distribution below it: BERT's activation, by the error function.
#[inline(always)]
pub(crate) fn gelu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    simd.mul_f32s(x, normal_share(simd, x).0)
}

/// The slope of `gelu`: the share below x, plus x times the normal density at it.
#[inline(always)]
pub(crate) fn gelu_slope<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let (share, decay) = normal_share(simd, x);
    let density = simd.mul_f32s(decay, simd.splat_f32s(INVERSE_ROOT_2_PI));
    simd.mul_add_e_f32s(x, density, share)
}

/// The share of a normal distribution below x, and e^(-x^2 / 2).
#[inline(always)]
fn normal_share<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let (one, half) = (simd.splat_f32s(1.0), simd.splat_f32s(0.5));
    let scaled = simd.mul_f32s(x, simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2));
    let magnitude = simd.abs_f32s(scaled);
    let t = simd.div_f32s(one, simd.mul_add_e_f32s(magnitude, simd.splat_f32s(ERF_T), one));
    let polynomial = simd.mul_f32s(polynomial(simd, t, &ERF), t);
    let decay = exp(simd, simd.neg_f32s(simd.mul_f32s(scaled, scaled)));
    // 1 - erf(|x| / sqrt 2), halved: the share in the farther tail.
    let tail = simd.mul_f32s(simd.mul_f32s(polynomial, decay), half);
    let is_negative = simd.less_than_f32s(x, simd.splat_f32s(0.0));
    (simd.select_f32s(is_negative, tail, simd.sub_f32s(one, tail)), decay)
}

#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, x: S::f32s, coefficients: &[f32; N]) -> S::f32s {
    let mut sum = simd.splat_f32s(coefficients[0]);
    for coefficient in &coefficients[1..] {
        sum = simd.mul_add_e_f32s(sum, x, simd.splat_f32s(*coefficient));
    }
    sum
}
