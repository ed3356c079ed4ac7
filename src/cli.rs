//! The command line: names, flags and help. Parses and hands typed options to `commands`; runs nothing itself.

mod fine_tune;
mod keys;
mod log;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::telemetry::{self, TelemetryOptions};
pub use fine_tune::FineTuneArgs;
pub use keys::{KeysAction, KeysCreateArgs};
pub use log::{LogAction, LogExportArgs, SeedArgs};

/// A learned semantic router for LLM traffic: every prompt to the cheapest model that is good enough.
#[derive(Debug, Parser)]
#[command(name = "semroute", version, arg_required_else_help = true)]
pub struct Cli {
    /// Log filter for standard error, such as info or semroute=debug; by default serve tells of each request and the others
    /// of warnings only.
    #[arg(long, global = true, env = "SEMROUTE_LOG", value_name = "FILTER", display_order = 1000)]
    pub log: Option<String>,
    /// How the log is written.
    #[arg(long, global = true, env = "SEMROUTE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT", display_order = 1001)]
    pub log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try it: two simulated upstreams and the router on loopback; no key, no download.
    Demo(DemoArgs),
    /// Run the gateway.
    Serve(ServeArgs),
    /// Show where prompts would go, without sending them.
    Route(RouteArgs),
    /// Train an artifact on labelled prompts and model outcomes.
    Train(TrainArgs),
    /// The same as `train --method centroid`.
    TrainCentroids(TrainArgs),
    /// Make a static token table from a transformer.
    Distill(DistillArgs),
    /// Fit the difficulty prior that ships inside the binary.
    #[command(hide = true)]
    FitDifficulty(FitDifficultyArgs),
    /// Measure an artifact on labelled rows, outcomes or pairs, beside baselines.
    Evaluate(Box<EvaluateArgs>),
    /// Time the parts of the hot path on this machine.
    Bench(BenchArgs),
    /// Download, list and verify embedding models.
    Models {
        /// What to do with models.
        #[command(subcommand)]
        action: ModelsAction,
    },
    /// Work on the log of decisions.
    Log {
        /// What to do with it.
        #[command(subcommand)]
        action: LogAction,
    },
    /// Make, show and end the keys that callers present, in the store of the configuration.
    Keys {
        /// What to do with keys.
        #[command(subcommand)]
        action: KeysAction,
        /// Configuration with the store; semroute.toml of this folder if it exists.
        #[arg(long, global = true, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print JSON.
        #[arg(long, global = true)]
        json: bool,
    },
    /// Ask a server on this machine whether it takes requests; for the health checks of containers.
    CheckHealth {
        /// Where it listens, without TLS.
        #[arg(default_value = "http://127.0.0.1:8080", value_name = "URL")]
        url: String,
    },
    /// Check a configuration file without starting anything.
    CheckConfig {
        /// The file.
        file: PathBuf,
    },
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Cli {
    /// What the process tells of itself: as asked, or what suits the command.
    pub fn telemetry(&self) -> TelemetryOptions<'_> {
        let serves = matches!(self.command, Command::Serve(_));
        let filter = match &self.log {
            Some(filter) => filter,
            None if serves => "warn,semroute=info",
            None => "warn",
        };
        let format = match self.log_format {
            LogFormat::Text => telemetry::LogFormat::Text,
            LogFormat::Json => telemetry::LogFormat::Json,
        };
        TelemetryOptions { filter, format, serves }
    }
}

/// `demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Address of the router; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: String,
}

/// `serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The configuration.
    #[arg(long, default_value = "semroute.toml", value_name = "FILE")]
    pub config: PathBuf,
    /// Instead of `[server] listen`.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
}

