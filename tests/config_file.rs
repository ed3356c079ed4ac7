//! The configuration file as `check-config`, `route` and `serve` read it, through the real binary: what is wrong is named by
//! file, key and remedy, and what `check-config` accepts, `serve` starts with.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use command_line::{Folder, MODELS, root};

const PROVIDER: &str = "[[providers]]\nname = \"p\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";
const MODEL: &str = "[[models]]\nname = \"m\"\nprovider = \"p\"\n";

/// What `check-config` says of a file that it must refuse; `serve` must refuse it in the same words.
fn refusal_of(text: &str) -> String {
    let folder = Folder::new();
    folder.write("c.toml", text);
    let checked = folder.refusal_of(&["check-config", "c.toml"]);
    assert_eq!(folder.refusal_of(&["serve", "--config", "c.toml"]), checked, "{text}");
    checked
}

#[test]
fn a_good_file_is_summed_up() {
    let folder = Folder::new();
    folder.write("c.toml", MODELS);
    let said = folder.output_of(&["check-config", "c.toml"]);
    for part in [
        "c.toml: ok",
        "127.0.0.1:8080",
        "strategy balanced",
        "small on one: 0.1 / 0.4 USD",
        "unpriced on two: price unknown",
    ] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
}

#[test]
fn the_examples_are_good_files_and_price_every_model() {
    let folder = Folder::new();
    let mut examples: Vec<_> =
        std::fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap().path()).collect();
    examples.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    assert!(examples.len() >= 3, "{examples:?}");
    for example in examples {
        let said = folder.output_of(&["check-config", example.to_str().unwrap()]);
        assert!(said.contains(": ok") && said.contains("USD per million"), "{said}");
        assert!(!said.contains("price unknown"), "{said}");
    }
}

#[test]
fn keys_are_not_needed_to_check_a_file_and_are_never_shown() {
    let folder = Folder::new();
    let provider = format!("{PROVIDER}api_key_env = \"KEY_THAT_NOBODY_SET\"\n");
    folder.write("c.toml", format!("[auth]\nrequired = true\nkeys_env = \"NOR_THIS\"\n{provider}{MODEL}"));
    folder.output_of(&["check-config", "c.toml"]);
    let refused = folder.refusal_of(&["serve", "--config", "c.toml"]);
    assert!(refused.contains("KEY_THAT_NOBODY_SET"), "{refused}");
    let output =
        folder.semroute(&["check-config", "c.toml"]).env("KEY_THAT_NOBODY_SET", "sk-secret").assert().success();
    let output = output.get_output();
    assert!(!String::from_utf8_lossy(&output.stdout).contains("sk-secret"));
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    let model = |line: &str| format!("{PROVIDER}{MODEL}{line}\n");
    let router = |line: &str| format!("[router]\n{line}\n{PROVIDER}{MODEL}");
    let cases: Vec<(String, &[&str])> = vec![
        ("not toml".into(), &["c.toml: ", "line 1"]),
        (router("strateg = \"best\""), &["c.toml: router", "strateg", "strategy"]),
        (router("strategy = \"fastest\""), &["router.strategy (line 2)", "fastest", "balanced"]),
        (router("strategy = 3"), &["router.strategy (line 2)"]),
        (router("quality_gate = 1.5"), &["router.quality_gate", "1.5", "between 0 and 1"]),
        (router("quality_gate = nan"), &["router.quality_gate"]),
        (router("balanced_quality_share = -0.1"), &["router.balanced_quality_share"]),
        (router("precision = \"f64\""), &["router.precision (line 2)", "f64", "int8", "bf16"]),
        (router("max_attempts = 0"), &["router.max_attempts"]),
        (router("max_attempts = -1"), &["router.max_attempts (line 2)"]),
        (router("unknown_model = \"gpt\""), &["router.unknown_model", "\"gpt\""]),
        (router("artifact = \"absent\""), &["absent/router.json"]),
        (router("embedder = \"./absent\""), &["absent"]),
        (model("input_usd_per_mtok = 1.0"), &["models[0]", "output_usd_per_mtok", "together"]),
        (model("input_usd_per_mtok = -1.0\noutput_usd_per_mtok = 1.0"), &["models[0].input_usd_per_mtok", "-1"]),
        (model("input_usd_per_mtok = 1.0\noutput_usd_per_mtok = inf"), &["models[0].output_usd_per_mtok"]),
        (model("capabilities = [\"fly\"]"), &["models[0].capabilities[0] (line 7)", "fly", "vision"]),
        (model("quality = { default = 1.1 }"), &["models[0].quality.default", "1.1"]),
        (model("quality = { default = 0.5, codee = 0.9 }"), &["models[0].quality.codee", "code"]),
        (model("quality = { \"code/hard\" = 0.9 }"), &["models[0].quality.code/hard"]),
        (model("context_window = -5"), &["models[0].context_window (line 7)"]),
        (model(MODEL), &["models[1].name", "\"m\"", "already"]),
        (format!("{PROVIDER}{PROVIDER}{MODEL}"), &["providers[1].name", "\"p\"", "already"]),
        (format!("{PROVIDER}{}", MODEL.replace("\"p\"", "\"q\"")), &["models[0].provider", "\"q\"", "there are: p"]),
        (MODEL.into(), &["models[0].provider", "there are: none"]),
        (format!("{PROVIDER}{}", MODEL.replace("\"m\"", "\"auto\"")), &["models[0].name", "reserved"]),
        (PROVIDER.into(), &["c.toml: models", "[[models]]"]),
        (format!("{}{MODEL}", PROVIDER.replace("http://", "")), &["c.toml: providers[0].base_url"]),
        (format!("{PROVIDER}kind = \"telepathy\"\n{MODEL}"), &["providers[0].kind (line 4)", "telepathy", "openai"]),
        (format!("{PROVIDER}total_timeout_ms = 0\n{MODEL}"), &["c.toml: providers[0].total_timeout_ms"]),
        (format!("[server]\nlisten = \"nonsense\"\n{PROVIDER}{MODEL}"), &["nonsense", "[server] listen"]),
        (format!("[server]\nlisten = \"0.0.0.0:0\"\n{PROVIDER}{MODEL}"), &["0.0.0.0:0", "[auth] required"]),
        (format!("[server]\nmax_in_flight = 0\n{PROVIDER}{MODEL}"), &["c.toml: server.max_in_flight"]),
        (format!("[auth]\nrequired = true\n{PROVIDER}{MODEL}"), &["c.toml: auth.required"]),
    ];
    for (text, expected) in cases {
        let said = refusal_of(&text);
        for part in expected {
            assert!(said.contains(part), "{text}\nsaid {said:?}, which should hold {part:?}");
        }
    }
}

#[test]
fn a_file_that_is_none_is_named() {
    let folder = Folder::new();
    folder.expect_refusal(&["check-config", "absent.toml"], &["absent.toml", "No such file"]);
    folder.write("c.toml", b"[router]\nstrategy = \"\xff\"\n");
    folder.expect_refusal(&["check-config", "c.toml"], &["c.toml", "UTF-8"]);
    folder.expect_refusal(&["check-config"], &["<FILE>"]);
}
