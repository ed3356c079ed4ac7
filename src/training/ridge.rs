//! Ridge regression with held-out predictions: closed form, by the sums of products of the columns.

use std::ops::Range;

use nalgebra::DMatrix;
use rayon::prelude::*;

use crate::classifier::SURFACE_FEATURES;

/// Penalties of the squared weights.
pub(super) const PENALTIES: [f64; 7] = [100.0, 300.0, 1000.0, 1700.0, 3000.0, 5000.0, 10_000.0];
/// What one standard deviation of a surface count weighs.
const SURFACE_WEIGHTS: [f64; 3] = [0.5, 1.0, 2.0];
/// What one standard deviation of a difficulty score weighs.
const DIFFICULTY_WEIGHTS: [f64; 4] = [0.5, 1.0, 2.0, 4.0];

/// What is chosen of a regression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setting {
    pub(super) penalty: f64,
    pub(super) surface_weight: f64,
    pub(super) difficulty_weight: f64,
}

impl Setting {
    /// All that are tried of penalty and weight of the surface.
    pub(super) fn all() -> Vec<Self> {
        let of_weight = |surface_weight: f64| {
            PENALTIES.map(move |penalty| Self { penalty, surface_weight, difficulty_weight: 1.0 })
        };
        SURFACE_WEIGHTS.into_iter().flat_map(of_weight).collect()
    }

    /// The same with every weight of the difficulty that is tried.
    pub(super) fn with_difficulty_weights(self) -> Vec<Self> {
        DIFFICULTY_WEIGHTS.map(|difficulty_weight| Self { difficulty_weight, ..self }).to_vec()
    }
}

/// Ridge regressions of some outputs on the same rows: the products of the columns are summed once a fold, so that every setting is one small solve.
pub(super) struct Ridge {
    design: DMatrix<f64>,
    /// Columns of the difficulty.
    difficulty: Range<usize>,
    outputs: usize,
    folds: Vec<Vec<usize>>,
    /// Of each fold: columns by columns, columns by outputs.
    sums: Vec<(DMatrix<f64>, DMatrix<f64>)>,
}

impl Ridge {
    /// `design`: rows by columns, the last column all ones; `truth`: rows by outputs; the fold of every row; the columns of the
    /// difficulty.
    pub(super) fn new(design: DMatrix<f64>, truth: &DMatrix<f64>, fold_of: &[usize], difficulty: Range<usize>) -> Self {
        let mut folds = vec![Vec::new(); fold_of.iter().max().map_or(0, |last| last + 1)];
        fold_of.iter().enumerate().for_each(|(row, fold)| folds[*fold].push(row));
        let sums = folds
            .par_iter()
            .map(|fold| {
                let (x, y) = (design.select_rows(fold), truth.select_rows(fold));
                let transposed = x.transpose();
                (&transposed * &x, &transposed * &y)
            })
            .collect();
        Self { design, difficulty, outputs: truth.ncols(), folds, sums }
    }

    /// What fits that had not seen a row's fold say of it; `None` where one cannot be solved.
    pub(super) fn hold_out(&self, setting: Setting) -> Option<DMatrix<f64>> {
        let mut held_out = DMatrix::zeros(self.design.nrows(), self.outputs);
        for (fold, rows) in self.folds.iter().enumerate() {
            let said = self.design.select_rows(rows) * self.solve(setting, Some(fold))?;
            for (at, row) in rows.iter().enumerate() {
                held_out.set_row(*row, &said.row(at));
            }
        }
        Some(held_out)
    }

    /// Weights for the columns as they stand in the design; the last row is the intercept, which is not held back.
    pub(super) fn solve(&self, setting: Setting, without: Option<usize>) -> Option<DMatrix<f64>> {
        let size = self.design.ncols();
        let mut products = DMatrix::zeros(size, size);
        let mut targets = DMatrix::zeros(size, self.outputs);
        for (_, (x, y)) in self.sums.iter().enumerate().filter(|(fold, _)| Some(*fold) != without) {
            products += x;
            targets += y;
        }
        // A column that weighs w times as much is held back 1 / w^2 as strongly.
        for column in 0..size - 1 {
            let weight = match column {
                column if column < SURFACE_FEATURES => setting.surface_weight,
                column if self.difficulty.contains(&column) => setting.difficulty_weight,
                _ => 1.0,
            };
            products[(column, column)] += setting.penalty / (weight * weight);
        }
        products[(size - 1, size - 1)] += 1e-9;
        Some(products.cholesky()?.solve(&targets))
    }
}
