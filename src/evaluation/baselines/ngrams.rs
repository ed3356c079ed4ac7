//! Hashed n-grams, weighted as in TF-IDF, under a multinomial logistic regression: the strong plain baseline for labels.

use std::collections::HashMap;

use super::logistic::{LogisticRegression, SparseRow};

/// Buckets that n-grams are hashed into.
const BUCKETS: u64 = 1 << 18;
/// Lengths of the runs of characters.
const CHARACTER_RUNS: std::ops::RangeInclusive<usize> = 3..=5;
/// The most weights that are fitted, so that thousands of labels cannot fill the memory.
const MOST_WEIGHTS: usize = 64 << 20;
/// The most bytes of a prompt that are read: half from its beginning, half from its end.
const MOST_BYTES: usize = 16 << 10;

/// Words and pairs of words, runs of 3 to 5 characters inside words; (1 + log count) * inverse document frequency, scaled to
/// unit length.
#[derive(Debug, Clone)]
pub struct NgramBaseline {
    /// Column and inverse document frequency of every bucket seen in training.
    columns: HashMap<u32, (u32, f32)>,
    regression: LogisticRegression,
}

impl NgramBaseline {
    /// Fits on training rows; the same seed gives the same numbers.
    pub fn fit(prompts: &[&str], truth: &[usize], labels: usize, seed: u64) -> Self {
        let counted: Vec<Vec<(u32, u32)>> = prompts.iter().map(|prompt| count_buckets(prompt)).collect();
        let mut document_counts: Vec<u32> = vec![0; BUCKETS as usize];
        for (bucket, _) in counted.iter().flatten() {
            document_counts[*bucket as usize] += 1;
        }
        let kept = most_frequent(&document_counts, MOST_WEIGHTS / labels.max(1));
        let mut columns = HashMap::new();
        for (column, bucket) in kept.into_iter().enumerate() {
            // The smooth inverse document frequency: ln((1 + rows) / (1 + rows with it)) + 1.
            let documents = document_counts[bucket as usize];
            let frequency = ((1 + prompts.len()) as f32 / (1 + documents) as f32).ln() + 1.0;
            columns.insert(bucket, (column as u32, frequency));
        }
        let rows: Vec<SparseRow> = counted.iter().map(|buckets| weigh(buckets, &columns)).collect();
        let regression = LogisticRegression::fit(&rows, truth, columns.len(), labels, seed);
        Self { columns, regression }
    }

    /// Probabilities in label order.
    pub fn probabilities(&self, prompt: &str) -> Vec<f64> {
        self.regression.probabilities(&weigh(&count_buckets(prompt), &self.columns))
    }
}

/// Buckets that occur, in rising order; where they are more than `most`, those that occur in most prompts.
fn most_frequent(document_counts: &[u32], most: usize) -> Vec<u32> {
    let mut buckets: Vec<u32> =
        (0..document_counts.len() as u32).filter(|at| document_counts[*at as usize] > 0).collect();
    if buckets.len() > most {
        buckets.sort_by_key(|at| std::cmp::Reverse(document_counts[*at as usize]));
        buckets.truncate(most);
        buckets.sort_unstable();
    }
    buckets
}

/// Buckets of a prompt with how often each occurs, in rising order.
fn count_buckets(prompt: &str) -> Vec<(u32, u32)> {
    let mut buckets = Vec::new();
    let head = &prompt[..prompt.floor_char_boundary(MOST_BYTES / 2)];
    let tail = &prompt[prompt.ceil_char_boundary(prompt.len().saturating_sub(MOST_BYTES / 2).max(head.len()))..];
    for part in [head, tail] {
        let lower = part.to_lowercase();
        let mut previous: Option<&str> = None;
        for word in lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            buckets.push(bucket(b'w', &[word.as_bytes()]));
            if let Some(previous) = previous {
                buckets.push(bucket(b'p', &[previous.as_bytes(), b" ", word.as_bytes()]));
            }
            previous = Some(word);
            character_runs(word, &mut buckets);
        }
    }
    buckets.sort_unstable();
    buckets.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)).collect()
}

/// Runs of characters of a word with a blank at either end.
fn character_runs(word: &str, buckets: &mut Vec<u32>) {
    let padded = format!(" {word} ");
    let starts: Vec<usize> = padded.char_indices().map(|(at, _)| at).chain([padded.len()]).collect();
    for length in CHARACTER_RUNS {
        for ends in starts.windows(length + 1) {
            buckets.push(bucket(b'c', &[&padded.as_bytes()[ends[0]..ends[length]]]));
        }
    }
}

/// FNV-1a over the kind and the parts, folded to the number of buckets.
fn bucket(kind: u8, parts: &[&[u8]]) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in std::iter::once(&kind).chain(parts.iter().copied().flatten()) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    ((hash ^ (hash >> 36)) % BUCKETS) as u32
}

fn weigh(buckets: &[(u32, u32)], columns: &HashMap<u32, (u32, f32)>) -> SparseRow {
    let mut row: SparseRow = buckets
        .iter()
        .filter_map(|(bucket, count)| {
            let (column, frequency) = columns.get(bucket)?;
            Some((*column, (1.0 + (*count as f32).ln()) * frequency))
        })
        .collect();
    let norm = row.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
    if norm > 0.0 {
        row.iter_mut().for_each(|(_, value)| *value /= norm);
    }
    row
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::classification::best_label;
    use super::*;

    const TRAIN: [(&str, usize); 8] = [
        ("translate this sentence into french", 0),
        ("please translate the letter to german", 0),
        ("write a function that sorts a list", 1),
        ("fix the bug in this python function", 1),
        ("translation of a poem into spanish", 0),
        ("refactor the function to be faster", 1),
        ("how do you say hello in french", 0),
        ("why does this code not compile", 1),
    ];

    #[test]
    fn words_and_parts_of_words_carry_over() {
        let (prompts, truth): (Vec<&str>, Vec<usize>) = TRAIN.iter().copied().unzip();
        let baseline = NgramBaseline::fit(&prompts, &truth, 2, 1);
        assert_eq!(best_label(&baseline.probabilities("Translate it to French!")), 0);
        assert_eq!(best_label(&baseline.probabilities("rewrite two functions")), 1);
        assert_eq!(best_label(&baseline.probabilities("translator wanted")), 0);
        let again = NgramBaseline::fit(&prompts, &truth, 2, 1);
        assert_eq!(again.probabilities("say it in code"), baseline.probabilities("say it in code"));
    }

    #[test]
    fn a_prompt_of_unseen_words_gets_probabilities_all_the_same() {
        let baseline = NgramBaseline::fit(&["aaa bbb", "ccc ddd"], &[0, 1], 2, 1);
        for prompt in ["", "zzzz", "\u{1f353}\u{1f353}", &"long ".repeat(100_000)] {
            assert!((baseline.probabilities(prompt).iter().sum::<f64>() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn where_room_is_short_the_frequent_stay() {
        assert_eq!(most_frequent(&[0, 3, 1, 2], 9), [1, 2, 3]);
        assert_eq!(most_frequent(&[0, 3, 1, 2], 2), [1, 3]);
    }

    proptest! {
        #[test]
        fn any_text_can_be_counted(prompt in "\\PC{0,200}", times in 1usize..100) {
            let buckets = count_buckets(&prompt.repeat(times));
            prop_assert!(buckets.iter().all(|(bucket, count)| u64::from(*bucket) < BUCKETS && *count > 0));
            prop_assert!(buckets.is_sorted());
        }
    }
}
