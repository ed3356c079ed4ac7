//! How well each model would answer a prompt, beyond its table: a linear head over surface, label probabilities and one vector, and
//! what the model made of the nearest outcome prompts. Each may move the table's word by the share that held-out rows gave it. Pure.

use super::Features;

/// Stands for a score that is not known.
pub const UNKNOWN_SCORE: u8 = u8::MAX;
/// Stands for a cost that is not known.
pub const UNKNOWN_COST: f32 = -1.0;
/// Steps of a score of 1.
const SCORE_STEPS: f32 = 254.0;
/// Steps of a vector's component of 1.
const VECTOR_STEPS: f32 = 127.0;

/// The heads of all models of an artifact's outcomes, in the same order.
#[derive(Debug, Clone, PartialEq)]
pub struct QualityHeads {
    /// Index of the embedder whose vector is read.
    pub embedder: usize,
    /// Mean of each column over the outcome rows. Columns: surface counts, task and complexity probabilities, the vector.
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
    /// Each model's mean cost in USD over the outcome rows, or [`UNKNOWN_COST`].
    pub mean_cost_usd: Vec<f32>,
    /// The remembered prompts.
    pub neighbours: OutcomeNeighbours,
}

/// Prompts with known answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OutcomeNeighbours {
    /// Length of a vector.
    pub dims: usize,
    /// `rows * dims`: centred, of unit length, in steps of 1/127.
    pub vectors: Vec<i16>,
    /// `rows * models` in steps of 1/254, or [`UNKNOWN_SCORE`].
    pub scores: Vec<u8>,
    /// `rows * models` in USD, or [`UNKNOWN_COST`].
    pub costs_usd: Vec<f32>,
    /// How many of the nearest are asked.
    pub nearest: usize,
}

/// What is expected of every model, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelForecast {
    /// 0..1.
    pub quality: Vec<f64>,
    /// USD; `None` where no outcome row tells the model's cost.
    pub cost_usd: Vec<Option<f64>>,
}

impl QualityHeads {
    /// Checks that the parts fit; the message says what does not.
    pub fn check(&self, models: usize, labels: usize, dims: usize) -> Result<(), String> {
        let columns = super::SURFACE_FEATURES + labels + dims;
        let rows = self.neighbours.vectors.len() / dims.max(1);
        for (name, found, expected) in [
            ("mean", self.mean.len(), columns),
            ("scale", self.scale.len(), columns),
            ("weights", self.weights.len(), models * columns),
            ("intercepts", self.intercepts.len(), models),
            ("linear_share", self.linear_share.len(), models),
            ("neighbour_share", self.neighbour_share.len(), models),
            ("mean_cost_usd", self.mean_cost_usd.len(), models),
            ("neighbours.scores", self.neighbours.scores.len(), models * rows),
            ("neighbours.costs_usd", self.neighbours.costs_usd.len(), models * rows),
        ] {
            if found != expected {
                return Err(format!("{found} {name}, expected {expected}"));
            }
        }
        Ok(())
    }

    /// Moves each table's word; `tables` are in the order of the models. Without the vector the tables stand.
    pub fn predict(&self, features: &Features, probabilities: [&[f64]; 2], tables: &[f64]) -> ModelForecast {
        let mean_cost = |model: usize| known_cost(self.mean_cost_usd[model]);
        let Some(vector) = features.vector(self.embedder) else {
            let cost_usd = (0..tables.len()).map(mean_cost).collect();
            return ModelForecast { quality: tables.to_vec(), cost_usd };
        };
        let row = self.row(&quality_columns(features, probabilities, vector));
        let near = self.neighbours.nearest(&row[row.len() - vector.len()..]);
        let models = tables.len();
        let of_neighbours = self.neighbours.scores(&near, models);
        let costs = self.neighbours.costs_usd(&near, models);
        let cost_usd = costs.into_iter().enumerate().map(|(model, cost)| cost.or(mean_cost(model))).collect();
        let quality = tables
            .iter()
            .enumerate()
            .map(|(model, table)| {
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
            })
            .collect();
        ModelForecast { quality, cost_usd }
    }

    /// The columns, centred and scaled.
    fn row(&self, columns: &[f32]) -> Vec<f32> {
        columns.iter().zip(&self.mean).zip(&self.scale).map(|((x, mean), scale)| (x - mean) * scale).collect()
    }
}

/// The numbers that quality heads read, as they are: surface counts, task and complexity probabilities, the vector.
pub fn quality_columns(features: &Features, probabilities: [&[f64]; 2], vector: &[f32]) -> Vec<f32> {
    let labels = probabilities.into_iter().flatten().map(|p| *p as f32);
    features.surface.iter().copied().chain(labels).chain(vector.iter().copied()).collect()
}

impl OutcomeNeighbours {
    /// A vector as it is kept, whatever its length was.
    pub fn quantise(vector: &[f32]) -> Vec<i16> {
        let length = dot(vector, vector).sqrt();
        let factor = if length > 0.0 { VECTOR_STEPS / length } else { 0.0 };
        vector.iter().map(|x| (x * factor).round() as i16).collect()
    }

    /// A score as it is kept.
    pub fn byte_of_score(score: Option<f64>) -> u8 {
        score.map_or(UNKNOWN_SCORE, |score| (score as f32 * SCORE_STEPS).round().clamp(0.0, SCORE_STEPS) as u8)
    }

