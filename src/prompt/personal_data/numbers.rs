//! Numbers of payment cards and of social security: by their groups, their ranges and, for cards, the check digit.

use std::ops::Range;

use super::groups::{Before, Groups};

/// A card's number: 14 to 19 digits in one group or in the groups that stand on cards, of a known issuer, with the right
/// check digit. Visa's old numbers of 13 digits are left out: article numbers of 13 digits that begin alike are far more common.
pub(super) fn card(groups: &Groups<'_>) -> Option<Range<usize>> {
    (1..=groups.count()).rev().find_map(|count| {
        let mut digits = [0; 19];
        let mut length = 0;
        for digit in groups.digits(count) {
            *digits.get_mut(length)? = digit;
            length += 1;
        }
        let digits = &digits[..length];
        let parted = [Before::Space, Before::Dash].iter().any(|separator| groups.are_parted_by(*separator, count));
        (parted && is_grouped_like_a_card(groups, count) && is_issued(digits) && is_checked(digits))
            .then(|| groups.alone(count))?
    })
}

fn is_grouped_like_a_card(groups: &Groups<'_>, count: usize) -> bool {
    let by_four =
        || groups.lengths(count - 1).all(|length| length == 4) && (1..=4).contains(&groups.group(count - 1).len());
    count == 1 || by_four() || (count == 3 && groups.lengths(2).eq([4, 6]))
}

/// Whether a card of this length can begin so.
fn is_issued(digits: &[u8]) -> bool {
    let Some(first) = digits.first_chunk::<4>() else { return false };
    let first = first.iter().fold(0_u16, |number, digit| number * 10 + u16::from(*digit));
    match first {
        4000..=4999 => matches!(digits.len(), 16 | 19),
        2200..=2204 | 2221..=2720 | 5100..=5599 => digits.len() == 16,
        3400..=3499 | 3700..=3799 => digits.len() == 15,
        3000..=3059 | 3600..=3699 | 3800..=3999 => digits.len() == 14,
        3528..=3589 | 6011 | 6440..=6599 | 6200..=6299 => (16..=19).contains(&digits.len()),
        5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763 => (16..=19).contains(&digits.len()),
        _ => false,
    }
}

/// Luhn's check digit (ISO/IEC 7812-1).
fn is_checked(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| u32::from(if place % 2 == 1 { doubled(*digit) } else { *digit }))
        .sum();
    sum.is_multiple_of(10)
}

/// `123-45-6789` in the ranges that are given out; with spaces or in one piece only after words that announce it.
pub(super) fn ssn(groups: &Groups<'_>) -> Option<Range<usize>> {
    let digits: Vec<u8> = groups.digits(groups.count().min(3)).take(10).collect();
    let (count, announced) = match groups.lengths(groups.count().min(3)).collect::<Vec<_>>()[..] {
        [3, 2, 4] if groups.are_parted_by(Before::Dash, 3) => (3, true),
        [3, 2, 4] if groups.are_parted_by(Before::Space, 3) => (3, false),
        [9, ..] => (1, false),
        _ => return None,
    };
    let range = groups.alone(count)?;
    let number = |part: Range<usize>| digits[part].iter().fold(0_u16, |number, digit| number * 10 + u16::from(*digit));
    let (area, group, serial) = (number(0..3), number(3..5), number(5..9));
    let is_given_out = !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0;
    let announces = || {
        let before = &groups.text()[groups.text().floor_char_boundary(range.start.saturating_sub(28))..range.start];
        let before = before.to_ascii_lowercase();
        before.contains("ssn") || before.contains("social security")
    };
    (is_given_out && (announced || announces())).then_some(range)
}
