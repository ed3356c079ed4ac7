//! Times an embedder by itself, in this process, and says what memory that took.

use std::hint::black_box;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::BenchCommand;
use super::timing::Timing;
use crate::commands::{UsageError, parts};
use crate::embedder::OpenedEmbedder;
use crate::prompt;
use crate::routing::{Tier, embed_batch};

const BUDGET: Duration = Duration::from_millis(1500);

/// Words that are one token each in BERT vocabularies.
const WORDS: [&str; 16] = [
    "write", "a", "short", "letter", "to", "the", "city", "about", "our", "street", "and", "why", "it", "needs", "new",
    "trees",
];

/// One call embeds a text of each asked length, as often as the batch says. Tokenising is timed by itself.
pub(super) fn measure(command: &BenchCommand, figures: &mut Map<String, Value>) -> anyhow::Result<()> {
    let opened = open(command)?;
    let lengths: Vec<String> = command.tokens.iter().map(|tokens| text_of_tokens(*tokens)).collect();
    let texts: Vec<&str> = (0..command.batch).flat_map(|_| lengths.iter().map(String::as_str)).collect();
    let read: Vec<usize> = opened.as_embedder().embed(&texts)?.iter().map(|embedding| embedding.tokens).collect();
    figures.insert("embedder".into(), json!(opened.identity().name));
    figures.insert("embedder_tokens_read".into(), json!(read[..lengths.len()].iter().sum::<usize>()));
    let bare = match &opened {
        OpenedEmbedder::Transformer(transformer) => {
            figures.insert("precision".into(), json!(transformer.precision()));
            let tokenise = || texts.iter().map(|text| transformer.tokenize(text)).collect::<Result<Vec<_>, _>>();
            let tokens = tokenise()?;
            let bare = Timing::of(BUDGET, || {
                transformer.embed_tokens(black_box(&tokens)).map(|vectors| drop(black_box(vectors)))
            })?;
            let tokenising = Timing::of(BUDGET / 8, || tokenise().map(|tokens| drop(black_box(tokens))))?;
            figures.insert("tokenise_us_p50".into(), json!(tokenising.p50_us()));
            bare
        }
        // Looking words up is all that it does.
        OpenedEmbedder::Static(table) => Timing::of(BUDGET, || {
            crate::embedder::Embedder::embed(table.as_ref(), black_box(&texts)).map(|vectors| drop(black_box(vectors)))
        })?,
    };
    figures.insert("embed_ms_p50".into(), json!(bare.p50_ms()));
    figures.insert("embed_ms_p95".into(), json!(bare.percentile_ms(0.95)));
    figures.insert("embed_texts_per_s".into(), json!((texts.len() as f64 * 1e6 / bare.p50_us()).round()));
    figures.insert("embedder_peak_memory_mib".into(), json!(super::peak_memory_mib()));
    let tier = Tier::start(opened)?;
    let windows = Timing::of(BUDGET, || embed_batch(&tier, black_box(&texts)).map(|vectors| drop(black_box(vectors))))?;
    figures.insert("read_and_embed_ms_p50".into(), json!(windows.p50_ms()));
    let read_only = Timing::of(Duration::from_millis(200), || {
        black_box(prompt::read(black_box(texts[0])));
        anyhow::Ok(())
    })?;
    figures.insert("read_prompt_us_p50".into(), json!(read_only.p50_us()));
    match tier {
        Tier::Transformer(_, queue) if !command.clients.is_empty() => {
            let rows = super::load::measure(&queue, texts[0], &command.clients)?;
            figures.insert("under_load".into(), Value::Array(rows));
        }
        Tier::Static(_) if !command.clients.is_empty() => {
            anyhow::bail!(UsageError("--clients: the built-in table runs where it is called and has no queue; name a transformer with --embedder".into()))
        }
        _ => {}
    }
    Ok(())
}

/// The one that was asked for, or the last one of the artifact's first tier.
fn open(command: &BenchCommand) -> anyhow::Result<OpenedEmbedder> {
    if let Some(name) = &command.embedder {
        return parts::open_embedder_as(name, command.precision);
    }
    let (manifest, _) = parts::read_artifact(&command.router)?;
    match manifest.task.embedders.last().and_then(|at| manifest.embedders.get(*at)) {
        Some(record) => parts::open_record(&command.router, record, command.precision),
        None => parts::open_embedder_as("", command.precision),
    }
}

/// A text that a BERT vocabulary reads as so many tokens, the special ones included.
pub(super) fn text_of_tokens(tokens: usize) -> String {
    words(tokens.saturating_sub(2))
}

pub(super) fn words(count: usize) -> String {
    (0..count.max(1)).map(|index| WORDS[index % WORDS.len()]).collect::<Vec<_>>().join(" ")
}
