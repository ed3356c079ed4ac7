//! Where one model is served: its provider, and further places that serve the same model. Which of them is asked is the gateway's to say.

use serde::Deserialize;

use super::{ModelConfig, RegistryError};

/// How requests are shared among a model's endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// Of two drawn by weight, the one that is expected to begin its answer sooner.
    #[default]
    Latency,
    /// By chance, in proportion to the weights.
    Weighted,
    /// The one with the fewest requests under way for its weight.
    LeastUsed,
}

/// One of a model's `endpoints`: the same model at another provider, or under another name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointConfig {
    /// Name of a `[[providers]]` entry.
    pub provider: String,
    /// What that provider calls the model. Unset: as the model's own provider does.
    #[serde(default)]
    pub upstream_name: Option<String>,
    /// Its share of the requests beside the others'.
    #[serde(default = "one")]
    pub weight: f64,
}

fn one() -> f64 {
    1.0
}

/// A place that serves a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// The provider.
    pub provider: String,
    /// What the provider calls the model.
    pub upstream_name: String,
    /// Its share of the requests beside the others'; above 0.
    pub weight: f64,
    /// Where the provider serves from; `None`: nobody stated it.
    pub region: Option<String>,
}

/// All places of a model, its own provider first.
pub(super) fn read(config: &ModelConfig, index: usize) -> Result<Vec<Endpoint>, RegistryError> {
    let own_name = config.upstream_name.as_ref().unwrap_or(&config.name);
    let own =
        EndpointConfig { provider: config.provider.clone(), upstream_name: None, weight: config.weight.unwrap_or(1.0) };
    let mut endpoints: Vec<Endpoint> = Vec::with_capacity(1 + config.endpoints.len());
    for (place, endpoint) in std::iter::once(&own).chain(&config.endpoints).enumerate() {
        let field = || match place.checked_sub(1) {
            None => String::new(),
            Some(place) => format!("endpoints[{place}]."),
        };
        if !(endpoint.weight.is_finite() && endpoint.weight > 0.0) {
            let (field, value) = (format!("{}weight", field()), endpoint.weight.to_string());
            return Err(RegistryError::BadEndpoint {
                index,
                field,
                problem: format!("{value} is not a number above 0"),
            });
        }
        let upstream_name = endpoint.upstream_name.as_ref().unwrap_or(own_name).clone();
        if endpoints.iter().any(|other| other.provider == endpoint.provider && other.upstream_name == upstream_name) {
            let problem =
                "the same model at the same provider stands there already; give it a greater weight".to_owned();
            return Err(RegistryError::BadEndpoint { index, field: format!("{}provider", field()), problem });
        }
        endpoints.push(Endpoint {
            provider: endpoint.provider.clone(),
            upstream_name,
            weight: endpoint.weight,
            region: None,
        });
    }
    Ok(endpoints)
}
