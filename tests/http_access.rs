//! Who may call, how many at once, and where the server may listen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use axum::body::Body;
use axum::http::Request;
use common::router::{TestRouter, error_of, header, model_at, state_of};
use common::upstream::{Upstream, send};
use common::{DONE, completion, deserted_base_url, soon, stop_event, word};
use semroute::config::Config;
use semroute::http::{ListenError, Server, app};
use tower::ServiceExt;

const LOCKED: &str = "[auth]\nrequired = true\nkeys_env = \"CALLER_KEYS\"\n";

#[tokio::test]
async fn everything_but_the_probes_needs_a_key_unknown_paths_included() {
    let config = format!("{LOCKED}{}", model_at("m", &deserted_base_url(), 1.0, ""));
    let router = TestRouter::start(&config).await;
    for path in [
        "/v1/models",
        "/v1/models/m",
        "/v1/chat/completions",
        "/v1/route",
        "/metrics",
        "/",
        "/health",
        "/health/live/",
        "/health/../metrics",
        "//health/live",
        "/nothing",
    ] {
        let response = router.get(path).send().await.unwrap();
        assert_eq!(response.status(), 401, "{path}");
        assert_eq!(header(&response, "www-authenticate"), "Bearer");
        assert_eq!(error_of(response).await["code"], "invalid_api_key");
    }
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(router.get(path).send().await.unwrap().status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_key_opens_by_either_header_and_only_a_right_one() {
    let config = format!("{LOCKED}{}", model_at("m", &deserted_base_url(), 1.0, ""));
    let router = TestRouter::start(&config).await;
    for (name, value, status) in [
        ("authorization", "Bearer first-key", 200),
        ("authorization", "bearer second-key", 200),
        ("x-api-key", "second-key", 200),
        ("authorization", "Bearer first-key,second-key", 401),
        ("authorization", "Bearer first", 401),
        ("authorization", "Bearer ", 401),
        ("authorization", "Basic first-key", 401),
        ("authorization", "first-key", 401),
        ("x-api-key", "", 401),
    ] {
        let response = router.get("/v1/models").header(name, value).send().await.unwrap();
        assert_eq!(response.status(), status, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_stream_keeps_its_place_and_those_beyond_are_turned_away() {
    let (upstream, sender) = Upstream::streaming().await;
    send(&sender, word("first"));
    let config = format!("[server]\nmax_in_flight = 1\n{}", model_at("m", upstream.base_url(), 1.0, ""));
    let router = TestRouter::start(&config).await;
    let streaming = router.ask_streaming("m").await;
    assert_eq!(streaming.status(), 200);

    let response = router.ask("m").await;
    assert_eq!(response.status(), 429);
    assert_eq!(header(&response, "retry-after"), "1");
    assert_eq!(error_of(response).await["type"], "rate_limit_error");
    assert_eq!(router.get("/health/ready").send().await.unwrap().status(), 200, "probes and metrics need no place");
    let metrics = router.get("/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("semroute_admission_rejections_total 1"), "{metrics}");

    send(&sender, stop_event() + DONE);
    drop(sender);
    soon("the stream ends", streaming.text()).await.unwrap();
    let body = r#"{"prompt": "Hello"}"#;
    let response = soon("an answer", router.post("/v1/route").body(body).send()).await.unwrap();
    assert_eq!(response.status(), 200, "the place is free again");
}

#[tokio::test]
async fn an_open_router_listens_on_loopback_alone() {
    let open = Config::from_toml(&model_at("m", &deserted_base_url(), 1.0, ""), "test").unwrap();
    let locked =
        Config::from_toml(&format!("{LOCKED}{}", model_at("m", &deserted_base_url(), 1.0, "")), "test").unwrap();
    let refused = Server::bind("0.0.0.0:0", state_of(&open)).await.err().unwrap();
    assert!(matches!(refused, ListenError::OpenToAll { .. }));
    assert!(refused.to_string().contains("set [auth] required = true"), "{refused}");
    assert!(Server::bind("0.0.0.0:0", state_of(&locked)).await.is_ok());
    let refused = Server::bind("nonsense", state_of(&open)).await.err().unwrap();
    assert!(matches!(refused, ListenError::BadAddress { .. }));
}

#[tokio::test]
async fn a_port_in_use_is_said_to_be() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let config = Config::from_toml(&model_at("m", &deserted_base_url(), 1.0, ""), "test").unwrap();
    let refused = Server::bind(&addr.to_string(), state_of(&config)).await.err().unwrap();
    let expected = format!(
        "cannot listen on {addr}: the address is already in use; choose another with --listen or [server] listen"
    );
    assert_eq!(refused.to_string(), expected);
}

#[tokio::test]
async fn the_service_needs_no_port() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let config = Config::from_toml(&model_at("m", upstream.base_url(), 1.0, ""), "test").unwrap();
    let body = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;
    let request = Request::post("/v1/chat/completions").body(Body::from(body)).unwrap();
    let response = app(state_of(&config)).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn readiness_ends_when_draining_begins_and_liveness_does_not() {
    let config = Config::from_toml(&model_at("m", &deserted_base_url(), 1.0, ""), "test").unwrap();
    let state = state_of(&config);
    let probe = |path: &'static str| app(state.clone()).oneshot(Request::get(path).body(Body::empty()).unwrap());
    assert_eq!(probe("/health/ready").await.unwrap().status(), 200);
    state.drain();
    assert_eq!(probe("/health/ready").await.unwrap().status(), 503);
    assert_eq!(probe("/health/live").await.unwrap().status(), 200);
}
