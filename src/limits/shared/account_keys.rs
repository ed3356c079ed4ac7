//! The names of accounts in Redis: a hash of who it is, in one slot of a cluster, because a script changes several at once.

/// Makes names.
pub(super) struct AccountKeys {
    prefix: String,
    batches: String,
    rests: String,
    board: String,
    everybody: [String; 2],
}

impl AccountKeys {
    pub(super) fn new(prefix: &str) -> Self {
        let batches = format!("{{{prefix}}}:batches:");
        let rests = format!("{{{prefix}}}:rests");
        let board = format!("{{{prefix}}}:board");
        let prefix = format!("{{{prefix}}}:account:");
        let everybody = pair(&prefix, "everybody");
        Self { prefix, batches, rests, board, everybody }
    }

    /// What endpoints of providers are left alone.
    pub(super) fn rests(&self) -> &str {
        &self.rests
    }

    /// What replicas tell each other of conversations.
    pub(super) fn board(&self) -> &str {
        &self.board
    }

    /// The number of the last batch that a replica told of a kind.
    pub(super) fn batches(&self, replica: &str, kind: &str) -> String {
        format!("{}{replica}:{kind}", self.batches)
    }

    /// The counters and the leases of a caller, or of everybody.
    pub(super) fn of(&self, identity: Option<&str>) -> [String; 2] {
        match identity {
            None => self.everybody.clone(),
            Some(identity) => pair(&self.prefix, &hashed(identity)),
        }
    }
}

fn pair(prefix: &str, name: &str) -> [String; 2] {
    [format!("{prefix}{name}"), format!("{prefix}{name}:leases")]
}

fn hashed(identity: &str) -> String {
    blake3::derive_key("semroute 2026 names of accounts in the shared state", identity.as_bytes())[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_callers_apart_and_nobody_who_they_are() {
        let keys = AccountKeys::new("semroute");
        let [counters, leases] = keys.of(Some("jwt:alice@example.com"));
        assert!(counters.starts_with("{semroute}:account:") && leases.starts_with(&counters));
        assert!(!counters.contains("alice") && counters != keys.of(Some("jwt:bob@example.com"))[0]);
        assert_ne!(keys.of(Some("everybody")), keys.of(None));
    }
}
