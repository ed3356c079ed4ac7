//! The confusion matrix as a heat map: true labels down, predicted labels across, darkness by share of the row.
//! Bounded in size: cells shrink as labels grow in number, and names and counts give way before they overlap.

use plotters::element::{Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color, FontTransform, RGBColor, WHITE};

use super::super::super::LabelReport;
use super::Figure;
use super::canvas::{DrawError, FAINT, INK, Surface, drawn, letters, short_count, shortened, width_px};

/// A matrix of more labels is not drawn: its cells would be too small to see, and its file too large to load.
pub(in super::super) const MOST_LABELS: usize = 200;
/// Up to this many labels, the cells hold their counts.
const MOST_COUNTED: usize = 20;
const MOST_NAME_LETTERS: usize = 28;
/// The matrix without its names: the side it aims at, and bounds of one cell, in pixels.
const SIDE_PX: i32 = 480;
const LARGE_SIDE_PX: i32 = 640;
const CELL_PX: (i32, i32) = (4, 72);
/// Around the names of labels, and for the names of the axes.
const GAP_PX: i32 = 6;
const AXIS_NAME_PX: i32 = 22;
/// A share that is not zero is at least as dark as this.
const LEAST_SHADE: f64 = 0.12;
/// A whole row in one square.
const DEEP_BLUE: RGBColor = RGBColor(16, 64, 140);
/// Counts are white on squares of a larger share and black on the others: the choice of more contrast.
const WHITE_ABOVE: f64 = 0.69;
/// Height of a count's letters, to a cell's; a count of many digits is drawn smaller.
const COUNT_HEIGHT: f64 = 0.42;
const COUNT_WIDTH: f64 = 0.88;
const MOST_COUNT_LETTERS_PX: f64 = 13.0;

const CAPTION: &str = "\
    Rows are true labels and columns predictions, and the darker a square, the larger its share of its row: a good \
    router is dark along the diagonal only";

/// Whether there is a matrix, and one that can be looked at.
pub(super) fn has_picture(report: &LabelReport) -> bool {
    let labels = report.labels.len();
    report.scores.rows > 0 && labels <= MOST_LABELS && report.scores.confusion.len() == labels
}

pub(super) fn draw(report: &LabelReport) -> Result<Figure, DrawError> {
    let layout = Layout::new(&report.labels);
    let svg = drawn(layout.size_px(), |surface| {
        surface.fill(&WHITE)?;
        draw_names(surface, &layout)?;
        draw_cells(surface, &layout, &report.scores.confusion)
    })?;
    let mut caption = String::from(CAPTION);
    if layout.counted() {
        caption.push_str(" (numbers are rows)");
    }
    if layout.names_apart > 1 {
        caption.push_str(&format!(" (one name in {} is shown)", layout.names_apart));
    }
    caption.push('.');
    let title =
        format!("Confusion matrix of {}: {} labels, {} rows", report.field, report.labels.len(), report.scores.rows);
    // Letters shrink with the picture; below three quarters they can no longer be read.
    Ok(Figure { title, caption, svg, least_width: layout.size_px().0 * 3 / 4, alone: true })
}

/// Where everything stands, in pixels.
struct Layout {
    names: Vec<String>,
    cell: i32,
    letters: f64,
    /// One name in so many is shown, so that none overlap.
    names_apart: usize,
    /// Room for the longest name, to the left and below.
    names_px: i32,
}

impl Layout {
    fn new(labels: &[String]) -> Self {
        let count = labels.len().max(1) as i32;
        let side = if labels.len() <= MOST_COUNTED { SIDE_PX } else { LARGE_SIDE_PX };
        let cell = (side / count).clamp(CELL_PX.0, CELL_PX.1);
        let letters = (f64::from(cell) * 0.8).clamp(9.0, 12.0);
        let names: Vec<String> = labels.iter().map(|label| shortened(label, MOST_NAME_LETTERS)).collect();
        let names_px = names.iter().map(|name| width_px(name, letters)).max().unwrap_or(0) as i32 + GAP_PX;
        Self { cell, letters, names_apart: ((letters + 1.0) / f64::from(cell)).ceil() as usize, names, names_px }
    }

    fn counted(&self) -> bool {
        self.names.len() <= MOST_COUNTED
    }

    fn side(&self) -> i32 {
        self.edge(self.names.len())
    }

    fn left(&self) -> i32 {
        AXIS_NAME_PX + self.names_px
    }

    fn size_px(&self) -> (u32, u32) {
        let names = AXIS_NAME_PX + self.names_px + 2 * GAP_PX;
        let side = (self.side() + names) as u32;
        (side, side)
    }

    /// Left or upper edge of a cell, counted from the matrix's.
    fn edge(&self, label: usize) -> i32 {
        self.cell * label as i32
    }
}

