//! The artifact folder: `router.json` and `weights.safetensors`. Written as a new folder and renamed into place; read only
//! if every version, fingerprint and hash is what this binary expects.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::Value;
use thiserror::Error;

use super::manifest::{ArtifactManifest, FORMAT_VERSION};
use super::weights::{classifier_from, weights_of};
use super::{Classifier, DifficultyReader, NGRAM_VERSION, folder};

const MANIFEST_FILE: &str = "router.json";
const WEIGHTS_FILE: &str = "weights.safetensors";
/// Where an encoder of the artifact's own lies in it.
pub const ENCODER_FOLDER: &str = "encoder";

/// Why an artifact could not be read or written.
#[derive(Debug, Error)]
pub enum ArtifactError {
    /// The file system said no.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: String,
        /// What it said.
        cause: std::io::Error,
    },
    /// `router.json` is not what it should be.
    #[error("{path}: {message}")]
    Manifest {
        /// The file.
        path: String,
        /// What is wrong and where.
        message: String,
    },
    /// Something belongs to another version or another embedder.
    #[error("{path}: {what} is {found}, but this semroute expects {expected}; {remedy}")]
    Mismatch {
        /// The artifact.
        path: String,
        /// What differs.
        what: String,
        /// The artifact's.
        found: String,
        /// Ours.
        expected: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The weights are damaged.
    #[error("{path}: {message}")]
    Weights {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// The destination exists and is not an artifact.
    #[error("{path}: exists and is not a semroute artifact (it has no {MANIFEST_FILE}); choose another folder")]
    WouldOverwrite {
        /// The destination.
        path: String,
    },
}

/// Reads an artifact folder. `reader_version` is the prompt reader's of this binary.
pub fn read_artifact(folder: &Path, reader_version: u32) -> Result<(ArtifactManifest, Classifier), ArtifactError> {
    let read = |file: &str| {
        let path = folder.join(file);
        fs::read(&path).map_err(|cause| ArtifactError::Io { path: path.display().to_string(), cause })
    };
    from_bytes(&folder.display().to_string(), &read(MANIFEST_FILE)?, &read(WEIGHTS_FILE)?, reader_version)
}

pub(super) fn from_bytes(
    origin: &str,
    manifest: &[u8],
    weights: &[u8],
    reader_version: u32,
) -> Result<(ArtifactManifest, Classifier), ArtifactError> {
    let manifest_path = format!("{origin}/{MANIFEST_FILE}");
    let manifest_error = |message: String| ArtifactError::Manifest { path: manifest_path.clone(), message };
    check_version(origin, manifest, &manifest_error)?;
    let mut deserializer = serde_json::Deserializer::from_slice(manifest);
    let bytes = manifest;
    let manifest: ArtifactManifest = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| manifest_error(format!("{}: {}", error.path(), error.inner())))?;
    for (what, found, expected) in [
        ("prompt_reader_version", manifest.prompt_reader_version, reader_version),
        ("ngram_version", manifest.ngram_version, NGRAM_VERSION),
    ] {
        if found != expected {
            return Err(ArtifactError::Mismatch {
                path: origin.into(),
                what: what.into(),
                found: found.to_string(),
                expected: expected.to_string(),
                remedy: "train it anew with this version",
            });
        }
    }
    // A folder's name is never a path: an artifact reads nothing outside of itself.
    let foreign = manifest.embedders.iter().filter_map(|record| record.folder.as_deref());
    if let Some(folder) = foreign.into_iter().find(|folder| *folder != ENCODER_FOLDER) {
        return Err(manifest_error(format!("embedders.folder: expected {ENCODER_FOLDER:?}, found {folder:?}")));
    }
    let seal = seal_of(bytes, &manifest.seal);
    if seal != manifest.seal {
        return Err(ArtifactError::Mismatch {
            path: manifest_path.clone(),
            what: "its seal".into(),
            found: seal,
            expected: manifest.seal,
            remedy: "the file was changed after it was written; restore it, or train the artifact anew",
        });
    }
    let hash = blake3::hash(weights).to_hex();
    if hash.as_str() != manifest.weights_blake3 {
        return Err(ArtifactError::Mismatch {
            path: format!("{origin}/{WEIGHTS_FILE}"),
            what: "its blake3".into(),
            found: hash.to_string(),
            expected: manifest.weights_blake3.clone(),
            remedy: "the file is damaged or from another artifact; restore both files together",
        });
    }
    let difficulty = DifficultyReader::among(&manifest.embedders, reader_version)?;
    check_difficulty(origin, &manifest, difficulty.as_ref())?;
    let classifier = classifier_from(&manifest, weights, difficulty.as_ref())
        .map_err(|message| ArtifactError::Weights { path: format!("{origin}/{WEIGHTS_FILE}"), message })?;
    Ok((manifest, classifier))
}

