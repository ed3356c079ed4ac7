//! Content blocks of a message, and how the parts of a chat message become such blocks.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::gateway::attempt::Failure;
use crate::gateway::chat_shapes::{File, ImageUrl};
use crate::gateway::fields::Dropped;

/// Keys of a block that a chat has no word for, as the client wrote them.
pub(super) type OwnKeys = Map<String, Value>;

/// One block.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block {
    Thinking {
        thinking: String,
        signature: String,
    },
    RedactedThinking {
        data: String,
    },
    Text {
        text: String,
        #[serde(flatten)]
        own: OwnKeys,
    },
    Image {
        source: Source,
        #[serde(flatten)]
        own: OwnKeys,
    },
    Document {
        source: Source,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        #[serde(flatten)]
        own: OwnKeys,
    },
    ToolUse {
        id: String,
        name: String,
        /// As it was written: large numbers keep their digits.
        input: Box<RawValue>,
        #[serde(flatten)]
        own: OwnKeys,
    },
    ToolResult {
        tool_use_id: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Block>,
        #[serde(flatten)]
        own: OwnKeys,
    },
    /// Of a type that a chat has no word for, as the client wrote it.
    #[serde(untagged)]
    Other(Map<String, Value>),
}

/// Where a picture or a document comes from.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Source {
    Base64 { media_type: String, data: String },
    Url { url: String },
    Text { media_type: &'static str, data: String },
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
    #[serde(flatten)]
    own: OwnKeys,
}

/// What is read of a request beside the words of a chat, and what could not be told.
pub(super) struct Reading<'a> {
    /// The client spoke this very API.
    pub(super) is_of_messages: bool,
    pub(super) dropped: &'a mut Dropped,
}

impl Reading<'_> {
    /// The keys that go along. Clients that speak OpenAI's API and know of Anthropic's prompt cache mark their parts for it; what else they add is
    /// not meant for this API.
    pub(super) fn own(&self, mut keys: OwnKeys) -> OwnKeys {
        if !self.is_of_messages {
            keys.retain(|name, _| name == "cache_control");
        }
        keys
    }
}

impl Content {
    /// The blocks; texts without a word are none, because the API refuses them.
    pub(super) fn into_blocks(self, reading: &mut Reading<'_>) -> Result<Vec<Block>, Failure> {
        match self {
            Self::Text(text) => Ok(text_block(text, OwnKeys::new()).into_iter().collect()),
            Self::Parts(parts) => {
                let blocks = parts.into_iter().filter_map(|part| part.into_block(reading).transpose());
                blocks.collect()
            }
        }
    }
}

impl Part {
    fn into_block(self, reading: &mut Reading<'_>) -> Result<Option<Block>, Failure> {
        let mut own = reading.own(self.own);
        match self.kind.as_str() {
            "text" | "input_text" | "output_text" => {
                let text = self.text.unwrap_or_default();
                Ok(match own.shift_remove("document") {
                    Some(Value::Object(document)) => text_document(text, document),
                    _ => text_block(text, own),
                })
            }
            "refusal" => Ok(text_block(self.refusal.unwrap_or_default(), OwnKeys::new())),
            "image_url" | "input_image" => {
                let (url, detail) = match self.image_url.map(ImageUrl::into_parts) {
                    Some(parts) => parts,
                    None => return Err(Failure::Unsupported("a picture without image_url")),
                };
                if detail.is_some_and(|detail| detail != "auto") {
                    reading.dropped.add("image_url.detail");
                }
                Ok(Some(match source(url)? {
                    source if source.is_pdf() => Block::Document { source, title: None, own },
                    source => Block::Image { source, own },
                }))
            }
            "file" => match self.file {
                Some(File { file_data: Some(data), filename }) => match source(data)? {
                    source if source.is_pdf() => {
                        // A client of this API has said itself whether the document has a title.
                        let title = filename.filter(|_| !reading.is_of_messages);
                        Ok(Some(Block::Document { source, title, own }))
                    }
                    _ => Err(Failure::Unsupported("a file that is no PDF")),
                },
                _ => Err(Failure::Unsupported("a file by its id")),
            },
            "input_audio" | "audio" => Err(Failure::Unsupported("sound in messages")),
            _ if reading.is_of_messages => {
                own.shift_insert(0, "type".into(), self.kind.into());
                if let Some(text) = self.text {
                    own.insert("text".into(), text.into());
                }
                Ok(Some(Block::Other(own)))
            }
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
pub(super) fn text_block(text: String, own: OwnKeys) -> Option<Block> {
    (!text.trim().is_empty()).then_some(Block::Text { text, own })
}

/// The document that a text was.
fn text_document(data: String, own: OwnKeys) -> Option<Block> {
    let source = Source::Text { media_type: "text/plain", data };
    matches!(&source, Source::Text { data, .. } if !data.trim().is_empty()).then_some(Block::Document {
        source,
        title: None,
        own,
    })
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
