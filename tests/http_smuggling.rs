//! Requests that two readers could take for two different ones, byte for byte over real sockets. Each is refused, or there is one way to
//! read it; in none does the request that is hidden inside reach the provider.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::io;

use common::router::{TestRouter, model_at};
use common::upstream::Upstream;
use common::{completion, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const POST: &str = "POST /v1/chat/completions HTTP/1.1\r\n";

/// Follows what is read to its end, so that the connection is closed and nobody has to wait for it.
const LAST: &str = "GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// 400, nothing reaches the provider, and the connection is closed.
    Refused,
    /// One answer, and the provider has it. The connection may be closed behind it.
    ReadOnce,
    /// One answer with this status, of which the provider knows nothing.
    Answered(u16),
}
use Fate::{Answered, ReadOnce, Refused};

fn body(content: &str) -> String {
    format!("{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"{content}\"}}]}}")
}

fn request(headers: &str, body: &str) -> String {
    format!("{POST}{headers}\r\n{body}")
}

/// A whole request that nobody may see.
fn hidden() -> String {
    let body = body("hidden");
    request(&format!("host: a\r\ncontent-length: {}\r\n", body.len()), &body)
}

/// `first` as a body of one chunk, and its end.
fn chunked() -> String {
    let body = body("first");
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

struct Doors {
    router: TestRouter,
    upstream: Upstream,
}

impl Doors {
    async fn open() -> Self {
        let upstream = Upstream::always(200, completion("Hi")).await;
        let router = TestRouter::start(&model_at("m", upstream.base_url(), 1.0, "")).await;
        Self { router, upstream }
    }

    /// What is said to these bytes until the connection is closed.
    async fn say(&self, sent: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.router.addr()).await.unwrap();
        // It may be refused, and the connection be gone, before it is said to the end.
        let _sent = stream.write_all(sent).await;
        let mut said = Vec::new();
        if let Err(error) = soon("the connection is closed", stream.read_to_end(&mut said)).await {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        }
        String::from_utf8(said).unwrap()
    }

    async fn expect(&self, what: &str, sent: impl AsRef<[u8]>, fate: Fate) {
        let before = self.upstream.calls();
        let last = if fate == Refused { "" } else { LAST };
        let said = self.say(&[sent.as_ref(), last.as_bytes()].concat()).await;
        let mut statuses: Vec<u16> =
            said.split("HTTP/1.").skip(1).map(|answer| answer[2..5].parse().unwrap()).collect();
        if said.contains("GET /last") && statuses.last() == Some(&404) {
            statuses.pop();
        }
        let received = self.upstream.received().split_off(before);
        let seen: Vec<String> = received.iter().map(|one| String::from_utf8_lossy(&one.body).into_owned()).collect();
        assert!(!seen.iter().any(|body| body.contains("hidden")), "{what}: the hidden request got through: {said}");
        match fate {
            Refused => assert_eq!((&statuses[..], seen.len()), (&[400][..], 0), "{what}: {said}"),
            ReadOnce => {
                assert_eq!((&statuses[..], seen.len()), (&[200][..], 1), "{what}: {said}");
                assert!(seen[0].contains("first"), "{what}: {seen:?}");
            }
            Answered(status) => assert_eq!((&statuses[..], seen.len()), (&[status][..], 0), "{what}: {said}"),
        }
    }
}

#[tokio::test]
async fn two_requests_in_a_row_are_two_or_the_other_tests_could_not_fail() {
    let doors = Doors::open().await;
    let said = doors.say((hidden() + &hidden() + LAST).as_bytes()).await;
    assert_eq!((said.matches("HTTP/1.1 200").count(), doors.upstream.calls()), (2, 2), "{said}");
    assert!(said.contains("GET /last"), "{said}");
}

#[tokio::test]
async fn a_length_and_chunks_together_are_read_as_chunks_and_nothing_follows() {
    let doors = Doors::open().await;
    let hidden = hidden();
    for order in
        ["content-length: {}\r\ntransfer-encoding: chunked\r\n", "transfer-encoding: chunked\r\ncontent-length: {}\r\n"]
    {
        let headers = |length: usize| format!("host: a\r\n{}", order.replace("{}", &length.to_string()));
        let front_reads_the_length = format!("0\r\n\r\n{hidden}");
        let sent = request(&headers(front_reads_the_length.len()), &front_reads_the_length);
        doors.expect("the length covers the hidden one", sent, Answered(400)).await;
        let front_reads_chunks = chunked() + &hidden;
        doors.expect("the chunks end before it", request(&headers(4), &front_reads_chunks), ReadOnce).await;
    }
}