/// `route`
#[derive(Debug, Args)]
pub struct RouteArgs {
    /// The prompt.
    pub prompt: Option<String>,
    /// Print one JSON row.
    #[arg(long)]
    pub json: bool,
    /// Show scores, neighbours and candidates.
    #[arg(long, conflicts_with = "input")]
    pub explain: bool,
    /// A file of rows {"id", "prompt"} or {"id", "messages"}.
    #[arg(long, value_name = "FILE", conflicts_with = "prompt")]
    pub input: Option<PathBuf>,
    /// Where the decisions go; standard output by default.
    #[arg(long, value_name = "FILE", requires = "input")]
    pub output: Option<PathBuf>,
    /// Artifact folder, or builtin; goes before the configuration's.
    #[arg(long, value_name = "DIR")]
    pub router: Option<String>,
    /// Configuration with the models; semroute.toml of this folder if it exists.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// How heads are fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// Compare what there is on held-out folds and take the best.
    Auto,
    /// Cosine to centroids.
    Centroid,
    /// Linear heads over n-grams, surface counts and vectors.
    Head,
}

impl From<Method> for crate::commands::HeadMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::Auto => Self::Auto,
            Method::Centroid => Self::Centroid,
            Method::Head => Self::Head,
        }
    }
}

/// What a transformer's weights are multiplied as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    /// Numbers of 32 bits.
    F32,
    /// Bytes: faster and smaller, a little less exact; on the processor.
    Int8,
    /// Half precision, on accelerators.
    F16,
    /// Half precision with coarser steps and more range, on accelerators.
    Bf16,
}

impl From<Precision> for crate::commands::Precision {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            Precision::Int8 => Self::Int8,
            Precision::F16 => Self::F16,
            Precision::Bf16 => Self::Bf16,
        }
    }
}

/// `train`
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Rows with "task" and/or "complexity".
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub labels: Vec<PathBuf>,
    /// Labelled rows from elsewhere, with labels that --labels has too: learnt from, but nothing is chosen or measured on them.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "labels")]
    pub extra_labels: Vec<PathBuf>,
    /// Rows with "scores" per model.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub outcomes: Vec<PathBuf>,
    /// Folder of the artifact; written whole or not at all.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// builtin, cascade (builtin first, all-MiniLM-L6-v2 where it is unsure; cascade:NAME for another model, of which
    /// cascade:builtin-encoder needs no download), the name of a pulled model, or a folder.
    #[arg(long, default_value = "builtin", value_name = "NAME|DIR")]
    pub embedder: String,
    /// How heads are fitted.
    #[arg(long, value_enum, default_value_t = Method::Auto)]
    pub method: Method,
    /// Field that holds the task label.
    #[arg(long, default_value = "task", value_name = "FIELD")]
    pub label_field: String,
    /// Complexity labels, easiest first; needed when they are not low, medium, high, critical.
    #[arg(long, value_delimiter = ',', value_name = "A,B,C")]
    pub complexity_order: Option<Vec<String>>,
    /// Keep the prompts' text in the artifact, for explanations; without it only vectors and ids are kept.
    #[arg(long)]
    pub keep_examples: bool,
    /// Seed of everything chosen at random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How the encoder is trained too.
    #[command(flatten)]
    pub fine_tune: FineTuneArgs,
}

/// `distill`
#[derive(Debug, Args)]
pub struct DistillArgs {
    /// Folder or name of the transformer.
    #[arg(long, value_name = "NAME|DIR")]
    pub from: String,
    /// Folder of the table.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Columns.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub dims: u32,
    /// a of the frequency weight a / (a + p): smaller silences frequent words more.
    #[arg(long, default_value_t = 0.03)]
    pub frequency_smoothing: f64,
}

