//! What of the configured endpoints is left alone just now, by names on which replicas with the same configuration agree; and what others found out,
//! believed here.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Gateway;

impl Gateway {
    /// Open breakers and keys that wait, and how much longer.
    pub fn resting(&self) -> Vec<(String, Duration)> {
        let now = Instant::now();
        let of_endpoint = |(name, endpoint): (String, &super::upstream::Endpoint)| {
            let parts = endpoint.resting(now);
            parts.into_iter().map(move |(part, pause)| (format!("{name}:{part}"), pause)).collect::<Vec<_>>()
        };
        self.named_endpoints().flat_map(of_endpoint).collect()
    }

    /// Others found that these rest. What is known here to rest longer still does.
    pub fn rest(&self, told: &[(String, Duration)]) {
        if told.is_empty() {
            return;
        }
        let mut by_endpoint: HashMap<&str, Vec<(usize, Duration)>> = HashMap::new();
        for (name, pause) in told {
            let Some((name, part)) = name.split_once(':') else { continue };
            let Ok(part) = part.parse() else { continue };
            by_endpoint.entry(name).or_default().push((part, *pause));
        }
        let now = Instant::now();
        for (name, endpoint) in self.named_endpoints() {
            for (part, pause) in by_endpoint.get(name.as_str()).into_iter().flatten() {
                endpoint.rest(*part, *pause, now);
            }
        }
    }
}
