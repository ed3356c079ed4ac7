//! The three products of a linear layer: forward, gradient of its input, gradient of its weights. Matrices are packed anew for every product: that
//! is some hundredths of the work, and weights change with every step.

use rayon::prelude::*;

use super::Processor;
use crate::embedder::{Finish, Multiply, Panels, Rows};

/// Rows of a result that one task computes: a multiple of every block of rows that the kernel knows.
const ROWS_A_TASK: usize = 48;
/// Columns that are transposed together.
const COLUMNS_A_TASK: usize = 16;

/// `input` [rows, inputs] times the transposed `weights` [outputs, inputs], plus `bias` [outputs].
pub(in super::super) fn product(cpu: Processor, input: &[f32], weights: &[f32], bias: &[f32]) -> Vec<f32> {
    let outputs = bias.len();
    let panels = Panels::of_weights(weights, outputs, weights.len() / outputs, cpu.width);
    let mut padded = bias.to_vec();
    padded.resize(outputs.next_multiple_of(cpu.width), 0.0);
    multiply(cpu, input, &panels, &padded)
}

/// `gradient` [rows, outputs] times `weights` [outputs, inputs].
pub(in super::super) fn input_gradient(cpu: Processor, gradient: &[f32], weights: &[f32], outputs: usize) -> Vec<f32> {
    multiply(cpu, gradient, &packed_rows(cpu, weights, weights.len() / outputs), &[])
}

/// The transposed `gradient` [rows, outputs] times `input` [rows, inputs].
pub(in super::super) fn weight_gradient(cpu: Processor, gradient: &[f32], input: &[f32], outputs: usize) -> Vec<f32> {
    let rows = gradient.len() / outputs;
    if rows == 0 {
        return Vec::new();
    }
    multiply(cpu, &transposed(gradient, outputs), &packed_rows(cpu, input, input.len() / rows), &[])
}

fn packed_rows(cpu: Processor, rows: &[f32], columns: usize) -> Panels {
    let mut panels = Panels::default();
    panels.reset(rows.len() / columns, columns, cpu.width);
    rows.chunks_exact(columns).enumerate().for_each(|(at, row)| panels.set_row(at, row));
    panels
}

fn multiply(cpu: Processor, left: &[f32], right: &Panels, bias: &[f32]) -> Vec<f32> {
    let (depth, columns) = (right.depth, right.columns);
    let rows = left.len() / depth.max(1);
    let mut out = vec![0.0; rows * columns];
    // Enough tasks for every thread, whole blocks of twelve rows each.
    let share = rows.div_ceil(4 * rayon::current_num_threads()).next_multiple_of(12).min(ROWS_A_TASK);
    out.par_chunks_mut(share * columns).zip(left.par_chunks(share * depth)).for_each(|(out, left)| {
        cpu.arch.dispatch(Multiply {
            rows: out.len() / columns,
            left: Rows { data: left, stride: depth },
            right,
            bias,
            finish: Finish::Nothing,
            out,
            out_stride: columns,
        });
    });
    out
}

/// [rows, columns] to [columns, rows].
fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = matrix.len() / columns;
    let mut out = vec![0.0; matrix.len()];
    out.par_chunks_mut(rows * COLUMNS_A_TASK).enumerate().for_each(|(task, out)| {
        let first = task * COLUMNS_A_TASK;
        let count = out.len() / rows;
        for (at, row) in matrix.chunks_exact(columns).enumerate() {
            for (column, number) in row[first..first + count].iter().enumerate() {
                out[column * rows + at] = *number;
            }
        }
    });
    out
}