fn draw_names(surface: &Surface<'_>, layout: &Layout) -> Result<(), DrawError> {
    let (left, top, side) = (layout.left(), GAP_PX, layout.side());
    let to_the_left = letters(layout.letters, INK).pos(Pos::new(HPos::Right, VPos::Center));
    let below = to_the_left.transform(FontTransform::Rotate270);
    for (label, name) in layout.names.iter().enumerate().step_by(layout.names_apart) {
        let middle = layout.edge(label) + layout.cell / 2;
        surface.draw(&Text::new(name.as_str(), (left - GAP_PX, top + middle), to_the_left.clone()))?;
        surface.draw(&Text::new(name.as_str(), (left + middle, top + side + GAP_PX), below.clone()))?;
    }
    let axis = letters(12.0, INK).pos(Pos::new(HPos::Center, VPos::Center));
    surface.draw(&Text::new(
        "predicted",
        (left + side / 2, top + side + layout.names_px + GAP_PX + AXIS_NAME_PX / 2),
        axis.clone(),
    ))?;
    surface.draw(&Text::new("truth", (AXIS_NAME_PX / 2, top + side / 2), axis.transform(FontTransform::Rotate270)))?;
    Ok(())
}

fn draw_cells(surface: &Surface<'_>, layout: &Layout, confusion: &[Vec<usize>]) -> Result<(), DrawError> {
    let (left, top, side) = (layout.left(), GAP_PX, layout.side());
    surface.draw(&Rectangle::new([(left, top), (left + side, top + side)], FAINT.filled()))?;
    let line = i32::from(layout.cell >= 10);
    for (truth, counts) in confusion.iter().enumerate() {
        let rows = counts.iter().sum::<usize>().max(1) as f64;
        for (predicted, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (x, y) = (left + layout.edge(predicted), top + layout.edge(truth));
            let end = layout.cell - line;
            let share = count as f64 / rows;
            surface.draw(&Rectangle::new([(x, y), (x + end, y + end)], shade(share).filled()))?;
            if layout.counted() {
                let count = short_count(count);
                let style = letters(count_height_px(&count, layout.cell), letter_colour(share))
                    .pos(Pos::new(HPos::Center, VPos::Center));
                surface.draw(&Text::new(count, (x + end / 2, y + end / 2), style))?;
            }
        }
    }
    Ok(())
}

/// The largest letters with which the count stays inside its cell.
fn count_height_px(count: &str, cell: i32) -> f64 {
    const MEASURED_AT_PX: f64 = 100.0;
    let width = f64::from(width_px(count, MEASURED_AT_PX)) / MEASURED_AT_PX;
    let cell = f64::from(cell);
    (cell * COUNT_HEIGHT).min(cell * COUNT_WIDTH / width).min(MOST_COUNT_LETTERS_PX)
}

fn letter_colour(share: f64) -> RGBColor {
    if share > WHITE_ABOVE { WHITE } else { BLACK }
}

/// From the ground's colour to deep blue.
fn shade(share: f64) -> RGBColor {
    let share = share.clamp(LEAST_SHADE, 1.0);
    let mix = |ground: u8, full: u8| (f64::from(ground) + share * (f64::from(full) - f64::from(ground))).round() as u8;
    RGBColor(mix(FAINT.0, DEEP_BLUE.0), mix(FAINT.1, DEEP_BLUE.1), mix(FAINT.2, DEEP_BLUE.2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("a label of quite some length {at}")).collect()
    }

    proptest! {
        #[test]
        fn any_number_of_labels_fits_a_bounded_picture(count in 1usize..=MOST_LABELS) {
            let layout = Layout::new(&names(count));
            let (width, height) = layout.size_px();
                    prop_assert!(width <= 1100 && height <= 1100, "{count} labels: {width} x {height}");
            // Names that are shown stand at least a letter's height apart.
            prop_assert!(f64::from(layout.cell) * layout.names_apart as f64 >= layout.letters);
        }
    }

    #[test]
    fn counts_can_be_read_on_every_shade() {
        // WCAG 2.1's relative luminance and contrast; 4.5 is what it asks of small letters.
        let luminance = |colour: RGBColor| {
            let linear = |value: u8| {
                let value = f64::from(value) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * linear(colour.0) + 0.7152 * linear(colour.1) + 0.0722 * linear(colour.2)
        };
        for percent in 0..=100 {
            let share = f64::from(percent) / 100.0;
            let (ground, letter) = (luminance(shade(share)) + 0.05, luminance(letter_colour(share)) + 0.05);
            let contrast = ground.max(letter) / ground.min(letter);
            assert!(contrast >= 4.5, "{percent}%: {contrast:.2}");
        }
    }

    #[test]
    fn counts_stay_inside_their_cells() {
        for count in ["7", "62", "4809", "999k"] {
            assert!(width_px(count, count_height_px(count, 24)) <= 24, "{count}");
        }
    }

    #[test]
    fn darker_means_more() {
        assert_eq!(shade(1.0), DEEP_BLUE);
        assert_ne!(shade(0.001), FAINT, "what happened once is seen");
        assert!(shade(0.3).0 > shade(0.6).0);
    }
}
