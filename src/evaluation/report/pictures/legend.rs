//! The legend over a chart: a mark and words for each thing that is drawn. Knows nothing of what they stand for.

use plotters::element::{Circle, PathElement, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};

use super::canvas::{DrawError, INK, Surface, letters, shortened};

/// Height of a row.
const ROW_PX: u32 = 20;
const TOP_PX: u32 = 6;
const MARK_PX: i32 = 28;
/// Between a mark and its words.
const GAP_PX: i32 = 8;
const LETTERS_PX: f64 = 11.0;

/// How one entry is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    Line,
    /// A line with the points it goes by.
    Points,
    Dashes,
    /// A dot of this radius.
    Dot(u32),
}

/// One entry.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) mark: Mark,
    pub(super) colour: RGBColor,
    pub(super) words: String,
}

impl Entry {
    pub(super) fn new(mark: Mark, colour: RGBColor, words: impl Into<String>) -> Self {
        Self { mark, colour, words: words.into() }
    }
}

/// Where the entries stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Legend {
    pub(super) left_px: i32,
    pub(super) columns: usize,
    /// Width of a column, the marks included.
    pub(super) column_px: u32,
    /// Words are cut after about so many letters.
    pub(super) most_letters: usize,
}

impl Legend {
    /// Height of so many entries, in pixels.
    pub(super) fn height_px(self, entries: usize) -> u32 {
        ROW_PX * entries.div_ceil(self.columns) as u32 + TOP_PX + 2
    }

    /// Draws the entries column by column.
    pub(super) fn draw(self, surface: &Surface<'_>, entries: &[Entry]) -> Result<(), DrawError> {
        let rows = entries.len().div_ceil(self.columns).max(1);
        for (place, entry) in entries.iter().enumerate() {
            let left = self.left_px + (place / rows) as i32 * self.column_px as i32;
            let middle = (ROW_PX * (place % rows) as u32 + ROW_PX / 2 + TOP_PX) as i32;
            draw_mark(surface, entry, left, middle)?;
            let style = letters(LETTERS_PX, INK).pos(Pos::new(HPos::Left, VPos::Center));
            let words = shortened(&entry.words, self.most_letters);
            surface.draw(&Text::new(words, (left + MARK_PX + GAP_PX, middle), style))?;
        }
        Ok(())
    }
}

fn draw_mark(surface: &Surface<'_>, entry: &Entry, left: i32, middle: i32) -> Result<(), DrawError> {
    let (right, centre) = (left + MARK_PX, left + MARK_PX / 2);
    let line = |from: i32, to: i32| PathElement::new([(from, middle), (to, middle)], entry.colour.stroke_width(2));
    let dot = |at: i32, radius: u32| Circle::new((at, middle), radius, entry.colour.filled());
    match entry.mark {
        Mark::Line => surface.draw(&line(left, right)),
        Mark::Points => {
            surface.draw(&line(left, right))?;
            [left + 4, centre, right - 4].into_iter().try_for_each(|at| surface.draw(&dot(at, 3)))
        }
        Mark::Dashes => {
            [left, left + 10, left + 20].into_iter().try_for_each(|start| surface.draw(&line(start, start + 7)))
        }
        Mark::Dot(radius) => surface.draw(&dot(centre, radius)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::canvas::width_px;
    use super::*;

    impl Legend {
        /// Where its longest words end.
        pub(in super::super) fn right_px(self) -> u32 {
            let longest = shortened(&"m".repeat(500), self.most_letters);
            let in_column = (MARK_PX + GAP_PX) as u32 + width_px(&longest, LETTERS_PX);
            assert!(self.columns == 1 || in_column < self.column_px, "words run into the next column");
            self.left_px as u32 + self.column_px * (self.columns as u32 - 1) + in_column
        }
    }

    #[test]
    fn entries_share_the_columns_evenly() {
        let legend = Legend { left_px: 0, columns: 2, column_px: 200, most_letters: 20 };
        assert_eq!(legend.height_px(4), legend.height_px(3));
        assert!(legend.height_px(5) > legend.height_px(4));
    }
}
