//! Each kernel of the transformer beside candle's way to the same numbers, at the sizes of all-MiniLM-L6-v2, on one thread.
#![allow(missing_docs, reason = "criterion's macros make a public function")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should stop")]

mod quick;

use std::hint::black_box;

use candle_core::{D, Device, Tensor};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use semroute::embedder::{KernelBench, Precision};

const HIDDEN: usize = 384;
const HEADS: usize = 12;
const TOKENS: [usize; 3] = [16, 32, 128];

fn random(shape: (usize, usize)) -> Tensor {
    Tensor::randn(0f32, 1.0, shape, &Device::Cpu).unwrap()
}

/// The four weights of a layer; the widening one is followed by the activation.
fn linear(criterion: &mut Criterion) {
    for (name, depth, columns, gelu) in [
        ("queries, keys and values", HIDDEN, 3 * HIDDEN, false),
        ("attended", HIDDEN, HIDDEN, false),
        ("widen and activate", HIDDEN, 4 * HIDDEN, true),
        ("narrow", 4 * HIDDEN, HIDDEN, false),
    ] {
        let mut group = criterion.benchmark_group(format!("kernels/{name}"));
        let weights = random((columns, depth)).t().unwrap();
        let bias = random((1, columns));
        for tokens in TOKENS {
            // Floating-point operations a second, as "elements".
            group.throughput(Throughput::Elements((2 * tokens * depth * columns) as u64));
            let rows = random((tokens, depth));
            group.bench_function(BenchmarkId::new("candle", tokens), |bencher| {
                bencher.iter(|| {
                    let out = black_box(&rows).matmul(&weights).unwrap().broadcast_add(&bias).unwrap();
                    if gelu { out.gelu_erf().unwrap() } else { out }
                });
            });
            for (precision, name) in [(Precision::F32, "f32"), (Precision::Int8, "int8")] {
                let mut kernel = KernelBench::linear(tokens, depth, columns, gelu, precision);
                group.bench_function(BenchmarkId::new(name, tokens), |bencher| {
                    bencher.iter(|| black_box(kernel.run()[0]));
                });
            }
        }
        group.finish();
    }
}

fn attention(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernels/attention");
    for tokens in TOKENS {
        let [queries, keys, values] = [(); 3].map(|()| {
            random((tokens, HIDDEN)).reshape((tokens, HEADS, HIDDEN / HEADS)).unwrap().transpose(0, 1).unwrap()
        });
        group.bench_function(BenchmarkId::new("candle", tokens), |bencher| {
            bencher.iter(|| {
                // A projection's result stands by token, so bringing the heads forward is part of the work.
                let [queries, keys, values] = [&queries, &keys, &values].map(|part| part.contiguous().unwrap());
                let scores = queries.matmul(&keys.t().unwrap()).unwrap();
                let shares = candle_nn::ops::softmax(&scores, D::Minus1).unwrap();
                shares.matmul(&values).unwrap().transpose(0, 1).unwrap().contiguous().unwrap()
            });
        });
        let mut kernel = KernelBench::attention(tokens, HIDDEN, HEADS);
        group.bench_function(BenchmarkId::new("f32", tokens), |bencher| bencher.iter(|| black_box(kernel.run()[0])));
    }
    group.finish();
}

fn normalise(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernels/residual and normalisation");
    let (weight, bias) = (random((1, HIDDEN)).flatten_all().unwrap(), random((1, HIDDEN)).flatten_all().unwrap());
    for tokens in TOKENS {
        let (rows, added) = (random((tokens, HIDDEN)), random((tokens, HIDDEN)));
        group.bench_function(BenchmarkId::new("candle", tokens), |bencher| {
            bencher.iter(|| {
                let sum = (black_box(&rows) + &added).unwrap();
                candle_nn::ops::layer_norm(&sum, &weight, &bias, 1e-12).unwrap()
            });
        });
        let mut kernel = KernelBench::add_and_normalise(tokens, HIDDEN);
        group.bench_function(BenchmarkId::new("f32", tokens), |bencher| bencher.iter(|| black_box(kernel.run()[0])));
    }
    group.finish();
}

fn one_thread() -> Criterion {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    quick::quick()
}

criterion_group! {
    name = benches;
    config = one_thread();
    targets = linear, attention, normalise
}
criterion_main!(benches);
