//! A cascade: an answer that does not convince is paid for and not shown, and a better model is asked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::plans::{assert_cost, escalate, gateway, labels, request, send as ask, stream, whole};
use common::router::TestRouter;
use common::upstream::{Reply, Upstream};
use common::{completion, deserted_base_url, soon};
use semroute::gateway::Outcome;
use semroute::routing::AnswerGate;
use serde_json::{Value, json};
use tokio::sync::oneshot;

const SORRY: &str = "I'm sorry, but I can't help with that.";

/// An answer with more in its only choice.
fn choosing(choice: Value) -> Value {
    let mut answer = completion("");
    let Value::Object(choice) = choice else { panic!("not an object: {choice}") };
    answer["choices"][0].as_object_mut().unwrap().extend(choice);
    answer
}

fn says(content: &str) -> Value {
    json!({"message": {"role": "assistant", "content": content}})
}

#[tokio::test]
async fn each_condition_asks_the_next_model_and_its_cost_is_added() {
    let schema = json!({"response_format": {"type": "json_schema", "json_schema": {"schema": {"required": ["a"]}}}});
    for (choice, more, label) in [
        (says(SORRY), json!({}), "gate_refusal"),
        (json!({"message": {"content": null, "refusal": "No."}}), json!({}), "gate_refusal"),
        (json!({"message": {"content": "How"}, "finish_reason": "content_filter"}), json!({}), "gate_refusal"),
        (says(" \n"), json!({}), "gate_empty"),
        (json!({"message": {"content": "Once"}, "finish_reason": "length"}), json!({}), "gate_cut"),
        (says("Sure: {}"), json!({"response_format": {"type": "json_object"}}), "gate_json"),
        (says("{\"b\": 1}"), schema, "gate_json"),
    ] {
        let cheap = Upstream::always(200, choosing(choice)).await;
        let dear = Upstream::always(200, completion("{\"a\": 1}")).await;
        let gateway = gateway(&[("cheap", cheap.base_url(), ""), ("dear", dear.base_url(), "")]);
        let answer = ask(&gateway, &escalate(&["cheap", "dear"], AnswerGate::default()), more.clone()).await.unwrap();
        assert_eq!(labels(&answer), [format!("cheap {label}"), "dear 200".into()]);
        assert_eq!((answer.model.as_str(), answer.provider.as_str()), ("dear", "dear-provider"));
        assert_cost(answer.unused_cost_usd, 0.0011);
        let (text, cost_usd) = whole(answer);
        assert_eq!(text, completion("{\"a\": 1}").to_string(), "handed on as it came");
        assert_cost(cost_usd, 0.011);
        let mut bodies = [&cheap, &dear].map(|upstream| upstream.received()[0].json());
        bodies.iter_mut().for_each(|body| body["model"] = "auto".into());
        assert_eq!(bodies[0], bodies[1], "both were asked the same");
        assert!(bodies[0].get("logprobs").is_none(), "never sent unless the gate needs them");
    }
}

