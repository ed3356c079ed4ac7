//! What `log_prompts` keeps of prompts: nothing, features without a word, or words without what identifies people or opens doors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use common::completion;
use common::router::{TestRouter, model_at};
use common::upstream::Upstream;
use semroute::classifier::{PackedFeatures, SpaceName};
use semroute::prompt::READER_VERSION;
use semroute::routing::{Brain, lexical_windows};
use semroute::store::DecisionRecord;
use serde_json::json;
use tempfile::TempDir;

const SECRETS: [&str; 7] = [
    "ada.lovelace@example.org",
    "4111 1111 1111 1111",
    "378282246310005",
    "DE89 3704 0044 0532 0130 00",
    "sk-proj-Zx81kQm3vT0pLw7RbN5cYd2HsJ9uAe4G",
    "ghp_4mZpQ8sVx1Lr7TnWb2Yc9KdF3hJ6uAe5Rt0G",
    "+44 20 7946 0958",
];

async fn logging(folder: &TempDir, mode: &str, models: &str) -> TestRouter {
    let url = format!("sqlite://{}", folder.path().join("semroute.db").display());
    TestRouter::start(&format!("[store]\nurl = {url:?}\nlog_prompts = {mode:?}\n{models}")).await
}

async fn ask(router: &TestRouter, model: &str, prompt: &str) {
    let body = json!({"model": model, "messages": [{"role": "user", "content": prompt}]});
    assert_eq!(router.chat(body).await.status(), 200);
}

