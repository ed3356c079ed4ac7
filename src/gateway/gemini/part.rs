//! Parts of a turn, and how the content of a chat message becomes such parts.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::generation::Generation;
use super::media::{self, Address, Blob};
use crate::gateway::attempt::Failure;
use crate::gateway::chat_shapes::{File, ImageUrl};
use crate::gateway::fields::Dropped;

/// One part.
#[derive(Debug, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(super) enum Part {
    Text {
        text: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        thought_signature: Option<String>,
    },
    Inline {
        inline_data: Blob,
    },
    File {
        file_data: Address,
    },
    Call {
        function_call: Call,
        #[serde(skip_serializing_if = "Option::is_none")]
        thought_signature: Option<String>,
    },
    Result {
        function_response: CallResult,
    },
}

/// A call of a tool.
#[derive(Debug, Serialize)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    /// As it was written: large numbers keep their digits.
    pub(super) args: Box<RawValue>,
}

/// What a tool answered.
#[derive(Debug, Serialize)]
pub(super) struct CallResult {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) response: Box<RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<Part>,
    /// The call's place among all calls of the conversation.
    #[serde(skip)]
    pub(super) place: usize,
}

/// The content of a chat message.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

/// A part of it.
#[derive(Debug, Deserialize)]
pub(super) struct ContentPart {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    image_url: Option<ImageUrl>,
    #[serde(default)]
    input_audio: Option<InputAudio>,
    #[serde(default)]
    file: Option<File>,
}

#[derive(Debug, Deserialize)]
struct InputAudio {
    data: String,
    format: String,
}

impl Content {
    /// The parts; texts without a word are none, because the API refuses them.
    pub(super) fn into_parts(self, generation: Generation, dropped: &mut Dropped) -> Result<Vec<Part>, Failure> {
        match self {
            Self::Text(text) => Ok(text_part(text).into_iter().collect()),
            Self::Parts(parts) => {
                parts.into_iter().filter_map(|part| part.into_part(generation, dropped).transpose()).collect()
            }
        }
    }
}

impl ContentPart {
    fn into_part(self, generation: Generation, dropped: &mut Dropped) -> Result<Option<Part>, Failure> {
        let part = match self.kind.as_str() {
            "text" | "input_text" | "output_text" => return Ok(text_part(self.text.unwrap_or_default())),
            "refusal" => return Ok(text_part(self.refusal.unwrap_or_default())),
            "image_url" | "input_image" => {
                let (url, detail) = match self.image_url.map(ImageUrl::into_parts) {
                    Some(parts) => parts,
                    None => return Err(Failure::Unsupported("a picture without image_url")),
                };
                if detail.is_some_and(|detail| detail != "auto") {
                    dropped.add("image_url.detail");
                }
                media::picture(url, generation)?
            }
            "input_audio" => match self.input_audio {
                Some(InputAudio { data, format }) => media::sound(data, &format)?,
                None => return Err(Failure::Unsupported("sound without input_audio")),
            },
            "file" => match self.file {
                Some(File { file_data: Some(data), filename }) => {
                    if filename.is_some() {
                        dropped.add("file.filename");
                    }
                    media::file(&data)?
                }
                _ => return Err(Failure::Unsupported("a file by its id")),
            },
            _ => return Err(Failure::Unsupported("a content part of an unknown type")),
        };
        Ok(Some(part))
    }
}

/// A part of text, unless there is nothing in it.
pub(super) fn text_part(text: String) -> Option<Part> {
    (!text.trim().is_empty()).then_some(Part::Text { text, thought_signature: None })
}
