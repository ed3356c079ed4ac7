//! Strategies that ask more than one model, rules, routes and budgets, as a client meets them over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::binary::Binary;
use common::router::{TestRouter, cheap_and_dear, header, model_at};
use common::upstream::Upstream;
use common::{completion, deserted_base_url, soon};
use reqwest::Response;
use serde_json::{Value, json};

async fn content(response: Response) -> String {
    let body: Value = soon("the body comes", response.json()).await.unwrap();
    body["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

async fn code(response: Response) -> String {
    let body: Value = soon("the body comes", response.json()).await.unwrap();
    body["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_cascade_asks_a_better_model_and_shows_what_both_cost() {
    let folder = tempfile::tempdir().unwrap();
    let cheap = Upstream::always(200, completion("I'm sorry, but I can't help with that.")).await;
    let dear = Upstream::always(200, completion("The answer is 42.")).await;
    let toml = cheap_and_dear(cheap.base_url(), dear.base_url())
        .replace("name = \"cheap\"\n", "name = \"cheap\"\nquality = { default = 0.6 }\n")
        .replace("name = \"dear\"\n", "name = \"dear\"\nquality = { default = 0.9 }\n");
    let store = format!("[store]\nurl = \"sqlite://{}/s.db\"\n", folder.path().display());
    let router = TestRouter::start(&(toml + &store)).await;
    let response = router.ask("auto:cascade").await;
    assert_eq!((response.status().as_u16(), header(&response, "x-semroute-model").as_str()), (200, "dear"));
    assert_eq!(header(&response, "x-semroute-attempts"), "2");
    // 1000 tokens in and 100 out, at 1 USD and at 10 USD a million.
    assert_eq!(header(&response, "x-semroute-cost-usd"), "0.012100000");
    assert_eq!(content(response).await, "The answer is 42.");
    let rows = router.remembers(1).await;
    assert_eq!(rows[0].strategy.as_deref(), Some("cascade"));
    assert!((rows[0].cost_usd.unwrap() - 0.0121).abs() < 1e-9, "{:?}", rows[0].cost_usd);
}

#[tokio::test]
async fn parallel_takes_the_answer_that_most_agree_with() {
    let answer = |text: &'static str| Upstream::always(200, completion(text));
    let (one, odd, two) = (
        answer("The capital of France is Paris.").await,
        answer("Bake the bread for forty minutes and let it cool.").await,
        answer("Paris is the capital city of France.").await,
    );
    let toml = [("odd", &odd), ("one", &one), ("two", &two)]
        .map(|(name, upstream)| model_at(name, upstream.base_url(), 1.0, ""))
        .concat();
    let router = TestRouter::start(&format!("[router.parallel]\nat_once = 3\npick = \"nearest\"\n{toml}")).await;
    let response = router.ask("auto:parallel").await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-semroute-attempts"), "3");
    assert_eq!(header(&response, "x-semroute-cost-usd"), "0.003300000", "all three were paid for");
    assert!(content(response).await.contains("Paris"));
}

#[tokio::test]
async fn rules_go_by_the_callers_key_and_headers() {
    let (cheap, dear) = (Upstream::always(200, completion("Hi")).await, Upstream::always(200, completion("Hi")).await);
    let router = TestRouter::start(&format!(
        "[router]\nstrategy = \"cheapest\"\n[[auth.keys]]\nname = \"team\"\nkey_env = \"PROVIDER_KEY\"\n\
         [[rules]]\nname = \"by key\"\nkey = [\"team\"]\nbypass = \"dear\"\n\
         [[rules]]\nname = \"by header\"\nheader = {{ \"X-Team\" = \"beta\" }}\nmodels = [\"dear\"]\n\
         [[routes]]\nname = \"good\"\nmodels = [\"dear\"]\n{}",
        cheap_and_dear(cheap.base_url(), dear.base_url())
    ))
    .await;
    let body = |model: &str| json!({"model": model, "messages": [{"role": "user", "content": "Hello"}]});
    let ask = async |model: &str, headers: &[(&str, &str)]| {
        let request = router.post("/v1/chat/completions").json(&body(model));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = soon("the router answers", request.send()).await.unwrap();
        header(&response, "x-semroute-model")
    };
    assert_eq!(ask("auto", &[]).await, "cheap");
    assert_eq!(ask("auto", &[("authorization", "Bearer sk-provider-secret")]).await, "dear");
    assert_eq!(ask("auto", &[("authorization", "Bearer sk-another")]).await, "cheap", "an unknown key has no name");
    assert_eq!(ask("auto", &[("x-team", "beta")]).await, "dear");
    assert_eq!(ask("good", &[]).await, "dear");
    let models: Value = soon("the list comes", router.get("/v1/models").send()).await.unwrap().json().await.unwrap();
    assert!(models["data"].as_array().unwrap().iter().any(|model| model["id"] == "good"));
}

#[tokio::test]
async fn what_no_model_meets_is_named() {
    let url = deserted_base_url();
    let router = TestRouter::start(&cheap_and_dear(&url, &url)).await;
    let with = async |name: &str, value: &str| {
        let body = json!({"model": "auto", "messages": [{"role": "user", "content": "Hello"}]});
        let request = router.post("/v1/chat/completions").header(name, value).json(&body);
        let response = soon("the router answers", request.send()).await.unwrap();
        let status = response.status().as_u16();
        let body: Value = soon("the body comes", response.json()).await.unwrap();
        (status, body["error"]["message"].as_str().unwrap().to_owned())
    };
    let (status, message) = with("x-semroute-providers", "!cheap-provider, !dear-provider").await;
    assert_eq!(status, 400);
    assert!(message.contains("meets an allowed provider: cheap is served by cheap-provider"), "{message}");
    let (status, message) = with("x-semroute-max-cost-usd", "0.0000001").await;
    assert_eq!(status, 400);
    assert!(message.contains("an expected cost of at most 0.0000001 USD"), "{message}");
    let audio = json!({"model": "auto", "messages": [{"role": "user", "content": [
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]}]});
    let response = router.chat(audio).await;
    assert_eq!(response.status(), 400);
    let body: Value = soon("the body comes", response.json()).await.unwrap();
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("no configured model meets audio: cheap lacks audio; dear lacks audio"), "{message}");
}

#[tokio::test]
async fn a_conversation_stops_at_its_own_budget() {
    let (cheap, dear) = (Upstream::always(200, completion("Hi")).await, Upstream::always(200, completion("Hi")).await);
    let router = TestRouter::start(&cheap_and_dear(cheap.base_url(), dear.base_url())).await;
    let ask = async || {
        let body = json!({"model": "dear", "messages": [{"role": "user", "content": "Hello"}]});
        let request = router.post("/v1/chat/completions").header("x-session-id", "s");
        let request = request.header("x-semroute-session-budget-usd", "0.02").json(&body);
        soon("the router answers", request.send()).await.unwrap()
    };
    // Each answer costs 0.011 USD.
    assert_eq!(ask().await.status(), 200);
    assert_eq!(ask().await.status(), 200);
    let third = ask().await;
    assert_eq!(third.status(), 402);
    assert_eq!(code(third).await, "session_budget_spent");
}

#[tokio::test]
async fn a_monthly_budget_holds_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::always(200, completion("Hi")).await;
    // Each answer costs 0.011 USD; the cheap model's price is unknown to the budget's regret.
    let toml = format!(
        "[budget]\nmonth_usd = 0.03\n[store]\nurl = \"sqlite://{}/s.db\"\n{}[[models]]\nname = \"mystery\"\nprovider = \"dear-provider\"\n",
        folder.path().display(),
        model_at("dear", upstream.base_url(), 10.0, "")
    );
    let client = semroute::gateway::loopback_client().unwrap();
    let ask = async |binary: &Binary, model: &str| {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "Hello"}]});
        let sending = client.post(format!("{}/v1/chat/completions", binary.url())).json(&body).send();
        soon("the router answers", sending).await.unwrap()
    };
    let first = Binary::serve(&toml, &[]);
    assert_eq!(ask(&first, "dear").await.status(), 200);
    assert_eq!(ask(&first, "dear").await.status(), 200);
    let unpriced = ask(&first, "mystery").await;
    assert_eq!((unpriced.status().as_u16(), code(unpriced).await.as_str()), (402, "price_unknown"));
    first.terminate();
    let second = Binary::serve(&toml, &[]);
    let refused = ask(&second, "dear").await;
    assert_eq!(refused.status(), 200, "0.022 are spent, and the next is expected to cost less than 0.008");
    let refused = ask(&second, "dear").await;
    assert_eq!(refused.status(), 402);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(code(refused).await, "budget_used_up");
    assert_eq!(upstream.calls(), 3, "what is refused is not sent");
}

