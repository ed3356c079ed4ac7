//! `cascade`: a cheap model first, and better ones where its answer does not convince. The gateway judges the answers; here the ladder is made:
//! the cheapest model that keeps a lower share of the best quality than `balanced` asks, then those that better it, each worth its price.

use super::{Candidate, Choosing, Contender, Plan, Rules, by_cost, by_value, cheapest_clearing, share_of_best};

pub(super) struct Cascade;

impl Rules for Cascade {
    fn name(&self) -> &'static str {
        "cascade"
    }

    fn weighs_quality_against_cost(&self) -> bool {
        true
    }

    fn rank(&self, contenders: &mut [Contender<'_>], choosing: &Choosing<'_>) -> String {
        let share = choosing.config.cascade.first_quality_share;
        let gate = share_of_best(contenders, share);
        cheapest_clearing(contenders, |contender| contender.value >= gate);
        let Some((first, others)) = contenders.split_first_mut() else { return String::new() };
        // Rungs rise in price and in quality; what is no better than a cheaper rung comes last, best first.
        others.sort_by(by_cost);
        let mut best_so_far = first.value;
        let mut rung: Vec<(bool, Contender<'_>)> = Vec::with_capacity(others.len());
        for contender in others.iter() {
            let rises = contender.value > best_so_far;
            best_so_far = best_so_far.max(contender.value);
            rung.push((rises, *contender));
        }
        rung.sort_by(|(a_rises, a), (b_rises, b)| {
            let by_kind = if *a_rises && *b_rises { by_cost(a, b) } else { by_value(a, b) };
            b_rises.cmp(a_rises).then(by_kind)
        });
        others.iter_mut().zip(rung).for_each(|(place, (_, contender))| *place = contender);
        format!(
            "the first rung: the cheapest that keeps {:.0}% of the best predicted quality, with better ones to follow",
            share * 100.0
        )
    }

    /// The first rung and the best one always stay; of those between, evenly spaced ones.
    fn shorten<'a>(&self, ranked: Vec<Contender<'a>>, most: usize) -> Vec<Contender<'a>> {
        let rungs = 1 + ranked.windows(2).take_while(|pair| pair[1].value > pair[0].value).count();
        if rungs <= most || most < 2 {
            return ranked.into_iter().take(most).collect();
        }
        (0..most).map(|place| ranked[place * (rungs - 1) / (most - 1)]).collect()
    }

    fn plan(&self, candidates: Vec<Candidate>, choosing: &Choosing<'_>) -> Plan {
        Plan::Escalate { candidates, gate: choosing.config.cascade.gate }
    }
}
