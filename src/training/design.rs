//! The training rows as a linear head reads them, kept small: a bucket and a rounded value for each n-gram, six bytes together,
//! and the vectors as they are. 1,500 n-grams a row, usual for a prompt of 40 words, make 9 kB a row.

use std::sync::Arc;

use crate::classifier::{BLOCKS, BUCKETS, block_of, bucket_of, byte_of_idf, idf_of_byte};
use crate::classifier::{FeatureSpace, Features, SURFACE_FEATURES, SURFACE_WEIGHT, VectorInput, term_frequency};

/// Buckets that fewer rows hold than this say too little to be weighed.
const LEAST_ROWS_OF_BUCKET: u32 = 2;
/// A training set of fewer rows keeps every bucket.
const SMALL_SET_ROWS: usize = 200;

/// n-grams of many rows. Values are term frequencies until they are weighed, and then final; rounded to 16 bits (bfloat16).
#[derive(Debug, Clone, Default)]
pub struct NgramRows {
    /// Where each block of each row ends, `BLOCKS` entries a row.
    ends: Vec<usize>,
    buckets: Vec<u32>,
    values: Vec<u16>,
}

impl NgramRows {
    /// Adds one row.
    pub fn push(&mut self, features: &Features) {
        let mut counts = features.ngrams.iter().peekable();
        for block in 0..BLOCKS as u32 {
            while let Some((key, count)) = counts.next_if(|(key, _)| block_of(*key) == block) {
                self.buckets.push(bucket_of(*key));
                self.values.push(round(term_frequency(*count)));
            }
            self.ends.push(self.buckets.len());
        }
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.ends.len() / BLOCKS
    }

    /// Adds all rows of another.
    pub(super) fn append(&mut self, other: &Self) {
        let before = self.buckets.len();
        self.ends.extend(other.ends.iter().map(|end| before + end));
        self.buckets.extend_from_slice(&other.buckets);
        self.values.extend_from_slice(&other.values);
    }

    /// n-grams of all rows.
    pub(super) fn ngrams(&self) -> usize {
        self.buckets.len()
    }

    /// Keeps every second row, the first one among them.
    pub(super) fn thin(&mut self) {
        let old = std::mem::take(self);
        for row in (0..old.len()).step_by(2) {
            let start = if row == 0 { 0 } else { old.ends[row * BLOCKS - 1] };
            let before = self.buckets.len();
            self.ends.extend(old.ends[row * BLOCKS..(row + 1) * BLOCKS].iter().map(|end| before + end - start));
            let (buckets, values) = old.row(row);
            self.buckets.extend_from_slice(buckets);
            self.values.extend_from_slice(values);
        }
    }

    /// Buckets and values of one row.
    fn row(&self, row: usize) -> (&[u32], &[u16]) {
        let start = if row == 0 { 0 } else { self.ends[row * BLOCKS - 1] };
        let end = self.ends[(row + 1) * BLOCKS - 1];
        (&self.buckets[start..end], &self.values[start..end])
    }

    /// ln((1 + rows) / (1 + rows with it)) + 1 for each bucket; 0 where too few rows hold it.
    fn document_frequencies(&self) -> Vec<f32> {
        let mut rows_with = vec![0u32; BUCKETS];
        let mut last_row = vec![usize::MAX; BUCKETS];
        for row in 0..self.len() {
            for bucket in self.row(row).0 {
                let bucket = *bucket as usize;
                rows_with[bucket] += u32::from(last_row[bucket] != row);
                last_row[bucket] = row;
            }
        }
        let least = if self.len() < SMALL_SET_ROWS { 1 } else { LEAST_ROWS_OF_BUCKET };
        let all = (1 + self.len()) as f64;
        let idf = |with: u32| (libm::log(all / f64::from(1 + with)) + 1.0) as f32;
        // Kept as a byte in the artifact, so rounded here: training and serving must weigh alike.
        rows_with.into_iter().map(|with| if with < least { 0.0 } else { idf_of_byte(byte_of_idf(idf(with))) }).collect()
    }

