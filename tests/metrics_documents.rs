//! What `/metrics` tells, what `docs/metrics.md` says that it tells, and what the Grafana dashboard asks for are one list.
#![allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::router::{TestRouter, model_at};
use common::upstream::{Upstream, send};
use common::{DONE, completion, soon, stop_event, usage_event, word};
use semroute::http::CATALOGUE;
use serde_json::{Value, json};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Kind and labels of each metric in the table.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let text = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 4, "{row}");
        let labels =
            cells[2].split(", ").filter(|label| !label.is_empty()).map(|label| label.trim_matches('`').to_owned());
        (cells[0].trim_matches('`').to_owned(), (cells[1].to_owned(), labels.collect()))
    })
    .collect()
}

#[test]
fn the_table_has_every_metric_and_no_other() {
    let declared: BTreeMap<&str, &str> = CATALOGUE.iter().map(|(name, kind, _)| (*name, kind.name())).collect();
    assert_eq!(declared.len(), CATALOGUE.len(), "a metric is declared twice");
    let documented = documented();
    let documented: BTreeMap<&str, &str> =
        documented.iter().map(|(name, (kind, _))| (name.as_str(), kind.as_str())).collect();
    assert_eq!(documented, declared);
}

#[test]
fn no_metric_of_the_source_is_missing_from_the_list() {
    let declared: BTreeSet<&str> = CATALOGUE.iter().map(|(name, ..)| *name).collect();
    let mut found = BTreeSet::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.extend(metric_names(&path));
            }
        }
    }
    assert!(found.len() > 20, "the scan finds nothing: {found:?}");
    let missing: Vec<&String> = found.iter().filter(|name| !declared.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "not in src/http/metrics/catalogue.rs: {missing:?}");
}

/// Literals that look like the name of a metric. Labels begin with `gen_ai_` as well, and none ends like one.
fn metric_names(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let literals = text.split('"');
    let is_name = |literal: &&str| {
        let is_plain = literal.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let is_ours = literal.starts_with("semroute_") && !literal.ends_with('_');
        let is_standard = (literal.starts_with("gen_ai_client_") || literal.starts_with("gen_ai_server_"))
            || (literal.starts_with("http_server_"));
        is_plain && (is_ours || is_standard)
    };
    literals.filter(is_name).map(str::to_owned).collect()
}

