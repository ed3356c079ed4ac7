//! The parts of a message's content as chat completions have them. A part that only a service with files of its own could read is refused.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::error::ApiError;
use crate::http::fields::{Fields, read, refuse};

/// The content of a chat message.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// One part of it.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part {
    Text {
        text: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        prompt_cache_breakpoint: Option<Box<RawValue>>,
    },
    Refusal {
        refusal: String,
    },
    ImageUrl {
        image_url: ImageUrl,
        #[serde(skip_serializing_if = "Option::is_none")]
        prompt_cache_breakpoint: Option<Box<RawValue>>,
    },
    InputAudio {
        input_audio: Box<RawValue>,
    },
    File {
        file: File,
        #[serde(skip_serializing_if = "Option::is_none")]
        prompt_cache_breakpoint: Option<Box<RawValue>>,
    },
}

#[derive(Debug, Serialize)]
pub(super) struct ImageUrl {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct File {
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
}

impl Content {
    /// Reads the content that stands at `path`.
    pub(super) fn read(path: &str, content: &RawValue) -> Result<Self, ApiError> {
        if content.get().starts_with('"') {
            return Ok(Self::Text(read(path, content)?));
        }
        let parts: Vec<&RawValue> = read(path, content)?;
        let parts = parts.iter().enumerate().map(|(index, part)| read_part(&format!("{path}[{index}]"), part));
        let mut parts = parts.collect::<Result<Vec<Part>, ApiError>>()?;
        Ok(match parts.as_mut_slice() {
            [] => Self::Text(String::new()),
            // Many servers read a list only where there has to be one.
            [Part::Text { text, prompt_cache_breakpoint: None }] => Self::Text(std::mem::take(text)),
            _ => Self::Parts(parts),
        })
    }

    /// Puts another text behind this one.
    pub(super) fn append(&mut self, more: Self) {
        let into_parts = |content: Self| match content {
            Self::Text(text) => vec![Part::Text { text, prompt_cache_breakpoint: None }],
            Self::Parts(parts) => parts,
        };
        let mut parts = into_parts(std::mem::replace(self, Self::Text(String::new())));
        parts.extend(into_parts(more));
        *self = Self::Parts(parts);
    }
}

fn read_part(path: &str, part: &RawValue) -> Result<Part, ApiError> {
    let fields = Fields::read(path, part)?;
    let kind: String = fields.need("type")?;
    let prompt_cache_breakpoint = fields.raw("prompt_cache_breakpoint").map(ToOwned::to_owned);
    Ok(match kind.as_str() {
        "input_text" | "output_text" | "text" => Part::Text { text: fields.need("text")?, prompt_cache_breakpoint },
        "refusal" => Part::Refusal { refusal: fields.need("refusal")? },
        "input_image" => {
            let Some(url) = fields.get("image_url")? else {
                let why = "a picture is sent as an address or a data: URL; pictures by file_id are not kept here";
                return Err(fields.refuse("image_url", why));
            };
            let image_url = ImageUrl { url, detail: fields.get("detail")? };
            Part::ImageUrl { image_url, prompt_cache_breakpoint }
        }
        "input_audio" => Part::InputAudio { input_audio: fields.need("input_audio")? },
        "input_file" => {
            let file = File {
                file_data: fields.get("file_data")?,
                file_id: fields.get("file_id")?,
                filename: fields.get("filename")?,
            };
            if file.file_data.is_none() && file.file_id.is_none() {
                return Err(fields.refuse("file_data", "a file is sent as its content; nothing is fetched from here"));
            }
            Part::File { file, prompt_cache_breakpoint }
        }
        _ => {
            let known = "input_text, input_image, input_file, input_audio, output_text and refusal";
            return Err(refuse(&fields.path("type"), format!("{kind:?} is no content part; there are {known}")));
        }
    })
}
