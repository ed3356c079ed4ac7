//! Conversations and the models they have: remembered in memory, bounded, forgotten when they rest. A conversation is what the client names,
//! or the same instructions and the same first turn under the same key.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;

use super::config::SessionConfig;
use super::holding::Held;
use super::session_news::{Newsroom, SessionNews};
use crate::chat::{ChatRequest, Role};

/// Texts are hashed by their ends alone beyond this many bytes: an instruction of a megabyte would cost more than routing does.
const HASHED_BYTES: usize = 16 * 1024;

/// Which conversation a request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// Tells it from others without telling what it is made of: 16 hexadecimal digits.
    pub fn digest(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex()[..16].to_owned()
    }

    fn news(&self, model: &str, choice: Option<(f64, u64)>, spent_usd: f64) -> SessionNews {
        let session = blake3::Hash::from_bytes(self.0).to_hex().to_string();
        SessionNews { session, model: model.to_owned(), choice, spent_usd }
    }

    /// By the client's own name for it (`named`), else by its beginning. Conversations of different `caller`s are never the same.
    pub(super) fn of(request: &ChatRequest, named: Option<&str>, caller: Option<&str>) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut add = |part: &[u8]| {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        };
        add(caller.unwrap_or_default().as_bytes());
        match named {
            Some(named) => {
                add(b"named");
                add(named.as_bytes());
            }
            None => {
                add(b"begins");
                let until_first_turn = request.messages().iter().position(|message| message.role == Role::User);
                let beginning = &request.messages()[..until_first_turn.map_or(request.messages().len(), |at| at + 1)];
                for text in beginning.iter().flat_map(|message| message.content.texts()) {
                    let bytes = text.as_bytes();
                    let half = HASHED_BYTES / 2;
                    match bytes.len() > HASHED_BYTES {
                        true => {
                            add(&bytes.len().to_le_bytes());
                            add(&bytes[..half]);
                            add(&bytes[bytes.len() - half..]);
                        }
                        false => add(bytes),
                    }
                }
            }
        }
        Self(*hasher.finalize().as_bytes())
    }
}

/// What is remembered of one conversation.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Session {
    held: Option<Held>,
    spent_usd: f64,
}

impl Session {
    fn note_answer(&mut self, model: &str, cost_usd: f64) {
        self.spent_usd += cost_usd;
        if let Some(held) = &mut self.held
            && held.model != model
        {
            model.clone_into(&mut held.model);
        }
    }
}

/// All conversations. Clones share them.
#[derive(Clone)]
pub(super) struct Sessions {
    remembered: Cache<SessionKey, Arc<Mutex<Session>>>,
    stick: bool,
    news: Arc<Newsroom>,
}

impl Sessions {
    pub(super) fn new(config: SessionConfig) -> Self {
        let remembered = Cache::builder()
            .max_capacity(config.most)
            .time_to_idle(Duration::from_secs(config.idle_minutes.saturating_mul(60)))
            .build();
        Self { remembered, stick: config.stick, news: Arc::default() }
    }

    /// The model that the conversation has, and what it has spent.
    pub(super) fn look(&self, key: &SessionKey) -> (Option<Held>, f64) {
        self.remembered.get(key).map_or((None, 0.0), |session| {
            let session = locked(&session);
            (session.held.clone().filter(|_| self.stick), session.spent_usd)
        })
    }

    /// Remembers the model that was chosen. While it is the same one, it stays chosen for the turn that it was chosen for.
    pub(super) fn note_choice(&self, key: SessionKey, model: &str, complexity_score: f64, prompt_tokens: u64) {
        let session = self.remembered.get_with(key, Arc::default);
        let mut session = locked(&session);
        let same = session.held.take().filter(|held| held.model == model);
        let complexity_score = same.map_or(complexity_score, |held| held.complexity_score);
        session.held = Some(Held { model: model.to_owned(), complexity_score, prompt_tokens, failed_turns: 0 });
        self.news.tell(|| key.news(model, Some((complexity_score, prompt_tokens)), 0.0));
    }

    /// Adds what an answer cost, and remembers who gave it where that was a fallback.
    pub(super) fn note_answer(&self, key: SessionKey, model: &str, cost_usd: f64) {
        let session = self.remembered.get_with(key, Arc::default);
        let mut session = locked(&session);
        session.note_answer(model, cost_usd);
        self.news.tell(|| key.news(model, None, cost_usd));
    }

    /// What happened in conversations since the last call.
    pub(super) fn take_news(&self) -> Vec<SessionNews> {
        self.news.take()
    }

