//! Prompts as people write them, in many languages, and texts that are in none.

use proptest::prelude::*;

use super::*;

#[test]
fn prompts_are_told() {
    for (code, prompt) in [
        ("en", "what's the capital of Australia?"),
        ("en", "Write a function that checks whether a string is a palindrome."),
        ("en", "can you fix this\n```\nfür die das und ist\n```\nplease"),
        ("de", "Wie spät ist es in Tokio?"),
        ("de", "Schreib mir bitte eine kurze Absage an den Vermieter"),
        ("de", "Was macht `git rebase --onto` und wann brauche ich das?"),
        ("fr", "Explique-moi la différence entre une liste et un tuple."),
        ("fr", "C'est quoi l'effet de serre ?"),
        ("es", "¿Cuántos habitantes tiene Madrid?"),
        ("es", "Necesito una receta sin gluten para mañana"),
        ("pt", "Você pode resumir este texto em três frases?"),
        ("pt", "por que o céu é azul?"),
        ("it", "Perché il mio gatto non mangia più?"),
        ("it", "Scrivi una mail al professore per chiedere un rinvio"),
        ("nl", "Hoe laat vertrekt de trein naar Utrecht morgen?"),
        ("pl", "Jak napisać wypowiedzenie umowy o pracę?"),
        ("tr", "Bu kod neden çalışmıyor, nasıl düzeltebilirim?"),
        ("ru", "Напиши стихотворение о весне"),
        ("uk", "Як приготувати справжній борщ?"),
        ("bg", "Как да напиша молба за отпуск на български език, за да бъде приета?"),
        ("ar", "ما هي عاصمة المغرب؟"),
        ("fa", "پایتخت ایران چیست و چگونه می‌توان به آنجا رفت؟"),
        ("hi", "मुझे एक छोटी कहानी सुनाओ"),
        ("ja", "東京の天気を教えてください"),
        ("zh", "请把这句话翻译成英文"),
        ("zh", "用Python写一个快速排序"),
        ("ko", "오늘 서울 날씨 어때?"),
        ("sv", "Hur skriver jag ett bra personligt brev på svenska?"),
        ("da", "Hvad er forskellen på de to, og hvordan skal jeg vælge?"),
        ("fi", "Miten voin oppia suomea nopeasti?"),
        ("cs", "Proč je tráva zelená a kdy začíná jaro?"),
        ("hu", "Mennyi az idő most, és hogyan írjam meg ezt?"),
        ("ro", "Care este diferența dintre cele două și ce trebuie să fac?"),
        ("el", "Ποια είναι η πρωτεύουσα της Ελλάδας;"),
        ("he", "מה מזג האוויר היום?"),
        ("th", "ช่วยแปลประโยคนี้หน่อย"),
        ("vi", "Hãy giải thích cho tôi về trí tuệ nhân tạo"),
        ("id", "Tolong buatkan surat lamaran kerja untuk saya"),
    ] {
        assert_eq!(language(prompt).map(Language::code), Some(code), "{prompt:?}");
    }
}

#[test]
fn what_is_in_no_language_is_not_told() {
    for text in [
        "",
        "ok",
        "   \n",
        "42",
        "👍👍",
        "3/8 = ?",
        "fn main() { let x = vec![1, 2, 3]; x.iter().map(|y| y * 2).sum::<i32>() }",
        "{\"id\":4471,\"status\":\"open\",\"items\":[1,2,3],\"total\":12.5}",
        "SELECT id, name FROM users WHERE created_at > '2024-01-01' ORDER BY id;",
        "GET /api/v1/users 200 12ms\nGET /api/v1/orders 500 88ms\nPOST /login 302 4ms",
        "4f2a1b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a",
        "https://example.com/de/der/die/das",
        "```\nthe and of to is it for\n```",
        "Lorem Ipsum Dolor Sit Amet",
    ] {
        assert_eq!(language(text), None, "{text:?}");
    }
}

#[test]
fn the_ends_of_a_long_text_count() {
    let rows = "4711;12,5;X\n".repeat(50_000);
    assert_eq!(language(&format!("Was ist die Summe der zweiten Spalte?\n{rows}")), Some(Language::German));
    assert_eq!(language(&format!("{rows}\nQuelle est la somme de la deuxième colonne ?")), Some(Language::French));
}

#[test]
fn codes_are_apart_and_are_the_serialised_names() {
    let mut codes: Vec<&str> = Language::ALL.iter().map(|language| language.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Language::ALL.len());
    for language in Language::ALL {
        assert_eq!(serde_json::to_value(language).unwrap(), language.code());
    }
}

/// On the prompts of `data/`, those in a text of another language than the request's included.
#[test]
fn most_of_the_labelled_prompts_are_told() {
    let (mut right, mut wrong, mut none) = (0, 0, 0);
    for part in ["heldout", "train"] {
        for file in std::fs::read_dir(format!("{}/data/{part}", env!("CARGO_MANIFEST_DIR"))).unwrap() {
            for line in std::fs::read_to_string(file.unwrap().path()).unwrap().lines() {
                let row: serde_json::Value = serde_json::from_str(line).unwrap();
                match language(row["prompt"].as_str().unwrap()) {
                    Some(told) if row["language"] == told.code() => right += 1,
                    Some(_) => wrong += 1,
                    None => none += 1,
                }
            }
        }
    }
    let told = f64::from(right + wrong);
    let accuracy = f64::from(right) / told;
    let untold = f64::from(none) / (told + f64::from(none));
    println!("accuracy {accuracy:.4} of what is told, {untold:.4} not told");
    assert!(accuracy > 0.98 && untold < 0.07, "{accuracy} {untold}");
}

proptest! {
    #[test]
    fn any_text_is_read(text in "\\PC{0,300}", times in 1_usize..40) {
        language(&text.repeat(times));
    }
}
