//! The tests that the `openai` and `anthropic` Python packages are published with, against the real binary in place of the mock
//! server that they are written for. Left out are calls that the router does not have: answers kept at the provider, fine-tuned models.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

mod common;

use std::process::Command;

use common::binary::Binary;
use common::installation::{or_skip, text_of};
use common::obliging_provider::obliging_provider;
use common::python::{python, source_package};
use common::router::model_at;

/// Some of the tests that a package is published with.
struct Suite {
    package: &'static str,
    /// What the package's base URL ends in.
    base_path: &'static str,
    /// Under `tests/api_resources`.
    files: &'static [&'static str],
    /// By their names, as pytest's `-k` has it.
    chosen: &'static str,
    /// Neither fewer, as where some are skipped, nor more, as where new ones should be looked at.
    count: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_openai_packages_tests_of_chat_and_embeddings_pass() {
    let suite = Suite {
        package: "openai",
        base_path: "/v1",
        files: &["chat/test_completions.py", "test_embeddings.py"],
        chosen: "not (update or delete or retrieve or _list)",
        count: 60,
    };
    assert!(suite.passes().await.is_none_or(|asked| asked > 0), "none got as far as the provider");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_openai_packages_tests_of_models_pass() {
    let files = &["test_models.py"];
    Suite { package: "openai", base_path: "/v1", files, chosen: "not delete", count: 35 }.passes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_anthropic_packages_tests_of_messages_pass() {
    let suite = Suite {
        package: "anthropic",
        base_path: "",
        files: &["test_messages.py"],
        chosen: "not (update or delete or retrieve or _list)",
        count: 65,
    };
    assert!(suite.passes().await.is_none_or(|asked| asked > 0), "none got as far as the provider");
}

impl Suite {
    /// Runs it, and tells how many requests the provider got; `None` where it cannot be installed.
    async fn passes(self) -> Option<usize> {
        let installed = python().and_then(|python| Ok((python, source_package(self.package)?)));
        let (python, source) = or_skip(&format!("the {} SDK's own test suite", self.package), installed)?;
        let upstream = obliging_provider().await;
        // The one name that the tests ask the list of models for; the others are unknown.
        let model = model_at("gpt-6-astra", upstream.base_url(), 1.0, "");
        let binary = Binary::serve(&format!("[router]\nunknown_model = \"auto\"\n{model}"), &[]);
        let output = Command::new(python)
            // In one process: as many as their settings want are slower to start than the tests are.
            .args(["-m", "pytest", "--quiet", "-n", "0", "-p", "no:cacheprovider", "-k", self.chosen])
            .args(self.files.iter().map(|file| format!("tests/api_resources/{file}")))
            .current_dir(source)
            .env("TEST_API_BASE_URL", format!("{}{}", binary.url(), self.base_path))
            .output()
            .unwrap();
        let text = text_of(&output);
        assert!(output.status.success(), "{text}");
        // `60 passed, 92 deselected in 3.21s`
        let summary = text.lines().rfind(|line| line.contains(" passed")).unwrap_or_default();
        assert!(summary.starts_with(&format!("{} passed", self.count)), "not {} passed: {text}", self.count);
        assert!(!summary.contains("skipped"), "{text}");
        Some(upstream.calls())
    }
}
