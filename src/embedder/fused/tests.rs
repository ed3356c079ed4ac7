//! Each kernel beside the same arithmetic written plainly, at sizes that leave remainders everywhere.

use pulp::{Arch, Simd, WithSimd};

use super::attention::{Attention, AttentionRoom};
use super::matmul::{Finish, Multiply, PanelWidth, Panels, Rows};
use super::norm::{AddAndNormalise, Norm};
use super::simd::{exp, gelu};

/// Numbers between -2 and 2 with no pattern.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.f32() * 4.0 - 2.0).take(count).collect()
}

fn assert_near(found: &[f32], expected: &[f64], allowed: f64, about: &str) {
    assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(*found) - expected).abs() <= allowed, "{about}, at {at}: {found} for {expected}");
    }
}

/// Functions of one number at whatever width the processor has.
struct Each<'a> {
    of: Function,
    numbers: &'a mut [f32],
}

#[derive(Clone, Copy)]
enum Function {
    Exp,
    Gelu,
}

impl WithSimd for Each<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (numbers, rest) = S::as_mut_simd_f32s(self.numbers);
        assert!(rest.is_empty());
        for x in numbers {
            *x = match self.of {
                Function::Exp => exp(simd, *x),
                Function::Gelu => gelu(simd, *x),
            };
        }
    }
}

#[test]
fn the_exponential_is_right_to_seven_digits() {
    let given: Vec<f32> = (-8700..=8700).map(|hundredth| hundredth as f32 / 100.0).chain([0.0; 7]).collect();
    let (whole, _) = given.as_chunks::<64>();
    let mut found = whole.as_flattened().to_vec();
    Arch::new().dispatch(Each { of: Function::Exp, numbers: &mut found });
    for (x, found) in given.iter().zip(&found) {
        let expected = f64::from(*x).exp();
        assert!((f64::from(*found) / expected - 1.0).abs() < 4e-7, "e^{x}: {found} for {expected}");
    }
    let mut far = [-1e30; 64];
    Arch::new().dispatch(Each { of: Function::Exp, numbers: &mut far });
    assert!(far.iter().all(|x| (0.0..1e-37).contains(x)), "{far:?}");
}

#[test]
fn the_activation_is_that_of_the_error_function() {
    // Of a normal distribution below x, as tables give it.
    let shares = [
        (-3.0, 0.001_349_898),
        (-1.0, 0.158_655_254),
        (-0.5, 0.308_537_539),
        (0.0, 0.5),
        (0.1, 0.539_827_837),
        (1.0, 0.841_344_746),
        (2.0, 0.977_249_868),
        (6.0, 0.999_999_999),
    ];
    for (x, share) in shares {
        let mut found = [x as f32; 64];
        Arch::new().dispatch(Each { of: Function::Gelu, numbers: &mut found });
        assert_near(&found, &[x * share; 64], 6e-7, &format!("gelu({x})"));
    }
}

#[test]
fn products_are_those_of_the_plain_sum() {
    let arch = Arch::new();
    let width = arch.dispatch(PanelWidth);
    for (rows, depth, columns) in [(1, 1, 1), (2, 5, 3), (5, 32, 31), (13, 7, 65), (29, 48, 32), (12, 3, 100)] {
        let (left, weights, bias) = (numbers(rows * depth, 1), numbers(columns * depth, 2), numbers(columns, 3));
        for finish in [Finish::Nothing, Finish::Relu] {
            let mut wide_bias = bias.clone();
            wide_bias.resize(columns.next_multiple_of(width), 0.0);
            let mut out = vec![0.0; rows * columns];
            arch.dispatch(Multiply {
                rows,
                left: Rows { data: &left, stride: depth },
                right: &Panels::of_weights(&weights, columns, depth, width),
                bias: &wide_bias,
                finish,
                out: &mut out,
                out_stride: columns,
            });
            let expected: Vec<f64> = left
                .chunks_exact(depth)
                .flat_map(|row| {
                    weights.chunks_exact(depth).zip(&bias).map(move |(weights, bias)| {
                        let sum = row.iter().zip(weights).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
                        let sum = sum + f64::from(*bias);
                        if finish == Finish::Relu { sum.max(0.0) } else { sum }
                    })
                })
                .collect();
            assert_near(&out, &expected, 1e-4, &format!("{rows} x {depth} x {columns}, {finish:?}"));
        }
    }
}

#[test]
fn attention_is_that_of_the_formula_for_any_share_of_the_queries() {
    let mut room = AttentionRoom::default();
    // The longest first: what it leaves in the room must not be seen by the others.
    for (tokens, hidden, heads) in [(37, 24, 2), (1, 8, 1), (16, 32, 4), (5, 12, 3)] {
        let qkv = numbers(tokens * 3 * hidden, 4);
        let dims = hidden / heads;
        let part =
            |token: usize, part: usize, head: usize| &qkv[token * 3 * hidden + part * hidden + head * dims..][..dims];
        let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
        let mut expected = vec![0.0; tokens * hidden];
        for query in 0..tokens {
            for head in 0..heads {
                let shares: Vec<f64> =
                    (0..tokens).map(|key| dot(part(query, 0, head), part(key, 1, head)).exp()).collect();
                let sum: f64 = shares.iter().sum();
                for (key, share) in shares.iter().enumerate() {
                    for (at, value) in part(key, 2, head).iter().enumerate() {
                        expected[query * hidden + head * dims + at] += share / sum * f64::from(*value);
                    }
                }
            }
        }
        for queries in [0..tokens, tokens / 2..tokens, 0..tokens.div_ceil(3)] {
            let mut out = vec![0.0; queries.len() * hidden];
            let asked = queries.clone();
            Arch::new().dispatch(Attention { qkv: &qkv, hidden, heads, queries, out: &mut out, room: &mut room });
            let expected = &expected[asked.start * hidden..asked.end * hidden];
            assert_near(&out, expected, 2e-5, &format!("{tokens} tokens, {heads} heads, queries {asked:?}"));
        }
    }
}

#[test]
fn rows_are_normalised_to_mean_and_deviation() {
    for width in [1, 7, 16, 33, 384] {
        let (rows, added) = (numbers(3 * width, 5), numbers(3 * width, 6));
        let norm = Norm { weight: numbers(width, 7), bias: numbers(width, 8), epsilon: 1e-6 };
        let mut found = rows.clone();
        Arch::new().dispatch(AddAndNormalise { rows: &mut found, added: &added, norm: &norm });
        let mut expected = Vec::new();
        for (row, added) in rows.chunks_exact(width).zip(added.chunks_exact(width)) {
            let sums: Vec<f64> = row.iter().zip(added).map(|(x, y)| f64::from(*x) + f64::from(*y)).collect();
            let mean = sums.iter().sum::<f64>() / width as f64;
            let variance = sums.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
            let scaled = sums.iter().map(|x| (x - mean) / (variance + 1e-6).sqrt());
            expected.extend(
                scaled
                    .zip(norm.weight.iter().zip(&norm.bias))
                    .map(|(x, (weight, bias))| x * f64::from(*weight) + f64::from(*bias)),
            );
        }
        // A single number less its mean is nothing but rounding.
        assert_near(&found, &expected, if width == 1 { 1e-3 } else { 2e-5 }, &format!("width {width}"));
    }
}