    /// Makes the term frequencies into final values.
    fn weigh(&mut self, idf: &[f32]) {
        let mut start = 0;
        for &end in &self.ends {
            let values = &mut self.values[start..end];
            let mut squared = 0.0f32;
            for (value, bucket) in values.iter_mut().zip(&self.buckets[start..end]) {
                let weighed = unround(*value) * idf[*bucket as usize];
                squared += weighed * weighed;
                *value = round(weighed);
            }
            if squared > 0.0 {
                let inverse = 1.0 / squared.sqrt();
                values.iter_mut().for_each(|value| *value = round(unround(*value) * inverse));
            }
            start = end;
        }
    }
}

/// All rows of one embedder, one after the other.
#[derive(Debug, Clone, Default)]
pub struct VectorColumn {
    /// Length of each.
    pub dims: usize,
    /// `rows * dims`.
    pub values: Vec<f32>,
}

impl VectorColumn {
    /// One row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dims..(row + 1) * self.dims]
    }
}

/// The rows in the space that was fitted to them.
pub(super) struct Design<'a> {
    pub(super) space: FeatureSpace,
    ngrams: &'a NgramRows,
    surface: Vec<f32>,
    vectors: &'a VectorColumn,
}

impl NgramRows {
    /// Weighs the n-grams for good; gives the document frequencies that were fitted.
    pub fn finish(&mut self) -> Vec<f32> {
        let idf = self.document_frequencies();
        self.weigh(&idf);
        idf
    }
}

impl<'a> Design<'a> {
    /// Fits the space to the n-grams, the surface, and one embedder's vectors with their scale.
    pub(super) fn new(
        ngrams: &'a NgramRows,
        idf: &Arc<[f32]>,
        surface: &[[f32; SURFACE_FEATURES]],
        (embedder, vectors, scale): (usize, &'a VectorColumn, f32),
    ) -> Self {
        let rows = surface.len().max(1) as f64;
        let surface_mean_of = |at: usize| surface.iter().map(|row| f64::from(row[at])).sum::<f64>() / rows;
        let surface_mean: Vec<f32> = (0..SURFACE_FEATURES).map(|at| surface_mean_of(at) as f32).collect();
        let surface_scale: Vec<f32> = (0..SURFACE_FEATURES)
            .map(|at| {
                let squares =
                    surface.iter().map(|row| f64::from(row[at] - surface_mean[at]).powi(2)).sum::<f64>() / rows;
                if squares > 1e-12 { SURFACE_WEIGHT / squares.sqrt() as f32 } else { 0.0 }
            })
            .collect();
        let input = VectorInput { embedder, mean: mean_of(vectors), scale };
        let space = FeatureSpace { idf: Arc::clone(idf), surface_mean, surface_scale, vectors: vec![input] };
        let bare = |row: &[f32; SURFACE_FEATURES]| Features { surface: *row, ..Features::default() };
        let surface = surface.iter().flat_map(|row| space.dense(&bare(row)).into_iter().take(SURFACE_FEATURES));
        let surface = surface.collect();
        Self { space, ngrams, surface, vectors }
    }
}

impl DesignRows for Design<'_> {
    /// Buckets, then the dense columns.
    fn columns(&self) -> usize {
        BUCKETS + self.space.dense_columns()
    }

    fn rows(&self) -> usize {
        self.ngrams.len()
    }

    #[inline]
    fn visit(&self, row: usize, mut each: impl FnMut(usize, f32)) {
        let (buckets, values) = self.ngrams.row(row);
        for (bucket, value) in buckets.iter().zip(values) {
            if *value != 0 {
                each(*bucket as usize, unround(*value));
            }
        }
        let mut column = BUCKETS;
        for value in &self.surface[row * SURFACE_FEATURES..(row + 1) * SURFACE_FEATURES] {
            each(column, *value);
            column += 1;
        }
        for input in &self.space.vectors {
            for (x, mean) in self.vectors.row(row).iter().zip(&input.mean) {
                each(column, (x - mean) * input.scale);
                column += 1;
            }
        }
    }
}

