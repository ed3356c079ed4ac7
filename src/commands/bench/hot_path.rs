//! Times reading, embedding, classifying and deciding, in this process.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::BenchCommand;
use super::timing::Timing;
use crate::chat::ChatRequest;
use crate::commands::parts;
use crate::config::Config;
use crate::prompt;
use crate::routing::{Overrides, Router, Tier, embed_batch};

const BUDGET: Duration = Duration::from_millis(1500);

/// Prompt sizes of the growth figures, in bytes.
const SIZES: [usize; 7] = [8, 64, 512, 4 << 10, 32 << 10, 256 << 10, 1 << 20];

/// Words that are one token each in BERT vocabularies.
const WORDS: [&str; 16] = [
    "write", "a", "short", "letter", "to", "the", "city", "about", "our", "street", "and", "why", "it", "needs", "new",
    "trees",
];

/// Three models, as a small configuration has them.
const MODELS: &str = r#"
[[providers]]
name = "p"
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
[[models]]
name = "small"
provider = "p"
input_usd_per_mtok = 0.1
output_usd_per_mtok = 0.4
quality = { default = 0.6 }
[[models]]
name = "medium"
provider = "p"
input_usd_per_mtok = 1.0
output_usd_per_mtok = 4.0
quality = { default = 0.8 }
[[models]]
name = "large"
provider = "p"
input_usd_per_mtok = 3.0
output_usd_per_mtok = 15.0
quality = { default = 0.9 }
"#;

pub(super) fn measure(command: &BenchCommand, figures: &mut Map<String, Value>) -> anyhow::Result<()> {
    let config = Config::from_toml(MODELS, "bench")?;
    let brain = parts::open_brain(&command.router)?;
    let router = Router::new(brain, Arc::new(config.build_registry("bench")?), config.router.clone());
    let text = words(command.tokens.saturating_sub(2));
    embedding(command, &text, figures)?;

    let brain = router.brain();
    let features = brain.first_features_blocking(&text)?;
    let classify = Timing::of(BUDGET, || {
        black_box(brain.classifier().classify(black_box(&features)));
        anyhow::Ok(())
    })?;
    figures.insert("classify_us_p50".into(), json!(classify.p50_us()));
    let embed_and_classify = Timing::of(BUDGET, || {
        let features = brain.first_features_blocking(black_box(&text))?;
        black_box(brain.classifier().classify(&features));
        anyhow::Ok(())
    })?;
    figures.insert("embed_classify_us_p50".into(), json!(embed_and_classify.p50_us()));
    figures.insert("embed_classify_us_p95".into(), json!(embed_and_classify.percentile_us(0.95)));

    let route = route_timing(&router, &text, BUDGET)?;
    figures.insert("route_us_p50".into(), json!(route.p50_us()));
    figures.insert("route_us_p95".into(), json!(route.percentile_us(0.95)));
    let mut growth = Vec::new();
    for size in SIZES {
        let timing = route_timing(&router, &text_of(size), Duration::from_millis(400))?;
        growth.push(json!({"prompt_bytes": size, "route_us_p50": timing.p50_us()}));
    }
    figures.insert("growth".into(), Value::Array(growth));
    Ok(())
}

/// The embedder by itself, with as many texts a call as asked.
fn embedding(command: &BenchCommand, text: &str, figures: &mut Map<String, Value>) -> anyhow::Result<()> {
    let name = match &command.embedder {
        Some(name) => name.clone(),
        None => {
            let (manifest, _) = parts::read_artifact(&command.router)?;
            manifest
                .task
                .embedders
                .last()
                .and_then(|at| manifest.embedders.get(*at))
                .map(|record| record.name.clone())
                .unwrap_or_default()
        }
    };
    let opened = parts::open_embedder(&name)?;
    let texts = vec![text; command.batch];
    let read = opened.as_embedder().embed(&texts[..1])?;
    figures.insert("embedder".into(), json!(opened.identity().name));
    figures.insert("embedder_tokens_read".into(), json!(read.first().map(|embedding| embedding.tokens)));
    let bare =
        Timing::of(BUDGET, || opened.as_embedder().embed(black_box(&texts)).map(|vectors| drop(black_box(vectors))))?;
    figures.insert("embed_ms_p50".into(), json!(bare.p50_ms()));
    figures.insert("embed_ms_p95".into(), json!(bare.percentile_ms(0.95)));
    figures.insert("embed_texts_per_s".into(), json!((command.batch as f64 * 1e6 / bare.p50_us()).round()));
    let tier = Tier::start(opened)?;
    let windows = Timing::of(BUDGET, || embed_batch(&tier, black_box(&texts)).map(|vectors| drop(black_box(vectors))))?;
    figures.insert("read_and_embed_ms_p50".into(), json!(windows.p50_ms()));
    let read_only = Timing::of(Duration::from_millis(200), || {
        black_box(prompt::read(black_box(text)));
        anyhow::Ok(())
    })?;
    figures.insert("read_prompt_us_p50".into(), json!(read_only.p50_us()));
    Ok(())
}

fn route_timing(router: &Router, text: &str, budget: Duration) -> anyhow::Result<Timing> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let request = ChatRequest::from_prompt(text)?;
    Timing::of(budget, || {
        let decision = runtime.block_on(router.decide(black_box(&request), &Overrides::default()))?;
        black_box(decision);
        anyhow::Ok(())
    })
}

fn words(count: usize) -> String {
    (0..count.max(1)).map(|index| WORDS[index % WORDS.len()]).collect::<Vec<_>>().join(" ")
}

fn text_of(bytes: usize) -> String {
    let mut text = words(bytes / 3 + 1);
    text.truncate(bytes);
    text
}
