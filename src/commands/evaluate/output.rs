//! The report to standard output and files, whole or not at all. Computes nothing.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

use std::path::Path;

use super::super::whole_file::write_whole;
use super::EvaluateOptions;
use crate::evaluation::report::{EvaluationReport, render_html, render_text};

pub(super) fn write(options: &EvaluateOptions, report: &EvaluationReport) -> anyhow::Result<()> {
    if let Some(path) = &options.html {
        let html = render_html(report);
        write_whole("--html", path, |file| Ok(file.write_all(html.as_bytes())?))?;
    }
    match options.json.as_deref() {
        Some(path) if path == Path::new("-") => {
            println!("{}", serde_json::to_string_pretty(report)?);
            return Ok(());
        }
        Some(path) => {
            let json = serde_json::to_string_pretty(report)? + "\n";
            write_whole("--json", path, |file| Ok(file.write_all(json.as_bytes())?))?;
        }
        None => {}
    }
    print!("{}", render_text(report));
    Ok(())
}
