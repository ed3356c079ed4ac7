//! How many tokens a text is, estimated for each family of tokenizers without a tokenizer: one pass counts words, digits,
//! marks and characters by class, and each class has a cost in each family. Allocates nothing and must not read model files.

mod costs;
mod short_words;

use costs::COSTS;
use costs::Class::{self, *};
use short_words::{ENGLISH, NORTHERN, ROMANCE};

/// Models whose tokenizers cut text alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// `o200k_base`: gpt-4o, gpt-4.1, gpt-5, gpt-oss, the o-series.
    OpenAi,
    /// `cl100k_base`: gpt-4, gpt-3.5, text-embedding-3; phi-4 uses the same.
    OpenAiOld,
    /// Claude.
    Claude,
    /// Gemini and Gemma.
    Gemini,
    /// Llama 3 and later.
    Llama,
    /// Mistral's models since 2024.
    Mistral,
    /// Qwen 2 and later.
    Qwen,
    /// DeepSeek's own models, not what was distilled into others.
    DeepSeek,
    /// Any other model.
    Unknown,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 9] = [
        Self::OpenAi,
        Self::OpenAiOld,
        Self::Claude,
        Self::Gemini,
        Self::Llama,
        Self::Mistral,
        Self::Qwen,
        Self::DeepSeek,
        Self::Unknown,
    ];

    /// The family of a model by the name its provider knows it by, such as `gpt-4o-mini`, `us.anthropic.claude-sonnet-4` or
    /// `meta-llama/Llama-3.3-70B-Instruct`.
    pub fn of_model(upstream_name: &str) -> Self {
        let name = upstream_name.to_ascii_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        let last = name.rsplit('/').next().unwrap_or(&name);
        let o_series = || {
            let mut start = last.trim_start_matches("openai.").bytes();
            start.next() == Some(b'o') && start.next().is_some_and(|byte| byte.is_ascii_digit())
        };
        if has(&["mixtral", "mistral-7b", "mistral-tiny", "llama-2", "llama2", "codellama", "tinyllama"]) {
            // Vocabularies of 32,000 pieces.
            Self::Unknown
        } else if has(&["gpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "gpt-6", "gpt-oss", "chatgpt", "codex"]) || o_series()
        {
            Self::OpenAi
        } else if has(&["gpt-4", "gpt-3.5", "gpt-35", "text-embedding-3", "text-embedding-ada", "phi-4"]) {
            Self::OpenAiOld
        } else if has(&["claude"]) {
            Self::Claude
        } else if has(&["gemini", "gemma"]) {
            Self::Gemini
        } else if has(&["llama"]) {
            Self::Llama
        } else if has(&["mistral", "ministral", "codestral", "devstral", "magistral", "pixtral", "voxtral"]) {
            Self::Mistral
        } else if has(&["qwen", "qwq", "qvq"]) {
            Self::Qwen
        } else if has(&["deepseek"]) {
            Self::DeepSeek
        } else {
            Self::Unknown
        }
    }

    /// The column of `COSTS` that counts for this family, and what its costs are multiplied with, in percent.
    fn column(self) -> (usize, u64) {
        match self {
            Self::OpenAi => (0, 100),
            Self::OpenAiOld => (1, 100),
            // Only the tokenizer up to Claude 2 is public. An estimate: later ones are known to make about a sixth more.
            Self::Claude => (2, 115),
            Self::Gemini => (3, 100),
            Self::Llama => (4, 100),
            Self::Mistral => (5, 100),
            Self::Qwen => (6, 100),
            Self::DeepSeek => (7, 100),
            // An estimate: most tokenizers lie between OpenAI's older one and a quarter more.
            Self::Unknown => (1, 115),
        }
    }

    /// What an estimate is multiplied with to be above the true count for nearly every text, in percent.
    fn margin(self) -> u64 {
        match self {
            Self::Claude | Self::Unknown => 150,
            _ => 125,
        }
    }
}

/// Tokens that a text is about, for a family. Linear in the text, some five nanoseconds a byte.
pub fn estimate(text: &str, family: Family) -> u64 {
    let mut counted = Tally::default();
    counted.add(text);
    counted.tokens(family)
}

/// What was counted of one or more texts, for all families.
#[derive(Debug, Clone)]
pub struct Tally([u64; COSTS.len()]);

impl Default for Tally {
    fn default() -> Self {
        Self([0; COSTS.len()])
    }
}

impl Tally {
    /// Counts one more text.
    pub fn add(&mut self, text: &str) {
        self.0.iter_mut().zip(tally(text)).for_each(|(sum, count)| *sum += u64::from(count));
    }

    /// Tokens that all of it is about, for a family.
    pub fn tokens(&self, family: Family) -> u64 {
        let (column, percent) = family.column();
        let thousandths: u64 =
            self.0.iter().zip(&COSTS).map(|(count, (_, costs))| count * u64::from(costs[column])).sum();
        (thousandths * percent).div_ceil(100_000)
    }
}

/// An upper estimate, to compare with context windows: a prompt is rather thought too long than sent where it does not fit.
pub fn with_margin(estimate: u64, family: Family) -> u64 {
    (estimate.saturating_mul(family.margin()) / 100).saturating_add(SMALL)
}

/// Added to every upper estimate: in a few words a single odd one makes a large share.
const SMALL: u64 = 8;

/// What stands before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Space,
    Word,
    Mark,
    Cyrillic,
}

