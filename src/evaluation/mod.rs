//! Metrics as pure functions on plain slices: predictions and truth in, figures out. Needs no model and reads no file, so
//! that training can use the same figures; the report is data here, and words and tables in `report`.

mod abstention;
mod arena;
pub mod baselines;
mod bootstrap;
mod calibration;
mod cascade;
mod classification;
mod comparison;
mod hull;
mod label_report;
mod many_model;
mod many_model_report;
mod ordinal;
mod outcome_report;
mod perturbation;
mod quality;
pub mod report;
mod resampled_curve;
mod risk_coverage;
mod robustness;
mod split;
mod two_model;
mod two_model_report;

pub use abstention::{AbstentionRow, AbstentionScores, score_abstention};
pub use arena::arena_score;
pub use bootstrap::{INTERVAL_METHOD, Interval, bootstrap};
pub use calibration::{CALIBRATION_BINS, Calibration, CalibrationBin, calibrate_values, score_calibration};
pub use cascade::{CascadePoint, CascadeReport, CascadeRow, TierFigures};
pub use classification::{ClassScores, ClassificationScores, best_label, score_classification};
pub use comparison::{ComparedWay, ComparisonReport, WayName, WaySaid};
pub use hull::{CostQuality, area_under_hull, non_decreasing_concave_hull};
pub use label_report::{LabelBaseline, LabelReport, LabelSlice, LabelledRows};
pub use many_model::{
    LambdaPoint, ManyModelOutcomes, ManyModelScores, lambda_grid, oracle_scores, score_many_model, zero_router_scores,
};
pub use many_model_report::{FixedChoice, ManyModelCurve, ManyModelReport, ManyModelRows, many_model_report};
pub use ordinal::{OrdinalScores, score_ordinal, spearman};
pub use outcome_report::OutcomesReport;
pub use perturbation::{Perturbation, with_typos};
pub use quality::{GateDelivery, QualityScores, score_quality};
pub use risk_coverage::{RiskCoverage, RiskCoveragePoint, risk_coverage};
pub use robustness::{Flips, RobustnessReport, Said, task_accuracy};
pub use split::hold_out;
pub use two_model::{TwoModelPoint, TwoModelScores, oracle_order, random_two_model, score_two_model};
pub use two_model_report::{
    TwoModelBaseline, TwoModelIntervals, TwoModelReport, TwoModelRouter, TwoModelRows, two_model_report,
};
