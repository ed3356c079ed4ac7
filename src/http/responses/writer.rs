//! Writes chat completions as responses: a whole one as the response object, a stream as its typed events. A stream that broke, or that cannot
//! be read, ends as failed and never as completed. As at OpenAI, its last event is the end; no `[DONE]` follows.

use axum::body::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::chunk::Chunk;
use super::events::Events;
use super::items::{Status, TooLarge};
use super::output::Output;
use super::response::{Response, ResponseError};
use super::settings::Settings;
use crate::chat::{Usage, error_in, error_message};
use crate::http::protocol::AnswerWriter;

/// The most that is held of one output: the end of a stream repeats all of it.
const MAX_OUTPUT_BYTES: usize = 32 * 1024 * 1024;

/// One response on its way to its client.
pub(super) struct ResponseWriter {
    response: Response,
    output: Output,
    events: Events,
    phase: Phase,
    dropped: Vec<&'static str>,
    /// Seconds since 1970.
    clock: fn() -> u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing was told.
    Silent,
    Speaking,
    /// It was said why the answer ended; the token counts may follow.
    Finished,
    /// The end was told.
    Over,
}

/// Why a response fails.
struct Breach {
    /// As the stream named it, for the `error` event.
    code: Value,
    error: ResponseError,
}

impl ResponseWriter {
    /// For a request with these settings, of which these fields could be told to no model.
    pub(super) fn new(settings: Settings, dropped: Vec<&'static str>, id: Uuid, clock: fn() -> u64) -> Self {
        Self {
            response: Response::new(id, clock(), settings),
            output: Output::new(id.simple().to_string(), MAX_OUTPUT_BYTES),
            events: Events::default(),
            phase: Phase::Silent,
            dropped,
            clock,
        }
    }

    /// With less room for its output.
    #[cfg(test)]
    pub(super) fn limited_to(mut self, max_bytes: usize) -> Self {
        self.output = Output::new(Uuid::nil().simple().to_string(), max_bytes);
        self
    }

    fn take_line(&mut self, line: &[u8]) {
        let line = line.trim_ascii_end();
        if line.starts_with(b":") && self.phase != Phase::Over {
            self.events.comment(line);
        } else if let Some(payload) = line.strip_prefix(b"data:") {
            match payload.trim_ascii() {
                b"" => {}
                b"[DONE]" => self.end(),
                payload => self.take_payload(payload),
            }
        }
    }

    fn take_payload(&mut self, payload: &[u8]) {
        if self.phase == Phase::Over {
            return;
        }
        match serde_json::from_slice(payload) {
            Ok(chunk) => self.take(chunk, error_in(payload).as_ref()),
            Err(_) => self.fail(Breach::unreadable("a piece of the provider's answer cannot be read")),
        }
    }

    /// Takes a chunk, or a whole completion as the only one, with the error that it tells.
    fn take(&mut self, mut chunk: Chunk, error: Option<&Value>) {
        if let Some(usage) = chunk.usage.as_ref().and_then(Usage::from_openai) {
            self.response.usage = Some(usage);
        }
        self.response.model = chunk.model.take().filter(|model| !model.is_empty()).or(self.response.model.take());
        self.response.service_tier = chunk.service_tier.take().or(self.response.service_tier.take());
        self.begin();
        if let Some(error) = error {
            return self.fail(Breach::of_stream(error));
        }
        let Some(choice) = chunk.into_choice().filter(|_| self.phase == Phase::Speaking) else { return };
        let delta = choice.delta.unwrap_or_default();
        let added = self.output.add(delta, choice.logprobs, &mut self.events);
        let finished = added.and_then(|()| choice.finish_reason.map_or(Ok(()), |reason| self.finish(&reason)));
        if finished.is_err() {
            self.fail(Breach::too_large());
        }
    }

    /// Tells that there is a response, once.
    fn begin(&mut self) {
        if self.phase == Phase::Silent {
            self.phase = Phase::Speaking;
            self.tell("response.created");
            self.tell("response.in_progress");
        }
    }

