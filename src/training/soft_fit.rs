//! Fits linear scores to soft targets: for each row how likely every label is, in place of the one that is true. Minimises squared weights / 2 + the sum of
//! cost * weight_i * loss_i by L-BFGS (Liu and Nocedal 1989), the intercept a column of ones. Rows are summed in a fixed number of parts, so that no bit
//! depends on the threads. Knows nothing of where the targets come from.

use rayon::prelude::*;

use super::design::DesignRows;
use super::lbfgs::{Past, dot};
use super::margin::Margin;

/// Steps beyond which nothing more is gained on rows held out.
const MOST_STEPS: usize = 80;
/// The gain of a step, as a share of the loss, that is worth going on for where the fit is to stay.
pub(super) const LEAST_GAIN: f64 = 1e-6;
/// Halvings of a step that makes the loss larger.
const MOST_HALVINGS: usize = 20;
/// The share of what the slope promises that a step must keep (Armijo).
const SUFFICIENT: f64 = 1e-4;
/// Numbers of all weights up to which the larger settings are used: past steps that are remembered, and parts that rows are summed in.
const MANY_WEIGHTS: usize = 8 << 20;

/// What a row's scores cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SoftLoss {
    /// Cross-entropy of softmax(scores) to the targets, which sum to 1.
    Softmax,
    /// Cross-entropy of the sigmoid of every score by itself to its target.
    Sigmoids,
    /// The squared hinge loss of every score by itself: as often as its target says on the side above 1, else on the one below -1.
    Margins,
}

impl SoftLoss {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Softmax => "cross-entropy",
            Self::Sigmoids => "cross-entropy of steps",
            Self::Margins => "squared hinge",
        }
    }

    /// The loss of one row; the scores become its slope by each score.
    fn of(self, scores: &mut [f32], targets: &[f32]) -> f64 {
        match self {
            Self::Softmax => {
                let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f32 = scores.iter().map(|score| libm::expf(score - most)).sum();
                let of_all = most + libm::logf(sum);
                let mut loss = 0.0;
                for (score, target) in scores.iter_mut().zip(targets) {
                    loss += f64::from(target * (of_all - *score));
                    *score = libm::expf(*score - of_all) - target;
                }
                loss
            }
            Self::Sigmoids => {
                let mut loss = 0.0;
                for (score, target) in scores.iter_mut().zip(targets) {
                    // ln(1 + e^score), without overflow.
                    let softplus = score.max(0.0) + libm::log1pf(libm::expf(-score.abs()));
                    loss += f64::from(softplus - target * *score);
                    *score = 1.0 / (1.0 + libm::expf(-*score)) - target;
                }
                loss
            }
            Self::Margins => {
                let mut loss = 0.0;
                for (score, target) in scores.iter_mut().zip(targets) {
                    let (short, over) = ((1.0 - *score).max(0.0), (1.0 + *score).max(0.0));
                    loss += f64::from(target * short * short + (1.0 - target) * over * over);
                    *score = 2.0 * ((1.0 - target) * over - target * short);
                }
                loss
            }
        }
    }
}

/// What is fitted to.
#[derive(Debug, Clone, Default)]
pub(super) struct SoftRows {
    /// Scores a row.
    pub(super) outputs: usize,
    /// Indices into the design.
    pub(super) rows: Vec<usize>,
    /// What each row counts.
    pub(super) weights: Vec<f32>,
    /// `rows * outputs`, 0 to 1.
    pub(super) targets: Vec<f32>,
}

/// Where a fit begins and ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descent<'a> {
    /// Margins of a fit that was much the same, which saves most of the steps; or none.
    pub(super) from: &'a [Margin],
    /// It is done when two steps in a row made the loss smaller by less than this share.
    pub(super) least_gain: f64,
}

/// Fits one score for each of the outputs.
pub(super) fn fit(
    design: &impl DesignRows,
    rows: &SoftRows,
    loss: SoftLoss,
    cost: f32,
    descent: Descent<'_>,
) -> Vec<Margin> {
    let problem = Problem::new(design, rows, loss, cost);
    let weights = problem.descend(problem.weights_of(descent.from), descent.least_gain);
    problem.margins(&weights)
}

