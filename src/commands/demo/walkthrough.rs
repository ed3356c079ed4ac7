//! Sends the demo's prompts through the router's own endpoint and prints what became of each. A client like any other: it
//! knows only what the response says.
#![expect(clippy::print_stdout, reason = "the demo is what it prints")]

use std::io::Write;
use std::net::SocketAddr;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::prompts::{DemoPrompt, PROMPTS};
use crate::chat::Usage;
use crate::config::Config;
use crate::gateway::{LoopbackClient, LoopbackHeaders, loopback_client};
use crate::routing::Prices;

/// What the response's headers say.
struct Served {
    task: String,
    complexity: String,
    confidence: String,
    model: String,
    overhead_ms: String,
    cost_usd: Option<f64>,
}

/// Runs the walkthrough against the router at `addr`.
pub(super) async fn show(addr: SocketAddr, config: &Config) -> anyhow::Result<()> {
    let client = loopback_client()?;
    let url = format!("http://{addr}/v1/chat/completions");
    println!("semroute demo: two simulated providers and the router before them on http://{addr}");
    for model in &config.models {
        let price = |usd: Option<f64>| usd.map_or_else(|| "unknown".to_owned(), |usd| format!("{usd:.2}"));
        let (input, output) = (price(model.input_usd_per_mtok), price(model.output_usd_per_mtok));
        println!("  {:<10} at {}: {input} in, {output} out, USD per million tokens", model.name, model.provider);
    }
    println!();
    println!(
        "{:<12} {:>5}  {:<18} {:>5}  {:<10}  {:<10} {:>11} {:>12}  prompt",
        "kind", "chars", "task", "conf.", "complexity", "model", "overhead ms", "cost USD"
    );
    let large = large_prices(config)?;
    let (mut spent, mut spent_always_large) = (0.0, 0.0);
    for prompt in &PROMPTS {
        let body = json!({"model": "auto", "messages": [{"role": "user", "content": prompt.text}]});
        let response = client.post(&url).json(&body).send().await.context("the router does not answer")?;
        ensure!(response.status().is_success(), "the router answered {}", response.status());
        let served = Served::from_headers(response.headers());
        let answer: Value = response.json().await.context("the answer is not JSON")?;
        let usage = Usage::from_openai(&answer["usage"]).context("the answer has no usage")?;
        spent += served.cost_usd.context("the answer has no cost")?;
        spent_always_large += large.cost_usd(usage);
        print_row(prompt, &served);
    }
    println!();
    println!(
        "cost {spent:.6} USD; always sim-large would have been {spent_always_large:.6} USD: {:.0}% saved",
        100.0 * (1.0 - spent / spent_always_large)
    );
    println!("(token counts, prices and models are simulated; the decisions are not)");
    stream_one(&client, &url).await
}

/// One answer, shown as it arrives.
async fn stream_one(client: &LoopbackClient, url: &str) -> anyhow::Result<()> {
    let prompt = "Explain in one sentence what a router does.";
    let body = json!({"model": "auto", "stream": true, "messages": [{"role": "user", "content": prompt}]});
    let mut response = client.post(url).json(&body).send().await.context("the router does not answer")?;
    ensure!(response.status().is_success(), "the router answered {}", response.status());
    let model = Served::from_headers(response.headers()).model;
    println!();
    println!("streamed from {model}, as it arrives:");
    print!("  ");
    let mut unread = Vec::new();
    while let Some(chunk) = response.chunk().await.context("the stream broke")? {
        unread.extend_from_slice(&chunk);
        while let Some(end) = unread.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = unread.drain(..=end).collect();
            print!("{}", words_of(&line));
        }
        std::io::stdout().flush()?;
    }
    println!();
    Ok(())
}

/// The words that one line of a stream adds to the answer.
fn words_of(line: &[u8]) -> String {
    let chunk = line.strip_prefix(b"data: ").and_then(|payload| serde_json::from_slice::<Value>(payload).ok());
    let words = chunk.and_then(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned));
    words.unwrap_or_default()
}

impl Served {
    fn from_headers(headers: &LoopbackHeaders) -> Self {
        let read = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
        Self {
            task: read("x-semroute-task"),
            complexity: read("x-semroute-complexity"),
            confidence: read("x-semroute-confidence"),
            model: read("x-semroute-model"),
            overhead_ms: read("x-semroute-overhead-ms"),
            cost_usd: read("x-semroute-cost-usd").parse().ok(),
        }
    }
}

fn large_prices(config: &Config) -> anyhow::Result<Prices> {
    let registry = config.build_registry("demo")?;
    let prices = registry.get("sim-large").and_then(|model| model.prices);
    prices.context("sim-large has no price")
}

fn print_row(prompt: &DemoPrompt, served: &Served) {
    let beginning: String = prompt.text.chars().take(40).collect();
    let more = if prompt.text.chars().count() > 40 { "..." } else { "" };
    let cost = served.cost_usd.map_or_else(|| "unknown".to_owned(), |cost_usd| format!("{cost_usd:.6}"));
    println!(
        "{:<12} {:>5}  {:<18} {:>5}  {:<10}  {:<10} {:>11} {:>12}  {beginning}{more}",
        prompt.kind,
        prompt.text.chars().count(),
        served.task,
        served.confidence,
        served.complexity,
        served.model,
        served.overhead_ms,
        cost
    );
}
