//! An nginx of a test's own that shares requests out among several servers, in turns. Where the program is missing, the test says so loudly and is
//! left out, and fails in CI.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::installation::or_skip;

const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A running nginx.
pub struct Nginx {
    server: Child,
    _folder: TempDir,
    port: u16,
}

impl Nginx {
    /// One before these servers, given as `HOST:PORT`. A server that cannot be reached is left out for as long.
    pub fn start(untested: &str, servers: &[String]) -> Option<Self> {
        or_skip(untested, Self::try_start(servers))
    }

    /// Where clients ask.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn try_start(servers: &[String]) -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let port = std::iter::repeat_with(|| fastrand::u16(20_000..30_000)).take(1000).find(is_free);
        let port = port.ok_or("no port is free")?;
        let config = folder.path().join("nginx.conf");
        std::fs::write(&config, configuration(&folder.path().display().to_string(), port, servers))
            .map_err(|error| error.to_string())?;
        let server = Command::new("nginx")
            .args(["-e", "stderr", "-g", "daemon off;", "-p"])
            .arg(folder.path())
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("nginx: {error}; install the package nginx-light"))?;
        let nginx = Self { server, _folder: folder, port };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if began.elapsed() > STARTS_WITHIN {
                return Err("nginx does not come up".into());
            }
            std::thread::yield_now();
        }
        Ok(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with it only when it is asked.
        let asked = Command::new("kill").args(["-TERM", &self.server.id().to_string()]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _gone = self.server.kill();
        }
        let _reaped = self.server.wait();
    }
}

fn configuration(folder: &str, port: u16, servers: &[String]) -> String {
    let servers: String =
        servers.iter().map(|server| format!("server {server} max_fails=1 fail_timeout=1s;\n")).collect();
    let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .collect();
    format!(
        "worker_processes 1;\nmaster_process on;\npid {folder}/nginx.pid;\nevents {{ worker_connections 4096; }}\n\
         http {{\naccess_log off;\n{folders}upstream replicas {{\n{servers}keepalive 256;\n}}\n\
         server {{\nlisten 127.0.0.1:{port};\nlocation / {{\nproxy_pass http://replicas;\nproxy_http_version 1.1;\n\
         proxy_set_header Connection \"\";\nproxy_buffering off;\n\
         proxy_next_upstream error timeout non_idempotent;\nproxy_next_upstream_tries 3;\n}}\n}}\n}}\n"
    )
}
