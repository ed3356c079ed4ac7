//! The vectors of our own embedders. They are made on threads that serve nobody else, and only on so many at once that routing, which uses the
//! same embedders, hardly waits.

use std::sync::Arc;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::input::{EmbeddingsRequest, Input};
use super::list::EmbeddingList;
use crate::embedder::{self, BUILTIN, Embedder, Embedding, EmbeddingQueue, StaticTable};
use crate::http::error::ApiError;
use crate::http::{AppState, answer_headers};
use crate::routing::{BrainError, RouteError, Tier};

/// What our embedders' names begin with.
const PREFIX: &str = "semroute/";
const OWNER: &str = "semroute";

/// Texts of one request that may wait for a place at once.
const TEXTS_AHEAD: usize = 8;

/// An embedder of ours, by the name that clients use.
pub(in crate::http) struct OwnEmbedder {
    name: String,
    dims: usize,
    runs: Runs,
}

/// How it is run.
#[derive(Clone)]
enum Runs {
    /// Microseconds a text, in a batch.
    Batch(Arc<StaticTable>),
    /// Milliseconds a text, in the queue that routing uses too.
    Queue(EmbeddingQueue),
}

/// The embedder that is built in, then the router's others.
pub(super) fn embedders(state: &AppState) -> impl Iterator<Item = OwnEmbedder> {
    let others = state.parts.router.brain().embedders().iter().filter(|tier| tier.identity().name != BUILTIN);
    let others: Vec<OwnEmbedder> = others.map(OwnEmbedder::of_tier).collect();
    builtin().into_iter().chain(others)
}

/// The embedder that is built in.
pub(super) fn builtin() -> Result<OwnEmbedder, ApiError> {
    let table = embedder::builtin().map_err(|error| {
        tracing::error!(%error, "the built-in embedder cannot be read");
        ApiError::internal()
    })?;
    Ok(OwnEmbedder::of_tier(&Tier::Static(table)))
}

impl OwnEmbedder {
    fn of_tier(tier: &Tier) -> Self {
        let identity = tier.identity();
        // A hub's name, or a folder's, as people say it.
        let short = identity.name.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let runs = match tier {
            Tier::Static(table) => Runs::Batch(Arc::clone(table)),
            Tier::Transformer(_, queue) => Runs::Queue(queue.clone()),
        };
        Self { name: format!("{PREFIX}{short}"), dims: identity.dims, runs }
    }

    /// `semroute/...`
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    async fn embed(&self, state: &AppState, texts: Vec<String>) -> Result<Vec<Embedding>, ApiError> {
        let places = &state.parts.embedding_places;
        match &self.runs {
            Runs::Batch(table) => {
                let table = Arc::clone(table);
                in_turn(places, move || {
                    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                    table.embed(&texts).map_err(BrainError::from)
                })
                .await
            }
            Runs::Queue(queue) => {
                // One after the other into the queue: between two texts of one request there is room for everybody else's.
                let embeddings = stream::iter(texts).map(|text| {
                    let queue = queue.clone();
                    in_turn(places, move || Handle::current().block_on(queue.embed(&text)).map_err(BrainError::from))
                });
                embeddings.buffered(TEXTS_AHEAD).try_collect().await
            }
        }
    }
}

/// Does blocking work when there is a place for it.
async fn in_turn<T: Send + 'static>(
    places: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, BrainError> + Send + 'static,
) -> Result<T, ApiError> {
    // Nobody closes the semaphore. The work keeps its place even if its client leaves meanwhile.
    let place = Arc::clone(places).acquire_owned().await.ok();
    let work = spawn_blocking(move || {
        let result = work();
        drop(place);
        result
    });
    match work.await {
        Ok(result) => result.map_err(|error| ApiError::from(&RouteError::from(error))),
        Err(_panicked) => Err(ApiError::internal()),
    }
}

/// Embeds the texts of a request.
pub(super) async fn answer(
    state: &AppState,
    own: &OwnEmbedder,
    request: EmbeddingsRequest,
) -> Result<Response, ApiError> {
    let EmbeddingsRequest { input, encoding, dimensions, .. } = request;
    let Input::Texts(texts) = input else {
        let why = format!("input: {} reads texts and no token ids; send the texts themselves", own.name);
        return Err(ApiError::invalid(why, Some("input")));
    };
    let dims = dimensions.unwrap_or(own.dims);
    if dims > own.dims {
        let why = format!("dimensions: {dims} is more than the {} of {}; ask for fewer", own.dims, own.name);
        return Err(ApiError::invalid(why, Some("dimensions")));
    }
    let embeddings = own.embed(state, texts).await?;
    let mut headers = HeaderMap::new();
    answer_headers::write_served_by(&mut headers, &own.name, OWNER);
    answer_headers::write_truncated(&mut headers, embeddings.iter().filter(|embedding| embedding.truncated).count());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let model = own.name.clone();
    // Thousands of vectors are some megabytes of digits.
    let written = spawn_blocking(move || serde_json::to_vec(&EmbeddingList::new(model, embeddings, encoding, dims)));
    let body = written.await.ok().and_then(Result::ok).ok_or_else(ApiError::internal)?;
    Ok((headers, body).into_response())
}

/// How many pieces of embedding work may run at once: half of the processors, lest routing waits for one.
pub(in crate::http) fn places() -> Arc<Semaphore> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Arc::new(Semaphore::new(processors.div_ceil(2)))
}
