//! Scores of labels that have an order, as complexity does: how far off a wrong label is counts.

use serde::Serialize;

use super::classification::best_label;

/// How well places on a scale were predicted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrdinalScores {
    /// Share of rows on the right place.
    pub accuracy: f64,
    /// Share of rows on the right place or one beside it.
    pub within_one: f64,
    /// Cohen's kappa with weights (i - j)^2 (Cohen 1968): 1 - sum(w O) / sum(w E). None where every row has one and the same
    /// label, so that chance alone agrees.
    pub quadratic_weighted_kappa: Option<f64>,
    /// Spearman's rank correlation of the truth with the expected place sum(p_i i). None where either is constant.
    pub spearman: Option<f64>,
    /// The same with the most probable label instead of the expected place.
    pub spearman_of_label: Option<f64>,
}

/// Scores rows; probabilities are in the order of the scale.
pub fn score_ordinal(truth: &[usize], probabilities: &[Vec<f64>]) -> OrdinalScores {
    let predicted: Vec<usize> = probabilities.iter().map(|row| best_label(row)).collect();
    let rows = truth.len().min(predicted.len()).max(1) as f64;
    let within = |most: usize| {
        truth.iter().zip(&predicted).filter(|(truth, predicted)| truth.abs_diff(**predicted) <= most).count() as f64
            / rows
    };
    let places: Vec<f64> = truth.iter().map(|place| *place as f64).collect();
    let expected: Vec<f64> =
        probabilities.iter().map(|row| row.iter().enumerate().map(|(place, p)| p * place as f64).sum()).collect();
    let labels: Vec<f64> = predicted.iter().map(|place| *place as f64).collect();
    OrdinalScores {
        accuracy: within(0),
        within_one: within(1),
        quadratic_weighted_kappa: quadratic_weighted_kappa(truth, &predicted),
        spearman: spearman(&places, &expected),
        spearman_of_label: spearman(&places, &labels),
    }
}

fn quadratic_weighted_kappa(truth: &[usize], predicted: &[usize]) -> Option<f64> {
    let rows = truth.len().min(predicted.len()) as f64;
    let squared = |a: usize, b: usize| (a as f64 - b as f64).powi(2);
    let observed: f64 = truth.iter().zip(predicted).map(|(a, b)| squared(*a, *b)).sum();
    let places = truth.iter().chain(predicted).max().map_or(0, |place| place + 1);
    let count = |list: &[usize]| {
        let mut counts = vec![0.0f64; places];
        list.iter().for_each(|place| counts[*place] += 1.0);
        counts
    };
    let (of_truth, of_predicted) = (count(truth), count(predicted));
    let mut expected = 0.0;
    for (a, rows_a) in of_truth.iter().enumerate() {
        for (b, rows_b) in of_predicted.iter().enumerate() {
            expected += squared(a, b) * rows_a * rows_b / rows;
        }
    }
    (expected > 0.0).then(|| 1.0 - observed / expected)
}

/// Pearson's correlation of the ranks; equal values share the mean of their ranks. None where one side is constant.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    let rows = a.len().min(b.len());
    let (a, b) = (mean_ranks(&a[..rows]), mean_ranks(&b[..rows]));
    let centre = (rows as f64 + 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| (x - centre) * (y - centre)).sum() };
    let spread = (product(&a, &a) * product(&b, &b)).sqrt();
    (spread > 0.0).then(|| product(&a, &b) / spread)
}

/// Ranks from 1; equal values share the mean of their ranks.
pub(super) fn mean_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for group in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = before as f64 + (group.len() as f64 + 1.0) / 2.0;
        group.iter().for_each(|row| ranks[*row] = rank);
        before += group.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn certain(places: &[usize]) -> Vec<Vec<f64>> {
        places.iter().map(|place| (0..4).map(|at| if at == *place { 1.0 } else { 0.0 }).collect()).collect()
    }

    #[test]
    fn a_case_worked_by_hand() {
        let scores = score_ordinal(&[0, 1, 2, 3], &certain(&[0, 2, 2, 1]));
        assert!((scores.accuracy - 0.5).abs() < 1e-12);
        assert!((scores.within_one - 0.75).abs() < 1e-12);
        // Observed 0+1+0+4 = 5; by chance: truth is even over 0..3, predicted is 0, 1, 2, 2:
        // (0+1+4+9 + 1+0+1+4 + 2 (4+1+0+1)) / 4 = 32 / 4 = 8.
        assert!(scores.quadratic_weighted_kappa.is_some_and(|kappa| (kappa - (1.0 - 5.0 / 8.0)).abs() < 1e-12));
        // Ranks 1 2 3 4 against 1 3.5 3.5 2: products of deviations 2.25 - 0.5 + 0.5 - 0.75 = 1.5; spreads 5 and 4.5.
        assert!(scores.spearman_of_label.is_some_and(|rho| (rho - 1.5 / 22.5f64.sqrt()).abs() < 1e-12));
    }

    #[test]
    fn a_constant_has_no_correlation() {
        let scores = score_ordinal(&[1, 1, 1], &certain(&[1, 1, 1]));
        assert_eq!((scores.quadratic_weighted_kappa, scores.spearman), (None, None));
        assert_eq!(spearman(&[1.0, 2.0], &[3.0, 3.0]), None);
    }

    #[test]
    fn equal_values_share_their_ranks() {
        assert_eq!(mean_ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }

    proptest! {
        #[test]
        fn the_truth_itself_agrees_with_itself(truth in prop::collection::vec(0usize..4, 2..40)) {
            let scores = score_ordinal(&truth, &certain(&truth));
            prop_assert!((scores.within_one - 1.0).abs() < 1e-12);
            let varied = truth.iter().any(|place| *place != truth[0]);
            prop_assert_eq!(scores.quadratic_weighted_kappa.is_some(), varied);
            if varied {
                prop_assert!(scores.quadratic_weighted_kappa.is_some_and(|kappa| (kappa - 1.0).abs() < 1e-12));
                prop_assert!(scores.spearman.is_some_and(|rho| (rho - 1.0).abs() < 1e-9));
            }
        }

        #[test]
        fn correlation_is_symmetric_and_bounded(pairs in prop::collection::vec((-9i32..9, -9i32..9), 2..40)) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(a, b)| (f64::from(*a), f64::from(*b))).unzip();
            let rho = spearman(&a, &b);
            prop_assert_eq!(rho.is_some(), spearman(&b, &a).is_some());
            prop_assert!(rho.is_none_or(|rho| rho.abs() <= 1.0 + 1e-9));
        }
    }
}
