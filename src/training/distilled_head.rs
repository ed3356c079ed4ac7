//! Fits the first tier's head to what the second tier says, of prompts that nobody labelled and of the labelled ones, where its word is mixed with the true label. The
//! second tier is a fine-tuned encoder's head and, where that is better, n-grams beside it. Settings and the teacher's temperature are chosen on the rows that were kept
//! from the encoder. Fits no encoder and runs none.

use rayon::prelude::*;
use serde_json::{Value, json};

use super::TrainingError;
use super::design::{Design, DesignRows, RowsFrom};
use super::held_out::HeldOut;
use super::linear_head::{FittedHead, Learns, LinearFit, round};
use super::margin::Margin;
use super::network_head::{NetworkHead, NgramsBeside};
use super::soft_fit::{self, Descent, SoftLoss, SoftRows};
use super::taught::JoinedRows;

/// Values of one setting: where the search begins, and where it goes from there, nearest first.
struct Steps {
    start: f32,
    up: &'static [f32],
    down: &'static [f32],
}

/// What the loss of a row costs, by its kind.
const COSTS_OF_MARGINS: Steps = Steps { start: 0.05, up: &[0.15, 0.45], down: &[0.015] };
const COSTS_OF_ENTROPY: Steps = Steps { start: 3.0, up: &[10.0, 30.0], down: &[1.0] };
/// Of the labels, where some are rare; rows count by what they are taught.
const BALANCES: Steps = Steps { start: 0.5, up: &[1.0], down: &[0.0] };
/// What the true label of a labelled row counts; the rest is the teacher's.
const LABEL_SHARES: Steps = Steps { start: 0.5, up: &[0.8], down: &[0.2] };
/// By what the teacher's calibrated scores are divided.
const SOFTENINGS: Steps = Steps { start: 1.0, up: &[1.6], down: &[0.6] };
/// What a labelled row counts beside a taught one.
const LABELLED_WEIGHTS: Steps = Steps { start: 1.0, up: &[3.0, 10.0], down: &[] };
/// Of the vectors beside n-grams.
const VECTOR_SCALES: Steps = Steps { start: 1.0, up: &[2.0, 4.0], down: &[0.5] };
/// Taught rows that the search learns from; each counts as those that it stands for, and a labelled row for its noisy copies.
const MOST_TAUGHT_TO_CHOOSE: usize = 4_000;
/// What a step of the search's fits must gain: enough to tell settings apart.
const LEAST_GAIN_TO_CHOOSE: f64 = 1e-4;
/// Weights of a head beyond which its fitting would take gigabytes.
const MOST_WEIGHTS: usize = 40 << 20;

/// Whom the first tier learns from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Teacher<'a> {
    /// The fine-tuned encoder's own head.
    pub(super) network: &'a NetworkHead,
    /// Index of the encoder's vectors.
    pub(super) embedder: usize,
    /// What its scores are better with.
    pub(super) beside: Option<NgramsBeside>,
}

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
    pub(super) fn distilled(&self, teacher: Teacher<'_>) -> Result<Option<FittedHead>, TrainingError> {
        let is_taught = |joined: &&JoinedRows| joined.is_taught_by(self.data.target, teacher.network);
        let Some(joined) = self.weighed.joined().filter(is_taught) else {
            return Ok(None);
        };
        if joined.design(1.0).columns() * teacher.network.intercepts.len() > MOST_WEIGHTS {
            return Ok(None);
        }
        let mut student = Student::new(*self, teacher, joined);
        let Search { best: Best { choice, margins, .. }, tried, .. } = student.choose();
        let design = student.design(choice.vector_scale);
        let descent = |from| Descent { from, least_gain: soft_fit::LEAST_GAIN };
        let (held_out, margins) = student.hold_out(&design, choice, Sample::ALL, descent(&margins));
        let temperature = held_out.best_temperature();
        student.ask_teacher_of(&self.data.rows);
        let rows = student.rows(&self.data.rows, choice, Sample::ALL);
        let margins = soft_fit::fit(&design, &rows, choice.loss, choice.cost, descent(&margins));
        let head = self.head(design.space.clone(), &margins, temperature)?;
        let mut metrics = choice.describe();
        metrics["method"] = "distilled".into();
        metrics["taught_rows"] = joined.taught.into();
        metrics["teacher_temperature"] = round(f64::from(student.teacher_temperature)).into();
        metrics["teacher_weight_of_ngrams"] = teacher.beside.map(|beside| round(f64::from(beside.weight))).into();
        metrics["temperature"] = round(f64::from(temperature)).into();
        metrics["tried"] = tried.into();
        Ok(Some(FittedHead { head, held_out, metrics }))
    }
}

/// One field's student, its teacher, and what it learns from.
struct Student<'a> {
    fit: LinearFit<'a>,
    joined: &'a JoinedRows,
    teacher: Teacher<'a>,
    /// What the teacher says of every joined row, `outputs` scores each.
    said: Vec<f32>,
    /// What makes the teacher's scores say how often it is right, on rows that were kept from it.
    teacher_temperature: f32,
}

impl<'a> Student<'a> {
    fn new(fit: LinearFit<'a>, teacher: Teacher<'a>, joined: &'a JoinedRows) -> Self {
        let mut student = Self { fit, joined, teacher, said: Vec::new(), teacher_temperature: 1.0 };
        let (used, kept) = fit.folds.split(fit.weighed.set(), fit.data, 0);
        student.ask_teacher_of(&used);
        let scores = kept.iter().map(|row| fit.scores(student.said(joined.taught + row).to_vec())).collect();
        let said = HeldOut { truth: fit.data.truth(&kept), rows: kept, scores };
        student.teacher_temperature = said.best_temperature();
        student
    }

