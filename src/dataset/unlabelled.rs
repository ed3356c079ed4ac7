//! Prompts that nobody labelled, one at a time however many there are: `{"prompt"}`, `{"messages"}`, or `{"text"}` as plain collections name it.

use std::path::Path;

use serde_json::Value;

use super::{DatasetError, JsonLines, PromptRow};

/// The prompts of a file as a stream.
pub struct UnlabelledPrompts {
    lines: JsonLines,
    found: bool,
    ended: bool,
}

impl UnlabelledPrompts {
    /// Opens a file.
    ///
    /// # Errors
    /// Where the file system says no.
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        Ok(Self { lines: JsonLines::open(path)?, found: false, ended: false })
    }
}

impl Iterator for UnlabelledPrompts {
    type Item = Result<PromptRow, DatasetError>;

    /// The next row, or what is wrong with it; a file without rows is an error too.
    fn next(&mut self) -> Option<Self::Item> {
        let Some(next) = self.lines.next() else {
            let is_empty = !self.found && !self.ended;
            self.ended = true;
            return is_empty.then(|| Err(self.lines.empty_error()));
        };
        self.found = true;
        Some(next.and_then(|(line, mut object)| {
            if !object.contains_key("prompt")
                && !object.contains_key("messages")
                && let Some(text @ Value::String(_)) = object.remove("text")
            {
                object.insert("prompt".into(), text);
            }
            PromptRow::from_object(line, &object).map_err(|message| self.lines.row_error(line, message))
        }))
    }
}
