//! How many of a conversation's latest tool results failed, one after the other. Reads turns of tools, and user turns into
//! which a client wrote results; what failing looks like is known to `failure_signs.rs`.

use crate::chat::{Message, Part, Role};

use super::conversation::{is_observation, turn_words};
use super::failure_signs::has_failed;
use super::follow_up::is_follow_up;
use super::tool_results::{is_heading, tool_results};
use super::view::View;

/// Turns that are looked at, from the end; a longer row of failures says no more.
const TURNS: usize = 64;

/// How many of the most recent tool results failed, up to the first that did not. A user turn between them ends the row if it
/// asks for something; "go on" and text of a harness do not. A result whose text is not known counts as one that did not fail.
pub fn failed_tool_turns(messages: &[Message]) -> usize {
    let mut failed = 0;
    for place in (messages.len().saturating_sub(TURNS)..messages.len()).rev() {
        let results = match messages[place].role {
            Role::Tool | Role::Function => vec![text_of(&messages[place])],
            Role::User => match results_in_turn(messages, place) {
                Some(results) => results,
                None => return failed,
            },
            Role::Assistant | Role::System | Role::Developer => continue,
        };
        for result in results.iter().rev() {
            if !has_failed(result) {
                return failed;
            }
            failed += 1;
        }
    }
    failed
}

fn text_of(message: &Message) -> String {
    message.content.texts().collect::<Vec<_>>().join("\n")
}

/// The results that stand in a user turn, in order; `None` where the user asks for something, or where a part cannot be read.
fn results_in_turn(messages: &[Message], place: usize) -> Option<Vec<String>> {
    let message = &messages[place];
    let asks = turn_words(messages, place).is_some_and(|words| !is_follow_up(&words));
    if asks || message.content.parts().contains(&Part::Other) {
        return None;
    }
    let mut results: Vec<String> = Vec::new();
    let mut in_result = false;
    for text in message.content.texts() {
        if is_heading(text) {
            in_result = true;
            results.push(String::new());
        } else if let Some(result) = results.last_mut().filter(|_| in_result && !is_harness(text)) {
            result.push_str(text);
            result.push('\n');
        } else if is_result(text) {
            results.push(text.to_owned());
        } else {
            let view = View::of(text);
            results.extend(tool_results(&view).into_iter().map(|range| without_heading(&view.text[range]).to_owned()));
        }
    }
    Some(results)
}

/// A whole text that is a result, by its first words.
fn is_result(text: &str) -> bool {
    const TAGS: &[&str] =
        &["<tool_result", "<tool-result", "<tool_response", "<tool_output", "<tool_use_error", "<function_result"];
    let text = text.trim_start();
    is_observation(text) || TAGS.iter().any(|tag| text.starts_with(tag))
}

/// What an editor adds after a result in a part of its own.
fn is_harness(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("<environment_details>") || text.starts_with("<system-reminder>")
}

/// A result without the line that announces it.
fn without_heading(result: &str) -> &str {
    let line = result.lines().next().unwrap_or("");
    let heading = line.find("Result:").map(|at| at + "Result:".len()).or_else(|| line.find("]:").map(|at| at + 2));
    let heading = heading.or_else(|| line.trim_end().ends_with([']', ':']).then_some(line.len()));
    &result[heading.unwrap_or(0)..]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::chat::ChatRequest;

    fn failed(messages: &Value) -> usize {
        failed_tool_turns(ChatRequest::from_messages(messages).unwrap().messages())
    }

    fn user(text: &str) -> Value {
        json!({"role": "user", "content": text})
    }

    fn call() -> Value {
        json!({"role": "assistant", "content": null, "tool_calls": []})
    }

    fn tool(text: &str) -> Value {
        json!({"role": "tool", "tool_call_id": "a", "content": text})
    }

    const BAD: &str = "error: could not compile `app` (lib) due to 1 previous error";
    const GOOD: &str = "test result: ok. 12 passed; 0 failed; 0 ignored";

    #[test]
    fn failures_are_counted_back_to_the_last_success() {
        assert_eq!(failed(&json!([user("fix the build")])), 0);
        assert_eq!(failed(&json!([user("fix the build"), call(), tool(BAD)])), 1);
        assert_eq!(failed(&json!([user("x"), call(), tool(BAD), call(), tool(GOOD)])), 0);
        assert_eq!(
            failed(&json!([user("x"), call(), tool(BAD), call(), tool(GOOD), call(), tool(BAD), call(), tool(BAD)])),
            2
        );
        assert_eq!(failed(&json!([user("x"), call(), tool(BAD), tool(BAD), tool(BAD)])), 3);
        assert_eq!(failed(&json!([user("x"), call(), tool(BAD), {"role": "assistant", "content": "I try again."}])), 1);
        let parts = json!({"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": BAD}]});
        assert_eq!(failed(&json!([user("x"), call(), parts])), 1);
        assert_eq!(failed(&json!([user("x"), {"role": "function", "name": "sh", "content": BAD}])), 1);
    }

    #[test]
    fn a_turn_of_the_user_ends_the_row_only_if_it_asks_for_something() {
        let row = |between: &str| json!([user("x"), call(), tool(BAD), {"role": "assistant", "content": "Shall I go on?"}, user(between), call(), tool(BAD)]);
        assert_eq!(failed(&row("yes, go on")), 2);
        assert_eq!(failed(&row("<system-reminder>\nbe brief\n</system-reminder>")), 2);
        assert_eq!(failed(&row("use the other compiler instead")), 1);
        assert_eq!(failed(&json!([user("x"), call(), tool(BAD), user("now write the docs")])), 0);
    }

    #[test]
    fn results_within_user_turns_count() {
        let act = json!({"role": "assistant", "content": "Thought: run it\nAction: bash"});
        assert_eq!(failed(&json!([user("x"), act, user("Observation: bash: cargoo: command not found")])), 1);
        assert_eq!(failed(&json!([user("x"), act, user("Observation: 12 files changed")])), 0);
        assert_eq!(
            failed(&json!([user("x"), user("[Tool result for bash]: {\"exit_code\": 2, \"stdout\": \"\"}")])),
            1
        );
        assert_eq!(
            failed(&json!([user("x"), user("[Tool result for bash]: {\"exit_code\": 0, \"stdout\": \"\"}")])),
            0
        );
        assert_eq!(
            failed(&json!([user("x"), user("[execute_command for 'make'] Result:\nmake: *** [all] Error 2")])),
            1
        );
        assert_eq!(failed(&json!([user("x"), user("<tool_result>\nExit code 1\nboom\n</tool_result>")])), 1);
        let parts = json!({"role": "user", "content": [
            {"type": "text", "text": "[execute_command for 'npm test'] Result:"},
            {"type": "text", "text": "npm ERR! Test failed.  See above for more details."},
            {"type": "text", "text": "<environment_details>\nx\n</environment_details>"}]});
        assert_eq!(failed(&json!([user("x"), parts])), 1);
    }

    #[test]
    fn a_result_that_cannot_be_read_ends_the_row() {
        let part = json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": BAD}]});
        assert_eq!(failed(&json!([user("x"), call(), tool(BAD), part.clone(), call(), tool(BAD)])), 1);
        assert_eq!(failed(&json!([user("x"), part])), 0);
    }

    #[test]
    fn a_long_conversation_is_read_from_its_end() {
        let mut messages = vec![user("x")];
        messages.extend((0..500).map(|_| tool(BAD)));
        assert_eq!(failed(&Value::Array(messages)), TURNS);
    }
}
