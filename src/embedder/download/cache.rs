//! The folder of cached models: where it lies, what stands in it, whether that is whole. Never touches the network.

use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::{ModelFilesError, ModelName};

/// The folder of cached models.
#[derive(Debug, Clone)]
pub struct ModelCache {
    root: PathBuf,
}

/// One whole model in the cache.
#[derive(Debug, Clone)]
pub struct CachedModel {
    /// Its name, as it may be given to a command.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Length of all its files.
    pub bytes: u64,
    /// Where it came from.
    pub source: String,
}

/// What reading a model again showed.
#[derive(Debug, Clone)]
pub struct Verification {
    /// The model's name, or the folder's where the manifest cannot be read.
    pub name: String,
    /// What does not match; empty when all is well.
    pub problems: Vec<String>,
}

impl ModelCache {
    /// A cache in a folder, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// `SEMROUTE_CACHE/models`, else `XDG_CACHE_HOME/semroute/models`, else `HOME/.cache/semroute/models`.
    pub fn from_environment() -> Result<Self, ModelFilesError> {
        let folder = |variable| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = folder("SEMROUTE_CACHE")
            .or_else(|| folder("XDG_CACHE_HOME").filter(|path| path.is_absolute()).map(|path| path.join("semroute")))
            .or_else(|| folder("HOME").or_else(|| folder("USERPROFILE")).map(|home| home.join(".cache/semroute")));
        base.map(|base| Self::new(base.join("models"))).ok_or(ModelFilesError::NoCacheFolder)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a model: an existing folder is taken as it is, a name is looked up here.
    pub fn locate(&self, name: &str) -> Result<PathBuf, ModelFilesError> {
        if looks_like_a_folder(name) {
            return Ok(PathBuf::from(name));
        }
        self.find(&ModelName::parse(name, None)?)
    }

    /// The folder of a model that is there and whole by its manifest. Lengths are compared, content is not read.
    pub(super) fn find(&self, name: &ModelName) -> Result<PathBuf, ModelFilesError> {
        let folder = self.folder(name);
        let Some(manifest) = Manifest::read(&folder)? else {
            return Err(ModelFilesError::NotPulled { name: name.to_string(), folder });
        };
        match manifest.find_size_problem(&folder) {
            Some(problem) => Err(ModelFilesError::Damaged { name: name.to_string(), problem }),
            None => Ok(folder),
        }
    }

    /// Where a model lies or would lie.
    pub(super) fn folder(&self, name: &ModelName) -> PathBuf {
        self.root.join(name.folder_name())
    }

    /// Every whole model, by name.
    pub fn list(&self) -> Result<Vec<CachedModel>, ModelFilesError> {
        let mut models = Vec::new();
        for folder in self.model_folders()? {
            let Some(manifest) = Manifest::read(&folder)? else { continue };
            let (name, bytes) = (manifest.name().to_string(), manifest.total_bytes());
            models.push(CachedModel { name, folder, bytes, source: manifest.source });
        }
        Ok(models)
    }

    /// Reads every file of every model again. A folder without a manifest is a problem too.
    pub fn verify(&self) -> Result<Vec<Verification>, ModelFilesError> {
        let verify_one = |folder: PathBuf| {
            let folder_name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match Manifest::read(&folder) {
                Ok(Some(manifest)) => {
                    let problems = manifest.find_content_problems(&folder);
                    Verification { name: manifest.name().to_string(), problems }
                }
                Ok(None) => Verification { name: folder_name, problems: vec!["it has no manifest".to_owned()] },
                Err(error) => Verification { name: folder_name, problems: vec![error.to_string()] },
            }
        };
        Ok(self.model_folders()?.into_iter().map(verify_one).collect())
    }

    fn model_folders(&self) -> Result<Vec<PathBuf>, ModelFilesError> {
        let entries = match std::fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ModelFilesError::file(&self.root)(error)),
        };
        let mut folders = Vec::new();
        for entry in entries {
            let path = entry.map_err(ModelFilesError::file(&self.root))?.path();
            let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            if path.is_dir() && !hidden {
                folders.push(path);
            }
        }
        folders.sort();
        Ok(folders)
    }
}

fn looks_like_a_folder(name: &str) -> bool {
    !name.is_empty() && Path::new(name).is_dir()
}
