//! Features as a log keeps them: a compact row of bytes, and the name of the space that it belongs to. Exact but for the vectors, which are
//! rounded to 16 bits. Reads any bytes without harm; knows nothing of where they were kept. No word stands in them, but they are no secret
//! either: who has them can test whether a word that they guess occurs.

use std::fmt::{self, Display, Formatter};

use half::f16;

use super::surface::SURFACE_FEATURES;
use super::{BLOCKS, BUCKETS, Features, NGRAM_VERSION};

/// Raised when the bytes are written otherwise.
const FORMAT: u8 = 1;
/// More numbers than any embedder's vector has.
const MOST_DIMS: u64 = 1 << 14;
/// More embedders than any artifact has.
const MOST_VECTORS: u8 = 16;
/// Hexadecimal digits of a fingerprint that stand in a space's name.
const FINGERPRINT_DIGITS: usize = 16;

/// Which space features belong to: how the prompt was read, how its n-grams were hashed, and whose vectors stand beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceName {
    reader: u32,
    ngrams: u32,
    /// The beginnings of the embedders' fingerprints, in the order of the vectors.
    embedders: Vec<String>,
}

impl SpaceName {
    /// The space of this binary with these embedders, by their fingerprints.
    pub fn new<'a>(reader_version: u32, fingerprints: impl Iterator<Item = &'a str>) -> Self {
        Self { reader: reader_version, ngrams: NGRAM_VERSION, embedders: fingerprints.map(short).collect() }
    }

    /// Reads a name; `None` for what is none.
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('.');
        let reader = parts.next()?.strip_prefix("reader-")?.parse().ok()?;
        let ngrams = parts.next()?.strip_prefix("ngrams-")?.parse().ok()?;
        let embedders: Vec<String> = parts.next()?.split('+').map(str::to_owned).collect();
        let are_short = embedders.iter().all(|name| name.len() == FINGERPRINT_DIGITS);
        (are_short && parts.next().is_none()).then_some(Self { reader, ngrams, embedders })
    }

    /// Why features of this space cannot be used by this binary at all; `None` where they can.
    pub fn is_foreign(&self, reader_version: u32) -> Option<String> {
        let differs = |what: &str, found: u32, ours: u32| {
            format!("its {what} is version {found}, and this semroute has version {ours}")
        };
        if self.reader != reader_version {
            return Some(differs("prompt reader", self.reader, reader_version));
        }
        (self.ngrams != NGRAM_VERSION).then(|| differs("n-gram hash", self.ngrams, NGRAM_VERSION))
    }

    /// Where the vector of an embedder stands.
    pub fn place_of(&self, fingerprint: &str) -> Option<usize> {
        let name = short(fingerprint);
        self.embedders.iter().position(|known| *known == name)
    }
}

impl Display for SpaceName {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "reader-{}.ngrams-{}.{}", self.reader, self.ngrams, self.embedders.join("+"))
    }
}

fn short(fingerprint: &str) -> String {
    fingerprint.get(..FINGERPRINT_DIGITS).unwrap_or(fingerprint).to_owned()
}

/// What is kept of one prompt.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PackedFeatures {
    /// Its features, a vector for each embedder of the space's name.
    pub features: Features,
    /// How many characters it had.
    pub prompt_chars: u64,
}

