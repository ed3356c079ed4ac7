//! `semroute log`: work on the log of decisions beside a running server. One file a subcommand.

pub mod export;
mod made_up;
pub mod seed;

/// What to do with the log.
#[derive(Debug, Clone)]
pub enum LogCommand {
    /// Write its rows to a file.
    Export(export::LogExportOptions),
    /// Fill it with made-up ones.
    Seed(seed::SeedCommand),
}

/// Does it.
pub fn run(command: LogCommand) -> anyhow::Result<()> {
    match command {
        LogCommand::Export(options) => export::run(&options),
        LogCommand::Seed(command) => seed::run(&command),
    }
}
