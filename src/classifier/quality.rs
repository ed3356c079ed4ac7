//! How well each model would answer a prompt, beyond its table: a linear head over surface, label probabilities, difficulty and one
//! vector, and what the model made of the nearest outcome prompts. Each may move the table's word by the share that held-out rows
//! gave it, and a fine-tuned network's own heads may move what comes of that. Pure.

use std::sync::Arc;

use super::{
    DIFFICULTY_COLUMNS, Features, HeldOutRows, NetworkQuality, OutcomeCosts, OutcomeNeighbours, SURFACE_FEATURES, dot,
};

/// The heads of all models of an artifact's outcomes, in the same order.
#[derive(Debug, Clone, PartialEq)]
pub struct QualityHeads {
    /// Index of the embedder whose vector is read.
    pub embedder: usize,
    /// Whether the scores of the difficulty prior are among the columns.
    pub reads_difficulty: bool,
    /// Mean of each column over the outcome rows. Columns: [`quality_columns`].
    pub mean: Vec<f32>,
    /// What a column is multiplied with after its mean is taken off.
    pub scale: Vec<f32>,
    /// `models * columns`, a model's together.
    pub weights: Vec<f32>,
    /// Each model's quality at the mean of all columns.
    pub intercepts: Vec<f32>,
    /// How far each model's prediction goes from its table to the linear head, 0 to 1.
    pub linear_share: Vec<f32>,
    /// The same to the nearest prompts.
    pub neighbour_share: Vec<f32>,
    /// The remembered prompts.
    pub neighbours: OutcomeNeighbours,
    /// The heads of an encoder that was fine-tuned on outcomes.
    pub network: Option<NetworkQuality>,
    /// What models cost on them.
    pub costs: Arc<OutcomeCosts>,
    /// What was predicted of them by fits that had not seen them.
    pub held_out: HeldOutRows,
}

/// What is expected of every model, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelForecast {
    /// 0..1.
    pub quality: Vec<f64>,
    /// The nearest remembered rows with their weights.
    pub near: Vec<(usize, f32)>,
}

impl QualityHeads {
    /// How many columns the heads read beside `labels` and `dims`.
    pub fn columns(reads_difficulty: bool, labels: usize, dims: usize) -> usize {
        SURFACE_FEATURES + labels + if reads_difficulty { DIFFICULTY_COLUMNS } else { 0 } + dims
    }

    /// Checks that the parts but the network's fit; the message says what does not.
    pub fn check(&self, models: usize, labels: usize, dims: usize) -> Result<(), String> {
        let columns = Self::columns(self.reads_difficulty, labels, dims);
        let rows = self.neighbours.rows();
        let costs = if self.costs.rows_usd.is_empty() { 0 } else { models * rows };
        for (name, found, expected) in [
            ("mean", self.mean.len(), columns),
            ("scale", self.scale.len(), columns),
            ("weights", self.weights.len(), models * columns),
            ("intercepts", self.intercepts.len(), models),
            ("linear_share", self.linear_share.len(), models),
            ("neighbour_share", self.neighbour_share.len(), models),
            ("costs.mean_usd", self.costs.mean_usd.len(), models),
            ("costs.rows_usd", self.costs.rows_usd.len(), costs),
            ("neighbours.directions", self.neighbours.directions.len(), self.neighbours.dims * dims),
            ("neighbours.scores", self.neighbours.scores.len(), models * rows),
        ] {
            if found != expected {
                return Err(format!("{found} {name}, expected {expected}"));
            }
        }
        self.held_out.check(models, rows)
    }

    /// Moves each table's word; `tables` are in the order of the models. `difficulty` are the prior's scores. A part whose vector is missing
    /// moves nothing.
    pub fn predict(
        &self,
        features: &Features,
        probabilities: [&[f64]; 2],
        difficulty: Option<&[f32; DIFFICULTY_COLUMNS]>,
        tables: &[f64],
    ) -> ModelForecast {
        let mut forecast = self.predict_without_network(features, probabilities, difficulty, tables);
        if let Some(network) = &self.network
            && let Some(vector) = features.vector(network.embedder)
        {
            network.moved(vector, &mut forecast.quality);
        }
        forecast
    }

