//! Reads the files of a training: each row with what is read of its prompt, each file with its hash for the card.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use anyhow::Context;

use super::TrainCommand;
use crate::classifier::InputRecord;
use crate::commands::material::Material;
use crate::commands::{UsageError, parts};
use crate::dataset::{DatasetError, LabelFields, LabelRow, OutcomeRow, PromptRow};

/// Contradictory rows that are named; the others are counted.
const CONTRADICTIONS_SHOWN: usize = 5;

/// Everything that is trained on.
pub(super) struct TrainingRows {
    /// Those of `--labels`, and behind them those of `--extra-labels`.
    pub(super) labels: RowsOf<LabelRow>,
    pub(super) outcomes: RowsOf<OutcomeRow>,
}

/// Rows of one kind with what is read of their prompts, and the files they stood in.
pub(super) struct RowsOf<T> {
    pub(super) rows: Vec<(T, Material)>,
    /// The file of each row: an index into `inputs`.
    pub(super) files: Vec<usize>,
    pub(super) inputs: Vec<InputRecord>,
    /// How many may be measured on; those behind them are only learnt from.
    pub(super) measurable: usize,
}

impl TrainingRows {
    pub(super) fn read(command: &TrainCommand) -> anyhow::Result<Self> {
        if command.labels.is_empty() && command.outcomes.is_empty() {
            return Err(UsageError("nothing to train on: give --labels FILE, --outcomes FILE, or both".into()).into());
        }
        let auxiliary = command.fine_tune.as_ref().and_then(|how| how.auxiliary_field.clone());
        let fields = LabelFields { task: command.label_field.clone(), auxiliary, ..LabelFields::default() };
        let read_labels = |paths: &[std::path::PathBuf], kind| {
            read(paths, kind, |path| LabelRow::read_file(path, &fields), |row: &LabelRow| &row.prompt)
        };
        let mut labels = read_labels(&command.labels, "labels")?;
        let extra = read_labels(&command.extra_labels, "extra labels")?;
        check_extra(&labels, &extra)?;
        labels.append_extra(extra);
        let outcomes = read(&command.outcomes, "outcomes", OutcomeRow::read_file, |row| &row.prompt)?;
        if !labels.rows.is_empty() {
            parts::check_label_field(&command.label_field, labels.rows.iter().any(|(row, _)| row.task.is_some()))?;
            warn_of_contradictions(&labels);
        }
        Ok(Self { labels, outcomes })
    }
}

impl<T> RowsOf<T> {
    /// Rows that nothing is measured on. Those that repeat a prompt which may be are left out: what was learnt of it there would flatter it here.
    #[expect(clippy::print_stderr, reason = "a warning of a command goes to standard error")]
    fn append_extra(&mut self, extra: Self) {
        let files = self.inputs.len();
        let own: HashSet<String> =
            self.rows.iter().filter_map(|(_, material)| material.words()).map(str::to_owned).collect();
        self.inputs.extend(extra.inputs);
        let mut repeated = 0;
        for (row, file) in extra.rows.into_iter().zip(extra.files) {
            if row.1.words().is_some_and(|words| own.contains(words)) {
                repeated += 1;
                continue;
            }
            self.rows.push(row);
            self.files.push(files + file);
        }
        if repeated > 0 {
            eprintln!("warning: {repeated} row(s) of --extra-labels repeat a prompt of --labels and are left out");
        }
    }
}

/// A label that only rows from elsewhere have could not be measured, and would be a name that nobody asked for.
fn check_extra(labels: &RowsOf<LabelRow>, extra: &RowsOf<LabelRow>) -> Result<(), UsageError> {
    type Field = (&'static str, fn(&LabelRow) -> Option<&String>);
    let fields: [Field; 2] = [("task", |row| row.task.as_ref()), ("complexity", |row| row.complexity.as_ref())];
    for (name, of_row) in fields {
        let known: BTreeSet<&String> = labels.rows.iter().filter_map(|(row, _)| of_row(row)).collect();
        for ((row, _), file) in extra.rows.iter().zip(&extra.files) {
            if let Some(label) = of_row(row).filter(|label| !known.contains(label)) {
                return Err(UsageError(format!(
                    "--extra-labels {}:{}: no row of --labels has the {name} {label:?}; rename it, leave the row out, or label rows of your own so",
                    extra.inputs[*file].file, row.prompt.line
                )));
            }
        }
    }
    Ok(())
}

/// The same words under different labels: learnt as they are, because people do disagree, but said, because it is often a slip.
#[expect(clippy::print_stderr, reason = "a warning of a command goes to standard error")]
fn warn_of_contradictions(labels: &RowsOf<LabelRow>) {
    let place = |at: usize| {
        let (row, file) = (&labels.rows[at].0, &labels.inputs[labels.files[at]].file);
        format!("{file}:{}", row.prompt.line)
    };
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut found = Vec::new();
    for (at, (row, material)) in labels.rows.iter().enumerate() {
        let Some(words) = material.words() else { continue };
        let first = *seen.entry(words).or_insert(at);
        let other = &labels.rows[first].0;
        for (field, a, b) in [("task", &other.task, &row.task), ("complexity", &other.complexity, &row.complexity)] {
            if let (Some(a), Some(b)) = (a, b)
                && a != b
            {
                found.push(format!("{} says {field} {a:?} and {} says {b:?}", place(first), place(at)));
            }
        }
    }
    if found.is_empty() {
        return;
    }
    eprintln!("warning: {} row(s) label the same prompt differently; both are learnt from", found.len());
    for contradiction in found.iter().take(CONTRADICTIONS_SHOWN) {
        eprintln!("  {contradiction}");
    }
}

fn read<T>(
    paths: &[std::path::PathBuf],
    kind: &str,
    read_file: impl Fn(&Path) -> Result<Vec<T>, DatasetError>,
    prompt_of: impl Fn(&T) -> &PromptRow,
) -> anyhow::Result<RowsOf<T>> {
    let mut all = RowsOf { rows: Vec::new(), files: Vec::new(), inputs: Vec::new(), measurable: 0 };
    for path in paths {
        let rows = read_file(path).map_err(|error| UsageError(error.to_string()))?;
        all.inputs.push(input_record(path, kind, rows.len())?);
        for row in rows {
            let material = Material::read(path, prompt_of(&row))?;
            all.rows.push((row, material));
            all.files.push(all.inputs.len() - 1);
        }
    }
    all.measurable = all.rows.len();
    Ok(all)
}

/// How the card names a file.
pub(in crate::commands) fn input_record(path: &Path, kind: &str, rows: usize) -> anyhow::Result<InputRecord> {
    let open = || blake3::Hasher::new().update_reader(std::fs::File::open(path)?).map(|hasher| hasher.finalize());
    let hash = open().with_context(|| path.display().to_string())?;
    Ok(InputRecord {
        file: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        kind: kind.into(),
        rows,
        blake3: hash.to_hex().to_string(),
    })
}
