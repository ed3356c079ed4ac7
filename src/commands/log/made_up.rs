//! Decisions that nobody took: of the configured models, with days that are busier than nights, prompts that are mostly easy, and providers
//! that fail now and then. The same seed makes the same ones up. Every caller's name says that they are made up.

use crate::chat::Usage;
use crate::random::SplitMix64;
use crate::routing::{Model, Router};
use crate::store::{DecisionRecord, Outcome, PlannedModel, Try};

const HOUR_MS: i64 = 3_600_000;
/// Names, and how many of a hundred requests are theirs.
const CALLERS: [(&str, f64); 5] =
    [("seed-web", 46.0), ("seed-mobile", 24.0), ("seed-research", 14.0), ("seed-batch", 11.0), ("seed-nightly", 5.0)];
const FAILURES: [(&str, f64); 5] =
    [("timeout", 30.0), ("429", 35.0), ("503", 20.0), ("connect", 10.0), ("error_event", 5.0)];
/// Of the complexities, easiest first; the last one stands for all beyond.
const COMPLEXITIES: [f64; 4] = [46.0, 33.0, 16.0, 5.0];
const CLIENT_NAMES_THE_MODEL: f64 = 0.12;
const TRY_FAILS: f64 = 0.015;
/// Of the first provider, in one hour of each day.
const TRY_FAILS_IN_A_BAD_HOUR: f64 = 0.2;
const FROM_THE_CACHE: f64 = 0.04;
const TRIES: usize = 3;

/// What there is to make decisions up of.
pub(super) struct World<'a> {
    /// By rising price.
    models: Vec<&'a Model>,
    tasks: &'a [String],
    complexities: &'a [String],
    artifact: &'a str,
}

impl<'a> World<'a> {
    pub(super) fn of(router: &'a Router) -> Self {
        let mut models: Vec<&Model> = router.registry().models().iter().collect();
        let price = |model: &Model| model.prices.map_or(f64::INFINITY, |prices| prices.output.get());
        models.sort_by(|a, b| price(a).total_cmp(&price(b)));
        let brain = router.brain();
        Self {
            models,
            tasks: brain.task_labels(),
            complexities: brain.complexity_labels(),
            artifact: router.artifact_name(),
        }
    }
}

/// Decisions in order of time.
pub(super) struct MadeUp<'a> {
    world: &'a World<'a>,
    chance: Chance,
    began_ms: i64,
    hours: i64,
    hour: i64,
    rows: f64,
    /// Of all hours, and of those that are over.
    weight: f64,
    weight_before: f64,
    made: u64,
    /// Moments of this hour, the last first.
    moments: Vec<i64>,
}

impl<'a> MadeUp<'a> {
    pub(super) fn new(world: &'a World<'a>, seed: u64, now_ms: i64, days: u32, rows: u32) -> Self {
        let hours = i64::from(days) * 24;
        let began_ms = now_ms - hours * HOUR_MS;
        let weight = (0..hours).map(|hour| busyness(began_ms + hour * HOUR_MS)).sum();
        let chance = Chance(SplitMix64::new(seed));
        let rows = f64::from(rows);
        let (hour, made, weight_before, moments) = (0, 0, 0.0, Vec::new());
        Self { world, chance, began_ms, hours, hour, rows, weight, weight_before, made, moments }
    }

    fn next_hour(&mut self) {
        let start = self.began_ms + self.hour * HOUR_MS;
        self.weight_before += busyness(start);
        self.hour += 1;
        let share = if self.hour == self.hours { 1.0 } else { self.weight_before / self.weight };
        let due = ((self.rows * share).round() as u64).saturating_sub(self.made);
        self.made += due;
        self.moments.extend((0..due).map(|_| start + (self.chance.share() * HOUR_MS as f64) as i64));
        self.moments.sort_unstable_by(|a, b| b.cmp(a));
    }
}

impl Iterator for MadeUp<'_> {
    type Item = DecisionRecord;

    fn next(&mut self) -> Option<DecisionRecord> {
        while self.moments.is_empty() && self.hour < self.hours {
            self.next_hour();
        }
        let time_unix_ms = self.moments.pop()?;
        Some(decision(self.world, &mut self.chance, time_unix_ms))
    }
}

