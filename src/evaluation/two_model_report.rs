//! Routing between a strong and a weak model as a report: the router and every plain way of choosing on the same rows, and how far
//! their figures would move on other rows.

use serde::Serialize;

use super::bootstrap::{Interval, bootstrap};
use super::two_model::{TwoModelPoint, TwoModelScores, oracle_order, random_two_model, score_two_model};

/// Strong against weak.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoModelReport {
    /// The strong model.
    pub strong: String,
    /// The weak model.
    pub weak: String,
    /// Rows that have both scores.
    pub rows: usize,
    /// What the router ranks prompts by: `predicted_quality` (strong - weak), or `complexity` where the router has no
    /// outcomes of both models.
    pub score: &'static str,
    /// The router.
    pub router: TwoModelRouter,
    /// Other ways to choose, on the same rows.
    pub baselines: Vec<TwoModelBaseline>,
}

/// The router's curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoModelRouter {
    /// The curve and what is read from it.
    #[serde(flatten)]
    pub scores: TwoModelScores,
    /// How far that would move.
    #[serde(flatten)]
    pub intervals: TwoModelIntervals,
    /// APGR less that of ranking by prompt length.
    pub apgr_above_prompt_length: Option<f64>,
    /// Of this difference, both taken on the same resample.
    pub apgr_above_prompt_length_interval: Option<Interval>,
}

/// How far the figures of a curve would move on other rows; None where a figure is missing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct TwoModelIntervals {
    /// Of APGR.
    pub apgr_interval: Option<Interval>,
    /// Of CPT50.
    pub cpt50_interval: Option<Interval>,
    /// Of CPT80.
    pub cpt80_interval: Option<Interval>,
}

/// A plain way to choose between two models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoModelBaseline {
    /// Its name.
    pub name: &'static str,
    /// As for the router; None where it does not rank prompts.
    pub cpt50: Option<f64>,
    /// As for the router.
    pub cpt80: Option<f64>,
    /// As for the router.
    pub apgr: Option<f64>,
    /// As for the router; None where it does not rank prompts, and for random, whose figures are the same on any rows.
    #[serde(flatten)]
    pub intervals: TwoModelIntervals,
    /// Mean quality in percent; None for a whole curve.
    pub quality_percent: Option<f64>,
    /// Percentage sent to the strong model; None for a whole curve.
    pub strong_percent: Option<f64>,
    /// The curve; empty where it does not rank prompts.
    pub points: Vec<TwoModelPoint>,
}

/// Rows that have the scores of both models.
#[derive(Debug, Clone, Copy)]
pub struct TwoModelRows<'a> {
    /// Real quality of the strong model.
    pub strong: &'a [f64],
    /// Real quality of the weak model.
    pub weak: &'a [f64],
    /// The router's score: the higher, the sooner the strong model answers.
    pub score: &'a [f64],
    /// Length of each prompt in characters.
    pub prompt_chars: &'a [usize],
}

/// Measures routing between two models.
pub fn two_model_report(strong: &str, weak: &str, score: &'static str, rows: TwoModelRows<'_>) -> TwoModelReport {
    let lengths: Vec<f64> = rows.prompt_chars.iter().map(|chars| *chars as f64).collect();
    let oracle = oracle_order(rows.strong, rows.weak);
    let [of_router, of_length, of_oracle, above_length] = intervals([rows.score, &lengths, &oracle], rows);
    let router = score_two_model(rows.score, rows.strong, rows.weak);
    let length = score_two_model(&lengths, rows.strong, rows.weak);
    let (of_strong, of_weak) = (router.strong_quality_percent, router.weak_quality_percent);
    let single = if of_strong >= of_weak { (of_strong, 100.0) } else { (of_weak, 0.0) };
    let apgr_above_prompt_length = router.apgr.zip(length.apgr).map(|(router, length)| router - length);
    let baselines = vec![
        curve("random", random_two_model(rows.strong, rows.weak), TwoModelIntervals::default()),
        curve("prompt length", length, of_length),
        fixed("best single", single.0, single.1),
        fixed("always strong", of_strong, 100.0),
        fixed("always weak", of_weak, 0.0),
        curve("oracle", score_two_model(&oracle, rows.strong, rows.weak), of_oracle),
    ];
    TwoModelReport {
        strong: strong.to_owned(),
        weak: weak.to_owned(),
        rows: rows.score.len(),
        score,
        router: TwoModelRouter {
            scores: router,
            intervals: of_router,
            apgr_above_prompt_length,
            apgr_above_prompt_length_interval: above_length.apgr_interval,
        },
        baselines,
    }
}

fn curve(name: &'static str, scores: TwoModelScores, intervals: TwoModelIntervals) -> TwoModelBaseline {
    TwoModelBaseline {
        name,
        cpt50: scores.cpt50,
        cpt80: scores.cpt80,
        apgr: scores.apgr,
        intervals,
        quality_percent: None,
        strong_percent: None,
        points: scores.points,
    }
}

fn fixed(name: &'static str, quality_percent: f64, strong_percent: f64) -> TwoModelBaseline {
    TwoModelBaseline {
        name,
        cpt50: None,
        cpt80: None,
        apgr: None,
        intervals: TwoModelIntervals::default(),
        quality_percent: Some(quality_percent),
        strong_percent: Some(strong_percent),
        points: Vec::new(),
    }
}