    fn design(&self, scale: f32) -> Design<'a> {
        self.joined.design(scale)
    }

    /// Takes down what the teacher says of every row, whose n-grams know the labels of these rows of the set.
    fn ask_teacher_of(&mut self, labelled: &[usize]) {
        let (set, Teacher { network, embedder, beside }) = (self.fit.weighed.set(), self.teacher);
        let lexical = self.design(0.0);
        let margins = beside.map(|beside| {
            let of_set = RowsFrom { design: &lexical, first: self.joined.taught };
            (self.fit.margins(&of_set, labelled, beside.choice), beside.weight)
        });
        let says = |row: usize| {
            let mut scores = match row.checked_sub(self.joined.taught) {
                None => self.joined.said(self.fit.data.target, row).to_vec(),
                Some(of_set) => network.scores(set.vectors[embedder].row(of_set)),
            };
            if let Some((margins, weight)) = &margins {
                let of_ngrams = margins.iter().map(|margin| lexical.score(row, &margin.weights) + margin.intercept);
                scores.iter_mut().zip(of_ngrams).for_each(|(score, of_ngrams)| *score += weight * of_ngrams);
            }
            scores
        };
        let said: Vec<Vec<f32>> = (0..lexical.rows()).into_par_iter().map(says).collect();
        self.said = said.concat();
    }

    fn said(&self, row: usize) -> &[f32] {
        let outputs = self.teacher.network.intercepts.len();
        &self.said[row * outputs..(row + 1) * outputs]
    }

    /// One setting after the other, from where each begins.
    fn choose(&self) -> Search<'_> {
        let every = self.joined.taught.div_ceil(MOST_TAUGHT_TO_CHOOSE).max(1);
        let sample = Sample { every, learns: Learns::Originals };
        let entropy = if self.fit.ordered { SoftLoss::Sigmoids } else { SoftLoss::Softmax };
        let start = SoftChoice {
            loss: SoftLoss::Margins,
            cost: COSTS_OF_MARGINS.start,
            balance: BALANCES.start,
            label_share: LABEL_SHARES.start,
            softening: SOFTENINGS.start,
            labelled_weight: LABELLED_WEIGHTS.start,
            vector_scale: VECTOR_SCALES.start,
        };
        let best = Best { log_loss: f64::INFINITY, choice: start, margins: Vec::new() };
        let mut search = Search { student: self, sample, best, tried: Vec::new() };
        search.attempt(start);
        search.settings(&COSTS_OF_MARGINS, |choice, cost| choice.cost = cost);
        if search.attempt(SoftChoice { loss: entropy, cost: COSTS_OF_ENTROPY.start, ..start }) {
            search.settings(&COSTS_OF_ENTROPY, |choice, cost| choice.cost = cost);
        }
        search.settings(&BALANCES, |choice, balance| choice.balance = balance);
        search.settings(&LABELLED_WEIGHTS, |choice, weight| choice.labelled_weight = weight);
        search.settings(&LABEL_SHARES, |choice, share| choice.label_share = share);
        search.settings(&SOFTENINGS, |choice, softening| choice.softening = softening);
        search.settings(&VECTOR_SCALES, |choice, scale| choice.vector_scale = scale);
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
        let outputs = self.teacher.network.intercepts.len();
        let mut rows = SoftRows { outputs, ..SoftRows::default() };
        let of_labels = self.fit.data.label_weights(labelled, choice.balance);
        let mut push = |row: usize, counts: f32, of_label: Vec<f32>| {
            let balance: f32 = of_label.iter().zip(&of_labels).map(|(p, weight)| p * weight).sum();
            rows.rows.push(row);
            rows.weights.push(counts * balance);
            rows.targets.extend(if self.fit.ordered { above_steps(&of_label) } else { of_label });
        };
        for row in (0..self.joined.taught).step_by(sample.every) {
            push(row, sample.every as f32, self.taught(row, choice));
        }
        let set = self.fit.weighed.set();
        let is_learnt = |row: &&usize| sample.learns == Learns::Copies || set.rows[**row].copy_of.is_none();
        let learnt: Vec<usize> = labelled.iter().filter(is_learnt).copied().collect();
        let stands_for = labelled.len() as f32 / learnt.len().max(1) as f32;
        for row in &learnt {
            let mut mixed = self.taught(self.joined.taught + row, choice);
            mixed.iter_mut().for_each(|p| *p *= 1.0 - choice.label_share);
            mixed[self.fit.data.labels[*row]] += choice.label_share;
            push(self.joined.taught + row, stands_for * choice.labelled_weight, mixed);
        }
        rows
    }

    /// The teacher's probability of each label, of a joined row.
    fn taught(&self, row: usize, choice: SoftChoice) -> Vec<f32> {
        let temperature = self.teacher_temperature * choice.softening;
        self.fit.scores(self.said(row).to_vec()).probabilities(temperature).into_iter().map(|p| p as f32).collect()
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
    /// Values of one setting: up while that is better, and down only where the first step up was no better.
    fn settings(&mut self, steps: &Steps, set: impl Fn(&mut SoftChoice, f32)) {
        let mut is_better = |value: &&f32| {
            let mut choice = self.best.choice;
            set(&mut choice, **value);
            self.attempt(choice)
        };
        if steps.up.iter().take_while(&mut is_better).count() == 0 {
            let _ = steps.down.iter().take_while(&mut is_better).count();
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
