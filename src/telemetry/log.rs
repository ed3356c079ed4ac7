//! The log on standard error: which lines it has, and whether they are written for people or for a collector. Decides nothing about what a
//! line says.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, Layer, fmt};

use super::{BoxedLayer, Registry, TRACE, TelemetryError};

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The lines that pass the filter.
pub(super) fn layer<S: Registry>(filter: &str, format: LogFormat) -> Result<BoxedLayer<S>, TelemetryError> {
    let unreadable = |reason: String| TelemetryError::Filter { filter: filter.to_owned(), reason };
    let of_traces = format!("{TRACE}=off").parse().map_err(|_| unreadable("no directive".into()))?;
    let filter = EnvFilter::try_new(filter).map_err(|error| unreadable(error.to_string()))?.add_directive(of_traces);
    let writer = std::io::stderr;
    // Colours are for people: a log that goes to a file or a collector stays plain.
    let colours = writer().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = fmt::layer().with_writer(writer).with_ansi(colours);
    Ok(match format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => {
            // The span of a line is its request; a list of spans would say the same once more.
            let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
            lines.with_filter(filter).boxed()
        }
    })
}
