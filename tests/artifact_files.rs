//! Artifacts that are damaged, from another version or made with another embedder: each is refused by name and none brings a
//! command down.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod command_line;

use std::fs;
use std::path::Path;

use command_line::{Folder, root};
use proptest::prelude::*;
use semroute::classifier::{FORMAT_VERSION, Features, read_artifact};
use semroute::prompt::READER_VERSION;
use serde_json::{Value, json};

const MANIFEST: &str = "mine/router.json";
const WEIGHTS: &str = "mine/weights.safetensors";

/// A copy of the shipped artifact, to be damaged.
fn with_copy() -> Folder {
    let folder = Folder::new();
    copy(&root().join("models/router"), &folder.path("mine"));
    folder
}

/// Everything in a folder, its encoder too.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for path in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn expect_refusal(folder: &Folder, expected: &[&str]) {
    folder.expect_refusal(&["route", "Hello", "--router", "mine"], expected);
}

fn change(folder: &Folder, change: impl FnOnce(&mut Value)) {
    let mut manifest = folder.read_json(MANIFEST);
    change(&mut manifest);
    folder.write(MANIFEST, sealed(manifest));
}

/// The manifest under a seal that fits it, as only somebody who means to would write.
fn sealed(mut manifest: Value) -> String {
    manifest["seal"] = json!("");
    let text = manifest.to_string();
    let seal = blake3::hash(text.as_bytes()).to_hex();
    text.replacen("\"seal\":\"\"", &format!("\"seal\":\"{seal}\""), 1)
}

#[test]
fn an_undamaged_copy_is_read() {
    let folder = with_copy();
    let row: Value =
        serde_json::from_str(&folder.output_of(&["route", "Hello", "--json", "--router", "mine"])).unwrap();
    let builtin: Value = serde_json::from_str(&folder.output_of(&["route", "Hello", "--json"])).unwrap();
    assert_eq!(row["task_scores"], builtin["task_scores"]);
    assert_eq!(row["artifact"], builtin["artifact"]);
}

#[test]
fn one_changed_byte_of_the_weights_is_found() {
    let folder = with_copy();
    let whole = folder.read(WEIGHTS);
    for place in [0, 8, 300, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        folder.write(WEIGHTS, damaged);
        expect_refusal(&folder, &[WEIGHTS, "blake3", "damaged"]);
    }
}

#[test]
fn a_file_cut_short_or_absent_is_found() {
    for (file, expected) in [(WEIGHTS, "blake3"), (MANIFEST, "EOF")] {
        let folder = with_copy();
        let whole = folder.read(file);
        for length in [whole.len() - 1, whole.len() / 2] {
            // The last byte of the manifest is a line break, without which nothing is lacking.
            let length = if file == MANIFEST { length - 1 } else { length };
            folder.write(file, &whole[..length]);
            expect_refusal(&folder, &[file, expected]);
        }
        folder.write(file, "");
        expect_refusal(&folder, &[file, expected]);
        fs::remove_file(folder.path(file)).unwrap();
        expect_refusal(&folder, &[file, "No such file"]);
    }
}

#[test]
fn another_version_is_refused_by_name_whatever_else_it_holds() {
    let folder = with_copy();
    folder.write(MANIFEST, "{\"format_version\": 99, \"a field of the future\": []}");
    expect_refusal(&folder, &["mine", "format_version is 99", &format!("expects {FORMAT_VERSION}"), "train it anew"]);
    folder.write(MANIFEST, "{}");
    expect_refusal(&folder, &["format_version is null", &format!("expects {FORMAT_VERSION}")]);
    let folder = with_copy();
    change(&folder, |manifest| manifest["prompt_reader_version"] = json!(READER_VERSION + 1));
    expect_refusal(&folder, &["prompt_reader_version", "train it anew"]);
}

#[test]
fn an_artifact_of_another_embedder_is_refused_by_name() {
    let folder = with_copy();
    let other = "0".repeat(64);
    change(&folder, |manifest| manifest["embedders"][0]["fingerprint"] = json!(other));
    expect_refusal(&folder, &["router", "builtin", "fingerprint", &other, "train anew"]);
}

