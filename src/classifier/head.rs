//! The kinds of head behind one door: features in, calibrated probabilities of the labels out. Pure.

use super::feature_space::WeighedNgrams;
use super::linear::LinearMap;
use super::{CentroidHead, Features};

/// Scores of one head, in label order.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelScores {
    /// Before calibration: cosine to each label's nearest centroid, a linear head's score, or an ordinal head's logarithm of the
    /// label's uncalibrated probability.
    pub raw: Vec<f32>,
    /// Calibrated; they sum to 1.
    pub probabilities: Vec<f64>,
}

impl LabelScores {
    /// Index of the most likely label; the first one wins a tie.
    pub fn best(&self) -> usize {
        let mut best = 0;
        for (index, probability) in self.probabilities.iter().enumerate() {
            if *probability > self.probabilities[best] {
                best = index;
            }
        }
        best
    }

    /// The best label's probability.
    pub fn confidence(&self) -> f64 {
        self.probabilities.get(self.best()).copied().unwrap_or(0.0)
    }

    /// How far the best label is ahead of the second: [`lead`].
    pub fn lead(&self) -> f64 {
        lead(&self.probabilities)
    }

    /// Expected position on an ordered scale: 0 the first label, 1 the last.
    pub fn expected_position(&self) -> f64 {
        let last = self.probabilities.len().saturating_sub(1).max(1) as f64;
        self.probabilities.iter().enumerate().map(|(index, p)| p * index as f64 / last).sum()
    }

    /// The best label's probability as it was before calibration: softmax(raw).
    pub fn confidence_before_calibration(&self) -> f64 {
        softmax(&self.raw, 1.0).get(self.best()).copied().unwrap_or(0.0)
    }
}

/// One label field's head.
#[derive(Debug, Clone, PartialEq)]
pub enum Head {
    /// Cosine to centroids in one embedder's space.
    Centroid {
        /// The head.
        head: CentroidHead,
        /// Index into the artifact's embedders.
        embedder: usize,
    },
    /// A score for each label over n-grams, surface and vectors; softmax makes them a multinomial distribution.
    Multinomial(MultinomialHead),
    /// A score for each step of an ordered scale, over the same.
    Ordinal(OrdinalHead),
}

/// p(label) = softmax(score / temperature).
#[derive(Debug, Clone, PartialEq)]
pub struct MultinomialHead {
    labels: Vec<String>,
    map: LinearMap,
    temperature: f32,
}

/// One score for each step between neighbouring labels (Frank and Hall 2001): p(label > k) = sigmoid(score_k / temperature), made
/// to fall with k.
#[derive(Debug, Clone, PartialEq)]
pub struct OrdinalHead {
    labels: Vec<String>,
    map: LinearMap,
    temperature: f32,
}

impl Head {
    /// The labels; for complexity, easiest first.
    pub fn labels(&self) -> &[String] {
        match self {
            Self::Centroid { head, .. } => head.labels(),
            Self::Multinomial(head) => &head.labels,
            Self::Ordinal(head) => &head.labels,
        }
    }

    /// What the manifest and a report call it.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Centroid { .. } => "centroid",
            Self::Multinomial(_) => "multinomial",
            Self::Ordinal(_) => "ordinal",
        }
    }

    /// What makes its scores into probabilities.
    pub fn temperature(&self) -> f32 {
        match self {
            Self::Centroid { head, .. } => head.temperature(),
            Self::Multinomial(head) => head.temperature,
            Self::Ordinal(head) => head.temperature,
        }
    }

    /// The linear map, where there is one.
    pub fn map(&self) -> Option<&LinearMap> {
        match self {
            Self::Centroid { .. } => None,
            Self::Multinomial(head) => Some(&head.map),
            Self::Ordinal(head) => Some(&head.map),
        }
    }

    /// Indices of the embedders it reads.
    pub fn embedders(&self) -> Vec<usize> {
        match self {
            Self::Centroid { embedder, .. } => vec![*embedder],
            Self::Multinomial(MultinomialHead { map, .. }) | Self::Ordinal(OrdinalHead { map, .. }) => {
                map.space().vectors.iter().map(|input| input.embedder).collect()
            }
        }
    }

    /// The same head in an artifact whose embedders have other indices: `place` maps old to new.
    pub fn with_embedders(mut self, mut place: impl FnMut(usize) -> usize) -> Self {
        match &mut self {
            Self::Centroid { embedder, .. } => *embedder = place(*embedder),
            Self::Multinomial(MultinomialHead { map, .. }) | Self::Ordinal(OrdinalHead { map, .. }) => {
                map.replace_embedders(place);
            }
        }
        self
    }

    /// Calibrated probabilities beside the scores they come from. A vector that is missing says nothing. `ngrams` is the prompt's,
    /// handed from head to head.
    pub fn score(&self, features: &Features, ngrams: &mut WeighedNgrams) -> LabelScores {
        match self {
            Self::Centroid { head, embedder } => match features.vector(*embedder) {
                Some(vector) => head.score(vector),
                None => head.score(&vec![0.0; head.whitening().dims()]),
            },
            Self::Multinomial(head) => head.score(features, ngrams),
            Self::Ordinal(head) => head.score(features, ngrams),
        }
    }
}

