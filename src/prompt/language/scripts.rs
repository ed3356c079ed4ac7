//! Scripts, and which language a letter speaks for. Knows no words.

use super::Language;

/// A script, as far as it tells languages apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Latin letters.
    Latin,
    /// Chinese characters, which Japanese uses too.
    Han,
    /// Japanese kana.
    Kana,
    /// Cyrillic letters.
    Cyrillic,
    /// Arabic letters.
    Arabic,
    /// A script of one language that is told.
    Of(Language),
}

/// The script of a letter; `None` for signs and for scripts of languages that are not told.
pub(super) fn script_of(letter: char) -> Option<Script> {
    Some(match letter as u32 {
        0x41..=0x5a | 0x61..=0x7a | 0xc0..=0x24f | 0x1e00..=0x1eff => Script::Latin,
        0x370..=0x3ff | 0x1f00..=0x1fff => Script::Of(Language::Greek),
        0x400..=0x4ff => Script::Cyrillic,
        0x531..=0x58f => Script::Of(Language::Armenian),
        0x5d0..=0x5ea => Script::Of(Language::Hebrew),
        0x620..=0x6d3 | 0xfb50..=0xfdff | 0xfe70..=0xfeff => Script::Arabic,
        0x900..=0x963 => Script::Of(Language::Hindi),
        0x980..=0x9ff => Script::Of(Language::Bengali),
        0xa00..=0xa7f => Script::Of(Language::Punjabi),
        0xa80..=0xaff => Script::Of(Language::Gujarati),
        0xb80..=0xbff => Script::Of(Language::Tamil),
        0xc00..=0xc7f => Script::Of(Language::Telugu),
        0xc80..=0xcff => Script::Of(Language::Kannada),
        0xd00..=0xd7f => Script::Of(Language::Malayalam),
        0xe01..=0xe4e => Script::Of(Language::Thai),
        0x10a0..=0x10ff => Script::Of(Language::Georgian),
        0x1100..=0x11ff | 0x3130..=0x318f | 0xac00..=0xd7a3 => Script::Of(Language::Korean),
        0x3041..=0x30ff | 0xff66..=0xff9f => Script::Kana,
        0x3400..=0x9fff | 0x20000..=0x3ffff => Script::Han,
        _ => return None,
    })
}

/// Languages that a Latin letter, or a mark, speaks for, where it speaks for few.
pub(super) fn languages_of(letter: char) -> &'static [Language] {
    use Language::{
        Czech, Danish, Finnish, French, German, Hungarian, Italian, Norwegian, Polish, Portuguese, Romanian, Spanish,
        Swedish, Turkish, Vietnamese,
    };
    match letter {
        'ß' => &[German],
        'ä' => &[German, Swedish, Finnish],
        'ö' => &[German, Swedish, Finnish, Turkish, Hungarian],
        'ü' => &[German, Turkish, Hungarian],
        'ñ' | '¿' | '¡' => &[Spanish],
        'ã' | 'õ' => &[Portuguese],
        'ç' => &[French, Portuguese, Turkish],
        'œ' | 'ë' | 'û' => &[French],
        'ê' => &[French, Portuguese],
        'è' | 'ù' | 'à' => &[French, Italian],
        'ò' | 'ì' => &[Italian],
        'á' | 'í' | 'ú' => &[Spanish, Portuguese, Czech, Hungarian],
        'ó' => &[Spanish, Polish, Portuguese, Hungarian],
        'ą' | 'ć' | 'ę' | 'ł' | 'ń' | 'ś' | 'ź' | 'ż' => &[Polish],
        'ğ' | 'ı' | 'ş' => &[Turkish],
        'å' => &[Swedish, Danish, Norwegian],
        'æ' | 'ø' => &[Danish, Norwegian],
        // The other letters with a hook are Slovak, Croatian and Lithuanian as well.
        'ě' | 'ř' | 'ů' => &[Czech],
        'ő' | 'ű' => &[Hungarian],
        'ă' | 'ș' | 'ț' | 'ţ' => &[Romanian],
        'â' | 'î' => &[Romanian, French],
        'đ' | 'ơ' | 'ư' | '\u{1ea0}'..='\u{1ef9}' => &[Vietnamese],
        _ => &[],
    }
}

/// The language of Cyrillic letters; `None` for one that is not told, such as Serbian.
pub(super) fn cyrillic(letters: &str) -> Option<Language> {
    let has = |any: &str| letters.contains(|letter| any.contains(letter));
    if has("іїєґ") {
        (!has("ўыэ")).then_some(Language::Ukrainian)
    } else if has("ыэё") {
        (!has("әғқңөұүһөү")).then_some(Language::Russian)
    } else if has("јљњћђџѓќ") {
        None
    } else if letters.chars().filter(|letter| *letter == 'ъ').count() * 100 > letters.chars().count() {
        Some(Language::Bulgarian)
    } else {
        Some(Language::Russian)
    }
}

/// The language of Arabic letters.
pub(super) fn arabic(letters: &str) -> Language {
    let has = |any: &str| letters.contains(|letter| any.contains(letter));
    if has("ٹڈڑںےھ") {
        Language::Urdu
    } else if has("پچژگیک") {
        Language::Persian
    } else {
        Language::Arabic
    }
}
