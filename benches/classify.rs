//! Vector to labels: the built-in artifact's heads, novelty and, for comparison, the search for neighbours that only
//! explanations make. One thread: nothing here starts another.
#![allow(missing_docs, reason = "criterion's macros make a public function")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should stop")]

mod quick;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use semroute::classifier::{HeldOutRows, OutcomeCosts, OutcomeNeighbours, OutcomeTable, QualityHeads, WeighedNgrams};
use semroute::commands::parts;
use semroute::embedder::BUILTIN;

const PROMPT: &str = "Write a Python function that merges two sorted lists, and explain its running time";

fn classify(criterion: &mut Criterion) {
    let brain = parts::open_brain_with(BUILTIN, BUILTIN, None).unwrap();
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

/// Heads of 200 models beside a full memory of outcome prompts: by themselves, where the features are computed before, and in a whole
/// classification, where everything but the words is.
fn predict_quality(criterion: &mut Criterion) {
    const MODELS: usize = 200;
    const PROMPTS: usize = 2048;
    const NEIGHBOUR_DIMS: usize = 64;
    let brain = parts::open_brain_with(BUILTIN, BUILTIN, None).unwrap();
    let features = brain.first_features_blocking(PROMPT).unwrap();
    let dims = features.vectors[0].as_ref().unwrap().len();
    let (tasks, complexities) = (vec![1.0 / 14.0; 14], vec![0.25; 4]);
    let columns = QualityHeads::columns(true, 18, dims);
    // A scramble, so that no two prompts are alike, and below 254, which stands for a score of 1.
    let byte = |at: usize| ((at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u8 % 254;
    let heads = QualityHeads {
        embedder: 0,
        reads_difficulty: true,
        mean: vec![0.0; columns],
        scale: vec![1.0; columns],
        weights: (0..MODELS * columns).map(|at| f32::from(byte(at)) / 1e5).collect(),
        intercepts: vec![0.5; MODELS],
        linear_share: vec![0.5; MODELS],
        neighbour_share: vec![0.5; MODELS],
        neighbours: OutcomeNeighbours {
            dims: NEIGHBOUR_DIMS,
            directions: (0..NEIGHBOUR_DIMS * dims).map(|at| f32::from(byte(at)) - 127.0).collect(),
            // About as long as vectors of unit length are in steps of 1/127.
            vectors: (0..PROMPTS * NEIGHBOUR_DIMS).map(|at| ((i16::from(byte(at)) - 127) / 5) as i8).collect(),
            scores: (0..PROMPTS * MODELS).map(byte).collect(),
            nearest: 120,
        },
        network: None,
        costs: Arc::new(OutcomeCosts { mean_usd: vec![0.001; MODELS], rows_usd: vec![0.001; PROMPTS * MODELS] }),
        held_out: HeldOutRows {
            predicted: vec![0; PROMPTS * MODELS],
            output_tokens: Vec::new(),
            input_tokens: vec![0.0; PROMPTS],
        },
    };
    heads.check(MODELS, 18, dims).unwrap();
    let tables = vec![0.5; MODELS];
    criterion.bench_function("quality/200_models", |bencher| {
        bencher.iter(|| heads.predict(black_box(&features), [&tasks, &complexities], Some(&[0.5, 0.0, 0.0]), &tables));
    });
    let mut classifier = brain.classifier().clone();
    let table =
        OutcomeTable { quality: vec![0.5; 56], complexities: 4, mean: 0.5, rows: PROMPTS, ..OutcomeTable::default() };
    classifier.outcomes = (0..MODELS).map(|model| (format!("model-{model:03}"), table.clone())).collect();
    classifier.models = classifier.outcomes.keys().cloned().collect();
    classifier.quality = Some(heads);
    criterion.bench_function("quality/everything_with_200_models", |bencher| {
        bencher.iter(|| classifier.classify(black_box(&features)));
    });
    let said = classifier.classify(&features);
    criterion.bench_function("quality/costs_of_200_models", |bencher| bencher.iter(|| said.predicted_cost_usd()));
}

criterion_group! {
    name = benches;
    config = quick::quick();
    targets = classify, predict_quality
}
criterion_main!(benches);
