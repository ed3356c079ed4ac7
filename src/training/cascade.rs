//! Fits the uncertain band of a cascade: between which leads of the first tier's best label the second one is worth its time. Read from
//! held-out rows, on which both tiers have said what they think.

use serde_json::{Value, json};

/// The second tier may run for this share of the prompts: unsure prompts are longer than others, so that it takes a larger share
/// of the time, and its mean should stay below 30% of always running it.
pub(super) const MOST_SECOND_TIER_SHARE: f64 = 0.25;
/// The same where the second tier's encoder was fine-tuned: it knows far more than the first tier, and is worth more of the time. Of new prompts it is asked for
/// about five points less than of these, because the first tier that ships has learnt from these too and is surer; that varies by three points, and should stay
/// below 40%.
pub(super) const MOST_TUNED_TIER_SHARE: f64 = 0.42;
/// Accuracy that may be given up against always asking the second tier, for a smaller share.
const ALLOWED_LOSS: f64 = 0.003;
/// Steps of the curve.
const STEPS: usize = 100;

/// One held-out row.
#[derive(Debug, Clone, Copy)]
pub(super) struct TwoTierRow {
    /// The lead of the first tier's best label, 0.5 to 1.
    pub(super) lead: f64,
    /// What the first tier's answer is.
    pub(super) first: Answer,
    /// What the second tier's is.
    pub(super) second: Answer,
}

/// What a tier's answer is worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    /// Whether it is right.
    pub(super) is_right: bool,
    /// What the choice of a band counts it as, 0 to 1: 0 or 1 where rows are many, how likely it is to be right where they are few.
    pub(super) worth: f64,
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

/// A band from 0, and what it gives.
#[derive(Debug, Clone, Copy)]
struct Point {
    to: f64,
    share: f64,
    worth: f64,
    accuracy: f64,
}

/// The smallest band that comes within the allowed loss of always asking the second tier, or within the allowed share as near as
/// can be.
pub(super) fn fit(rows: &[TwoTierRow], most_share: f64) -> Band {
    let mut rising = rows.to_vec();
    rising.sort_by(|a, b| a.lead.total_cmp(&b.lead));
    let all = rising.len().max(1) as f64;
    let point = |to: f64| {
        let answers = rising.iter().map(|row| if row.lead < to { row.second } else { row.first });
        Point {
            to,
            share: rising.iter().filter(|row| row.lead < to).count() as f64 / all,
            worth: answers.clone().map(|answer| answer.worth).sum::<f64>() / all,
            accuracy: answers.filter(|answer| answer.is_right).count() as f64 / all,
        }
    };
    let (first, second) = (point(0.0), point(1.01));
    let edge = |step: usize| rising.get((rising.len() * step / STEPS).min(rising.len())).map_or(1.01, |row| row.lead);
    let curve: Vec<Point> = (0..=STEPS).map(|step| point(edge(step))).collect();
    let within_share = curve.iter().filter(|point| point.share <= most_share);
    let best = within_share.clone().map(|point| point.worth).fold(first.worth, f64::max);
    let goal = best.min(second.worth.max(first.worth) - ALLOWED_LOSS).max(best - ALLOWED_LOSS / 3.0);
    let chosen = within_share.clone().find(|point| point.worth >= goal).copied().unwrap_or(first);
    let from = lower_edge(&rising, chosen.to);
    let metrics = json!({
        "first_tier_accuracy": round(first.accuracy),
        "second_tier_accuracy": round(second.accuracy),
        "cascade_accuracy": round(chosen.accuracy),
        "second_tier_share": round(chosen.share),
        "curve": curve.iter().step_by(5).map(|point| {
            json!({
                "below": round(point.to),
                "second_tier_share": round(point.share),
                "accuracy": round(point.accuracy),
            })
        }).collect::<Vec<_>>(),
    });
    Band { from, to: chosen.to, metrics }
}

/// Below this lead the second tier does harm: the largest prefix of rows where it loses more than it gains.
fn lower_edge(rising: &[TwoTierRow], to: f64) -> f64 {
    let (mut gain, mut edge) = (0.0, 0.0);
    for row in rising.iter().take_while(|row| row.lead < to) {
        gain += row.second.worth - row.first.worth;
        if gain < 0.0 {
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

    fn sure(is_right: bool) -> Answer {
        Answer { is_right, worth: f64::from(u8::from(is_right)) }
    }

    #[test]
    fn the_second_tier_is_asked_where_the_first_is_unsure_and_wrong() {
        // Of 1000 rows the first tier is wrong below confidence 0.2, where the second is right; above both are right.
        let rows: Vec<TwoTierRow> = (0..1000)
            .map(|at| {
                let lead = f64::from(at) / 1000.0;
                TwoTierRow { lead, first: sure(lead >= 0.2), second: sure(true) }
            })
            .collect();
        let band = fit(&rows, MOST_SECOND_TIER_SHARE);
        assert!((0.19..=0.22).contains(&band.to), "{band:?}");
        assert_eq!(band.from, 0.0);
        assert_eq!(band.metrics["first_tier_accuracy"], 0.8);
    }

    #[test]
    fn a_second_tier_that_adds_nothing_is_never_asked() {
        let rows: Vec<TwoTierRow> = (0..500)
            .map(|at| TwoTierRow { lead: f64::from(at) / 500.0, first: sure(at % 3 != 0), second: sure(at % 3 != 0) })
            .collect();
        let band = fit(&rows, MOST_SECOND_TIER_SHARE);
        assert!(band.to <= 0.0, "{band:?}");
    }

    #[test]
    fn a_tier_that_is_worth_more_is_asked_more_but_no_more_than_allowed() {
        let answer = |worth: f64| Answer { is_right: true, worth };
        let rows: Vec<TwoTierRow> = (0..1000)
            .map(|at| TwoTierRow { lead: f64::from(at) / 1000.0, first: answer(0.5), second: answer(0.8) })
            .collect();
        for most in [MOST_SECOND_TIER_SHARE, MOST_TUNED_TIER_SHARE] {
            let band = fit(&rows, most);
            assert!((most - 0.011..=most).contains(&band.to), "{most}: {band:?}");
            assert_eq!(band.metrics["cascade_accuracy"], 1.0, "what is told is what was right");
        }
    }
}
