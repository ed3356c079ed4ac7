//! How much of something may pass in a minute: a bucket that holds a minute's worth and empties evenly. Whole numbers only, so that Redis counts
//! the same. Chosen over a window of a minute because it is two numbers however busy the caller is, and because OpenAI's headers speak of it:
//! what remains, and when all of it will be there again.

/// A bucket counts in parts of which a minute's limit drains one unit a millisecond: so many make one request or token.
const PARTS: i64 = 60_000;

/// What has passed and has not drained yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bucket {
    /// In parts. More than the limit where an answer turned out longer than was reserved.
    pub(super) used: i64,
    /// When it was last drained.
    pub(super) at_ms: i64,
}

/// How a caller stands with one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateStanding {
    /// What may pass in a minute.
    pub limit: i64,
    /// What may pass at once now.
    pub remaining: i64,
    /// Until the whole limit may pass at once again.
    pub reset_ms: u64,
}

impl Bucket {
    /// Lets out what the time since has let through.
    pub(super) fn drain(&mut self, limit: i64, now_ms: i64) {
        let elapsed = (now_ms - self.at_ms).max(0);
        self.used = self.used.saturating_sub(elapsed.saturating_mul(limit)).max(0);
        self.at_ms = self.at_ms.max(now_ms);
    }

    /// How long so many have to wait: 0 is not at all. What is more than the limit waits for ever: `i64::MAX`.
    pub(super) fn wait_ms(&self, limit: i64, asked: i64) -> i64 {
        if asked > limit {
            return i64::MAX;
        }
        let over = self.used.saturating_add((asked - limit).saturating_mul(PARTS));
        if over <= 0 { 0 } else { divided_up(over, limit) }
    }

    /// So many pass.
    pub(super) fn take(&mut self, asked: i64) {
        self.used = self.used.saturating_add(asked.saturating_mul(PARTS));
    }

    /// It turned out so many more, or fewer.
    pub(super) fn correct(&mut self, more: i64) {
        self.used = self.used.saturating_add(more.saturating_mul(PARTS)).max(0);
    }

    /// How the caller stands.
    pub(super) fn standing(used: i64, limit: i64) -> RateStanding {
        let remaining = (limit.saturating_mul(PARTS) - used).max(0) / PARTS;
        let reset_ms = if limit > 0 { divided_up(used.max(0), limit) } else { 0 };
        RateStanding { limit, remaining, reset_ms: reset_ms.unsigned_abs() }
    }
}

/// Of numbers above 0, rounded up.
fn divided_up(number: i64, by: i64) -> i64 {
    number / by + i64::from(number % by != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_passes_at_once_and_then_one_a_second() {
        let mut bucket = Bucket { used: 0, at_ms: 1_000 };
        for _ in 0..60 {
            assert_eq!(bucket.wait_ms(60, 1), 0);
            bucket.take(1);
        }
        assert_eq!(bucket.wait_ms(60, 1), 1_000);
        assert_eq!(Bucket::standing(bucket.used, 60), RateStanding { limit: 60, remaining: 0, reset_ms: 60_000 });
        bucket.drain(60, 1_999);
        assert_eq!(bucket.wait_ms(60, 1), 1);
        bucket.drain(60, 2_000);
        assert_eq!((bucket.wait_ms(60, 1), Bucket::standing(bucket.used, 60).remaining), (0, 1));
        bucket.drain(60, 500);
        assert_eq!(bucket.at_ms, 2_000, "a clock that was set back gives nothing back");
        bucket.drain(60, 10_000_000);
        assert_eq!(bucket.used, 0);
        assert_eq!(bucket.wait_ms(60, 61), i64::MAX, "more than ever fits");
        assert_eq!(bucket.wait_ms(0, 1), i64::MAX);
    }

    #[test]
    fn what_turned_out_longer_is_paid_back_before_the_next_passes() {
        let mut bucket = Bucket::default();
        bucket.take(10);
        bucket.correct(50);
        assert_eq!(bucket.wait_ms(60, 1), 1_000);
        bucket.correct(40);
        assert_eq!(bucket.wait_ms(60, 1), 41_000);
        bucket.correct(-100);
        assert_eq!(bucket.used, 0);
        bucket.correct(-5);
        assert_eq!(bucket.used, 0, "nobody saves up");
    }
}
