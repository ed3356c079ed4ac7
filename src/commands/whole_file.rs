//! An output file that a flag names: written under another name in the same folder, then renamed, so that none is ever found
//! half-written. Knows nothing of what is written.

use std::io::Write;
use std::path::Path;

use super::UsageError;

/// Writes `path` by `write`, or leaves everything as it was. `flag` is named where the place itself is wrong.
pub fn write_whole(
    flag: &str,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let wrong_place = |reason: String| UsageError(format!("{flag} {}: {reason}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(wrong_place(format!("the folder {} does not exist; create it first", folder.display())).into());
    }
    if path.is_dir() {
        return Err(wrong_place("is a folder; name a file".into()).into());
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".semroute-output-");
    // As any other program's output: readable by whom the user's umask says, not by the owner alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(|error| wrong_place(error.to_string()))?;
    write(&mut file)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| wrong_place(error.error.to_string()))?;
    Ok(())
}
