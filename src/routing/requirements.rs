//! What a request needs of a model, read from the request itself, and which models lack it.

use super::registry::{Capability, Model};
use crate::chat::{ChatRequest, Part};

/// Text is estimated at this many bytes a token: on the low side for every script, so that a prompt is rather thought too
/// long than sent where it does not fit.
const BYTES_A_TOKEN: usize = 3;
/// Answer tokens that are expected when the client sets no cap.
const TYPICAL_OUTPUT_TOKENS: u32 = 500;

/// What must be there for the request to be served at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requirements {
    /// Capabilities, each needed.
    pub capabilities: Vec<Capability>,
    /// Estimated tokens of the prompt.
    pub input_tokens: u64,
    /// The client's cap on the answer, if it set one.
    pub output_cap: Option<u32>,
}

impl Requirements {
    /// Reads a request.
    pub fn of(request: &ChatRequest) -> Self {
        let parts = || request.messages().iter().flat_map(|message| message.content.parts());
        let needed = [
            (request.offers_tools(), Capability::Tools),
            (parts().any(|part| *part == Part::Image), Capability::Vision),
            (parts().any(|part| *part == Part::Audio), Capability::Audio),
            (request.wants_json(), Capability::Json),
        ];
        let bytes: usize = request.messages().iter().flat_map(|message| message.content.texts()).map(str::len).sum();
        Self {
            capabilities: needed.iter().filter(|(needed, _)| *needed).map(|(_, capability)| *capability).collect(),
            input_tokens: bytes.div_ceil(BYTES_A_TOKEN) as u64,
            output_cap: request.max_output_tokens(),
        }
    }

    /// Answer tokens to expect: what is usual, or the client's cap where that is lower.
    pub fn expected_output_tokens(&self) -> u64 {
        u64::from(self.output_cap.unwrap_or(TYPICAL_OUTPUT_TOKENS).min(TYPICAL_OUTPUT_TOKENS))
    }

    /// Why this model cannot serve the request; `None` if it can.
    pub fn unmet_by(&self, model: &Model) -> Option<String> {
        if let Some(missing) = self.capabilities.iter().find(|needed| !model.capabilities.contains(needed)) {
            return Some(format!("lacks {}", missing.name()));
        }
        let needed = self.input_tokens + u64::from(self.output_cap.unwrap_or(0));
        match model.context_window {
            Some(window) if needed > u64::from(window) => {
                Some(format!("its context of {window} tokens is too short for about {needed}"))
            }
            _ => None,
        }
    }
}
