//! The risk-coverage curve: the error among the rows that are kept as the least certain are left out.

use plotters::chart::ChartBuilder;
use plotters::element::Circle;
use plotters::series::AreaSeries;
use plotters::style::{Color, WHITE};

use super::super::super::LabelReport;
use super::Figure;
use super::canvas::{Axis, BLUE, DrawError, draw_axes, drawn, whole_percent};

const SIZE_PX: (u32, u32) = (460, 420);
/// The error axis reaches at least this far: a curve along the ground should look like one.
const LEAST_TOP: f64 = 0.1;

pub(super) fn draw(report: &LabelReport) -> Result<Figure, DrawError> {
    let curve = &report.risk_coverage;
    let points: Vec<(f64, f64)> = curve.points.iter().map(|point| (point.coverage, point.risk)).collect();
    let highest = points.iter().map(|point| point.1).fold(LEAST_TOP, f64::max);
    let svg = drawn(SIZE_PX, |surface| {
        surface.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(surface)
            .margin_top(12)
            .margin_right(14)
            .x_label_area_size(40)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..1.0, 0.0..(highest * 1.08).min(1.0))?;
        draw_axes(
            &mut chart,
            &Axis { name: "rows kept", labels: 6, write: &whole_percent },
            &Axis { name: "error among them", labels: 6, write: &whole_percent },
        )?;
        chart.draw_series(
            AreaSeries::new(points.iter().copied(), 0.0, BLUE.mix(0.18)).border_style(BLUE.stroke_width(2)),
        )?;
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, BLUE.filled())))?;
        Ok(())
    })?;
    Ok(Figure {
        title: format!("Risk and coverage of {}: area {:.3}", report.field, curve.area),
        caption: format!(
            "From right to left the least certain rows are left out and the error among the rest should fall; the area \
             under the curve is {:.3}, and the smaller it is, the better confidence tells right from wrong.",
            curve.area
        ),
        svg,
        least_width: 300,
        alone: false,
    })
}
