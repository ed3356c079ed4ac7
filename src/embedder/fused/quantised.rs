//! Products of whole numbers of 8 bits, in parts of the inputs, so that one large number costs only its own part its digits: in each part the
//! weights have one scale a column, packed once, and rows a scale and a zero of their own, found as they come. Where the processor multiplies four bytes at once (AVX-512 VNNI) `vnni` does it, and plain code elsewhere; both give the same numbers.

#[cfg(target_arch = "x86_64")]
mod vnni;

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::byte_matrix::ByteMatrix;
use super::matmul::{Activation, Finish, Gelu, Relu};

/// Whether this processor multiplies bytes faster than numbers of 32 bits.
pub(in crate::embedder) fn bytes_are_fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    return vnni::is_here();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Columns of a panel: two vectors of sixteen sums.
pub(super) const PANEL_COLUMNS: usize = 32;
/// Bytes that one instruction multiplies and adds up for one column.
const GROUP: usize = 4;
/// Rows reach from 0 to 255, weights from -127 to 127.
const HIGHEST_INPUT: f32 = 255.0;
/// 1.5 * 2^23: adding it leaves a whole number in the lowest bits.
const ROUNDING: f32 = 12_582_912.0;

/// Four inputs' weights for each column of a panel.
type PanelGroup = [[i8; GROUP]; PANEL_COLUMNS];

/// The weights of a linear map, as bytes.
#[derive(Debug, Clone)]
pub(super) struct QuantisedPanels {
    depth: usize,
    pub(super) columns: usize,
    parts: Vec<Part>,
}

/// The weights of some inputs.
#[derive(Debug, Clone)]
struct Part {
    inputs: Range<usize>,
    /// Panel after panel, each as many groups as `groups()`.
    data: Vec<PanelGroup>,
    /// By column, as long as all panels are wide.
    columns: Vec<Column>,
    /// Whether its numbers are added to those of the parts before it.
    adds: bool,
}

/// What turns a column's sum of bytes into a number.
#[derive(Debug, Clone, Copy, Default)]
struct Column {
    scale: f32,
    /// Of all weights, as bytes: what a row's zero is taken from the sum with.
    sum: f32,
    bias: f32,
}

impl QuantisedPanels {
    /// Matrices over the same inputs in the same parts, their outputs one after the other, and a bias for each. More parts keep more digits and take
    /// longer, for the sums of each become numbers by themselves.
    pub(super) fn of_matrices(matrices: &[ByteMatrix], bias: &[f32]) -> Self {
        let depth = matrices.first().map_or(1, ByteMatrix::inputs);
        let ranges = matrices.first().into_iter().flat_map(ByteMatrix::ranges);
        let parts = ranges.enumerate().map(|(part, inputs)| Part::of_matrices(matrices, part, inputs, bias)).collect();
        Self { depth, columns: bias.len(), parts }
    }
}

impl Part {
    fn of_matrices(matrices: &[ByteMatrix], part: usize, inputs: Range<usize>, bias: &[f32]) -> Self {
        let groups = inputs.len().div_ceil(GROUP);
        let panels = bias.len().div_ceil(PANEL_COLUMNS);
        let mut data = vec![[[0; GROUP]; PANEL_COLUMNS]; panels * groups];
        let mut columns = vec![Column::default(); panels * PANEL_COLUMNS];
        let rows = matrices.iter().flat_map(|matrix| (0..matrix.outputs()).map(move |output| (matrix, output)));
        for (at, ((matrix, output), bias)) in rows.zip(bias).enumerate() {
            let (bytes, scale) = matrix.row(output, part, &inputs);
            let mut sum = 0;
            let panel = &mut data[at / PANEL_COLUMNS * groups..][..groups];
            for (input, byte) in bytes.iter().enumerate() {
                let byte = byte.cast_signed();
                sum += i32::from(byte);
                panel[input / GROUP][at % PANEL_COLUMNS][input % GROUP] = byte;
            }
            columns[at] = Column { scale, sum: sum as f32, bias: *bias };
        }
        let adds = inputs.start > 0;
        Self { inputs, data, columns, adds }
    }

    fn groups(&self) -> usize {
        self.inputs.len().div_ceil(GROUP)
    }
}

/// A part's inputs of all rows as bytes, made anew for every product; the room stays.
#[derive(Debug, Default)]
pub(super) struct QuantisedRows {
    /// Whole groups; what the last one lacks is the row's zero times weights that are zero.
    data: Vec<[u8; GROUP]>,
    rows: Vec<RowScale>,
}

