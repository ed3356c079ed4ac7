//! Paraphrases to flip rates.

use super::super::UsageError;
use super::chooser::Chooser;
use super::{EvaluateOptions, predictions, rows};
use crate::dataset::PairRow;
use crate::evaluation::Said;
use crate::evaluation::report::PairsReport;
use crate::prompt;
use crate::routing::Brain;

/// Measures how often a paraphrase changes what is said and which model is chosen, if there is a file of pairs.
pub(super) fn measure(
    options: &EvaluateOptions,
    brain: &Brain,
    chooser: Chooser<'_>,
) -> anyhow::Result<Option<PairsReport>> {
    let Some(path) = &options.pairs else { return Ok(None) };
    let pairs: Vec<PairRow> = PairRow::read_file(path).map_err(|error| -> UsageError { rows::usage(&error) })?;
    let read: Vec<_> =
        pairs.iter().flat_map(|pair| [prompt::own_words(&pair.prompt), prompt::own_words(&pair.paraphrase)]).collect();
    let texts: Vec<&str> = read.iter().map(AsRef::as_ref).collect();
    let classified = predictions::classify(brain, &texts)?;
    let said = chooser.said(&texts, &classified.iter().collect::<Vec<_>>())?;
    let model_flip_rate = chooser.name().map(|_| flip_rate(&said, |said| &said.model));
    Ok(Some(PairsReport {
        pairs: pairs.len(),
        task_flip_rate: flip_rate(&said, |said| &said.task),
        complexity_flip_rate: flip_rate(&said, |said| &said.complexity),
        chosen_by: chooser.name(),
        model_flip_rate,
        robustness: model_flip_rate.map(|flips| 1.0 - flips),
    }))
}

/// Share of neighbours, taken two by two, that differ in something.
fn flip_rate<T: PartialEq>(said: &[Said], of: impl Fn(&Said) -> &T) -> f64 {
    let (pairs, _) = said.as_chunks::<2>();
    pairs.iter().filter(|[a, b]| of(a) != of(b)).count() as f64 / pairs.len().max(1) as f64
}
