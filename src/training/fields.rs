//! One label field from rows to heads: compares the methods that are asked for on the same held-out rows, fits the second tier of a
//! cascade beside the first, and reads the abstain threshold and the uncertain band from what was held out.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cascade::{self, Answer, TwoTierRow};
use super::distilled_head::Teacher;
use super::folds::Folds;
use super::labelled::Labelled;
use super::linear_head::{self, FittedHead, LinearFit, Weighed, round};
use super::{TrainingError, abstention, centroid_head};
use crate::classifier::{Head, lead};
use crate::evaluation::{score_calibration, score_classification, score_ordinal};

/// Which kinds of head are fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Both, and the one with the least log loss on held-out rows stays.
    #[default]
    Auto,
    /// Cosine to centroids.
    Centroid,
    /// Linear heads over n-grams, surface and vectors.
    Head,
}

/// A field's heads.
#[derive(Debug, Clone)]
pub(super) struct FittedField {
    pub(super) first: Head,
    pub(super) second: Option<Head>,
    pub(super) abstain_below: f64,
    /// The same of the second tier; 0 without one.
    pub(super) second_abstain_below: f64,
    /// The leads of the first tier between which the second is asked.
    pub(super) band: Option<(f64, f64)>,
    pub(super) metrics: Value,
}

/// Fits one field.
pub(super) fn fit_field(
    weighed: &Weighed<'_>,
    data: &Labelled,
    method: Method,
    seed: u64,
    step: &dyn Fn(&str),
) -> Result<FittedField, TrainingError> {
    let set = weighed.set();
    let ordered = data.target == "complexity";
    let kept = Folds::of(set, data, seed);
    // A first tier that reads nothing of a fine-tuned encoder is measured on all rows, not on the few that were kept from it.
    let is_first_frozen = set.tuned.as_ref().is_some_and(|tuned| tuned.embedder > 0) && weighed.joined().is_none();
    let folds = if is_first_frozen { Folds::of_all(set, data, seed).measuring_all() } else { kept.clone() };
    let originals = data.originals(set).len();
    let mut compared = Vec::new();
    let takes_linear = method != Method::Centroid && linear_head::is_feasible(data.names.len());
    let takes_centroids = method != Method::Head || !takes_linear;
    let on = LinearFit { weighed, data, folds: &folds, embedder: 0, ordered, seed };
    let mut compare = |tier: &str, fitted: &FittedHead| compared.push(report(tier, data, fitted, ordered));

    let mut of_first = Vec::new();
    if takes_centroids {
        step(&format!("{}: centroids, first tier, {originals} rows", data.target));
        of_first.push(centroid_head::fit(set, data, &folds, 0, seed)?);
    }
    let linear = if takes_linear {
        step(&format!("{}: linear head, first tier, {originals} rows", data.target));
        Some(on.fit()?)
    } else {
        None
    };
    of_first.extend(linear.as_ref().map(|linear| linear.fitted.clone()));
    let tuned = set.tuned.as_ref();
    let network = |embedder: usize| {
        let head = tuned.filter(|tuned| tuned.embedder == embedder)?.head(data.target, &data.names)?;
        linear_head::is_feasible(data.names.len()).then_some(head)
    };
    if let Some(head) = network(0) {
        of_first.extend(on.of_network(head, 0)?.heads);
    }
    let on_kept = LinearFit { folds: &kept, ..on };
    let of_network = network(1).map(|head| on_kept.of_network(head, 1)).transpose()?.unwrap_or_default();
    if let Some(network) = network(1).filter(|_| weighed.joined().is_some()) {
        step(&format!("{}: distilled head, first tier", data.target));
        let distilled = on.distilled(Teacher { network, embedder: 1, beside: of_network.beside })?;
        if distilled.is_none() {
            step(&format!("{}: no distilled head, it has too many labels for the memory", data.target));
        }
        of_first.extend(distilled);
    }
    of_first.iter().for_each(|fitted| compare("first tier", fitted));

    let of_kept_rows = |fitted: &FittedHead| {
        let held_out = fitted.held_out.of_rows(&kept.measured_rows(set, data));
        held_out.ok_or(TrainingError::Numeric("the first tier was not measured where the second one is"))
    };
    let mut of_second = Vec::new();
    if set.embedders.len() > 1 {
        if takes_centroids {
            step(&format!("{}: centroids, second tier, {originals} rows", data.target));
            of_second.push(centroid_head::fit(set, data, &kept, 1, seed)?);
        }
        if let Some(linear) = &linear {
            step(&format!("{}: linear head, second tier, {originals} rows", data.target));
            of_second.push(on_kept.fit_on_top(linear, &of_kept_rows(&linear.fitted)?, 1)?);
        }
    }
    of_second.extend(of_network.heads);
    of_second.iter().for_each(|fitted| compare("second tier", fitted));
    let first = best_of(of_first).ok_or(TrainingError::Numeric("no head could be fitted"))?;
    let second = best_of(of_second);
    let abstain = abstention::fit(&confidences(&first));
    let second_abstain = second.as_ref().map(|second| abstention::fit(&confidences(second)));
    let most = if tuned.is_some() { cascade::MOST_TUNED_TIER_SHARE } else { cascade::MOST_SECOND_TIER_SHARE };
    let band = match &second {
        None => None,
        Some(second) => {
            let of_first = FittedHead { held_out: of_kept_rows(&first)?, ..first.clone() };
            Some(cascade::fit(&two_tier_rows(&of_first, second, tuned.is_some()), most))
        }
    };
    let metrics = json!({
        "rows": originals,
        "labels": data.names.len(),
        "folds": folds.count,
        "folds_measured": folds.measured,
        "rows_measured": folds.measured_rows(set, data).len(),
        "folds_of": folds.kind,
        "second_tier_folds_of": second.as_ref().map(|_| kept.kind),
        "method": first.method(),
        "compared": compared,
        "abstain": {
            "below": round(abstain.confidence),
            "coverage": round(abstain.coverage),
            "risk": round(abstain.risk),
        },
        "cascade": band.as_ref().map(|band| band.metrics.clone()),
    });
    Ok(FittedField {
        first: first.head,
        second: second.map(|second| second.head),
        abstain_below: abstain.confidence,
        second_abstain_below: second_abstain.map_or(0.0, |abstain| abstain.confidence),
        band: band.map(|band| (band.from, band.to)),
        metrics,
    })
}

