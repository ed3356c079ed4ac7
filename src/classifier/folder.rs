//! Puts a folder in the place of another as one step, so that a reader finds the old one or the new one, whole. Knows nothing of
//! what the folders hold.

use std::fs;
use std::io;
use std::path::Path;

use tempfile::TempDir;

/// A folder beside the destination, readable by whoever may read what its owner usually makes. Deleted unless it is put in place.
pub(super) fn fresh(parent: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".semroute-artifact-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    builder.tempdir_in(parent)
}

/// Puts `fresh` where `out` is or will be. What else lay in the old folder, a card for one, is the user's and moves along, but for what `leaves` names: that
/// goes with the old one.
/// Where the system can exchange two folders there is no moment without one; elsewhere the old one steps aside first, because
/// a folder cannot be renamed over one that holds files.
pub(super) fn replace(fresh: TempDir, out: &Path, leaves: &[&str]) -> io::Result<()> {
    if !out.exists() {
        fs::rename(fresh.path(), out)?;
        // The folder has moved: there is nothing left for the guard to delete.
        let _moved = fresh.keep();
        return Ok(());
    }
    if exchange(fresh.path(), out).is_ok() {
        // From here on the guard holds the old folder, and deletes it.
        return move_what_is_missing(fresh.path(), out, leaves);
    }
    let old = fresh.path().with_extension("old");
    fs::rename(out, &old)?;
    if let Err(error) = fs::rename(fresh.path(), out) {
        fs::rename(&old, out)?;
        return Err(error);
    }
    let _moved = fresh.keep();
    move_what_is_missing(&old, out, leaves)?;
    fs::remove_dir_all(&old)
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn exchange(_a: &Path, _b: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn move_what_is_missing(from: &Path, to: &Path, leaves: &[&str]) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if !to.join(&name).exists() && !leaves.iter().any(|left| name == **left) {
            fs::rename(from.join(&name), to.join(&name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
    }

    #[test]
    fn the_new_folder_stands_whole_and_what_was_not_replaced_moves_along() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("router");
        for (round, expected) in [("first", ["first", ""]), ("second", ["second", "mine"])] {
            let folder = fresh(parent.path()).unwrap();
            write(folder.path(), &[("a", round)]);
            replace(folder, &out, &["gone"]).unwrap();
            assert_eq!(fs::read_to_string(out.join("a")).unwrap(), expected[0]);
            assert_eq!(fs::read_to_string(out.join("card")).unwrap_or_default(), expected[1]);
            assert!(!out.join("gone").exists());
            write(&out, &[("card", "mine"), ("gone", "not mine")]);
        }
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_it_as_they_may_read_any_new_folder() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let usual = parent.path().join("usual");
        fs::create_dir(&usual).unwrap();
        let folder = fresh(parent.path()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(folder.path()), mode(&usual));
    }
}
