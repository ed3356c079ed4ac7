//! What ships in `models/`: the recipe gives the same bytes again (of the first tier, where there is a second), the cards describe the files that stand beside them, and the
//! sizes keep their limits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use command_line::{Folder, root};

const MOST_TABLE_BYTES: u64 = 8 << 20;
const MOST_ENCODER_BYTES: usize = 24_000_000;

fn recipe(name: &str) -> toml::Table {
    fs::read_to_string(root().join("training").join(name)).unwrap().parse().unwrap()
}

/// The arguments that a recipe stands for, as `training/rebuild.py` makes them, with another `--out`.
fn arguments_of(recipe: &toml::Table, out: &Path) -> Vec<String> {
    let word = |value: &toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut arguments = vec![word(&recipe["command"])];
    for (key, value) in recipe.iter().filter(|(key, _)| *key != "command" && *key != "out") {
        arguments.push(format!("--{key}"));
        match value {
            toml::Value::Boolean(true) => {}
            toml::Value::Array(values) => arguments.extend(values.iter().map(word)),
            value => arguments.push(word(value)),
        }
    }
    arguments.extend(["--out".to_owned(), out.display().to_string()]);
    arguments
}

/// By their paths below the folder.
fn files_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files.extend(files_of(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            files.insert(name, fs::read(&path).unwrap());
        }
    }
    files
}

/// The tensors of an artifact's first tier, with its novelty and examples.
fn first_tier(weights: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let tensors = safetensors::SafeTensors::deserialize(weights).unwrap();
    let first = tensors.iter().filter(|(name, _)| !name.starts_with("second_tier."));
    first.map(|(name, tensor)| (name.to_owned(), tensor.data().to_vec())).collect()
}

/// The shipped folders, each with its files but the card.
fn shipped() -> Vec<(PathBuf, BTreeMap<String, Vec<u8>>)> {
    let entries = fs::read_dir(root().join("models")).unwrap().map(|entry| entry.unwrap().path());
    let folders = entries.filter(|path| path.is_dir()).map(|path| {
        let mut files = files_of(&path);
        files.remove("README.md");
        (path, files)
    });
    folders.collect()
}

/// Flags of the recipe that are about the second tier's encoder.
const OF_THE_ENCODER: [&str; 4] = ["fine-tune", "epochs", "noisy-copies", "encoder-precision"];

/// Nothing of the first tier depends on the second, so that training it alone must leave every byte as it is. The encoder takes half an hour, and its numbers differ
/// between processors in their last digits.
#[test]
fn the_recipe_gives_the_first_tier_of_the_built_in_artifact_byte_by_byte() {
    let folder = Folder::new();
    // The folder's name becomes the artifact's.
    let out = folder.path("router");
    let mut recipe = recipe("router.toml");
    recipe.retain(|key, _| !OF_THE_ENCODER.contains(&key));
    assert_eq!(recipe.insert("embedder".into(), "builtin".into()), Some("cascade".into()));
    let arguments = arguments_of(&recipe, &out);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    folder.semroute(&arguments).current_dir(root()).assert().success();
    let (made, ships) = (files_of(&out), files_of(&root().join("models/router")));
    let [made_tensors, ship_tensors] = [&made, &ships].map(|files| first_tier(&files["weights.safetensors"]));
    assert_eq!(made_tensors.keys().collect::<Vec<_>>(), ship_tensors.keys().collect::<Vec<_>>());
    for (name, bytes) in &made_tensors {
        assert!(
            *bytes == ship_tensors[name],
            "{name} is not what models/router holds; was the recipe run after its inputs changed?"
        );
    }
    let [made, ships]: [serde_json::Value; 2] =
        [&made, &ships].map(|files| serde_json::from_slice(&files["router.json"]).unwrap());
    for key in ["task", "complexity", "novelty", "examples", "abstain_below", "prompt_reader_version", "ngram_version"]
    {
        assert_eq!(made[key], ships[key], "{key}");
    }
    assert_eq!(made["embedders"][0], ships["embedders"][0]);
    assert_eq!(made["card"]["inputs"], ships["card"]["inputs"]);
}

