//! One JSON object a line, read as a stream. Blank lines are skipped; everything else must parse.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::{Map, Value};

use super::DatasetError;

/// The longest line that is read, so that a file without newlines cannot fill the memory.
pub const MAX_LINE_BYTES: usize = 16 << 20;

/// Iterator over a file's objects with their line numbers.
pub struct JsonLines {
    path: String,
    reader: BufReader<File>,
    line: usize,
    buffer: Vec<u8>,
}

impl JsonLines {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|cause| DatasetError::Io { path: name.clone(), cause })?;
        Ok(Self { path: name, reader: BufReader::new(file), line: 0, buffer: Vec::new() })
    }

    /// The error for a row of this file.
    pub fn row_error(&self, line: usize, message: impl Into<String>) -> DatasetError {
        DatasetError::Row { path: self.path.clone(), line, message: message.into() }
    }

    /// The error for a file without rows.
    pub fn empty_error(&self) -> DatasetError {
        DatasetError::Empty { path: self.path.clone() }
    }

    fn read_line(&mut self) -> Result<Option<()>, DatasetError> {
        self.buffer.clear();
        let limit = MAX_LINE_BYTES as u64 + 1;
        let read = (&mut self.reader)
            .take(limit)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|cause| DatasetError::Io { path: self.path.clone(), cause })?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        if read as u64 == limit {
            return Err(self.row_error(self.line, format!("the line is longer than {MAX_LINE_BYTES} bytes")));
        }
        Ok(Some(()))
    }

    fn parse_line(&self) -> Result<Map<String, Value>, DatasetError> {
        let text = std::str::from_utf8(&self.buffer)
            .map_err(|error| self.row_error(self.line, format!("not UTF-8 at byte {}", error.valid_up_to())))?;
        match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => {
                Err(self.row_error(self.line, "expected a JSON object, as in {\"id\": \"1\", \"prompt\": \"...\"}"))
            }
            Err(error) => {
                let column = error.column();
                let text = error.to_string();
                let cause = text.split(" at line ").next().unwrap_or_default();
                Err(self.row_error(self.line, format!("not valid JSON: {cause} (column {column})")))
            }
        }
    }
}

impl Iterator for JsonLines {
    type Item = Result<(usize, Map<String, Value>), DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read_line() {
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
                Ok(Some(())) if self.buffer.trim_ascii().is_empty() => {}
                Ok(Some(())) => return Some(self.parse_line().map(|object| (self.line, object))),
            }
        }
    }
}
