//! A configuration that changes while the server runs: it is taken whole or not at all, and no request is lost over it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::binary::Binary;
use common::router::model_at;
use common::upstream::{Upstream, send};
use common::{DONE, completion, soon, stop_event, word};
use reqwest::Client;
use serde_json::{Value, json};

/// Thousands of looks at a page are not worth a line each.
const QUIET: [(&str, &str); 1] = [("SEMROUTE_LOG", "warn")];

/// A page as text.
async fn get(client: &Client, binary: &Binary, path: &str) -> String {
    client.get(format!("{}{path}", binary.url())).send().await.unwrap().text().await.unwrap()
}

/// Waits until the page holds these words.
async fn until_it_says(client: &Client, binary: &Binary, path: &str, words: &str) {
    let polling = async { while !get(client, binary, path).await.contains(words) {} };
    soon(&format!("{path} says {words}"), polling).await;
}

async fn ask(client: &Client, binary: &Binary, more: Value) -> reqwest::Response {
    let mut body = json!({"model": "a", "messages": [{"role": "user", "content": "Hello"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.post(format!("{}/v1/chat/completions", binary.url())).json(&body).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_takes_the_new_file_and_a_stream_under_way_ends_by_the_old_one() {
    let (old, words) = Upstream::streaming().await;
    let new = Upstream::always(200, completion("from the new one")).await;
    let client = semroute::gateway::loopback_client().unwrap();
    let quiet = "[server]\nreload_on_change = false\n";
    let binary = Binary::serve(&(quiet.to_owned() + &model_at("a", old.base_url(), 1.0, "")), &QUIET);
    send(&words, word("from "));
    let streaming = ask(&client, &binary, json!({"stream": true})).await;

    let changed = quiet.to_owned() + &model_at("a", new.base_url(), 1.0, "") + &model_at("b", new.base_url(), 2.0, "");
    binary.write_config(&changed);
    binary.hang_up();
    until_it_says(&client, &binary, "/v1/models", "\"b\"").await;
    let answer = ask(&client, &binary, json!({})).await.text().await.unwrap();
    assert!(answer.contains("from the new one"), "{answer}");

    send(&words, word("the old one") + &stop_event() + DONE);
    let text = soon("the stream ends", streaming.text()).await.unwrap();
    assert_eq!(text, word("from ") + &word("the old one") + &stop_event() + DONE);
    assert!(binary.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_is_read_and_a_wrong_one_is_not_taken() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let client = semroute::gateway::loopback_client().unwrap();
    let model = |name| model_at(name, upstream.base_url(), 1.0, "");
    let binary = Binary::serve(&model("a"), &QUIET);
    let refused = "semroute_config_reloads_total{outcome=\"refused\"} 1";
    assert!(!get(&client, &binary, "/metrics").await.contains(refused));
    binary.write_config(&("[router]\nstrategy = \"bestest\"\n".to_owned() + &model("a")));
    until_it_says(&client, &binary, "/metrics", refused).await;
    assert_eq!(ask(&client, &binary, json!({})).await.status(), 200, "the one before stays");
    binary.write_config(&(model("a") + &model("b")));
    until_it_says(&client, &binary, "/v1/models", "\"b\"").await;
    assert_eq!(ask(&client, &binary, json!({"model": "b"})).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_lost_while_configurations_come_and_go() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let client = semroute::gateway::loopback_client().unwrap();
    let quiet = "[server]\nreload_on_change = false\n";
    let with = |more: &str| quiet.to_owned() + &model_at("a", upstream.base_url(), 1.0, "") + more;
    let binary = Binary::serve(&with(""), &QUIET);
    let asking = async {
        let mut answered = 0;
        for round in 1..=3 {
            let name = format!("m{round}");
            binary.write_config(&with(&model_at(&name, upstream.base_url(), 2.0, "")));
            binary.hang_up();
            while !get(&client, &binary, "/v1/models").await.contains(&format!("\"{name}\"")) {
                let asked = (0..8).map(|_| ask(&client, &binary, json!({})));
                for response in futures_util::future::join_all(asked).await {
                    assert_eq!(response.status(), 200);
                    answered += 1;
                }
            }
        }
        answered
    };
    assert!(soon("three reloads", asking).await >= 24);
    assert_eq!(upstream.calls() % 8, 0);
}
