//! Decides about texts that are to be embedded: the model asked for is asked, or nobody, because another model's vectors would mean
//! something else. Rules hold here too.

use serde_json::json;

use super::models_asked::ModelAsked;
use super::{Caller, CallerScope, Candidate, Decision, Plan, RouteError, Router, TokenCounts};
use crate::chat::{ChatRequest, Usage};
use crate::prompt;

/// What is to be embedded.
#[derive(Debug, Clone, Copy)]
pub enum ToEmbed<'a> {
    /// Texts.
    Texts(&'a [String]),
    /// So many token ids, which only the model can read.
    Tokens(u64),
}

impl Router {
    /// The configured model that a name means for embeddings; `None` where it leaves the choice to the router, which means no configured one:
    /// routes and strategies choose among models that answer.
    pub fn embeddings_model(&self, asked: &str, scope: &CallerScope) -> Result<Option<String>, RouteError> {
        let (asked, _) = self.names().read(asked).map_err(|error| error.within(scope))?;
        if let ModelAsked::Named(name) = &asked
            && let Some(model) = self.registry().get(name)
        {
            scope.check_model(model)?;
        }
        Ok(match asked {
            ModelAsked::Named(model) => Some(model),
            ModelAsked::Auto(_) | ModelAsked::Route(_) => None,
        })
    }

    /// The model by this name, for these inputs, where every rule that describes them lets it have them.
    pub async fn decide_embeddings(
        &self,
        model: &str,
        input: ToEmbed<'_>,
        caller: &Caller,
    ) -> Result<Decision, RouteError> {
        let Some(configured) = self.registry().get(model) else {
            return Err(super::UnknownModelError { asked: model.to_owned(), near: Vec::new() }.into());
        };
        caller.scope.check_model(configured)?;
        self.check_rules(model, input, caller).await?;
        let tokens = match input {
            ToEmbed::Texts(texts) => {
                TokenCounts::of(texts.iter().map(String::as_str), 0).expected(configured.tokenizer)
            }
            ToEmbed::Tokens(tokens) => tokens,
        };
        let usage = Usage { input: tokens, ..Usage::default() };
        let reason = format!("the client asked {model} for embeddings");
        let candidate = Candidate {
            model: model.to_owned(),
            provider: configured.provider.clone(),
            predicted_quality: None,
            expected_cost_usd: configured.prices.map(|prices| prices.cost_usd(usage)),
            reason: reason.clone(),
            by_prediction: false,
        };
        let plan = Plan::Chain(vec![candidate]);
        Ok(Decision {
            id: Decision::new_id(),
            signals: None,
            plan,
            strategy: None,
            reason,
            session: None,
            caller: caller.key.clone(),
            considered: Vec::new(),
            outside: Vec::new(),
        })
    }

    async fn check_rules(&self, model: &str, input: ToEmbed<'_>, caller: &Caller) -> Result<(), RouteError> {
        if !self.rules.are_any() {
            return Ok(());
        }
        let ToEmbed::Texts(texts) = input else { return Err(RouteError::UnreadByRules) };
        let parts: Vec<_> = texts.iter().map(|text| json!({"type": "text", "text": text})).collect();
        let Ok(request) = ChatRequest::from_messages(&json!([{"role": "user", "content": parts}])) else {
            return Err(RouteError::UnreadByRules);
        };
        let words = prompt::user_words(request.messages());
        let words = words.as_ref().map_or("", |words| &*words.text);
        let Some(rule) = self.rules.first_match(&request, words, caller, self.brain()).await? else { return Ok(()) };
        let sends_elsewhere = rule.bypass.as_ref().is_some_and(|only| only != model);
        let leaves_out = rule.models.as_ref().is_some_and(|models| !models.iter().any(|allowed| allowed == model));
        if sends_elsewhere || leaves_out {
            return Err(RouteError::AgainstRule { rule: rule.rule, model: model.to_owned() });
        }
        Ok(())
    }
}
