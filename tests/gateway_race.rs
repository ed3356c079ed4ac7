//! A race: several models at once, one answer, and the cost of all of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::time::Duration;

use common::plans::{
    assert_cost, gateway, gateway_of, impatient_race, labels, next, race, request, rest, send as ask, stream, whole,
};
use common::router::model_at;
use common::upstream::{Received, Reply, Upstream, send};
use common::{DONE, completion, deserted_base_url, soon, stop_event, usage_event, word};
use semroute::gateway::{Gateway, StreamEnd};
use semroute::routing::Pick;
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// A model that never answers, and the news that its caller is gone.
async fn silent() -> (Upstream, oneshot::Receiver<()>) {
    let (gone, caller_gone) = oneshot::channel();
    let mut gone = Some(gone);
    (Upstream::start(move |_| Reply::Silence(gone.take().unwrap())).await, caller_gone)
}

async fn until_asked(upstream: &Upstream) {
    let asked = async {
        while upstream.calls() == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon("it is asked", asked).await;
}

#[tokio::test]
async fn the_first_that_begins_is_handed_on_and_the_others_are_cancelled() {
    let (silent, caller_gone) = silent().await;
    let (slow, slow_sender) = Upstream::streaming().await;
    let (quick, quick_sender) = Upstream::streaming().await;
    let models = [("silent", silent.base_url(), ""), ("slow", slow.base_url(), ""), ("quick", quick.base_url(), "")];
    let gateway = gateway(&models);
    let sending = tokio::spawn(async move {
        ask(
            &gateway,
            &race(&["silent", "slow", "quick"], 3, Pick::First),
            json!({"stream": true, "stream_options": {"include_usage": true}}),
        )
        .await
    });
    until_asked(&silent).await;
    until_asked(&slow).await;
    send(&quick_sender, word("quick"));
    let answer = sending.await.unwrap().unwrap();
    assert_eq!(labels(&answer), ["silent lost_race", "slow lost_race", "quick 200"]);
    assert_eq!(answer.model, "quick");
    assert_eq!(answer.unused_cost_usd, None, "nobody told what the others had cost by then");
    assert!(soon("the silent one is cancelled", caller_gone).await.is_err());
    soon("the slow one is cancelled", slow_sender.closed()).await;
    let (mut events, _receipt) = stream(answer);
    assert_eq!(next(&mut events).await, word("quick"));
    send(&quick_sender, word("er") + &stop_event() + DONE);
    assert_eq!(rest(events).await, word("er") + &stop_event() + DONE);
}

#[tokio::test]
async fn a_failure_or_a_refusal_wins_nothing() {
    let failing = Upstream::always(500, json!({})).await;
    let refusing = Upstream::always(400, json!({"error": {"message": "no"}})).await;
    let good = Upstream::always(200, completion("good")).await;
    let models =
        [("failing", failing.base_url(), ""), ("refusing", refusing.base_url(), ""), ("good", good.base_url(), "")];
    let gateway = gateway(&models).with_comparison(|_| Some(0));
    for pick in [Pick::Nearest, Pick::Judge("good".into())] {
        let answer = ask(&gateway, &race(&["failing", "refusing", "good"], 3, pick), json!({})).await.unwrap();
        assert_eq!(labels(&answer), ["failing 500", "refusing 400", "good 200"], "one survivor needs no judge");
        assert_eq!(answer.unused_cost_usd, Some(0.0));
        assert_eq!(whole(answer).0, completion("good").to_string());
    }
    for pick in [Pick::First, Pick::Nearest] {
        let answer = ask(&gateway, &race(&["failing", "refusing", "good"], 2, pick), json!({})).await.unwrap();
        assert_eq!(labels(&answer), ["failing 500", "refusing 400"], "a refusal is the request's own, as in a chain");
        assert_eq!((answer.status.as_u16(), answer.model.as_str()), (400, "refusing"));
    }
}

#[tokio::test]
async fn when_all_contestants_fail_the_rest_are_asked_one_by_one() {
    let failing = Upstream::always(500, json!({})).await;
    let (good, spare) = (Upstream::always(200, completion("good")).await, Upstream::always(200, completion("")).await);
    let deserted = deserted_base_url();
    let models = [
        ("a", failing.base_url(), ""),
        ("b", &*deserted, ""),
        ("c", failing.base_url(), ""),
        ("d", good.base_url(), ""),
        ("e", spare.base_url(), ""),
    ];
    let gateway = gateway(&models);
    for pick in [Pick::First, Pick::Nearest, Pick::Judge("e".into())] {
        let answer = ask(&gateway, &race(&["a", "b", "c", "d", "e"], 2, pick), json!({})).await.unwrap();
        assert_eq!(labels(&answer), ["a 500", "b connect", "c 500", "d 200"]);
    }
    assert_eq!(spare.calls(), 0);
    let Err(error) = ask(&gateway, &race(&["a", "b"], 2, Pick::First), json!({})).await else { panic!("an answer") };
    let each = "no model answered: a at a-provider: status 500; b at b-provider: cannot connect";
    assert!(error.to_string().starts_with(each), "{error}");
}

/// Three models that say one, two and three, and cost 0.0011, 0.011 and 0.11 USD.
async fn three() -> ([Upstream; 3], Gateway) {
    let upstreams = [
        Upstream::always(200, completion("one")).await,
        Upstream::always(200, completion("two")).await,
        Upstream::always(200, completion("three")).await,
    ];
    let models =
        [("a", upstreams[0].base_url(), ""), ("b", upstreams[1].base_url(), ""), ("c", upstreams[2].base_url(), "")];
    let gateway = gateway(&models);
    (upstreams, gateway)
}

#[tokio::test]
async fn the_nearest_is_handed_on_and_all_are_paid_for() {
    let (_upstreams, gateway) = three().await;
    let gateway = gateway.with_comparison(|texts| texts.iter().position(|text| *text == "two"));
    let answer = ask(&gateway, &race(&["a", "b", "c"], 3, Pick::Nearest), json!({})).await.unwrap();
    assert_eq!(labels(&answer), ["a lost_race", "b 200", "c lost_race"]);
    assert_cost(answer.unused_cost_usd, 0.1111);
    let (text, cost_usd) = whole(answer);
    assert_eq!(text, completion("two").to_string());
    assert_cost(cost_usd, 0.011);
}

#[tokio::test]
async fn where_nothing_can_be_compared_the_first_of_the_plan_wins() {
    let plan = race(&["c", "a", "b"], 3, Pick::Nearest);
    let (_upstreams, bare) = three().await;
    assert_eq!(ask(&bare, &plan, json!({})).await.unwrap().model, "c");
    for nowhere in [None, Some(3), Some(usize::MAX)] {
        let (_upstreams, gateway) = three().await;
        let gateway = gateway.with_comparison(move |_| nowhere);
        assert_eq!(ask(&gateway, &plan, json!({})).await.unwrap().model, "c");
    }
}

#[tokio::test]
async fn an_answer_without_a_word_is_nobodys_choice() {
    let (empty, good) = (Upstream::always(200, completion(" ")).await, Upstream::always(200, completion("good")).await);
    let gateway =
        gateway(&[("empty", empty.base_url(), ""), ("good", good.base_url(), "")]).with_comparison(|_| Some(0));
    let answer = ask(&gateway, &race(&["empty", "good"], 2, Pick::Nearest), json!({})).await.unwrap();
    assert_eq!(labels(&answer), ["empty lost_race", "good 200"]);
    let answer = ask(&gateway, &race(&["empty", "empty"], 2, Pick::Nearest), json!({})).await.unwrap();
    assert_eq!(answer.model, "empty", "where there is nothing else");
}

#[tokio::test]
async fn streams_are_read_whole_and_the_chosen_one_is_played_again() {
    let (a, a_sender) = Upstream::streaming().await;
    let (b, b_sender) = Upstream::streaming().await;
    let gateway = gateway(&[("a", a.base_url(), ""), ("b", b.base_url(), "")])
        .with_comparison(|texts| texts.iter().position(|text| *text == "the second"));
    let first = word("the ") + &word("first") + &stop_event() + &usage_event(1000, 100) + DONE;
    let second = word("the ") + ": beat\n\n" + &word("second") + &stop_event() + &usage_event(1000, 100);
    send(&a_sender, first);
    send(&b_sender, second.clone());
    drop(b_sender);
    let answer = ask(
        &gateway,
        &race(&["a", "b"], 2, Pick::Nearest),
        json!({"stream": true, "stream_options": {"include_usage": true}}),
    )
    .await
    .unwrap();
    assert_eq!(labels(&answer), ["a lost_race", "b 200"]);
    assert_cost(answer.unused_cost_usd, 0.0011);
    let (events, mut receipt) = stream(answer);
    assert_eq!(rest(events).await, second + DONE, "with the end that it forgot");
    let receipt = receipt.take().unwrap();
    assert_eq!(receipt.end, StreamEnd::Complete);
    assert_cost(receipt.cost_usd, 0.011);
}

#[tokio::test]
async fn a_stream_that_breaks_or_grows_too_large_is_out() {
    let (large, large_sender) = Upstream::streaming().await;
    let (broken, broken_sender) = Upstream::streaming().await;
    let (good, good_sender) = Upstream::streaming().await;
    send(&large_sender, word(&"word ".repeat(200)));
    send(&broken_sender, word("half"));
    drop(broken_sender);
    send(&good_sender, word("good") + &stop_event() + DONE);
    let toml = model_at("large", large.base_url(), 1.0, "max_answer_bytes = 500")
        + &model_at("broken", broken.base_url(), 1.0, "")
        + &model_at("good", good.base_url(), 1.0, "");
    let plan = race(&["large", "broken", "good"], 3, Pick::Nearest);
    let answer = ask(&gateway_of(&toml), &plan, json!({"stream": true, "stream_options": {"include_usage": true}}))
        .await
        .unwrap();
    assert_eq!(labels(&answer), ["large too_large", "broken broken", "good 200"]);
    assert_eq!(answer.unused_cost_usd, None, "they cost something, and nobody told what");
    soon("the large one is cancelled", large_sender.closed()).await;
}

/// The number that the judge is shown for an answer with this text.
fn number_of(text: &str, question: &Received) -> String {
    let question = question.json()["messages"][1]["content"].as_str().unwrap().to_owned();
    let before = question.split(&format!(">>\n{text}\n<<")).next().unwrap().to_owned();
    before.rsplit("<<answer ").next().unwrap().split(' ').next().unwrap().to_owned()
}

/// What a judge says.
type Says = fn(&Received) -> Reply;

/// Three contestants as above, and a judge.
async fn judged(judge: impl FnMut(&Received) -> Reply + Send + 'static) -> (Vec<Upstream>, Upstream, Gateway) {
    let judge = Upstream::start(judge).await;
    let mut upstreams = Vec::new();
    let mut toml = model_at("judge", judge.base_url(), 1000.0, "");
    for (name, says, price) in [("a", "one", 1.0), ("b", "two", 10.0), ("c", "three", 100.0)] {
        let upstream = Upstream::always(200, completion(says)).await;
        toml += &model_at(name, upstream.base_url(), price, "");
        upstreams.push(upstream);
    }
    (upstreams, judge, gateway_of(&toml))
}

#[tokio::test]
async fn the_judge_picks_and_is_paid_for_and_does_not_always_read_the_same_answer_first() {
    let says = |received: &Received| Reply::Json(200, completion(&format!("Answer {}.", number_of("two", received))));
    let (_upstreams, judge, gateway) = judged(says).await;
    let more = json!({"messages": [{"role": "user", "content": "old"}, {"role": "assistant", "content": "answer"},
        {"role": "user", "content": [{"type": "text", "text": "What is 1 + 1?"}]}]});
    for _ in 0..20 {
        let plan = race(&["a", "b", "c"], 3, Pick::Judge("judge".into()));
        let answer = ask(&gateway, &plan, more.clone()).await.unwrap();
        assert_eq!(labels(&answer), ["a lost_race", "b 200", "c lost_race", "judge 200"]);
        // One and three, and the judge's own 1,100 tokens.
        assert_cost(answer.unused_cost_usd, 0.0011 + 0.11 + 1.1);
        assert_eq!(whole(answer).0, completion("two").to_string());
    }
    let questions = judge.received();
    let question = questions[0].json();
    assert_eq!(question["model"], "upstream-judge");
    let text = question["messages"][1]["content"].as_str().unwrap();
    assert!(text.contains(">>\nWhat is 1 + 1?\n<<") && !text.contains("old"), "{text}");
    assert!(question.get("stream").is_none() && question.get("temperature").is_none());
    let mut places: Vec<String> = questions.iter().map(|question| number_of("two", question)).collect();
    places.sort();
    places.dedup();
    assert!(places.len() > 1, "in twenty questions it always stood at place {places:?}");
}

#[tokio::test]
async fn without_a_verdict_the_comparison_decides_and_then_the_plan() {
    let babble = |_: &_| Reply::Json(200, completion("They are all so good!"));
    let beside = |_: &_| Reply::Json(200, completion("7"));
    let broken = |_: &_| Reply::Json(500, json!({}));
    let refusing = |_: &_| Reply::Json(400, json!({"error": {"message": "no"}}));
    let scripts: [(Says, &str, f64); 4] =
        [(babble, "no_verdict", 1.1), (beside, "no_verdict", 1.1), (broken, "500", 0.0), (refusing, "400", 0.0)];
    for (script, label, judge_cost_usd) in scripts {
        let (_upstreams, _judge, gateway) = judged(script).await;
        let plan = race(&["a", "b"], 2, Pick::Judge("judge".into()));
        let answer = ask(&gateway, &plan, json!({})).await.unwrap();
        assert_eq!(labels(&answer), ["a 200".to_owned(), "b lost_race".into(), format!("judge {label}")]);
        assert_cost(answer.unused_cost_usd, 0.011 + judge_cost_usd);
        let gateway = gateway.with_comparison(|texts| texts.iter().position(|text| *text == "two"));
        assert_eq!(ask(&gateway, &plan, json!({})).await.unwrap().model, "b");
    }
    let (_upstreams, gateway) = three().await;
    let answer = ask(&gateway, &race(&["a", "b"], 2, Pick::Judge("nobody".into())), json!({})).await.unwrap();
    assert_eq!(labels(&answer), ["a 200", "b lost_race", "nobody not_configured"]);
}

#[tokio::test]
async fn the_judge_sees_both_ends_of_a_long_answer_and_no_more() {
    let long = "beginning ".to_owned() + &"x".repeat(100_000) + " end";
    let (judge, wordy) = (Upstream::always(200, completion("1")).await, Upstream::always(200, completion(&long)).await);
    let gateway = gateway(&[("wordy", wordy.base_url(), ""), ("judge", judge.base_url(), "")]);
    let plan = race(&["wordy", "wordy"], 2, Pick::Judge("judge".into()));
    ask(&gateway, &plan, json!({})).await.unwrap();
    let question: Value = judge.received()[0].json();
    let text = question["messages"][1]["content"].as_str().unwrap();
    assert!(text.len() < 10_000 && text.contains("beginning x") && text.contains("x end"), "{}", text.len());
}

#[tokio::test]
async fn a_client_that_leaves_cancels_all() {
    for pick in [Pick::First, Pick::Nearest] {
        let ((a, a_gone), (b, b_gone)) = (silent().await, silent().await);
        let gateway = gateway(&[("a", a.base_url(), ""), ("b", b.base_url(), "")]);
        let sending =
            tokio::spawn(async move { gateway.send(&race(&["a", "b"], 2, pick), &request(json!({}))).await.map(drop) });
        until_asked(&a).await;
        until_asked(&b).await;
        sending.abort();
        assert!(soon("a is cancelled", a_gone).await.is_err());
        assert!(soon("b is cancelled", b_gone).await.is_err());
    }
}

#[tokio::test]
async fn a_race_of_one_is_a_chain() {
    let (_upstreams, gateway) = three().await;
    for (at_once, tries) in [(0, 1), (1, 1), (99, 3)] {
        let answer = ask(&gateway, &race(&["b", "a", "c"], at_once, Pick::Nearest), json!({})).await.unwrap();
        assert_eq!((answer.model.as_str(), answer.attempts.len()), ("b", tries));
    }
}

#[tokio::test]
async fn answers_that_are_compared_are_not_waited_for_without_end() {
    let (silent, caller_gone) = silent().await;
    let good = Upstream::always(200, completion("good")).await;
    let gateway = gateway(&[("silent", silent.base_url(), ""), ("good", good.base_url(), "")]);
    let race = impatient_race(&["silent", "good"], Pick::Nearest, Duration::from_millis(50));
    let answer = ask(&gateway, &race, json!({})).await.unwrap();
    assert_eq!(labels(&answer), ["silent lost_race", "good 200"]);
    assert!(soon("the silent one is cancelled", caller_gone).await.is_err());
}
