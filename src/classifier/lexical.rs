//! Hashed n-grams of a prompt: words and pairs of words, runs of two to five characters; the beginning, the end and the whole kept
//! apart, because the instruction stands at either end and the material between. Both ends are read at two scales, a few words and
//! some more. Pure; what the n-grams weigh is `feature_space`'s business.

/// Raised whenever the same text would give other buckets, because an artifact is only right for the hash it was trained with.
pub const NGRAM_VERSION: u32 = 1;

/// Buckets that all n-grams share. On our own prompts 2^16 cost two points of accuracy against 2^20, and 2^17 half a point.
pub const BUCKETS: usize = 1 << BUCKET_BITS;
const BUCKET_BITS: u32 = 18;

/// Blocks of n-grams, each scaled to unit length by itself so that a long whole cannot drown the ends.
pub const BLOCKS: usize = BLOCK_NAMES.len();
/// What each block holds, for a reader.
pub const BLOCK_NAMES: [&str; 9] = [
    "among the first words",
    "among the last words",
    "in the very first words",
    "in the very last words",
    "anywhere",
    "letters near the beginning",
    "letters near the end",
    "letters at the very beginning",
    "letters at the very end",
];
const WORDS_OF_ENDS: u32 = 0;
const WORDS_OF_TIPS: u32 = 2;
const WORDS_ANYWHERE: u32 = 4;
const CHARACTERS_OF_ENDS: u32 = 5;
const CHARACTERS_OF_TIPS: u32 = 7;

/// Lengths of the runs of characters.
const CHARACTER_RUNS: std::ops::RangeInclusive<usize> = 2..=5;
/// Marks where the first window begins and where the last one ends.
const START: char = '\u{2}';
const END: char = '\u{3}';

/// The parts of one prompt that n-grams are read from.
#[derive(Debug, Clone, Copy)]
pub struct LexicalWindows<'a> {
    /// The first words.
    pub first: &'a str,
    /// The last words.
    pub last: &'a str,
    /// The very first few words: the beginning of `first`.
    pub first_tip: &'a str,
    /// The very last few words: the end of `last`.
    pub last_tip: &'a str,
    /// Everything that is read, in two pieces.
    pub whole: [&'a str; 2],
}

/// How often each bucket of each block occurs: block and bucket in one number ([`block_of`], [`bucket_of`]) and the count, keys rising.
pub type NgramCounts = Vec<(u32, u16)>;

/// Counts a prompt's n-grams.
pub fn count_ngrams(windows: LexicalWindows<'_>) -> NgramCounts {
    let mut keys: Vec<u32> = Vec::with_capacity(4096);
    visit(windows, |key, _| keys.push(key));
    keys.sort_unstable();
    keys.chunk_by(|a, b| a == b).map(|run| (run[0], u16::try_from(run.len()).unwrap_or(u16::MAX))).collect()
}

/// The n-grams of a prompt by key, for an explanation. Where several share a bucket, all are named.
pub fn named_ngrams(windows: LexicalWindows<'_>) -> std::collections::BTreeMap<u32, Vec<String>> {
    let mut named = std::collections::BTreeMap::<u32, Vec<String>>::new();
    visit(windows, |key, ngram| {
        let text = ngram.text();
        let of_key = named.entry(key).or_default();
        if !of_key.contains(&text) {
            of_key.push(text);
        }
    });
    named
}

/// One n-gram as it is visited.
#[derive(Clone, Copy)]
enum Ngram<'a> {
    Words(&'a [&'a str]),
    Characters(&'a [char]),
}

impl Ngram<'_> {
    fn text(self) -> String {
        match self {
            Self::Words(words) => words.join(" "),
            Self::Characters(run) => {
                run.iter().map(|c| if *c == START || *c == END { '|' } else { *c }).collect::<String>()
            }
        }
    }
}

fn visit(windows: LexicalWindows<'_>, mut each: impl FnMut(u32, Ngram<'_>)) {
    let mut characters = Vec::new();
    let ends = [(windows.first, windows.first_tip), (windows.last, windows.last_tip)];
    for (side, (text, tip)) in (0u32..).zip(ends) {
        let is_last = side == 1;
        let lower = text.to_lowercase();
        let tip = tip.to_lowercase();
        let words = words_of(&lower);
        // What is within the tip counts in the tip's block too.
        let in_tip = inside(words.len(), words_of(&tip).len(), is_last);
        for length in 1..=2 {
            for (start, run) in words.windows(length).enumerate() {
                let hash = hash_words(run);
                each(key(WORDS_OF_ENDS + side, hash), Ngram::Words(run));
                if in_tip.start <= start && start + length <= in_tip.end {
                    each(key(WORDS_OF_TIPS + side, hash), Ngram::Words(run));
                }
            }
        }
        collect_characters(&lower, is_last, &mut characters);
        let mut of_tip = Vec::new();
        collect_characters(&tip, is_last, &mut of_tip);
        let in_tip = inside(characters.len(), of_tip.len(), is_last);
        visit_runs(&characters, |hash, start, run| {
            each(key(CHARACTERS_OF_ENDS + side, hash), Ngram::Characters(run));
            if in_tip.start <= start && start + run.len() <= in_tip.end {
                each(key(CHARACTERS_OF_TIPS + side, hash), Ngram::Characters(run));
            }
        });
    }
    for half in windows.whole {
        let lower = half.to_lowercase();
        for word in words_of(&lower).chunks(1) {
            each(key(WORDS_ANYWHERE, hash_words(word)), Ngram::Words(word));
        }
    }
}

