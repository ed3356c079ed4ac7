//! `decide`: the way from a request to a decision. Owns the artifact and the registry; sends nothing.

use std::sync::Arc;

use thiserror::Error;

use super::brain::{Brain, BrainError, Classified};
use super::decision::{Candidate, Decision, Plan};
use super::history::SharedHistory;
use super::models_asked::{ModelAsked, UnknownModelError};
use super::{History, NoCandidate, Registry, Requirements, RouterConfig, Signals, Strategy, select};
use crate::chat::{ChatRequest, Part, Usage};
use crate::prompt;

/// What a request's headers or a command's flags say beside the body.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Overrides {
    /// Instead of the configured strategy; `auto:STRATEGY` in the body goes before it.
    pub strategy: Option<Strategy>,
    /// Least predicted quality, 0..1.
    pub min_quality: Option<f64>,
}

/// Why no decision could be made.
#[derive(Debug, Error)]
pub enum RouteError {
    /// The model asked for does not exist.
    #[error(transparent)]
    UnknownModel(#[from] UnknownModelError),
    /// No model can serve the request.
    #[error(transparent)]
    NoCandidate(#[from] NoCandidate),
    /// There is nothing to route by.
    #[error("messages: no user message holds any text or attachment; write what you want answered")]
    EmptyPrompt,
    /// The prompt could not be embedded.
    #[error(transparent)]
    Embed(#[from] BrainError),
}

/// Joins prompt reading, embedding, classification and selection.
pub struct Router {
    brain: Brain,
    registry: Arc<Registry>,
    config: RouterConfig,
    history: SharedHistory,
}

impl Router {
    /// Puts a router together.
    pub fn new(brain: Brain, registry: Arc<Registry>, config: RouterConfig) -> Self {
        Self { brain, registry, config, history: SharedHistory::default() }
    }

    /// The models that may be chosen.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The `[router]` table.
    pub fn config(&self) -> &RouterConfig {
        &self.config
    }

    /// The artifact and its embedders.
    pub fn brain(&self) -> &Brain {
        &self.brain
    }

    /// Name and short hash of the artifact.
    pub fn artifact_name(&self) -> &str {
        self.brain.artifact()
    }

    /// Decides where a request goes. Classifies only when the client leaves the choice to the router.
    pub async fn decide(&self, request: &ChatRequest, overrides: &Overrides) -> Result<Decision, RouteError> {
        match ModelAsked::read(request.model(), &self.registry, &self.config.unknown_model)? {
            ModelAsked::Named(name) => self.as_asked(&name, request),
            ModelAsked::Auto(strategy) => {
                let strategy = strategy.or(overrides.strategy).unwrap_or(self.config.strategy);
                let signals = self.read(request).await?;
                let requirements = Requirements::of(request);
                let floor = overrides.min_quality;
                let choose = |history: &History| {
                    select(&signals, &requirements, &self.registry, strategy, floor, &self.config, history)
                };
                let (plan, reason) = if strategy.spreads_load() {
                    self.history.choose(|history| {
                        let chosen = choose(history)?;
                        let first = chosen.0.candidates().first().map(|candidate| candidate.model.clone());
                        Ok::<_, NoCandidate>((chosen, first))
                    })?
                } else {
                    choose(&History::default())?
                };
                Ok(Decision { id: Decision::new_id(), signals: Some(signals), plan, strategy: Some(strategy), reason })
            }
        }
    }

    /// Classifies the words of a request, without choosing a model.
    pub async fn read(&self, request: &ChatRequest) -> Result<Signals, RouteError> {
        match prompt::user_words(request.messages()) {
            Some(words) => {
                let classified = self.brain.classify(&words.text).await?;
                Ok(Signals { follow_up: words.follow_up, ..signals(&self.brain, classified) })
            }
            None if has_attachment(request) => {
                let classified = self.brain.classify("").await?;
                Ok(signals(&self.brain, classified))
            }
            None => Err(RouteError::EmptyPrompt),
        }
    }

    /// The client named the model: it is tried, and nothing else.
    fn as_asked(&self, name: &str, request: &ChatRequest) -> Result<Decision, RouteError> {
        let model =
            self.registry.get(name).ok_or_else(|| UnknownModelError { asked: name.to_owned(), near: Vec::new() })?;
        let requirements = Requirements::of(request);
        let usage =
            Usage { input: requirements.input_tokens, cached_input: 0, output: requirements.expected_output_tokens() };
        let reason = format!("the client asked for {name}");
        let candidate = Candidate {
            model: model.name.clone(),
            provider: model.provider.clone(),
            predicted_quality: None,
            expected_cost_usd: model.prices.map(|prices| prices.cost_usd(usage)),
            reason: reason.clone(),
        };
        Ok(Decision {
            id: Decision::new_id(),
            signals: None,
            plan: Plan::Chain(vec![candidate]),
            strategy: None,
            reason,
        })
    }
}

fn has_attachment(request: &ChatRequest) -> bool {
    request.messages().iter().flat_map(|message| message.content.parts()).any(|part| !matches!(part, Part::Text(_)))
}

fn signals(brain: &Brain, classified: Classified) -> Signals {
    let Classified { classification, truncated, by_second_tier } = classified;
    let (task_labels, complexity_labels) = (brain.task_labels(), brain.complexity_labels());
    let named = |labels: &[String], probabilities: &[f64]| -> Vec<(String, f64)> {
        labels.iter().cloned().zip(probabilities.iter().copied()).collect()
    };
    Signals {
        task: task_labels[classification.task.best()].clone(),
        task_confidence: classification.task.confidence(),
        task_scores: named(task_labels, &classification.task.probabilities),
        complexity: complexity_labels[classification.complexity.best()].clone(),
        complexity_confidence: classification.complexity.confidence(),
        complexity_score: classification.complexity.expected_position(),
        complexity_scores: named(complexity_labels, &classification.complexity.probabilities),
        known: classification.known,
        novelty: classification.novelty.rank,
        truncated,
        follow_up: false,
        tier: brain.tier_name(by_second_tier).to_owned(),
        artifact: brain.artifact().to_owned(),
        predicted_quality: classification.predicted_quality,
    }
}
