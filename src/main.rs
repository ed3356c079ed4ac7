//! The binary: parses the command line, runs one command, maps its result to an exit code. Decides nothing else.

use std::process::ExitCode;

use clap::Parser;
use semroute::cli::{Cli, Command, ModelsAction};
use semroute::commands::{self, UsageError};
use semroute::telemetry;

fn main() -> ExitCode {
    commands::closed_pipe::end_quietly();
    let cli = Cli::parse();
    // Kept to the end: what it holds back is told when it is dropped.
    let _telemetry = match telemetry::start(cli.telemetry()) {
        Ok(telemetry) => telemetry,
        Err(error) => return report(&UsageError(error.to_string()).into()),
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(args) => commands::demo::run(commands::demo::DemoOptions { listen: args.listen }),
        Command::Serve(args) => {
            commands::serve::run(commands::serve::ServeOptions { config: args.config, listen: args.listen })
        }
        Command::Route(args) => commands::route::run(&commands::route::RouteCommand {
            prompt: args.prompt,
            json: args.json,
            explain: args.explain,
            input: args.input,
            output: args.output,
            router: args.router,
            config: args.config,
        }),
        Command::Train(args) | Command::TrainCentroids(args) => commands::train::run(&commands::train::TrainCommand {
            fine_tune: args.fine_tune.command(args.seed, args.labels.is_empty()),
            labels: args.labels,
            extra_labels: args.extra_labels,
            outcomes: args.outcomes,
            out: args.out,
            embedder: args.embedder,
            method: args.method.into(),
            label_field: args.label_field,
            complexity_order: args.complexity_order,
            keep_examples: args.keep_examples,
            seed: args.seed,
        }),
        Command::Distill(args) => commands::distill::run(&commands::distill::DistillCommand {
            from: args.from,
            out: args.out,
            dims: args.dims as usize,
            frequency_smoothing: args.frequency_smoothing,
        }),
        Command::FitDifficulty(args) => {
            commands::fit_difficulty::run(&commands::fit_difficulty::FitDifficultyCommand {
                rows: args.rows,
                outcomes: args.outcomes,
                without: args.without,
                out: args.out,
                seed: args.seed,
            })
        }
        Command::Evaluate(args) => commands::evaluate::run(&commands::evaluate::EvaluateOptions {
            router: args.router,
            compare: args.compare,
            labels: args.labels,
            label_field: args.label_field,
            unknown_label: args.unknown_label,
            complexity_order: args.complexity_order,
            outcomes: args.outcomes,
            strong: args.strong,
            weak: args.weak,
            pairs: args.pairs,
            baseline: args.baseline,
            folds: args.folds,
            holdout: args.holdout,
            config: args.config,
            json: args.json,
            html: args.html,
            seed: args.seed,
            embedder: args.embedder,
            precision: args.precision.map(Into::into),
            method: args.method.into(),
        }),
        Command::Bench(args) => commands::bench::run(&commands::bench::BenchCommand {
            router: args.router,
            embedder: args.embedder,
            tokens: args.tokens.into_iter().map(|tokens| tokens as usize).collect(),
            batch: args.batch as usize,
            threads: args.threads as usize,
            precision: args.precision.map(Into::into),
            clients: args.clients.iter().map(|&clients| clients as usize).collect(),
            embedder_only: args.embedder_only,
            gateway: !args.no_gateway,
            json: args.json,
        }),
        Command::Models { action } => commands::models::run(&match action {
            ModelsAction::Pull { name, revision } => commands::models::ModelsOptions::Pull { name, revision },
            ModelsAction::List => commands::models::ModelsOptions::List,
            ModelsAction::Verify => commands::models::ModelsOptions::Verify,
        }),
        Command::Log { action } => commands::log::run(action.into()),
        Command::Keys { action, config, json } => commands::keys::run(action.into(), config.as_ref(), json),
        Command::CheckHealth { url } => commands::check_health::run(&url),
        Command::CheckConfig { file } => commands::check_config::run(&file),
    }
}

/// 2 for wrong usage or input, 1 for everything else that fails.
#[expect(clippy::print_stderr, reason = "the one place where a command's error is shown")]
fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    let wrong_use = error.chain().any(|cause| cause.is::<UsageError>());
    if wrong_use { ExitCode::from(2) } else { ExitCode::FAILURE }
}
