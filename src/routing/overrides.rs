//! What comes to a decision from beside the request's body, and what comes back to the router after its answer.

use super::latency::AnswerTimes;
use super::{Bounds, Caller, Dial, Strategy};

/// What a request's headers or a command's flags say beside the body.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overrides {
    /// Instead of the configured strategy; `auto:STRATEGY` in the body goes before it.
    pub strategy: Option<Strategy>,
    /// Where the dial of `balanced` stands.
    pub dial: Option<Dial>,
    /// Beside the configured bounds.
    pub bounds: Bounds,
    /// The client's name for the conversation.
    pub session: Option<String>,
    /// The most that the conversation may cost in USD.
    pub session_budget_usd: Option<f64>,
    /// Who asks.
    pub caller: Caller,
    /// The decision is only looked at: it takes no turn and moves no conversation.
    pub dry_run: bool,
}

/// How an answer went, for what comes after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Served<'a> {
    /// The model that answered, by its name in the registry.
    pub model: &'a str,
    /// What it cost, with everything that was tried; `None`: unknown.
    pub cost_usd: Option<f64>,
    /// How long it took; `None` where it broke off.
    pub times: Option<AnswerTimes>,
}
