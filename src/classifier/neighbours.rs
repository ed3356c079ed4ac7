//! Outcome prompts that an artifact remembers, and what the nearest of them say of every model. Products of whole numbers, so that
//! every machine finds the same rows. Pure.

use super::dot;
use super::kernels::products;

/// Stands for a score that is not known.
pub const UNKNOWN_SCORE: u8 = u8::MAX;
/// Steps of a score of 1.
const SCORE_STEPS: f32 = 254.0;
/// Steps of a vector's component of 1.
const VECTOR_STEPS: f32 = 127.0;

/// A product is at most this: two vectors of unit length, and what rounding adds.
const MOST_PRODUCT: i32 = 1 << 14;
const PRODUCTS_A_RANGE: i32 = 1 << 6;
const RANGES: usize = (2 * MOST_PRODUCT / PRODUCTS_A_RANGE) as usize + 1;

/// Prompts with known answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OutcomeNeighbours {
    /// Length of a kept vector.
    pub dims: usize,
    /// `dims * length of the embedder's vectors`: the directions in which the outcome rows vary most. Along these alone prompts are
    /// compared: what lies beyond them is noise as often as not, and costs as much time.
    pub directions: Vec<f32>,
    /// `rows * dims`: along the directions, of unit length, in steps of 1/127.
    pub vectors: Vec<i8>,
    /// `rows * models` in steps of 1/254, or [`UNKNOWN_SCORE`].
    pub scores: Vec<u8>,
    /// How many of the nearest are asked.
    pub nearest: usize,
}

impl OutcomeNeighbours {
    /// How many are remembered.
    pub fn rows(&self) -> usize {
        self.vectors.len() / self.dims.max(1)
    }

    /// A centred vector as it is kept along these directions, whatever its length was.
    pub fn quantise(directions: &[f32], vector: &[f32]) -> Vec<i8> {
        let along = directions.chunks_exact(vector.len().max(1)).map(|direction| dot(direction, vector));
        let along: Vec<f32> = along.collect();
        let length = dot(&along, &along).sqrt();
        let factor = if length > 0.0 { VECTOR_STEPS / length } else { 0.0 };
        along.into_iter().map(|x| (x * factor).round() as i8).collect()
    }

    /// A score as it is kept.
    pub fn byte_of_score(score: Option<f64>) -> u8 {
        score.map_or(UNKNOWN_SCORE, |score| (score as f32 * SCORE_STEPS).round().clamp(0.0, SCORE_STEPS) as u8)
    }

    /// What is kept, read again.
    pub fn score_of_byte(byte: u8) -> Option<f32> {
        (byte != UNKNOWN_SCORE).then(|| f32::from(byte) / SCORE_STEPS)
    }

    /// The nearest rows with their weights: the cube of the cosine, so that the far ones of the nearest say little.
    pub fn nearest(&self, vector: &[f32]) -> Vec<(usize, f32)> {
        self.nearest_of(vector, |_| true)
    }

    /// The same among the rows that `may` allows.
    pub fn nearest_of(&self, vector: &[f32], may: impl Fn(usize) -> bool) -> Vec<(usize, f32)> {
        let asked: Vec<i16> = Self::quantise(&self.directions, vector).into_iter().map(i16::from).collect();
        let products = products(&asked, &self.vectors);
        let near = highest(&products, self.nearest, may);
        near.into_iter()
            .map(|row| {
                let cosine = (products[row] as f32 / (VECTOR_STEPS * VECTOR_STEPS)).max(0.0);
                (row, cosine * cosine * cosine + 1e-6)
            })
            .collect()
    }

