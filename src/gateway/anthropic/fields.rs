//! The fields of a chat request on their way out: each is read in the shape it must have, those that a model's settings fix in place of the
//! client's. Collects the names of those that have no counterpart. Knows none of them by name.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::chat::{ChatRequest, InvalidRequest};
use crate::gateway::dialect::Unwritten;

/// More names than this help nobody, and they are to fit a header.
const MAX_DROPPED: usize = 16;

const MAX_NAME_LENGTH: usize = 64;

/// A chat request, and the fields that stand in place of its own.
pub(super) struct Fields<'a> {
    fixed: &'a [(&'a str, Value)],
    request: &'a ChatRequest,
}

impl<'a> Fields<'a> {
    pub(super) fn new(fixed: &'a [(&'a str, Value)], request: &'a ChatRequest) -> Self {
        Self { fixed, request }
    }

    /// A field; `None` where it is not there or null, and an error that names it where it has another shape.
    pub(super) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Unwritten> {
        let read = match self.fixed.iter().find(|(fixed, _)| *fixed == name) {
            Some((_, value)) => serde_path_to_error::deserialize::<_, Option<T>>(value.clone()),
            None => {
                let Some(raw) = self.request.field(name) else { return Ok(None) };
                serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(raw.get()))
            }
        };
        read.map_err(|error| {
            let path = error.path().to_string();
            let param = match path.as_str() {
                "." => name.to_owned(),
                path if path.starts_with('[') => format!("{name}{path}"),
                path => format!("{name}.{path}"),
            };
            invalid(&param, error.inner())
        })
    }

    /// The names of all fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let fixed = self.fixed.iter().map(|(name, _)| *name);
        self.request.field_names().chain(fixed)
    }
}

/// The request is wrong at this place.
pub(super) fn invalid(param: &str, why: impl std::fmt::Display) -> Unwritten {
    Unwritten::Invalid(InvalidRequest { message: format!("{param}: {why}"), param: Some(param.to_owned()) })
}

/// Names of what was left out, each once.
#[derive(Debug, Default)]
pub(super) struct Dropped(Vec<String>);

impl Dropped {
    /// This was left out. Names come from the client, so what could not stand in a header is not repeated.
    pub(super) fn add(&mut self, name: &str) {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let name = if name.len() <= MAX_NAME_LENGTH && name.bytes().all(is_plain) { name } else { "other" };
        if self.0.len() < MAX_DROPPED && !self.0.iter().any(|known| known == name) {
            self.0.push(name.to_owned());
        }
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.0
    }
}
