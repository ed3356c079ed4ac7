//! Paraphrases to flip rates.

use super::super::UsageError;
use super::{EvaluateOptions, configured, predictions, rows};
use crate::dataset::PairRow;
use crate::evaluation::report::PairsReport;
use crate::prompt;
use crate::routing::Brain;

/// Measures how often a paraphrase changes what is said, if there is a file of pairs.
pub(super) fn measure(options: &EvaluateOptions, brain: &Brain) -> anyhow::Result<Option<PairsReport>> {
    let Some(path) = &options.pairs else { return Ok(None) };
    let pairs: Vec<PairRow> = PairRow::read_file(path).map_err(|error| -> UsageError { rows::usage(&error) })?;
    let read: Vec<_> =
        pairs.iter().flat_map(|pair| [prompt::own_words(&pair.prompt), prompt::own_words(&pair.paraphrase)]).collect();
    let texts: Vec<&str> = read.iter().map(AsRef::as_ref).collect();
    let said = predictions::classify(brain, &texts)?;
    let tasks: Vec<usize> = said.iter().map(|said| said.task.best()).collect();
    let complexities: Vec<usize> = said.iter().map(|said| said.complexity.best()).collect();
    let model_flip_rate = match configured::router(options)? {
        Some(router) => {
            let chosen = configured::choices_of(&router, &texts)?;
            let models: Vec<String> = chosen.into_iter().map(|choice| choice.model).collect();
            Some(flip_rate(&models))
        }
        None => None,
    };
    Ok(Some(PairsReport {
        pairs: pairs.len(),
        task_flip_rate: flip_rate(&tasks),
        complexity_flip_rate: flip_rate(&complexities),
        model_flip_rate,
        robustness: model_flip_rate.map(|flips| 1.0 - flips),
    }))
}

/// Share of neighbours, taken two by two, that differ.
fn flip_rate<T: PartialEq>(said: &[T]) -> f64 {
    let (pairs, _) = said.as_chunks::<2>();
    pairs.iter().filter(|[a, b]| a != b).count() as f64 / pairs.len().max(1) as f64
}
