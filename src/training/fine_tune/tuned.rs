//! What fine-tuning ends with: a network that says things of texts, and its encoder as a file that any reader of such folders opens.

use std::borrow::Cow;
use std::path::Path;

use half::f16;
use safetensors::serialize_to_file;
use safetensors::tensor::{Dtype, View};

use super::error::FineTuneError;
use super::evaluate::{Evaluation, say_all};
use super::network::{Network, Said};
use super::parameters::{Group, Parameter};
use super::rows::FineTuneRow;

/// A fine-tuned network.
pub struct FineTuned {
    pub(super) network: Network,
    /// The look that its weights are from.
    pub best: Option<Evaluation>,
    /// Every look.
    pub history: Vec<Evaluation>,
}

impl FineTuned {
    /// What it says of some texts, in their order.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn say(&self, rows: &[FineTuneRow]) -> Result<Vec<Said>, FineTuneError> {
        say_all(&self.network, rows)
    }

    /// Weights and bias of the task head by rows, tasks x hidden and tasks; `None` without one.
    pub fn task_head(&self) -> Option<(&[f32], &[f32])> {
        let all = &self.network.parameters.all;
        let at = all.iter().position(|one| one.name == "heads.task.weight")?;
        Some((&all[at].values, &all[at + 1].values))
    }

    /// Writes the encoder's weights, without heads, as numbers of 16 bits under their published names.
    ///
    /// # Errors
    /// Names the file, where the file system refuses it.
    pub fn write_weights(&self, path: &Path) -> Result<(), FineTuneError> {
        let encoder = self.network.parameters.all.iter().filter(|one| one.group == Group::Encoder);
        let tensors = encoder.map(|one| (one.name.as_str(), Half(one)));
        let failed = |message: String| FineTuneError::Weights { path: path.display().to_string(), message };
        serialize_to_file(tensors, None, path).map_err(|error| failed(error.to_string()))?;
        let file = std::fs::File::open(path).and_then(|file| file.sync_all());
        file.map_err(|error| failed(error.to_string()))
    }
}

struct Half<'a>(&'a Parameter);

impl View for Half<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F16
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.0.values.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        self.0.values.len() * 2
    }
}
