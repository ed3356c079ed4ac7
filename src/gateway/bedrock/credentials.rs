//! What requests to Amazon Bedrock are signed with: credentials out of the environment, and the region. Read once, when the gateway is
//! built; never printed.

use aws_credential_types::Credentials;
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::gateway::error::MissingKey;
use crate::gateway::{GatewayError, ProviderConfig, ProviderKind};

/// Signs the requests of one provider.
pub(in crate::gateway) struct Signer {
    pub(super) region: String,
    pub(super) credentials: Credentials,
    secrets: Vec<SecretString>,
}

/// A field that is wrong, and why.
type Wrong = (&'static str, &'static str);

impl Signer {
    /// Reads what a `[[providers]]` table names; `None` for providers of other kinds and those that are sent a key. Variables that hold
    /// nothing are added to `missing`, and there is no signer then either.
    pub(in crate::gateway) fn from_config(
        config: &ProviderConfig,
        index: usize,
        read_variable: impl Fn(&str) -> Option<String>,
        missing: &mut Vec<MissingKey>,
    ) -> Result<Option<Self>, GatewayError> {
        let unusable = |(field, reason): Wrong| GatewayError::UnusableField { index, field, reason: reason.into() };
        let Some(variables) = Variables::of(config).map_err(unusable)? else { return Ok(None) };
        let region = region(config).map_err(unusable)?;

        let read = |variable: &str| {
            let value = read_variable(variable).map(|value| value.trim().to_owned());
            value.filter(|value| !value.is_empty()).map(SecretString::from)
        };
        let mut demand = |variable: &str| {
            let value = read(variable);
            if value.is_none() {
                missing.push(MissingKey { provider: config.name.clone(), variable: variable.to_owned() });
            }
            value
        };
        let (id, secret) = (demand(variables.id), demand(variables.secret));
        let token = match variables.token {
            Token::Needed(variable) => demand(variable).map(Some),
            Token::Allowed(variable) => Some(read(variable)),
            Token::Unknown => Some(None),
        };
        let (Some(id), Some(secret), Some(token)) = (id, secret, token) else { return Ok(None) };

        for (field, sent) in [("access_key_id_env", Some(&id)), ("session_token_env", token.as_ref())] {
            if sent.is_some_and(|sent| HeaderValue::from_str(sent.expose_secret()).is_err()) {
                return Err(unusable((field, "the variable holds characters that no header can carry")));
            }
        }
        let exposed = |secret: &SecretString| secret.expose_secret().to_owned();
        let credentials =
            Credentials::new(exposed(&id), exposed(&secret), token.as_ref().map(exposed), None, "environment");
        Ok(Some(Self { region, credentials, secrets: [id, secret].into_iter().chain(token).collect() }))
    }

    /// What nobody may be told of.
    pub(in crate::gateway) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.secrets.iter()
    }
}

/// The variables that hold a provider's credentials.
struct Variables<'a> {
    id: &'a str,
    secret: &'a str,
    token: Token<'a>,
}

