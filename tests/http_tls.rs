//! The TLS listener on real sockets: what it speaks, which files it takes, what it does with those who speak something else, and how a
//! certificate is renewed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod certificates;
mod common;

use std::io;

use certificates::{
    Files, Made, client, client_builder, new_self_signed, pem, rsa, rsa_pkcs1, sec1, self_signed, with_intermediate,
};
use common::binary::{Binary, failure_of, serve_command};
use common::router::{TestRouter, model_at};
use common::upstream::{Upstream, send};
use common::{DONE, completion, deserted_base_url, soon, stop_event, word};
use reqwest::{Client, StatusCode, Version};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn router_with(files: &Files, server: &str) -> TestRouter {
    let model = model_at("m", &deserted_base_url(), 1.0, "");
    TestRouter::start(&format!("[server]\n{server}\n{}{model}", files.table())).await
}

/// Whether a probe over TLS is answered, on a connection of its own.
async fn is_served(router: &TestRouter, root_pem: &str) -> bool {
    probe(router, &client(root_pem)).await
}

async fn probe(router: &TestRouter, client: &Client) -> bool {
    let url = format!("https://{}/health/live", router.addr());
    let answer = soon("an answer or an error", client.get(url).send()).await;
    answer.is_ok_and(|response| response.status() == StatusCode::OK)
}

#[tokio::test]
async fn both_protocols_are_spoken_over_tls() {
    let made = new_self_signed();
    let files = Files::of(&made);
    let (upstream, sender) = Upstream::streaming().await;
    let router = TestRouter::start(&format!("{}{}", files.table(), model_at("m", upstream.base_url(), 1.0, ""))).await;
    for (builder, version) in [
        (client_builder(&made.root_pem).http1_only(), Version::HTTP_11),
        (client_builder(&made.root_pem), Version::HTTP_2),
    ] {
        let url = format!("https://{}/v1/models", router.addr());
        let response = soon("an answer", builder.build().unwrap().get(url).send()).await.unwrap();
        assert_eq!((response.status(), response.version()), (StatusCode::OK, version));
    }
    send(&sender, word("Hi") + &stop_event() + DONE);
    drop(sender);
    let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hello"}]});
    let url = format!("https://{}/v1/chat/completions", router.addr());
    let response = soon("an answer", client(&made.root_pem).post(url).json(&body).send()).await.unwrap();
    assert_eq!(soon("the stream ends", response.text()).await.unwrap(), word("Hi") + &stop_event() + DONE);
    assert!(!is_served(&router, &new_self_signed().root_pem).await, "a client that trusts another is not served");
}

#[tokio::test]
async fn every_usual_kind_of_key_file_is_taken_and_chains_are_shown_whole() {
    let ec = new_self_signed();
    let rsa = self_signed(rsa());
    let chain = with_intermediate();
    let ec_sec1 = pem("EC PRIVATE KEY", &sec1(&ec.key));
    let rsa_pkcs1 = pem("RSA PRIVATE KEY", &rsa_pkcs1());
    for (what, made, key) in [
        ("PKCS#8, P-256", &ec, ec.key.serialize_pem()),
        ("SEC 1", &ec, ec_sec1),
        ("PKCS#8, RSA", &rsa, rsa.key.serialize_pem()),
        ("PKCS#1", &rsa, rsa_pkcs1),
        ("a chain", &chain, chain.key.serialize_pem()),
    ] {
        let files = Files::of(made);
        files.write(&made.chain_pem, &key);
        assert!(is_served(&router_with(&files, "").await, &made.root_pem).await, "{what}");
    }
}

/// The beginning of a handshake that never goes on.
const STALLED: [u8; 6] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01];

