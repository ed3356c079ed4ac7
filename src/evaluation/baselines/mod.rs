//! Plain predictors that a learned router has to beat: the most frequent label, prompt length, hashed n-grams. Fitted on a
//! training file, never on the rows they are measured on.

mod length;
mod logistic;
mod majority;
mod ngrams;

pub use length::LengthBaseline;
pub use majority::MajorityBaseline;
pub use ngrams::NgramBaseline;

/// Names in reports, in the order in which [`predict_all`] gives them.
pub const NAMES: [&str; 3] = ["majority", "prompt length", "hashed n-grams"];

/// Fits every baseline on training rows and gives each one's probabilities for the test rows, in label order.
pub fn predict_all(
    train: &[&str],
    truth: &[usize],
    labels: usize,
    test: &[&str],
    seed: u64,
) -> Vec<(&'static str, Vec<Vec<f64>>)> {
    let majority = MajorityBaseline::fit(truth, labels);
    let length = LengthBaseline::fit(train, truth, labels);
    let ngrams = NgramBaseline::fit(train, truth, labels, seed);
    vec![
        (NAMES[0], test.iter().map(|_| majority.probabilities()).collect()),
        (NAMES[1], test.iter().map(|prompt| length.probabilities(prompt)).collect()),
        (NAMES[2], test.iter().map(|prompt| ngrams.probabilities(prompt)).collect()),
    ]
}
