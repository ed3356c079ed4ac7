//! What became of each try of a plan: for headers, metrics, the log and the error body.

use std::fmt;
use std::time::Duration;

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The model's name in the registry.
    pub model: String,
    /// Its provider's name.
    pub provider: String,
    /// What became of it.
    pub outcome: Outcome,
    /// From sending until the answer began, or the failure.
    pub elapsed: Duration,
}

/// The end of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider answered, and its answer goes to the client: a success, or a refusal that another model would repeat.
    Answered {
        /// Its status.
        status: u16,
    },
    /// Another model may do better, or did.
    Failed(Failure),
}

/// Why a try failed. Texts come from this program and the operating system, never from the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No connection.
    Connect(String),
    /// A time limit passed.
    Timeout(TimeoutKind),
    /// A status that another provider or key may not give: a refused key, no such model there, 408, 409, 425, 429, 5xx, and redirects,
    /// which are never followed.
    Status {
        /// The status.
        status: u16,
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
    },
    /// The connection failed after it stood, before anything was forwarded.
    Broken(String),
    /// An error in place of an answer, or of a stream's beginning.
    ErrorEvent,
    /// A whole answer above `max_answer_bytes`.
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// A whole answer that is not of the shape its provider's API has.
    Unreadable,
    /// The provider's API cannot do this part of the request, and leaving it out would change what is asked.
    Unsupported(&'static str),
    /// The model is not known to this gateway.
    NotConfigured,
    /// Nobody was asked.
    Shut {
        /// Why.
        why: Shut,
        /// How long that lasts, where it is known.
        wait: Option<Duration>,
    },
    /// An answer came, or was under way, and did not pass the gate of a cascade.
    Gate(GateFailure),
    /// Another contestant's answer was taken; this one was cancelled or came to nothing.
    LostRace,
    /// A judge that answered without naming one of the answers.
    NoVerdict,
}

/// Why a model was not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shut {
    /// Its breaker is open: it failed too often just now.
    Breaker,
    /// The provider's rate limit is used up.
    RateLimit,
    /// As many requests as may be are under way at its provider.
    Places,
    /// It asks for a key of the caller's own, and the caller has none there.
    NoOwnKey,
    /// Every endpoint was tried.
    Tried,
}

/// What an answer did not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateFailure {
    /// It declines.
    Refusal,
    /// It holds neither words nor tool calls.
    Empty,
    /// The provider broke it off at its length limit.
    Cut,
    /// It is not the JSON that was asked for.
    Json,
    /// Its tokens' mean log-probability is too low.
    Logprob,
    /// It had not passed when the time was over.
    Timeout,
}

/// Which time limit passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutKind {
    /// `connect_timeout_ms`
    Connect,
    /// `first_byte_timeout_ms`
    FirstByte,
    /// `between_chunks_timeout_ms`
    BetweenChunks,
    /// `total_timeout_ms`
    Total,
    /// `[retry] deadline_ms`
    Deadline,
}

impl Attempt {
    /// Whether its provider was asked.
    pub fn was_asked(&self) -> bool {
        self.outcome.failure().is_none_or(Failure::was_asked)
    }
}

impl Outcome {
    /// The failure, if it is one.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Answered { .. } => None,
        }
    }
}

impl Failure {
    /// A short word for metrics: a status, or the kind of failure.
    pub fn label(&self) -> String {
        match self {
            Self::Connect(_) => "connect".into(),
            Self::Timeout(_) => "timeout".into(),
            Self::Status { status, .. } => status.to_string(),
            Self::Broken(_) => "broken".into(),
            Self::ErrorEvent => "error_event".into(),
            Self::TooLarge { .. } => "too_large".into(),
            Self::Unreadable => "unreadable".into(),
            Self::Unsupported(_) => "unsupported".into(),
            Self::NotConfigured => "not_configured".into(),
            Self::Shut { why: Shut::Breaker, .. } => "breaker_open".into(),
            Self::Shut { why: Shut::RateLimit, .. } => "quota_used_up".into(),
            Self::Shut { why: Shut::Places, .. } => "places_taken".into(),
            Self::Shut { why: Shut::NoOwnKey, .. } => "no_own_key".into(),
            Self::Shut { why: Shut::Tried, .. } => "all_tried".into(),
            Self::Gate(GateFailure::Refusal) => "gate_refusal".into(),
            Self::Gate(GateFailure::Empty) => "gate_empty".into(),
            Self::Gate(GateFailure::Cut) => "gate_cut".into(),
            Self::Gate(GateFailure::Json) => "gate_json".into(),
            Self::Gate(GateFailure::Logprob) => "gate_logprob".into(),
            Self::Gate(GateFailure::Timeout) => "gate_timeout".into(),
            Self::LostRace => "lost_race".into(),
            Self::NoVerdict => "no_verdict".into(),
        }
    }

