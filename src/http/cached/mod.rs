//! The response cache before a request: looks for an answer before anything is decided or paid, and takes the answer that is then given. What a
//! request asks of it stands in its `Cache-Control`, what the operator allows in `[cache]` and in the routes.

mod directives;
mod key;
mod pending;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::HeaderMap;
use metrics::counter;

use super::AppState;
use super::answer_headers;
use crate::chat::{ChatRequest, Usage};
use crate::gateway::{Answer, AnswerBody};
use crate::limits::ResponseCache;
use crate::limits::cache::likeness::Likened;
use crate::limits::cache::{CacheKey, CacheScope, CachedAnswer, metric};
use crate::routing::{Overrides, RouteCacheSettings};

use directives::Directives;
pub(super) use key::of_body;
pub(super) use pending::Pending;

/// Answers to near prompts that are looked for, one after another: those that made room for others are not there any more, and Redis is asked
/// for each.
const MOST_LOOKED_FOR: usize = 16;

/// What the cache has for a request.
pub(super) enum Looked {
    /// There is no cache.
    Off,
    /// It was not asked, because the operator or the client does not want it; the answer may be kept all the same.
    Bypass(Option<Box<Pending>>),
    /// Nothing; the answer will be kept.
    Miss(Box<Pending>),
    /// An answer.
    Hit(Hit),
}

/// An answer that was kept.
pub(super) struct Hit {
    answer: CachedAnswer,
    age: Duration,
    /// To a prompt that said nearly the same.
    is_semantic: bool,
}

/// How near prompts are looked for.
struct Nearby {
    surroundings: CacheKey,
    prompt: Likened,
}

impl Looked {
    /// The word of `x-semroute-cache`; `None` without a cache.
    fn name(&self) -> Option<&'static str> {
        match self {
            Self::Off => None,
            Self::Bypass(_) => Some("bypass"),
            Self::Miss(_) => Some("miss"),
            Self::Hit(hit) => Some(if hit.is_semantic { "semantic" } else { "hit" }),
        }
    }

    /// Says so in a header, and counts.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let Some(name) = self.name() else { return };
        counter!(metric::REQUESTS, "result" => name).increment(1);
        answer_headers::write_cache(headers, name);
        if let Self::Hit(hit) = self {
            answer_headers::write_age(headers, hit.age);
        }
    }

    /// What will be kept.
    pub(super) fn into_pending(self) -> Option<Box<Pending>> {
        match self {
            Self::Off | Self::Hit(_) => None,
            Self::Bypass(pending) => pending,
            Self::Miss(pending) => Some(pending),
        }
    }
}

impl Hit {
    /// The word of the log.
    pub(super) fn kind(&self) -> &'static str {
        if self.is_semantic { "semantic" } else { "exact" }
    }

    /// The answer as if it had come just now, for nothing.
    pub(super) fn into_answer(self) -> Answer {
        let CachedAnswer { completion, model, provider, dropped, .. } = self.answer;
        let usage = usage_of(&completion);
        let body = AnswerBody::Whole { bytes: completion, usage, cost_usd: Some(0.0) };
        Answer {
            status: axum::http::StatusCode::OK,
            content_type: None,
            retry_after: None,
            dropped,
            model,
            provider,
            attempts: Vec::new(),
            upstream_wait: Duration::ZERO,
            unused_cost_usd: Some(0.0),
            body,
        }
    }
}

/// Looks for an answer. `body` is what `of_body` told.
pub(super) async fn look(
    state: &AppState,
    body: Option<CacheKey>,
    request: &ChatRequest,
    overrides: &Overrides,
    headers: &HeaderMap,
) -> Looked {
    let Some((cache, body)) = state.parts.cache.as_ref().zip(body) else { return Looked::Off };
    let directives = Directives::read(headers);
    let settings = settings(state, cache, request).filter(|_| !directives.no_store);
    let Some(settings) = settings else { return Looked::Bypass(None) };
    let key = key::exact(cache, overrides, body);
    let nearby = settings.semantic.then(|| nearby(cache, request, overrides)).flatten();
    let found = if directives.no_cache { None } else { find(cache, key, nearby.as_ref(), directives.max_age).await };
    if let Some(hit) = found {
        return Looked::Hit(hit);
    }
    let ttl = settings.ttl_seconds.map_or(cache.config().ttl(), |seconds| Duration::from_secs(seconds.get()));
    let pending = Box::new(Pending::new(cache.clone(), key, ttl, nearby));
    if directives.no_cache { Looked::Bypass(Some(pending)) } else { Looked::Miss(pending) }
}

