//! Streamed content as a streamed chat completion, event by event. Nothing is said before the first word, thought or call, so that a stream
//! that breaks off until then can still be answered by another model. Holds one unfinished line and no words.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;

use super::candidate::{CallPlace, Candidate, Response, Said, extra_content};
use super::end::End;
use super::usage::UsageMetadata;
use crate::chat::Usage;
use crate::gateway::dialect::StreamReader;
use crate::gateway::error::error_bytes;
use crate::gateway::provider::redact;
use crate::gateway::sse::{self, LineBuffer};

/// No model gives more answers to one request.
const MOST_ANSWERS: u32 = 8;

/// A stream on its way in.
pub(super) struct ContentStream {
    lines: LineBuffer,
    translation: Translation,
}

impl ContentStream {
    /// A stream of `provider`, whose key is struck out of its errors. `created` is in seconds since 1970.
    pub(super) fn new(provider: &str, key: Option<SecretString>, tells_usage: bool, created: u64) -> Self {
        let translation = Translation {
            provider: provider.to_owned(),
            key,
            tells_usage,
            created,
            id: format!("gemini-{created}"),
            model: "gemini".to_owned(),
            usage: None,
            answers: BTreeMap::new(),
            is_over: false,
        };
        Self { lines: LineBuffer::default(), translation }
    }
}

impl StreamReader for ContentStream {
    fn push(&mut self, chunk: &Bytes, read: &mut dyn FnMut(&[u8])) -> Bytes {
        let mut out = BytesMut::new();
        let _as_it_came = self.lines.push(chunk, |payload| self.translation.take(payload, &mut out));
        if self.lines.is_too_long() {
            self.translation.break_off("an event is too large to be read", &mut out);
        }
        shown(out, read)
    }

    fn finish(&mut self, read: &mut dyn FnMut(&[u8])) -> Bytes {
        let mut out = BytesMut::new();
        let _as_it_came = self.lines.finish(|payload| self.translation.take(payload, &mut out));
        self.translation.close(&mut out);
        shown(out, read)
    }

    fn usage(&self) -> Option<Usage> {
        // The counts grow with the stream, so those of one that goes on are none yet.
        self.translation.is_complete().then_some(self.translation.usage)?.and_then(UsageMetadata::counts)
    }
}

fn shown(out: BytesMut, read: &mut dyn FnMut(&[u8])) -> Bytes {
    sse::payloads(&out).for_each(read);
    out.freeze()
}

struct Translation {
    provider: String,
    key: Option<SecretString>,
    tells_usage: bool,
    created: u64,
    id: String,
    model: String,
    usage: Option<UsageMetadata>,
    /// By their index.
    answers: BTreeMap<u32, Answer>,
    /// The end, or an error in its place, was told.
    is_over: bool,
}

/// One of the answers under way.
#[derive(Default)]
struct Answer {
    is_begun: bool,
    /// Tool calls so far.
    calls: usize,
    /// Signature of the thoughts behind its words.
    signature: Option<String>,
    /// Why it ended. Told when the stream closes, because some models say `STOP` with every event.
    end: Option<End>,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
}

#[derive(Serialize)]
struct Choice {
    index: u32,
    delta: Delta,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Value>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Delta {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<Value>,
}

impl Translation {
    /// Every answer that began has ended.
    fn is_complete(&self) -> bool {
        !self.answers.is_empty() && self.answers.values().all(|answer| answer.end.is_some())
    }

    /// Takes the payload of one event.
    fn take(&mut self, payload: &[u8], out: &mut BytesMut) {
        if self.is_over {
            return;
        }
        match serde_json::from_slice(payload) {
            Ok(response) => self.take_response(response, out),
            Err(_) => self.break_off("an event cannot be read", out),
        }
    }

    fn take_response(&mut self, response: Response, out: &mut BytesMut) {
        if let Some(error) = &response.error {
            return self.break_off(&error.to_string(), out);
        }
        if response.is_blocked() {
            self.answers.entry(0).or_default().end = Some(End::Filter);
        }
        self.usage = response.usage_metadata.or(self.usage);
        if let Some(id) = response.response_id {
            self.id = id;
        }
        if let Some(model) = response.model_version {
            self.model = model;
        }
        for candidate in response.candidates {
            self.take_candidate(candidate, out);
        }
    }

