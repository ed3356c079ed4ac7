//! Labels by the length of the prompt alone: how frequent each label is among training prompts of about as many words.

/// Prompts of about one length: bins of equally many training rows.
const BINS: usize = 12;
/// Rows of the overall mix that each bin is given beforehand.
const PRIOR_ROWS: f64 = 2.0;

/// Bins of word counts with the shares of the labels in each.
#[derive(Debug, Clone, PartialEq)]
pub struct LengthBaseline {
    /// Least word count of each bin but the first, ascending.
    edges: Vec<usize>,
    shares: Vec<Vec<f64>>,
}

impl LengthBaseline {
    /// Cuts the training prompts at the quantiles of their word counts and counts labels in each bin.
    pub fn fit(prompts: &[&str], truth: &[usize], labels: usize) -> Self {
        let counts: Vec<usize> = prompts.iter().map(|prompt| word_count(prompt)).collect();
        let mut sorted = counts.clone();
        sorted.sort_unstable();
        let mut edges: Vec<usize> =
            (1..BINS).filter_map(|bin| sorted.get(bin * sorted.len() / BINS)).copied().collect();
        edges.dedup();
        let overall = super::MajorityBaseline::fit(truth, labels).probabilities();
        let mut shares = vec![overall.iter().map(|share| share * PRIOR_ROWS).collect::<Vec<f64>>(); edges.len() + 1];
        for (count, label) in counts.iter().zip(truth).filter(|(_, label)| **label < labels) {
            shares[bin_of(&edges, *count)][*label] += 1.0;
        }
        for bin in &mut shares {
            let rows: f64 = bin.iter().sum();
            bin.iter_mut().for_each(|share| *share /= rows.max(f64::MIN_POSITIVE));
        }
        Self { edges, shares }
    }

    /// The shares of the labels among prompts of about this length.
    pub fn probabilities(&self, prompt: &str) -> Vec<f64> {
        self.shares[bin_of(&self.edges, word_count(prompt))].clone()
    }
}

fn bin_of(edges: &[usize], count: usize) -> usize {
    edges.partition_point(|edge| *edge <= count)
}

fn word_count(prompt: &str) -> usize {
    prompt.split_whitespace().count()
}

#[cfg(test)]
mod tests {
    use super::super::super::classification::best_label;
    use super::*;

    #[test]
    fn short_and_long_prompts_get_the_labels_they_had() {
        let prompts: Vec<String> = (1..=40).map(|words| "word ".repeat(words)).collect();
        let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
        let truth: Vec<usize> = (1..=40).map(|words| usize::from(words > 20)).collect();
        let baseline = LengthBaseline::fit(&prompts, &truth, 2);
        assert_eq!(best_label(&baseline.probabilities("two words")), 0);
        assert_eq!(best_label(&baseline.probabilities(&"word ".repeat(500))), 1);
        assert!((baseline.probabilities("one").iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn one_length_for_all_gives_the_overall_shares() {
        let baseline = LengthBaseline::fit(&["a b"; 4], &[0, 1, 1, 1], 2);
        assert!((baseline.probabilities("anything at all")[1] - 0.75).abs() < 1e-12);
    }
}
