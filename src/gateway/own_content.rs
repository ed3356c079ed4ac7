//! What the messages of a request hold that came by Anthropic's Messages, in a chat's words: parts as every chat has them, and the keys that no
//! chat knows named, but for those that a dialect has a word for itself. Turns and tool results are left as they stand.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::attempt::Failure;
use super::dialect::Unwritten;
use super::dropped::Dropped;
use super::fields::{Fields, misshapen};

/// Keys beyond a chat's that a dialect reads itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    /// Of the parts of a content.
    pub(super) of_parts: &'static [&'static str],
    /// Of messages.
    pub(super) of_messages: &'static [&'static str],
}

const OF_A_MESSAGE: [&str; 4] = ["role", "content", "tool_calls", "tool_call_id"];
const OF_A_CALL: [&str; 3] = ["id", "type", "function"];
const OF_A_TOOL: [&str; 2] = ["type", "function"];

/// Reads `messages`, in a chat's words if the client spoke others.
pub(super) fn read_messages<T: DeserializeOwned>(
    fields: &Fields<'_>,
    kept: Kept,
    dropped: &mut Dropped,
) -> Result<Vec<T>, Unwritten> {
    if !fields.are_of_messages() {
        return Ok(fields.read("messages")?.unwrap_or_default());
    }
    let mut messages: Vec<Value> = fields.read("messages")?.unwrap_or_default();
    for message in messages.iter_mut().filter_map(Value::as_object_mut) {
        make_plain(message, kept, dropped)?;
    }
    serde_path_to_error::deserialize(Value::from(messages)).map_err(|error| misshapen("messages", &error))
}

/// Names what the tools of such a request say beyond a chat's, but for the keys that a dialect reads itself.
pub(super) fn name_keys_of_tools(fields: &Fields<'_>, kept: &[&str], dropped: &mut Dropped) -> Result<(), Unwritten> {
    if fields.are_of_messages() {
        let tools: Vec<Map<String, Value>> = fields.read("tools")?.unwrap_or_default();
        tools.into_iter().for_each(|mut tool| cut_own_keys(&mut tool, &[&OF_A_TOOL, kept], "tools", dropped));
    }
    Ok(())
}

fn make_plain(message: &mut Map<String, Value>, kept: Kept, dropped: &mut Dropped) -> Result<(), Failure> {
    cut_own_keys(message, &[&OF_A_MESSAGE, kept.of_messages], "messages", dropped);
    let is_assistants = message.get("role").is_some_and(|role| role == "assistant");
    if let Some(Value::Array(parts)) = message.get_mut("content") {
        let mut plain = Vec::with_capacity(parts.len());
        for part in std::mem::take(parts) {
            let Some(PlainPart { mut part, mut own }) = plain_part(part, is_assistants, dropped)? else { continue };
            if let Value::Object(part) = &mut part {
                part.extend(kept.of_parts.iter().filter_map(|name| own.shift_remove_entry(*name)));
            }
            name_own_keys(&own, "messages", dropped);
            plain.push(part);
        }
        *parts = plain;
    }
    let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
    for call in calls.into_iter().flatten().filter_map(Value::as_object_mut) {
        cut_own_keys(call, &[&OF_A_CALL], "messages", dropped);
    }
    Ok(())
}

/// A part as a chat has it.
pub(super) struct PlainPart {
    pub(super) part: Value,
    /// The keys that it had and no chat knows.
    pub(super) own: Map<String, Value>,
}

/// Makes a part plain. `None` for what is left out, which is named.
pub(super) fn plain_part(
    part: Value,
    is_assistants: bool,
    dropped: &mut Dropped,
) -> Result<Option<PlainPart>, Failure> {
    let Value::Object(mut part) = part else { return Ok(None) };
    let kind = part.shift_remove("type").unwrap_or_default();
    let kind = kind.as_str().unwrap_or_default();
    let plain = match kind {
        "text" => {
            let text = part.shift_remove("text").unwrap_or_default();
            let title = part.shift_remove("document").and_then(|document| Some(document["title"].as_str()?.to_owned()));
            let text = text.as_str().unwrap_or_default();
            json!({"type": kind, "text": title.map_or_else(|| text.to_owned(), |title| format!("{title}\n\n{text}"))})
        }
        "image_url" | "file" => json!({"type": kind, kind: part.shift_remove(kind)}),
        "search_result" => {
            let text = search_result(&part);
            ["title", "source", "content"].iter().for_each(|name| drop(part.shift_remove(*name)));
            json!({"type": "text", "text": text})
        }
        // Of the server's own tools: the words around them tell what became of it.
        kind if is_assistants => {
            dropped.add(&format!("messages.{kind}"));
            return Ok(None);
        }
        _ => return Err(Failure::Unsupported("content that only Anthropic's API has")),
    };
    Ok(Some(PlainPart { part: plain, own: part }))
}

/// Names what is left of an object once a chat's own keys are taken out.
pub(super) fn name_own_keys(left: &Map<String, Value>, of: &str, dropped: &mut Dropped) {
    for (name, value) in left.iter().filter(|(_, value)| !matches!(value, Value::Null | Value::Bool(false))) {
        match name.as_str() {
            // A hint that stands nearly everywhere, named once.
            "cache_control" | "thinking_blocks" => dropped.add(name),
            // An answer's quotation marks: an empty list says nothing.
            _ if value.as_array().is_some_and(Vec::is_empty) => {}
            name => dropped.add(&format!("{of}.{name}")),
        }
    }
}

/// Takes the keys out of an object that are none of these, and names them.
fn cut_own_keys(object: &mut Map<String, Value>, known: &[&[&str]], of: &str, dropped: &mut Dropped) {
    let all = std::mem::take(object);
    let is_known = |name: &str| known.iter().any(|known| known.contains(&name));
    let (stays, own): (Map<_, _>, Map<_, _>) = all.into_iter().partition(|(name, _)| is_known(name));
    name_own_keys(&own, of, dropped);
    *object = stays;
}

/// The words of a search result under its title and source.
fn search_result(part: &Map<String, Value>) -> String {
    let head = ["title", "source"].into_iter().filter_map(|name| part.get(name)?.as_str());
    let texts = part.get("content").and_then(Value::as_array).into_iter().flatten();
    head.chain(texts.filter_map(|text| text["text"].as_str())).collect::<Vec<_>>().join("\n")
}
