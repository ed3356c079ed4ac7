//! Packages of other languages, installed once into the build folder. Where that cannot be done the test that wants them says so
//! loudly and is left out, and fails in CI.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of the build folder that `install` fills from nothing. `contents` names what is in it, versions and all: where it changes, or
/// where an installation was interrupted, the folder is made anew. Test programs that want it at once wait for the first.
pub fn installed(
    name: &str,
    contents: &str,
    install: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = place.join(name);
    let lock = File::create(place.join(format!("{name}.lock"))).map_err(|error| error.to_string())?;
    // Given back when the file is closed.
    lock.lock().map_err(|error| error.to_string())?;
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == contents) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    }
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    install(&folder)?;
    // Written last, so that it tells a whole installation.
    fs::write(stamp, contents).map_err(|error| error.to_string())?;
    Ok(folder)
}

/// What was installed; `None`, said loudly, where it could not be and this is not CI.
pub fn or_skip<T>(untested: &str, installed: Result<T, String>) -> Option<T> {
    match installed {
        Ok(installed) => Some(installed),
        Err(reason) if std::env::var_os("CI").is_some() => panic!("{untested} cannot be tested: {reason}"),
        Err(reason) => {
            // Not `eprintln!`: what it writes is only shown for tests that fail.
            let mut stderr = std::io::stderr();
            writeln!(stderr, "SKIPPED: {untested} was NOT tested, because it cannot be installed: {reason}").unwrap();
            None
        }
    }
}

/// Runs a command that must succeed.
pub fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() { Ok(()) } else { Err(text_of(&output)) }
}

/// What a command wrote.
pub fn text_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
