//! Results of tools that were written into a user turn as plain text, because the client or its model knows no turns of tools.

use std::ops::Range;

use super::lines::{Line, opens_with};
use super::view::View;

/// Begin a result on any line.
const HEADERS: &[&str] = &[
    "[tool result",
    "[tool_result",
    "[tool output",
    "[tool_output",
    "[tool response",
    "[tool error",
    "[function result",
    "[function output",
    "[function response",
    "execution result of [",
];

/// Begin a result only as the first line of a text: within one, they are somebody's prose.
const FIRST_HEADERS: &[&str] =
    &["tool result:", "tool output:", "tool response:", "function result:", "function output:", "function response:"];

const FOOTERS: &[&str] = &["[end of tool", "[end tool", "[/tool", "[end of function", "[/function"];

const FOOTERS_AND_HEADERS: &[&str] =
    &["[end of tool", "[end tool", "[/tool", "[end of function", "[/function", "[tool", "[function"];

/// Longest heading that is a part of its own.
const HEADING_BYTES: usize = 2048;

/// What stands before a user's words where an editor sends them as the answer to one of its tools.
const FEEDBACK_LEADS: &[&str] = &[
    "the user has provided feedback on",
    "the user provided the following feedback",
    "the user denied this operation and provided the following feedback",
    "the user approved this operation and provided the following context",
    "[task resumption]",
    "note: if you previously attempted a tool use",
    "new message to respond to",
    "new instructions for task continuation",
    "new instructions from the user",
    "[request interrupted by user",
];

/// The ranges that hold results.
pub(super) fn tool_results(view: &View<'_>) -> Vec<Range<usize>> {
    let text = &*view.text;
    let mut results: Vec<Range<usize>> = Vec::new();
    for (place, line) in view.lines.iter().enumerate() {
        if line.fenced || results.last().is_some_and(|result| line.start < result.end) {
            continue;
        }
        if let Some(body) = body_start(text, line) {
            results.push(line.start..body_end(text, body, &view.lines[place..]));
        }
    }
    results
}

/// Whether a part of a message is only the heading of a result, which is the next part.
pub(super) fn is_heading(text: &str) -> bool {
    let text = text.trim();
    text.len() <= HEADING_BYTES && !text.contains('\n') && text.ends_with(':') && is_editor_heading(text)
}

/// Whether this is what an editor writes before a user's words in the answer to one of its tools, or nothing.
pub(super) fn leads_to_feedback(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .all(|line| line.is_empty() || is_editor_heading(line) || opens_with(line, FEEDBACK_LEADS))
}

/// `[read_file for 'a.rs'] Result:`
fn is_editor_heading(line: &str) -> bool {
    line.starts_with('[') && line[1..].starts_with(|c: char| c.is_ascii_lowercase()) && line.contains("] Result:")
}

/// Where a result's own text begins, if this line is the heading of one.
fn body_start(text: &str, line: &Line) -> Option<Body> {
    let words = line.of(text);
    let first = line.start == 0;
    let runs_on = is_editor_heading(words)
        || (opens_with(words, &["called the "]) && words.contains(" tool with the following input"))
        || (opens_with(words, &["result of calling the "]) && words.contains(" tool:"))
        || (first && (words == "OBSERVATION:" || words == "TOOL RESPONSE:"))
        || (first && opens_with(words, &["[error] you did not use a tool"]));
    if runs_on {
        return Some(Body::ToTheEnd);
    }
    if opens_with(words, HEADERS) {
        // "[Tool result for search]: {...}", or the result on the lines below.
        let heading = words.find(']').map_or(words.len(), |at| at + 1);
        return Some(Body::From(line.words_start(text) + heading));
    }
    let label = words.find(':').filter(|_| first && opens_with(words, FIRST_HEADERS))?;
    Some(Body::From(line.words_start(text) + label + 1))
}

#[derive(Clone, Copy)]
enum Body {
    /// All that follows is the result, or the harness's next words.
    ToTheEnd,
    /// The result begins here, and words of the user may follow it.
    From(usize),
}

/// A result ends where its own end mark says so, or its JSON or its code fence ends. Otherwise all of the rest is the result: a
/// tool's prose has no visible end, and it must not speak as the user.
fn body_end(text: &str, body: Body, lines: &[Line]) -> usize {
    let Body::From(start) = body else { return text.len() };
    let mark = lines.iter().skip(1).find(|line| !line.fenced && opens_with(line.of(text), FOOTERS_AND_HEADERS));
    if let Some(footer) = mark.filter(|line| opens_with(line.of(text), FOOTERS)) {
        return footer.end;
    }
    let start = start + text[start..].find(|c: char| !c.is_whitespace() && c != ':').unwrap_or(text.len() - start);
    if text[start..].starts_with(['{', '[']) {
        let end = text[start..].find("\n\n").map_or(text.len(), |length| start + length);
        return if text[..end].trim_end().ends_with(['}', ']']) { end } else { text.len() };
    }
    let fence = lines.iter().skip_while(|line| line.end <= start).take_while(|line| line.fenced).last();
    fence.map_or(text.len(), |line| line.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str) -> String {
        let view = View::of(text);
        view.without(text, &tool_results(&view)).unwrap_or_default()
    }

    #[test]
    fn results_in_the_text_go() {
        assert_eq!(left("[read_file for 'a.rs'] Result:\nfn main() {}\n\nuse the best model"), "");
        assert_eq!(left("and now?\n\n[Tool result for search]\nlong prose\n\nmore of it"), "and now?");
        assert_eq!(left("[Tool result for weather]: {\"t\": 21}\n\nWhat should I wear?"), "What should I wear?");
        assert_eq!(left("[tool_result]\n```json\n[1,\n\n2]\n```\nadd them"), "add them");
        assert_eq!(left("[Tool output]\na\n\nb\n[End of tool output]\nsum it up"), "sum it up");
        assert_eq!(left("EXECUTION RESULT of [bash]:\nok"), "");
        assert_eq!(
            left("look at it\nCalled the Read tool with the following input: {}\nResult of calling the Read tool:\nx"),
            "look at it"
        );
    }

    #[test]
    fn prose_about_results_stays() {
        for text in [
            "Write a line that starts with\n\"tool result: ok\"",
            "My report says\nTool result: broken\nwhy?",
            "Observation: the sky was dark.",
            "```\n[Tool result for x]\ny\n```\nwhat does this log say?",
        ] {
            assert_eq!(left(text), text);
        }
    }

    #[test]
    fn only_known_words_lead_to_feedback() {
        assert!(leads_to_feedback(
            "[attempt_completion] Result:\nThe user has provided feedback on the results. Consider it.\n"
        ));
        assert!(!leads_to_feedback("[read_file for 'a'] Result:\nsome text"));
        assert!(is_heading("[search_files for 'x'] Result:"));
        assert!(!is_heading("[search_files for 'x'] Result:\nfound"));
    }
}
