//! `semroute check-config FILE`: reads a configuration as `serve` would, without keys and without listening.

#![expect(clippy::print_stdout, reason = "a command reports on standard output")]

use std::path::Path;

use super::{cache_parts, parts, serve};
use crate::http::check_address;
use crate::limits::ResponseCache;
use crate::limits::cache::likeness::Likeness;
use crate::routing::{Model, PRICE_LIST, Router, in_words};

/// Checks a file and says what it configures.
pub fn run(path: &Path) -> anyhow::Result<()> {
    let config = parts::read_config(path)?;
    let origin = path.display().to_string();
    let not_looked_at = |_: &str| Some("not-looked-at".to_owned());
    let (router, _gateway, keys) = serve::build_parts(&config, &origin, not_looked_at)?;
    let cache = cache_parts::build_cache(&config, &origin, &router, not_looked_at)?;
    let address = check_address(&config.server.listen, keys.required());
    serve::runtime()?.block_on(address).map_err(serve::wrong_address)?;
    println!("{}: ok", path.display());
    let encrypted = if config.server.tls.is_some() { " (https)" } else { "" };
    println!("  listen      {}{encrypted}", config.server.listen);
    println!("  artifact    {} (strategy {})", router.artifact_name(), config.router.strategy.name());
    print_balanced(&router);
    println!("  providers   {}", config.providers.len());
    for model in router.registry().models() {
        let price = model.prices.map_or("price unknown".to_owned(), |prices| {
            let list = if model.has_list_price { format!(" ({PRICE_LIST})") } else { String::new() };
            format!("{} / {} USD per million tokens in / out{list}", prices.input.get(), prices.output.get())
        });
        println!("  model       {} on {}: {price}", model.name, model.provider);
        print_more_of(model);
    }
    for rule in &config.rules {
        println!("  rule        {}", rule.name);
    }
    for route in &config.routes {
        println!("  route       {} (strategy {})", route.name, route.strategy.unwrap_or(config.router.strategy).name());
    }
    for (name, threshold) in router.thresholds() {
        println!("  like        {name}: from a similarity of {threshold:.2} to its nearest utterance");
    }
    if let Some(cache) = &cache {
        print_cache(cache);
    }
    Ok(())
}

fn print_cache(cache: &ResponseCache) {
    println!("  cache       answers are kept for {} seconds", cache.config().ttl_seconds);
    if let Some(fitted) = cache.likeness().map(Likeness::fitted) {
        let (threshold, held_out) = (fitted.threshold, fitted.held_out);
        println!(
            "              semantic: from a similarity of {threshold:.3}; on pairs not fitted on, {} of {} found and {} of {} mistaken",
            held_out.right, held_out.same, held_out.wrong, held_out.different
        );
    }
}

/// Where the dial stands, and what that means on the artifact's validation rows, if it has any of these models.
fn print_balanced(router: &Router) {
    let share = router.quality_share();
    let measured = router.curve().and_then(|curve| in_words(curve, share));
    let means = measured.unwrap_or_else(|| "nothing was measured: the artifact has no outcomes of these models".into());
    println!("  balanced    keeps {:.0}% of the best predicted quality ({means})", share * 100.0);
}

fn print_more_of(model: &Model) {
    let capabilities: Vec<&str> = model.capabilities.iter().map(|capability| capability.name()).collect();
    let can = if capabilities.is_empty() { "text alone".to_owned() } else { capabilities.join(", ") };
    let window =
        model.context_window.map_or("context unknown".to_owned(), |window| format!("{window} tokens of context"));
    println!("              {can}; {window}");
    for (field, value) in &model.settings {
        println!("              always asked with {field} = {value}");
    }
}
