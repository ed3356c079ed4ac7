//! One request as it is remembered. Plain numbers and names; it has no field for a prompt, an answer or a key.

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

/// One request as it is remembered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DecisionRecord {
    /// The decision's id.
    pub id: String,
    /// When the request came, in milliseconds since 1970.
    pub time_unix_ms: i64,
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
    /// Where on the scale from low (0) to critical (1).
    pub complexity_score: Option<f64>,
    /// Whether anything like the prompt was seen in training.
    pub known: Option<bool>,
    /// How the model was chosen.
    pub strategy: Option<String>,
    /// Why, in words that hold nothing of the prompt.
    pub reason: String,
    /// Tries that came to an end.
    pub attempts: u32,
    /// The status answered; 499 where the client left before there was one.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the answer was streamed.
    pub stream: bool,
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
    /// Time spent here and not waiting for the provider.
    pub overhead_ms: f64,
    /// Time from request to the answer's end.
    pub latency_ms: f64,
}
