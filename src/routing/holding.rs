//! Whether a conversation stays on its model: it does unless the gain of another one beats the prompt cache that is lost, or the model shows
//! that it is not up to the work. Pure.

use super::contender::Contender;
use super::strategy::Rules;
use super::{RouterConfig, Signals};

/// Tool results in a row that failed before a better model is asked.
const FAILURES: usize = 2;
/// How much harder a turn must be than the one that the model was chosen for, on the scale from 0 to 1: most of a step of four.
const HARDER: f64 = 0.25;
/// The least gain, as quality, that is worth a move: less than this is the noise of the predictions.
const LEAST_GAIN: f64 = 0.01;
/// The quality that another model must gain where a price is unknown.
const GAIN_WITHOUT_PRICES: f64 = 0.1;

/// The model that a conversation has had so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Its name in the registry.
    pub model: String,
    /// How hard the turn was that it was chosen for, 0..1.
    pub complexity_score: f64,
    /// Tokens of the conversation that its provider probably still has in its prompt cache.
    pub prompt_tokens: u64,
    /// Tool results in a row that failed, up to now.
    pub failed_turns: usize,
}

impl Held {
    /// Tokens of a prompt of this length that a model probably has in its cache.
    pub(super) fn cached_tokens(&self, model: &str, input_tokens: u64) -> u64 {
        if self.model == model { self.prompt_tokens.min(input_tokens) } else { 0 }
    }
}

/// Moves the model that serves best to the front and says why; `None` where the order stands. `ranking` made the order.
pub(super) fn hold(
    ranked: &mut [Contender<'_>],
    held: &Held,
    ranking: &dyn Rules,
    signals: &Signals,
    config: &RouterConfig,
) -> Option<String> {
    let at = ranked.iter().position(|contender| contender.model.name == held.model)?;
    let stay = ranked[at];
    let better = ranked.iter().position(|contender| contender.value > stay.value);
    if held.failed_turns >= FAILURES
        && let Some(better) = better
    {
        ranked[..=better].rotate_right(1);
        return Some(format!(
            "better than {}, on which {} tool results in a row failed",
            held.model, held.failed_turns
        ));
    }
    if at == 0 {
        return Some("the model of this conversation".into());
    }
    if signals.complexity_score - held.complexity_score >= HARDER
        && let Some(better) = better
    {
        ranked[..=better].rotate_right(1);
        return Some(format!("better than {}, which was chosen for easier turns", held.model));
    }
    let gain = Gain::of(&ranked[0], &stay, ranking);
    if !signals.follow_up && gain.beats_the_cache(held, &stay, ranking, config) {
        return None;
    }
    ranked[..=at].rotate_right(1);
    let why = if signals.follow_up { "the turn only goes on" } else { "no gain beats its prompt cache" };
    Some(format!("the model of this conversation: {why}"))
}

/// What another model would gain, as the strategy sees it.
struct Gain {
    quality: f64,
    /// `None` where a price is unknown.
    usd: Option<f64>,
}

impl Gain {
    /// The cost of staying is already the lower one, with the prompt cache.
    fn of(other: &Contender<'_>, stay: &Contender<'_>, ranking: &dyn Rules) -> Self {
        let quality = if ranking.weighs_quality() { other.value - stay.value } else { 0.0 };
        // A strategy with a gate gives nothing for quality above it: falling back to the gate is no loss.
        let quality = if ranking.values_every_quality() { quality } else { quality.max(0.0) };
        Self { quality, usd: stay.cost_usd.zip(other.cost_usd).map(|(stay, other)| stay - other) }
    }

    fn beats_the_cache(&self, held: &Held, stay: &Contender<'_>, ranking: &dyn Rules, config: &RouterConfig) -> bool {
        let usd = if ranking.weighs_cost() {
            self.usd
        } else {
            stay.model.prices.map(|prices| {
                let cached = held.prompt_tokens;
                prices.cached_input.cost_usd(cached) - prices.input.cost_usd(cached)
            })
        };
        match usd {
            None => self.quality > GAIN_WITHOUT_PRICES,
            Some(usd) => self.quality + config.cost_weight * usd > LEAST_GAIN,
        }
    }
}
