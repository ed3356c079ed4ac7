//! Quality against the share of prompts that the strong model answers: the router between chance and an oracle.

use plotters::chart::ChartBuilder;
use plotters::element::Circle;
use plotters::series::{DashedLineSeries, LineSeries};
use plotters::style::{Color, RGBColor, WHITE};

use super::super::super::{TwoModelPoint, TwoModelReport};
use super::Figure;
use super::canvas::{Axis, BLUE, DrawError, GREEN, GUIDE, ORANGE, Surface, draw_axes, drawn, range_around};
use super::legend::{Entry, Legend, Mark};

const SIZE_PX: (u32, u32) = (460, 420);
const LEGEND: Legend = Legend { left_px: 40, columns: 2, column_px: 208, most_letters: 26 };
/// The quality axis shows at least this many percent, so that chance does not look like a mountain.
const LEAST_SPAN: f64 = 4.0;

/// Ways to rank prompts that are drawn beside the router, and how.
const BASELINES: [(&str, RGBColor); 3] = [("random", GUIDE), ("prompt length", GREEN), ("oracle", ORANGE)];

pub(super) fn draw(report: &TwoModelReport) -> Result<Figure, DrawError> {
    let router = &report.router.scores;
    let named = |name: &str, apgr: Option<f64>| match apgr {
        Some(apgr) => format!("{name}: APGR {apgr:.3}"),
        None => name.to_owned(),
    };
    let mut legend = vec![Entry::new(Mark::Points, BLUE, named("router", router.apgr))];
    let curves: Vec<(&[TwoModelPoint], RGBColor)> = BASELINES
        .into_iter()
        .filter_map(|(name, colour)| {
            let baseline = report.baselines.iter().find(|baseline| baseline.name == name)?;
            legend.push(Entry::new(Mark::Dashes, colour, named(name, baseline.apgr)));
            Some((baseline.points.as_slice(), colour))
        })
        .collect();
    let svg = drawn(SIZE_PX, |surface| {
        surface.fill(&WHITE)?;
        let (upper, lower) = surface.split_vertically(LEGEND.height_px(legend.len()));
        LEGEND.draw(&upper, &legend)?;
        draw_curves(&lower, &router.points, &curves)
    })?;
    let apgr = router.apgr.map_or_else(String::new, |apgr| format!(": APGR {apgr:.3}"));
    Ok(Figure {
        title: format!("Quality and share of the strong model{apgr}"),
        caption: format!(
            "To the right, more prompts go to {} instead of {}, those first that gain most by the router's word: the farther \
             the curve bends away from the straight line of random choice towards the oracle, the more of the gain it has for \
             the same share.",
            report.strong, report.weak
        ),
        svg,
        least_width: 300,
        alone: false,
    })
}

fn draw_curves(
    surface: &Surface<'_>,
    router: &[TwoModelPoint],
    baselines: &[(&[TwoModelPoint], RGBColor)],
) -> Result<(), DrawError> {
    let place = |point: &TwoModelPoint| (point.strong_percent, point.quality_percent);
    let all = baselines.iter().flat_map(|(points, _)| points.iter()).chain(router);
    let (bottom, top) = quality_range(all.map(|point| point.quality_percent));
    let mut chart = ChartBuilder::on(surface)
        .margin_top(10)
        .margin_right(18)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..100.0, bottom..top)?;
    let percent = |value: &f64| format!("{value:.0}%");
    draw_axes(
        &mut chart,
        &Axis { name: "prompts sent to the strong model", labels: 6, write: &percent },
        &Axis { name: "mean quality", labels: 6, write: &percent },
    )?;
    for (points, colour) in baselines {
        chart.draw_series(DashedLineSeries::new(points.iter().map(place), 6, 4, colour.stroke_width(2)))?;
    }
    chart.draw_series(LineSeries::new(router.iter().map(place), BLUE.stroke_width(2)))?;
    chart.draw_series(router.iter().map(|point| Circle::new(place(point), 3, BLUE.filled())))?;
    Ok(())
}

/// From a little below the lowest quality to a little above the highest, within 0..100.
fn quality_range(qualities: impl Iterator<Item = f64>) -> (f64, f64) {
    range_around(qualities, LEAST_SPAN, 0.06, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legend_stays_inside_the_picture() {
        assert!(LEGEND.right_px() <= SIZE_PX.0, "{}", LEGEND.right_px());
    }

    #[test]
    fn the_axis_holds_every_quality_and_is_never_empty() {
        for qualities in [vec![0.0], vec![100.0], vec![31.5, 31.5], vec![2.0, 98.0]] {
            let (bottom, top) = quality_range(qualities.iter().copied());
            assert!(bottom < top && bottom >= 0.0 && top <= 100.0);
            assert!(qualities.iter().all(|quality| (bottom..=top).contains(quality)));
        }
    }
}
