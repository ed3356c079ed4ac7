//! A cascade's streams: held back until they convince and not a moment longer, with nothing lost and nothing said twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::plans::{assert_cost, escalate, gateway, gateway_of, labels, next, request, rest, send as ask, stream};
use common::router::model_at;
use common::upstream::{Piece, Upstream, send};
use common::{DONE, completion, deserted_base_url, soon, stop_event, usage_event, word};
use semroute::gateway::{Answer, StreamEnd};
use semroute::routing::AnswerGate;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

const SORRY: &str = "I'm sorry, but I can't help with that.";

fn event(choice: &Value) -> String {
    format!("data: {}\n\n", json!({"choices": [choice]}))
}

/// A cheap model that streams these pieces, and a dear one that streams "good".
struct Two {
    cheap: UnboundedSender<Piece>,
    _cheap: Upstream,
    dear: Upstream,
    gateway: semroute::gateway::Gateway,
}

async fn two(pieces: &[String], more: &str) -> Two {
    let (cheap, sender) = Upstream::streaming().await;
    let (dear, dear_sender) = Upstream::streaming().await;
    pieces.iter().for_each(|piece| send(&sender, piece.clone()));
    send(&dear_sender, word("good") + &stop_event() + &usage_event(1000, 100) + DONE);
    let gateway =
        gateway_of(&(model_at("cheap", cheap.base_url(), 1.0, more) + &model_at("dear", dear.base_url(), 10.0, "")));
    Two { cheap: sender, _cheap: cheap, dear, gateway }
}

async fn asked(two: &Two, gate: AnswerGate, more: Value) -> Answer {
    let mut body = json!({"stream": true, "stream_options": {"include_usage": true}});
    let Value::Object(more) = more else { panic!("not an object: {more}") };
    body.as_object_mut().unwrap().extend(more);
    ask(&two.gateway, &escalate(&["cheap", "dear"], gate), body).await.unwrap()
}

#[tokio::test]
async fn a_stream_is_handed_on_as_soon_as_it_has_said_enough() {
    // 160 characters in 16 pieces, a heartbeat and a role before them.
    let role = event(&json!({"index": 0, "delta": {"role": "assistant", "content": ""}}));
    let mut pieces = vec![role, ": beat\n\n".to_owned()];
    pieces.extend((0..16).map(|n| word(&format!("{n:09} "))));
    let two = two(&pieces, "").await;
    let answer = asked(&two, AnswerGate::default(), json!({})).await;
    assert_eq!(labels(&answer), ["cheap 200"]);
    let (mut events, mut receipt) = stream(answer);
    let mut held = String::new();
    while held.len() < pieces.concat().len() {
        held += &next(&mut events).await;
    }
    assert_eq!(held, pieces.concat(), "all of it, while the provider waits");
    for n in 0..3 {
        send(&two.cheap, word(&format!("more {n}")));
        assert_eq!(next(&mut events).await, word(&format!("more {n}")), "from here on as it arrives");
    }
    send(&two.cheap, stop_event() + &usage_event(1000, 100) + DONE);
    assert_eq!(rest(events).await, stop_event() + &usage_event(1000, 100) + DONE);
    let receipt = receipt.take().unwrap();
    assert_eq!(receipt.end, StreamEnd::Complete);
    assert_cost(receipt.cost_usd, 0.0011);
    assert_eq!(two.dear.calls(), 0);
}

/// A gate of 22 characters. What it should hold back for ever gives itself away by its time; what it should let through has any time.
fn gate_of_22(label: &str) -> AnswerGate {
    let timeout_ms = label.ends_with("gate_timeout").then_some(300);
    AnswerGate { stream_characters: 22, timeout_ms, ..AnswerGate::default() }
}

