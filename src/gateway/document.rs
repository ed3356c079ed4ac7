//! Fetches one small public document, such as the keys of a token issuer, as carefully as a provider is called: over https or from this
//! machine, no redirects, bounded in time and size. Knows nothing of what is in it.

use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{Client, Url};
use thiserror::Error;

use super::GatewayError;
use super::attempt::Failure;
use super::connection::{self, Clients};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From beginning to end.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Key sets and discovery documents have a few kilobytes.
const MOST_BYTES: usize = 512 * 1024;

/// Why there is no document. Says nothing that was in the answer.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// Not an address, or one that somebody on the way could answer for.
    #[error("{reason}; expected an address such as https://login.example.com (http is for this machine alone)")]
    BadAddress {
        /// What is wrong.
        reason: String,
    },
    /// Another status than 200; redirects are not followed.
    #[error("it answered {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// More than any such document needs.
    #[error("it is larger than {MOST_BYTES} bytes")]
    TooLarge,
    /// No answer, or half of one.
    #[error("{0}")]
    Network(String),
}

/// The clients that documents are fetched with.
#[derive(Clone)]
pub struct DocumentClient {
    outside: Client,
    loopback: Client,
}

impl DocumentClient {
    /// Connects to nobody yet.
    pub fn new() -> Result<Self, GatewayError> {
        let mut clients = Clients::default();
        let mut client = |direct| clients.client(CONNECT_TIMEOUT, direct);
        Ok(Self { outside: client(false)?, loopback: client(true)? })
    }

    /// The document at `url`, as bytes.
    pub async fn fetch_json(&self, url: &str) -> Result<Vec<u8>, DocumentError> {
        let url = read_address(url)?;
        let client = if connection::is_loopback(&url) { &self.loopback } else { &self.outside };
        let network = |error: reqwest::Error| DocumentError::Network(Failure::from_client(error).to_string());
        let request = client.get(url).header(ACCEPT, HeaderValue::from_static("application/json")).timeout(TIMEOUT);
        let mut response = request.send().await.map_err(network)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(DocumentError::Status { status: response.status().as_u16() });
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(network)? {
            if document.len() + chunk.len() > MOST_BYTES {
                return Err(DocumentError::TooLarge);
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document)
    }
}

/// Whether a document may be fetched from `url`, without trying it.
pub fn check_document_address(url: &str) -> Result<(), DocumentError> {
    read_address(url).map(drop)
}

fn read_address(text: &str) -> Result<Url, DocumentError> {
    let refuse = |reason: String| Err(DocumentError::BadAddress { reason });
    let url: Url = match text.parse() {
        Ok(url) => url,
        Err(error) => return refuse(format!("not an address: {error}")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("the address holds credentials".into());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if connection::is_loopback(&url) => Ok(url),
        scheme => refuse(format!("the address is {scheme}, which others could answer for")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_nobody_else_can_answer_for_are_taken() {
        for good in ["https://login.example.com", "http://127.0.0.1:1/keys", "http://[::1]/", "http://localhost:8080"] {
            assert!(check_document_address(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "login",
            "http://login.example.com",
            "http://127.0.0.1.example.com",
            "file:///etc/passwd",
            "https://u:p@h",
        ] {
            let error = check_document_address(bad).unwrap_err().to_string();
            assert!(!error.contains("u:p"), "{error}");
        }
    }
}
