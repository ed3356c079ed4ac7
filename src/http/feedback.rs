//! `POST /v1/feedback`: what a caller says of an answer it was given, by the decision's id. Written to the log and read by nobody here: what it
//! teaches is learnt from `semroute log export`.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use utoipa::ToSchema;
use uuid::Uuid;

use super::authentication::{Admin, PresentedKey};
use super::error::ApiError;
use super::{AppState, body, openapi};
use crate::store::{Feedback, Recorder, StoreError, Verdict};

/// What the store is asked takes no longer, or it is as good as down.
const STORE_SAYS_WITHIN: Duration = Duration::from_secs(5);
/// A row is written when its answer has ended, and the writer may have others before it. For a decision that is younger than `YOUNG` the writer
/// is waited for, this long at most.
const ROW_COMES_WITHIN: Duration = Duration::from_secs(2);
/// Before each further look: the end of an answer may reach its client a moment before its row reaches the writer.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(60), Duration::from_millis(300)];
const YOUNG: Duration = Duration::from_secs(600);

/// What is said of a decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"decision_id": "dec_0198c5a4e1b27cc39a3b5d8f0e6a7b21", "verdict": "underpowered", "task": "math"})))]
pub(super) struct FeedbackRequest {
    /// The answer's `x-semroute-decision-id`.
    #[schema(max_length = 36)]
    decision_id: String,
    verdict: Verdict,
    /// How good the answer was, from 0 (of no use) to 1 (nothing to better).
    #[schema(minimum = 0, maximum = 1)]
    score: Option<f64>,
    /// What the prompt asked for: one of the artifact's tasks.
    task: Option<String>,
    /// How hard it was: one of the artifact's complexities.
    complexity: Option<String>,
}

/// The `caller_id` of a decision's row; `None` where there is no row.
type Whose = Option<Option<String>>;

impl body::Conversation for FeedbackRequest {
    fn message_count(&self) -> usize {
        0
    }
}

/// What stands in the log now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FeedbackTaken {
    object: &'static str,
    decision_id: String,
    verdict: Verdict,
    score: Option<f64>,
    task: Option<String>,
    complexity: Option<String>,
}

/// What a caller says of an answer. The last word counts; to say the same again changes nothing.
#[utoipa::path(
    post,
    path = "/v1/feedback",
    operation_id = "give_feedback",
    request_body = FeedbackRequest,
    responses(
        (status = 200, description = "Written down, in place of what was said before.", body = FeedbackTaken),
        openapi::OwnErrors
    )
)]
pub(super) async fn give(
    State(state): State<AppState>,
    admin: Result<Admin, ApiError>,
    presented: Option<Extension<PresentedKey>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<FeedbackTaken>, ApiError> {
    let bytes = body::read(&headers, body, &state.parts.config).await?;
    let request = body::parse(bytes, read).await?;
    let brain = state.parts.router.brain();
    check_label("task", request.task.as_deref(), brain.task_labels())?;
    check_label("complexity", request.complexity.as_deref(), brain.complexity_labels())?;
    let recorder = state.parts.recorder.as_ref().ok_or_else(ApiError::no_log)?;
    let caller_id = presented.map(|Extension(PresentedKey(caller))| caller.identity);
    let unknown = || ApiError::unknown_decision(&request.decision_id);
    let places = &state.parts.feedback_places;
    let whose = caller_of(places, recorder, &request.decision_id).await?.ok_or_else(unknown)?;
    // Somebody else's decision is as good as none: nobody learns which ids there are.
    if admin.is_err() && whose != caller_id {
        return Err(unknown());
    }
    let FeedbackRequest { decision_id, verdict, score, task, complexity } = request;
    let said = Feedback { verdict, score, task, complexity };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    in_time(recorder.store().judge(&decision_id, now, caller_id.as_deref(), &said)).await?;
    let Feedback { verdict, score, task, complexity } = said;
    Ok(Json(FeedbackTaken { object: "feedback", decision_id, verdict, score, task, complexity }))
}

fn read(bytes: &[u8]) -> Result<FeedbackRequest, ApiError> {
    // Looked at by itself: a value of the wrong kind may be told as a fault of the syntax.
    let _well_formed: IgnoredAny = serde_json::from_slice(bytes)
        .map_err(|error| ApiError::invalid(format!("the request body is not valid JSON: {error}"), None))?;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let request: FeedbackRequest = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let param = Some(path.as_str()).filter(|path| *path != ".");
        ApiError::invalid(format!("{}: {}", param.unwrap_or("the request body"), error.inner()), param)
    })?;
    if request.score.is_some_and(|score| !(0.0..=1.0).contains(&score)) {
        return Err(ApiError::invalid("score: expected a number from 0 to 1", Some("score")));
    }
    Ok(request)
}

