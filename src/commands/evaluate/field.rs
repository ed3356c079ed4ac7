//! The two things that label rows may say: what a prompt asks for and how hard it is. Where the row has it, and where an answer does.

use super::rows::TextLabels;
use crate::classifier::{Classification, LabelScores};

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Task,
    Complexity,
}

impl Field {
    /// The row's own label.
    pub(super) fn of(self, row: &TextLabels) -> Option<&String> {
        match self {
            Self::Task => row.task.as_ref(),
            Self::Complexity => row.complexity.as_ref(),
        }
    }

    /// What was said of it.
    pub(super) fn scores(self, said: &Classification) -> &LabelScores {
        match self {
            Self::Task => &said.task,
            Self::Complexity => &said.complexity,
        }
    }

    /// As the tensors of an artifact are called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Complexity => "complexity",
        }
    }
}
