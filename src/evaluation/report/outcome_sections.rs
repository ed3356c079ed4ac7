//! Outcome figures as tables.

use super::super::{FixedChoice, ManyModelReport, ManyModelScores, OutcomesReport, QualityScores, TwoModelReport};
use super::table::{Section, Table, figure, percent, usd_per_1000};

pub(super) fn sections(report: &OutcomesReport) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    sections.extend(report.two_model.as_ref().map(two_models));
    sections.extend(report.many_model.as_ref().map(many_models));
    if !report.predicted_quality.is_empty() {
        sections.push(predicted(&report.predicted_quality));
    }
    sections
}

fn two_models(report: &TwoModelReport) -> Section<'_> {
    let mut table = Table::new("", &["", "CPT50 %", "CPT80 %", "APGR", "quality %", "strong %"]);
    let router = &report.router;
    table.row([
        "router".into(),
        percent(router.cpt50),
        percent(router.cpt80),
        figure(router.apgr),
        "curve".into(),
        "curve".into(),
    ]);
    for baseline in &report.baselines {
        table.row([
            baseline.name.to_owned(),
            percent(baseline.cpt50),
            percent(baseline.cpt80),
            figure(baseline.apgr),
            baseline.quality_percent.map_or_else(|| "curve".into(), |quality| format!("{quality:.1}")),
            baseline.strong_percent.map_or_else(|| "curve".into(), |share| format!("{share:.0}")),
        ]);
    }
    let mut curve = Table::new("The router's curve", &["strong %", "quality %", "gap recovered"]);
    for point in &router.points {
        curve.row([format!("{:.1}", point.strong_percent), format!("{:.1}", point.quality_percent), figure(point.pgr)]);
    }
    let lines = vec![
        format!("{} rows; strong {}, weak {}", report.rows, report.strong, report.weak),
        format!("prompts ranked by {}", report.score.replace('_', " ")),
    ];
    Section { title: "Two models".into(), lines, pictures: vec![], tables: vec![table, curve] }
}

fn many_models(report: &ManyModelReport) -> Section<'_> {
    let mut curves = Table::new("Curves", &["", "AIQ", "cost at 95%", "best arena"]);
    let mut row = |name: &str, scores: &ManyModelScores| {
        curves.row([
            name.to_owned(),
            format!("{:.3}", scores.aiq),
            figure(scores.cost_share_at_95),
            format!("{:.3}", scores.best_arena),
        ]);
    };
    if let Some(router) = &report.router {
        row("router", router);
    }
    row("zero router", &report.zero_router);
    row("oracle", &report.oracle);
    let mut fixed = Table::new("Fixed choices", &["", "quality", "USD / 1,000", "arena"]);
    let mut row = |name: &str, choice: &FixedChoice| {
        fixed.row([
            name.to_owned(),
            format!("{:.3}", choice.mean.quality),
            usd_per_1000(choice.mean.cost_usd),
            format!("{:.3}", choice.arena),
        ]);
    };
    if let Some(configured) = &report.configured {
        row(&configured.name, configured);
    }
    row("random", &report.random);
    for (place, single) in report.single_models.iter().enumerate() {
        let name = if place == 0 { format!("best single: {}", single.name) } else { format!("always {}", single.name) };
        row(&name, single);
    }
    let lines = vec![format!(
        "{} rows with scores and costs of {} models; expected cost of a model: {}",
        report.rows,
        report.single_models.len(),
        report.expected_cost
    )];
    Section { title: "Many models".into(), lines, pictures: vec![], tables: vec![curves, fixed] }
}

fn predicted(models: &[QualityScores]) -> Section<'_> {
    let mut table = Table::new("", &["model", "rows", "real", "predicted", "Brier", "Brier of mean", "ECE"]);
    for model in models {
        table.row([
            model.model.clone(),
            model.rows.to_string(),
            format!("{:.3}", model.mean_quality),
            format!("{:.3}", model.mean_predicted),
            format!("{:.3}", model.calibration.brier),
            format!("{:.3}", model.brier_of_mean),
            format!("{:.3}", model.calibration.ece),
        ]);
    }
    let lines = vec!["a prediction is worth something where its Brier score is below that of the mean".into()];
    Section { title: "Predicted quality".into(), lines, pictures: vec![], tables: vec![table] }
}
