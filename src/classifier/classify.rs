//! The classifier as a whole: the heads of each tier, novelty, and one prompt's classification.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    ByModel, CostForecast, DifficultyReader, ExampleIndex, Features, Head, LabelScores, ModelForecast, Novelty,
    NoveltyModel, OutcomeTable, QualityHeads, ValidationOutcomes, WeighedNgrams, difficulty_of, joint,
};

/// The heads of one tier.
#[derive(Debug, Clone, PartialEq)]
pub struct TierHeads {
    /// What a prompt asks for.
    pub task: Head,
    /// How hard it is.
    pub complexity: Head,
}

/// The second tier of a cascade: heads that also read the transformer's vector, asked where the first tier is unsure.
#[derive(Debug, Clone, PartialEq)]
pub struct SecondTier {
    /// Its heads.
    pub heads: TierHeads,
    /// It is asked when the lead of the first tier's task ([`LabelScores::lead`]) is at least this ...
    pub from: f64,
    /// ... and below this.
    pub to: f64,
    /// Task confidence of its own heads below which the prompt counts as unknown.
    pub abstain_below: f64,
}

/// Everything an artifact knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Classifier {
    /// The heads that every prompt is read by.
    pub first: TierHeads,
    /// The heads that unsure prompts are read by, in a cascade.
    pub second: Option<SecondTier>,
    /// Task confidence below which the prompt counts as unknown.
    pub abstain_below: f64,
    /// Whether anything like it was seen.
    pub novelty: NoveltyModel,
    /// Index of the embedder that novelty reads.
    pub novelty_embedder: usize,
    /// Remembered prompts, in the space of the embedder that novelty reads.
    pub examples: ExampleIndex,
    /// Quality of models by task and complexity, from outcome rows; empty without them.
    pub outcomes: BTreeMap<String, OutcomeTable>,
    /// The models of `outcomes`, in their order; shared with every classification.
    pub models: Arc<[String]>,
    /// What moves the tables' words, in their order.
    pub quality: Option<QualityHeads>,
    /// How hard a prompt looks, whatever the labels; `None` where the prior's embedder is not among the artifact's.
    pub difficulty: Option<DifficultyReader>,
}

/// What is said of one prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Classification {
    /// Task scores in label order.
    pub task: LabelScores,
    /// Complexity scores, easiest first.
    pub complexity: LabelScores,
    /// How far it lies from the training data.
    pub novelty: Novelty,
    /// Something like it was seen, and the task is sure enough to be named.
    pub known: bool,
    /// How hard the prompt looks, 0 to 1: the mean failure that a prior over many models expects. `None` where its embedder is not
    /// among the artifact's.
    pub difficulty: Option<f64>,
    /// Per model named in the artifact's outcomes, 0..1.
    pub predicted_quality: ByModel,
    /// Per model whose output lengths the artifact's outcomes tell, tokens.
    pub predicted_output_tokens: ByModel,
    /// What the costs are computed from.
    pub cost_forecast: CostForecast,
}

impl Classification {
    /// Per model whose cost the artifact's outcomes tell, USD at the prices of the outcome rows. Computed at every call.
    pub fn predicted_cost_usd(&self) -> ByModel {
        self.cost_forecast.by_model()
    }
}

impl Classifier {
    /// Classifies one prompt by the first tier.
    pub fn classify(&self, features: &Features) -> Classification {
        self.with_heads(&self.first, self.abstain_below, features)
    }

    /// Classifies one prompt by the second tier; by the first where there is none.
    pub fn classify_second(&self, features: &Features) -> Classification {
        match &self.second {
            Some(second) => self.with_heads(&second.heads, second.abstain_below, features),
            None => self.classify(features),
        }
    }

    /// Whether a head of either tier reads an embedder's vectors.
    pub fn labels_read(&self, embedder: usize) -> bool {
        let tiers = std::iter::once(&self.first).chain(self.second.as_ref().map(|second| &second.heads));
        tiers.flat_map(|heads| [&heads.task, &heads.complexity]).any(|head| head.embedders().contains(&embedder))
    }

