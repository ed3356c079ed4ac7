//! The `[server]` table of the configuration.

use std::path::PathBuf;

use serde::Deserialize;

/// Below this, the headers of ordinary clients would not fit.
const LEAST_HEADER_BYTES: usize = 8 * 1024;

/// `[server]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port. Any address but loopback needs `auth.required = true`.
    pub listen: String,
    /// Speaks TLS, and nothing else, where it is set.
    pub tls: Option<TlsConfig>,
    /// The largest head of a request: request line and headers.
    pub max_header_bytes: usize,
    /// The largest request body.
    pub max_body_bytes: usize,
    /// The most messages of one request.
    pub max_messages: usize,
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
    /// How long a client may read nothing of an answer that waits for it.
    pub write_timeout_ms: u64,
    /// A stream that has had nothing to say for so long says so in a comment, before its first word, too; 0: never.
    pub heartbeat_seconds: u64,
    /// Whether the configuration is read anew when its file or its artifact changes; on SIGHUP it always is.
    pub reload_on_change: bool,
    /// How long requests under way may take to finish after SIGTERM.
    pub drain_seconds: u64,
    /// How long new connections are still taken after SIGTERM while `/health/ready` says 503, so that a load balancer can notice.
    pub drain_delay_seconds: u64,
}

/// `[server.tls]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM: the server's certificate, and then those between it and a root that clients know.
    pub cert_file: PathBuf,
    /// PEM: the certificate's private key, as PKCS#8, SEC 1 or PKCS#1.
    pub key_file: PathBuf,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            tls: None,
            max_header_bytes: 64 * 1024,
            max_body_bytes: 10 * 1024 * 1024,
            max_messages: 16_384,
            body_timeout_ms: 60_000,
            max_in_flight: 1024,
            max_connections: 4096,
            header_timeout_ms: 30_000,
            idle_timeout_ms: 75_000,
            write_timeout_ms: 60_000,
            heartbeat_seconds: 15,
            reload_on_change: true,
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
            ("max_messages", self.max_messages == 0),
            ("body_timeout_ms", self.body_timeout_ms == 0),
            ("max_in_flight", self.max_in_flight == 0),
            ("max_connections", self.max_connections == 0),
            ("header_timeout_ms", self.header_timeout_ms == 0),
            ("write_timeout_ms", self.write_timeout_ms == 0),
            ("idle_timeout_ms", self.idle_timeout_ms == 0),
        ];
        if let Some((key, _)) = limits.into_iter().find(|(_, is_zero)| *is_zero) {
            return Err(format!("server.{key}: 0 would turn every request away; use 1 or more"));
        }
        if self.max_header_bytes < LEAST_HEADER_BYTES {
            let given = self.max_header_bytes;
            return Err(format!(
                "server.max_header_bytes: {given} would turn ordinary requests away; use {LEAST_HEADER_BYTES} or more"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good_and_limits_that_nobody_meets_are_not() {
        assert_eq!(ServerConfig::default().check(), Ok(()));
        for (text, expected) in [
            ("max_messages = 0", "server.max_messages: 0 would turn every request away"),
            ("max_header_bytes = 8191", "server.max_header_bytes: 8191 would turn ordinary requests away; use 8192"),
        ] {
            let config: ServerConfig = toml::from_str(text).unwrap();
            let said = config.check().unwrap_err();
            assert!(said.starts_with(expected), "{said}");
        }
    }
}
