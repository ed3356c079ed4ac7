//! What feedback teaches. Stated labels count as they are. A verdict alone confirms what was decided, or moves the complexity by one step where
//! prediction chose the model, and stands for a score. Pure; docs/feedback.md has the same as a table.

use serde_json::{Map, Value, json};

use crate::commands::parts;
use crate::config::Config;
use crate::store::{DecisionRecord, Feedback, Outcome, PlannedModel, Verdict};

type Lesson = Result<Map<String, Value>, &'static str>;

/// How feedback is read.
pub(super) struct Lessons {
    /// The artifact's complexities, easiest first.
    complexities: Vec<String>,
}

impl Lessons {
    /// With the complexities of a configuration's artifact.
    pub(super) fn of(config: &Config) -> anyhow::Result<Self> {
        let (manifest, _) = parts::read_artifact(&config.router.artifact)?;
        Ok(Self { complexities: manifest.complexity.labels })
    }

    /// The labels of a prompt; `Err` says why there are none.
    pub(super) fn labels(&self, decision: &DecisionRecord, said: &Feedback) -> Lesson {
        let task = said.task.clone().or_else(|| confirmed_task(decision, said));
        let complexity = said.complexity.clone().or_else(|| self.implied_complexity(decision, said));
        let is_stated = said.task.is_some() || said.complexity.is_some();
        let mut labels = Map::new();
        labels.extend(task.map(|task| ("task".to_owned(), json!(task))));
        labels.extend(complexity.map(|complexity| ("complexity".to_owned(), json!(complexity))));
        if labels.is_empty() {
            return Err("what was said of them states no label and implies none");
        }
        labels.insert("source".into(), json!(if is_stated { "feedback_stated" } else { "feedback_implied" }));
        Ok(labels)
    }

    /// The score of the model that answered; `Err` says why there is none.
    pub(super) fn outcome(&self, decision: &DecisionRecord, said: &Feedback) -> Lesson {
        let model = decision.model.as_ref().ok_or("no model answered them")?;
        let mut outcome = Map::new();
        outcome.insert("scores".into(), json!({model: score(said)}));
        let cost_usd = decision.would_cost_usd.get(model).copied().or(decision.cost_usd);
        outcome.extend(cost_usd.map(|cost_usd| ("cost_usd".to_owned(), json!({model: cost_usd}))));
        outcome.extend(decision.output_tokens.map(|tokens| ("output_tokens".to_owned(), json!({model: tokens}))));
        let propensity = served_first(decision).and_then(|first| first.propensity);
        outcome.extend(propensity.map(|propensity| ("propensity".to_owned(), json!(propensity))));
        outcome.insert("verdict".into(), json!(said.verdict));
        Ok(outcome)
    }

    /// A good answer confirms the complexity; a model too weak for it says that it was one step harder, one stronger than needed that it was
    /// one step easier. Only of the model that was chosen for the complexity, though: of a fallback, of the best whatever it costs, or of one that a rule
    /// named, it says nothing. Where the task was corrected, the wrong task explains the verdict.
    fn implied_complexity(&self, decision: &DecisionRecord, said: &Feedback) -> Option<String> {
        if said.task.as_ref().is_some_and(|task| Some(task) != decision.task.as_ref()) {
            return None;
        }
        served_first(decision).filter(|first| first.by_prediction && decision.outcome == Outcome::Answered)?;
        let decided = self.complexities.iter().position(|name| Some(name) == decision.complexity.as_ref())?;
        let hardest = self.complexities.len() - 1;
        let implied = match said.verdict {
            Verdict::Good => decided,
            Verdict::Underpowered => (decided + 1).min(hardest),
            Verdict::Overprovisioned => decided.saturating_sub(1),
            Verdict::Failed => return None,
        };
        self.complexities.get(implied).cloned()
    }
}

/// The first model of the plan, where it is the one that served. Of the others nobody knows how likely they were to serve: that hangs on failures.
fn served_first(decision: &DecisionRecord) -> Option<&PlannedModel> {
    decision.chain.first().filter(|first| decision.model.as_ref() == Some(&first.model))
}

/// A good answer confirms the task that was decided, unless nothing like the prompt had been seen and the task was a guess.
fn confirmed_task(decision: &DecisionRecord, said: &Feedback) -> Option<String> {
    let is_good = said.verdict == Verdict::Good && decision.outcome == Outcome::Answered;
    let is_confirmed = is_good && decision.known == Some(true);
    decision.task.clone().filter(|_| is_confirmed)
}

