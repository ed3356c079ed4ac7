//! Example utterances: is a prompt like one of them? By the cosine of centred vectors to the nearest example, against a threshold that is fitted to
//! the examples themselves, to those of others and to the prompts that the artifact remembers.

/// The share of strange prompts that may pass a fitted threshold.
const MOST_STRANGERS: f64 = 0.03;
/// The share of examples that should pass it when each is compared with the others.
const LEAST_FRIENDS: f64 = 0.8;
/// With fewer examples than this, how near they are to each other says too little.
const LEAST_EXAMPLES: usize = 4;

/// Examples of one kind of prompt.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Utterances {
    /// Centred, of unit length.
    examples: Vec<Vec<f32>>,
    threshold: f64,
}

impl Utterances {
    /// Fits the threshold, unless one is stated. `strangers` are vectors that should not pass.
    pub(super) fn fit(examples: Vec<Vec<f32>>, strangers: &[Vec<f32>], stated: Option<f64>) -> Self {
        let mut utterances = Self { examples, threshold: stated.unwrap_or(1.0) };
        if stated.is_none() {
            utterances.threshold = utterances.fitted(strangers);
        }
        utterances
    }

    /// Cosine to the nearest example, -1..1.
    pub(super) fn similarity(&self, vector: &[f32]) -> f64 {
        self.nearest(vector, None)
    }

    /// The similarity from which a prompt counts as like the examples.
    pub(super) fn threshold(&self) -> f64 {
        self.threshold
    }

    fn nearest(&self, vector: &[f32], but: Option<usize>) -> f64 {
        let others = self.examples.iter().enumerate().filter(|(at, _)| Some(*at) != but);
        others.map(|(_, example)| cosine(example, vector)).fold(-1.0, f64::max)
    }

    /// The least similarity that keeps strangers out. Where the examples lie closer together than that asks, halfway up to them: what no
    /// stranger among the few that are known reaches may still be strange.
    fn fitted(&self, strangers: &[Vec<f32>]) -> f64 {
        let mut strange: Vec<f64> = strangers.iter().map(|stranger| self.similarity(stranger)).collect();
        strange.sort_by(f64::total_cmp);
        let kept_out = quantile(&strange, 1.0 - MOST_STRANGERS).unwrap_or(0.5);
        if self.examples.len() < LEAST_EXAMPLES {
            return kept_out.clamp(0.0, 1.0);
        }
        let mut friends: Vec<f64> =
            self.examples.iter().enumerate().map(|(at, example)| self.nearest(example, Some(at))).collect();
        friends.sort_by(f64::total_cmp);
        let friendly = quantile(&friends, 1.0 - LEAST_FRIENDS).unwrap_or(kept_out);
        let threshold = if friendly > kept_out { f64::midpoint(kept_out, friendly) } else { kept_out };
        threshold.clamp(0.0, 1.0)
    }
}

/// Of sorted values: the one that this share of them does not pass.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((share * last as f64).round() as usize).copied()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    f64::from(a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(degrees: f32) -> Vec<f32> {
        vec![degrees.to_radians().cos(), degrees.to_radians().sin()]
    }

    #[test]
    fn strangers_stay_out_and_what_is_among_the_examples_comes_in() {
        let examples: Vec<Vec<f32>> = [0.0, 4.0, 8.0, 12.0, 16.0].map(unit).to_vec();
        let strangers: Vec<Vec<f32>> = (40..180).map(|degrees| unit(degrees as f32)).collect();
        let utterances = Utterances::fit(examples, &strangers, None);
        assert!(utterances.similarity(&unit(10.0)) >= utterances.threshold());
        let passing = strangers.iter().filter(|stranger| utterances.similarity(stranger) >= utterances.threshold());
        assert!(passing.count() as f64 <= 0.04 * strangers.len() as f64);
    }

    #[test]
    fn a_stated_threshold_stands() {
        let utterances = Utterances::fit(vec![unit(0.0)], &[unit(90.0)], Some(0.25));
        assert!((utterances.threshold() - 0.25).abs() < 1e-9);
    }
}
