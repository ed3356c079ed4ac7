//! What a request's `Cache-Control` asks of the cache. Words that mean nothing here are passed over, as HTTP asks.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Directives {
    /// The answer is neither taken from the cache nor kept.
    pub(super) no_store: bool,
    /// It is not taken from the cache, and kept.
    pub(super) no_cache: bool,
    /// An older one is not wanted.
    pub(super) max_age: Option<Duration>,
}

impl Directives {
    /// Reads every `Cache-Control` of a request.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        for word in values.flat_map(|value| value.split(',')) {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" => directives.no_store = true,
                "no-cache" => directives.no_cache = true,
                "max-age" => {
                    let seconds = value.trim().trim_matches('"').parse().ok();
                    directives.max_age = seconds.map(Duration::from_secs).or(directives.max_age);
                }
                _ => {}
            }
        }
        // Whatever is kept is older than not at all.
        directives.no_cache |= directives.max_age == Some(Duration::ZERO);
        directives
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_case_and_odd_ones_passed_over() {
        let read = |value: &str| Directives::read(&HeaderMap::from_iter([(CACHE_CONTROL, value.parse().unwrap())]));
        let nothing = Directives::default();
        assert_eq!(read("No-Store , max-stale"), Directives { no_store: true, ..nothing });
        assert_eq!(read("no-cache"), Directives { no_cache: true, ..nothing });
        assert_eq!(read("max-age=60"), Directives { max_age: Some(Duration::from_secs(60)), ..nothing });
        assert!(read("max-age=0").no_cache);
        for odd in ["", "max-age=soon", "max-age=-1", "no-storage", "=,;", "private"] {
            assert_eq!(read(odd), nothing, "{odd}");
        }
    }
}
