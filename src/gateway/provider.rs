//! One configured provider, ready to be called: checked address, key, timeouts. Never prints its key.

use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};

use super::bedrock::Signer;
use super::connection::Clients;
use super::{GatewayError, KeyHeader, ProviderConfig, ProviderKind};

/// How long each step may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    pub(super) first_byte: Duration,
    pub(super) between_chunks: Duration,
    pub(super) total: Duration,
}

/// A provider that can be called.
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) kind: ProviderKind,
    pub(super) client: Client,
    pub(super) base_url: Url,
    pub(super) key: Option<SecretString>,
    pub(super) key_header: KeyHeader,
    /// Azure OpenAI's, where deployments are asked by their paths.
    pub(super) api_version: Option<String>,
    /// Signs each request, where no key is sent with it.
    pub(super) signer: Option<Signer>,
    pub(super) timeouts: Timeouts,
    pub(super) max_answer_bytes: usize,
    pub(super) default_max_tokens: u32,
    /// Whether it may be asked for the token counts of streams.
    pub(super) stream_usage: bool,
    /// Whether it is told which trace a request belongs to.
    pub(super) send_traceparent: bool,
}

impl Provider {
    /// Checks a `[[providers]]` table. `key` is the value of one of its variables, which is named; `signer` is what its requests are signed
    /// with instead.
    pub(super) fn from_config(
        config: &ProviderConfig,
        index: usize,
        key: Option<(&str, SecretString)>,
        signer: Option<Signer>,
        clients: &mut Clients,
    ) -> Result<Self, GatewayError> {
        let unusable = |field, reason| GatewayError::UnusableField { index, field, reason };
        if let Some((field, kind)) = config.misplaced_field() {
            return Err(unusable(field, format!("only a provider of kind = {:?} has it; leave it out", kind.name())));
        }
        let base_url = read_base_url(&config.base_url, index)?;
        let mut path = base_url.path_segments().into_iter().flatten();
        if config.api_version.is_some() && path.any(|segment| segment == "openai") {
            return Err(unusable("base_url", "beside api_version it must end before /openai".into()));
        }
        if config.kind == ProviderKind::Gemini {
            check_gemini_path(&base_url, index)?;
        }
        if let Some((variable, key)) = &key
            && HeaderValue::from_str(key.expose_secret()).is_err()
        {
            return Err(GatewayError::UnusableKey { index, variable: (*variable).to_owned() });
        }
        config.breaker.check().map_err(|problem| GatewayError::BadBreaker { index, problem })?;
        for (field, timeout_ms) in [
            ("connect_timeout_ms", config.connect_timeout_ms),
            ("first_byte_timeout_ms", config.first_byte_timeout_ms),
            ("between_chunks_timeout_ms", config.between_chunks_timeout_ms),
            ("total_timeout_ms", config.total_timeout_ms),
        ] {
            if timeout_ms == 0 {
                return Err(GatewayError::ZeroTimeout { index, field });
            }
        }
        Ok(Self {
            name: config.name.clone(),
            kind: config.kind,
            client: clients.client_for(&base_url, limit(config.connect_timeout_ms))?,
            base_url,
            key: key.map(|(_, key)| key),
            key_header: config.auth.unwrap_or(match config.api_version {
                Some(_) => KeyHeader::ApiKey,
                None => KeyHeader::Bearer,
            }),
            api_version: config.api_version.clone(),
            signer,
            timeouts: Timeouts {
                first_byte: limit(config.first_byte_timeout_ms),
                between_chunks: limit(config.between_chunks_timeout_ms),
                total: limit(config.total_timeout_ms),
            },
            max_answer_bytes: config.max_answer_bytes,
            default_max_tokens: config.default_max_tokens.get(),
            stream_usage: config.stream_usage,
            send_traceparent: config.send_traceparent,
        })
    }

    /// What nobody may be told of: the key, and what requests are signed with.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.key.iter().chain(self.signer.iter().flat_map(Signer::secrets))
    }

    /// Whether both are the same place, asked with the same secrets.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let secrets = |provider: &Self| -> Vec<String> {
            provider.secrets().map(|secret| secret.expose_secret().to_owned()).collect()
        };
        (self.kind, &self.base_url, secrets(self)) == (other.kind, &other.base_url, secrets(other))
    }

    /// The text with this provider's secrets, should it hold them, struck out.
    pub(super) fn redact(&self, body: bytes::Bytes) -> bytes::Bytes {
        self.secrets().fold(body, |body, secret| redact(Some(secret), body))
    }
}

