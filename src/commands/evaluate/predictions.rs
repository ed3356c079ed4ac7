//! What the router says of every row, and how long it takes for one.

use std::time::Instant;

use super::rows::InputRows;
use crate::classifier::Classification;
use crate::commands::material::Material;
use crate::commands::progress;
use crate::evaluation::report::LatencyReport;
use crate::routing::Brain;

/// Prompts that are timed one by one, evenly spread over the rows.
const MOST_TIMED_PROMPTS: usize = 512;
/// Fewer rows than this are done before a bar could be read.
const LEAST_ROWS_WITH_BAR: usize = 300;

/// What is said of the rows; None where a row was in training and is not measured.
#[derive(Clone)]
pub(super) struct Predictions {
    pub(super) task_labels: Vec<String>,
    pub(super) complexity_labels: Vec<String>,
    pub(super) labels: Vec<Option<BothSaid>>,
    pub(super) outcomes: Vec<Option<BothSaid>>,
    /// Which rows the baselines are fitted on when each row is measured.
    pub(super) split: Split,
}

/// What the tiers say of one row.
#[derive(Clone)]
pub(super) struct BothSaid {
    pub(super) first: Classification,
    /// None where the router is no cascade.
    pub(super) second: Option<Classification>,
    /// Whether the cascade asks the second tier.
    pub(super) is_unsure: bool,
}

impl BothSaid {
    /// What the router says.
    pub(super) fn chosen(&self) -> &Classification {
        self.second.as_ref().filter(|_| self.is_unsure).unwrap_or(&self.first)
    }
}

/// Which label rows a baseline may learn from.
#[derive(Clone)]
pub(super) enum Split {
    /// From the files of `--baseline`.
    BaselineFiles,
    /// From the label rows of other parts: the part of each row, and the parts that are measured.
    Parts { of_row: Vec<usize>, measured: Vec<usize> },
}

impl Predictions {
    pub(super) fn from_brain(brain: &Brain, input: &InputRows) -> anyhow::Result<Self> {
        let texts = input.texts();
        let bar = bar(texts.len(), "classifying");
        let mut of_words = brain.classify_by_both_tiers(&texts, &|done| bar.set_position(done as u64))?.into_iter();
        bar.finish_and_clear();
        let first_tier = brain.classifier().first_tier_embedders();
        let mut both = Vec::new();
        for material in input.materials() {
            both.extend(match material {
                Material::Words(_) => of_words.next(),
                Material::Kept(kept) => {
                    let features = kept.by(brain.embedders(), |embedder| first_tier.contains(&embedder))?;
                    Some(brain.classify_features(&features))
                }
            });
        }
        let mut classified = both.into_iter().map(|both| {
            let is_unsure = brain.classifier().is_unsure(&both.first.classification);
            let second = both.second.map(|second| second.classification);
            Some(BothSaid { first: both.first.classification, second, is_unsure })
        });
        let labels = classified.by_ref().take(input.labels.len()).collect();
        Ok(Self {
            task_labels: brain.task_labels().to_vec(),
            complexity_labels: brain.complexity_labels().to_vec(),
            labels,
            outcomes: classified.collect(),
            split: Split::BaselineFiles,
        })
    }
}

/// Classifies texts, with a bar where there are many.
pub(super) fn classify(brain: &Brain, texts: &[&str]) -> anyhow::Result<Vec<Classification>> {
    let bar = bar(texts.len(), "classifying");
    let classified = brain.classify_many(texts, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    Ok(classified.into_iter().map(|classified| classified.classification).collect())
}

/// A bar on a terminal, for many rows.
pub(super) fn bar(rows: usize, what: &'static str) -> indicatif::ProgressBar {
    if rows < LEAST_ROWS_WITH_BAR { indicatif::ProgressBar::hidden() } else { progress::bar(rows, what) }
}

/// Classifies some prompts one by one, as requests come.
pub(super) fn time_single_prompts(brain: &Brain, input: &InputRows) -> anyhow::Result<Option<LatencyReport>> {
    let texts = input.texts();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let step = texts.len().div_ceil(MOST_TIMED_PROMPTS).max(1);
    let mut timings_us = Vec::with_capacity(MOST_TIMED_PROMPTS);
    for text in texts.iter().step_by(step) {
        let start = Instant::now();
        runtime.block_on(brain.classify(text))?;
        timings_us.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(LatencyReport::from_timings_us(timings_us))
}
