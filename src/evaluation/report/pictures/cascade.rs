//! A cascade's accuracy against the share of prompts that the second tier is asked for, beside each tier alone.

use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement, Text};
use plotters::series::{DashedLineSeries, LineSeries};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor, WHITE};

use super::super::super::CascadeReport;
use super::Figure;
use super::canvas::{
    Axis, BLUE, DrawError, GREEN, GUIDE, INK, ORANGE, Surface, draw_axes, drawn, letters, shortened, whole_percent,
};

const SIZE_PX: (u32, u32) = (460, 420);
const LEGEND_ROW_PX: u32 = 20;
const LEGEND_LEFT_PX: i32 = 50;
const LEGEND_LETTERS_PX: f64 = 11.0;
const MOST_LEGEND_LETTERS: usize = 57;
/// The accuracy axis shows at least this much, so that chance does not look like a mountain.
const LEAST_SPAN: f64 = 0.04;

const CAPTION: &str = "\
    To the right, more prompts go to the second tier, those first whose two best labels are closest: the earlier the curve comes up to the \
    second tier's dashed line, the more time the cascade saves.";

/// How one entry of the legend is drawn.
#[derive(Clone, Copy)]
enum Mark {
    Line,
    Dashes,
    Dot,
}

pub(super) fn draw(report: &CascadeReport) -> Result<Figure, DrawError> {
    let legend = [
        (Mark::Dot, ORANGE, format!("the router: {:.1}% asked", report.second_tier_share * 100.0)),
        (Mark::Line, BLUE, "other bands of the first tier's lead".to_owned()),
        (Mark::Dashes, GREEN, format!("second tier alone: {}", report.second_name)),
        (Mark::Dashes, GUIDE, format!("first tier alone: {}", report.first_name)),
    ];
    let svg = drawn(SIZE_PX, |surface| {
        surface.fill(&WHITE)?;
        let (upper, lower) = surface.split_vertically(LEGEND_ROW_PX * legend.len() as u32 + 8);
        for (row, (mark, colour, words)) in legend.iter().enumerate() {
            let middle = (LEGEND_ROW_PX * row as u32 + LEGEND_ROW_PX / 2 + 6) as i32;
            draw_legend_entry(&upper, middle, *mark, *colour, words)?;
        }
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

fn draw_legend_entry(
    surface: &Surface<'_>,
    middle: i32,
    mark: Mark,
    colour: RGBColor,
    words: &str,
) -> Result<(), DrawError> {
    let (left, right) = (LEGEND_LEFT_PX, LEGEND_LEFT_PX + 28);
    match mark {
        Mark::Line => surface.draw(&PathElement::new([(left, middle), (right, middle)], colour.stroke_width(2)))?,
        Mark::Dashes => {
            for start in [left, left + 10, left + 20] {
                surface.draw(&PathElement::new([(start, middle), (start + 7, middle)], colour.stroke_width(2)))?;
            }
        }
        Mark::Dot => surface.draw(&Circle::new(((left + right) / 2, middle), 6, colour.filled()))?,
    }
    let style = letters(LEGEND_LETTERS_PX, INK).pos(Pos::new(HPos::Left, VPos::Center));
    surface.draw(&Text::new(shortened(words, MOST_LEGEND_LETTERS), (right + 8, middle), style))
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
    let all = report.curve.iter().map(|point| point.accuracy).chain(tiers);
    let (lowest, highest) = all.fold((1.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    let margin = ((LEAST_SPAN - (highest - lowest)) / 2.0).max((highest - lowest) * 0.1);
    ((lowest - margin).max(0.0), (highest + margin).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::super::super::super::CascadeRow;
    use super::super::canvas::width_px;
    use super::*;

    #[test]
    fn the_legend_stays_inside_the_picture() {
        let longest = shortened(&"m".repeat(200), MOST_LEGEND_LETTERS);
        let end = LEGEND_LEFT_PX as u32 + 36 + width_px(&longest, LEGEND_LETTERS_PX);
        assert!(end <= SIZE_PX.0, "{end}");
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
