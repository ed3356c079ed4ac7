//! `GET /openapi.json`: what is served, described from the same annotations that the routes are made of. Nothing is described that is not
//! served, and nothing served that is not described. Bodies that pass through have schemas here which state what is required and read.

pub(super) mod chat;
pub(super) mod embeddings;
mod errors;
mod events;
mod headers;
pub(super) mod messages;
pub(super) mod responses;
pub(super) mod route;

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::messages::MessageError;
use crate::chat::ErrorBody;
pub(super) use errors::{KeyErrors, ModelErrors, OpenErrors, OwnErrors};
pub(super) use events::ServerSentEvent;
pub(super) use headers::RoutingHeaders;

/// What the routes are described in.
#[derive(OpenApi)]
#[openapi(
    components(schemas(ErrorBody, MessageError)),
    security(("bearer" = []), ("x-api-key" = [])),
    modifiers(&Keys)
)]
pub(super) struct Frame;

/// The two headers that a key may come in.
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let header = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("x-api-key")));
        components.security_schemes.extend([("bearer".into(), bearer.into()), ("x-api-key".into(), header.into())]);
    }
}

static WRITTEN: LazyLock<Bytes> = LazyLock::new(|| {
    let document = with_plain_paths(super::app::described());
    // Maps of strings can always be written.
    serde_json::to_vec(&document).unwrap_or_default().into()
});

/// A path here knows no parameter that goes over several segments: it is written like any other.
fn with_plain_paths(mut document: Document) -> Document {
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    document
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "describe",
    responses((status = 200, description = "The document.", body = Object), KeyErrors)
)]
pub(super) async fn describe() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], WRITTEN.clone())
}
