//! The fields of a body as they were written, each read in the shape it must have; what is wrong is named by its place.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::InvalidRequest;

/// A JSON object that is read field by field.
pub(super) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// Reads a body.
    pub(super) fn of(body: &'a [u8]) -> Result<Self, InvalidRequest> {
        serde_json::from_slice(body).map(Self).map_err(|error| {
            let expected = if error.is_data() { "must be a JSON object" } else { "is not valid JSON" };
            InvalidRequest { message: format!("the request body {expected}: {error}"), param: None }
        })
    }

    /// Takes a field as it was written; `None` where it is not there or null.
    pub(super) fn take_raw(&mut self, name: &str) -> Option<&'a RawValue> {
        self.0.remove(name).filter(|raw| raw.get() != "null")
    }

    /// Takes a field; `None` where it is not there or null.
    pub(super) fn take<T: Deserialize<'a>>(&mut self, name: &str) -> Result<Option<T>, InvalidRequest> {
        self.take_raw(name).map(|raw| read(raw, name)).transpose()
    }

    /// Takes a field that has to be there.
    pub(super) fn require<T: Deserialize<'a>>(&mut self, name: &str) -> Result<T, InvalidRequest> {
        self.take(name)?.ok_or_else(|| missing(name))
    }

    /// The fields that nobody took.
    pub(super) fn left(self) -> impl Iterator<Item = (String, &'a RawValue)> {
        self.0.into_iter()
    }
}

/// Reads what stands at `place` in the body.
pub(super) fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue, place: &str) -> Result<T, InvalidRequest> {
    let mut deserializer = serde_json::Deserializer::from_str(raw.get());
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let InvalidRequest { message, param } = InvalidRequest::from(&error);
        match param {
            None => wrong(place, message),
            Some(within) => {
                let why = message.strip_prefix(&format!("{within}: ")).unwrap_or(&message).to_owned();
                let separator = if within.starts_with('[') { "" } else { "." };
                wrong(&format!("{place}{separator}{within}"), why)
            }
        }
    })
}

/// Something has to be at this place.
pub(super) fn missing(place: &str) -> InvalidRequest {
    wrong(place, "field required")
}

/// This place is wrong.
pub(super) fn wrong(place: &str, why: impl Display) -> InvalidRequest {
    InvalidRequest { message: format!("{place}: {why}"), param: Some(place.to_owned()) }
}
