//! Fits the difficulty prior: a ridge regression of each model's scores over surface counts and the static vector, all of them together
//! drawn into their mean and the contrasts between models that vary most. Reads no labels and no files.

use nalgebra::DMatrix;
use ndarray::Array2;
use serde_json::{Map, Value, json};

use super::TrainingError;
use super::folds::stratified_folds;
use super::linear_head::round;
use super::principal_components::PrincipalComponents;
use super::ridge::{PENALTIES, Ridge, Setting};
use super::set::OutcomeExample;
use crate::classifier::{DIFFICULTY_COLUMNS, DifficultyPrior, MOST_SURFACE_DEVIATIONS, SURFACE_FEATURES};

const FOLDS: usize = 5;
/// What one standard deviation of a vector's components weighs beside a surface count.
const VECTOR_WEIGHT: f64 = 0.7;
/// A model with fewer rows tells little that the others do not.
const LEAST_ROWS: usize = 200;

/// A fitted prior and what was measured of it.
pub struct FittedDifficulty {
    /// The prior; its fingerprint is filled in when it is written.
    pub prior: DifficultyPrior,
    /// Models, penalty, held-out errors.
    pub metrics: Map<String, Value>,
}

/// Fits the prior to rows whose first vector is that of the embedder with this fingerprint.
pub fn fit_difficulty(
    examples: &[OutcomeExample],
    embedder: &str,
    seed: u64,
) -> Result<FittedDifficulty, TrainingError> {
    let vectors: Option<Vec<&[f32]>> = examples.iter().map(|example| example.features.vector(0)).collect();
    let vectors = vectors.ok_or(TrainingError::Numeric("a row of the difficulty prior has no vector"))?;
    let design = Design::new(examples, &vectors);
    let fold_of = stratified_folds(&vec![0; examples.len()], FOLDS, seed);
    let mut names: Vec<&String> = examples.iter().flat_map(|example| example.scores.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let models: Vec<Model> = names.iter().filter_map(|name| Model::new(name, examples, &design, &fold_of)).collect();
    if models.len() < DIFFICULTY_COLUMNS {
        return Err(TrainingError::Numeric("the difficulty prior needs three models with 200 rows each at least"));
    }
    let settings = PENALTIES.map(|penalty| Setting { penalty, surface_weight: 1.0, difficulty_weight: 1.0 });
    let errors = settings.map(|setting| models.iter().map(|model| model.held_out_error(setting)).sum::<f64>());
    let best = (0..settings.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
    let solved: Option<Vec<DMatrix<f64>>> =
        models.iter().map(|model| model.ridge.solve(settings[best], None)).collect();
    let solved =
        solved.ok_or(TrainingError::Numeric("the difficulty prior could not be solved; are its vectors finite?"))?;
    let columns = design.columns.ncols();
    let all = DMatrix::from_fn(columns, models.len(), |column, model| solved[model][(column, 0)]);
    let combined = combine(&design, &all);
    let spread: f64 = models.iter().map(Model::variance).sum();
    let count = models.len() as f64;
    let metrics = json!({
        "models": names.len(),
        "rows": examples.len(),
        "penalty": settings[best].penalty,
        "held_out_squared_error": round(errors[best] / count),
        "held_out_squared_error_of_mean": round(spread / count),
    });
    let metrics = metrics.as_object().cloned().unwrap_or_default();
    Ok(FittedDifficulty { prior: design.prior(&combined, embedder), metrics })
}

/// Mean over the models, then the contrasts, as weights of the design's columns.
fn combine(design: &Design, weights: &DMatrix<f64>) -> DMatrix<f64> {
    let (columns, models) = weights.shape();
    let mean = DMatrix::from_fn(columns, 1, |column, _| weights.row(column).sum() / models as f64);
    let contrasts = DMatrix::from_fn(columns, models, |column, model| weights[(column, model)] - mean[(column, 0)]);
    let predicted = &design.columns * &contrasts;
    let predicted = Array2::from_shape_fn(predicted.shape(), |(row, model)| predicted[(row, model)]);
    let components = PrincipalComponents::of(&predicted, DIFFICULTY_COLUMNS - 1);
    DMatrix::from_fn(columns, DIFFICULTY_COLUMNS, |column, score| {
        if score == 0 {
            return mean[(column, 0)];
        }
        let direction = components.directions.column(score - 1);
        (0..models).map(|model| contrasts[(column, model)] * direction[model]).sum()
    })
}

/// Rows in columns: standardised surface counts, the weighed vector, ones.
struct Design {
    columns: DMatrix<f64>,
    surface_mean: Vec<f64>,
    surface_scale: Vec<f64>,
    vector_mean: Vec<f64>,
    vector_scale: f64,
}

impl Design {
    fn new(examples: &[OutcomeExample], vectors: &[&[f32]]) -> Self {
        let dims = vectors.first().map_or(0, |vector| vector.len());
        let rows = examples.len().max(1) as f64;
        let moments = |value: &dyn Fn(usize) -> f32| {
            let mean = (0..examples.len()).map(|row| f64::from(value(row))).sum::<f64>() / rows;
            let squares = (0..examples.len()).map(|row| (f64::from(value(row)) - mean).powi(2)).sum::<f64>();
            (mean, squares / rows)
        };
        let surface = (0..SURFACE_FEATURES).map(|at| moments(&|row| examples[row].features.surface[at]));
        let (surface_mean, surface_variance): (Vec<f64>, Vec<f64>) = surface.unzip();
        let vector = (0..dims).map(|at| moments(&|row| vectors[row][at]));
        let (vector_mean, vector_variance): (Vec<f64>, Vec<f64>) = vector.unzip();
        let scale = |variance: f64| if variance > 1e-12 { 1.0 / variance.sqrt() } else { 0.0 };
        let mut design = Self {
            columns: DMatrix::zeros(0, 0),
            surface_mean,
            surface_scale: surface_variance.into_iter().map(scale).collect(),
            vector_scale: VECTOR_WEIGHT * scale(vector_variance.iter().sum::<f64>() / dims.max(1) as f64),
            vector_mean,
        };
        let most = f64::from(MOST_SURFACE_DEVIATIONS);
        design.columns = DMatrix::from_fn(examples.len(), SURFACE_FEATURES + dims + 1, |row, column| {
            if column < SURFACE_FEATURES {
                let from_mean = f64::from(examples[row].features.surface[column]) - design.surface_mean[column];
                (from_mean * design.surface_scale[column]).clamp(-most, most)
            } else if column < SURFACE_FEATURES + dims {
                let at = column - SURFACE_FEATURES;
                (f64::from(vectors[row][at]) - design.vector_mean[at]) * design.vector_scale
            } else {
                1.0
            }
        });
        design
    }

    /// The prior with these weights of the columns: what was taken off and multiplied is folded into them.
    fn prior(&self, weights: &DMatrix<f64>, embedder: &str) -> DifficultyPrior {
        let dims = self.vector_mean.len();
        let mut prior = DifficultyPrior {
            embedder: embedder.to_owned(),
            fingerprint: String::new(),
            surface_mean: self.surface_mean.iter().map(|x| *x as f32).collect(),
            surface_scale: self.surface_scale.iter().map(|x| *x as f32).collect(),
            weights: Vec::with_capacity(DIFFICULTY_COLUMNS * (SURFACE_FEATURES + dims)),
            intercepts: Vec::with_capacity(DIFFICULTY_COLUMNS),
        };
        for score in 0..DIFFICULTY_COLUMNS {
            let mut intercept = weights[(SURFACE_FEATURES + dims, score)];
            prior.weights.extend((0..SURFACE_FEATURES).map(|column| weights[(column, score)] as f32));
            for (at, mean) in self.vector_mean.iter().enumerate() {
                let weight = weights[(SURFACE_FEATURES + at, score)] * self.vector_scale;
                intercept -= weight * mean;
                prior.weights.push(weight as f32);
            }
            prior.intercepts.push(intercept as f32);
        }
        prior
    }
}

/// One model's regression.
struct Model {
    ridge: Ridge,
    truth: DMatrix<f64>,
}

impl Model {
    /// `None` where rows are few.
    fn new(name: &str, examples: &[OutcomeExample], design: &Design, fold_of: &[usize]) -> Option<Self> {
        let rows: Vec<usize> = (0..examples.len()).filter(|row| examples[*row].scores.contains_key(name)).collect();
        if rows.len() < LEAST_ROWS {
            return None;
        }
        let truth = DMatrix::from_fn(rows.len(), 1, |row, _| examples[rows[row]].scores[name]);
        let folds: Vec<usize> = rows.iter().map(|row| fold_of[*row]).collect();
        let ridge = Ridge::new(design.columns.select_rows(&rows), &truth, &folds, 0..0);
        Some(Self { ridge, truth })
    }

    fn held_out_error(&self, setting: Setting) -> f64 {
        let said = self.ridge.hold_out(setting);
        said.map_or(f64::INFINITY, |said| (said - &self.truth).norm_squared() / self.truth.nrows() as f64)
    }

    fn variance(&self) -> f64 {
        let mean = self.truth.mean();
        self.truth.map(|score| (score - mean).powi(2)).mean()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::classifier::{Features, difficulty_of};
    use crate::random::SplitMix64;

    /// Three models that fail where the vector's first component is high; the third one also where the second is.
    fn rows(count: usize) -> Vec<OutcomeExample> {
        let mut random = SplitMix64::new(1);
        let mut draw = move || random.below(1 << 20) as f32 / (1 << 20) as f32 - 0.5;
        (0..count)
            .map(|_| {
                let vector = vec![draw(), draw(), draw()];
                let [easy, also] = [vector[0] < 0.0, vector[1] < 0.0];
                let score = |right: bool| if right { 1.0 } else { 0.0 };
                let scores = [("a", score(easy)), ("b", score(easy)), ("c", score(easy && also))];
                OutcomeExample {
                    features: Features { vectors: vec![Some(vector)], ..Features::default() },
                    scores: scores.map(|(model, score)| (model.to_owned(), score)).into(),
                    cost_usd: BTreeMap::new(),
                    ..OutcomeExample::default()
                }
            })
            .collect()
    }

    #[test]
    fn what_all_models_fail_at_is_difficult_and_where_they_differ_is_a_contrast() {
        let fitted = fit_difficulty(&rows(1000), "table", 1).unwrap();
        let of = |vector: [f32; 3]| fitted.prior.scores(&[0.0; SURFACE_FEATURES], &vector);
        let (hard, easy) = (of([0.4, 0.0, 0.0]), of([-0.4, 0.0, 0.0]));
        assert!(difficulty_of(&hard) > difficulty_of(&easy) + 0.4, "{hard:?} {easy:?}");
        assert!((difficulty_of(&of([0.0, 0.0, 0.4])) - difficulty_of(&of([0.0, 0.0, -0.4]))).abs() < 0.1);
        let contrast = of([0.0, 0.4, 0.0])[1] - of([0.0, -0.4, 0.0])[1];
        assert!(contrast.abs() > 0.2, "{contrast}");
        let [error, of_mean] = ["held_out_squared_error", "held_out_squared_error_of_mean"]
            .map(|name| fitted.metrics[name].as_f64().unwrap());
        assert!(error < 0.6 * of_mean, "{error} {of_mean}");
    }

    #[test]
    fn rows_of_too_few_models_are_refused() {
        let mut few = rows(300);
        few.iter_mut().for_each(|row| row.scores.retain(|model, _| model != "c"));
        assert!(fit_difficulty(&few, "table", 1).is_err());
    }
}
