//! A model on its way into the cache: files gather in a hidden folder beside the others, and the folder is renamed into
//! place once its manifest is on the disk. Several processes may pull one model: each has its own folder, the first wins.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::manifest::{FileEntry, MANIFEST_FILE, Manifest, hexadecimal};
use super::{ModelCache, ModelFilesError, ModelName};

const PREFIX: &str = ".partial-";
/// A pull that was killed leaves its folder behind; after this long nobody can still be writing to it.
const ABANDONED_AFTER: Duration = Duration::from_secs(48 * 3600);

/// A hidden folder that fills up. Dropping it removes it.
pub(super) struct Staging {
    folder: TempDir,
    files: BTreeMap<String, FileEntry>,
}

/// One file being written: counts, hashes and refuses to grow past its limit.
pub(super) struct StagedFile {
    name: String,
    path: PathBuf,
    file: std::fs::File,
    hash: Sha256,
    bytes: u64,
    limit_bytes: u64,
}

impl Staging {
    pub(super) fn begin(cache: &ModelCache) -> Result<Self, ModelFilesError> {
        let root = cache.root();
        std::fs::create_dir_all(root).map_err(ModelFilesError::file(root))?;
        remove_abandoned(root);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(root).map_err(ModelFilesError::file(root))?;
        Ok(Self { folder, files: BTreeMap::new() })
    }

    /// Opens a file at a path inside the model's folder (with `/`).
    pub(super) fn create(&self, name: &str, limit_bytes: u64) -> Result<StagedFile, ModelFilesError> {
        let path = self.folder.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(ModelFilesError::file(parent))?;
        }
        let file = std::fs::File::create_new(&path).map_err(ModelFilesError::file(&path))?;
        Ok(StagedFile { name: name.to_owned(), path, file, hash: Sha256::new(), bytes: 0, limit_bytes })
    }

    /// Takes a finished file in as part of the model.
    pub(super) fn keep(&mut self, file: StagedFile, expected_sha256: Option<&str>) -> Result<(), ModelFilesError> {
        let (name, _, entry) = file.finish(expected_sha256)?;
        self.files.insert(name, entry);
        Ok(())
    }

    /// Ends a file that is needed on the way but is no part of the model (a wheel), and says where it lies.
    pub(super) fn set_aside(&self, file: StagedFile, expected_sha256: &str) -> Result<PathBuf, ModelFilesError> {
        file.finish(Some(expected_sha256)).map(|(_, path, _)| path)
    }

    /// Writes the manifest and renames the folder into place.
    pub(super) fn publish(
        self,
        cache: &ModelCache,
        name: &ModelName,
        source: String,
    ) -> Result<PathBuf, ModelFilesError> {
        let manifest = Manifest::new(name, source, self.files);
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| ModelFilesError::file(self.folder.path())(std::io::Error::other(error.to_string())))?;
        let path = self.folder.path().join(MANIFEST_FILE);
        let written = std::fs::File::create_new(&path).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        });
        written.map_err(ModelFilesError::file(&path))?;
        sync_folder(self.folder.path());
        let target = cache.folder(name);
        move_into_place(self.folder.path(), &target, cache, name)?;
        sync_folder(cache.root());
        Ok(target)
    }
}

impl StagedFile {
    pub(super) fn write(&mut self, chunk: &[u8]) -> Result<(), ModelFilesError> {
        self.bytes += chunk.len() as u64;
        if self.bytes > self.limit_bytes {
            return Err(ModelFilesError::TooLarge { file: self.name.clone(), limit_bytes: self.limit_bytes });
        }
        self.hash.update(chunk);
        self.file.write_all(chunk).map_err(ModelFilesError::file(&self.path))
    }

    /// Writes all that a reader holds; `path` is what errors of reading name.
    pub(super) fn copy_from(&mut self, reader: &mut impl Read, path: &Path) -> Result<(), ModelFilesError> {
        let mut buffer = vec![0; 1 << 20];
        loop {
            match reader.read(&mut buffer).map_err(ModelFilesError::file(path))? {
                0 => return Ok(()),
                count => self.write(&buffer[..count])?,
            }
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn finish(self, expected_sha256: Option<&str>) -> Result<(String, PathBuf, FileEntry), ModelFilesError> {
        self.file.sync_all().map_err(ModelFilesError::file(&self.path))?;
        let actual = hexadecimal(self.hash);
        if let Some(expected) = expected_sha256.filter(|expected| !actual.eq_ignore_ascii_case(expected)) {
            return Err(ModelFilesError::WrongSha256 { file: self.name, expected: expected.to_owned(), actual });
        }
        Ok((self.name, self.path, FileEntry { bytes: self.bytes, sha256: actual }))
    }
}

fn move_into_place(from: &Path, target: &Path, cache: &ModelCache, name: &ModelName) -> Result<(), ModelFilesError> {
    if std::fs::rename(from, target).is_ok() {
        return Ok(());
    }
    // Something stands there: a pull that was quicker (then ours is not needed), or a damaged folder that makes way.
    if cache.find(name).is_ok() {
        return Ok(());
    }
    if target.exists() {
        let aside = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(cache.root())
            .map_err(ModelFilesError::file(cache.root()))?;
        // Another process may have cleared it meanwhile; the rename below then decides.
        let _ = std::fs::rename(target, aside.path().join("damaged"));
    }
    match std::fs::rename(from, target) {
        Err(_) if cache.find(name).is_ok() => Ok(()),
        outcome => outcome.map_err(ModelFilesError::file(target)),
    }
}

/// A folder's own entries reach the disk too, where the system can do that.
fn sync_folder(folder: &Path) {
    if let Ok(handle) = std::fs::File::open(folder) {
        let _ = handle.sync_all();
    }
}

fn remove_abandoned(root: &Path) {
    let Ok(entries) = std::fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let old =
            modified.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > ABANDONED_AFTER));
        if old && entry.file_name().to_string_lossy().starts_with(PREFIX) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]
    use super::*;

    #[test]
    fn a_file_stops_at_its_limit_and_leaves_nothing() {
        let root = TempDir::new().unwrap();
        let cache = ModelCache::new(root.path());
        let staging = Staging::begin(&cache).unwrap();
        let mut file = staging.create("deep/config.json", 10).unwrap();
        file.write(b"0123456789").unwrap();
        let error = file.copy_from(&mut &b"x"[..], Path::new("source")).unwrap_err();
        assert!(matches!(error, ModelFilesError::TooLarge { limit_bytes: 10, .. }), "{error}");
        drop(staging);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_what_was_abandoned_long_ago_is_removed() {
        let root = TempDir::new().unwrap();
        for name in [".partial-old", ".partial-new", "model@main"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let long_ago = SystemTime::now() - ABANDONED_AFTER - Duration::from_secs(60);
        for name in [".partial-old", "model@main"] {
            std::fs::File::open(root.path().join(name)).unwrap().set_modified(long_ago).unwrap();
        }
        remove_abandoned(root.path());
        let left = |name: &str| root.path().join(name).exists();
        assert_eq!((left(".partial-old"), left(".partial-new"), left("model@main")), (false, true, true));
    }
}
