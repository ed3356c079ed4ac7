//! Which of several answers says what most of them say: the one nearest to the centre of all, in the space of the built-in embedder.

use std::sync::Arc;

use super::tiers::embed_windows;
use crate::embedder::{Embedder as _, StaticTable};
use crate::prompt;

/// Nearer by less than this is as near: of two answers, each lies as far from the middle as the other.
const AS_NEAR: f32 = 1e-5;

/// The comparison that a race by nearness needs.
pub fn nearest_to_the_centre(table: Arc<StaticTable>) -> impl Fn(&[&str]) -> Option<usize> {
    move |texts| {
        let vectors: Vec<Vec<f32>> =
            texts.iter().map(|text| embed_windows(&table, &prompt::read(text))).collect::<Result<_, _>>().ok()?;
        let mut centre = vec![0.0f32; table.identity().dims];
        for vector in &vectors {
            centre.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
        }
        let nearness = |vector: &[f32]| centre.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>();
        let mut best: Option<(usize, f32)> = None;
        for (index, vector) in vectors.iter().enumerate() {
            let near = nearness(vector);
            if best.is_none_or(|(_, nearest)| near > nearest + AS_NEAR) {
                best = Some((index, near));
            }
        }
        best.filter(|(_, nearest)| *nearest > 0.0).map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_odd_one_out_is_never_nearest() {
        let nearest = nearest_to_the_centre(crate::embedder::builtin().unwrap());
        let (paris, again) = ("The capital of France is Paris.", "Paris is the capital city of France.");
        let odd = "Bake the bread for forty minutes and let it cool.";
        for texts in [[odd, paris, again], [paris, odd, again], [paris, again, odd]] {
            assert_ne!(texts[nearest(&texts).unwrap()], odd);
        }
        assert_eq!(nearest(&[odd, paris]), Some(0), "of two, neither is odder than the other");
        assert_eq!(nearest(&["", ""]), None);
        assert_eq!(nearest(&[]), None);
    }
}