/// The loss as a function of all weights: a column's weights of all outputs together, for the columns that some row has, and the intercepts last.
struct Problem<'a, D> {
    design: &'a D,
    rows: &'a SoftRows,
    loss: SoftLoss,
    cost: f64,
    /// Where a column's weights stand; `u32::MAX` where no row has it.
    places: Vec<u32>,
    columns: usize,
}

impl<'a, D: DesignRows> Problem<'a, D> {
    fn new(design: &'a D, rows: &'a SoftRows, loss: SoftLoss, cost: f32) -> Self {
        let mut visits = vec![0u32; design.columns()];
        for row in &rows.rows {
            design.visit(*row, |column, _| visits[column] = visits[column].saturating_add(1));
        }
        // The columns that most rows have stand together, where the processor's cache keeps them.
        let mut held: Vec<usize> = (0..visits.len()).filter(|column| visits[*column] > 0).collect();
        held.sort_by_key(|column| (std::cmp::Reverse(visits[*column]), *column));
        let mut places = vec![u32::MAX; visits.len()];
        (0..).zip(&held).for_each(|(place, column)| places[*column] = place);
        Self { design, rows, loss, cost: f64::from(cost), places, columns: held.len() }
    }

    fn len(&self) -> usize {
        (self.columns + 1) * self.rows.outputs
    }

    /// The loss, and its slope by every weight.
    fn at(&self, weights: &[f32]) -> (f64, Vec<f32>) {
        let parts = if self.len() <= MANY_WEIGHTS { 4 } else { 2 };
        let rows = self.rows.rows.len();
        let a_part = rows.div_ceil(parts).max(1);
        let of_parts: Vec<(f64, Vec<f32>)> = (0..parts)
            .into_par_iter()
            .map(|part| self.of_rows(weights, (part * a_part).min(rows)..((part + 1) * a_part).min(rows)))
            .collect();
        let squares: f64 = weights.iter().map(|weight| f64::from(*weight) * f64::from(*weight)).sum();
        let mut slope = weights.to_vec();
        let mut loss = squares / 2.0;
        for (of_part, slope_of_part) in of_parts {
            loss += self.cost * of_part;
            slope.iter_mut().zip(&slope_of_part).for_each(|(slope, x)| *slope += self.cost as f32 * x);
        }
        (loss, slope)
    }

    fn of_rows(&self, weights: &[f32], range: std::ops::Range<usize>) -> (f64, Vec<f32>) {
        let outputs = self.rows.outputs;
        let intercepts = self.columns * outputs;
        let mut slope = vec![0.0f32; if range.is_empty() { 0 } else { weights.len() }];
        let mut scores = vec![0.0f32; outputs];
        let mut loss = 0.0;
        for at in range {
            let (row, weight) = (self.rows.rows[at], self.rows.weights[at]);
            scores.copy_from_slice(&weights[intercepts..]);
            self.design.visit(row, |column, value| {
                let place = self.places[column] as usize * outputs;
                let of_column = &weights[place..place + outputs];
                scores.iter_mut().zip(of_column).for_each(|(score, weight)| *score += value * weight);
            });
            let of_row = self.loss.of(&mut scores, &self.rows.targets[at * outputs..(at + 1) * outputs]);
            loss += f64::from(weight) * of_row;
            scores.iter_mut().for_each(|of_score| *of_score *= weight);
            self.design.visit(row, |column, value| {
                let place = self.places[column] as usize * outputs;
                let of_column = &mut slope[place..place + outputs];
                of_column.iter_mut().zip(&scores).for_each(|(slope, of_score)| *slope += value * of_score);
            });
            slope[intercepts..].iter_mut().zip(&scores).for_each(|(slope, of_score)| *slope += of_score);
        }
        (loss, slope)
    }

