//! How long to think: OpenAI's `reasoning_effort` as a budget of tokens for models that take one, and as an effort for those that decide by
//! themselves. The API's own `thinking` goes as it is, unless this model is one that would refuse it: whoever wrote it may have had another
//! in mind.

use serde_json::{Value, json};

use super::generation::Generation;
use crate::gateway::fields::Dropped;

/// The least budget that is taken.
const LEAST_BUDGET: u32 = 1024;
const LOW_BUDGET: u32 = 2048;
const MEDIUM_BUDGET: u32 = 8192;
const HIGH_BUDGET: u32 = 16_384;

/// What is asked of the model, and how much room it needs.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Thinking {
    /// The field `thinking`.
    pub(in crate::gateway) config: Option<Value>,
    /// `output_config.effort`
    pub(in crate::gateway) effort: Option<&'static str>,
    /// Tokens of thought that come on top of an answer whose length the client left open.
    pub(in crate::gateway) room: u32,
}

/// What the request around it allows.
#[derive(Debug, Clone, Copy)]
pub(in crate::gateway) struct Terms {
    pub(in crate::gateway) generation: Generation,
    /// The client's cap, thoughts included.
    pub(in crate::gateway) max_tokens: Option<u32>,
    /// A tool has to be called, which a model that thinks cannot be made to.
    pub(in crate::gateway) is_forced: bool,
    /// Results of tools come last, and no signed thought stands before their calls, which a budget would demand.
    pub(in crate::gateway) lacks_thoughts: bool,
}

impl Thinking {
    /// Whether the model is asked to think.
    pub(in crate::gateway) fn is_on(&self) -> bool {
        self.config.as_ref().is_some_and(|config| config["type"] != "disabled")
    }

    /// Reads an effort of OpenAI's.
    pub(in crate::gateway) fn read(effort: &str, terms: Terms, dropped: &mut Dropped) -> Self {
        let generation = terms.generation;
        if effort == "none" {
            return Self::off(generation);
        }
        let Some((effort, budget)) = read_effort(effort, generation) else {
            dropped.add("reasoning_effort");
            return Self::default();
        };
        if generation.thinks_adaptively() {
            // Without a word on it, newer models keep their thoughts to themselves.
            let config = json!({"type": "adaptive", "display": "summarized"});
            let config = (!terms.is_forced).then_some(config);
            let room = if config.is_some() { budget } else { 0 };
            return Self { config, effort: Some(effort), room };
        }
        Self::with_budget(budget, terms).unwrap_or_else(|| {
            dropped.add("reasoning_effort");
            Self::default()
        })
    }

    /// Takes a `thinking` of the API's own, beside the effort that was named with it.
    pub(super) fn adapt(config: Value, effort: Option<&Value>, terms: Terms, dropped: &mut Dropped) -> Self {
        let generation = terms.generation;
        let as_it_is = |config| Self { config: Some(config), ..Self::default() };
        let adapted = match config["type"].as_str() {
            Some("disabled") => (!generation.always_thinks).then(|| as_it_is(config)),
            Some("enabled" | "adaptive") if !generation.thinks() => None,
            Some("enabled") if generation.takes_budget() && !terms.lacks_thoughts => Some(as_it_is(config)),
            Some("enabled") if generation.thinks_adaptively() => {
                let display = config.get("display").cloned().unwrap_or_else(|| "summarized".into());
                let budget = config["budget_tokens"].as_u64().unwrap_or_default();
                let config = json!({"type": "adaptive", "display": display});
                Some(Self { effort: Some(effort_of(budget)), ..as_it_is(config) })
            }
            Some("enabled") => None,
            Some("adaptive") if !generation.takes_adaptive() => {
                let named = effort.and_then(Value::as_str).and_then(|effort| read_effort(effort, generation));
                Self::with_budget(named.map_or(MEDIUM_BUDGET, |(_, budget)| budget), terms)
            }
            _ => Some(as_it_is(config)),
        };
        adapted.unwrap_or_else(|| {
            dropped.add("thinking");
            Self::default()
        })
    }

    /// `None` where the model or the request has no room for it.
    fn with_budget(budget: u32, terms: Terms) -> Option<Self> {
        // Half of what the client allows is kept for the answer.
        let budget = terms.max_tokens.map_or(budget, |cap| budget.min(cap / 2));
        if !terms.generation.thinks() || terms.is_forced || terms.lacks_thoughts || budget < LEAST_BUDGET {
            return None;
        }
        Some(Self { config: Some(json!({"type": "enabled", "budget_tokens": budget})), effort: None, room: budget })
    }

    fn off(generation: Generation) -> Self {
        match (generation.always_thinks, generation.thinks_by_default()) {
            (true, _) => Self { effort: Some("low"), ..Self::default() },
            (false, true) => Self { config: Some(json!({"type": "disabled"})), ..Self::default() },
            (false, false) => Self::default(),
        }
    }
}

/// An effort by its name here, and the tokens that stand for it.
fn read_effort(effort: &str, generation: Generation) -> Option<(&'static str, u32)> {
    Some(match effort {
        "minimal" => ("low", LEAST_BUDGET),
        "low" => ("low", LOW_BUDGET),
        "medium" => ("medium", MEDIUM_BUDGET),
        "high" => ("high", HIGH_BUDGET),
        "xhigh" if generation.knows_xhigh() => ("xhigh", 2 * HIGH_BUDGET),
        "xhigh" | "max" => ("max", 2 * HIGH_BUDGET),
        _ => return None,
    })
}

/// The effort that a budget stands for.
fn effort_of(budget: u64) -> &'static str {
    match budget {
        _ if budget <= u64::from(LOW_BUDGET) => "low",
        _ if budget <= u64::from(MEDIUM_BUDGET) => "medium",
        _ => "high",
    }
}
