//! Several ways to classify, side by side.

use super::super::ComparisonReport;
use super::table::{Section, Table, duration, share_percent};

pub(super) fn section(report: &ComparisonReport) -> Section<'_> {
    let columns = ["router", "way", "learnt", "accuracy", "macro-F1", "ECE", "by tier 2", "p50", "p95"];
    let mut table = Table::new("", &columns);
    for way in &report.ways {
        table.row([
            way.router.clone(),
            way.way.to_owned(),
            way.learnt.clone(),
            format!("{:.3}", way.accuracy),
            format!("{:.3}", way.macro_f1),
            format!("{:.3}", way.ece),
            share_percent(way.second_tier_share),
            duration(way.classify_us_p50),
            duration(way.classify_us_p95),
        ]);
    }
    let line = format!(
        "{} on {} rows; {} prompts were timed one by one, by every way in turn",
        report.field, report.rows, report.prompts_timed
    );
    Section { title: "Comparison".into(), lines: vec![line], pictures: vec![], tables: vec![table] }
}
