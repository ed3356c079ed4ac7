//! Names of what a provider could not be told, on their way to a header. Knows no field by name.

/// More names than this help nobody, and they are to fit a header.
const MAX_DROPPED: usize = 16;

const MAX_NAME_LENGTH: usize = 64;

/// Names of what was left out, each once.
#[derive(Debug, Default)]
pub(super) struct Dropped(Vec<String>);

impl Dropped {
    /// This was left out. Names come from the client, so what could not stand in a header is not repeated.
    pub(super) fn add(&mut self, name: &str) {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let name = if name.len() <= MAX_NAME_LENGTH && name.bytes().all(is_plain) { name } else { "other" };
        if self.0.len() < MAX_DROPPED && !self.0.iter().any(|known| known == name) {
            self.0.push(name.to_owned());
        }
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.0
    }
}