    /// The nearest rows with their weights: the cube of the cosine, so that the far ones of the nearest say little.
    pub fn nearest(&self, vector: &[f32]) -> Vec<(usize, f32)> {
        self.nearest_of(vector, |_| true)
    }

    /// The same among the rows that `may` allows.
    pub fn nearest_of(&self, vector: &[f32], may: impl Fn(usize) -> bool) -> Vec<(usize, f32)> {
        let asked = Self::quantise(vector);
        let rows = self.vectors.chunks_exact(self.dims.max(1)).enumerate().filter(|(row, _)| may(*row));
        let mut near: Vec<(i32, usize)> = rows.map(|(row, kept)| (product(&asked, kept), row)).collect();
        if near.len() > self.nearest {
            near.select_nth_unstable_by(self.nearest, |a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            near.truncate(self.nearest);
        }
        // In the order of the rows, so that sums do not depend on the selection.
        near.sort_unstable_by_key(|(_, row)| *row);
        near.into_iter()
            .map(|(product, row)| {
                let cosine = (product as f32 / (VECTOR_STEPS * VECTOR_STEPS)).max(0.0);
                (row, cosine * cosine * cosine + 1e-6)
            })
            .collect()
    }

    /// The weighted mean of what every model made of these rows; `None` where no row knows it.
    pub fn scores(&self, near: &[(usize, f32)], models: usize) -> Vec<Option<f64>> {
        let (mut sums, mut weights) = (vec![0.0f32; models], vec![0.0f32; models]);
        for (row, weight) in near {
            let of_row = &self.scores[row * models..(row + 1) * models];
            for ((sum, total), score) in sums.iter_mut().zip(&mut weights).zip(of_row) {
                let weight = if *score == UNKNOWN_SCORE { 0.0 } else { *weight };
                *sum += weight * f32::from(*score);
                *total += weight;
            }
        }
        means(&sums, &weights, 1.0 / SCORE_STEPS)
    }

    /// The weighted mean of what every model cost on these rows; `None` where no row knows it.
    pub fn costs_usd(&self, near: &[(usize, f32)], models: usize) -> Vec<Option<f64>> {
        let (mut sums, mut weights) = (vec![0.0f32; models], vec![0.0f32; models]);
        for (row, weight) in near {
            let of_row = &self.costs_usd[row * models..(row + 1) * models];
            for ((sum, total), cost) in sums.iter_mut().zip(&mut weights).zip(of_row) {
                let weight = if *cost < 0.0 { 0.0 } else { *weight };
                *sum += weight * cost;
                *total += weight;
            }
        }
        means(&sums, &weights, 1.0)
    }
}

fn means(sums: &[f32], weights: &[f32], unit: f32) -> Vec<Option<f64>> {
    let mean = |(sum, weight): (&f32, &f32)| (*weight > 0.0).then(|| f64::from(sum / weight * unit));
    sums.iter().zip(weights).map(mean).collect()
}

fn known_cost(cost_usd: f32) -> Option<f64> {
    (cost_usd >= 0.0).then(|| f64::from(cost_usd))
}

/// In eight partial sums, which the compiler can keep side by side; one sum would wait for each product.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0f32; 8];
    for (a, b) in a.0.iter().zip(b.0) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    let rest: f32 = a.1.iter().zip(b.1).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

fn product(a: &[i16], b: &[i16]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neighbours() -> OutcomeNeighbours {
        let vectors =
            [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]].iter().flat_map(|v| OutcomeNeighbours::quantise(v)).collect();
        let scores = [Some(1.0), None, Some(0.0)].map(OutcomeNeighbours::byte_of_score).to_vec();
        OutcomeNeighbours { dims: 2, vectors, scores, costs_usd: vec![0.5, UNKNOWN_COST, 0.1], nearest: 2 }
    }

    #[test]
    fn the_nearest_known_answers_decide() {
        let neighbours = neighbours();
        let near = neighbours.nearest(&[3.0, 0.0]);
        assert_eq!(near.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [0, 1]);
        assert!((neighbours.scores(&near, 1)[0].unwrap() - 1.0).abs() < 1e-6);
        let near = neighbours.nearest_of(&[3.0, 0.0], |row| row == 1);
        assert_eq!(neighbours.scores(&near, 1), [None], "no neighbour knows the model");
        assert_eq!(neighbours.costs_usd(&near, 1), [None]);
    }

    #[test]
    fn shares_of_nothing_leave_the_table() {
        let heads = QualityHeads {
            embedder: 0,
            mean: vec![0.0; super::super::SURFACE_FEATURES + 4],
            scale: vec![1.0; super::super::SURFACE_FEATURES + 4],
            weights: vec![9.0; super::super::SURFACE_FEATURES + 4],
            intercepts: vec![5.0],
            linear_share: vec![0.0],
            neighbour_share: vec![0.0],
            mean_cost_usd: vec![UNKNOWN_COST],
            neighbours: neighbours(),
        };
        let features = Features { vectors: vec![Some(vec![1.0, 0.0])], ..Features::default() };
        assert_eq!(heads.check(1, 2, 2), Ok(()));
        assert_eq!(heads.predict(&features, [&[1.0], &[1.0]], &[0.37]).quality, [0.37]);
        let without_vector = heads.predict(&Features::default(), [&[1.0], &[1.0]], &[0.37]);
        assert_eq!(without_vector, ModelForecast { quality: vec![0.37], cost_usd: vec![None] });
    }
}
