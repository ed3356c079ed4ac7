//! The product of bytes by AVX-512 VNNI, which multiplies four pairs of bytes and adds them up for sixteen columns at once. `unsafe` are
//! unaligned loads and stores of whole vectors, from and to arrays of exactly their size, and the call into code that was
//! compiled for a processor which was asked first.

#![expect(unsafe_code, reason = "see above; every block says why it is sound")]

use std::arch::x86_64::{
    __m512, __m512i, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_fnmadd_ps, _mm512_loadu_ps,
    _mm512_loadu_si512, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_si512, _mm512_storeu_ps,
};

use super::super::prefetch::{Ahead, prefetch};
use super::{Column, GROUP, PANEL_COLUMNS, PanelGroup, Part, QuantisedRows, RowScale};

/// Numbers of a vector.
const LANES: usize = 16;

/// Whether this processor can.
pub(super) fn is_here() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
}

/// Multiplies, where this processor can; false where it cannot, and then nothing was written.
pub(super) fn multiply(part: &Part, left: &QuantisedRows, columns: usize, out: &mut [f32]) -> bool {
    let can = is_here();
    if can {
        // SAFETY: the processor has the three features that the function was compiled for.
        unsafe { multiply_panels(part, left, columns, out) };
    }
    can
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn multiply_panels(part: &Part, left: &QuantisedRows, columns: usize, out: &mut [f32]) {
    let groups = part.groups();
    let panels = part.data.chunks_exact(groups).zip(part.columns.chunks_exact(PANEL_COLUMNS));
    let mut panels = panels.enumerate().peekable();
    while let Some((at, (panel, of_columns))) = panels.next() {
        let column = at * PANEL_COLUMNS;
        let finish = PanelFinish::new(of_columns, part.adds);
        let mut ahead = Ahead::of(panels.peek().map_or(&[], |(_, (next, _))| *next), left.rows.len().div_ceil(12));
        let mut row = 0;
        macro_rules! blocks_of {
            ($rows:literal) => {
                while left.rows.len() - row >= $rows {
                    let sums = block::<$rows>(&left.data[row * groups..][..$rows * groups], panel, ahead.share());
                    for (offset, sums) in sums.into_iter().enumerate() {
                        let out = &mut out[(row + offset) * columns..][..columns][column..];
                        finish.write(sums, left.rows[row + offset], out);
                    }
                    row += $rows;
                }
            };
        }
        blocks_of!(12);
        blocks_of!(8);
        blocks_of!(4);
        blocks_of!(1);
    }
}

/// Sums of so many rows with a whole panel, held in registers from its beginning to its end.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn block<const ROWS: usize>(rows: &[[u8; GROUP]], panel: &[PanelGroup], ahead: &[PanelGroup]) -> [[__m512i; 2]; ROWS] {
    let groups = panel.len();
    let rows: [&[[u8; GROUP]]; ROWS] = std::array::from_fn(|row| &rows[row * groups..][..groups]);
    let mut sums = [[_mm512_setzero_si512(); 2]; ROWS];
    for (at, weights) in panel.iter().enumerate() {
        prefetch(ahead.as_flattened(), at);
        let (halves, _) = weights.as_chunks::<LANES>();
        // SAFETY: a half of a group is 16 columns of 4 bytes, the 64 bytes that are loaded; any bytes are whole numbers.
        let [low, high] = [0, 1].map(|half: usize| unsafe { _mm512_loadu_si512(halves[half].as_ptr().cast()) });
        for (sums, row) in sums.iter_mut().zip(rows) {
            let inputs = _mm512_set1_epi32(i32::from_le_bytes(row[at]));
            sums[0] = _mm512_dpbusd_epi32(sums[0], inputs, low);
            sums[1] = _mm512_dpbusd_epi32(sums[1], inputs, high);
        }
    }
    sums
}

/// What makes numbers of a panel's sums.
struct PanelFinish {
    scales: [__m512; 2],
    sums: [__m512; 2],
    biases: [__m512; 2],
    /// Whether what `out` holds stands in place of the bias.
    adds: bool,
}

impl PanelFinish {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn new(columns: &[Column], adds: bool) -> Self {
        let both = |read: &dyn Fn(&Column) -> f32| -> [__m512; 2] {
            [0, 1].map(|half: usize| {
                let numbers: [f32; LANES] = std::array::from_fn(|at| read(&columns[half * LANES + at]));
                // SAFETY: an array of the 16 numbers that are loaded.
                unsafe { _mm512_loadu_ps(numbers.as_ptr()) }
            })
        };
        Self {
            scales: both(&|column| column.scale),
            sums: both(&|column| column.sum),
            biases: both(&|column| column.bias),
            adds,
        }
    }

    /// Writes as many columns as `out` still has, at most the panel's.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn write(&self, sums: [__m512i; 2], row: RowScale, out: &mut [f32]) {
        let mut numbers = [0f32; PANEL_COLUMNS];
        let is_whole = out.len() >= PANEL_COLUMNS;
        if !is_whole {
            numbers[..out.len()].copy_from_slice(out);
        }
        let target = if is_whole { &mut out[..PANEL_COLUMNS] } else { &mut numbers[..] };
        let (zero, scale) = (_mm512_set1_ps(row.zero), _mm512_set1_ps(row.scale));
        for (half, target) in target.chunks_exact_mut(LANES).enumerate() {
            let sum = _mm512_fnmadd_ps(zero, self.sums[half], _mm512_cvtepi32_ps(sums[half]));
            // SAFETY: a chunk is the 16 numbers that are loaded.
            let start = if self.adds { unsafe { _mm512_loadu_ps(target.as_ptr()) } } else { self.biases[half] };
            let number = _mm512_fmadd_ps(sum, _mm512_mul_ps(scale, self.scales[half]), start);
            // SAFETY: a chunk is the 16 numbers that are stored.
            unsafe { _mm512_storeu_ps(target.as_mut_ptr(), number) };
        }
        if !is_whole {
            let columns = out.len();
            out.copy_from_slice(&numbers[..columns]);
        }
    }
}
