//! Every gradient against the difference that a small step in a random direction makes.

use super::*;
use crate::embedder::FusedActivation;
use crate::random::SplitMix64;

/// Between -1 and 1.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut random = SplitMix64::new(seed);
    (0..count).map(|_| (random.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// The slope of `of` along a random direction, by a step to either side, against the gradient's.
fn check(name: &str, at: &[f32], gradient: &[f32], of: impl Fn(&[f32]) -> f64) {
    const STEP: f32 = 4e-3;
    for seed in 0..3 {
        let direction = numbers(at.len(), 1000 + seed);
        let moved = |step: f32| -> Vec<f32> { at.iter().zip(&direction).map(|(x, d)| x + step * d).collect() };
        let found = (of(&moved(STEP)) - of(&moved(-STEP))) / (2.0 * f64::from(STEP));
        let expected = dot(gradient, &direction);
        let scale = dot(gradient, gradient).sqrt() * dot(&direction, &direction).sqrt();
        assert!((found - expected).abs() < 2e-3 * scale, "{name}: {found} by a step, {expected} by the gradient");
    }
}

#[test]
fn products() {
    let cpu = Processor::new();
    let (rows, inputs, outputs) = (53, 10, 37);
    let (x, w, b) = (numbers(rows * inputs, 1), numbers(outputs * inputs, 2), numbers(outputs, 3));
    let weights = numbers(rows * outputs, 4);
    let of = |x: &[f32], w: &[f32], b: &[f32]| dot(&product(cpu, x, w, b), &weights);
    check("input", &x, &input_gradient(cpu, &weights, &w, outputs), |x| of(x, &w, &b));
    check("weights", &w, &weight_gradient(cpu, &weights, &x, outputs), |w| of(&x, w, &b));
    check("bias", &b, &column_sums(&weights, outputs), |b| of(&x, &w, b));
}

#[test]
fn activations() {
    let cpu = Processor::new();
    // Not a whole number of vectors. Away from where a ramp has its corner.
    let x: Vec<f32> = numbers(1003, 5).into_iter().map(|x| 3.0 * x + 0.02 * x.signum()).collect();
    let weights = numbers(x.len(), 6);
    for activation in [FusedActivation::Gelu, FusedActivation::Relu] {
        let mut gradient = weights.clone();
        activation_gradient(cpu, activation, &x, &mut gradient);
        check(&format!("{activation:?}"), &x, &gradient, |x| dot(&activate(cpu, activation, x), &weights));
    }
    let share = |x: f64| x * 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
    for (x, out) in x.iter().zip(activate(cpu, FusedActivation::Gelu, &x)) {
        assert!((share(f64::from(*x)) - f64::from(out)).abs() < 1e-6, "{x}");
    }
}

#[test]
fn normalisations() {
    let cpu = Processor::new();
    for (width, dropout) in [(24, Dropout::none()), (37, Dropout::new(0.3, 7))] {
        let rows = 70;
        let (residual, added) = (numbers(rows * width, 8), numbers(rows * width, 9));
        let (weight, bias) = (numbers(width, 10), numbers(width, 11));
        let of_out = numbers(rows * width, 12);
        let of = |residual: &[f32], added: &[f32], weight: &[f32], bias: &[f32]| {
            dot(&Norm { weight, bias, epsilon: 1e-5, dropout }.forward(cpu, residual, added).0, &of_out)
        };
        let norm = Norm { weight: &weight, bias: &bias, epsilon: 1e-5, dropout };
        let (_, trace) = norm.forward(cpu, &residual, &added);
        let gradient = norm.backward(cpu, &trace, &of_out);
        check("residual", &residual, &gradient.residual, |x| of(x, &added, &weight, &bias));
        check("added", &added, &gradient.added, |x| of(&residual, x, &weight, &bias));
        check("weight", &weight, &gradient.weight, |x| of(&residual, &added, x, &bias));
        check("bias", &bias, &gradient.bias, |x| of(&residual, &added, &weight, x));
    }
}

#[test]
fn attentions() {
    let cpu = Processor::new();
    let bounds = [0, 5, 6, 41];
    for dropout in [Dropout::none(), Dropout::new(0.2, 13)] {
        let shape = AttentionShape { hidden: 24, heads: 3, bounds: &bounds, dropout };
        let qkv = numbers(41 * 72, 14);
        let of_out = numbers(41 * 24, 15);
        let (_, probabilities) = attend(cpu, shape, &qkv);
        let gradient = attention_gradient(cpu, shape, &qkv, &probabilities, &of_out);
        check("attention", &qkv, &gradient, |qkv| dot(&attend(cpu, shape, qkv).0, &of_out));
    }
}

#[test]
fn dropout_drops_its_share_and_the_same_ones_again() {
    let dropout = Dropout::new(0.1, 3);
    let mut factors = vec![0.0; 101];
    let (mut dropped, mut sum) = (0, 0.0);
    for row in 0..200 {
        dropout.factors(row, &mut factors);
        dropped += factors.iter().filter(|factor| **factor == 0.0).count();
        sum += factors.iter().sum::<f32>();
        let mut again = vec![0.0; 101];
        dropout.factors(row, &mut again);
        assert_eq!(factors, again);
    }
    let share = dropped as f64 / 20_200.0;
    assert!((0.093..0.107).contains(&share), "{share}");
    assert!((sum / 20_200.0 - 1.0).abs() < 0.01, "{sum}");
    let other = |seed| {
        let mut factors = vec![0.0; 101];
        Dropout::new(0.1, seed).factors(0, &mut factors);
        factors
    };
    assert_ne!(other(1), other(2));
}

#[test]
fn sums_do_not_depend_on_the_number_of_threads() {
    let cpu = Processor::new();
    let (rows, inputs, outputs) = (301, 40, 72);
    let (x, w, dy) = (numbers(rows * inputs, 1), numbers(outputs * inputs, 2), numbers(rows * outputs, 3));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let bias = vec![0.5; outputs];
            [
                product(cpu, &x, &w, &bias),
                input_gradient(cpu, &dy, &w, outputs),
                weight_gradient(cpu, &dy, &x, outputs),
                column_sums(&dy, outputs),
            ]
        })
    };
    assert_eq!(run(1), run(3));
}
