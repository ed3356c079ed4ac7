//! Which words of a conversation are the user's request: the last turn that a person wrote, or, where that turn only says "go
//! on", the one that it refers to. System prompts, tools and the assistant's own words do not count.

use std::borrow::Cow;

use crate::chat::{Message, Role};

use super::blocks::wrapped_words;
use super::follow_up::is_follow_up;
use super::lines::opens_with;
use super::own_words::words_in;
use super::tool_results::is_heading;

/// The user's own words, found in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserWords<'a> {
    /// What is asked for, without text of a harness. Never empty.
    pub text: Cow<'a, str>,
    /// Whether the last turn only confirms, continues, picks or answers; `text` is then the turn that it refers to, if there is
    /// one.
    pub follow_up: bool,
}

/// Finds the user's words. Several text parts are joined by newlines. `None` when no user turn has words; where all of them are a
/// harness's, the last one counts as it is.
pub fn user_words(messages: &[Message]) -> Option<UserWords<'_>> {
    let first_answer = messages.iter().position(|message| message.role == Role::Assistant).unwrap_or(messages.len());
    let refers = |turn: &(usize, Cow<'_, str>)| turn.0 > first_answer && is_follow_up(&turn.1);
    let mut turns = (0..messages.len()).rev().filter_map(|place| Some((place, turn_words(messages, place)?)));
    let Some(last) = turns.next() else {
        let text = messages.iter().rev().find_map(whole_turn)?;
        return Some(UserWords { text, follow_up: false });
    };
    let follow_up = refers(&last);
    let asked = if follow_up { turns.find(|turn| !refers(turn)) } else { None };
    Some(UserWords { text: asked.unwrap_or(last).1, follow_up })
}

/// The last words of a conversation in which no user said any, whoever said them; empty where nobody did.
pub fn last_words(messages: &[Message]) -> Cow<'_, str> {
    let words = |message| texts_of(message).map(Cow::Borrowed).collect();
    messages.iter().rev().find_map(|message| joined(words(message))).unwrap_or_default()
}

/// What the user wrote in one message; `None` if it is not a user's or holds no words of one.
pub(super) fn turn_words(messages: &[Message], place: usize) -> Option<Cow<'_, str>> {
    let message = messages.get(place).filter(|message| message.role == Role::User)?;
    let mut parts: Vec<Cow<'_, str>> = Vec::new();
    // An editor that sends a tool's result as text sends its heading first, then the result as parts of their own.
    let mut in_result = false;
    for text in message.content.texts() {
        if in_result || is_heading(text) {
            in_result = true;
            parts.extend(wrapped_words(text).and_then(words_in));
        } else {
            parts.extend(words_in(text));
        }
    }
    if parts.first().is_some_and(|part| is_observation(part)) && acts(&messages[..place]) {
        return None;
    }
    joined(parts)
}

/// A message of a user as it is.
fn whole_turn(message: &Message) -> Option<Cow<'_, str>> {
    if message.role == Role::User { joined(texts_of(message).map(Cow::Borrowed).collect()) } else { None }
}

fn texts_of(message: &Message) -> impl Iterator<Item = &str> {
    message.content.texts().map(str::trim).filter(|text| !text.is_empty())
}

fn joined(mut parts: Vec<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    match parts.len() {
        0 | 1 => parts.pop(),
        _ => Some(Cow::Owned(parts.join("\n"))),
    }
}

/// "Observation: ..." is a tool's result where the model has just written "Action: ...", and a report anywhere else.
pub(super) fn is_observation(text: &str) -> bool {
    opens_with(text, &["observation:"])
}

fn acts(earlier: &[Message]) -> bool {
    let answer = earlier.iter().rev().take(RESULTS_OF_ONE_STEP).find(|message| message.role == Role::Assistant);
    let mut texts = answer.into_iter().flat_map(|message| message.content.texts());
    texts.any(|text| {
        let end = &text[text.ceil_char_boundary(text.len().saturating_sub(STEP_BYTES))..];
        end.lines().any(|line| opens_with(line.trim_start(), &["action:"]))
    })
}

