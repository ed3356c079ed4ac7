//! Vector to labels: the built-in artifact's heads, novelty and, for comparison, the search for neighbours that only
//! explanations make. One thread: nothing here starts another.
#![allow(missing_docs, reason = "criterion's macros make a public function")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should stop")]

mod quick;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use semroute::classifier::{OutcomeNeighbours, QualityHeads, SURFACE_FEATURES, WeighedNgrams};
use semroute::commands::parts;
use semroute::embedder::BUILTIN;

const PROMPT: &str = "Write a Python function that merges two sorted lists, and explain its running time";

fn classify(criterion: &mut Criterion) {
    let brain = parts::open_brain(BUILTIN).unwrap();
    let classifier = brain.classifier();
    let features = brain.first_features_blocking(PROMPT).unwrap();
    let vector = features.vectors[classifier.novelty_embedder].clone().unwrap();
    let mut group = criterion.benchmark_group("classify");
    group.bench_function("everything", |bencher| bencher.iter(|| classifier.classify(black_box(&features))));
    group.bench_function("task", |bencher| {
        bencher.iter(|| classifier.first.task.score(black_box(&features), &mut WeighedNgrams::default()));
    });
    group.bench_function("complexity", |bencher| {
        bencher.iter(|| classifier.first.complexity.score(black_box(&features), &mut WeighedNgrams::default()));
    });
    group.bench_function("novelty", |bencher| bencher.iter(|| classifier.novelty.measure(black_box(&vector))));
    group.bench_function("neighbours", |bencher| {
        bencher.iter(|| drop(black_box(classifier.examples.nearest(&vector, 5))));
    });
}

/// Heads of 200 models beside a full memory of outcome prompts; the features are computed before.
fn predict_quality(criterion: &mut Criterion) {
    const MODELS: usize = 200;
    const PROMPTS: usize = 2048;
    let brain = parts::open_brain(BUILTIN).unwrap();
    let features = brain.first_features_blocking(PROMPT).unwrap();
    let dims = features.vectors[0].as_ref().unwrap().len();
    let (tasks, complexities) = (vec![1.0 / 14.0; 14], vec![0.25; 4]);
    let columns = SURFACE_FEATURES + 18 + dims;
    let byte = |at: usize| (at * 7919 % 254) as u8;
    let heads = QualityHeads {
        embedder: 0,
        mean: vec![0.0; columns],
        scale: vec![1.0; columns],
        weights: (0..MODELS * columns).map(|at| f32::from(byte(at)) / 1e5).collect(),
        intercepts: vec![0.5; MODELS],
        linear_share: vec![0.5; MODELS],
        neighbour_share: vec![0.5; MODELS],
        mean_cost_usd: vec![0.001; MODELS],
        neighbours: OutcomeNeighbours {
            dims,
            vectors: (0..PROMPTS * dims).map(|at| i16::from(byte(at)) - 127).collect(),
            scores: (0..PROMPTS * MODELS).map(byte).collect(),
            costs_usd: vec![0.001; PROMPTS * MODELS],
            nearest: 60,
        },
    };
    heads.check(MODELS, 18, dims).unwrap();
    let tables = vec![0.5; MODELS];
    criterion.bench_function("quality/200_models", |bencher| {
        bencher.iter(|| heads.predict(black_box(&features), [&tasks, &complexities], &tables));
    });
}

criterion_group! {
    name = benches;
    config = quick::quick();
    targets = classify, predict_quality
}
criterion_main!(benches);
