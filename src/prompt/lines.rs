//! Lines of a text, and which of them stand in a code fence. What a user fences is the user's material: no rule reads it.

use std::ops::Range;

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// Offset of its first byte.
    pub(super) start: usize,
    /// Offset after its line break, if it has one.
    pub(super) end: usize,
    /// Whether it stands in a code fence, or is one of the fence's own two lines.
    pub(super) fenced: bool,
}

impl Line {
    /// The line without white space at its ends.
    pub(super) fn of<'a>(&self, text: &'a str) -> &'a str {
        text[self.start..self.end].trim()
    }

    /// Offset of its first character that is no white space.
    pub(super) fn words_start(&self, text: &str) -> usize {
        self.end - text[self.range()].trim_start().len()
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// Whether a text begins with one of these; ASCII letters of either case are the same.
pub(super) fn opens_with(text: &str, openings: &[&str]) -> bool {
    openings.iter().any(|opening| {
        text.as_bytes().get(..opening.len()).is_some_and(|start| start.eq_ignore_ascii_case(opening.as_bytes()))
    })
}

/// The lines of a text, in order.
pub(super) fn lines_of(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut fences = Fences::of(text);
    let mut fence_end = 0;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if start >= fence_end
            && let Some(end) = fences.end_of(line, start)
        {
            fence_end = end;
        }
        lines.push(Line { start, end: start + line.len(), fenced: start < fence_end });
        start += line.len();
    }
    lines
}

/// Finds where a code fence ends that begins at a given line.
pub(super) struct Fences {
    /// Lines that can close a fence, in order.
    closers: Vec<Closer>,
    /// Per mark, the shortest fence that is known not to close any more. A later one of that length cannot close either, so
    /// many unclosed fences cost no more than one.
    unclosed: [usize; 2],
}

struct Closer {
    start: usize,
    end: usize,
    mark: Mark,
}

#[derive(Clone, Copy)]
struct Mark {
    tilde: bool,
    length: usize,
    /// Nothing follows the mark, so it can close.
    bare: bool,
}

impl Fences {
    pub(super) fn of(text: &str) -> Self {
        let mut closers = Vec::new();
        let mut start = 0;
        if text.contains("```") || text.contains("~~~") {
            for line in text.split_inclusive('\n') {
                if let Some(mark) = fence_mark(line).filter(|mark| mark.bare) {
                    closers.push(Closer { start, end: start + line.len(), mark });
                }
                start += line.len();
            }
        }
        Self { closers, unclosed: [usize::MAX; 2] }
    }

    /// Where the fence ends that a line opens, which begins at `start`. `None` if it opens none, or one that never closes: a
    /// stray mark must not hide what follows it.
    pub(super) fn end_of(&mut self, line: &str, start: usize) -> Option<usize> {
        let mark = fence_mark(line)?;
        let unclosed = &mut self.unclosed[usize::from(mark.tilde)];
        if mark.length >= *unclosed {
            return None;
        }
        let later = &self.closers[self.closers.partition_point(|closer| closer.start <= start)..];
        let closer = later.iter().find(|closer| closer.mark.tilde == mark.tilde && closer.mark.length >= mark.length);
        if closer.is_none() {
            *unclosed = mark.length;
        }
        closer.map(|closer| closer.end)
    }
}

fn fence_mark(line: &str) -> Option<Mark> {
    let line = line.trim();
    let tilde = line.starts_with('~');
    let rest = line.trim_start_matches(if tilde { '~' } else { '`' });
    let length = line.len() - rest.len();
    // "```x```" is code within a line.
    (length >= 3 && (tilde || !rest.contains('`'))).then_some(Mark { tilde, length, bare: rest.is_empty() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fenced(text: &str) -> String {
        lines_of(text).iter().map(|line| if line.fenced { 'x' } else { '.' }).collect()
    }

    #[test]
    fn fences_close_with_a_mark_of_their_own_kind_and_length() {
        assert_eq!(fenced("a\n```rust\nb\n```\nc"), ".xxx.");
        assert_eq!(fenced("~~~\n```\n~~~\nc"), "xxx.");
        assert_eq!(fenced("````\n```\n````\nc"), "xxx.");
        assert_eq!(fenced("- point\n  ```\n  b\n  ```"), ".xxx");
    }

    #[test]
    fn an_unclosed_fence_is_none() {
        assert_eq!(fenced("a\n```rust\nb"), "...");
        assert_eq!(fenced("```one line``` and more\nb\n```"), "...");
        assert_eq!(fenced(&"```open\n".repeat(5)), ".....");
    }
}
