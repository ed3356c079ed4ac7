//! Times classifying and deciding, in this process: the first tier, which reads every prompt, and by itself the second.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::BenchCommand;
use super::embedder::{text_of_tokens, words};
use super::timing::Timing;
use crate::chat::ChatRequest;
use crate::commands::parts;
use crate::config::Config;
use crate::embedder::BUILTIN;
use crate::routing::{Overrides, Router};

const BUDGET: Duration = Duration::from_millis(1500);

/// Prompt sizes of the growth figures, in bytes.
const SIZES: [usize; 7] = [8, 64, 512, 4 << 10, 32 << 10, 256 << 10, 1 << 20];

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
    let both = parts::open_brain(&command.router)?;
    // Whether a prompt of nothing but words is one that the first tier is unsure of says nothing of anybody's prompts.
    let brain = match both.classifier().second {
        Some(_) => parts::open_brain_with(&command.router, BUILTIN, None)?,
        None => both.clone(),
    };
    let router = Router::new(brain, Arc::new(config.build_registry("bench")?), config.router.clone());
    let text = text_of_tokens(command.tokens.first().copied().unwrap_or(32));

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
    if both.classifier().second.is_some() {
        let second = Timing::of(BUDGET, || {
            let features = both.features_blocking(black_box(&text))?;
            black_box((both.classifier().classify(&features), both.classifier().classify_second(&features)));
            anyhow::Ok(())
        })?;
        figures.insert("second_tier_us_p50".into(), json!(second.p50_us()));
        figures.insert("second_tier_us_p95".into(), json!(second.percentile_us(0.95)));
    }
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

fn text_of(bytes: usize) -> String {
    let mut text = words(bytes / 3 + 1);
    text.truncate(bytes);
    text
}