#[tokio::test]
async fn a_length_is_one_number_or_none() {
    let doors = Doors::open().await;
    let (first, hidden) = (body("first"), hidden());
    let (length, longer) = (first.len(), first.len() + hidden.len());
    let both = format!("{first}{hidden}");
    for (a, b) in [(length, longer), (longer, length)] {
        let headers = format!("host: a\r\ncontent-length: {a}\r\ncontent-length: {b}\r\n");
        doors.expect("two lengths", request(&headers, &both), Refused).await;
    }
    for value in [
        format!("+{length}"),
        format!("-{length}"),
        format!("{length}, {longer}"),
        format!("{length}, {length}"),
        format!("{length} {longer}"),
        format!("{length};"),
        format!("0x{length:x}"),
        format!("{length}.0"),
        format!("{length}\t1"),
        "1e2".into(),
        String::new(),
        "18446744073709551616".into(),
        "18446744073709551615".into(),
        "99999999999999999999999999999999999999".into(),
    ] {
        let sent = request(&format!("host: a\r\ncontent-length: {value}\r\n"), &both);
        let before = doors.upstream.calls();
        let said = doors.say(sent.as_bytes()).await;
        assert!(!said.contains(" 200 ") && doors.upstream.calls() == before, "{value:?}: {said}");
        assert!(said.matches("HTTP/1.1").count() <= 1, "{value:?}: {said}");
    }
    let same_twice = format!("host: a\r\ncontent-length: {length}\r\ncontent-length: {length}\r\n");
    doors.expect("the same twice", request(&same_twice, &first), ReadOnce).await;
}

#[tokio::test]
async fn no_encoding_but_chunked_is_understood() {
    let doors = Doors::open().await;
    let sent = chunked() + &hidden();
    for value in [
        "chunked, identity",
        "identity, chunked",
        "identity",
        "gzip, chunked",
        "xchunked",
        "chunkedx",
        "chunked;q=1",
        "\"chunked\"",
        "chunked, chunked",
        "chunked,",
        ",chunked",
        "",
        "\x0bchunked",
        "chunked\x0b",
        "\u{a0}chunked",
        "chunked\r\ntransfer-encoding: identity",
        "identity\r\ntransfer-encoding: chunked",
        "chunked\r\ntransfer-encoding: chunked",
        "\r\n chunked",
        "chun\r\n ked",
        "chunked\r\n , identity",
    ] {
        let headers = format!("host: a\r\ntransfer-encoding: {value}\r\n");
        doors.expect(&format!("{value:?}"), request(&headers, &sent), Refused).await;
    }
    for name in [
        "transfer-encoding ",
        "transfer-encoding\t",
        " transfer-encoding",
        "transfer\0-encoding",
        "transfer_encoding\x0b",
    ] {
        let headers = format!("host: a\r\n{name}: chunked\r\n");
        doors.expect(&format!("{name:?}"), request(&headers, &sent), Refused).await;
    }
    let old = format!("POST /v1/chat/completions HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{sent}");
    doors.expect("HTTP/1.0 has no encodings", old, Refused).await;
    let other_name = format!("host: a\r\ntransfer_encoding: chunked\r\ncontent-length: {}\r\n", body("first").len());
    doors.expect("a name that only looks like it", request(&other_name, &body("first")), ReadOnce).await;
    let case = request("host: a\r\nTrAnSfEr-EnCoDiNg:   ChUnKeD  \r\n", &chunked());
    doors.expect("in any case", case, ReadOnce).await;
}

#[tokio::test]
async fn chunks_are_read_to_the_letter() {
    let doors = Doors::open().await;
    let (first, hidden) = (body("first"), hidden());
    let size = first.len();
    let after = format!("\r\n{first}\r\n0\r\n\r\n{hidden}");
    for line in [
        "10000000000000000".to_owned(),
        format!("ffffffffffffffff{size:x}"),
        format!("-{size:x}"),
        format!("+{size:x}"),
        format!("0x{size:x}"),
        format!(" {size:x}"),
        format!("{size:x} 1"),
        format!("{size:x},1"),
        String::new(),
        "g".into(),
        format!("{size:x};a\nb"),
        format!("{size:x};{}", "x".repeat(20_000)),
    ] {
        let sent = request("host: a\r\ntransfer-encoding: chunked\r\n", &format!("{line}{after}"));
        doors.expect(&format!("a size line of {line:.20?}"), sent, Refused).await;
    }
    for (what, chunks) in [
        ("a line feed alone after the size", format!("{size:x}\n{first}\r\n0\r\n\r\n")),
        ("more than was said", format!("{:x}\r\n{first}\r\n0\r\n\r\n", size - 1)),
        ("less than was said", format!("{:x}\r\n{first}\r\n0\r\n\r\n", size + 1)),
        ("a line feed alone after the data", format!("{size:x}\r\n{first}\n0\r\n\r\n")),
        ("a line feed alone at the end", format!("{size:x}\r\n{first}\r\n0\n\n")),
    ] {
        let sent = request("host: a\r\ntransfer-encoding: chunked\r\n", &format!("{chunks}{hidden}"));
        doors.expect(what, sent, Refused).await;
    }
    let trailers = format!("{size:x}\r\n{first}\r\n0\r\ncontent-length: 9\r\nx-semroute-strategy: best\r\n\r\n");
    let sent = request("host: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n", &trailers);
    doors.expect("trailers change nothing", sent, ReadOnce).await;
}