    fn descend(&self, mut weights: Vec<f32>, least_gain: f64) -> Vec<f32> {
        let (mut loss, mut slope) = self.at(&weights);
        let mut past = Past::new(if self.len() <= MANY_WEIGHTS { 6 } else { 3 });
        let mut small_gains = 0;
        for _ in 0..MOST_STEPS {
            let direction = past.direction(&slope);
            let promised = dot(&direction, &slope);
            let steepness = dot(&slope, &slope);
            // The first direction has no scale of its own. A direction that does not descend is rounding's: the fit is done.
            let mut length = if past.is_empty() { 1.0 / steepness.sqrt().max(1e-12) } else { 1.0 };
            if promised >= 0.0 || steepness == 0.0 {
                break;
            }
            let mut found = None;
            for _ in 0..MOST_HALVINGS {
                let tried: Vec<f32> = weights.iter().zip(&direction).map(|(w, d)| w + length as f32 * d).collect();
                let (loss_there, slope_there) = self.at(&tried);
                if loss_there <= loss + SUFFICIENT * length * promised {
                    found = Some((tried, loss_there, slope_there));
                    break;
                }
                length /= 2.0;
            }
            let Some((tried, loss_there, slope_there)) = found else { break };
            past.remember(&weights, &tried, &slope, &slope_there);
            let gain = (loss - loss_there) / loss.abs().max(1e-12);
            (weights, loss, slope) = (tried, loss_there, slope_there);
            small_gains = if gain < least_gain { small_gains + 1 } else { 0 };
            if small_gains == 2 {
                break;
            }
        }
        weights
    }

    /// Zeros without margins.
    fn weights_of(&self, margins: &[Margin]) -> Vec<f32> {
        let outputs = self.rows.outputs;
        let mut weights = vec![0.0f32; self.len()];
        for (output, margin) in margins.iter().enumerate() {
            for (place, weight) in self.places.iter().zip(&margin.weights).filter(|(place, _)| **place != u32::MAX) {
                weights[*place as usize * outputs + output] = *weight;
            }
            weights[self.columns * outputs + output] = margin.intercept;
        }
        weights
    }

