//! The kernels one by one, for `benches/kernels.rs` to time beside candle's. Nothing else calls this.

use pulp::Arch;

use super::attention::{Attention, AttentionRoom};
use super::byte_matrix::ByteMatrix;
use super::layer::Linear;
use super::matmul::{Finish, PanelWidth};
use super::norm::{AddAndNormalise, Norm};
use super::quantised::QuantisedRows;
use crate::embedder::Precision;

/// One kernel with numbers to work on.
pub struct KernelBench {
    arch: Arch,
    kernel: Kernel,
    input: Vec<f32>,
    out: Vec<f32>,
}

enum Kernel {
    Linear(Linear, Finish, QuantisedRows),
    Attention { hidden: usize, heads: usize, room: AttentionRoom },
    AddAndNormalise(Norm),
}

impl KernelBench {
    /// `rows` times a matrix of `depth` x `columns`, with bias and, where asked, the activation.
    pub fn linear(rows: usize, depth: usize, columns: usize, gelu: bool, precision: Precision) -> Self {
        let arch = Arch::new();
        let (weights, bias) = (numbers(depth * columns), numbers(columns));
        let linear = match precision {
            Precision::Int8 => Linear::of_bytes(&[ByteMatrix::of_numbers(&weights, depth, 1)], &bias),
            _ => Linear::of_numbers(&weights, bias, arch.dispatch(PanelWidth)),
        };
        let finish = if gelu { Finish::Gelu } else { Finish::Nothing };
        let kernel = Kernel::Linear(linear, finish, QuantisedRows::default());
        Self { arch, kernel, input: numbers(rows * depth), out: vec![0.0; rows * columns] }
    }

    /// Attention of one text.
    pub fn attention(tokens: usize, hidden: usize, heads: usize) -> Self {
        let kernel = Kernel::Attention { hidden, heads, room: AttentionRoom::default() };
        Self { arch: Arch::new(), kernel, input: numbers(tokens * 3 * hidden), out: vec![0.0; tokens * hidden] }
    }

    /// Residual and layer normalisation.
    pub fn add_and_normalise(rows: usize, hidden: usize) -> Self {
        let kernel = Kernel::AddAndNormalise(Norm { weight: numbers(hidden), bias: numbers(hidden), epsilon: 1e-12 });
        Self { arch: Arch::new(), kernel, input: numbers(rows * hidden), out: numbers(rows * hidden) }
    }

    /// Once.
    pub fn run(&mut self) -> &[f32] {
        let Self { arch, kernel, input, out } = self;
        match kernel {
            Kernel::Linear(linear, finish, room) => linear.apply(*arch, input, *finish, out, room),
            Kernel::Attention { hidden, heads, room } => {
                let queries = 0..out.len() / *hidden;
                arch.dispatch(Attention { qkv: input, hidden: *hidden, heads: *heads, queries, out, room });
            }
            Kernel::AddAndNormalise(norm) => arch.dispatch(AddAndNormalise { rows: out, added: input, norm }),
        }
        &self.out
    }
}

/// Between -0.5 and 0.5, without a pattern that matters to arithmetic.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|at| (at * 7919 % 1009) as f32 / 1009.0 - 0.5).collect()
}
