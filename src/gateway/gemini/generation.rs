//! What a model's name tells of the requests it takes: each generation of Gemini refuses fields that another one knows. A name that is none
//! of Gemini's, as other servers of this API have, is taken for one that takes everything but thinking.

/// A Gemini version, where the name tells one, and the line it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation {
    version: Option<(u32, u32)>,
    line: Line,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Pro,
    Flash,
    FlashLite,
    Other,
}

/// Names such as `gemini-flash-latest` lead to the newest there is.
const NEWEST: (u32, u32) = (u32::MAX, 0);

/// How a model is told how long to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThinkingControl {
    /// By one of a few levels. It cannot be switched off.
    Level { least: &'static str, medium: &'static str },
    /// By a budget of tokens within these bounds.
    Budget { least: u32, most: u32, can_stop: bool },
    /// Not at all.
    None,
}

impl Generation {
    /// Reads `gemini-2.5-flash-lite`, `models/gemini-3-pro-preview`, `gemini-flash-latest` and the like.
    pub(super) fn of(model: &str) -> Self {
        let name = model.to_ascii_lowercase();
        let line = match () {
            () if name.contains("flash-lite") => Line::FlashLite,
            () if name.contains("flash") => Line::Flash,
            () if name.contains("pro") => Line::Pro,
            () => Line::Other,
        };
        let version = name.find("gemini").map(|at| name[at..].split('-').find_map(version).unwrap_or(NEWEST));
        Self { version, line }
    }

    fn is_since(self, major: u32, minor: u32) -> Option<bool> {
        self.version.map(|version| version >= (major, minor))
    }

    /// How it can be told to think more or less.
    pub(super) fn thinking(self) -> ThinkingControl {
        match self.version {
            Some(version) if version >= (3, 0) => ThinkingControl::Level {
                // Later ones, and every Pro, refuse the least level.
                least: if matches!(self.line, Line::Flash | Line::FlashLite) && version <= (3, 6) {
                    "minimal"
                } else {
                    "low"
                },
                medium: if (self.line, version) == (Line::Pro, (3, 0)) { "high" } else { "medium" },
            },
            Some((2, 5)) => match self.line {
                Line::Pro => ThinkingControl::Budget { least: 128, most: 32_768, can_stop: false },
                Line::FlashLite => ThinkingControl::Budget { least: 512, most: 24_576, can_stop: true },
                Line::Flash | Line::Other => ThinkingControl::Budget { least: 1, most: 24_576, can_stop: true },
            },
            _ => ThinkingControl::None,
        }
    }

    /// Whether `temperature`, `topP` and `topK` mean anything to it. Newer models ignore them, and say that their successors will refuse.
    pub(super) fn takes_sampling(self) -> bool {
        let is_newer = self.is_since(3, 6).unwrap_or(false);
        let is_as_new = self.version == Some((3, 5)) && self.line == Line::FlashLite;
        !(is_newer || is_as_new)
    }

    /// Whether it takes penalties for words that were said before.
    pub(super) fn takes_penalties(self) -> bool {
        !self.is_since(2, 5).unwrap_or(false)
    }

    /// How many answers it gives to one request.
    pub(super) fn most_answers(self) -> u32 {
        if self.is_third_or_later() { 1 } else { 8 }
    }

    /// Whether it may tell how likely its tokens were.
    pub(super) fn tells_logprobs(self) -> bool {
        !self.is_third_or_later()
    }

    /// Whether it can be held to a form of its answer while it may call tools.
    pub(super) fn takes_form_beside_tools(self) -> bool {
        self.is_since(3, 0).unwrap_or(true)
    }

    /// Whether it fetches pictures by their address.
    pub(super) fn reads_addresses(self) -> bool {
        self.is_since(2, 5).unwrap_or(true)
    }

    /// Whether a tool's result may hold pictures and files.
    pub(super) fn takes_media_in_results(self) -> bool {
        self.is_since(3, 0).unwrap_or(true)
    }

    /// Whether it refuses calls of the turn under way that do not bear the signature of its thoughts.
    pub(super) fn demands_signatures(self) -> bool {
        self.is_third_or_later()
    }

    fn is_third_or_later(self) -> bool {
        self.is_since(3, 0).unwrap_or(false)
    }
}

/// `3` or `2.5`; a date is none.
fn version(part: &str) -> Option<(u32, u32)> {
    let (major, minor) = part.split_once('.').unwrap_or((part, "0"));
    let number = |digits: &str| if digits.len() > 2 { None } else { digits.parse().ok() };
    Some((number(major)?, number(minor)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_lines_are_told_by_names() {
        for (name, version, line) in [
            ("gemini-2.5-pro", Some((2, 5)), Line::Pro),
            ("gemini-2.5-flash-lite-preview-09-2025", Some((2, 5)), Line::FlashLite),
            ("gemini-2.0-flash-001", Some((2, 0)), Line::Flash),
            ("models/gemini-3-pro-preview", Some((3, 0)), Line::Pro),
            ("gemini-3.8-flash", Some((3, 8)), Line::Flash),
            ("gemini-robotics-er-1.5-preview", Some((1, 5)), Line::Other),
            ("gemini-flash-latest", Some(NEWEST), Line::Flash),
            ("gemma-3-27b-it", None, Line::Other),
            ("tunedModels/mine-2", None, Line::Other),
        ] {
            assert_eq!(Generation::of(name), Generation { version, line }, "{name}");
        }
    }

    #[test]
    fn sampling_ends_with_the_models_that_ignore_it() {
        for name in ["gemini-2.5-pro", "gemini-3.1-pro-preview", "gemini-3.5-flash", "gemma-3-27b-it"] {
            assert!(Generation::of(name).takes_sampling(), "{name}");
        }
        for name in ["gemini-3.5-flash-lite", "gemini-3.6-flash", "gemini-4-pro", "gemini-flash-latest"] {
            assert!(!Generation::of(name).takes_sampling(), "{name}");
        }
    }
}
