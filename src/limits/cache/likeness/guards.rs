//! What sets two prompts apart however near their vectors are. A vector hardly moves when one word or sign turns a question into another one, so
//! the whole text has to be the same, sign by sign, but for a few ways to begin the same question and for how it ends. Coarse on purpose: what is
//! set apart wrongly only costs one more answer.

/// With these a question begins; their case does not count, and neither does the question mark at the end.
const QUESTIONS: [&str; 15] = [
    "what", "who", "whose", "which", "when", "where", "why", "how", "is", "are", "does", "can", "could", "would",
    "should",
];

/// With these somebody asks for something; their case does not count, and neither does the full stop at the end.
const COMMANDS: [&str; 12] = [
    "tell",
    "give",
    "show",
    "explain",
    "write",
    "list",
    "translate",
    "summarise",
    "summarize",
    "suggest",
    "describe",
    "compare",
];

/// Beginnings that ask for nothing, and what has to follow for that to be so: *Can you explain* asks for what *Explain* asks for, and *Can you
/// swim* does not. One of `COMMANDS` or `QUESTIONS` follows where nothing is named.
const POLITE: [(&[&str], &[&[&str]]); 7] = [
    (&["hi,"], &[]),
    (&["hello,"], &[]),
    (&["please"], &[]),
    (&["can", "you"], ASKED_OF_YOU),
    (&["could", "you"], ASKED_OF_YOU),
    (&["would", "you"], ASKED_OF_YOU),
    (&["tell", "me"], &[&["what"], &["who"], &["which"], &["when"], &["where"], &["why"], &["how"]]),
];

const ASKED_OF_YOU: &[&[&str]] = &[&["please"], &["tell", "me"], &["give", "me"], &["show", "me"], &["explain"]];

/// Ways to ask how something is done. *How do you* and *how should I* ask something else.
const HOW_TO: [&[&str]; 2] = [&["how", "do", "i"], &["how", "can", "i"]];

/// *How do I look* asks how it is, and *how can I look* how it is done.
const STATES: [&str; 6] = ["look", "feel", "sound", "seem", "appear", "do"];

/// What of a prompt's wording is compared. A hash, no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wording([u8; blake3::OUT_LEN]);

impl Wording {
    /// Reads a prompt.
    pub fn of(prompt: &str) -> Self {
        Self(*blake3::hash(in_one_form(prompt.trim()).as_bytes()).as_bytes())
    }
}

/// The prompt with its beginning and its end in one form, and all between as it stands.
fn in_one_form(prompt: &str) -> String {
    let words: Vec<&str> = prompt.split(' ').collect();
    let mut rest = &words[..];
    let (mut is_question, mut is_command) = (false, false);
    loop {
        is_question |= begins_with_one_of(rest, &QUESTIONS);
        is_command |= begins_with_one_of(rest, &COMMANDS);
        match without_politeness(rest) {
            Some(shorter) => rest = shorter,
            None => break,
        }
    }
    let text = with_one_beginning(rest);
    let ended = text.strip_suffix('?').filter(|_| is_question).or(text.strip_suffix('.').filter(|_| is_command));
    // After a letter or a digit alone: `cd ..`, `5!?` and a quotation end with signs that say something.
    match ended.filter(|text| text.ends_with(char::is_alphanumeric)) {
        Some(ended) => ended.to_owned(),
        None => text,
    }
}

fn without_politeness<'a, 'b>(words: &'a [&'b str]) -> Option<&'a [&'b str]> {
    POLITE.iter().find_map(|(polite, before)| {
        let rest = words.get(polite.len()..).filter(|_| begins_with(words, polite))?;
        let is_asked = if before.is_empty() {
            begins_with_one_of(rest, &QUESTIONS)
                || begins_with_one_of(rest, &COMMANDS)
                || POLITE.iter().any(|(polite, _)| begins_with(rest, polite))
        } else {
            before.iter().any(|next| begins_with(rest, next))
        };
        is_asked.then_some(rest)
    })
}

