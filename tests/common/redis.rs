//! A Redis server of a test's own, in a folder of its own, on a free loopback port; gone with the test. Where the program is missing, the test says
//! so loudly and is left out, and fails in CI.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::installation::or_skip;

/// Starting takes milliseconds, and on a busy machine seconds.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A running server.
pub struct Redis {
    server: Option<Child>,
    folder: TempDir,
    port: u16,
}

impl Redis {
    /// A new, empty server; `None`, said loudly, where that cannot be and this is not CI.
    pub fn start(untested: &str) -> Option<Self> {
        or_skip(untested, Self::try_start())
    }

    /// Its address, with the password that it asks for.
    pub fn url(&self) -> String {
        format!("redis://:hunter2@127.0.0.1:{}/0", self.port)
    }

    /// Its address alone.
    pub fn address(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Stops it as a crash would. What it held is lost.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    /// Starts it again on the same port, empty.
    pub fn restart(&mut self) {
        self.stop();
        self.launch().unwrap_or_else(|reason| panic!("the server starts again: {reason}"));
    }

    /// Holds it up, as a machine that swaps would; `go_on` ends that.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    /// What `redis-cli` prints for a command.
    pub fn ask(&self, command: &[&str]) -> String {
        let mut client = Command::new("redis-cli");
        client.args(["--no-auth-warning", "-a", "hunter2", "-p", &self.port.to_string()]).args(command);
        String::from_utf8(client.output().unwrap().stdout).unwrap()
    }

    fn signal(&self, signal: &str) {
        let id = self.server.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    fn try_start() -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let port = free_port().ok_or("no port is free")?;
        let mut redis = Self { server: None, folder, port };
        redis.launch()?;
        Ok(redis)
    }

    fn launch(&mut self) -> Result<(), String> {
        let port = self.port.to_string();
        let child = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--requirepass", "hunter2", "--dir"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server: {error}; install the package redis-server"))?;
        self.server = Some(child);
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if began.elapsed() > STARTS_WITHIN {
                return Err("the Redis server does not come up".into());
            }
            std::thread::yield_now();
        }
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
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
