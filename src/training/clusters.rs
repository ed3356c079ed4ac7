//! Spherical k-means: centres of unit vectors by cosine. Deterministic by seed.

use rayon::prelude::*;

use crate::classifier::{dot, normalise};
use crate::random::SplitMix64;

const ROUNDS: usize = 12;

/// At most `count` centres of unit length, one after the other. Starts from farthest-first points, so that no centre begins
/// inside another's cluster; a centre that loses all its points is dropped.
pub(super) fn centres(points: &[Vec<f32>], count: usize, seed: u64) -> Vec<Vec<f32>> {
    let Some(dims) = points.first().map(Vec::len) else { return Vec::new() };
    let mut centres = spread_out(points, count.min(points.len()), seed);
    for _ in 0..ROUNDS {
        let assigned: Vec<usize> = points.par_iter().map(|point| nearest(&centres, point)).collect();
        let mut sums = vec![vec![0.0f32; dims]; centres.len()];
        let mut members = vec![0usize; centres.len()];
        for (point, &centre) in points.iter().zip(&assigned) {
            members[centre] += 1;
            sums[centre].iter_mut().zip(point).for_each(|(sum, x)| *sum += x);
        }
        let mut moved: Vec<Vec<f32>> =
            sums.into_iter().zip(members).filter(|(_, members)| *members > 0).map(|(sum, _)| sum).collect();
        moved.iter_mut().for_each(|centre| normalise(centre));
        if moved == centres {
            break;
        }
        centres = moved;
    }
    centres
}

fn spread_out(points: &[Vec<f32>], count: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut chosen = vec![SplitMix64::new(seed).below(points.len())];
    let mut closest = vec![f32::NEG_INFINITY; points.len()];
    while chosen.len() < count {
        let last = &points[chosen[chosen.len() - 1]];
        closest.par_iter_mut().zip(points).for_each(|(closest, point)| *closest = closest.max(dot(point, last)));
        let mut farthest = 0;
        for (index, similarity) in closest.iter().enumerate() {
            if *similarity < closest[farthest] {
                farthest = index;
            }
        }
        chosen.push(farthest);
    }
    chosen.into_iter().map(|index| points[index].clone()).collect()
}

fn nearest(centres: &[Vec<f32>], point: &[f32]) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (index, centre) in centres.iter().enumerate() {
        let similarity = dot(centre, point);
        if similarity > best.1 {
            best = (index, similarity);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_bundles_give_two_centres() {
        let mut points = Vec::new();
        for step in 0..10 {
            let wobble = step as f32 / 100.0;
            points.push(vec![1.0, wobble]);
            points.push(vec![wobble, 1.0]);
        }
        points.iter_mut().for_each(|point| normalise(point));
        let mut found = centres(&points, 2, 7);
        found.sort_by(|a, b| a[0].total_cmp(&b[0]));
        assert_eq!(found.len(), 2);
        assert!(found[0][1] > 0.99 && found[1][0] > 0.99, "{found:?}");
    }
}
