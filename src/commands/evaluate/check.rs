//! Flags that do not go together, named before anything is read.

use std::path::Path;

use super::super::UsageError;
use super::EvaluateOptions;

pub(super) fn check(options: &EvaluateOptions) -> Result<(), UsageError> {
    let wrong = |message: &str| Err(UsageError(message.to_owned()));
    let trains = options.folds.is_some() || options.holdout.is_some();
    if options.labels.is_empty() && options.outcomes.is_empty() && options.pairs.is_none() {
        return wrong("nothing to evaluate on: give --labels FILE, --outcomes FILE or --pairs FILE");
    }
    if options.folds.is_some() && options.holdout.is_some() {
        return wrong("--folds and --holdout are two ways to hold rows out; give one of them");
    }
    if trains && options.labels.is_empty() && options.outcomes.is_empty() {
        return wrong("--folds and --holdout train on your rows; give --labels FILE or --outcomes FILE");
    }
    if trains && options.pairs.is_some() {
        return wrong(
            "--pairs measures one router; leave out --folds and --holdout, and name the router with --router",
        );
    }
    if trains && options.config.is_some() {
        return wrong(
            "--config measures one router; leave out --folds and --holdout, and name the router with --router",
        );
    }
    if trains && !options.baseline.is_empty() {
        return wrong(
            "with --folds and --holdout baselines are fitted on the same rows as the router; leave out --baseline",
        );
    }
    if let Some(folds) = options.folds.filter(|folds| *folds < 2) {
        return wrong(&format!("--folds {folds}: at least 2 are needed"));
    }
    if let Some(share) = options.holdout.filter(|share| !(*share > 0.0 && *share < 1.0)) {
        return wrong(&format!("--holdout {share}: expected a share between 0 and 1, as in 0.2"));
    }
    if options.strong.is_some() != options.weak.is_some() {
        return wrong("--strong MODEL and --weak MODEL go together; give both");
    }
    if options.strong.is_some() && options.strong == options.weak {
        return wrong("--strong and --weak name the same model; give two");
    }
    if options.strong.is_some() && options.outcomes.is_empty() {
        return wrong("--strong and --weak compare models by their outcomes; give --outcomes FILE");
    }
    if options.unknown_label.is_some() && options.labels.is_empty() {
        return wrong("--unknown-label names a label of labelled rows; give --labels FILE");
    }
    for (flag, path) in [("--json", &options.json), ("--html", &options.html)] {
        if let Some(path) = path.as_deref().filter(|path| *path != Path::new("-")) {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if folder.is_some_and(|folder| !folder.is_dir()) || path.is_dir() {
                return wrong(&format!(
                    "{flag} {}: no file can be written there; name one in a folder that exists",
                    path.display()
                ));
            }
        }
    }
    if options.html.as_deref() == Some(Path::new("-")) {
        return wrong("--html -: the page goes to a file; name one");
    }
    Ok(())
}
