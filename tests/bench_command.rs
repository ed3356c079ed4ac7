//! `semroute bench`, through the real binary: the figures that scripts read are there, and JSON is nothing but JSON.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use command_line::Folder;
use serde_json::Value;

fn expect_positive(figures: &Value, names: &[&str]) {
    for name in names {
        assert!(figures[name].as_f64().is_some_and(|figure| figure > 0.0), "{name}: {}", figures[name]);
    }
}

#[test]
fn the_hot_path_is_timed_and_hardly_grows_with_the_prompt() {
    let folder = Folder::new();
    let output = folder.output_of(&["bench", "--no-gateway", "--json", "-", "--tokens", "12", "--batch", "2"]);
    let figures: Value = serde_json::from_str(&output).expect("standard output is JSON and nothing else");
    expect_positive(
        &figures,
        &[
            "embed_ms_p50",
            "embed_ms_p95",
            "classify_us_p50",
            "embed_classify_us_p50",
            "route_us_p50",
            "route_us_p95",
            "embed_texts_per_s",
        ],
    );
    assert_eq!((&figures["tokens"], &figures["batch"], &figures["threads"]), (&12.into(), &2.into(), &1.into()));
    // The built-in table reads words and adds no special tokens.
    assert_eq!((&figures["embedder"], &figures["embedder_tokens_read"]), (&"builtin".into(), &10.into()));
    assert!(figures["optimised"].is_boolean() && figures["processor"].is_string());
    assert!(figures.get("gateway_overhead_ms_p50").is_none());
    // The second tier, where the build has one, is timed by itself; what stands above is what every prompt costs.
    assert_eq!(figures.get("second_tier_us_p50").is_some(), cfg!(feature = "encoder"));
    let growth = figures["growth"].as_array().unwrap();
    let us_of = |bytes: u64| {
        let row =
            growth.iter().find(|row| row["prompt_bytes"] == bytes).unwrap_or_else(|| panic!("no {bytes}: {growth:?}"));
        row["route_us_p50"].as_f64().unwrap()
    };
    assert!(us_of(8) > 0.0 && growth.len() >= 5, "{growth:?}");
    // 32 times the bytes, read through windows of a fixed size: many times over would mean that all of it is read.
    assert!(us_of(1 << 20) < 8.0 * us_of(32 << 10), "{growth:?}");
}

#[test]
fn the_gateway_is_timed_beside_a_direct_call() {
    let folder = Folder::new();
    let said = folder.output_of(&["bench", "--json", "figures.json", "--tokens", "3"]);
    let figures = folder.read_json("figures.json");
    expect_positive(&figures, &["cold_start_ms_p50", "call_direct_ms_p50", "call_named_ms_p50", "call_auto_ms_p50"]);
    assert!(figures["call_auto_with_log_and_key_ms_p50"].is_number() && figures["log_and_key_ms_p50"].is_number());
    assert!(figures["gateway_overhead_ms_p50"].is_number() && figures["gateway_overhead_named_ms_p50"].is_number());
    for name in figures.as_object().unwrap().keys() {
        assert!(said.contains(name.as_str()), "{name} is not shown: {said}");
    }
}

#[test]
fn wrong_use_is_refused_by_name() {
    let folder = Folder::new();
    let cases: [(&[&str], &[&str]); 6] = [
        (&["bench", "--tokens", "2"], &["--tokens"]),
        (&["bench", "--batch", "0"], &["--batch"]),
        (&["bench", "--threads", "0"], &["--threads"]),
        (&["bench", "--router", "absent"], &["absent/router.json"]),
        (&["bench", "--embedder", "./absent"], &["absent"]),
        (&["bench", "--json"], &["--json"]),
    ];
    for (arguments, expected) in cases {
        folder.expect_refusal(arguments, expected);
    }
}
