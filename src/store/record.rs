//! One request as it is remembered: numbers, names and the decision's own words. It has no field for an answer or a key, and those for
//! the prompt and its features are filled only where `log_prompts` says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With a whole answer.
    Answered,
    /// The request was at fault: no model could serve it, or the provider would not.
    Refused,
    /// No model answered.
    Failed,
    /// The answer broke off after it had begun, or the server stopped.
    Broken,
    /// The client was gone before the end. What is dropped for no other known reason ends so.
    #[default]
    ClientLeft,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] = [Self::Answered, Self::Refused, Self::Failed, Self::Broken, Self::ClientLeft];

    /// The word in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Broken => "broken",
            Self::ClientLeft => "client_left",
        }
    }

    /// The outcome of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// A model of the plan, in order of trial.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedModel {
    /// Its name in the registry.
    pub model: String,
    /// Its provider.
    pub provider: String,
    /// Expected quality of its answer, 0..1; `None` where nothing was classified.
    pub predicted_quality: Option<f64>,
    /// Expected cost; `None` where its price is unknown.
    pub expected_cost_usd: Option<f64>,
    /// With what probability it was to be tried first, where that was drawn by lot; 1 or 0 elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propensity: Option<f64>,
    /// Whether it was first because of its predicted quality and cost alone.
    #[serde(default)]
    pub by_prediction: bool,
    /// Why it stands at this place.
    pub reason: String,
}

/// What became of one try.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Try {
    /// The model's name in the registry.
    pub model: String,
    /// Its provider.
    pub provider: String,
    /// How it ended, in one word, such as `answered`, `timeout` or `status_503`.
    pub outcome: String,
    /// From sending until the answer began, or the failure.
    pub ms: f64,
}

/// One request as it is remembered.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DecisionRecord {
    /// The decision's id.
    pub id: String,
    /// When the request came, in milliseconds since 1970.
    pub time_unix_ms: i64,
    /// The name of the key or token that it came with.
    pub caller: Option<String>,
    /// What tells the key or token from others without telling it; `None` without one.
    pub caller_id: Option<String>,
    /// Tells its conversation from others, as a hash.
    pub session: Option<String>,
    /// The model that served; `None` when none did.
    pub model: Option<String>,
    /// Its provider.
    pub provider: Option<String>,
    /// What the prompt asks for; `None` when the client named the model.
    pub task: Option<String>,
    /// Calibrated probability of `task`.
    pub task_confidence: Option<f64>,
    /// How hard the prompt is.
    pub complexity: Option<String>,
    /// Calibrated probability of `complexity`.
    pub complexity_confidence: Option<f64>,
    /// Where on the scale from low (0) to critical (1).
    pub complexity_score: Option<f64>,
    /// Whether anything like the prompt was seen in training.
    pub known: Option<bool>,
    /// How far the prompt is from everything seen in training, 0..1.
    pub novelty: Option<f64>,
    /// Whether words of it were left unread.
    pub truncated: Option<bool>,
    /// The embedder that had the last word.
    pub tier: Option<String>,
    /// Name and short hash of the artifact that classified.
    pub artifact: Option<String>,
    /// Of the model that served, or else of the one that was to be tried first.
    pub predicted_quality: Option<f64>,
    /// Of every model that was predicted.
    pub predicted_qualities: BTreeMap<String, f64>,
    /// How the model was chosen.
    pub strategy: Option<String>,
    /// Why, in words that hold nothing of the prompt.
    pub reason: String,
    /// The plan, in order of trial.
    pub chain: Vec<PlannedModel>,
    /// Every try.
    pub tries: Vec<Try>,
    /// Tries that came to an end.
    pub attempts: u32,
    /// The status answered; 499 where the client left before there was one.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the answer was streamed.
    pub stream: bool,
    /// `exact` or `semantic` where the answer came from the cache, `miss` where it might have.
    pub cache: Option<String>,
    /// Input tokens that were not read from a cache.
    pub input_tokens: Option<u64>,
    /// Input tokens that the provider read from its cache.
    pub cached_input_tokens: Option<u64>,
    /// Of the input tokens, those that the provider wrote to its cache.
    pub cache_write_tokens: Option<u64>,
    /// Tokens of the answer, thoughts included.
    pub output_tokens: Option<u64>,
    /// Of the answer's tokens, those that were thought.
    pub reasoning_tokens: Option<u64>,
    /// What it cost; `None` is unknown, which is not zero.
    pub cost_usd: Option<f64>,
    /// What it counts against a budget: its cost, or what was expected where nobody told; `None` where no budget was set.
    pub counted_usd: Option<f64>,
    /// What the same tokens cost at the prices of each model, as far as known.
    pub would_cost_usd: BTreeMap<String, f64>,
    /// The model that was predicted to answer best.
    pub best_model: Option<String>,
    /// What the same tokens cost there.
    pub best_usd: Option<f64>,
    /// Which space the features belong to.
    pub feature_space: Option<String>,
    /// A keyed hash of what was classified: equal for equal prompts in one store, and telling nothing else.
    pub fingerprint: Option<String>,
    /// What was classified, enough to train on.
    #[serde(skip)]
    pub features: Option<Vec<u8>>,
    /// The words that were classified, with what identifies people or opens doors struck out.
    pub prompt: Option<String>,
    /// A hash of how its conversation began, as routing knows it. No column: the writer makes `session` of it, with the store's key.
    pub conversation: Option<String>,
    /// The words that were classified, as they came. No column: the writer makes `fingerprint` and `prompt` of them, as `log_prompts` says.
    #[serde(skip)]
    pub words: Option<String>,
    /// Time spent here and not waiting for the provider.
    pub overhead_ms: f64,
    /// Time from request to the answer's end.
    pub latency_ms: f64,
}
