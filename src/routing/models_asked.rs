//! What a request's `model` field asks for: routing, or one model by name.

use thiserror::Error;

use super::aliases::{Alias, Aliases};
use super::{CallerScope, Registry, RouteConfig, Strategy, UnknownModel};

/// Longer than any model's name.
const MOST_SHOWN_CHARACTERS: usize = 100;

/// The meaning of a request's `model` field.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelAsked {
    /// `auto`, `auto:STRATEGY`, or an unknown name under `unknown_model = "auto"`.
    Auto(Option<Strategy>),
    /// A configured model.
    Named(String),
    /// A route, by its place in the configuration.
    Route(usize),
}

/// A name that means nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the model {asked:?} does not exist{}", near_matches(.near))]
pub struct UnknownModelError {
    /// What was asked for.
    pub asked: String,
    /// Names that look like it, nearest first.
    pub near: Vec<String>,
}

impl UnknownModelError {
    /// The same without the names that the caller may not use.
    pub(super) fn within(mut self, scope: &CallerScope) -> Self {
        self.near.retain(|name| name.starts_with("auto") || scope.admits_name(name));
        self
    }
}

fn near_matches(near: &[String]) -> String {
    match near {
        [] => "; GET /v1/models lists those that do, and \"auto\" lets the router choose".into(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}

/// What names are read against.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) registry: &'a Registry,
    pub(super) routes: &'a [RouteConfig],
    pub(super) aliases: &'a Aliases,
    pub(super) unknown: &'a UnknownModel,
}

impl<'a> Names<'a> {
    /// Reads a `model` field. Where the name is an alias, says of which.
    pub(super) fn read(self, asked: &str) -> Result<(ModelAsked, Option<Alias<'a>>), UnknownModelError> {
        if let Some(known) = self.configured(asked)? {
            return Ok((known, None));
        }
        if let Some(alias) = self.aliases.find(asked)
            && let Some(known) = self.configured(alias.target)?
        {
            return Ok((known, Some(alias)));
        }
        let asked = match self.unknown {
            UnknownModel::Auto => ModelAsked::Auto(None),
            UnknownModel::Fixed(name) => ModelAsked::Named(name.clone()),
            UnknownModel::Reject => {
                return Err(UnknownModelError { near: self.similar(&shown(asked)), asked: shown(asked) });
            }
        };
        Ok((asked, None))
    }

    /// What the name means by itself.
    fn configured(self, asked: &str) -> Result<Option<ModelAsked>, UnknownModelError> {
        if asked == "auto" {
            return Ok(Some(ModelAsked::Auto(None)));
        }
        if let Some(strategy) = asked.strip_prefix("auto:") {
            return match strategy.parse() {
                Ok(strategy) => Ok(Some(ModelAsked::Auto(Some(strategy)))),
                Err(_) => Err(UnknownModelError {
                    asked: shown(asked),
                    near: Strategy::ALL.iter().map(|strategy| format!("auto:{}", strategy.name())).collect(),
                }),
            };
        }
        if self.registry.get(asked).is_some() {
            return Ok(Some(ModelAsked::Named(asked.to_owned())));
        }
        Ok(self.routes.iter().position(|route| route.name == asked).map(ModelAsked::Route))
    }

    /// At most three configured names, nearest first by Jaro-Winkler similarity of the lower-cased names. Quadratic in the length of
    /// `asked`, which is therefore bounded.
    fn similar(self, asked: &str) -> Vec<String> {
        const LEAST_SIMILARITY: f64 = 0.75;
        let asked = asked.to_lowercase();
        let models = self.registry.models().iter().map(|model| model.name.as_str());
        let mut scored: Vec<(f64, &str)> = models
            .chain(self.routes.iter().map(|route| route.name.as_str()))
            .chain(self.aliases.names())
            .map(|name| (strsim::jaro_winkler(&asked, &name.to_lowercase()), name))
            .filter(|(similarity, _)| *similarity >= LEAST_SIMILARITY)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
    }
}

/// An error repeats what was asked, and a stranger may ask for anything.
fn shown(asked: &str) -> String {
    asked.chars().take(MOST_SHOWN_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::ModelConfig;

    fn registry() -> Registry {
        let model = |name: &str| ModelConfig { name: name.into(), provider: "p".into(), ..ModelConfig::default() };
        Registry::from_config(&[model("gpt-4o-mini"), model("gpt-4o"), model("claude")]).unwrap()
    }

    fn read(asked: &str, unknown: &UnknownModel) -> Result<ModelAsked, UnknownModelError> {
        let (registry, aliases) = (registry(), Aliases::default());
        let names = Names { registry: &registry, routes: &[], aliases: &aliases, unknown };
        names.read(asked).map(|(asked, _)| asked)
    }

    #[test]
    fn auto_routes_and_a_configured_name_is_taken_at_its_word() {
        assert_eq!(read("auto", &UnknownModel::Reject), Ok(ModelAsked::Auto(None)));
        assert_eq!(read("auto:best", &UnknownModel::Reject), Ok(ModelAsked::Auto(Some(Strategy::Best))));
        for unknown in [UnknownModel::Reject, UnknownModel::Auto, UnknownModel::Fixed("claude".into())] {
            assert_eq!(read("gpt-4o", &unknown), Ok(ModelAsked::Named("gpt-4o".into())));
        }
    }

    #[test]
    fn an_unknown_name_is_what_the_policy_says() {
        assert_eq!(read("gpt-5", &UnknownModel::Auto), Ok(ModelAsked::Auto(None)));
        assert_eq!(read("gpt-5", &UnknownModel::Fixed("claude".into())), Ok(ModelAsked::Named("claude".into())));
        let refused = read("GPT-4o-mni", &UnknownModel::Reject).unwrap_err();
        assert_eq!(refused.near, ["gpt-4o-mini", "gpt-4o"]);
        assert!(refused.to_string().contains("did you mean gpt-4o-mini or gpt-4o?"), "{refused}");
        assert!(read("zzz", &UnknownModel::Reject).unwrap_err().to_string().contains("GET /v1/models"));
    }

    #[test]
    fn a_strategy_that_does_not_exist_is_no_model_under_any_policy() {
        for unknown in [UnknownModel::Reject, UnknownModel::Auto, UnknownModel::Fixed("claude".into())] {
            let refused = read("auto:fastest", &unknown).unwrap_err();
            assert!(refused.near.contains(&"auto:cheapest".to_owned()), "{refused}");
        }
    }

    #[test]
    fn a_name_of_any_length_is_compared_and_repeated_within_bounds() {
        let refused = read(&"gpt-4o".repeat(100_000), &UnknownModel::Reject).unwrap_err();
        assert!(refused.to_string().len() < 300, "{}", refused.to_string().len());
    }
}
