//! Everything that is measured on outcome rows: predicted qualities, two-model and many-model routing, with every plain way
//! of choosing beside the router.

use serde::Serialize;

use super::arena::arena_score;
use super::hull::CostQuality;
use super::many_model::{ManyModelOutcomes, ManyModelScores, oracle_scores, score_many_model, zero_router_scores};
use super::quality::QualityScores;
use super::two_model::{TwoModelScores, oracle_order, random_two_model, score_two_model};

/// Figures on outcome rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutcomesReport {
    /// Rows of the files.
    pub rows: usize,
    /// How well the router predicts each model it has outcomes of.
    pub predicted_quality: Vec<QualityScores>,
    /// Strong against weak.
    pub two_model: Option<TwoModelReport>,
    /// All models, where costs are known.
    pub many_model: Option<ManyModelReport>,
}

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
    pub router: TwoModelScores,
    /// Other ways to choose, on the same rows.
    pub baselines: Vec<TwoModelBaseline>,
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
    /// Mean quality in percent; None for a whole curve.
    pub quality_percent: Option<f64>,
    /// Percentage sent to the strong model; None for a whole curve.
    pub strong_percent: Option<f64>,
}

/// All models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ManyModelReport {
    /// Rows that have the score and the cost of every model.
    pub rows: usize,
    /// Where the expected cost of a model comes from.
    pub expected_cost: &'static str,
    /// The router; None where it has no outcomes of these models.
    pub router: Option<ManyModelScores>,
    /// The single models alone: a router below it is worth nothing.
    pub zero_router: ManyModelScores,
    /// Knowing every outcome.
    pub oracle: ManyModelScores,
    /// Choosing each model as often, on average.
    pub random: FixedChoice,
    /// Always one model, in order of quality, the best first.
    pub single_models: Vec<FixedChoice>,
    /// The model that the configuration's strategy chooses for each prompt; None without a configuration.
    pub configured: Option<FixedChoice>,
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
}

impl FixedChoice {
    /// Names a mean outcome.
    pub fn new(name: impl Into<String>, mean: CostQuality) -> Self {
        Self { name: name.into(), mean, arena: arena_score(mean.quality, mean.cost_usd * 1000.0) }
    }
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
    let router = score_two_model(rows.score, rows.strong, rows.weak);
    let lengths: Vec<f64> = rows.prompt_chars.iter().map(|chars| *chars as f64).collect();
    let curve = |name, scores: &TwoModelScores| TwoModelBaseline {
        name,
        cpt50: scores.cpt50,
        cpt80: scores.cpt80,
        apgr: scores.apgr,
        quality_percent: None,
        strong_percent: None,
    };
    let fixed = |name, quality_percent, strong_percent| TwoModelBaseline {
        name,
        cpt50: None,
        cpt80: None,
        apgr: None,
        quality_percent: Some(quality_percent),
        strong_percent: Some(strong_percent),
    };
    let (of_strong, of_weak) = (router.strong_quality_percent, router.weak_quality_percent);
    let single = if of_strong >= of_weak { (of_strong, 100.0) } else { (of_weak, 0.0) };
    let baselines = vec![
        curve("random", &random_two_model(rows.strong, rows.weak)),
        curve("prompt length", &score_two_model(&lengths, rows.strong, rows.weak)),
        fixed("best single", single.0, single.1),
        fixed("always strong", of_strong, 100.0),
        fixed("always weak", of_weak, 0.0),
        curve("oracle", &score_two_model(&oracle_order(rows.strong, rows.weak), rows.strong, rows.weak)),
    ];
    TwoModelReport {
        strong: strong.to_owned(),
        weak: weak.to_owned(),
        rows: rows.score.len(),
        score,
        router,
        baselines,
    }
}

/// Measures routing among all models. `predicted` and `expected_cost_usd` are by row and model.
pub fn many_model_report(
    models: &[String],
    predicted: Option<&[Vec<f64>]>,
    expected_cost_usd: &[Vec<f64>],
    expected_cost: &'static str,
    outcomes: ManyModelOutcomes<'_>,
) -> ManyModelReport {
    let singles = outcomes.single_models();
    let count = singles.len().max(1) as f64;
    let random = CostQuality {
        cost_usd: singles.iter().map(|single| single.cost_usd).sum::<f64>() / count,
        quality: singles.iter().map(|single| single.quality).sum::<f64>() / count,
    };
    let mut single_models: Vec<FixedChoice> =
        models.iter().zip(singles).map(|(model, mean)| FixedChoice::new(model.clone(), mean)).collect();
    single_models
        .sort_by(|a, b| b.mean.quality.total_cmp(&a.mean.quality).then(a.mean.cost_usd.total_cmp(&b.mean.cost_usd)));
    ManyModelReport {
        rows: outcomes.quality.len(),
        expected_cost,
        router: predicted.map(|predicted| score_many_model(predicted, expected_cost_usd, outcomes)),
        zero_router: zero_router_scores(outcomes),
        oracle: oracle_scores(outcomes),
        random: FixedChoice::new("random", random),
        single_models,
        configured: None,
    }
}

impl OutcomesReport {
    /// What a reader must be told, if anything.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(two) = &self.two_model {
            let spread = two.router.points.iter().filter_map(|point| point.threshold);
            let (least, most) = spread.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), t| (a.min(t), b.max(t)));
            if most <= least {
                warnings.push("outcomes: the router is constant, it gives every prompt the same score".into());
            }
            if two.score == "complexity" {
                warnings.push(format!(
                    "outcomes: the router has no outcomes of both {} and {}, so prompts are ranked by predicted complexity; \
                     semroute train --outcomes FILE learns them",
                    two.strong, two.weak
                ));
            }
            if two.router.apgr.is_some_and(|apgr| apgr <= 0.5) {
                warnings.push("outcomes: the router does no better than random (APGR 0.5)".into());
            }
        }
        if let Some(many) = &self.many_model {
            match &many.router {
                None => warnings.push(
                    "outcomes: the router has no outcomes of these models, so it has no cost-quality curve; semroute train \
                     --outcomes FILE learns them"
                        .into(),
                ),
                Some(router) if router.aiq <= many.zero_router.aiq => warnings.push(format!(
                    "outcomes: the router (AIQ {:.3}) is no better than the zero router ({:.3})",
                    router.aiq, many.zero_router.aiq
                )),
                Some(_) => {}
            }
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let outcomes = OutcomesReport { rows: 4, predicted_quality: vec![], two_model: Some(report), many_model: None };
        assert!(outcomes.warnings().iter().any(|warning| warning.contains("constant")));
    }

    #[test]
    fn a_router_that_only_guesses_is_told_so() {
        let quality = vec![vec![1.0, 0.0], vec![0.0, 1.0]];
        let cost_usd = vec![vec![0.001, 0.002]; 2];
        let outcomes = ManyModelOutcomes { quality: &quality, cost_usd: &cost_usd };
        let models = ["a".to_owned(), "b".to_owned()];
        let wrong = vec![vec![0.0, 1.0], vec![1.0, 0.0]];
        let many = many_model_report(&models, Some(&wrong), &vec![vec![0.001, 0.002]; 2], "these rows", outcomes);
        assert!((many.random.mean.quality - 0.5).abs() < 1e-12);
        assert_eq!(many.single_models[0].name, "a");
        let report = OutcomesReport { rows: 2, predicted_quality: vec![], two_model: None, many_model: Some(many) };
        assert!(report.warnings()[0].contains("no better than the zero router"));
    }
}
