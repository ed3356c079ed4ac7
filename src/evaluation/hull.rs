//! The non-decreasing concave hull of points of cost and quality, and the area under it (RouterBench `evaluation/AIQ.py`).

use serde::Serialize;

/// What a way of routing costs and gives on average.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CostQuality {
    /// Mean real cost of a query, USD.
    pub cost_usd: f64,
    /// Mean real quality, 0..1.
    pub quality: f64,
}

/// The points of the hull by rising cost: the cheapest point, then those that no mixture of two others beats, up to the best
/// one. What costs more than the best one without being better is left out.
pub fn non_decreasing_concave_hull(points: &[CostQuality]) -> Vec<CostQuality> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.cost_usd.total_cmp(&b.cost_usd).then(b.quality.total_cmp(&a.quality)));
    let mut hull: Vec<CostQuality> = Vec::new();
    for point in sorted {
        if hull.last().is_some_and(|last| point.quality <= last.quality) {
            continue;
        }
        while let [.., before, last] = hull.as_slice() {
            // The slope to the new point is at least the one to the last, so the last lies on or under the line.
            let rises = (point.quality - last.quality) * (last.cost_usd - before.cost_usd)
                >= (last.quality - before.quality) * (point.cost_usd - last.cost_usd);
            if !rises {
                break;
            }
            hull.pop();
        }
        hull.push(point);
    }
    hull
}

/// Area under a hull from its cheapest point to `dearest_usd`, divided by `dearest_usd`. The hull goes on to the right at its
/// last value; what lies beyond `dearest_usd` does not count.
pub fn area_under_hull(hull: &[CostQuality], dearest_usd: f64) -> f64 {
    let Some(last) = hull.last() else { return 0.0 };
    if dearest_usd <= 0.0 {
        return last.quality;
    }
    let mut area = (dearest_usd - last.cost_usd).max(0.0) * last.quality;
    for pair in hull.windows(2) {
        let (left, right) = (pair[0], pair[1]);
        let width = right.cost_usd - left.cost_usd;
        let kept = (dearest_usd - left.cost_usd).clamp(0.0, width);
        let end = left.quality + if width > 0.0 { (right.quality - left.quality) * kept / width } else { 0.0 };
        area += kept * (left.quality + end) / 2.0;
    }
    area / dearest_usd
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(cost_usd: f64, quality: f64) -> CostQuality {
        CostQuality { cost_usd, quality }
    }

    #[test]
    fn a_case_worked_by_hand() {
        let points =
            [point(1.0, 0.2), point(2.0, 0.3), point(3.0, 0.8), point(4.0, 0.7), point(5.0, 0.9), point(6.0, 0.9)];
        let hull = non_decreasing_concave_hull(&points);
        assert_eq!(hull, [point(1.0, 0.2), point(3.0, 0.8), point(5.0, 0.9)]);
        // 2 * 0.5 + 2 * 0.85, then on to 10 at 0.9: 1 + 1.7 + 4.5.
        assert!((area_under_hull(&hull, 10.0) - 0.72).abs() < 1e-12);
        // To 4: 1 + 1 * (0.8 + 0.85) / 2.
        assert!((area_under_hull(&hull, 4.0) - 1.825 / 4.0).abs() < 1e-12);
    }

    #[test]
    fn of_two_points_at_one_cost_the_better_counts() {
        assert_eq!(non_decreasing_concave_hull(&[point(1.0, 0.2), point(1.0, 0.6)]), [point(1.0, 0.6)]);
        assert!(area_under_hull(&[], 1.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn the_hull_rises_bends_down_and_covers(points in prop::collection::vec((0.0f64..10.0, 0.0f64..=1.0), 1..40)) {
            let points: Vec<CostQuality> = points.into_iter().map(|(cost, quality)| point(cost, quality)).collect();
            let hull = non_decreasing_concave_hull(&points);
            for pair in hull.windows(2) {
                prop_assert!(pair[0].cost_usd < pair[1].cost_usd && pair[0].quality < pair[1].quality);
            }
            for three in hull.windows(3) {
                let slope = |a: CostQuality, b: CostQuality| (b.quality - a.quality) / (b.cost_usd - a.cost_usd);
                prop_assert!(slope(three[0], three[1]) >= slope(three[1], three[2]) - 1e-9);
            }
            for point in &points {
                let at = hull.partition_point(|corner| corner.cost_usd <= point.cost_usd);
                let height = match (hull.get(at.wrapping_sub(1)), hull.get(at)) {
                    (Some(left), Some(right)) => {
                        let fraction = (point.cost_usd - left.cost_usd) / (right.cost_usd - left.cost_usd);
                        left.quality + fraction * (right.quality - left.quality)
                    }
                    (Some(last), None) => last.quality,
                    _ => f64::NAN,
                };
                prop_assert!(height >= point.quality - 1e-9, "{point:?} lies above the hull");
            }
            prop_assert!((0.0..=1.0).contains(&area_under_hull(&hull, 10.0)));
        }
    }
}
