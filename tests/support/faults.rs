//! The faults that a provider may have, one row each: what it does, and what a client sees of it. `docs/faults.md` has the same rows.

use std::time::Duration;

use super::faulty_upstream::{Asked, AtAccept, FaultyUpstream, Step};
use crate::common::{DONE, completion, deserted_base_url, stop_event, usage_event, word};

/// One fault.
pub struct Fault {
    pub name: &'static str,
    /// What the provider does, in words.
    pub does: &'static str,
    /// In place of an answer, or in the middle of a whole one.
    pub at_first: Option<AtFirst>,
    /// After the first event of a stream.
    pub mid_stream: Option<MidStream>,
    /// Whether thousands of it cost little.
    pub is_cheap: bool,
}

/// A fault before anything reached the client.
pub struct AtFirst {
    pub asked_for: &'static [Asking],
    pub provider: Provider,
    /// Lines of its `[[providers]]` table.
    pub limits: &'static str,
    /// What the client sees where no other model can be asked.
    pub alone: Sees,
}

/// A fault after the first word of a stream.
pub struct MidStream {
    pub steps: fn() -> Vec<Step>,
    pub limits: &'static str,
    /// The whole events that come after the first word.
    pub comes: fn() -> String,
    pub end: End,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    Whole,
    Stream,
}

/// A provider with a fault.
#[derive(Clone, Copy)]
pub enum Provider {
    Deserted,
    AtAccept(AtAccept),
    Answers(fn(&Asked) -> Vec<Step>),
}

