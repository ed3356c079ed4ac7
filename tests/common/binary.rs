//! The real `semroute` binary, serving on a free loopback port.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;

use tempfile::TempDir;

use super::PATIENCE;

/// A running `semroute serve`; killed when dropped.
pub struct Binary {
    child: Option<Child>,
    url: String,
    _stdout: BufReader<ChildStdout>,
    folder: TempDir,
}

/// Does blocking work, and fails the test if it does not end.
pub fn within_patience<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || drop(done.send(work())));
    is_done.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("did not happen: {what}"))
}

/// `semroute serve` with this configuration; flags and variables may be added.
pub fn serve_command(folder: &TempDir, toml: &str) -> Command {
    let config = folder.path().join("semroute.toml");
    std::fs::write(&config, toml).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_semroute"));
    command.args(["serve", "--config"]).arg(config).stdin(Stdio::null());
    command
}

/// The end of a `serve` that does not start.
pub fn failure_of(mut command: Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    within_patience("it ends", || child.wait_with_output().unwrap())
}

impl Binary {
    /// Serves on a port that the system chooses.
    pub fn serve(toml: &str, variables: &[(&str, &str)]) -> Self {
        Self::serve_with(toml, variables, |_| {})
    }

    /// The same, with more said to the command.
    pub fn serve_with(toml: &str, variables: &[(&str, &str)], more: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = serve_command(&folder, toml);
        command.args(["--listen", "127.0.0.1:0"]).envs(variables.iter().copied());
        more(&mut command);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (line, stdout) = within_patience("the address is printed", move || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            (line, stdout)
        });
        let url = line.trim_end().strip_prefix("semroute listens on ");
        let url = url.unwrap_or_else(|| panic!("not the address: {line:?}")).to_owned();
        Self { child: Some(child), url, _stdout: stdout, folder }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Writes another configuration.
    pub fn write_config(&self, toml: &str) {
        std::fs::write(self.folder.path().join("semroute.toml"), toml).unwrap();
    }

    /// Sends SIGHUP.
    pub fn hang_up(&self) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        within_patience("it ends", move || child.wait().unwrap())
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ended = child.kill();
            let _reaped = child.wait();
        }
    }
}
