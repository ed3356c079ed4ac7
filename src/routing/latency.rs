//! How long models take: moving averages of the time to the first token and of the tokens a second, from the answers that were served.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the newest answer weighs against all earlier ones.
const NEWEST: f64 = 0.2;
/// Shorter answers tell nothing of the pace: most of their time is the time to the first token.
const LEAST_TOKENS: u64 = 32;
/// Averages that nothing was added to for so long are forgotten: a model that was too slow then is asked again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// One answer as it came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnswerTimes {
    /// From sending until the first token of a stream; `None` for a whole answer, which shows no first token.
    pub first_token: Option<Duration>,
    /// Spent waiting for the provider, from sending until the end; what a client took to read a stream is not in it.
    pub total: Duration,
    /// Tokens of the answer, where the provider told.
    pub output_tokens: Option<u64>,
}

/// Moving averages of one model.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Averages {
    first_token_s: Option<f64>,
    seconds_a_token: Option<f64>,
    learnt: Option<Instant>,
}

impl Averages {
    fn learn(&mut self, times: AnswerTimes) {
        if !self.is_fresh() {
            *self = Self::default();
        }
        self.learnt = Some(Instant::now());
        let total = times.total.as_secs_f64();
        let first = times.first_token.map(|first| first.as_secs_f64().min(total));
        if let Some(first) = first {
            self.first_token_s = Some(moved(self.first_token_s, first));
        }
        let is_short = times.output_tokens.is_some_and(|tokens| tokens < LEAST_TOKENS);
        if is_short && first.is_none() && self.first_token_s.is_none() {
            self.first_token_s = Some(total);
        }
        if let Some(tokens) = times.output_tokens.filter(|_| !is_short) {
            // A whole answer shows only the sum: what is known of the first token is taken off, and nothing until it is known.
            let before = first.or(self.first_token_s).unwrap_or(0.0).min(total);
            self.seconds_a_token = Some(moved(self.seconds_a_token, (total - before) / tokens as f64));
        }
    }

    fn is_fresh(&self) -> bool {
        self.learnt.is_some_and(|learnt| learnt.elapsed() < FORGOTTEN_AFTER)
    }

    fn expected(&self, output_tokens: f64) -> Option<f64> {
        if !self.is_fresh() {
            return None;
        }
        match (self.first_token_s, self.seconds_a_token) {
            (None, None) => None,
            (first, token) => Some(first.unwrap_or(0.0) + token.unwrap_or(0.0) * output_tokens),
        }
    }
}

fn moved(average: Option<f64>, newest: f64) -> f64 {
    average.map_or(newest, |average| average + NEWEST * (newest - average))
}

/// The averages of all models, shared between requests. Only models of the registry enter, so it cannot grow.
#[derive(Debug, Clone, Default)]
pub(super) struct Latencies(Arc<Mutex<HashMap<String, Averages>>>);

impl Latencies {
    pub(super) fn learn(&self, model: &str, times: AnswerTimes) {
        let mut models = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match models.get_mut(model) {
            Some(averages) => averages.learn(times),
            None => {
                let mut averages = Averages::default();
                averages.learn(times);
                models.insert(model.to_owned(), averages);
            }
        }
    }

    /// What is expected of every model that was measured, as it stands now.
    pub(super) fn now(&self) -> Expectations {
        Expectations(self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone())
    }
}

/// A look at the averages.
#[derive(Debug, Clone, Default)]
pub struct Expectations(HashMap<String, Averages>);

impl Expectations {
    /// Seconds until an answer of this length is complete; `None` where nothing was measured.
    pub fn seconds(&self, model: &str, output_tokens: f64) -> Option<f64> {
        self.0.get(model).and_then(|averages| averages.expected(output_tokens))
    }

    /// The same expectations after one more answer; for tests and simulations.
    #[must_use]
    pub fn after(mut self, model: &str, times: AnswerTimes) -> Self {
        self.0.entry(model.to_owned()).or_default().learn(times);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(first_ms: u64, total_ms: u64, tokens: u64) -> AnswerTimes {
        AnswerTimes {
            first_token: Some(Duration::from_millis(first_ms)),
            total: Duration::from_millis(total_ms),
            output_tokens: Some(tokens),
        }
    }

    #[test]
    fn expected_time_is_first_token_and_pace() {
        let known = Expectations::default().after("m", stream(500, 2500, 100));
        assert!((known.seconds("m", 100.0).unwrap() - 2.5).abs() < 1e-9);
        assert!((known.seconds("m", 0.0).unwrap() - 0.5).abs() < 1e-9);
        assert_eq!(known.seconds("other", 100.0), None);
    }

    #[test]
    fn the_newest_answer_moves_the_average_by_a_fifth() {
        let known = Expectations::default().after("m", stream(1000, 1000, 100)).after("m", stream(2000, 2000, 100));
        assert!((known.seconds("m", 0.0).unwrap() - 1.2).abs() < 1e-9);
    }

    #[test]
    fn one_short_answer_does_not_make_long_ones_slow() {
        let short = AnswerTimes { first_token: None, total: Duration::from_millis(300), output_tokens: Some(2) };
        let known = Expectations::default().after("m", short);
        assert!((known.seconds("m", 500.0).unwrap() - 0.3).abs() < 1e-9);
    }

    #[test]
    fn a_whole_answer_tells_the_pace_once_the_first_token_is_known() {
        let whole = AnswerTimes { first_token: None, total: Duration::from_secs(3), output_tokens: Some(100) };
        let alone = Expectations::default().after("m", whole);
        assert!((alone.seconds("m", 50.0).unwrap() - 1.5).abs() < 1e-9);
        let after_a_stream = Expectations::default().after("m", stream(1000, 3000, 100)).after("m", whole);
        assert!((after_a_stream.seconds("m", 100.0).unwrap() - 3.0).abs() < 1e-9);
    }
}
