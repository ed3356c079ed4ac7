//! The `[server]` table of the configuration.

use serde::Deserialize;

/// `[server]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port. Any address but loopback needs `auth.required = true`.
    pub listen: String,
    /// The largest request body.
    pub max_body_bytes: usize,
    /// How long a client may take to send its body.
    pub body_timeout_ms: u64,
    /// The most requests under way at once, streams included; those beyond are answered 429.
    pub max_in_flight: usize,
    /// The most open connections; those beyond wait until one closes.
    pub max_connections: usize,
    /// How long a new connection may take to bring its first request's headers.
    pub header_timeout_ms: u64,
    /// How long a connection may stay without a request afterwards. Longer than common load balancers keep theirs, so that they
    /// seldom use one that was just closed.
    pub idle_timeout_ms: u64,
    /// How long requests under way may take to finish after SIGTERM.
    pub drain_seconds: u64,
    /// How long new connections are still taken after SIGTERM while `/health/ready` says 503, so that a load balancer can notice.
    pub drain_delay_seconds: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            max_body_bytes: 10 * 1024 * 1024,
            body_timeout_ms: 60_000,
            max_in_flight: 1024,
            max_connections: 4096,
            header_timeout_ms: 30_000,
            idle_timeout_ms: 75_000,
            drain_seconds: 30,
            drain_delay_seconds: 0,
        }
    }
}

impl ServerConfig {
    /// What would let no request through, as `KEY: what is wrong`.
    pub fn check(&self) -> Result<(), String> {
        let limits = [
            ("max_body_bytes", self.max_body_bytes == 0),
            ("body_timeout_ms", self.body_timeout_ms == 0),
            ("max_in_flight", self.max_in_flight == 0),
            ("max_connections", self.max_connections == 0),
            ("header_timeout_ms", self.header_timeout_ms == 0),
            ("idle_timeout_ms", self.idle_timeout_ms == 0),
        ];
        match limits.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((key, _)) => Err(format!("server.{key}: 0 would turn every request away; use 1 or more")),
            None => Ok(()),
        }
    }
}
