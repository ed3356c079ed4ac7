//! Temperature scaling (Guo et al. 2017): the one number that makes softmax(score / T) say how often it is right.

/// The temperature with the least loss, by golden-section search on its logarithm: the likelihood has one optimum in 1/T.
pub(super) fn golden_section(loss: impl Fn(f64) -> f64) -> f32 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    const STEPS: usize = 40;
    let loss = |log_temperature: f64| loss(libm::exp(log_temperature));
    let (mut low, mut high) = (libm::log(0.002), libm::log(50.0));
    let (mut left, mut right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut loss_left, mut loss_right) = (loss(left), loss(right));
    for _ in 0..STEPS {
        if loss_left < loss_right {
            high = right;
            (right, loss_right) = (left, loss_left);
            left = high - GOLDEN * (high - low);
            loss_left = loss(left);
        } else {
            low = left;
            (left, loss_left) = (right, loss_right);
            right = low + GOLDEN * (high - low);
            loss_right = loss(right);
        }
    }
    libm::exp(f64::midpoint(low, high)) as f32
}

#[cfg(test)]
mod tests {
    use super::super::held_out::{HeldOut, Scores};

    #[test]
    fn the_fitted_temperature_gives_back_the_true_frequencies() {
        // Two labels, cosines 0.2 apart, right three times in four: p = 0.75 means exp(0.2 / T) = 3.
        let held_out = HeldOut {
            rows: (0..400).collect(),
            truth: (0..400).map(|row| usize::from(row % 4 == 0)).collect(),
            scores: vec![Scores::Labels(vec![0.5, 0.3]); 400],
        };
        let temperature = f64::from(held_out.best_temperature());
        assert!((temperature - 0.2 / 3f64.ln()).abs() < 1e-4, "{temperature}");
    }
}
