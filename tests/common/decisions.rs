//! Decisions of the real router about one turn, without a socket: two models, where the small one is cheap and near, the big one good and far.

use semroute::chat::ChatRequest;
use semroute::commands::parts;
use semroute::config::Config;
use semroute::routing::{Decision, Overrides, RouteError, Router};
use serde_json::json;

pub const MODELS: &str = r#"
[[providers]]
name = "near"
base_url = "http://127.0.0.1:9/v1"
region = "eu"
[[providers]]
name = "far"
base_url = "http://127.0.0.1:9/v1"
region = "us"
[[models]]
name = "small"
provider = "near"
input_usd_per_mtok = 0.1
output_usd_per_mtok = 0.1
quality = { default = 0.6 }
[[models]]
name = "big"
provider = "far"
input_usd_per_mtok = 5.0
output_usd_per_mtok = 5.0
quality = { default = 0.9 }
[[auth.keys]]
name = "research"
key_env = "RESEARCH"
"#;

pub fn build(tables: &str) -> Result<Router, String> {
    let config = Config::from_toml(&format!("{tables}\n{MODELS}"), "test.toml").map_err(|error| error.to_string())?;
    parts::build_router(&config, "test.toml", None).map_err(|error| format!("{error:#}"))
}

pub fn router(tables: &str) -> Router {
    build(tables).unwrap()
}

pub fn decide_as(router: &Router, model: &str, prompt: &str, overrides: &Overrides) -> Result<Decision, RouteError> {
    let request =
        ChatRequest::from_value(&json!({"model": model, "messages": [{"role": "user", "content": prompt}]})).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(router.decide(&request, overrides))
}

pub fn first(router: &Router, prompt: &str, overrides: &Overrides) -> String {
    decide_as(router, "auto", prompt, overrides).unwrap().primary().unwrap().model.clone()
}
