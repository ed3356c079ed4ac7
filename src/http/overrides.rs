//! Reads what a request's headers ask of routing. A value that means nothing is refused by the header's name.

use axum::http::HeaderMap;

use super::error::ApiError;
use crate::routing::{Overrides, Strategy};

const STRATEGY: &str = "x-semroute-strategy";
const MIN_QUALITY: &str = "x-semroute-min-quality";

/// `x-semroute-strategy` and `x-semroute-min-quality`.
pub(super) fn read(headers: &HeaderMap) -> Result<Overrides, ApiError> {
    let mut overrides = Overrides::default();
    if let Some(text) = text(headers, STRATEGY)? {
        let strategy = text.parse::<Strategy>().map_err(|error| ApiError::bad_header(STRATEGY, &error.to_string()))?;
        overrides.strategy = Some(strategy);
    }
    if let Some(text) = text(headers, MIN_QUALITY)? {
        let quality = text.parse::<f64>().ok().filter(|quality| (0.0..=1.0).contains(quality));
        let refuse = || ApiError::bad_header(MIN_QUALITY, "expected a number from 0 to 1");
        overrides.min_quality = Some(quality.ok_or_else(refuse)?);
    }
    Ok(overrides)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ApiError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().map_err(|_| ApiError::bad_header(name, "expected plain ASCII text"))?;
    Ok(Some(text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_values_are_read_and_bad_ones_refused() {
        let read_one = |name: &'static str, value: &'static str| {
            read(&HeaderMap::from_iter([(name.parse().ok()?, value.parse().ok()?)])).ok()
        };
        assert_eq!(read_one(STRATEGY, "best").and_then(|o| o.strategy), Some(Strategy::Best));
        assert_eq!(read_one(MIN_QUALITY, " 0.8 ").and_then(|o| o.min_quality), Some(0.8));
        for (name, value) in [
            (STRATEGY, "bestest"),
            (STRATEGY, ""),
            (MIN_QUALITY, "1.1"),
            (MIN_QUALITY, "NaN"),
            (MIN_QUALITY, "-0.1"),
            (MIN_QUALITY, "high"),
        ] {
            assert!(read_one(name, value).is_none(), "{name}: {value}");
        }
    }
}
