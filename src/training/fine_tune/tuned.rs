//! What fine-tuning ends with: a network that says things of texts, and its encoder as a file that any reader of such folders opens.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use half::f16;
use safetensors::serialize;
use safetensors::tensor::{Dtype, View};

use super::error::FineTuneError;
use super::evaluate::{Evaluation, say_all};
use super::network::{Network, Said};
use super::parameters::{Group, Parameter};
use super::rows::FineTuneRow;
use crate::embedder::TrainableEncoder;
use crate::training::NetworkHead;

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

    /// A head (`task`, `complexity` or `quality`) as an artifact takes it, over vectors of unit length; `None` where the network has none of that name.
    pub fn head(&self, name: &str, labels: Vec<String>) -> Option<NetworkHead> {
        let all = &self.network.parameters.all;
        let at = all.iter().position(|one| one.name == format!("heads.{name}.weight"))?;
        let root = (*all[at].shape.last()? as f32).sqrt();
        let weights = all[at].values.iter().map(|x| x * root).collect();
        Some(NetworkHead { labels, weights, intercepts: all[at + 1].values.clone() })
    }

    /// Writes the encoder as a model folder beside what its base says of tokens and pooling. Texts beyond `max_tokens` will be cut from both ends, as the rows were.
    ///
    /// # Errors
    /// Names the file or folder, where the file system refuses it.
    pub fn write_folder(&self, base: &Path, out: &Path, max_tokens: usize) -> Result<(), FineTuneError> {
        let failed = |error: std::io::Error| FineTuneError::Weights {
            path: out.display().to_string(),
            message: error.to_string(),
        };
        std::fs::create_dir(out).map_err(failed)?;
        TrainableEncoder::open(base)?.write_small_files(out, max_tokens)?;
        self.write_weights(&out.join("model.safetensors"))
    }

    /// Writes the encoder's weights, without heads, as numbers of 16 bits under their published names.
    ///
    /// # Errors
    /// Names the file, where the file system refuses it.
    pub(super) fn write_weights(&self, path: &Path) -> Result<(), FineTuneError> {
        let encoder = self.network.parameters.all.iter().filter(|one| one.group == Group::Encoder);
        let tensors = encoder.map(|one| (one.name.as_str(), Half(one)));
        let failed = |message: String| FineTuneError::Weights { path: path.display().to_string(), message };
        // In memory first: what writes straight to a file makes one that nobody else may read.
        let bytes = serialize(tensors, None).map_err(|error| failed(error.to_string()))?;
        let written = File::create(path).and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()));
        written.map_err(|error| failed(error.to_string()))
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
