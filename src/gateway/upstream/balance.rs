//! Which of several endpoints of one model gets the next request. Looks at their load and nothing else.

use tokio::time::Instant;

use super::load::Load;
use crate::routing::Balance;

/// An endpoint that could be asked.
pub(super) struct Contender<'a> {
    pub(super) load: &'a Load,
    pub(super) weight: f64,
}

/// The place of the one to ask; `None` where there is none.
pub(super) fn choose(balance: Balance, contenders: &[Contender<'_>], now: Instant) -> Option<usize> {
    let least = |cost: &dyn Fn(&Contender<'_>) -> f64, of: &[usize]| {
        of.iter().copied().min_by(|a, b| cost(&contenders[*a]).total_cmp(&cost(&contenders[*b])))
    };
    match (balance, contenders.len()) {
        (_, 0) => None,
        (_, 1) => Some(0),
        (Balance::Weighted, _) => Some(weighted(contenders, None)),
        // Of two drawn by weight, the better one: as good as looking at all, and a crowd does not run to one endpoint at once.
        (Balance::Latency, _) => {
            let first = weighted(contenders, None);
            let second = weighted(contenders, Some(first));
            least(&|contender| contender.load.cost(now), &[first, second])
        }
        (Balance::LeastUsed, of) => {
            // Those that are as idle as each other take turns by chance.
            let mut order: Vec<usize> = (0..of).collect();
            fastrand::shuffle(&mut order);
            least(&|contender| (contender.load.in_flight() + 1) as f64 / contender.weight, &order)
        }
    }
}

fn weighted(contenders: &[Contender<'_>], but: Option<usize>) -> usize {
    let weight = |place: usize| if Some(place) == but { 0.0 } else { contenders[place].weight };
    let total: f64 = (0..contenders.len()).map(weight).sum();
    let mut left = fastrand::f64() * total;
    let mut last = 0;
    for place in (0..contenders.len()).filter(|place| Some(*place) != but) {
        last = place;
        left -= weight(place);
        if left < 0.0 {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shares(balance: Balance, contenders: &[Contender<'_>], draws: usize) -> Vec<f64> {
        let mut counts = vec![0usize; contenders.len()];
        for _ in 0..draws {
            counts[choose(balance, contenders, Instant::now()).unwrap()] += 1;
        }
        counts.iter().map(|count| *count as f64 / draws as f64).collect()
    }

    #[test]
    fn weights_are_kept_on_average() {
        let loads = [Load::default(), Load::default(), Load::default()];
        let weights = [1.0, 3.0, 6.0];
        let contenders: Vec<_> = loads.iter().zip(weights).map(|(load, weight)| Contender { load, weight }).collect();
        let shares = shares(Balance::Weighted, &contenders, 20_000);
        for (share, weight) in shares.iter().zip(weights) {
            assert!((share - weight / 10.0).abs() < 0.02, "{shares:?}");
        }
    }

    #[test]
    fn a_slow_endpoint_is_left_and_a_busy_one_spared() {
        let (fast, slow) = (Load::default(), Load::default());
        fast.observe(Duration::from_millis(50), Instant::now());
        slow.observe(Duration::from_millis(500), Instant::now());
        let contenders = [Contender { load: &fast, weight: 1.0 }, Contender { load: &slow, weight: 1.0 }];
        assert!(shares(Balance::Latency, &contenders, 100)[1] < 0.01);
        // Under enough load the slow one is the quicker of the two.
        (0..30).for_each(|_| fast.begin());
        assert!(shares(Balance::Latency, &contenders, 100)[1] > 0.99);
        assert!(shares(Balance::LeastUsed, &contenders, 100)[1] > 0.99);
        assert_eq!(choose(Balance::Latency, &[], Instant::now()), None);
    }
}