#[test]
fn the_recipes_name_files_of_the_repository_and_flags_of_the_command() {
    for entry in fs::read_dir(root().join("training")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let recipe: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        let out = root().join(recipe["out"].as_str().unwrap());
        assert!(out.is_dir(), "{} makes {}, which does not ship", path.display(), out.display());
        for file in recipe.get("labels").and_then(toml::Value::as_array).into_iter().flatten() {
            assert!(root().join(file.as_str().unwrap()).is_file(), "{}: {file}", path.display());
            assert!(
                !file.as_str().unwrap().contains("heldout"),
                "{}: held-out prompts are not trained on",
                path.display()
            );
        }
        let help = Folder::new().output_of(&[recipe["command"].as_str().unwrap(), "--help"]);
        for key in recipe.keys().filter(|key| *key != "command") {
            assert!(help.contains(&format!("--{key}")), "{}: {key} is no flag", path.display());
        }
    }
}

#[test]
fn the_cards_describe_the_files_beside_them() {
    let shipped = shipped();
    assert!(shipped.len() >= 2, "{shipped:?}");
    for (folder, files) in shipped {
        let card = fs::read_to_string(folder.join("README.md")).unwrap();
        let described: BTreeMap<String, String> = card
            .lines()
            .filter_map(|line| line.strip_prefix("blake3 ")?.split_once(' '))
            .map(|(file, hash)| (file.to_owned(), hash.to_owned()))
            .collect();
        let found: BTreeMap<String, String> =
            files.iter().map(|(file, bytes)| (file.clone(), blake3::hash(bytes).to_hex().to_string())).collect();
        assert_eq!(described, found, "{}", folder.display());
    }
}

#[test]
fn the_table_and_its_vocabulary_stay_small() {
    let folder = root().join("models/static-table");
    let sizes = ["table.safetensors", "vocab.txt"].map(|file| fs::metadata(folder.join(file)).unwrap().len());
    let bytes: u64 = sizes.iter().sum();
    assert!(bytes <= MOST_TABLE_BYTES, "{bytes} bytes");
    let card = fs::read_to_string(folder.join("README.md")).unwrap();
    let digits: String = card
        .lines()
        .find(|line| line.contains("**Size:**"))
        .unwrap()
        .split("bytes")
        .next()
        .unwrap()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    assert_eq!(digits.parse(), Ok(bytes), "the size on the card");
}

#[test]
fn the_encoder_with_its_tokenizer_stays_small() {
    let bytes: usize = files_of(&root().join("models/router/encoder")).values().map(Vec::len).sum();
    assert!(bytes <= MOST_ENCODER_BYTES, "{bytes} bytes");
}

#[test]
fn the_shipped_artifact_tells_its_inputs_and_keeps_no_prompt() {
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(root().join("models/router/router.json")).unwrap()).unwrap();
    for input in manifest["card"]["inputs"].as_array().unwrap() {
        let path = root().join("data/train").join(input["file"].as_str().unwrap());
        assert_eq!(input["blake3"], blake3::hash(&fs::read(&path).unwrap()).to_hex().as_str(), "{}", path.display());
    }
    assert_eq!(manifest["examples"].get("texts"), None);
}

/// Figures on public rows would flatter a prior that had learnt from them, and only openly licensed rows may be learnt from at all.
#[test]
fn the_difficulty_prior_learnt_from_open_rows_and_from_none_that_are_measured() {
    let folder = root().join("models/difficulty");
    let recipe = recipe("difficulty.toml");
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("difficulty.json")).unwrap()).unwrap();
    for (key, list) in [("outcomes", "inputs"), ("without", "withheld")] {
        let named: Vec<&str> = recipe[key].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
        let read: Vec<&str> =
            manifest[list].as_array().unwrap().iter().map(|input| input["file"].as_str().unwrap()).collect();
        assert_eq!(named, read, "{key}");
    }
    let learnt: Vec<&str> = recipe["outcomes"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    assert_eq!(
        learnt,
        ["mmlu_pro_train.jsonl", "llmrouter_uiuc_train.jsonl"],
        "the licence of each stands on the card"
    );
    for measured in ["routellm_mmlu_dev1500.jsonl", "mmlu_pro_val.jsonl", "routerbench_train.jsonl"] {
        assert!(recipe["without"].as_array().unwrap().iter().any(|file| file.as_str() == Some(measured)), "{measured}");
    }
    let bytes: u64 = files_of(&folder).values().map(|bytes| bytes.len() as u64).sum();
    assert!(bytes < 500 << 10, "{bytes} bytes");
}
