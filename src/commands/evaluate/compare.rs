//! `--compare`: the same rows by several routers, and of a cascade by each tier alone and by both. What each says is measured on the rows whose label all of them
//! know; what each takes, prompt by prompt in turn, so that whatever else the machine does falls on all alike.

use std::time::Instant;

use super::super::{UsageError, parts};
use super::EvaluateOptions;
use super::field::Field;
use super::predictions::Predictions;
use super::rows::InputRows;
use crate::classifier::ArtifactManifest;
use crate::embedder::BUILTIN;
use crate::evaluation::{ComparisonReport, WayName, WaySaid};
use crate::routing::{Ask, Brain};

/// Prompts that are timed one by one by each way, evenly spread over the rows.
const MOST_TIMED_PROMPTS: usize = 200;

/// One router with what it said of the rows.
struct Compared {
    router: String,
    manifest: ArtifactManifest,
    brain: Brain,
    predictions: Predictions,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Alone,
    First,
    Second,
    Cascade,
}

/// Compares the routers of `--compare` with the evaluated one; `None` where none is named.
pub(super) fn measure(
    options: &EvaluateOptions,
    input: &InputRows,
    own: &Brain,
    said: &Predictions,
) -> anyhow::Result<Option<ComparisonReport>> {
    if options.compare.is_empty() {
        return Ok(None);
    }
    let mut all = vec![Compared {
        router: options.router.clone(),
        manifest: parts::read_artifact(&options.router)?.0,
        brain: own.clone(),
        predictions: said.clone(),
    }];
    for router in &options.compare {
        let embedder = options.embedder.as_deref().unwrap_or("cascade");
        let named = |error: anyhow::Error| match error.downcast::<UsageError>() {
            Ok(UsageError(message)) => UsageError(format!("--compare {router}: {message}")).into(),
            Err(error) => error,
        };
        let brain = parts::open_brain_with(router, embedder, options.precision).map_err(named)?;
        let predictions = Predictions::from_brain(&brain, input)?;
        all.push(Compared { router: router.clone(), manifest: parts::read_artifact(router)?.0, brain, predictions });
    }
    let field = if input.labels.iter().any(|row| row.task.is_some()) { Field::Task } else { Field::Complexity };
    let rows: Vec<usize> = (0..input.labels.len())
        .filter(|row| {
            let label = field.of(&input.labels[*row]);
            all.iter().all(|one| one.predictions.labels[*row].is_some() && one.place(field, label).is_some())
        })
        .collect();
    if rows.is_empty() {
        let message =
            "--compare: no row has a label that all routers know; compare routers that were trained on the same labels";
        return Err(UsageError(message.into()).into());
    }
    let ways: Vec<(usize, Way)> =
        all.iter().enumerate().flat_map(|(at, one)| one.ways().map(move |way| (at, way))).collect();
    let mut timings = time(&all, &ways, input, &rows)?.into_iter();
    let ways =
        ways.into_iter().map(|(at, way)| all[at].said(way, field, input, &rows, timings.next().unwrap_or_default()));
    let name = if field == Field::Task { options.label_field.as_str() } else { "complexity" };
    Ok(Some(ComparisonReport::new(name, ways.collect())))
}

impl Compared {
    fn labels(&self, field: Field) -> &[String] {
        match field {
            Field::Task => &self.predictions.task_labels,
            Field::Complexity => &self.predictions.complexity_labels,
        }
    }

    fn place(&self, field: Field, label: Option<&String>) -> Option<usize> {
        self.labels(field).iter().position(|known| Some(known) == label)
    }

