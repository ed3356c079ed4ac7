//! Shapes of a chat request that every translation of it reads alike: pictures, files, stop sequences, fields that are at rest. What a
//! provider can do with them is said by its own folder.

use serde::Deserialize;
use serde_json::Value;

use super::dialect::Unwritten;
use super::fields::Fields;

/// A picture, by its address or its content as a `data:` address.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ImageUrl {
    Plain(String),
    Detailed {
        url: String,
        #[serde(default)]
        detail: Option<String>,
    },
}

impl ImageUrl {
    /// The address, and how closely the picture is to be looked at.
    pub(super) fn into_parts(self) -> (String, Option<String>) {
        match self {
            Self::Plain(url) => (url, None),
            Self::Detailed { url, detail } => (url, detail),
        }
    }
}

/// A file, by its content as a `data:` address; those by id have none.
#[derive(Debug, Deserialize)]
pub(super) struct File {
    #[serde(default)]
    pub(super) file_data: Option<String>,
    #[serde(default)]
    pub(super) filename: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Stop {
    One(String),
    Several(Vec<String>),
}

/// The sequences of `stop`, as they were written.
pub(super) fn stop_sequences(fields: &Fields<'_>) -> Result<Vec<String>, Unwritten> {
    Ok(match fields.read("stop")? {
        None => Vec::new(),
        Some(Stop::One(sequence)) => vec![sequence],
        Some(Stop::Several(sequences)) => sequences,
    })
}

/// A field that is at rest: leaving it out changes nothing.
pub(super) fn says_nothing(fields: &Fields<'_>, name: &str) -> bool {
    let Ok(Some(value)) = fields.read::<Value>(name) else { return true };
    match &value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(items) => items.iter().all(|item| name == "modalities" && item == "text"),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(true) | Value::String(_) => false,
    }
}
