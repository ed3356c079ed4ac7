//! A whole conversation written into one text, a speaker's name before each turn, as programs do that know only one prompt. The
//! last turn of the user is the request. A text that merely holds such lines (a play, a chat to be summarised) is none.

use std::ops::Range;

use super::view::View;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    System,
    User,
    Assistant,
}

const SYSTEM: &[&str] = &["system", "instructions"];
const USER: &[&str] =
    &["user", "human", "usuario", "utilisateur", "utente", "nutzer", "benutzer", "用户", "ユーザー", "사용자"];
const ASSISTANT: &[&str] = &[
    "assistant",
    "ai",
    "bot",
    "chatgpt",
    "claude",
    "gpt",
    "model",
    "gemini",
    "copilot",
    "asistente",
    "助手",
    "アシスタント",
    "어시스턴트",
];

struct Turn {
    speaker: Speaker,
    words: Range<usize>,
}

/// The ranges around the last user turn of a text that is a transcript from its first line to its last.
pub(super) fn transcripts(view: &View<'_>) -> Vec<Range<usize>> {
    last_user_turn(view).map_or_else(Vec::new, |words| vec![0..words.start, words.end..view.text.len()])
}

fn last_user_turn(view: &View<'_>) -> Option<Range<usize>> {
    let text = &*view.text;
    speaker_of(text.lines().next()?)?;
    let mut turns: Vec<Turn> = Vec::new();
    for line in &view.lines {
        match speaker_of(line.of(text)).filter(|_| !line.fenced) {
            Some((speaker, label)) => {
                turns.push(Turn { speaker, words: line.words_start(text) + label..line.end });
            }
            None => turns.last_mut()?.words.end = line.end,
        }
    }
    let is_blank = |turn: &Turn| body(text, turn).is_empty();
    // "Assistant:" at the very end asks for the next turn.
    if turns.last().is_some_and(|turn| turn.speaker == Speaker::Assistant && is_blank(turn)) {
        turns.pop();
    }
    let (last, earlier) = turns.split_last()?;
    let answered = earlier.iter().any(|turn| turn.speaker == Speaker::Assistant && !is_blank(turn));
    let asked = earlier.iter().any(|turn| turn.speaker == Speaker::User);
    // A paragraph of its own after turns that have none may be the real request, about all that stands above it.
    let has_paragraphs = |turn: &Turn| body(text, turn).contains("\n\n");
    let speaks_of_it = has_paragraphs(last) && !earlier.iter().any(has_paragraphs);
    let is_request = last.speaker == Speaker::User && !is_blank(last) && answered && asked && !speaks_of_it;
    let start = last.words.start;
    is_request.then(|| start..start + text[last.words.clone()].trim_end().trim_end_matches(END_MARK).len())
}

/// Ends a turn in the text form of chat templates.
const END_MARK: &str = "<|im_end|>";

fn body<'a>(text: &'a str, turn: &Turn) -> &'a str {
    text[turn.words.clone()].trim().trim_end_matches(END_MARK).trim()
}

/// Whose turn a line begins, and the length of the label.
fn speaker_of(line: &str) -> Option<(Speaker, usize)> {
    let (name, label) = if let Some(role) = line.strip_prefix("<|im_start|>") {
        (role.trim(), line.len())
    } else {
        let opening = line.trim_start_matches(['#', '*', ' ']);
        let end = opening.find([':', '：']).filter(|end| *end <= 32)?;
        let decorated = &opening[end..].trim_start_matches([':', '：']);
        let label = line.len() - decorated.trim_start_matches('*').len();
        (opening[..end].trim_end_matches('*').trim(), label)
    };
    let is_in = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let speaker = if is_in(USER) {
        Speaker::User
    } else if is_in(ASSISTANT) {
        Speaker::Assistant
    } else if is_in(SYSTEM) {
        Speaker::System
    } else {
        return None;
    };
    Some((speaker, label))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str) -> String {
        let view = View::of(text);
        view.without(text, &transcripts(&view)).unwrap_or_default()
    }

    #[test]
    fn the_last_user_turn_of_a_transcript_is_the_request() {
        assert_eq!(left("User: hi\nAssistant: hello\nUser: what is rust?"), "what is rust?");
        assert_eq!(left("Human: hi\n\nAssistant: hello\n\nHuman: two\nlines\n\nAssistant:"), "two\nlines");
        assert_eq!(left("**User:** hi\n**AI:** hello\n**User:** why?"), "why?");
        assert_eq!(left("### User:\nhi\n### Assistant:\nhello\n### User:\nwhy?"), "why?");
        let template = "<|im_start|>system\nbe kind<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nhello<|im_end|>\n<|im_start|>user\nwhy?<|im_end|>\n<|im_start|>assistant";
        assert_eq!(left(template), "why?");
    }

    #[test]
    fn a_text_that_only_holds_turns_stays() {
        for text in [
            "Summarise this chat.\nUser: hi\nAssistant: hello\nUser: bye",
            "User: hi\nAssistant: hello",
            "User: hi\nUser: hello",
            "User: enters\nAI: bows\nUser: leaves\n\nTranslate this scene into German.",
            "```\nUser: hi\nAssistant: hello\nUser: bye\n```",
            "User stories: as a user, I want tea.",
        ] {
            assert_eq!(left(text), text);
        }
    }
}