/// The language around: words that look like English cost more in other languages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    English,
    Romance,
    Northern,
}

fn tally(text: &str) -> [u32; COSTS.len()] {
    let mut counts = [0; COSTS.len()];
    let mut add = |class: Class, count: u32| counts[class as usize] += count;
    let bytes = text.as_bytes();
    let (mut before, mut around) = (Before::Space, Around::English);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | 0xC3..=0xCA | 0xE1 if latin_bytes(bytes, at) > 0 => {
                let word = LatinWord::at(bytes, start);
                at += word.bytes;
                around = word.around(around);
                let letters = word.letters;
                let (whole, over4) = match around {
                    _ if before != Before::Space => (Glued, GluedOver4),
                    Around::English => (Word, WordOver4),
                    Around::Romance => (Romance, RomanceOver4),
                    Around::Northern => (Northern, NorthernOver4),
                };
                if letters > 1 && word.capitals == letters {
                    add(Caps, letters);
                } else {
                    add(whole, 1);
                    add(over4, letters.saturating_sub(4));
                    match whole {
                        Word => add(WordOver8, letters.saturating_sub(8)),
                        Glued => add(CapsWithin, word.capitals.saturating_sub(1)),
                        _ => {}
                    }
                }
                add(Letters20, letters.saturating_sub(20));
                add(RomanceMark, word.romance_marks);
                add(NorthernMark, word.northern_marks);
                before = Before::Word;
            }
            b'0'..=b'9' => {
                at += run(&bytes[at..], |byte| byte.is_ascii_digit());
                let digits = (at - start) as u32;
                add(DigitGroup, digits.div_ceil(3));
                add(FurtherDigit, digits - digits.div_ceil(3));
                add(SpaceDigit, u32::from(start > 0 && bytes[start - 1] == b' '));
                before = Before::Word;
            }
            b' ' | b'\t' | b'\n' | b'\r' => {
                at += run(&bytes[at..], |byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
                let space = &bytes[start..at];
                let breaks = space.iter().rposition(|byte| matches!(byte, b'\n' | b'\r'));
                let last_line = space.len() - breaks.map_or(0, |last| last + 1);
                match breaks {
                    Some(_) if before == Before::Mark => add(LineAfterMark, 1),
                    Some(_) => add(Line, 1),
                    None => {}
                }
                if last_line > 1 {
                    add(if breaks.is_some() { Indent } else { Spaces }, 1);
                }
                add(Tabs, u32::from(space[space.len() - last_line..].contains(&b'\t')));
                add(Spaces16, (space.len() / 16) as u32);
                before = Before::Space;
            }
            b'!'..=b'~' => {
                at += run(&bytes[at..], |byte| byte.is_ascii_punctuation());
                let marks = &bytes[start..at];
                if marks.len() > 1 {
                    add(MarkRun, 1);
                    add(MarkSame, marks.windows(2).filter(|pair| pair[0] == pair[1]).count() as u32);
                } else {
                    let on_word = before != Before::Space && bytes.get(at).is_some_and(u8::is_ascii_alphabetic);
                    add(if on_word { MarkOnWord } else { Mark }, 1);
                }
                before = Before::Mark;
            }
            _ => {
                let Some(character) = text[at..].chars().next() else { break };
                at += character.len_utf8();
                let class = class_of(character);
                add(class, 1);
                add(CyrillicWord, u32::from(class == Cyrillic && before != Before::Cyrillic));
                before = match class {
                    Cyrillic => Before::Cyrillic,
                    Wide | Symbol | Emoji => Before::Mark,
                    _ => Before::Word,
                };
            }
        }
    }
    counts
}