/// `fit-difficulty`
#[derive(Debug, Args)]
pub struct FitDifficultyArgs {
    /// Folder of the files that the other flags name.
    #[arg(long, value_name = "DIR")]
    pub rows: PathBuf,
    /// Rows with "scores" per model, to learn from.
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub outcomes: Vec<PathBuf>,
    /// Outcome rows whose prompts are left out, however their options are written.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub without: Vec<PathBuf>,
    /// Folder of the prior.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Seed of the folds.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// `evaluate`
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Artifact folder, or builtin.
    #[arg(long, default_value = "builtin", value_name = "DIR")]
    pub router: String,
    /// Artifacts to measure beside it on the same rows, with their times; of a cascade, each tier and both together.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub compare: Vec<String>,
    /// Labelled rows to measure on.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub labels: Vec<PathBuf>,
    /// Field that holds the task label.
    #[arg(long, default_value = "task", value_name = "FIELD")]
    pub label_field: String,
    /// Label of rows that should be abstained from.
    #[arg(long, value_name = "LABEL")]
    pub unknown_label: Option<String>,
    /// Complexity labels of --folds and --holdout, easiest first.
    #[arg(long, value_delimiter = ',', value_name = "A,B,C")]
    pub complexity_order: Option<Vec<String>>,
    /// Outcome rows to measure on.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub outcomes: Vec<PathBuf>,
    /// The strong model of two-model figures.
    #[arg(long, value_name = "MODEL", requires = "weak")]
    pub strong: Option<String>,
    /// The weak model of two-model figures.
    #[arg(long, value_name = "MODEL", requires = "strong")]
    pub weak: Option<String>,
    /// Rows {"prompt", "paraphrase"} that should route the same.
    #[arg(long, value_name = "FILE")]
    pub pairs: Option<PathBuf>,
    /// Training file(s) for the majority, length and n-gram baselines.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub baseline: Vec<PathBuf>,
    /// Train anew in N folds of --labels.
    #[arg(long, value_name = "N", conflicts_with = "holdout")]
    pub folds: Option<usize>,
    /// Train anew on all but this share of --labels.
    #[arg(long, value_name = "F")]
    pub holdout: Option<f64>,
    /// Configuration with the models, to show what would be chosen.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Embedder of --folds and --holdout: builtin, cascade, a pulled model or a folder; without them, builtin keeps to the first tier.
    #[arg(long, value_name = "NAME|DIR")]
    pub embedder: Option<String>,
    /// What the transformer of the artifact is multiplied as; without it, as it is stored. --folds and --holdout train and measure so.
    #[arg(long, value_enum, conflicts_with_all = ["folds", "holdout"])]
    pub precision: Option<Precision>,
    /// How the heads of --folds and --holdout are fitted.
    #[arg(long, value_enum, default_value_t = Method::Auto)]
    pub method: Method,
    /// Seed of --folds and --holdout.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Write the figures as JSON; - for standard output.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report as one HTML page.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// `bench`
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Artifact folder, or builtin.
    #[arg(long, default_value = "builtin", value_name = "DIR")]
    pub router: String,
    /// Embedder to time by itself; the artifact's own by default.
    #[arg(long, value_name = "NAME|DIR")]
    pub embedder: Option<String>,
    /// Tokens of the timed prompt, special tokens included; of several, the embedder gets one text each.
    #[arg(long, default_value = "32", value_name = "N[,N...]", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(3..=100_000))]
    pub tokens: Vec<u32>,
    /// Texts a call of the embedder, of each length.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub batch: u32,
    /// Threads of the embedder's arithmetic.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub threads: u32,
    /// What a transformer's weights are multiplied as; without it, as they are stored: int8 where they are bytes, f32 elsewhere.
    #[arg(long, value_enum)]
    pub precision: Option<Precision>,
    /// Also time a transformer's queue with so many clients at once, one figure each.
    #[arg(long, value_name = "N[,N...]", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub clients: Vec<u32>,
    /// Time the embedder and nothing else.
    #[arg(long)]
    pub embedder_only: bool,
    /// Leave out the gateway, its memory and its start.
    #[arg(long)]
    pub no_gateway: bool,
    /// Write the figures as JSON; - for standard output.
    #[arg(long, value_name = "FILE|-")]
    pub json: Option<PathBuf>,
}

/// `models`
#[derive(Debug, Subcommand)]
pub enum ModelsAction {
    /// Download a model and verify it.
    Pull {
        /// Hub name, such as all-MiniLM-L6-v2.
        name: String,
        /// Revision: a branch, tag or commit.
        #[arg(long, value_name = "REVISION")]
        revision: Option<String>,
    },
    /// Show the built-in embedder and what was pulled.
    List,
    /// Recompute the hashes of everything that was pulled.
    Verify,
}
