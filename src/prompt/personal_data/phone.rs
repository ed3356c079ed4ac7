//! Telephone numbers: international ones, national ones in a form that nothing else has, and any number that words announce.

use std::ops::Range;

use super::groups::{Before, Groups};
use super::phone_words::{ANNOUNCEMENTS, FILLERS, OTHER_NUMBERS};

/// Digits of the longest number there is (E.164), and of the shortest that is looked for.
const MOST_DIGITS: usize = 15;
const FEWEST_DIGITS: usize = 7;
/// Bytes before a number that may announce it.
const ANNOUNCED_BYTES: usize = 32;

/// `+49 30 1234567`, with the plus sign at a place.
pub(super) fn international(text: &str, plus: usize) -> Option<Range<usize>> {
    let before = text[..plus].chars().next_back();
    if before.is_some_and(|c| c.is_alphanumeric() || c == '+') || !text.as_bytes().get(plus + 1)?.is_ascii_digit() {
        return None;
    }
    let groups = Groups::at(text, plus + 1)?;
    // What follows after a space, such as the next column, may not belong to it.
    let range = (1..=groups.count()).rev().find_map(|count| {
        let range = groups.alone(count)?;
        let digits: Vec<u8> = groups.digits(count).take(MOST_DIGITS + 1).collect();
        (is_international(&digits, count) && !is_sum(&groups, count)).then_some(range)
    })?;
    Some(plus..range.end)
}

/// Whether a number can begin with its country's digits and be of that length. One in a single piece must be longer: `+1234567`
/// may be a sum or a line of a patch.
fn is_international(digits: &[u8], groups: usize) -> bool {
    let least = if groups == 1 { 10 } else { 9 };
    match digits {
        [0, ..] => false,
        [1, area, _, _, exchange, ..] => digits.len() == 11 && *area > 1 && *exchange > 1,
        [7, ..] | [3, 3 | 4, ..] => digits.len() == 11,
        [9, 1, ..] => digits.len() == 12,
        [4, 4, ..] => (11..=12).contains(&digits.len()),
        _ => (least..=MOST_DIGITS).contains(&digits.len()),
    }
}

/// `+3.14159265`, `+234.567.890`: separators of decimals and thousands; and a slash deep within it, as in a date.
fn is_sum(groups: &Groups<'_>, count: usize) -> bool {
    let thousands = || groups.lengths(count).skip(1).all(|length| length == 3);
    groups.have(Before::Slash, 3, count) || (groups.have(Before::Dot, 0, count) && (count < 3 || thousands()))
}

/// A number without a country's digits, or with them after `00`. What ends before `free` is read already.
pub(super) fn national(groups: &Groups<'_>, free: usize) -> Option<Range<usize>> {
    if groups.digits(groups.count()).count() < FEWEST_DIGITS {
        return None;
    }
    let said = Said::before(groups);
    let before = &groups.text().as_bytes()[..groups.start()];
    let goes_on = before.len() > free + 1 && matches!(before, [.., digit, b' '] if digit.is_ascii_digit());
    (1..=groups.count()).rev().find_map(|count| {
        let range = groups.alone(count)?;
        let digits = groups.digits(count).count();
        let shaped = !goes_on
            && (is_american(groups, count)
                || is_in_pairs(groups, count)
                || is_with_trunk_zero(groups, count, digits)
                || is_with_country(groups, count, digits)
                || is_chinese(groups, count));
        let callable = || (FEWEST_DIGITS..=MOST_DIGITS).contains(&digits) && !is_date_or_address(groups, count);
        let is_one = match said {
            Said::OtherNumber => false,
            Said::Nothing => shaped,
            Said::Phone => shaped || callable(),
        };
        is_one.then_some(range)
    })
}

/// `(415) 555-2671`, `415-555-2671`, `415.555.2671`, `1-415-555-2671`; not with spaces alone, which may be three numbers.
fn is_american(groups: &Groups<'_>, count: usize) -> bool {
    let first = match count {
        3 => 0,
        4 if groups.group(0) == "1" => 1,
        _ => return false,
    };
    let parted = [Before::Dash, Before::Dot].iter().any(|separator| groups.are_parted_by(*separator, count));
    let bracketed = groups.first_separator() == Before::Bracket && (groups.opens_bracket() || first == 1);
    let is_local = |group: &str| !group.starts_with(['0', '1']);
    groups.lengths(count).skip(first).eq([3, 3, 4])
        && (parted || bracketed)
        && is_local(groups.group(first))
        && is_local(groups.group(first + 1))
}