enum Token<'a> {
    /// It is named, so it has to be there.
    Needed(&'a str),
    /// It is there where the credentials are temporary.
    Allowed(&'a str),
    /// The token of the default credentials does not fit others.
    Unknown,
}

impl<'a> Variables<'a> {
    /// `None` where nothing is signed.
    fn of(config: &'a ProviderConfig) -> Result<Option<Self>, Wrong> {
        let ProviderConfig { access_key_id_env: id, secret_access_key_env: secret, session_token_env: token, .. } =
            config;
        if config.kind != ProviderKind::Bedrock {
            return Ok(None);
        }
        if !config.api_key_env.names().is_empty() {
            return match id.as_ref().or(secret.as_ref()).or(token.as_ref()) {
                Some(_) => Err(("api_key_env", "credentials to sign with are named as well; keep one of the two")),
                None => Ok(None),
            };
        }
        let (id, secret, unnamed_token) = match (id, secret) {
            (Some(id), Some(secret)) => (id.as_str(), secret.as_str(), Token::Unknown),
            (None, None) => ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", Token::Allowed("AWS_SESSION_TOKEN")),
            (Some(_), None) => return Err(("secret_access_key_env", "missing; access_key_id_env is named")),
            (None, Some(_)) => return Err(("access_key_id_env", "missing; secret_access_key_env is named")),
        };
        Ok(Some(Self { id, secret, token: token.as_deref().map_or(unnamed_token, Token::Needed) }))
    }
}

/// The region that is stated, or the one in the name of one of Amazon's hosts: `bedrock-runtime.eu-central-1.amazonaws.com`, those of
/// FIPS endpoints and of private ones included.
fn region(config: &ProviderConfig) -> Result<String, Wrong> {
    let of_host = || {
        let url: Url = config.base_url.parse().ok()?;
        let mut labels = url.host_str()?.split('.');
        labels.find(|label| matches!(*label, "bedrock-runtime" | "bedrock-runtime-fips"))?;
        labels.next().map(str::to_owned)
    };
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_region = |region: &String| region.contains('-') && region.bytes().all(is_plain);
    match config.aws_region.clone() {
        Some(region) if is_region(&region) => Ok(region),
        Some(_) => Err(("aws_region", "not the name of a region, such as \"eu-central-1\"")),
        None => of_host().filter(is_region).ok_or((
            "aws_region",
            "missing, and the host of base_url names no region; give the one to sign for, such as \"eu-central-1\"",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(base_url: &str) -> ProviderConfig {
        let mut config = ProviderConfig::new("b", base_url);
        config.kind = ProviderKind::Bedrock;
        config
    }

    #[test]
    fn the_region_is_read_out_of_amazons_own_hosts() {
        for (host, expected) in [
            ("bedrock-runtime.eu-central-1.amazonaws.com", Some("eu-central-1")),
            ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("bedrock-runtime.eu-west-3.api.aws", Some("eu-west-3")),
            ("bedrock-runtime.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("vpce-0a-1b.bedrock-runtime.us-east-1.vpce.amazonaws.com", Some("us-east-1")),
            ("bedrock-runtime.example", None),
            ("proxy.example.com", None),
            ("127.0.0.1:9", None),
        ] {
            let mut config = config(&format!("https://{host}"));
            assert_eq!(region(&config).ok().as_deref(), expected, "{host}");
            config.aws_region = Some("us-west-2".into());
            assert_eq!(region(&config).as_deref(), Ok("us-west-2"), "what is stated comes first");
        }
    }

    #[test]
    fn the_default_token_goes_with_the_default_credentials_alone() {
        let read = |variable: &str| Some(format!("{variable} held\n"));
        let tokens = |config: &ProviderConfig| {
            let signer = Signer::from_config(config, 0, read, &mut Vec::new()).unwrap().unwrap();
            signer.secrets().map(|secret| secret.expose_secret().to_owned()).collect::<Vec<_>>()
        };
        let mut config = config("https://bedrock-runtime.eu-central-1.amazonaws.com");
        let of_default = ["AWS_ACCESS_KEY_ID held", "AWS_SECRET_ACCESS_KEY held", "AWS_SESSION_TOKEN held"];
        assert_eq!(tokens(&config), of_default);
        config.access_key_id_env = Some("ID".into());
        config.secret_access_key_env = Some("SECRET".into());
        assert_eq!(tokens(&config), ["ID held", "SECRET held"]);
        config.session_token_env = Some("TOKEN".into());
        assert_eq!(tokens(&config), ["ID held", "SECRET held", "TOKEN held"]);
    }

    #[test]
    fn everything_that_is_missing_is_named_and_a_token_only_where_it_was() {
        let mut config = config("https://bedrock-runtime.eu-central-1.amazonaws.com");
        let missing = |config: &ProviderConfig| {
            let mut missing = Vec::new();
            assert!(Signer::from_config(config, 0, |_| Some(" ".into()), &mut missing).unwrap().is_none());
            missing.into_iter().map(|key| key.variable).collect::<Vec<_>>()
        };
        assert_eq!(missing(&config), ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
        config.session_token_env = Some("TOKEN".into());
        assert_eq!(missing(&config), ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "TOKEN"]);
    }
}
