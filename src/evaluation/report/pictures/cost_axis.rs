//! An axis of costs: in steps of a factor where costs lie far apart, in even steps where they do not. Draws nothing itself.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// Costs that span more than this factor stand on a logarithmic axis.
const MOST_LINEAR_SPAN: f64 = 20.0;
/// Marks of an even axis are as many as this or fewer.
const MOST_MARKS: f64 = 7.0;
/// Room beside the outermost costs, as a share of the axis.
const MARGIN: f64 = 0.05;

/// The axis; costs of any unit.
#[derive(Debug, Clone)]
pub(super) struct CostAxis {
    logarithmic: bool,
    /// Places of both ends.
    from: f64,
    to: f64,
}

impl Ranged for CostAxis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, cost: &f64, (from, to): (i32, i32)) -> i32 {
        let share = (self.place(*cost) - self.from) / (self.to - self.from);
        from + (f64::from(to - from) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.marks().into_iter().map(|(cost, _)| cost).collect()
    }

    fn range(&self) -> Range<f64> {
        self.cost(self.from)..self.cost(self.to)
    }
}

impl CostAxis {
    /// An axis that holds all the costs. A cost of nothing has no logarithm, so where there is one, steps are even.
    pub(super) fn new(costs: impl Iterator<Item = f64>) -> Self {
        let (least, most) =
            costs.fold((f64::INFINITY, 0.0_f64), |(least, most), cost| (least.min(cost), most.max(cost)));
        let logarithmic = least > 0.0 && most > least * MOST_LINEAR_SPAN;
        if logarithmic {
            let (from, to) = (least.log10(), most.log10());
            let margin = (to - from) * MARGIN;
            return Self { logarithmic, from: from - margin, to: to + margin };
        }
        let least = if least.is_finite() { least } else { 0.0 };
        let margin = if most > least { (most - least) * MARGIN } else { (most * 0.5).max(f64::MIN_POSITIVE) };
        let most = if most > 0.0 { most + margin } else { 1.0 };
        Self { logarithmic, from: (least - margin).max(0.0), to: most }
    }

    /// Whether it goes in steps of a factor.
    pub(super) fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// Costs from one to another, evenly spread over the axis, without the first.
    pub(super) fn between(&self, from: f64, to: f64, pieces: usize) -> impl Iterator<Item = f64> {
        let (start, width) = (self.place(from), self.place(to) - self.place(from));
        (1..=pieces).map(
            move |piece| {
                if piece == pieces { to } else { self.cost(start + width * piece as f64 / pieces as f64) }
            },
        )
    }

    /// How a mark is written.
    pub(super) fn write(&self, cost: &f64) -> String {
        let marks = self.marks().into_iter();
        let nearest = marks.min_by(|a, b| (a.0 - cost).abs().total_cmp(&(b.0 - cost).abs()));
        nearest.map(|(_, written)| written).unwrap_or_default()
    }

    fn place(&self, cost: f64) -> f64 {
        if self.logarithmic { cost.max(f64::MIN_POSITIVE).log10() } else { cost }
    }

    fn cost(&self, place: f64) -> f64 {
        if self.logarithmic { 10f64.powf(place) } else { place }
    }

    /// Round costs, and how they are written.
    fn marks(&self) -> Vec<(f64, String)> {
        if self.logarithmic { self.marks_of_factors() } else { self.even_marks() }
    }

    fn marks_of_factors(&self) -> Vec<(f64, String)> {
        let span = self.to - self.from;
        let factors: &[f64] = if span <= 2.2 {
            &[1.0, 2.0, 5.0]
        } else if span <= 4.0 {
            &[1.0, 3.0]
        } else {
            &[1.0]
        };
        let powers = self.from.floor() as i32..=self.to.ceil() as i32;
        let marks = powers.flat_map(|power| {
            factors.iter().map(move |factor| {
                let cost = factor * 10f64.powi(power);
                (cost, format!("{cost:.*}", power.min(0).unsigned_abs() as usize))
            })
        });
        marks.filter(|(cost, _)| (self.from..=self.to).contains(&cost.log10())).collect()
    }

    fn even_marks(&self) -> Vec<(f64, String)> {
        let least = (self.to - self.from) / MOST_MARKS;
        let power = least.log10().floor() as i32;
        let unit = 10f64.powi(power);
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * unit).into_iter().find(|step| *step >= least);
        let step = step.unwrap_or(10.0 * unit);
        let decimals = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
        let first = (self.from / step).ceil() as u64;
        (first..)
            .map(|mark| mark as f64 * step)
            .take_while(|cost| *cost <= self.to)
            .map(|cost| (cost, format!("{cost:.decimals$}")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(costs: &[f64]) -> Vec<String> {
        CostAxis::new(costs.iter().copied()).marks().into_iter().map(|(_, written)| written).collect()
    }

    #[test]
    fn marks_are_round() {
        assert_eq!(written(&[0.04, 3.0]), ["0.05", "0.1", "0.2", "0.5", "1", "2"]);
        assert_eq!(written(&[0.004, 9.0]), ["0.003", "0.01", "0.03", "0.1", "0.3", "1", "3", "10"]);
        assert_eq!(written(&[0.0, 3.0]), ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0"]);
        assert_eq!(written(&[0.01, 0.03]), ["0.010", "0.015", "0.020", "0.025", "0.030"]);
        assert_eq!(written(&[0.0]), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    }

    #[test]
    fn only_costs_that_lie_far_apart_go_by_factors() {
        for (costs, logarithmic) in [([1.0, 19.0], false), ([1.0, 21.0], true), ([0.0, 21.0], false)] {
            assert_eq!(CostAxis::new(costs.into_iter()).is_logarithmic(), logarithmic);
        }
    }

    #[test]
    fn a_factor_is_as_wide_wherever_it_stands() {
        let axis = CostAxis::new([0.01, 100.0].into_iter());
        let place = |cost: f64| axis.map(&cost, (0, 1100));
        // Four powers of ten, and a twentieth of them on either side.
        assert_eq!([0.01, 0.1, 1.0, 10.0, 100.0].map(place), [50, 300, 550, 800, 1050]);
        let between: Vec<i32> = axis.between(0.1, 10.0, 2).map(place).collect();
        assert_eq!(between, [550, 800]);
    }

    proptest! {
        #[test]
        fn every_cost_has_its_place(costs in prop::collection::vec(1e-6f64..1e4, 1..12)) {
            let axis = CostAxis::new(costs.iter().copied());
            prop_assert!(axis.from < axis.to);
            for cost in &costs {
                let place = axis.place(*cost);
                prop_assert!((axis.from..=axis.to).contains(&place));
                prop_assert!((axis.cost(place) - cost).abs() <= 1e-9 * cost);
            }
            let marks = axis.marks();
            prop_assert!((1..=14).contains(&marks.len()), "{:?}", marks);
        }
    }
}
