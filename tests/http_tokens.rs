//! Tokens of an identity provider in place of a key, through the real router, before an issuer on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;
mod token_issuer;

use common::router::{TestRouter, cheap_and_dear, error_of, header, model_at};
use common::upstream::Upstream;
use common::{completion, deserted_address, deserted_base_url, soon};
use reqwest::Response;
use semroute::commands::parts;
use semroute::config::Config;
use serde_json::{Value, json};
use token_issuer::{AUDIENCE, SigningKey, TokenIssuer, now, signed_with_secret, unsigned};

async fn router(auth: &str) -> TestRouter {
    TestRouter::start(&format!("{auth}{}", model_at("m", &deserted_base_url(), 1.0, ""))).await
}

async fn present(router: &TestRouter, token: &str) -> Response {
    soon("an answer", router.get("/v1/models").bearer_auth(token).send()).await.unwrap()
}

/// Status, code and message of a refusal.
async fn refusal(router: &TestRouter, token: &str) -> (u16, String, String) {
    let response = present(router, token).await;
    let status = response.status().as_u16();
    let error = error_of(response).await;
    (status, error["code"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
}

fn with(mut claims: Value, name: &str, value: impl Into<Value>) -> Value {
    claims[name] = value.into();
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[tokio::test]
async fn a_token_of_the_issuer_opens_whichever_key_signed_it() {
    let keys = [SigningKey::rsa("r"), SigningKey::p256("e"), SigningKey::ed25519("d")];
    let issuer = TokenIssuer::start(&keys.iter().collect::<Vec<_>>()).await;
    let router = router(&issuer.table("")).await;
    for key in &keys {
        assert_eq!(present(&router, &key.sign(&issuer.claims("alice"))).await.status(), 200, "{}", key.id);
    }
    let token = keys[0].sign(&with(issuer.claims("alice"), "aud", json!(["other", AUDIENCE])));
    assert_eq!(present(&router, &token).await.status(), 200, "one of several audiences");
    let by_header = router.get("/v1/models").header("x-api-key", &token).send().await.unwrap();
    assert_eq!(by_header.status(), 200);
    assert_eq!(issuer.asked(), ["/.well-known/openid-configuration", "/keys"], "the keys are fetched once");
    let nothing = router.get("/v1/models").send().await.unwrap();
    assert_eq!((nothing.status().as_u16(), header(&nothing, "www-authenticate").as_str()), (401, "Bearer"));
}

#[tokio::test]
async fn a_token_that_does_not_hold_is_refused_and_says_why() {
    let key = SigningKey::p256("e");
    let (stranger, rsa) = (SigningKey::p256("e"), SigningKey::rsa("r"));
    let issuer = TokenIssuer::start(&[&key, &rsa]).await;
    let router = router(&issuer.table("")).await;
    let good = || issuer.claims("alice");
    let signed = |claims: Value| key.sign(&claims);
    let token = signed(good());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let other_claims = signed(with(good(), "sub", "mallory"));
    let mut pieces = other_claims.split('.');
    let grafted = format!("{}.{}.{signature}", pieces.next().unwrap(), pieces.next().unwrap());
    let header_of = |algorithm: &str, id: &str| json!({"typ": "JWT", "alg": algorithm, "kid": id});
    let critical = json!({"typ": "JWT", "alg": "ES256", "kid": "e", "crit": ["x"], "x": 1});
    let long = "x".repeat(20_000);
    let cases: Vec<(&str, String, &str)> = vec![
        ("expired", signed(with(good(), "exp", now() - 60)), "the token has expired"),
        ("no end", signed(without(good(), "exp")), "lacks a claim"),
        ("an end in words", signed(with(good(), "exp", "tomorrow")), "lacks a claim"),
        ("not yet", signed(with(good(), "nbf", now() + 600)), "the token is not valid yet"),
        ("other audience", signed(with(good(), "aud", "other")), "the token is for another audience"),
        ("no audience", signed(without(good(), "aud")), "lacks a claim"),
        ("empty audience", signed(with(good(), "aud", json!([]))), "the token is for another audience"),
        ("other issuer", signed(with(good(), "iss", "https://evil.example")), "the token is from another issuer"),
        ("no issuer", signed(without(good(), "iss")), "lacks a claim"),
        ("no subject", signed(without(good(), "sub")), "lacks a claim"),
        ("another's key", stranger.sign(&good()), "the token's signature is not valid"),
        ("grafted", grafted, "the token's signature is not valid"),
        ("no signature", format!("{message}."), "the token's signature is not valid"),
        ("none", format!("{}.", unsigned(&header_of("none", "e"), &good())), "not a well-formed JWT"),
        ("None", format!("{}.", unsigned(&header_of("None", "e"), &good())), "not a well-formed JWT"),
        (
            "HS256 with the public key",
            signed_with_secret(&header_of("HS256", "e"), &good(), &key.public_bytes()),
            "signed in a way that is not accepted",
        ),
        (
            "HS256 with the other public key",
            signed_with_secret(&header_of("HS256", "r"), &good(), &rsa.public_bytes()),
            "signed in a way that is not accepted",
        ),
        (
            "a key of another kind",
            key.sign_with(&header_of("ES256", "r"), &good()),
            "signed in a way that is not accepted",
        ),
        ("a way not listed", rsa.sign_with(&header_of("RS512", "r"), &good()), "signed in a way that is not accepted"),
        ("a way that lies", rsa.sign_with(&header_of("ES256", "e"), &good()), "the token's signature is not valid"),
        ("critical", key.sign_with(&critical, &good()), "signed in a way that is not accepted"),
        ("an array", signed(json!(["alice"])), "not a well-formed JWT"),
        ("too long", signed(with(good(), "groups", long)), "not a well-formed JWT"),
        ("garbage", "a.b.c".into(), "not a well-formed JWT"),
        ("dots", "..".into(), "not a well-formed JWT"),
    ];
    for (what, token, expected) in cases {
        let (status, code, message) = refusal(&router, &token).await;
        assert_eq!((status, code.as_str()), (401, "invalid_token"), "{what}: {message}");
        assert!(message.contains(expected), "{what}: should say {expected:?}: {message}");
        assert!(!message.contains("mallory") && !message.contains("evil"), "{what} repeats the token: {message}");
    }
    let refused = present(&router, &signed(with(good(), "exp", now() - 60))).await;
    assert_eq!(header(&refused, "www-authenticate"), "Bearer error=\"invalid_token\"");
    assert_eq!(refusal(&router, "no-token").await.1, "invalid_api_key");
    assert_eq!(present(&router, &token).await.status(), 200, "the good one still is");
    assert_eq!(issuer.key_fetches(), 1, "none of them made the issuer work");
}

#[tokio::test]
async fn a_token_that_is_remembered_ends_with_its_time_and_is_known_by_all_of_it() {
    let key = SigningKey::p256("e");
    let issuer = TokenIssuer::start(&[&key]).await;
    let router = router(&issuer.table("leeway_seconds = 0")).await;
    let token = key.sign(&issuer.claims("alice"));
    assert_eq!(present(&router, &token).await.status(), 200);
    let last = token.chars().last().unwrap();
    let changed = format!("{}{}", &token[..token.len() - 1], if last == 'A' { 'Q' } else { 'A' });
    assert_eq!(refusal(&router, &changed).await.0, 401, "the same but for its last letter");
    let short_lived = key.sign(&with(issuer.claims("alice"), "exp", now() + 2));
    assert_eq!(present(&router, &short_lived).await.status(), 200);
    let ends = async { while present(&router, &short_lived).await.status() == 200 {} };
    soon("it ends", ends).await;
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_fetched_and_made_up_ones_are_not_asked_for_again() {
    let (old, new) = (SigningKey::p256("old"), SigningKey::p256("new"));
    let issuer = TokenIssuer::start(&[&old]).await;
    let router = router(&issuer.table("")).await;
    let old_token = old.sign(&issuer.claims("alice"));
    assert_eq!(present(&router, &old_token).await.status(), 200);
    issuer.publish(|published| published.keys = vec![new.jwk()]);
    assert_eq!(present(&router, &new.sign(&issuer.claims("alice"))).await.status(), 200, "fetched on its first sight");
    assert_eq!(issuer.key_fetches(), 2);
    assert_eq!(refusal(&router, &old_token).await.0, 401, "what was withdrawn no longer counts, remembered or not");
    for index in 0..20 {
        let made_up = SigningKey::p256(&format!("made-up-{index}")).sign(&issuer.claims("alice"));
        let (status, _, message) = refusal(&router, &made_up).await;
        assert_eq!((status, message.as_str()), (401, "the key that signed the token is not known"));
    }
    assert_eq!(issuer.key_fetches(), 2);
}

#[tokio::test]
async fn an_issuer_that_breaks_takes_nothing_away() {
    let (key, other) = (SigningKey::p256("e"), SigningKey::p256("other"));
    for break_it in [
        (|published| published.status = 500) as fn(&mut token_issuer::Published),
        |published| published.raw_keys = Some("<html>".into()),
        |published| published.raw_keys = Some("{\"keys\": []}".into()),
        |published| published.raw_keys = Some(format!("{{\"keys\": [], \"padding\": \"{}\"}}", "x".repeat(600 * 1024))),
        |published| published.issuer = Some("https://evil.example".into()),
        |published| published.redirect = Some(format!("http://{}/keys", deserted_address())),
    ] {
        let issuer = TokenIssuer::start(&[&key]).await;
        let router = router(&issuer.table("")).await;
        assert_eq!(present(&router, &key.sign(&issuer.claims("alice"))).await.status(), 200);
        let asked = issuer.asked().len();
        issuer.publish(break_it);
        assert_eq!(refusal(&router, &other.sign(&issuer.claims("alice"))).await.0, 401);
        assert!(issuer.asked().len() > asked, "it was asked again");
        assert_eq!(present(&router, &key.sign(&issuer.claims("bob"))).await.status(), 200, "the last good keys count");
    }
}

#[tokio::test]
async fn an_issuer_that_was_never_there_is_no_fault_of_the_caller() {
    let key = SigningKey::p256("e");
    let url = format!("http://{}", deserted_address());
    let router = router(&format!(
        "[auth]\nrequired = true\nkeys_env = \"CALLER_KEYS\"\n[auth.jwt]\nissuer = \"{url}\"\naudience = \"{AUDIENCE}\"\n"
    ))
    .await;
    let claims = json!({"iss": url, "aud": AUDIENCE, "sub": "alice", "exp": now() + 60});
    let response = present(&router, &key.sign(&claims)).await;
    assert_eq!((response.status().as_u16(), header(&response, "retry-after").as_str()), (503, "10"));
    assert_eq!(error_of(response).await["code"], "token_issuer_unavailable");
    assert_eq!(present(&router, "first-key").await.status(), 200, "keys do not wait for the issuer");
}

#[test]
fn an_address_that_others_could_answer_for_is_refused_before_anybody_is_asked() {
    for (issuer, more, expected) in [
        ("http://login.example.com", "", "auth.jwt.issuer: the address is http"),
        ("login.example.com", "", "auth.jwt.issuer: not an address"),
        ("https://u:p@login.example.com", "", "auth.jwt.issuer: the address holds credentials"),
        ("https://login.example.com", "jwks_url = \"http://10.0.0.1/keys\"", "auth.jwt.jwks_url: the address is http"),
        ("https://login.example.com", "jwks_url = \"file:///keys\"", "auth.jwt.jwks_url: the address is file"),
    ] {
        let toml = format!("[auth.jwt]\nissuer = \"{issuer}\"\naudience = \"{AUDIENCE}\"\n{more}\n");
        let config = Config::from_toml(&toml, "test").unwrap();
        let said = parts::build_keys(&config, "test", |_| None).err().unwrap().to_string();
        assert!(said.contains(expected), "{issuer} {more}: {said}");
    }
}

#[tokio::test]
async fn keys_may_be_at_an_address_of_their_own() {
    let key = SigningKey::rsa("r");
    let issuer = TokenIssuer::start(&[&key]).await;
    let router = router(&issuer.table(&format!("jwks_url = \"{}/keys\"", issuer.url()))).await;
    assert_eq!(present(&router, &key.sign(&issuer.claims("alice"))).await.status(), 200);
    assert_eq!(issuer.asked(), ["/keys"], "nothing was discovered");
}

#[tokio::test]
async fn rules_go_by_the_tokens_name_which_no_key_can_have() {
    let key = SigningKey::p256("e");
    let issuer = TokenIssuer::start(&[&key]).await;
    let (cheap, dear) = (Upstream::always(200, completion("Hi")).await, Upstream::always(200, completion("Hi")).await);
    let toml = format!(
        "[router]\nstrategy = \"cheapest\"\n{}[[auth.keys]]\nname = \"team\"\nkey_env = \"PROVIDER_KEY\"\n\
         [[rules]]\nname = \"alice\"\nkey = [\"jwt:alice@example.com\"]\nbypass = \"dear\"\n\
         [[rules]]\nname = \"team\"\nkey = [\"team\"]\nbypass = \"dear\"\n{}",
        issuer.table("name_claim = \"email\""),
        cheap_and_dear(cheap.base_url(), dear.base_url())
    );
    let router = TestRouter::start(&toml).await;
    let ask = async |token: &str| {
        let body = json!({"model": "auto", "messages": [{"role": "user", "content": "Hello"}]});
        let request = router.post("/v1/chat/completions").bearer_auth(token).json(&body);
        header(&soon("an answer", request.send()).await.unwrap(), "x-semroute-model")
    };
    let named = |name: &str| key.sign(&with(issuer.claims("1"), "email", name));
    assert_eq!(ask(&named("alice@example.com")).await, "dear");
    assert_eq!(ask(&named("bob@example.com")).await, "cheap");
    assert_eq!(ask("sk-provider-secret").await, "dear");
    assert_eq!(ask(&named("team")).await, "cheap", "a token does not take on the name of a key");
    for name in [json!("a b"), json!("x".repeat(200)), json!(7), Value::Null] {
        let (status, _, message) = refusal(&router, &key.sign(&with(issuer.claims("1"), "email", name))).await;
        assert_eq!(status, 401);
        assert!(message.contains("the one that names the caller"), "{message}");
    }
}

#[tokio::test]
async fn a_scope_that_is_missing_is_forbidden_rather_than_unknown() {
    let key = SigningKey::p256("e");
    let issuer = TokenIssuer::start(&[&key]).await;
    let router = router(&issuer.table("required_scopes = [\"chat\"]")).await;
    assert_eq!(present(&router, &key.sign(&with(issuer.claims("a"), "scope", "read chat"))).await.status(), 200);
    let response = present(&router, &key.sign(&with(issuer.claims("a"), "scope", "read"))).await;
    assert_eq!(response.status(), 403);
    assert_eq!(header(&response, "www-authenticate"), "Bearer error=\"insufficient_scope\"");
    assert_eq!(error_of(response).await["code"], "insufficient_scope");
}

#[tokio::test]
async fn where_no_key_is_needed_a_bad_token_is_a_stranger() {
    let key = SigningKey::p256("e");
    let issuer = TokenIssuer::start(&[&key]).await;
    let router = router(&issuer.table("").replace("required = true", "required = false")).await;
    assert_eq!(present(&router, &key.sign(&with(issuer.claims("a"), "exp", 1))).await.status(), 200);
    assert_eq!(router.get("/v1/models").send().await.unwrap().status(), 200);
}
