//! Outcome figures as tables.

use super::super::{
    FixedChoice, INTERVAL_METHOD, ManyModelCurve, ManyModelReport, OutcomesReport, QualityScores, TwoModelIntervals,
    TwoModelReport,
};
use super::pictures::Picture;
use super::table::{Section, Table, figure, interval, percent, usd_per_1000};

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
    let mut table = Table::new(
        "",
        &["", "CPT50 %", "interval", "CPT80 %", "interval", "APGR", "interval", "quality %", "strong %"],
    );
    let router = &report.router;
    let mut row = |name: &str, [cpt50, cpt80, apgr]: [Option<f64>; 3], of: TwoModelIntervals, fixed: [String; 2]| {
        let [quality, strong] = fixed;
        let one = |value: f64| format!("{value:.1}");
        let three = |value: f64| format!("{value:.3}");
        table.row([
            name.to_owned(),
            percent(cpt50),
            interval(of.cpt50_interval, one),
            percent(cpt80),
            interval(of.cpt80_interval, one),
            figure(apgr),
            interval(of.apgr_interval, three),
            quality,
            strong,
        ]);
    };
    let curve = || "curve".to_owned();
    let scores = &router.scores;
    row("router", [scores.cpt50, scores.cpt80, scores.apgr], router.intervals, [curve(), curve()]);
    for baseline in &report.baselines {
        let quality = baseline.quality_percent.map_or_else(curve, |quality| format!("{quality:.1}"));
        let strong = baseline.strong_percent.map_or_else(curve, |share| format!("{share:.0}"));
        let figures = [baseline.cpt50, baseline.cpt80, baseline.apgr];
        row(baseline.name, figures, baseline.intervals, [quality, strong]);
    }
    let mut points = Table::new("The router's curve", &["strong %", "quality %", "gap recovered"]);
    for point in &scores.points {
        points.row([
            format!("{:.1}", point.strong_percent),
            format!("{:.1}", point.quality_percent),
            figure(point.pgr),
        ]);
    }
    let mut lines = vec![
        format!("{} rows; strong {}, weak {}", report.rows, report.strong, report.weak),
        format!("prompts ranked by {}", report.score.replace('_', " ")),
    ];
    if let Some(above) = router.apgr_above_prompt_length {
        let ends =
            router.apgr_above_prompt_length_interval.map(|ends| format!(" ({:.3} to {:.3})", ends.low, ends.high));
        lines.push(format!("APGR above that of prompt length: {above:.3}{}", ends.unwrap_or_default()));
    }
    lines.push(INTERVAL_METHOD.to_owned());
    let pictures = Picture::of_two_models(report).into_iter().collect();
    Section { title: "Two models".into(), lines, pictures, tables: vec![table, points] }
}

fn many_models(report: &ManyModelReport) -> Section<'_> {
    let three = |value: f64| format!("{value:.3}");
    let mut curves = Table::new("Curves", &["", "AIQ", "interval", "cost at 95%", "interval", "best arena"]);
    let mut row = |name: &str, curve: &ManyModelCurve| {
        curves.row([
            name.to_owned(),
            three(curve.scores.aiq),
            interval(curve.aiq_interval, three),
            figure(curve.scores.cost_share_at_95),
            interval(curve.cost_share_at_95_interval, three),
            three(curve.scores.best_arena),
        ]);
    };
    if let Some(router) = &report.router {
        row("router", router);
    }
    row("zero router", &report.zero_router);
    row("oracle", &report.oracle);
    let mut fixed = Table::new("Fixed choices", &["", "quality", "interval", "USD / 1,000", "interval", "arena"]);
    let mut row = |name: &str, choice: &FixedChoice| {
        fixed.row([
            name.to_owned(),
            three(choice.mean.quality),
            interval(choice.quality_interval, three),
            usd_per_1000(choice.mean.cost_usd),
            interval(choice.cost_usd_interval, usd_per_1000),
            three(choice.arena),
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
    let mut lines = vec![format!(
        "{} rows with scores and costs of {} models; expected cost of a model: {}",
        report.rows,
        report.single_models.len(),
        report.expected_cost
    )];
    if let Some(above) = report.aiq_above_zero_router {
        let ends = report.aiq_above_zero_router_interval.map(|ends| format!(" ({:.3} to {:.3})", ends.low, ends.high));
        lines.push(format!("AIQ above the zero router's: {above:.3}{}", ends.unwrap_or_default()));
    }
    lines.push(INTERVAL_METHOD.to_owned());
    let pictures = vec![Picture::ManyModels(report)];
    Section { title: "Many models".into(), lines, pictures, tables: vec![curves, fixed] }
}

fn predicted(models: &[QualityScores]) -> Section<'_> {
    let mut table = Table::new(
        "",
        &["model", "rows", "real", "predicted", "Brier", "Brier of mean", "ECE", "gate 0.8: rows", "real", "interval"],
    );
    for model in models {
        table.row([
            model.model.clone(),
            model.rows.to_string(),
            format!("{:.3}", model.mean_quality),
            format!("{:.3}", model.mean_predicted),
            format!("{:.3}", model.calibration.brier),
            format!("{:.3}", model.brier_of_mean),
            format!("{:.3}", model.calibration.ece),
            model.gate.as_ref().map_or("0".into(), |gate| gate.rows.to_string()),
            model.gate.as_ref().map_or("-".into(), |gate| format!("{:.3}", gate.quality)),
            interval(model.gate.as_ref().and_then(|gate| gate.quality_interval), |x| format!("{x:.3}")),
        ]);
    }
    let gates = || models.iter().filter_map(|model| model.gate.as_ref());
    let kept = gates().filter(|gate| gate.delivers()).count();
    let lines = vec![
        "a prediction is worth something where its Brier score is below that of the mean".into(),
        format!(
            "a gate at 0.8 delivers 0.8, within its interval, for {kept} of {} models that clear it anywhere",
            gates().count()
        ),
    ];
    Section { title: "Predicted quality".into(), lines, pictures: vec![], tables: vec![table] }
}
