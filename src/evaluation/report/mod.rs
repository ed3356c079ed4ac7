//! The report as data (its field names are stable, scripts read them), and as text and HTML made from the same tables.

mod cascade_section;
mod comparison_section;
mod html;
mod label_sections;
mod outcome_sections;
mod pictures;
mod robustness_sections;
mod sections;
mod table;
mod text;

use serde::Serialize;

use super::{AbstentionScores, CascadeReport, ComparisonReport, LabelReport, OutcomesReport, RobustnessReport};

pub use html::render_html;
pub use text::render_text;

/// Name and version of the shape of the JSON.
pub const FORMAT: &str = "semroute-evaluation/1";

/// Everything one evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvaluationReport {
    /// [`FORMAT`]
    pub format: &'static str,
    /// What was evaluated: `builtin` or a folder; with folds or a hold-out, what was trained anew.
    pub router: String,
    /// Name and short hash of the artifact; None where it was trained for this evaluation only.
    pub artifact: Option<String>,
    /// On which rows.
    pub protocol: Protocol,
    /// The task, or the field named instead.
    pub task: Option<LabelReport>,
    /// The complexity.
    pub complexity: Option<LabelReport>,
    /// A cascade's tiers, measured on the task.
    pub cascade: Option<CascadeReport>,
    /// Several routers side by side.
    pub comparison: Option<ComparisonReport>,
    /// What changes that mean nothing change.
    pub robustness: Option<RobustnessReport>,
    /// Rows of no known label.
    pub abstention: Option<AbstentionReport>,
    /// Outcome rows.
    pub outcomes: Option<OutcomesReport>,
    /// Paraphrases.
    pub pairs: Option<PairsReport>,
    /// Which models the configuration's strategy chooses.
    pub chosen_models: Option<ChosenModelsReport>,
    /// How long one classification takes.
    pub latency: Option<LatencyReport>,
    /// What a reader must be told.
    pub warnings: Vec<String>,
}

/// Which rows a router was measured on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Protocol {
    /// `as_given` (the router was not trained here), `folds` or `holdout`.
    pub kind: &'static str,
    /// With `folds`.
    pub folds: Option<usize>,
    /// With `holdout`.
    pub held_out_share: Option<f64>,
    /// Decides folds, hold-out and the order in which baselines are fitted.
    pub seed: u64,
    /// The files.
    pub files: Vec<String>,
    /// The files that baselines were fitted on; empty where they were fitted on the same rows as the router, or not at all.
    pub baseline_files: Vec<String>,
}

/// How rows of no known label were recognised.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AbstentionReport {
    /// The label that means none.
    pub unknown_label: String,
    /// The figures.
    #[serde(flatten)]
    pub scores: AbstentionScores,
}

/// How often a paraphrase changes what is said of a prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairsReport {
    /// Pairs.
    pub pairs: usize,
    /// Share whose task changes.
    pub task_flip_rate: f64,
    /// Share whose complexity changes.
    pub complexity_flip_rate: f64,
    /// What chooses the model, in words; None where no model is chosen.
    pub chosen_by: Option<String>,
    /// Share whose chosen model changes; None where no model is chosen.
    pub model_flip_rate: Option<f64>,
    /// RouterArena's robustness: 1 - share of pairs whose chosen model changes.
    pub robustness: Option<f64>,
}

/// Which models are chosen how often.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChosenModelsReport {
    /// The strategy.
    pub strategy: String,
    /// Prompts, over all rows of the files.
    pub prompts: usize,
    /// Mean expected cost in USD; None where a chosen model has no price.
    pub mean_expected_cost_usd: Option<f64>,
    /// The most frequent first.
    pub models: Vec<ChosenModel>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChosenModel {
    /// Its name.
    pub model: String,
    /// Prompts it was chosen for.
    pub prompts: usize,
    /// Share of all prompts.
    pub share: f64,
}

/// One prompt at a time, reading, embedding and classifying, on the machine of the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LatencyReport {
    /// Prompts that were timed one by one.
    pub prompts: usize,
    /// Median, microseconds.
    pub classify_us_p50: f64,
    /// 95th percentile, microseconds.
    pub classify_us_p95: f64,
}

impl LatencyReport {
    /// Reads percentiles (nearest rank) from single timings; None without any.
    pub fn from_timings_us(mut timings: Vec<f64>) -> Option<Self> {
        timings.sort_by(f64::total_cmp);
        let at = |percent: usize| timings.get((timings.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Some(Self { prompts: timings.len(), classify_us_p50: at(50)?, classify_us_p95: at(95)? })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]
mod tests;