#[tokio::test]
async fn what_the_budget_cannot_pay_leaves_the_plan_and_what_is_free_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (free, dear) = (Upstream::always(200, completion("Hi")).await, Upstream::always(200, completion("Hi")).await);
    let toml = format!(
        "[router]\nstrategy = \"best\"\n[budget]\nday_usd = 0.008\n[store]\nurl = \"sqlite://{}/s.db\"\n{}{}",
        folder.path().display(),
        model_at("free", free.base_url(), 0.0, "")
            .replace("name = \"free\"\n", "name = \"free\"\nquality = { default = 0.5 }\n"),
        model_at("dear", dear.base_url(), 10.0, "")
            .replace("name = \"dear\"\n", "name = \"dear\"\nquality = { default = 0.9 }\n"),
    );
    let router = TestRouter::start(&toml).await;
    assert_eq!(header(&router.ask("auto").await, "x-semroute-model"), "dear");
    // 0.011 USD are spent, more than there were; the free model goes on.
    let second = router.ask("auto").await;
    assert_eq!(header(&second, "x-semroute-model"), "free");
    assert!(
        header(&second, "x-semroute-reason").contains("so free is asked"),
        "{}",
        header(&second, "x-semroute-reason")
    );
    assert_eq!(router.ask("dear").await.status(), 402);
    assert_eq!(router.ask("free").await.status(), 200);
}

