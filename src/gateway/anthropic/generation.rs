//! What a model's name tells of the requests it takes: newer Claude models refuse fields that older ones need. A name without a Claude
//! version, as other servers of this API have, is taken for one that takes everything.

/// A Claude version, where the name tells one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) struct Generation {
    version: Option<(u32, u32)>,
    is_opus: bool,
    /// Thinking cannot be switched off.
    pub(in crate::gateway) always_thinks: bool,
}

impl Generation {
    /// Reads `claude-opus-4-5-20251101`, `claude-3-7-sonnet-latest`, `anthropic.claude-sonnet-4-6` and the like.
    pub(in crate::gateway) fn of(model: &str) -> Self {
        let name = model.to_ascii_lowercase();
        let version = name.find("claude-").and_then(|at| {
            let mut parts = name[at..].split(['-', '.', '@', ':', '_']).map(short_number);
            let major = parts.find_map(|number| number)?;
            Some((major, parts.next().flatten().unwrap_or(0)))
        });
        let always_thinks = name.contains("claude-fable") || name.contains("claude-mythos");
        Self { version, is_opus: name.contains("opus"), always_thinks }
    }

    fn is_since(self, major: u32, minor: u32) -> Option<bool> {
        self.version.map(|version| version >= (major, minor))
    }

    /// Whether it can think before it answers.
    pub(in crate::gateway) fn thinks(self) -> bool {
        self.is_since(3, 7).unwrap_or(true)
    }

    /// Whether it decides by itself how long to think, at an effort that is named; older ones are given a budget of tokens.
    pub(in crate::gateway) fn thinks_adaptively(self) -> bool {
        self.is_since(4, 6).unwrap_or(self.always_thinks)
    }

    /// Whether `thinking` may leave it to the model how long to think.
    pub(super) fn takes_adaptive(self) -> bool {
        self.is_since(4, 6).unwrap_or(true)
    }

    /// Whether `thinking` may hold a budget of tokens.
    pub(super) fn takes_budget(self) -> bool {
        self.takes_sampling()
    }

    /// Whether an effort may be named to it.
    pub(super) fn takes_effort(self) -> bool {
        self.is_since(4, if self.is_opus { 5 } else { 6 }).unwrap_or(true)
    }

    /// Whether it thinks unless it is told not to.
    pub(in crate::gateway) fn thinks_by_default(self) -> bool {
        self.is_since(5, 0).unwrap_or(self.always_thinks)
    }

    /// Whether it knows the effort between `high` and `max`.
    pub(in crate::gateway) fn knows_xhigh(self) -> bool {
        self.is_since(4, 7).unwrap_or(self.always_thinks)
    }

    /// Whether it takes `temperature`, `top_p` and `top_k`.
    pub(in crate::gateway) fn takes_sampling(self) -> bool {
        !self.is_since(4, 7).unwrap_or(self.always_thinks)
    }

    /// Whether it takes `temperature` beside `top_p`.
    pub(in crate::gateway) fn takes_both_samplings(self) -> bool {
        !self.is_since(4, 1).unwrap_or(false)
    }

    /// Whether it can be held to a JSON schema.
    pub(in crate::gateway) fn takes_schema(self) -> bool {
        self.is_since(4, 5).unwrap_or(true)
    }
}

/// A version's part; a date is none.
fn short_number(part: &str) -> Option<u32> {
    if part.len() > 2 { None } else { part.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_before_or_after_the_family_and_dates_are_none() {
        for (name, version) in [
            ("claude-opus-4-5-20251101", Some((4, 5))),
            ("claude-opus-4-20250514", Some((4, 0))),
            ("claude-3-7-sonnet-latest", Some((3, 7))),
            ("claude-3-haiku-20240307", Some((3, 0))),
            ("claude-2.1", Some((2, 1))),
            ("claude-haiku-4-5@20251001", Some((4, 5))),
            ("us.anthropic.claude-sonnet-4-6-v1:0", Some((4, 6))),
            ("claude-sonnet-5", Some((5, 0))),
            ("claude-fable-5-1", Some((5, 1))),
            ("claude-next", None),
            ("kimi-k2", None),
            ("upstream-claude", None),
        ] {
            assert_eq!(Generation::of(name).version, version, "{name}");
        }
    }
}