fn with_one_beginning(words: &[&str]) -> String {
    let is_state = |word: &str| STATES.iter().any(|state| word.trim_end_matches('?').eq_ignore_ascii_case(state));
    if HOW_TO.iter().any(|how| begins_with(words, how)) && words.get(3).is_some_and(|word| !is_state(word)) {
        return format!("how to {}", words[3..].join(" "));
    }
    let Some((first, others)) = words.split_first() else { return String::new() };
    let lower = first.to_ascii_lowercase();
    let contracted = lower.strip_suffix("'s").or(lower.strip_suffix("’s")).filter(|asks| QUESTIONS.contains(asks));
    let first = match contracted {
        Some(asks) => format!("{asks} is"),
        None if begins_with_one_of(words, &QUESTIONS) || begins_with_one_of(words, &COMMANDS) => lower,
        // A name is not the word that is spelt like it.
        None => (*first).to_owned(),
    };
    std::iter::once(first.as_str()).chain(others.iter().copied()).collect::<Vec<_>>().join(" ")
}

fn begins_with(words: &[&str], beginning: &[&str]) -> bool {
    words.len() >= beginning.len() && words.iter().zip(beginning).all(|(word, known)| word.eq_ignore_ascii_case(known))
}

fn begins_with_one_of(words: &[&str], known: &[&str]) -> bool {
    words.first().is_some_and(|first| {
        let first = first.to_ascii_lowercase();
        let first = first.strip_suffix("'s").or(first.strip_suffix("’s")).unwrap_or(&first);
        known.contains(&first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(pairs: &[(&str, &str)], expected: bool) {
        for (one, other) in pairs {
            assert_eq!(Wording::of(one) == Wording::of(other), expected, "{one} / {other}");
        }
    }

    #[test]
    fn ways_to_begin_and_to_end_the_same_question_are_one() {
        compare(
            &[
                ("What is the capital of France?", "what's the capital of France"),
                ("How do I boil an egg?", "how to boil an egg"),
                ("Hi, could you please tell me how to boil an egg?", "How can I boil an egg?"),
                ("Can you explain what recursion is?", "Explain what recursion is."),
                ("Give me the pros and cons of tea", "Please give me the pros and cons of tea."),
                ("Why’s the sky blue?", "Why is the sky blue?"),
            ],
            true,
        );
    }

    #[test]
    fn whatever_else_differs_sets_apart() {
        compare(
            &[
                ("What is the capital of France?", "What is the capital of Spain?"),
                ("Who is the president of France?", "Who was the president of France?"),
                ("Convert 5 miles to km", "Convert 50 miles to km"),
                ("Is it safe to eat raw eggs?", "Is it not safe to eat raw eggs?"),
                ("I can swim", "I can't swim"),
                ("Can I swim?", "Can you swim?"),
                ("Can you swim?", "Swim"),
                ("convert euros to dollars", "convert dollars to euros"),
                ("tips for c++", "tips for c"),
                ("give me two ideas", "give me three ideas"),
                ("cook a turkey", "cook a Turkey"),
                ("Polish furniture", "polish furniture"),
                ("hello", "please"),
                ("Hello in French", "Please in French"),
                ("Hello: translate it", "Hi: translate it"),
            ],
            false,
        );
    }

    #[test]
    fn signs_count_where_they_stand() {
        compare(
            &[
                ("What is (1+2)*3?", "What is 1+(2*3)?"),
                ("What is 5!?", "What is 5?"),
                ("What is -5+3?", "What is 5-+3?"),
                ("Is \"I got it 😡\" positive?", "Is \"I got it 😍\" positive?"),
                ("Translate: he is here?", "Translate: he is here."),
                ("Explain the command cd ..", "Explain the command cd ."),
                ("Explain rm -r f", "Explain rm - r f"),
                ("Explain a\n b", "Explain a\nb"),
                ("Is \"let's eat, grandma\" right?", "Is \"let's eat grandma\" right?"),
            ],
            false,
        );
    }

    #[test]
    fn little_words_count_behind_the_beginning() {
        compare(
            &[
                ("What do bees do?", "What are bees?"),
                ("Translate \"please\" into French", "Translate \"hello\" into French"),
                ("What is time?", "What is the time?"),
                ("Which plants need little light?", "Which plants need a little light?"),
                ("What is the port of HTTPS?", "What is the port of HTTP?"),
                ("How do you work?", "How do I work?"),
                ("How should I vote?", "How do I vote?"),
                ("How do I look?", "How can I look?"),
                ("Who's who?", "Who who?"),
            ],
            false,
        );
    }
}