/// How busy an hour is: most about three in the afternoon, half as much on weekends.
fn busyness(time_unix_ms: i64) -> f64 {
    let (day, hour) = (time_unix_ms.div_euclid(24 * HOUR_MS), time_unix_ms.rem_euclid(24 * HOUR_MS) / HOUR_MS);
    // The first of January 1970 was a Thursday.
    let is_weekend = matches!((day + 4).rem_euclid(7), 0 | 6);
    let of_day = 1.0 + 0.8 * ((hour as f64 - 15.0) / 24.0 * std::f64::consts::TAU).cos();
    if is_weekend { of_day / 2.0 } else { of_day }
}

fn decision(world: &World<'_>, chance: &mut Chance, time_unix_ms: i64) -> DecisionRecord {
    let mut record = DecisionRecord {
        time_unix_ms,
        caller: Some(CALLERS[chance.one_of(CALLERS.iter().map(|(_, weight)| *weight))].0.to_owned()),
        stream: chance.happens(0.6),
        overhead_ms: 0.25 * chance.spread(0.5),
        ..DecisionRecord::default()
    };
    record.id = id(chance, time_unix_ms);
    let chain = if chance.happens(CLIENT_NAMES_THE_MODEL) {
        let model = chance.0.below(world.models.len());
        record.reason = format!("the client asked for {}", world.models[model].name);
        vec![model]
    } else {
        classify(world, chance, &mut record)
    };
    record.chain = chain.iter().enumerate().map(|(place, at)| planned(world.models[*at], &record, place)).collect();
    let served = try_in_order(world, chance, &chain, &mut record);
    end(world, chance, served, &mut record);
    record
}

/// Labels the prompt that there is none of, and puts the models in order: the cheapest that is good enough, then better ones.
fn classify(world: &World<'_>, chance: &mut Chance, record: &mut DecisionRecord) -> Vec<usize> {
    let task = chance.one_of((0..world.tasks.len()).map(|place| 1.0 / (place as f64 + 1.5)));
    let hardest = world.complexities.len() - 1;
    let complexity = chance.one_of(COMPLEXITIES.into_iter()).min(hardest);
    let score = (complexity as f64 + 0.5 * chance.share()) / (hardest as f64 + 0.5);
    let confidence = 1.0 - 0.65 * chance.share().powi(2);
    record.task = world.tasks.get(task).cloned();
    record.task_confidence = Some(confidence);
    record.complexity = world.complexities.get(complexity).cloned();
    record.complexity_confidence = Some(1.0 - 0.55 * chance.share());
    record.complexity_score = Some(score);
    record.novelty = Some(chance.share());
    record.known = Some(confidence > 0.4 && !chance.happens(0.02));
    record.truncated = Some(chance.happens(0.03));
    record.tier = Some("builtin".into());
    record.artifact = Some(world.artifact.to_owned());
    record.strategy = Some("balanced".into());
    record.reason = "made up by semroute log seed".into();
    let most = world.models.len().max(2) as f64 - 1.0;
    let qualities: Vec<f64> = (0..world.models.len())
        .map(|rank| {
            let strength = rank as f64 / most;
            (0.62 + 0.33 * strength - 0.4 * score * (1.0 - strength) + 0.03 * chance.normal()).clamp(0.05, 0.99)
        })
        .collect();
    let best = (0..qualities.len()).max_by(|a, b| qualities[*a].total_cmp(&qualities[*b])).unwrap_or(0);
    let enough = qualities[best] - 0.12;
    let first = qualities.iter().position(|quality| *quality >= enough).unwrap_or(best);
    let named = |at: usize| world.models[at].name.clone();
    record.best_model = Some(named(best));
    record.predicted_qualities = qualities.iter().enumerate().map(|(at, quality)| (named(at), *quality)).collect();
    let mut chain: Vec<usize> = (first..world.models.len()).chain((0..first).rev()).collect();
    chain.truncate(TRIES);
    chain
}

fn planned(model: &Model, record: &DecisionRecord, place: usize) -> PlannedModel {
    let reason = if place == 0 { record.reason.clone() } else { format!("fallback {place} on {}", model.provider) };
    PlannedModel {
        model: model.name.clone(),
        provider: model.provider.clone(),
        predicted_quality: record.predicted_qualities.get(&model.name).copied(),
        expected_cost_usd: model
            .prices
            .map(|prices| prices.cost_usd(Usage { input: 800, output: 300, ..Usage::default() })),
        propensity: None,
        by_prediction: false,
        reason,
    }
}