/// Of three ways to rank the rows, and last of the first one's difference to the second.
fn intervals(rankings: [&[f64]; 3], rows: TwoModelRows<'_>) -> [TwoModelIntervals; 4] {
    let ranked = rankings.map(|score| Ranked::new(score, rows));
    let mut found = bootstrap(rows.score.len(), |times| {
        let curves = ranked.each_ref().map(|ranked| ranked.scores(times));
        let figures = curves.each_ref().map(|curve| [curve.apgr, curve.cpt50, curve.cpt80]);
        let difference = [0, 1, 2].map(|figure| Some(figures[0][figure]? - figures[1][figure]?));
        figures.into_iter().chain([difference]).flatten().collect()
    })
    .into_iter();
    let mut next = || found.next().flatten();
    [(); 4].map(|()| TwoModelIntervals { apgr_interval: next(), cpt50_interval: next(), cpt80_interval: next() })
}

/// Rows in the order of a score: a resample of them is then in order too, and is read in a tenth of the time.
struct Ranked {
    rows: Vec<RankedRow>,
}

struct RankedRow {
    place: usize,
    score: f64,
    strong: f64,
    weak: f64,
}

impl Ranked {
    fn new(score: &[f64], rows: TwoModelRows<'_>) -> Self {
        let row =
            |place: usize| RankedRow { place, score: score[place], strong: rows.strong[place], weak: rows.weak[place] };
        let mut ranked: Vec<RankedRow> = (0..score.len()).map(row).collect();
        ranked.sort_by(|a, b| a.score.total_cmp(&b.score));
        Self { rows: ranked }
    }

    fn scores(&self, times: &[u32]) -> TwoModelScores {
        let (mut score, mut strong, mut weak) = (Vec::new(), Vec::new(), Vec::new());
        for row in &self.rows {
            for _ in 0..times[row.place] {
                score.push(row.score);
                strong.push(row.strong);
                weak.push(row.weak);
            }
        }
        score_two_model(&score, &strong, &weak)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    #[test]
    fn every_plain_choice_stands_beside_the_router() {
        let strong = [1.0, 1.0, 1.0, 0.0];
        let weak = [1.0, 0.0, 0.0, 0.0];
        let rows = TwoModelRows { strong: &strong, weak: &weak, score: &[0.0; 4], prompt_chars: &[1, 5, 9, 2] };
        let report = two_model_report("s", "w", "predicted_quality", rows);
        let names: Vec<&str> = report.baselines.iter().map(|baseline| baseline.name).collect();
        assert_eq!(names, ["random", "prompt length", "best single", "always strong", "always weak", "oracle"]);
        assert_eq!(report.baselines[2].quality_percent, Some(75.0));
        assert_eq!(report.baselines[4].quality_percent, Some(25.0));
        // Here the longer prompts are those that need the strong model, so length is the oracle.
        assert_eq!(report.baselines[1].apgr, report.baselines[5].apgr);
    }

    #[test]
    fn a_resample_of_all_rows_once_is_the_estimate() {
        let strong = [1.0, 1.0, 0.0, 1.0, 1.0];
        let weak = [0.0, 1.0, 0.0, 1.0, 0.0];
        let score = [0.3, -0.2, 0.3, 0.1, 0.9];
        let rows = TwoModelRows { strong: &strong, weak: &weak, score: &score, prompt_chars: &[1; 5] };
        let again = Ranked::new(&score, rows).scores(&[1; 5]);
        assert_eq!(again, score_two_model(&score, &strong, &weak));
    }

    #[test]
    fn intervals_hold_the_estimates_and_tell_a_good_router_from_length() {
        // Half of the rows need the strong model, and the score knows three quarters of them. Length knows nothing.
        let mut generator = SplitMix64::new(7);
        let mut draw = |bound: usize| generator.below(bound);
        let needed: Vec<f64> = (0..600).map(|_| draw(2) as f64).collect();
        let score: Vec<f64> =
            needed.iter().map(|needed| if draw(4) == 0 { 0.5 } else { *needed } + draw(1000) as f64 * 1e-4).collect();
        let prompt_chars: Vec<usize> = (0..600).map(|_| draw(500)).collect();
        let weak: Vec<f64> = needed.iter().map(|needed| 1.0 - needed).collect();
        let rows = TwoModelRows { strong: &[1.0; 600], weak: &weak, score: &score, prompt_chars: &prompt_chars };
        let report = two_model_report("s", "w", "predicted_quality", rows);
        let (scores, intervals) = (&report.router.scores, report.router.intervals);
        let pairs = [
            (scores.apgr, intervals.apgr_interval),
            (scores.cpt50, intervals.cpt50_interval),
            (scores.cpt80, intervals.cpt80_interval),
            (report.router.apgr_above_prompt_length, report.router.apgr_above_prompt_length_interval),
            (report.baselines[1].apgr, report.baselines[1].intervals.apgr_interval),
        ];
        for (figure, interval) in pairs {
            let (figure, interval) = (figure.unwrap(), interval.unwrap());
            assert!(interval.low < figure && figure < interval.high, "{figure} beside {interval:?}");
        }
        assert!(report.router.apgr_above_prompt_length_interval.is_some_and(|interval| interval.low > 0.0));
        assert_eq!(report.baselines[0].intervals, TwoModelIntervals::default());
        assert_eq!(report, two_model_report("s", "w", "predicted_quality", rows), "the same rows, the same report");
    }

    #[test]
    fn without_a_gap_there_are_no_intervals() {
        let rows = TwoModelRows { strong: &[1.0; 9], weak: &[1.0; 9], score: &[0.1; 9], prompt_chars: &[3; 9] };
        assert_eq!(two_model_report("s", "w", "complexity", rows).router.intervals, TwoModelIntervals::default());
    }
}
