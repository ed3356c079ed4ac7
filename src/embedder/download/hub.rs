//! The first source: a hub that speaks Hugging Face's protocol. Asks for the list of files at a revision, then downloads
//! the wanted ones at that commit, each checked against the hub's own sha256 where it has one.

use reqwest::{Client, Url};
use serde::Deserialize;

use super::client::{self, Page};
use super::staging::Staging;
use super::{KnownModel, ModelFilesError, ModelName, PullProgress, Sources};

/// The weights, in the only format that is read.
pub(super) const WEIGHTS_FILE: &str = "model.safetensors";
/// Without these there is no model.
pub(super) const REQUIRED_FILES: &[&str] = &["config.json", "tokenizer.json", WEIGHTS_FILE];
/// Taken where they exist.
pub(super) const OPTIONAL_FILES: &[&str] = &[
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "modules.json",
    "tokenizer_config.json",
    "vocab.txt",
];
/// Weights of BERT-family embedders end far below this.
pub(super) const WEIGHTS_LIMIT_BYTES: u64 = 8 << 30;
/// Every other file.
pub(super) const SMALL_FILE_LIMIT_BYTES: u64 = 128 << 20;

#[derive(Deserialize)]
struct RepoInfo {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    lfs: Option<LargeFile>,
}

#[derive(Deserialize)]
struct LargeFile {
    sha256: String,
}

/// Downloads a model into `staging` and says where it came from.
pub(super) async fn fetch(
    client: &Client,
    sources: &Sources,
    name: &ModelName,
    staging: &mut Staging,
    progress: &(dyn PullProgress + Sync),
) -> Result<String, ModelFilesError> {
    let token = sources.hub_token.as_ref();
    let hub = client::parse_address(&sources.hub)?;
    let mut list_address = below(&hub, &["api", "models", &name.repo, "revision"], &name.revision)?;
    list_address.set_query(Some("blobs=true"));
    let place = client::display(&hub);
    let body = match client::fetch_page(client, list_address, "application/json", token).await? {
        Page::Found { body, .. } => body,
        Page::Refused(status) => {
            return Err(ModelFilesError::NotFound {
                name: name.to_string(),
                place: format!("{place} (status {status})"),
            });
        }
    };
    let info: RepoInfo = serde_json::from_slice(&body)
        .map_err(|error| ModelFilesError::Network { place, message: format!("unexpected list of files: {error}") })?;
    let find = |wanted: &str| info.siblings.iter().find(|sibling| sibling.rfilename == wanted);
    if let Some(missing) = REQUIRED_FILES.iter().find(|file| find(file).is_none()) {
        let reason = format!("the hub's revision {} has no {missing}", name.revision);
        return Err(ModelFilesError::Unusable { name: name.to_string(), reason });
    }
    if !is_commit(&info.sha) {
        let message = "the hub named no commit".to_owned();
        return Err(ModelFilesError::Network { place: client::display(&hub), message });
    }
    for file in REQUIRED_FILES.iter().chain(OPTIONAL_FILES).filter_map(|file| find(file)) {
        let path = file.rfilename.as_str();
        let limit = if path == WEIGHTS_FILE { WEIGHTS_LIMIT_BYTES } else { SMALL_FILE_LIMIT_BYTES };
        let pinned = pinned_sha256(&sources.known, name, path);
        let expected = pinned.or(file.lfs.as_ref().map(|large| large.sha256.as_str()));
        let address = below(&hub, &[&name.repo, "resolve", &info.sha], path)?;
        let mut staged = staging.create(path, limit)?;
        client::fetch_file(client, address, token, path, &mut staged, progress).await?;
        staging.keep(staged, expected)?;
    }
    Ok(format!("{} at {}", client::display(&hub), info.sha))
}

/// The sha256 that a file must have, whatever a source says.
pub(super) fn pinned_sha256<'a>(known: &'a [KnownModel], name: &ModelName, file: &str) -> Option<&'a str> {
    let model = known.iter().find(|model| model.repo == name.repo)?;
    (file == WEIGHTS_FILE).then_some(model.weights_sha256.as_str())
}

/// An address below the hub's: `segments` may hold slashes that part, `last` is a revision (its slashes are escaped) or,
/// under `resolve`, a path.
fn below(hub: &Url, segments: &[&str], last: &str) -> Result<Url, ModelFilesError> {
    let mut address = hub.clone();
    let failed = || ModelFilesError::Network {
        place: client::display(hub),
        message: "not an address that can have paths".to_owned(),
    };
    {
        let mut path = address.path_segments_mut().map_err(|()| failed())?;
        path.pop_if_empty();
        for segment in segments {
            path.extend(segment.split('/'));
        }
        if segments.contains(&"resolve") {
            path.extend(last.split('/'));
        } else {
            path.push(last);
        }
    }
    Ok(address)
}

fn is_commit(sha: &str) -> bool {
    !sha.is_empty() && sha.len() <= 64 && sha.chars().all(|c| c.is_ascii_alphanumeric())
}