/// `06 12 34 56 78`
fn is_in_pairs(groups: &Groups<'_>, count: usize) -> bool {
    let parted =
        [Before::Space, Before::Dot, Before::Dash].iter().any(|separator| groups.are_parted_by(*separator, count));
    count == 5 && parted && groups.lengths(count).all(|length| length == 2) && has_trunk_zero(groups)
}

/// `030 1234567`, `0151/23456789`, `090-1234-5678`, `(020) 7946 0958`, `(030) 901820-0`.
fn is_with_trunk_zero(groups: &Groups<'_>, count: usize, digits: usize) -> bool {
    if count < 2 || !has_trunk_zero(groups) || !(2..=5).contains(&groups.group(0).len()) {
        return false;
    }
    let first = groups.group(0).len();
    let all_later = |least: usize| groups.lengths(count).skip(1).all(|length| length >= least);
    match groups.first_separator() {
        Before::Dash => all_later(3) && groups.are_parted_by(Before::Dash, count) && (10..=11).contains(&digits),
        Before::Bracket => {
            groups.opens_bracket() && !groups.have(Before::Slash, 2, count) && (8..=12).contains(&digits)
        }
        // Not the two and two digits of a date.
        Before::Slash | Before::Space => {
            (first > 2 || groups.group(1).len() > 2)
                && !groups.have(Before::Slash, 2, count)
                && all_later(2)
                && ((10..=11).contains(&digits) || (digits == 12 && count == 2))
        }
        _ => false,
    }
}

fn has_trunk_zero(groups: &Groups<'_>) -> bool {
    matches!(groups.group(0).as_bytes(), [b'0', b'1'..=b'9', ..])
}

/// `0049 151 2345678`: the country's digits stand alone.
fn is_with_country(groups: &Groups<'_>, count: usize, digits: usize) -> bool {
    let is_country =
        matches!(groups.group(0).as_bytes(), [b'0', b'0', b'1'..=b'9', _] | [b'0', b'0', b'1'..=b'9', _, _]);
    count >= 2 && is_country && (11..=16).contains(&digits)
}

/// `138 1234 5678`
fn is_chinese(groups: &Groups<'_>, count: usize) -> bool {
    let parted = [Before::Space, Before::Dash].iter().any(|separator| groups.are_parted_by(*separator, count));
    let is_mobile = matches!(groups.group(0).as_bytes(), [b'1', b'3'..=b'9', ..]);
    count == 3 && parted && groups.lengths(3).eq([3, 4, 4]) && is_mobile
}

/// `2024-01-31`, `31/01/2024`, `192.168.0.10`.
fn is_date_or_address(groups: &Groups<'_>, count: usize) -> bool {
    let lengths: Vec<usize> = groups.lengths(groups.count().min(3)).collect();
    let date = matches!(lengths[..], [4, 2, 2] | [2, 2, 4] | [1, 2, 4] | [2, 1, 4] | [1, 1, 4]);
    date || (count == 4 && groups.are_parted_by(Before::Dot, count))
}

/// What the words right before a number say of it.
#[derive(Clone, Copy)]
enum Said {
    /// That it is one to call.
    Phone,
    /// That it numbers something else.
    OtherNumber,
    Nothing,
}

impl Said {
    fn before(groups: &Groups<'_>) -> Self {
        let before = &groups.text()[..groups.start()];
        let last = without_marks(before).chars().next_back();
        if !last.is_some_and(|last| last == '#' || !last.is_ascii_digit()) {
            return Self::Nothing;
        }
        let before = before[before.ceil_char_boundary(before.len().saturating_sub(ANNOUNCED_BYTES))..].to_lowercase();
        let mut words = without_marks(&before);
        for _ in 0..2 {
            let filler = FILLERS.split(',').find_map(|filler| before_word(words, filler));
            words = filler.map_or(words, without_marks);
        }
        let ends_with = |list: &str| list.split(',').any(|word| before_word(words, word).is_some());
        if ends_with(ANNOUNCEMENTS) {
            Self::Phone
        } else if words.ends_with('#') || ends_with(OTHER_NUMBERS) {
            Self::OtherNumber
        } else {
            Self::Nothing
        }
    }
}

fn without_marks(words: &str) -> &str {
    words.trim_end_matches(|c: char| c.is_whitespace() || ":.=-\"'(：".contains(c))
}

/// What stands before a whole word at the end. Chinese and Japanese write words without spaces.
fn before_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_suffix(word)?;
    let unspaced = word.chars().all(|c| c >= '\u{2e80}');
    (unspaced || !rest.ends_with(char::is_alphanumeric)).then_some(rest)
}