    /// What happened in a conversation at another replica.
    pub(super) fn note_news(&self, news: SessionNews) {
        let Ok(key) = blake3::Hash::from_hex(&news.session) else { return };
        let session = self.remembered.get_with(SessionKey(*key.as_bytes()), Arc::default);
        let mut session = locked(&session);
        match news.choice {
            Some((complexity_score, prompt_tokens)) => {
                session.held = Some(Held { model: news.model, complexity_score, prompt_tokens, failed_turns: 0 });
            }
            None if news.spent_usd.is_finite() => session.note_answer(&news.model, news.spent_usd.max(0.0)),
            None => {}
        }
    }
}

fn locked(session: &Mutex<Session>) -> std::sync::MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(messages: &serde_json::Value) -> ChatRequest {
        ChatRequest::from_messages(messages).unwrap()
    }

    #[test]
    fn a_conversation_is_known_by_its_beginning() {
        let begun = json!([{"role": "system", "content": "You help."}, {"role": "user", "content": "fix the parser"}]);
        let went_on = json!([
            {"role": "system", "content": "You help."}, {"role": "user", "content": "fix the parser"},
            {"role": "assistant", "content": "Done."}, {"role": "user", "content": "now the lexer"}]);
        let other = json!([{"role": "system", "content": "You help."}, {"role": "user", "content": "fix the lexer"}]);
        let key = |messages, named, caller| SessionKey::of(&request(messages), named, caller);
        assert_eq!(key(&begun, None, None), key(&went_on, None, None));
        assert_ne!(key(&begun, None, None), key(&other, None, None));
        assert_ne!(key(&begun, None, Some("a")), key(&begun, None, Some("b")), "never across callers");
        assert_eq!(key(&begun, Some("s1"), None), key(&other, Some("s1"), None));
        assert_ne!(key(&begun, Some("s1"), None), key(&begun, Some("s2"), None));
    }

    #[test]
    fn long_instructions_are_told_apart_by_their_ends_and_their_length() {
        let begins = |text: String| SessionKey::of(&request(&json!([{"role": "user", "content": text}])), None, None);
        let long = "word ".repeat(10_000);
        assert_eq!(begins(long.clone()), begins(long.clone()));
        assert_ne!(begins(long.clone()), begins(format!("{long}x")));
        assert_ne!(begins(long.clone()), begins(format!("x{}", &long[1..])));
    }

    #[test]
    fn what_is_told_elsewhere_is_remembered_there() {
        let (here, there) = (Sessions::new(SessionConfig::default()), Sessions::new(SessionConfig::default()));
        let key = SessionKey::of(&request(&json!([{"role": "user", "content": "hi"}])), Some("s"), None);
        here.note_choice(key, "small", 0.25, 100);
        assert!(here.take_news().is_empty(), "nobody had asked for it");
        here.note_choice(key, "large", 0.5, 200);
        here.note_answer(key, "backup", 0.5);
        for news in here.take_news() {
            let told = serde_json::to_string(&news).unwrap();
            there.note_news(serde_json::from_str(&told).unwrap());
        }
        assert_eq!(there.look(&key), here.look(&key));
        assert_eq!(there.look(&key).0.unwrap().model, "backup");
        assert!(there.take_news().is_empty(), "news from elsewhere is not told on");
    }

    #[test]
    fn the_model_and_the_spend_are_remembered_and_bounded() {
        let sessions = Sessions::new(SessionConfig { most: 2, ..SessionConfig::default() });
        let key =
            |named: &str| SessionKey::of(&request(&json!([{"role": "user", "content": "hi"}])), Some(named), None);
        sessions.note_choice(key("a"), "small", 0.25, 100);
        sessions.note_choice(key("a"), "small", 0.75, 300);
        sessions.note_answer(key("a"), "small", 0.25);
        sessions.note_answer(key("a"), "backup", 0.5);
        let (held, spent) = sessions.look(&key("a"));
        let held = held.unwrap();
        assert_eq!((held.model.as_str(), held.prompt_tokens), ("backup", 300));
        assert!((held.complexity_score - 0.25).abs() < 1e-9, "it was chosen for the first turn");
        assert!((spent - 0.75).abs() < 1e-9);
        (0..50).for_each(|at| sessions.note_choice(key(&format!("s{at}")), "small", 0.5, 1));
        sessions.remembered.run_pending_tasks();
        assert!(sessions.remembered.entry_count() <= 2);
    }
}
