//! What is counted in a text, and what each costs in tokens of each family. Constants only; `token_estimate.rs` counts.

macro_rules! classes {
    ($($class:ident: $costs:expr, $what:literal;)*) => {
        /// What is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Class { $(#[doc = $what] $class,)* }
        /// What one of each class costs.
        pub(super) const COSTS: [(Class, [u16; 8]); [$(Class::$class),*].len()] = [$((Class::$class, $costs)),*];
    };
}

// Thousandths of a token, in the order of `Family::column`. Fitted by non-negative least squares of the relative
// error, reweighted towards the median, on the counts of each family's public tokenizer (o200k_base, cl100k_base, Claude 2, Gemma 3,
// Llama 3.1, Mistral's tekken, Qwen 3, DeepSeek 3) over the prompts of `data/train`, code, logs, documents, translations in a hundred
// languages and made-up hashes and tables; rounded. `tests/token_estimates.rs` compares with the two of OpenAI.
classes! {
    Word: [960, 990, 980, 990, 990, 1000, 980, 990], "A word of ASCII letters after a space, in English or in nothing else that is known.";
    WordOver4: [40, 30, 30, 0, 30, 30, 30, 20], "Each of its letters after the fourth.";
    WordOver8: [210, 220, 320, 260, 210, 310, 220, 290], "Each after the eighth, once more.";
    Romance: [1000, 1130, 1240, 1010, 1140, 1020, 1130, 1160], "A word after a space in French, Spanish, Portuguese or Italian.";
    RomanceOver4: [190, 260, 290, 170, 260, 210, 260, 220], "Each of its letters after the fourth.";
    RomanceMark: [0, 250, 190, 30, 80, 0, 80, 150], "A letter with a mark of those languages.";
    Northern: [1120, 1310, 1500, 1140, 1350, 1210, 1320, 1230], "A word after a space in German, Dutch, Polish, Turkish and so on.";
    NorthernOver4: [140, 230, 230, 170, 240, 190, 240, 220], "Each of its letters after the fourth.";
    NorthernMark: [1040, 1400, 1910, 710, 510, 1040, 860, 1510], "A letter with a mark of those languages.";
    Glued: [1030, 1060, 1120, 1040, 1050, 1060, 1020, 1050], "A word after a mark, a digit or a lower-case letter: the second in `camelCase` or `snake_case`.";
    GluedOver4: [120, 90, 100, 60, 100, 140, 110, 150], "Each of its letters after the fourth.";
    CapsWithin: [1860, 2110, 1840, 1620, 2110, 2070, 2090, 1910], "Each capital after the first in such a word, if it has small letters too: keys and hashes are full of them.";
    Caps: [260, 240, 280, 240, 240, 370, 240, 310], "Each letter of a word in capitals.";
    Letters20: [260, 280, 160, 220, 290, 200, 290, 170], "Each letter of a word after the twentieth, once more.";
    DigitGroup: [1010, 990, 870, 1050, 1000, 1100, 1100, 980], "Three digits, or what is left of a number.";
    FurtherDigit: [0, 0, 100, 950, 0, 880, 890, 0], "Each digit of a group after its first.";
    SpaceDigit: [1010, 970, 210, 940, 980, 1020, 990, 950], "A space before a digit.";
    MarkOnWord: [110, 120, 750, 1010, 120, 190, 150, 350], "A single mark between a word or number and a word.";
    Mark: [1060, 1080, 1110, 1090, 1080, 1090, 1090, 1080], "Any other single mark.";
    MarkRun: [1140, 1090, 1110, 1040, 1100, 1150, 1100, 1220], "Marks in a row.";
    MarkSame: [20, 20, 20, 60, 20, 30, 20, 30], "Each mark in a row that repeats the one before.";
    Line: [1110, 950, 1070, 970, 960, 1030, 930, 1160], "Line breaks after anything but a mark.";
    LineAfterMark: [0, 0, 750, 810, 0, 0, 0, 20], "Line breaks after a mark.";
    Indent: [630, 590, 0, 950, 600, 540, 570, 600], "White space at the start of a line.";
    Spaces: [960, 980, 820, 550, 980, 990, 940, 500], "Several spaces within a line.";
    Spaces16: [150, 180, 100, 470, 170, 260, 180, 190], "Sixteen characters of white space in a row.";
    Tabs: [280, 140, 1320, 630, 140, 440, 140, 640], "White space with tabs.";
    CyrillicWord: [610, 900, 810, 680, 750, 590, 650, 890], "A Cyrillic word.";
    Cyrillic: [210, 380, 460, 190, 230, 250, 290, 210], "A Cyrillic letter.";
    Greek: [400, 1050, 1300, 420, 420, 420, 1030, 530], "A Greek letter.";
    Hebrew: [430, 1190, 1040, 510, 1190, 480, 440, 530], "A Hebrew letter.";
    Arabic: [390, 890, 1160, 410, 470, 370, 490, 470], "An Arabic letter.";
    Devanagari: [410, 1260, 1370, 330, 650, 490, 1170, 740], "A character of Devanagari.";
    Indic: [430, 1840, 2310, 370, 1830, 540, 1510, 850], "A character of another Indian script.";
    LaoThai: [520, 1100, 1830, 410, 580, 620, 730, 480], "A character of Thai, Lao, Burmese or Khmer.";
    Han: [810, 1240, 1130, 690, 870, 980, 640, 580], "A Chinese character.";
    Kana: [700, 990, 980, 400, 610, 620, 620, 650], "A character of Japanese kana.";
    Hangul: [810, 1330, 1470, 730, 830, 740, 930, 950], "A Korean syllable.";
    Wide: [1170, 1050, 1280, 1390, 1020, 1150, 1310, 1340], "Full-width punctuation.";
    Symbol: [1070, 1160, 1120, 930, 1180, 950, 1100, 1060], "A sign or a typographic mark.";
    Emoji: [1760, 2300, 2860, 1480, 2300, 2960, 2270, 2140], "An emoji or a part of one.";
    Other: [360, 2160, 1450, 490, 1990, 460, 1160, 720], "A character of any other script, or a control character.";
    Rare: [3500, 3500, 3500, 3500, 3500, 3500, 3500, 3500], "A character of four bytes that is no emoji.";
}
