//! The two operations on vectors that everything here is made of.

/// Inner product. Eight running sums, so that the compiler can use vector registers; the order of addition is fixed, so the
/// result is the same on every machine.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// Scales to unit length; leaves zeros alone.
pub fn normalise(vector: &mut [f32]) {
    let norm = dot(vector, vector).sqrt();
    if norm > 0.0 {
        let inverse = 1.0 / norm;
        vector.iter_mut().for_each(|x| *x *= inverse);
    }
}
