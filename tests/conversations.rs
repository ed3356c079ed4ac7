//! Conversations through the real router: who stays on a model, who leaves it, and what a conversation may spend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

use semroute::chat::ChatRequest;
use semroute::commands::parts;
use semroute::config::Config;
use semroute::routing::{Decision, Overrides, RouteError, Router, Served};
use serde_json::{Value, json};

/// Two models, where the small one is enough for what is easy, and cached tokens cost the big one a tenth.
fn router(table: &str) -> Router {
    let config = format!(
        r#"
        {table}
        [[providers]]
        name = "p"
        base_url = "http://127.0.0.1:9/v1"
        [[models]]
        name = "small"
        provider = "p"
        input_usd_per_mtok = 0.5
        output_usd_per_mtok = 2.0
        cached_input_usd_per_mtok = 0.05
        quality = {{ low = 0.95, medium = 0.85, high = 0.3, critical = 0.1 }}
        [[models]]
        name = "big"
        provider = "p"
        input_usd_per_mtok = 3.0
        output_usd_per_mtok = 12.0
        cached_input_usd_per_mtok = 0.3
        quality = {{ low = 0.97, medium = 0.95, high = 0.92, critical = 0.9 }}
        "#
    );
    parts::build_router(&Config::from_toml(&config, "test.toml").unwrap(), "test.toml", None).unwrap()
}

const EASY: &str = "what is the capital of France?";
const HARD: &str = "Prove that the scheduler in our distributed database cannot deadlock under partial network failure, derive the invariants \
                    it needs, and design a formal verification plan with the trade-offs of each approach.";

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn assistant(text: &str) -> Value {
    json!({"role": "assistant", "content": text})
}

fn named(session: &str) -> Overrides {
    Overrides { session: Some(session.to_owned()), ..Overrides::default() }
}

fn decide(router: &Router, messages: &[Value], overrides: &Overrides) -> Result<Decision, RouteError> {
    let request = ChatRequest::from_messages(&Value::Array(messages.to_vec())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(router.decide(&request, overrides))
}

fn model(router: &Router, messages: &[Value], overrides: &Overrides) -> String {
    decide(router, messages, overrides).unwrap().primary().unwrap().model.clone()
}

#[test]
fn the_cases_are_what_they_should_be() {
    let router = router("");
    assert_eq!(model(&router, &[user(EASY)], &Overrides::default()), "small");
    assert_eq!(model(&router, &[user(HARD)], &Overrides::default()), "big");
}

#[test]
fn a_short_turn_stays_on_the_model_of_the_long_one_before_it() {
    let router = router("");
    // The whole conversation is in the big model's cache: reading it anew by the small one would cost as much as staying.
    let long =
        format!("{HARD}\n{}", "Here is another page of the design document, with all its details. ".repeat(2000));
    assert_eq!(model(&router, &[user(&long)], &named("s")), "big");
    let went_on = [user(&long), assistant("Here is the proof."), user("thanks! what was the first invariant called?")];
    assert_eq!(model(&router, &went_on, &named("s")), "big", "leaving would lose the cache");
    assert_eq!(model(&router, &went_on, &named("another")), "small", "a conversation that nobody holds starts anew");
    let off = self::router("[router.sessions]\nstick = false\n");
    assert_eq!(model(&off, &[user(&long)], &named("s")), "big");
    assert_eq!(model(&off, &went_on, &named("s")), "small");
}

#[test]
fn a_follow_up_stays_whatever_it_costs() {
    let router = router("");
    assert_eq!(model(&router, &[user(HARD)], &named("s")), "big");
    let decision = decide(&router, &[user(HARD), assistant("Shall I go on?"), user("yes")], &named("s")).unwrap();
    assert_eq!(decision.primary().unwrap().model, "big");
    assert!(decision.reason.contains("the model of this conversation"), "{}", decision.reason);
}

#[test]
fn a_conversation_is_promoted_when_its_turns_get_harder() {
    let router = router("");
    assert_eq!(model(&router, &[user(EASY)], &named("s")), "small");
    let harder = [user(EASY), assistant("Paris."), user(HARD)];
    let decision = decide(&router, &harder, &named("s")).unwrap();
    assert_eq!(decision.primary().unwrap().model, "big", "{}", decision.reason);
    assert!(
        decision.reason.contains("chosen for easier turns") || decision.reason.contains("keeps"),
        "{}",
        decision.reason
    );
}

#[test]
fn a_conversation_is_promoted_when_its_tools_fail_repeatedly() {
    let router = router("");
    let task = "rename the variable x to count in this file";
    assert_eq!(model(&router, &[user(task)], &named("s")), "small");
    let call = |id: &str| {
        json!({"role": "assistant", "content": null, "tool_calls": [
            {"id": id, "type": "function", "function": {"name": "bash", "arguments": "{}"}}]})
    };
    let result = |id: &str, text: &str| json!({"role": "tool", "tool_call_id": id, "content": text});
    let failed =
        "error[E0425]: cannot find value `count` in this scope\nerror: could not compile `app` due to 1 previous error";
    let once = [user(task), call("1"), result("1", failed)];
    assert_eq!(model(&router, &once, &named("s")), "small", "once is no pattern");
    let twice = [user(task), call("1"), result("1", failed), call("2"), result("2", failed)];
    let decision = decide(&router, &twice, &named("s")).unwrap();
    assert_eq!(decision.primary().unwrap().model, "big");
    assert!(decision.reason.contains("2 tool results in a row failed"), "{}", decision.reason);
}

#[test]
fn without_a_name_a_conversation_is_known_by_its_beginning_once_it_was_answered() {
    let router = router("");
    let long =
        format!("{HARD}\n{}", "Here is another page of the design document, with all its details. ".repeat(2000));
    let begins = [user(&long)];
    assert_eq!(model(&router, &begins, &Overrides::default()), "big");
    let went_on = [user(&long), assistant("Here is the proof."), user("thanks! what was the first invariant called?")];
    assert_eq!(model(&router, &went_on, &Overrides::default()), "big");
}

#[test]
fn a_conversation_stops_at_its_budget() {
    let router = router("");
    let budget = |usd: f64| Overrides { session_budget_usd: Some(usd), ..named("s") };
    let decision = decide(&router, &[user(HARD)], &budget(0.05)).unwrap();
    assert_eq!(decision.primary().unwrap().model, "big");
    router.learn(&decision, Served { model: "big", cost_usd: Some(0.0485), times: None });
    // What is left does not pay for the big one.
    let next = decide(&router, &[user(HARD)], &budget(0.05)).unwrap();
    assert!(next.plan.candidates().iter().all(|candidate| candidate.model == "small"), "{next:?}");
    router.learn(&next, Served { model: "small", cost_usd: Some(0.002), times: None });
    let spent = decide(&router, &[user(HARD)], &budget(0.05)).unwrap_err();
    assert!(matches!(spent, RouteError::BudgetSpent { .. }), "{spent}");
    assert!(spent.to_string().contains("0.050500 of the 0.05 USD"), "{spent}");
    assert!(decide(&router, &[user(HARD)], &budget(1.0)).is_ok(), "a higher budget goes on");
    // An answer whose cost nobody told counts as it was expected to cost.
    let fresh = Overrides { session: Some("t".into()), ..budget(0.05) };
    let decision = decide(&router, &[user(HARD)], &fresh).unwrap();
    for _ in 0..20 {
        router.learn(&decision, Served { model: "big", cost_usd: None, times: None });
    }
    assert!(matches!(decide(&router, &[user(HARD)], &fresh), Err(RouteError::BudgetSpent { .. })));
}
