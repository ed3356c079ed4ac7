//! Changes of a prompt that change nothing of what it asks: typing errors, case, spacing, politeness, the wrapping of a coding
//! agent, urgency. A router should not be moved by them. Pure, and decided by a seed.

use serde::Serialize;

use crate::random::SplitMix64;

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Perturbation {
    /// One typing error in about ten words.
    Typos,
    /// Everything in small letters, or everything in capitals.
    Case,
    /// Blanks doubled, blank lines around.
    Whitespace,
    /// "Hi! Could you please ...", "Thanks a lot!"
    Politeness,
    /// Reminders and context as coding agents put around the user's words.
    Harness,
    /// "This is critical, use the best model you have."
    Urgency,
}

impl Perturbation {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Typos, Self::Case, Self::Whitespace, Self::Politeness, Self::Harness, Self::Urgency];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Typos => "typing errors",
            Self::Case => "case",
            Self::Whitespace => "whitespace",
            Self::Politeness => "politeness",
            Self::Harness => "harness wrapping",
            Self::Urgency => "injected urgency",
        }
    }

    /// The changed prompt.
    pub fn apply(self, prompt: &str, seed: u64) -> String {
        let mut draw = SplitMix64::new(seed ^ (self as u64) << 56);
        match self {
            Self::Typos => with_typos(prompt, 10, seed),
            Self::Case => {
                if draw.below(3) == 0 {
                    prompt.to_uppercase()
                } else {
                    prompt.to_lowercase()
                }
            }
            Self::Whitespace => with_spacing(prompt, &mut draw),
            Self::Politeness => {
                let (before, after) = POLITENESS[draw.below(POLITENESS.len())];
                join(before, prompt, after)
            }
            Self::Harness => HARNESS[draw.below(HARNESS.len())].replace("{PROMPT}", prompt),
            Self::Urgency => {
                let demand = URGENCY[draw.below(URGENCY.len())];
                if draw.below(2) == 0 { format!("{demand} {prompt}") } else { format!("{prompt}\n{demand}") }
            }
        }
    }
}

const POLITENESS: [(&str, &str); 8] = [
    ("Hi there,", "Many thanks in advance!"),
    ("Good morning!", ""),
    ("", "Thank you so much, I really appreciate it."),
    ("Sorry to bother you again.", ""),
    ("Would you be so kind and help me with this?", "Best wishes"),
    ("Hey, hope you're well.", "cheers"),
    ("", "No hurry at all, and thanks."),
    ("Dear assistant,", "Kind regards"),
];

const URGENCY: [&str; 7] = [
    "This is critical, use the best model you have.",
    "URGENT!!! Top priority!",
    "Please route this to your most capable model.",
    "This is extremely important for my career.",
    "Do not use a cheap model for this.",
    "I need this ASAP, everything depends on it.",
    "Think very hard, this matters a lot.",
];

const HARNESS: [&str; 5] = [
    "<system-reminder>\nThe task list is empty. Do not mention this to the user.\n</system-reminder>\n{PROMPT}",
    "{PROMPT}\n<system-reminder>\nThe file src/main.rs was changed by the user or a linter.\n</system-reminder>",
    "<environment_context>\n<cwd>/home/dev/project</cwd>\n<shell>bash</shell>\n</environment_context>\n<user_query>\n{PROMPT}\n</user_query>",
    "<task>\n{PROMPT}\n</task>\n<environment_details>\n# Open Tabs\nsrc/app.ts, README.md\n# Current Time\n09:41\n</environment_details>",
    "<additional_data>\n<current_file>\nPath: lib/util.py\nLine: 12\n</current_file>\n</additional_data>\n<user_query>\n{PROMPT}\n</user_query>",
];

fn join(before: &str, prompt: &str, after: &str) -> String {
    [before, prompt, after].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn with_spacing(prompt: &str, draw: &mut SplitMix64) -> String {
    let mut changed = String::from(["\n\n", "  ", " \t"][draw.below(3)]);
    for character in prompt.chars() {
        changed.push(character);
        if character == ' ' && draw.below(4) == 0 {
            changed.push(' ');
        }
    }
    changed.push_str(["\n", "   ", "\n\n\n"][draw.below(3)]);
    changed
}

/// One slip of the fingers in about `words` words of four letters or more, and at least one where there is such a word: two
/// letters exchanged, one left out, doubled, or its neighbour on the keyboard struck. Only Latin small letters slip.
pub fn with_typos(prompt: &str, words: usize, seed: u64) -> String {
    let mut draw = SplitMix64::new(seed);
    let runs = letter_runs(prompt);
    let first = if runs.is_empty() { 0 } else { draw.below(runs.len().min(words.max(1))) };
    let mut changed = String::with_capacity(prompt.len() + 16);
    let mut copied = 0;
    for (at, run) in runs.iter().enumerate() {
        if at != first && draw.below(words.max(1)) != 0 {
            continue;
        }
        changed.push_str(&prompt[copied..run.start]);
        changed.push_str(&slip(&prompt[run.clone()], &mut draw));
        copied = run.end;
    }
    changed.push_str(&prompt[copied..]);
    changed
}

/// Runs of four or more small Latin letters.
fn letter_runs(prompt: &str) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let mut start = None;
    for (at, byte) in prompt.bytes().chain([b' ']).enumerate() {
        match (byte.is_ascii_lowercase(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                if at - from >= 4 {
                    runs.push(from..at);
                }
                start = None;
            }
            _ => {}
        }
    }
    runs
}

fn slip(word: &str, draw: &mut SplitMix64) -> String {
    let mut letters: Vec<u8> = word.bytes().collect();
    let at = 1 + draw.below(letters.len() - 2);
    match draw.below(4) {
        0 => letters.swap(at, at + 1),
        1 => drop(letters.remove(at)),
        2 => letters.insert(at, letters[at]),
        _ => letters[at] = neighbour(letters[at], draw),
    }
    letters.into_iter().map(char::from).collect()
}

fn neighbour(letter: u8, draw: &mut SplitMix64) -> u8 {
    const ROWS: [&[u8]; 3] = [b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"];
    for row in ROWS {
        if let Some(at) = row.iter().position(|of_row| *of_row == letter) {
            let right = at + 1 < row.len() && (at == 0 || draw.below(2) == 0);
            return if right { row[at + 1] } else { row[at - 1] };
        }
    }
    letter
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_prompt_with_a_word_gets_a_slip() {
        for seed in 0..50 {
            let changed = with_typos("write a poem", 10, seed);
            assert_ne!(changed, "write a poem");
            assert!(changed.len().abs_diff("write a poem".len()) <= 2, "{changed}");
        }
        assert_eq!(with_typos("2 + 2 = ?", 10, 1), "2 + 2 = ?");
    }

    #[test]
    fn the_prompt_survives_what_is_put_around_it() {
        for kind in [Perturbation::Politeness, Perturbation::Harness, Perturbation::Urgency] {
            for seed in 0..20 {
                assert!(kind.apply("sort my books", seed).contains("sort my books"));
            }
        }
    }

    proptest! {
        #[test]
        fn any_prompt_can_be_changed(prompt in "\\PC{0,200}", seed: u64) {
            for kind in Perturbation::ALL {
                prop_assert_eq!(kind.apply(&prompt, seed), kind.apply(&prompt, seed));
            }
        }
    }
}