/// The fit with the least log loss: accuracy alone would not tell a confident mistake from a hesitant one.
fn best_of(fitted: Vec<FittedHead>) -> Option<FittedHead> {
    let loss = |fitted: &FittedHead| fitted.held_out.log_loss(fitted.head.temperature());
    fitted.into_iter().min_by(|a, b| loss(a).total_cmp(&loss(b)))
}

/// Figures of one fit on the rows its folds did not see.
fn report(tier: &str, data: &Labelled, fitted: &FittedHead, ordered: bool) -> Value {
    let held = &fitted.held_out;
    let probabilities = held.probabilities(fitted.head.temperature());
    let predicted: Vec<usize> = probabilities.iter().map(|row| crate::evaluation::best_label(row)).collect();
    let scores = score_classification(&data.names, &held.truth, &predicted);
    let ordinal = ordered.then(|| score_ordinal(&held.truth, &probabilities));
    json!({
        "tier": tier,
        "method": fitted.method(),
        "held_out_accuracy": round(scores.accuracy),
        "held_out_macro_f1": round(scores.macro_f1),
        "held_out_log_loss": round(held.log_loss(fitted.head.temperature())),
        "held_out_ece": round(score_calibration(&held.truth, &probabilities).ece),
        "held_out_ece_before_calibration": round(score_calibration(&held.truth, &held.probabilities(1.0)).ece),
        "held_out_within_one": ordinal.as_ref().map(|scores| round(scores.within_one)),
        "held_out_kappa": ordinal.and_then(|scores| scores.quadratic_weighted_kappa).map(round),
        "fit": fitted.metrics,
    })
}

fn confidences(fitted: &FittedHead) -> Vec<(f64, bool)> {
    let probabilities = fitted.held_out.probabilities(fitted.head.temperature());
    probabilities
        .iter()
        .zip(&fitted.held_out.truth)
        .map(|(row, truth)| {
            let best = crate::evaluation::best_label(row);
            (row[best], best == *truth)
        })
        .collect()
}

/// Both tiers on the same held-out rows, which both list in the order of the folds. Rows kept from an encoder are few, and which of them are right is half
/// chance: an answer then counts what the second tier, which knows best and is calibrated on these rows, thinks of it.
fn two_tier_rows(first: &FittedHead, second: &FittedHead, are_few: bool) -> Vec<TwoTierRow> {
    debug_assert_eq!(first.held_out.rows, second.held_out.rows);
    let of_first = first.held_out.probabilities(first.head.temperature());
    let of_second = second.held_out.probabilities(second.head.temperature());
    let row = |((first, second), truth): ((Vec<f64>, Vec<f64>), &usize)| {
        let answer = |label: usize| {
            let is_right = label == *truth;
            let worth = f64::from(u8::from(is_right));
            Answer { is_right, worth: if are_few { second[label] } else { worth } }
        };
        TwoTierRow {
            lead: lead(&first),
            first: answer(crate::evaluation::best_label(&first)),
            second: answer(crate::evaluation::best_label(&second)),
        }
    };
    of_first.into_iter().zip(of_second).zip(&first.held_out.truth).map(row).collect()
}
