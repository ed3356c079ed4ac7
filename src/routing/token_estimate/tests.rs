//! Families of models by name, and what holds for every estimate. How near the estimates are is tested in `tests/token_estimates.rs`.

use proptest::prelude::*;

use super::*;

const FAMILIES: [Family; 9] = [
    Family::OpenAi,
    Family::OpenAiOld,
    Family::Claude,
    Family::Gemini,
    Family::Llama,
    Family::Mistral,
    Family::Qwen,
    Family::DeepSeek,
    Family::Unknown,
];

#[test]
fn models_belong_to_the_family_of_their_tokenizer() {
    for (name, family) in [
        ("gpt-4o-mini", Family::OpenAi),
        ("openai/gpt-4.1-nano", Family::OpenAi),
        ("gpt-5-mini-2025-08-07", Family::OpenAi),
        ("o3", Family::OpenAi),
        ("openai/o4-mini", Family::OpenAi),
        ("openai.gpt-oss-120b-1:0", Family::OpenAi),
        ("gpt-4-turbo", Family::OpenAiOld),
        ("gpt-35-turbo", Family::OpenAiOld),
        ("claude-sonnet-4-5", Family::Claude),
        ("us.anthropic.claude-3-5-haiku-20241022-v1:0", Family::Claude),
        ("gemini-2.5-flash", Family::Gemini),
        ("google/gemma-3-27b-it", Family::Gemini),
        ("meta-llama/Llama-3.3-70B-Instruct", Family::Llama),
        ("llama3.1:8b", Family::Llama),
        ("deepseek-r1-distill-llama-70b", Family::Llama),
        ("mistral-large-latest", Family::Mistral),
        ("codestral-2501", Family::Mistral),
        ("Qwen/Qwen3-32B", Family::Qwen),
        ("deepseek-r1-distill-qwen-32b", Family::Qwen),
        ("deepseek-chat", Family::DeepSeek),
        ("open-mixtral-8x7b", Family::Unknown),
        ("llama2:13b", Family::Unknown),
        ("grok-4", Family::Unknown),
        ("olmo-2", Family::Unknown),
        ("", Family::Unknown),
    ] {
        assert_eq!(Family::of_model(name), family, "{name}");
    }
}

#[test]
fn costs_stand_in_the_order_of_their_classes() {
    assert!(COSTS.iter().enumerate().all(|(place, (class, _))| *class as usize == place));
}

#[test]
fn what_is_counted_is_what_stands_there() {
    let counted = |text: &str| -> Vec<(Class, u32)> {
        let counts = tally(text);
        COSTS.iter().zip(counts).filter(|(_, count)| *count > 0).map(|((class, _), count)| (*class, count)).collect()
    };
    assert_eq!(counted(""), []);
    assert_eq!(counted("Hello big world"), [(Word, 3), (WordOver4, 2)]);
    assert_eq!(counted("getUserName"), [(Word, 1), (Glued, 2)]);
    assert_eq!(counted("der große Hund"), [(Northern, 3), (NorthernOver4, 1), (NorthernMark, 1)]);
    assert_eq!(counted("le café"), [(Romance, 2), (RomanceMark, 1)]);
    assert_eq!(counted("12345 6"), [(DigitGroup, 3), (FurtherDigit, 3), (SpaceDigit, 1)]);
    assert_eq!(counted("日本の🚀"), [(Han, 2), (Kana, 1), (Emoji, 1)]);
    assert_eq!(
        counted("a: [1]\n\n  ok!!!"),
        [(Word, 2), (DigitGroup, 1), (Mark, 3), (MarkRun, 1), (MarkSame, 2), (LineAfterMark, 1), (Indent, 1)]
    );
}

proptest! {
    #[test]
    fn an_estimate_is_within_what_is_possible(text in "\\PC{0,200}") {
        for family in FAMILIES {
            let tokens = estimate(&text, family);
            prop_assert!(tokens <= 5 * text.len() as u64 + 1);
            prop_assert!(with_margin(tokens, family) >= tokens);
            prop_assert!(text.trim().is_empty() || tokens > 0 || text.len() < 8);
        }
    }
}
