//! Names of what a request says and chat completions cannot, for the header that tells its client.

/// Such names, each once.
#[derive(Debug, Default)]
pub(super) struct Dropped(Vec<&'static str>);

impl Dropped {
    pub(super) fn add(&mut self, name: &'static str) {
        if !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    pub(super) fn into_names(self) -> Vec<&'static str> {
        self.0
    }
}