fn check_label(field: &str, label: Option<&str>, known: &[String]) -> Result<(), ApiError> {
    match label {
        Some(label) if !known.iter().any(|name| name == label) => {
            let label: String = label.chars().take(60).collect();
            let message = format!("{field}: {label:?} is no label of the artifact; one of {}", known.join(", "));
            Err(ApiError::invalid(message, Some(field)))
        }
        _ => Ok(()),
    }
}

/// How many may wait for their rows at once. Each asks the store more than once, and the store has requests to serve.
pub(super) fn places() -> Arc<Semaphore> {
    const WAITING_AT_ONCE: usize = 8;
    Arc::new(Semaphore::new(WAITING_AT_ONCE))
}

/// Whose decision it is, if there is one: in the log, or on its way there.
async fn caller_of(places: &Semaphore, recorder: &Recorder, decision_id: &str) -> Result<Whose, ApiError> {
    let Some(age) = age_of(decision_id) else { return Ok(None) };
    let look = || in_time(recorder.store().caller_of(decision_id));
    match look().await? {
        None if age <= YOUNG => wait_for_row(places, || recorder.flush(), look).await,
        found => Ok(found),
    }
}

/// Looks again once what was recorded is written, and a little later for a row that was only then recorded. Where all places are taken, there is
/// no row: a flood of ids that nobody made must not become a flood of queries.
async fn wait_for_row<Flush, Look>(
    places: &Semaphore,
    flush: impl FnOnce() -> Flush,
    look: impl Fn() -> Look,
) -> Result<Whose, ApiError>
where
    Flush: Future<Output = Result<(), StoreError>>,
    Look: Future<Output = Result<Whose, ApiError>>,
{
    let Ok(_place) = places.try_acquire() else { return Ok(None) };
    // A writer that has stopped brings no row, and then neither does waiting.
    if !matches!(timeout(ROW_COMES_WITHIN, flush()).await, Ok(Ok(()))) {
        return Ok(None);
    }
    for pause in PAUSES {
        sleep(pause).await;
        if let Some(whose) = look().await? {
            return Ok(Some(whose));
        }
    }
    Ok(None)
}

/// How long ago a decision was made, by its id; `None` for what is no decision's id. One from the future is of this moment.
fn age_of(decision_id: &str) -> Option<Duration> {
    let id = Uuid::try_parse(decision_id.strip_prefix("dec_")?).ok()?;
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    let made = UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))?;
    Some(SystemTime::now().duration_since(made).unwrap_or_default())
}

/// What the store says, if it says it soon: one that hangs must not hang its callers.
async fn in_time<T>(asking: impl Future<Output = Result<T, StoreError>>) -> Result<T, ApiError> {
    match timeout(STORE_SAYS_WITHIN, asking).await {
        Ok(said) => said.map_err(|error| unwell(&error)),
        Err(_elapsed) => Err(unwell(&"it does not answer")),
    }
}

fn unwell(error: &dyn std::fmt::Display) -> ApiError {
    tracing::warn!(%error, "feedback could not be written down");
    ApiError::log_unwell()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// What a wait for a row comes to that is there at this look, and how often was flushed and looked.
    async fn waited(places: &Semaphore, there_at: usize) -> (Whose, usize, usize) {
        let (flushes, looks) = (Cell::new(0), Cell::new(0));
        let flush = || {
            flushes.set(flushes.get() + 1);
            std::future::ready(Ok(()))
        };
        let look = || {
            looks.set(looks.get() + 1);
            std::future::ready(Ok((looks.get() == there_at).then(|| Some("somebody".to_owned()))))
        };
        let whose = wait_for_row(places, flush, look).await;
        (whose.unwrap_or_default(), flushes.get(), looks.get())
    }

    #[tokio::test]
    async fn a_row_is_looked_for_three_times_at_most_and_only_in_a_place() {
        let places = Semaphore::new(1);
        let somebodys = Some(Some("somebody".to_owned()));
        assert_eq!(waited(&places, 1).await, (somebodys.clone(), 1, 1));
        assert_eq!(waited(&places, 2).await, (somebodys, 1, 2));
        assert_eq!(waited(&places, usize::MAX).await, (None, 1, 3));
        let _taken = places.try_acquire();
        assert_eq!(waited(&places, 1).await, (None, 0, 0));
    }
}
