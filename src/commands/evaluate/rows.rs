//! The rows of all files with the words that are classified. A bad row is named by file and line.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::super::{UsageError, parts};
use super::EvaluateOptions;
use crate::dataset::{DatasetError, JsonLines, LabelFields, LabelRow, OutcomeRow, PromptRow, PromptSource};
use crate::prompt;

/// Fields of a row by which figures are sliced.
pub(super) const SLICE_FIELDS: [&str; 2] = ["language", "source"];

/// Values of [`SLICE_FIELDS`], where a row has them.
type SliceValues = [Option<String>; 2];

/// One row of a label file.
pub(super) struct TextLabels {
    pub(super) text: String,
    pub(super) task: Option<String>,
    pub(super) complexity: Option<String>,
    pub(super) slices: SliceValues,
    pub(super) file: String,
    pub(super) line: usize,
}

/// One row of an outcome file.
pub(super) struct TextOutcomes {
    pub(super) text: String,
    pub(super) row: OutcomeRow,
}

/// Everything that was read.
pub(super) struct InputRows {
    pub(super) labels: Vec<TextLabels>,
    pub(super) outcomes: Vec<TextOutcomes>,
    pub(super) baseline_labels: Vec<TextLabels>,
    pub(super) baseline_outcomes: Vec<TextOutcomes>,
}

impl InputRows {
    pub(super) fn read(options: &EvaluateOptions) -> anyhow::Result<Self> {
        let mut baseline_labels = Vec::new();
        let mut baseline_outcomes = Vec::new();
        for path in &options.baseline {
            if holds_outcomes(path)? {
                baseline_outcomes.extend(read_outcomes(std::slice::from_ref(path))?);
            } else {
                baseline_labels.extend(read_labels(std::slice::from_ref(path), &options.label_field)?);
            }
        }
        Ok(Self {
            labels: read_labels(&options.labels, &options.label_field)?,
            outcomes: read_outcomes(&options.outcomes)?,
            baseline_labels,
            baseline_outcomes,
        })
    }

    /// The words of all rows that are classified: labels, then outcomes.
    pub(super) fn texts(&self) -> Vec<&str> {
        let labels = self.labels.iter().map(|row| row.text.as_str());
        labels.chain(self.outcomes.iter().map(|row| row.text.as_str())).collect()
    }
}

/// Bad rows are wrong input.
pub(super) fn usage(error: &DatasetError) -> UsageError {
    UsageError(error.to_string())
}

fn read_labels(paths: &[PathBuf], field: &str) -> anyhow::Result<Vec<TextLabels>> {
    let fields = LabelFields { task: field.to_owned(), ..LabelFields::default() };
    let complexity_alone = fields.task == fields.complexity;
    let mut rows = Vec::new();
    let mut found = false;
    for path in paths {
        let slices = read_slices(path)?;
        for row in LabelRow::read_file(path, &fields).map_err(|error| usage(&error))? {
            let line = row.prompt.line;
            found |= row.task.is_some();
            let at = slices.binary_search_by_key(&line, |(line, _)| *line);
            rows.push(TextLabels {
                text: words(path, &row.prompt)?,
                task: row.task.filter(|_| !complexity_alone),
                complexity: row.complexity,
                slices: at.ok().and_then(|at| slices.get(at)).map(|(_, values)| values.clone()).unwrap_or_default(),
                file: path.display().to_string(),
                line,
            });
        }
    }
    if !paths.is_empty() {
        parts::check_label_field(field, found)?;
    }
    Ok(rows)
}

fn read_outcomes(paths: &[PathBuf]) -> anyhow::Result<Vec<TextOutcomes>> {
    let mut rows = Vec::new();
    for path in paths {
        for row in OutcomeRow::read_file(path).map_err(|error| usage(&error))? {
            rows.push(TextOutcomes { text: words(path, &row.prompt)?, row });
        }
    }
    Ok(rows)
}

fn read_slices(path: &Path) -> Result<Vec<(usize, SliceValues)>, UsageError> {
    let lines = JsonLines::open(path).map_err(|error| usage(&error))?;
    lines
        .map(|line| {
            let (line, object) = line.map_err(|error| usage(&error))?;
            let value = |field: &str| object.get(field).and_then(|value| value.as_str()).map(str::to_owned);
            Ok((line, SLICE_FIELDS.map(value)))
        })
        .collect()
}

/// Whether the first row of a file has scores.
fn holds_outcomes(path: &Path) -> Result<bool, UsageError> {
    let first = JsonLines::open(path).map_err(|error| usage(&error))?.next();
    match first {
        None => Ok(false),
        Some(row) => row.map(|(_, object)| object.contains_key("scores")).map_err(|error| usage(&error)),
    }
}

fn words(path: &Path, row: &PromptRow) -> Result<String, UsageError> {
    match &row.source {
        PromptSource::Text(text) => Ok(text.clone()),
        PromptSource::Conversation(request) => {
            prompt::words_of(request.messages()).map(Cow::into_owned).ok_or_else(|| {
                UsageError(format!("{}:{}: no user message of \"messages\" holds any text", path.display(), row.line))
            })
        }
    }
}