/// How the answer of a request is kept; `None` where it is not.
fn settings(state: &AppState, cache: &ResponseCache, request: &ChatRequest) -> Option<RouteCacheSettings> {
    match state.parts.router.route_asked(request.model()).and_then(|route| route.cache) {
        Some(of_route) => of_route.settings(),
        None if cache.config().scope == CacheScope::All => Some(RouteCacheSettings::default()),
        None => None,
    }
}

fn nearby(cache: &ResponseCache, request: &ChatRequest, overrides: &Overrides) -> Option<Nearby> {
    let (surroundings, prompt) = key::surroundings(cache, request, overrides)?;
    Some(Nearby { surroundings, prompt: cache.likeness()?.read(&prompt)? })
}

/// The answer to the same request, or else to the nearest that says nearly the same and whose answer is still there and young enough.
async fn find(cache: &ResponseCache, key: CacheKey, nearby: Option<&Nearby>, max_age: Option<Duration>) -> Option<Hit> {
    let get = async |key: CacheKey, is_semantic: bool| {
        let answer = cache.get(&key, now_unix_ms()).await?;
        let age = answer.age(now_unix_ms());
        max_age.is_none_or(|most| age <= most).then_some(Hit { answer, age, is_semantic })
    };
    if let Some(hit) = get(key, false).await {
        return Some(hit);
    }
    let nearby = nearby?;
    let near = cache.likeness()?.near(&nearby.surroundings, &nearby.prompt, now_unix_ms());
    for other in near.into_iter().filter(|other| *other != key).take(MOST_LOOKED_FOR) {
        if let Some(hit) = get(other, true).await {
            return Some(hit);
        }
    }
    None
}

/// What a kept completion says of tokens.
fn usage_of(completion: &[u8]) -> Option<Usage> {
    #[derive(serde::Deserialize)]
    struct View {
        usage: serde_json::Value,
    }
    Usage::from_openai(&serde_json::from_slice::<View>(completion).ok()?.usage)
}

fn now_unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::CacheConfig;
    use crate::limits::cache::likeness::Likeness;

    #[tokio::test]
    async fn an_answer_that_is_gone_or_too_old_hides_none_that_is_there() {
        let likeness = Likeness::fit(Box::new(|_| Some(vec![1.0])), None).unwrap();
        let cache = ResponseCache::build(&CacheConfig::default(), None, |_| None, "g").unwrap().with_likeness(likeness);
        let key = |name: &str| cache.key(name, None).finish();
        let (now, ttl) = (now_unix_ms(), Duration::from_secs(3600));
        let likeness = cache.likeness().unwrap();
        let nearby = Nearby { surroundings: key("here"), prompt: likeness.read("What is it?").unwrap() };
        for (model, age_ms) in [("gone", None), ("old", Some(600_000)), ("young", Some(0))] {
            likeness.remember(nearby.surroundings, nearby.prompt.clone(), key(model), now, ttl);
            if let Some(age_ms) = age_ms {
                let answer = CachedAnswer {
                    completion: "{}".into(),
                    model: model.into(),
                    provider: "p".into(),
                    dropped: Vec::new(),
                    stored_unix_ms: now - age_ms,
                    ttl,
                };
                assert!(cache.put(key(model), answer));
            }
        }
        let found = async |max_age| {
            let hit = find(&cache, key("asked"), Some(&nearby), max_age).await?;
            Some((hit.answer.model, hit.is_semantic))
        };
        assert_eq!(found(None).await, Some(("old".to_owned(), true)));
        assert_eq!(found(Some(Duration::from_secs(300))).await, Some(("young".to_owned(), true)));
    }
}
