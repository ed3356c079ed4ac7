//! The name of an answer: a hash of everything that it depends on. Two requests have one name only where nothing that matters differs; what is
//! left out is left out by its name, by whoever writes the key.

use std::fmt;

use serde_json::value::RawValue;

use super::canonical;

/// The name of an answer. Tells nothing of the question.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; blake3::OUT_LEN]);

impl CacheKey {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(blake3::Hash::from(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Writes a key, part by part; the order counts.
#[derive(Clone)]
pub struct KeyWriter(blake3::Hasher);

impl KeyWriter {
    /// A key of one kind; the same parts in keys of two kinds are two keys.
    pub fn new(kind: &str) -> Self {
        let mut writer = Self(blake3::Hasher::new());
        writer.text(kind);
        writer
    }

    /// Adds bytes, with their length, so that no two runs of parts are one.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Adds a text that may not be there.
    pub fn optional(&mut self, text: Option<&str>) {
        match text {
            None => self.bytes(&[0]),
            Some(text) => {
                self.bytes(&[1]);
                self.text(text);
            }
        }
    }

    /// Adds JSON by what it says and not by how it was written. Its form says where it ends.
    pub fn json(&mut self, value: &RawValue) {
        canonical::write(value, &mut self.0);
        self.bytes(&[]);
    }

    /// The key.
    pub fn finish(&self) -> CacheKey {
        CacheKey(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = |parts: &[Option<&str>]| {
            let mut writer = KeyWriter::new("test");
            parts.iter().for_each(|part| writer.optional(*part));
            writer.finish()
        };
        let keys = [
            key(&[]),
            key(&[None]),
            key(&[Some("")]),
            key(&[Some("ab")]),
            key(&[Some("a"), Some("b")]),
            key(&[Some("a"), None, Some("b")]),
            KeyWriter::new("other").finish(),
        ];
        for (at, one) in keys.iter().enumerate() {
            assert!(keys[..at].iter().all(|other| other != one), "{at}");
        }
        assert_eq!(keys[0].to_string().len(), 64);
    }
}