    fn predict_without_network(
        &self,
        features: &Features,
        probabilities: [&[f64]; 2],
        difficulty: Option<&[f32; DIFFICULTY_COLUMNS]>,
        tables: &[f64],
    ) -> ModelForecast {
        let Some(vector) = features.vector(self.embedder) else {
            return ModelForecast { quality: tables.to_vec(), near: Vec::new() };
        };
        let difficulty = difficulty.filter(|_| self.reads_difficulty);
        let mut row = quality_columns(features, probabilities, difficulty, vector);
        if self.reads_difficulty && difficulty.is_none() {
            // Scores that are missing count as their means: they say nothing.
            let at = row.len() - vector.len();
            row.splice(at..at, self.mean[at..at + DIFFICULTY_COLUMNS].iter().copied());
        }
        for ((x, mean), scale) in row.iter_mut().zip(&self.mean).zip(&self.scale) {
            *x = (*x - mean) * scale;
        }
        let near = self.neighbours.nearest(&row[row.len() - vector.len()..]);
        let of_neighbours = self.neighbours.scores(&near, tables.len());
        let quality = tables.iter().enumerate().map(|(model, table)| {
            let mut quality = *table;
            if self.linear_share[model] > 0.0 {
                let weights = &self.weights[model * row.len()..(model + 1) * row.len()];
                let linear = self.intercepts[model] + dot(weights, &row);
                quality += f64::from(self.linear_share[model]) * (f64::from(linear) - table);
            }
            if self.neighbour_share[model] > 0.0
                && let Some(known) = of_neighbours[model]
            {
                quality += f64::from(self.neighbour_share[model]) * (known - table);
            }
            quality.clamp(0.0, 1.0)
        });
        ModelForecast { quality: quality.collect(), near }
    }
}

/// The numbers that quality heads read, as they are: surface counts, task and complexity probabilities, scores of the difficulty
/// prior where there are any, the vector.
pub fn quality_columns(
    features: &Features,
    probabilities: [&[f64]; 2],
    difficulty: Option<&[f32; DIFFICULTY_COLUMNS]>,
    vector: &[f32],
) -> Vec<f32> {
    let mut columns = Vec::with_capacity(SURFACE_FEATURES + 64 + vector.len());
    columns.extend_from_slice(&features.surface);
    columns.extend(probabilities.into_iter().flatten().map(|p| *p as f32));
    columns.extend(difficulty.into_iter().flatten());
    columns.extend_from_slice(vector);
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(reads_difficulty: bool, linear_share: f32) -> QualityHeads {
        let columns = QualityHeads::columns(reads_difficulty, 2, 2);
        let neighbours = OutcomeNeighbours {
            dims: 2,
            directions: vec![1.0, 0.0, 0.0, 1.0],
            vectors: vec![127, 0],
            scores: vec![OutcomeNeighbours::byte_of_score(Some(1.0))],
            nearest: 2,
        };
        QualityHeads {
            embedder: 0,
            reads_difficulty,
            mean: vec![0.0; columns],
            scale: vec![1.0; columns],
            weights: vec![0.5; columns],
            intercepts: vec![0.0],
            linear_share: vec![linear_share],
            neighbour_share: vec![0.0],
            neighbours,
            network: None,
            costs: Arc::new(OutcomeCosts { mean_usd: vec![-1.0], rows_usd: Vec::new() }),
            held_out: HeldOutRows { predicted: vec![0], output_tokens: Vec::new(), input_tokens: vec![1.0] },
        }
    }

    #[test]
    fn shares_of_nothing_leave_the_table() {
        let heads = heads(false, 0.0);
        let features = Features { vectors: vec![Some(vec![1.0, 0.0])], ..Features::default() };
        assert_eq!(heads.check(1, 2, 2), Ok(()));
        assert_eq!(heads.predict(&features, [&[1.0], &[1.0]], None, &[0.37]).quality, [0.37]);
        let without_vector = heads.predict(&Features::default(), [&[1.0], &[1.0]], None, &[0.37]);
        assert_eq!(without_vector, ModelForecast { quality: vec![0.37], near: Vec::new() });
    }

    /// An encoder that is too busy to be asked leaves what the other parts say.
    #[test]
    fn a_network_speaks_where_its_encoder_ran() {
        let mut heads = heads(false, 0.0);
        let network = NetworkQuality { embedder: 1, weights: vec![0.0; 3], intercepts: vec![0.0], share: vec![1.0] };
        heads.network = Some(network);
        let said = |second: Option<Vec<f32>>| {
            let features = Features { vectors: vec![Some(vec![1.0, 0.0]), second], ..Features::default() };
            heads.predict(&features, [&[1.0], &[1.0]], None, &[0.37]).quality
        };
        assert_eq!((said(None), said(Some(vec![0.0; 3]))), (vec![0.37], vec![0.5]));
    }

    #[test]
    fn difficulty_is_read_where_the_heads_ask_for_it_and_counts_as_its_mean_where_it_is_missing() {
        let mut heads = heads(true, 1.0);
        assert_eq!(heads.check(1, 2, 2), Ok(()));
        let features = Features { vectors: vec![Some(vec![0.0, 0.0])], ..Features::default() };
        let even: [&[f64]; 2] = [&[0.0], &[0.0]];
        let said = |heads: &QualityHeads, scores| heads.predict(&features, even, scores, &[0.0]).quality[0];
        assert!((said(&heads, Some(&[0.25, 0.5, 0.75])) - 0.75).abs() < 1e-6);
        heads.mean[SURFACE_FEATURES + 2..SURFACE_FEATURES + 5].fill(0.25);
        assert!(said(&heads, None).abs() < 1e-6);
        assert!((said(&heads, Some(&[0.5, 0.5, 0.5])) - 0.375).abs() < 1e-6);
    }
}
