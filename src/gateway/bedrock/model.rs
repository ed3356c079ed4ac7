//! What the id of a model tells of the fields it takes. One API serves models of many makers, and refuses what a model does not know.

use crate::gateway::anthropic::Generation;

/// A model, as far as its id tells. An ARN of an application's own profile tells nothing, and is taken for one that knows no extras.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    /// It takes what Anthropic's own API has, as additional fields, and signs its thoughts.
    pub(super) is_claude: bool,
    /// It can be told which part of a prompt to keep in its cache.
    pub(super) takes_cache_points: bool,
    /// It can be told that a tool failed.
    pub(super) takes_status: bool,
    /// Claude's version, where it is one.
    pub(super) generation: Generation,
}

impl Model {
    /// Reads `eu.anthropic.claude-sonnet-4-5-20250929-v1:0`, the ARN of an inference profile and the like.
    pub(super) fn of(id: &str) -> Self {
        let id = id.to_ascii_lowercase();
        let is_claude = id.contains("claude");
        let knows_extras = is_claude || id.contains("amazon.nova");
        Self {
            is_claude,
            takes_cache_points: knows_extras,
            takes_status: knows_extras,
            generation: Generation::of(&id),
        }
    }
}
