//! Below which confidence a router does better to say that it does not know: read from the risk-coverage curve of held-out rows.

/// Abstaining must pay: of the rows that are given up, at least this share must be wrong.
const LEAST_WRONG_SHARE: f64 = 0.6;
/// And no more rows than this share are given up.
const MOST_GIVEN_UP: f64 = 0.1;

/// A threshold of the risk-coverage curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AbstainThreshold {
    /// Least confidence that is kept.
    pub(super) confidence: f64,
    /// Share of the held-out rows that are kept.
    pub(super) coverage: f64,
    /// Share of the kept that are wrong.
    pub(super) risk: f64,
}

/// The threshold that gives up most rows beyond the share of wrong ones that makes it worth it: below it abstaining pays, above it no
/// longer. `rows`: confidence, and whether the label was right.
pub(super) fn fit(rows: &[(f64, bool)]) -> AbstainThreshold {
    let mut rising: Vec<(f64, bool)> = rows.to_vec();
    rising.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all = rising.len().max(1) as f64;
    let all_wrong = rising.iter().filter(|(_, right)| !right).count();
    let mut best = AbstainThreshold { confidence: 0.0, coverage: 1.0, risk: all_wrong as f64 / all };
    let mut wrong = 0;
    let mut most_gained = 0.0;
    for (given_up, pair) in rising.windows(2).enumerate() {
        wrong += usize::from(!pair[0].1);
        let given_up = given_up + 1;
        if pair[0].0 == pair[1].0 || given_up as f64 > MOST_GIVEN_UP * all {
            continue;
        }
        let gained = wrong as f64 - LEAST_WRONG_SHARE * given_up as f64;
        if gained > most_gained {
            most_gained = gained;
            let kept = all - given_up as f64;
            best = AbstainThreshold {
                confidence: f64::midpoint(pair[0].0, pair[1].0),
                coverage: kept / all,
                risk: (all_wrong - wrong) as f64 / kept,
            };
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mostly_wrong_is_given_up_and_no_more() {
        // 5 rows at 0.1 of which 1 is right, 95 at 0.9 of which all are right.
        let mut rows: Vec<(f64, bool)> = (0..5).map(|at| (0.1 + f64::from(at) * 0.001, at == 0)).collect();
        rows.extend((0..95).map(|at| (0.9 + f64::from(at) * 0.001, true)));
        let fitted = fit(&rows);
        assert!((0.1..0.9).contains(&fitted.confidence), "{fitted:?}");
        assert!((fitted.coverage - 0.95).abs() < 1e-9 && fitted.risk == 0.0, "{fitted:?}");
    }

    #[test]
    fn a_router_that_is_always_right_never_abstains() {
        let rows: Vec<(f64, bool)> = (0..50).map(|at| (f64::from(at) / 50.0, true)).collect();
        assert_eq!(fit(&rows).coverage, 1.0);
    }
}