/// A row's number is `scale * (byte - zero)`.
#[derive(Debug, Clone, Copy)]
struct RowScale {
    scale: f32,
    zero: f32,
}

impl QuantisedRows {
    #[inline(always)]
    fn fill(&mut self, left: &[f32], depth: usize, inputs: &Range<usize>) {
        let groups = inputs.len().div_ceil(GROUP);
        let rows = left.len() / depth;
        self.data.resize(rows * groups, [0; GROUP]);
        self.rows.clear();
        for (row, bytes) in left.chunks_exact(depth).zip(self.data.chunks_exact_mut(groups)) {
            let row = &row[inputs.clone()];
            let (mut lowest, mut highest) = ([0f32; 16], [0f32; 16]);
            let (chunks, rest) = row.as_chunks::<16>();
            for chunk in chunks {
                for ((x, lowest), highest) in chunk.iter().zip(&mut lowest).zip(&mut highest) {
                    *lowest = if *x < *lowest { *x } else { *lowest };
                    *highest = if *x > *highest { *x } else { *highest };
                }
            }
            let lowest = lowest.iter().chain(rest).fold(0f32, |lowest, x| lowest.min(*x));
            let highest = highest.iter().chain(rest).fold(0f32, |highest, x| highest.max(*x));
            let range = highest - lowest;
            let scale = if range > 0.0 { range / HIGHEST_INPUT } else { 1.0 };
            let (inverse, zero) = (1.0 / scale, (-lowest / scale).round());
            let shift = zero + ROUNDING;
            for (byte, x) in bytes.as_flattened_mut().iter_mut().zip(row) {
                // The zero was rounded, so that the row's highest or lowest may lie half a step outside; as a byte it would come back at the other end.
                let shifted = (x * inverse + shift).clamp(ROUNDING, ROUNDING + HIGHEST_INPUT);
                #[expect(clippy::cast_possible_truncation, reason = "between 0 and 255: the lowest byte is the number")]
                let whole = shifted.to_bits() as u8;
                *byte = whole;
            }
            self.rows.push(RowScale { scale, zero });
        }
    }
}

/// `left` times `right`, plus the bias, finished and written to `out`: [rows, columns].
pub(super) struct MultiplyQuantised<'a> {
    pub(super) left: &'a [f32],
    pub(super) right: &'a QuantisedPanels,
    pub(super) finish: Finish,
    pub(super) out: &'a mut [f32],
    pub(super) room: &'a mut QuantisedRows,
}

impl MultiplyQuantised<'_> {
    pub(super) fn run(self, arch: Arch) {
        let Self { left, right, finish, out, room } = self;
        for part in &right.parts {
            arch.dispatch(Quantise { left, depth: right.depth, inputs: &part.inputs, room });
            #[cfg(target_arch = "x86_64")]
            let done = vnni::multiply(part, room, right.columns, out);
            #[cfg(not(target_arch = "x86_64"))]
            let done = false;
            if !done {
                arch.dispatch(MultiplyPlainly { part, room, columns: right.columns, out });
            }
        }
        if finish != Finish::Nothing {
            arch.dispatch(FinishAll { finish, out });
        }
    }
}

struct Quantise<'a> {
    left: &'a [f32],
    depth: usize,
    inputs: &'a Range<usize>,
    room: &'a mut QuantisedRows,
}

impl WithSimd for Quantise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        self.room.fill(self.left, self.depth, self.inputs);
    }
}

/// What any processor can; the compiler makes the best of it for the one that was dispatched for.
struct MultiplyPlainly<'a> {
    part: &'a Part,
    room: &'a QuantisedRows,
    columns: usize,
    out: &'a mut [f32],
}

impl WithSimd for MultiplyPlainly<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { part, room, columns, out } = self;
        let groups = part.groups();
        for ((row, scale), out) in room.data.chunks_exact(groups).zip(&room.rows).zip(out.chunks_exact_mut(columns)) {
            let panels = part.data.chunks_exact(groups).zip(part.columns.chunks_exact(PANEL_COLUMNS));
            for ((panel, columns), out) in panels.zip(out.chunks_mut(PANEL_COLUMNS)) {
                let mut sums = [0i32; PANEL_COLUMNS];
                for (inputs, weights) in row.iter().zip(panel) {
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        for (input, weight) in inputs.iter().zip(weights) {
                            *sum += i32::from(*input) * i32::from(*weight);
                        }
                    }
                }
                for ((out, sum), column) in out.iter_mut().zip(sums).zip(columns) {
                    let start = if part.adds { *out } else { column.bias };
                    *out = (sum as f32 - scale.zero * column.sum) * (scale.scale * column.scale) + start;
                }
            }
        }
    }
}

