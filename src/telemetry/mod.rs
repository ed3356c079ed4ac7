//! What the process tells of itself while it runs: the log on standard error and, with the feature `otlp`, traces for an OpenTelemetry
//! collector. Knows nothing of requests: who makes a span says what stands in it, and nobody puts a prompt or a key there.

mod context;
#[cfg(feature = "otlp")]
mod export;
mod log;
#[cfg(feature = "otlp")]
mod traces;

use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

pub use context::{TraceContext, adopt, context_of};
pub use log::LogFormat;

/// The target of spans that are made for traces. The log never shows them, and where no traces are sent they cost next to nothing.
pub const TRACE: &str = "semroute::trace";

/// Spans for the collector, by what became of them: `ended`, `exported`, `failed`. What ended and neither left nor waits found the queue full.
pub const SPANS: &str = "semroute_trace_spans_total";

/// Where traces go by the standard's own variables. Traces are sent where one of them is set.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Why nothing can be told.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter of the log cannot be read.
    #[error("--log {filter:?}: {reason}; write a level such as info, or semroute=debug")]
    Filter {
        /// As it was given.
        filter: String,
        /// What is wrong.
        reason: String,
    },
    /// There is a log already.
    #[error("the log cannot be started: {0}")]
    Log(String),
    /// The collector's address or the headers for it are wrong.
    #[error(
        "traces cannot be sent: {0}; set OTEL_EXPORTER_OTLP_ENDPOINT to the collector's address, such as http://127.0.0.1:4318"
    )]
    Traces(String),
}

/// What is told, and how.
#[derive(Debug, Clone, Copy)]
pub struct TelemetryOptions<'a> {
    /// Which lines the log has.
    pub filter: &'a str,
    /// How they are written.
    pub format: LogFormat,
    /// Whether this is a server, whose requests are worth a trace.
    pub serves: bool,
}

/// Lasts as long as something may be told. Dropping it sends the spans that wait.
#[must_use]
pub struct Telemetry {
    #[cfg(feature = "otlp")]
    _traces: Option<traces::Traces>,
}

/// Starts the log and, where the environment names a collector, the traces.
pub fn start(options: TelemetryOptions<'_>) -> Result<Telemetry, TelemetryError> {
    let wants_traces = options.serves && traces_are_wanted(|name| std::env::var(name).ok());
    let lines = log::layer(options.filter, options.format)?;
    let registry = tracing_subscriber::registry().with(lines);
    #[cfg(feature = "otlp")]
    {
        let traces = wants_traces.then(traces::Traces::start).transpose()?;
        begin(registry.with(traces.as_ref().map(traces::Traces::layer)))?;
        Ok(Telemetry { _traces: traces })
    }
    #[cfg(not(feature = "otlp"))]
    {
        begin(registry)?;
        if wants_traces {
            tracing::warn!(
                "the environment names a collector for traces, and this build has none: build it with --features otlp"
            );
        }
        Ok(Telemetry {})
    }
}

fn begin(subscriber: impl Subscriber + Send + Sync + 'static) -> Result<(), TelemetryError> {
    subscriber.try_init().map_err(|error| TelemetryError::Log(error.to_string()))
}

fn traces_are_wanted(read: impl Fn(&str) -> Option<String>) -> bool {
    let is_off = read("OTEL_SDK_DISABLED").is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
        || read("OTEL_TRACES_EXPORTER").is_some_and(|value| value.trim() == "none");
    !is_off && ENDPOINTS.iter().any(|name| read(name).is_some_and(|value| !value.trim().is_empty()))
}

/// A layer of any kind, for a subscriber that is still being put together.
type BoxedLayer<S> = Box<dyn Layer<S> + Send + Sync>;

/// What every layer here asks of what it stands on.
trait Registry: Subscriber + for<'span> LookupSpan<'span> + Send + Sync + 'static {}

impl<S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync + 'static> Registry for S {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_sent_where_the_environment_names_a_collector() {
        let wanted = |variables: &[(&str, &str)]| {
            traces_are_wanted(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let collector = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        assert!(wanted(&[collector]));
        assert!(wanted(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4318/v1/traces")]));
        assert!(!wanted(&[]));
        assert!(!wanted(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]));
        assert!(!wanted(&[collector, ("OTEL_SDK_DISABLED", "TRUE")]));
        assert!(!wanted(&[collector, ("OTEL_TRACES_EXPORTER", "none")]));
    }
}