    fn margins(&self, weights: &[f32]) -> Vec<Margin> {
        let outputs = self.rows.outputs;
        let weight = |place: &u32, output: usize| match *place {
            u32::MAX => 0.0,
            place => weights[place as usize * outputs + output],
        };
        let of_output = |output: usize| Margin {
            weights: self.places.iter().map(|place| weight(place, output)).collect(),
            intercept: weights[self.columns * outputs + output],
        };
        (0..outputs).map(of_output).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::design::{CentredVectors, VectorColumn};
    use super::super::margin::{self, MarginRow};
    use super::*;
    use crate::classifier::softmax;
    use crate::random::SplitMix64;

    const WHOLE: Descent<'_> = Descent { from: &[], least_gain: LEAST_GAIN };
    const DIMS: usize = 3;
    const LABELS: usize = 3;

    fn points(count: usize, seed: u64) -> VectorColumn {
        let mut random = SplitMix64::new(seed);
        let values = (0..count * DIMS).map(|_| random.below(2001) as f32 / 1000.0 - 1.0).collect();
        VectorColumn { dims: DIMS, values }
    }

    fn scores_of(margins: &[Margin], design: &CentredVectors<'_>, row: usize) -> Vec<f32> {
        margins.iter().map(|margin| design.score(row, &margin.weights) + margin.intercept).collect()
    }

    fn all(count: usize, targets: Vec<f32>) -> SoftRows {
        SoftRows { outputs: LABELS, rows: (0..count).collect(), weights: vec![1.0; count], targets }
    }

    fn one_hot(labels: &[usize]) -> Vec<f32> {
        labels.iter().flat_map(|label| (0..LABELS).map(move |at| f32::from(u8::from(at == *label)))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn a_known_softmax_is_found_again(truth in proptest::collection::vec(-2.0f32..2.0, LABELS * DIMS), seed in 0u64..1000) {
            let points = points(120, seed);
            let design = CentredVectors::new(0, &points);
            let known: Vec<Margin> =
                truth.chunks(DIMS).map(|weights| Margin { weights: weights.to_vec(), intercept: 0.3 }).collect();
            let wanted: Vec<Vec<f64>> = (0..120).map(|row| softmax(&scores_of(&known, &design, row), 1.0)).collect();
            let rows = all(120, wanted.iter().flatten().map(|p| *p as f32).collect());
            let fitted = fit(&design, &rows, SoftLoss::Softmax, 100.0, WHOLE);
            for (row, wanted) in wanted.iter().enumerate() {
                let found = softmax(&scores_of(&fitted, &design, row), 1.0);
                for (found, wanted) in found.iter().zip(wanted) {
                    prop_assert!((found - wanted).abs() < 0.02, "{found} for {wanted}");
                }
            }
        }

        #[test]
        fn a_soft_row_is_its_labels_by_their_shares(seed in 0u64..1000) {
            let points = points(40, seed);
            let design = CentredVectors::new(0, &points);
            let mut random = SplitMix64::new(seed);
            let shares: Vec<[f32; 2]> = (0..40).map(|_| { let first = random.below(101) as f32 / 100.0; [first, 1.0 - first] }).collect();
            let soft = all(40, shares.iter().flat_map(|[a, b]| [*a, *b, 0.0]).collect());
            // The same rows twice, hard, each as heavy as its label is likely.
            let hard = SoftRows {
                outputs: LABELS,
                rows: (0..40).flat_map(|row| [row, row]).collect(),
                weights: shares.iter().flatten().copied().collect(),
                targets: (0..40).flat_map(|_| one_hot(&[0, 1])).collect(),
            };
            for loss in [SoftLoss::Softmax, SoftLoss::Sigmoids, SoftLoss::Margins] {
                let (soft, hard) = (fit(&design, &soft, loss, 1.0, WHOLE), fit(&design, &hard, loss, 1.0, WHOLE));
                for row in 0..40 {
                    for (a, b) in scores_of(&soft, &design, row).iter().zip(scores_of(&hard, &design, row)) {
                        prop_assert!((a - b).abs() < 0.02, "{loss:?}: {a} for {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn targets_of_one_label_a_row_give_what_the_hard_fit_gives() {
        let points = points(90, 5);
        let design = CentredVectors::new(0, &points);
        let labels: Vec<usize> =
            (0..90).map(|row| usize::from(points.row(row)[0] > 0.1) + usize::from(row % 7 == 0)).collect();
        let cost = 0.7;
        let soft = fit(&design, &all(90, one_hot(&labels)), SoftLoss::Margins, cost, WHOLE);
        let rows: Vec<MarginRow<4>> = (0..90)
            .map(|row| {
                let mut costs = [0.0; 4];
                for (label, of_label) in costs.iter_mut().enumerate().take(LABELS) {
                    *of_label = if labels[row] == label { cost } else { -cost };
                }
                MarginRow { row, costs }
            })
            .collect();
        let hard = margin::fit(&design, &rows, LABELS, &design.squared_lengths(), 1);
        for row in 0..90 {
            for (a, b) in scores_of(&soft, &design, row).iter().zip(scores_of(&hard, &design, row)) {
                assert!((a - b).abs() < 0.1, "{a} for {b}");
            }
        }
    }

    #[test]
    fn where_the_descent_begins_does_not_matter() {
        let points = points(80, 11);
        let design = CentredVectors::new(0, &points);
        let rows = |shift: usize| all(80, one_hot(&(0..80).map(|row| (row / 9 + shift) % LABELS).collect::<Vec<_>>()));
        let elsewhere = fit(&design, &rows(1), SoftLoss::Softmax, 5.0, WHOLE);
        let (far, near) = (
            fit(&design, &rows(0), SoftLoss::Softmax, 1.0, WHOLE),
            fit(&design, &rows(0), SoftLoss::Softmax, 1.0, Descent { from: &elsewhere, ..WHOLE }),
        );
        for row in 0..80 {
            for (a, b) in scores_of(&far, &design, row).iter().zip(scores_of(&near, &design, row)) {
                assert!((a - b).abs() < 0.01, "{a} for {b}");
            }
        }
    }

    #[test]
    fn the_same_rows_give_the_same_bits() {
        let points = points(50, 3);
        let design = CentredVectors::new(0, &points);
        let rows = all(50, one_hot(&(0..50).map(|row| row % LABELS).collect::<Vec<_>>()));
        let bits = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let fitted = pool.install(|| fit(&design, &rows, SoftLoss::Softmax, 2.0, WHOLE));
            fitted.iter().flat_map(|margin| margin.weights.iter().map(|x| x.to_bits())).collect::<Vec<_>>()
        };
        assert_eq!(bits(1), bits(3));
    }
}
