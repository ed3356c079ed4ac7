//! Bad input meets a clear answer in OpenAI's shape, and never a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::router::{TestRouter, cheap_and_dear, error_of, model_at};
use common::upstream::Upstream;
use common::{completion, deserted_base_url, soon};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

async fn router() -> TestRouter {
    let nowhere = deserted_base_url();
    let server = "[server]\nmax_body_bytes = 4096\n";
    let models = model_at("gpt-4o-mini", &nowhere, 1.0, "") + &model_at("claude-sonnet", &nowhere, 2.0, "");
    TestRouter::start(&format!("{server}{models}")).await
}

async fn answer(router: &TestRouter, path: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
    let response = soon("an answer", router.post(path).body(body).send()).await.unwrap();
    (response.status().as_u16(), error_of(response).await)
}

#[tokio::test]
async fn a_wrong_body_is_refused_by_the_name_of_its_field() {
    let router = router().await;
    let message = r#"{"role":"user","content":"a"}"#;
    for (body, param) in [
        ("".to_owned(), None),
        ("{".to_owned(), None),
        ("[]".to_owned(), None),
        ("null".to_owned(), None),
        (format!("{{\"messages\":[{message}]}}"), Some("model")),
        (format!("{{\"model\":1,\"messages\":[{message}]}}"), Some("model")),
        ("{\"model\":\"auto\"}".to_owned(), Some("messages")),
        ("{\"model\":\"auto\",\"messages\":\"hi\"}".to_owned(), Some("messages")),
        ("{\"model\":\"auto\",\"messages\":[]}".to_owned(), Some("messages")),
        (
            format!("{{\"model\":\"auto\",\"messages\":[{message},{{\"role\":\"me\",\"content\":\"\"}}]}}"),
            Some("messages[1].role"),
        ),
        (
            "{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":5}]}".to_owned(),
            Some("messages[0].content"),
        ),
        (format!("{{\"model\":\"auto\",\"stream\":\"yes\",\"messages\":[{message}]}}"), Some("stream")),
        (format!("{{\"model\":\"auto\",\"max_tokens\":-1,\"messages\":[{message}]}}"), Some("max_tokens")),
        ("[".repeat(2000), None),
        (format!("[\"auto\",[{message}]]"), None),
        (format!("{{\"model\":\"auto\",\"messages\":[{message}]}} and more"), None),
    ] {
        let (status, error) = answer(&router, "/v1/chat/completions", body.clone()).await;
        assert_eq!((status, error["param"].as_str()), (400, param), "{body:.100}: {error}");
        assert_eq!(error["type"], "invalid_request_error");
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_named_as_such() {
    let router = router().await;
    let body = b"{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"a\xff\"}]}".to_vec();
    for path in ["/v1/chat/completions", "/v1/route"] {
        let (status, error) = answer(&router, path, body.clone()).await;
        assert_eq!(status, 400);
        assert_eq!(error["message"], "the request body is not valid UTF-8 at byte 55");
    }
}

#[tokio::test]
async fn an_unknown_model_is_answered_with_those_that_look_like_it() {
    let router = router().await;
    for (asked, near) in
        [("gpt-4o-mimi", "did you mean gpt-4o-mini?"), ("auto:best-ever", "auto:best"), ("zzz", "GET /v1/models")]
    {
        let body = json!({"model": asked, "messages": [{"role": "user", "content": "a"}]}).to_string();
        let (status, error) = answer(&router, "/v1/chat/completions", body).await;
        assert_eq!(status, 404);
        assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some("model_not_found"), Some("model")));
        assert!(error["message"].as_str().unwrap().contains(near), "{error}");
    }
}

#[tokio::test]
async fn a_request_that_no_model_can_serve_says_what_each_lacks() {
    let router = TestRouter::start(&model_at("m", &deserted_base_url(), 1.0, "")).await;
    let audio = json!([{"type": "input_audio", "input_audio": {}}, {"type": "text", "text": "What is said?"}]);
    let response = router.chat(json!({"model": "auto", "messages": [{"role": "user", "content": audio}]})).await;
    assert_eq!(response.status(), 400);
    let error = error_of(response).await;
    assert!(error["message"].as_str().unwrap().contains("m lacks audio"), "{error}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_declared_or_not() {
    let router = router().await;
    let (status, error) = answer(&router, "/v1/chat/completions", "x".repeat(4097)).await;
    assert_eq!((status, error["code"].as_str()), (413, Some("request_too_large")));
    let chunks = stream::iter((0..41).map(|_| Ok::<_, std::io::Error>("x".repeat(100))));
    let (status, error) = answer(&router, "/v1/route", reqwest::Body::wrap_stream(chunks)).await;
    assert_eq!((status, error["code"].as_str()), (413, Some("request_too_large")));
    let (status, error) = answer(&router, "/v1/route", " ".repeat(4096)).await;
    assert_eq!(status, 400, "exactly the limit is read: {error}");
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for() {
    let config = format!("[server]\nbody_timeout_ms = 50\n{}", model_at("m", &deserted_base_url(), 1.0, ""));
    let router = TestRouter::start(&config).await;
    let endless = stream::once(async { Ok::<_, std::io::Error>("{") }).chain(stream::pending());
    let (status, error) = answer(&router, "/v1/chat/completions", reqwest::Body::wrap_stream(endless)).await;
    assert_eq!((status, error["code"].as_str()), (408, Some("request_timeout")));
}

#[tokio::test]
async fn a_body_in_many_pieces_is_one_body() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
    let body = r#"{"model":"m","messages":[{"role":"user","content":"one two three"}]}"#;
    let pieces = body.as_bytes().chunks(7).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>();
    let sending = router.post("/v1/chat/completions").body(reqwest::Body::wrap_stream(stream::iter(pieces))).send();
    assert_eq!(sending.await.unwrap().status(), 200);
    assert_eq!(upstream.received()[0].json()["messages"][0]["content"], "one two three");
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist_are_answered_in_the_same_shape() {
    let router = router().await;
    let response = router.get("/v1/completion").send().await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(error_of(response).await["message"], "unknown request URL: GET /v1/completion");
    for (request, allow) in [(router.get("/v1/chat/completions"), "POST"), (router.post("/v1/models"), "GET,HEAD")] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], allow);
        assert_eq!(error_of(response).await["code"], "method_not_allowed");
    }
    let response = router.get("/v1/models/gpt-5").send().await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(error_of(response).await["code"], "model_not_found");
}

#[tokio::test]
async fn a_header_that_means_nothing_is_refused_by_its_name() {
    let router = TestRouter::start(&cheap_and_dear(&deserted_base_url(), &deserted_base_url())).await;
    for (name, value) in [
        ("x-semroute-strategy", "fastest"),
        ("x-semroute-min-quality", "1.5"),
        ("x-semroute-min-quality", "NaN"),
        ("x-semroute-min-quality", "much"),
    ] {
        for path in ["/v1/chat/completions", "/v1/route"] {
            let response = router.post(path).header(name, value).body("{}").send().await.unwrap();
            assert_eq!(response.status(), 400);
            let error = error_of(response).await;
            assert_eq!(error["param"], name);
            assert!(error["message"].as_str().unwrap().starts_with(&format!("{name}: ")), "{error}");
        }
    }
}
