//! Message content: a plain string, or a list of typed parts. Parts this crate does not know are kept as `Other`.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

/// The content of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// `"content": "..."`
    Text(String),
    /// `"content": [{"type": ...}, ...]`
    Parts(Vec<Part>),
    /// `"content": null` or no content at all, as in an assistant turn that only calls tools.
    Empty,
}

/// One part of a list-shaped content: what routing needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// `{"type": "text", "text": "..."}`
    Text(String),
    /// `{"type": "image_url", ...}`
    Image,
    /// `{"type": "input_audio", ...}`
    Audio,
    /// Any other part; it passes through untouched and does not count as words.
    Other,
}

impl Content {
    /// The texts of this content, in order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (whole, parts) = match self {
            Self::Text(text) => (Some(text.as_str()), &[][..]),
            Self::Parts(parts) => (None, parts.as_slice()),
            Self::Empty => (None, &[][..]),
        };
        whole.into_iter().chain(parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            _ => None,
        }))
    }

    /// The parts, if the content is a list.
    pub fn parts(&self) -> &[Part] {
        match self {
            Self::Parts(parts) => parts,
            _ => &[],
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a list of content parts, or null")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Content, E> {
        Ok(Content::Text(text))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Content, E> {
        Ok(Content::Empty)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = seq.next_element()? {
            parts.push(part);
        }
        Ok(Content::Parts(parts))
    }
}

#[derive(serde::Deserialize)]
#[serde(expecting = "a content part: an object with type")]
struct RawPart {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawPart::deserialize(deserializer)?;
        Ok(match (raw.kind.as_str(), raw.text) {
            ("text" | "input_text" | "output_text", Some(text)) => Self::Text(text),
            ("text", None) => return Err(de::Error::missing_field("text")),
            ("image_url" | "input_image" | "image", _) => Self::Image,
            ("input_audio" | "audio", _) => Self::Audio,
            _ => Self::Other,
        })
    }
}
