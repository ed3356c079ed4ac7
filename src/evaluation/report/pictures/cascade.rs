//! A cascade's accuracy against the share of prompts that the second tier is asked for, beside each tier alone.

use plotters::chart::ChartBuilder;
use plotters::element::Circle;
use plotters::series::{DashedLineSeries, LineSeries};
use plotters::style::{Color, WHITE};

use super::super::super::CascadeReport;
use super::Figure;
use super::canvas::{
    Axis, BLUE, DrawError, GREEN, GUIDE, ORANGE, Surface, draw_axes, drawn, range_around, whole_percent,
};
use super::legend::{Entry, Legend, Mark};

const SIZE_PX: (u32, u32) = (460, 420);
const LEGEND: Legend = Legend { left_px: 50, columns: 1, column_px: 400, most_letters: 57 };
/// The accuracy axis shows at least this much, so that chance does not look like a mountain.
const LEAST_SPAN: f64 = 0.04;

const CAPTION: &str = "\
    To the right, more prompts go to the second tier, those first whose two best labels are closest: the earlier the curve comes up to the \
    second tier's dashed line, the more time the cascade saves.";

pub(super) fn draw(report: &CascadeReport) -> Result<Figure, DrawError> {
    let legend = [
        Entry::new(Mark::Dot(6), ORANGE, format!("the router: {:.1}% asked", report.second_tier_share * 100.0)),
        Entry::new(Mark::Line, BLUE, "other bands of the first tier's lead"),
        Entry::new(Mark::Dashes, GREEN, format!("second tier alone: {}", report.second_name)),
        Entry::new(Mark::Dashes, GUIDE, format!("first tier alone: {}", report.first_name)),
    ];
    let svg = drawn(SIZE_PX, |surface| {
        surface.fill(&WHITE)?;
        let (upper, lower) = surface.split_vertically(LEGEND.height_px(legend.len()));
        LEGEND.draw(&upper, &legend)?;
        draw_curve(&lower, report)
    })?;
    Ok(Figure {
        title: format!(
            "Cascade: accuracy {:.1}% with the second tier asked for {:.1}% of the prompts",
            report.cascade.accuracy * 100.0,
            report.second_tier_share * 100.0
        ),
        caption: CAPTION.into(),
        svg,
        least_width: 300,
        alone: false,
    })
}

fn draw_curve(surface: &Surface<'_>, report: &CascadeReport) -> Result<(), DrawError> {
    let (bottom, top) = accuracy_range(report);
    let mut chart = ChartBuilder::on(surface)
        .margin_top(10)
        .margin_right(14)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..1.0, bottom..top)?;
    let tenths = |share: &f64| format!("{:.1}%", share * 100.0);
    draw_axes(
        &mut chart,
        &Axis { name: "prompts that the second tier is asked for", labels: 6, write: &whole_percent },
        &Axis { name: "accuracy", labels: 6, write: &tenths },
    )?;
    for (figures, colour) in [(&report.first, GUIDE), (&report.second, GREEN)] {
        let ends = [(0.0, figures.accuracy), (1.0, figures.accuracy)];
        chart.draw_series(DashedLineSeries::new(ends, 7, 4, colour.stroke_width(2)))?;
    }
    let curve: Vec<(f64, f64)> = report.curve.iter().map(|point| (point.second_tier_share, point.accuracy)).collect();
    chart.draw_series(LineSeries::new(curve, BLUE.stroke_width(2)))?;
    let router = (report.second_tier_share, report.cascade.accuracy);
    chart.draw_series([Circle::new(router, 6, ORANGE.filled())])?;
    Ok(())
}

/// From a little below the lowest accuracy to a little above the highest, within 0..1.
fn accuracy_range(report: &CascadeReport) -> (f64, f64) {
    let tiers = [&report.first, &report.second, &report.cascade].map(|figures| figures.accuracy);
    range_around(report.curve.iter().map(|point| point.accuracy).chain(tiers), LEAST_SPAN, 0.1, 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::super::super::CascadeRow;
    use super::*;

    #[test]
    fn the_legend_stays_inside_the_picture() {
        assert!(LEGEND.right_px() <= SIZE_PX.0, "{}", LEGEND.right_px());
    }

    #[test]
    fn the_axis_holds_every_accuracy_and_is_never_empty() {
        let labels = ["a".to_owned(), "b".to_owned()];
        let (right, wrong) = (vec![0.9, 0.1], vec![0.2, 0.8]);
        for (first, second) in [(&right, &right), (&wrong, &wrong), (&wrong, &right)] {
            let rows = vec![CascadeRow { truth: 0, first, second, asked: true }; 7];
            let report = CascadeReport::new(["x", "y"], &labels, &rows);
            let (bottom, top) = accuracy_range(&report);
            assert!(bottom < top && bottom >= 0.0 && top <= 1.0);
            for accuracy in [report.first.accuracy, report.second.accuracy, report.cascade.accuracy] {
                assert!((bottom..=top).contains(&accuracy));
            }
        }
    }
}
