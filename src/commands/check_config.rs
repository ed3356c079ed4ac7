//! `semroute check-config FILE`: reads a configuration as `serve` would, without keys and without listening.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

use std::path::Path;

use super::{parts, serve};
use crate::http::check_address;
use crate::routing::PRICE_LIST;

/// Checks a file and says what it configures.
pub fn run(path: &Path) -> anyhow::Result<()> {
    let config = parts::read_config(path)?;
    let origin = path.display().to_string();
    let (router, _gateway, keys) = serve::build_parts(&config, &origin, |_| Some("not-looked-at".into()))?;
    let address = check_address(&config.server.listen, keys.required());
    serve::runtime()?.block_on(address).map_err(serve::wrong_address)?;
    println!("{}: ok", path.display());
    println!("  listen      {}", config.server.listen);
    println!("  artifact    {} (strategy {})", router.artifact_name(), config.router.strategy.name());
    println!("  providers   {}", config.providers.len());
    for model in router.registry().models() {
        let price = model.prices.map_or("price unknown".to_owned(), |prices| {
            let list = if model.has_list_price { format!(" ({PRICE_LIST})") } else { String::new() };
            format!("{} / {} USD per million tokens in / out{list}", prices.input.get(), prices.output.get())
        });
        println!("  model       {} on {}: {price}", model.name, model.provider);
    }
    Ok(())
}
