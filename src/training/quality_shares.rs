//! How a table, a regression and the nearest prompts become one prediction of a model's quality, and whether that is worth it.

use nalgebra::DMatrix;
use serde_json::{Value, json};

use super::linear_head::round;
use super::ridge::Setting;

/// One model's held-out rows.
pub(super) struct Column {
    pub(super) truth: DMatrix<f64>,
    pub(super) tables: DMatrix<f64>,
    pub(super) linear: DMatrix<f64>,
    pub(super) near: DMatrix<f64>,
}

impl Column {
    /// Whether these shares are better than the table by more than one standard error of this model's own rows.
    pub(super) fn gains(&self, shares: Shares) -> bool {
        let blended = self.said(shares);
        let gained: Vec<f64> = (0..self.truth.nrows())
            .map(|row| (self.tables[row] - self.truth[row]).powi(2) - (blended[row] - self.truth[row]).powi(2))
            .collect();
        let rows = gained.len().max(1) as f64;
        let mean = gained.iter().sum::<f64>() / rows;
        let variance = gained.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / rows;
        mean > (variance / rows).sqrt()
    }

    /// The held-out predictions.
    pub(super) fn said(&self, shares: Shares) -> DMatrix<f64> {
        shares.blend(&self.tables, &self.linear, &self.near)
    }

    pub(super) fn report(&self, shares: Shares, setting: Setting) -> Value {
        let rows = self.truth.nrows();
        let error = |said: &DMatrix<f64>| round((said - &self.truth).norm_squared() / rows.max(1) as f64);
        json!({
            "rows": rows,
            "held_out_squared_error": error(&self.said(shares)),
            "held_out_squared_error_of_table": error(&self.tables),
            "held_out_squared_error_of_linear": error(&self.linear),
            "held_out_squared_error_of_neighbours": error(&self.near),
            "penalty": setting.penalty,
            "surface_weight": setting.surface_weight,
            "difficulty_weight": setting.difficulty_weight,
            "linear_share": shares.linear,
            "neighbour_share": shares.neighbours,
        })
    }
}

/// How far a prediction goes from the table to the regression and to the neighbours.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Shares {
    pub(super) linear: f64,
    pub(super) neighbours: f64,
}

impl Shares {
    /// The prediction; all matrices have one shape.
    pub(super) fn blend(self, tables: &DMatrix<f64>, linear: &DMatrix<f64>, near: &DMatrix<f64>) -> DMatrix<f64> {
        let moved = tables + (linear - tables) * self.linear + (near - tables) * self.neighbours;
        moved.map(|quality| quality.clamp(0.0, 1.0))
    }
}
