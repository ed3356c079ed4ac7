//! Callers' own keys at providers: each caller's requests go by its key and by no other, in every plan, and one caller's used-up quota is
//! nobody else's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::io::Write as _;

use common::plans::{candidates, decision, race, request};
use common::router::model_at;
use common::upstream::{Reply, Upstream};
use common::{completion, deserted_base_url, soon};
use semroute::commands::parts;
use semroute::config::Config;
use semroute::gateway::{Gateway, SendError, SendErrorKind};
use semroute::routing::{AnswerGate, Caller, CallerScope, Decision, Overrides, Pick, Plan};
use serde_json::json;

const CALLERS: &str = "[auth.jwt]\nissuer = \"https://i\"\naudience = \"a\"\n";
const OWN: &str = r#"
api_key_env = "SHARED"
own_keys = [{ caller = "jwt:a", api_key_env = "KEY_OF_A" }, { caller = "jwt:b", api_key_env = "KEY_OF_B" }]
"#;

fn variable(name: &str) -> Option<String> {
    let value = match name {
        "SHARED" => "sk-shared",
        "KEY_OF_A" => "sk-of-a\n",
        "KEY_OF_B" => "sk-of-b",
        _ => return None,
    };
    Some(value.to_owned())
}

fn build(toml: &str) -> Result<Gateway, String> {
    let config = Config::from_toml(&format!("{CALLERS}{toml}"), "test").map_err(|error| error.to_string())?;
    let registry = config.build_registry("test").unwrap();
    Gateway::build(&config.providers, &registry, variable).map_err(|error| error.to_string())
}

fn by(caller: Option<&str>, decision: Decision) -> Decision {
    Decision { caller: caller.map(str::to_owned), ..decision }
}

/// The keys that a provider was shown, in order.
fn shown(upstream: &Upstream) -> Vec<String> {
    let key =
        |headers: &axum::http::HeaderMap| headers.get("authorization").map(|key| key.to_str().unwrap().to_owned());
    upstream.received().iter().map(|received| key(&received.headers).unwrap_or_default()).collect()
}

async fn send(gateway: &Gateway, decision: Decision) -> Result<String, SendError> {
    soon("the gateway answers", gateway.send(&decision, &request(json!({}))))
        .await
        .map(|answer| answer.status.to_string())
}

#[tokio::test]
async fn everyone_goes_by_their_own_key_in_every_plan() {
    let callers =
        [(Some("jwt:a"), "sk-of-a"), (Some("jwt:b"), "sk-of-b"), (Some("jwt:c"), "sk-shared"), (None, "sk-shared")];
    for (caller, key) in callers {
        let upstream = Upstream::always(200, completion("42")).await;
        let models = ["a", "b", "judge"].map(|name| model_at(name, upstream.base_url(), 1.0, OWN)).concat();
        let gateway = build(&models).unwrap();
        for plan in [
            decision(Plan::Chain(candidates(&["a"]))),
            decision(Plan::Escalate { candidates: candidates(&["a", "b"]), gate: AnswerGate::default() }),
            race(&["a", "b"], 2, Pick::First),
            race(&["a", "b"], 2, Pick::Judge("judge".into())),
        ] {
            send(&gateway, by(caller, plan)).await.unwrap();
        }
        let keys = shown(&upstream);
        assert!(keys.len() >= 6, "the judge was asked too: {keys:?}");
        assert!(keys.iter().all(|shown| *shown == format!("Bearer {key}")), "{caller:?}: {keys:?}");
    }
}

#[tokio::test]
async fn what_one_caller_uses_up_shuts_nobody_else_out() {
    let upstream = Upstream::start(|received| {
        let key = received.headers["authorization"].to_str().unwrap();
        let refused =
            |status, headers| Reply::Raw { status, headers, body: b"{\"error\": {\"message\": \"no\"}}".to_vec() };
        match key {
            "Bearer sk-of-a" => {
                refused(429, vec![("retry-after", "60".to_owned()), ("content-type", "application/json".to_owned())])
            }
            "Bearer sk-of-b" => refused(401, vec![("content-type", "application/json".to_owned())]),
            _ => Reply::Json(200, completion("Hi")),
        }
    })
    .await;
    let gateway = build(&model_at("a", upstream.base_url(), 1.0, OWN)).unwrap();
    let ask = async |caller| send(&gateway, by(caller, decision(Plan::Chain(candidates(&["a"]))))).await;
    for _ in 0..8 {
        assert_eq!(ask(Some("jwt:a")).await.unwrap_err().kind, SendErrorKind::RateLimited);
        assert!(ask(Some("jwt:b")).await.is_err());
        assert_eq!(ask(Some("jwt:c")).await.unwrap(), "200 OK", "the gateway's key and the endpoint are well");
    }
    let keys = shown(&upstream);
    assert_eq!(keys.iter().filter(|key| *key == "Bearer sk-of-a").count(), 1, "its pause is kept: {keys:?}");
    assert_eq!(
        keys.iter().filter(|key| *key == "Bearer sk-shared").count(),
        8,
        "a and b never went on with it: {keys:?}"
    );
}

#[tokio::test]
async fn a_refusal_that_quotes_an_own_key_is_struck_out() {
    let body = json!({"error": {"message": "bad key sk-of-a.", "type": "t", "code": "c"}});
    let upstream = Upstream::always(400, body).await;
    let gateway = build(&model_at("a", upstream.base_url(), 1.0, OWN)).unwrap();
    let decision = by(Some("jwt:a"), decision(Plan::Chain(candidates(&["a"]))));
    let answer = soon("an answer", gateway.send(&decision, &request(json!({})))).await.unwrap();
    let semroute::gateway::AnswerBody::Whole { bytes, .. } = answer.body else { panic!("a stream") };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("[redacted]") && !text.contains("sk-of-a"), "{text}");
}