/// The place of the model that answers, if one does.
fn try_in_order(world: &World<'_>, chance: &mut Chance, chain: &[usize], record: &mut DecisionRecord) -> Option<usize> {
    let is_bad_hour = record.time_unix_ms.rem_euclid(24 * HOUR_MS) / HOUR_MS == 14;
    let weakest = world.models.first().map(|model| model.provider.as_str());
    for at in chain {
        let model = world.models[*at];
        let is_bad = is_bad_hour && Some(model.provider.as_str()) == weakest;
        let fails = chance.happens(if is_bad { TRY_FAILS_IN_A_BAD_HOUR } else { TRY_FAILS });
        let (outcome, ms) = if fails {
            (FAILURES[chance.one_of(FAILURES.iter().map(|(_, weight)| *weight))].0, 900.0 * chance.spread(1.0))
        } else {
            let strength = *at as f64 / world.models.len() as f64;
            ("answered", (180.0 + 600.0 * strength) * chance.spread(0.45))
        };
        let (name, provider) = (model.name.clone(), model.provider.clone());
        record.tries.push(Try { model: name, provider, outcome: outcome.into(), ms });
        if !fails {
            return Some(*at);
        }
    }
    None
}

fn end(world: &World<'_>, chance: &mut Chance, served: Option<usize>, record: &mut DecisionRecord) {
    let waited_ms: f64 = record.tries.iter().map(|tried| tried.ms).sum();
    record.attempts = u32::try_from(record.tries.len()).unwrap_or(u32::MAX);
    record.latency_ms = record.overhead_ms + waited_ms;
    let Some(model) = served.and_then(|at| world.models.get(at)) else {
        (record.outcome, record.status) = (Outcome::Failed, 502);
        record.predicted_quality = record.chain.first().and_then(|first| first.predicted_quality);
        return;
    };
    record.model = Some(model.name.clone());
    record.provider = Some(model.provider.clone());
    record.predicted_quality = record.predicted_qualities.get(&model.name).copied();
    (record.outcome, record.status) = match chance.share() {
        share if share < 0.004 => (Outcome::Broken, 200),
        share if share < 0.012 => (Outcome::ClientLeft, 200),
        share if share < 0.018 => (Outcome::Refused, 400),
        _ => (Outcome::Answered, 200),
    };
    if matches!(record.outcome, Outcome::Refused) {
        return;
    }
    let input = (800.0 * chance.spread(1.1)) as u64;
    let cached_input = if chance.happens(0.3) { input / 2 } else { 0 };
    let output = (250.0 * chance.spread(0.9)) as u64;
    let usage = Usage { input: input - cached_input, cached_input, output, ..Usage::default() };
    record.input_tokens = Some(usage.input);
    record.cached_input_tokens = Some(usage.cached_input);
    record.output_tokens = Some(usage.output);
    if chance.happens(FROM_THE_CACHE) {
        record.cache = Some("exact".into());
        record.tries.clear();
        (record.cost_usd, record.attempts, record.latency_ms) = (Some(0.0), 0, record.overhead_ms);
        return;
    }
    record.latency_ms += output as f64 * 8.0;
    record.cost_usd = model.prices.map(|prices| prices.cost_usd(usage));
    if record.strategy.is_some() {
        let cost = |model: &&Model| Some((model.name.clone(), model.prices?.cost_usd(usage)));
        record.would_cost_usd = world.models.iter().filter_map(cost).collect();
        record.best_usd = record.best_model.as_ref().and_then(|best| record.would_cost_usd.get(best)).copied();
    }
}

fn id(chance: &mut Chance, time_unix_ms: i64) -> String {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&chance.0.next().to_le_bytes());
    random[8..].copy_from_slice(&chance.0.next().to_le_bytes()[..2]);
    let uuid = uuid::Builder::from_unix_timestamp_millis(time_unix_ms.unsigned_abs(), &random).into_uuid();
    format!("dec_{}", uuid.simple())
}

/// Seeded chance.
struct Chance(SplitMix64);

impl Chance {
    /// Evenly from 0 to below 1.
    fn share(&mut self) -> f64 {
        (self.0.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn happens(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// By Box and Muller.
    fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.share(), self.share());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// About 1, spread as times and lengths are: the logarithm is normal.
    fn spread(&mut self, deviation: f64) -> f64 {
        (deviation * self.normal()).exp()
    }

    /// A place, by its weight.
    fn one_of(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let mut left = self.share() * weights.clone().sum::<f64>();
        let passes = |weight: f64| {
            left -= weight;
            left < 0.0
        };
        weights.map(passes).position(|found| found).unwrap_or(0)
    }
}
