//! What `docs/providers.md` tells people to write is a good configuration.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

use std::collections::BTreeSet;
use std::sync::Mutex;

use semroute::config::Config;
use semroute::gateway::Gateway;

#[test]
fn every_snippet_configures_a_gateway_and_every_provider_of_the_table_has_one() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/providers.md")).unwrap();
    let snippets: Vec<&str> =
        document.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(snippets.len(), 3);
    let toml = snippets.concat();
    let config = Config::from_toml(&toml, "docs/providers.md").unwrap();
    let registry = config.build_registry("docs/providers.md").unwrap();
    let asked = Mutex::new(BTreeSet::new());
    let read = |variable: &str| {
        asked.lock().unwrap().insert(variable.to_owned());
        Some("a-key".to_owned())
    };
    Gateway::build(&config.providers, &registry, read).map(drop).unwrap();
    for variable in asked.into_inner().unwrap() {
        let is_default = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].contains(&&*variable);
        assert!(is_default || toml.contains(&format!("\"{variable}\"")), "{variable} is not in the snippets");
    }
    let rows = document.lines().filter_map(|line| line.split_once("| `http").map(|(_, rest)| rest));
    for row in rows.filter(|row| !row.starts_with("s://api.openai.com")) {
        let host = row.split("://").nth(1).unwrap().split(['/', ':', '`']).next().unwrap();
        assert!(host == "HOST" || toml.contains(host), "no snippet for {host}");
    }
    for model in registry.models() {
        assert!(model.prices.is_some(), "{} has no price, which the document should say", model.name);
    }
}