/// What is said to these bytes until the connection is closed.
async fn say(router: &TestRouter, sent: &[u8], meanwhile: impl AsyncFnOnce()) -> Vec<u8> {
    let mut stream = TcpStream::connect(router.addr()).await.unwrap();
    stream.write_all(sent).await.unwrap();
    meanwhile().await;
    let mut said = Vec::new();
    if let Err(error) = soon("it is closed", stream.read_to_end(&mut said)).await {
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
    said
}

#[tokio::test]
async fn who_speaks_something_else_is_sent_away_and_harms_nobody() {
    let made = new_self_signed();
    let files = Files::of(&made);
    let router = router_with(&files, "header_timeout_ms = 3600000").await;
    let steady = client(&made.root_pem);
    assert!(probe(&router, &steady).await);
    let plain = b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";
    for sent in [&plain[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[0xff; 600], &[0; 64], &[0x16; 64]] {
        let others = async || assert!(is_served(&router, &made.root_pem).await, "others are served meanwhile");
        let said = say(&router, sent, others).await;
        assert!(said.len() < 64, "{sent:?}: more than an alert: {:?}", String::from_utf8_lossy(&said));
    }
    assert!(probe(&router, &steady).await);
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_is_not_waited_for() {
    let router = router_with(&Files::of(&new_self_signed()), "header_timeout_ms = 50").await;
    for sent in [&STALLED[..], b""] {
        assert_eq!(say(&router, sent, async || {}).await, b"");
    }
}

#[tokio::test]
async fn many_handshakes_at_once_hold_up_nobody() {
    let made = new_self_signed();
    let files = Files::of(&made);
    let router = router_with(&files, "header_timeout_ms = 3600000\ndrain_seconds = 3600").await;
    let mut stalled = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(router.addr()).await.unwrap();
        stream.write_all(&STALLED).await.unwrap();
        stalled.push(stream);
    }
    assert!(is_served(&router, &made.root_pem).await);
    soon("the server ends without waiting for them", router.stop()).await.unwrap();
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_and_a_bad_one_is_not() {
    let (old, new) = (new_self_signed(), new_self_signed());
    let files = Files::of(&old);
    let router = router_with(&files, "").await;
    let early = client(&old.root_pem);
    assert!(probe(&router, &early).await);
    assert!(!router.certificates().reload_if_changed().unwrap());

    // Half of the renewal: the certificate has come, its key has not.
    files.write(&new.chain_pem, &old.key.serialize_pem());
    let error = router.certificates().reload_if_changed().unwrap_err().to_string();
    assert!(error.contains("server.tls.key_file") && error.contains("is not the key of"), "{error}");
    assert!(is_served(&router, &old.root_pem).await, "the old one is still shown");

    files.write(&new.chain_pem, &new.key.serialize_pem());
    assert!(router.certificates().reload_if_changed().unwrap());
    assert!(is_served(&router, &new.root_pem).await);
    assert!(!is_served(&router, &old.root_pem).await);
    assert!(probe(&router, &early).await, "a connection that stood goes on");

    files.write("nothing", &new.key.serialize_pem());
    assert!(router.certificates().reload().unwrap_err().to_string().contains("cert.pem holds no certificate"));
    assert!(is_served(&router, &new.root_pem).await);
    files.write(&old.chain_pem, &old.key.serialize_pem());
    router.certificates().reload().unwrap();
    assert!(is_served(&router, &old.root_pem).await);
}

#[test]
fn a_bad_file_is_named_with_its_field_and_what_to_do() {
    let made: Made = new_self_signed();
    let good_key = made.key.serialize_pem();
    let run_together = good_key.replace('\n', "");
    let encrypted = pem("ENCRYPTED PRIVATE KEY", &made.key.serialize_der());
    let cases: Vec<(&str, &str, &[&str])> = vec![
        ("", &good_key, &["server.tls.cert_file: ", "cert.pem holds no certificate", "-----BEGIN CERTIFICATE-----"]),
        (&good_key, &good_key, &["server.tls.cert_file: ", "there is none in it"]),
        (&made.chain_pem, "", &["server.tls.key_file: ", "key.pem holds no private key", "PKCS#8"]),
        (&made.chain_pem, &encrypted, &["server.tls.key_file: ", "unencrypted"]),
        (&made.chain_pem, &run_together, &["server.tls.key_file: ", "not well-formed PEM"]),
    ];
    let folder = Files::of(&made);
    let model = model_at("m", &deserted_base_url(), 1.0, "");
    let refusal = |files: &Files| {
        let toml = format!("{}{model}", files.table());
        let output = failure_of(serve_command(&files.folder, &toml));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_semroute"));
        check.arg("check-config").arg(files.folder.path().join("semroute.toml"));
        assert_eq!(String::from_utf8(check.output().unwrap().stderr).unwrap(), said, "check-config says the same");
        said
    };
    for (certificate, key, expected) in cases {
        folder.write(certificate, key);
        let said = refusal(&folder);
        assert!(expected.iter().all(|part| said.contains(part)), "should say {expected:?}: {said}");
        let secret = good_key.lines().nth(1).unwrap();
        assert!(!said.contains(secret), "the key is shown: {said}");
    }
    folder.write(&made.chain_pem, &good_key);
    std::fs::remove_file(folder.key()).unwrap();
    let said = refusal(&folder);
    assert!(said.contains("server.tls.key_file: cannot read ") && said.contains("key.pem"), "{said}");
}

#[tokio::test]
async fn the_binary_says_where_it_listens() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let made = new_self_signed();
    let files = Files::of(&made);
    let binary = Binary::serve(&format!("{}{}", files.table(), model_at("m", upstream.base_url(), 1.0, "")), &[]);
    assert!(binary.url().starts_with("https://127.0.0.1:"), "{}", binary.url());
    let client = client(&made.root_pem);
    let ready = soon("an answer", client.get(format!("{}/health/ready", binary.url())).send()).await.unwrap();
    assert_eq!(ready.status(), StatusCode::OK);
    // Its farewell is answered by the client, which runs beside.
    let ended = tokio::task::spawn_blocking(|| binary.terminate());
    assert_eq!(soon("it ends", ended).await.unwrap().code(), Some(0));
}
