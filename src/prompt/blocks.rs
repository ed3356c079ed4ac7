//! Takes blocks out of a text that a harness put there, and finds the user's words where a harness wrapped them.
//!
//! Only whole blocks of known names count, and only where a harness writes them: at the start of a line, outside code fences.
//! A block that never closes stays, for the words after it would go with it; unless it stands after the user's words, alone on its line
//! as only a harness writes it: then the client cut it, and it goes to the end.

use std::ops::Range;

use super::block_names::{Kind, kind_of};
use super::lines::Fences;
use super::tags::Tags;
use super::tool_results::leads_to_feedback;
use super::view::View;

#[derive(Debug, Clone)]
struct Block {
    kind: Kind,
    outer: Range<usize>,
    inner: Range<usize>,
}

/// The ranges that are not the user's words.
pub(super) fn harness_blocks(view: &View<'_>) -> Vec<Range<usize>> {
    let text = &*view.text;
    if !text.contains('<') {
        return Vec::new();
    }
    let blocks = find(text);
    let all_but = |kept: &Range<usize>| vec![0..kept.start, kept.end..text.len()];
    if let Some(inner) = words_in(text, &blocks) {
        return all_but(inner);
    }
    let removed = ranges(&blocks, |kind| matches!(kind, Kind::Harness | Kind::Ambiguous | Kind::Arguments));
    let arguments = blocks.iter().rfind(|block| block.kind == Kind::Arguments && !is_blank(text, &block.inner));
    match arguments {
        Some(block) if rest_of(text, &removed).all(|piece| piece.trim().is_empty()) => all_but(&block.inner),
        _ => {
            let cut = cut_block(text, removed.last().map_or(0, |last| last.end));
            removed.into_iter().chain(cut).collect()
        }
    }
}

/// A block of a harness that was cut off before it closed: its opening tag alone on a line, after words of the user's, outside code.
fn cut_block(text: &str, after: usize) -> Option<Range<usize>> {
    let mut at = after;
    for line in text[after..].split_inclusive('\n') {
        let name = line.trim_end().strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
        if let Some(name) = name.filter(|name| kind_of(name) == Some(Kind::Harness)) {
            let before = &text[..at];
            let in_code = before.matches("```").count() % 2 == 1;
            let is_shown = before.trim_end().ends_with([':', '：']);
            let has_words = !text[after..at].trim().is_empty();
            let closes = text[at..].contains(&format!("</{name}"));
            return (has_words && !in_code && !is_shown && !closes).then_some(at..text.len());
        }
        at += line.len();
    }
    None
}

/// What a harness wrapped as the user's words, in a text that may hold a tool's result beside them. `None` for a text too long to
/// be read whole: that is the result.
pub(super) fn wrapped_words(text: &str) -> Option<&str> {
    if View::is_cut(text) {
        return None;
    }
    words_in(text, &find(text)).map(|inner| text[inner.clone()].trim())
}

fn words_in<'b>(text: &str, blocks: &'b [Block]) -> Option<&'b Range<usize>> {
    let spoken = |block: &&Block| !is_blank(text, &block.inner);
    // The last one: earlier ones are history, or stand in an attached file.
    if let Some(block) = blocks.iter().filter(|block| block.kind == Kind::Words).rfind(spoken) {
        return Some(&block.inner);
    }
    let mut wrapped = blocks.iter().filter(|block| block.kind == Kind::WordsInHarness).filter(spoken);
    let (block, more) = (wrapped.next()?, wrapped.next());
    let around = ranges(blocks, |kind| kind != Kind::Words);
    let alone = more.is_none() && rest_of(text, &around).all(leads_to_feedback);
    alone.then_some(&block.inner)
}

fn ranges(blocks: &[Block], wanted: impl Fn(Kind) -> bool) -> Vec<Range<usize>> {
    blocks.iter().filter(|block| wanted(block.kind)).map(|block| block.outer.clone()).collect()
}

/// The pieces of a text between ranges.
fn rest_of<'a>(text: &'a str, ranges: &[Range<usize>]) -> impl Iterator<Item = &'a str> {
    let starts = std::iter::once(0).chain(ranges.iter().map(|range| range.end));
    let ends = ranges.iter().map(|range| range.start).chain([text.len()]);
    starts.zip(ends).map(|(start, end)| &text[start..end])
}

fn is_blank(text: &str, range: &Range<usize>) -> bool {
    text[range.clone()].trim().is_empty()
}

