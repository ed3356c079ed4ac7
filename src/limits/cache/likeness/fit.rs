//! The similarity from which two prompts are taken to ask the same: above every pair that asks differently, with some room, and no lower than a pair
//! that was seen to ask the same. What it is worth is told by pairs that it was not fitted on.

use super::guards::Wording;
use super::pairs::LabelledPair;
use super::{Likened, ReadMeaning};
use crate::limits::cache::CacheError;

/// The share of the answers given to another prompt that must be right.
pub const PRECISION: f64 = 0.99;

/// Parts into which the pairs are divided; each part is judged by a threshold fitted on the others.
const FOLDS: usize = 5;

/// Fewer tell too little.
const FEWEST_OF_EACH: usize = 20;

/// Of the way from the last wrong pair to exactly the same, this much is left free. A pair nearer than every one that was seen has to be expected.
const MARGIN: f32 = 0.15;

/// Nearer than this two vectors are the same but for rounding.
const LEAST_ROOM: f32 = 1e-4;

/// A fitted threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fitted {
    /// Cosine similarity, -1 to 1, from which a prompt is given another one's answer.
    pub threshold: f32,
    /// What thresholds fitted in the same way did on pairs that they had not seen.
    pub held_out: Figures,
}

/// What a threshold does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Pairs of the same answer that are answered alike.
    pub right: usize,
    /// Pairs of different answers that are answered alike.
    pub wrong: usize,
    /// Pairs of the same answer.
    pub same: usize,
    /// Pairs of different answers.
    pub different: usize,
}

impl Figures {
    /// The share of pairs answered alike that have the same answer; 1 where none is.
    pub fn precision(&self) -> f64 {
        let alike = self.right + self.wrong;
        if alike == 0 { 1.0 } else { self.right as f64 / alike as f64 }
    }

    /// The share of pairs of the same answer that are answered alike.
    pub fn recall(&self) -> f64 {
        if self.same == 0 { 0.0 } else { self.right as f64 / self.same as f64 }
    }
}

/// A pair as the threshold sees it.
#[derive(Debug, Clone, Copy)]
struct Compared {
    /// `None`: set apart.
    similarity: Option<f32>,
    same: bool,
}

pub(super) fn fit(pairs: &[LabelledPair], read: &ReadMeaning) -> Result<Fitted, CacheError> {
    let meaning = |text: &str| Some(Likened { wording: Wording::of(text), meaning: read(text)? });
    let compared: Vec<Compared> = pairs
        .iter()
        .map(|pair| Compared {
            similarity: meaning(&pair.one).zip(meaning(&pair.other)).and_then(|(one, other)| one.similarity(&other)),
            same: pair.same,
        })
        .collect();
    let same = compared.iter().filter(|pair| pair.same).count();
    if same < FEWEST_OF_EACH || compared.len() - same < FEWEST_OF_EACH {
        return Err(CacheError::NoThreshold(FEWEST_OF_EACH));
    }
    let mut held_out = Figures::default();
    for fold in 0..FOLDS {
        let is_seen = |(at, _): &(usize, &Compared)| at % FOLDS != fold;
        let seen: Vec<Compared> = compared.iter().enumerate().filter(is_seen).map(|(_, pair)| *pair).collect();
        let threshold = threshold(&seen);
        let unseen = compared.iter().enumerate().filter(|pair| !is_seen(pair)).map(|(_, pair)| *pair);
        add(&mut held_out, unseen, threshold);
    }
    let threshold = threshold(&compared);
    if threshold.is_infinite() {
        return Err(CacheError::NoThreshold(FEWEST_OF_EACH));
    }
    Ok(Fitted { threshold, held_out })
}

/// The lowest threshold of the stated precision, and the margin above it. Nothing speaks for one below the least similar pair of the same answer.
fn threshold(pairs: &[Compared]) -> f32 {
    let mut descending: Vec<(f32, bool)> =
        pairs.iter().filter_map(|pair| Some((pair.similarity?, pair.same))).collect();
    // Of equally near pairs the wrong ones come first, so that no threshold lies between the two.
    descending.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let (mut right, mut alike) = (0_u32, 0_u32);
    let (mut barrier, mut least_right) = (-1.0_f32, 1.0_f32);
    for (similarity, same) in descending {
        alike += 1;
        right += u32::from(same);
        if f64::from(right) < PRECISION * f64::from(alike) {
            barrier = similarity;
            break;
        }
        if same {
            least_right = similarity;
        }
    }
    let barrier = barrier.max(0.0);
    // Where different prompts have the same vector, no vector tells anything.
    if 1.0 - barrier < LEAST_ROOM { f32::INFINITY } else { least_right.max(barrier + MARGIN * (1.0 - barrier)) }
}

fn add(figures: &mut Figures, pairs: impl Iterator<Item = Compared>, threshold: f32) {
    for pair in pairs {
        let is_alike = pair.similarity.is_some_and(|similarity| similarity >= threshold);
        figures.same += usize::from(pair.same);
        figures.different += usize::from(!pair.same);
        figures.right += usize::from(pair.same && is_alike);
        figures.wrong += usize::from(!pair.same && is_alike);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(pairs: &[(f32, bool)]) -> Vec<Compared> {
        pairs.iter().map(|(similarity, same)| Compared { similarity: Some(*similarity), same: *same }).collect()
    }

    #[test]
    fn the_threshold_lies_above_the_nearest_pair_of_different_answers() {
        let fitted = threshold(&compared(&[(0.99, true), (0.9, true), (0.8, false), (0.7, true)]));
        assert!((fitted - 0.9).abs() < 1e-6, "no pair between the two speaks for less: {fitted}");
        let fitted = threshold(&compared(&[(0.99, true), (0.81, true), (0.8, false), (0.7, true)]));
        assert!((fitted - (0.8 + 0.15 * 0.2)).abs() < 1e-6, "{fitted}");
        let hopeless = threshold(&compared(&[(1.0, false), (1.0, true)]));
        assert!(hopeless.is_infinite(), "{hopeless}");
        assert!((threshold(&compared(&[(0.9, true), (0.5, true)])) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn figures_count_both_kinds() {
        let mut figures = Figures::default();
        add(&mut figures, compared(&[(0.9, true), (0.9, false), (0.1, true), (0.1, false)]).into_iter(), 0.5);
        assert_eq!(figures, Figures { right: 1, wrong: 1, same: 2, different: 2 });
        assert!((figures.precision() - 0.5).abs() < 1e-12 && (figures.recall() - 0.5).abs() < 1e-12);
    }
}
