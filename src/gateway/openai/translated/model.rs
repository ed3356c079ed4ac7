//! What the name of a model of OpenAI's tells of the fields it takes. The client of another API cannot know, and a field too much is refused.

use crate::routing::token_estimate::Family;
use crate::routing::{Capability, known_capabilities};

/// Whether it takes `reasoning_effort`.
pub(super) fn takes_effort(upstream_name: &str) -> bool {
    Family::of_model(upstream_name) == Family::OpenAi
        && known_capabilities(upstream_name).contains(&Capability::Reasoning)
}

/// Whether it is one of the thinking models that OpenAI itself serves: they count their cap in `max_completion_tokens`, and have no sampling
/// and no stops. The open ones are served by others, who know neither that field nor that rule.
pub(super) fn thinks_at_openai(upstream_name: &str) -> bool {
    takes_effort(upstream_name) && !upstream_name.to_ascii_lowercase().contains("gpt-oss")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_models_of_openai_are_told_from_others() {
        for (name, effort, closed) in [
            ("gpt-5-mini", true, true),
            ("openai/gpt-5.1", true, true),
            ("o3-mini", true, true),
            ("openai/gpt-oss-120b", true, false),
            ("gpt-5-chat-latest", false, false),
            ("gpt-4o", false, false),
            ("qwen3-32b", false, false),
            ("mistral-large-latest", false, false),
            ("my-model", false, false),
        ] {
            assert_eq!((takes_effort(name), thinks_at_openai(name)), (effort, closed), "{name}");
        }
    }
}
