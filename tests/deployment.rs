//! What `deploy/` holds, with the programs that read it: Kubernetes's schemas, kustomize, systemd, nginx with the real binary behind it, and the
//! binary itself. Where a program is missing, the test says so loudly and is left out, and fails in CI.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test should stop where it failed")]

mod certificates;
mod common;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use certificates::{Files, client, new_self_signed};
use common::binary::Binary;
use common::installation::{installed, or_skip, succeed, text_of};
use common::router::model_at;
use common::upstream::{Reply, Upstream, send};
use common::{DONE, completion, deserted_address, soon, stop_event, word};
use serde_json::json;
use tempfile::TempDir;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text_at(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Whether a program is there and runs.
fn program(name: &str, version: &str, package: &str) -> Result<(), String> {
    let found = Command::new(name).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.map(drop).map_err(|error| format!("{name}: {error}; install Debian's package {package}"))
}

#[test]
fn the_replicas_configuration_is_one() {
    let checked = Command::new(env!("CARGO_BIN_EXE_semroute"))
        .args(["check-config", "deploy/kubernetes/base/semroute.toml"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", text_of(&checked));
}

#[test]
fn the_manifests_are_kubernetes_and_fit_one_another() {
    let requirements = text_at("tests/deployment/requirements.txt");
    let environment = installed("kubernetes-schemas", &requirements, |folder| {
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile"];
        let list = root().join("tests/deployment/requirements.txt");
        succeed(Command::new(folder.join("bin/python")).args(pip).arg("--requirement").arg(list))
    });
    let Some(environment) = or_skip("deploy/kubernetes", environment) else { return };
    let checked = Command::new(environment.join("bin/python"))
        .arg(root().join("tests/deployment/kubernetes.py"))
        .arg(root().join("deploy/kubernetes"))
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", text_of(&checked));
}

#[test]
fn kustomize_builds_base_and_trial() {
    // Not a package of Debian's that can do this, so CI may lack it; the schemas above are checked without it.
    if program("kubectl", "version", "kubernetes-client").is_err() {
        return;
    }
    for folder in ["base", "overlays/trial"] {
        let built = Command::new("kubectl")
            .arg("kustomize")
            .arg(root().join("deploy/kubernetes").join(folder))
            .output()
            .unwrap();
        assert!(built.status.success(), "{folder}: {}", text_of(&built));
        let text = text_of(&built);
        assert!(text.contains("registry.example.com/semroute:0.1.0"), "{text}");
        assert!(
            text.contains("name: semroute-") && text.contains("[[providers]]"),
            "the configuration is not in it: {text}"
        );
    }
}

#[test]
fn the_unit_is_one_and_is_shut_in() {
    if or_skip("deploy/systemd", program("systemd-analyze", "--version", "systemd")).is_none() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let unit = folder.path().join("semroute.service");
    // It is checked that the program exists.
    let text =
        text_at("deploy/systemd/semroute.service").replace("/usr/local/bin/semroute", env!("CARGO_BIN_EXE_semroute"));
    std::fs::write(&unit, &text).unwrap();
    let verified = Command::new("systemd-analyze").arg("verify").arg(&unit).output().unwrap();
    assert!(verified.status.success() && verified.stderr.is_empty(), "{}", text_of(&verified));
    // In tenths: 2.0 of 10 is what systemd itself calls OK.
    let exposed = Command::new("systemd-analyze")
        .args(["security", "--no-pager", "--offline=true", "--threshold=20"])
        .arg(&unit)
        .output()
        .unwrap();
    assert!(exposed.status.success(), "{}", text_of(&exposed));
}

#[tokio::test]
async fn a_container_can_ask_the_binary_how_it_is() {
    let provider = Upstream::always(200, completion("Hi")).await;
    let binary = Binary::serve(&model_at("m", provider.base_url(), 1.0, ""), &[]);
    let check = |url: String| {
        common::binary::within_patience("it is checked", move || {
            Command::new(env!("CARGO_BIN_EXE_semroute")).args(["check-health", &url]).output().unwrap()
        })
    };
    let well = check(binary.url().to_owned());
    assert!(well.status.success(), "{}", text_of(&well));
    let gone = check(format!("http://{}", deserted_address()));
    assert_eq!(gone.status.code(), Some(1), "{}", text_of(&gone));
    assert!(text_of(&gone).contains("does not answer"), "{}", text_of(&gone));
}

/// A running nginx; ended when dropped.
struct Nginx {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Nginx {
    /// The example, with these replicas and this certificate.
    async fn start(replicas: &[String], files: &Files) -> Self {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let example = adapted(replicas, files, port);
        std::fs::write(folder.path().join("semroute.conf"), example).unwrap();
        std::fs::write(folder.path().join("nginx.conf"), main_file(folder.path())).unwrap();
        let nginx = |more: &str| {
            let mut command = Command::new("nginx");
            command
                .arg("-e")
                .arg("stderr")
                .arg("-p")
                .arg(folder.path())
                .arg("-c")
                .arg(folder.path().join("nginx.conf"));
            if !more.is_empty() {
                command.arg(more);
            }
            command
        };
        let tested = nginx("-t").output().unwrap();
        assert!(tested.status.success(), "{}", text_of(&tested));
        let child = nginx("").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let listens = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        soon("nginx listens", listens).await;
        Self { child, url: format!("https://127.0.0.1:{port}"), _folder: folder }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // A kill would leave its worker behind.
        let _told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _reaped = self.child.wait();
    }
}

/// The shipped file, changed in nothing but addresses and the certificate's place.
fn adapted(replicas: &[String], files: &Files, port: u16) -> String {
    let text = text_at("deploy/nginx/semroute.conf");
    let mut servers = replicas.iter();
    let lines = text.lines().map(|line| match line.trim_start() {
        server if server.starts_with("server 127.0.0.1:") => {
            let rest = server.split_once("max_fails").expect("a server of the upstream says when it is passed over").1;
            let replica = servers.next().expect("the example has as many replicas as the test");
            format!("server {replica} max_fails{rest}")
        }
        listen if listen.starts_with("listen 443 ssl") => format!("listen 127.0.0.1:{port} ssl;"),
        line if line.starts_with("ssl_certificate_key") => format!("ssl_certificate_key {};", files.key().display()),
        line if line.starts_with("ssl_certificate ") => format!("ssl_certificate {};", files.certificate().display()),
        line => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn main_file(folder: &Path) -> String {
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .collect();
    format!(
        "daemon off;\npid {folder}/nginx.pid;\nworker_processes 1;\nevents {{ worker_connections 256; }}\nhttp {{\naccess_log off;\n{temporary}include {folder}/semroute.conf;\n}}\n"
    )
}

#[tokio::test]
async fn whole_answers_and_streams_go_through_nginx_as_they_come() {
    if or_skip("deploy/nginx", program("nginx", "-v", "nginx-light")).is_none() {
        return;
    }
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let mut receiver = Some(receiver);
    let provider = Upstream::start(move |request| match request.json()["stream"].as_bool() {
        Some(true) => Reply::Stream(receiver.take().expect("asked for a second stream")),
        _ => Reply::Json(200, completion("Hi")),
    })
    .await;
    let toml = model_at("m", provider.base_url(), 1.0, "");
    let (one, other) = (Binary::serve(&toml, &[]), Binary::serve(&toml, &[]));
    let address = |binary: &Binary| binary.url().trim_start_matches("http://").to_owned();
    let made = new_self_signed();
    // One of the replicas is gone.
    let nginx =
        Nginx::start(&[deserted_address().to_string(), address(&one), address(&other)], &Files::of(&made)).await;
    let client = client(&made.root_pem);
    let ask = |stream: bool| {
        let body = json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "Hello"}]});
        client.post(format!("{}/v1/chat/completions", nginx.url)).json(&body).send()
    };
    for _ in 0..6 {
        let response = soon("an answer", ask(false)).await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.headers().contains_key("x-request-id"));
    }
    assert_eq!(provider.calls(), 6, "no request was sent twice");
    send(&sender, word("first"));
    let mut response = soon("the stream begins", ask(true)).await.unwrap();
    // The second word is not even there yet.
    let mut text = String::new();
    while !text.contains("first") {
        text += std::str::from_utf8(&soon("the first word", response.chunk()).await.unwrap().unwrap()).unwrap();
    }
    send(&sender, word("second") + &stop_event() + DONE);
    drop(sender);
    let rest = soon("the rest", response.text()).await.unwrap();
    assert_eq!(text + &rest, word("first") + &word("second") + &stop_event() + DONE);
}
