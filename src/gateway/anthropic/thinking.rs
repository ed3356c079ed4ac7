//! How long to think: OpenAI's `reasoning_effort` as a budget of tokens for models that take one, and as an effort for those that decide by
//! themselves.

use serde_json::{Value, json};

use super::fields::Dropped;
use super::generation::Generation;

/// The least budget that is taken.
const LEAST_BUDGET: u32 = 1024;

/// What is asked of the model, and how much room it needs.
#[derive(Debug, Default)]
pub(super) struct Thinking {
    /// The field `thinking`.
    pub(super) config: Option<Value>,
    /// `output_config.effort`
    pub(super) effort: Option<&'static str>,
    /// Tokens of thought that come on top of an answer whose length the client left open.
    pub(super) room: u32,
}

/// What the request around it allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) generation: Generation,
    /// The client's cap, thoughts included.
    pub(super) max_tokens: Option<u32>,
    /// A tool has to be called, which a model that thinks cannot be made to.
    pub(super) is_forced: bool,
    /// Results of tools come last. A budget would then demand the signed thoughts before the calls, which OpenAI's clients do not keep.
    pub(super) is_among_tools: bool,
}

impl Thinking {
    /// Whether the model is asked to think.
    pub(super) fn is_on(&self) -> bool {
        self.config.as_ref().is_some_and(|config| config["type"] != "disabled")
    }

    /// Reads an effort of OpenAI's.
    pub(super) fn read(effort: &str, terms: Terms, dropped: &mut Dropped) -> Self {
        let generation = terms.generation;
        let (effort, budget) = match effort {
            "none" => return Self::off(generation),
            "minimal" => ("low", LEAST_BUDGET),
            "low" => ("low", 2048),
            "medium" => ("medium", 8192),
            "high" => ("high", 16_384),
            "xhigh" if generation.knows_xhigh() => ("xhigh", 32_768),
            "xhigh" | "max" => ("max", 32_768),
            _ => {
                dropped.add("reasoning_effort");
                return Self::default();
            }
        };
        if generation.thinks_adaptively() {
            // Without a word on it, newer models keep their thoughts to themselves.
            let config = json!({"type": "adaptive", "display": "summarized"});
            let config = (!terms.is_forced).then_some(config);
            let room = if config.is_some() { budget } else { 0 };
            return Self { config, effort: Some(effort), room };
        }
        // Half of what the client allows is kept for the answer.
        let budget = terms.max_tokens.map_or(budget, |cap| budget.min(cap / 2));
        if !generation.thinks() || terms.is_forced || terms.is_among_tools || budget < LEAST_BUDGET {
            dropped.add("reasoning_effort");
            return Self::default();
        }
        Self { config: Some(json!({"type": "enabled", "budget_tokens": budget})), effort: None, room: budget }
    }

    fn off(generation: Generation) -> Self {
        match (generation.always_thinks, generation.thinks_by_default()) {
            (true, _) => Self { effort: Some("low"), ..Self::default() },
            (false, true) => Self { config: Some(json!({"type": "disabled"})), ..Self::default() },
            (false, false) => Self::default(),
        }
    }
}