    /// Whether the second tier should be asked after the first has said this.
    pub fn is_unsure(&self, first: &Classification) -> bool {
        let lead = first.task.lead();
        self.second.as_ref().is_some_and(|second| (second.from..second.to).contains(&lead))
    }

    /// Whether there is a second tier and the vectors that it reads: features that were kept of a prompt may be the first tier's alone.
    pub fn can_ask_second(&self, features: &Features) -> bool {
        let is_there = |head: &Head| head.embedders().into_iter().all(|at| features.vector(at).is_some());
        self.second.as_ref().is_some_and(|second| is_there(&second.heads.task) && is_there(&second.heads.complexity))
    }

    /// Indices of the embedders that every prompt is read by: for the first tier, novelty, and quality but for a network's, rising.
    pub fn first_tier_embedders(&self) -> Vec<usize> {
        let mut read = self.first.task.embedders();
        read.extend(self.first.complexity.embedders());
        read.push(self.novelty_embedder);
        read.extend(self.quality.as_ref().map(|heads| heads.embedder));
        read.sort_unstable();
        read.dedup();
        read
    }

    /// Index of an embedder that nothing but the quality heads' network reads: worth asking for every prompt, and to be done without where it is busy.
    /// `None` in a cascade, where the uncertain band says which prompts are worth a transformer's time.
    pub fn embedder_of_quality(&self) -> Option<usize> {
        let network = self.quality.as_ref()?.network.as_ref()?;
        let is_extra = self.second.is_none() && !self.first_tier_embedders().contains(&network.embedder);
        is_extra.then_some(network.embedder)
    }

    /// The same without whatever reads another embedder than those of [`Self::first_tier_embedders`].
    pub fn first_tier_alone(&self) -> Self {
        let mut alone = Self { second: None, ..self.clone() };
        let read = alone.first_tier_embedders();
        if let Some(heads) = &mut alone.quality {
            heads.network.take_if(|network| !read.contains(&network.embedder));
        }
        alone
    }

    /// Remembered outcome rows with what fits that had not seen them predicted; `None` without outcomes.
    pub fn validation_outcomes(&self) -> Option<ValidationOutcomes> {
        self.quality.as_ref().map(|heads| ValidationOutcomes::of(self.models.to_vec(), heads))
    }

    fn with_heads(&self, heads: &TierHeads, abstain_below: f64, features: &Features) -> Classification {
        let mut ngrams = WeighedNgrams::default();
        let task = heads.task.score(features, &mut ngrams);
        let complexity = heads.complexity.score(features, &mut ngrams);
        let novelty = match features.vector(self.novelty_embedder) {
            Some(vector) => self.novelty.measure(vector),
            None => self.novelty.measure(&vec![0.0; self.novelty.mean().len()]),
        };
        let probabilities = [task.probabilities.as_slice(), &complexity.probabilities];
        let scores = self.difficulty.as_ref().and_then(|reader| reader.scores(features));
        let joint = joint(probabilities[0], probabilities[1]);
        let tables: Vec<f64> = self.outcomes.values().map(|table| table.expected_of(&joint)).collect();
        let forecast = match &self.quality {
            Some(heads) => heads.predict(features, probabilities, scores.as_ref(), &tables),
            None => ModelForecast { quality: tables, near: Vec::new() },
        };
        let cost_forecast = match &self.quality {
            Some(heads) => CostForecast::new(Arc::clone(&self.models), Arc::clone(&heads.costs), forecast.near),
            None => CostForecast::default(),
        };
        let tokens = self.outcomes.values().map(|table| table.expected_output_tokens(probabilities[0])).collect();
        let known = novelty.known && task.confidence() >= abstain_below;
        Classification {
            task,
            complexity,
            novelty,
            known,
            difficulty: scores.as_ref().map(difficulty_of),
            predicted_quality: ByModel::new(Arc::clone(&self.models), forecast.quality),
            predicted_output_tokens: ByModel::new(Arc::clone(&self.models), tokens),
            cost_forecast,
        }
    }
}
