//! The log as JSON, from the real binary: one object a line, the request's id on every line of a request, and nobody's secrets.
#![allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use common::binary::{serve_command, within_patience};
use common::router::model_at;
use common::upstream::{Piece, Reply, Upstream, send};
use common::{completion, soon, word};
use serde_json::{Value, json};
use tempfile::TempDir;

const CALLER_KEY: &str = "caller-key-that-nobody-should-read";
const PROVIDER_KEY: &str = "sk-provider-key-that-nobody-should-read";
const PROMPT: &str = "a prompt that nobody should read";

/// A server whose log is kept.
struct Logged {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Logged {
    fn start(toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = serve_command(&folder, toml);
        command.args(["--listen", "127.0.0.1:0", "--log", "semroute=debug,warn", "--log-format", "json"]);
        command.envs([("CALLER_KEY", CALLER_KEY), ("PROVIDER_KEY", PROVIDER_KEY)]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let line = within_patience("the address is printed", move || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line
        });
        let url = line.trim_end().strip_prefix("semroute listens on ").unwrap().to_owned();
        Self { child, url, _folder: folder }
    }

    /// Ends it, and returns the whole log.
    fn end(mut self) -> String {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        let mut stderr = self.child.stderr.take().unwrap();
        within_patience("it ends", move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            self.child.wait().unwrap();
            log
        })
    }
}

#[tokio::test]
async fn each_line_is_an_object_that_names_its_request_and_tells_no_secret() {
    let failing = Upstream::always(500, json!({"error": {"message": PROMPT}})).await;
    let fine = Upstream::always(200, completion("an answer that nobody should read")).await;
    let (breaking, sender) = {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let mut receiver = Some(receiver);
        (Upstream::start(move |_| Reply::Stream(receiver.take().unwrap())).await, sender)
    };
    let key = "api_key_env = \"PROVIDER_KEY\"";
    let toml = String::from("[auth]\nrequired = true\n[[auth.keys]]\nname = \"team\"\nkey_env = \"CALLER_KEY\"\n")
        + &model_at("failing", failing.base_url(), 1.0, key)
        + &model_at("fine", fine.base_url(), 2.0, key)
        + &model_at("breaking", breaking.base_url(), 50.0, key);
    let logged = Logged::start(&toml);
    let client = semroute::gateway::loopback_client().unwrap();
    let ask = |id: &'static str, model: &'static str, stream: bool| {
        let body = json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": PROMPT}]});
        let request = client.post(format!("{}/v1/chat/completions", logged.url)).bearer_auth(CALLER_KEY);
        request.header("x-request-id", id).json(&body).send()
    };
    let response = soon("an answer", ask("first-request", "auto:cheapest", false)).await.unwrap();
    assert_eq!(response.status(), 200);
    let decision = common::router::header(&response, "x-semroute-decision-id");
    send(&sender, word("first"));
    let broken = soon("a stream", ask("broken-stream", "breaking", true)).await.unwrap();
    sender.send(Piece::Break).unwrap();
    let told = soon("its end", broken.text()).await.unwrap();
    assert!(told.contains("upstream_stream_broken"), "{told}");
    let stranger = client.post(format!("{}/v1/chat/completions", logged.url)).bearer_auth("a-guessed-key").send();
    assert_eq!(soon("a refusal", stranger).await.unwrap().status(), 401);

    let log = logged.end();
    for secret in [CALLER_KEY, PROVIDER_KEY, PROMPT, "an answer that nobody should read", "a-guessed-key"] {
        assert!(!log.contains(secret), "{secret:?} stands in the log:\n{log}");
    }
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let of = |id: &str| lines.iter().filter(|line| line["span"]["request_id"] == id).collect::<Vec<_>>();
    let messages = |id: &str| of(id).iter().map(|line| line["message"].clone()).collect::<Vec<_>>();
    assert!(messages("first-request").contains(&json!("a try failed")), "{log}");
    assert!(messages("first-request").contains(&json!("answered")), "{log}");
    assert!(of("first-request").iter().all(|line| line["span"]["decision"] == decision.as_str()), "{log}");
    // It breaks long after the handler has returned.
    assert!(messages("broken-stream").contains(&json!("a stream broke")), "{log}");
    for line in &lines {
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(), "{line}");
        let is_of_a_request =
            ["answered", "a try failed", "a stream broke"].contains(&line["message"].as_str().unwrap());
        assert!(!is_of_a_request || line["span"]["request_id"].is_string(), "{line}");
    }
}