/// The text with the key, should it hold it, struck out.
pub(super) fn redact(key: Option<&SecretString>, body: bytes::Bytes) -> bytes::Bytes {
    let Some(key) = key else { return body };
    let key = key.expose_secret();
    let text = String::from_utf8_lossy(&body);
    if key.is_empty() || !text.contains(key) {
        return body;
    }
    text.replace(key, "[redacted]").into()
}

/// At most a year: a clock cannot be moved ahead by any number, and "no limit" is written as a large one.
fn limit(timeout_ms: u64) -> Duration {
    Duration::from_millis(timeout_ms.min(365 * 24 * 3_600_000))
}

/// An address with a trailing slash, so that paths are joined below it.
fn read_base_url(text: &str, index: usize) -> Result<Url, GatewayError> {
    let refuse = |reason: String| GatewayError::BadBaseUrl { index, reason };
    let mut url: Url = text.parse().map_err(|error| match text.contains("://") {
        true => refuse(format!("{error}")),
        false => refuse("it does not begin with http:// or https://".into()),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse(format!("the scheme is {:?}", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it holds credentials; use api_key_env".into()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it holds a query or a fragment".into()));
    }
    for end in ["/chat/completions", "/embeddings", "/messages"] {
        if url.path().trim_end_matches('/').ends_with(end) {
            return Err(refuse(format!("it must end before {end}")));
        }
    }
    let path = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

/// Gemini's models lie below `/models`, which other APIs may well end in.
fn check_gemini_path(base_url: &Url, index: usize) -> Result<(), GatewayError> {
    let path = base_url.path().trim_end_matches('/');
    let ends = ["/models", ":generateContent", ":streamGenerateContent"];
    let reason = if ends.iter().any(|end| path.ends_with(end)) {
        "it must end before /models"
    } else if path.ends_with("/openai") {
        "Google answers in OpenAI's shape there; leave /openai out, or say kind = \"openai\""
    } else {
        return Ok(());
    };
    Err(GatewayError::BadBaseUrl { index, reason: reason.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_joined_below_its_path() {
        for text in ["https://h/v1", "https://h/v1/", "https://h/v1//"] {
            let url = read_base_url(text, 0).unwrap().join("chat/completions").unwrap();
            assert_eq!(url.as_str(), "https://h/v1/chat/completions");
        }
    }

    #[test]
    fn a_base_url_that_cannot_serve_is_refused_with_its_index() {
        for text in [
            "",
            "api.openai.com",
            "file:///etc",
            "https://u:p@h/v1",
            "https://h/v1?x=1",
            "https://h/v1/chat/completions",
            "https://h/v1/embeddings",
            "https://h/v1/messages/",
        ] {
            let error = read_base_url(text, 3).unwrap_err().to_string();
            assert!(error.starts_with("providers[3].base_url: "), "{error}");
            assert!(!error.contains("u:p"), "{error}");
        }
    }

    #[test]
    fn an_address_that_is_no_base_of_the_gemini_api_is_refused_with_the_remedy() {
        let built = |kind, base_url: &str| {
            let config = ProviderConfig { kind, ..ProviderConfig::new("a", base_url) };
            Provider::from_config(&config, 3, None, None, &mut Clients::default())
                .map(|_| ())
                .map_err(|error| error.to_string())
        };
        for (path, remedy) in [
            ("models", "it must end before /models"),
            ("models/", "it must end before /models"),
            ("models/gemini-2.5-pro:generateContent", "it must end before /models"),
            ("models/gemini-2.5-pro:streamGenerateContent/", "it must end before /models"),
            ("openai/", "leave /openai out"),
        ] {
            let error = built(ProviderKind::Gemini, &format!("https://h/v1beta/{path}")).unwrap_err();
            assert!(error.starts_with("providers[3].base_url: ") && error.contains(remedy), "{error}");
        }
        assert_eq!(built(ProviderKind::Gemini, "https://h/v1beta/"), Ok(()));
        assert_eq!(built(ProviderKind::OpenAi, "https://h/models"), Ok(()), "other servers are free to");
    }

    #[test]
    fn the_key_is_struck_out_of_what_a_provider_says() {
        let mut config = ProviderConfig::new("a", "http://127.0.0.1:1/v1");
        config.api_key_env = "K".into();
        let key = Some(("K", "sk-very-secret".into()));
        let provider = Provider::from_config(&config, 0, key, None, &mut Clients::default()).unwrap();
        let body = provider.redact(bytes::Bytes::from_static(b"bad key: sk-very-secret."));
        assert_eq!(&body[..], b"bad key: [redacted].");
    }
}
