//! What a request needs of a model, read from the request itself, and which models lack it.

use super::TokenCounts;
use super::registry::{Capability, Model};
use super::unmet::Unmet;
use crate::chat::{ChatRequest, Part};

/// Answer tokens that are expected where nothing else tells.
const TYPICAL_OUTPUT_TOKENS: u32 = 500;
/// An image is reckoned at this many tokens: a photograph of common size at the usual level of detail.
const TOKENS_AN_IMAGE: u64 = 1000;

/// What must be there for the request to be served at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requirements {
    /// Capabilities, each needed.
    pub capabilities: Vec<Capability>,
    /// Estimated tokens of the prompt, with everything that is sent along.
    pub input_tokens: TokenCounts,
    /// The client's cap on the answer, if it set one.
    pub output_cap: Option<u32>,
    /// How many answers are asked for; 0 counts as one.
    pub answers: u32,
}

impl Requirements {
    /// Reads a request.
    pub fn of(request: &ChatRequest) -> Self {
        let parts = || request.messages().iter().flat_map(|message| message.content.parts());
        let needed = [
            (request.offers_tools(), Capability::Tools),
            (parts().any(|part| *part == Part::Image), Capability::Vision),
            (parts().any(|part| *part == Part::Audio) || request.wants_audio(), Capability::Audio),
            (request.wants_json(), Capability::Json),
        ];
        let texts = request.messages().iter().flat_map(|message| message.content.texts());
        // Definitions of tools and schemas are read by the model like any other text.
        let definitions = ["tools", "functions", "response_format"];
        let definitions = definitions.into_iter().filter_map(|field| Some(request.field(field)?.get()));
        let counts = TokenCounts::of(texts.chain(definitions), request.messages().len());
        let images = parts().filter(|part| **part == Part::Image).count() as u64;
        Self {
            capabilities: needed.iter().filter(|(needed, _)| *needed).map(|(_, capability)| *capability).collect(),
            input_tokens: counts.plus(TOKENS_AN_IMAGE * images),
            output_cap: request.max_output_tokens(),
            answers: request.answers(),
        }
    }

    /// Answer tokens to expect: what the model was seen to write for such prompts, else what is usual; the client's cap where that is lower.
    pub fn expected_output_tokens(&self, seen: Option<f64>) -> u64 {
        let expected = seen.map_or(u64::from(TYPICAL_OUTPUT_TOKENS), |tokens| tokens.max(0.0).round() as u64);
        expected.min(self.output_cap.map_or(u64::MAX, u64::from)).saturating_mul(u64::from(self.answers.max(1)))
    }

    /// Everything that this model lacks for the request.
    pub(super) fn unmet_by(&self, model: &Model, unmet: &mut Vec<Unmet>) {
        if model.capabilities.contains(&Capability::Embeddings) {
            unmet.push(Unmet::Answers);
        }
        let lacking = self.capabilities.iter().filter(|needed| !model.capabilities.contains(needed));
        unmet.extend(lacking.map(|needed| Unmet::Capability(*needed)));
        let needed = self.input_tokens.at_most(model.tokenizer) + u64::from(self.output_cap.unwrap_or(0));
        if let Some(window) = model.context_window.filter(|window| needed > u64::from(*window)) {
            unmet.push(Unmet::Context { window, needed });
        }
    }

    /// Whether this model lacks nothing.
    pub(super) fn met_by(&self, model: &Model) -> bool {
        let mut unmet = Vec::new();
        self.unmet_by(model, &mut unmet);
        unmet.is_empty()
    }
}
