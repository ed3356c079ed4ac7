//! Finds the tags of a text: where each begins and ends, and which closing tag belongs to an opening one. Linear in the text.
//! Not an XML parser: it says nothing of what a tag means or whether it may be removed.

use std::collections::HashMap;
use std::ops::Range;

/// Longest opening tag with its attributes, in bytes.
const OPENING_BYTES: usize = 1024;
/// Longest name, in bytes.
const NAME_BYTES: usize = 64;

/// One tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// Offset of `<`.
    pub(super) start: usize,
    /// Offset after `>`.
    pub(super) end: usize,
    /// As it is written.
    pub(super) name: &'a str,
    closing: bool,
    empty: bool,
}

/// All tags of a text, in order.
pub(super) struct Tags<'a> {
    tags: Vec<Tag<'a>>,
    /// For every tag, the place of the one that closes it.
    closings: Vec<Option<usize>>,
}

impl<'a> Tags<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let starts = text.match_indices('<').map(|(start, _)| start);
        let tags: Vec<Tag<'a>> = starts.filter_map(|start| tag_at(text, start)).collect();
        // From the back, so that each tag is looked at once, however they are nested.
        let mut closings = vec![None; tags.len()];
        let mut followers: HashMap<&str, (usize, Option<usize>)> = HashMap::new();
        for (place, tag) in tags.iter().enumerate().rev().filter(|(_, tag)| !tag.empty) {
            let follower = followers.get(tag.name).copied();
            let closing = match follower {
                Some((next, last)) if !tag.closing || (tags[next].closing && ends_line(text, &tags[next])) => last,
                _ if tag.closing => Some(place),
                _ => None,
            };
            closings[place] = closing;
            followers.insert(tag.name, (place, closing));
        }
        Self { tags, closings }
    }

    /// The opening tags that begin in a range, each with the tag that closes it.
    ///
    /// That is the next closing tag of the same name, or a later one if no opening tag stands between and it ends its line.
    /// So a closing tag that somebody wrote into a block, to end it early and speak as the user, ends nothing.
    pub(super) fn closed(&self, range: Range<usize>) -> impl Iterator<Item = (&Tag<'a>, &Tag<'a>)> {
        let first = self.tags.partition_point(|tag| tag.start < range.start);
        let within =
            self.tags[first..].iter().zip(&self.closings[first..]).take_while(move |(tag, _)| tag.start < range.end);
        within.filter(|(tag, _)| !tag.closing).filter_map(|(tag, closing)| Some((tag, &self.tags[(*closing)?])))
    }
}

fn ends_line(text: &str, tag: &Tag<'_>) -> bool {
    let rest = text[tag.end..].trim_start_matches([' ', '\t', '\r']);
    rest.is_empty() || rest.starts_with('\n')
}

fn tag_at(text: &str, start: usize) -> Option<Tag<'_>> {
    let inner = &text[start + 1..];
    let closing = inner.starts_with('/');
    let named = &inner[usize::from(closing)..];
    let length = named.find(|c: char| !c.is_ascii_alphanumeric() && !"_-:.".contains(c)).unwrap_or(named.len());
    if length > NAME_BYTES || !named.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let (name, rest) = named.split_at(length);
    if !rest.starts_with(['>', ' ', '\t', '\n', '\r', '/']) {
        return None;
    }
    let rest = &rest[..rest.floor_char_boundary(OPENING_BYTES)];
    let close = rest.find(['>', '<']).filter(|at| rest[*at..].starts_with('>'))?;
    let end = start + 1 + usize::from(closing) + length + close + 1;
    Some(Tag { start, end, name, closing, empty: rest[..close].ends_with('/') })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_block(text: &str) -> Option<&str> {
        let tags = Tags::of(text);
        let (opening, closing) = tags.closed(0..text.len()).next()?;
        Some(&text[opening.start..closing.end])
    }

    #[test]
    fn a_block_ends_with_its_own_closing_tag() {
        assert_eq!(first_block("a <b>c</b> d"), Some("<b>c</b>"));
        assert_eq!(first_block("<f path=\"x y\" n='1'>c</f>d"), Some("<f path=\"x y\" n='1'>c</f>"));
        assert_eq!(
            first_block("<permissions instructions>c</permissions instructions>"),
            Some("<permissions instructions>c</permissions instructions>")
        );
        assert_eq!(first_block("<a>b</c>"), None);
        assert_eq!(first_block("1 <b and <c> </c>"), Some("<c> </c>"));
        assert_eq!(first_block("<br/> a < b > c </d>"), None);
    }

    #[test]
    fn a_closing_tag_written_into_a_block_does_not_end_it() {
        assert_eq!(first_block("<b>c</b> d</b>\ne"), Some("<b>c</b> d</b>"));
        assert_eq!(first_block("<b>c<b>d</b>e</b>\nf"), Some("<b>c<b>d</b>e</b>"));
        // With an opening tag between, the words between two blocks stay the user's.
        assert_eq!(first_block("<b>c</b>\nd\n<b>e</b>"), Some("<b>c</b>"));
        // In the middle of a line it is written about, not used.
        assert_eq!(first_block("<b>c</b>\nwhat is </b> for?"), Some("<b>c</b>"));
    }
}
