//! Reads what a request's headers ask of routing, and who asks. A value that means nothing is refused by the header's name.

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::AppState;
use super::authentication::PresentedKey;
use super::error::ApiError;
use crate::limits::KnownCaller;
use crate::routing::{Bounds, Caller, CallerScope, Dial, Overrides, Places, Strategy};

const STRATEGY: &str = "x-semroute-strategy";
const MIN_QUALITY: &str = "x-semroute-min-quality";
const QUALITY: &str = "x-semroute-quality";
const MAX_QUALITY_LOSS: &str = "x-semroute-max-quality-loss";
const MAX_COST_USD: &str = "x-semroute-max-cost-usd";
const MAX_SECONDS: &str = "x-semroute-max-seconds";
const PROVIDERS: &str = "x-semroute-providers";
const REGIONS: &str = "x-semroute-regions";
const SESSION: &str = "x-session-id";
const SESSION_BUDGET_USD: &str = "x-semroute-session-budget-usd";

/// A longer name of a conversation is somebody's mistake.
const MOST_SESSION_CHARACTERS: usize = 256;

/// What a request asks of routing beside its body.
pub(super) struct Asked(pub(super) Overrides);

impl FromRequestParts<AppState> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let mut overrides = read(&parts.headers)?;
        let named = |name: String| Some((name.clone(), parts.headers.get(&name)?.to_str().ok()?.trim().to_owned()));
        let headers: BTreeMap<String, String> =
            state.parts.router.rule_headers().iter().cloned().filter_map(named).collect();
        let presented = parts.extensions.get::<PresentedKey>().map(|PresentedKey(caller)| caller);
        let key = presented.and_then(|caller| Some(caller.name.as_ref()?.to_string()));
        let scope = scope(state, presented);
        overrides.caller = Caller { key, identity: presented.map(|caller| caller.identity.clone()), scope, headers };
        Ok(Self(overrides))
    }
}

/// What a caller may be given: as its key says, and not from providers that want a key of its own and have none.
pub(super) fn scope(state: &AppState, caller: Option<&KnownCaller>) -> CallerScope {
    let scopes = caller.map(|caller| &caller.allowance.scopes);
    CallerScope {
        models: scopes.and_then(|scopes| scopes.models.clone()),
        strategies: scopes.and_then(|scopes| scopes.strategies.clone()),
        closed_providers: state.parts.gateway.closed_to(caller.and_then(|caller| caller.name.as_deref())),
    }
}

fn read(headers: &HeaderMap) -> Result<Overrides, ApiError> {
    let share = |name| number(headers, name, "expected a number from 0 to 1", |value| (0.0..=1.0).contains(&value));
    let positive = |name| number(headers, name, "expected a number above 0", |value| value.is_finite() && value > 0.0);
    let strategy = text(headers, STRATEGY)?
        .map(|text| text.parse::<Strategy>().map_err(|error| ApiError::bad_header(STRATEGY, &error.to_string())))
        .transpose()?;
    let dial = match (share(QUALITY)?, share(MAX_QUALITY_LOSS)?) {
        (Some(_), Some(_)) => {
            let message = format!("{QUALITY} is given too; they are two scales of one dial");
            return Err(ApiError::bad_header(MAX_QUALITY_LOSS, &message));
        }
        (quality, loss) => quality.map(Dial::Quality).or(loss.map(Dial::MaxLoss)),
    };
    let bounds = Bounds {
        min_quality: share(MIN_QUALITY)?,
        max_cost_usd: positive(MAX_COST_USD)?,
        max_seconds: positive(MAX_SECONDS)?,
        models: None,
        providers: places(headers, PROVIDERS)?,
        regions: places(headers, REGIONS)?,
        closed_providers: Vec::new(),
    };
    let session = text(headers, SESSION)?.filter(|name| !name.is_empty());
    if session.is_some_and(|name| name.chars().count() > MOST_SESSION_CHARACTERS) {
        let message = format!("expected at most {MOST_SESSION_CHARACTERS} characters");
        return Err(ApiError::bad_header(SESSION, &message));
    }
    let session_budget_usd = positive(SESSION_BUDGET_USD)?;
    if session_budget_usd.is_some() && session.is_none() {
        // Without a name, strangers who begin with the same words would share it.
        return Err(ApiError::bad_header(
            SESSION_BUDGET_USD,
            &format!("needs {SESSION}, which names the conversation"),
        ));
    }
    Ok(Overrides {
        strategy,
        dial,
        bounds,
        session: session.map(str::to_owned),
        session_budget_usd,
        caller: Caller::default(),
        dry_run: false,
    })
}

