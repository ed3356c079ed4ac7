//! Fits the first tier's head to what a fine-tuned encoder says, of prompts that nobody labelled and of the labelled ones, where its word is mixed with the true label.
//! Loss, cost, the share of the label and the teacher's temperature are chosen on the rows that were kept from the encoder. Fits no encoder and runs none.

use serde_json::{Value, json};

use super::TrainingError;
use super::design::{Design, DesignRows};
use super::held_out::HeldOut;
use super::linear_head::{FittedHead, Learns, LinearFit, round};
use super::margin::Margin;
use super::network_head::NetworkHead;
use super::soft_fit::{self, Descent, SoftLoss, SoftRows};
use super::taught::JoinedRows;

/// What the loss of a row costs, by its kind: where the search begins, and its neighbours.
const COSTS_OF_MARGINS: [f32; 3] = [0.05, 0.15, 0.015];
const COSTS_OF_ENTROPY: [f32; 3] = [3.0, 10.0, 1.0];
/// Of the labels, where some are rare; rows count by what they are taught.
const BALANCES: [f32; 3] = [0.5, 1.0, 0.0];
/// What the true label of a labelled row counts; the rest is the teacher's.
const LABEL_SHARES: [f32; 3] = [0.5, 0.8, 0.2];
/// By what the teacher's calibrated scores are divided.
const SOFTENINGS: [f32; 3] = [1.0, 1.6, 0.6];
/// What a labelled row counts beside a taught one.
const LABELLED_WEIGHTS: [f32; 2] = [1.0, 3.0];
/// Of the vectors beside n-grams.
const VECTOR_SCALES: [f32; 3] = [1.0, 2.0, 0.5];
/// Taught rows that the search learns from; each counts as those that it stands for, and a labelled row for its noisy copies.
const MOST_TAUGHT_TO_CHOOSE: usize = 4_000;
/// What a step of the search's fits must gain: enough to tell settings apart.
const LEAST_GAIN_TO_CHOOSE: f64 = 1e-4;
/// Weights of a head beyond which its fitting would take gigabytes.
const MOST_WEIGHTS: usize = 40 << 20;

/// What a fit learns from.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// One of so many taught rows.
    every: usize,
    /// Whether labelled rows' noisy copies are among it.
    learns: Learns,
}

impl Sample {
    const ALL: Self = Self { every: 1, learns: Learns::Copies };
}

/// What is chosen on the rows kept from the encoder.
#[derive(Debug, Clone, Copy, PartialEq)]
struct SoftChoice {
    loss: SoftLoss,
    cost: f32,
    /// Of the labels, as in [`super::labelled::Labelled::label_weights`].
    balance: f32,
    label_share: f32,
    softening: f32,
    labelled_weight: f32,
    vector_scale: f32,
}

impl LinearFit<'_> {
    /// A head over the first tier's features that says what the teacher would; `None` where there is nothing to learn from, or it would be too large.
    pub(super) fn distilled(
        &self,
        teacher: &NetworkHead,
        embedder: usize,
    ) -> Result<Option<FittedHead>, TrainingError> {
        let Some(joined) = self.weighed.joined().filter(|joined| joined.is_taught_by(self.data.target, teacher)) else {
            return Ok(None);
        };
        let student = Student::new(*self, teacher, embedder, joined);
        if student.design(1.0).columns() * teacher.intercepts.len() > MOST_WEIGHTS {
            return Ok(None);
        }
        let Search { best: Best { choice, margins, .. }, tried, .. } = student.choose();
        let design = student.design(choice.vector_scale);
        let descent = |from| Descent { from, least_gain: soft_fit::LEAST_GAIN };
        let (held_out, margins) = student.hold_out(&design, choice, Sample::ALL, descent(&margins));
        let temperature = held_out.best_temperature();
        let rows = student.rows(&self.data.rows, choice, Sample::ALL);
        let margins = soft_fit::fit(&design, &rows, choice.loss, choice.cost, descent(&margins));
        let head = self.head(design.space.clone(), &margins, temperature)?;
        let mut metrics = choice.describe();
        metrics["method"] = "distilled".into();
        metrics["taught_rows"] = joined.taught.into();
        metrics["teacher_temperature"] = round(f64::from(student.teacher_temperature)).into();
        metrics["temperature"] = round(f64::from(temperature)).into();
        metrics["tried"] = tried.into();
        Ok(Some(FittedHead { head, held_out, metrics }))
    }
}