#[tokio::test]
async fn nothing_is_handed_on_before_that() {
    for (last, label) in [("", "cheap gate_timeout"), ("!", "cheap 200")] {
        let two = two(&[word("almost, "), word("but not quite"), word(last)], "").await;
        assert_eq!(labels(&asked(&two, gate_of_22(label), json!({})).await)[0], label, "21 characters are not 22");
    }
}

#[tokio::test]
async fn a_short_answer_passes_at_its_end() {
    let pieces = [word("Pa"), word("ris."), stop_event(), usage_event(1000, 100), DONE.to_owned()];
    let two = two(&pieces, "").await;
    let answer = asked(&two, AnswerGate::default(), json!({})).await;
    assert_eq!(labels(&answer), ["cheap 200"]);
    let (events, mut receipt) = stream(answer);
    assert_eq!(rest(events).await, pieces.concat());
    assert_cost(receipt.take().unwrap().cost_usd, 0.0011);
}

#[tokio::test]
async fn an_end_without_done_is_mended_and_an_end_without_an_end_is_a_failure() {
    let forgetful = two(&[word("Paris."), stop_event()], "").await;
    let Two { cheap, _cheap, dear: _, gateway } = forgetful;
    drop(cheap);
    let plan = escalate(&["cheap", "dear"], AnswerGate::default());
    let answer =
        ask(&gateway, &plan, json!({"stream": true, "stream_options": {"include_usage": true}})).await.unwrap();
    assert_eq!(rest(stream(answer).0).await, word("Paris.") + &stop_event() + DONE);
    for end in
        [None, Some(Piece::Break), Some(Piece::Bytes("data: {\"error\":{\"message\":\"overloaded\"}}\n\n".into()))]
    {
        let breaking = two(&[word("Par")], "").await;
        let Two { cheap, _cheap, dear: _, gateway } = breaking;
        let label = if matches!(end, Some(Piece::Bytes(_))) { "error_event" } else { "broken" };
        let closed = end.is_none();
        if let Some(end) = end {
            cheap.send(end).unwrap();
        }
        drop(cheap);
        let answer =
            ask(&gateway, &plan, json!({"stream": true, "stream_options": {"include_usage": true}})).await.unwrap();
        assert_eq!(labels(&answer), [format!("cheap {label}"), "dear 200".into()]);
        if closed {
            assert_eq!(answer.unused_cost_usd, None, "it had begun, and nobody told what it cost");
        }
        assert!(rest(stream(answer).0).await.starts_with(&word("good")));
    }
}

#[tokio::test]
async fn each_condition_asks_the_next_model_and_the_counts_are_waited_for() {
    let cut = event(&json!({"index": 0, "delta": {}, "finish_reason": "length"}));
    let filtered = event(&json!({"index": 0, "delta": {}, "finish_reason": "content_filter"}));
    let refusal = event(&json!({"index": 0, "delta": {"refusal": "No."}}));
    let wants_json = json!({"response_format": {"type": "json_object"}});
    for (pieces, more, label) in [
        (vec![word("I'm sorry, "), word("but I can't help with that."), stop_event()], json!({}), "gate_refusal"),
        (vec![refusal, stop_event()], json!({}), "gate_refusal"),
        (vec![word("How"), filtered], json!({}), "gate_refusal"),
        (vec![word(""), stop_event()], json!({}), "gate_empty"),
        (vec![word("Once upon"), cut], json!({}), "gate_cut"),
        (vec![word(&"{\"a\": 1 ".repeat(50)), stop_event()], wants_json, "gate_json"),
    ] {
        let two = two(&pieces, "").await;
        let counts = usage_event(1000, 100);
        send(&two.cheap, counts + DONE);
        let answer = asked(&two, AnswerGate::default(), more).await;
        assert_eq!(labels(&answer), [format!("cheap {label}"), "dear 200".into()]);
        assert_cost(answer.unused_cost_usd, 0.0011);
        let (events, mut receipt) = stream(answer);
        assert_eq!(rest(events).await, word("good") + &stop_event() + &usage_event(1000, 100) + DONE);
        assert_cost(receipt.take().unwrap().cost_usd, 0.011);
        soon("the unwanted stream is let go", two.cheap.closed()).await;
    }
}

