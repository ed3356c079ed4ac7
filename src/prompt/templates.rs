//! Templates that put a user's words into a text of their own: retrieval front ends, agents written as one prompt, editors that
//! list the open files first. Each rule knows one template's fixed words and finds where the user's begin and end.

use std::ops::Range;

use super::lines::{Line, opens_with};
use super::view::View;

/// A rule gives the range of the user's words, empty if there are none; `None` if the text is not of its template.
type Rule = fn(&View<'_>) -> Option<Range<usize>>;

const RULES: &[Rule] = &[
    after_open_files,
    after_skill,
    after_instruction_file,
    after_attached_documents,
    in_citation_prompt,
    in_retrieval_prompt,
    in_reasoning_prompt,
    in_tool_prompt,
    before_edit_rules,
    after_agent_preamble,
];

/// The ranges around the user's words.
pub(super) fn templates(view: &View<'_>) -> Vec<Range<usize>> {
    let words = RULES.iter().find_map(|rule| rule(view));
    words.map_or_else(Vec::new, |words| vec![0..words.start, words.end..view.text.len()])
}

/// Lines outside code fences, each with its trimmed text.
fn lines<'v>(view: &'v View<'_>) -> impl DoubleEndedIterator<Item = (&'v Line, &'v str)> {
    view.lines.iter().filter(|line| !line.fenced).map(|line| (line, line.of(&view.text)))
}

/// An editor's list of files, then `## My request for NAME:`.
fn after_open_files(view: &View<'_>) -> Option<Range<usize>> {
    let (line, _) =
        lines(view).find(|(_, words)| opens_with(words, &["## my request for "]) && words.ends_with(':'))?;
    Some(line.end..view.text.len())
}

/// The text of a skill, whose last line may hold what the user typed after its name.
fn after_skill(view: &View<'_>) -> Option<Range<usize>> {
    opens_with(&view.text, &["base directory for this skill:"]).then_some(())?;
    let end = view.text.len();
    let arguments = view.text.rfind("\nARGUMENTS:").map_or(end, |at| at + "\nARGUMENTS:".len());
    Some(arguments..end)
}

/// Project instructions, in an element of their own under a heading.
fn after_instruction_file(view: &View<'_>) -> Option<Range<usize>> {
    opens_with(&view.text, &["# agents.md instructions", "# claude.md instructions", "# gemini.md instructions"])
        .then_some(())?;
    let end = view.text.len();
    Some(view.text.rfind("</INSTRUCTIONS>").map_or(end, |at| at + "</INSTRUCTIONS>".len())..end)
}

/// Documents in one code fence before the user's words. They may hold fences themselves, so the last bare mark ends them.
fn after_attached_documents(view: &View<'_>) -> Option<Range<usize>> {
    opens_with(&view.text, &["attached document(s):\n```"]).then_some(())?;
    let last = view.lines.iter().rfind(|line| line.of(&view.text) == "```")?;
    Some(last.end..view.text.len())
}

/// Guidelines for citing, the sources in a `context` element, and the question after it.
fn in_citation_prompt(view: &View<'_>) -> Option<Range<usize>> {
    const OPENINGS: &[&str] = &[
        "### task:\nrespond to the user query using the provided context",
        "### task: respond to the user query using the provided context",
    ];
    opens_with(&view.text, OPENINGS).then_some(())?;
    let question = view.text.rfind("</context>")? + "</context>".len();
    (!view.text[question..].trim().is_empty()).then_some(question..view.text.len())
}

/// The fixed first sentence of a retrieval prompt, the passages, then `Question:` or `Query:`.
fn in_retrieval_prompt(view: &View<'_>) -> Option<Range<usize>> {
    const OPENINGS: &[&str] = &[
        "context information is below.\n---",
        "context information from multiple sources is below.\n---",
        "use the following pieces of context to answer",
        "use the following pieces of retrieved context to answer",
        "you are an assistant for question-answering tasks. use the following",
    ];
    opens_with(&view.text, OPENINGS).then_some(())?;
    labelled(view, 0, &["question:", "query:", "user question:", "user query:", "user's question:"], ANSWERS)
}

