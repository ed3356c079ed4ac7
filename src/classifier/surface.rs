//! Counts that can be seen without knowing a word: length, lines, digits, code and maths signs, question words, script. Pure.

use super::lexical::LexicalWindows;

/// How many there are.
pub const SURFACE_FEATURES: usize = NAMES.len();

/// What each of them is, for a reader.
pub const NAMES: [&str; 32] = [
    "length in characters (log)",
    "length in words (log)",
    "lines (log)",
    "paragraphs (log)",
    "mean word length",
    "longest line (log)",
    "share of digits",
    "share of capitals",
    "share of punctuation",
    "share of code signs",
    "share of maths signs",
    "question marks (log)",
    "exclamation marks (log)",
    "quotation marks (log)",
    "ends with a question mark",
    "ends with a colon",
    "a colon among the first words",
    "begins with a question word",
    "begins with a small letter",
    "code fence",
    "web address",
    "list lines (log)",
    "tags in angle brackets (log)",
    "braces (log)",
    "emoji (log)",
    "share of Latin letters",
    "share of Cyrillic letters",
    "share of Han characters",
    "share of kana",
    "share of Hangul",
    "share of Arabic letters",
    "share of Devanagari letters",
];

/// Words that open a question, in the languages of our own prompts that have such words.
const QUESTION_WORDS: [&str; 62] = [
    "what",
    "who",
    "whom",
    "whose",
    "when",
    "where",
    "why",
    "how",
    "which",
    "is",
    "are",
    "does",
    "do",
    "can",
    "was",
    "did",
    "wer",
    "wann",
    "wo",
    "warum",
    "wie",
    "welche",
    "quoi",
    "qui",
    "quand",
    "où",
    "pourquoi",
    "comment",
    "quel",
    "quelle",
    "qué",
    "quién",
    "cuándo",
    "dónde",
    "cómo",
    "cuál",
    "cosa",
    "chi",
    "quando",
    "dove",
    "perché",
    "come",
    "quale",
    "quem",
    "onde",
    "qual",
    "wat",
    "waarom",
    "hoe",
    "co",
    "kto",
    "kiedy",
    "gdzie",
    "dlaczego",
    "jak",
    "что",
    "кто",
    "когда",
    "где",
    "почему",
    "как",
    "ne",
];