#[test]
fn an_unknown_embedder_or_method_is_refused_by_name() {
    let folder = with_copy();
    change(&folder, |manifest| manifest["embedders"][0]["name"] = json!("never-pulled"));
    expect_refusal(&folder, &["never-pulled"]);
    let folder = with_copy();
    change(&folder, |manifest| manifest["task"]["method"] = json!("oracle"));
    expect_refusal(&folder, &["oracle", "centroid"]);
    let folder = with_copy();
    change(&folder, |manifest| manifest["surprise"] = json!(1));
    expect_refusal(&folder, &[MANIFEST, "surprise"]);
}

#[test]
fn examples_that_lost_their_labels_are_found() {
    for list in ["tasks", "complexities"] {
        let folder = with_copy();
        change(&folder, |manifest| drop(manifest["examples"][list].as_array_mut().unwrap().pop()));
        expect_refusal(&folder, &["mine", &format!("examples.{list}"), " ids"]);
    }
}

/// Every place of a document that holds a scalar, and every list; of long lists the first two entries only.
fn places_of(value: &Value, at: &str, places: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            entries.iter().for_each(|(key, value)| places_of(value, &format!("{at}/{key}"), places));
        }
        Value::Array(items) => {
            places.push(at.to_owned());
            items
                .iter()
                .take(2)
                .enumerate()
                .for_each(|(index, item)| places_of(item, &format!("{at}/{index}"), places));
        }
        _ => places.push(at.to_owned()),
    }
}

#[test]
fn a_manifest_that_was_edited_is_refused_by_its_seal() {
    let folder = with_copy();
    let text = String::from_utf8(folder.read(MANIFEST)).unwrap();
    let edited = text.replacen("\"abstain_below\": 0.", "\"abstain_below\": 0.9", 1);
    assert_ne!(text, edited);
    folder.write(MANIFEST, edited);
    let error = read_artifact(&folder.path("mine"), READER_VERSION).unwrap_err().to_string();
    assert!(error.contains("router.json: its seal is") && error.contains("restore it, or train"), "{error}");
}

/// Whatever stands in the manifest: it is refused, or it classifies.
#[test]
fn no_manifest_brings_the_classifier_down() {
    let folder = with_copy();
    let whole = folder.read_json(MANIFEST);
    let mut places = Vec::new();
    places_of(&whole, "", &mut places);
    places.retain(|place| !place.starts_with("/card") && place != "/seal");
    assert!(places.len() > 30, "{places:?}");
    let mut refused = 0;
    let mut tried = 0;
    for place in &places {
        let old = whole.pointer(place).unwrap();
        let mut damages = vec![Value::Null, json!(-1), json!(0), json!(1e30), json!(usize::MAX), json!(""), json!([])];
        if let Value::Array(items) = old {
            damages.push(items[..items.len() - 1].into());
            damages.push([&items[..], &items[..1]].concat().into());
        }
        for damage in damages.iter().filter(|damage| *damage != old) {
            let mut manifest = whole.clone();
            *manifest.pointer_mut(place).unwrap() = damage.clone();
            folder.write(MANIFEST, sealed(manifest));
            tried += 1;
            match read_artifact(&folder.path("mine"), READER_VERSION) {
                Err(error) => {
                    assert!(error.to_string().contains("mine"), "{place} = {damage}: {error}");
                    refused += 1;
                }
                Ok((_, classifier)) => {
                    let dims = classifier.novelty.mean().len();
                    let classified = classifier
                        .classify(&Features { vectors: vec![Some(vec![0.0625; dims])], ..Features::default() });
                    let sum: f64 = classified.task.probabilities.iter().sum();
                    assert!((sum - 1.0).abs() < 1e-6, "{place} = {damage}: probabilities sum to {sum}");
                    classifier.examples.nearest(&vec![0.0625; dims], 5);
                }
            }
        }
    }
    assert!(refused * 10 > tried * 9, "only {refused} of {tried} damages were noticed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_bytes_bring_the_reader_down(manifest in any::<bool>(), place in any::<prop::sample::Index>(), flip in 1u8.., cut in any::<bool>()) {
        let folder = with_copy();
        let file = if manifest { MANIFEST } else { WEIGHTS };
        let mut bytes = folder.read(file);
        let place = place.index(bytes.len() - 1);
        if cut { bytes.truncate(place) } else { bytes[place] ^= flip }
        folder.write(file, bytes);
        let read = read_artifact(&folder.path("mine"), READER_VERSION);
        // Only the manifest can change unnoticed, and only within a figure or a name.
        prop_assert!(read.is_err() || (manifest && !cut));
    }
}
