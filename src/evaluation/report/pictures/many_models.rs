//! Quality against cost: the router's points and hull between those of the single models and of an oracle, and every fixed
//! choice as a dot with its name.

use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::series::{DashedLineSeries, LineSeries};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor, WHITE};

use super::super::super::{CostQuality, FixedChoice, ManyModelCurve, ManyModelReport, non_decreasing_concave_hull};
use super::Figure;
use super::canvas::{
    Axis, BLUE, DrawError, GREEN, GUIDE, INK, ORANGE, Surface, draw_axes, drawn, letters, range_around, shortened,
    width_px,
};
use super::cost_axis::CostAxis;
use super::labels::{Area, Dot, along, place_names};
use super::legend::{Entry, Legend, Mark};

const SIZE_PX: (u32, u32) = (760, 540);
const LEGEND: Legend = Legend { left_px: 64, columns: 2, column_px: 340, most_letters: 45 };
const NAME_LETTERS_PX: f64 = 10.5;
const NAME_HEIGHT_PX: i32 = 14;
const NAME_MARGIN_PX: i32 = 2;
const MOST_NAME_LETTERS: usize = 32;
const DOT_PX: u32 = 4;
const CONFIGURED_DOT_PX: u32 = 6;
/// Pieces of a hull's side: a straight line bends on a logarithmic axis.
const PIECES: usize = 24;
/// The quality axis shows at least this much, so that chance does not look like a mountain.
const LEAST_SPAN: f64 = 0.04;
const USD_PER_1000: f64 = 1000.0;

/// A curve as it is drawn.
struct Drawn<'a> {
    entry: Entry,
    curve: &'a ManyModelCurve,
}

pub(super) fn draw(report: &ManyModelReport) -> Result<Figure, DrawError> {
    let curve = |mark, colour, name: &str, curve| {
        let words = format!("{name}: AIQ {:.3}", ManyModelCurve::aiq(curve));
        Drawn { entry: Entry::new(mark, colour, words), curve }
    };
    // The last one is drawn over the others.
    let mut curves = vec![
        curve(Mark::Dashes, GUIDE, "oracle", &report.oracle),
        curve(Mark::Dashes, GREEN, "zero router (single models alone)", &report.zero_router),
    ];
    curves.extend(report.router.as_ref().map(|router| curve(Mark::Points, BLUE, "router", router)));
    let mut legend: Vec<Entry> = curves.iter().rev().map(|curve| curve.entry.clone()).collect();
    legend.push(Entry::new(Mark::Dot(DOT_PX), INK, "always the same model"));
    legend.push(Entry::new(Mark::Dot(DOT_PX), GUIDE, "random"));
    legend.extend(
        report.configured.iter().map(|choice| Entry::new(Mark::Dot(CONFIGURED_DOT_PX), ORANGE, choice.name.clone())),
    );
    let mut all_named = true;
    let mut logarithmic = false;
    let svg = drawn(SIZE_PX, |surface| {
        surface.fill(&WHITE)?;
        let height_px = LEGEND.height_px(legend.len());
        let (upper, lower) = surface.split_vertically(height_px);
        LEGEND.draw(&upper, &legend)?;
        let chart = draw_chart(&lower, report, &curves)?;
        all_named = chart.all_named;
        logarithmic = chart.logarithmic;
        Ok(())
    })?;
    let title = match &report.router {
        Some(router) => format!(
            "Cost and quality: AIQ {:.3}, the single models alone {:.3}",
            router.aiq(),
            report.zero_router.aiq()
        ),
        None => format!("Cost and quality of single models: AIQ {:.3}", report.zero_router.aiq()),
    };
    let mut caption = String::from(
        "A line joins what mixing its points can reach, and goes on to the right as far as the dearest single model; AIQ is the \
         area under it. A router is worth something where it lies over the single models' line.",
    );
    if logarithmic {
        caption.push_str(" Costs go by factors, so straight lines bend.");
    }
    if !all_named {
        caption.push_str(" Dots without room for a name are in the table.");
    }
    Ok(Figure { title, caption, svg, least_width: 520, alone: true })
}

impl ManyModelCurve {
    fn aiq(&self) -> f64 {
        self.scores.aiq
    }

    fn means(&self) -> Vec<CostQuality> {
        self.scores.points.iter().map(|point| point.mean).collect()
    }
}

