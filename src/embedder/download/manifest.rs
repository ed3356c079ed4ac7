//! The manifest of a cached model: what it is, where it came from, and the sha256 of every file. It is written last, so a
//! folder without one is not a model. Reads and hashes files; never the network.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ModelFilesError, ModelName};

/// Its name in a model's folder.
pub(super) const MANIFEST_FILE: &str = "semroute-manifest.json";

const MANIFEST_FORMAT: u32 = 1;

/// What a cached model consists of.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Version of this file's layout.
    pub(super) format: u32,
    pub(super) repo: String,
    pub(super) revision: String,
    /// Where the files came from, in words.
    pub(super) source: String,
    /// Path inside the folder (with `/`) to content.
    pub(super) files: BTreeMap<String, FileEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileEntry {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Manifest {
    pub(super) fn new(name: &ModelName, source: String, files: BTreeMap<String, FileEntry>) -> Self {
        Self { format: MANIFEST_FORMAT, repo: name.repo.clone(), revision: name.revision.clone(), source, files }
    }

    /// `None` where the folder has no manifest, and thus is no model.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, ModelFilesError> {
        let path = folder.join(MANIFEST_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(ModelFilesError::file(&path)(error)),
        };
        let manifest: Self = serde_json::from_str(&text)
            .map_err(|error| ModelFilesError::file(&path)(std::io::Error::other(error.to_string())))?;
        let stays_inside = |file: &String| !file.split('/').any(|part| part.is_empty() || part == "..");
        if manifest.format != MANIFEST_FORMAT || !manifest.files.keys().all(stays_inside) {
            let message = format!("not a manifest of format {MANIFEST_FORMAT}; remove the folder and pull again");
            return Err(ModelFilesError::file(&path)(std::io::Error::other(message)));
        }
        Ok(Some(manifest))
    }

    pub(super) fn name(&self) -> ModelName {
        ModelName { repo: self.repo.clone(), revision: self.revision.clone() }
    }

    pub(super) fn total_bytes(&self) -> u64 {
        self.files.values().map(|entry| entry.bytes).sum()
    }

    /// The first file that is missing or has another length. Cheap: reads no content.
    pub(super) fn find_size_problem(&self, folder: &Path) -> Option<String> {
        self.files.iter().find_map(|(file, entry)| match std::fs::metadata(folder.join(file)) {
            Ok(metadata) if metadata.len() == entry.bytes => None,
            Ok(metadata) => Some(format!("{file} holds {} bytes, expected {}", metadata.len(), entry.bytes)),
            Err(error) => Some(format!("{file}: {error}")),
        })
    }

    /// Every file that does not match, after reading all of them.
    pub(super) fn find_content_problems(&self, folder: &Path) -> Vec<String> {
        let problem = |(file, entry): (&String, &FileEntry)| match hash_file(&folder.join(file)) {
            Ok(actual) if actual == *entry => None,
            Ok(actual) => Some(format!("{file} has sha256 {}, expected {}", actual.sha256, entry.sha256)),
            Err(error) => Some(format!("{file}: {error}")),
        };
        self.files.iter().filter_map(problem).collect()
    }
}

/// Length and sha256 of a file.
pub(super) fn hash_file(path: &Path) -> std::io::Result<FileEntry> {
    let mut file = std::fs::File::open(path)?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(FileEntry { bytes, sha256: hexadecimal(hash) });
        }
        hash.update(&buffer[..count]);
        bytes += count as u64;
    }
}

/// A finished hash as 64 hexadecimal digits.
pub(super) fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