#[tokio::test]
async fn lines_end_where_they_end_and_hold_no_control_characters() {
    let doors = Doors::open().await;
    let (first, hidden) = (body("first"), hidden());
    let length = first.len();
    let framed = format!("content-length: {length}\r\n");
    for header in [
        "x: a\rcontent-length: 0\r\n",
        "x: a\rb\r\n",
        "x: a\0b\r\n",
        "x\0: a\r\n",
        "x: a\x7fb\r\n",
        "x: a\x08b\r\n",
        "x : a\r\n",
        "x\r\n",
        ": a\r\n",
        "x: a\r\n folded\r\n",
        "x: a\r\n\tfolded: 1\r\n",
        "x y: a\r\n",
        "x(): a\r\n",
    ] {
        let sent = request(&format!("host: a\r\n{header}{framed}"), &format!("{first}{hidden}"));
        doors.expect(&format!("{header:?}"), sent, Refused).await;
    }
    // A line feed alone ends a line (RFC 9112, section 2.2); it is never part of a value.
    let feeds = format!("{}host: a\ncontent-length: {length}\n\n{first}", POST.replace("\r\n", "\n"));
    doors.expect("line feeds alone", feeds, ReadOnce).await;
    let a_length = format!("host: a\r\nx: a\ncontent-length: {}\r\n{framed}", length + hidden.len());
    doors.expect("a length behind a line feed", request(&a_length, &format!("{first}{hidden}")), Refused).await;
    let chunks = format!("0\r\n\r\n{hidden}");
    let an_encoding = format!("host: a\r\nx: a\ntransfer-encoding: chunked\r\ncontent-length: {}\r\n", chunks.len());
    doors.expect("an encoding behind a line feed", request(&an_encoding, &chunks), Answered(400)).await;
}

#[tokio::test]
async fn the_request_line_is_one_method_one_target_and_one_version() {
    let doors = Doors::open().await;
    let rest = format!("host: a\r\ncontent-length: {}\r\n\r\n{}{}", body("first").len(), body("first"), hidden());
    for line in [
        "POST /v1/chat/completions\r\n",
        "POST /v1/chat/completions HTTP/1.2\r\n",
        "POST /v1/chat/completions HTTP/3\r\n",
        "POST /v1/chat/completions http/1.1\r\n",
        "POST /v1/chat/completions HTTP/1.1 HTTP/1.1\r\n",
        "POST /v1/chat/completions\0 HTTP/1.1\r\n",
        "POST /v1/chat completions HTTP/1.1\r\n",
        "POST  /v1/chat/completions HTTP/1.1\r\n",
        "PO ST /v1/chat/completions HTTP/1.1\r\n",
        "PO\0ST /v1/chat/completions HTTP/1.1\r\n",
        "CONNECT evil.example:443 HTTP/1.1\r\n",
    ] {
        doors.expect(&format!("{line:?}"), format!("{line}{rest}"), Refused).await;
    }
}

#[tokio::test]
async fn the_host_is_stated_once_and_decides_nothing() {
    let doors = Doors::open().await;
    let framed = format!("content-length: {}\r\nconnection: close\r\n", body("first").len());
    let first = body("first");
    doors.expect("no host", request(&framed, &first), Refused).await;
    doors.expect("two hosts", request(&format!("host: a\r\nhost: b\r\n{framed}"), &first), Refused).await;
    let absolute = format!("POST http://evil.example/v1/chat/completions HTTP/1.1\r\nhost: a\r\n{framed}\r\n{first}");
    doors.expect("a target with another host", absolute, ReadOnce).await;
    doors.expect("another host", request(&format!("host: evil.example\r\n{framed}"), &first), ReadOnce).await;
    let old = format!("POST /v1/chat/completions HTTP/1.0\r\n{framed}\r\n{first}");
    doors.expect("HTTP/1.0 may go without", old, ReadOnce).await;
    for received in doors.upstream.received() {
        let host = received.headers["host"].to_str().unwrap();
        assert!(doors.upstream.base_url().contains(host), "the provider was asked as {host}");
    }
    let elsewhere = "GET http://evil.example/v1/nothing HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    doors.expect("there is nothing to fetch from others", elsewhere, Answered(404)).await;
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_no_request() {
    let doors = Doors::open().await;
    let hidden = hidden();
    for (line, status) in [
        ("GET /health/live", 200),
        ("HEAD /health/live", 200),
        ("DELETE /v1/models", 405),
        ("POST /nothing", 404),
        ("GET /v1/chat/completions", 405),
    ] {
        let length = hidden.len();
        let sent = format!("{line} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{hidden}");
        doors.expect(line, sent, Answered(status)).await;
        let sent = format!(
            "{line} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n"
        );
        doors.expect(line, sent, Answered(status)).await;
    }
    let upgrade = "GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n\
                   http2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n";
    doors.expect("no protocol is changed to", upgrade, Answered(200)).await;
}
