//! `semroute log export`: decisions, and what was said of them, as rows that `train` and `evaluate` read. Reads the log page by page beside a
//! running server, and writes a whole file or none. What feedback teaches is `lessons`' business.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

mod lessons;
mod moment;
mod prompts;

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use serde::Serialize;
use time::OffsetDateTime;
use tokio::runtime::Runtime;

use self::lessons::Lessons;
use self::prompts::Prompts;
use crate::commands::{UsageError, parts, progress, whole_file};
use crate::store::{DecisionRecord, Feedback, Judged, LogReading, Store};

/// The flags of `log export`.
#[derive(Debug, Clone)]
pub struct LogExportOptions {
    /// Where the rows go.
    pub output: PathBuf,
    /// Decisions since then: a date, a time, or how long ago.
    pub since: Option<String>,
    /// Decisions before then, in the same words.
    pub until: Option<String>,
    /// Which rows.
    pub rows: ExportedRows,
    /// The configuration that names the store.
    pub config: Option<PathBuf>,
}

/// Which rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportedRows {
    /// Every decision as it was remembered, with what was said of it: for analysis.
    Decisions,
    /// Prompts with the labels that feedback stated or confirmed.
    Labels,
    /// Prompts with the score of the model that answered.
    Outcomes,
}

/// Why a decision gave no row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Skipped {
    /// Neither its prompt nor its features were kept.
    NothingKept,
    /// Its features cannot be used, for this reason.
    Foreign(String),
    /// What was said of it says nothing of this kind.
    NoLesson(&'static str),
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NothingKept => formatter.write_str("neither the prompt nor its features were kept"),
            Self::Foreign(why) => write!(formatter, "their features belong to another space: {why}"),
            Self::NoLesson(why) => formatter.write_str(why),
        }
    }
}

#[derive(Default)]
struct Counts {
    written: u64,
    skipped: BTreeMap<Skipped, u64>,
}

