//! The report to standard output and files. A file is written under another name and renamed, so that none is half-written.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

use std::io::Write;
use std::path::Path;

use anyhow::Context;

use super::EvaluateOptions;
use crate::evaluation::report::{EvaluationReport, render_html, render_text};

pub(super) fn write(options: &EvaluateOptions, report: &EvaluationReport) -> anyhow::Result<()> {
    if let Some(path) = &options.html {
        write_file(path, &render_html(report)).with_context(|| format!("--html {}", path.display()))?;
    }
    match options.json.as_deref() {
        Some(path) if path == Path::new("-") => {
            println!("{}", serde_json::to_string_pretty(report)?);
            return Ok(());
        }
        Some(path) => {
            let json = serde_json::to_string_pretty(report)? + "\n";
            write_file(path, &json).with_context(|| format!("--json {}", path.display()))?;
        }
        None => {}
    }
    print!("{}", render_text(report));
    Ok(())
}

fn write_file(path: &Path, content: &str) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".semroute-report-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(content.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