impl MultinomialHead {
    /// Puts a head together; the message says what does not fit.
    pub fn new(labels: Vec<String>, map: LinearMap, temperature: f32) -> Result<Self, String> {
        if labels.len() < 2 || map.outputs() != labels.len() {
            return Err(format!("{} scores for {} labels", map.outputs(), labels.len()));
        }
        check_temperature(temperature)?;
        Ok(Self { labels, map, temperature })
    }

    /// The linear map.
    pub fn map(&self) -> &LinearMap {
        &self.map
    }

    fn score(&self, features: &Features, ngrams: &mut WeighedNgrams) -> LabelScores {
        let raw = self.map.scores_of(features, ngrams);
        let probabilities = softmax(&raw, self.temperature);
        LabelScores { raw, probabilities }
    }
}

impl OrdinalHead {
    /// Puts a head together; the message says what does not fit.
    pub fn new(labels: Vec<String>, map: LinearMap, temperature: f32) -> Result<Self, String> {
        if labels.len() < 2 || map.outputs() + 1 != labels.len() {
            return Err(format!("{} scores between {} labels", map.outputs(), labels.len()));
        }
        check_temperature(temperature)?;
        Ok(Self { labels, map, temperature })
    }

    /// The linear map.
    pub fn map(&self) -> &LinearMap {
        &self.map
    }

    fn score(&self, features: &Features, ngrams: &mut WeighedNgrams) -> LabelScores {
        let steps = self.map.scores_of(features, ngrams);
        let raw = ordinal_probabilities(&steps, 1.0).iter().map(|p| libm::log(*p) as f32).collect();
        LabelScores { raw, probabilities: ordinal_probabilities(&steps, self.temperature) }
    }
}

fn check_temperature(temperature: f32) -> Result<(), String> {
    if temperature.is_finite() && temperature > 0.0 {
        Ok(())
    } else {
        Err(format!("the temperature must be above 0, found {temperature}"))
    }
}

/// How far the best label is ahead of the second: p1 / (p1 + p2), 0.5 to 1. Where it is small a second opinion may change the label;
/// a low confidence may also come from many labels that nobody would choose.
pub fn lead(probabilities: &[f64]) -> f64 {
    let (first, second) = probabilities
        .iter()
        .fold((0.0f64, 0.0f64), |(first, second), p| if *p > first { (*p, first) } else { (first, second.max(*p)) });
    if first > 0.0 { first / (first + second) } else { 0.5 }
}

/// softmax(scores / temperature).
pub fn softmax(scores: &[f32], temperature: f32) -> Vec<f64> {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f64> =
        scores.iter().map(|score| libm::exp(f64::from((score - most) / temperature))).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.into_iter().map(|e| e / sum).collect()
}

/// Probabilities of the labels from the scores of the steps between them; none is below 1e-9, so that their logarithms are finite.
pub fn ordinal_probabilities(steps: &[f32], temperature: f32) -> Vec<f64> {
    let mut probabilities = Vec::with_capacity(steps.len() + 1);
    let mut last = 1.0f64;
    for step in steps {
        let above = (1.0 / (1.0 + libm::exp(-f64::from(step / temperature)))).min(last);
        probabilities.push((last - above).max(1e-9));
        last = above;
    }
    probabilities.push(last.max(1e-9));
    let sum: f64 = probabilities.iter().sum();
    probabilities.iter_mut().for_each(|p| *p /= sum);
    probabilities
}
