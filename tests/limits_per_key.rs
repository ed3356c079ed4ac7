//! What a key may do in a minute, at once and for its money, as its clients meet it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::binary::Binary;
use common::router::{TestRouter, error_of, header, model_at};
use common::upstream::{Reply, Upstream, send};
use common::{completion, soon, word};
use reqwest::Response;
use serde_json::{Value, json};

/// Two keys: the first one with these limits.
fn keys(limits: &str) -> String {
    format!(
        "[auth]\nrequired = true\n[[auth.keys]]\nname = \"limited\"\nkey_env = \"PROVIDER_KEY\"\n{limits}\n\
         [[auth.keys]]\nname = \"other\"\nkey_env = \"OTHER_PROVIDER_KEY\"\nadmin = true\n"
    )
}

const LIMITED: &str = "sk-provider-secret";
const OTHER: &str = "sk-other-secret";

async fn ask_at(router: &TestRouter, path: &str, key: &str, more: Value) -> Response {
    let mut body = json!({"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let sending = router.post(path).bearer_auth(key).json(&body).send();
    soon("the router answers", sending).await.unwrap()
}

async fn ask(router: &TestRouter, key: &str) -> Response {
    ask_at(router, "/v1/chat/completions", key, json!({})).await
}

#[tokio::test]
async fn a_key_learns_from_headers_how_it_stands_and_is_told_when_to_come_back() {
    let upstream = Upstream::start(|_| Reply::Raw {
        status: 200,
        headers: vec![
            ("content-type", "application/json".into()),
            ("x-ratelimit-remaining-requests", "777".into()),
            ("x-ratelimit-limit-tokens", "888".into()),
        ],
        body: completion("Hi").to_string().into_bytes(),
    })
    .await;
    let router =
        TestRouter::start(&(keys("requests_per_minute = 2") + &model_at("m", upstream.base_url(), 1.0, ""))).await;
    let first = ask(&router, LIMITED).await;
    assert_eq!(first.status(), 200);
    assert_eq!(header(&first, "x-ratelimit-limit-requests"), "2");
    assert_eq!(header(&first, "x-ratelimit-remaining-requests"), "1", "ours, and not the provider's");
    assert_eq!(header(&first, "x-ratelimit-reset-requests"), "30s");
    assert!(!first.headers().contains_key("x-ratelimit-limit-tokens"), "tokens are not limited");
    let streamed = ask_at(&router, "/v1/chat/completions", LIMITED, json!({"stream": true})).await;
    assert_eq!(header(&streamed, "x-ratelimit-remaining-requests"), "0");
    let refused = ask(&router, LIMITED).await;
    assert_eq!((refused.status().as_u16(), upstream.calls()), (429, 2));
    let wait: u64 = header(&refused, "retry-after").parse().unwrap();
    assert!((28..=30).contains(&wait), "{wait}");
    assert_eq!(header(&refused, "x-ratelimit-remaining-requests"), "0");
    let error = error_of(refused).await;
    assert_eq!(error["code"], "rate_limit_exceeded", "{error}");
    assert!(error["message"].as_str().unwrap().contains("2 requests a minute"), "{error}");
    let free = soon("an answer", router.post("/v1/route").bearer_auth(LIMITED).json(&json!({"prompt": "Hi"})).send());
    assert_eq!(free.await.unwrap().status(), 429, "what asks no model is a request, too");
    let refused = ask_at(&router, "/v1/messages", LIMITED, json!({})).await;
    assert_eq!(header(&refused, "anthropic-ratelimit-requests-remaining"), "0");
    assert!(header(&refused, "anthropic-ratelimit-requests-reset").ends_with('Z'));
    assert!(
        refused.headers().contains_key("retry-after") && !refused.headers().contains_key("x-ratelimit-limit-requests")
    );
    let body: Value = refused.json().await.unwrap();
    assert_eq!((body["type"].as_str(), body["error"]["type"].as_str()), (Some("error"), Some("rate_limit_error")));
    let other = ask(&router, OTHER).await;
    assert_eq!(other.status(), 200, "others have their own");
    assert!(!other.headers().contains_key("x-ratelimit-limit-requests"));
    let of_others = router.get("/metrics").bearer_auth(LIMITED).send().await.unwrap();
    assert_eq!(of_others.status(), 403, "what everybody did is for administrators");
    let metrics = router.get("/metrics").bearer_auth(OTHER).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("semroute_limit_refusals_total{reason=\"requests\"}"), "{metrics}");
}

#[tokio::test]
async fn tokens_are_reserved_as_expected_and_settled_as_they_were() {
    // Each answer takes 1100 tokens, and is expected to take some hundred.
    let upstream = Upstream::always(200, completion("Hi")).await;
    let toml = keys("tokens_per_minute = 3000") + &model_at("m", upstream.base_url(), 1.0, "");
    let router = TestRouter::start(&toml).await;
    let left = async |response: &Response| header(response, "x-ratelimit-remaining-tokens").parse::<i64>().unwrap();
    let first = ask(&router, LIMITED).await;
    assert!((2850..2900).contains(&left(&first).await), "{:?}", first.headers());
    soon("the whole answer", first.bytes()).await.unwrap();
    let second = ask(&router, LIMITED).await;
    assert!((1750..1900).contains(&left(&second).await), "1100 were taken: {:?}", second.headers());
    soon("the whole answer", second.bytes()).await.unwrap();
    let too_large = ask_at(&router, "/v1/chat/completions", LIMITED, json!({"max_tokens": 5000, "n": 9})).await;
    assert_eq!(too_large.status(), 429);
    assert!(!too_large.headers().contains_key("retry-after"), "waiting does not help");
    let message = error_of(too_large).await["message"].clone();
    assert!(message.as_str().unwrap().contains("this request alone"), "{message}");
    soon("the whole answer", ask(&router, LIMITED).await.bytes()).await.unwrap();
    let refused = ask(&router, LIMITED).await;
    assert_eq!((refused.status().as_u16(), upstream.calls()), (429, 3));
    assert!(header(&refused, "retry-after").parse::<u64>().unwrap() >= 1);
}

#[tokio::test]
async fn a_place_lasts_as_long_as_the_stream_and_no_longer() {
    let (upstream, pieces) = Upstream::streaming().await;
    let toml = keys("concurrent = 1") + &model_at("m", upstream.base_url(), 1.0, "");
    let router = TestRouter::start(&toml).await;
    send(&pieces, word("Hi"));
    let stream = ask_at(&router, "/v1/chat/completions", LIMITED, json!({"stream": true})).await;
    assert_eq!(stream.status(), 200);
    let refused = ask(&router, LIMITED).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(header(&refused, "retry-after"), "1");
    assert!(error_of(refused).await["message"].as_str().unwrap().contains("1 requests under way at once"));
    // The client leaves in the middle.
    drop(stream);
    let free = async {
        loop {
            let counted = router
                .post("/v1/messages/count_tokens")
                .bearer_auth(LIMITED)
                .json(&json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}]}));
            if counted.send().await.unwrap().status() == 200 {
                return;
            }
        }
    };
    soon("the place is free again", free).await;
    drop(pieces);
}

