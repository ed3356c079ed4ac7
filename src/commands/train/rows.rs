//! Reads the files of a training: each row with the words that are classified, each file with its hash for the card.

use std::path::Path;

use anyhow::Context;

use super::TrainCommand;
use crate::classifier::InputRecord;
use crate::commands::{UsageError, parts};
use crate::dataset::{DatasetError, LabelFields, LabelRow, OutcomeRow, PromptRow, PromptSource};
use crate::prompt;

/// Everything that is trained on.
pub(super) struct TrainingRows {
    pub(super) labels: RowsOf<LabelRow>,
    pub(super) outcomes: RowsOf<OutcomeRow>,
}

/// Rows of one kind with their words, and the files they stood in.
pub(super) struct RowsOf<T> {
    pub(super) rows: Vec<(T, String)>,
    pub(super) inputs: Vec<InputRecord>,
}

impl TrainingRows {
    pub(super) fn read(command: &TrainCommand) -> anyhow::Result<Self> {
        if command.labels.is_empty() && command.outcomes.is_empty() {
            return Err(UsageError("nothing to train on: give --labels FILE, --outcomes FILE, or both".into()).into());
        }
        let fields = LabelFields { task: command.label_field.clone(), ..LabelFields::default() };
        let labels = read(&command.labels, "labels", |path| LabelRow::read_file(path, &fields), |row| &row.prompt)?;
        let outcomes = read(&command.outcomes, "outcomes", OutcomeRow::read_file, |row| &row.prompt)?;
        if !labels.rows.is_empty() {
            parts::check_label_field(&command.label_field, labels.rows.iter().any(|(row, _)| row.task.is_some()))?;
        }
        Ok(Self { labels, outcomes })
    }
}

fn read<T>(
    paths: &[std::path::PathBuf],
    kind: &str,
    read_file: impl Fn(&Path) -> Result<Vec<T>, DatasetError>,
    prompt_of: impl Fn(&T) -> &PromptRow,
) -> anyhow::Result<RowsOf<T>> {
    let mut all = RowsOf { rows: Vec::new(), inputs: Vec::new() };
    for path in paths {
        let rows = read_file(path).map_err(|error| UsageError(error.to_string()))?;
        all.inputs.push(input_record(path, kind, rows.len())?);
        for row in rows {
            let words = words(path, prompt_of(&row))?;
            all.rows.push((row, words));
        }
    }
    Ok(all)
}

/// The words that are classified.
fn words(path: &Path, row: &PromptRow) -> Result<String, UsageError> {
    match &row.source {
        PromptSource::Text(text) => Ok(text.clone()),
        PromptSource::Conversation(request) => {
            prompt::words_of(request.messages()).map(std::borrow::Cow::into_owned).ok_or_else(|| {
                let place = format!("{}:{}", path.display(), row.line);
                UsageError(format!("{place}: messages: no user message holds any text"))
            })
        }
    }
}

fn input_record(path: &Path, kind: &str, rows: usize) -> anyhow::Result<InputRecord> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(InputRecord {
        file: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        kind: kind.into(),
        rows,
        blake3: blake3::hash(&bytes).to_hex().to_string(),
    })
}
