//! Which words of a conversation are the user's request.

use std::borrow::Cow;

use crate::chat::{Message, Role};

/// The text of the last user turn that has any; several text parts are joined by newlines. System prompts, tools and the
/// assistant's own words do not count. `None` when no user turn has words.
pub fn words_of(messages: &[Message]) -> Option<Cow<'_, str>> {
    messages.iter().rev().filter(|message| message.role == Role::User).find_map(|message| {
        let mut texts = message.content.texts().filter(|text| !text.trim().is_empty());
        let first = texts.next()?;
        match texts.next() {
            None => Some(Cow::Borrowed(first)),
            Some(second) => {
                let mut joined = [first, second].join("\n");
                for text in texts {
                    joined.push('\n');
                    joined.push_str(text);
                }
                Some(Cow::Owned(joined))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::ChatRequest;

    fn words(messages: &serde_json::Value) -> Option<String> {
        let request = ChatRequest::from_messages(messages).unwrap();
        words_of(request.messages()).map(Cow::into_owned)
    }

    #[test]
    fn the_last_user_turn_counts_and_nothing_else() {
        let messages = serde_json::json!([
            {"role": "system", "content": "You are a lawyer. Prove everything."},
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": "answer"},
            {"role": "user", "content": [{"type": "text", "text": "second"}, {"type": "image_url"}, {"type": "text", "text": "part"}]},
            {"role": "assistant", "content": null},
            {"role": "user", "content": "  "},
        ]);
        assert_eq!(words(&messages).as_deref(), Some("second\npart"));
        assert_eq!(words(&serde_json::json!([{"role": "system", "content": "x"}])), None);
    }
}
