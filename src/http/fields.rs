//! The fields of a JSON object on their way in: each is read in the shape it must have, and an error names its place in the request. What
//! nobody reads stays as it was written. Knows none of them by name.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::ApiError;

/// An object of the request, and where in it. Values are borrowed from its text.
pub(super) struct Fields<'a> {
    path: String,
    fields: BTreeMap<String, &'a RawValue>,
}

impl<'a> Fields<'a> {
    /// Reads a whole body.
    pub(super) fn of_body(body: &'a [u8]) -> Result<Self, ApiError> {
        let fields = serde_json::from_slice(body).map_err(|error| {
            let expected = if error.is_data() { "must be a JSON object" } else { "is not valid JSON" };
            ApiError::invalid(format!("the request body {expected}: {error}"), None)
        })?;
        Ok(Self { path: String::new(), fields })
    }

    /// Reads an object that stands at `path`.
    pub(super) fn read(path: &str, object: &'a RawValue) -> Result<Self, ApiError> {
        Ok(Self { path: path.to_owned(), fields: read(path, object)? })
    }

    /// The path of a field.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A field as it was written; `None` where it is not there or null.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.get(name).copied().filter(|value| value.get() != "null")
    }

    /// A field; `None` where it is not there or null.
    pub(super) fn get<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, ApiError> {
        self.raw(name).map(|value| read(&self.path(name), value)).transpose()
    }

    /// A field that has to be there.
    pub(super) fn need<T: Deserialize<'a>>(&self, name: &str) -> Result<T, ApiError> {
        self.get(name)?.ok_or_else(|| self.refuse(name, "missing"))
    }

    /// The elements of a list, each with its path; none where the field is not there or null.
    pub(super) fn list(&self, name: &str) -> Result<Vec<(String, &'a RawValue)>, ApiError> {
        let items: Vec<&RawValue> = self.get(name)?.unwrap_or_default();
        let path = self.path(name);
        Ok(items.into_iter().enumerate().map(|(index, item)| (format!("{path}[{index}]"), item)).collect())
    }

    /// An error about a field.
    pub(super) fn refuse(&self, name: &str, why: impl std::fmt::Display) -> ApiError {
        refuse(&self.path(name), why)
    }

    /// Every field that says something, as it was written.
    pub(super) fn into_said(self) -> impl Iterator<Item = (String, &'a RawValue)> {
        self.fields.into_iter().filter(|(_, value)| value.get() != "null")
    }
}

/// The request is wrong at this place.
pub(super) fn refuse(path: &str, why: impl std::fmt::Display) -> ApiError {
    ApiError::invalid(format!("{path}: {why}"), Some(path))
}

/// What stands at `path`, in the shape it must have.
pub(super) fn read<'a, T: Deserialize<'a>>(path: &str, value: &'a RawValue) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_str(value.get());
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let inside = error.path().to_string();
        let place = match inside.as_str() {
            "." => path.to_owned(),
            inside if inside.starts_with('[') => format!("{path}{inside}"),
            inside => format!("{path}.{inside}"),
        };
        refuse(&place, error.inner())
    })
}
