//! `semroute bench`: times the parts of the hot path on this machine, and the running gateway beside a direct call.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

mod embedder;
mod gateway;
mod hot_path;
mod load;
mod timing;

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::whole_file::write_whole;
use crate::embedder::Precision;

/// What to time.
#[derive(Debug, Clone)]
pub struct BenchCommand {
    /// `builtin` or an artifact's folder.
    pub router: String,
    /// An embedder to time instead of the artifact's.
    pub embedder: Option<String>,
    /// Tokens of the timed prompt, special tokens included; of several, the embedder is given one text each.
    pub tokens: Vec<usize>,
    /// How often a call of the embedder holds them.
    pub batch: usize,
    /// Threads of the embedder's arithmetic.
    pub threads: usize,
    /// What a transformer's weights are multiplied as.
    pub precision: Option<Precision>,
    /// Clients at once before a transformer's queue, one row each.
    pub clients: Vec<usize>,
    /// Whether to time the embedder alone.
    pub embedder_only: bool,
    /// Whether to start the gateway and time it.
    pub gateway: bool,
    /// Where the JSON goes.
    pub json: Option<PathBuf>,
}

/// Times and reports.
pub fn run(command: &BenchCommand) -> anyhow::Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(command.threads).build_global()?;
    let mut figures = Map::new();
    figures.insert("semroute".into(), json!(env!("CARGO_PKG_VERSION")));
    figures.insert("optimised".into(), json!(!cfg!(debug_assertions)));
    figures.insert("processor".into(), json!(processor()));
    figures
        .insert("tokens".into(), if let [tokens] = command.tokens[..] { json!(tokens) } else { json!(command.tokens) });
    figures.insert("batch".into(), json!(command.batch));
    figures.insert("threads".into(), json!(command.threads));
    figures.insert("precision".into(), json!(command.precision.unwrap_or_default()));
    embedder::measure(command, &mut figures)?;
    if !command.embedder_only {
        hot_path::measure(command, &mut figures)?;
    }
    if command.gateway && !command.embedder_only {
        gateway::measure(&mut figures)?;
    }
    let to_stdout = command.json.as_deref().is_some_and(|path| path.as_os_str() == "-");
    match &command.json {
        Some(_) if to_stdout => println!("{}", serde_json::to_string_pretty(&figures)?),
        Some(path) => {
            let json = serde_json::to_string_pretty(&figures)? + "\n";
            write_whole("--json", path, |file| Ok(file.write_all(json.as_bytes())?))?;
        }
        None => {}
    }
    if !to_stdout {
        print_figures(&figures);
    }
    Ok(())
}

fn print_figures(figures: &Map<String, Value>) {
    if cfg!(debug_assertions) {
        println!("this is a debug build: these figures say nothing of a release build");
    }
    for (name, value) in figures {
        match value {
            Value::Array(rows) => {
                println!("{name}");
                rows.iter().for_each(|row| println!("  {row}"));
            }
            Value::String(text) => println!("{name:<34} {text}"),
            other => println!("{name:<34} {other}"),
        }
    }
}

/// The processor's own name, where the system tells it.
fn processor() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

/// The most memory that this process has held, where the system tells it.
fn peak_memory_mib() -> Option<f64> {
    status_mib("self", "VmHWM:")
}

/// A size of a process as Linux tells it, to a tenth.
fn status_mib(process: &str, field: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some((kib / 1024.0 * 10.0).round() / 10.0)
}
