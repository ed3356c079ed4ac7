//! A small report in its three forms.

use super::super::{
    CascadeReport, CascadeRow, Flips, LabelReport, LabelledRows, OutcomesReport, RobustnessReport, TwoModelRows,
    score_quality, two_model_report,
};
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
        cascade: Some(cascade()),
        robustness: Some(robustness()),
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

fn cascade() -> CascadeReport {
    let labels = ["a".to_owned(), "b".to_owned()];
    let (sure, unsure) = (vec![0.9, 0.1], vec![0.45, 0.55]);
    let row = |first, second, asked| CascadeRow { truth: 0, first, second, asked };
    let rows =
        [row(&sure, &sure, false), row(&unsure, &sure, true), row(&unsure, &sure, false), row(&sure, &sure, false)];
    let mut report = CascadeReport::new(["static <table>", "\"transformer\""], &labels, &rows);
    report.set_latency([vec![8.25; 4], vec![12_000.0; 4], vec![8.25, 12_008.25, 8.25, 8.25]]);
    report
}

fn robustness() -> RobustnessReport {
    let flips = |change: &str, task_flip_rate, task_accuracy| Flips {
        change: change.to_owned(),
        prompts: 522,
        task_flip_rate,
        complexity_flip_rate: 0.0,
        task_accuracy,
    };
    RobustnessReport {
        flips: vec![flips("typing errors", 0.125, Some(0.75)), flips("a <new> kind", 0.0, None)],
        unchanged_task_accuracy: Some(0.8),
    }
}

#[test]
fn cascade_robustness_and_paraphrases_read_so() {
    let text = render_text(&EvaluationReport { task: None, outcomes: None, latency: None, ..report() });
    let after_opening = text.split_once("\n\n").unwrap().1;
    insta::assert_snapshot!(after_opening, @r#"
    Cascade
    =======
    the cascade takes 25.1% of the second tier's mean time, and its accuracy is 25.0 points below the second tier's

                                   accuracy  macro-F1  mean time      p50  share asked
      first tier (static <table>)     0.500     0.667     8.2 µs   8.2 µs         0.0%
      second tier ("transformer")     1.000     1.000    12.0 ms  12.0 ms       100.0%
      cascade                         0.750     0.857     3.0 ms   8.2 µs        25.0%

    Robustness
    ==========
    share of prompts whose label moves with a change that leaves the question as it was

      change         prompts  task flips  complexity flips  task accuracy
      none                 -           -                 -          0.800
      typing errors      522       12.5%              0.0%          0.750
      a <new> kind       522        0.0%              0.0%              -

    Paraphrases
    ===========
    4 pairs: the task changes in 25.0%, the complexity in 50.0%
    the chosen model changes in 25.0% (robustness 0.750)
    "#);
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
    for foreign in ["<script", "http", "src=", "@import", "url("] {
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
        "/cascade/first/macro_f1",
        "/cascade/second_tier_share",
        "/cascade/latency_share",
        "/cascade/curve/0/below",
        "/robustness/flips/0/task_flip_rate",
        "/robustness/unchanged_task_accuracy",
        "/pairs/model_flip_rate",
        "/latency/classify_us_p50",
    ] {
        assert!(json.pointer(pointer).is_some(), "{pointer} is missing");
    }
    for absent in ["complexity", "abstention"] {
        assert_eq!(json[absent], serde_json::Value::Null);
    }
}

/// How many pictures of which kind a page holds, by the first words of what is read aloud in their place.
fn pictures(report: &EvaluationReport) -> Vec<&'static str> {
    let page = render_html(report);
    let kinds = ["Confusion matrix of task", "Reliability of task", "Risk and coverage of task", "Cascade:"];
    let found: Vec<&str> =
        kinds.into_iter().filter(|kind| page.contains(&format!("role=\"img\" aria-label=\"{kind}"))).collect();
    for mark in ["<figure", "<svg ", "</svg>", "<figcaption>"] {
        assert_eq!(page.matches(mark).count(), found.len(), "{mark}");
    }
    found
}

