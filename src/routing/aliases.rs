//! Names that clients send and that stand for others: a whole name, or the beginning of one with a `*` after it. An alias stands for no other
//! alias, and never hides a model or a route.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `[router.aliases]`: each name with what it stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Aliases(BTreeMap<String, String>);

/// A name that stood for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alias<'a> {
    /// As it is configured: a pattern is not told as the name that it matched.
    pub name: &'a str,
    /// `auto`, `auto:STRATEGY`, a route or a model.
    pub target: &'a str,
}

impl Aliases {
    /// What a name stands for: by the whole name, or else by the longest beginning.
    pub fn find(&self, asked: &str) -> Option<Alias<'_>> {
        let alias = |(name, target)| Alias { name, target };
        let entries = || self.0.iter().map(|(name, target)| (name.as_str(), target.as_str()));
        let exact = entries().find(|(name, _)| *name == asked && !name.ends_with('*'));
        let begins = |name: &str| name.strip_suffix('*').is_some_and(|beginning| asked.starts_with(beginning));
        let by_beginning = || entries().filter(|(name, _)| begins(name)).max_by_key(|(name, _)| name.len());
        exact.or_else(by_beginning).map(alias)
    }

    /// The names that are no patterns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str).filter(|name| !name.ends_with('*'))
    }

    /// What is written wrongly, as `KEY: what is wrong`. `what_is` tells a model or a route by its name; `is_target` what may be stood for.
    pub fn check(
        &self,
        what_is: impl Fn(&str) -> Option<&'static str>,
        is_target: impl Fn(&str) -> bool,
    ) -> Result<(), String> {
        for (name, target) in &self.0 {
            let refuse = |why: String| Err(format!("{name:?}: {why}"));
            let beginning = name.strip_suffix('*').unwrap_or(name);
            if name.is_empty() || beginning.contains('*') {
                return refuse("expected a name, with a * at its end at most".into());
            }
            if name == "auto" || name.starts_with("auto:") {
                return refuse("means routing, and cannot stand for anything else".into());
            }
            if let Some(what) = what_is(name) {
                return refuse(format!("is the name of a {what} already; rename either"));
            }
            if !is_target(target) {
                return refuse(format!(
                    "stands for {target:?}, which is not \"auto\", \"auto:STRATEGY\" or the name of a model or a route"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases(entries: &[(&str, &str)]) -> Aliases {
        Aliases(entries.iter().map(|(name, target)| ((*name).to_owned(), (*target).to_owned())).collect())
    }

    #[test]
    fn the_whole_name_comes_first_and_then_the_longest_beginning() {
        let aliases =
            aliases(&[("claude-*", "auto"), ("claude-opus-*", "auto:best"), ("claude-opus-4", "big"), ("*", "small")]);
        for (asked, name, target) in [
            ("claude-opus-4", "claude-opus-4", "big"),
            ("claude-opus-4-5", "claude-opus-*", "auto:best"),
            ("claude-haiku", "claude-*", "auto"),
            ("claude-*", "claude-*", "auto"),
            ("gpt-4o", "*", "small"),
        ] {
            assert_eq!(aliases.find(asked), Some(Alias { name, target }), "{asked}");
        }
        assert_eq!(Aliases::default().find("gpt-4o"), None);
        assert_eq!(aliases.names().collect::<Vec<_>>(), ["claude-opus-4"]);
    }

    #[test]
    fn an_alias_that_hides_something_or_leads_nowhere_is_refused() {
        let check = |name: &str, target: &str| {
            let what_is = |name: &str| (name == "big").then_some("model");
            aliases(&[(name, target)]).check(what_is, |target| matches!(target, "auto" | "big"))
        };
        assert_eq!(check("gpt-4o", "big"), Ok(()));
        assert_eq!(check("*", "auto"), Ok(()));
        for (name, target, why) in [
            ("", "auto", "expected a name"),
            ("a*b", "auto", "expected a name"),
            ("a**", "auto", "expected a name"),
            ("auto", "big", "means routing"),
            ("auto:fast", "big", "means routing"),
            ("big", "auto", "is the name of a model already"),
            ("gpt-4o", "gpt-4", "stands for \"gpt-4\""),
        ] {
            let error = check(name, target).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
