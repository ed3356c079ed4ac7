//! What the pictures share: the surface, colours, letters and axes. Knows nothing of reports. No font is read: the
//! reader's browser supplies the letters, so widths of words are estimates.

use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::prelude::{Cartesian2d, SVGBackend};
use plotters::style::{Color, IntoFont, RGBColor, TextStyle, WHITE};

/// Why a picture was not drawn.
pub(in super::super) type DrawError = DrawingAreaErrorKind<std::io::Error>;
/// A surface measured in pixels.
pub(super) type Surface<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// A surface with two axes.
pub(super) type Chart<'a, 'b, X = RangedCoordf64> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, RangedCoordf64>>;

/// Letters and axes.
pub(super) const INK: RGBColor = RGBColor(28, 36, 48);
/// Lines that only guide the eye.
pub(super) const GUIDE: RGBColor = RGBColor(90, 102, 119);
/// Lines of the mesh, and the ground of a matrix.
pub(super) const FAINT: RGBColor = RGBColor(236, 240, 245);
/// What was measured. Blue and orange stay apart for the colour-blind.
pub(super) const BLUE: RGBColor = RGBColor(32, 100, 180);
/// What stands out from it.
pub(super) const ORANGE: RGBColor = RGBColor(213, 94, 0);
/// A third colour beside the two.
pub(super) const GREEN: RGBColor = RGBColor(0, 128, 96);

/// Height of the letters of axes, in pixels.
pub(super) const LETTERS_PX: f64 = 12.0;
/// The library divides a font's size by this before it writes it down.
const SIZE_PER_PX: f64 = 1.24;
/// Width of a letter of an alphabet in a sans-serif font, to its height. From `FIRST_SQUARE` on, where writing goes by
/// syllables and signs, a letter fills a square.
const LETTER_WIDTH: f64 = 0.58;
const FIRST_SQUARE: char = '\u{1100}';

/// Draws on a fresh surface and gives the `<svg>` element.
pub(super) fn drawn(
    size_px: (u32, u32),
    paint: impl FnOnce(&Surface<'_>) -> Result<(), DrawError>,
) -> Result<String, DrawError> {
    let mut svg = String::new();
    {
        let surface = SVGBackend::with_string(&mut svg, size_px).into_drawing_area();
        paint(&surface)?;
        surface.present()?;
    }
    // Inside a page the element needs no namespace, and the page then holds no address at all.
    Ok(svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1))
}

/// Letters of a height in pixels.
pub(super) fn letters(height_px: f64, colour: RGBColor) -> TextStyle<'static> {
    let style = TextStyle::from(("sans-serif", height_px * SIZE_PER_PX).into_font());
    TextStyle { color: colour.to_backend_color(), ..style }
}

/// About how wide the words become, in pixels.
pub(super) fn width_px(words: &str, height_px: f64) -> u32 {
    (words.chars().map(width_of).sum::<f64>() * height_px).ceil() as u32
}

/// The words, cut to the width of a number of letters of an alphabet; three dots stand for what was left out.
pub(super) fn shortened(words: &str, most_letters: usize) -> String {
    let most = LETTER_WIDTH * most_letters as f64;
    let mut width = 0.0;
    let fits = |letter: &char| {
        width += width_of(*letter);
        width <= most + 1e-9
    };
    let mut kept: String = words.chars().take_while(fits).collect();
    if kept.len() < words.len() {
        kept.pop();
        kept.push('…');
    }
    kept
}

/// Of a letter, to its height.
fn width_of(letter: char) -> f64 {
    if letter < FIRST_SQUARE { LETTER_WIDTH } else { 1.0 }
}

/// A count in at most four letters or so.
pub(super) fn short_count(count: usize) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{}k", count / 1000),
        _ => format!("{}M", count / 1_000_000),
    }
}

/// How an axis is called and how its values are written.
pub(super) struct Axis<'a> {
    pub(super) name: &'a str,
    pub(super) labels: usize,
    pub(super) write: &'a dyn Fn(&f64) -> String,
}

/// Draws mesh, axes, their values and names.
pub(super) fn draw_axes<X: Ranged<ValueType = f64> + ValueFormatter<f64>>(
    chart: &mut Chart<'_, '_, X>,
    across: &Axis<'_>,
    up: &Axis<'_>,
) -> Result<(), DrawError> {
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(FAINT)
        .axis_style(GUIDE)
        .x_labels(across.labels)
        .y_labels(up.labels)
        .max_light_lines(0)
        .x_label_formatter(&across.write)
        .y_label_formatter(&up.write)
        .label_style(letters(LETTERS_PX, INK))
        .axis_desc_style(letters(LETTERS_PX, INK))
        .x_desc(across.name)
        .y_desc(up.name)
        .draw()
}

/// A share as whole percent.
pub(super) fn whole_percent(share: &f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// An axis that holds all values: a margin of this share of their span at either end, at least this long, within 0 and `most`.
pub(super) fn range_around(values: impl Iterator<Item = f64>, least_span: f64, margin: f64, most: f64) -> (f64, f64) {
    let (lowest, highest) = values.fold((most, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    let margin = ((least_span - (highest - lowest)) / 2.0).max((highest - lowest) * margin);
    ((lowest - margin).max(0.0), (highest + margin).min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_cut_by_letters_not_bytes() {
        assert_eq!(shortened("übersetzung", 11), "übersetzung");
        assert_eq!(shortened("übersetzung", 5), "über…");
        assert!(width_px("翻訳", 10.0) > width_px("ab", 10.0));
        let cut = shortened(&"翻".repeat(40), 20);
        assert!(cut.ends_with('…') && width_px(&cut, 10.0) <= width_px(&"m".repeat(20), 10.0), "{cut}");
    }

    #[test]
    fn counts_stay_short() {
        for (count, written) in [(0, "0"), (9_999, "9999"), (12_345, "12k"), (999_999, "999k"), (2_000_000, "2M")] {
            assert_eq!(short_count(count), written);
        }
    }

    #[test]
    fn words_are_escaped_and_no_address_is_left() {
        let svg = drawn((100, 50), |surface| {
            surface.draw_text("<b> & \"'", &letters(12.0, INK), (0, 0))?;
            Ok(())
        })
        .unwrap();
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
        assert!(svg.contains("&lt;b&gt; &amp; &quot;&apos;"), "{svg}");
        assert!(!svg.contains("http"));
    }
}
