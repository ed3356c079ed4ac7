//! Decides about a request that goes to one model by name: by the client's choice, an alias, a rule or `unknown_model`. Classifies nothing.

use super::decision::{Candidate, Decision};
use super::models_asked::UnknownModelError;
use super::overrides::Overrides;
use super::plan::Plan;
use super::route_error::RouteError;
use super::{Model, NoCandidate, Requirements, Router};
use crate::chat::{ChatRequest, Usage};

impl Router {
    /// The models that may serve from where they are, `name` among them; an error where it is not.
    pub(super) fn within_places(
        &self,
        name: &str,
        only: Option<&[String]>,
        overrides: &Overrides,
    ) -> Result<Vec<String>, RouteError> {
        let bounds = [&self.config.limits, &overrides.bounds];
        let unmet_by = |model: &Model| {
            let mut unmet = Vec::new();
            bounds.iter().for_each(|bounds| bounds.place_unmet_by(model, &mut unmet));
            unmet
        };
        if let Some(model) = self.registry.get(name)
            && let unmet = unmet_by(model)
            && !unmet.is_empty()
        {
            return Err(NoCandidate { models: vec![(name.to_owned(), unmet)] }.into());
        }
        let names = self.registry.models().iter().filter(|model| unmet_by(model).is_empty()).map(|model| &model.name);
        Ok(names.filter(|name| only.is_none_or(|only| only.contains(name))).cloned().collect())
    }

    /// One model by name: it is tried, then the fallbacks that the configuration gives it and a rule allows (`only`), and nothing else. Bounds are
    /// not asked, but for the conversation's budget and the caller's scope: who names a model has chosen.
    pub(super) fn as_asked(
        &self,
        name: &str,
        only: Option<&[String]>,
        request: &ChatRequest,
        overrides: &Overrides,
        reason: String,
    ) -> Result<Decision, RouteError> {
        let model =
            self.registry.get(name).ok_or_else(|| UnknownModelError { asked: name.to_owned(), near: Vec::new() })?;
        let scope = &overrides.caller.scope;
        scope.check_model(model)?;
        let requirements = Requirements::of(request);
        let cost_usd = |model: &Model| {
            let input = requirements.input_tokens.expected(model.tokenizer);
            let usage = Usage {
                input,
                output: requirements.expected_output_tokens(model.output_tokens.map(f64::from)),
                ..Usage::default()
            };
            model.prices.map(|prices| prices.cost_usd(usage))
        };
        let candidate = |model: &Model, reason: String| Candidate {
            model: model.name.clone(),
            provider: model.provider.clone(),
            predicted_quality: None,
            expected_cost_usd: cost_usd(model),
            reason,
            by_prediction: false,
        };
        let session = self.session(request, overrides);
        let (_, left_usd) = self.conversation(request, overrides, session)?;
        if let Some((left_usd, budget_usd)) = left_usd.zip(overrides.session_budget_usd)
            && cost_usd(model).is_none_or(|cost_usd| cost_usd > left_usd)
        {
            return Err(RouteError::BudgetSpent { spent_usd: budget_usd - left_usd, budget_usd });
        }
        let fallbacks = model.fallbacks.iter().filter_map(|index| self.registry.models().get(*index));
        let allowed =
            |model: &&Model| only.is_none_or(|models| models.contains(&model.name)) && scope.check_model(model).is_ok();
        let fit = fallbacks.filter(allowed).filter(|fallback| requirements.met_by(fallback));
        let mut chain = vec![candidate(model, reason.clone())];
        chain.extend(fit.map(|fallback| candidate(fallback, format!("a fallback of {name}"))));
        chain.truncate(self.config.max_attempts);
        Ok(Decision {
            id: Decision::new_id(),
            signals: None,
            plan: Plan::Chain(chain),
            strategy: None,
            reason,
            session: Some(session),
            caller: overrides.caller.key.clone(),
            considered: Vec::new(),
            outside: Vec::new(),
        })
    }
}
