//! Which endpoints of providers are left alone, told to the other replicas and heard from them. Knows nothing of what they are: names come hashed.

use std::time::Duration;

use redis::{RedisResult, Script};
use tokio::time::timeout;

use super::{CONNECTS_WITHIN, SharedBook};

/// More than so many do not rest at once; what more there is, every replica finds out by itself.
const MOST: usize = 1000;

impl SharedBook {
    /// Tells what rests here and for how long yet, and hears what rests at any replica; nothing while Redis cannot be reached.
    pub async fn exchange_rests(&self, resting: &[(String, Duration)]) -> Vec<(String, Duration)> {
        if !self.is_up() {
            return Vec::new();
        }
        let script = Script::new(include_str!("rests.lua"));
        let mut invocation = script.key(self.0.keys.rests());
        for (name, pause) in resting.iter().take(MOST) {
            invocation.arg(name).arg(pause.as_millis().to_string());
        }
        let mut connection = self.0.connection.clone();
        let asking = invocation.invoke_async(&mut connection);
        let answer: RedisResult<Vec<(String, u64)>> = match timeout(CONNECTS_WITHIN, asking).await {
            Ok(answer) => answer,
            Err(_elapsed) => return Vec::new(),
        };
        let rests = answer.unwrap_or_else(|error| {
            self.note_down(&error);
            Vec::new()
        });
        rests.into_iter().map(|(name, ms)| (name, Duration::from_millis(ms))).collect()
    }
}