#[tokio::test]
async fn a_client_that_leaves_has_spent_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let (upstream, _pieces) = Upstream::streaming().await;
    let store = format!("[budget]\nday_usd = 1.0\n[store]\nurl = \"sqlite://{}/s.db\"\n", folder.path().display());
    let router = TestRouter::start(&(store + &model_at("dear", upstream.base_url(), 10.0, ""))).await;
    let body = json!({"model": "dear", "messages": [{"role": "user", "content": "Hello"}]});
    let asking = tokio::spawn(router.post("/v1/chat/completions").json(&body).send());
    soon("the provider is asked", async {
        while upstream.calls() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    asking.abort();
    let row = router.remembers(1).await.remove(0);
    assert_eq!(row.cost_usd, None, "nobody knows what it cost");
    assert!(row.counted_usd.is_some_and(|usd| usd > 0.004), "{:?}", row.counted_usd);
}

#[tokio::test]
async fn an_unknown_cost_counts_as_that_of_the_model_that_answered() {
    let folder = tempfile::tempdir().unwrap();
    // An answer that tells no tokens, from the cheap model of a chain whose fallback costs ten times as much.
    let silent = json!({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]});
    let (cheap, dear) = (Upstream::always(200, silent).await, Upstream::always(200, completion("Hi")).await);
    let store = format!("[budget]\nday_usd = 1.0\n[store]\nurl = \"sqlite://{}/s.db\"\n", folder.path().display());
    let router = TestRouter::start(&(store + &cheap_and_dear(cheap.base_url(), dear.base_url()))).await;
    assert_eq!(header(&router.ask("auto:cheapest").await, "x-semroute-model"), "cheap");
    let row = router.remembers(1).await.remove(0);
    assert!(row.cost_usd.is_none() && row.counted_usd.is_some_and(|usd| usd < 0.001), "{:?}", row.counted_usd);
}
