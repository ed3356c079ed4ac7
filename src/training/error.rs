//! Why training stopped: always something about the rows, said so that the user can mend it.

use thiserror::Error;

use crate::embedder::EmbedError;

/// Training stopped.
#[derive(Debug, Error)]
pub enum TrainingError {
    /// One label only.
    #[error("all {rows} rows have the same {target} {label:?}; at least two different labels are needed to learn from")]
    OneLabel {
        /// `task` or `complexity`.
        target: &'static str,
        /// The label.
        label: String,
        /// Rows.
        rows: usize,
    },
    /// A label with a single row, which cannot be learnt and tested.
    #[error("the {target} {label:?} has one row only ({place}); add another, or rename or remove it")]
    LoneRow {
        /// `task` or `complexity`.
        target: &'static str,
        /// The label.
        label: String,
        /// File and line of the row.
        place: String,
    },
    /// Labels whose order is not known.
    #[error(
        "the complexity labels are {found:?}, whose order is not known; give it, easiest first, with --complexity-order"
    )]
    UnknownOrder {
        /// Labels in the rows.
        found: Vec<String>,
    },
    /// An order that lacks a label.
    #[error("{place}: the complexity {label:?} is not in --complexity-order {order:?}")]
    NotInOrder {
        /// The label.
        label: String,
        /// File and line of the row.
        place: String,
        /// The order given.
        order: Vec<String>,
    },
    /// A label of the order without rows.
    #[error("--complexity-order names {label:?}, which no row has")]
    EmptyOrderLabel {
        /// The label.
        label: String,
    },
    /// Too many labels for one head.
    #[error("the rows hold {found} different {target} labels; at most {most} can be told apart. Is the field right?")]
    TooManyLabels {
        /// `task` or `complexity`.
        target: &'static str,
        /// Labels found.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// Nothing to inherit a head from.
    #[error("the rows have no {target} labels, and there is no built-in artifact to inherit its head from")]
    NothingToInherit {
        /// `task` or `complexity`.
        target: &'static str,
    },
    /// Linear algebra failed, which means that vectors are not finite.
    #[error("{0}")]
    Numeric(&'static str),
    /// Embedding failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}