const ANSWERS: &[&str] = &["context:", "answer:", "helpful answer:", "final answer:", "standalone answer:"];

/// The think-act-observe prompt: tools and format, `Begin!`, then the question and what was thought so far.
fn in_reasoning_prompt(view: &View<'_>) -> Option<Range<usize>> {
    const STEPS: &[&str] = &["thought:", "action:", "action input:", "observation:", "final answer:"];
    view.text.contains("Begin!").then_some(())?;
    let (begin, _) = lines(view).rfind(|(_, words)| words.starts_with("Begin!"))?;
    let has = |label: &str| lines(view).any(|(line, words)| line.start < begin.start && opens_with(words, &[label]));
    (has("thought:") && has("observation:")).then_some(())?;
    labelled(view, begin.end, &["question:", "new input:", "input:", "task:", "query:"], STEPS)
}

/// The tools and the format of an answer, `USER'S INPUT` underlined, then the user's words. After a tool's result it is the
/// template that asks.
fn in_tool_prompt(view: &View<'_>) -> Option<Range<usize>> {
    view.text.contains("USER'S INPUT").then_some(())?;
    if view.text.starts_with("TOOL RESPONSE:") {
        return Some(0..0);
    }
    let (heading, _) = lines(view).rfind(|(_, words)| *words == "USER'S INPUT")?;
    let mut later = lines(view).skip_while(|(line, _)| line.start <= heading.start);
    let (underline, _) = later.next().filter(|(_, words)| words.starts_with("---"))?;
    let reminder = later
        .find(|(_, words)| !words.is_empty())
        .filter(|(_, words)| opens_with(words, &["here is the user's input"]));
    Some(reminder.map_or(underline.end, |(line, _)| line.end)..view.text.len())
}

/// The rules of an edit format, repeated after the user's words.
fn before_edit_rules(view: &View<'_>) -> Option<Range<usize>> {
    const HEADINGS: [&str; 3] = [
        "# *SEARCH/REPLACE block* Rules:",
        "# File editing rules:",
        "To suggest changes to a file you MUST return the entire content of the updated file",
    ];
    HEADINGS.iter().any(|heading| view.text.contains(heading)).then_some(())?;
    let (line, _) = lines(view).find(|(_, words)| HEADINGS.iter().any(|heading| words.starts_with(heading)))?;
    (!view.text[..line.start].trim().is_empty()).then_some(0..line.start)
}

/// The instructions of an agent, put before the first request because the model or the client knows no system turn.
fn after_agent_preamble(view: &View<'_>) -> Option<Range<usize>> {
    const LABELS: &[&str] = &["user request:", "user's request:", "request:", "task:", "my request:", "user message:"];
    const HEADINGS: &[&str] = &["user request", "task", "request", "current task", "user message", "your task"];
    opens_with(&view.text, AGENT_OPENINGS).then_some(())?;
    let text = view.text.trim_end();
    // "User:" may also open an example among the instructions; the model's line follows it there, and the request does not end.
    let spoken = labelled(view, 1, &["user:", "human:"], &["assistant:", "</"])
        .filter(|words| words.end == view.text.len() || text[words.end..].eq_ignore_ascii_case("assistant:"));
    if let Some(words) = spoken.or_else(|| labelled(view, 1, LABELS, &[])) {
        return Some(words);
    }
    let is_heading = |words: &str| {
        words.starts_with('#') && HEADINGS.contains(&words.trim_matches(['#', ' ', ':']).to_lowercase().as_str())
    };
    let is_rule = |words: &str| words.len() >= 3 && words.trim_matches(['-', '=', '*']).is_empty();
    let mark =
        lines(view).rfind(|(_, words)| is_heading(words)).or_else(|| lines(view).rfind(|(_, words)| is_rule(words)));
    // No mark between the two: the request is the last paragraph, unless that is one more list or section.
    let after_mark = mark.map(|(line, _)| line.end).filter(|start| reads_as_request(&text[(*start).min(text.len())..]));
    let start =
        after_mark.or_else(|| Some(text.rfind("\n\n")? + 2)).filter(|start| reads_as_request(&text[*start..]))?;
    Some(start..view.text.len())
}

