//! What a request's `model` field asks for: routing, or one model by name.

use thiserror::Error;

use super::{Registry, Strategy, UnknownModel};

/// The meaning of a request's `model` field.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelAsked {
    /// `auto`, `auto:STRATEGY`, or an unknown name under `unknown_model = "auto"`.
    Auto(Option<Strategy>),
    /// A configured model.
    Named(String),
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
    pub fn read(asked: &str, registry: &Registry, unknown: &UnknownModel) -> Result<Self, UnknownModelError> {
        if asked == "auto" {
            return Ok(Self::Auto(None));
        }
        if let Some(strategy) = asked.strip_prefix("auto:") {
            return strategy.parse().map(|strategy| Self::Auto(Some(strategy))).map_err(|_| UnknownModelError {
                asked: asked.to_owned(),
                near: Strategy::ALL.iter().map(|strategy| format!("auto:{}", strategy.name())).collect(),
            });
        }
        if registry.get(asked).is_some() {
            return Ok(Self::Named(asked.to_owned()));
        }
        match unknown {
            UnknownModel::Auto => Ok(Self::Auto(None)),
            UnknownModel::Fixed(name) => Ok(Self::Named(name.clone())),
            UnknownModel::Reject => {
                Err(UnknownModelError { asked: asked.to_owned(), near: similar_names(asked, registry) })
            }
        }
    }
}

/// At most three configured names, nearest first by Jaro-Winkler similarity of the lower-cased names.
fn similar_names(asked: &str, registry: &Registry) -> Vec<String> {
    const LEAST_SIMILARITY: f64 = 0.75;
    // Similarity is quadratic in the length of what a stranger sent, so only a name-sized piece of it is compared.
    let asked: String = asked.chars().take(100).collect::<String>().to_lowercase();
    let mut scored: Vec<(f64, &str)> = registry
        .models()
        .iter()
        .map(|model| (strsim::jaro_winkler(&asked, &model.name.to_lowercase()), model.name.as_str()))
        .filter(|(similarity, _)| *similarity >= LEAST_SIMILARITY)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}
