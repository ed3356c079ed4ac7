//! RouterArena's score: accuracy and cost in one figure.

/// USD for 1,000 queries at which the cost term is 0.
const DEAREST_USD_PER_1000: f64 = 200.0;
/// USD for 1,000 queries at which the cost term is 1.
const CHEAPEST_USD_PER_1000: f64 = 0.0044;
/// Weight of the cost term against accuracy.
const BETA: f64 = 0.1;

/// (1 + b) A C / (b A + C), with C = (log2 200 - log2 c) / (log2 200 - log2 0.0044), c = USD for 1,000 queries, and b = 0.1
/// (RouterArena `compute_scores.py`). Costs beyond either end count as that end, so that the score stays within 0..1.
pub fn arena_score(accuracy: f64, usd_per_1000_queries: f64) -> f64 {
    let usd = usd_per_1000_queries.clamp(CHEAPEST_USD_PER_1000, DEAREST_USD_PER_1000);
    let cost =
        (DEAREST_USD_PER_1000.log2() - usd.log2()) / (DEAREST_USD_PER_1000.log2() - CHEAPEST_USD_PER_1000.log2());
    let denominator = BETA * accuracy + cost;
    if denominator > 0.0 { (1.0 + BETA) * accuracy * cost / denominator } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_worked_by_hand() {
        // At the geometric middle of both ends C is 1/2: 1.1 * 0.6 * 0.5 / (0.06 + 0.5).
        let middle = (200.0f64 * 0.0044).sqrt();
        assert!((arena_score(0.6, middle) - 0.33 / 0.56).abs() < 1e-12);
        assert!((arena_score(0.7, 0.0044) - 1.1 * 0.7 / 1.07).abs() < 1e-12);
    }

    #[test]
    fn costs_beyond_the_ends_count_as_the_ends() {
        assert!((arena_score(0.7, 0.0) - arena_score(0.7, 0.0044)).abs() < 1e-12);
        assert!(arena_score(1.0, 500.0).abs() < 1e-12);
        assert!(arena_score(0.0, 200.0).abs() < 1e-12);
    }
}
