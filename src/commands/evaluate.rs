//! `semroute evaluate`: an artifact and labels, outcomes or paraphrases to a report. Reads files, runs the router and hands
//! plain slices to the evaluation room; computes no figure itself.

mod cascade;
mod check;
mod chooser;
mod compare;
mod configured;
mod field;
mod labels;
mod outcomes;
mod output;
mod pairs;
mod predictions;
mod retrain;
mod robustness;
mod rows;

use std::path::PathBuf;

use super::parts;
use crate::embedder::Precision;
use crate::evaluation::report::{EvaluationReport, FORMAT, Protocol};
use crate::training::Method;
use chooser::Chooser;
use predictions::Predictions;
use rows::InputRows;

/// What to evaluate, on what, and where the report goes.
#[derive(Debug, Clone)]
pub struct EvaluateOptions {
    /// `builtin` or an artifact's folder. With folds or a hold-out a router is trained instead.
    pub router: String,
    /// Routers to measure beside it: `builtin` or folders.
    pub compare: Vec<String>,
    /// Files of labelled prompts.
    pub labels: Vec<PathBuf>,
    /// The field that holds the task label. `complexity` measures the complexity alone.
    pub label_field: String,
    /// The label that means "none of the known ones".
    pub unknown_label: Option<String>,
    /// Complexity labels, easiest first, for training anew.
    pub complexity_order: Option<Vec<String>>,
    /// Files of outcomes.
    pub outcomes: Vec<PathBuf>,
    /// The strong model of two.
    pub strong: Option<String>,
    /// The weak model of two.
    pub weak: Option<String>,
    /// A file of paraphrases.
    pub pairs: Option<PathBuf>,
    /// The files that the router was trained on: baselines are fitted on them.
    pub baseline: Vec<PathBuf>,
    /// Train anew on all folds but one and measure on that one, for each.
    pub folds: Option<usize>,
    /// Train anew and measure on this share of the rows.
    pub holdout: Option<f64>,
    /// A configuration whose strategy chooses models.
    pub config: Option<PathBuf>,
    /// Where the report goes as JSON; `-` is standard output, and then no text is printed.
    pub json: Option<PathBuf>,
    /// Where the report goes as one HTML page.
    pub html: Option<PathBuf>,
    /// Decides folds, hold-out, training and the fitting of baselines.
    pub seed: u64,
    /// The embedder to train with, or to use for what is not built in.
    pub embedder: Option<String>,
    /// What the artifact's transformer is multiplied as; `None`: as it is stored.
    pub precision: Option<Precision>,
    /// Which kinds of head are compared when training anew.
    pub method: Method,
}

/// Evaluates and reports.
pub fn run(options: &EvaluateOptions) -> anyhow::Result<()> {
    check::check(options)?;
    compare::check(options)?;
    let input = InputRows::read(options)?;
    let mut report = EvaluationReport {
        format: FORMAT,
        router: options.router.clone(),
        artifact: None,
        protocol: protocol(options),
        task: None,
        complexity: None,
        cascade: None,
        comparison: None,
        robustness: None,
        abstention: None,
        outcomes: None,
        pairs: None,
        chosen_models: None,
        latency: None,
        warnings: Vec::new(),
    };
    if report.protocol.kind == "as_given" {
        let brain = parts::open_brain_with(
            &options.router,
            options.embedder.as_deref().unwrap_or("cascade"),
            options.precision,
        )?;
        labels::check_known(options, &input, brain.task_labels(), brain.complexity_labels())?;
        report.artifact = Some(brain.artifact().to_owned());
        let predictions = Predictions::from_brain(&brain, &input)?;
        let router = configured::router(options)?;
        let configured = router.as_ref().map(|router| configured::choose(router, &input)).transpose()?;
        report.chosen_models = configured.as_ref().map(|choices| choices.report());
        let chooser = Chooser::new(router.as_ref(), &brain);
        report.pairs = pairs::measure(options, &brain, chooser)?;
        report.cascade = cascade::measure(&brain, &input, &predictions)?;
        report.comparison = compare::measure(options, &input, &brain, &predictions)?;
        report.robustness = robustness::measure(&brain, chooser, &input, &predictions, options.seed)?;
        fill(&mut report, options, &input, &predictions, configured.as_ref())?;
        report.latency = predictions::time_single_prompts(&brain, &input)?;
    } else {
        let embedder = options.embedder.as_deref().unwrap_or(crate::embedder::BUILTIN);
        report.router = format!("trained for this evaluation on {embedder} vectors");
        let (predictions, brain) = retrain::predict(options, &input)?;
        fill(&mut report, options, &input, &predictions, None)?;
        if let Some(brain) = brain {
            report.cascade = cascade::measure(&brain, &input, &predictions)?;
            report.latency = predictions::time_single_prompts(&brain, &input)?;
        }
    }
    output::write(options, &report)
}

fn fill(
    report: &mut EvaluationReport,
    options: &EvaluateOptions,
    input: &InputRows,
    predictions: &Predictions,
    configured: Option<&configured::Choices>,
) -> anyhow::Result<()> {
    let measured = labels::measure(options, input, predictions)?;
    report.task = measured.task;
    report.complexity = measured.complexity;
    report.abstention = measured.abstention;
    report.outcomes = outcomes::measure(options, input, predictions, configured)?;
    for label in [&report.task, &report.complexity].into_iter().flatten() {
        report.warnings.extend(label.warnings());
    }
    report.warnings.extend(measured.warnings);
    if let Some(outcomes) = &report.outcomes {
        report.warnings.extend(outcomes.warnings());
    }
    if let Some(chosen) = &report.chosen_models {
        report.warnings.extend(configured::warning(chosen));
    }
    Ok(())
}

fn protocol(options: &EvaluateOptions) -> Protocol {
    let names = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    let mut files = names(&options.labels);
    files.extend(names(&options.outcomes));
    files.extend(options.pairs.iter().map(|path| path.display().to_string()));
    Protocol {
        kind: match (options.folds, options.holdout) {
            (Some(_), _) => "folds",
            (_, Some(_)) => "holdout",
            _ => "as_given",
        },
        folds: options.folds,
        held_out_share: options.holdout,
        seed: options.seed,
        files,
        baseline_files: names(&options.baseline),
    }
}