/// Exports and says what was written, what was not, and why.
pub fn run(options: &LogExportOptions) -> anyhow::Result<()> {
    let now = OffsetDateTime::now_utc();
    let at = |flag: &str, text: &Option<String>| {
        let read =
            |text: &String| moment::read(text, now).map_err(|wrong| UsageError(format!("{flag} {text}: {wrong}")));
        text.as_ref().map(read).transpose()
    };
    // Without an end the log could be followed for ever.
    let until_unix_ms = at("--until", &options.until)?.unwrap_or_else(|| moment::unix_ms(now).saturating_add(1));
    let since_unix_ms = at("--since", &options.since)?.unwrap_or(0);
    if since_unix_ms >= until_unix_ms {
        return Err(UsageError("--since is not before --until; no decision can lie between them".into()).into());
    }
    let path = parts::config_path(options.config.as_ref())
        .ok_or_else(|| UsageError("no configuration names the log; give --config FILE".into()))?;
    let config = parts::read_config(path)?;
    let origin = path.display();
    let no_log = || UsageError(format!("{origin}: there is no [store], so nothing was remembered; add one"));
    let log = config.store.as_ref().ok_or_else(no_log)?;
    let lessons = match options.rows {
        ExportedRows::Decisions => None,
        rows => Some((rows, Lessons::of(&config)?, Prompts::of(&config)?)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let store = runtime.block_on(Store::open(log)).with_context(|| origin.to_string())?;
    let mut reading = LogReading::new(since_unix_ms, until_unix_ms, lessons.is_some());
    let mut counts = Counts::default();
    whole_file::write_whole("--output", &options.output, |file| {
        let mut file = BufWriter::new(file);
        write_rows(&runtime, &store, &mut reading, &mut counts, |judged| match &lessons {
            None => line(&AnalysisRow { decision: &judged.decision, feedback: judged.feedback.as_ref() }, &mut file),
            Some((rows, lessons, prompts)) => match lesson_row(*rows, lessons, prompts, judged) {
                Ok(row) => line(&row, &mut file),
                Err(skipped) => Ok(Some(skipped)),
            },
        })?;
        file.flush()?;
        if lessons.is_some() && counts.written == 0 { Err(refusal(&counts).into()) } else { Ok(()) }
    })?;
    runtime.block_on(store.close());
    report(options, &counts);
    Ok(())
}

/// Reads on until the end, and counts. `write` says why it wrote nothing, where it did not.
fn write_rows(
    runtime: &Runtime,
    store: &Store,
    reading: &mut LogReading,
    counts: &mut Counts,
    mut write: impl FnMut(&Judged) -> anyhow::Result<Option<Skipped>>,
) -> anyhow::Result<()> {
    let bar = progress::counter("exporting");
    loop {
        let page = runtime.block_on(store.read_on(reading))?;
        if page.is_empty() {
            bar.finish_and_clear();
            return Ok(());
        }
        for judged in &page {
            match write(judged)? {
                None => counts.written += 1,
                Some(skipped) => *counts.skipped.entry(skipped).or_default() += 1,
            }
        }
        bar.inc(page.len() as u64);
    }
}

fn line(row: &impl Serialize, file: &mut impl Write) -> anyhow::Result<Option<Skipped>> {
    serde_json::to_writer(&mut *file, row)?;
    file.write_all(b"\n")?;
    Ok(None)
}

fn lesson_row(
    rows: ExportedRows,
    lessons: &Lessons,
    prompts: &Prompts,
    judged: &Judged,
) -> Result<serde_json::Map<String, serde_json::Value>, Skipped> {
    let Judged { decision, feedback } = judged;
    let said = feedback.as_ref().ok_or(Skipped::NoLesson("nothing was said of them"))?;
    let lesson = match rows {
        ExportedRows::Outcomes => lessons.outcome(decision, said),
        _ => lessons.labels(decision, said),
    };
    let lesson = lesson.map_err(Skipped::NoLesson)?;
    let mut row = prompts.of_row(decision)?;
    row.extend(lesson);
    Ok(row)
}

/// A decision as it was remembered.
#[derive(Serialize)]
struct AnalysisRow<'a> {
    #[serde(flatten)]
    decision: &'a DecisionRecord,
    feedback: Option<&'a Feedback>,
}

/// Why a file without rows is not written.
fn refusal(counts: &Counts) -> UsageError {
    if counts.skipped.is_empty() {
        return UsageError(
            "nothing was said of any decision of that time, so there is nothing to learn; POST /v1/feedback takes it"
                .into(),
        );
    }
    if counts.skipped.keys().all(|skipped| *skipped == Skipped::NothingKept) {
        let judged: u64 = counts.skipped.values().sum();
        return UsageError(format!(
            "{judged} decision(s) have feedback, but the log kept neither their prompts nor the prompts' features; set [store] \
             log_prompts = \"features\" or \"full\", restart, and export what is logged from then on"
        ));
    }
    let why: Vec<String> = counts.skipped.iter().map(|(why, rows)| format!("{rows}: {why}")).collect();
    UsageError(format!("no row would be written; {}", why.join("; ")))
}

fn report(options: &LogExportOptions, counts: &Counts) {
    let rows = match options.rows {
        ExportedRows::Decisions => "decision",
        ExportedRows::Labels => "label",
        ExportedRows::Outcomes => "outcome",
    };
    println!("wrote {} with {} {rows} row(s)", options.output.display(), counts.written);
    for (why, rows) in &counts.skipped {
        println!("  left out {rows}: {why}");
    }
    let output = options.output.display();
    match options.rows {
        ExportedRows::Decisions => {}
        ExportedRows::Labels => println!("next: semroute train --labels YOUR-ROWS.jsonl {output} --out DIR"),
        ExportedRows::Outcomes => println!("next: semroute train --outcomes {output} --out DIR"),
    }
}
