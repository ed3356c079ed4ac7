//! The text of a key that `semroute keys create` makes: `sk-sr-PUBLIC ID-SECRET`. Draws it, takes it apart and hashes it; stores nothing.

use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

/// What every such key begins with. Scanners that look for leaked keys go by it.
pub const KEY_PREFIX: &str = "sk-sr-";

/// 50 bits: enough to tell keys apart, short enough to read out.
const ID_CHARACTERS: usize = 10;
/// 200 bits, out of reach of guessing.
const SECRET_CHARACTERS: usize = 40;
/// Five bits each. No capitals, and none of the digits that look like letters; no character that ends a double click.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A key that nobody has yet.
pub struct IssuedKey {
    /// Its public part.
    pub id: String,
    /// All of it, to be shown once and never kept.
    pub text: SecretString,
    /// What is kept.
    pub hash: blake3::Hash,
}

/// The system gives no random numbers.
#[derive(Debug, Error)]
#[error("the system gives no random numbers, and a key must not be made without")]
pub struct NoRandomness;

impl IssuedKey {
    /// Draws a key.
    pub fn draw() -> Result<Self, NoRandomness> {
        let mut drawn = [0u8; ID_CHARACTERS + SECRET_CHARACTERS];
        SystemRandom::new().fill(&mut drawn).map_err(|_unspecified| NoRandomness)?;
        // 32 divides 256, so every character is as likely as any other.
        let characters: String = drawn.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        let (id, secret) = characters.split_at(ID_CHARACTERS);
        let text = SecretString::from(format!("{KEY_PREFIX}{id}-{secret}"));
        Ok(Self { id: id.to_owned(), hash: hash(text.expose_secret().as_bytes()), text })
    }
}

/// The public part of what has the shape of such a key.
pub(super) fn public_id(presented: &[u8]) -> Option<&str> {
    let (id, secret) = std::str::from_utf8(presented).ok()?.strip_prefix(KEY_PREFIX)?.split_once('-')?;
    (id.len() == ID_CHARACTERS && secret.len() == SECRET_CHARACTERS).then_some(id)
}

/// What is kept of a key. A slow hash protects words that people choose and others can guess; 200 random bits are not to be guessed however
/// fast each guess is, and a slow hash on the way of every request would be a gift to whoever wants to keep the server busy.
pub(super) fn hash(key: &[u8]) -> blake3::Hash {
    blake3::hash(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_are_taken_apart_again() {
        let (one, other) = (IssuedKey::draw().unwrap(), IssuedKey::draw().unwrap());
        assert!(one.id != other.id && one.hash != other.hash);
        let text = one.text.expose_secret();
        assert_eq!(public_id(text.as_bytes()), Some(one.id.as_str()));
        assert_eq!(text.len(), KEY_PREFIX.len() + ID_CHARACTERS + 1 + SECRET_CHARACTERS);
        assert!(!format!("{:?}", one.text).contains(&text[20..]), "a secret is not printed");
    }

    #[test]
    fn nonsense_has_no_public_part() {
        let good = IssuedKey::draw().unwrap();
        let good = good.text.expose_secret();
        for nonsense in ["", "sk-sr-", "sk-sr-abc", "sk-sr-abc-def", &good[1..], &good[..50], &format!("{good}a")] {
            assert_eq!(public_id(nonsense.as_bytes()), None, "{nonsense}");
        }
        assert_eq!(public_id(&[0xff; 57]), None);
    }
}