/// The outermost blocks of known names, in order.
fn find(text: &str) -> Vec<Block> {
    let tags = Tags::of(text);
    let mut fences = Fences::of(text);
    let mut blocks: Vec<Block> = Vec::new();
    let mut markup = false;
    // The start of a line, or the place right after a block.
    let mut at = 0;
    let mut line_end = 0;
    while at < text.len() {
        if at >= line_end {
            line_end = text[at..].find('\n').map_or(text.len(), |length| at + length + 1);
        }
        let line = &text[at..line_end];
        if let Some(end) = fences.end_of(line, at) {
            at = end;
            continue;
        }
        let first = line_end - line.trim_start().len();
        let block_end = blocks.last().map_or(0, |block| block.outer.end);
        let mut next = line_end;
        for (opening, closing) in tags.closed(at..line_end) {
            let starts_line = opening.start == first;
            let place = Place {
                starts_line,
                indented: opening.start > at,
                opens_lines: text[opening.end..].starts_with(['\n', '\r'])
                    && !text[..opening.start].ends_with(['`', '"', '\'']),
                before: &text[block_end..opening.start],
            };
            match kind_of(opening.name) {
                Some(kind) if place.holds(kind) => {
                    blocks.push(Block { kind, outer: opening.start..closing.end, inner: opening.end..closing.start });
                    next = closing.end;
                    break;
                }
                None if starts_line => markup = true,
                _ => {}
            }
        }
        at = next;
    }
    if markup {
        // Beside elements of unknown names, a name that is not the harness's alone is somebody's markup too.
        blocks.retain(|block| block.kind != Kind::Ambiguous);
    }
    blocks
}

/// Where an opening tag stands.
struct Place<'a> {
    starts_line: bool,
    indented: bool,
    /// The rest of its line is empty, as a harness writes it and a writer within a sentence does not.
    opens_lines: bool,
    /// The text since the last block.
    before: &'a str,
}

impl Place<'_> {
    /// Whether a block of that kind is the harness's here, and not something the user shows or writes about.
    fn holds(&self, kind: Kind) -> bool {
        match kind {
            Kind::Harness => (self.starts_line || self.opens_lines) && !self.is_shown(true),
            Kind::Ambiguous => self.starts_line && !self.indented && !self.is_shown(false),
            // "Rewrite this query for the search:" is a program's own request about the words it wraps.
            Kind::Words => self.starts_line && !self.indented && !self.is_shown(true),
            Kind::WordsInHarness => self.starts_line && !self.indented,
            Kind::Arguments => self.starts_line,
        }
    }

    /// Whether the words before announce it: "what does this mean:".
    fn is_shown(&self, on_the_line_before: bool) -> bool {
        let words = self.before.trim_end();
        let announced = words.ends_with([':', '：']);
        announced && !(on_the_line_before && self.before[words.len()..].matches('\n').count() > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str) -> String {
        let view = View::of(text);
        view.without(text, &harness_blocks(&view)).unwrap_or_default()
    }

    #[test]
    fn blocks_of_known_names_go() {
        assert_eq!(left("<system-reminder>be brief</system-reminder>\nhi"), "hi");
        assert_eq!(left("fix it\n\n<environment_details>\nfiles: a, b\n</environment_details>"), "fix it");
        assert_eq!(left("fix it\n<system-reminder>\ncut in the mid"), "fix it");
        assert_eq!(left("one <info-msg>\nnow\n</info-msg>\ntwo"), "one\ntwo");
        assert_eq!(left("<attachments>\n<file>a</file>\n</attachments>\n<context>\nb\n</context>\nwhy?"), "why?");
    }

    #[test]
    fn what_a_user_writes_about_stays() {
        for text in [
            "what does <system-reminder> mean?",
            "what does <system-reminder>x</system-reminder> mean?",
            "explain this:\n<system-reminder>x</system-reminder>",
            "fix this XML:\n\n<file>\n<name>a</name>\n</file>",
            "Rewrite the query for a search engine:\n<user_query>\ncheap flat lyon\n</user_query>",
            "<request>\n  <userRequest>all</userRequest>\n</request>\nis it valid?",
            "<project>\n<files>\n<file>a</file>\n</files>\n</project>\nis it valid?",
            "look\n```\n<system-reminder>x</system-reminder>\n```\nodd, isn't it",
            "<task>port</task>\n<from>go</from>\n<rules>short names</rules>",
            "<div><p>hello</p></div>\ncentre this",
            "<system-reminder>never closed\nhello",
            "<system-reminder>\nnever closed\nhello",
            "what is wrong here:\n<system-reminder>\nnever closed",
            "`<system-reminder>`\nhello</system-reminder>",
        ] {
            assert_eq!(left(text), text);
        }
    }

    #[test]
    fn wrapped_words_are_all_that_counts() {
        assert_eq!(left("preamble\n<user_query>\nwhy?\n</user_query>\nafterword"), "why?");
        assert_eq!(left("<task>\nwhy?\n</task>\n<environment_details>\nx\n</environment_details>"), "why?");
        let feedback = "<feedback>The room was cold.</feedback>\nIs this review good or bad?";
        assert_eq!(left(feedback), feedback);
        let list = "<task>milk</task>\n<task>eggs</task>";
        assert_eq!(left(list), list);
    }

    #[test]
    fn arguments_of_a_command_are_words_if_there_are_no_others() {
        let command = "<command-message>review</command-message>\n<command-name>/review</command-name>\n<command-args>the login page</command-args>";
        assert_eq!(left(command), "the login page");
        assert_eq!(left(&format!("{command}\nReview with care.")), "Review with care.");
    }
}
