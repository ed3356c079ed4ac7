//! The OpenAPI document and what is served are one: by the document's own words, and by schemathesis, which asks the real binary what the document
//! allows and forbids. The package is installed once, into the build folder; where that cannot be done the test says so loudly, and fails in CI.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::binary::Binary;
use common::router::{TestRouter, error_of, model_at};
use common::upstream::{Piece, Received, Reply, Upstream};
use common::{DONE, completion, deserted_base_url, soon, stop_event, word};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Raised on purpose and with its changelog read.
const PACKAGE: &str = "schemathesis==4.32.5";

/// Those that need no key.
const OPEN: [&str; 2] = ["/health/live", "/health/ready"];

async fn router() -> TestRouter {
    let auth = "[auth]\nrequired = true\nkeys_env = \"CALLER_KEYS\"\n";
    TestRouter::start(&format!("{auth}{}", model_at("m", &deserted_base_url(), 1.0, ""))).await
}

async fn document(router: &TestRouter) -> Value {
    let response = soon("the document", router.get("/openapi.json").bearer_auth("first-key").send()).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    response.json().await.unwrap()
}

/// Method, path and description of every operation.
fn operations(document: &Value) -> impl Iterator<Item = (Method, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.iter().map(move |(method, operation)| (method.to_uppercase().parse().unwrap(), path.as_str(), operation))
    })
}

#[tokio::test]
async fn what_is_described_is_served_and_needs_the_key_that_it_says() {
    let router = router().await;
    let document = document(&router).await;
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    for (method, path, operation) in operations(&document) {
        let example = path.replace("{name}", "auto");
        let other = if method == Method::GET { Method::POST } else { Method::GET };
        for (asked, expected) in [(&method, false), (&other, true)] {
            let request = router.request(asked, &example).bearer_auth("first-key");
            let response = soon("an answer", request.send()).await.unwrap();
            let (status, allowed) = (response.status().as_u16(), response.headers().get("allow").cloned());
            assert_ne!(status, 404, "{asked} {example}");
            assert_eq!(status == 405, expected, "{asked} {example}: {status}");
            let allowed = allowed.map(|allowed| allowed.to_str().unwrap().replace(",HEAD", ""));
            assert_eq!(allowed, expected.then(|| method.to_string()), "{asked} {example}");
        }
        let response = soon("an answer", router.request(&method, &example).send()).await.unwrap();
        let is_open = operation["security"] == json!([{}]);
        assert_eq!((response.status() == 401, is_open), (!OPEN.contains(&path), OPEN.contains(&path)), "{path}");
        assert!(is_open || operation["security"].is_null(), "{path}: what holds everywhere holds here");
    }
    assert_eq!(document["security"], json!([{"bearer": []}, {"x-api-key": []}]));
}