#[tokio::test]
async fn what_is_told_is_what_is_described() {
    let whole = Upstream::always(200, completion("Hi")).await;
    let failing = Upstream::always(500, json!({})).await;
    let (streaming, sender) = Upstream::streaming().await;
    let toml = model_at("told-failing", failing.base_url(), 1.0, "")
        + &model_at("told-whole", whole.base_url(), 2.0, "")
        + &model_at("told-stream", streaming.base_url(), 90.0, "");
    let router = TestRouter::start(&toml).await;
    assert_eq!(router.ask("auto:cheapest").await.status(), 200);
    assert_eq!(router.ask("told-failing").await.status(), 502);
    send(&sender, word("one") + &word("two"));
    let stream = router.ask_streaming("told-stream").await;
    send(&sender, stop_event() + &usage_event(10, 3) + DONE);
    drop(sender);
    soon("the stream ends", stream.text()).await.unwrap();

    let text = soon("the metrics", router.get("/metrics").send()).await.unwrap().text().await.unwrap();
    let documented = documented();
    let mut told = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, kind) = declared.split_once(' ').unwrap();
            assert_eq!(documented.get(name).map(|(kind, _)| kind.as_str()), Some(kind), "{line}");
            assert!(text.contains(&format!("# HELP {name} ")), "{name} is not described");
            told.insert(name.to_owned());
        } else if !line.starts_with('#') {
            let series = line.split(['{', ' ']).next().unwrap();
            let name = told.iter().find(|name| series.starts_with(name.as_str())).unwrap();
            let allowed = &documented[name].1;
            for label in labels(line) {
                assert!(
                    label == "le" || allowed.contains(&label),
                    "{label} of {name} is not in docs/metrics.md: {line}"
                );
            }
        }
    }
    let count = |series: &str| {
        let line = text.lines().find(|line| line.starts_with(series)).unwrap_or_else(|| panic!("no {series}:\n{text}"));
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    for (series, expected) in [
        (
            r#"gen_ai_client_operation_time_to_first_chunk_seconds_count{gen_ai_operation_name="chat",gen_ai_provider_name="told-stream-provider",gen_ai_request_model="told-stream"}"#,
            1.0,
        ),
        (
            r#"gen_ai_client_operation_duration_seconds_count{gen_ai_operation_name="chat",gen_ai_provider_name="told-stream-provider",gen_ai_request_model="told-stream"}"#,
            1.0,
        ),
        (
            r#"gen_ai_client_operation_duration_seconds_count{gen_ai_operation_name="chat",gen_ai_provider_name="told-failing-provider",gen_ai_request_model="told-failing",error_type="500"}"#,
            2.0,
        ),
        (r#"gen_ai_server_time_to_first_token_seconds_count{gen_ai_request_model="told-stream"}"#, 1.0),
        (r#"gen_ai_server_time_per_output_token_seconds_count{gen_ai_request_model="told-stream"}"#, 1.0),
        (r#"gen_ai_server_request_duration_seconds_count{gen_ai_request_model="told-whole"}"#, 1.0),
        (
            r#"gen_ai_client_token_usage_sum{gen_ai_operation_name="chat",gen_ai_provider_name="told-whole-provider",gen_ai_request_model="told-whole",gen_ai_token_type="input"}"#,
            1000.0,
        ),
    ] {
        assert!((count(series) - expected).abs() < f64::EPSILON, "{series}: {}", count(series));
    }
}

/// The names of a series' labels.
fn labels(line: &str) -> Vec<String> {
    let Some((_, rest)) = line.split_once('{') else { return Vec::new() };
    let inner = rest.rsplit_once('}').unwrap().0;
    inner.split("\",").filter_map(|label| Some(label.split_once('=')?.0.to_owned())).collect()
}

fn dashboard() -> Value {
    let text = std::fs::read_to_string(root().join("docs/grafana/semroute.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_dashboard_asks_for_metrics_that_exist_by_labels_that_they_have() {
    let documented = documented();
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "two panels have one id");
    let mut asked = BTreeSet::new();
    for panel in panels {
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        assert!(panel["type"] == "row" || !targets.is_empty(), "{panel}");
        for target in targets {
            let query = target["expr"].as_str().unwrap();
            let words: BTreeSet<&str> = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
            let is_metric = |word: &&&str| {
                ["semroute_", "gen_ai_client_", "gen_ai_server_", "http_server_"]
                    .iter()
                    .any(|begin| word.starts_with(begin))
            };
            let mut allowed = BTreeSet::from(["le", "instance"].map(str::to_owned));
            let metrics: Vec<&str> = words.iter().filter(is_metric).copied().collect();
            assert!(!metrics.is_empty(), "{query}");
            for word in metrics {
                let name = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
                let (kind, labels) = documented.get(name).unwrap_or_else(|| panic!("{name} does not exist: {query}"));
                assert_eq!(kind == "histogram", name != word, "{word} is no series of a {kind}: {query}");
                allowed.extend(labels.iter().cloned());
                asked.insert(name.to_owned());
            }
            for group in query.split("by (").skip(1) {
                for label in group.split(')').next().unwrap().split(',') {
                    assert!(allowed.contains(label.trim()), "{label} is no label of it: {query}");
                }
            }
            let depth = |open: char, close: char| query.matches(open).count() == query.matches(close).count();
            assert!(depth('(', ')') && depth('{', '}') && depth('[', ']'), "{query}");
        }
    }
    assert!(asked.len() * 10 > documented.len() * 8, "the dashboard shows only {asked:?}");
}

#[test]
fn the_dashboard_is_what_its_script_writes() {
    let written = Command::new("python3").arg(root().join("docs/grafana/panels.py")).output().unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let written: Value = serde_json::from_slice(&written.stdout).unwrap();
    assert_eq!(written, dashboard(), "run python3 docs/grafana/panels.py > docs/grafana/semroute.json");
}