fn reads_as_request(text: &str) -> bool {
    let text = text.trim_start();
    !text.is_empty() && !text.starts_with(['-', '*', '#', '<']) && !text.starts_with(|c: char| c.is_ascii_digit())
}

const AGENT_OPENINGS: &[&str] = &[
    "you are an interactive cli",
    "you are an interactive agent",
    "you are an interactive command",
    "you are claude code",
    "you are codex",
    "you are a coding agent",
    "you are an autonomous coding agent",
    "you are an ai coding assistant",
    "you are an ai coding agent",
    "you are an agentic",
    "you are a powerful agentic ai coding assistant",
    "you are an expert ai programming assistant",
    "you are cline",
    "you are roo",
    "you are kilo code",
    "you are openhands",
    "you are opencode",
    "you are qwen code",
    "you are gemini cli",
    "you are github copilot",
    "you are cursor",
    "you are windsurf",
    "you are a general-purpose ai agent called",
    "you are goose",
    "act as an expert software developer",
    "act as an expert code analyst",
    "you are an expert software developer who",
];

/// The text after the last line at or after `from` that begins with a label, up to a line that begins with one of `ends`.
fn labelled(view: &View<'_>, from: usize, labels: &[&str], ends: &[&str]) -> Option<Range<usize>> {
    let (label, words) = lines(view).rfind(|(line, words)| line.start >= from && opens_with(words, labels))?;
    let start = label.end - (view.text[label.range()].trim_start().len() - words.find(':')? - 1);
    let end = lines(view).find(|(line, words)| line.start > label.start && opens_with(words, ends));
    let end = end.map_or(view.text.len(), |(line, _)| line.start);
    (!view.text[start..end].trim().is_empty()).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str) -> String {
        let view = View::of(text);
        view.without(text, &templates(&view)).unwrap_or_default()
    }

    #[test]
    fn the_words_in_a_template_are_found() {
        for (text, words) in [
            (
                "# Context from my IDE setup:\n## Active file: a.ts\n\n## My request for Codex:\nadd a retry",
                "add a retry",
            ),
            ("Base directory for this skill: /s\n\n# Steps\nWork.\n\nARGUMENTS: the parser", "the parser"),
            ("# AGENTS.md instructions for /r\n\n<INSTRUCTIONS>\nTabs.\n</INSTRUCTIONS>\nrename it", "rename it"),
            ("Attached document(s):\n```md\n# \"a.md\"\n```py\nx\n```\nmore\n```\nwhat is x?", "what is x?"),
            (
                "### Task:\nRespond to the user query using the provided context, briefly.\n<context>\n<source id=\"1\">a</source>\n</context>\n\nwho?",
                "who?",
            ),
            (
                "Context information is below.\n------\nQuery: no\n------\nAnswer the query.\nQuery: who was it?\nAnswer: ",
                "who was it?",
            ),
            ("Tools: a\nThought: think\nObservation: see\nBegin!\n\nQuestion: how far?\nThought: well", "how far?"),
            (
                "TOOLS\n-----\na\n\nUSER'S INPUT\n----\nHere is the user's input (answer in JSON):\n\nhow far?",
                "how far?",
            ),
            ("rename a to b\n\n# *SEARCH/REPLACE block* Rules:\n\nEvery block ...", "rename a to b"),
            ("You are an interactive CLI agent.\n\n# Rules\n- be brief\n\nfix the tests", "fix the tests"),
            ("You are a coding agent.\n\n# Rules\n- be brief\n\nUser request: fix\nthe tests", "fix\nthe tests"),
        ] {
            assert_eq!(left(text), words);
        }
    }

    #[test]
    fn other_texts_stay() {
        for text in [
            "Begin! Question: what is the first law?\nThought: none",
            "You are an expert copywriter.\n\nWrite a slogan for soap.",
            "You are a coding agent and nothing else",
            "Question: who?\nAnswer:",
            "fix this prompt\n```\nThought: a\nObservation: b\nBegin!\nQuestion: c\n```",
        ] {
            assert_eq!(left(text), text);
        }
    }
}