    /// Nothing more is said, for this reason.
    fn finish(&mut self, reason: &str) -> Result<(), TooLarge> {
        self.phase = Phase::Finished;
        self.response.incomplete = match reason {
            "length" => Some("max_output_tokens"),
            "content_filter" => Some("content_filter"),
            _ => None,
        };
        let status = if self.response.incomplete.is_some() { Status::Incomplete } else { Status::Completed };
        self.output.finish(status, &mut self.events)
    }

    /// The completion is over.
    fn end(&mut self) {
        self.begin();
        if self.phase == Phase::Speaking && self.finish("stop").is_err() {
            self.fail(Breach::too_large());
        }
        if self.phase != Phase::Finished {
            return;
        }
        self.phase = Phase::Over;
        let (status, kind) = match self.response.incomplete {
            Some(_) => (Status::Incomplete, "response.incomplete"),
            None => (Status::Completed, "response.completed"),
        };
        self.response.status = status;
        self.response.completed_at = (status == Status::Completed).then(self.clock);
        self.tell(kind);
    }

    fn fail(&mut self, breach: Breach) {
        self.begin();
        self.phase = Phase::Over;
        self.output.break_off();
        self.events.write("error", &json!({"code": breach.code, "message": breach.error.message, "param": null}));
        self.response.status = Status::Failed;
        self.response.incomplete = None;
        self.response.error = Some(breach.error);
        self.tell("response.failed");
    }

    fn tell(&mut self, kind: &'static str) {
        #[derive(serde::Serialize)]
        struct Told<T> {
            response: T,
        }
        let response = self.response.object(self.output.items());
        self.events.write(kind, &Told { response });
    }
}

impl Breach {
    fn unreadable(message: &str) -> Self {
        Self {
            code: "upstream_unreadable".into(),
            error: ResponseError { code: "server_error", message: message.into() },
        }
    }

    fn too_large() -> Self {
        Self::unreadable("the provider's answer is larger than may be held")
    }

    /// The error that a stream has in place of a chunk.
    fn of_stream(error: &Value) -> Self {
        let message = error_message(error).unwrap_or("the provider broke the stream off").to_owned();
        let is_limit = |word: &Value| word.as_str().is_some_and(|word| word.contains("rate_limit"));
        let is_limited = is_limit(&error["code"]) || is_limit(&error["type"]);
        let code = if is_limited { "rate_limit_exceeded" } else { "server_error" };
        let named = match &error["code"] {
            Value::String(code) => code.as_str().into(),
            Value::Number(code) => code.to_string().into(),
            _ => Value::Null,
        };
        Self { code: named, error: ResponseError { code, message } }
    }
}

impl AnswerWriter for ResponseWriter {
    fn write_whole(&mut self, completion: Bytes) -> Bytes {
        self.events = Events::unwanted();
        let error = error_in(&completion);
        match serde_json::from_slice::<Chunk>(&completion) {
            Ok(completion) if completion.has_choice() || error.is_some() => {
                self.take(completion.numbered(), error.as_ref());
                self.end();
            }
            _ => self.fail(Breach::unreadable("the provider's answer cannot be read")),
        }
        let object = self.response.object(self.output.items());
        // Strings, numbers and what was JSON before cannot fail to be written.
        serde_json::to_vec(&object).map(Bytes::from).unwrap_or_default()
    }

    fn write_events(&mut self, lines: Bytes) -> Bytes {
        lines.split(|&byte| byte == b'\n').for_each(|line| self.take_line(line));
        // A line is cut only where it is too long to be held, and then a part of the answer is lost.
        if !lines.ends_with(b"\n") && self.phase != Phase::Over {
            self.fail(Breach::too_large());
        }
        self.events.take()
    }

    fn dropped(&self) -> &[&'static str] {
        &self.dropped
    }
}