    fn ways(&self) -> impl Iterator<Item = Way> + use<> {
        let ways: &'static [Way] = match self.brain.classifier().second {
            Some(_) => &[Way::First, Way::Second, Way::Cascade],
            None => &[Way::Alone],
        };
        ways.iter().copied()
    }

    fn said(&self, way: Way, field: Field, input: &InputRows, rows: &[usize], timings_us: Vec<f64>) -> WaySaid {
        let (mut truth, mut probabilities, mut asked) = (Vec::new(), Vec::new(), 0usize);
        for row in rows {
            let (Some(said), Some(place)) =
                (&self.predictions.labels[*row], self.place(field, field.of(&input.labels[*row])))
            else {
                continue;
            };
            let by_second =
                said.second.as_ref().filter(|_| way == Way::Second || (way == Way::Cascade && said.is_unsure));
            asked += usize::from(by_second.is_some());
            truth.push(place);
            probabilities.push(field.scores(by_second.unwrap_or(&said.first)).probabilities.clone());
        }
        let name = WayName { router: self.router.clone(), way: way.name(), learnt: self.learnt(way, field) };
        let second_tier_share = asked as f64 / truth.len().max(1) as f64;
        WaySaid { name, labels: self.labels(field).to_vec(), truth, probabilities, second_tier_share, timings_us }
    }

    /// How the heads of a way came to be, as far as the artifact says.
    fn learnt(&self, way: Way, field: Field) -> String {
        let reads_tuned = |embedders: &[usize]| {
            embedders.iter().any(|at| self.manifest.embedders.get(*at).is_some_and(parts::is_fine_tuned))
        };
        let (first, second) = match (field, &self.manifest.second_tier) {
            (Field::Task, second) => (&self.manifest.task, second.as_ref().map(|second| &second.task)),
            (Field::Complexity, second) => {
                (&self.manifest.complexity, second.as_ref().map(|second| &second.complexity))
            }
        };
        let of = |is_tuned: bool| if is_tuned { "fine-tuned" } else { "frozen" };
        let method = self.manifest.card.metrics.get(field.name()).and_then(|of_field| of_field["method"].as_str());
        let first = if method == Some("distilled") { "distilled" } else { of(reads_tuned(&first.embedders)) };
        let second = second.map_or("frozen", |head| of(reads_tuned(&head.embedders)));
        match way {
            Way::Alone | Way::First => first.to_owned(),
            Way::Second => second.to_owned(),
            Way::Cascade => format!("{first}, {second}"),
        }
    }
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::First => "first tier",
            Self::Second => "second tier",
            Self::Cascade => "cascade",
        }
    }

    fn ask(self) -> Ask {
        match self {
            Self::First => Ask::Never,
            Self::Second => Ask::Always,
            Self::Alone | Self::Cascade => Ask::IfUnsure,
        }
    }
}

/// Single prompts, in microseconds, by each way.
fn time(all: &[Compared], ways: &[(usize, Way)], input: &InputRows, rows: &[usize]) -> anyhow::Result<Vec<Vec<f64>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let texts: Vec<&str> = rows.iter().filter_map(|row| input.labels[*row].material.words()).collect();
    let step = texts.len().div_ceil(MOST_TIMED_PROMPTS).max(1);
    let mut timings = vec![Vec::new(); ways.len()];
    for text in texts.into_iter().step_by(step) {
        for ((at, way), timings) in ways.iter().zip(&mut timings) {
            let start = Instant::now();
            runtime.block_on(all[*at].brain.classify_asking(text, way.ask()))?;
            timings.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    Ok(timings)
}

/// What `--compare` cannot go with.
pub(super) fn check(options: &EvaluateOptions) -> Result<(), UsageError> {
    if options.compare.is_empty() {
        return Ok(());
    }
    let wrong = |message: &str| Err(UsageError(message.to_owned()));
    if options.folds.is_some() || options.holdout.is_some() {
        return wrong(
            "--compare measures routers as they are; leave out --folds and --holdout, and name the first with --router",
        );
    }
    if options.labels.is_empty() {
        return wrong("--compare measures what routers say of labelled rows; give --labels FILE");
    }
    if let Some(twice) = options
        .compare
        .iter()
        .enumerate()
        .find(|(at, router)| **router == options.router || options.compare[..*at].contains(*router))
    {
        return wrong(&format!(
            "--compare {}: this router is named twice; name each once, the first with --router",
            twice.1
        ));
    }
    // What is not there is named before anything runs.
    options.compare.iter().filter(|router| *router != BUILTIN).try_for_each(|router| {
        if std::path::Path::new(router).is_dir() {
            return Ok(());
        }
        wrong(&format!("--compare {router}: there is no such artifact; name a folder that train wrote, or builtin"))
    })
}