#[tokio::test]
async fn what_convinces_is_handed_on_and_nobody_else_is_asked() {
    let calls = json!([{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
    for (choice, more) in [
        (says("Paris."), json!({})),
        (json!({"message": {"content": null, "tool_calls": calls}, "finish_reason": "tool_calls"}), json!({})),
        (json!({"message": {"content": "Once"}, "finish_reason": "length"}), json!({"max_tokens": 1})),
        (says("{\"a\": 1}"), json!({"response_format": {"type": "json_object"}})),
    ] {
        let cheap = Upstream::always(200, choosing(choice.clone())).await;
        let dear = Upstream::always(200, completion("dear")).await;
        let gateway = gateway(&[("cheap", cheap.base_url(), ""), ("dear", dear.base_url(), "")]);
        let answer = ask(&gateway, &escalate(&["cheap", "dear"], AnswerGate::default()), more).await.unwrap();
        assert_eq!(labels(&answer), ["cheap 200"]);
        assert_eq!(answer.unused_cost_usd, Some(0.0));
        assert_eq!(whole(answer).0, choosing(choice).to_string());
        assert_eq!(dear.calls(), 0);
    }
}

#[tokio::test]
async fn a_condition_that_is_switched_off_lets_everything_pass() {
    let off = AnswerGate { refusals: false, empty: false, cut: false, invalid_json: false, ..AnswerGate::default() };
    for choice in [says(SORRY), says(""), json!({"message": {"content": "a"}, "finish_reason": "length"})] {
        let cheap = Upstream::always(200, choosing(choice)).await;
        let gateway = gateway(&[("cheap", cheap.base_url(), ""), ("dear", &deserted_base_url(), "")]);
        let more = json!({"response_format": {"type": "json_object"}});
        assert_eq!(labels(&ask(&gateway, &escalate(&["cheap", "dear"], off), more).await.unwrap()), ["cheap 200"]);
    }
}

#[tokio::test]
async fn where_none_convinces_the_last_answer_is_handed_on_as_it_is() {
    let empty = Upstream::always(200, completion("")).await;
    let sorry = Upstream::always(200, completion(SORRY)).await;
    let broken = Upstream::always(500, json!({})).await;
    let refusing = Upstream::always(400, json!({"error": {"message": "too long"}})).await;
    let urls = [("empty", &empty), ("sorry", &sorry), ("broken", &broken), ("refusing", &refusing)];
    let models: Vec<_> = urls.iter().map(|(name, upstream)| (*name, upstream.base_url(), "")).collect();
    let gateway = gateway(&models);
    let gate = AnswerGate::default();
    for (plan, tries, served_by, own, unused) in [
        (&["empty", "sorry"][..], &["empty gate_empty", "sorry 200"][..], "sorry", 0.011, 0.0011),
        (&["sorry", "empty"], &["sorry gate_refusal", "empty 200"], "empty", 0.0011, 0.011),
        (&["empty", "broken"], &["empty gate_empty", "broken 500"], "empty", 0.0011, 0.0),
        (
            &["empty", "sorry", "broken"],
            &["empty gate_empty", "sorry gate_refusal", "broken 500"],
            "sorry",
            0.011,
            0.0011,
        ),
        // Somebody had an answer, so the refusal is that model's own and no word to the client.
        (&["empty", "refusing", "broken"], &["empty gate_empty", "refusing 400", "broken 500"], "empty", 0.0011, 0.0),
    ] {
        let answer = ask(&gateway, &escalate(plan, gate), json!({})).await.unwrap();
        assert_eq!(labels(&answer), tries);
        assert_eq!((answer.model.as_str(), answer.status.as_u16()), (served_by, 200));
        assert_cost(answer.unused_cost_usd, unused);
        assert_cost(whole(answer).1, own);
    }
}

#[tokio::test]
async fn a_refusal_of_the_request_and_failures_are_as_in_a_chain() {
    let refusal = json!({"error": {"message": "no", "type": "invalid_request_error", "param": "x", "code": "y"}});
    let refusing = Upstream::always(422, refusal.clone()).await;
    let good = Upstream::always(200, completion("good")).await;
    let broken = Upstream::always(503, json!({})).await;
    let models =
        [("refusing", refusing.base_url(), ""), ("good", good.base_url(), ""), ("broken", broken.base_url(), "")];
    let gateway = gateway(&models);
    let gate = AnswerGate::default();
    let answer = ask(&gateway, &escalate(&["refusing", "good"], gate), json!({})).await.unwrap();
    assert_eq!((labels(&answer), answer.status.as_u16()), (vec!["refusing 422".to_owned()], 422));
    assert_eq!(whole(answer).0, refusal.to_string());
    assert_eq!(good.calls(), 0);
    let answer = ask(&gateway, &escalate(&["broken", "good"], gate), json!({})).await.unwrap();
    assert_eq!(labels(&answer), ["broken 503", "good 200"]);
    assert_eq!(answer.unused_cost_usd, Some(0.0), "a failure costs nothing");
    let Err(error) = ask(&gateway, &escalate(&["broken", "broken"], gate), json!({})).await else {
        panic!("an answer")
    };
    assert_eq!(error.attempts.len(), 2);
    assert!(error.to_string().starts_with("no model answered: broken at broken-provider: status 503"));
}

#[tokio::test]
async fn a_model_that_is_not_convincing_in_time_is_left_and_its_work_cancelled() {
    let (gone, caller_gone) = oneshot::channel();
    let mut gone = Some(gone);
    let silent = Upstream::start(move |_| Reply::Silence(gone.take().unwrap())).await;
    let good = Upstream::always(200, completion("good")).await;
    let gateway = gateway(&[("silent", silent.base_url(), ""), ("good", good.base_url(), "")]);
    let gate = AnswerGate { timeout_ms: Some(50), ..AnswerGate::default() };
    let answer = ask(&gateway, &escalate(&["silent", "good"], gate), json!({})).await.unwrap();
    assert_eq!(labels(&answer), ["silent gate_timeout", "good 200"]);
    assert_eq!(answer.unused_cost_usd, None, "nobody told what the silent one had done by then");
    assert!(answer.upstream_wait.as_millis() >= 50, "waiting for it is no work of ours");
    assert!(soon("the silent one's work is cancelled", caller_gone).await.is_err());
}

#[tokio::test]
async fn a_client_that_leaves_cancels_whoever_is_at_work() {
    let sorry = Upstream::always(200, completion(SORRY)).await;
    let (gone, caller_gone) = oneshot::channel();
    let (arrived, arrives) = oneshot::channel();
    let mut once = Some((gone, arrived));
    let silent = Upstream::start(move |_| {
        let (gone, arrived) = once.take().unwrap();
        arrived.send(()).unwrap();
        Reply::Silence(gone)
    })
    .await;
    let gateway = gateway(&[("sorry", sorry.base_url(), ""), ("silent", silent.base_url(), "")]);
    let sending = tokio::spawn(async move {
        let decision = escalate(&["sorry", "silent"], AnswerGate::default());
        gateway.send(&decision, &request(json!({}))).await.map(drop)
    });
    soon("the second model is asked", arrives).await.unwrap();
    sending.abort();
    assert!(soon("its work is cancelled", caller_gone).await.is_err());
}

/// An answer whose tokens have this log-probability each, if they were asked for.
async fn telling(logprob: f64) -> Upstream {
    Upstream::start(move |received| {
        let told = json!({"logprobs": {"content": [{"token": "a", "logprob": logprob}]}});
        let asked = received.json()["logprobs"] == true;
        Reply::Json(200, if asked { choosing(told) } else { completion("") })
    })
    .await
}

#[tokio::test]
async fn log_probabilities_are_asked_for_judged_and_taken_out_again() {
    let (unsure, sure) = (telling(-2.0).await, telling(-0.1).await);
    let last = Upstream::always(200, completion("last")).await;
    let models = [("unsure", unsure.base_url(), ""), ("sure", sure.base_url(), ""), ("last", last.base_url(), "")];
    let gateway = gateway(&models);
    let gate = AnswerGate { empty: false, min_mean_logprob: Some(-1.0), ..AnswerGate::default() };
    let plan = escalate(&["unsure", "sure", "last"], gate);
    let answer = ask(&gateway, &plan, json!({})).await.unwrap();
    assert_eq!(labels(&answer), ["unsure gate_logprob", "sure 200"]);
    assert_eq!(whole(answer).0, completion("").to_string(), "the client did not ask for them");
    let answer = ask(&gateway, &plan, json!({"logprobs": true})).await.unwrap();
    assert!(whole(answer).0.contains("-0.1"), "the client asked for them");
    let answer = ask(&gateway, &plan, json!({"logprobs": false})).await.unwrap();
    assert_eq!(labels(&answer), ["unsure 200"], "the client's word stands, and nothing is told");
    let answer = ask(&gateway, &escalate(&["last"], gate), json!({})).await.unwrap();
    assert_eq!(labels(&answer), ["last 200"]);
    assert!(last.received()[0].json().get("logprobs").is_none(), "nobody judges the last answer");
}

#[tokio::test]
async fn a_model_that_cannot_tell_log_probabilities_is_asked_without() {
    let plain = Upstream::start(|received| match received.json().get("logprobs") {
        Some(_) => Reply::Json(403, json!({"error": {"message": "no logprobs with this model"}})),
        None => Reply::Json(200, completion("plain")),
    })
    .await;
    let gateway = gateway(&[("plain", plain.base_url(), ""), ("other", &deserted_base_url(), "")]);
    let gate = AnswerGate { min_mean_logprob: Some(-1.0), ..AnswerGate::default() };
    let plan = escalate(&["plain", "other"], gate);
    assert_eq!(labels(&ask(&gateway, &plan, json!({})).await.unwrap()), ["plain 200"]);
    assert_eq!(plain.calls(), 2);
    let answer = ask(&gateway, &plan, json!({"logprobs": true})).await.unwrap();
    assert_eq!((answer.status.as_u16(), plain.calls()), (403, 3), "what the client asked for is the client's to hear");
}

#[tokio::test]
async fn a_whole_answer_to_a_request_for_a_stream_is_judged_as_one() {
    let (sorry, good) =
        (Upstream::always(200, completion(SORRY)).await, Upstream::always(200, completion("good")).await);
    let gateway = gateway(&[("sorry", sorry.base_url(), ""), ("good", good.base_url(), "")]);
    let answer = ask(&gateway, &escalate(&["sorry", "good"], AnswerGate::default()), json!({"stream": true})).await;
    let answer = answer.unwrap();
    assert_eq!(labels(&answer), ["sorry gate_refusal", "good 200"]);
    assert_eq!(whole(answer).0, completion("good").to_string());
}

#[tokio::test]
async fn what_does_not_convince_is_no_error_of_the_provider() {
    // Its being there installs the recorder that gateways of this process write to.
    let router = TestRouter::start(&common::router::model_at("m", &deserted_base_url(), 1.0, "")).await;
    let sorry = Upstream::always(200, completion(SORRY)).await;
    let broken = Upstream::always(500, json!({})).await;
    let good = Upstream::always(200, completion("good")).await;
    let models = [("metred", sorry.base_url(), ""), ("lame", broken.base_url(), ""), ("fine", good.base_url(), "")];
    let decision = escalate(&["metred", "lame", "fine"], AnswerGate::default());
    let answer = ask(&gateway(&models), &decision, json!({})).await.unwrap();
    assert!(matches!(answer.attempts[2].outcome, Outcome::Answered { status: 200 }));
    let metrics = router.get("/metrics").send().await.unwrap().text().await.unwrap();
    let has = |line: &str| metrics.lines().any(|found| found == line);
    assert!(has(
        r#"semroute_upstream_attempts_total{provider="metred-provider",model="metred",outcome="gate_refusal"} 1"#
    ));
    assert!(has(r#"semroute_fallbacks_total{from="metred",to="lame"} 1"#), "{metrics}");
    assert!(has(r#"semroute_fallbacks_total{from="lame",to="fine"} 1"#));
    assert!(has(r#"semroute_answer_cost_usd_count{provider="metred-provider",model="metred"} 1"#));
    assert!(has(r#"semroute_upstream_errors_total{provider="lame-provider",status="500"} 1"#));
    assert!(!metrics.contains(r#"semroute_upstream_errors_total{provider="metred-provider""#));
}

#[tokio::test]
async fn the_last_model_of_a_cascade_is_waited_for() {
    let sorry = Upstream::always(200, completion(SORRY)).await;
    let (slow, sender) = Upstream::streaming().await;
    let gateway = gateway(&[("sorry", sorry.base_url(), ""), ("slow", slow.base_url(), "")]);
    let gate = AnswerGate { timeout_ms: Some(1), ..AnswerGate::default() };
    let sending = tokio::spawn(async move {
        ask(&gateway, &escalate(&["sorry", "slow"], gate), json!({"stream": true})).await.map(|answer| labels(&answer))
    });
    let asked = async {
        while slow.calls() == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon("it is asked", asked).await;
    // However late this comes, the time of the gate is not the last one's.
    common::upstream::send(&sender, common::word("at last"));
    assert_eq!(sending.await.unwrap().unwrap()[1], "slow 200");
}

#[tokio::test]
async fn the_last_models_stream_is_held_back_by_nothing() {
    let broken = Upstream::always(500, json!({})).await;
    let (last, sender) = Upstream::streaming().await;
    common::upstream::send(&sender, common::word("I"));
    let gateway = gateway(&[("broken", broken.base_url(), ""), ("last", last.base_url(), "")]);
    let plan = escalate(&["broken", "last"], AnswerGate::default());
    let answer = ask(&gateway, &plan, json!({"stream": true})).await.unwrap();
    assert_eq!(common::plans::next(&mut stream(answer).0).await, common::word("I"));
}