fn places(headers: &HeaderMap, name: &str) -> Result<Places, ApiError> {
    let Some(text) = text(headers, name)? else { return Ok(Places::default()) };
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if names.iter().any(|name| name.trim_start_matches('!').trim().is_empty()) {
        return Err(ApiError::bad_header(
            name,
            "expected names separated by commas, with a ! before those that may not serve",
        ));
    }
    Ok(Places::from(names))
}

fn number(
    headers: &HeaderMap,
    name: &str,
    expected: &str,
    is_good: impl Fn(f64) -> bool,
) -> Result<Option<f64>, ApiError> {
    let Some(text) = text(headers, name)? else { return Ok(None) };
    let value = text.parse::<f64>().ok().filter(|value| is_good(*value));
    value.map(Some).ok_or_else(|| ApiError::bad_header(name, expected))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ApiError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().map_err(|_| ApiError::bad_header(name, "expected plain ASCII text"))?;
    Ok(Some(text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(name: &'static str, value: &'static str) -> Option<Overrides> {
        read(&HeaderMap::from_iter([(name.parse().ok()?, value.parse().ok()?)])).ok()
    }

    #[test]
    fn good_values_are_read() {
        let asked = |name, value| read_one(name, value).unwrap();
        assert_eq!(asked(STRATEGY, "best").strategy, Some(Strategy::Best));
        assert_eq!(asked(MIN_QUALITY, " 0.8 ").bounds.min_quality, Some(0.8));
        assert_eq!(asked(QUALITY, "0.25").dial, Some(Dial::Quality(0.25)));
        assert_eq!(asked(MAX_QUALITY_LOSS, "0").dial, Some(Dial::MaxLoss(0.0)));
        assert_eq!(asked(MAX_COST_USD, "1e-3").bounds.max_cost_usd, Some(0.001));
        assert_eq!(asked(MAX_SECONDS, "20").bounds.max_seconds, Some(20.0));
        assert_eq!(asked(SESSION, "s-1").session.as_deref(), Some("s-1"));
        let places = Places::from(vec!["eu".to_owned(), "!us".to_owned()]);
        assert_eq!(asked(REGIONS, "eu, !us").bounds.regions, places);
    }

    #[test]
    fn bad_values_are_refused() {
        for (name, value) in [
            (STRATEGY, "bestest"),
            (STRATEGY, ""),
            (MIN_QUALITY, "1.1"),
            (MIN_QUALITY, "NaN"),
            (MIN_QUALITY, "-0.1"),
            (MIN_QUALITY, "high"),
            (QUALITY, "2"),
            (MAX_COST_USD, "0"),
            (MAX_COST_USD, "inf"),
            (MAX_SECONDS, "-1"),
            (PROVIDERS, "openai,,azure"),
            (PROVIDERS, "!"),
            (SESSION_BUDGET_USD, "free"),
        ] {
            assert!(read_one(name, value).is_none(), "{name}: {value}");
        }
        let budget: HeaderMap = [(SESSION_BUDGET_USD, "0.5"), (SESSION, "s-1")]
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        assert_eq!(read(&budget).unwrap().session_budget_usd, Some(0.5));
        assert!(read_one(SESSION_BUDGET_USD, "0.5").is_none(), "a budget needs a conversation with a name");
        let both = [(QUALITY, "0.5"), (MAX_QUALITY_LOSS, "0.1")];
        assert!(
            read(&both.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect())
                .is_err()
        );
    }
}
