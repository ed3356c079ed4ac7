//! The part of a text that is looked at (all of a short one, a window at either end of a long one), and what is left of a
//! text when ranges of it are taken out. Knows nothing of what is harness text and what is not.

use std::borrow::Cow;
use std::ops::Range;

use super::lines::{Line, lines_of};

/// Bytes looked at from the front and from the back of a text.
const END_BYTES: usize = 64 * 1024;
/// Stands for the unread middle of a long text: a line that no rule knows, so whatever holds it counts as words.
const GAP: &str = "\n\u{fffc}\n";

/// What the rules look at. Offsets of ranges are offsets in `text`, not in the text the view was taken of.
pub(super) struct View<'a> {
    /// The text itself, or its two ends around a mark.
    pub(super) text: Cow<'a, str>,
    /// The lines of `text`.
    pub(super) lines: Vec<Line>,
    gap: Option<Gap>,
}

/// Bytes `start..end` of the original are replaced by `GAP`, which begins at the same offset.
struct Gap {
    start: usize,
    end: usize,
}

impl<'a> View<'a> {
    /// Whether the view of a text leaves its middle out.
    pub(super) fn is_cut(original: &str) -> bool {
        original.len() > 2 * END_BYTES
    }

    pub(super) fn of(original: &'a str) -> Self {
        if !Self::is_cut(original) {
            return Self { lines: lines_of(original), text: Cow::Borrowed(original), gap: None };
        }
        let start = original.floor_char_boundary(END_BYTES);
        let end = original.ceil_char_boundary(original.len() - END_BYTES);
        let text = [&original[..start], GAP, &original[end..]].concat();
        Self { lines: lines_of(&text), text: Cow::Owned(text), gap: Some(Gap { start, end }) }
    }

    /// The original without the ranges given (in order, apart). `None` when only white space would be left.
    pub(super) fn without(&self, original: &str, ranges: &[Range<usize>]) -> Option<String> {
        let mut left = String::with_capacity(original.len());
        let mut at = 0;
        for range in ranges {
            let removed = self.original_offset(range.start)..self.original_offset(range.end);
            join(&mut left, &original[at..removed.start]);
            at = removed.end;
        }
        join(&mut left, &original[at..]);
        left.truncate(left.trim_end().len());
        (!left.is_empty()).then_some(left)
    }

    fn original_offset(&self, offset: usize) -> usize {
        match &self.gap {
            None => offset,
            Some(gap) if offset <= gap.start + 1 => offset.min(gap.start),
            // Past the mark, or somewhere in it: the middle goes with the mark.
            Some(gap) => (offset + gap.end).saturating_sub(gap.start + GAP.len()).max(gap.end),
        }
    }
}

/// Adds a piece. The white space at the seam shrinks to a blank line, a line break or a space, never to more than there was.
fn join(left: &mut String, piece: &str) {
    let body = piece.trim_start();
    if body.is_empty() || left.is_empty() {
        left.push_str(body);
        return;
    }
    let kept = left.trim_end().len();
    let seam = [&left[kept..], &piece[..piece.len() - body.len()]];
    let separator = if seam.iter().any(|space| space.matches('\n').count() > 1) {
        "\n\n"
    } else if seam.iter().any(|space| space.contains('\n')) {
        "\n"
    } else {
        " "
    };
    left.truncate(kept);
    left.push_str(separator);
    left.push_str(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_joined_by_the_white_space_that_was_there() {
        let left = |text: &str, removed: Range<usize>| View::of(text).without(text, &[removed]);
        assert_eq!(left("one\n\nXX\ntwo", 5..7).as_deref(), Some("one\n\ntwo"));
        assert_eq!(left("one\nXX\ntwo", 4..6).as_deref(), Some("one\ntwo"));
        assert_eq!(left("one XX two", 4..6).as_deref(), Some("one two"));
        assert_eq!(left("  XX two", 2..4).as_deref(), Some("two"));
        assert_eq!(left("one XX ", 4..6).as_deref(), Some("one"));
        assert_eq!(left(" XX ", 1..3), None);
    }

    #[test]
    fn a_range_over_the_gap_takes_the_middle_with_it() {
        let text = format!("start {} end", "é".repeat(200_000));
        let view = View::of(&text);
        assert!(view.text.len() < 2 * END_BYTES + 8);
        let left = |removed: Range<usize>| view.without(&text, &[removed]);
        let end = view.text.len();
        assert_eq!(left(6..end - 4).as_deref(), Some("start end"));
        assert_eq!(left(0..6).as_deref(), Some(&text[6..]));
        assert_eq!(left(end - 4..end).as_deref(), Some(&text[..text.len() - 4]));
    }
}