/// One field's student, its teacher, and what it learns from.
struct Student<'a> {
    fit: LinearFit<'a>,
    joined: &'a JoinedRows,
    teacher: &'a NetworkHead,
    embedder: usize,
    /// What makes the teacher's scores say how often it is right, on rows that were kept from it.
    teacher_temperature: f32,
}

impl<'a> Student<'a> {
    fn new(fit: LinearFit<'a>, teacher: &'a NetworkHead, embedder: usize, joined: &'a JoinedRows) -> Self {
        let mut student = Self { fit, joined, teacher, embedder, teacher_temperature: 1.0 };
        let rows = student.kept();
        let scores = rows.iter().map(|row| fit.scores(student.said_of_labelled(*row))).collect();
        let said = HeldOut { truth: fit.data.truth(&rows), rows, scores };
        student.teacher_temperature = said.best_temperature();
        student
    }

    fn design(&self, scale: f32) -> Design<'a> {
        self.joined.design(scale)
    }

    /// Rows of the set that the encoder did not learn from.
    fn kept(&self) -> Vec<usize> {
        self.fit.folds.split(self.fit.weighed.set(), self.fit.data, 0).1
    }

    fn said_of_labelled(&self, row: usize) -> Vec<f32> {
        self.teacher.scores(self.fit.weighed.set().vectors[self.embedder].row(row))
    }

    /// One setting after the other, from the middle of its list; the other side only where the first one was no better.
    fn choose(&self) -> Search<'_> {
        let every = self.joined.taught.div_ceil(MOST_TAUGHT_TO_CHOOSE).max(1);
        let sample = Sample { every, learns: Learns::Originals };
        let entropy = if self.fit.ordered { SoftLoss::Sigmoids } else { SoftLoss::Softmax };
        let start = SoftChoice {
            loss: SoftLoss::Margins,
            cost: COSTS_OF_MARGINS[0],
            balance: BALANCES[0],
            label_share: LABEL_SHARES[0],
            softening: SOFTENINGS[0],
            labelled_weight: LABELLED_WEIGHTS[0],
            vector_scale: VECTOR_SCALES[0],
        };
        let best = Best { log_loss: f64::INFINITY, choice: start, margins: Vec::new() };
        let mut search = Search { student: self, sample, best, tried: Vec::new() };
        search.attempt(start);
        search.settings(&COSTS_OF_MARGINS[1..], |choice, cost| choice.cost = cost);
        if search.attempt(SoftChoice { loss: entropy, cost: COSTS_OF_ENTROPY[0], ..start }) {
            search.settings(&COSTS_OF_ENTROPY[1..], |choice, cost| choice.cost = cost);
        }
        search.settings(&BALANCES[1..], |choice, balance| choice.balance = balance);
        search.settings(&LABELLED_WEIGHTS[1..], |choice, weight| choice.labelled_weight = weight);
        search.settings(&LABEL_SHARES[1..], |choice, share| choice.label_share = share);
        search.settings(&SOFTENINGS[1..], |choice, softening| choice.softening = softening);
        search.settings(&VECTOR_SCALES[1..], |choice, scale| choice.vector_scale = scale);
        search
    }

    /// What a fit without the kept rows says of them, and that fit.
    fn hold_out(
        &self,
        design: &Design<'_>,
        choice: SoftChoice,
        sample: Sample,
        descent: Descent<'_>,
    ) -> (HeldOut, Vec<Margin>) {
        let (used, held) = self.fit.folds.split(self.fit.weighed.set(), self.fit.data, 0);
        let margins = soft_fit::fit(design, &self.rows(&used, choice, sample), choice.loss, choice.cost, descent);
        let scores = held.iter().map(|row| {
            let row = self.joined.taught + row;
            let of_row = margins.iter().map(|margin| design.score(row, &margin.weights) + margin.intercept);
            self.fit.scores(of_row.collect())
        });
        (HeldOut { scores: scores.collect(), truth: self.fit.data.truth(&held), rows: held }, margins)
    }

    /// The sample of the taught rows and of these of the set, each for all that it stands for.
    fn rows(&self, labelled: &[usize], choice: SoftChoice, sample: Sample) -> SoftRows {
        let outputs = self.teacher.intercepts.len();
        let mut rows = SoftRows { outputs, ..SoftRows::default() };
        let of_labels = self.fit.data.label_weights(labelled, choice.balance);
        let mut push = |row: usize, counts: f32, of_label: Vec<f32>| {
            let balance: f32 = of_label.iter().zip(&of_labels).map(|(p, weight)| p * weight).sum();
            rows.rows.push(row);
            rows.weights.push(counts * balance);
            rows.targets.extend(if self.fit.ordered { above_steps(&of_label) } else { of_label });
        };
        for row in (0..self.joined.taught).step_by(sample.every) {
            push(row, sample.every as f32, self.taught(self.joined.said(self.fit.data.target, row).to_vec(), choice));
        }
        let set = self.fit.weighed.set();
        let is_learnt = |row: &&usize| sample.learns == Learns::Copies || set.rows[**row].copy_of.is_none();
        let learnt: Vec<usize> = labelled.iter().filter(is_learnt).copied().collect();
        let stands_for = labelled.len() as f32 / learnt.len().max(1) as f32;
        for row in &learnt {
            let mut mixed = self.taught(self.said_of_labelled(*row), choice);
            mixed.iter_mut().for_each(|p| *p *= 1.0 - choice.label_share);
            mixed[self.fit.data.labels[*row]] += choice.label_share;
            push(self.joined.taught + row, stands_for * choice.labelled_weight, mixed);
        }
        rows
    }

    /// The teacher's probability of each label.
    fn taught(&self, said: Vec<f32>, choice: SoftChoice) -> Vec<f32> {
        let temperature = self.teacher_temperature * choice.softening;
        self.fit.scores(said).probabilities(temperature).into_iter().map(|p| p as f32).collect()
    }
}