    /// The weighted mean of what every model made of these rows; `None` where no row knows it.
    pub fn scores(&self, near: &[(usize, f32)], models: usize) -> Vec<Option<f64>> {
        let (mut sums, mut weights) = (vec![0.0f32; models], vec![0.0f32; models]);
        // The weight of the rows that know every model, which mostly is all of them.
        let mut common = 0.0f32;
        for (row, weight) in near {
            let of_row = &self.scores[row * models..(row + 1) * models];
            if of_row.contains(&UNKNOWN_SCORE) {
                for ((sum, total), score) in sums.iter_mut().zip(&mut weights).zip(of_row) {
                    let weight = if *score == UNKNOWN_SCORE { 0.0 } else { *weight };
                    *sum += weight * f32::from(*score);
                    *total += weight;
                }
            } else {
                common += weight;
                sums.iter_mut().zip(of_row).for_each(|(sum, score)| *sum += weight * f32::from(*score));
            }
        }
        let mean = |(sum, weight): (&f32, &f32)| {
            let weight = weight + common;
            (weight > 0.0).then(|| f64::from(sum / weight / SCORE_STEPS))
        };
        sums.iter().zip(&weights).map(mean).collect()
    }
}

/// The rows of the highest products, in the order of the rows so that sums do not depend on the selection; of equal ones the first.
/// Counts how many products fall into each of some narrow ranges, so that only the range of the last one wanted has to be sorted.
fn highest(products: &[i32], count: usize, may: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut counts = [0usize; RANGES];
    for (_, product) in products.iter().enumerate().filter(|(row, _)| may(*row)) {
        counts[((product + MOST_PRODUCT) / PRODUCTS_A_RANGE).clamp(0, RANGES as i32 - 1) as usize] += 1;
    }
    let (mut above, mut last) = (0, RANGES - 1);
    while above + counts[last] < count && last > 0 {
        above += counts[last];
        last -= 1;
    }
    // The lowest range has no lower edge and the highest no upper one.
    let edge = |range: usize| range as i32 * PRODUCTS_A_RANGE - MOST_PRODUCT;
    let least = if last == 0 { i32::MIN } else { edge(last) };
    let sure = if last == RANGES - 1 { i32::MAX } else { edge(last + 1) };
    let mut rows = Vec::with_capacity(above + counts[last]);
    for (row, _) in products.iter().enumerate().filter(|(row, product)| **product >= least && may(*row)) {
        rows.push(row);
    }
    if rows.len() > count {
        let mut doubtful: Vec<usize> = rows.iter().copied().filter(|row| products[*row] < sure).collect();
        doubtful.sort_unstable_by(|a, b| products[*b].cmp(&products[*a]).then(a.cmp(b)));
        let mut dropped = doubtful.split_off(count - above);
        dropped.sort_unstable();
        rows.retain(|row| dropped.binary_search(row).is_err());
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn neighbours() -> OutcomeNeighbours {
        let directions = vec![1.0, 0.0, 0.0, 1.0];
        let kept = |vector: &[f32; 2]| OutcomeNeighbours::quantise(&directions, vector);
        let vectors = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]].iter().flat_map(kept).collect();
        let scores = [Some(1.0), None, Some(0.0)].map(OutcomeNeighbours::byte_of_score).to_vec();
        OutcomeNeighbours { dims: 2, directions, vectors, scores, nearest: 2 }
    }

    proptest! {
        #[test]
        fn the_highest_are_those_that_sorting_finds(
            products in prop::collection::vec(-20_000i32..20_000, 0..300),
            count in 1usize..120,
            every in 1usize..4,
        ) {
            let may = |row: usize| row.is_multiple_of(every);
            let mut sorted: Vec<usize> = (0..products.len()).filter(|row| may(*row)).collect();
            sorted.sort_by_key(|row| (std::cmp::Reverse(products[*row]), *row));
            sorted.truncate(count);
            sorted.sort_unstable();
            prop_assert_eq!(highest(&products, count, may), sorted);
        }
    }

    #[test]
    fn the_nearest_known_answers_decide() {
        let neighbours = neighbours();
        let near = neighbours.nearest(&[3.0, 0.0]);
        assert_eq!(near.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [0, 1]);
        assert!((neighbours.scores(&near, 1)[0].unwrap() - 1.0).abs() < 1e-6);
        let near = neighbours.nearest_of(&[3.0, 0.0], |row| row == 1);
        assert_eq!(neighbours.scores(&near, 1), [None], "no neighbour knows the model");
    }
}