#[tokio::test]
async fn what_is_served_is_described() {
    let router = router().await;
    let document = document(&router).await;
    let described: BTreeSet<&str> = operations(&document).map(|(_, path, _)| path).collect();
    let expected = [
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/v1/chat/completions",
        "/v1/embeddings",
        "/v1/feedback",
        "/v1/messages",
        "/v1/messages/count_tokens",
        "/v1/models",
        "/v1/models/{name}",
        "/v1/responses",
        "/v1/route",
    ];
    assert_eq!(described, BTreeSet::from(expected));
    // Routes come from the annotations that the document comes from; one that did not would be served in secret.
    let app = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/app.rs")).unwrap();
    assert_eq!(app.matches(".routes(routes!(").count(), expected.len());
    assert!([".route(", ".nest(", ".route_service("].iter().all(|secret| !app.contains(secret)));
    let unknown = soon("an answer", router.get("/v1/secret").bearer_auth("first-key").send()).await.unwrap();
    assert_eq!(error_of(unknown).await["code"], "unknown_url");
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_operation_has_its_own_name() {
    let router = router().await;
    let document = document(&router).await;
    let text = document.to_string();
    let references: BTreeSet<&str> =
        text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(references.len() > 20, "{references:?}");
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    let names: Vec<&str> =
        operations(&document).map(|(.., operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
}

/// The client blocks its thread; the provider answers on another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_nothing_that_the_document_does_not_say() {
    let program = match installed() {
        Ok(program) => program,
        Err(reason) if std::env::var_os("CI").is_some() => panic!("cannot install {PACKAGE}: {reason}"),
        Err(reason) => {
            // Not `println!`: that is only shown for tests that fail.
            writeln!(
                std::io::stderr(),
                "SKIPPED: the document was NOT tested by schemathesis, because {PACKAGE} cannot be installed: {reason}"
            )
            .unwrap();
            return;
        }
    };
    let upstream = Upstream::start(answer).await;
    let binary = Binary::serve(&config(upstream.base_url()), &[("SDK_KEYS", "sdk-key"), ("SEMROUTE_LOG", "warn")]);
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .current_dir(folder.path())
        .env("SCHEMATHESIS_HOOKS", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openapi/hooks.py"))
        .args(["--config-file", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openapi/schemathesis.toml")])
        .args(["run", &format!("{}/openapi.json", binary.url())])
        .args(["--header", "Authorization: Bearer sdk-key"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text_of(&output));
    assert!(upstream.calls() > 0, "nothing reached a model:\n{}", text_of(&output));
    assert_eq!(binary.terminate().code(), Some(0), "SIGTERM ends it well");
}

/// Whatever model a generated body names is `any`; what its provider cannot be told is for one of the other kind.
fn config(base_url: &str) -> String {
    let falling_back =
        |model: String, to: &str| model.replace("capabilities", &format!("fallbacks = [{to:?}]\ncapabilities"));
    let any = falling_back(model_at("any", base_url, 1.0, ""), "claude");
    let claude = falling_back(model_at("claude", base_url, 1.0, "kind = \"anthropic\""), "spare");
    let spare = model_at("spare", base_url, 1.0, "");
    // One of the strategies chooses by these.
    let archetypes =
        "[[archetypes]]\nname = \"greetings\"\nutterances = [\"Hello\"]\nmodels = [\"any\", \"claude\", \"spare\"]\n";
    format!(
        "[router]\nstrategy = \"cheapest\"\nunknown_model = \"any\"\n[auth]\nrequired = true\n[[auth.keys]]\nname = \"tester\"\nkey_env = \"SDK_KEYS\"\nadmin = true\n{any}{claude}{spare}{archetypes}"
    )
}

fn answer(received: &Received) -> Reply {
    let streams = received.json()["stream"] == true;
    match received.path.as_str() {
        "/v1/embeddings" => Reply::Json(
            200,
            json!({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.6, 0.8]}],
                "model": "upstream-any", "usage": {"prompt_tokens": 1, "total_tokens": 1}}),
        ),
        "/v1/messages" if streams => events([
            event(&json!({"type": "message_start", "message": message(&json!([]))})),
            event(&json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})),
            event(
                &json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}),
            ),
            event(&json!({"type": "content_block_stop", "index": 0})),
            event(
                &json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}),
            ),
            event(&json!({"type": "message_stop"})),
        ]),
        "/v1/messages" => Reply::Json(200, message(&json!([{"type": "text", "text": "Hello"}]))),
        _ if streams => events([word("Hello"), stop_event(), DONE.into()]),
        _ => Reply::Json(200, completion("Hello")),
    }
}

fn message(content: &Value) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "upstream-claude", "content": content,
        "stop_reason": "end_turn", "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 1},
    })
}

fn event(event: &Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
}

fn events(events: impl IntoIterator<Item = String>) -> Reply {
    let (sender, receiver) = mpsc::unbounded_channel();
    events.into_iter().map(Piece::Bytes).for_each(|piece| sender.send(piece).unwrap());
    Reply::Stream(receiver)
}

/// The program in a virtual environment that has the package.
fn installed() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE.replace("==", "-"));
    let installed = folder.join("installed");
    if !installed.is_file() {
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE];
        succeed(Command::new(folder.join("bin/python")).args(pip))?;
        // Written last: an installation that was interrupted is made anew.
        std::fs::write(&installed, PACKAGE).map_err(|error| error.to_string())?;
    }
    Ok(folder.join("bin/schemathesis"))
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(text_of(&output)) }
}

fn text_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
