//! The cache that the hub's own tools keep: a model that lies there already is copied instead of downloaded. Reads only,
//! and trusts weights only by a pinned sha256 or by the blob's name, which is one.

use std::path::{Path, PathBuf};

use hf_hub::{Cache, Repo, RepoType};

use super::hub::{
    OPTIONAL_FILES, REQUIRED_FILES, SMALL_FILE_LIMIT_BYTES, WEIGHTS_FILE, WEIGHTS_LIMIT_BYTES, pinned_sha256,
};
use super::staging::Staging;
use super::{KnownModel, ModelFilesError, ModelName};

/// `HF_HUB_CACHE`, else `HF_HOME/hub`, else the hub's default below the home folder.
pub(super) fn folder_from_environment() -> Option<PathBuf> {
    let folder = |variable| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(cache) = folder("HF_HUB_CACHE") {
        return Some(cache);
    }
    // Without a home folder the hub's crate stops the process.
    let has_place = folder("HF_HOME").is_some() || folder("HOME").is_some() || folder("USERPROFILE").is_some();
    has_place.then(|| Cache::from_env().path().clone())
}

/// The token that the hub's tools saved when the user logged in.
pub(super) fn read_token(folder: PathBuf) -> Option<String> {
    Cache::new(folder).token()
}

/// Copies a model from there into `staging` and says so; `None` where it is not there whole.
pub(super) fn copy(
    folder: &Path,
    known: &[KnownModel],
    name: &ModelName,
    staging: &mut Staging,
) -> Result<Option<String>, ModelFilesError> {
    let repo = Repo::with_revision(name.repo.clone(), RepoType::Model, name.revision.clone());
    let cached = Cache::new(folder.to_owned()).repo(repo);
    if !REQUIRED_FILES.iter().all(|file| cached.get(file).is_some()) {
        return Ok(None);
    }
    for file in REQUIRED_FILES.iter().chain(OPTIONAL_FILES) {
        let Some(path) = cached.get(file) else { continue };
        let blob_name = blob_sha256(&path);
        let expected = pinned_sha256(known, name, file).or(blob_name.as_deref());
        if *file == WEIGHTS_FILE && expected.is_none() {
            return Ok(None);
        }
        let limit = if *file == WEIGHTS_FILE { WEIGHTS_LIMIT_BYTES } else { SMALL_FILE_LIMIT_BYTES };
        let mut staged = staging.create(file, limit)?;
        let mut source = std::fs::File::open(&path).map_err(ModelFilesError::file(&path))?;
        staged.copy_from(&mut source, &path)?;
        staging.keep(staged, expected)?;
    }
    Ok(Some(format!("the hub's cache at {}", folder.display())))
}

/// Large files are stored under their sha256 and linked from the snapshot.
fn blob_sha256(path: &Path) -> Option<String> {
    let target = std::fs::canonicalize(path).ok()?;
    let name = target.file_name()?.to_str()?.to_owned();
    (name.len() == 64 && name.chars().all(|c| c.is_ascii_hexdigit())).then_some(name)
}
