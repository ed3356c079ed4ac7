//! The flags of `semroute log`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::commands::log::LogCommand;
use crate::commands::log::export::{ExportedRows, LogExportOptions};
use crate::commands::log::seed::SeedCommand;

/// `log`
#[derive(Debug, Subcommand)]
pub enum LogAction {
    /// Write decisions and feedback as rows that train and evaluate read, while the server runs.
    Export(LogExportArgs),
    /// Fill an empty store with made-up decisions, to try the dashboard or to measure it.
    #[command(hide = true)]
    Seed(SeedArgs),
}

/// `log export`
#[derive(Debug, Args)]
pub struct LogExportArgs {
    /// Where the rows go, one JSON object a line; written whole or not at all.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Decisions since then: a date (2026-11-01), a time (2026-11-01T08:00:00Z) or how long ago (7d).
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Decisions before then; now by default.
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
    /// Prompts with the labels that feedback stated or confirmed, for train --labels. Without this and --outcomes: every decision.
    #[arg(long, conflicts_with = "outcomes")]
    pub labels: bool,
    /// Prompts with the score of the model that answered, for train --outcomes.
    #[arg(long)]
    pub outcomes: bool,
    /// Configuration with the store; semroute.toml of this folder if it exists.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `log seed`
#[derive(Debug, Args)]
pub struct SeedArgs {
    /// How many decisions.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub rows: u32,
    /// The days before now that they are spread over.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub days: u32,
    /// The configuration with the store and the models.
    #[arg(long, default_value = "semroute.toml", value_name = "FILE")]
    pub config: PathBuf,
    /// Seed of what is made up.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Even where the store holds decisions already.
    #[arg(long)]
    pub force: bool,
}

impl From<LogAction> for LogCommand {
    fn from(action: LogAction) -> Self {
        match action {
            LogAction::Export(args) => Self::Export(args.into()),
            LogAction::Seed(args) => Self::Seed(SeedCommand {
                rows: args.rows,
                days: args.days,
                config: args.config,
                seed: args.seed,
                force: args.force,
            }),
        }
    }
}

impl From<LogExportArgs> for LogExportOptions {
    fn from(args: LogExportArgs) -> Self {
        let rows = match (args.labels, args.outcomes) {
            (true, _) => ExportedRows::Labels,
            (_, true) => ExportedRows::Outcomes,
            _ => ExportedRows::Decisions,
        };
        Self { output: args.output, since: args.since, until: args.until, rows, config: args.config }
    }
}
