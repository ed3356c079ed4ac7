//! Bounded HTTP reading for downloads: connect and idle timeouts, length limits, addresses without credentials in every
//! error. Certificates are verified by the platform. Knows nothing of models.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::staging::StagedFile;
use super::{ModelFilesError, PullProgress};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_REDIRECTS: usize = 5;
/// An index page or a list of files.
const PAGE_LIMIT_BYTES: usize = 16 << 20;

/// A short answer, and whether the other side knows the address at all.
pub(super) enum Page {
    /// It does.
    Found {
        content_type: String,
        /// The address that answered, after redirects.
        address: Url,
        body: Vec<u8>,
    },
    /// 401, 403, 404 or 410: a hub says 401 for a model that is not there.
    Refused(StatusCode),
}

pub(super) fn build() -> Result<Client, ModelFilesError> {
    // A second installation is refused and changes nothing: the first one is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("semroute/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(IDLE_TIMEOUT)
        .redirect(reqwest::redirect::Policy::limited(MAX_REDIRECTS))
        .build()
        .map_err(|error| ModelFilesError::Network { place: "http client".to_owned(), message: chain(&error) })
}

/// Reads an address or refuses it by name.
pub(super) fn parse_address(address: &str) -> Result<Url, ModelFilesError> {
    let failed = |message: String| ModelFilesError::Network { place: "address of a model source".to_owned(), message };
    let url = Url::parse(address).map_err(|error| failed(format!("not an address: {error}")))?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(failed("only http and https are read".to_owned()))
    }
}

/// Fetches a short text.
pub(super) async fn fetch_page(
    client: &Client,
    address: Url,
    accept: &'static str,
    token: Option<&SecretString>,
) -> Result<Page, ModelFilesError> {
    let place = display(&address);
    let mut response = send(client, address, accept, token).await?;
    let status = response.status();
    if matches!(status.as_u16(), 401 | 403 | 404 | 410) {
        return Ok(Page::Refused(status));
    }
    refuse_failure(&place, status)?;
    let content_type = header(&response, reqwest::header::CONTENT_TYPE.as_str());
    let address = response.url().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| network(&place, &error))? {
        if body.len() + chunk.len() > PAGE_LIMIT_BYTES {
            return Err(ModelFilesError::TooLarge { file: place, limit_bytes: PAGE_LIMIT_BYTES as u64 });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Page::Found { content_type, address, body })
}

/// Streams an address into a file. A body that ends early is an error.
pub(super) async fn fetch_file(
    client: &Client,
    address: Url,
    token: Option<&SecretString>,
    label: &str,
    into: &mut StagedFile,
    progress: &(dyn PullProgress + Sync),
) -> Result<(), ModelFilesError> {
    let place = display(&address);
    let mut response = send(client, address, "*/*", token).await?;
    refuse_failure(&place, response.status())?;
    let expected_bytes = response.content_length();
    progress.begin_file(label, expected_bytes);
    while let Some(chunk) = response.chunk().await.map_err(|error| network(&place, &error))? {
        into.write(&chunk)?;
        progress.advance(chunk.len() as u64);
    }
    if let Some(expected) = expected_bytes.filter(|expected| *expected != into.bytes()) {
        let message = format!("the body ended after {} of {expected} bytes", into.bytes());
        return Err(ModelFilesError::Network { place, message });
    }
    progress.end_file();
    Ok(())
}

async fn send(
    client: &Client,
    address: Url,
    accept: &'static str,
    token: Option<&SecretString>,
) -> Result<Response, ModelFilesError> {
    let place = display(&address);
    let mut request = client.get(address).header(reqwest::header::ACCEPT, accept);
    if let Some(token) = token {
        request = request.bearer_auth(token.expose_secret());
    }
    request.send().await.map_err(|error| network(&place, &error))
}

fn refuse_failure(place: &str, status: StatusCode) -> Result<(), ModelFilesError> {
    if status.is_success() {
        return Ok(());
    }
    Err(ModelFilesError::Network { place: place.to_owned(), message: format!("answered {status}") })
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn network(place: &str, error: &reqwest::Error) -> ModelFilesError {
    ModelFilesError::Network { place: place.to_owned(), message: chain(error) }
}

/// The innermost reason says most ("dns error: ..."); the outer ones repeat the address, which may hold credentials.
fn chain(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let what = match error {
        error if error.is_timeout() => "timed out",
        error if error.is_connect() => "cannot connect",
        error if error.is_redirect() => "too many redirects",
        error if error.is_body() || error.is_decode() => "the body broke off",
        _ => "the request failed",
    };
    if std::ptr::addr_eq(innermost, error) { what.to_owned() } else { format!("{what} ({innermost})") }
}

/// An address without user, password, query and fragment.
pub(super) fn display(address: &Url) -> String {
    let host = address.host_str().unwrap_or_default();
    let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", address.scheme(), address.path())
}
