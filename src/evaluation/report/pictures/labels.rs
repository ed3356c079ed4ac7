//! Names beside dots, placed so that no name covers another or a dot: next to its dot where there is room, else farther off with
//! a thin line to it, else nowhere. Plain boxes in pixels; draws nothing.

/// Steps away from the dot that are tried, in pixels.
const DISTANCES_PX: [i32; 5] = [0, 12, 24, 38, 54];
/// From this distance on a line joins name and dot.
const LEAST_LINE_PX: i32 = 12;
/// Eight directions, the preferred first.
const DIRECTIONS: [(i32, i32); 8] = [(1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1)];
/// Between a dot and its name.
const GAP_PX: i32 = 3;
/// What a step farther away costs, beside one for each point of a curve that the name would cover.
const DISTANCE_COST: i32 = 2;
/// What a dot without a name costs: more than any place does.
const UNNAMED_COST: i32 = 10_000;

/// Left, top, right and bottom in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
}

impl Area {
    fn around((x, y): (i32, i32), radius: i32) -> Self {
        Self { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    fn holds(&self, other: &Self) -> bool {
        self.left <= other.left && self.top <= other.top && self.right >= other.right && self.bottom >= other.bottom
    }

    fn has(&self, (x, y): (i32, i32)) -> bool {
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }
}

/// A dot that wants a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dot {
    pub(super) at: (i32, i32),
    pub(super) radius: i32,
    /// Width and height of the name.
    pub(super) name_px: (i32, i32),
}

/// Where a name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) area: Area,
    /// Where a line from the dot ends, if the name stands apart from it.
    pub(super) line_to: Option<(i32, i32)>,
}

/// Places the names. `curve`: points that a name should rather not cover. Who comes first takes the best place, so several orders
/// are tried and the one that is best for all together counts.
pub(super) fn place_names(dots: &[Dot], inside: Area, curve: &[(i32, i32)]) -> Vec<Option<Place>> {
    let given: Vec<usize> = (0..dots.len()).collect();
    let sorted = |key: &dyn Fn(&Dot) -> i32| {
        let mut order = given.clone();
        order.sort_by_key(|at| key(&dots[*at]));
        order
    };
    let orders = [
        given.clone(),
        sorted(&|dot| dot.at.0),
        sorted(&|dot| -dot.at.0),
        sorted(&|dot| dot.at.1),
        sorted(&|dot| -dot.at.1),
    ];
    let tried = orders.iter().map(|order| place_in_order(dots, order, inside, curve));
    tried.min_by_key(|(cost, _)| *cost).map(|(_, places)| places).unwrap_or_default()
}

/// What all places together cost, and the places in the order of the dots.
fn place_in_order(dots: &[Dot], order: &[usize], inside: Area, curve: &[(i32, i32)]) -> (i32, Vec<Option<Place>>) {
    let bodies: Vec<Area> = dots.iter().map(|dot| Area::around(dot.at, dot.radius)).collect();
    let mut taken: Vec<Area> = Vec::new();
    let mut places = vec![None; dots.len()];
    let mut cost_of_all = 0;
    for own in order.iter().copied() {
        let dot = &dots[own];
        let free = |place: &Place| {
            let crosses = |area: &Area| place.line_to.is_some_and(|end| line(dot.at, end).any(|point| area.has(point)));
            inside.holds(&place.area)
                && taken.iter().all(|area| !area.meets(&place.area) && !crosses(area))
                && bodies.iter().enumerate().all(|(at, body)| !body.meets(&place.area) && (at == own || !crosses(body)))
        };
        let cost = |steps: usize, place: &Place| {
            let covered = curve.iter().filter(|point| place.area.has(**point)).count() as i32;
            covered + DISTANCE_COST * steps as i32
        };
        let candidates = DISTANCES_PX.into_iter().enumerate().flat_map(|(steps, distance)| {
            DIRECTIONS.into_iter().map(move |direction| (steps, candidate(dot, direction, distance)))
        });
        // Of equal candidates the first one stays, so the preferred direction.
        let free = candidates.filter(|(_, place)| free(place)).map(|(steps, place)| (cost(steps, &place), place));
        let best = free.min_by_key(|(cost, _)| *cost);
        cost_of_all += best.map_or(UNNAMED_COST, |(cost, _)| cost);
        places[own] = best.map(|(_, place)| place);
        taken.extend(places[own].map(|place| place.area));
    }
    (cost_of_all, places)
}

