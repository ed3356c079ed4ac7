//! Noisy copies of training prompts, so that a head learns what does not count: slips of the fingers, case, greetings, demands for
//! attention. Its phrases are others than those that `evaluation` measures robustness with.

use crate::evaluation::with_typos;
use crate::random::SplitMix64;

/// Copies a row of a small set gets.
const COPIES: u64 = 2;
/// Rows times labels up to which fitting is so quick that copies do not hurt; larger sets hold enough noise of their own.
const MOST_WORK_WITH_COPIES: usize = 250_000;

/// How many noisy copies each row of a set gets.
pub fn noisy_copies(rows: usize, labels: usize) -> u64 {
    if rows.saturating_mul(labels.max(1)) <= MOST_WORK_WITH_COPIES { COPIES } else { 0 }
}

const BEFORE: [&str; 24] = [
    "hello",
    "Hi,",
    "hey can you help me with something:",
    "Please",
    "pls",
    "Good evening,",
    "ok so",
    "Quick one:",
    "I hope you can help.",
    "Hallo,",
    "Hi! One more thing.",
    "Hello again,",
    "Good afternoon, I have a question.",
    "Hey!",
    "Excuse me,",
    "May I ask you something?",
    "Bonjour,",
    "Hola, buenas",
    "Guten Tag,",
    "Sorry for the trouble.",
    "Could you help me, please?",
    "Dear team,",
    "Hope all is well with you.",
    "I would be grateful for your help with this.",
];
const AFTER: [&str; 24] = [
    "thanks!",
    "Thank you.",
    "please",
    "thx",
    "Thanks for your help with this",
    "ty",
    "much appreciated",
    "Regards",
    "danke",
    "Let me know.",
    "Thank you very much in advance.",
    "Have a nice day!",
    "Cheers and thanks",
    "merci",
    "gracias",
    "Take your time.",
    "Best regards",
    "Thanks a million, you're great.",
    "I really appreciate your help.",
    "Yours sincerely",
    "kind wishes",
    "No rush, thank you.",
    "tnx in advance",
    "Grateful for any help.",
];
const DEMANDS: [&str; 8] = [
    "This is very important.",
    "urgent",
    "I need it right now!!",
    "It's critical that you get this right.",
    "Use your smartest model.",
    "Please be quick.",
    "Take this seriously.",
    "High priority.",
];

/// A noisy copy of a prompt, another one for every seed.
pub fn with_noise(prompt: &str, seed: u64) -> String {
    let mut random = SplitMix64::new(seed ^ blake3_seed(prompt));
    let mut copy = prompt.to_owned();
    // Slips are what people send most, so nearly every copy has some; the other kinds come on top.
    if random.below(5) > 0 {
        copy = with_typos(&copy, 5 + random.below(8), random.next());
    }
    match random.below(10) {
        0 => copy = copy.to_uppercase(),
        1 => copy = copy.to_lowercase(),
        2 => copy = copy.trim_end_matches(['.', '?', '!']).to_owned(),
        _ => {}
    }
    if random.below(2) == 0 {
        let before = [BEFORE[random.below(BEFORE.len())], ""][random.below(2)];
        let after = if before.is_empty() || random.below(2) == 0 { AFTER[random.below(AFTER.len())] } else { "" };
        copy = [before, &copy, after].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    }
    if random.below(4) == 0 {
        let demand = DEMANDS[random.below(DEMANDS.len())];
        copy = if random.below(2) == 0 { format!("{demand} {copy}") } else { format!("{copy} {demand}") };
    }
    copy
}

/// A seed that depends on the prompt, so that a row's noise does not depend on the rows before it.
fn blake3_seed(prompt: &str) -> u64 {
    let hash = blake3::hash(prompt.as_bytes());
    let mut bytes = [0u8; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_noisy_and_decided_by_the_seed() {
        let prompt = "Write a letter to the landlord about the heating.";
        assert_eq!(with_noise(prompt, 1), with_noise(prompt, 1));
        let copies: std::collections::BTreeSet<String> = (0..40).map(|seed| with_noise(prompt, seed)).collect();
        assert!(copies.len() > 25, "{copies:?}");
    }
}
