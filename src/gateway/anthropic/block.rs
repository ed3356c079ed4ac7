//! Content blocks of a message, and how the parts of a chat message become such blocks.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::fields::Dropped;
use crate::gateway::attempt::Failure;

/// One block.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block {
    Text {
        text: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Value>,
    },
    Image {
        source: Source,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Value>,
    },
    Document {
        source: Source,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    },
    ToolUse {
        id: String,
        name: String,
        /// As it was written: large numbers keep their digits.
        input: Box<RawValue>,
    },
    ToolResult {
        tool_use_id: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Block>,
    },
}

/// Where a picture or a document comes from.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Source {
    Base64 { media_type: String, data: String },
    Url { url: String },
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
    /// Not OpenAI's; clients that know of Anthropic's prompt cache mark their parts with it.
    #[serde(default)]
    cache_control: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ImageUrl {
    Plain(String),
    Detailed {
        url: String,
        #[serde(default)]
        detail: Option<String>,
    },
}

#[derive(Debug, Deserialize)]
struct File {
    #[serde(default)]
    file_data: Option<String>,
    #[serde(default)]
    filename: Option<String>,
}

impl Content {
    /// The blocks; texts without a word are none, because the API refuses them.
    pub(super) fn into_blocks(self, dropped: &mut Dropped) -> Result<Vec<Block>, Failure> {
        match self {
            Self::Text(text) => Ok(text_block(text, None).into_iter().collect()),
            Self::Parts(parts) => {
                let blocks = parts.into_iter().filter_map(|part| part.into_block(dropped).transpose());
                blocks.collect()
            }
        }
    }
}

impl Part {
    fn into_block(self, dropped: &mut Dropped) -> Result<Option<Block>, Failure> {
        match self.kind.as_str() {
            "text" | "input_text" | "output_text" => Ok(text_block(self.text.unwrap_or_default(), self.cache_control)),
            "refusal" => Ok(text_block(self.refusal.unwrap_or_default(), None)),
            "image_url" | "input_image" => {
                let (url, detail) = match self.image_url {
                    Some(ImageUrl::Plain(url)) => (url, None),
                    Some(ImageUrl::Detailed { url, detail }) => (url, detail),
                    None => return Err(Failure::Unsupported("a picture without image_url")),
                };
                if detail.is_some_and(|detail| detail != "auto") {
                    dropped.add("image_url.detail");
                }
                Ok(Some(match source(url)? {
                    source @ Source::Base64 { .. } if source.is_pdf() => Block::Document { source, title: None },
                    source => Block::Image { source, cache_control: self.cache_control },
                }))
            }
            "file" => match self.file {
                Some(File { file_data: Some(data), filename }) => match source(data)? {
                    source if source.is_pdf() => Ok(Some(Block::Document { source, title: filename })),
                    _ => Err(Failure::Unsupported("a file that is no PDF")),
                },
                _ => Err(Failure::Unsupported("a file by its id")),
            },
            "input_audio" | "audio" => Err(Failure::Unsupported("sound in messages")),
            _ => Err(Failure::Unsupported("a content part of an unknown type")),
        }
    }
}

impl Source {
    fn is_pdf(&self) -> bool {
        matches!(self, Self::Base64 { media_type, .. } if media_type == "application/pdf")
    }
}

/// A block of text, unless there is nothing in it.
pub(super) fn text_block(text: String, cache_control: Option<Value>) -> Option<Block> {
    (!text.trim().is_empty()).then_some(Block::Text { text, cache_control })
}

/// A `data:` URL by its content, every other one by its address.
fn source(url: String) -> Result<Source, Failure> {
    let Some(rest) = url.strip_prefix("data:") else { return Ok(Source::Url { url }) };
    let Some((head, data)) = rest.split_once(',') else {
        return Err(Failure::Unsupported("a data: URL without content"));
    };
    let Some(media_type) = head.strip_suffix(";base64") else {
        return Err(Failure::Unsupported("a data: URL that is not base64"));
    };
    let media_type = media_type.split(';').next().unwrap_or_default().to_ascii_lowercase();
    // A common slip, and the API knows the right name only.
    let media_type = if media_type == "image/jpg" { "image/jpeg".to_owned() } else { media_type };
    Ok(Source::Base64 { media_type, data: data.to_owned() })
}
