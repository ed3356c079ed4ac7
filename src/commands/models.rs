//! `semroute models pull NAME | list | verify`: brings embedding models into the local cache, shows what lies there, and
//! reads it again. Knows nothing of how they are downloaded.
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::io::Write as _;
use std::sync::Mutex;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{UsageError, parts};
use crate::embedder::download::{self, ModelFilesError, PullProgress};
use crate::embedder::{BUILTIN, BUILTIN_ENCODER, Embedder as _, builtin, has_builtin_encoder};

/// What `semroute models` is asked to do.
#[derive(Debug, Clone)]
pub enum ModelsOptions {
    /// Bring a model into the cache.
    Pull {
        /// `all-MiniLM-L6-v2` or a hub id, `org/name[@revision]`.
        name: String,
        /// Branch, tag or commit.
        revision: Option<String>,
    },
    /// Show what can be used without a download.
    List,
    /// Read every cached file again and compare it with its manifest.
    Verify,
}

/// Runs one of them. Blocks: it must not be called on a thread that drives other work.
pub fn run(options: &ModelsOptions) -> anyhow::Result<()> {
    match options {
        ModelsOptions::Pull { name, revision } => pull(name, revision.as_deref()),
        ModelsOptions::List => list(),
        ModelsOptions::Verify => verify(),
    }
}

fn pull(name: &str, revision: Option<&str>) -> anyhow::Result<()> {
    let folder = download::pull(name, revision, &TerminalProgress::default()).map_err(by_exit_code)?;
    println!("{}", folder.display());
    Ok(())
}

fn list() -> anyhow::Result<()> {
    let table = builtin().context("the built-in table is broken")?;
    println!("{BUILTIN}\t{} dimensions\tinside the binary", table.identity().dims);
    if has_builtin_encoder() {
        let (manifest, _) = parts::read_artifact(BUILTIN)?;
        for record in manifest.embedders.iter().filter(|record| record.name == BUILTIN_ENCODER) {
            println!("{}\t{} dimensions\tinside the binary", record.name, record.dims);
        }
    }
    for model in download::list()? {
        println!("{}\t{}\t{}\tfrom {}", model.name, megabytes(model.bytes), model.folder.display(), model.source);
    }
    Ok(())
}

fn verify() -> anyhow::Result<()> {
    let verifications = download::verify()?;
    let damaged = verifications.iter().filter(|verification| !verification.problems.is_empty()).count();
    for verification in &verifications {
        match verification.problems.as_slice() {
            [] => println!("{}: ok", verification.name),
            problems => println!("{}: damaged: {}", verification.name, problems.join("; ")),
        }
    }
    if damaged > 0 {
        anyhow::bail!("{damaged} of {} models are damaged; run: semroute models pull NAME", verifications.len());
    }
    if verifications.is_empty() {
        println!("no models in the cache");
    }
    Ok(())
}

/// A wrong name is the caller's mistake; the rest is the world's.
fn by_exit_code(error: ModelFilesError) -> anyhow::Error {
    if error.is_wrong_request() { UsageError(error.to_string()).into() } else { error.into() }
}

fn megabytes(bytes: u64) -> String {
    // Exact enough for people: a model's length stays far below 2^52.
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let megabytes = bytes as f64 / 1e6;
    format!("{megabytes:.1} MB")
}

/// Bars on a terminal, plain lines elsewhere; both on standard error, so that standard output holds the result alone.
#[derive(Default)]
struct TerminalProgress {
    bar: Mutex<Option<ProgressBar>>,
}

impl PullProgress for TerminalProgress {
    fn say(&self, line: &str) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    fn begin_file(&self, name: &str, bytes: Option<u64>) {
        let target = ProgressDrawTarget::stderr();
        if target.is_hidden() {
            let length = bytes.map(|bytes| format!(" ({})", megabytes(bytes))).unwrap_or_default();
            self.say(&format!("downloading {name}{length}"));
            return;
        }
        let bar = ProgressBar::with_draw_target(bytes, target);
        if let Ok(style) =
            ProgressStyle::with_template("{msg} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} ({eta})")
        {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        self.replace(Some(bar));
    }

    fn advance(&self, bytes: u64) {
        if let Ok(bar) = self.bar.lock()
            && let Some(bar) = bar.as_ref()
        {
            bar.inc(bytes);
        }
    }

    fn end_file(&self) {
        self.replace(None);
    }
}

impl TerminalProgress {
    fn replace(&self, bar: Option<ProgressBar>) {
        if let Ok(mut current) = self.bar.lock()
            && let Some(finished) = std::mem::replace(&mut *current, bar)
        {
            finished.finish();
        }
    }
}