/// What the caption has to say of a chart.
struct ChartNotes {
    all_named: bool,
    logarithmic: bool,
}

fn draw_chart(surface: &Surface<'_>, report: &ManyModelReport, curves: &[Drawn<'_>]) -> Result<ChartNotes, DrawError> {
    let usd = |mean: &CostQuality| mean.cost_usd * USD_PER_1000;
    let dots = dots(report);
    let hulls: Vec<Vec<CostQuality>> = curves.iter().map(|of| non_decreasing_concave_hull(&of.curve.means())).collect();
    let shown: Vec<CostQuality> = hulls
        .iter()
        .flatten()
        .copied()
        .chain(dots.iter().map(|(choice, ..)| choice.mean))
        .chain(report.router.iter().flat_map(ManyModelCurve::means))
        .collect();
    let axis = CostAxis::new(shown.iter().map(usd));
    let (bottom, top) = quality_range(shown.iter().map(|mean| mean.quality));
    let mut chart = ChartBuilder::on(surface)
        .margin_top(10)
        .margin_right(18)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(axis.clone(), bottom..top)?;
    draw_axes(
        &mut chart,
        &Axis { name: "USD for 1,000 queries", labels: 1, write: &|cost: &f64| axis.write(cost) },
        &Axis { name: "mean quality", labels: 6, write: &|quality: &f64| format!("{quality:.2}") },
    )?;
    let place = |mean: &CostQuality| (usd(mean), mean.quality);
    let dearest = report.single_models.iter().map(|single| single.mean.cost_usd).fold(0.0, f64::max);
    let mut covered = Vec::new();
    for (drawn, hull) in curves.iter().zip(&hulls) {
        let line: Vec<(f64, f64)> = sides(hull, dearest, &axis).iter().map(place).collect();
        covered.extend(along(&line.iter().map(|at| chart.backend_coord(at)).collect::<Vec<_>>()));
        let stroke = drawn.entry.colour.stroke_width(2);
        match drawn.entry.mark {
            Mark::Dashes => drop(chart.draw_series(DashedLineSeries::new(line, 6, 4, stroke))?),
            _ => drop(chart.draw_series(LineSeries::new(line, stroke))?),
        }
    }
    for point in report.router.iter().flat_map(ManyModelCurve::means) {
        chart.draw_series([Circle::new(place(&point), 2, BLUE.mix(0.6).filled())])?;
        covered.push(chart.backend_coord(&place(&point)));
    }
    for (choice, colour, radius) in &dots {
        chart.draw_series([Circle::new(place(&choice.mean), *radius, colour.filled())])?;
    }
    let at: Vec<(i32, i32)> = dots.iter().map(|(choice, ..)| chart.backend_coord(&place(&choice.mean))).collect();
    let (across, up) = chart.plotting_area().get_pixel_range();
    let inside = Area { left: across.start + 2, top: up.start + 2, right: across.end - 2, bottom: up.end - 2 };
    drop(chart);
    let all_named = draw_names(surface, &dots, &at, inside, &covered)?;
    Ok(ChartNotes { all_named, logarithmic: axis.is_logarithmic() })
}

/// A choice, its colour and the radius of its dot.
type ChoiceDot<'a> = (&'a FixedChoice, RGBColor, u32);

/// The configured choice is named first, then the best models.
fn dots(report: &ManyModelReport) -> Vec<ChoiceDot<'_>> {
    let configured = report.configured.iter().map(|choice| (choice, ORANGE, CONFIGURED_DOT_PX));
    let singles = report.single_models.iter().map(|choice| (choice, INK, DOT_PX));
    configured.chain(singles).chain([(&report.random, GUIDE, DOT_PX)]).collect()
}

