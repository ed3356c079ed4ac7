//! Vector to labels: the built-in artifact's heads, novelty and, for comparison, the search for neighbours that only
//! explanations make. One thread: nothing here starts another.
#![allow(missing_docs, reason = "criterion's macros make a public function")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should stop")]

mod quick;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
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
    group.bench_function("task", |bencher| bencher.iter(|| classifier.first.task.score(black_box(&features))));
    group.bench_function("complexity", |bencher| {
        bencher.iter(|| classifier.first.complexity.score(black_box(&features)));
    });
    group.bench_function("novelty", |bencher| bencher.iter(|| classifier.novelty.measure(black_box(&vector))));
    group.bench_function("neighbours", |bencher| {
        bencher.iter(|| drop(black_box(classifier.examples.nearest(&vector, 5))));
    });
}

criterion_group! {
    name = benches;
    config = quick::quick();
    targets = classify
}
criterion_main!(benches);
