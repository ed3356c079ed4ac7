//! What one caller may be given, whoever asks for it: the caller itself, an alias, a route, a rule or the configuration. Nothing in this room
//! widens a scope. Pure.

use thiserror::Error;

use super::models_asked::ModelAsked;
use super::{Bounds, Model, Router, Strategy};

/// What a caller may be given. By default everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerScope {
    /// Only these models, by their names; `None`: all.
    pub models: Option<Vec<String>>,
    /// Only these strategies, by their names; `None`: all.
    pub strategies: Option<Vec<String>>,
    /// Providers that serve only those who bring a key of their own, where this caller has brought none.
    pub closed_providers: Vec<String>,
}

/// Something that a caller's scope leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OutOfScope {
    /// A model.
    #[error("this key may not use the model {0}; GET /v1/models lists what it may use")]
    Model(String),
    /// A model at providers where the caller needs a key of its own.
    #[error(
        "the model {model} is served by {provider}, which asks for a key of the caller's own, and this caller has none there"
    )]
    NoOwnKey {
        /// The model.
        model: String,
        /// Its provider.
        provider: String,
    },
    /// A strategy.
    #[error("this key may not use the strategy {asked}; it may use {}", allowed(.may))]
    Strategy {
        /// The strategy.
        asked: &'static str,
        /// Those that it may use.
        may: Vec<String>,
    },
    /// A rule that wants what the scope leaves out.
    #[error("the rule {rule:?} applies, and {outside}")]
    ByRule {
        /// The rule's name.
        rule: String,
        /// What is left out.
        outside: Box<Self>,
    },
}

fn allowed(strategies: &[String]) -> String {
    if strategies.is_empty() { "none".into() } else { strategies.join(", ") }
}

impl CallerScope {
    /// Whether a name, of a model or of an embedder, is among those allowed.
    pub fn admits_name(&self, name: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|allowed| allowed == name))
    }

    /// Why a name is not among those allowed.
    pub fn check_name(&self, name: &str) -> Result<(), OutOfScope> {
        if self.admits_name(name) { Ok(()) } else { Err(OutOfScope::Model(name.to_owned())) }
    }

    /// Why a model may not serve.
    pub(super) fn check_model(&self, model: &Model) -> Result<(), OutOfScope> {
        self.check_name(&model.name)?;
        match closed_provider(&self.closed_providers, model) {
            Some(provider) => Err(OutOfScope::NoOwnKey { model: model.name.clone(), provider: provider.to_owned() }),
            None => Ok(()),
        }
    }

    pub(super) fn admits_strategy(&self, strategy: Strategy) -> bool {
        self.strategies.as_ref().is_none_or(|names| names.iter().any(|name| name == strategy.name()))
    }

    /// The strategy to choose by: what somebody asked for, which must be allowed, or else `usual`, or the first that is allowed in its place.
    pub(super) fn strategy(&self, asked: Option<Strategy>, usual: Strategy) -> Result<Strategy, OutOfScope> {
        let refuse = |strategy: Strategy| OutOfScope::Strategy {
            asked: strategy.name(),
            may: self.strategies.clone().unwrap_or_default(),
        };
        match asked {
            Some(asked) if self.admits_strategy(asked) => Ok(asked),
            Some(asked) => Err(refuse(asked)),
            None if self.admits_strategy(usual) => Ok(usual),
            None => self.strategies.iter().flatten().find_map(|name| name.parse().ok()).ok_or_else(|| refuse(usual)),
        }
    }

    /// The same as a bound on the choice; `None` where nothing is left out.
    pub(super) fn as_bounds(&self) -> Option<Bounds> {
        let leaves_out = self.models.is_some() || !self.closed_providers.is_empty();
        leaves_out.then(|| Bounds {
            models: self.models.clone(),
            closed_providers: self.closed_providers.clone(),
            ..Bounds::default()
        })
    }
}

impl Router {
    /// Whether a request's `model` may be this, as far as the caller's scope goes: an alias or a route is as good as what it leads to.
    pub fn admits(&self, scope: &CallerScope, name: &str) -> bool {
        let model_may = |name: &str| self.registry().get(name).is_some_and(|model| scope.check_model(model).is_ok());
        match self.names().read(name).map(|(asked, _alias)| asked) {
            Ok(ModelAsked::Auto(strategy)) => strategy.is_none_or(|strategy| scope.admits_strategy(strategy)),
            Ok(ModelAsked::Named(name)) => model_may(&name),
            Ok(ModelAsked::Route(place)) => self.rules.routes().get(place).is_some_and(|route| {
                let one_may = |names: &Option<Vec<String>>| {
                    names.as_ref().is_none_or(|names| names.iter().any(|name| model_may(name)))
                };
                let strategy_may = route.strategy.is_none_or(|strategy| scope.admits_strategy(strategy));
                strategy_may && one_may(&route.models) && one_may(&route.limits.models)
            }),
            Err(_unknown) => false,
        }
    }
}

/// The provider that stands first for a model of which every endpoint is closed to the caller; `None` where one is open.
pub(super) fn closed_provider<'a>(closed: &[String], model: &'a Model) -> Option<&'a str> {
    let is_closed = |provider: &String| closed.iter().any(|name| name == provider);
    let all_are = !closed.is_empty() && model.endpoints.iter().all(|endpoint| is_closed(&endpoint.provider));
    all_are.then_some(model.provider.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(strategies: &[&str]) -> CallerScope {
        let names = strategies.iter().map(|name| (*name).to_owned()).collect();
        CallerScope { strategies: Some(names), ..CallerScope::default() }
    }

    #[test]
    fn a_strategy_that_is_asked_for_must_be_allowed_and_the_usual_one_gives_way() {
        let (balanced, best, cheapest) = (Strategy::Balanced, Strategy::Best, Strategy::Cheapest);
        assert_eq!(CallerScope::default().strategy(Some(best), balanced), Ok(best));
        let scope = only(&["cheapest", "cascade"]);
        assert_eq!(scope.strategy(Some(cheapest), balanced), Ok(cheapest));
        assert_eq!(scope.strategy(None, balanced), Ok(cheapest));
        assert_eq!(scope.strategy(None, Strategy::Cascade), Ok(Strategy::Cascade));
        let refused = scope.strategy(Some(best), balanced).unwrap_err().to_string();
        assert_eq!(refused, "this key may not use the strategy best; it may use cheapest, cascade");
        for nothing in [&[][..], &["a later version's"]] {
            assert!(only(nothing).strategy(None, balanced).is_err(), "{nothing:?}");
        }
    }
}
