//! The prompts that were answered lately, by what surrounds them: caller, model, parameters and the conversation before. Vectors and hashes, no
//! text. Bounded in bytes over all surroundings and in prompts in each; what was answered too long ago is forgotten.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::Likened;
use crate::limits::cache::CacheKey;

/// The most prompts of one surroundings; the oldest are forgotten. They are compared one by one.
const MOST_PROMPTS: usize = 256;

/// What surroundings take beside their prompts, and a prompt beside its vector, about.
const OVERHEAD_BYTES: usize = 256;

/// A prompt that was answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) prompt: Likened,
    pub(super) answer: CacheKey,
    pub(super) since_unix_ms: u64,
    /// How long the answer may be given again.
    pub(super) ttl: Duration,
}

/// The prompts of one surroundings, the oldest first.
#[derive(Clone)]
struct Group {
    prompts: Arc<[Arc<Answered>]>,
    /// From when it was made; then the last of its answers is over.
    lives: Duration,
}

/// Prompts that were answered lately.
pub(super) struct Recent {
    groups: Cache<CacheKey, Group>,
    max_bytes: u64,
}

/// Surroundings leave when the last of their answers is over.
struct WithItsAnswers;

impl Expiry<CacheKey, Group> for WithItsAnswers {
    fn expire_after_create(&self, _key: &CacheKey, group: &Group, _now: Instant) -> Option<Duration> {
        Some(group.lives)
    }

    fn expire_after_update(
        &self,
        _: &CacheKey,
        group: &Group,
        _: Instant,
        _left: Option<Duration>,
    ) -> Option<Duration> {
        Some(group.lives)
    }
}

impl Answered {
    /// How long the answer may still be given.
    fn left(&self, now_unix_ms: u64) -> Duration {
        self.ttl.saturating_sub(Duration::from_millis(now_unix_ms.saturating_sub(self.since_unix_ms)))
    }

    fn weight(&self) -> usize {
        size_of_val(&*self.prompt.meaning) + OVERHEAD_BYTES
    }
}

impl Recent {
    /// Room for so many bytes.
    pub(super) fn new(max_bytes: u64) -> Self {
        let groups = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_key, group: &Group| u32::try_from(weight(&group.prompts)).unwrap_or(u32::MAX))
            // What was said last is asked again soonest; nothing is kept for having been wanted once.
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(WithItsAnswers)
            .build();
        Self { groups, max_bytes }
    }

    /// The answers to prompts from this similarity on, the nearest first.
    pub(super) fn near(
        &self,
        surroundings: &CacheKey,
        prompt: &Likened,
        threshold: f32,
        now_unix_ms: u64,
    ) -> Vec<CacheKey> {
        let Some(group) = self.groups.get(surroundings) else { return Vec::new() };
        let living = group.prompts.iter().filter(|known| known.left(now_unix_ms) > Duration::ZERO);
        let mut near: Vec<(f32, CacheKey)> = living
            .filter_map(|known| Some((prompt.similarity(&known.prompt)?, known.answer)))
            .filter(|(similarity, _)| *similarity >= threshold)
            .collect();
        near.sort_by(|one, other| other.0.total_cmp(&one.0));
        near.into_iter().map(|(_, answer)| answer).collect()
    }

    /// This prompt was answered; one with the same answer makes room for it, and so do the oldest.
    pub(super) fn remember(&self, surroundings: CacheKey, answered: Answered) {
        let (now, answered) = (answered.since_unix_ms, Arc::new(answered));
        self.groups.entry(surroundings).and_upsert_with(|before| {
            let mut prompts: Vec<Arc<Answered>> = before.map_or_else(Vec::new, |before| {
                let is_wanted =
                    |known: &&Arc<Answered>| known.answer != answered.answer && known.left(now) > Duration::ZERO;
                before.into_value().prompts.iter().filter(is_wanted).cloned().collect()
            });
            prompts.push(answered);
            let is_too_much = |prompts: &[Arc<Answered>]| {
                prompts.len() > MOST_PROMPTS || u64::try_from(weight(prompts)).is_ok_and(|bytes| bytes > self.max_bytes)
            };
            while is_too_much(&prompts) && !prompts.is_empty() {
                prompts.remove(0);
            }
            let lives = prompts.iter().map(|known| known.left(now)).max().unwrap_or_default();
            Group { prompts: prompts.into(), lives }
        });
        // Room is made at once rather than some time later, so that the bound holds.
        self.groups.run_pending_tasks();
    }
}

fn weight(prompts: &[Arc<Answered>]) -> usize {
    prompts.iter().map(|known| known.weight()).sum::<usize>() + OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::cache::KeyWriter;
    use crate::limits::cache::likeness::Wording;

    const TTL: Duration = Duration::from_secs(10);

    fn key(name: &str) -> CacheKey {
        KeyWriter::new(name).finish()
    }

    fn likened(angle: f32) -> Likened {
        let mut meaning = vec![0.0; 256];
        (meaning[0], meaning[1]) = (angle.cos(), angle.sin());
        Likened { wording: Wording::of("What is it?"), meaning }
    }

    fn answered(angle: f32, answer: &str, since_unix_ms: u64) -> Answered {
        Answered { prompt: likened(angle), answer: key(answer), since_unix_ms, ttl: TTL }
    }

    #[test]
    fn the_nearest_come_first_and_leave_when_their_answers_are_over() {
        let recent = Recent::new(1024 * 1024);
        recent.remember(key("here"), answered(0.3, "far", 4_000));
        recent.remember(key("here"), answered(0.0, "near", 0));
        recent.remember(key("here"), answered(1.5, "too far", 4_000));
        let near = |now| recent.near(&key("here"), &likened(0.0), 0.8, now);
        assert_eq!(near(9_999), [key("near"), key("far")]);
        assert_eq!(near(10_000), [key("far")], "an answer that is over hides no other one");
        assert_eq!(near(14_000), []);
        assert_eq!(recent.near(&key("elsewhere"), &likened(0.0), 0.8, 0), []);
    }

    #[test]
    fn one_bound_in_bytes_holds_for_all_surroundings_together() {
        const MAX_BYTES: u64 = 64 * 1024;
        let recent = Recent::new(MAX_BYTES);
        for at in 0..200 {
            recent.remember(key(&format!("surroundings {at}")), answered(0.0, &format!("answer {at}"), 0));
            assert!(recent.groups.weighted_size() <= MAX_BYTES, "{}", recent.groups.weighted_size());
        }
        assert!((10..200).contains(&recent.groups.entry_count()), "{}", recent.groups.entry_count());
        assert_eq!(recent.near(&key("surroundings 199"), &likened(0.0), 0.8, 0), [key("answer 199")]);
        assert_eq!(recent.near(&key("surroundings 0"), &likened(0.0), 0.8, 0), []);
    }

    #[test]
    fn one_surroundings_forget_their_oldest_prompts() {
        let recent = Recent::new(16 * 1024);
        for at in 0..100 {
            recent.remember(key("here"), answered(0.0, &format!("answer {at}"), 0));
        }
        let near = recent.near(&key("here"), &likened(0.0), 0.8, 0);
        assert!((5..20).contains(&near.len()) && near.contains(&key("answer 99")), "{near:?}");
        assert!(recent.groups.weighted_size() <= 16 * 1024);
    }
}
