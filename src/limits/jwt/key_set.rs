//! The keys that an issuer publishes (RFC 7517), read from its document. A key that is of no use here is left out; one broken key does
//! not spoil the others.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// Issuers have a handful.
const MOST_KEYS: usize = 100;

/// What an issuer published at one time.
pub(super) struct KeySet {
    /// Grows with each fetch.
    pub(super) generation: u64,
    keys: Vec<IssuerKey>,
}

struct IssuerKey {
    id: Option<String>,
    /// What it may have signed with; never empty.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// What a key set says to a token's header.
pub(super) enum Found<'a> {
    Key(&'a DecodingKey),
    /// The key is there, and does not sign this way.
    OtherAlgorithm,
    /// There is no such key, or it cannot be told which.
    Nothing,
}

impl KeySet {
    /// Reads the issuer's document. The error says what is wrong with it.
    pub(super) fn read(document: &[u8], generation: u64) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let Document { keys } = serde_json::from_slice(document)
            .map_err(|error| format!("it is not a JSON Web Key Set{}", place_of(&error)))?;
        if keys.len() > MOST_KEYS {
            return Err(format!("it holds {} keys, which is more than {MOST_KEYS}", keys.len()));
        }
        let keys: Vec<IssuerKey> = keys.into_iter().filter_map(IssuerKey::read).collect();
        if keys.is_empty() {
            return Err("it holds no key that could verify a token".into());
        }
        Ok(Self { generation, keys })
    }

    /// The key of a token that names `id` and was signed with `algorithm`. A token that names none has to fit exactly one.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Found<'_> {
        let mut fitting = self
            .keys
            .iter()
            .filter(|key| (id.is_none() || key.id.as_deref() == id) && key.algorithms.contains(&algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Found::Key(&key.key),
            (Some(key), Some(_)) if id.is_some() => Found::Key(&key.key),
            (None, _) if id.is_some() && self.keys.iter().any(|key| key.id.as_deref() == id) => Found::OtherAlgorithm,
            _ => Found::Nothing,
        }
    }
}

/// Where a document is wrong. The error's own words may quote as much of it as there is.
pub(super) fn place_of(error: &serde_json::Error) -> String {
    format!(" (line {}, column {})", error.line(), error.column())
}

impl IssuerKey {
    fn read(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
            return None;
        }
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa.algorithms().to_vec(),
            AlgorithmParameters::EllipticCurve(point) => match point.curve {
                EllipticCurve::P256 => vec![Algorithm::ES256],
                EllipticCurve::P384 => vec![Algorithm::ES384],
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(point) if point.curve == EllipticCurve::Ed25519 => {
                vec![Algorithm::EdDSA]
            }
            // A shared secret that is published is none.
            _ => return None,
        };
        if let Some(stated) = jwk.common.key_algorithm {
            let stated: Algorithm = stated.to_string().parse().ok()?;
            algorithms.retain(|algorithm| *algorithm == stated);
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        (!algorithms.is_empty()).then_some(Self { id: jwk.common.key_id, algorithms, key })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// No point of the curve, which nobody looks for before there is a signature.
    const X: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const Y: &str = X;

    fn point(id: &str) -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": id, "x": X, "y": Y})
    }

    fn read(keys: &[Value]) -> Result<KeySet, String> {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes(), 1)
    }

    #[test]
    fn what_cannot_verify_is_left_out() {
        let mut for_encryption = point("encryption");
        for_encryption["use"] = "enc".into();
        let mut for_agreement = point("agreement");
        for_agreement["alg"] = "RSA-OAEP".into();
        let useless = [
            json!({"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "HS256"}),
            json!({"kty": "EC", "crv": "P-521", "kid": "large", "x": X, "y": Y}),
            json!({"kty": "new", "kid": "new"}),
            json!("nothing"),
            for_encryption,
            for_agreement,
        ];
        assert_eq!(read(&useless).err().unwrap(), "it holds no key that could verify a token");
        let mut all = useless.to_vec();
        all.push(point("good"));
        assert_eq!(read(&all).unwrap().keys.len(), 1);
    }

    #[test]
    fn a_document_that_is_none_is_refused() {
        assert!(KeySet::read(b"<html>", 1).is_err());
        assert!(KeySet::read(b"{}", 1).is_err());
        let many: Vec<Value> = (0..=MOST_KEYS).map(|index| point(&index.to_string())).collect();
        assert!(read(&many).err().unwrap().contains("more than 100"));
    }

    #[test]
    fn a_token_gets_the_key_that_it_names_and_no_other() {
        let set = read(&[point("a"), point("b")]).unwrap();
        assert!(matches!(set.find(Some("a"), Algorithm::ES256), Found::Key(_)));
        assert!(matches!(set.find(Some("a"), Algorithm::RS256), Found::OtherAlgorithm));
        assert!(matches!(set.find(Some("c"), Algorithm::ES256), Found::Nothing));
        assert!(matches!(set.find(None, Algorithm::ES256), Found::Nothing), "two would fit");
        assert!(matches!(read(&[point("a")]).unwrap().find(None, Algorithm::ES256), Found::Key(_)));
    }
}
