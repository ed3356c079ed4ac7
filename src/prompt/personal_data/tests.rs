//! What counts as personal data and what does not, on texts as people and programs write them.

use proptest::prelude::*;

use super::*;
use PersonalData::{Card, Email, Iban, Phone, Secret, Ssn};

/// Credentials are put together here, so that no scanner takes this file for a leak.
fn tokens() -> Vec<String> {
    let drawn = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY2zA4bC6dE8fG0hJ1k";
    vec![
        format!("sk-{}", &drawn[..48]),
        format!("sk-proj-{}_{}", &drawn[..30], &drawn[10..40]),
        format!("sk-ant-api03-{}-{}AA", &drawn[..40], &drawn[3..43]),
        format!("ghp_{}", &drawn[..36]),
        format!("github_pat_11{}_{}", &drawn[..20], &drawn[..40]),
        format!("glpat-{}", &drawn[..20]),
        format!("AKIA{}", "QY7EXAMPLE3KEY2W"),
        format!("xoxb-123456789012-1234567890123-{}", &drawn[..24]),
        format!("AIza{}", &drawn[..35]),
        format!("hf_{}", &drawn[..34]),
        format!("sk_live_{}", &drawn[..24]),
        format!("npm_{}", &drawn[..36]),
        format!("SG.{}.{}", &drawn[..22], &drawn[..43]),
        format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.{}", &drawn[..43]),
    ]
}

fn check(text: &str, expected: &[(PersonalData, &str)]) {
    let found: Vec<(PersonalData, &str)> =
        find(text).into_iter().map(|found| (found.kind, &text[found.range])).collect();
    assert_eq!(found, expected, "in {text:?}");
}

#[test]
fn personal_data_is_found() {
    for (kind, text, piece) in [
        (Email, "write to jane.doe+news@mail.example.co.uk, please", "jane.doe+news@mail.example.co.uk"),
        (Email, "<jane@example.com>", "jane@example.com"),
        (Email, "Is jürgen@bücher.example right?", "jürgen@bücher.example"),
        (Email, "mailto:a_b@example.org?subject=x", "a_b@example.org"),
        (Email, "contact jane@example.com: she knows", "jane@example.com"),
        (Email, "https://example.com/?mail=jane@example.org", "jane@example.org"),
        (Email, "邮箱是 li@example.cn。", "li@example.cn"),
        (Card, "my visa is 4111 1111 1111 1111 12/27 cvv 123", "4111 1111 1111 1111"),
        (Card, "pay with 5555-5555-5555-4444.", "5555-5555-5555-4444"),
        (Card, "amex 3782 822463 10005", "3782 822463 10005"),
        (Card, "17,4012888888881881,12/27", "4012888888881881"),
        (Card, "{\"pan\":\"6011111111111117\"}", "6011111111111117"),
        (Card, "diners 30569309025904 ok", "30569309025904"),
        (Card, "jcb 3530\u{a0}1113\u{a0}3330\u{a0}0000", "3530\u{a0}1113\u{a0}3330\u{a0}0000"),
        (Iban, "IBAN: DE89 3704 0044 0532 0130 00, danke", "DE89 3704 0044 0532 0130 00"),
        (Iban, "GB82WEST12345698765432", "GB82WEST12345698765432"),
        (Iban, "sur FR14 2004 1010 0505 0001 3M02 606 svp", "FR14 2004 1010 0505 0001 3M02 606"),
        (Iban, "nl91abna0417164300", "nl91abna0417164300"),
        (Phone, "call +49 30 1234567 now", "+49 30 1234567"),
        (Phone, "+1 (415) 555-2671", "+1 (415) 555-2671"),
        (Phone, "WhatsApp:+5511987654321", "+5511987654321"),
        (Phone, "(+44) is the code, +44 20 7946 0958 the number", "+44 20 7946 0958"),
        (Phone, "reach us at (415) 555-2671", "(415) 555-2671"),
        (Phone, "415-555-2671 is mine", "415-555-2671"),
        (Phone, "1-800-555-2671 is free", "1-800-555-2671"),
        (Phone, "mon numéro: 06 12 34 56 78", "06 12 34 56 78"),
        (Phone, "unter 0151 23456789 oder", "0151 23456789"),
        (Phone, "Büro (030) 901820-0", "(030) 901820-0"),
        (Phone, "0049 151 2345678", "0049 151 2345678"),
        (Phone, "090-1234-5678に電話", "090-1234-5678"),
        (Phone, "我的手机号13812345678", "13812345678"),
        (Phone, "my phone number is 5552671", "5552671"),
        (Phone, "Tel. Nr.: 7946 0958", "7946 0958"),
        (Ssn, "SSN 536-22-8761", "536-22-8761"),
        (Ssn, "my social security number is 536 22 8761", "536 22 8761"),
        (Ssn, "ssn=536228761", "536228761"),
    ] {
        check(text, &[(kind, piece)]);
        assert_eq!(kinds(text), BTreeSet::from([kind]));
    }
}

#[test]
fn secrets_are_found() {
    for token in tokens() {
        check(&token, &[(Secret, &token)]);
        let text = format!("export API_KEY=\"{token}\" # does not work");
        check(&text, &[(Secret, &token)]);
        check(&format!("Authorization: Bearer {token}."), &[(Secret, &token)]);
    }
    let line = "MIIEpAIBAAKCAQEA7dQx0vGz5dQ0mJ7hK3dZ0xYwF1c9aB2\n";
    let (begin, end) = ("-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----");
    for key in [
        format!("{begin}\n{line}{line}{end}"),
        format!("{begin}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n{line}{line}{end}"),
        format!("{begin}\n{line}{line}{end}").replace('\n', "\\n"),
        begin.to_owned(),
    ] {
        check(&format!("why does {key} (mine) fail?"), &[(Secret, &key)]);
    }
}

