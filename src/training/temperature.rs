//! Temperature scaling (Guo et al. 2017): the one number that makes softmax(cosine / T) say how often it is right.

/// The temperature with the least mean negative log-likelihood of the true labels, by golden-section search on its logarithm:
/// the likelihood has one optimum in 1/T.
pub(super) fn fit_temperature(cosines: &[Vec<f32>], truth: &[usize]) -> f32 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let loss = |log_temperature: f64| negative_log_likelihood(cosines, truth, log_temperature.exp());
    let (mut low, mut high) = (0.002f64.ln(), 20.0f64.ln());
    let (mut left, mut right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut loss_left, mut loss_right) = (loss(left), loss(right));
    for _ in 0..60 {
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
    f64::midpoint(low, high).exp() as f32
}

/// Mean of -ln p(truth) under softmax(cosine / temperature).
pub(super) fn negative_log_likelihood(cosines: &[Vec<f32>], truth: &[usize], temperature: f64) -> f64 {
    let total: f64 = cosines
        .iter()
        .zip(truth)
        .map(|(row, &label)| {
            let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = row.iter().map(|cosine| (f64::from(cosine - most) / temperature).exp()).sum();
            sum.ln() - f64::from(row[label] - most) / temperature
        })
        .sum();
    total / cosines.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fitted_temperature_gives_back_the_true_frequencies() {
        // Two labels, cosines 0.2 apart, right three times in four: p = 0.75 means exp(0.2 / T) = 3.
        let cosines = vec![vec![0.5, 0.3]; 400];
        let truth: Vec<usize> = (0..400).map(|row| usize::from(row % 4 == 0)).collect();
        let temperature = f64::from(fit_temperature(&cosines, &truth));
        assert!((temperature - 0.2 / 3f64.ln()).abs() < 1e-4, "{temperature}");
    }
}
