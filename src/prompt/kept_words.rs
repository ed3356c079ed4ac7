//! The words of a prompt that a log may keep: as many of them as are ever read, and without what identifies people or opens doors. Reading them
//! again gives the same windows. Pure; keeps nothing itself.

use super::personal_data::redact;
use super::windows::WHOLE_HALF_BYTES;

/// Bytes taken from either end of a long prompt. Above what is read of it, so that a private key or the like which begins outside of that
/// is seen whole.
const TAKEN_END_BYTES: usize = 8 * 1024;
/// Stands for the middle of a long prompt.
const GAP: &str = "\n\u{fffc}\n";
/// What is left out beside the gap, where a card's number may have been cut in two.
const DOUBTFUL_BYTES: usize = 1024;

/// The ends of the words: 16 KiB at most. Quick, and nothing to keep before `redacted` has seen it.
pub fn ends_of(words: &str) -> String {
    if words.len() <= 2 * TAKEN_END_BYTES {
        return words.to_owned();
    }
    let head = words.floor_char_boundary(TAKEN_END_BYTES);
    let tail = words.ceil_char_boundary(words.len() - TAKEN_END_BYTES);
    [&words[..head], GAP, &words[tail..]].concat()
}

/// What `ends_of` took, with `[email]`, `[card]`, `[secret]` and so on in place of what personal data and credentials were found; at most
/// 6 KiB and the mark between the ends. Takes up to some milliseconds.
pub fn redacted(ends: &str) -> String {
    let is_cut = ends.len() > 2 * TAKEN_END_BYTES;
    let clean = redact(ends);
    let clean = clean.trim();
    // The gap is not looked for in a text that has none: a client may have written its sign.
    let (head, tail) = match clean.split_once(GAP).filter(|_| is_cut) {
        Some((head, tail)) => {
            let kept = head.floor_char_boundary(head.len().saturating_sub(DOUBTFUL_BYTES));
            (&head[..kept], &tail[tail.ceil_char_boundary(DOUBTFUL_BYTES.min(tail.len()))..])
        }
        None if clean.len() <= 2 * WHOLE_HALF_BYTES => return clean.to_owned(),
        None => (clean, clean),
    };
    let head = &head[..head.floor_char_boundary(WHOLE_HALF_BYTES)];
    let tail = &tail[tail.ceil_char_boundary(tail.len().saturating_sub(WHOLE_HALF_BYTES))..];
    [head, GAP, tail].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::prompt::read;

    fn kept(words: &str) -> String {
        redacted(&ends_of(words))
    }

    fn windows(text: &str) -> Vec<(String, f32)> {
        read(text).weighted_windows().map(|(window, weight)| (window.to_owned(), weight)).collect()
    }

    #[test]
    fn what_is_kept_reads_as_the_whole_did() {
        let short = "Why does the kettle click twice?";
        assert_eq!(kept(short), short);
        for times in [100, 300, 1000, 100_000] {
            let long =
                format!("Sum this up: {} And keep it short.", "the tide came in and went out again ".repeat(times));
            assert!(kept(&long).len() <= 2 * WHOLE_HALF_BYTES + GAP.len());
            assert_eq!(windows(&kept(&long)), windows(&long), "{times}");
        }
    }

    #[test]
    fn nothing_personal_is_kept_wherever_it_stands() {
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n".repeat(90);
        let key = format!("-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----");
        let filler = "the tide came in and went out again ".repeat(1000);
        for secret in [key.as_str(), "ada@example.com", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"] {
            for before in (0..9000).step_by(97) {
                for words in [
                    format!("{} {secret} {filler}", &filler[..before]),
                    format!("{filler} {secret} {}", &filler[..before]),
                ] {
                    let kept = kept(&words);
                    for trace in ["MIIEvQ", "ada@", "4111", "3704"] {
                        assert!(!kept.contains(trace), "{secret:.20} after {before} bytes left {trace}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_words_are_kept_within_bounds(words in "\\PC{0,300}", times in 1usize..200) {
            let kept = kept(&words.repeat(times));
            prop_assert!(kept.len() <= 2 * WHOLE_HALF_BYTES + GAP.len());
        }
    }
}