#[test]
fn what_only_looks_like_personal_data_is_left() {
    for text in [
        // Mail.
        "git clone git@host.example:team/app.git",
        "npm i lodash@4.17.21 react@next",
        "![icon](img/icon@2x.png)",
        "postgres://app:secretword@db.example.com/main",
        "@app.route(\"/\") and @Override",
        "systemctl status getty@tty1.service",
        "a @ b.com, @example.com, x@y, x@localhost",
        "f(x)@g.h(y)",
        // Cards.
        "4111 1111 1111 1112",
        "1234 5678 9012 3456",
        "timestamp 1700000000000 or 1700000000000000000",
        "article 4006381333931",
        "4111 1111 11 11 1111 11",
        "ratio 0.4111111111111111",
        "id a4111111111111111",
        "41111111111111114111111111111111",
        "years 2019 2020 2021 2022",
        // Accounts.
        "DE89 3704 0044 0532 0130 01",
        "part DE89370400440532",
        "GB82 WEST",
        // Numbers of many kinds.
        "2024-01-02 03:04:05.123456 +0100",
        "01.02.2024 10:30, 01/02/2024 12 30, 31-12-2024",
        "2024-01-02T03:04:05+02:00",
        "version 1.2.3.4567 and 10.15.7",
        "192.168.0.10:8080 and 255.255.255.0, phone: 192.168.10.10",
        "order 0123 456 7890 and invoice no. 030-1234-5678",
        "ISBN 978-3-16-148410-0, ISBN 0-306-40615-2",
        "rgb 255 128 64, sizes 100 200 300 400",
        "+3.14159265358, +1.234.567.890, x+4930123456789, +0100",
        "sum: +1234567 -7654321",
        "1,234,567,890 and 1 234 567 890",
        "port 5432, 443-8443, lines 100-200",
        "550e8400-e29b-41d4-a716-446655440000",
        "commit 4f2a1b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a",
        "lat 52.520008, lon 13.404954",
        "call me at 10:30, in 2024",
        "000-12-3456, 666-12-3456, 912-12-3456, 123-00-4567, 123-45-0000",
        "123456789 and 123 45 6789",
        "1-123-45-6789 and 123-45-6789-1",
        "phone: 2024-01-31",
        // Credentials.
        "class=\"sk-loading-animation2-container12\"",
        "export OPENAI_API_KEY=sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "OPENAI_API_KEY=sk-... or ghp_<token>",
        "AKIA is a prefix, eyJ too, xoxb- as well",
        "eyJhbGciOiJIUzI1NiJ9 alone is a header",
        "what does -----BEGIN CERTIFICATE----- mean?",
        "-----BEGIN PUBLIC KEY-----",
        "risk-adjusted-return-analysis-2024-report-final",
    ] {
        check(text, &[]);
    }
}

#[test]
fn texts_are_redacted() {
    let text = "I am jane@example.com, +49 30 1234567, card 4111111111111111, DE89370400440532013000, ssn 536-22-8761.";
    assert_eq!(redact(text), "I am [email], [phone], card [card], [iban], ssn [ssn].");
    assert!(matches!(redact("nothing here"), Cow::Borrowed("nothing here")));
    assert_eq!(redact("+4915112345678@c.example"), "[phone]@c.example");
    assert_eq!(kinds(&format!("{text} {}", tokens()[0])).len(), 6);
}

#[test]
fn of_a_long_text_the_ends_are_read_and_shown() {
    let middle = "row of data\n".repeat(60_000);
    let text = format!("a@example.com {middle} b@example.com {middle} c@example.com");
    assert_eq!(find(&text).len(), 2);
    let redacted = redact(&text);
    assert!(redacted.starts_with("[email] row") && redacted.ends_with("data\n [email]"));
    assert!(redacted.len() <= READ_BYTES && redacted.contains(UNREAD) && find(&redacted).is_empty());
}

#[test]
fn names_are_those_of_configuration() {
    for kind in PersonalData::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        assert_eq!(kind.placeholder(), format!("[{}]", kind.name()));
    }
}

/// Pieces that touch each other in all ways.
fn pieces() -> impl Strategy<Value = String> {
    let mut pieces: Vec<String> = [
        "a@example.com",
        "@",
        "+49 30 1234567",
        "+",
        "4111 1111 1111 1111",
        "4111111111111111",
        "DE89370400440532013000",
        "536-22-8761",
        "0151 23456789",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "tel ",
        " ",
        "-",
        ".",
        "/",
        "(",
        ")",
        "1",
        "06 12 34 56 78",
        "é",
        "日",
        "\u{a0}",
        "\n",
        "eyJ",
        "sk-",
        "x",
        "[email]",
    ]
    .map(str::to_owned)
    .to_vec();
    pieces.extend(tokens());
    prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_is_left_of_any_text(text in "\\PC{0,200}") {
        prop_assert!(find(&redact(&text)).is_empty());
    }

    #[test]
    fn nothing_is_left_of_numbers_and_addresses(text in "[0-9+@. ()/a-f:-]{0,120}") {
        prop_assert!(find(&redact(&text)).is_empty());
    }

    #[test]
    fn nothing_is_left_of_pieces(text in pieces(), times in 1_usize..3) {
        let text = text.repeat(times);
        let found = find(&text);
        prop_assert!(found.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
        prop_assert_eq!(kinds(&text), found.iter().map(|found| found.kind).collect());
        prop_assert!(find(&redact(&text)).is_empty());
    }
}
