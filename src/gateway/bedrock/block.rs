//! Content blocks of a Converse message, and how the parts of a chat message become such blocks.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::document::Document;
use super::model::Model;
use crate::gateway::attempt::Failure;
use crate::gateway::chat_shapes::{File, ImageUrl};
use crate::gateway::fields::Dropped;

/// One block; its name is the one field of the object it stands in.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Block {
    Text(String),
    Image {
        format: &'static str,
        source: Base64,
    },
    Document(Document),
    /// Everything before it may be kept in the prompt cache.
    CachePoint(CachePoint),
    #[serde(rename_all = "camelCase")]
    ToolUse {
        tool_use_id: String,
        name: String,
        /// As it was written: large numbers keep their digits.
        input: Box<RawValue>,
    },
    #[serde(rename_all = "camelCase")]
    ToolResult {
        tool_use_id: String,
        content: Vec<Block>,
        /// `error` where the tool failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<&'static str>,
    },
    ReasoningContent(Reasoning),
}

/// Base64, as it came.
#[derive(Debug, Serialize)]
pub(super) struct Base64 {
    pub(super) bytes: String,
}

/// A thought as the model signed it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Reasoning {
    ReasoningText {
        text: String,
        signature: String,
    },
    /// Encrypted by its maker.
    RedactedContent(String),
}

/// Where a part of the prompt ends that may be cached.
#[derive(Debug, Serialize)]
pub(super) struct CachePoint {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<String>,
}

/// Not OpenAI's; clients that know of prompt caches mark parts and tools with it.
#[derive(Debug, Deserialize)]
pub(super) struct CacheControl {
    #[serde(default)]
    ttl: Option<String>,
}

impl CacheControl {
    /// The mark that stands behind the part, where the model knows such marks.
    pub(super) fn into_point(self, model: Model, dropped: &mut Dropped) -> Option<CachePoint> {
        if !model.takes_cache_points {
            dropped.add("cache_control");
            return None;
        }
        Some(CachePoint { kind: "default", ttl: self.ttl })
    }
}

/// The content of a chat message.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A part of it.
#[derive(Debug, Deserialize)]
pub(super) struct Part {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    image_url: Option<ImageUrl>,
    #[serde(default)]
    file: Option<File>,
    #[serde(default)]
    cache_control: Option<CacheControl>,
}

impl Content {
    /// The blocks; texts without a word are none, because the API refuses them.
    pub(super) fn into_blocks(self, model: Model, dropped: &mut Dropped) -> Result<Vec<Block>, Failure> {
        let parts = match self {
            Self::Text(text) => return Ok(text_block(text).into_iter().collect()),
            Self::Parts(parts) => parts,
        };
        let mut blocks = Vec::with_capacity(parts.len());
        for mut part in parts {
            let mark = part.cache_control.take();
            let Some(block) = part.into_block(dropped)? else { continue };
            blocks.push(block);
            blocks.extend(mark.and_then(|mark| mark.into_point(model, dropped)).map(Block::CachePoint));
        }
        Ok(blocks)
    }
}

impl Part {
    fn into_block(self, dropped: &mut Dropped) -> Result<Option<Block>, Failure> {
        match self.kind.as_str() {
            "text" | "input_text" | "output_text" => Ok(text_block(self.text.unwrap_or_default())),
            "refusal" => Ok(text_block(self.refusal.unwrap_or_default())),
            "image_url" | "input_image" => {
                let (url, detail) = match self.image_url.map(ImageUrl::into_parts) {
                    Some(parts) => parts,
                    None => return Err(Failure::Unsupported("a picture without image_url")),
                };
                if detail.is_some_and(|detail| detail != "auto") {
                    dropped.add("image_url.detail");
                }
                let Some((media_type, source)) = inline(&url)? else {
                    return Err(Failure::Unsupported("a picture by its address"));
                };
                let format = match media_type.as_str() {
                    "image/png" => "png",
                    "image/jpeg" | "image/jpg" => "jpeg",
                    "image/gif" => "gif",
                    "image/webp" => "webp",
                    // Some clients send a PDF as if it were a picture.
                    _ => return document(&media_type, None, source, "a picture of an unknown type"),
                };
                Ok(Some(Block::Image { format, source }))
            }
            "file" => {
                let Some(File { file_data: Some(data), filename }) = self.file else {
                    return Err(Failure::Unsupported("a file by its id"));
                };
                let Some((media_type, source)) = inline(&data)? else {
                    return Err(Failure::Unsupported("a file that is no data: URL"));
                };
                document(&media_type, filename.as_deref(), source, "a file of an unknown type")
            }
            "input_audio" | "audio" => Err(Failure::Unsupported("sound in messages")),
            _ => Err(Failure::Unsupported("a content part of an unknown type")),
        }
    }
}

fn document(
    media_type: &str,
    file_name: Option<&str>,
    source: Base64,
    otherwise: &'static str,
) -> Result<Option<Block>, Failure> {
    let document = Document::new(media_type, file_name, source).ok_or(Failure::Unsupported(otherwise))?;
    Ok(Some(Block::Document(document)))
}

/// A block of text, unless there is nothing in it.
pub(super) fn text_block(text: String) -> Option<Block> {
    (!text.trim().is_empty()).then_some(Block::Text(text))
}

/// Media type and content of a `data:` URL; `None` for every other one.
fn inline(url: &str) -> Result<Option<(String, Base64)>, Failure> {
    let Some(rest) = url.strip_prefix("data:") else { return Ok(None) };
    let Some((head, data)) = rest.split_once(',') else {
        return Err(Failure::Unsupported("a data: URL without content"));
    };
    let Some(media_type) = head.strip_suffix(";base64") else {
        return Err(Failure::Unsupported("a data: URL that is not base64"));
    };
    let media_type = media_type.split(';').next().unwrap_or_default().to_ascii_lowercase();
    Ok(Some((media_type, Base64 { bytes: data.to_owned() })))
}