#[test]
fn a_picture_stands_where_its_data_does() {
    let mut report = report();
    assert_eq!(
        pictures(&report),
        ["Confusion matrix of task", "Reliability of task", "Risk and coverage of task", "Cascade:"]
    );
    report.task = None;
    assert_eq!(pictures(&report), ["Cascade:"]);
    report.cascade = None;
    assert_eq!(pictures(&report), [""; 0]);
    // A field and a cascade of which no row was measured have tables and nothing to draw.
    let labels = ["a".to_owned(), "b".to_owned()];
    report.task =
        Some(LabelReport::new("task", LabelledRows { labels: &labels, truth: &[], probabilities: &[] }, false));
    report.cascade = Some(CascadeReport::new(["x", "y"], &labels, &[]));
    assert_eq!(pictures(&report), [""; 0]);
}

#[test]
fn names_are_escaped_in_pictures_too() {
    let mut report = report();
    let labels = ["<b>\"x\" & 'y'</b>".to_owned(), "]]> <i>".to_owned()];
    let probabilities = [vec![0.9, 0.1], vec![0.2, 0.8]];
    let rows = LabelledRows { labels: &labels, truth: &[0, 1], probabilities: &probabilities };
    report.task = Some(LabelReport::new("<i>\"field\"", rows, false));
    let page = render_html(&report);
    for raw in ["<b>", "<i>", "\"x\"", "\"field\"", "<table>\"", "\"transformer\"", "<new>"] {
        assert!(!page.contains(raw), "{raw} stands in the page as it is");
    }
    let pictures: String = page.split("<svg ").skip(1).map(|part| part.split("</svg>").next().unwrap()).collect();
    assert_eq!(pictures.matches("&lt;b&gt;&quot;x&quot; &amp; &apos;y&apos;&lt;/b&gt;").count(), 2, "row and column");
    assert!(pictures.contains("static &lt;table&gt;") && pictures.contains("&quot;transformer&quot;"));
}

/// `labels` labels; every row is one of the first ten and taken for itself or the next one.
fn many_labels(labels: usize) -> LabelReport {
    let names: Vec<String> = (0..labels).map(|at| format!("label number {at}")).collect();
    let truth: Vec<usize> = (0..40).map(|row| row % 10).collect();
    let probabilities: Vec<Vec<f64>> = (0..40)
        .map(|row| {
            (0..labels).map(|label| if label == row % 10 + row % 3 % 2 { 0.7 } else { 0.3 / labels as f64 }).collect()
        })
        .collect();
    LabelReport::new("task", LabelledRows { labels: &names, truth: &truth, probabilities: &probabilities }, false)
}

#[test]
fn labels_without_number_are_not_drawn() {
    let mut report = report();
    report.task = Some(many_labels(200));
    assert!(pictures(&report).contains(&"Confusion matrix of task"));
    assert!(!render_text(&report).contains("left out"));
    for labels in [201, 20_000] {
        report.task = Some(many_labels(labels));
        assert_eq!(pictures(&report), ["Reliability of task", "Risk and coverage of task", "Cascade:"]);
        let sentence = format!("the confusion matrix is left out: {labels} labels are too many to look at");
        assert!(render_html(&report).contains(&sentence) && render_text(&report).contains(&sentence));
        assert!(render_html(&report).len() < 200_000, "{} bytes", render_html(&report).len());
    }
}

#[test]
fn the_largest_matrix_is_still_a_page() {
    let mut report = report();
    let mut task = many_labels(200);
    task.scores.confusion = vec![vec![1; 200]; 200];
    report.task = Some(task);
    assert!(render_html(&report).len() < 8_000_000, "{} bytes", render_html(&report).len());
}

#[test]
fn the_same_report_gives_the_same_page() {
    assert_eq!(render_html(&report()), render_html(&report()));
}
