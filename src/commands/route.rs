//! `semroute route`: what would be decided, for one prompt or a file of them. Sends nothing.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use futures_util::future::join_all;

use super::whole_file::write_whole;
use super::{UsageError, closed_pipe, explain, parts, progress};
use crate::chat::ChatRequest;
use crate::dataset::{PromptRow, PromptSource};
use crate::routing::{Decision, Overrides, Plan, RouteError, Router};

/// Rows in flight together: a transformer batches what waits.
const ROWS_A_BATCH: usize = 64;

/// What to route.
#[derive(Debug, Clone)]
pub struct RouteCommand {
    /// One prompt.
    pub prompt: Option<String>,
    /// As one JSON row.
    pub json: bool,
    /// With the reasons.
    pub explain: bool,
    /// A file of prompts.
    pub input: Option<PathBuf>,
    /// A file of decisions; standard output if none is named.
    pub output: Option<PathBuf>,
    /// Instead of the configured artifact.
    pub router: Option<String>,
    /// The configuration with the models.
    pub config: Option<PathBuf>,
}

/// Routes.
pub fn run(command: &RouteCommand) -> anyhow::Result<()> {
    let router = build(command)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    match (&command.prompt, &command.input) {
        (Some(_), Some(_)) => Err(UsageError("give a PROMPT or --input FILE, not both".into()).into()),
        (None, None) => Err(UsageError("give a PROMPT, or --input FILE with prompts".into()).into()),
        (Some(prompt), None) => {
            if command.output.is_some() {
                return Err(UsageError("--output needs --input FILE; one PROMPT's decision is printed".into()).into());
            }
            if prompt.trim().is_empty() {
                return Err(UsageError("PROMPT is empty; write what you want routed".into()).into());
            }
            let request = ChatRequest::from_prompt(prompt)?;
            let decision = runtime.block_on(decide(&router, &request)).map_err(usage)?;
            if command.json {
                println!("{}", serde_json::to_string(&decision.row(None))?);
            } else {
                explain::print_decision(&decision);
            }
            if command.explain && !command.json {
                explain::print_explanation(&router, prompt, &decision)?;
            }
            Ok(())
        }
        (None, Some(input)) => route_file(&router, &runtime, input, command.output.as_deref()),
    }
}

fn build(command: &RouteCommand) -> anyhow::Result<Router> {
    match parts::config_path(command.config.as_ref()) {
        Some(path) => {
            let config = parts::read_config(path)?.without_sessions();
            parts::build_router(&config, &path.display().to_string(), command.router.as_deref())
        }
        None => parts::build_router_without_models(command.router.as_deref().unwrap_or(crate::embedder::BUILTIN)),
    }
}

/// A decision, or without models the classification alone.
async fn decide(router: &Router, request: &ChatRequest) -> Result<Decision, RouteError> {
    if !router.registry().models().is_empty() {
        return router.decide(request, &Overrides::default()).await;
    }
    let signals = router.read(request).await?;
    let reason = format!(
        "{}, {} complexity; no model is chosen because none is configured (--config FILE)",
        signals.task, signals.complexity
    );
    let plan = Plan::Chain(Vec::new());
    Ok(Decision {
        id: Decision::new_id(),
        signals: Some(signals),
        plan,
        strategy: None,
        reason,
        session: None,
        caller: None,
        considered: Vec::new(),
        outside: Vec::new(),
    })
}

fn route_file(
    router: &Router,
    runtime: &tokio::runtime::Runtime,
    input: &Path,
    output: Option<&Path>,
) -> anyhow::Result<()> {
    let rows = PromptRow::read_file(input).map_err(|error| UsageError(error.to_string()))?;
    match output {
        Some(output) => write_whole("--output", output, |file| write_decisions(router, runtime, input, &rows, file)),
        None => match write_decisions(router, runtime, input, &rows, &mut std::io::stdout().lock()) {
            Err(error) if closed_pipe::caused(&error) => Ok(()),
            written => written,
        },
    }
}

fn write_decisions(
    router: &Router,
    runtime: &tokio::runtime::Runtime,
    input: &Path,
    rows: &[PromptRow],
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    let bar = progress::bar(rows.len(), "routing");
    let mut output = BufWriter::new(output);
    for batch in rows.chunks(ROWS_A_BATCH) {
        let requests: Vec<ChatRequest> = batch
            .iter()
            .map(|row| match &row.source {
                PromptSource::Text(text) => Ok(ChatRequest::from_prompt(text)?),
                PromptSource::Conversation(request) => Ok((**request).clone()),
                PromptSource::Features { .. } => Err(no_words(input, row.line)),
            })
            .collect::<anyhow::Result<_>>()?;
        let decisions = runtime.block_on(join_all(requests.iter().map(|request| decide(router, request))));
        for (row, decision) in batch.iter().zip(decisions) {
            let decision =
                decision.map_err(|error| UsageError(format!("{}:{}: {error}", input.display(), row.line)))?;
            let mut line = serde_json::to_vec(&decision.row(Some(row.id.clone())))?;
            line.push(b'\n');
            output.write_all(&line)?;
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    output.flush()?;
    Ok(())
}

fn no_words(input: &Path, line: usize) -> anyhow::Error {
    let place = format!("{}:{line}", input.display());
    UsageError(format!("{place}: features: a model is chosen for words; give rows with a prompt")).into()
}

fn usage(error: RouteError) -> anyhow::Error {
    match error {
        RouteError::Embed(_) => error.into(),
        error => UsageError(error.to_string()).into(),
    }
}