/// How many bytes from the front are of a kind.
fn run(bytes: &[u8], is_kind: impl Fn(&u8) -> bool) -> usize {
    bytes.iter().position(|byte| !is_kind(byte)).unwrap_or(bytes.len())
}

/// A run of Latin letters that ends where a capital follows a small letter, as tokenizers cut.
#[derive(Default)]
struct LatinWord {
    bytes: usize,
    letters: u32,
    capitals: u32,
    romance_marks: u32,
    northern_marks: u32,
    /// Its last four letters, lower-cased.
    key: u32,
}

impl LatinWord {
    fn at(bytes: &[u8], start: usize) -> Self {
        let mut word = Self::default();
        while start + word.bytes < bytes.len() {
            let at = start + word.bytes;
            let byte = bytes[at];
            let length = latin_bytes(bytes, at);
            if length == 0 || (byte.is_ascii_uppercase() && word.capitals < word.letters) {
                break;
            }
            word.bytes += length;
            word.letters += 1;
            match length {
                1 => {
                    word.capitals += u32::from(byte.is_ascii_uppercase());
                    word.key = word.key << 8 | u32::from(byte | 0x20);
                }
                // à to ý but for å, ä, æ, ð, ö, ø, ü, and the same in capitals.
                2 if byte == 0xC3 && !b"\x84\x85\x86\x90\x96\x98\x9C\x9F".contains(&(bytes[at + 1] & 0xDF)) => {
                    word.romance_marks += 1;
                }
                _ => word.northern_marks += 1,
            }
        }
        word
    }

    /// The language around, after this word.
    fn around(&self, before: Around) -> Around {
        match (self.romance_marks, self.northern_marks) {
            (0, 0) if (2..=3).contains(&self.letters) => {
                let listed = |words: &[u32]| words.contains(&self.key);
                if listed(ENGLISH) {
                    Around::English
                } else if listed(ROMANCE) {
                    Around::Romance
                } else if listed(NORTHERN) {
                    Around::Northern
                } else {
                    before
                }
            }
            (0, 0) => before,
            // Polish, Turkish and Czech have letters of the Romance kind too.
            (_, 0) if before == Around::Northern => before,
            (_, 0) => Around::Romance,
            _ => Around::Northern,
        }
    }
}

/// Bytes of the Latin letter that begins here; 0 if none does.
fn latin_bytes(bytes: &[u8], at: usize) -> usize {
    match (bytes[at], bytes.get(at + 1)) {
        (b'a'..=b'z' | b'A'..=b'Z', _) => 1,
        (0xC3, Some(0x97 | 0xB7)) => 0,
        (0xC3..=0xCA, _) => 2,
        (0xE1, Some(0xB8..=0xBB)) => 3,
        _ => 0,
    }
}

fn class_of(character: char) -> Class {
    match character as u32 {
        0x80..=0xbf | 0x2010..=0x2bff => {
            if matches!(character as u32, 0x2600..=0x27bf | 0x2b00..=0x2bff) {
                Emoji
            } else {
                Symbol
            }
        }
        0x370..=0x3ff | 0x1f00..=0x1fff => Greek,
        0x400..=0x52f => Cyrillic,
        0x590..=0x5ff => Hebrew,
        0x600..=0x77f | 0xfb50..=0xfdff | 0xfe70..=0xfeff => Arabic,
        0x900..=0x97f => Devanagari,
        0x980..=0xdff => Indic,
        0xe00..=0x109f | 0x1780..=0x17ff => LaoThai,
        0x3000..=0x3040 | 0xff00..=0xff65 => Wide,
        0x3041..=0x30ff | 0xff66..=0xff9f => Kana,
        0x4e00..=0x9fff => Han,
        0xac00..=0xd7a3 => Hangul,
        0x1f000..=0x1faff | 0x200d | 0xfe0f => Emoji,
        0x10000.. => Rare,
        _ => Other,
    }
}

#[cfg(test)]
mod tests;
