//! The forward pass of BERT-family encoders on the processor, by kernels of our own: weights packed once, queries, keys and values in one
//! product, activation, residual and normalisation fused to the products they follow, no padding and no allocation by layer. Knows nothing
//! of tokenizers, files and pooling; what it cannot compute (another activation, another device) is candle's plain forward's.

mod attention;
mod bench;
mod byte_matrix;
mod forward;
mod layer;
mod load;
mod matmul;
mod norm;
mod prefetch;
mod quantised;
mod simd;
mod tensors;

pub use bench::KernelBench;
pub(crate) use byte_matrix::ByteMatrix;
pub(super) use forward::FusedEncoder;
pub(crate) use forward::Positions;
pub(super) use load::QKV_PARTS;
pub(crate) use load::{FusedActivation, FusedShape};
pub(crate) use matmul::{Finish, Multiply, PanelWidth, Panels, Rows};
pub(super) use quantised::bytes_are_fast;
pub(crate) use simd::{exp, gelu, gelu_slope};
pub(crate) use tensors::{SCALE, TensorFile};

#[cfg(test)]
mod tests;