/// How good the answer was: as stated, or what the verdict stands for.
fn score(said: &Feedback) -> f64 {
    said.score.unwrap_or(match said.verdict {
        // A lesser model would have done: what is wrong with the answer is its price.
        Verdict::Good | Verdict::Overprovisioned => 1.0,
        Verdict::Underpowered => 0.25,
        Verdict::Failed => 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lessons() -> Lessons {
        Lessons { complexities: ["low", "medium", "high"].map(str::to_owned).to_vec() }
    }

    fn decided(complexity: &str) -> DecisionRecord {
        DecisionRecord {
            task: Some("code".into()),
            complexity: Some(complexity.into()),
            known: Some(true),
            model: Some("small".into()),
            cost_usd: Some(0.5),
            output_tokens: Some(40),
            chain: vec![planned("small", Some(1.0), true), planned("large", Some(0.0), false)],
            outcome: Outcome::Answered,
            ..DecisionRecord::default()
        }
    }

    fn planned(model: &str, propensity: Option<f64>, by_prediction: bool) -> PlannedModel {
        PlannedModel { model: model.into(), propensity, by_prediction, ..PlannedModel::default() }
    }

    fn said(verdict: Verdict) -> Feedback {
        Feedback { verdict, score: None, task: None, complexity: None }
    }

    #[test]
    fn a_verdict_alone_confirms_or_moves_by_a_step() {
        use Verdict::{Failed, Good, Overprovisioned, Underpowered};
        for (complexity, verdict, task, implied) in [
            ("medium", Good, Some("code"), Some("medium")),
            ("medium", Underpowered, None, Some("high")),
            ("high", Underpowered, None, Some("high")),
            ("medium", Overprovisioned, None, Some("low")),
            ("low", Overprovisioned, None, Some("low")),
            ("medium", Failed, None, None),
            ("a label of before", Underpowered, None, None),
        ] {
            let labels = lessons().labels(&decided(complexity), &said(verdict));
            let found = |field: &str| labels.as_ref().ok().and_then(|labels| labels.get(field)?.as_str());
            assert_eq!((found("task"), found("complexity")), (task, implied), "{complexity} {verdict:?}");
            assert_eq!(found("source").is_some(), task.or(implied).is_some());
        }
    }

    #[test]
    fn a_complexity_is_implied_only_of_what_prediction_chose_and_what_answered() {
        let medium = || decided("medium");
        let fallback = DecisionRecord { model: Some("large".into()), ..medium() };
        let steered = DecisionRecord { chain: vec![planned("small", Some(1.0), false)], ..medium() };
        let unanswered = DecisionRecord { model: None, outcome: Outcome::Failed, ..medium() };
        let broken = DecisionRecord { outcome: Outcome::Broken, ..medium() };
        let planless = DecisionRecord { chain: Vec::new(), ..medium() };
        for decision in [fallback, steered, unanswered, broken, planless] {
            for verdict in [Verdict::Underpowered, Verdict::Overprovisioned] {
                assert!(lessons().labels(&decision, &said(verdict)).is_err(), "{verdict:?} {decision:?}");
            }
            let good = lessons().labels(&decision, &said(Verdict::Good)).unwrap_or_default();
            assert_eq!(good.get("complexity"), None, "{decision:?}");
            assert_eq!(good.contains_key("task"), decision.outcome == Outcome::Answered, "{decision:?}");
            let stated = Feedback { complexity: Some("low".into()), ..said(Verdict::Overprovisioned) };
            let labels = lessons().labels(&decision, &stated).unwrap();
            assert_eq!(Value::Object(labels), json!({"complexity": "low", "source": "feedback_stated"}));
        }
    }

    #[test]
    fn a_propensity_is_told_of_the_first_model_alone() {
        let propensity = |served: &str, first: f64| {
            let chain = vec![planned("small", Some(first), true), planned("large", Some(first), false)];
            let decision = DecisionRecord { model: Some(served.into()), chain, ..decided("low") };
            lessons().outcome(&decision, &said(Verdict::Good)).unwrap().get("propensity").cloned()
        };
        assert_eq!((propensity("small", 1.0), propensity("small", 0.5)), (Some(json!(1.0)), Some(json!(0.5))));
        assert_eq!((propensity("large", 0.0), propensity("large", 0.5)), (None, None), "a fallback's is not known");
    }

    #[test]
    fn stated_labels_count_as_they_are() {
        let corrected = Feedback { task: Some("math".into()), ..said(Verdict::Underpowered) };
        let labels = lessons().labels(&decided("medium"), &corrected).unwrap();
        assert_eq!(Value::Object(labels), json!({"task": "math", "source": "feedback_stated"}));
        let graded = Feedback { complexity: Some("low".into()), ..said(Verdict::Underpowered) };
        let labels = lessons().labels(&decided("medium"), &graded).unwrap();
        assert_eq!(Value::Object(labels), json!({"complexity": "low", "source": "feedback_stated"}));
    }

    #[test]
    fn a_guess_is_not_confirmed() {
        let unknown = DecisionRecord { known: Some(false), ..decided("low") };
        let labels = lessons().labels(&unknown, &said(Verdict::Good)).unwrap();
        assert_eq!(Value::Object(labels), json!({"complexity": "low", "source": "feedback_implied"}));
    }

    #[test]
    fn a_score_goes_before_what_a_verdict_stands_for() {
        let scored = Feedback { score: Some(0.7), ..said(Verdict::Failed) };
        for (said, score) in [(said(Verdict::Good), 1.0), (said(Verdict::Underpowered), 0.25), (scored, 0.7)] {
            let row = Value::Object(lessons().outcome(&decided("low"), &said).unwrap());
            assert_eq!(row["scores"], json!({"small": score}));
            assert_eq!((&row["cost_usd"], &row["output_tokens"]), (&json!({"small": 0.5}), &json!({"small": 40})));
        }
        let unanswered = DecisionRecord { model: None, ..decided("low") };
        assert!(lessons().outcome(&unanswered, &said(Verdict::Failed)).is_err());
    }
}
