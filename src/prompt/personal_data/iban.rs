//! Numbers of bank accounts as ISO 13616 has them: the country's length and the remainder 1 of a division by 97.

use std::ops::Range;

/// Countries and the length of their numbers.
const LENGTHS: &str = "\
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 \
    EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 \
    KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 \
    PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 \
    UA29 VA22 VG24 XK20 YE30";

/// The number that begins at a place, in one piece or in groups of four.
pub(super) fn at(text: &str, start: usize) -> Option<Range<usize>> {
    let bytes = &text.as_bytes()[start..];
    let country = [bytes.first()?.to_ascii_uppercase(), bytes.get(1)?.to_ascii_uppercase()];
    if !bytes.get(2..4)?.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length: usize = LENGTHS
        .split_whitespace()
        .find_map(|entry| entry.as_bytes().starts_with(&country).then(|| entry[2..].parse().ok())?)?;
    let mut signs = [0; 34];
    let mut at = 0;
    for (count, place) in signs[..length].iter_mut().enumerate() {
        if count > 0 && count % 4 == 0 && matches!(bytes.get(at), Some(b' ' | b'-')) {
            at += 1;
        } else if count > 0 && count % 4 == 0 && bytes[at..].starts_with("\u{a0}".as_bytes()) {
            at += 2;
        }
        let sign = bytes.get(at).filter(|sign| sign.is_ascii_alphanumeric())?;
        *place = sign.to_ascii_uppercase();
        at += 1;
    }
    let goes_on = bytes.get(at).is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_');
    (!goes_on && is_checked(&signs[..length])).then_some(start..start + at)
}

/// The check of ISO 7064: the country and the check digits go to the end, letters count from 10.
fn is_checked(signs: &[u8]) -> bool {
    let (front, account) = signs.split_at(4);
    let remainder = account.iter().chain(front).fold(0_u32, |remainder, sign| match sign {
        b'0'..=b'9' => (remainder * 10 + u32::from(sign - b'0')) % 97,
        _ => (remainder * 100 + u32::from(sign - b'A') + 10) % 97,
    });
    remainder == 1
}