impl PackedFeatures {
    /// As bytes. In order: the format, the prompt's characters, the surface counts, the n-grams by rising key, the vectors.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Features { ngrams, surface, vectors } = &self.features;
        let numbers: usize = vectors.iter().flatten().map(Vec::len).sum();
        let mut bytes = Vec::with_capacity(16 + 4 * surface.len() + 3 * ngrams.len() + 2 * numbers);
        bytes.push(FORMAT);
        push_number(&mut bytes, self.prompt_chars);
        surface.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
        push_number(&mut bytes, ngrams.len() as u64);
        let mut before = 0;
        for (key, count) in ngrams {
            // The gap to the key before; its lowest bit says whether a count follows, which is 1 otherwise.
            let is_repeated = *count != 1;
            push_number(&mut bytes, u64::from(key.wrapping_sub(before)) << 1 | u64::from(is_repeated));
            if is_repeated {
                push_number(&mut bytes, u64::from(*count));
            }
            before = *key;
        }
        bytes.push(u8::try_from(vectors.len()).unwrap_or(u8::MAX));
        for vector in vectors {
            let vector = vector.as_deref().unwrap_or_default();
            push_number(&mut bytes, vector.len() as u64);
            vector.iter().for_each(|value| bytes.extend(f16::from_f32(*value).to_le_bytes()));
        }
        bytes
    }

    /// Reads what `to_bytes` wrote; the message says what is wrong with anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let mut rest = Reader { bytes };
        let format = rest.byte()?;
        if format != FORMAT {
            return Err(format!("they are of format {format}, and this semroute reads format {FORMAT}"));
        }
        let prompt_chars = rest.number()?;
        let mut surface = [0.0; SURFACE_FEATURES];
        for value in &mut surface {
            *value = finite(f32::from_le_bytes(rest.array()?))?;
        }
        let ngrams = rest.ngrams()?;
        let count = rest.byte()?;
        if count > MOST_VECTORS {
            return Err(format!("{count} vectors are more than any artifact reads"));
        }
        let vectors = (0..count).map(|_| rest.vector()).collect::<Result<_, _>>()?;
        if !rest.bytes.is_empty() {
            return Err("there are bytes after their end".into());
        }
        Ok(Self { features: Features { ngrams, surface, vectors }, prompt_chars })
    }
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn finite(value: f32) -> Result<f32, String> {
    if value.is_finite() { Ok(value) } else { Err("a number in them is not finite".into()) }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (first, rest) = self.bytes.split_first_chunk().ok_or("they end too early")?;
        self.bytes = rest;
        Ok(*first)
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Result<u64, String> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("a number in them is too long".into())
    }

    fn ngrams(&mut self) -> Result<Vec<(u32, u16)>, String> {
        let wrong = || "their n-grams are damaged".to_owned();
        // Each takes a byte or more, so that a wrong count cannot ask for more memory than the bytes are worth.
        let count =
            usize::try_from(self.number()?).ok().filter(|count| *count <= self.bytes.len()).ok_or_else(wrong)?;
        let mut ngrams: Vec<(u32, u16)> = Vec::with_capacity(count);
        for _ in 0..count {
            let gap = self.number()?;
            let times = if gap & 1 == 1 { self.number()? } else { 1 };
            let before = ngrams.last().map(|(key, _)| u64::from(*key));
            let key = before.unwrap_or(0).checked_add(gap >> 1).ok_or_else(wrong)?;
            if before.is_some_and(|before| key <= before) || key >= (BLOCKS * BUCKETS) as u64 || times == 0 {
                return Err(wrong());
            }
            ngrams.push((u32::try_from(key).map_err(|_| wrong())?, u16::try_from(times).map_err(|_| wrong())?));
        }
        Ok(ngrams)
    }

    fn vector(&mut self) -> Result<Option<Vec<f32>>, String> {
        let dims = self.number()?;
        if dims > MOST_DIMS {
            return Err(format!("a vector of {dims} numbers is longer than any embedder's"));
        }
        let vector: Vec<f32> =
            (0..dims).map(|_| finite(f16::from_le_bytes(self.array()?).to_f32())).collect::<Result<_, String>>()?;
        Ok((!vector.is_empty()).then_some(vector))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::classifier::LexicalWindows;

    fn features(text: &str) -> Features {
        let windows = LexicalWindows { first: text, last: text, first_tip: text, last_tip: text, whole: [text, ""] };
        Features { vectors: vec![Some(vec![0.5, -0.25, 0.125]), None], ..Features::of(windows) }
    }

    #[test]
    fn a_space_is_told_by_its_name() {
        let [table, other] = ["a", "b"].map(|digit| digit.repeat(64));
        let space = SpaceName::new(2, [table.as_str(), &other].into_iter());
        let name = space.to_string();
        assert_eq!(name, "reader-2.ngrams-1.aaaaaaaaaaaaaaaa+bbbbbbbbbbbbbbbb");
        assert_eq!(SpaceName::parse(&name), Some(space.clone()));
        assert_eq!((space.place_of(&other), space.place_of(&"c".repeat(64))), (Some(1), None));
        assert_eq!(space.is_foreign(2), None);
        assert!(space.is_foreign(3).is_some_and(|why| why.contains("prompt reader is version 2")));
        let hashed_otherwise = SpaceName::parse(&name.replace("ngrams-1", "ngrams-9")).unwrap();
        assert!(hashed_otherwise.is_foreign(2).is_some_and(|why| why.contains("n-gram hash is version 9")));
        for wrong in ["", "reader-2", "reader-2.ngrams-1.short", "reader-x.ngrams-1.aaaaaaaaaaaaaaaa"] {
            assert_eq!(SpaceName::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(text in "\\PC{0,300}", prompt_chars in any::<u64>()) {
            let packed = PackedFeatures { features: features(&text), prompt_chars };
            prop_assert_eq!(PackedFeatures::from_bytes(&packed.to_bytes()), Ok(packed));
        }

        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..400), at in any::<prop::sample::Index>()) {
            drop(PackedFeatures::from_bytes(&bytes));
            let mut damaged = PackedFeatures { features: features("one two three two"), prompt_chars: 17 }.to_bytes();
            let at = at.index(damaged.len());
            drop(PackedFeatures::from_bytes(&damaged[..at]).unwrap_err());
            damaged[at] ^= 0x55;
            drop(PackedFeatures::from_bytes(&damaged));
        }
    }
}
