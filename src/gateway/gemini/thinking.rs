//! How long to think: OpenAI's `reasoning_effort` as a budget of tokens for Gemini 2.5, and as a level for later models. The numbers are those
//! of Google's own endpoint in OpenAI's shape.

use serde_json::{Value, json};

use super::generation::{Generation, ThinkingControl};
use crate::gateway::fields::Dropped;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Highest,
}

/// `thinkingConfig` for an effort of OpenAI's. `max_tokens` is the client's cap, thoughts included.
pub(super) fn read(
    effort: &str,
    generation: Generation,
    max_tokens: Option<u32>,
    dropped: &mut Dropped,
) -> Option<Value> {
    let effort = match effort {
        "none" => Effort::None,
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" | "max" => Effort::Highest,
        _ => {
            dropped.add("reasoning_effort");
            return None;
        }
    };
    // Who wants no thoughts does not want to read them either, where a model cannot be kept from them.
    let is_shown = effort != Effort::None;
    let mut config = match generation.thinking() {
        ThinkingControl::Level { least, medium } => json!({"thinkingLevel": match effort {
            Effort::None | Effort::Minimal => least,
            Effort::Low => "low",
            Effort::Medium => medium,
            Effort::High | Effort::Highest => "high",
        }}),
        ThinkingControl::Budget { least, most, can_stop } => {
            let budget = match effort {
                Effort::None => 0,
                Effort::Minimal | Effort::Low => 1024,
                Effort::Medium => 8192,
                Effort::High => 24_576,
                Effort::Highest => most,
            };
            // Half of what the client allows is kept for the answer.
            let budget = max_tokens.map_or(budget, |cap| budget.min(cap / 2));
            let least = if can_stop && effort == Effort::None { 0 } else { least };
            json!({"thinkingBudget": budget.clamp(least, most)})
        }
        ThinkingControl::None if effort == Effort::None => return None,
        ThinkingControl::None => {
            dropped.add("reasoning_effort");
            return None;
        }
    };
    if is_shown {
        config["includeThoughts"] = true.into();
    }
    Some(config)
}
