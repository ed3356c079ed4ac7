//! Products of a few rows with a matrix that was packed for it. The matrix stands in panels of two vectors' width, so that a block of rows
//! runs through each panel from its beginning to its end, and every number that is loaded is used for the whole block.

use pulp::{Simd, WithSimd};

use super::prefetch::{Ahead, prefetch};
use super::simd::gelu;

/// A matrix that rows are multiplied with: `depth` x `columns`, cut into panels of so many columns, each of them `depth` rows of
/// `width` numbers. What the last panel lacks is zero.
#[derive(Debug, Clone, Default)]
pub(crate) struct Panels {
    pub(crate) depth: usize,
    pub(crate) columns: usize,
    pub(super) width: usize,
    pub(super) data: Vec<f32>,
}

impl Panels {
    /// Packs the weights of a linear layer as they are stored: `columns` rows of `depth` numbers.
    pub(crate) fn of_weights(weights: &[f32], columns: usize, depth: usize, width: usize) -> Self {
        let mut panels = Self::default();
        panels.reset(depth, columns, width);
        for (column, weights) in weights.chunks_exact(depth).enumerate() {
            panels.set_column(column, weights);
        }
        panels
    }

    /// Makes room, all zero.
    pub(crate) fn reset(&mut self, depth: usize, columns: usize, width: usize) {
        (self.depth, self.columns, self.width) = (depth, columns, width);
        self.data.clear();
        self.data.resize(columns.div_ceil(width) * depth * width, 0.0);
    }

    pub(crate) fn set_column(&mut self, column: usize, values: &[f32]) {
        let panel = &mut self.data[column / self.width * self.depth * self.width..][..self.depth * self.width];
        for (row, value) in panel.chunks_exact_mut(self.width).zip(values) {
            row[column % self.width] = *value;
        }
    }

    /// A row of the matrix, as far as there are values.
    pub(crate) fn set_row(&mut self, row: usize, values: &[f32]) {
        let panel_length = self.depth * self.width;
        for (panel, values) in self.data.chunks_exact_mut(panel_length).zip(values.chunks(self.width)) {
            panel[row * self.width..][..values.len()].copy_from_slice(values);
        }
    }
}

/// Rows of numbers that stand `stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) stride: usize,
}

/// What becomes of a sum before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    Nothing,
    Gelu,
    Relu,
}

/// `rows` rows of `left`, times `right`, plus `bias`. The result's rows stand `out_stride` apart.
pub(crate) struct Multiply<'a> {
    pub(crate) rows: usize,
    pub(crate) left: Rows<'a>,
    pub(crate) right: &'a Panels,
    /// As long as all panels are wide; empty for none.
    pub(crate) bias: &'a [f32],
    pub(crate) finish: Finish,
    pub(crate) out: &'a mut [f32],
    pub(crate) out_stride: usize,
}

/// Numbers that a panel is wide on this processor.
pub(crate) struct PanelWidth;

impl WithSimd for PanelWidth {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> usize {
        2 * S::F32_LANES
    }
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.finish {
            Finish::Nothing => multiply::<S, AsItIs>(simd, self),
            Finish::Gelu => multiply::<S, Gelu>(simd, self),
            Finish::Relu => multiply::<S, Relu>(simd, self),
        }
    }
}

/// A function of one number. Not a closure: those are compiled for any processor, and every operation in them becomes a call.
pub(super) trait Activation {
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s;
}

struct AsItIs;
pub(super) struct Gelu;
pub(super) struct Relu;

impl Activation for AsItIs {
    #[inline(always)]
    fn of<S: Simd>(_simd: S, x: S::f32s) -> S::f32s {
        x
    }
}

impl Activation for Gelu {
    #[inline(always)]
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        gelu(simd, x)
    }
}

impl Activation for Relu {
    #[inline(always)]
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        simd.max_f32s(x, simd.splat_f32s(0.0))
    }
}

#[inline(always)]
fn multiply<S: Simd, A: Activation>(simd: S, product: Multiply<'_>) {
    let Multiply { rows, left, right, bias, out, out_stride, .. } = product;
    let width = 2 * S::F32_LANES;
    assert_eq!(right.width, width, "panels are packed for the processor that multiplies");
    let zero = [simd.splat_f32s(0.0); 2];
    // As many sums as registers hold beside the panel's two vectors and one number of the row: 32 of them with AVX-512 and NEON, 16 before.
    let many_registers = S::REGISTER_COUNT >= 32;
    let blocks = rows.div_ceil(if many_registers { 12 } else { 6 });
    let mut panels = right.data.chunks_exact(right.depth * width).enumerate().peekable();
    while let Some((at, panel)) = panels.next() {
        let column = at * width;
        let mut ahead = Ahead::of(panels.peek().map_or(&[], |(_, next)| *next), blocks);
        let (panel, _) = S::as_simd_f32s(panel);
        let start = match S::as_simd_f32s(bias.get(column..column + width).unwrap_or_default()).0 {
            [first, second] => [*first, *second],
            _ => zero,
        };
        let columns = width.min(right.columns - column);
        let mut row = 0;
        macro_rules! blocks_of {
            ($block:literal) => {
                while rows - row >= $block {
                    let left = Rows { data: &left.data[row * left.stride..], ..left };
                    let sums = block::<S, $block>(simd, left, panel, right.depth, start, ahead.share());
                    for (offset, sums) in sums.into_iter().enumerate() {
                        let out = &mut out[(row + offset) * out_stride + column..][..columns];
                        write(simd, out, [A::of(simd, sums[0]), A::of(simd, sums[1])]);
                    }
                    row += $block;
                }
            };
        }
        if many_registers {
            blocks_of!(12);
            blocks_of!(8);
        }
        blocks_of!(6);
        blocks_of!(4);
        blocks_of!(1);
    }
}

#[inline(always)]
fn block<S: Simd, const ROWS: usize>(
    simd: S,
    left: Rows<'_>,
    panel: &[S::f32s],
    depth: usize,
    start: [S::f32s; 2],
    ahead: &[f32],
) -> [[S::f32s; 2]; ROWS] {
    let mut sums = [start; ROWS];
    let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
    for (at, row) in rows.iter_mut().enumerate() {
        *row = &left.data[at * left.stride..][..depth];
    }
    for (at, right) in panel.chunks_exact(2).take(depth).enumerate() {
        prefetch(ahead, at);
        for (sums, row) in sums.iter_mut().zip(rows) {
            let number = simd.splat_f32s(row[at]);
            sums[0] = simd.mul_add_e_f32s(number, right[0], sums[0]);
            sums[1] = simd.mul_add_e_f32s(number, right[1], sums[1]);
        }
    }
    sums
}

#[inline(always)]
fn write<S: Simd>(simd: S, out: &mut [f32], sums: [S::f32s; 2]) {
    if let ([first, second], _) = S::as_mut_simd_f32s(out) {
        (*first, *second) = (sums[0], sums[1]);
        return;
    }
    let (low, high) = out.split_at_mut(out.len().min(S::F32_LANES));
    simd.partial_store_f32s(low, sums[0]);
    simd.partial_store_f32s(high, sums[1]);
}
