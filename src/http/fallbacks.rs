//! The answers of last resort: no such path, no such method, a bug.

use std::any::Any;

use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};

use super::error::ApiError;

pub(super) async fn unknown_path(method: Method, uri: Uri) -> ApiError {
    ApiError::unknown_path(&method, uri.path())
}

pub(super) async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::wrong_method(&method, uri.path())
}

/// The panic hook has already reported where it happened; the client learns only that it did.
pub(super) fn panicked(_panic: Box<dyn Any + Send>) -> Response {
    ApiError::internal().into_response()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    #[tokio::test]
    async fn a_bug_is_answered_without_its_details() {
        let service = Router::new()
            .route(
                "/",
                get(async || {
                    if true {
                        panic!("secret detail")
                    }
                }),
            )
            .layer(CatchPanicLayer::custom(panicked));
        let response = service.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = String::from_utf8(to_bytes(response.into_body(), 4096).await.unwrap().to_vec()).unwrap();
        assert!(body.contains("internal_error") && !body.contains("secret"), "{body}");
    }
}
