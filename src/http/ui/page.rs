//! Serves the dashboard's page: static files with a policy under which the browser loads nothing from elsewhere and runs no script but these.
//! Holds no data: the page asks its reader for a key, and the API asks the page for it.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::assets::{self, Asset};
use crate::http::AppState;
use crate::http::error::ApiError;

/// `trusted-types 'none'` makes the browser itself refuse every way of turning text into markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// What goes with every file, changed or not.
const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    // Kept, and asked about each time: a new binary must not meet yesterday's script.
    (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (VARY, HeaderValue::from_static("accept-encoding")),
];

/// The page and its files, all of them open.
pub(in crate::http) fn router() -> Router<AppState> {
    Router::new()
        .route("/ui", get(page))
        .route("/ui/", get(async || Redirect::permanent("/ui")))
        .route("/ui/assets/{name}", get(asset))
}

async fn page(headers: HeaderMap) -> Result<Response, ApiError> {
    let page = assets::find(assets::PAGE).ok_or_else(ApiError::internal)?;
    Ok(serve(page, &headers))
}

async fn asset(method: Method, Path(name): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let asset = assets::find(&name).ok_or_else(|| ApiError::unknown_path(&method, &format!("/ui/assets/{name}")))?;
    Ok(serve(asset, &headers))
}

fn serve(asset: &Asset, request: &HeaderMap) -> Response {
    let mut response = if is_known(request, &asset.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if takes_gzip(request) {
        let headers = [(CONTENT_TYPE, asset.content_type), (CONTENT_ENCODING, "gzip")];
        (headers, asset.gzipped.clone()).into_response()
    } else {
        ([(CONTENT_TYPE, asset.content_type)], asset.plain.clone()).into_response()
    };
    response.headers_mut().extend(ALWAYS);
    response.headers_mut().insert(ETAG, asset.etag.clone());
    response
}

fn is_known(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let mut known = listed(request, &IF_NONE_MATCH);
    known.any(|known| known == "*" || known.as_bytes() == etag.as_bytes())
}

/// Whether `gzip` is named and not refused.
fn takes_gzip(request: &HeaderMap) -> bool {
    listed(request, &ACCEPT_ENCODING).any(|encoding| {
        let (name, weight) = encoding.split_once(';').unwrap_or((encoding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_some_and(|weight| weight > 0.0)
    })
}

/// The entries of a header that is a list.
fn listed<'a>(headers: &'a HeaderMap, name: &'a HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',').map(str::trim))
}