struct FinishAll<'a> {
    finish: Finish,
    out: &'a mut [f32],
}

impl WithSimd for FinishAll<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.finish {
            Finish::Nothing => {}
            Finish::Gelu => finish_all::<S, Gelu>(simd, self.out),
            Finish::Relu => finish_all::<S, Relu>(simd, self.out),
        }
    }
}

#[inline(always)]
fn finish_all<S: Simd, A: Activation>(simd: S, out: &mut [f32]) {
    let (whole, rest) = S::as_mut_simd_f32s(out);
    for x in whole {
        *x = A::of(simd, *x);
    }
    if !rest.is_empty() {
        let finished = A::of(simd, simd.partial_load_f32s(rest));
        simd.partial_store_f32s(rest, finished);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panels_of(weights: &[f32], bias: &[f32], parts: usize) -> QuantisedPanels {
        QuantisedPanels::of_matrices(&[ByteMatrix::of_numbers(weights, weights.len() / bias.len(), parts)], bias)
    }

    /// Numbers between -1 and 1 with no pattern.
    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut random = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(|| random.f32() * 2.0 - 1.0).take(count).collect()
    }

    #[test]
    fn products_are_near_those_of_the_numbers_themselves() {
        let shapes =
            [(1, 4, 1, 1), (3, 7, 33, 1), (13, 384, 96, 1), (25, 129, 31, 1), (13, 384, 96, 2), (2, 195, 40, 4)];
        for (rows, depth, columns, parts) in shapes {
            let (left, weights, bias) = (numbers(rows * depth, 1), numbers(columns * depth, 2), numbers(columns, 3));
            let right = panels_of(&weights, &bias, parts);
            let mut out = vec![0.0; rows * columns];
            let mut room = QuantisedRows::default();
            MultiplyQuantised { left: &left, right: &right, finish: Finish::Nothing, out: &mut out, room: &mut room }
                .run(Arch::new());
            let mut plain = vec![0.0; rows * columns];
            for part in &right.parts {
                Arch::new().dispatch(Quantise { left: &left, depth, inputs: &part.inputs, room: &mut room });
                Arch::new().dispatch(MultiplyPlainly { part, room: &room, columns, out: &mut plain });
            }
            // Each product is off by half a step of the row times a weight, and half a step of the weight times a number: at random.
            let allowed = 6.0 * (depth as f32).sqrt() * (1.0 / 255.0 + 1.0 / 127.0) / 2.0;
            for (row, left) in left.chunks_exact(depth).enumerate() {
                for (column, weights) in weights.chunks_exact(depth).enumerate() {
                    let exact: f32 = left.iter().zip(weights).map(|(x, y)| x * y).sum::<f32>() + bias[column];
                    let (found, plain) = (out[row * columns + column], plain[row * columns + column]);
                    assert!((found - exact).abs() < allowed, "{rows} x {depth} x {columns}: {found} for {exact}");
                    assert!((found - plain).abs() < 1e-4, "{found} and, without VNNI, {plain}");
                }
            }
        }
    }

    #[test]
    fn the_ends_of_a_row_stay_at_their_ends() {
        let right = panels_of(&[1.0, 0.0, 0.0, 1.0], &[0.0, 0.0], 1);
        // Steps of one; the zero lies halfway between two of them, and rounding it pushes one end half a step out.
        for lowest in [0.0f32, -0.5, -1.5, -10.5, -127.5, -254.5, -255.0] {
            let left = [lowest, lowest + 255.0];
            let mut out = [0.0; 2];
            let room = &mut QuantisedRows::default();
            MultiplyQuantised { left: &left, right: &right, finish: Finish::Nothing, out: &mut out, room }
                .run(Arch::new());
            for (found, number) in out.iter().zip(left) {
                assert!((found - number).abs() <= 1.0, "{found} for {number}");
            }
        }
    }

    #[test]
    fn rows_of_zeros_and_weights_of_zeros_give_the_bias() {
        let right = panels_of(&[0.0; 8], &[0.5, -0.5], 1);
        let mut out = [9.0; 4];
        let left = [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0];
        let room = &mut QuantisedRows::default();
        MultiplyQuantised { left: &left, right: &right, finish: Finish::Relu, out: &mut out, room }.run(Arch::new());
        assert_eq!(out, [0.5, 0.0, 0.5, 0.0]);
    }
}