/// Everything that lies in the store's folder.
fn bytes_of(folder: &TempDir) -> Vec<u8> {
    let files = std::fs::read_dir(folder.path()).unwrap();
    files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

async fn row_of(router: &TestRouter) -> DecisionRecord {
    router.remembers(1).await.remove(0)
}

#[tokio::test]
async fn with_full_the_words_are_kept_without_what_is_nobodys_business() {
    let folder = TempDir::new().unwrap();
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = logging(&folder, "full", &model_at("m", upstream.base_url(), 1.0, "")).await;
    let filler = "the tide came in and went out again ".repeat(700);
    for (row, prompt) in [
        format!("Write a reminder to the debtor below: {}", SECRETS.join(" ; ")),
        format!("{} {filler} Who of them is meant?", SECRETS.join("\n")),
        format!("Who of them is meant? {filler} {}", SECRETS.join("\n")),
    ]
    .iter()
    .enumerate()
    {
        ask(&router, "auto", prompt).await;
        let kept = router.remembers(row + 1).await.remove(0);
        let words = kept.prompt.as_deref().unwrap();
        assert!(words.len() < 6200 && words.contains("[card]") && words.contains("[secret]"), "{words}");
        assert!(kept.fingerprint.is_some() && (kept.features, kept.feature_space) == (None, None));
    }
    let bytes = bytes_of(&folder);
    assert!(holds(&bytes, "Write a reminder to the debtor below: [email]"), "the rows are in what is searched");
    for secret in SECRETS {
        assert!(!holds(&bytes, secret), "{secret}");
    }
}

#[tokio::test]
async fn with_features_no_word_is_kept_and_all_that_training_needs() {
    let folder = TempDir::new().unwrap();
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = logging(&folder, "features", &model_at("m", upstream.base_url(), 1.0, "")).await;
    let prompt = "My landlord Zebedee keeps the deposit; draft a stern letter for ada.lovelace@example.org";
    ask(&router, "auto", prompt).await;
    let row = row_of(&router).await;
    assert!(row.prompt.is_none() && row.fingerprint.is_some());
    let bytes = bytes_of(&folder);
    assert!(holds(&bytes, &row.id), "the row is in what is searched");
    for word in ["landlord", "zebedee", "deposit", "stern", "lovelace", "example.org"] {
        assert!(!holds(&bytes, word), "{word}");
    }
    // The same features as training would read of the words, but for the rounding of the vector.
    let brain: Brain =
        semroute::commands::parts::open_brain_with("builtin", "builtin", semroute::embedder::Precision::F32).unwrap();
    let expected = brain.first_features_blocking(prompt).unwrap();
    let kept = PackedFeatures::from_bytes(&row.features.unwrap()).unwrap();
    assert_eq!((&kept.features.ngrams, kept.features.surface), (&expected.ngrams, expected.surface));
    assert_eq!(kept.prompt_chars, prompt.chars().count() as u64);
    let space = SpaceName::parse(&row.feature_space.unwrap()).unwrap();
    assert_eq!(space.is_foreign(READER_VERSION), None);
    let place = space.place_of(&brain.embedders()[0].identity().fingerprint).unwrap();
    let (kept, expected) = (kept.features.vector(place).unwrap(), expected.vector(0).unwrap());
    assert_eq!(kept.len(), expected.len());
    assert!(kept.iter().zip(expected).all(|(kept, exact)| (kept - exact).abs() < 1e-3));
    assert_eq!(lexical_windows(&semroute::prompt::read(prompt)).first.split(' ').next(), Some("My"));
}

#[tokio::test]
async fn off_keeps_nothing_not_even_a_fingerprint() {
    let folder = TempDir::new().unwrap();
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = logging(&folder, "off", &model_at("m", upstream.base_url(), 1.0, "")).await;
    ask(&router, "auto", "My landlord is called Zebedee").await;
    let row = row_of(&router).await;
    assert!(row.task.is_some(), "it was classified");
    assert_eq!((row.prompt, row.features, row.feature_space, row.fingerprint), (None, None, None, None));
}

#[tokio::test]
async fn a_prompt_that_nobody_classified_is_not_kept() {
    let folder = TempDir::new().unwrap();
    let upstream = Upstream::always(200, completion("Hi")).await;
    let router = logging(&folder, "full", &model_at("m", upstream.base_url(), 1.0, "")).await;
    ask(&router, "m", "My landlord is called Zebedee").await;
    let row = row_of(&router).await;
    assert_eq!((row.prompt, row.fingerprint), (None, None));
}

#[tokio::test]
async fn equal_prompts_are_told_by_their_fingerprints_and_only_within_one_store() {
    let upstream = Upstream::always(200, completion("Hi")).await;
    let mut prints = Vec::new();
    for mode in ["full", "features"] {
        let folder = TempDir::new().unwrap();
        let router = logging(&folder, mode, &model_at("m", upstream.base_url(), 1.0, "")).await;
        for (row, prompt) in
            ["Why is the sky blue?", "Why is the sea salty?", "Why is the sky blue?"].iter().enumerate()
        {
            ask(&router, "auto", prompt).await;
            router.remembers(row + 1).await;
        }
        let rows = router.remembers(3).await;
        let print = |row: usize| rows[row].fingerprint.clone().unwrap();
        assert!(print(0) == print(2) && print(0) != print(1) && print(0).len() == 32, "{rows:#?}");
        prints.push(print(0));
    }
    assert_ne!(prints[0], prints[1], "each store has a key of its own");
}

#[tokio::test]
async fn the_log_says_how_likely_each_model_was_to_be_the_first() {
    let folder = TempDir::new().unwrap();
    let upstream = Upstream::always(200, completion("Hi")).await;
    let models: String = ["a", "b", "c", "d"].map(|name| model_at(name, upstream.base_url(), 1.0, "")).concat();
    let router = logging(&folder, "off", &models).await;
    for (row, (model, expected)) in
        [("auto:round_robin", 0.25), ("auto:least_used", 0.25), ("auto:cheapest", 1.0), ("b", 1.0)]
            .into_iter()
            .enumerate()
    {
        ask(&router, model, "Why is the sky blue?").await;
        let chain = router.remembers(row + 1).await.remove(0).chain;
        assert_eq!(chain[0].propensity, Some(expected), "{model}");
        let of_others = if expected < 1.0 { expected } else { 0.0 };
        assert!(chain[1..].iter().all(|planned| planned.propensity == Some(of_others)), "{model}: {chain:?}");
    }
}
