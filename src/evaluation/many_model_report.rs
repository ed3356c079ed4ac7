//! Routing among many models as a report: the router's curve between the single models alone and an oracle, every choice without a
//! weight to turn, and how far their figures would move on other rows.

use serde::Serialize;

use super::arena::arena_score;
use super::bootstrap::{Interval, bootstrap};
use super::hull::CostQuality;
use super::many_model::{
    ManyModelOutcomes, ManyModelScores, oracle_scores, read_curve, score_many_model, zero_router_scores,
};
use super::resampled_curve::{ResampledCurve, mean_of};

/// All models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ManyModelReport {
    /// Rows that have the score and the cost of every model.
    pub rows: usize,
    /// Where the expected cost of a model comes from.
    pub expected_cost: &'static str,
    /// The router; None where it has no outcomes of these models.
    pub router: Option<ManyModelCurve>,
    /// The router's AIQ less the zero router's.
    pub aiq_above_zero_router: Option<f64>,
    /// Of this difference, both taken on the same resample.
    pub aiq_above_zero_router_interval: Option<Interval>,
    /// The single models alone: a router below it is worth nothing.
    pub zero_router: ManyModelCurve,
    /// Knowing every outcome.
    pub oracle: ManyModelCurve,
    /// Choosing each model as often, on average.
    pub random: FixedChoice,
    /// Always one model, in order of quality, the best first.
    pub single_models: Vec<FixedChoice>,
    /// The model that the configuration's strategy chooses for each prompt; None without a configuration.
    pub configured: Option<FixedChoice>,
}

/// A curve and how far its figures would move.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ManyModelCurve {
    /// The curve and what is read from it.
    #[serde(flatten)]
    pub scores: ManyModelScores,
    /// Of AIQ.
    pub aiq_interval: Option<Interval>,
    /// Of the cost at 95% of the best single model's quality.
    pub cost_share_at_95_interval: Option<Interval>,
}

/// A way to choose that has no weight to turn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FixedChoice {
    /// Its name.
    pub name: String,
    /// Mean real cost and quality.
    #[serde(flatten)]
    pub mean: CostQuality,
    /// RouterArena's score.
    pub arena: f64,
    /// Of the mean quality.
    pub quality_interval: Option<Interval>,
    /// Of the mean cost.
    pub cost_usd_interval: Option<Interval>,
}

/// What is known of the rows, by row and model.
#[derive(Debug, Clone, Copy)]
pub struct ManyModelRows<'a> {
    /// The models' names.
    pub models: &'a [String],
    /// Predicted qualities; None where the router has no outcomes of these models.
    pub predicted: Option<&'a [Vec<f64>]>,
    /// Expected costs in USD.
    pub expected_cost_usd: &'a [Vec<f64>],
    /// Where they come from.
    pub expected_cost: &'static str,
    /// What the models really gave.
    pub outcomes: ManyModelOutcomes<'a>,
    /// Name of a way to choose, and the model it chooses for each row.
    pub configured: Option<(&'a str, &'a [usize])>,
}

/// Measures routing among all models.
pub fn many_model_report(rows: ManyModelRows<'_>) -> ManyModelReport {
    let outcomes = rows.outcomes;
    let choices = Choices::new(rows);
    let oracle = ResampledCurve::new(outcomes.quality, outcomes.cost_usd, outcomes);
    let router = rows.predicted.map(|predicted| ResampledCurve::new(predicted, rows.expected_cost_usd, outcomes));
    let resample = |times: &[u32]| figures(times, &choices, &oracle, router.as_ref());
    let mut intervals = bootstrap(outcomes.quality.len(), resample).into_iter();
    let mut next = || intervals.next().flatten();

    // In the order in which `figures` gives them.
    let mut curve = |scores| ManyModelCurve { scores, aiq_interval: next(), cost_share_at_95_interval: next() };
    let zero_router = curve(zero_router_scores(outcomes));
    let oracle = curve(oracle_scores(outcomes));
    let router = rows.predicted.map(|predicted| curve(score_many_model(predicted, rows.expected_cost_usd, outcomes)));
    let aiq_above_zero_router_interval = router.as_ref().and_then(|_| next());
    let every_row = vec![1; outcomes.quality.len()];
    let mut fixed = |(name, rows): Choice| {
        let mean = mean_of(&rows, &every_row);
        let arena = arena_score(mean.quality, mean.cost_usd * 1000.0);
        FixedChoice { name, mean, arena, quality_interval: next(), cost_usd_interval: next() }
    };
    let mut single_models: Vec<FixedChoice> = choices.single_models.into_iter().map(&mut fixed).collect();
    let random = fixed(choices.random);
    let configured = choices.configured.map(&mut fixed);
    single_models
        .sort_by(|a, b| b.mean.quality.total_cmp(&a.mean.quality).then(a.mean.cost_usd.total_cmp(&b.mean.cost_usd)));
    ManyModelReport {
        rows: outcomes.quality.len(),
        expected_cost: rows.expected_cost,
        aiq_above_zero_router: router.as_ref().map(|router| router.scores.aiq - zero_router.scores.aiq),
        aiq_above_zero_router_interval,
        router,
        zero_router,
        oracle,
        random,
        single_models,
        configured,
    }
}

/// A name, and what is chosen gives on each row.
type Choice = (String, Vec<CostQuality>);

struct Choices {
    single_models: Vec<Choice>,
    random: Choice,
    configured: Option<Choice>,
}