/// What a client sees.
#[derive(Debug, Clone, Copy)]
pub enum Sees {
    /// The gateway's error.
    Error { status: u16, code: &'static str, retry_after: Option<u64> },
    /// An answer with this status and text. The words say so in the document.
    Answer { status: u16, text: fn() -> String, words: &'static str },
    /// The provider's refusal, which is only handed on where no other model answers.
    LastResort { status: u16, text: fn() -> String, words: &'static str },
}

/// How a stream ends for the client.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// With the gateway's error event, whose message holds these words, and `[DONE]`.
    BrokenOff(&'static str),
    /// With `[DONE]` after what came. The words say so in the document.
    Sealed(&'static str),
}

pub const BOTH: &[Asking] = &[Asking::Whole, Asking::Stream];
pub const WHOLE: &[Asking] = &[Asking::Whole];
pub const STREAM: &[Asking] = &[Asking::Stream];

const FIRST_BYTE: &str = "first_byte_timeout_ms = 200";
const BETWEEN_CHUNKS: &str = "between_chunks_timeout_ms = 200";
/// Longer, because the answer has to begin within it on a busy machine, too.
const TOTAL: &str = "total_timeout_ms = 1000";

const FAILED: Sees = Sees::Error { status: 502, code: "upstream_failed", retry_after: None };
const TIMED_OUT: Sees = Sees::Error { status: 504, code: "upstream_timeout", retry_after: None };
const UNAVAILABLE: Sees = Sees::Error { status: 503, code: "upstream_unavailable", retry_after: None };

const DRIP: Duration = Duration::from_millis(5);

impl Fault {
    fn new(name: &'static str, does: &'static str) -> Self {
        Self { name, does, at_first: None, mid_stream: None, is_cheap: true }
    }

    fn at_first(mut self, asked_for: &'static [Asking], provider: Provider, limits: &'static str, alone: Sees) -> Self {
        self.at_first = Some(AtFirst { asked_for, provider, limits, alone });
        self
    }

    fn answers(self, asked_for: &'static [Asking], script: fn(&Asked) -> Vec<Step>, alone: Sees) -> Self {
        self.at_first(asked_for, Provider::Answers(script), "", alone)
    }

    fn mid_stream(mut self, limits: &'static str, steps: fn() -> Vec<Step>, comes: fn() -> String, end: End) -> Self {
        self.mid_stream = Some(MidStream { steps, limits, comes, end });
        self
    }

    fn costly(mut self) -> Self {
        self.is_cheap = false;
        self
    }
}

impl Provider {
    /// A running one, and where it is.
    pub async fn start(self) -> (Option<FaultyUpstream>, String) {
        let upstream = match self {
            Self::Deserted => return (None, deserted_base_url()),
            Self::AtAccept(at_accept) => FaultyUpstream::at_accept(at_accept).await,
            Self::Answers(script) => FaultyUpstream::start(script).await,
        };
        let base_url = upstream.base_url();
        (Some(upstream), base_url)
    }

    /// Whether its connection can be used again after this fault.
    pub fn keeps_connection(self, asking: Asking) -> bool {
        let Self::Answers(script) = self else { return false };
        let body = serde_json::json!({"stream": asking == Asking::Stream}).to_string().into_bytes();
        matches!(script(&Asked { head: String::new(), body }).last(), Some(Step::Next))
    }
}

/// All of them.
pub fn faults() -> Vec<Fault> {
    let nothing = String::new;
    vec![
        Fault::new("connection_refused", "refuses the connection").at_first(BOTH, Provider::Deserted, "", UNAVAILABLE),
        Fault::new("connection_reset", "accepts the connection and resets it").at_first(
            BOTH,
            Provider::AtAccept(AtAccept::Reset),
            "",
            FAILED,
        ),
        Fault::new("connection_closed", "accepts the connection and closes it").at_first(
            BOTH,
            Provider::AtAccept(AtAccept::Close),
            "",
            FAILED,
        ),
        Fault::new("never_reads", "accepts the connection and never reads").at_first(
            BOTH,
            Provider::AtAccept(AtAccept::NeverRead),
            FIRST_BYTE,
            TIMED_OUT,
        ),
        Fault::new("silence", "says nothing")
            .at_first(BOTH, Provider::Answers(|_| vec![Step::Stall]), FIRST_BYTE, TIMED_OUT)
            .mid_stream(BETWEEN_CHUNKS, || vec![Step::Stall], nothing, End::BrokenOff("silent in the middle")),
        Fault::new("slow_first_byte", "answers well, but later than `first_byte_timeout_ms`").at_first(
            BOTH,
            Provider::Answers(|asked| [vec![Step::Pause(Duration::from_secs(60))], good(asked)].concat()),
            FIRST_BYTE,
            TIMED_OUT,
        ),
        Fault::new("slow_header", "sends a header that never ends, byte by byte").at_first(
            BOTH,
            Provider::Answers(|_| vec![send("HTTP/1.1 200 OK\r\nx-slow: "), Step::Repeat(b"z".to_vec(), DRIP)]),
            FIRST_BYTE,
            TIMED_OUT,
        ),
        Fault::new("endless_header", "sends headers without end")
            .answers(
                BOTH,
                |_| {
                    let headers = format!("x-more: {}\r\n", "z".repeat(1000)).repeat(16);
                    vec![send("HTTP/1.1 200 OK\r\n"), Step::Repeat(headers.into_bytes(), Duration::ZERO)]
                },
                FAILED,
            )
            .costly(),
        Fault::new("endless_early_hints", "sends status 103 again and again").at_first(
            BOTH,
            Provider::Answers(|_| vec![Step::Repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec(), DRIP)]),
            FIRST_BYTE,
            TIMED_OUT,
        ),
        Fault::new("no_http", "sends bytes that are no HTTP")
            .answers(BOTH, |_| vec![Step::Send(vec![0x16, 0x03, 0x01, 0x00, 0xff, 0x0a, 0x0a])], FAILED)
            .mid_stream("", || vec![send("no length of a chunk\r\n")], nothing, End::BrokenOff("the connection broke")),
        Fault::new("status_101", "answers 101: switching protocols").answers(
            BOTH,
            |_| vec![send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n")],
            FAILED,
        ),
        Fault::new("status_204", "answers 204 and no body").answers(
            BOTH,
            |_| vec![send("HTTP/1.1 204 No Content\r\n\r\n"), Step::Next],
            FAILED,
        ),
        Fault::new("status_302", "redirects to another address").answers(
            BOTH,
            |_| status("302 Found", "location: http://127.0.0.1:1/v1\r\n"),
            FAILED,
        ),
        Fault::new("status_400", "refuses the request itself").answers(
            BOTH,
            |_| status("400 Bad Request", ""),
            Sees::Answer { status: 400, text: error_body, words: "400 and the provider's explanation" },
        ),
        Fault::new("status_401", "refuses the key").answers(BOTH, |_| status("401 Unauthorized", ""), FAILED),
        Fault::new("status_403", "forbids it").answers(
            BOTH,
            |_| status("403 Forbidden", ""),
            Sees::LastResort { status: 403, text: error_body, words: "403 and the provider's explanation" },
        ),
        Fault::new("status_404", "knows no such model").answers(BOTH, |_| status("404 Not Found", ""), FAILED),
        Fault::new("status_408", "answers 408: it waited for the request for too long").answers(
            BOTH,
            |_| status("408 Request Timeout", ""),
            TIMED_OUT,
        ),
        Fault::new("status_429", "answers 429").answers(
            BOTH,
            |_| status("429 Too Many Requests", ""),
            Sees::Error { status: 429, code: "upstream_rate_limited", retry_after: None },
        ),
        Fault::new("status_429_seconds", "answers 429 with `Retry-After: 7`").answers(
            BOTH,
            |_| status("429 Too Many Requests", "retry-after: 7\r\n"),
            Sees::Error { status: 429, code: "upstream_rate_limited", retry_after: Some(7) },
        ),
        Fault::new("status_429_date", "answers 429 with a `Retry-After` that is a date 30 seconds ahead").answers(
            BOTH,
            |_| {
                let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(30));
                status("429 Too Many Requests", &format!("retry-after: {date}\r\n"))
            },
            Sees::Error { status: 429, code: "upstream_rate_limited", retry_after: Some(30) },
        ),
        Fault::new("status_429_milliseconds", "answers 429 with `retry-after-ms: 1500`").answers(
            BOTH,
            |_| status("429 Too Many Requests", "retry-after-ms: 1500\r\n"),
            Sees::Error { status: 429, code: "upstream_rate_limited", retry_after: Some(2) },
        ),
        Fault::new("status_500", "answers 500").answers(BOTH, |_| status("500 Internal Server Error", ""), FAILED),
        Fault::new("status_503", "answers 503").answers(BOTH, |_| status("503 Service Unavailable", ""), UNAVAILABLE),
        Fault::new("status_503_seconds", "answers 503 with `Retry-After: 7`").answers(
            BOTH,
            |_| status("503 Service Unavailable", "retry-after: 7\r\n"),
            Sees::Error { status: 503, code: "upstream_unavailable", retry_after: Some(7) },
        ),
        Fault::new("status_504", "answers 504").answers(BOTH, |_| status("504 Gateway Timeout", ""), TIMED_OUT),
        Fault::new("status_999", "answers a status that does not exist").answers(
            BOTH,
            |_| status("999 Whatever", ""),
            FAILED,
        ),
        Fault::new("web_page", "answers 200 with a web page").answers(
            BOTH,
            |_| vec![answer("200 OK", "content-type: text/html\r\n", "<html>\ndata: center\n</html>\n"), Step::Next],
            FAILED,
        ),
        Fault::new("garbage", "answers 200, and what should be JSON is none")
            .answers(
                BOTH,
                |asked| match asked.is_stream() {
                    true => vec![stream_head(), chunk("data: garb\u{fffd}age\n\n"), last_chunk(), Step::Next],
                    false => vec![answer("200 OK", JSON, "garb\u{fffd}age"), Step::Next],
                },
                FAILED,
            )
            .mid_stream(
                "",
                || vec![chunk("data: garbage\n\n"), chunk(&(stop_event() + DONE)), last_chunk(), Step::Next],
                || "data: garbage\n\n".to_owned() + &stop_event(),
                End::Sealed("what came, as it came"),
            ),
        Fault::new("half_json", "answers 200, and the JSON ends in its middle")
            .answers(
                BOTH,
                |asked| match asked.is_stream() {
                    true => vec![stream_head(), chunk(&half(&word("Hello"))), last_chunk(), Step::Next],
                    false => vec![answer("200 OK", JSON, &half(&completion("Hello").to_string())), Step::Next],
                },
                FAILED,
            )
            .mid_stream(
                "",
                || vec![chunk(&half(&word("more"))), last_chunk(), Step::Next],
                nothing,
                End::BrokenOff("before the answer was complete"),
            ),
        Fault::new("no_choices", "answers 200 with JSON that is no answer").answers(
            BOTH,
            |asked| match asked.is_stream() {
                true => vec![stream_head(), chunk("data: {\"id\": \"1\"}\n\n"), last_chunk(), Step::Next],
                false => vec![answer("200 OK", JSON, "{\"id\": \"1\"}"), Step::Next],
            },
            FAILED,
        ),
        Fault::new("error_object", "answers 200 with an error object").answers(
            BOTH,
            |_| vec![answer("200 OK", JSON, &error_body()), Step::Next],
            FAILED,
        ),
        Fault::new("error_event", "sends an error in place of an event, and keeps the stream open")
            .answers(STREAM, |_| vec![stream_head(), chunk(&error_event()), Step::Stall], FAILED)
            .mid_stream(
                "",
                || vec![chunk(&error_event()), Step::Stall],
                error_event,
                End::Sealed("what came, the provider's error event, `[DONE]`"),
            ),
        Fault::new("only_done", "answers 200 with a stream that is `[DONE]` and nothing else").answers(
            STREAM,
            |_| vec![stream_head(), chunk(DONE), last_chunk(), Step::Next],
            FAILED,
        ),
        Fault::new("cut", "closes the connection before the body has ended")
            .answers(BOTH, |asked| body_that_stops(asked, None), FAILED)
            .mid_stream("", Vec::new, nothing, End::BrokenOff("the connection broke")),
        Fault::new("reset", "resets the connection before the body has ended")
            .answers(BOTH, |asked| body_that_stops(asked, Some(Step::Reset)), FAILED)
            .mid_stream("", || vec![Step::Reset], nothing, End::BrokenOff("the connection broke")),
        Fault::new("stalled_body", "says nothing more in the middle of a whole answer").at_first(
            WHOLE,
            Provider::Answers(|asked| body_that_stops(asked, Some(Step::Stall))),
            BETWEEN_CHUNKS,
            TIMED_OUT,
        ),
        Fault::new("dripping_body", "sends a whole answer byte by byte, for longer than `total_timeout_ms`").at_first(
            WHOLE,
            Provider::Answers(|_| {
                vec![
                    send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n"),
                    Step::Repeat(b" ".to_vec(), DRIP),
                ]
            }),
            TOTAL,
            TIMED_OUT,
        ),
        Fault::new("huge_body", "sends a whole answer above `max_answer_bytes`").at_first(
            WHOLE,
            Provider::Answers(|_| {
                let body = completion(&"word ".repeat(2000)).to_string();
                vec![answer("200 OK", JSON, &body), Step::Next]
            }),
            "max_answer_bytes = 4096",
            FAILED,
        ),
        Fault::new("cut_within_event", "closes the connection in the middle of an event")
            .answers(STREAM, |_| vec![stream_head(), chunk(&half(&word("Hello")))], FAILED)
            .mid_stream(
                "",
                || vec![chunk(&(word("more") + &half(&word("and more"))))],
                || word("more"),
                End::BrokenOff("the connection broke"),
            ),
        Fault::new("ended_early", "ends the stream as if it were complete, and it is not")
            .answers(STREAM, |_| vec![stream_head(), last_chunk(), Step::Next], FAILED)
            .mid_stream(
                "",
                || vec![chunk(&word("more")), last_chunk(), Step::Next],
                || word("more"),
                End::BrokenOff("before the answer was complete"),
            ),
        Fault::new("heartbeats_only", "sends heartbeats and no word more")
            .at_first(
                STREAM,
                Provider::Answers(|_| vec![stream_head(), Step::Repeat(chunk_of(BEAT), DRIP)]),
                FIRST_BYTE,
                TIMED_OUT,
            )
            .mid_stream(
                TOTAL,
                || vec![Step::Repeat(chunk_of(BEAT), DRIP)],
                nothing,
                End::BrokenOff("not finished in time"),
            ),
        Fault::new("flood_of_heartbeats", "sends heartbeats as fast as it can")
            .answers(
                STREAM,
                |_| vec![stream_head(), Step::Repeat(chunk_of(&BEAT.repeat(2000)), Duration::ZERO)],
                FAILED,
            )
            .costly(),
        Fault::new("huge_line", "sends a line above 4 MiB")
            .answers(STREAM, |_| vec![stream_head(), huge_line(), Step::Stall], FAILED)
            .mid_stream("", || vec![huge_line(), Step::Stall], nothing, End::BrokenOff("larger than"))
            .costly(),
        Fault::new("no_done", "ends a complete stream without `[DONE]`").answers(
            STREAM,
            |_| vec![stream_head(), chunk(&(word("Hello") + &stop_event())), last_chunk(), Step::Next],
            Sees::Answer {
                status: 200,
                text: || word("Hello") + &stop_event() + DONE,
                words: "the answer, with `[DONE]`",
            },
        ),
        Fault::new("no_finish_reason", "ends a stream with `[DONE]` and without a `finish_reason`").answers(
            STREAM,
            |_| vec![stream_head(), chunk(&(word("Hello") + DONE)), last_chunk(), Step::Next],
            Sees::Answer { status: 200, text: || word("Hello") + DONE, words: "the stream as it came" },
        ),
        Fault::new("half_counts", "ends a complete stream in the middle of the token counts").mid_stream(
            "",
            || vec![chunk(&(stop_event() + &half(&usage_event(1000, 100)))), last_chunk(), Step::Next],
            stop_event,
            End::Sealed("the answer, with `[DONE]`"),
        ),
    ]
}

const JSON: &str = "content-type: application/json\r\n";
const BEAT: &str = ": beat\n\n";

/// What an upstream does that is well: a whole answer or a stream, and the connection stays.
pub fn good(asked: &Asked) -> Vec<Step> {
    if asked.is_stream() {
        let events = word("Hello") + &stop_event() + &usage_event(1000, 100) + DONE;
        return vec![stream_head(), chunk(&events), last_chunk(), Step::Next];
    }
    vec![answer("200 OK", JSON, &completion("Hello").to_string()), Step::Next]
}

/// A status with an explanation, such as `500 Internal Server Error`.
pub fn status(status: &str, headers: &str) -> Vec<Step> {
    vec![answer(status, &format!("{JSON}{headers}"), &error_body()), Step::Next]
}

/// A complete answer.
pub fn answer(status: &str, headers: &str, body: &str) -> Step {
    send(&format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()))
}

/// The head of a stream.
pub fn stream_head() -> Step {
    send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
}

/// A piece of a stream.
pub fn chunk(events: &str) -> Step {
    Step::Send(chunk_of(events))
}

fn chunk_of(events: &str) -> Vec<u8> {
    format!("{:x}\r\n{events}\r\n", events.len()).into_bytes()
}

/// The end of a stream.
pub fn last_chunk() -> Step {
    send("0\r\n\r\n")
}

pub fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

/// A whole answer that stops in its middle, or a stream that stops before its first event.
fn body_that_stops(asked: &Asked, then: Option<Step>) -> Vec<Step> {
    let body = completion("Hello").to_string();
    let begun = match asked.is_stream() {
        true => vec![stream_head(), chunk(BEAT)],
        false => {
            let head = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: {}\r\n\r\n", body.len());
            vec![send(&(head + &half(&body)))]
        }
    };
    begun.into_iter().chain(then).collect()
}

fn huge_line() -> Step {
    chunk(&format!("data: {}", "z".repeat(4 * 1024 * 1024 + 1)))
}

fn half(text: &str) -> String {
    text[..text.len() / 2].to_owned()
}

fn error_body() -> String {
    serde_json::json!({"error": {"message": "the provider's own words", "type": "server_error", "code": null}})
        .to_string()
}

fn error_event() -> String {
    format!("data: {}\n\n", error_body())
}
