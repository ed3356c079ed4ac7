//! Why no decision could be made, in words that a client may read.

use thiserror::Error;

use super::brain::BrainError;
use super::models_asked::UnknownModelError;
use super::{NoCandidate, OutOfScope};

/// Why no decision could be made.
#[derive(Debug, Error)]
pub enum RouteError {
    /// The model asked for does not exist.
    #[error(transparent)]
    UnknownModel(#[from] UnknownModelError),
    /// No model can serve the request.
    #[error(transparent)]
    NoCandidate(#[from] NoCandidate),
    /// The caller may not be given what was asked for.
    #[error(transparent)]
    OutOfScope(#[from] OutOfScope),
    /// `semantic` was asked for, and there is nothing to be near to.
    #[error("the strategy semantic needs archetypes; add [[archetypes]] to the configuration")]
    NoArchetypes,
    /// The conversation has spent what it may.
    #[error(
        "this conversation has spent {spent_usd:.6} of the {budget_usd} USD that it may, and the rest is not enough; raise its budget or begin another"
    )]
    BudgetSpent {
        /// Spent so far.
        spent_usd: f64,
        /// What it may spend.
        budget_usd: f64,
    },
    /// A rule keeps the texts that are to be embedded from the model.
    #[error("the rule {rule:?} does not let {model} have these texts; ask for a model that it allows")]
    AgainstRule {
        /// The rule's name.
        rule: String,
        /// The model asked for.
        model: String,
    },
    /// Token ids where rules want to read texts.
    #[error("the rules that are configured cannot read token ids; send the texts themselves")]
    UnreadByRules,
    /// The prompt could not be embedded.
    #[error(transparent)]
    Embed(#[from] BrainError),
}

impl RouteError {
    /// The same, where it was a rule that wanted what the caller may not be given.
    pub(super) fn by_rule(self, rule: &str) -> Self {
        match self {
            Self::OutOfScope(outside) => {
                OutOfScope::ByRule { rule: rule.to_owned(), outside: Box::new(outside) }.into()
            }
            error => error,
        }
    }
}
