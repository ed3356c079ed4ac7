//! What a request's `model` field asks for: routing, or one model by name.

use thiserror::Error;

use super::{Registry, RouteConfig, Strategy, UnknownModel};

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

fn near_matches(near: &[String]) -> String {
    match near {
        [] => "; GET /v1/models lists those that do, and \"auto\" lets the router choose".into(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}

impl ModelAsked {
    /// Reads a `model` field against the registry and the policy for unknown names.
    pub fn read(
        asked: &str,
        registry: &Registry,
        routes: &[RouteConfig],
        unknown: &UnknownModel,
    ) -> Result<Self, UnknownModelError> {
        if asked == "auto" {
            return Ok(Self::Auto(None));
        }
        // An error repeats what was asked, and a stranger may ask for anything.
        let shown = || asked.chars().take(MOST_SHOWN_CHARACTERS).collect::<String>();
        if let Some(strategy) = asked.strip_prefix("auto:") {
            return strategy.parse().map(|strategy| Self::Auto(Some(strategy))).map_err(|_| UnknownModelError {
                asked: shown(),
                near: Strategy::ALL.iter().map(|strategy| format!("auto:{}", strategy.name())).collect(),
            });
        }
        if registry.get(asked).is_some() {
            return Ok(Self::Named(asked.to_owned()));
        }
        if let Some(route) = routes.iter().position(|route| route.name == asked) {
            return Ok(Self::Route(route));
        }
        match unknown {
            UnknownModel::Auto => Ok(Self::Auto(None)),
            UnknownModel::Fixed(name) => Ok(Self::Named(name.clone())),
            UnknownModel::Reject => {
                Err(UnknownModelError { asked: shown(), near: similar_names(&shown(), registry, routes) })
            }
        }
    }
}

/// At most three configured names, nearest first by Jaro-Winkler similarity of the lower-cased names. Quadratic in the length of
/// `asked`, which is therefore bounded.
fn similar_names(asked: &str, registry: &Registry, routes: &[RouteConfig]) -> Vec<String> {
    const LEAST_SIMILARITY: f64 = 0.75;
    let asked = asked.to_lowercase();
    let models = registry.models().iter().map(|model| model.name.as_str());
    let mut scored: Vec<(f64, &str)> = models
        .chain(routes.iter().map(|route| route.name.as_str()))
        .map(|name| (strsim::jaro_winkler(&asked, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= LEAST_SIMILARITY)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
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
        ModelAsked::read(asked, &registry(), &[], unknown)
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
