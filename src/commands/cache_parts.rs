//! Builds the response cache of a configuration: what its answers depend on, and how prompts are found that say nearly the same. Opens no
//! connection.

use super::UsageError;
use crate::config::Config;
use crate::embedder;
use crate::limits::ResponseCache;
use crate::limits::cache::CacheError;
use crate::limits::cache::likeness::Likeness;
use crate::routing::{Router, static_meaning};

/// The cache; `None` where none is configured. `origin` is the file, named in errors; `read_variable` is given the name of the variable with the
/// password of Redis.
pub fn build_cache(
    config: &Config,
    origin: &str,
    router: &Router,
    read_variable: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Option<ResponseCache>> {
    let Some(settings) = &config.cache else { return Ok(None) };
    let wrong = |error: CacheError| UsageError(format!("{origin}: {error}"));
    let generation = generation(config, router.artifact_name());
    let cache = ResponseCache::build(settings, config.shared.as_ref(), read_variable, &generation).map_err(wrong)?;
    let is_semantic = |cache: crate::routing::RouteCache| cache.settings().is_some_and(|settings| settings.semantic);
    if !config.routes.iter().any(|route| route.cache.is_some_and(is_semantic)) {
        return Ok(Some(cache));
    }
    let likeness = Likeness::fit(Box::new(static_meaning(embedder::builtin()?)), settings.pairs.as_deref())
        .map_err(wrong)?
        .remembering(settings.max_likeness_bytes());
    let fitted = likeness.fitted();
    tracing::info!(
        threshold = fitted.threshold,
        held_out_precision = fitted.held_out.precision(),
        held_out_recall = fitted.held_out.recall(),
        "answers are given to prompts that say nearly the same"
    );
    Ok(Some(cache.with_likeness(likeness)))
}

/// Everything in the configuration that an answer depends on, as one text: replicas of one configuration share their answers, and a change of it
/// begins anew. It is hashed and never shown; what a table has not got a word for yet is in it from its first day.
fn generation(config: &Config, artifact: &str) -> String {
    let Config { router, providers, models, rules, routes, archetypes, .. } = config;
    let version = env!("CARGO_PKG_VERSION");
    let text = format!("{version} {artifact} {:?}", (router, providers, models, rules, routes, archetypes));
    blake3::hash(text.as_bytes()).to_hex().to_string()
}
