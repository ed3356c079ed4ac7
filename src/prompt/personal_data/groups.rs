//! Groups of digits with one separator between two of them, as people write long numbers. Knows nothing of what they number.

use std::ops::Range;

/// Most groups that are read.
const GROUPS: usize = 8;
/// Longest group; one that is longer numbers nothing that is looked for.
const GROUP_DIGITS: usize = 19;

/// What stands before a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing: it is the first.
    Start,
    Space,
    Dash,
    Dot,
    Slash,
    /// A bracket on either side of it.
    Bracket,
}

/// The groups that begin at one place; at least one.
pub(super) struct Groups<'a> {
    text: &'a str,
    start: usize,
    ranges: [Range<usize>; GROUPS],
    before: [Before; GROUPS],
    count: usize,
}

impl<'a> Groups<'a> {
    /// Reads from a digit or an opening bracket on.
    pub(super) fn at(text: &'a str, start: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut groups =
            Self { text, start, ranges: [const { 0..0 }; GROUPS], before: [Before::Start; GROUPS], count: 0 };
        let mut at = start + usize::from(bytes[start] == b'(');
        let mut before = Before::Start;
        while groups.count < GROUPS {
            let digits = bytes[at..].iter().take(GROUP_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 || digits > GROUP_DIGITS {
                break;
            }
            groups.ranges[groups.count] = at..at + digits;
            groups.before[groups.count] = before;
            groups.count += 1;
            let Some((separator, length)) = separator(&text[at + digits..]) else { break };
            before = separator;
            at += digits + length;
        }
        // A bracket counts only where it closes after the first group.
        let bracketed = groups.count > 1 && groups.before[1] == Before::Bracket && bytes[groups.ranges[0].end] == b')';
        (groups.count > 0 && (bytes[start] != b'(' || bracketed)).then_some(groups)
    }

    /// Where they begin, with a bracket before them.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Lengths of the first groups.
    pub(super) fn lengths(&self, count: usize) -> impl Iterator<Item = usize> {
        self.ranges[..count].iter().map(Range::len)
    }

    /// Digits of the first groups.
    pub(super) fn digits(&self, count: usize) -> impl Iterator<Item = u8> {
        self.ranges[..count].iter().flat_map(|range| self.text.as_bytes()[range.clone()].iter().map(|byte| byte - b'0'))
    }

    /// One group.
    pub(super) fn group(&self, index: usize) -> &'a str {
        &self.text[self.ranges[index].clone()]
    }

    /// Whether the first groups are parted by this and nothing else.
    pub(super) fn are_parted_by(&self, separator: Before, count: usize) -> bool {
        self.before[1..count].iter().all(|before| *before == separator)
    }

    /// Whether any of the first groups but the first `skipped` stands after this.
    pub(super) fn have(&self, separator: Before, skipped: usize, count: usize) -> bool {
        self.before[..count].iter().skip(skipped).any(|before| *before == separator)
    }

    /// Whether the first group stands in a bracket.
    pub(super) fn opens_bracket(&self) -> bool {
        self.text.as_bytes()[self.start] == b'('
    }

    /// What parts the first group from the second.
    pub(super) fn first_separator(&self) -> Before {
        if self.count > 1 { self.before[1] } else { Before::Start }
    }

    /// Where the first groups stand, if no digit, letter or decimal joins them on either side.
    pub(super) fn alone(&self, count: usize) -> Option<Range<usize>> {
        let range = self.start..self.ranges[count - 1].end;
        let (bytes, before) = (self.text.as_bytes(), &self.text.as_bytes()[..range.start]);
        let joined_before = match before {
            [.., digit, b'.' | b'-' | b'/' | b':'] => digit.is_ascii_digit(),
            [.., last] => last.is_ascii_alphanumeric() || *last == b'_',
            [] => false,
        };
        let joined_after = match &bytes[range.end..] {
            [b'.' | b'-' | b'/' | b':', digit, ..] => digit.is_ascii_digit(),
            [next, ..] => next.is_ascii_alphanumeric() || *next == b'_',
            [] => false,
        };
        (!joined_before && !joined_after).then_some(range)
    }
}

/// The separator that a text begins with and its length, if a digit follows.
fn separator(text: &str) -> Option<(Before, usize)> {
    let first = text.chars().next()?;
    let (before, mut length) = match first {
        ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' => (Before::Space, first.len_utf8()),
        '-' | '\u{2010}' | '\u{2011}' | '\u{2013}' => (Before::Dash, first.len_utf8()),
        '.' => (Before::Dot, 1),
        '/' => (Before::Slash, 1),
        ')' => (Before::Bracket, 1),
        _ => return None,
    };
    let before = match (before, text.as_bytes().get(length)) {
        (Before::Bracket, Some(b' ' | b'-')) => {
            length += 1;
            before
        }
        (Before::Space, Some(b'(')) => {
            length += 1;
            Before::Bracket
        }
        _ => before,
    };
    text.as_bytes().get(length)?.is_ascii_digit().then_some((before, length))
}