/// Of labels in order: how likely it is to lie above each step.
fn above_steps(of_label: &[f32]) -> Vec<f32> {
    let steps = of_label.len().saturating_sub(1);
    let less = |above: &mut f32, p: &f32| {
        *above = (*above - p).clamp(0.0, 1.0);
        Some(*above)
    };
    of_label.iter().take(steps).scan(1.0, less).collect()
}

impl SoftChoice {
    fn describe(&self) -> Value {
        json!({
            "loss": self.loss.name(),
            "cost": self.cost,
            "balance": self.balance,
            "label_share": self.label_share,
            "softening": self.softening,
            "labelled_weight": self.labelled_weight,
            "vector_scale": self.vector_scale,
        })
    }
}

/// The search while it runs.
struct Search<'a> {
    student: &'a Student<'a>,
    sample: Sample,
    best: Best,
    tried: Vec<Value>,
}

/// The best setting so far. Its neighbours' fits begin from its own, which takes a fraction of the steps.
struct Best {
    log_loss: f64,
    choice: SoftChoice,
    margins: Vec<Margin>,
}

impl Search<'_> {
    /// Values of one setting, until one is better than all before.
    fn settings(&mut self, values: &[f32], set: impl Fn(&mut SoftChoice, f32)) {
        for value in values {
            let mut choice = self.best.choice;
            set(&mut choice, *value);
            if self.attempt(choice) {
                break;
            }
        }
    }

    /// Whether this setting is the best so far.
    fn attempt(&mut self, choice: SoftChoice) -> bool {
        let design = self.student.design(choice.vector_scale);
        let descent = Descent { from: &self.best.margins, least_gain: LEAST_GAIN_TO_CHOOSE };
        let (held_out, margins) = self.student.hold_out(&design, choice, self.sample, descent);
        let temperature = held_out.best_temperature();
        let loss = held_out.log_loss(temperature);
        let said = held_out.probabilities(temperature);
        let right = said.iter().zip(&held_out.truth).filter(|(p, truth)| crate::evaluation::best_label(p) == **truth);
        let mut tried = choice.describe();
        tried["accuracy"] = round(right.count() as f64 / held_out.truth.len().max(1) as f64).into();
        tried["log_loss"] = round(loss).into();
        self.tried.push(tried);
        let is_best = loss < self.best.log_loss;
        if is_best {
            self.best = Best { log_loss: loss, choice, margins };
        }
        is_best
    }
}
