//! A Postgres server of a test's own, in a folder of its own, on a socket and a free loopback port; gone with the test. Where the server's
//! programs are missing, the test says so loudly and is left out, and fails in CI.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::installation::{or_skip, succeed};

/// Initialising a database and starting a server take seconds on a busy machine.
const STARTS_WITHIN: Duration = Duration::from_secs(120);

/// A running server.
pub struct Postgres {
    server: Option<Child>,
    programs: PathBuf,
    folder: TempDir,
    port: u16,
}

impl Postgres {
    /// A new, empty server; `None`, said loudly, where that cannot be and this is not CI.
    pub fn start(untested: &str) -> Option<Self> {
        or_skip(untested, Self::try_start())
    }

    /// The address of the one database.
    pub fn url(&self) -> String {
        format!("postgres://semroute:hunter2@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops it as a crash would; its data stays.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // SIGQUIT: at once, without waiting for clients.
            let stopped = as_server_user(&self.programs.join("pg_ctl"))
                .args(["stop", "-m", "immediate", "-w", "-D"])
                .arg(self.data())
                .stdout(Stdio::null())
                .status();
            assert!(stopped.unwrap().success(), "the server stops");
            server.wait().unwrap();
        }
    }

    /// Starts it again on the same port, with the data that it had.
    pub fn restart(&mut self) {
        self.stop();
        self.launch().unwrap_or_else(|reason| panic!("the server starts again: {reason}"));
    }

    fn try_start() -> Result<Self, String> {
        let programs = programs()?;
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        if is_root() {
            succeed(Command::new("chown").arg("postgres").arg(folder.path()))?;
        }
        let port = free_port().ok_or("no port is free")?;
        let mut postgres = Self { server: None, programs, folder, port };
        let password = postgres.folder.path().join("password");
        std::fs::write(&password, "hunter2").map_err(|error| error.to_string())?;
        succeed(
            as_server_user(&postgres.programs.join("initdb"))
                .args(["--username=semroute", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync", "--pwfile"])
                .arg(&password)
                .arg("-D")
                .arg(postgres.data()),
        )?;
        postgres.launch()?;
        Ok(postgres)
    }

    fn launch(&mut self) -> Result<(), String> {
        let port = self.port.to_string();
        let sockets = self.folder.path().display().to_string();
        let child = as_server_user(&self.programs.join("postgres"))
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-p", &port, "-k", &sockets, "-D"])
            .arg(self.data())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        self.server = Some(child);
        let began = Instant::now();
        let mut ready = Command::new(self.programs.join("pg_isready"));
        ready.args(["-q", "-h", "127.0.0.1", "-p", &port]);
        while !ready.status().map_err(|error| error.to_string())?.success() {
            if began.elapsed() > STARTS_WITHIN {
                return Err("the Postgres server does not come up".into());
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        } else if let Some(mut server) = self.server.take() {
            let _gone = server.kill();
            let _reaped = server.wait();
        }
    }
}

/// Below those that systems give to outgoing connections, so that it is still free for a server that is started again.
fn free_port() -> Option<u16> {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| fastrand::u16(20_000..30_000)).take(1000).find(is_free)
}

/// Debian keeps the server's programs out of the path, one folder a version.
fn programs() -> Result<PathBuf, String> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").map(|folders| folders.flatten().collect::<Vec<_>>());
    let mut versions: Vec<PathBuf> =
        versions.unwrap_or_default().iter().map(|version| version.path().join("bin")).collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = versions.into_iter().rev().chain(std::env::split_paths(&path));
    let found = folders.find(|folder| folder.join("initdb").is_file());
    found.ok_or_else(|| "there is no initdb; install the package postgresql".to_owned())
}

/// The server refuses to run as root.
fn as_server_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