impl Choices {
    fn new(rows: ManyModelRows<'_>) -> Self {
        let outcomes = rows.outcomes;
        let models = rows.models.len();
        let of_all = |choose: &dyn Fn(usize) -> CostQuality| (0..outcomes.quality.len()).map(choose).collect();
        let once_each = vec![1; models];
        let random = |row: usize| {
            let of_models: Vec<CostQuality> = (0..models).map(|model| outcomes.of(row, model)).collect();
            mean_of(&of_models, &once_each)
        };
        let singles = rows.models.iter().enumerate();
        Self {
            single_models: singles
                .map(|(model, name)| (name.clone(), of_all(&|row| outcomes.of(row, model))))
                .collect(),
            random: ("random".to_owned(), of_all(&random)),
            configured: rows
                .configured
                .map(|(name, chosen)| (name.to_owned(), of_all(&|row| outcomes.of(row, chosen[row])))),
        }
    }

    fn means(&self, times: &[u32]) -> Vec<CostQuality> {
        let choices = self.single_models.iter().chain([&self.random]).chain(&self.configured);
        choices.map(|(_, rows)| mean_of(rows, times)).collect()
    }
}

/// Everything that gets an interval, of a resample: AIQ and cost share of the zero router, the oracle and the router, the router's AIQ
/// less the zero router's, quality and cost of each choice.
fn figures(
    times: &[u32],
    choices: &Choices,
    oracle: &ResampledCurve,
    router: Option<&ResampledCurve>,
) -> Vec<Option<f64>> {
    let means = choices.means(times);
    let single_models = &means[..choices.single_models.len()];
    let read = |points: &[CostQuality]| read_curve(points, single_models);
    let (zero, oracle) = (read(single_models), read(&oracle.points(times)));
    let mut figures = vec![Some(zero.aiq), zero.cost_share_at_95, Some(oracle.aiq), oracle.cost_share_at_95];
    if let Some(router) = router {
        let router = read(&router.points(times));
        figures.extend([Some(router.aiq), router.cost_share_at_95, Some(router.aiq - zero.aiq)]);
    }
    figures.extend(means.iter().flat_map(|mean| [Some(mean.quality), Some(mean.cost_usd)]));
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two models; the cheap one is right on every other row. `knows`: of how many rows in ten the router knows which.
    fn report(knows: usize) -> ManyModelReport {
        let easy = |row: usize| row.is_multiple_of(2);
        let quality: Vec<Vec<f64>> = (0..400).map(|row| vec![if easy(row) { 1.0 } else { 0.0 }, 1.0]).collect();
        let cost_usd = vec![vec![0.001, 0.01]; 400];
        let predicted: Vec<Vec<f64>> =
            (0..400).map(|row| vec![if row / 2 % 10 < knows && easy(row) { 0.9 } else { 0.2 }, 0.9]).collect();
        let chosen: Vec<usize> = (0..400).map(|row| usize::from(row % 4 == 0)).collect();
        many_model_report(ManyModelRows {
            models: &["cheap".to_owned(), "dear".to_owned()],
            predicted: Some(&predicted),
            expected_cost_usd: &cost_usd,
            expected_cost: "these rows",
            outcomes: ManyModelOutcomes { quality: &quality, cost_usd: &cost_usd },
            configured: Some(("configured", &chosen)),
        })
    }

    #[test]
    fn every_figure_stands_with_its_own_interval() {
        let report = report(8);
        let router = report.router.unwrap();
        let configured = report.configured.unwrap();
        let of = |choice: &FixedChoice| {
            [(choice.mean.quality, choice.quality_interval), (choice.mean.cost_usd, choice.cost_usd_interval)]
        };
        let mut pairs = vec![
            (router.scores.aiq, router.aiq_interval),
            (router.scores.cost_share_at_95.unwrap(), router.cost_share_at_95_interval),
            (report.zero_router.scores.aiq, report.zero_router.aiq_interval),
            (report.oracle.scores.aiq, report.oracle.aiq_interval),
            (report.aiq_above_zero_router.unwrap(), report.aiq_above_zero_router_interval),
        ];
        pairs.extend([&report.random, &configured].into_iter().chain(&report.single_models).flat_map(of));
        for (figure, interval) in pairs {
            let interval = interval.unwrap();
            assert!(interval.low <= figure + 1e-12 && figure <= interval.high + 1e-12, "{figure} beside {interval:?}");
        }
        assert!(report.aiq_above_zero_router_interval.is_some_and(|interval| interval.low > 0.0));
        let names: Vec<&str> = report.single_models.iter().map(|single| single.name.as_str()).collect();
        assert_eq!((names, configured.name.as_str()), (vec!["dear", "cheap"], "configured"));
        // The dear model is right everywhere and costs the same everywhere.
        assert_eq!(report.single_models[0].quality_interval, Some(Interval { low: 1.0, high: 1.0 }));
        // A quarter of the rows goes to the dear model, all of them easy ones: no better than the cheap one alone.
        assert!((configured.mean.quality - 0.5).abs() < 1e-12);
        assert!((configured.mean.cost_usd - 0.00325).abs() < 1e-12);
        assert!((report.random.mean.quality - 0.75).abs() < 1e-12);
    }

    #[test]
    fn a_router_that_knows_nothing_lies_on_the_zero_router_on_every_resample() {
        let report = report(0);
        let interval = report.aiq_above_zero_router_interval.unwrap();
        assert!(interval.low.abs() < 1e-9 && interval.high.abs() < 1e-9, "{interval:?}");
        assert!(report.aiq_above_zero_router.is_some_and(|difference| difference.abs() < 1e-9));
    }
}
