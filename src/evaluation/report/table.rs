//! Tables and sections as they are shown, before it is known whether as text or as HTML.

use super::super::Interval;
use super::pictures::Picture;

/// A headed part of a report.
#[derive(Debug, Clone, Default)]
pub(super) struct Section<'a> {
    pub(super) title: String,
    pub(super) lines: Vec<String>,
    /// Shown by pages only.
    pub(super) pictures: Vec<Picture<'a>>,
    pub(super) tables: Vec<Table>,
}

/// Rows of cells; the first column stands to the left, the others to the right.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) title: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    /// How dark each cell is, 0..1, for a heat map; empty for a plain table. The first column has none.
    pub(super) shades: Vec<Vec<f64>>,
}

impl Table {
    pub(super) fn new(title: &str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Self { title: title.to_owned(), columns, ..Self::default() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

/// Three decimals, or a dash where there is no figure.
pub(super) fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

/// One decimal, or a dash.
pub(super) fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
}

/// Both ends of an interval, or a dash where there is none.
pub(super) fn interval(interval: Option<Interval>, write: impl Fn(f64) -> String) -> String {
    interval.map_or_else(|| "-".to_owned(), |ends| format!("{} to {}", write(ends.low), write(ends.high)))
}

/// A share as percent with one decimal.
pub(super) fn share_percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// A time in the unit that suits it, or a dash where none was taken.
pub(super) fn duration(microseconds: Option<f64>) -> String {
    match microseconds {
        None => "-".to_owned(),
        Some(us) if us < 9.95 => format!("{us:.1} µs"),
        Some(us) if us < 999.5 => format!("{us:.0} µs"),
        Some(us) if us < 999_950.0 => format!("{:.1} ms", us / 1_000.0),
        Some(us) => format!("{:.2} s", us / 1_000_000.0),
    }
}

/// USD for 1,000 queries: enough digits for cheap models.
pub(super) fn usd_per_1000(cost_usd: f64) -> String {
    let usd = cost_usd * 1000.0;
    if usd >= 1.0 { format!("{usd:.2}") } else { format!("{usd:.4}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_the_unit_that_suits_them() {
        for (microseconds, written) in [
            (None, "-"),
            (Some(8.25), "8.2 µs"),
            (Some(52.4), "52 µs"),
            (Some(999.7), "1.0 ms"),
            (Some(12_000.0), "12.0 ms"),
            (Some(1_500_000.0), "1.50 s"),
        ] {
            assert_eq!(duration(microseconds), written);
        }
    }
}