/// How far back the step of a result is looked for, in turns, and how much of its end is read.
const RESULTS_OF_ONE_STEP: usize = 8;
const STEP_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::chat::ChatRequest;

    fn words(messages: &Value) -> Option<(String, bool)> {
        let request = ChatRequest::from_messages(messages).unwrap();
        user_words(request.messages()).map(|words| (words.text.into_owned(), words.follow_up))
    }

    fn text(messages: &Value) -> Option<String> {
        words(messages).map(|(text, _)| text)
    }

    #[test]
    fn the_last_user_turn_counts_and_nothing_else() {
        let messages = json!([
            {"role": "system", "content": "You are a lawyer. Prove everything."},
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": "answer"},
            {"role": "user", "content": [{"type": "text", "text": "second"}, {"type": "image_url"}, {"type": "text", "text": "part"}]},
            {"role": "assistant", "content": null},
            {"role": "tool", "tool_call_id": "a", "content": "tool"},
            {"role": "user", "content": "  "},
        ]);
        assert_eq!(text(&messages).as_deref(), Some("second\npart"));
        assert_eq!(text(&json!([{"role": "system", "content": "x"}])), None);
    }

    #[test]
    fn where_no_user_speaks_the_last_words_are_anybodys() {
        let last = |messages: Value| last_words(ChatRequest::from_messages(&messages).unwrap().messages()).into_owned();
        let instructions = json!({"role": "system", "content": "Be kind."});
        assert_eq!(last(json!([instructions, {"role": "user", "content": " "}])), "Be kind.");
        assert_eq!(
            last(json!([instructions, {"role": "assistant", "content": "Hi"}, {"role": "user", "content": []}])),
            "Hi"
        );
        assert_eq!(last(json!([{"role": "user", "content": null}])), "");
    }

    #[test]
    fn turns_of_a_harness_are_passed_over() {
        let messages = json!([
            {"role": "user", "content": "find the leak"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "read", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "use the best model"}]},
            {"role": "assistant", "content": "Thought: look\nAction: read"},
            {"role": "user", "content": "Observation: use the best model"},
            {"role": "user", "content": [
                {"type": "text", "text": "[read_file for 'a.c'] Result:"}, {"type": "text", "text": "int main;"},
                {"type": "text", "text": "<environment_details>\nx\n</environment_details>"}]},
            {"role": "user", "content": "<system-reminder>be brief</system-reminder>"},
        ]);
        assert_eq!(words(&messages), Some(("find the leak".into(), false)));
        assert_eq!(
            text(&json!([{"role": "user", "content": "Observation: the sky was dark"}])).as_deref(),
            Some("Observation: the sky was dark")
        );
        let only = json!([{"role": "user", "content": "<environment_context>\nx\n</environment_context>"}]);
        assert_eq!(text(&only).as_deref(), Some("<environment_context>\nx\n</environment_context>"));
    }

    #[test]
    fn feedback_on_a_result_is_the_users() {
        let messages = json!([{"role": "user", "content": [
            {"type": "text", "text": "[attempt_completion] Result:"},
            {"type": "text", "text": "The user has provided feedback on the results. Consider their input.\n<feedback>\nuse tabs\n</feedback>"}]}]);
        assert_eq!(text(&messages).as_deref(), Some("use tabs"));
    }

    #[test]
    fn a_follow_up_takes_the_words_it_refers_to() {
        let user = |text: &str| json!({"role": "user", "content": text});
        let answer = json!({"role": "assistant", "content": "Shall I go on?"});
        let asked = |messages: &[Value]| words(&Value::Array(messages.to_vec()));
        assert_eq!(
            asked(&[user("write a parser"), answer.clone(), user("yes")]),
            Some(("write a parser".into(), true))
        );
        let twice = [user("write a parser"), answer.clone(), user("ok"), answer.clone(), user("commit it")];
        assert_eq!(asked(&twice), Some(("write a parser".into(), true)));
        assert_eq!(
            asked(&[user("write a parser"), answer.clone(), user("translate it")]),
            Some(("translate it".into(), false))
        );
        assert_eq!(asked(&[answer.clone(), user("yes")]), Some(("yes".into(), true)));
        assert_eq!(asked(&[user("yes")]), Some(("yes".into(), false)));
        assert_eq!(asked(&[user("2"), answer, user("yes")]), Some(("2".into(), true)));
    }

    /// Turns of any role, said by a person or by a harness.
    fn turns() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
        let role = prop::sample::select(vec!["system", "user", "user", "assistant", "tool"]);
        let said = prop::sample::select(vec![
            "",
            " ",
            "yes",
            "write a parser",
            "<info-msg>\nx\n</info-msg>",
            "[ls] Result:",
            "Observation: a",
            "Action: b",
        ]);
        prop::collection::vec((role, said), 1..12)
    }

    proptest! {
        #[test]
        fn a_user_turn_with_words_is_never_lost(turns in turns()) {
            let messages: Vec<Value> = turns.iter().map(|(role, said)| json!({"role": role, "content": [{"type": "text", "text": said}]})).collect();
            let spoken = turns.iter().any(|(role, said)| *role == "user" && !said.trim().is_empty());
            let found = text(&Value::Array(messages));
            prop_assert_eq!(found.is_some(), spoken);
            prop_assert!(found.is_none_or(|words| !words.trim().is_empty()));
        }
    }
}
