//! Makes of a prompt's words what `log_prompts` lets be kept. It runs where rows are written and not where requests wait; words that nobody
//! redacts are not kept.

use std::sync::{Arc, OnceLock};

use ring::rand::{SecureRandom as _, SystemRandom};
use sqlx::AnyPool;

use super::{DecisionRecord, LogPrompts};

/// Makes words fit to be kept.
pub type Redaction = fn(&str) -> String;

const FINGERPRINT_KEY: &str = "fingerprints";
/// Hexadecimal digits: enough to tell the prompts of any store apart.
const FINGERPRINT_DIGITS: usize = 32;
/// As many as a conversation's own digest has.
const SESSION_DIGITS: usize = 16;
const ADD: &str = "INSERT INTO store_secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
const READ: &str = "SELECT value FROM store_secrets WHERE name = $1";

/// What becomes of words on their way into the store.
#[derive(Clone)]
pub(super) struct PromptPolicy {
    mode: LogPrompts,
    /// Known once the store's tables are there. Clones share it.
    key: Arc<OnceLock<[u8; blake3::KEY_LEN]>>,
    redaction: Option<Redaction>,
}

impl PromptPolicy {
    pub(super) fn new(mode: LogPrompts) -> Self {
        Self { mode, key: Arc::default(), redaction: None }
    }

    /// Reads the store's own key for fingerprints, which is made where there is none. Nothing is written before that.
    pub(super) async fn learn_key(&self, pool: &AnyPool) -> Result<(), sqlx::Error> {
        let mut fresh = [0; blake3::KEY_LEN];
        let no_chance = |_| sqlx::Error::Configuration("the system gives no random numbers".into());
        SystemRandom::new().fill(&mut fresh).map_err(no_chance)?;
        sqlx::query(ADD).bind(FINGERPRINT_KEY).bind(fresh.to_vec()).execute(pool).await?;
        // Another replica may have been the first.
        let key: Vec<u8> = sqlx::query_scalar(READ).bind(FINGERPRINT_KEY).fetch_one(pool).await?;
        let key = key.try_into().map_err(|_| sqlx::Error::Decode("the key of the fingerprints is damaged".into()))?;
        // Learnt before, it is the same.
        let _known = self.key.set(key);
        Ok(())
    }

    pub(super) fn redacting(self, redaction: Redaction) -> Self {
        Self { redaction: Some(redaction), ..self }
    }

    fn keyed(&self, text: Option<&str>, digits: usize) -> Option<String> {
        let hash = blake3::keyed_hash(self.key.get()?, text?.as_bytes()).to_hex();
        hash.get(..digits).map(str::to_owned)
    }

    /// Turns the words of a row into what may stay of them.
    pub(super) fn apply(&self, record: &mut DecisionRecord) {
        // A hash without a key of how a conversation began would let a guess at its words be confirmed.
        record.session = self.keyed(record.conversation.take().as_deref(), SESSION_DIGITS).or(record.session.take());
        let Some(words) = record.words.take() else { return };
        if self.mode == LogPrompts::Off {
            return;
        }
        record.fingerprint = self.keyed(Some(&words), FINGERPRINT_DIGITS);
        if self.mode == LogPrompts::Full {
            record.prompt = self.redaction.map(|redact| redact(&words)).filter(|words| !words.is_empty());
        }
    }
}

/// Nothing of the key.
impl std::fmt::Debug for PromptPolicy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PromptPolicy").field("mode", &self.mode).finish_non_exhaustive()
    }
}
