//! The rows of all files with what is read of their prompts. A bad row is named by file and line.

use std::path::{Path, PathBuf};

use super::super::material::Material;
use super::super::{UsageError, parts};
use super::EvaluateOptions;
use crate::chat::Role;
use crate::dataset::{DatasetError, JsonLines, LabelFields, LabelRow, OutcomeRow, PromptRow, PromptSource};

/// What figures are sliced by: two fields of a row, and what can be seen of any row.
pub(super) const SLICE_FIELDS: [&str; 4] = ["language", "source", "length", "turns"];

/// Values of [`SLICE_FIELDS`], where a row has them.
type SliceValues = [Option<String>; 4];

/// One row of a label file.
pub(super) struct TextLabels {
    pub(super) material: Material,
    pub(super) task: Option<String>,
    pub(super) complexity: Option<String>,
    pub(super) slices: SliceValues,
    pub(super) file: String,
    /// Index of the file.
    pub(super) batch: usize,
    pub(super) line: usize,
}

/// One row of an outcome file.
pub(super) struct TextOutcomes {
    pub(super) material: Material,
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

    /// What is read of all rows: labels, then outcomes.
    pub(super) fn materials(&self) -> Vec<&Material> {
        let labels = self.labels.iter().map(|row| &row.material);
        labels.chain(self.outcomes.iter().map(|row| &row.material)).collect()
    }

    /// The words of all rows that have them: labels, then outcomes.
    pub(super) fn texts(&self) -> Vec<&str> {
        self.materials().into_iter().filter_map(Material::words).collect()
    }

    /// How many rows have features in place of words.
    pub(super) fn without_words(&self) -> usize {
        self.materials().into_iter().filter(|material| material.words().is_none()).count()
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
    for (batch, path) in paths.iter().enumerate() {
        let slices = read_slices(path)?;
        for row in LabelRow::read_file(path, &fields).map_err(|error| usage(&error))? {
            let line = row.prompt.line;
            found |= row.task.is_some();
            let at = slices.binary_search_by_key(&line, |(line, _)| *line);
            let material = Material::read(path, &row.prompt)?;
            let [language, source] =
                at.ok().and_then(|at| slices.get(at)).map(|(_, fields)| fields.clone()).unwrap_or_default();
            rows.push(TextLabels {
                slices: [language, source, material.words().map(length_of), turns_of(&row.prompt)],
                material,
                task: row.task.filter(|_| !complexity_alone),
                complexity: row.complexity,
                file: path.display().to_string(),
                batch,
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
            rows.push(TextOutcomes { material: Material::read(path, &row.prompt)?, row });
        }
    }
    Ok(rows)
}

/// A line, and the row's own fields among [`SLICE_FIELDS`].
type LineFields = (usize, [Option<String>; 2]);

fn read_slices(path: &Path) -> Result<Vec<LineFields>, UsageError> {
    let lines = JsonLines::open(path).map_err(|error| usage(&error))?;
    lines
        .map(|line| {
            let (line, object) = line.map_err(|error| usage(&error))?;
            let value = |field: &str| object.get(field).and_then(|value| value.as_str()).map(str::to_owned);
            Ok((line, [value(SLICE_FIELDS[0]), value(SLICE_FIELDS[1])]))
        })
        .collect()
}

/// A class of length; scripts without spaces count a word for every two characters or so.
fn length_of(text: &str) -> String {
    let words = text.split_whitespace().count().max(text.chars().filter(|c| *c > '\u{2e7f}').count() / 2);
    match words {
        0..=7 => "1 to 7 words",
        8..=31 => "8 to 31 words",
        32..=127 => "32 to 127 words",
        128..=511 => "128 to 511 words",
        _ => "512 words or more",
    }
    .to_owned()
}

/// How many turns the user has had, where that is known.
fn turns_of(row: &PromptRow) -> Option<String> {
    let turns = match &row.source {
        PromptSource::Text(_) => 1,
        PromptSource::Conversation(request) => {
            request.messages().iter().filter(|message| message.role == Role::User).count()
        }
        PromptSource::Features { .. } => return None,
    };
    let class = match turns {
        0..=1 => "1 turn",
        2..=3 => "2 to 3 turns",
        _ => "4 turns or more",
    };
    Some(class.to_owned())
}

/// Whether the first row of a file has scores.
fn holds_outcomes(path: &Path) -> Result<bool, UsageError> {
    let first = JsonLines::open(path).map_err(|error| usage(&error))?.next();
    match first {
        None => Ok(false),
        Some(row) => row.map(|(_, object)| object.contains_key("scores")).map_err(|error| usage(&error)),
    }
}
