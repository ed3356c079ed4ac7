//! How hard a prompt looks, learnt from openly licensed outcomes of many models: linear scores over surface counts and the static
//! vector. Inside the binary; never fitted here. It depends on nobody's labels, so it serves models and routers not seen before.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ArtifactError, EmbedderRecord, Features, InputRecord, SURFACE_FEATURES, dot};

/// Raised when the meaning of the files changes.
pub const DIFFICULTY_VERSION: u32 = 1;
/// Scores: the mean quality over all models that the prior knows, then the contrasts between them that vary most.
pub const DIFFICULTY_COLUMNS: usize = 3;
/// The file of the description.
pub const DIFFICULTY_MANIFEST: &str = "difficulty.json";
/// The file of the numbers.
pub const DIFFICULTY_WEIGHTS: &str = "difficulty.safetensors";
/// Surface counts beyond this many standard deviations count as this many.
pub const MOST_SURFACE_DEVIATIONS: f32 = 3.0;

static MANIFEST: &[u8] = include_bytes!("../../models/difficulty/difficulty.json");
static WEIGHTS: &[u8] = include_bytes!("../../models/difficulty/difficulty.safetensors");

/// `difficulty.json`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DifficultyManifest {
    /// [`DIFFICULTY_VERSION`] of the writer.
    pub version: u32,
    /// Version of the prompt reader that fitting used.
    pub prompt_reader_version: u32,
    /// Whose vector is read.
    pub embedder: EmbedderRecord,
    /// blake3 of the numbers: what artifacts remember the prior by.
    pub weights_blake3: String,
    /// Each input: file name, rows learnt from, blake3 of its bytes.
    pub inputs: Vec<InputRecord>,
    /// Files whose prompts were kept out, so that figures measured on them stay honest.
    pub withheld: Vec<InputRecord>,
    /// What was counted and measured.
    pub metrics: BTreeMap<String, Value>,
}

/// The fitted part.
#[derive(Debug, Clone, PartialEq)]
pub struct DifficultyPrior {
    /// Fingerprint of the embedder whose vector is read.
    pub embedder: String,
    /// blake3 of the numbers.
    pub fingerprint: String,
    /// Mean of each surface count.
    pub surface_mean: Vec<f32>,
    /// What a surface count is multiplied with after its mean is taken off.
    pub surface_scale: Vec<f32>,
    /// `DIFFICULTY_COLUMNS * (surface + dims)`, a score's together.
    pub weights: Vec<f32>,
    /// One for each score.
    pub intercepts: Vec<f32>,
}

impl DifficultyPrior {
    /// The scores of one prompt: expected mean quality, then contrasts.
    pub fn scores(&self, surface: &[f32; SURFACE_FEATURES], vector: &[f32]) -> [f32; DIFFICULTY_COLUMNS] {
        let standardised =
            surface.iter().zip(&self.surface_mean).zip(&self.surface_scale).map(|((x, mean), scale)| {
                ((x - mean) * scale).clamp(-MOST_SURFACE_DEVIATIONS, MOST_SURFACE_DEVIATIONS)
            });
        let columns: Vec<f32> = standardised.chain(vector.iter().copied()).collect();
        let mut scores = [0.0; DIFFICULTY_COLUMNS];
        let of_score = self.weights.chunks_exact(columns.len()).zip(&self.intercepts);
        for (score, (weights, intercept)) in scores.iter_mut().zip(of_score) {
            *score = intercept + dot(weights, &columns);
        }
        scores
    }

    /// The numbers as safetensors.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let dims = self.weights.len() / DIFFICULTY_COLUMNS;
        let bytes = |numbers: &[f32]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let stored = [
            ("intercepts", vec![DIFFICULTY_COLUMNS], bytes(&self.intercepts)),
            ("surface.mean", vec![SURFACE_FEATURES], bytes(&self.surface_mean)),
            ("surface.scale", vec![SURFACE_FEATURES], bytes(&self.surface_scale)),
            ("weights", vec![DIFFICULTY_COLUMNS, dims], bytes(&self.weights)),
        ];
        let views = stored
            .iter()
            .map(|(name, shape, bytes)| TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (*name, view)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string())?;
        serialize(views, None).map_err(|error| error.to_string())
    }

    fn from_bytes(manifest: &DifficultyManifest, weights: &[u8]) -> Result<Self, String> {
        let tensors = SafeTensors::deserialize(weights).map_err(|error| error.to_string())?;
        let tensor = |name: &str, shape: &[usize]| super::weights::tensor(&tensors, name, shape);
        Ok(Self {
            embedder: manifest.embedder.fingerprint.clone(),
            fingerprint: manifest.weights_blake3.clone(),
            surface_mean: tensor("surface.mean", &[SURFACE_FEATURES])?,
            surface_scale: tensor("surface.scale", &[SURFACE_FEATURES])?,
            weights: tensor("weights", &[DIFFICULTY_COLUMNS, SURFACE_FEATURES + manifest.embedder.dims])?,
            intercepts: tensor("intercepts", &[DIFFICULTY_COLUMNS])?,
        })
    }
}