/// Quality heads that were fitted beside another difficulty prior would read its scores wrongly.
fn check_difficulty(
    origin: &str,
    manifest: &ArtifactManifest,
    ours: Option<&DifficultyReader>,
) -> Result<(), ArtifactError> {
    let Some(found) = manifest.quality.as_ref().and_then(|quality| quality.difficulty.clone()) else { return Ok(()) };
    let expected = ours.map_or("none: its embedder is not among the artifact's", |ours| &ours.prior.fingerprint);
    if found == expected {
        return Ok(());
    }
    Err(ArtifactError::Mismatch {
        path: origin.into(),
        what: "the difficulty prior of its quality heads".into(),
        found,
        expected: expected.into(),
        remedy: "train it anew with this version",
    })
}

/// blake3 of `router.json` with the seal's digits taken out.
fn seal_of(manifest: &[u8], seal: &str) -> String {
    let at =
        if seal.is_empty() { None } else { manifest.windows(seal.len()).position(|window| window == seal.as_bytes()) };
    let mut hasher = blake3::Hasher::new();
    match at {
        Some(at) => hasher.update(&manifest[..at]).update(&manifest[at + seal.len()..]),
        None => hasher.update(manifest),
    };
    hasher.finalize().to_hex().to_string()
}

/// The version first, so that an artifact of another format is refused by name and not by a field it lacks.
fn check_version(
    origin: &str,
    manifest: &[u8],
    manifest_error: &impl Fn(String) -> ArtifactError,
) -> Result<(), ArtifactError> {
    let value: Value = serde_json::from_slice(manifest).map_err(|error| manifest_error(error.to_string()))?;
    let found = value.get("format_version").unwrap_or(&Value::Null);
    if found.as_u64() == Some(u64::from(FORMAT_VERSION)) {
        return Ok(());
    }
    Err(ArtifactError::Mismatch {
        path: origin.into(),
        what: "format_version".into(),
        found: found.to_string(),
        expected: FORMAT_VERSION.to_string(),
        remedy: "train it anew with this version",
    })
}

/// Refuses a destination where something stands that is not an artifact; worth asking before hours of training.
pub fn check_destination(out: &Path) -> Result<(), ArtifactError> {
    if out.exists() && !out.join(MANIFEST_FILE).is_file() && !is_empty_folder(out) {
        return Err(ArtifactError::WouldOverwrite { path: out.display().to_string() });
    }
    Ok(())
}

/// Writes an artifact as a new folder beside `out` and renames it into place. An artifact that stood there is replaced;
/// anything else that stands there is refused.
pub fn write_artifact(
    out: &Path,
    manifest: ArtifactManifest,
    classifier: &Classifier,
) -> Result<ArtifactManifest, ArtifactError> {
    write_artifact_with(out, manifest, classifier, None)
}

/// As [`write_artifact`], with an encoder of its own, whose folder moves into the artifact: it must lie on the same file system.
pub fn write_artifact_with(
    out: &Path,
    mut manifest: ArtifactManifest,
    classifier: &Classifier,
    encoder: Option<&Path>,
) -> Result<ArtifactManifest, ArtifactError> {
    let io = |path: &Path, cause: std::io::Error| ArtifactError::Io { path: path.display().to_string(), cause };
    check_destination(out)?;
    let weights = weights_of(classifier)
        .map_err(|message| ArtifactError::Weights { path: out.join(WEIGHTS_FILE).display().to_string(), message })?;
    manifest.weights_blake3 = blake3::hash(&weights).to_hex().to_string();
    let to_json = |manifest: &ArtifactManifest| {
        let json = serde_json::to_vec_pretty(manifest).map_err(|error| ArtifactError::Manifest {
            path: out.join(MANIFEST_FILE).display().to_string(),
            message: error.to_string(),
        });
        json.map(|mut json| {
            json.push(b'\n');
            json
        })
    };
    manifest.seal = String::new();
    manifest.seal = seal_of(&to_json(&manifest)?, "");
    let json = to_json(&manifest)?;
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|cause| io(parent, cause))?;
    let fresh = folder::fresh(parent).map_err(|cause| io(parent, cause))?;
    for (file, bytes) in [(MANIFEST_FILE, &json), (WEIGHTS_FILE, &weights)] {
        let path = fresh.path().join(file);
        fs::File::create(&path)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .map_err(|cause| io(&path, cause))?;
    }
    if let Some(encoder) = encoder {
        fs::rename(encoder, fresh.path().join(ENCODER_FOLDER)).map_err(|cause| io(encoder, cause))?;
    }
    // An encoder belongs to the artifact that is replaced, unless this one reads it too.
    let reads_own = manifest.embedders.iter().any(|record| record.folder.is_some());
    let leaves: &[&str] = if reads_own { &[] } else { &[ENCODER_FOLDER] };
    folder::replace(fresh, out, leaves).map_err(|cause| io(out, cause))?;
    Ok(manifest)
}

fn is_empty_folder(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}