/// Reads the counts of one prompt, in the order of [`NAMES`]. Unscaled.
pub fn surface_features(windows: LexicalWindows<'_>) -> [f32; SURFACE_FEATURES] {
    let counts = Counts::of(windows);
    let share = |count: usize| count as f32 / counts.characters.max(1) as f32;
    let letters = |count: usize| count as f32 / counts.letters.max(1) as f32;
    let log = |count: usize| libm::log1pf(count as f32);
    let flag = |is: bool| f32::from(u8::from(is));
    let first_word =
        windows.first.split(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default();
    let end = windows.last.trim_end();
    let contains = |sign: &str| windows.whole.iter().any(|half| half.contains(sign));
    [
        log(counts.characters),
        log(counts.words),
        log(counts.lines),
        log(counts.paragraphs),
        counts.letters as f32 / counts.words.max(1) as f32,
        log(counts.longest_line),
        share(counts.digits),
        letters(counts.capitals),
        share(counts.punctuation),
        share(counts.code_signs),
        share(counts.maths_signs),
        log(counts.question_marks),
        log(counts.exclamation_marks),
        log(counts.quotation_marks),
        flag(end.ends_with(['?', '？', '؟'])),
        flag(end.ends_with([':', '：'])),
        flag(windows.first.contains([':', '：'])),
        flag(QUESTION_WORDS.contains(&first_word.to_lowercase().as_str())),
        flag(windows.first.chars().next().is_some_and(char::is_lowercase)),
        flag(contains("```")),
        flag(contains("http://") || contains("https://") || contains("www.")),
        log(counts.list_lines),
        log(counts.tags),
        log(counts.braces),
        log(counts.emoji),
        letters(counts.scripts[0]),
        letters(counts.scripts[1]),
        letters(counts.scripts[2]),
        letters(counts.scripts[3]),
        letters(counts.scripts[4]),
        letters(counts.scripts[5]),
        letters(counts.scripts[6]),
    ]
}

#[derive(Default)]
struct Counts {
    characters: usize,
    words: usize,
    lines: usize,
    paragraphs: usize,
    longest_line: usize,
    letters: usize,
    digits: usize,
    capitals: usize,
    punctuation: usize,
    code_signs: usize,
    maths_signs: usize,
    question_marks: usize,
    exclamation_marks: usize,
    quotation_marks: usize,
    list_lines: usize,
    tags: usize,
    braces: usize,
    emoji: usize,
    /// Latin, Cyrillic, Han, kana, Hangul, Arabic, Devanagari.
    scripts: [usize; 7],
}

impl Counts {
    fn of(windows: LexicalWindows<'_>) -> Self {
        let mut counts = Self::default();
        for half in windows.whole {
            let mut after_blank = true;
            for line in half.lines() {
                counts.line(line, &mut after_blank);
            }
        }
        counts
    }

    fn line(&mut self, line: &str, after_blank: &mut bool) {
        let line = line.trim();
        if line.is_empty() {
            *after_blank = true;
            return;
        }
        self.lines += 1;
        self.paragraphs += usize::from(std::mem::take(after_blank));
        self.longest_line = self.longest_line.max(line.len());
        self.list_lines += usize::from(is_list_line(line));
        let mut in_word = false;
        for character in line.chars() {
            self.characters += 1;
            let of_word = character.is_alphanumeric();
            self.words += usize::from(of_word && !in_word);
            in_word = of_word;
            if character.is_alphabetic() {
                self.letter(character);
            } else {
                self.sign(character);
            }
        }
    }

    fn letter(&mut self, letter: char) {
        self.letters += 1;
        self.capitals += usize::from(letter.is_uppercase());
        let script = match letter {
            'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' => 0,
            '\u{400}'..='\u{52f}' => 1,
            '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' => 2,
            '\u{3040}'..='\u{30ff}' => 3,
            '\u{ac00}'..='\u{d7a3}' => 4,
            '\u{600}'..='\u{6ff}' => 5,
            '\u{900}'..='\u{97f}' => 6,
            _ => return,
        };
        self.scripts[script] += 1;
    }

    fn sign(&mut self, sign: char) {
        match sign {
            '0'..='9' => self.digits += 1,
            '?' | '？' | '؟' => self.question_marks += 1,
            '!' | '！' => self.exclamation_marks += 1,
            '"' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' | '「' | '」' => {
                self.quotation_marks += 1;
            }
            '{' | '}' => {
                self.braces += 1;
                self.code_signs += 1;
            }
            '<' => {
                self.tags += 1;
                self.code_signs += 1;
            }
            '(' | ')' | '[' | ']' | ';' | '_' | '\\' | '|' | '&' | '$' | '#' | '@' | '`' | '>' => self.code_signs += 1,
            '+' | '*' | '/' | '^' | '=' | '%' | '√' | '∑' | '∫' | '≤' | '≥' | '≠' | '×' | '÷' | '∞' | 'π' | '±'
            | '·' => {
                self.maths_signs += 1;
            }
            '\u{1f300}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' => self.emoji += 1,
            _ => {}
        }
        self.punctuation += usize::from(!sign.is_whitespace() && !sign.is_numeric());
    }
}

/// `- item`, `* item`, `3. item`, `3) item`
fn is_list_line(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    match rest.chars().next() {
        Some('-' | '*' | '\u{2022}') => rest.len() == line.len(),
        Some('.' | ')') => rest.len() < line.len(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> [f32; SURFACE_FEATURES] {
        surface_features(LexicalWindows { first: text, last: text, first_tip: text, last_tip: text, whole: [text, ""] })
    }

    fn named(text: &str, name: &str) -> f32 {
        of(text)[NAMES.iter().position(|known| *known == name).unwrap()]
    }

    #[test]
    fn what_can_be_seen_is_counted() {
        assert!((named("one two\n\nthree", "length in words (log)") - 4f32.ln()).abs() < 1e-6);
        assert!((named("one two\n\nthree", "paragraphs (log)") - 3f32.ln()).abs() < 1e-6);
        assert!((named("- a\n* b\n12. c\nd", "list lines (log)") - 4f32.ln()).abs() < 1e-6);
        assert_eq!(named("What is it?", "ends with a question mark"), 1.0);
        assert_eq!(named("What is it?", "begins with a question word"), 1.0);
        assert_eq!(named("привет", "share of Cyrillic letters"), 1.0);
        assert_eq!(named("", "length in characters (log)"), 0.0);
    }

    proptest! {
        #[test]
        fn every_count_is_finite(text in "\\PC{0,300}") {
            prop_assert!(of(&text).iter().all(|x| x.is_finite() && *x >= 0.0));
        }
    }
}
