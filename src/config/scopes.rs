//! What keys are bound to, checked against what there is: a scope that names what does not exist is a slip, and says what may have been meant.

use super::Config;
use crate::http::lockable_endpoints;
use crate::limits::Scopes;
use crate::routing::Strategy;

/// Embedders of the router's own, which are models to whoever asks for embeddings. Which there are is the artifact's to say.
const OWN_EMBEDDERS: &str = "semroute/";
/// By Jaro-Winkler, as for the names of models.
const LEAST_SIMILARITY: f64 = 0.75;
/// Names that an error lists.
const MOST_LISTED: usize = 12;

impl Config {
    /// Whether models, strategies and endpoints exist, as `KEY: what is wrong`.
    pub fn check_scopes(&self, scopes: &Scopes) -> Result<(), String> {
        scopes.check()?;
        if scopes == &Scopes::default() {
            return Ok(());
        }
        let models: Vec<String> = self.models.iter().map(|model| model.name.clone()).collect();
        let strategies: Vec<String> = Strategy::ALL.iter().map(|strategy| strategy.name().to_owned()).collect();
        let asked_models = scopes.models.iter().flatten().filter(|name| !name.starts_with(OWN_EMBEDDERS));
        all_known("models", "a model", asked_models, &models)?;
        all_known("strategies", "a strategy", scopes.strategies.iter().flatten(), &strategies)?;
        match &scopes.endpoints {
            Some(endpoints) => all_known("endpoints", "an endpoint", endpoints.iter(), &lockable_endpoints()),
            None => Ok(()),
        }
    }

    /// What the keys of this file are bound to, and whose own keys providers have.
    pub(super) fn check_callers(&self) -> Result<(), String> {
        for (index, key) in self.auth.keys.iter().enumerate() {
            self.check_scopes(&key.scopes()).map_err(|wrong| format!("auth.keys[{index}].{wrong}"))?;
        }
        if let Some(jwt) = &self.auth.jwt {
            self.check_scopes(&jwt.scopes).map_err(|wrong| format!("auth.jwt.scopes.{wrong}"))?;
        }
        for (index, provider) in self.providers.iter().enumerate() {
            let strangers =
                provider.own_keys.iter().enumerate().filter(|(_, own)| !self.may_be_caller(own.caller.trim()));
            if let Some((place, own)) = strangers.into_iter().next() {
                return Err(format!(
                    "providers[{index}].own_keys[{place}].caller: nobody can call by the name {:?}; it is that of an [[auth.keys]] entry, of \
                     a key in the [store], or \"jwt:\" and the name in a token",
                    own.caller
                ));
            }
        }
        Ok(())
    }
}

fn all_known<'a>(
    key: &str,
    what: &str,
    mut asked: impl Iterator<Item = &'a String>,
    known: &[String],
) -> Result<(), String> {
    let Some(name) = asked.find(|name| !known.contains(name)) else { return Ok(()) };
    let shown: String = name.chars().take(100).collect();
    let similarity = |known: &String| strsim::jaro_winkler(&shown.to_lowercase(), &known.to_lowercase());
    let nearest = known.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    let nearest = nearest.filter(|known| similarity(known) >= LEAST_SIMILARITY);
    let meant = nearest.map_or(String::new(), |known| format!("; did you mean {known}?"));
    let listed: Vec<&str> = known.iter().take(MOST_LISTED).map(String::as_str).collect();
    let more = known.len().saturating_sub(listed.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let listed = if listed.is_empty() { "none".to_owned() } else { listed.join(", ") };
    Err(format!("{key}: {shown:?} is not {what}{meant} (there are: {listed}{more})"))
}