#[tokio::test]
async fn a_provider_for_own_keys_alone_serves_nobody_else() {
    let (own, shared) = (Upstream::always(200, completion("Hi")).await, Upstream::always(200, completion("Hi")).await);
    let own_alone = "own_keys_only = true\nown_keys = [{ caller = \"jwt:a\", api_key_env = \"KEY_OF_A\" }]\n";
    let toml = model_at("cheap", own.base_url(), 1.0, own_alone) + &model_at("dear", shared.base_url(), 10.0, "");
    let gateway = build(&toml).unwrap();
    assert_eq!(gateway.closed_to(Some("jwt:a")), [] as [String; 0]);
    assert_eq!(gateway.closed_to(Some("jwt:b")), ["cheap-provider"]);
    let refused = send(&gateway, by(Some("jwt:b"), decision(Plan::Chain(candidates(&["cheap"]))))).await.unwrap_err();
    assert!(refused.to_string().contains("the caller has no key of its own there"), "{refused}");
    send(&gateway, by(Some("jwt:a"), decision(Plan::Chain(candidates(&["cheap"]))))).await.unwrap();
    assert_eq!((shown(&own), shared.calls()), (vec!["Bearer sk-of-a".to_owned()], 0));

    // And the router leaves its models out, with the reason.
    let config = Config::from_toml(&format!("{CALLERS}{toml}"), "test").unwrap();
    let router = parts::build_router(&config, "test", None).unwrap();
    let as_caller = |name: &str| {
        let scope = CallerScope { closed_providers: gateway.closed_to(Some(name)), ..CallerScope::default() };
        Overrides { caller: Caller { key: Some(name.to_owned()), scope, ..Caller::default() }, ..Overrides::default() }
    };
    let decide = async |name: &str, model: &str| {
        let request = semroute::chat::ChatRequest::from_value(
            &json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]}),
        );
        router.decide(&request.unwrap(), &as_caller(name)).await
    };
    let first = |decision: Decision| decision.primary().unwrap().model.clone();
    assert_eq!(first(decide("jwt:a", "auto:cheapest").await.unwrap()), "cheap");
    let decided = decide("jwt:b", "auto:cheapest").await.unwrap();
    assert_eq!((decided.plan.candidates().len(), first(decided)), (1, "dear".to_owned()));
    let refused = decide("jwt:b", "cheap").await.unwrap_err().to_string();
    assert!(refused.contains("cheap-provider, which asks for a key of the caller's own"), "{refused}");
}

#[test]
fn keys_come_from_files_too_and_what_is_wrong_is_named_by_its_path() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "sk-of-a").unwrap();
    let with = |own_keys: &str| {
        let more = format!("own_keys = [{{ caller = \"jwt:a\", api_key_env = \"KEY_OF_A\" }}, {own_keys}]\n");
        build(&model_at("m", &deserted_base_url(), 1.0, &more)).map(drop)
    };
    let of_b = |source: &str| with(&format!("{{ caller = \"jwt:b\", {source} }}"));
    assert_eq!(of_b(&format!("api_key_file = \"{}\"", file.path().display())), Ok(()));
    let long = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(long.path(), "x".repeat(100_000)).unwrap();
    let two_lines = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(two_lines.path(), "sk-one\nsk-two\n").unwrap();
    let path = |file: &tempfile::NamedTempFile| format!("api_key_file = \"{}\"", file.path().display());
    for (result, expected) in [
        (
            of_b("api_key_env = \"UNSET\""),
            "providers[0].own_keys[1].api_key_env: the environment variable UNSET is unset or empty",
        ),
        (of_b("api_key_file = \"/nowhere/key\""), "providers[0].own_keys[1].api_key_file: /nowhere/key cannot be read"),
        (of_b(&path(&long)), "it has more than 16384 bytes"),
        (of_b(&path(&two_lines)), "holds characters that a key cannot have"),
        (of_b("api_key_env = \"SHARED\", api_key_file = \"f\""), "keep one of the two"),
        (with("{ caller = \"jwt:b\" }"), "own_keys[1].api_key_env: missing"),
        (with("{ caller = \"jwt:a\", api_key_env = \"SHARED\" }"), "has a key here already"),
        (with("{ caller = \"alice\", api_key_env = \"SHARED\" }"), "nobody can call by the name \"alice\""),
    ] {
        let error = result.unwrap_err();
        assert!(error.contains(expected) && !error.contains("sk-"), "{error} should say {expected}");
    }
    for (more, expected) in [
        ("own_keys_only = true\n", "providers[0].own_keys_only: there are no own_keys"),
        (
            "own_keys_only = true\napi_key_env = \"SHARED\"\nown_keys = [{ caller = \"jwt:a\", api_key_env = \"KEY_OF_A\" }]\n",
            "providers[0].api_key_env: beside own_keys_only",
        ),
        ("own_keys = [{ caller = \"jwt:a\", access_key_id_env = \"X\" }]\n", "unknown field `access_key_id_env`"),
    ] {
        let error = build(&model_at("m", &deserted_base_url(), 1.0, more)).map(drop).unwrap_err();
        assert!(error.contains(expected), "{error} should say {expected}");
    }
}
