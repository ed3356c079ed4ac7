//! Fits the uncertain band of a cascade: between which leads of the first tier's best label the second one is worth its time. Read from
//! held-out rows, on which both tiers have said what they think.

use serde_json::{Value, json};

/// The second tier may run for this share of the prompts: unsure prompts are longer than others, so that it takes a larger share
/// of the time, and its mean should stay below 30% of always running it.
pub(super) const MOST_OF_A_FROZEN_TIER: f64 = 0.25;
/// The same of an encoder that was fine-tuned on the labels: it is right far more often, so that its time is better spent.
pub(super) const MOST_OF_A_TUNED_TIER: f64 = 0.4;
/// Accuracy that may be given up against always asking the second tier, for a smaller share.
const ALLOWED_LOSS: f64 = 0.003;
/// Steps of the curve.
const STEPS: usize = 100;

/// One held-out row.
#[derive(Debug, Clone, Copy)]
pub(super) struct TwoTierRow {
    /// The lead of the first tier's best label, 0.5 to 1.
    pub(super) lead: f64,
    /// Whether the first tier is right.
    pub(super) first_right: bool,
    /// Whether the second tier is right.
    pub(super) second_right: bool,
}

/// The fitted band with its curve, for the card.
#[derive(Debug, Clone)]
pub(super) struct Band {
    /// The second tier runs for leads from here ...
    pub(super) from: f64,
    /// ... to below here.
    pub(super) to: f64,
    pub(super) metrics: Value,
}

/// The smallest band that comes within the allowed loss of always asking the second tier, or within the allowed share as near as
/// can be. `most_share` is the share of prompts that the second tier may run for.
pub(super) fn fit(rows: &[TwoTierRow], most_share: f64) -> Band {
    let mut rising = rows.to_vec();
    rising.sort_by(|a, b| a.lead.total_cmp(&b.lead));
    let all = rising.len().max(1) as f64;
    let accuracy = |right: &dyn Fn(&TwoTierRow) -> bool| rising.iter().filter(|row| right(row)).count() as f64 / all;
    let (first, second) = (accuracy(&|row| row.first_right), accuracy(&|row| row.second_right));
    let mut curve = Vec::with_capacity(STEPS + 1);
    for step in 0..=STEPS {
        let asked = (rising.len() * step / STEPS).min(rising.len());
        let to = rising.get(asked).map_or(1.01, |row| row.lead);
        let right = rising.iter().filter(|row| if row.lead < to { row.second_right } else { row.first_right });
        let share = rising.iter().filter(|row| row.lead < to).count() as f64 / all;
        curve.push((to, share, right.count() as f64 / all));
    }
    let within_share = curve.iter().filter(|(_, share, _)| *share <= most_share);
    let best = within_share.clone().map(|(_, _, accuracy)| *accuracy).fold(first, f64::max);
    let goal = best.min(second.max(first) - ALLOWED_LOSS).max(best - ALLOWED_LOSS / 3.0);
    let chosen = within_share.clone().find(|(_, _, accuracy)| *accuracy >= goal).copied().unwrap_or((0.0, 0.0, first));
    let from = lower_edge(&rising, chosen.0);
    let metrics = json!({
        "first_tier_accuracy": round(first),
        "second_tier_accuracy": round(second),
        "cascade_accuracy": round(chosen.2),
        "second_tier_share": round(chosen.1),
        "curve": curve.iter().step_by(5).map(|(to, share, accuracy)| {
            json!({"below": round(*to), "second_tier_share": round(*share), "accuracy": round(*accuracy)})
        }).collect::<Vec<_>>(),
    });
    Band { from, to: chosen.0, metrics }
}

/// Below this lead the second tier helps no more than the first: the largest prefix of rows where it gains nothing.
fn lower_edge(rising: &[TwoTierRow], to: f64) -> f64 {
    let (mut gain, mut edge) = (0i64, 0.0);
    for row in rising.iter().take_while(|row| row.lead < to) {
        gain += i64::from(row.second_right) - i64::from(row.first_right);
        if gain <= 0 && to > 0.0 {
            edge = row.lead;
        }
    }
    // A prefix of few rows proves nothing.
    let rows_below = rising.iter().filter(|row| row.lead <= edge).count();
    if rows_below * 50 >= rising.len() { edge } else { 0.0 }
}

fn round(value: f64) -> f64 {
    super::linear_head::round(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_tier_is_asked_where_the_first_is_unsure_and_wrong() {
        // Of 1000 rows the first tier is wrong below confidence 0.2, where the second is right; above both are right.
        let rows: Vec<TwoTierRow> = (0..1000)
            .map(|at| {
                let lead = f64::from(at) / 1000.0;
                TwoTierRow { lead, first_right: lead >= 0.2, second_right: true }
            })
            .collect();
        let band = fit(&rows, MOST_OF_A_FROZEN_TIER);
        assert!((0.19..=0.22).contains(&band.to), "{band:?}");
        assert_eq!(band.from, 0.0);
    }

    #[test]
    fn a_second_tier_that_adds_nothing_is_never_asked() {
        let rows: Vec<TwoTierRow> = (0..500)
            .map(|at| TwoTierRow { lead: f64::from(at) / 500.0, first_right: at % 3 != 0, second_right: at % 3 != 0 })
            .collect();
        assert!(fit(&rows, MOST_OF_A_FROZEN_TIER).to <= 0.0, "{:?}", fit(&rows, MOST_OF_A_FROZEN_TIER));
    }
}
