//! An answer that will be kept once it is whole: taken down beside what the client is given, and never in its way. What breaks off, is refused or
//! grows too long is forgotten.

use axum::body::Bytes;
use std::time::Duration;

use super::{Nearby, now_unix_ms};
use crate::chat::Usage;
use crate::gateway::{Answer, AnswerBody, AssembledAnswer, Outcome, is_worth_keeping};
use crate::limits::ResponseCache;
use crate::limits::cache::{CacheKey, CachedAnswer};

/// An answer on its way.
pub(in crate::http) struct Pending {
    cache: ResponseCache,
    key: CacheKey,
    ttl: Duration,
    nearby: Option<Nearby>,
    answering: Option<Answering>,
}

/// Who answers, and what has come.
struct Answering {
    model: String,
    provider: String,
    dropped: Vec<String>,
    said: Said,
}

enum Said {
    Whole(Bytes),
    Stream(AssembledAnswer),
}

impl Pending {
    pub(super) fn new(cache: ResponseCache, key: CacheKey, ttl: Duration, nearby: Option<Nearby>) -> Self {
        Self { cache, key, ttl, nearby, answering: None }
    }

    /// A model answers. An answer that failed every gate is handed on for want of a better one, and not worth keeping.
    pub(in crate::http) fn note_answer(&mut self, answer: &Answer) {
        let of_model = answer.attempts.iter().rev().find(|attempt| attempt.model == answer.model);
        let has_passed = of_model.is_some_and(|attempt| matches!(attempt.outcome, Outcome::Answered { .. }));
        if !answer.status.is_success() || !has_passed {
            return;
        }
        let said = match &answer.body {
            AnswerBody::Whole { bytes, .. } => Said::Whole(bytes.clone()),
            AnswerBody::Stream { .. } => Said::Stream(AssembledAnswer::new(self.cache.config().max_entry_bytes())),
        };
        let (model, provider) = (answer.model.clone(), answer.provider.clone());
        self.answering = Some(Answering { model, provider, dropped: answer.dropped.clone(), said });
    }

    /// Lines of a stream, in OpenAI's shape.
    pub(in crate::http) fn note_lines(&mut self, lines: &[u8]) {
        if let Some(Answering { said: Said::Stream(answer), .. }) = &mut self.answering {
            answer.push(lines);
        }
    }

    /// The answer is whole.
    pub(in crate::http) fn keep(self, usage: Option<Usage>) {
        let Some(Answering { model, provider, dropped, said }) = self.answering else { return };
        let completion = match said {
            Said::Whole(bytes) if bytes.len() <= self.cache.config().max_entry_bytes() => Some(bytes),
            Said::Whole(_) => None,
            Said::Stream(answer) => answer.finish(usage),
        };
        let Some(completion) = completion.filter(|completion| is_worth_keeping(completion)) else { return };
        let now = now_unix_ms();
        let answer = CachedAnswer { completion, model, provider, dropped, stored_unix_ms: now, ttl: self.ttl };
        if self.cache.put(self.key, answer)
            && let Some((likeness, nearby)) = self.cache.likeness().zip(self.nearby)
        {
            likeness.remember(nearby.surroundings, nearby.prompt, self.key, now, self.ttl);
        }
    }
}
