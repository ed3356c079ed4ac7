//! A label field's figures as tables.

use super::super::{ClassScores, LabelReport};
use super::pictures::{MOST_CONFUSION_PICTURE_LABELS, Picture};
use super::table::{Section, Table, figure};

/// Confusion matrices of more labels fill no screen.
const MOST_CONFUSION_LABELS: usize = 30;
/// With as many labels, those that are predicted worst.
const SHOWN_WORST: usize = 20;
/// Coverage levels that are shown.
const SHOWN_COVERAGE: [f64; 5] = [0.5, 0.7, 0.8, 0.9, 1.0];

pub(super) fn section(report: &LabelReport) -> Section<'_> {
    let mut tables = vec![summary(report), per_class(report)];
    if report.labels.len() <= MOST_CONFUSION_LABELS {
        tables.push(confusion(report));
    }
    tables.push(coverage(report));
    tables.push(reliability(report));
    if !report.slices.is_empty() {
        tables.push(slices(report));
    }
    let mut lines = vec![format!("{} rows, {} labels", report.scores.rows, report.labels.len())];
    if report.baselines.is_empty() {
        lines.push(
            "no baselines: majority, length and n-grams are fitted on --baseline FILE, the rows the router was trained on"
                .into(),
        );
    }
    if let Some(ordinal) = &report.ordinal {
        lines.push(format!(
            "within one place {:.3}, quadratic-weighted kappa {}, Spearman {} (of the label {})",
            ordinal.within_one,
            figure(ordinal.quadratic_weighted_kappa),
            figure(ordinal.spearman),
            figure(ordinal.spearman_of_label)
        ));
    }
    if report.labels.len() > MOST_CONFUSION_PICTURE_LABELS {
        lines.push(format!("the confusion matrix is left out: {} labels are too many to look at", report.labels.len()));
    }
    let pictures = Picture::of_labels(report);
    Section { title: format!("Label: {}", report.field), lines, pictures, tables }
}

fn summary(report: &LabelReport) -> Table {
    let ordered = report.ordinal.is_some();
    let mut columns = vec!["", "accuracy", "macro-F1", "ECE"];
    columns.extend(ordered.then_some("kappa"));
    let mut table = Table::new("Router and baselines", &columns);
    let mut row = |name: &str, accuracy: f64, macro_f1: f64, ece: f64, kappa: Option<f64>| {
        let figures = [accuracy, macro_f1, ece].map(|value| format!("{value:.3}"));
        let kappa = ordered.then(|| figure(kappa));
        table.row([name.to_owned()].into_iter().chain(figures).chain(kappa));
    };
    let kappa = report.ordinal.as_ref().and_then(|ordinal| ordinal.quadratic_weighted_kappa);
    row("router", report.scores.accuracy, report.scores.macro_f1, report.calibration.ece, kappa);
    for baseline in &report.baselines {
        row(&baseline.name, baseline.accuracy, baseline.macro_f1, baseline.ece, baseline.quadratic_weighted_kappa);
    }
    table
}

fn per_class(report: &LabelReport) -> Table {
    let mut classes: Vec<&ClassScores> =
        report.scores.per_class.iter().filter(|class| class.support + class.predicted > 0).collect();
    let mut title = "By label".to_owned();
    if classes.len() > MOST_CONFUSION_LABELS {
        title = format!("By label: the {SHOWN_WORST} of lowest F1 among {}", classes.len());
        classes.sort_by(|a, b| a.f1.total_cmp(&b.f1));
        classes.truncate(SHOWN_WORST);
    }
    let mut table = Table::new(&title, &["label", "rows", "predicted", "precision", "recall", "F1"]);
    for class in classes {
        let figures = [class.precision, class.recall, class.f1].map(|value| format!("{value:.3}"));
        let counts = [class.label.clone(), class.support.to_string(), class.predicted.to_string()];
        table.row(counts.into_iter().chain(figures));
    }
    table
}

fn confusion(report: &LabelReport) -> Table {
    let short: Vec<String> = (0..report.labels.len()).map(|at| format!("[{}]", at + 1)).collect();
    let columns: Vec<&str> = std::iter::once("truth \\ predicted").chain(short.iter().map(String::as_str)).collect();
    let mut table = Table::new("Confusion matrix", &columns);
    for (at, counts) in report.scores.confusion.iter().enumerate() {
        let name = format!("{} {}", short[at], report.labels[at]);
        let cells = counts.iter().map(|count| if *count == 0 { ".".to_owned() } else { count.to_string() });
        table.row(std::iter::once(name).chain(cells));
        let rows = counts.iter().sum::<usize>().max(1) as f64;
        table.shades.push(counts.iter().map(|count| *count as f64 / rows).collect());
    }
    table
}

fn coverage(report: &LabelReport) -> Table {
    let title = format!("Error when the least certain abstain (area {:.3})", report.risk_coverage.area);
    let mut table = Table::new(&title, &["kept", "least confidence", "error"]);
    for shown in SHOWN_COVERAGE {
        if let Some(point) = report.risk_coverage.points.iter().find(|point| point.coverage >= shown - 1e-9) {
            table.row([
                format!("{:.0}%", point.coverage * 100.0),
                format!("{:.3}", point.least_confidence),
                format!("{:.3}", point.risk),
            ]);
        }
    }
    table
}

fn reliability(report: &LabelReport) -> Table {
    let title = format!("Reliability (ECE {:.3}, Brier {:.3})", report.calibration.ece, report.calibration.brier);
    let mut table = Table::new(&title, &["confidence", "rows", "stated", "right"]);
    for bin in &report.calibration.bins {
        table.row([
            format!("{:.2}-{:.2}", bin.above, bin.up_to),
            bin.rows.to_string(),
            format!("{:.3}", bin.stated),
            format!("{:.3}", bin.happened),
        ]);
    }
    table
}

fn slices(report: &LabelReport) -> Table {
    let mut table = Table::new("Slices", &["", "rows", "accuracy", "macro-F1"]);
    for slice in &report.slices {
        table.row([
            format!("{} {}", slice.by, slice.value),
            slice.rows.to_string(),
            format!("{:.3}", slice.accuracy),
            format!("{:.3}", slice.macro_f1),
        ]);
    }
    table
}
