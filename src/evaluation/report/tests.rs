//! A small report in its three forms.

use super::super::{LabelReport, LabelledRows, OutcomesReport, TwoModelRows, score_quality, two_model_report};
use super::*;

fn report() -> EvaluationReport {
    let labels = ["<b>bold</b>".to_owned(), "plain".to_owned()];
    let truth = [0, 0, 1, 1];
    let probabilities = [vec![0.9, 0.1], vec![0.4, 0.6], vec![0.2, 0.8], vec![0.1, 0.9]];
    let rows = LabelledRows { labels: &labels, truth: &truth, probabilities: &probabilities };
    let mut task = LabelReport::new("task", rows, true);
    task.add_baseline("majority", rows);
    let two = TwoModelRows {
        strong: &[1.0, 1.0, 0.0],
        weak: &[0.0, 1.0, 0.0],
        score: &[0.9, 0.1, 0.2],
        prompt_chars: &[4, 5, 6],
    };
    EvaluationReport {
        format: FORMAT,
        router: "folder & co".into(),
        artifact: None,
        protocol: Protocol {
            kind: "as_given",
            folds: None,
            held_out_share: None,
            seed: 1,
            files: vec!["rows.jsonl".into()],
            baseline_files: vec![],
        },
        task: Some(task),
        complexity: None,
        abstention: None,
        outcomes: Some(OutcomesReport {
            rows: 3,
            predicted_quality: vec![score_quality("s", &[0.5], &[1.0])],
            two_model: Some(two_model_report("s", "w", "predicted_quality", two)),
            many_model: None,
        }),
        pairs: Some(PairsReport {
            pairs: 4,
            task_flip_rate: 0.25,
            complexity_flip_rate: 0.5,
            model_flip_rate: Some(0.25),
            robustness: Some(0.75),
        }),
        chosen_models: None,
        latency: LatencyReport::from_timings_us((1..=100).map(f64::from).collect()),
        warnings: vec!["look <here>".into()],
    }
}

#[test]
fn text_tables_are_aligned() {
    let text = render_text(&report());
    let table: Vec<&str> = text
        .lines()
        .skip_while(|line| *line != "Router and baselines")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .collect();
    assert_eq!(
        table,
        [
            "            accuracy  macro-F1    ECE  kappa",
            "  router       0.750     0.733  0.250  0.500",
            "  majority     0.750     0.733  0.250  0.500",
        ]
    );
    assert!(text.contains("warning: look <here>"));
    assert!(text.contains("p50 50 µs, p95 95 µs"));
    assert!(!text.contains('\u{1b}'), "no colour codes");
    assert!(text.lines().all(|line| line == line.trim_end()), "no blanks at the ends of lines");
}

#[test]
fn the_page_is_whole_and_escaped() {
    let page = render_html(&report());
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("folder &amp; co") && page.contains("look &lt;here&gt;"));
    assert!(page.contains("&lt;b&gt;bold&lt;/b&gt;") && !page.contains("<b>"));
    for foreign in ["<script", "http://", "https://", "src=", "@import"] {
        assert!(!page.contains(foreign), "{foreign} makes the page depend on something else");
    }
    assert!(page.contains("rgba(38,120,210,1.00)"), "the confusion matrix is coloured");
}

#[test]
fn json_keeps_its_names() {
    let json = serde_json::to_value(report()).unwrap();
    for pointer in [
        "/format",
        "/protocol/kind",
        "/task/accuracy",
        "/task/macro_f1",
        "/task/calibration/ece",
        "/task/risk_coverage/area",
        "/task/ordinal/quadratic_weighted_kappa",
        "/task/per_class/0/precision",
        "/task/confusion/0/1",
        "/task/baselines/0/macro_f1",
        "/outcomes/two_model/router/apgr",
        "/outcomes/two_model/router/cpt50",
        "/outcomes/predicted_quality/0/brier",
        "/outcomes/predicted_quality/0/ece",
        "/pairs/model_flip_rate",
        "/latency/classify_us_p50",
    ] {
        assert!(json.pointer(pointer).is_some(), "{pointer} is missing");
    }
    assert_eq!(json["complexity"], serde_json::Value::Null);
}
