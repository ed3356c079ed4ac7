//! Short words that tell which kind of language is around, as numbers: the bytes of a word one after the other. Words only.

const fn keys<const N: usize>(words: [&str; N]) -> [u32; N] {
    let mut keys = [0; N];
    let mut word = 0;
    while word < N {
        let mut letter = 0;
        while letter < words[word].len() {
            keys[word] = keys[word] << 8 | words[word].as_bytes()[letter] as u32;
            letter += 1;
        }
        word += 1;
    }
    keys
}

/// Words of English that the others do not have.
pub(super) const ENGLISH: &[u32] =
    &keys(["the", "and", "you", "for", "how", "are", "can", "has", "not", "by", "my", "or", "it", "at"]);
/// Words of French, Spanish, Portuguese and Italian.
pub(super) const ROMANCE: &[u32] = &keys([
    "de", "la", "le", "el", "un", "une", "les", "des", "du", "et", "est", "que", "qui", "il", "di", "che", "non",
    "per", "con", "una", "gli", "si", "los", "las", "por", "del", "se", "su", "os", "um", "uma", "sur", "au",
]);
/// Words of German, Dutch, Polish, Turkish and Scandinavia.
pub(super) const NORTHERN: &[u32] = &keys([
    "der", "das", "und", "ist", "ein", "ich", "den", "dem", "mit", "zu", "von", "het", "een", "van", "en", "dat", "ik",
    "op", "te", "na", "nie", "jak", "co", "czy", "ve", "bir", "bu", "mi", "ne", "och", "att", "som", "og", "det",
]);
