//! The whole report as sections, in the order in which a reader wants them: warnings first.

use super::table::{Section, Table};
use super::{AbstentionReport, ChosenModelsReport, EvaluationReport, Protocol};
use super::{cascade_section, comparison_section, label_sections, outcome_sections, robustness_sections};

pub(super) fn sections(report: &EvaluationReport) -> Vec<Section<'_>> {
    let mut sections = vec![opening(report)];
    if let Some(task) = &report.task {
        sections.push(label_sections::section(task));
    }
    if let Some(complexity) = &report.complexity {
        sections.push(label_sections::section(complexity));
    }
    sections.extend(report.cascade.as_ref().map(cascade_section::section));
    sections.extend(report.comparison.as_ref().map(comparison_section::section));
    sections.extend(report.abstention.as_ref().map(abstention));
    if let Some(outcomes) = &report.outcomes {
        sections.extend(outcome_sections::sections(outcomes));
    }
    sections.extend(report.robustness.as_ref().map(robustness_sections::robustness));
    sections.extend(report.pairs.as_ref().map(robustness_sections::pairs));
    sections.extend(report.chosen_models.as_ref().map(chosen_models));
    if let Some(latency) = &report.latency {
        let line = format!(
            "{} prompts one by one: p50 {:.0} µs, p95 {:.0} µs (read, embed, classify)",
            latency.prompts, latency.classify_us_p50, latency.classify_us_p95
        );
        sections.push(Section { title: "Latency".into(), lines: vec![line], pictures: vec![], tables: vec![] });
    }
    sections
}

fn opening(report: &EvaluationReport) -> Section<'_> {
    let artifact = report.artifact.as_ref().map(|artifact| format!(" ({artifact})")).unwrap_or_default();
    let mut lines = vec![format!("router: {}{artifact}", report.router), protocol(&report.protocol)];
    lines.extend(report.warnings.iter().map(|warning| format!("warning: {warning}")));
    Section { title: "Evaluation".into(), lines, pictures: vec![], tables: vec![] }
}

fn protocol(protocol: &Protocol) -> String {
    let seed = protocol.seed;
    let rows = match (protocol.folds, protocol.held_out_share) {
        (Some(folds), _) => format!("trained anew in {folds} folds, each measured on the fold left out (seed {seed})"),
        (_, Some(share)) => {
            format!("trained anew on {:.0}%, measured on the rest (seed {seed})", 100.0 - share * 100.0)
        }
        _ => "measured as it is".to_owned(),
    };
    let baselines = match protocol.baseline_files.as_slice() {
        [] => String::new(),
        files => format!("; baselines fitted on {}", files.join(", ")),
    };
    format!("rows: {}: {rows}{baselines}", protocol.files.join(", "))
}

fn abstention(report: &AbstentionReport) -> Section<'_> {
    let scores = &report.scores;
    let mut table = Table::new("", &["", "value"]);
    table.row(["AUROC of novelty".into(), super::table::figure(scores.novelty_auroc)]);
    table.row(["precision of known=false".into(), format!("{:.3}", scores.precision)]);
    table.row(["recall of known=false".into(), format!("{:.3}", scores.recall)]);
    table.row(["known rows called unknown".into(), format!("{:.3}", scores.false_alarms)]);
    table.row(["accuracy with unknown as a label".into(), format!("{:.3}", scores.accuracy_with_unknown)]);
    let line = format!(
        "{} rows of the label {:?}, which the router does not know, among {} it knows",
        scores.unknown_rows, report.unknown_label, scores.known_rows
    );
    Section { title: "Abstention".into(), lines: vec![line], pictures: vec![], tables: vec![table] }
}

fn chosen_models(report: &ChosenModelsReport) -> Section<'_> {
    let mut table = Table::new("", &["model", "prompts", "share %"]);
    for model in &report.models {
        table.row([model.model.clone(), model.prompts.to_string(), format!("{:.1}", model.share * 100.0)]);
    }
    let cost = report.mean_expected_cost_usd.map_or_else(
        || "expected cost unknown, since a chosen model has no price".to_owned(),
        |usd| format!("expected cost {} USD for 1,000 prompts", super::table::usd_per_1000(usd)),
    );
    let lines = vec![format!("strategy {} over {} prompts; {cost}", report.strategy, report.prompts)];
    Section { title: "Chosen models".into(), lines, pictures: vec![], tables: vec![table] }
}
