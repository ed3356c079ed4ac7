//! `semroute check-config FILE`: reads a configuration as `serve` would, without keys and without listening.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

use std::path::Path;

use super::parts;

/// Checks a file and says what it configures.
pub fn run(path: &Path) -> anyhow::Result<()> {
    let config = parts::read_config(path)?;
    let router = parts::build_router(&config, None)?;
    println!("{}: ok", path.display());
    println!("  listen      {}", config.server.listen);
    println!("  artifact    {} (strategy {})", router.artifact_name(), config.router.strategy.name());
    println!("  providers   {}", config.providers.len());
    for model in router.registry().models() {
        let price = model.prices.map_or("price unknown".to_owned(), |prices| {
            format!("{} / {} USD per million tokens in / out", prices.input.get(), prices.output.get())
        });
        println!("  model       {} on {}: {price}", model.name, model.provider);
    }
    Ok(())
}