/// Rows as a linear score reads them.
pub(super) trait DesignRows: Sync {
    /// Columns of the weights.
    fn columns(&self) -> usize;

    /// How many rows there are.
    fn rows(&self) -> usize;

    /// Tells each column's value that is not 0.
    fn visit(&self, row: usize, each: impl FnMut(usize, f32));

    /// The row's product with one score's weights.
    fn score(&self, row: usize, weights: &[f32]) -> f32 {
        let mut score = 0.0;
        self.visit(row, |column, value| score += value * weights[column]);
        score
    }

    /// Adds the row's product with each of several scores' weights.
    fn add_scores<const N: usize>(&self, row: usize, weights: &[[f32; N]], scores: &mut [f32; N]) {
        let mut sums = *scores;
        self.visit(row, |column, value| {
            sums.iter_mut().zip(&weights[column]).for_each(|(sum, weight)| *sum += value * weight);
        });
        *scores = sums;
    }

    /// Adds the row to each score's weights, as often as `times` says.
    fn add_row<const N: usize>(&self, row: usize, times: &[f32; N], weights: &mut [[f32; N]]) {
        self.visit(row, |column, value| {
            weights[column].iter_mut().zip(times).for_each(|(weight, times)| *weight += times * value);
        });
    }

    /// Sum of the squared numbers of every row.
    fn squared_lengths(&self) -> Vec<f32> {
        let of_row = |row: usize| {
            let mut sum = 0.0;
            self.visit(row, |_, value| sum += value * value);
            sum
        };
        (0..self.rows()).map(of_row).collect()
    }
}

/// The rows of a design from the first one on, which is row 0 here.
pub(super) struct RowsFrom<'a, D> {
    pub(super) design: &'a D,
    pub(super) first: usize,
}

impl<D: DesignRows> DesignRows for RowsFrom<'_, D> {
    fn columns(&self) -> usize {
        self.design.columns()
    }

    fn rows(&self) -> usize {
        self.design.rows().saturating_sub(self.first)
    }

    #[inline]
    fn visit(&self, row: usize, each: impl FnMut(usize, f32)) {
        self.design.visit(self.first + row, each);
    }
}

/// The vectors of one embedder alone, centred.
pub(super) struct CentredVectors<'a> {
    vectors: &'a VectorColumn,
    pub(super) input: VectorInput,
}

impl<'a> CentredVectors<'a> {
    pub(super) fn new(embedder: usize, vectors: &'a VectorColumn) -> Self {
        Self { vectors, input: VectorInput { embedder, mean: mean_of(vectors), scale: 1.0 } }
    }
}

impl DesignRows for CentredVectors<'_> {
    fn columns(&self) -> usize {
        self.input.mean.len()
    }

    fn rows(&self) -> usize {
        self.vectors.values.len() / self.vectors.dims.max(1)
    }

    #[inline]
    fn visit(&self, row: usize, mut each: impl FnMut(usize, f32)) {
        for (column, (x, mean)) in self.vectors.row(row).iter().zip(&self.input.mean).enumerate() {
            each(column, x - mean);
        }
    }
}

fn mean_of(column: &VectorColumn) -> Vec<f32> {
    let rows = (column.values.len() / column.dims.max(1)).max(1) as f64;
    let mut mean = vec![0.0f64; column.dims];
    for row in column.values.chunks_exact(column.dims.max(1)) {
        mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += f64::from(*x));
    }
    mean.into_iter().map(|sum| (sum / rows) as f32).collect()
}

/// The upper half of a float's bits, rounded to nearest.
fn round(value: f32) -> u16 {
    (value.to_bits().wrapping_add(0x8000) >> 16) as u16
}

fn unround(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}
