//! Content blocks as the parts of a chat message. A block that a chat has no part for stays what it is.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::fields::{missing, read, wrong};
use crate::chat::InvalidRequest;

/// A PDF has to have a name in a chat.
const UNNAMED_PDF: &str = "document.pdf";

/// What stands at `content`.
pub(super) enum Content<'a> {
    Text(String),
    Blocks(Vec<Block<'a>>),
}

/// A block, and where it stands.
pub(super) struct Block<'a> {
    pub(super) kind: String,
    pub(super) keys: Map<String, Value>,
    pub(super) place: String,
    /// As it was written; `None` for a block within a block.
    pub(super) raw: Option<&'a RawValue>,
}

impl<'a> Content<'a> {
    /// Reads a text or a list of blocks.
    pub(super) fn read(content: &'a RawValue, place: &str) -> Result<Self, InvalidRequest> {
        match content.get().as_bytes().first() {
            Some(b'"') => read(content, place).map(Self::Text),
            Some(b'[') => {
                let blocks: Vec<&RawValue> = read(content, place)?;
                let block_at = |(index, raw)| {
                    let place = format!("{place}[{index}]");
                    Ok(Block { raw: Some(raw), ..Block::of_value(read(raw, &place)?, place)? })
                };
                blocks.into_iter().enumerate().map(block_at).collect::<Result<_, _>>().map(Self::Blocks)
            }
            _ => Err(wrong(place, "expected a string or a list of content blocks")),
        }
    }
}

impl Block<'_> {
    /// The block that a value is.
    pub(super) fn of_value(block: Value, place: String) -> Result<Self, InvalidRequest> {
        let Value::Object(keys) = block else { return Err(wrong(&place, "expected an object with type")) };
        let kind = keys.get("type").and_then(Value::as_str).ok_or_else(|| missing(&format!("{place}.type")))?;
        Ok(Self { kind: kind.to_owned(), keys, place, raw: None })
    }
}

/// A part of a chat message; keys that a chat has no word for stay on it.
pub(super) fn part(block: Block<'_>) -> Result<Value, InvalidRequest> {
    let Block { kind, mut keys, place, .. } = block;
    match kind.as_str() {
        "text" => text_part(keys, &place),
        "image" => {
            let Some(url) = url_of(source_of(&keys, &place)?) else { return Ok(keys.into()) };
            keys.shift_remove("source");
            Ok(with_keys(json!({"type": "image_url", "image_url": {"url": url}}), keys))
        }
        "document" => {
            let source = source_of(&keys, &place)?;
            match (source["type"].as_str(), source["data"].as_str()) {
                (Some("base64"), Some(_)) => {
                    let data = url_of(source);
                    let name = keys.get("title").and_then(Value::as_str).unwrap_or(UNNAMED_PDF);
                    let part = json!({"type": "file", "file": {"filename": name, "file_data": data}});
                    keys.shift_remove("source");
                    Ok(with_keys(part, keys))
                }
                (Some("text"), Some(text)) => {
                    let mut part = json!({"type": "text", "text": text});
                    ["source", "type"].iter().for_each(|name| drop(keys.shift_remove(*name)));
                    part["document"] = keys.into();
                    Ok(part)
                }
                _ => Ok(keys.into()),
            }
        }
        _ => Ok(keys.into()),
    }
}

/// A text, which is the same in both.
pub(super) fn text_part(keys: Map<String, Value>, place: &str) -> Result<Value, InvalidRequest> {
    if keys.get("type").is_none_or(|kind| kind != "text") {
        return Err(wrong(&format!("{place}.type"), "expected text"));
    }
    match keys.get("text") {
        Some(Value::String(_)) => Ok(keys.into()),
        Some(_) => Err(wrong(&format!("{place}.text"), "expected a string")),
        None => Err(missing(&format!("{place}.text"))),
    }
}

/// Where a picture or a document comes from.
fn source_of<'a>(keys: &'a Map<String, Value>, place: &str) -> Result<&'a Value, InvalidRequest> {
    match keys.get("source") {
        Some(source @ Value::Object(_)) => Ok(source),
        Some(_) => Err(wrong(&format!("{place}.source"), "expected an object with type")),
        None => Err(missing(&format!("{place}.source"))),
    }
}

/// The address of a source: its own, or one that holds its content. `None` for a file by its id.
fn url_of(source: &Value) -> Option<String> {
    match source["type"].as_str()? {
        "base64" => Some(format!("data:{};base64,{}", source["media_type"].as_str()?, source["data"].as_str()?)),
        "url" => source["url"].as_str().map(str::to_owned),
        _ => None,
    }
}

fn with_keys(mut part: Value, keys: Map<String, Value>) -> Value {
    if let Value::Object(part) = &mut part {
        part.extend(keys.into_iter().filter(|(name, _)| name != "type"));
    }
    part
}
