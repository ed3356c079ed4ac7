//! A run in a file: everything that the steps still to come depend on, so that going on after a kill ends with the same weights. Written beside the file
//! and renamed into place. A checkpoint of another run is refused, saying what differs.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use safetensors::tensor::{Dtype, View};
use safetensors::{SafeTensors, serialize_to_file};
use serde::{Deserialize, Serialize};

use super::averaging::Values;
use super::error::FineTuneError;
use super::evaluate::Evaluation;
use super::parameters::Parameters;

/// The file's metadata holds the position under this name.
const POSITION: &str = "semroute.fine_tuning";
/// Raised when the meaning of the file changes.
const VERSION: u32 = 1;

/// What a run is made from; each part a hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunFingerprint {
    pub(super) options: String,
    pub(super) data: String,
    pub(super) base: String,
}

/// Where a run stands, beside its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    version: u32,
    pub(super) run: RunFingerprint,
    /// Steps taken.
    pub(super) step: usize,
    /// Epochs that are over.
    pub(super) epoch: usize,
    /// Batches of the epoch under way that are over.
    pub(super) batch: usize,
    /// The generator's state before this epoch's order was drawn ...
    pub(super) epoch_random: u64,
    /// ... and now.
    pub(super) random: u64,
    /// Sum of the losses since the last look, and of how many steps.
    pub(super) loss_sum: f64,
    pub(super) loss_steps: usize,
    /// Looks since the best one.
    pub(super) stale: usize,
    /// The best look, if there was any.
    pub(super) best: Option<Evaluation>,
    pub(super) history: Vec<Evaluation>,
}

impl Position {
    pub(super) fn begin(run: RunFingerprint, random: u64) -> Self {
        Self {
            version: VERSION,
            run,
            step: 0,
            epoch: 0,
            batch: 0,
            epoch_random: random,
            random,
            loss_sum: 0.0,
            loss_steps: 0,
            stale: 0,
            best: None,
            history: Vec::new(),
        }
    }
}

/// The numbers of a run, each in the order of the parameters.
pub(super) struct Numbers {
    pub(super) values: Values,
    pub(super) means: Values,
    pub(super) squares: Values,
    pub(super) best: Option<Values>,
    pub(super) average: Vec<Values>,
}

/// Numbers to be written, where they stand.
struct Stored<'a> {
    shape: &'a [usize],
    values: &'a [f32],
}

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.values.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        self.values.len() * 4
    }
}

/// What of a run goes into the file, borrowed.
pub(super) struct Snapshot<'a> {
    pub(super) position: &'a Position,
    pub(super) parameters: &'a Parameters,
    pub(super) means: &'a Values,
    pub(super) squares: &'a Values,
    pub(super) best: Option<&'a Values>,
    pub(super) average: &'a [Values],
}

impl Snapshot<'_> {
    /// Writes the file anew as one step.
    pub(super) fn write(&self, path: &Path) -> Result<(), FineTuneError> {
        let failed = |message: String| FineTuneError::Checkpoint { path: path.display().to_string(), message };
        let position = serde_json::to_string(self.position).map_err(|error| failed(error.to_string()))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let io = |error: std::io::Error| failed(error.to_string());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // safetensors writes a file of hundreds of megabytes under a name of chance, and a killed run leaves it: in a folder of one name the next write finds it.
        let fresh = folder.join(format!(".{name}.fresh"));
        let sweep = || match std::fs::remove_dir_all(&fresh) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(error)),
            _ => Ok(()),
        };
        sweep()?;
        std::fs::create_dir_all(&fresh).map_err(io)?;
        let metadata = HashMap::from([(POSITION.to_owned(), position)]);
        let whole = fresh.join("whole");
        let written = serialize_to_file(self.tensors(), Some(metadata), &whole)
            .map_err(|error| failed(error.to_string()))
            .and_then(|()| File::open(&whole).and_then(|file| file.sync_all()).map_err(io))
            .and_then(|()| std::fs::rename(&whole, path).map_err(io));
        written.and(sweep())
    }

    fn tensors(&self) -> Vec<(String, Stored<'_>)> {
        let own = self.parameters.all.iter().map(|one| &one.values);
        let mut all: Vec<(String, Stored<'_>)> = named(self.parameters, "value", own).collect();
        all.extend(named(self.parameters, "mean", self.means.iter()));
        all.extend(named(self.parameters, "square", self.squares.iter()));
        if let Some(best) = self.best {
            all.extend(named(self.parameters, "best", best.iter()));
        }
        for (at, point) in self.average.iter().enumerate() {
            all.extend(named(self.parameters, &format!("average{at}"), point.iter()));
        }
        all
    }
}

fn named<'a>(
    parameters: &'a Parameters,
    what: &str,
    values: impl Iterator<Item = &'a Vec<f32>>,
) -> impl Iterator<Item = (String, Stored<'a>)> {
    let what = what.to_owned();
    let of_one = parameters.all.iter().zip(values);
    of_one.map(move |(one, values)| (format!("{what}.{}", one.name), Stored { shape: &one.shape, values }))
}

/// Reads a file that this run wrote; `None` where there is none.
pub(super) fn read(
    path: &Path,
    run: &RunFingerprint,
    parameters: &Parameters,
) -> Result<Option<(Position, Numbers)>, FineTuneError> {
    let failed = |message: String| FineTuneError::Checkpoint { path: path.display().to_string(), message };
    let broken = |what: String| failed(format!("{what}; the file is damaged: delete it to begin anew"));
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| broken(error.to_string()))?;
    let text = header.metadata().as_ref().and_then(|metadata| metadata.get(POSITION));
    let text = text.ok_or_else(|| failed("it is no checkpoint of fine-tuning; choose another file".into()))?;
    let position: Position = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
    let differs = [
        ("the version of its format", position.version == VERSION),
        ("the options", position.run.options == run.options),
        ("the rows", position.run.data == run.data),
        ("the base model", position.run.base == run.base),
    ];
    if let Some((what, _)) = differs.into_iter().find(|(_, same)| !same) {
        return Err(FineTuneError::OtherRun { path: path.display().to_string(), what });
    }
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| broken(error.to_string()))?;
    let read = |what: &str| -> Result<Values, FineTuneError> {
        let of_one = |one: &super::parameters::Parameter| {
            let name = format!("{what}.{}", one.name);
            let tensor = tensors.tensor(&name).map_err(|error| broken(format!("{name}: {error}")))?;
            let numbers = tensor.data().chunks_exact(4).map(|x| f32::from_le_bytes([x[0], x[1], x[2], x[3]]));
            let numbers: Vec<f32> = numbers.collect();
            if numbers.len() != one.values.len() {
                return Err(broken(format!(
                    "{name}: {} numbers where {} are expected",
                    numbers.len(),
                    one.values.len()
                )));
            }
            Ok(numbers)
        };
        parameters.all.iter().map(of_one).collect()
    };
    let has =
        |what: &str| parameters.all.first().is_some_and(|one| tensors.tensor(&format!("{what}.{}", one.name)).is_ok());
    let mut average = Vec::new();
    while has(&format!("average{}", average.len())) {
        average.push(read(&format!("average{}", average.len()))?);
    }
    let best = if has("best") { Some(read("best")?) } else { None };
    let numbers = Numbers { values: read("value")?, means: read("mean")?, squares: read("square")?, best, average };
    Ok(Some((position, numbers)))
}
