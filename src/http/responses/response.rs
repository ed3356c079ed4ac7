//! The response object: what is known of a response at one moment, with the settings of its request.

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::items::{Item, Status};
use super::settings::Settings;
use crate::chat::Usage;

/// What stays the same, and what was learnt so far beside the output.
pub(super) struct Response {
    id: String,
    created_at: u64,
    settings: Settings,
    pub(super) status: Status,
    /// Why it is incomplete.
    pub(super) incomplete: Option<&'static str>,
    pub(super) error: Option<ResponseError>,
    pub(super) model: Option<String>,
    pub(super) service_tier: Option<String>,
    pub(super) usage: Option<Usage>,
    pub(super) completed_at: Option<u64>,
}

/// Why a response failed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ResponseError {
    /// One of the few that clients know: `server_error` or `rate_limit_exceeded`.
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// As it is written.
#[derive(Serialize)]
pub(super) struct Object<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    status: Status,
    completed_at: Option<u64>,
    error: Option<&'a ResponseError>,
    incomplete_details: Option<Value>,
    model: &'a str,
    output: &'a [Item],
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    usage: Option<Value>,
    #[serde(flatten)]
    settings: &'a Settings,
}

impl Response {
    /// A response that has just begun, at `created_at` seconds since 1970.
    pub(super) fn new(id: Uuid, created_at: u64, settings: Settings) -> Self {
        Self {
            id: format!("resp_{}", id.simple()),
            created_at,
            settings,
            status: Status::InProgress,
            incomplete: None,
            error: None,
            model: None,
            service_tier: None,
            usage: None,
            completed_at: None,
        }
    }

    /// As it is now, with this output.
    pub(super) fn object<'a>(&'a self, output: &'a [Item]) -> Object<'a> {
        Object {
            id: &self.id,
            object: "response",
            created_at: self.created_at,
            status: self.status,
            completed_at: self.completed_at,
            error: self.error.as_ref(),
            incomplete_details: self.incomplete.map(|reason| json!({"reason": reason})),
            model: self.model.as_deref().unwrap_or(&self.settings.model),
            output,
            service_tier: self.service_tier.as_deref(),
            usage: self.usage.map(usage),
            settings: &self.settings,
        }
    }
}

fn usage(usage: Usage) -> Value {
    let (input, output) = (usage.prompt(), usage.completion());
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": usage.cached_input, "cache_write_tokens": usage.cache_write},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": input.saturating_add(output),
    })
}