#[tokio::test]
async fn a_caveat_that_goes_on_is_handed_on_while_it_does() {
    let caveat = word("I'm sorry, but I can't help with the first part. ");
    for (more, label) in [(40, "cheap gate_timeout"), (60, "cheap 200")] {
        let two = two(&[caveat.clone(), word(&"The second is this. ".repeat(more))], "").await;
        assert_eq!(labels(&asked(&two, gate_of_22(label), json!({})).await)[0], label, "a refusal may explain itself");
    }
}

#[tokio::test]
async fn a_tool_call_passes_when_it_begins() {
    let call = json!([{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]);
    let call = event(&json!({"index": 0, "delta": {"tool_calls": call}}));
    let two = two(std::slice::from_ref(&call), "").await;
    let answer = asked(&two, AnswerGate::default(), json!({"response_format": {"type": "json_object"}})).await;
    assert_eq!(next(&mut stream(answer).0).await, call, "while the provider still writes its arguments");
}

#[tokio::test]
async fn json_passes_at_its_end_and_not_before() {
    let half = word(&format!("{{\"a\": \"{}\"", "x".repeat(500)));
    let wants_json = json!({"response_format": {"type": "json_object"}});
    let unfinished = two(std::slice::from_ref(&half), "").await;
    assert_eq!(
        labels(&asked(&unfinished, gate_of_22("gate_timeout"), wants_json.clone()).await)[0],
        "cheap gate_timeout"
    );
    let finished = two(&[half.clone(), word("}"), stop_event()], "").await;
    let answer = asked(&finished, gate_of_22("cheap 200"), wants_json).await;
    assert_eq!(labels(&answer), ["cheap 200"]);
    assert_eq!(next(&mut stream(answer).0).await, half + &word("}") + &stop_event(), "before DONE has come");
}

#[tokio::test]
async fn what_is_held_back_is_bounded_and_then_handed_on_unjudged() {
    let large = word(&"no json ".repeat(50));
    let two = two(std::slice::from_ref(&large), "max_answer_bytes = 300").await;
    let answer = asked(&two, AnswerGate::default(), json!({"response_format": {"type": "json_object"}})).await;
    assert_eq!(labels(&answer), ["cheap 200"]);
    let (mut events, _receipt) = stream(answer);
    assert_eq!(next(&mut events).await, large);
    send(&two.cheap, stop_event() + DONE);
    assert_eq!(rest(events).await, stop_event() + DONE);
}

#[tokio::test]
async fn a_stream_that_does_not_pass_in_time_is_left() {
    let two = two(&[word("Well, ")], "").await;
    let gate = AnswerGate { timeout_ms: Some(100), ..AnswerGate::default() };
    let answer = asked(&two, gate, json!({})).await;
    assert_eq!(labels(&answer), ["cheap gate_timeout", "dear 200"]);
    assert_eq!(answer.unused_cost_usd, None);
    soon("its work is cancelled", two.cheap.closed()).await;
}

#[tokio::test]
async fn a_refusal_that_streamed_is_handed_on_whole_where_nobody_has_better() {
    let (cheap, sender) = Upstream::streaming().await;
    let pieces = word(SORRY) + &stop_event() + &usage_event(1000, 100) + DONE;
    send(&sender, pieces.clone());
    let gateway = gateway(&[("cheap", cheap.base_url(), ""), ("dear", &deserted_base_url(), "")]);
    let plan = escalate(&["cheap", "dear"], AnswerGate::default());
    let answer =
        ask(&gateway, &plan, json!({"stream": true, "stream_options": {"include_usage": true}})).await.unwrap();
    assert_eq!(labels(&answer), ["cheap gate_refusal", "dear connect"]);
    assert_eq!((answer.model.as_str(), answer.unused_cost_usd), ("cheap", Some(0.0)));
    let (events, mut receipt) = stream(answer);
    assert_eq!(rest(events).await, pieces);
    assert_cost(receipt.take().unwrap().cost_usd, 0.0011);
}

/// A word whose token has this log-probability.
fn told(content: &str, logprob: f64) -> String {
    let logprobs = json!({"content": [{"token": content, "logprob": logprob}]});
    event(&json!({"index": 0, "delta": {"content": content}, "logprobs": logprobs, "finish_reason": null}))
}

fn bare(content: &str) -> String {
    event(&json!({"index": 0, "delta": {"content": content}, "finish_reason": null}))
}

#[tokio::test]
async fn log_probabilities_are_judged_early_and_taken_out_of_every_event() {
    let gate = AnswerGate { stream_characters: 5, min_mean_logprob: Some(-1.0), ..AnswerGate::default() };
    let sure = two(&[told("Paris", -0.5)], "").await;
    let answer = asked(&sure, gate, json!({})).await;
    assert_eq!(labels(&answer), ["cheap 200"]);
    let (mut events, _receipt) = stream(answer);
    assert_eq!(next(&mut events).await, bare("Paris"));
    send(&sure.cheap, told(" it is", -9.0));
    assert_eq!(next(&mut events).await, bare(" it is"), "judged by its beginning");
    send(&sure.cheap, stop_event() + DONE);
    assert_eq!(rest(events).await, stop_event() + DONE);

    let unsure = two(&[told("Perhaps", -3.0)], "").await;
    let answer = asked(&unsure, gate, json!({})).await;
    assert_eq!(labels(&answer), ["cheap gate_logprob", "dear 200"]);
    soon("it is let go in the middle of its answer", unsure.cheap.closed()).await;
    let kept = two(&[told("Perhaps", -3.0)], "").await;
    let answer = asked(&kept, gate, json!({"logprobs": true})).await;
    assert_eq!(labels(&answer), ["cheap gate_logprob", "dear 200"], "the client's own serve as well");
}

#[tokio::test]
async fn a_stream_that_was_left_in_the_middle_goes_on_where_nobody_has_better() {
    let (cheap, sender) = Upstream::streaming().await;
    send(&sender, told("Perhaps", -3.0));
    let failing = Upstream::always(500, completion("")).await;
    let gateway = gateway(&[("cheap", cheap.base_url(), ""), ("dear", failing.base_url(), "")]);
    let gate = AnswerGate { stream_characters: 5, min_mean_logprob: Some(-1.0), ..AnswerGate::default() };
    let answer = ask(
        &gateway,
        &escalate(&["cheap", "dear"], gate),
        json!({"stream": true, "stream_options": {"include_usage": true}}),
    )
    .await
    .unwrap();
    assert_eq!(labels(&answer), ["cheap gate_logprob", "dear 500"]);
    let (mut events, _receipt) = stream(answer);
    assert_eq!(next(&mut events).await, bare("Perhaps"));
    send(&sender, told(" Paris", -3.0) + &stop_event() + DONE);
    assert_eq!(rest(events).await, bare(" Paris") + &stop_event() + DONE);
}

#[tokio::test]
async fn a_client_that_leaves_while_a_stream_is_held_back_cancels_it() {
    let Two { cheap, _cheap: upstream, dear: _, gateway } = two(&[word("Well, ")], "").await;
    let sending = tokio::spawn(async move {
        let decision = escalate(&["cheap", "dear"], AnswerGate::default());
        gateway
            .send(&decision, &request(json!({"stream": true, "stream_options": {"include_usage": true}})))
            .await
            .map(drop)
    });
    let asked = async {
        while upstream.calls() == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon("it is asked", asked).await;
    sending.abort();
    soon("its work is cancelled", cheap.closed()).await;
}
