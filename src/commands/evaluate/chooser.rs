//! Which model a prompt goes to when only the prompt changes: by the configuration's strategy, or, where the artifact has learnt
//! outcomes, the model of the best predicted quality.

use super::configured;
use crate::classifier::Classification;
use crate::evaluation::Said;
use crate::routing::{Brain, Router};

/// What chooses.
#[derive(Clone, Copy)]
pub(super) enum Chooser<'a> {
    Configured(&'a Router),
    PredictedQuality,
    Nothing,
}

impl<'a> Chooser<'a> {
    /// The configuration, if there is one; else the artifact, if it knows models to choose between.
    pub(super) fn new(configured: Option<&'a Router>, brain: &Brain) -> Self {
        match configured {
            Some(router) => Self::Configured(router),
            None if brain.classifier().outcomes.len() > 1 => Self::PredictedQuality,
            None => Self::Nothing,
        }
    }

    /// In words.
    pub(super) fn name(self) -> Option<String> {
        match self {
            Self::Configured(router) => Some(format!("strategy {}", router.config().strategy.name())),
            Self::PredictedQuality => Some("best predicted quality".to_owned()),
            Self::Nothing => None,
        }
    }

    /// What is said of prompts, and the model of each. `texts` are the prompts as they would be sent.
    pub(super) fn said(self, texts: &[&str], classified: &[&Classification]) -> anyhow::Result<Vec<Said>> {
        let models: Vec<Option<String>> = match self {
            Self::Configured(router) => {
                configured::choices_of(router, texts)?.into_iter().map(|choice| Some(choice.model)).collect()
            }
            Self::PredictedQuality => classified.iter().map(|classified| best_of(classified)).collect(),
            Self::Nothing => vec![None; classified.len()],
        };
        let both = classified.iter().zip(models);
        Ok(both.map(|(of, model)| Said { task: of.task.best(), complexity: of.complexity.best(), model }).collect())
    }
}

/// The first by name of those with the best predicted quality.
fn best_of(classified: &Classification) -> Option<String> {
    let models = classified.predicted_quality.iter();
    models.rev().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(model, _)| model.to_owned())
}
