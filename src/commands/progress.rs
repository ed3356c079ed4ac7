//! Progress of long work: a bar on a terminal, nothing where standard error is piped.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `length` steps of `what`; hidden unless standard error is a terminal.
pub fn bar(length: usize, what: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length as u64).with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{msg:>12} [{bar:30}] {pos}/{len} {per_sec} {eta}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// A counter of what has no known length; hidden unless standard error is a terminal.
pub fn counter(what: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let counter = ProgressBar::no_length().with_message(what);
    match ProgressStyle::with_template("{msg:>12} {pos} {per_sec}") {
        Ok(style) => counter.with_style(style),
        Err(_) => counter,
    }
}
