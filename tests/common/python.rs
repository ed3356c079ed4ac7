//! One virtual environment for all Python clients, and the source packages that bring the clients' own tests.

use std::path::PathBuf;
use std::process::Command;

use super::installation::{installed, succeed};

/// Everything in the environment, pinned.
const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/requirements.txt");

/// The environment's interpreter.
pub fn python() -> Result<PathBuf, String> {
    let requirements = std::fs::read_to_string(REQUIREMENTS).map_err(|error| error.to_string())?;
    let folder = installed("python-clients", &requirements, |folder| {
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
        // The list is whole, so nothing is to be worked out; and of all the modules, few are ever loaded and need compiling.
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile"];
        succeed(Command::new(folder.join("bin/python")).args(pip).args(["--requirement", REQUIREMENTS]))
    })?;
    Ok(folder.join("bin/python"))
}

/// The unpacked source package of what is installed by this name.
pub fn source_package(name: &str) -> Result<PathBuf, String> {
    let python = python()?;
    let pin = pin_of(name)?;
    let unpacked = pin.replace("==", "-");
    let folder = installed(&format!("{unpacked}-source"), &pin, |folder| {
        // Its own build requirements may come as wheels: only the package itself is wanted as source.
        let pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", name];
        succeed(Command::new(&python).args(pip).arg("--dest").arg(folder).arg(&pin))?;
        let archive = folder.join(format!("{unpacked}.tar.gz"));
        succeed(Command::new(&python).args(["-m", "tarfile", "--extract"]).arg(archive).arg(folder))
    })?;
    Ok(folder.join(unpacked))
}

fn pin_of(name: &str) -> Result<String, String> {
    let requirements = std::fs::read_to_string(REQUIREMENTS).map_err(|error| error.to_string())?;
    let pin = requirements.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with("==")));
    pin.map(str::to_owned).ok_or_else(|| format!("{name} is not in {REQUIREMENTS}"))
}
