//! What a decision asks the gateway to do: try models in order, ask a better one where an answer does not convince, or ask several at once.

use std::time::Duration;

use serde::Deserialize;

use super::Candidate;

/// What the gateway carries out. No plan is without candidates.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Try these in order until one answers.
    Chain(Vec<Candidate>),
    /// Try these in order until an answer passes the gate. Where none does, the last answer that came is the answer.
    Escalate {
        /// Cheap ones first.
        candidates: Vec<Candidate>,
        /// What an answer has to pass.
        gate: AnswerGate,
    },
    /// Ask the first few at once; the rest follow one by one, as in a chain, should all of those fail.
    Race {
        /// Contestants first, then fallbacks.
        candidates: Vec<Candidate>,
        /// How many are asked at once; at least 1 and at most as many as there are.
        at_once: usize,
        /// Whose answer counts.
        pick: Pick,
        /// Where answers are compared: those that are not there by then are not waited for, unless none is.
        patience: Option<Duration>,
    },
}

impl Plan {
    /// Leaves out the candidates that should not be asked. At least one must stay.
    pub fn keep(&mut self, stays: impl Fn(&Candidate) -> bool) {
        match self {
            Self::Chain(candidates) | Self::Escalate { candidates, .. } => candidates.retain(stays),
            Self::Race { candidates, at_once, .. } => {
                candidates.retain(stays);
                *at_once = (*at_once).clamp(1, candidates.len().max(1));
            }
        }
    }

    /// The candidates in order of trial.
    pub fn candidates(&self) -> &[Candidate] {
        match self {
            Self::Chain(candidates) | Self::Escalate { candidates, .. } | Self::Race { candidates, .. } => candidates,
        }
    }
}

/// `[router.cascade.gate]`: what an answer has to pass before it is handed on. An answer that fails costs what it cost, and a better model is
/// asked. Errors and timeouts of a provider always move on, as in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnswerGate {
    /// An answer that begins by declining fails.
    pub refusals: bool,
    /// An answer that holds neither words nor tool calls fails.
    pub empty: bool,
    /// An answer that the provider broke off at its length limit fails, unless the client's own cap was reached.
    pub cut: bool,
    /// Where the request asks for JSON, an answer that is none fails.
    pub invalid_json: bool,
    /// An answer whose tokens' mean log-probability is below this fails, where the provider tells them. Asked of the provider only if set.
    pub min_mean_logprob: Option<f64>,
    /// A stream is held back until this many characters of it have come and pass, or its end. Where JSON is asked for, until its end.
    pub stream_characters: usize,
    /// A model that has not passed the gate after this time is left for the next one.
    pub timeout_ms: Option<u64>,
}

impl Default for AnswerGate {
    fn default() -> Self {
        Self {
            refusals: true,
            empty: true,
            cut: true,
            invalid_json: true,
            min_mean_logprob: None,
            stream_characters: 160,
            timeout_ms: None,
        }
    }
}

/// Whose answer counts when several models are asked at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// The first that begins; the others are cancelled.
    First,
    /// The one nearest to the centre of all answers, in the space of the embedder that is built in.
    Nearest,
    /// The one that this model, by its name in the registry, calls the best.
    Judge(String),
}
