//! A model's name: `org/name` at a revision, with the short names that are known. Pure: names that could leave the cache's
//! folder or a hub's path are refused here.

use super::ModelFilesError;

/// A hub model at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    /// `org/name`.
    pub repo: String,
    /// Branch, tag or commit; `main` where none was given.
    pub revision: String,
}

/// The branch that hubs call the default.
pub(super) const DEFAULT_REVISION: &str = "main";

const SHORT_NAMES: &[(&str, &str)] = &[("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2")];

impl ModelName {
    /// Reads `name` or `org/name`, either with `@revision` behind it. `revision` wins over nothing, and two revisions that
    /// differ are refused.
    pub fn parse(text: &str, revision: Option<&str>) -> Result<Self, ModelFilesError> {
        let refuse = |reason| ModelFilesError::Name { name: text.to_owned(), reason };
        let (name, inline_revision) = match text.split_once('@') {
            Some((name, revision)) => (name, Some(revision)),
            None => (text, None),
        };
        let revision = match (inline_revision, revision) {
            (Some(inline), Some(given)) if inline != given => return Err(refuse("it names another revision")),
            (inline, given) => given.or(inline).unwrap_or(DEFAULT_REVISION),
        };
        let short = SHORT_NAMES.iter().find(|(short, _)| *short == name);
        let repo = short.map_or(name, |(_, repo)| *repo);
        let parts: Vec<&str> = repo.split('/').collect();
        if [super::super::BUILTIN, super::super::BUILTIN_ENCODER].contains(&repo) {
            return Err(refuse("it is part of the binary and needs no files"));
        }
        if parts.len() != 2 {
            return Err(refuse("give a folder that exists, all-MiniLM-L6-v2, or a hub id as org/name"));
        }
        if !parts.iter().all(|part| is_plain(part)) {
            return Err(refuse("organisation and name hold letters, digits, '.', '_' and '-' only"));
        }
        if !revision.split('/').all(is_plain) {
            return Err(refuse("a revision holds letters, digits, '.', '_', '-' and '/' only"));
        }
        Ok(Self { repo: repo.to_owned(), revision: revision.to_owned() })
    }

    /// The name of this model's folder in the cache.
    pub fn folder_name(&self) -> String {
        format!("{}@{}", self.repo, self.revision).replace('/', "--")
    }

    /// Whether no particular revision is meant.
    pub(super) fn is_default_revision(&self) -> bool {
        self.revision == DEFAULT_REVISION
    }
}

impl std::fmt::Display for ModelName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = SHORT_NAMES.iter().find(|(_, repo)| *repo == self.repo);
        formatter.write_str(short.map_or(self.repo.as_str(), |(short, _)| *short))?;
        if self.is_default_revision() { Ok(()) } else { write!(formatter, "@{}", self.revision) }
    }
}

fn is_plain(part: &str) -> bool {
    let characters = part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    characters && !part.is_empty() && part.len() <= 96 && !part.starts_with('.')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]
    use super::*;

    #[test]
    fn short_and_long_names_mean_one_model() {
        let short = ModelName::parse("all-MiniLM-L6-v2", None).unwrap();
        assert_eq!(short, ModelName::parse("sentence-transformers/all-MiniLM-L6-v2@main", None).unwrap());
        assert_eq!(short.folder_name(), "sentence-transformers--all-MiniLM-L6-v2@main");
        assert_eq!(short.to_string(), "all-MiniLM-L6-v2");
    }

    #[test]
    fn revisions_stand_behind_the_name_or_beside_it() {
        let inline = ModelName::parse("org/model@refs/pr/1", None).unwrap();
        assert_eq!(inline, ModelName::parse("org/model", Some("refs/pr/1")).unwrap());
        assert_eq!(inline.folder_name(), "org--model@refs--pr--1");
        assert_eq!(inline.to_string(), "org/model@refs/pr/1");
        assert!(ModelName::parse("org/model@a", Some("b")).is_err());
    }

    #[test]
    fn names_that_could_leave_the_cache_are_refused() {
        for bad in
            ["", "model", "a/b/c", "../x", "org/..", "org/.hidden", "/abs", "org/x y", "org/x@../..", "builtin", "a/b@"]
        {
            assert!(ModelName::parse(bad, None).is_err(), "{bad:?} passed");
        }
    }
}