/// Names beside dots, on a ground that lets lines shine through. False where a dot has no room for its name.
fn draw_names(
    surface: &Surface<'_>,
    dots: &[ChoiceDot<'_>],
    at: &[(i32, i32)],
    inside: Area,
    covered: &[(i32, i32)],
) -> Result<bool, DrawError> {
    let names: Vec<String> = dots.iter().map(|(choice, ..)| shortened(&choice.name, MOST_NAME_LETTERS)).collect();
    let wanted: Vec<Dot> = dots
        .iter()
        .zip(&names)
        .zip(at)
        .map(|(((_, _, radius), name), at)| Dot {
            at: *at,
            radius: *radius as i32,
            name_px: (width_px(name, NAME_LETTERS_PX) as i32 + 2 * NAME_MARGIN_PX, NAME_HEIGHT_PX),
        })
        .collect();
    let places = place_names(&wanted, inside, covered);
    // Places are those of the whole picture, and the surface is its lower part.
    let (_, rows) = surface.get_pixel_range();
    let own = |(x, y): (i32, i32)| (x, y - rows.start);
    for ((place, name), dot) in places.iter().zip(&names).zip(&wanted) {
        let Some(place) = place else { continue };
        if let Some(end) = place.line_to {
            surface.draw(&PathElement::new([own(dot.at), own(end)], GUIDE.stroke_width(1)))?;
        }
        let corners = [(place.area.left, place.area.top), (place.area.right, place.area.bottom)].map(own);
        surface.draw(&Rectangle::new(corners, WHITE.mix(0.7).filled()))?;
        // Widths are estimates, so words hold on to the side where their dot is.
        let (side, at) = if place.area.right <= dot.at.0 {
            (HPos::Right, place.area.right - NAME_MARGIN_PX)
        } else if place.area.left >= dot.at.0 {
            (HPos::Left, place.area.left + NAME_MARGIN_PX)
        } else {
            (HPos::Center, (place.area.left + place.area.right) / 2)
        };
        let style = letters(NAME_LETTERS_PX, INK).pos(Pos::new(side, VPos::Center));
        let middle = own((at, (place.area.top + place.area.bottom) / 2));
        surface.draw(&Text::new(name.clone(), middle, style))?;
    }
    Ok(places.iter().all(Option::is_some))
}

/// The hull's sides in pieces that are evenly spread over the axis, and on to the dearest model at the last height.
fn sides(hull: &[CostQuality], dearest_usd: f64, axis: &CostAxis) -> Vec<CostQuality> {
    let mut corners = hull.to_vec();
    if let Some(last) = hull.last().filter(|last| last.cost_usd < dearest_usd) {
        corners.push(CostQuality { cost_usd: dearest_usd, ..*last });
    }
    let mut line: Vec<CostQuality> = corners.first().copied().into_iter().collect();
    for pair in corners.windows(2) {
        let (left, right) = (pair[0], pair[1]);
        let [from, to] = [left, right].map(|corner| corner.cost_usd * USD_PER_1000);
        line.extend(axis.between(from, to, PIECES).map(|usd| {
            let share = (usd - from) / (to - from);
            CostQuality { cost_usd: usd / USD_PER_1000, quality: left.quality + share * (right.quality - left.quality) }
        }));
    }
    line
}

/// From a little below the lowest quality to a little above the highest, within 0..1.
fn quality_range(qualities: impl Iterator<Item = f64>) -> (f64, f64) {
    range_around(qualities, LEAST_SPAN, 0.06, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legend_stays_inside_the_picture() {
        assert!(LEGEND.right_px() <= SIZE_PX.0, "{}", LEGEND.right_px());
    }

    #[test]
    fn sides_keep_the_corners_and_go_on_to_the_dearest() {
        let corner = |cost_usd: f64, quality: f64| CostQuality { cost_usd, quality };
        for costs in [[0.001, 0.1], [0.05, 0.1]] {
            let axis = CostAxis::new(costs.iter().map(|usd| usd * USD_PER_1000));
            let line = sides(&[corner(costs[0], 0.2), corner(costs[1], 0.8)], 0.2, &axis);
            assert_eq!(line.len(), 1 + 2 * PIECES);
            for (at, cost_usd, quality) in [(0, costs[0], 0.2), (PIECES, costs[1], 0.8), (2 * PIECES, 0.2, 0.8)] {
                assert!((line[at].cost_usd - cost_usd).abs() < 1e-9 && (line[at].quality - quality).abs() < 1e-9);
            }
            let slope = 0.6 / (costs[1] - costs[0]);
            assert!(
                line[..=PIECES].iter().all(|at| (at.quality - 0.2 - slope * (at.cost_usd - costs[0])).abs() < 1e-9)
            );
        }
        assert!(sides(&[], 1.0, &CostAxis::new([1.0].into_iter())).is_empty());
    }
}
