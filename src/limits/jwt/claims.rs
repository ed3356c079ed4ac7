//! Who a token speaks of: the caller's name for rules, and a mark that tells callers apart. Called once everything else about the token
//! holds.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{JwtConfig, TokenError};
use crate::limits::{Allowance, KnownCaller};

/// Stands before the names of tokens' callers, so that no token can take on the name of a key.
pub const TOKEN_NAME_PREFIX: &str = "jwt:";

/// A longer name is somebody's mistake.
const MOST_NAME_CHARACTERS: usize = 128;

/// The caller that the claims of a verified token speak of.
pub(super) fn caller(claims: &Map<String, Value>, config: &JwtConfig) -> Result<KnownCaller, TokenError> {
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    let name = text(&config.name_claim).filter(|name| is_plain(name)).ok_or(TokenError::Claims)?;
    let subject = text("sub").filter(|subject| !subject.is_empty()).ok_or(TokenError::Claims)?;
    if !config.required_scopes.iter().all(|required| scopes(claims).any(|scope| scope == required)) {
        return Err(TokenError::Scope);
    }
    Ok(KnownCaller {
        name: Some(format!("{TOKEN_NAME_PREFIX}{name}").into()),
        identity: identity(&config.issuer, subject),
        allowance: Arc::new(Allowance {
            scopes: config.scopes.clone(),
            limits: config.limits.clone(),
            is_admin: false,
        }),
    })
}

/// Names go into logs and rules: visible ASCII alone.
fn is_plain(name: &str) -> bool {
    (1..=MOST_NAME_CHARACTERS).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Issuers write scopes as words of `scope` (RFC 8693), or of `scp` as words or a list.
fn scopes(claims: &Map<String, Value>) -> impl Iterator<Item = &str> {
    ["scope", "scp"].into_iter().filter_map(|claim| claims.get(claim)).flat_map(|value| {
        let one = value.as_str().into_iter();
        let many = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        one.chain(many).flat_map(str::split_ascii_whitespace)
    })
}

/// Subjects are unique within their issuer only. Each part is hashed with its length, so that none can run into the next.
fn identity(issuer: &str, subject: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("semroute caller of a token");
    for part in [issuer, subject] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(claims: &Value, more: &str) -> Result<KnownCaller, TokenError> {
        let text = format!("issuer = \"https://i\"\naudience = \"a\"\n{more}");
        caller(claims.as_object().unwrap(), &toml::from_str(&text).unwrap())
    }

    #[test]
    fn a_name_is_bounded_and_plain() {
        assert_eq!(of(&json!({"sub": "auth0|1"}), "").unwrap().name.as_deref(), Some("jwt:auth0|1"));
        let by_mail = of(&json!({"sub": "1", "email": "a@example.com"}), "name_claim = \"email\"").unwrap();
        assert_eq!(by_mail.name.as_deref(), Some("jwt:a@example.com"));
        for name in [json!(""), json!("a b"), json!("a\nb"), json!("é"), json!("x".repeat(129)), json!(7), json!(null)]
        {
            assert_eq!(of(&json!({"sub": "1", "name": name}), "name_claim = \"name\"").err(), Some(TokenError::Claims));
        }
        assert_eq!(of(&json!({"name": "a"}), "name_claim = \"name\"").err(), Some(TokenError::Claims), "no sub");
    }

    #[test]
    fn callers_are_told_apart_by_issuer_and_subject() {
        assert_eq!(identity("a", "bc"), identity("a", "bc"));
        assert_ne!(identity("a", "bc"), identity("ab", "c"));
        assert_ne!(identity("a", "b"), identity("a", "c"));
    }

    #[test]
    fn every_required_scope_must_be_there() {
        let needs = "required_scopes = [\"chat\", \"read\"]";
        for (claims, is_enough) in [
            (json!({"sub": "1", "scope": "read chat more"}), true),
            (json!({"sub": "1", "scp": ["chat", "read"]}), true),
            (json!({"sub": "1", "scope": "chat", "scp": "read"}), true),
            (json!({"sub": "1", "scope": "chat reads"}), false),
            (json!({"sub": "1", "scope": ["chat"]}), false),
            (json!({"sub": "1"}), false),
        ] {
            assert_eq!(of(&claims, needs).err(), (!is_enough).then_some(TokenError::Scope), "{claims}");
        }
    }
}
