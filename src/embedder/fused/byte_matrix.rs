//! A matrix as bytes: one scale an output, or one for each of some ranges of its inputs. Made from numbers, taken from a file, turned back into
//! numbers; what is multiplied with it is packed elsewhere.

use std::borrow::Cow;
use std::ops::Range;

/// Bytes reach from -127 to 127, so that a number and its negative are the same step away from zero.
const HIGHEST: f32 = 127.0;

/// A number is `scale * byte`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ByteMatrix {
    /// Length of a row, at least 1.
    inputs: usize,
    /// Ranges of inputs that have a scale of their own.
    parts: usize,
    /// [outputs, inputs]: signed bytes as they stand in the file, which may be the binary itself.
    bytes: Cow<'static, [u8]>,
    /// [outputs, parts]
    scales: Vec<f32>,
}

impl ByteMatrix {
    /// Of [outputs, inputs] numbers. `parts` is how many ranges of inputs have scales of their own, or fewer where the inputs are too few.
    pub(crate) fn of_numbers(numbers: &[f32], inputs: usize, parts: usize) -> Self {
        let inputs = inputs.max(1);
        let ranges: Vec<Range<usize>> = ranges(inputs, parts).collect();
        let mut bytes = Vec::with_capacity(numbers.len());
        let mut scales = Vec::with_capacity(numbers.len() / inputs * ranges.len());
        for row in numbers.chunks_exact(inputs) {
            for range in &ranges {
                let row = &row[range.clone()];
                let highest = row.iter().fold(0f32, |highest, x| highest.max(x.abs()));
                let scale = if highest > 0.0 { highest / HIGHEST } else { 1.0 };
                #[expect(clippy::cast_possible_truncation, reason = "between -127 and 127 by its scale")]
                bytes.extend(row.iter().map(|x| ((x / scale).round() as i8).cast_unsigned()));
                scales.push(scale);
            }
        }
        Self { inputs, parts: ranges.len(), bytes: Cow::Owned(bytes), scales }
    }

    /// Of a file's bytes, [outputs, inputs], and scales, [outputs, parts]. `None` where they do not fit together.
    pub(crate) fn of_bytes(
        bytes: Cow<'static, [u8]>,
        scales: Vec<f32>,
        [outputs, inputs]: [usize; 2],
        parts: usize,
    ) -> Option<Self> {
        let fits = inputs > 0
            && parts > 0
            && ranges(inputs, parts).count() == parts
            && Some(bytes.len()) == outputs.checked_mul(inputs)
            && Some(scales.len()) == outputs.checked_mul(parts);
        fits.then_some(Self { inputs, parts, bytes, scales })
    }

    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(crate) fn outputs(&self) -> usize {
        self.bytes.len() / self.inputs
    }

    pub(crate) fn parts(&self) -> usize {
        self.parts
    }

    /// The ranges of inputs that have scales of their own, in order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        ranges(self.inputs, self.parts)
    }

    /// An output's signed bytes in one range, and their scale.
    pub(crate) fn row(&self, output: usize, part: usize, range: &Range<usize>) -> (&[u8], f32) {
        (&self.bytes[output * self.inputs..][range.clone()], self.scales[output * self.parts + part])
    }

    /// As if every number had been multiplied before: the bytes stay.
    pub(crate) fn times(mut self, factor: f32) -> Self {
        self.scales.iter_mut().for_each(|scale| *scale *= factor);
        self
    }

    /// One output's numbers behind what `out` holds.
    pub(crate) fn append_row(&self, output: usize, out: &mut Vec<f32>) {
        for (part, range) in self.ranges().enumerate() {
            let (bytes, scale) = self.row(output, part, &range);
            out.extend(bytes.iter().map(|byte| f32::from(byte.cast_signed()) * scale));
        }
    }

    /// [outputs, inputs] numbers.
    pub(crate) fn numbers(&self) -> Vec<f32> {
        let mut numbers = Vec::with_capacity(self.bytes.len());
        (0..self.outputs()).for_each(|output| self.append_row(output, &mut numbers));
        numbers
    }

    /// Signed bytes, [outputs, inputs], and scales, [outputs, parts].
    pub(crate) fn into_parts(self) -> (Cow<'static, [u8]>, Vec<f32>) {
        (self.bytes, self.scales)
    }
}

/// So many ranges of the same length, the last one shorter where it must be.
fn ranges(inputs: usize, parts: usize) -> impl Iterator<Item = Range<usize>> {
    let length = inputs.div_ceil(parts.max(1)).max(1);
    (0..inputs).step_by(length).map(move |from| from..inputs.min(from + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_within_half_a_step_and_as_bytes_for_good() {
        let mut random = fastrand::Rng::with_seed(1);
        for (outputs, inputs, parts) in [(1, 1, 1), (3, 7, 2), (5, 32, 1), (4, 33, 3)] {
            let numbers: Vec<f32> =
                std::iter::repeat_with(|| random.f32() * 2.0 - 1.0).take(outputs * inputs).collect();
            let matrix = ByteMatrix::of_numbers(&numbers, inputs, parts);
            let back = matrix.numbers();
            for (row, (given, found)) in numbers.chunks_exact(inputs).zip(back.chunks_exact(inputs)).enumerate() {
                for (part, range) in matrix.ranges().enumerate() {
                    let (_, scale) = matrix.row(row, part, &range);
                    for at in range {
                        assert!((given[at] - found[at]).abs() <= scale * 0.501, "{} for {}", found[at], given[at]);
                    }
                }
            }
            assert_eq!(ByteMatrix::of_numbers(&back, inputs, parts).numbers(), back);
            let (outputs, parts) = (matrix.outputs(), matrix.parts());
            let (bytes, scales) = matrix.clone().into_parts();
            assert_eq!(ByteMatrix::of_bytes(bytes, scales, [outputs, inputs], parts), Some(matrix));
        }
    }

    #[test]
    fn parts_that_do_not_fit_are_none() {
        let of = |bytes: usize, scales: usize, shape, parts| {
            ByteMatrix::of_bytes(Cow::Owned(vec![0; bytes]), vec![1.0; scales], shape, parts)
        };
        assert!(of(8, 4, [2, 4], 2).is_some());
        assert!(of(7, 4, [2, 4], 2).is_none());
        assert!(of(8, 3, [2, 4], 2).is_none());
        assert!(of(8, 10, [2, 4], 5).is_none());
        assert!(of(8, 0, [2, 4], 0).is_none());
        assert!(of(0, 0, [2, 0], 1).is_none());
    }

    #[test]
    fn zeros_stay_zeros() {
        let matrix = ByteMatrix::of_numbers(&[0.0; 6], 3, 1).times(0.5);
        assert_eq!(matrix.numbers(), [0.0; 6]);
    }
}