#[tokio::test]
async fn a_keys_budget_is_its_own_and_holds_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::always(200, completion("Hi")).await;
    // Each answer costs 0.011 USD.
    let toml = format!(
        "[store]\nurl = \"sqlite://{}/s.db\"\n{}{}",
        folder.path().display(),
        keys("budget = { day_usd = 0.02 }"),
        model_at("m", upstream.base_url(), 10.0, "")
    );
    let variables = [("PROVIDER_KEY", LIMITED), ("OTHER_PROVIDER_KEY", OTHER)];
    let client = semroute::gateway::loopback_client().unwrap();
    let ask = async |binary: &Binary, key: &str| {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}]});
        let sending = client.post(format!("{}/v1/chat/completions", binary.url())).bearer_auth(key).json(&body).send();
        soon("the router answers", sending).await.unwrap()
    };
    let first = Binary::serve(&toml, &variables);
    assert_eq!(ask(&first, LIMITED).await.status(), 200);
    first.terminate();
    let second = Binary::serve(&toml, &variables);
    assert_eq!(ask(&second, LIMITED).await.status(), 200, "0.011 of 0.02 are spent, and 0.008 are left for the next");
    let refused = ask(&second, LIMITED).await;
    assert_eq!(refused.status(), 402);
    assert!(header(&refused, "retry-after").parse::<u64>().unwrap() <= 86_400);
    let error = error_of(refused).await;
    assert_eq!(error["code"], "key_budget_used_up");
    assert!(error["message"].as_str().unwrap().starts_with("this key's budget of this day is used up"), "{error}");
    assert_eq!(ask(&second, OTHER).await.status(), 200);
    assert_eq!(upstream.calls(), 3, "what is refused is not sent");
}

#[tokio::test]
async fn what_failed_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::always(500, json!({"error": {"message": "no", "type": "server_error"}})).await;
    let toml = format!(
        "[store]\nurl = \"sqlite://{}/s.db\"\n{}{}",
        folder.path().display(),
        keys("budget = { month_usd = 0.008 }\nconcurrent = 1\ntokens_per_minute = 150"),
        model_at("m", upstream.base_url(), 10.0, "")
    );
    let router = TestRouter::start(&toml).await;
    for _ in 0..4 {
        let failed = ask(&router, LIMITED).await;
        assert_eq!(failed.status(), 502);
        soon("the whole answer", failed.bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused_by_their_field() {
    for (limits, expected) in [
        ("requests_per_minute = 0", "auth.keys[0].requests_per_minute: 0 would refuse every request"),
        ("budget = { day_usd = -1.0 }", "auth.keys[0].budget.day_usd: -1 is not"),
        ("budget = { day_usd = 1.0 }", "auth.keys[0].budget: needs a [store]"),
        ("concurrent = 0", "auth.keys[0].concurrent"),
    ] {
        let error = semroute::config::Config::from_toml(&keys(limits), "t").err().unwrap().to_string();
        assert!(error.contains(expected), "{limits}: {error}");
    }
}
