//! `decide` from end to end (read, embed, classify, select) with the first tier of the built-in artifact, by the size of the prompt and by the
//! number of models. One thread: a runtime that runs everything where it is called.
#![allow(missing_docs, reason = "criterion's macros make a public function")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should stop")]

mod quick;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use semroute::chat::ChatRequest;
use semroute::commands::parts;
use semroute::config::Config;
use semroute::embedder::BUILTIN;
use semroute::routing::{History, Live, Overrides, Requirements, Router, Terms, select};
use tokio::runtime::Runtime;

const SIZES: [usize; 6] = [8, 64, 512, 4 << 10, 64 << 10, 1 << 20];
const MODELS: [usize; 4] = [1, 10, 100, 200];

/// A router that may choose among this many models of rising price and quality.
fn router(models: usize) -> Router {
    let mut toml = "[[providers]]\nname = \"p\"\nbase_url = \"http://127.0.0.1:9/v1\"\n".to_owned();
    for index in 0..models {
        let rank = (index + 1) as f64 / models as f64;
        write!(
            toml,
            "[[models]]\nname = \"m{index}\"\nprovider = \"p\"\ninput_usd_per_mtok = {rank:.3}\noutput_usd_per_mtok = {rank:.3}\n\
             quality = {{ default = {rank:.3} }}\n"
        )
        .unwrap();
    }
    let config = Config::from_toml(&toml, "bench").unwrap();
    let brain = parts::open_brain_with(BUILTIN, BUILTIN, None).unwrap();
    Router::new(brain, Arc::new(config.build_registry("bench").unwrap()), config.router.clone())
}

fn text_of(bytes: usize) -> String {
    let mut text =
        "write a short letter to the city about our street and why it needs new trees ".repeat(bytes / 70 + 1);
    text.truncate(bytes);
    text
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn by_prompt_size(criterion: &mut Criterion) {
    let (router, runtime) = (router(3), runtime());
    let mut group = criterion.benchmark_group("route/prompt_bytes");
    for bytes in SIZES {
        let request = ChatRequest::from_prompt(&text_of(bytes)).unwrap();
        group.bench_with_input(BenchmarkId::from_parameter(bytes), &request, |bencher, request| {
            bencher.iter(|| runtime.block_on(router.decide(black_box(request), &Overrides::default())).unwrap());
        });
    }
}

fn by_number_of_models(criterion: &mut Criterion) {
    let runtime = runtime();
    let request = ChatRequest::from_prompt(&text_of(128)).unwrap();
    let mut group = criterion.benchmark_group("route/models");
    for models in MODELS {
        let router = router(models);
        group.bench_with_input(BenchmarkId::from_parameter(models), &router, |bencher, router| {
            bencher.iter(|| runtime.block_on(router.decide(black_box(&request), &Overrides::default())).unwrap());
        });
    }
}

/// Selection alone, where an artifact has learnt the quality of every model.
fn selection_of_learnt_models(criterion: &mut Criterion) {
    let runtime = runtime();
    let request = ChatRequest::from_prompt(&text_of(128)).unwrap();
    let mut group = criterion.benchmark_group("select/learnt_models");
    for models in MODELS {
        let router = router(models);
        let mut signals = runtime.block_on(router.read(&request)).unwrap();
        let learnt = |index: usize| (format!("m{index}"), (index * 37 % 101) as f64 / 100.0);
        signals.predicted_quality = (0..models).map(learnt).collect::<BTreeMap<_, _>>().into();
        let (terms, requirements) = (Terms::of_config(router.config()), Requirements::of(&request));
        let history = History::default();
        let live = Live { history: &history, expectations: None, held: None };
        group.bench_with_input(BenchmarkId::from_parameter(models), &router, |bencher, router| {
            bencher.iter(|| {
                select(black_box(&signals), &requirements, router.registry(), &terms, router.config(), live).unwrap()
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = quick::quick();
    targets = by_prompt_size, by_number_of_models, selection_of_learnt_models
}
criterion_main!(benches);
