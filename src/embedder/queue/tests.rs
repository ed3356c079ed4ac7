//! The queue before a model that runs only when told. Each test waits for the batch it is about; none sleeps.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test should stop where it failed")]

use std::pin::Pin;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;

/// Far above what anything here takes; a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the model is told to do with a batch.
enum Order {
    Answer,
    Fail(&'static str),
    Panic,
}

/// A letter is a token, and a text's vector is its letters. Tells of each batch, then waits for an order.
struct GatedModel {
    identity: EmbedderIdentity,
    batches: Sender<Vec<String>>,
    orders: Mutex<Receiver<Order>>,
}

fn text_of(tokens: &TokenIds) -> String {
    tokens.ids.iter().filter_map(|&id| char::from_u32(id)).collect()
}

impl BatchModel for GatedModel {
    fn identity(&self) -> &EmbedderIdentity {
        &self.identity
    }

    fn tokenize(&self, text: &str) -> Result<TokenIds, EmbedError> {
        match text {
            "untokenizable" => Err(EmbedError::Tokenize("refused".into())),
            text => Ok(TokenIds { ids: text.chars().map(u32::from).collect(), truncated: false }),
        }
    }

    /// As a model that pads.
    fn cost(&self, texts: usize, longest: usize, _tokens: usize) -> usize {
        texts * longest
    }

    fn forward(&self, batch: &[&TokenIds]) -> Result<Vec<Embedding>, EmbedError> {
        self.batches.send(batch.iter().map(|tokens| text_of(tokens)).collect()).unwrap();
        match self.orders.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(PATIENCE).unwrap() {
            Order::Answer => Ok(batch.iter().map(|tokens| embedding(&text_of(tokens))).collect()),
            Order::Fail(message) => Err(EmbedError::Model(message.into())),
            Order::Panic => panic!("ordered by the test"),
        }
    }
}

fn embedding(text: &str) -> Embedding {
    Embedding { vector: text.bytes().map(f32::from).collect(), tokens: text.len(), truncated: false }
}

/// The test's side of the model.
struct Gate {
    batches: Receiver<Vec<String>>,
    orders: Sender<Order>,
}

impl Gate {
    fn expect_batch(&self, texts: &[&str]) {
        assert_eq!(self.batches.recv_timeout(PATIENCE).unwrap(), texts);
    }

    fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    /// The model is dropped, so the thread that ran it has ended; no batch came before that.
    fn expect_end(&self) {
        assert_eq!(self.batches.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
    }
}

fn start(waiting: usize, tokens: usize) -> (EmbeddingQueue, Gate) {
    start_within(QueueLimits { waiting, tokens, wait: Duration::MAX })
}

fn start_within(limits: QueueLimits) -> (EmbeddingQueue, Gate) {
    let ((batches, batches_seen), (orders, orders_given)) = (channel(), channel());
    let identity = EmbedderIdentity { name: "gated".into(), dims: 1, fingerprint: String::new() };
    let model = GatedModel { identity, batches, orders: Mutex::new(orders_given) };
    let queue = EmbeddingQueue::start_model(Arc::new(model), limits).unwrap();
    (queue, Gate { batches: batches_seen, orders })
}

type Embedded = Result<Embedding, QueueError>;
type Waiter<'a> = Pin<Box<dyn Future<Output = Embedded> + 'a>>;

/// Polls once, which queues the text or refuses it.
fn poll_once(waiter: &mut Waiter<'_>) -> Poll<Embedded> {
    waiter.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Queues a text.
fn enqueue<'a>(queue: &'a EmbeddingQueue, text: &'a str) -> Waiter<'a> {
    let mut waiter: Waiter<'a> = Box::pin(queue.embed(text));
    assert!(poll_once(&mut waiter).is_pending(), "{text} was answered before the model was told to");
    waiter
}

fn finish(waiter: Waiter<'_>) -> Embedded {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, waiter).await.unwrap() })
}

fn assert_served(waiter: Waiter<'_>, text: &str) {
    assert_eq!(finish(waiter).unwrap(), embedding(text));
}

/// A request that keeps the model busy until the next order.
fn occupy<'a>(queue: &'a EmbeddingQueue, gate: &Gate) -> Waiter<'a> {
    let busy = enqueue(queue, "busy");
    gate.expect_batch(&["busy"]);
    busy
}

#[test]
fn a_lone_request_is_a_batch_of_one_at_once() {
    let (queue, gate) = start(8, 100);
    let lone = enqueue(&queue, "lone");
    // Nothing else is sent, and no order given: the batch comes by itself.
    gate.expect_batch(&["lone"]);
    gate.order(Order::Answer);
    assert_served(lone, "lone");
}

#[test]
fn what_queued_while_the_model_was_busy_is_one_batch_and_each_gets_its_own() {
    let (queue, gate) = start(8, 100);
    let busy = occupy(&queue, &gate);
    let waiting = ["b", "ccc", "dd"].map(|text| (text, enqueue(&queue, text)));
    gate.order(Order::Answer);
    assert_served(busy, "busy");
    gate.expect_batch(&["b", "ccc", "dd"]);
    gate.order(Order::Answer);
    for (text, waiter) in waiting {
        assert_served(waiter, text);
    }
}

#[test]
fn padding_counts_towards_the_size_of_a_batch() {
    let (queue, gate) = start(8, 6);
    let busy = occupy(&queue, &gate);
    // 3 x 2 tokens fill a pass, padding included. "e" and "ffff" are 5 tokens, but 8 with padding. The last is over the limit
    // by itself.
    let waiting = ["aa", "b", "cc", "e", "ffff", "ggggggg"].map(|text| (text, enqueue(&queue, text)));
    gate.order(Order::Answer);
    assert_served(busy, "busy");
    for batch in [&["aa", "b", "cc"][..], &["e"], &["ffff"], &["ggggggg"]] {
        gate.expect_batch(batch);
        gate.order(Order::Answer);
    }
    for (text, waiter) in waiting {
        assert_served(waiter, text);
    }
}

#[test]
fn a_full_queue_refuses_at_once_and_takes_again_later() {
    let (queue, gate) = start(2, 100);
    let busy = occupy(&queue, &gate);
    let first = enqueue(&queue, "first");
    let second = enqueue(&queue, "second");
    let mut third: Waiter<'_> = Box::pin(queue.embed("third"));
    assert!(matches!(poll_once(&mut third), Poll::Ready(Err(QueueError::Full))));
    gate.order(Order::Answer);
    assert_served(busy, "busy");
    gate.expect_batch(&["first", "second"]);
    let fourth = enqueue(&queue, "fourth");
    gate.order(Order::Answer);
    assert_served(first, "first");
    assert_served(second, "second");
    gate.expect_batch(&["fourth"]);
    gate.order(Order::Answer);
    assert_served(fourth, "fourth");
}

#[test]
fn a_text_that_can_do_without_is_refused_where_the_wait_is_long() {
    let (queue, gate) = start_within(QueueLimits { waiting: 8, tokens: 100, wait: Duration::ZERO });
    // The first pass tells how fast the model is.
    let first = occupy(&queue, &gate);
    gate.order(Order::Answer);
    assert_served(first, "busy");
    let busy = occupy(&queue, &gate);
    let mut refused: Waiter<'_> = Box::pin(queue.embed_soon("could do without"));
    assert!(matches!(poll_once(&mut refused), Poll::Ready(Err(QueueError::Long(Duration::ZERO)))));
    let waits = enqueue(&queue, "must have it");
    gate.order(Order::Answer);
    assert_served(busy, "busy");
    gate.expect_batch(&["must have it"]);
    gate.order(Order::Answer);
    assert_served(waits, "must have it");
    // A second pass has ended before an answer is sent, but its texts are dropped after: this waits for that.
    while queue.load.wait() > Duration::ZERO {
        std::thread::yield_now();
    }
    let mut welcome: Waiter<'_> = Box::pin(queue.embed_soon("soon"));
    assert!(poll_once(&mut welcome).is_pending());
    gate.expect_batch(&["soon"]);
    gate.order(Order::Answer);
    assert_served(welcome, "soon");
}

#[test]
fn a_text_whose_client_left_is_not_run_and_takes_no_room() {
    let (queue, gate) = start(8, 6);
    let busy = occupy(&queue, &gate);
    // Were the first one counted, the others would not fit beside it.
    drop(enqueue(&queue, "gonegone"));
    let first = enqueue(&queue, "aaa");
    drop(enqueue(&queue, "gone"));
    let second = enqueue(&queue, "bbb");
    gate.order(Order::Answer);
    assert_served(busy, "busy");
    gate.expect_batch(&["aaa", "bbb"]);
    gate.order(Order::Answer);
    assert_served(first, "aaa");
    assert_served(second, "bbb");
}

#[test]
fn there_is_no_empty_batch_when_every_client_left() {
    let (queue, gate) = start(8, 100);
    let busy = occupy(&queue, &gate);
    drop(enqueue(&queue, "gone"));
    drop(enqueue(&queue, "gone too"));
    gate.order(Order::Answer);
    assert_served(busy, "busy");
    drop(queue);
    gate.expect_end();
}

#[test]
fn an_error_reaches_every_waiter_and_the_queue_goes_on() {
    let (queue, gate) = start(8, 100);
    let busy = occupy(&queue, &gate);
    let waiting = ["a", "b"].map(|text| enqueue(&queue, text));
    gate.order(Order::Answer);
    assert_served(busy, "busy");
    gate.expect_batch(&["a", "b"]);
    gate.order(Order::Fail("out of memory"));
    for waiter in waiting {
        let error = finish(waiter).unwrap_err();
        assert!(matches!(error, QueueError::Embed(EmbedError::Model(_))), "{error:?}");
        assert_eq!(error.to_string(), "the embedding model failed: out of memory");
    }
    let next = enqueue(&queue, "next");
    gate.expect_batch(&["next"]);
    gate.order(Order::Answer);
    assert_served(next, "next");
}

#[test]
fn a_text_that_cannot_be_tokenized_is_refused_before_it_queues() {
    let (queue, gate) = start(8, 100);
    let mut waiter: Waiter<'_> = Box::pin(queue.embed("untokenizable"));
    assert!(matches!(poll_once(&mut waiter), Poll::Ready(Err(QueueError::Embed(EmbedError::Tokenize(_))))));
    drop(waiter);
    drop(queue);
    gate.expect_end();
}

#[test]
fn a_pass_that_panics_fails_its_batch_and_no_other() {
    let (queue, gate) = start(8, 100);
    let busy = occupy(&queue, &gate);
    let waiting = enqueue(&queue, "waiting");
    gate.order(Order::Panic);
    assert!(matches!(finish(busy), Err(QueueError::Embed(EmbedError::Model(_)))));
    gate.expect_batch(&["waiting"]);
    gate.order(Order::Answer);
    assert_served(waiting, "waiting");
}

#[test]
fn the_thread_ends_with_the_last_handle() {
    let (queue, gate) = start(8, 100);
    assert_eq!(queue.identity().name, "gated");
    let other = queue.clone();
    drop(queue);
    let waiter = enqueue(&other, "still here");
    gate.expect_batch(&["still here"]);
    gate.order(Order::Answer);
    assert_served(waiter, "still here");
    drop(other);
    gate.expect_end();
}
