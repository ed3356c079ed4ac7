//! What was chosen so far, for strategies that spread the load. Kept in memory, since the start.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A look at the past choices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Choices made so far.
    pub turn: u64,
    /// How often each model was the first choice.
    chosen: BTreeMap<String, u64>,
}

impl History {
    /// How often this model was the first choice.
    pub fn times_chosen(&self, model: &str) -> u64 {
        self.chosen.get(model).copied().unwrap_or(0)
    }

    /// Remembers a choice.
    pub fn remember(&mut self, model: &str) {
        self.turn += 1;
        if let Some(times) = self.chosen.get_mut(model) {
            *times += 1;
        } else {
            self.chosen.insert(model.to_owned(), 1);
        }
    }
}

/// The history that requests share. Only models of the registry enter it, so it cannot grow.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedHistory(Arc<Mutex<History>>);

impl SharedHistory {
    /// Chooses and remembers as one step, so that two requests at once do not take the same turn.
    pub(super) fn choose<T, E>(&self, choose: impl FnOnce(&History) -> Result<(T, Option<String>), E>) -> Result<T, E> {
        let mut history = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (chosen, model) = choose(&history)?;
        if let Some(model) = model {
            history.remember(&model);
        }
        Ok(chosen)
    }
}