    /// Whether the provider is to blame, rather than what we wanted of an answer that came.
    pub(super) fn is_the_providers(&self) -> bool {
        !matches!(self, Self::Gate(_) | Self::LostRace | Self::NoVerdict | Self::Unsupported(_) | Self::Shut { .. })
    }

    /// Whether the same model may do better in a while.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Shut { why: Shut::NoOwnKey, .. } => false,
            Self::Connect(_) | Self::Broken(_) | Self::ErrorEvent | Self::Unreadable | Self::Shut { .. } => true,
            // Whoever was silent for that long would be waited for once more.
            Self::Timeout(kind) => *kind == TimeoutKind::Connect,
            Self::Status { status, .. } => matches!(status, 408 | 409 | 425 | 429 | 500..),
            _ => false,
        }
    }

    /// How long it has to be waited for, where somebody knows.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after: wait, .. } | Self::Shut { wait, .. } => *wait,
            _ => None,
        }
    }

    /// Whether anybody was asked.
    pub(super) fn was_asked(&self) -> bool {
        !matches!(self, Self::Shut { .. } | Self::NotConfigured | Self::Unsupported(_))
    }

    /// Reads an error of the HTTP client; `None` as timeout kind means that it was no time limit of ours.
    pub(super) fn from_client(error: reqwest::Error) -> Self {
        if error.is_timeout() && error.is_connect() {
            return Self::Timeout(TimeoutKind::Connect);
        }
        let is_connect = error.is_connect();
        let text = innermost(&error.without_url());
        if is_connect { Self::Connect(text) } else { Self::Broken(text) }
    }
}

/// The deepest cause says what happened ("connection refused"); the layers above it only say where.
fn innermost(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string().to_lowercase()
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.model, self.provider, self.outcome)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered { status } => write!(f, "status {status}"),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(text) => write!(f, "cannot connect ({text})"),
            Self::Timeout(TimeoutKind::Connect) => f.write_str("no connection in time"),
            Self::Timeout(TimeoutKind::FirstByte) => f.write_str("no first byte in time"),
            Self::Timeout(TimeoutKind::BetweenChunks) => f.write_str("silent in the middle of its answer"),
            Self::Timeout(TimeoutKind::Total) => f.write_str("not finished in time"),
            Self::Timeout(TimeoutKind::Deadline) => f.write_str("the time for the whole request is over"),
            Self::Status { status, .. } => write!(f, "status {status}"),
            Self::Broken(text) => write!(f, "the connection broke ({text})"),
            Self::ErrorEvent => f.write_str("an error came in place of an answer"),
            Self::TooLarge { limit_bytes } => write!(f, "the answer is larger than {limit_bytes} bytes"),
            Self::Unreadable => f.write_str("its answer cannot be read"),
            Self::Unsupported(what) => write!(f, "cannot do what is asked ({what})"),
            Self::NotConfigured => f.write_str("not configured in this gateway"),
            Self::Shut { why: Shut::Breaker, .. } => f.write_str("not asked, because it failed too often just now"),
            Self::Shut { why: Shut::RateLimit, .. } => f.write_str("not asked, because its rate limit is used up"),
            Self::Shut { why: Shut::Places, .. } => {
                f.write_str("not asked, because too many requests are under way there")
            }
            Self::Shut { why: Shut::NoOwnKey, .. } => {
                f.write_str("not asked, because the caller has no key of its own there")
            }
            Self::Shut { why: Shut::Tried, .. } => f.write_str("no further endpoint"),
            Self::Gate(GateFailure::Refusal) => f.write_str("its answer declines"),
            Self::Gate(GateFailure::Empty) => f.write_str("its answer is empty"),
            Self::Gate(GateFailure::Cut) => f.write_str("its answer was cut at the length limit"),
            Self::Gate(GateFailure::Json) => f.write_str("its answer is not the JSON asked for"),
            Self::Gate(GateFailure::Logprob) => f.write_str("it was unsure of its words"),
            Self::Gate(GateFailure::Timeout) => f.write_str("no answer that convinces in time"),
            Self::LostRace => f.write_str("another answer was taken"),
            Self::NoVerdict => f.write_str("it named no answer"),
        }
    }
}
