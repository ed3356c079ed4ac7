//! The reliability diagram: how often the router is right beside how often it says it is, and below it the rows of each
//! bin of confidence.

use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::series::DashedLineSeries;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, WHITE};

use super::super::super::{CalibrationBin, LabelReport};
use super::Figure;
use super::canvas::{
    Axis, BLUE, DrawError, GUIDE, INK, ORANGE, Surface, draw_axes, drawn, letters, short_count, whole_percent,
};

const SIZE_PX: (u32, u32) = (460, 420);
/// Height of the upper part.
const DIAGRAM_PX: u32 = 300;
const LEFT_PX: u32 = 56;
const COUNT_LETTERS_PX: f64 = 9.0;
const LEAST_RADIUS_PX: f64 = 2.5;
const RADIUS_RANGE_PX: f64 = 5.5;

const CAPTION: &str = "\
    Each point is a bin of confidence, its size and the bar below it say how many rows it holds: on the dashed \
    line the router is right as often as it says, under it too sure, over it not sure enough.";

pub(super) fn draw(report: &LabelReport) -> Result<Figure, DrawError> {
    let calibration = &report.calibration;
    let svg = drawn(SIZE_PX, |surface| {
        surface.fill(&WHITE)?;
        let (upper, lower) = surface.split_vertically(DIAGRAM_PX);
        draw_diagram(&upper, &calibration.bins)?;
        draw_rows(&lower, &calibration.bins)
    })?;
    Ok(Figure {
        title: format!("Reliability of {}: expected calibration error {:.3}", report.field, calibration.ece),
        caption: CAPTION.into(),
        svg,
        least_width: 300,
        alone: false,
    })
}

fn draw_diagram(surface: &Surface<'_>, bins: &[CalibrationBin]) -> Result<(), DrawError> {
    let mut chart = ChartBuilder::on(surface)
        .margin_top(12)
        .margin_right(14)
        .x_label_area_size(8)
        .y_label_area_size(LEFT_PX)
        .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    let nothing = |_: &f64| String::new();
    draw_axes(
        &mut chart,
        &Axis { name: "", labels: 6, write: &nothing },
        &Axis { name: "share right", labels: 6, write: &whole_percent },
    )?;
    chart.draw_series(DashedLineSeries::new([(0.0, 0.0), (1.0, 1.0)], 5, 4, GUIDE.stroke_width(1)))?;
    chart.draw_series(bins.iter().map(|bin| {
        PathElement::new(vec![(bin.stated, bin.stated), (bin.stated, bin.happened)], ORANGE.stroke_width(2))
    }))?;
    let most = most_rows(bins);
    chart.draw_series(bins.iter().map(|bin| {
        // The area follows the rows, so that a bin of few does not look like one of many.
        let radius = LEAST_RADIUS_PX + RADIUS_RANGE_PX * (bin.rows as f64 / most).sqrt();
        Circle::new((bin.stated, bin.happened), radius.round() as u32, BLUE.filled())
    }))?;
    Ok(())
}

fn draw_rows(surface: &Surface<'_>, bins: &[CalibrationBin]) -> Result<(), DrawError> {
    let mut chart = ChartBuilder::on(surface)
        .margin_top(4)
        .margin_right(14)
        .x_label_area_size(40)
        .y_label_area_size(LEFT_PX)
        // Room for the numbers over the bars.
        .build_cartesian_2d(0.0..1.0, 0.0..most_rows(bins) * 1.3)?;
    let nothing = |_: &f64| String::new();
    draw_axes(
        &mut chart,
        &Axis { name: "confidence stated", labels: 6, write: &whole_percent },
        &Axis { name: "rows", labels: 1, write: &nothing },
    )?;
    chart.draw_series(bins.iter().map(|bin| {
        let mut bar = Rectangle::new([(bin.above, 0.0), (bin.up_to, bin.rows as f64)], BLUE.mix(0.55).filled());
        bar.set_margin(0, 0, 1, 1);
        bar
    }))?;
    let style = letters(COUNT_LETTERS_PX, INK).pos(Pos::new(HPos::Center, VPos::Bottom));
    chart.draw_series(bins.iter().map(|bin| {
        Text::new(short_count(bin.rows), ((bin.above + bin.up_to) / 2.0, bin.rows as f64), style.clone())
    }))?;
    Ok(())
}

fn most_rows(bins: &[CalibrationBin]) -> f64 {
    bins.iter().map(|bin| bin.rows).max().unwrap_or(1) as f64
}
