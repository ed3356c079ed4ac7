//! A small report in its three forms.

use super::super::{
    CascadeReport, CascadeRow, Flips, LabelReport, LabelledRows, ManyModelOutcomes, ManyModelReport, ManyModelRows,
    OutcomesReport, RobustnessReport, TwoModelRows, many_model_report, score_quality, two_model_report,
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
        comparison: None,
        robustness: Some(robustness()),
        abstention: None,
        outcomes: Some(OutcomesReport {
            rows: 3,
            predicted_quality: vec![score_quality("s", &[0.5], &[1.0])],
            two_model: Some(two_model_report("s", "w", "predicted_quality", two)),
            many_model: Some(many_models(2)),
        }),
        pairs: Some(PairsReport {
            pairs: 4,
            task_flip_rate: 0.25,
            complexity_flip_rate: 0.5,
            chosen_by: Some("strategy <balanced>".into()),
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

/// Models each of which costs twice the one before and is right on more rows; a router that knows which is right.
fn many_models(models: usize) -> ManyModelReport {
    let names: Vec<String> = (0..models).map(|model| format!("model <{model}>")).collect();
    let right = |row: usize, model: usize| if row % (models + 1) <= model { 1.0 } else { 0.0 };
    let of_models = |row: usize| (0..models).map(|model| right(row, model)).collect();
    let quality: Vec<Vec<f64>> = (0..40).map(of_models).collect();
    let cost_usd = vec![(0..models).map(|model| 0.001 * 2f64.powi(model as i32)).collect(); 40];
    many_model_report(ManyModelRows {
        models: &names,
        predicted: Some(&quality),
        expected_cost_usd: &cost_usd,
        expected_cost: "its mean over these rows",
        outcomes: ManyModelOutcomes { quality: &quality, cost_usd: &cost_usd },
        configured: Some(("configured (<balanced>)", &[0; 40])),
    })
}

fn robustness() -> RobustnessReport {
    let flips = |change: &str, task_flip_rate, choice_flip_rate, task_accuracy| Flips {
        change: change.to_owned(),
        prompts: 522,
        task_flip_rate,
        complexity_flip_rate: 0.0,
        choice_flip_rate,
        task_accuracy,
    };
    let kinds =
        vec![flips("typing errors", 0.125, Some(0.25), Some(0.75)), flips("a <new> kind", 0.0, Some(0.0), None)];
    RobustnessReport::new(kinds, Some(0.8), Some("best predicted quality".into()))
}

#[test]
fn cascade_robustness_and_paraphrases_read_so() {
    let text = render_text(&EvaluationReport { task: None, outcomes: None, latency: None, ..report() });
    let after_opening = text.split_once("\n\n").unwrap().1;
    insta::assert_snapshot!(after_opening, @r#"
    Cascade
    =======
    the cascade takes 25.1% of the second tier's mean time, and its accuracy is 25.0 points below the second tier's

                                   accuracy  macro-F1    ECE  mean time      p50      p95  share asked
      first tier (static <table>)     0.500     0.667  0.325     8.2 µs   8.2 µs   8.2 µs         0.0%
      second tier ("transformer")     1.000     1.000  0.100    12.0 ms  12.0 ms  12.0 ms       100.0%
      cascade                         0.750     0.857  0.212     3.0 ms   8.2 µs  12.0 ms        25.0%

    Robustness
    ==========
    share of prompts whose label moves with a change that leaves the question as it was
    the chosen model (best predicted quality) changes in 12.5% of all changed prompts (robustness 0.875)

      change         prompts  task flips  complexity flips  choice flips  task accuracy
      none                 -           -                 -             -          0.800
      typing errors      522       12.5%              0.0%         25.0%          0.750
      a <new> kind       522        0.0%              0.0%          0.0%              -

    Paraphrases
    ===========
    4 pairs: the task changes in 25.0%, the complexity in 50.0%
    the chosen model (strategy <balanced>) changes in 25.0% (robustness 0.750)
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
        "/outcomes/two_model/router/apgr_interval",
        "/outcomes/two_model/router/cpt50_interval",
        "/outcomes/two_model/router/cpt80_interval",
        "/outcomes/two_model/router/apgr_above_prompt_length",
        "/outcomes/two_model/router/points/0/strong_percent",
        "/outcomes/two_model/baselines/0/apgr",
        "/outcomes/two_model/baselines/1/apgr_interval",
        "/outcomes/many_model/router/aiq",
        "/outcomes/many_model/router/aiq_interval/1",
        "/outcomes/many_model/router/cost_share_at_95_interval",
        "/outcomes/many_model/router/points/0/quality",
        "/outcomes/many_model/aiq_above_zero_router_interval/0",
        "/outcomes/many_model/zero_router/aiq",
        "/outcomes/many_model/oracle/best_arena",
        "/outcomes/many_model/random/quality",
        "/outcomes/many_model/single_models/0/name",
        "/outcomes/many_model/configured/cost_usd",
        "/outcomes/many_model/configured/cost_usd_interval/0",
        "/outcomes/many_model/configured/quality_interval/1",
        "/outcomes/predicted_quality/0/brier",
        "/outcomes/predicted_quality/0/ece",
        "/cascade/first/macro_f1",
        "/cascade/second_tier_share",
        "/cascade/latency_share",
        "/cascade/curve/0/below",
        "/robustness/flips/0/task_flip_rate",
        "/robustness/flips/0/choice_flip_rate",
        "/robustness/unchanged_task_accuracy",
        "/robustness/robustness",
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
    let kinds = [
        "Confusion matrix of task",
        "Reliability of task",
        "Risk and coverage of task",
        "Cascade:",
        "Quality and share of the strong model",
        "Cost and quality",
    ];
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
    let of_outcomes = ["Quality and share of the strong model", "Cost and quality"];
    let of_task = ["Confusion matrix of task", "Reliability of task", "Risk and coverage of task"];
    assert_eq!(pictures(&report), [&of_task[..], &["Cascade:"], &of_outcomes].concat());
    report.task = None;
    report.outcomes = None;
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

/// The words of the page's pictures.
fn words_in_pictures(page: &str) -> Vec<String> {
    let inside = page.split("<svg ").skip(1).filter_map(|part| part.split("</svg>").next());
    let texts = inside.flat_map(|svg| svg.split("<text").skip(1));
    let words = texts.filter_map(|part| part.split_once('>')?.1.split_once("</text>"));
    words.map(|(words, _)| words.trim().to_owned()).collect()
}

#[test]
fn every_model_has_its_name_on_the_curve_picture() {
    let mut report = EvaluationReport { task: None, cascade: None, ..report() };
    for models in [2, 11] {
        let outcomes = OutcomesReport {
            rows: 40,
            predicted_quality: vec![],
            two_model: None,
            many_model: Some(many_models(models)),
        };
        report.outcomes = Some(outcomes);
        let words = words_in_pictures(&render_html(&report));
        for model in 0..models {
            let name = format!("model &lt;{model}&gt;");
            assert_eq!(words.iter().filter(|words| **words == name).count(), 1, "{name} in {words:?}");
        }
        for name in ["random", "configured (&lt;balanced&gt;)"] {
            assert_eq!(words.iter().filter(|words| *words == name).count(), 2, "{name}: in the legend and at its dot");
        }
    }
    // Two hundred dots have no room for their names, and the caption says so.
    let outcomes =
        OutcomesReport { rows: 40, predicted_quality: vec![], two_model: None, many_model: Some(many_models(200)) };
    report.outcomes = Some(outcomes);
    let page = render_html(&report);
    assert!(page.contains("Dots without room for a name are in the table."));
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

#[test]
fn intervals_stand_beside_their_figures() {
    let text = render_text(&report());
    let line = |start: &str| text.lines().filter(|line| line.trim_start().starts_with(start)).collect::<Vec<_>>();
    assert_eq!(text.matches("percentiles of 1,000 resamples of the rows").count(), 2, "once for each section");
    // A router that knows everything, on rows of which one in three has no right model.
    assert!(line("AIQ above the zero router's: ")[0].ends_with(')'), "{:?}", line("AIQ above"));
    assert!(line("configured (<balanced>)")[0].contains(" to "), "{text}");
    assert_eq!(line("the chosen model (best predicted quality) changes in 12.5% of all changed prompts").len(), 1);
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
    let mut report = EvaluationReport { outcomes: None, ..report() };
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
