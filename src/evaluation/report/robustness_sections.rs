//! What changes that mean nothing change: perturbed prompts as a table, paraphrases as a sentence.

use super::super::RobustnessReport;
use super::PairsReport;
use super::table::{Section, Table, figure, share_percent};

pub(super) fn robustness(report: &RobustnessReport) -> Section<'_> {
    let chooses = report.robustness.is_some();
    let mut columns = vec!["change", "prompts", "task flips", "complexity flips"];
    columns.extend(chooses.then_some("choice flips"));
    columns.push("task accuracy");
    let mut table = Table::new("", &columns);
    let mut unchanged = vec!["none".to_owned()];
    unchanged.resize(columns.len() - 1, "-".to_owned());
    unchanged.push(figure(report.unchanged_task_accuracy));
    table.row(unchanged);
    for flips in &report.flips {
        let choice = flips.choice_flip_rate.map_or_else(|| "-".to_owned(), share_percent);
        let mut cells = vec![
            flips.change.clone(),
            flips.prompts.to_string(),
            share_percent(flips.task_flip_rate),
            share_percent(flips.complexity_flip_rate),
        ];
        cells.extend(chooses.then_some(choice));
        cells.push(figure(flips.task_accuracy));
        table.row(cells);
    }
    let mut lines =
        vec!["share of prompts whose label moves with a change that leaves the question as it was".to_owned()];
    if let (Some(robustness), Some(chosen_by)) = (report.robustness, &report.chosen_by) {
        lines.push(format!(
            "the chosen model ({chosen_by}) changes in {:.1}% of all changed prompts (robustness {robustness:.3})",
            (1.0 - robustness) * 100.0
        ));
    }
    Section { title: "Robustness".into(), lines, pictures: vec![], tables: vec![table] }
}

pub(super) fn pairs(report: &PairsReport) -> Section<'_> {
    let mut lines = vec![format!(
        "{} pairs: the task changes in {:.1}%, the complexity in {:.1}%",
        report.pairs,
        report.task_flip_rate * 100.0,
        report.complexity_flip_rate * 100.0
    )];
    if let (Some(flips), Some(robustness), Some(chosen_by)) =
        (report.model_flip_rate, report.robustness, &report.chosen_by)
    {
        lines.push(format!(
            "the chosen model ({chosen_by}) changes in {:.1}% (robustness {robustness:.3})",
            flips * 100.0
        ));
    }
    Section { title: "Paraphrases".into(), lines, pictures: vec![], tables: vec![] }
}
