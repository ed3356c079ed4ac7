//! Why a token is not taken. The words go to whoever presented it, so they repeat nothing of the token and nothing of the configuration.

use jsonwebtoken::errors::{Error, ErrorKind};
use thiserror::Error;

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Not three parts of base64 with JSON inside, or too long.
    #[error("the token is not a well-formed JWT")]
    Malformed,
    /// No signature, one by a shared secret, or one that the configuration does not list.
    #[error("the token is signed in a way that is not accepted here")]
    Algorithm,
    /// The issuer has published no such key.
    #[error("the key that signed the token is not known")]
    UnknownKey,
    /// Somebody else signed it, or changed it.
    #[error("the token's signature is not valid")]
    Signature,
    /// `exp` is past.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is to come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iss` is another.
    #[error("the token is from another issuer")]
    Issuer,
    /// `aud` is another.
    #[error("the token is for another audience")]
    Audience,
    /// A claim is missing or has the wrong form.
    #[error("the token lacks a claim in its proper form: exp, iss, aud, sub, or the one that names the caller")]
    Claims,
    /// Good, but not for this.
    #[error("the token lacks a scope that is required here")]
    Scope,
    /// Nobody can tell.
    #[error("the keys of the token issuer are not at hand; try again shortly")]
    KeysUnavailable,
}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidSignature => Self::Signature,
            ErrorKind::ExpiredSignature => Self::Expired,
            ErrorKind::ImmatureSignature => Self::NotYetValid,
            ErrorKind::InvalidIssuer => Self::Issuer,
            ErrorKind::InvalidAudience => Self::Audience,
            ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm | ErrorKind::InvalidAlgorithmName => {
                Self::Algorithm
            }
            ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) | ErrorKind::InvalidSubject => {
                Self::Claims
            }
            _ => Self::Malformed,
        }
    }
}
