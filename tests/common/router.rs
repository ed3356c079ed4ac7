//! The real router on a loopback port, built from a configuration as a user would write it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use reqwest::{Client, RequestBuilder, Response};
use semroute::commands::{cache_parts, parts};
use semroute::config::Config;
use semroute::gateway::Gateway;
use semroute::http::{AppState, Certificates, Server};
use semroute::limits::{Ledger, SpentBefore, StoredKeys};
use semroute::routing::nearest_to_the_centre;
use semroute::store::{DecisionRecord, Recorder, Store};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::soon;

/// The variables that configurations of tests may name, and what they hold.
pub const VARIABLES: [(&str, &str); 4] = [
    ("PROVIDER_KEY", "sk-provider-secret"),
    ("OTHER_PROVIDER_KEY", "sk-other-secret"),
    ("CALLER_KEYS", "first-key,second-key"),
    ("REDIS_PASSWORD", "hunter2"),
];

fn variable(name: &str) -> Option<String> {
    VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

/// A running router.
pub struct TestRouter {
    addr: SocketAddr,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    serving: JoinHandle<()>,
    client: Client,
    store: Option<Store>,
    certificates: Option<Arc<Certificates>>,
}

/// A provider named `NAME-provider` with one model `NAME` at these prices.
pub fn model_at(name: &str, base_url: &str, usd_per_mtok: f64, more: &str) -> String {
    format!(
        "[[providers]]\nname = \"{name}-provider\"\nbase_url = \"{base_url}\"\n{more}\n\
         [[models]]\nname = \"{name}\"\nprovider = \"{name}-provider\"\nupstream_name = \"upstream-{name}\"\n\
         input_usd_per_mtok = {usd_per_mtok:?}\noutput_usd_per_mtok = {usd_per_mtok:?}\n\
         capabilities = [\"tools\", \"vision\", \"json\"]\n"
    )
}

/// A cheap model and a dear one: `auto:cheapest` tries them in this order.
pub fn cheap_and_dear(cheap_url: &str, dear_url: &str) -> String {
    model_at("cheap", cheap_url, 1.0, "") + &model_at("dear", dear_url, 10.0, "")
}

/// The parts of a router, for tests that want no socket.
pub fn state_of(config: &Config) -> AppState {
    state_with(config, None, None)
}

/// The parts of a router that remembers, and that knows the keys of its store.
async fn recording_state_of(config: &Config, store: Option<&Store>) -> AppState {
    let Some(store) = store else { return state_of(config) };
    let stored = StoredKeys::unread(store.clone());
    stored.refresh().await.unwrap();
    state_with(config, Some(store.recorder()), Some(stored))
}

fn state_with(config: &Config, recorder: Option<Recorder>, stored: Option<StoredKeys>) -> AppState {
    let registry = config.build_registry("test").unwrap();
    let gateway = Gateway::build(&config.providers, &registry, variable).unwrap();
    let keys = parts::build_keys(config, "test", variable).unwrap();
    let keys = match stored {
        Some(stored) => keys.with_stored(Arc::new(stored)),
        None => keys,
    };
    let router = parts::build_router(config, "test", None).unwrap();
    let gateway =
        gateway.with_comparison(nearest_to_the_centre(semroute::embedder::builtin().unwrap())).with_retry(config.retry);
    let cache = cache_parts::build_cache(config, "test", &router, variable).unwrap();
    let ledger = Ledger::new(config.budget, SpentBefore::default());
    AppState::new(Arc::new(router), gateway, keys, recorder, ledger, config.server.clone()).with_cache(cache)
}

impl TestRouter {
    /// Without `[retry]`, a plan in which nobody answered is not gone through again: most tests are about something else.
    pub async fn start(toml: &str) -> Self {
        let mut config = Config::from_toml(toml, "test").unwrap();
        if !toml.contains("[retry]") {
            config.retry.rounds = 0;
        }
        let store = match &config.store {
            Some(store) => Some(Store::open(store).await.unwrap().redacting(semroute::prompt::redacted)),
            None => None,
        };
        let state = recording_state_of(&config, store.as_ref()).await.showing(store.as_ref().map(Store::dashboard));
        let server = Server::bind("127.0.0.1:0", state).await.unwrap();
        let (addr, certificates) = (server.local_addr(), server.certificates());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.run(async move { drop(stopped.await) }));
        let client = semroute::gateway::loopback_client().unwrap();
        Self { addr, stop: Mutex::new(Some(stop)), serving, client, store, certificates }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate that it shows.
    pub fn certificates(&self) -> &Certificates {
        self.certificates.as_ref().expect("the configuration has [server.tls]")
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("http://{}{path}", self.addr))
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("http://{}{path}", self.addr)).header("content-type", "application/json")
    }

    pub fn request(&self, method: &reqwest::Method, path: &str) -> RequestBuilder {
        self.client.request(method.clone(), format!("http://{}{path}", self.addr))
    }

    /// A chat request with this body.
    pub async fn chat(&self, body: Value) -> Response {
        let sending = self.post("/v1/chat/completions").json(&body).send();
        soon("the router answers", sending).await.unwrap()
    }

    /// A one-turn request to a model.
    pub async fn ask(&self, model: &str) -> Response {
        self.chat(json!({"model": model, "messages": [{"role": "user", "content": "Hello"}]})).await
    }

    /// The same as a stream.
    pub async fn ask_streaming(&self, model: &str) -> Response {
        self.chat(json!({"model": model, "stream": true, "messages": [{"role": "user", "content": "Hello"}]})).await
    }

    /// Says that it should stop.
    pub fn begin_stop(&self) {
        self.stop.lock().unwrap().take().expect("it was told before").send(()).unwrap();
    }

    /// What the store remembers, newest first, once it is this many rows.
    pub async fn remembers(&self, rows: usize) -> Vec<DecisionRecord> {
        let store = self.store.as_ref().expect("the configuration has a store");
        let arrive = async {
            loop {
                let records = store.recent(1000).await.unwrap();
                if records.len() >= rows {
                    return records;
                }
            }
        };
        let records = soon("the rows are written", arrive).await;
        assert_eq!(records.len(), rows, "{records:#?}");
        records
    }

    /// How many rows the store has now.
    pub async fn remembered(&self) -> usize {
        self.store.as_ref().expect("the configuration has a store").recent(1000).await.unwrap().len()
    }

    /// Says that it should stop; the handle ends when it has.
    pub fn stop(self) -> JoinHandle<()> {
        self.begin_stop();
        self.serving
    }
}

/// The error of an OpenAI error body, which the answer must be.
pub async fn error_of(response: Response) -> Value {
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not a JSON body: {text:?}"));
    let error = body["error"].clone();
    assert!(error["message"].is_string() && error["type"].is_string(), "not an OpenAI error body: {body}");
    error
}

/// A header as text.
pub fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name).unwrap_or_else(|| panic!("no header {name}: {:?}", response.headers()));
    value.to_str().unwrap().to_owned()
}