    fn take_candidate(&mut self, candidate: Candidate, out: &mut BytesMut) {
        let index = candidate.index.unwrap_or(0);
        if self.is_over || index >= MOST_ANSWERS {
            return;
        }
        let end = candidate.end();
        if let Some(End::Failed(why)) = end {
            return self.break_off(why, out);
        }
        let logprobs = candidate.logprobs_result.as_ref().map(|result| result.to_openai());
        let Said { words, thoughts, calls, signature } = candidate.into_said();
        let answer = self.answers.entry(index).or_default();
        answer.end = end.or(answer.end);
        answer.signature = signature.or(answer.signature.take());
        if words.is_empty() && thoughts.is_empty() && calls.is_empty() && !(answer.is_begun && logprobs.is_some()) {
            return;
        }
        let before = answer.calls;
        answer.calls += calls.len();
        let calls = calls.into_iter().zip(before..).map(|(called, call)| {
            let mut called = called.into_openai(CallPlace { response_id: &self.id, answer: index, call });
            called["index"] = call.into();
            called
        });
        let delta = Delta {
            content: (!words.is_empty()).then_some(words),
            reasoning_content: (!thoughts.is_empty()).then_some(thoughts),
            tool_calls: calls.collect(),
            ..Delta::default()
        };
        self.begin(index, out);
        self.write(&[Choice { index, delta, logprobs, finish_reason: None }], None, out);
    }

    /// Says who speaks, once.
    fn begin(&mut self, index: u32, out: &mut BytesMut) {
        let answer = self.answers.entry(index).or_default();
        if !std::mem::replace(&mut answer.is_begun, true) {
            let delta = Delta { role: Some("assistant"), content: Some(String::new()), ..Delta::default() };
            self.write(&[Choice { index, delta, logprobs: None, finish_reason: None }], None, out);
        }
    }

    /// The stream was closed.
    fn close(&mut self, out: &mut BytesMut) {
        if self.is_over {
            return;
        }
        if self.is_complete() {
            self.seal(out);
        } else if self.answers.values().any(|answer| answer.end.is_some()) {
            self.break_off("it was closed before every answer was complete", out);
        }
    }

    /// Why each answer ended, the token counts where the client wants them, and the end.
    fn seal(&mut self, out: &mut BytesMut) {
        self.is_over = true;
        let indices: Vec<u32> = self.answers.keys().copied().collect();
        for index in indices {
            self.begin(index, out);
            let Some(Answer { calls, signature, end: Some(end), .. }) = self.answers.get(&index) else { continue };
            let delta = Delta { extra_content: signature.as_deref().map(extra_content), ..Delta::default() };
            let finish_reason = Some(end.finish_reason(*calls > 0));
            self.write(&[Choice { index, delta, logprobs: None, finish_reason }], None, out);
        }
        if let Some(counts) = self.usage.filter(|_| self.tells_usage).and_then(UsageMetadata::counts) {
            self.write(&[], Some(counts.to_openai()), out);
        }
        out.put_slice(b"data: [DONE]\n\n");
    }

    fn write(&self, choices: &[Choice], usage: Option<Value>, out: &mut BytesMut) {
        let (id, model) = (self.id.as_str(), self.model.as_str());
        let chunk = Chunk { id, object: "chat.completion.chunk", created: self.created, model, choices, usage };
        out.put_slice(b"data: ");
        // Neither strings nor numbers can fail to be written.
        let _written = serde_json::to_writer((&mut *out).writer(), &chunk);
        out.put_slice(b"\n\n");
    }

    /// An error in place of what is missing, and the end. What was counted so far is no count of what was written.
    fn break_off(&mut self, why: &str, out: &mut BytesMut) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.usage = None;
        let message = format!("the stream from {} broke: {why}", self.provider);
        out.put_slice(b"data: ");
        out.put_slice(&redact(self.key.as_ref(), error_bytes(message, "upstream_stream_broken")));
        out.put_slice(b"\n\ndata: [DONE]\n\n");
    }
}
