//! Tables and sections as they are shown, before it is known whether as text or as HTML.

/// A headed part of a report.
#[derive(Debug, Clone, Default)]
pub(super) struct Section {
    pub(super) title: String,
    pub(super) lines: Vec<String>,
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

/// USD for 1,000 queries: enough digits for cheap models.
pub(super) fn usd_per_1000(cost_usd: f64) -> String {
    let usd = cost_usd * 1000.0;
    if usd >= 1.0 { format!("{usd:.2}") } else { format!("{usd:.4}") }
}
