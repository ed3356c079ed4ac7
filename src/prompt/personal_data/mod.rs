//! Finds personal data and credentials in a text by their shapes and check digits, and takes them out of it. Pure, linear in what it reads,
//! and rather silent than wrong: a number that may as well be a date, a version or an order's is none.

mod email;
mod groups;
mod iban;
mod numbers;
mod phone;
mod phone_words;
mod secrets;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use serde::{Deserialize, Serialize};

use groups::Groups;

/// Bytes that are read of a text: half of them from its front and half from its back.
const READ_BYTES: usize = 256 * 1024;
/// Stands for what was not read where a text is redacted.
const UNREAD: &str = "\n[...]\n";
/// Rounds of redacting. What is left around one piece may read as another, and hardly ever more than once.
const ROUNDS: usize = 8;

/// A kind of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonalData {
    /// An address for mail.
    Email,
    /// The number of a payment card.
    Card,
    /// The number of a bank account.
    Iban,
    /// A telephone number.
    Phone,
    /// A social security number of the United States.
    Ssn,
    /// A key, token or private key that opens something.
    Secret,
}

impl PersonalData {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Email, Self::Card, Self::Iban, Self::Phone, Self::Ssn, Self::Secret];

    /// The name, as in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::Phone => "phone",
            Self::Ssn => "ssn",
            Self::Secret => "secret",
        }
    }

    /// What stands in its place in a redacted text.
    fn placeholder(self) -> &'static str {
        match self {
            Self::Email => "[email]",
            Self::Card => "[card]",
            Self::Iban => "[iban]",
            Self::Phone => "[phone]",
            Self::Ssn => "[ssn]",
            Self::Secret => "[secret]",
        }
    }
}

/// One piece of personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: PersonalData,
    /// Where it stands, in bytes of the text.
    pub range: Range<usize>,
}

/// The personal data in a text, in order and apart. Of a text above 256 KiB only the two ends are read.
pub fn find(text: &str) -> Vec<Found> {
    let mut all = Vec::new();
    let _: ControlFlow<()> = visit(text, |found| {
        all.push(found);
        ControlFlow::Continue(())
    });
    all
}

/// Which kinds there are in a text. Reads as much of it as `find`, and stops where all kinds are found.
pub fn kinds(text: &str) -> BTreeSet<PersonalData> {
    let mut kinds = BTreeSet::new();
    let _: ControlFlow<()> = visit(text, |found| {
        kinds.insert(found.kind);
        if kinds.len() == PersonalData::ALL.len() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    kinds
}

/// The text with `[email]`, `[card]` and so on in place of what is found, so that nothing is found any more. Borrowed where
/// there was nothing. The middle of a text above 256 KiB is left out, because nobody looked at it.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut left = Cow::Borrowed(text);
    for _ in 0..ROUNDS {
        if left.len() > READ_BYTES {
            // A little less than `find` reads, for the mark between.
            let [head, tail] = ends(&left, READ_BYTES - 2 * UNREAD.len());
            left = Cow::Owned([&left[head], UNREAD, &left[tail]].concat());
        }
        let found = find(&left);
        if found.is_empty() {
            return left;
        }
        let mut redacted = String::with_capacity(left.len());
        let mut at = 0;
        for Found { kind, range } in found {
            redacted.push_str(&left[at..range.start]);
            redacted.push_str(kind.placeholder());
            at = range.end;
        }
        redacted.push_str(&left[at..]);
        left = Cow::Owned(redacted);
    }
    // Made to outlast the rounds: nothing of it can be shown.
    if find(&left).is_empty() { left } else { Cow::Borrowed(UNREAD) }
}

/// Calls back for each piece, in order.
fn visit(text: &str, mut each: impl FnMut(Found) -> ControlFlow<()>) -> ControlFlow<()> {
    for part in ends(text, READ_BYTES) {
        let (piece, offset) = (&text[part.clone()], part.start);
        let mut at = 0;
        let mut free = 0;
        while let Some(trigger) = next_trigger(piece.as_bytes(), at) {
            let place = Place { text: piece, at: trigger, free };
            match place.read() {
                Some((kind, range)) => {
                    (at, free) = (range.end, range.end);
                    each(Found { kind, range: offset + range.start..offset + range.end })?;
                }
                None => at = place.after(),
            }
        }
    }
    ControlFlow::Continue(())
}

/// The whole text and nothing, or as many bytes of its two ends together.
fn ends(text: &str, bytes: usize) -> [Range<usize>; 2] {
    if text.len() <= bytes {
        return [0..text.len(), text.len()..text.len()];
    }
    let head = text.floor_char_boundary(bytes / 2);
    let tail = text.ceil_char_boundary(text.len() - bytes / 2);
    [0..head, tail..text.len()]
}

/// The next byte at which something may begin (for mail: its `@`).
fn next_trigger(bytes: &[u8], from: usize) -> Option<usize> {
    let starts = |at: &usize| match bytes[*at] {
        b'@' | b'+' | b'(' => true,
        b'-' => bytes[*at..].starts_with(b"-----BEGIN "),
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => *at == 0 || !is_word_byte(bytes[*at - 1]),
        _ => false,
    };
    (from..bytes.len()).find(starts)
}

/// ASCII letters, digits and the underscore: Chinese and Japanese write a number right after a word.
fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A place in a text where something may begin.
struct Place<'a> {
    text: &'a str,
    at: usize,
    /// The end of what was found last.
    free: usize,
}

impl Place<'_> {
    fn read(&self) -> Option<(PersonalData, Range<usize>)> {
        let Self { text, at, free } = *self;
        match text.as_bytes()[at] {
            b'@' => email::around(text, at, free).map(|range| (PersonalData::Email, range)),
            b'+' => phone::international(text, at).map(|range| (PersonalData::Phone, range)),
            b'-' => secrets::private_key(text, at).map(|range| (PersonalData::Secret, range)),
            b'0'..=b'9' | b'(' => {
                let groups = Groups::at(text, at)?;
                numbers::card(&groups)
                    .map(|range| (PersonalData::Card, range))
                    .or_else(|| numbers::ssn(&groups).map(|range| (PersonalData::Ssn, range)))
                    .or_else(|| phone::national(&groups, free).map(|range| (PersonalData::Phone, range)))
            }
            _ => {
                let secret = secrets::token(text, at).map(|range| (PersonalData::Secret, range));
                secret.or_else(|| iban::at(text, at).map(|range| (PersonalData::Iban, range)))
            }
        }
    }

    /// Where to read on if nothing begins here: after the word or number, or after the sign.
    fn after(&self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        self.at + rest.iter().position(|byte| !is_word_byte(*byte)).unwrap_or(rest.len()).max(1)
    }
}

#[cfg(test)]
mod tests;