/// Where the first or last `part` of `all` stand.
fn inside(all: usize, part: usize, is_last: bool) -> std::ops::Range<usize> {
    let part = part.min(all);
    if is_last { all - part..all } else { 0..part }
}

/// The characters with single blanks between words, and a mark at the outer end.
fn collect_characters(lower: &str, is_last: bool, characters: &mut Vec<char>) {
    characters.clear();
    if !is_last {
        characters.push(START);
    }
    for (at, word) in lower.split_whitespace().enumerate() {
        if at > 0 {
            characters.push(' ');
        }
        characters.extend(word.chars());
    }
    if is_last {
        characters.push(END);
    }
}

/// The hash, the start and the characters of every run.
fn visit_runs(characters: &[char], mut each: impl FnMut(u64, usize, &[char])) {
    for start in 0..characters.len() {
        let mut hash = FNV_OFFSET;
        for (at, character) in characters[start..].iter().take(*CHARACTER_RUNS.end()).enumerate() {
            hash = (hash ^ u64::from(u32::from(*character))).wrapping_mul(FNV_PRIME);
            if at + 1 >= *CHARACTER_RUNS.start() {
                each(hash, start, &characters[start..=start + at]);
            }
        }
    }
}

/// Runs of letters and digits are words, and so is every other visible character; scripts that write without spaces are read
/// character by character.
fn words_of(lower: &str) -> Vec<&str> {
    let mut words = Vec::with_capacity(lower.len() / 4);
    let mut start = None;
    for (at, character) in lower.char_indices() {
        if character.is_alphanumeric() && !is_unspaced(character) {
            start.get_or_insert(at);
            continue;
        }
        if let Some(start) = start.take() {
            words.push(&lower[start..at]);
        }
        if !character.is_whitespace() {
            words.push(&lower[at..at + character.len_utf8()]);
        }
    }
    words.extend(start.map(|start| &lower[start..]));
    words
}

/// Chinese and Japanese characters, Thai, Lao, Khmer and Burmese.
pub(super) fn is_unspaced(character: char) -> bool {
    matches!(character,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// FNV-1a over the words with a blank between them.
fn hash_words(words: &[&str]) -> u64 {
    let mut hash = FNV_OFFSET;
    for (at, word) in words.iter().enumerate() {
        let separator: &[u8] = if at == 0 { b"" } else { b" " };
        for byte in separator.iter().chain(word.as_bytes()) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        }
    }
    hash
}

/// Block and bucket; the block is hashed too, so that one n-gram has another bucket in each.
fn key(block: u32, hash: u64) -> u32 {
    let mut mixed = hash ^ (u64::from(block) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^= mixed >> 32;
    block << BUCKET_BITS | (mixed & (BUCKETS as u64 - 1)) as u32
}

/// The block of a key.
pub fn block_of(key: u32) -> u32 {
    key >> BUCKET_BITS
}

/// The bucket of a key.
pub fn bucket_of(key: u32) -> u32 {
    key & (BUCKETS as u32 - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn windows(text: &str) -> LexicalWindows<'_> {
        LexicalWindows { first: text, last: text, first_tip: text, last_tip: text, whole: [text, ""] }
    }

    #[test]
    fn words_are_letters_digits_and_single_signs() {
        assert_eq!(words_of("what's 2+2? ok"), ["what", "'", "s", "2", "+", "2", "?", "ok"]);
        assert_eq!(words_of("写一首诗 ok"), ["写", "一", "首", "诗", "ok"]);
        assert_eq!(words_of(""), Vec::<&str>::new());
    }

    #[test]
    fn case_and_spacing_do_not_count() {
        assert_eq!(count_ngrams(windows("Write a  POEM\n")), count_ngrams(windows("write a poem")));
        assert_ne!(count_ngrams(windows("write a poem")), count_ngrams(windows("a poem write")));
    }

    #[test]
    fn every_key_has_a_name() {
        let named = named_ngrams(windows("a haiku"));
        let keys: Vec<u32> = count_ngrams(windows("a haiku")).into_iter().map(|(key, _)| key).collect();
        assert_eq!(named.keys().copied().collect::<Vec<_>>(), keys);
        let names: Vec<&String> = named.values().flatten().collect();
        assert!(names.contains(&&"a haiku".to_owned()) && names.contains(&&"|a ha".to_owned()), "{names:?}");
    }

    #[test]
    fn what_stands_at_the_tip_counts_in_both_scales() {
        let text = "sum this up please and keep it short";
        let windows =
            LexicalWindows { first: text, last: text, first_tip: "sum this", last_tip: "it short", whole: [text, ""] };
        let names = named_ngrams(windows);
        let in_block = |block: u32, name: &str| {
            names.iter().any(|(key, names)| block_of(*key) == block && names.iter().any(|known| known == name))
        };
        assert!(in_block(WORDS_OF_ENDS, "please and") && !in_block(WORDS_OF_TIPS, "please and"));
        assert!(in_block(WORDS_OF_TIPS, "sum this") && in_block(WORDS_OF_TIPS + 1, "it short"));
        assert!(in_block(CHARACTERS_OF_TIPS, "|sum") && in_block(CHARACTERS_OF_TIPS + 1, "ort|"));
        assert!(!in_block(CHARACTERS_OF_TIPS, "ort|") && !in_block(CHARACTERS_OF_TIPS, "plea"));
    }

    proptest! {
        #[test]
        fn any_text_can_be_counted(text in "\\PC{0,300}") {
            let counts = count_ngrams(windows(&text));
            prop_assert!(counts.is_sorted());
            prop_assert!(counts.iter().all(|(key, count)| (block_of(*key) as usize) < BLOCKS && *count > 0));
        }
    }
}
