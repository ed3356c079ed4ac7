//! The report as plain aligned text, the same on a terminal and in a pipe.

use std::fmt::Write;

use super::EvaluationReport;
use super::sections::sections;
use super::table::Table;

/// The report as text.
pub fn render_text(report: &EvaluationReport) -> String {
    let mut text = String::new();
    for section in sections(report) {
        if !text.is_empty() {
            text.push('\n');
        }
        write_line(&mut text, &section.title);
        write_line(&mut text, &"=".repeat(section.title.chars().count()));
        for line in &section.lines {
            write_line(&mut text, line);
        }
        for table in &section.tables {
            write_table(&mut text, table);
        }
    }
    text
}

fn write_table(text: &mut String, table: &Table) {
    text.push('\n');
    if !table.title.is_empty() {
        write_line(text, &table.title);
    }
    let widths: Vec<usize> = (0..table.columns.len())
        .map(|column| {
            let cells = table.rows.iter().filter_map(|row| row.get(column));
            cells.chain(table.columns.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    for row in std::iter::once(&table.columns).chain(&table.rows) {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let blanks = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
            let written = if column == 0 { write!(line, "  {cell}{blanks}") } else { write!(line, "  {blanks}{cell}") };
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
        write_line(text, line.trim_end());
    }
}

fn write_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
