//! A cascade's figures beside those of its tiers alone.

use super::super::{CascadeReport, TierFigures};
use super::pictures::Picture;
use super::table::{Section, Table, duration, share_percent};

/// Accuracies that are closer, in points, are written as the same.
const SAME_POINTS: f64 = 0.05;

pub(super) fn section(report: &CascadeReport) -> Section<'_> {
    let mut table = Table::new("", &["", "accuracy", "macro-F1", "ECE", "mean time", "p50", "p95", "share asked"]);
    let mut row = |name: String, figures: &TierFigures, share_asked: f64| {
        table.row([
            name,
            format!("{:.3}", figures.accuracy),
            format!("{:.3}", figures.macro_f1),
            format!("{:.3}", figures.ece),
            duration(figures.mean_us),
            duration(figures.p50_us),
            duration(figures.p95_us),
            share_percent(share_asked),
        ]);
    };
    row(format!("first tier ({})", report.first_name), &report.first, 0.0);
    row(format!("second tier ({})", report.second_name), &report.second, 1.0);
    row("cascade".to_owned(), &report.cascade, report.second_tier_share);
    Section {
        title: "Cascade".into(),
        lines: vec![verdict(report)],
        pictures: Picture::of_cascade(report).into_iter().collect(),
        tables: vec![table],
    }
}

/// What the cascade costs and loses against its second tier, in a sentence.
fn verdict(report: &CascadeReport) -> String {
    let time = report.latency_share.map_or_else(
        || "the cascade was not timed".to_owned(),
        |share| format!("the cascade takes {} of the second tier's mean time", share_percent(share)),
    );
    let points = (report.cascade.accuracy - report.second.accuracy) * 100.0;
    let accuracy = if points.abs() < SAME_POINTS {
        "is as accurate as the second tier".to_owned()
    } else {
        let side = if points > 0.0 { "above" } else { "below" };
        format!("its accuracy is {:.1} points {side} the second tier's", points.abs())
    };
    format!("{time}, and {accuracy}")
}

#[cfg(test)]
mod tests {
    use super::super::super::CascadeRow;
    use super::*;

    /// A cascade over ten rows of which each way gets so many right.
    fn report(second_right: usize, cascade_right: usize) -> CascadeReport {
        let labels = ["a".to_owned(), "b".to_owned()];
        let (right, wrong) = (vec![0.9, 0.1], vec![0.2, 0.8]);
        let rows: Vec<CascadeRow<'_>> = (0..10)
            .map(|at| CascadeRow {
                truth: 0,
                first: if at < cascade_right { &right } else { &wrong },
                second: if at < second_right { &right } else { &wrong },
                asked: false,
            })
            .collect();
        CascadeReport::new(["x", "y"], &labels, &rows)
    }

    #[test]
    fn the_sentence_says_how_much_and_which_way() {
        for (second, cascade, expected) in [
            (8, 7, "the cascade was not timed, and its accuracy is 10.0 points below the second tier's"),
            (7, 9, "the cascade was not timed, and its accuracy is 20.0 points above the second tier's"),
            (7, 7, "the cascade was not timed, and is as accurate as the second tier"),
        ] {
            assert_eq!(verdict(&report(second, cascade)), expected);
        }
        let mut timed = report(7, 7);
        timed.set_latency([vec![1.0], vec![100.0], vec![25.0]]);
        assert_eq!(
            verdict(&timed),
            "the cascade takes 25.0% of the second tier's mean time, and is as accurate as the second tier"
        );
    }
}
