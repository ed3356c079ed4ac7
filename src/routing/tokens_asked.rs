//! How many tokens a request would be for the model that it asks for. Decides nothing.

use super::models_asked::ModelAsked;
use super::{CallerScope, RouteError, Router, TokenCounts};

impl Router {
    /// The estimate for the tokenizer of the model that is asked for; where the choice is left to the router, the largest of all models'. An
    /// unknown name is an error as it is for an answer, and tells of no names that the caller may not use.
    pub fn tokens_asked(&self, asked: &str, counts: &TokenCounts, scope: &CallerScope) -> Result<u64, RouteError> {
        let (asked, _) = self.names().read(asked).map_err(|error| error.within(scope))?;
        let named = match &asked {
            ModelAsked::Named(name) => self.registry().get(name),
            ModelAsked::Auto(_) | ModelAsked::Route(_) => None,
        };
        let models = named.map_or_else(|| self.registry().models(), std::slice::from_ref);
        Ok(models.iter().map(|model| counts.expected(model.tokenizer)).max().unwrap_or_default())
    }
}
