//! A fine-tuned network's quality heads in an artifact: how far they may move what table, regression and neighbours say, and how sure they may be of
//! themselves. Both are chosen on rows that were kept from the encoder: of the others it has learnt the very scores that it would be measured by. For the
//! same reason nothing else here is fitted to its vectors; regression and neighbours read a table of words that learns from nobody's outcomes.

use serde_json::{Value, json};

use super::linear_head::round;
use super::network_head::NetworkHead;
use super::quality_rows::QualityRows;
use crate::classifier::{NetworkQuality, quality_of_score};

/// Shares that are tried.
const SHARES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// What scores are divided by: above 1 where the network is surer than it may be.
const TEMPERATURES: [f64; 5] = [0.75, 1.0, 1.5, 2.0, 3.0];
/// A model with fewer rows among those that were learnt from has no head worth asking.
const LEAST_LEARNT: usize = 20;

/// An encoder that was fine-tuned on outcomes, and the heads that it was trained with.
#[derive(Debug, Clone, Default)]
pub struct TunedQuality {
    /// Index of its vectors among the artifact's embedders.
    pub embedder: usize,
    /// A score for each model, before the sigmoid; its labels are the models by rising name.
    pub head: NetworkHead,
    /// Outcome rows that it did not learn from, as indices, rising.
    pub kept_from_it: Vec<usize>,
}

/// One score of a row that was kept from the encoder.
struct Known {
    /// Index into the kept rows.
    row: usize,
    model: usize,
    truth: f64,
    /// What the other parts say, by fits that had not seen the row.
    without: f64,
    /// The network's score.
    score: f32,
}

impl Known {
    fn said(&self, share: f64, temperature: f64) -> f64 {
        self.without + share * (quality_of_score(self.score / temperature as f32) - self.without)
    }

    /// What it gains in squared error.
    fn gain(&self, share: f64, temperature: f64) -> f64 {
        (self.without - self.truth).powi(2) - (self.said(share, temperature) - self.truth).powi(2)
    }
}

/// Chooses the share and the temperature with the least squared error on the rows kept from the encoder, one of each for all models: their heads share the
/// encoder, and differences between models, which routing goes by, stay differences. `None` unless the rows gain more than one standard error. Models that
/// were scored on the same rows do without the network where those rows lose more than one. `predicted`, what is known of every row and model without it,
/// becomes what is known with it.
pub(super) fn fit(
    rows: &QualityRows<'_>,
    tuned: &TunedQuality,
    predicted: &mut [Vec<Option<f64>>],
) -> (Option<NetworkQuality>, Value) {
    let models = rows.models.len();
    let mut learnt = vec![0usize; models];
    let is_kept: Vec<bool> = (0..rows.scored.len()).map(|row| tuned.kept_from_it.binary_search(&row).is_ok()).collect();
    for row in (0..rows.scored.len()).filter(|row| !is_kept[*row]) {
        learnt.iter_mut().zip(rows.scores(row)).for_each(|(rows, score)| *rows += usize::from(score.is_some()));
    }
    let fits = tuned.head.labels.iter().eq(rows.models.iter().copied());
    let mut known = Vec::new();
    for (at, row) in tuned.kept_from_it.iter().enumerate().filter(|_| fits) {
        let Some(vector) = rows.vector_of(*row, tuned.embedder) else { continue };
        let scores = tuned.head.scores(vector);
        for (model, truth) in rows.scores(*row).enumerate().filter(|(model, _)| learnt[*model] >= LEAST_LEARNT) {
            if let (Some(truth), Some(without)) = (truth, predicted[*row][model]) {
                known.push(Known { row: at, model, truth, without, score: scores[model] });
            }
        }
    }
    let kept = tuned.kept_from_it.len();
    let (share, temperature) = best(&known);
    let all = gain_of(&known, &vec![true; models], kept, share, temperature);
    let mut told = json!({
        "rows_kept_from_the_encoder": kept,
        "scores": known.len(),
        "share": share,
        "temperature": temperature,
        "held_out_squared_error": error(&known, share, temperature),
        "held_out_squared_error_without": error(&known, 0.0, 1.0),
        "gain_of_a_row": round(all.mean),
        "standard_error": round(all.standard_error),
    });
    if all.mean <= all.standard_error {
        told["share"] = json!(0.0);
        return (None, told);
    }
    let mut shares = vec![0.0f32; models];
    for (_, group) in rows.groups() {
        let of_group: Vec<bool> = (0..models).map(|model| group.contains(&model)).collect();
        let gain = gain_of(&known, &of_group, kept, share, temperature);
        for model in group.iter().filter(|model| learnt[**model] >= LEAST_LEARNT) {
            shares[*model] = if gain.mean < -gain.standard_error { 0.0 } else { share as f32 };
        }
    }
    let without: Vec<&String> =
        (0..models).filter(|model| shares[*model] <= 0.0).map(|model| rows.models[model]).collect();
    told["models_without"] = json!(without);
    // Of rows that it learnt from nobody can tell what it would have said.
    for of_row in predicted.iter_mut().zip(&is_kept).filter(|(_, is_kept)| !**is_kept).map(|(of_row, _)| of_row) {
        of_row.iter_mut().zip(&shares).filter(|(_, share)| **share > 0.0).for_each(|(said, _)| *said = None);
    }
    for one in known.iter().filter(|one| shares[one.model] > 0.0) {
        predicted[tuned.kept_from_it[one.row]][one.model] = Some(one.said(share, temperature));
    }
    let calibrated = |numbers: &[f32]| numbers.iter().map(|x| x / temperature as f32).collect();
    let network = NetworkQuality {
        embedder: tuned.embedder,
        weights: calibrated(&tuned.head.weights),
        intercepts: calibrated(&tuned.head.intercepts),
        share: shares,
    };
    (Some(network), told)
}

/// Of equals the smaller share.
fn best(known: &[Known]) -> (f64, f64) {
    let mut best = (0.0, 1.0);
    let mut most = 0.0;
    for share in SHARES {
        for temperature in TEMPERATURES {
            let gain: f64 = known.iter().map(|one| one.gain(share, temperature)).sum();
            if gain > most {
                (best, most) = ((share, temperature), gain);
            }
        }
    }
    best
}

fn error(known: &[Known], share: f64, temperature: f64) -> f64 {
    let errors = known.iter().map(|one| (one.said(share, temperature) - one.truth).powi(2));
    round(errors.sum::<f64>() / known.len().max(1) as f64)
}

/// Of a row: the mean, and how sure it is. Models answer one prompt alike, so that rows count, not scores.
struct Gain {
    mean: f64,
    standard_error: f64,
}

fn gain_of(known: &[Known], of_model: &[bool], kept: usize, share: f64, temperature: f64) -> Gain {
    let mut by_row: Vec<Option<f64>> = vec![None; kept];
    for one in known.iter().filter(|one| of_model[one.model]) {
        *by_row[one.row].get_or_insert(0.0) += one.gain(share, temperature);
    }
    let gains: Vec<f64> = by_row.into_iter().flatten().collect();
    let rows = gains.len().max(1) as f64;
    let mean = gains.iter().sum::<f64>() / rows;
    let variance = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / rows;
    Gain { mean, standard_error: (variance / rows).sqrt() }
}
