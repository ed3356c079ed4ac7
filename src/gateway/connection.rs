//! The pooled HTTP clients. No redirects, no cookies, no referer; TLS is verified by the platform, with ring underneath.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use super::GatewayError;

/// Shorter than the idle limits of common front ends, so that a pooled connection is seldom one that they just closed.
const POOL_IDLE: Duration = Duration::from_secs(45);

/// Clients by what cannot be set for each request. Providers with the same settings share one, and with it its pool.
#[derive(Default)]
pub(super) struct Clients(HashMap<(Duration, bool), Client>);

impl Clients {
    /// The client for a provider at `url`.
    pub(super) fn client_for(&mut self, url: &Url, connect_timeout: Duration) -> Result<Client, GatewayError> {
        self.client(connect_timeout, is_loopback(url))
    }

    /// The client for this machine (`direct`), or for the outside.
    pub(super) fn client(&mut self, connect_timeout: Duration, direct: bool) -> Result<Client, GatewayError> {
        if let Some(client) = self.0.get(&(connect_timeout, direct)) {
            return Ok(client.clone());
        }
        let client = build(connect_timeout, direct)?;
        self.0.insert((connect_timeout, direct), client.clone());
        Ok(client)
    }
}

/// The client that `loopback_client` gives.
pub type LoopbackClient = Client;

/// The headers of its responses.
pub type LoopbackHeaders = reqwest::header::HeaderMap;

/// A client for servers on this machine, as the demo and the benchmarks use it. No other room names the HTTP library.
pub fn loopback_client() -> Result<LoopbackClient, GatewayError> {
    build(Duration::from_secs(5), true)
}

fn build(connect_timeout: Duration, direct: bool) -> Result<Client, GatewayError> {
    // Fails only when a provider is installed already, which serves as well.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(POOL_IDLE)
        .tcp_nodelay(true)
        .redirect(Policy::none())
        .referer(false)
        .user_agent(concat!("semroute/", env!("CARGO_PKG_VERSION")));
    // A proxy named by the environment is for the outside; it could not reach this machine's loopback.
    let builder = if direct { builder.no_proxy() } else { builder };
    builder.build().map_err(GatewayError::Client)
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_recognised_by_address_and_not_by_look() {
        for (url, expected) in [
            ("http://127.0.0.1:1/v1", true),
            ("http://[::1]:1/v1", true),
            ("http://localhost/v1", true),
            ("http://127.0.0.1.example.com/v1", false),
            ("https://api.openai.com/v1", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
