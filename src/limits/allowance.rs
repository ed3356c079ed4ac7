//! What one caller may do: which models, strategies and endpoints, how much in a minute, at once, in a day and in a month. Only says it; nothing is
//! counted here.

use serde::Deserialize;

use super::BudgetConfig;

/// What a key or token may do. By default everything but the administrator's part.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Allowance {
    /// What it may ask for.
    pub scopes: Scopes,
    /// How much of it.
    pub limits: CallerLimits,
    /// Whether it may read what everybody did.
    pub is_admin: bool,
}

/// What a caller may ask for; `None` is everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scopes {
    /// Models, by their names in the registry. They bound what is chosen for it, too.
    pub models: Option<Vec<String>>,
    /// Strategies.
    pub strategies: Option<Vec<String>>,
    /// Endpoints, by their paths.
    pub endpoints: Option<Vec<String>>,
}

impl Scopes {
    /// Whether a matched route may be called: one of the paths, or one below it, as `/v1/models/NAME` is below `/v1/models`.
    pub fn admits_endpoint(&self, route: &str) -> bool {
        let is_below = |path: &String| {
            route.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.endpoints.as_ref().is_none_or(|paths| paths.iter().any(is_below))
    }

    /// A list that allows nothing, by its key, is a slip.
    pub fn check(&self) -> Result<(), String> {
        let lists = [("models", &self.models), ("strategies", &self.strategies), ("endpoints", &self.endpoints)];
        match lists.into_iter().find(|(_, list)| list.as_ref().is_some_and(Vec::is_empty)) {
            Some((key, _)) => {
                Err(format!("{key}: names nothing, so that nothing would be allowed; leave it out to allow all"))
            }
            None => Ok(()),
        }
    }
}

/// How much a caller may do; `None` is without limit.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallerLimits {
    /// Requests that begin within a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens of prompts and answers within a minute.
    pub tokens_per_minute: Option<u64>,
    /// Requests under way at once, streams included.
    pub concurrent: Option<u32>,
    /// USD in a day and in a month.
    pub budget: BudgetConfig,
}

impl CallerLimits {
    /// What is written wrongly, as `KEY: what is wrong`.
    pub fn check(&self) -> Result<(), String> {
        let numbers = [
            ("requests_per_minute", self.requests_per_minute.map(u64::from)),
            ("tokens_per_minute", self.tokens_per_minute),
            ("concurrent", self.concurrent.map(u64::from)),
        ];
        if let Some((key, _)) = numbers.iter().find(|(_, number)| *number == Some(0)) {
            return Err(format!("{key}: 0 would refuse every request; use 1 or more, or leave it out"));
        }
        self.budget.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_for_itself_and_what_is_below_it() {
        let scopes = Scopes { endpoints: Some(vec!["/v1/models".into(), "/v1/messages".into()]), ..Scopes::default() };
        for (route, is_admitted) in [
            ("/v1/models", true),
            ("/v1/models/{*name}", true),
            ("/v1/messages/count_tokens", true),
            ("/v1/modelsx", false),
            ("/v1", false),
            ("/metrics", false),
            ("", false),
        ] {
            assert_eq!(scopes.admits_endpoint(route), is_admitted, "{route}");
        }
        assert!(Scopes::default().admits_endpoint("/anything"));
        assert!(!Scopes { endpoints: Some(Vec::new()), ..Scopes::default() }.admits_endpoint("/v1/models"));
    }
}
