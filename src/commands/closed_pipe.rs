//! A reader of standard output that has seen enough, as in `semroute route --input FILE | head -1`, is no failure: the command
//! ends there, quietly and with 0. Only standard output is meant; a connection that breaks is still an error.

use std::io::ErrorKind;

/// From here on a `println!` without a reader ends the process, where it would panic.
pub fn end_quietly() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload_as_str().unwrap_or_default();
        if message.starts_with("failed printing to stdout") && message.contains("Broken pipe") {
            std::process::exit(0);
        }
        report(panic);
    }));
}

/// Whether writing failed because nobody reads any more.
pub fn caused(error: &anyhow::Error) -> bool {
    let broken = |error: &std::io::Error| error.kind() == ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(broken))
}
