//! What changes that mean nothing change: perturbed prompts as a table, paraphrases as a sentence.

use super::super::RobustnessReport;
use super::PairsReport;
use super::table::{Section, Table, figure, share_percent};

pub(super) fn robustness(report: &RobustnessReport) -> Section<'_> {
    let mut table = Table::new("", &["change", "prompts", "task flips", "complexity flips", "task accuracy"]);
    let nothing = || "-".to_owned();
    table.row(["none".to_owned(), nothing(), nothing(), nothing(), figure(report.unchanged_task_accuracy)]);
    for flips in &report.flips {
        table.row([
            flips.change.clone(),
            flips.prompts.to_string(),
            share_percent(flips.task_flip_rate),
            share_percent(flips.complexity_flip_rate),
            figure(flips.task_accuracy),
        ]);
    }
    let line = "share of prompts whose label moves with a change that leaves the question as it was".to_owned();
    Section { title: "Robustness".into(), lines: vec![line], pictures: vec![], tables: vec![table] }
}

pub(super) fn pairs(report: &PairsReport) -> Section<'_> {
    let mut lines = vec![format!(
        "{} pairs: the task changes in {:.1}%, the complexity in {:.1}%",
        report.pairs,
        report.task_flip_rate * 100.0,
        report.complexity_flip_rate * 100.0
    )];
    if let (Some(flips), Some(robustness)) = (report.model_flip_rate, report.robustness) {
        lines.push(format!("the chosen model changes in {:.1}% (robustness {robustness:.3})", flips * 100.0));
    }
    Section { title: "Paraphrases".into(), lines, pictures: vec![], tables: vec![] }
}