fn candidate(dot: &Dot, (right, down): (i32, i32), distance: i32) -> Place {
    let (width, height) = dot.name_px;
    let away = dot.radius + GAP_PX + distance;
    // Along a diagonal the name stands as far off as beside the dot.
    let away = if right != 0 && down != 0 { (away * 7 + 9) / 10 } else { away };
    let along = |at: i32, direction: i32, size: i32| match direction {
        1 => at + away,
        -1 => at - away - size,
        _ => at - size / 2,
    };
    let (left, top) = (along(dot.at.0, right, width), along(dot.at.1, down, height));
    let area = Area { left, top, right: left + width, bottom: top + height };
    let nearest = (dot.at.0.clamp(area.left, area.right), dot.at.1.clamp(area.top, area.bottom));
    Place { area, line_to: (distance >= LEAST_LINE_PX).then_some(nearest) }
}

/// The corners of a line and points between them, a few pixels apart.
pub(super) fn along(corners: &[(i32, i32)]) -> Vec<(i32, i32)> {
    let between = corners.windows(2).flat_map(|pair| line(pair[0], pair[1]));
    between.chain(corners.iter().copied()).collect()
}

/// Points along a line, a few pixels apart, without its ends.
fn line(from: (i32, i32), to: (i32, i32)) -> impl Iterator<Item = (i32, i32)> {
    let steps = ((to.0 - from.0).abs().max((to.1 - from.1).abs()) / 3).max(1);
    (1..steps).map(move |step| (from.0 + (to.0 - from.0) * step / steps, from.1 + (to.1 - from.1) * step / steps))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INSIDE: Area = Area { left: 0, top: 0, right: 600, bottom: 400 };

    fn dot(x: i32, y: i32) -> Dot {
        Dot { at: (x, y), radius: 4, name_px: (100, 12) }
    }

    #[test]
    fn a_name_stands_to_the_right_where_there_is_room() {
        let places = place_names(&[dot(300, 200), dot(590, 200)], INSIDE, &[]);
        assert_eq!(
            places[0],
            Some(Place { area: Area { left: 307, top: 194, right: 407, bottom: 206 }, line_to: None })
        );
        assert_eq!(places[1].map(|place| place.area.right), Some(583));
    }

    #[test]
    fn a_name_rather_leaves_a_curve_free() {
        let curve = along(&[(300, 200), (600, 200)]);
        assert_eq!(curve.len(), 101);
        let place = place_names(&[dot(300, 200)], INSIDE, &curve)[0].unwrap();
        assert!(curve.iter().all(|point| !place.area.has(*point)) && place.line_to.is_none());
    }

    #[test]
    fn what_has_no_room_beside_its_dot_stands_apart_on_a_line_or_not_at_all() {
        let column: Vec<Dot> = (0..9).map(|at| dot(300 + 30 * (at % 2), 150 + 5 * at)).collect();
        let lines = |of: &[Option<Place>]| of.iter().flatten().filter(|place| place.line_to.is_some()).count();
        let places = place_names(&column, INSIDE, &[]);
        assert!(lines(&places) > 0, "{places:?}");
        let crowd: Vec<Dot> = (0..60).map(|at| dot(300 + at % 3, 200 + at % 5)).collect();
        let named = place_names(&crowd, INSIDE, &[]).iter().flatten().count();
        assert!((1..12).contains(&named), "{named}");
    }

    proptest! {
        #[test]
        fn no_name_covers_another_or_a_dot(dots in prop::collection::vec((0i32..600, 0i32..400), 1..25)) {
            let dots: Vec<Dot> = dots.into_iter().map(|(x, y)| dot(x, y)).collect();
            let areas: Vec<Area> =
                place_names(&dots, INSIDE, &[]).into_iter().flatten().map(|place| place.area).collect();
            for (at, area) in areas.iter().enumerate() {
                prop_assert!(INSIDE.holds(area));
                prop_assert!(areas[..at].iter().all(|other| !other.meets(area)));
                prop_assert!(dots.iter().all(|dot| !Area::around(dot.at, dot.radius).meets(area)));
            }
        }
    }
}
