//! The costly parts of an encoder's forward and backward pass on the processor: products, attention, normalisation, activation, dropout. Every
//! function works on rows of plain numbers, is shared among threads by rows, and sums in an order that does not depend on how many threads
//! there are. Knows nothing of layers, weights' names and losses.

mod activation;
mod attention;
mod dropout;
mod norm;
mod product;
mod sums;

pub(super) use activation::{activate, activation_gradient};
pub(super) use attention::{AttentionShape, attend, attention_gradient};
pub(super) use dropout::Dropout;
pub(super) use norm::{Norm, NormTrace};
pub(super) use product::{input_gradient, product, weight_gradient};
pub(super) use sums::{add, column_sums};

use pulp::Arch;

use crate::embedder::PanelWidth;

/// The vectors that this processor has.
#[derive(Clone, Copy)]
pub(super) struct Processor {
    arch: Arch,
    /// Numbers that a packed matrix' panel is wide.
    width: usize,
}

impl Processor {
    pub(super) fn new() -> Self {
        let arch = Arch::new();
        Self { arch, width: arch.dispatch(PanelWidth) }
    }
}

#[cfg(test)]
mod tests;
