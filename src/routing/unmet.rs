//! Why a model cannot serve a request: one word for the requirement, and one for what the model lacks.

use std::fmt;

use thiserror::Error;

use super::CallerScope;
use super::registry::Capability;

/// Models that an error names; the others are counted.
const MOST_SHOWN: usize = 8;

/// A requirement or bound that a model does not meet.
#[derive(Debug, Clone, PartialEq)]
pub enum Unmet {
    /// It only turns texts into vectors.
    Answers,
    /// It cannot do something.
    Capability(Capability),
    /// The request is too long for it.
    Context {
        /// Tokens it can take.
        window: u32,
        /// Tokens of the request, estimated high, and of the answer that the client allows.
        needed: u64,
    },
    /// Its answer would not be good enough.
    Quality {
        /// 0..1
        predicted: f64,
        /// 0..1
        least: f64,
    },
    /// It is too dear, or nobody knows.
    Cost {
        /// `None`: its price is unknown.
        expected_usd: Option<f64>,
        /// The bound.
        most_usd: f64,
    },
    /// It is too slow.
    Seconds {
        /// From what was measured.
        expected: f64,
        /// The bound.
        most: f64,
    },
    /// Its provider may not serve.
    Provider(String),
    /// Its provider's region may not serve, or is not stated.
    Region(Option<String>),
    /// Its provider asks for a key of the caller's own, which this caller has not.
    NoOwnKey(String),
    /// It is not among the models allowed.
    NotAmong,
}

impl Unmet {
    /// What is required.
    pub fn requirement(&self) -> String {
        match self {
            Self::Answers => "a model that answers".into(),
            Self::Capability(capability) => capability.name().to_owned(),
            Self::Context { needed, .. } => format!("a context of about {needed} tokens"),
            Self::Quality { least, .. } => format!("a predicted quality of {least:.2}"),
            Self::Cost { most_usd, .. } => format!("an expected cost of at most {most_usd} USD"),
            Self::Seconds { most, .. } => format!("an answer within {most} seconds"),
            Self::Provider(_) => "an allowed provider".into(),
            Self::Region(_) => "an allowed region".into(),
            Self::NoOwnKey(_) => "a key of the caller's own".into(),
            Self::NotAmong => "one of the models allowed here".into(),
        }
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answers => f.write_str("gives embeddings alone"),
            Self::Capability(capability) => write!(f, "lacks {}", capability.name()),
            Self::Context { window, needed } => {
                write!(f, "has a context of {window} tokens, too short for about {needed}")
            }
            Self::Quality { predicted, least } => {
                write!(f, "is predicted {predicted:.2}, below the asked {least:.2}")
            }
            Self::Cost { expected_usd: Some(expected), most_usd } => {
                write!(f, "is expected to cost {expected:.6} USD, above {most_usd}")
            }
            Self::Cost { expected_usd: None, .. } => f.write_str("has no known price"),
            Self::Seconds { expected, most } => write!(f, "is expected to take {expected:.1} s, above {most}"),
            Self::Provider(provider) => write!(f, "is served by {provider}, which is not allowed"),
            Self::Region(Some(region)) => write!(f, "is served from {region}, which is not allowed"),
            Self::Region(None) => f.write_str("is served from a region that nobody stated"),
            Self::NoOwnKey(provider) => write!(f, "is served by {provider}, where this caller has no key of its own"),
            Self::NotAmong => f.write_str("is not among the models allowed here"),
        }
    }
}

/// No model can serve the request.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{}", in_words(.models))]
pub struct NoCandidate {
    /// Every model with what it does not meet.
    pub models: Vec<(String, Vec<Unmet>)>,
}

impl NoCandidate {
    /// The same without the models that the caller may not use, unless it may use none.
    pub(super) fn within(mut self, scope: &CallerScope) -> Self {
        if self.models.iter().any(|(model, _)| scope.admits_name(model)) {
            self.models.retain(|(model, _)| scope.admits_name(model));
        }
        self
    }

    /// The requirements that no model meets, each once; empty where every one of them is met by some model.
    pub fn requirements(&self) -> Vec<String> {
        requirements(&self.models)
    }
}

fn requirements(models: &[(String, Vec<Unmet>)]) -> Vec<String> {
    let Some((_, of_first)) = models.first() else { return Vec::new() };
    let in_all = |requirement: &String| {
        models.iter().all(|(_, unmet)| unmet.iter().any(|unmet| unmet.requirement() == *requirement))
    };
    let mut found: Vec<String> = of_first.iter().map(Unmet::requirement).filter(in_all).collect();
    found.dedup();
    found
}

fn in_words(models: &[(String, Vec<Unmet>)]) -> String {
    if models.is_empty() {
        return "no configured model can serve this request: no model is configured".into();
    }
    let met_by_none = requirements(models);
    let what = if met_by_none.is_empty() { "all requirements together".to_owned() } else { met_by_none.join(" and ") };
    let mut reasons: Vec<String> = models
        .iter()
        .take(MOST_SHOWN)
        .map(|(name, unmet)| {
            let unmet: Vec<String> = unmet.iter().map(Unmet::to_string).collect();
            format!("{name} {}", unmet.join(" and "))
        })
        .collect();
    if models.len() > MOST_SHOWN {
        reasons.push(format!("and so on for {} more", models.len() - MOST_SHOWN));
    }
    format!("no configured model meets {what}: {}", reasons.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requirement_that_no_model_meets_is_named() {
        let lacks = |name: &str, unmet: &[Unmet]| (name.to_owned(), unmet.to_vec());
        let vision = Unmet::Capability(Capability::Vision);
        let tools = Unmet::Capability(Capability::Tools);
        let error = NoCandidate {
            models: vec![lacks("a", &[vision.clone(), tools.clone()]), lacks("b", std::slice::from_ref(&vision))],
        };
        assert_eq!(error.requirements(), ["vision"]);
        assert_eq!(
            error.to_string(),
            "no configured model meets vision: a lacks vision and lacks tools; b lacks vision"
        );
        let error = NoCandidate { models: vec![lacks("a", &[vision]), lacks("b", &[tools])] };
        let expected = "no configured model meets all requirements together: a lacks vision; b lacks tools";
        assert_eq!(error.to_string(), expected);
        let models = (0..20).map(|at| lacks(&format!("m{at}"), &[Unmet::NotAmong])).collect();
        assert!(NoCandidate { models }.to_string().ends_with("; and so on for 12 more"));
    }
}