/// A prior in an artifact.
#[derive(Debug, Clone, PartialEq)]
pub struct DifficultyReader {
    /// The prior.
    pub prior: Arc<DifficultyPrior>,
    /// Index of its embedder in the artifact.
    pub embedder: usize,
}

impl DifficultyReader {
    /// The built-in prior among an artifact's embedders; `None` where its embedder is not among them.
    pub fn among(embedders: &[EmbedderRecord], reader_version: u32) -> Result<Option<Self>, ArtifactError> {
        let prior = builtin_difficulty(reader_version)?;
        let embedder = embedders.iter().position(|record| record.fingerprint == prior.embedder);
        Ok(embedder.map(|embedder| Self { prior, embedder }))
    }

    /// The scores of one prompt; `None` where its vector is missing.
    pub fn scores(&self, features: &Features) -> Option<[f32; DIFFICULTY_COLUMNS]> {
        Some(self.prior.scores(&features.surface, features.vector(self.embedder)?))
    }
}

/// The built-in prior, read on first use and shared afterwards.
pub fn builtin_difficulty(reader_version: u32) -> Result<Arc<DifficultyPrior>, ArtifactError> {
    static LOADED: OnceLock<Arc<DifficultyPrior>> = OnceLock::new();
    if let Some(loaded) = LOADED.get() {
        return Ok(Arc::clone(loaded));
    }
    let path = format!("builtin/{DIFFICULTY_MANIFEST}");
    let manifest_error = |message: String| ArtifactError::Manifest { path: path.clone(), message };
    let manifest: DifficultyManifest =
        serde_json::from_slice(MANIFEST).map_err(|error| manifest_error(error.to_string()))?;
    let hash = blake3::hash(WEIGHTS).to_hex().to_string();
    for (what, found, expected) in [
        ("version", manifest.version.to_string(), DIFFICULTY_VERSION.to_string()),
        ("prompt_reader_version", manifest.prompt_reader_version.to_string(), reader_version.to_string()),
        ("weights_blake3", manifest.weights_blake3.clone(), hash),
    ] {
        if found != expected {
            let remedy = "run training/rebuild.py difficulty and build again";
            return Err(ArtifactError::Mismatch { path, what: what.into(), found, expected, remedy });
        }
    }
    let prior = DifficultyPrior::from_bytes(&manifest, WEIGHTS)
        .map_err(|message| ArtifactError::Weights { path: format!("builtin/{DIFFICULTY_WEIGHTS}"), message })?;
    let loaded = Arc::new(prior);
    Ok(Arc::clone(LOADED.get_or_init(|| loaded)))
}

/// Writes the two files of a prior. The description comes last: a prior is only complete with it.
pub fn write_difficulty(
    folder: &Path,
    mut manifest: DifficultyManifest,
    prior: &DifficultyPrior,
) -> Result<DifficultyManifest, ArtifactError> {
    let path = |file: &str| folder.join(file).display().to_string();
    let weights =
        prior.to_bytes().map_err(|message| ArtifactError::Weights { path: path(DIFFICULTY_WEIGHTS), message })?;
    manifest.weights_blake3 = blake3::hash(&weights).to_hex().to_string();
    let mut json = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| ArtifactError::Manifest { path: path(DIFFICULTY_MANIFEST), message: error.to_string() })?;
    json.push(b'\n');
    std::fs::create_dir_all(folder).map_err(|cause| ArtifactError::Io { path: folder.display().to_string(), cause })?;
    for (file, bytes) in [(DIFFICULTY_WEIGHTS, &weights), (DIFFICULTY_MANIFEST, &json)] {
        std::fs::write(folder.join(file), bytes).map_err(|cause| ArtifactError::Io { path: path(file), cause })?;
    }
    Ok(manifest)
}

/// How hard, 0 to 1: the mean failure that the scores expect.
pub fn difficulty_of(scores: &[f32; DIFFICULTY_COLUMNS]) -> f64 {
    (1.0 - f64::from(scores[0])).clamp(0.0, 1.0)
}
