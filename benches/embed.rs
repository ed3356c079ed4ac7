//! Text to vector: the built-in table and, where it was pulled, all-MiniLM-L6-v2. One thread: the table runs where it is called,
//! and the transformer's arithmetic is held to one thread here, so that figures of different machines can be compared.
#![allow(missing_docs, reason = "criterion's macros make a public function")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a bench that cannot run should say so and stop")]

mod quick;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use semroute::embedder::{self, BUILTIN, DeviceChoice, Embedder, Precision, Transformer};

const MODEL: &str = "all-MiniLM-L6-v2";

/// Words that are one token each in BERT vocabularies.
const WORDS: [&str; 8] = ["write", "a", "short", "letter", "to", "the", "city", "council"];

fn words(count: usize) -> String {
    (0..count).map(|index| WORDS[index % WORDS.len()]).collect::<Vec<_>>().join(" ")
}

/// Panics unless the text is as many tokens as the figure's name will say.
fn check_tokens(embedder: &dyn Embedder, text: &str, tokens: usize) {
    assert_eq!(embedder.embed(&[text]).unwrap()[0].tokens, tokens, "tokens of {text:?}");
}

fn static_table(criterion: &mut Criterion) {
    let table = embedder::open(BUILTIN, None, Precision::F32).unwrap();
    let mut group = criterion.benchmark_group("embed/builtin");
    for tokens in [8, 32, 256] {
        let text = words(tokens);
        check_tokens(table.as_embedder(), &text, tokens);
        group.bench_with_input(BenchmarkId::new("tokens", tokens), &text, |bencher, text| {
            bencher.iter(|| table.as_embedder().embed(&[black_box(text)]));
        });
    }
}

fn transformer(criterion: &mut Criterion) {
    let Ok(folder) = embedder::locate(MODEL) else {
        eprintln!("embed/{MODEL}: skipped, for the model is not in the cache; semroute models pull {MODEL}");
        return;
    };
    let mut group = criterion.benchmark_group(format!("embed/{MODEL}"));
    for (name, device, precision) in [
        ("candle", DeviceChoice::CpuByCandle, Precision::F32),
        ("f32", DeviceChoice::Cpu, Precision::F32),
        ("int8", DeviceChoice::Cpu, Precision::Int8),
    ] {
        let transformer = Transformer::from_folder(MODEL, &folder, device, precision).unwrap();
        for tokens in [16, 32, 128] {
            // [CLS] and [SEP] are two of them.
            let text = words(tokens - 2);
            check_tokens(&transformer, &text, tokens);
            group.bench_with_input(BenchmarkId::new(name, tokens), &text, |bencher, text| {
                bencher.iter(|| transformer.embed(&[black_box(text)]));
            });
        }
    }
}

fn one_thread() -> Criterion {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    quick::quick()
}

criterion_group! {
    name = benches;
    config = one_thread();
    targets = static_table, transformer
}
criterion_main!(benches);
