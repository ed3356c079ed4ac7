//! Which language a text is written in: by its script where only one language uses it, otherwise by its small words and
//! letters. Pure; reads a kilobyte at either end; says nothing where the text is too short or its words do not agree.

mod scripts;
mod words;

use std::sync::LazyLock;

use ahash::AHashMap;

use scripts::{Script, languages_of, script_of};
use words::WORDS;

macro_rules! languages {
    ($($name:ident $code:literal,)*) => {
        /// A language, by its code in ISO 639-1.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum Language { $(#[doc = $code] #[serde(rename = $code)] $name,)* }

        impl Language {
            /// Every language that is told.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code in ISO 639-1, such as `de`.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

languages! {
    Arabic "ar", Armenian "hy", Bengali "bn", Bulgarian "bg", Chinese "zh", Czech "cs", Danish "da", Dutch "nl", English "en",
    Finnish "fi", French "fr", Georgian "ka", German "de", Greek "el", Gujarati "gu", Hebrew "he", Hindi "hi", Hungarian "hu",
    Indonesian "id", Italian "it", Japanese "ja", Kannada "kn", Korean "ko", Malayalam "ml", Norwegian "no", Persian "fa",
    Polish "pl", Portuguese "pt", Punjabi "pa", Romanian "ro", Russian "ru", Spanish "es", Swedish "sv", Tamil "ta",
    Telugu "te", Thai "th", Turkish "tr", Ukrainian "uk", Urdu "ur", Vietnamese "vi",
}

/// Bytes read at either end.
const END_BYTES: usize = 1024;
/// What a letter says where one language alone has it; a word says 1.
const LETTER: f32 = 0.5;
/// What small words and letters must say for a language at least.
const LEAST_SCORE: f32 = 0.95;
/// How far the first language must be ahead of the second.
const LEAD: f32 = 1.4;
/// The share of words that must say something. Code and logs have fewer.
const LEAST_SHARE: f32 = 0.12;

/// The language of a text, or of the prose around code in it; `None` where that cannot be told.
pub fn language(text: &str) -> Option<Language> {
    let mut tally = Tally::default();
    let text = text.trim();
    if text.len() <= 2 * END_BYTES {
        tally.read(text);
    } else {
        tally.read(&text[..text.floor_char_boundary(END_BYTES)]);
        tally.read(&text[text.ceil_char_boundary(text.len() - END_BYTES)..]);
    }
    tally.language()
}

/// Places of the languages of `WORDS` that a word belongs to, one bit each.
static LANGUAGES_OF_WORD: LazyLock<AHashMap<&str, u32>> = LazyLock::new(|| {
    let mut languages: AHashMap<&str, u32> = AHashMap::new();
    for (place, (_, words)) in WORDS.iter().enumerate() {
        for word in words.split_whitespace() {
            *languages.entry(word).or_default() |= 1 << place;
        }
    }
    languages
});

/// What was counted in a text.
#[derive(Default)]
struct Tally {
    /// What speaks for each language of `WORDS`.
    scores: [f32; WORDS.len()],
    words: u32,
    /// Words that speak for a language.
    telling_words: u32,
    latin: usize,
    han: usize,
    kana: usize,
    cyrillic: String,
    arabic: String,
    others: Vec<(Language, usize)>,
}

impl Tally {
    fn read(&mut self, text: &str) {
        let mut fenced = false;
        for line in text.lines() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if !fenced {
                let mixed_case = line.contains(char::is_lowercase);
                // What stands between backticks is code, and so are words in capitals among others, such as those of SQL.
                for token in line.split('`').step_by(2).flat_map(str::split_whitespace) {
                    self.add_letters(token);
                    if !(mixed_case && is_in_capitals(token)) {
                        self.read_words(token);
                    }
                }
            }
        }
    }

    fn read_words(&mut self, token: &str) {
        let is_mark = |c: char| !c.is_alphanumeric() && !"_/\\@#$<>=".contains(c);
        let token = token.trim_matches(is_mark);
        let is_code = |c: char| c.is_ascii_digit() || "_/\\@#$<>={}|&~^+()[];:.".contains(c);
        if token.is_empty() || token.contains(is_code) {
            return;
        }
        let word = token.to_lowercase().replace('’', "'");
        for part in word.split(|c: char| !c.is_alphabetic() && c != '\'').filter(|part| !part.is_empty()) {
            if self.add_word(part) {
                continue;
            }
            for piece in part.split_inclusive('\'') {
                self.add_word(piece);
            }
        }
    }

    fn add_letters(&mut self, token: &str) {
        for letter in token.chars() {
            match script_of(letter) {
                Some(Script::Latin) => self.latin += 1,
                Some(Script::Han) => self.han += 1,
                Some(Script::Kana) => self.kana += 1,
                Some(Script::Cyrillic) => self.cyrillic.extend(letter.to_lowercase()),
                Some(Script::Arabic) => self.arabic.push(letter),
                Some(Script::Of(language)) => match self.others.iter_mut().find(|(other, _)| *other == language) {
                    Some((_, count)) => *count += 1,
                    None => self.others.push((language, 1)),
                },
                None => {}
            }
        }
    }

    /// Counts a word; false if it is no small word.
    fn add_word(&mut self, word: &str) -> bool {
        let languages = LANGUAGES_OF_WORD.get(word).copied().unwrap_or(0);
        let whole = if word.chars().count() == 1 { 0.5 } else { 1.0 };
        let mut left = languages;
        while left != 0 {
            self.scores[left.trailing_zeros() as usize] += whole / languages.count_ones() as f32;
            left &= left - 1;
        }
        let mut tells = languages != 0;
        for letter in word.chars().filter(|letter| !letter.is_ascii()) {
            let languages = languages_of(letter);
            tells |= !languages.is_empty();
            for (score, (language, _)) in self.scores.iter_mut().zip(WORDS).filter(|_| !languages.is_empty()) {
                if languages.contains(language) {
                    *score += LETTER / languages.len() as f32;
                }
            }
        }
        let known = languages != 0;
        self.words += u32::from(known || !word.contains('\''));
        self.telling_words += u32::from(tells);
        known || !word.contains('\'')
    }

    fn language(&self) -> Option<Language> {
        // A character of Chinese is as much as half a word.
        let east = 3 * self.han + 2 * self.kana;
        let mut scripts = vec![
            (east, Some(if self.kana * 8 > self.han { Language::Japanese } else { Language::Chinese })),
            (self.cyrillic.chars().count(), scripts::cyrillic(&self.cyrillic)),
            (self.arabic.chars().count(), Some(scripts::arabic(&self.arabic))),
        ];
        scripts.extend(self.others.iter().map(|(language, count)| (*count, Some(*language))));
        let (letters, by_script) = scripts.into_iter().max_by_key(|(letters, _)| *letters)?;
        if letters >= 2 && letters >= self.latin {
            return by_script;
        }
        let by_words = self.by_words();
        if by_words.is_none() && letters >= 4 && letters * 4 >= self.latin { by_script } else { by_words }
    }

    fn by_words(&self) -> Option<Language> {
        let mut ranked: Vec<(f32, Language)> =
            self.scores.iter().zip(WORDS).map(|(score, (language, _))| (*score, *language)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let ((best, language), (second, other)) = (ranked[0], ranked[1]);
        // Danish and Norwegian share most of their small words, so few can tell them apart.
        let related = [language, other].iter().all(|one| matches!(one, Language::Danish | Language::Norwegian));
        let lead = if related { 1.0 + f32::EPSILON } else { LEAD };
        let is_prose = self.telling_words as f32 >= LEAST_SHARE * self.words as f32;
        (best >= LEAST_SCORE && best >= lead * second && is_prose).then_some(language)
    }
}

fn is_in_capitals(token: &str) -> bool {
    let mut letters = token.chars().filter(|c| c.is_alphabetic());
    letters.by_ref().take(2).filter(|c| c.is_uppercase()).count() == 2 && letters.all(char::is_uppercase)
}

#[cfg(test)]
mod tests;
