//! The fields of a chat request on their way out: each is read in the shape it must have, those that a model's settings fix in place of the
//! client's. Knows none of them by name but the cap on the answer, which has two.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::chat::{ChatRequest, InvalidRequest, Origin};
use crate::gateway::dialect::Unwritten;

pub(super) use crate::gateway::dropped::Dropped;

/// The names of the cap on the answer, the newer first: one field to whoever fixes it.
const CAPS: [&str; 2] = ["max_completion_tokens", "max_tokens"];

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
        read.map_err(|error| misshapen(name, &error))
    }

    /// The cap on the answer, in tokens, by either of its names. Where a model's settings fix one, the client's is of no account.
    pub(super) fn max_tokens(&self) -> Result<Option<u32>, Unwritten> {
        let is_set = CAPS.iter().any(|name| self.is_fixed(name));
        for name in CAPS.into_iter().filter(|name| !is_set || self.is_fixed(name)) {
            if let Some(cap) = self.read(name)? {
                return Ok(Some(cap));
            }
        }
        Ok(None)
    }

    /// The names of the client's fields, in the order of the text.
    pub(super) fn clients_names(&self) -> impl Iterator<Item = &str> {
        self.request.field_names()
    }

    /// The names of the fields that a model's settings fix.
    pub(super) fn fixed_names(&self) -> impl Iterator<Item = &str> {
        self.fixed.iter().map(|(name, _)| *name)
    }

    /// The names of all fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.clients_names().chain(self.fixed_names())
    }

    /// Whether a model's settings fix this field.
    pub(super) fn is_fixed(&self, name: &str) -> bool {
        self.fixed_names().any(|fixed| fixed == name)
    }

    /// Whether the client spoke this very API, so that what a chat has no word for is meant for it.
    pub(super) fn are_of_messages(&self) -> bool {
        self.request.origin() == Origin::Messages
    }
}

/// The name of the client's cap that does not go out because a model's settings fix the other: the two are one field.
pub(super) fn outdone_cap(fixed: &[(&str, Value)]) -> Option<&'static str> {
    let is_fixed = |name: &str| fixed.iter().any(|(fixed, _)| *fixed == name);
    match CAPS.map(is_fixed) {
        [true, false] => Some("max_tokens"),
        [false, true] => Some("max_completion_tokens"),
        _ => None,
    }
}

/// A field, or a place in it, has another shape than it must have.
pub(super) fn misshapen(name: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> Unwritten {
    let path = error.path().to_string();
    let param = match path.as_str() {
        "." => name.to_owned(),
        path if path.starts_with('[') => format!("{name}{path}"),
        path => format!("{name}.{path}"),
    };
    invalid(&param, error.inner())
}

/// The request is wrong at this place.
pub(super) fn invalid(param: &str, why: impl std::fmt::Display) -> Unwritten {
    Unwritten::Invalid(InvalidRequest { message: format!("{param}: {why}"), param: Some(param.to_owned()) })
}
