//! Puts the parts together that several commands need: embedder, artifact, configuration, router, keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use futures_util::FutureExt;

use super::UsageError;
use crate::classifier::{self, ArtifactManifest, Classifier, EmbedderRecord};
use crate::config::Config;
use crate::dataset::LabelFields;
use crate::embedder::{self, BUILTIN, BUILTIN_ENCODER, OpenedEmbedder, Precision};
use crate::gateway::{DocumentClient, check_document_address};
use crate::limits::KeyRing;
use crate::limits::jwt::TokenVerifier;
use crate::prompt::READER_VERSION;
use crate::routing::{Brain, KeepOfPrompts, Registry, Router, RouterConfig, RuleError, Tier};
use crate::store::{LogPrompts, StoreConfig};

/// The configuration that is read when it stands in the current folder and none is named.
pub const DEFAULT_CONFIG: &str = "semroute.toml";

/// The value of `[router] embedder` that leaves the choice to the artifact.
const CASCADE: &str = "cascade";

/// Models without a configuration that a warning names.
const UNNAMED_SHOWN: usize = 5;

/// Opens `builtin`, a folder, or a model that was pulled, to be computed as it is stored.
pub fn open_embedder(name: &str) -> anyhow::Result<OpenedEmbedder> {
    open_embedder_as(name, None)
}

/// As `open_embedder`, in this precision. What cannot be opened was named wrongly or is broken: wrong input.
pub fn open_embedder_as(name: &str, precision: Option<Precision>) -> anyhow::Result<OpenedEmbedder> {
    if name == BUILTIN {
        return Ok(embedder::open(BUILTIN, None, precision)?);
    }
    let refused = |why: String| UsageError(format!("embedder {name}: {why}"));
    if name == BUILTIN_ENCODER {
        if !embedder::has_builtin_encoder() {
            return Err(refused("this semroute was built without it; build with the feature encoder".into()).into());
        }
        return embedder::builtin_encoder(name, precision).map_err(|error| refused(error.to_string()).into());
    }
    let folder = embedder::locate(name).map_err(|error| UsageError(error.to_string()))?;
    embedder::open(name, Some(&folder), precision).map_err(|error| refused(error.to_string()).into())
}

/// Opens an embedder of an artifact: from the artifact's own folder where it lies in it.
pub fn open_record(
    router: &str,
    record: &EmbedderRecord,
    precision: Option<Precision>,
) -> anyhow::Result<OpenedEmbedder> {
    let Some(folder) = &record.folder else { return open_embedder_as(&record.name, precision) };
    let opened = embedder::open(&record.name, Some(&Path::new(router).join(folder)), precision);
    opened.map_err(|error| UsageError(format!("the artifact's own encoder: {error}")).into())
}

/// Who may call, as `[auth]` says. `read_variable` is given the names of the keys' variables; a token issuer is not asked for anything yet.
pub fn build_keys(
    config: &Config,
    origin: &str,
    read_variable: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<KeyRing> {
    let usage = |message: String| UsageError(format!("{origin}: {message}"));
    let keys = KeyRing::build(&config.auth, config.store.is_some(), read_variable)
        .map_err(|error| usage(error.to_string()))?;
    let Some(jwt) = &config.auth.jwt else { return Ok(keys) };
    for (key, address) in [("issuer", Some(&jwt.issuer)), ("jwks_url", jwt.jwks_url.as_ref())] {
        let checked = address.map_or(Ok(()), |address| check_document_address(address));
        checked.map_err(|error| usage(format!("auth.jwt.{key}: {error}")))?;
    }
    let client = DocumentClient::new()?;
    let fetch = move |url: String| {
        let client = client.clone();
        async move { client.fetch_json(&url).await.map_err(|error| error.to_string()) }.boxed()
    };
    Ok(keys.with_tokens(TokenVerifier::new(jwt.clone(), Box::new(fetch))))
}

/// Whether fine-tuning made it, for its artifact or for the built-in one.
pub fn is_fine_tuned(record: &EmbedderRecord) -> bool {
    record.folder.is_some() || record.name == BUILTIN_ENCODER
}

/// Reads `builtin` or an artifact's folder. What lies in the built-in artifact's folder is inside the binary, where it has a name.
pub fn read_artifact(router: &str) -> anyhow::Result<(ArtifactManifest, Arc<Classifier>)> {
    if router == BUILTIN {
        let (mut manifest, classifier) = classifier::builtin(READER_VERSION)?;
        for record in &mut manifest.embedders {
            if record.folder.take().is_some() {
                record.name = BUILTIN_ENCODER.to_owned();
            }
        }
        return Ok((manifest, classifier));
    }
    let read = classifier::read_artifact(Path::new(router), READER_VERSION);
    let (manifest, classifier) = read.map_err(|error| UsageError(format!("router artifact {error}")))?;
    Ok((manifest, Arc::new(classifier)))
}

/// The built-in artifact as trainings inherit from it: its first tier alone where the build is without its encoder, or nothing more is wanted.
pub fn inheritable(first_tier_alone: bool) -> Option<(ArtifactManifest, Classifier)> {
    let (mut manifest, classifier) = read_artifact(BUILTIN).ok()?;
    let mut classifier = (*classifier).clone();
    if manifest.second_tier.is_some() && (first_tier_alone || !embedder::has_builtin_encoder()) {
        classifier = without_second_tier(&mut manifest, &classifier);
    }
    Some((manifest, classifier))
}

/// An artifact with the embedders it was trained with. `embedder` is `cascade`, which leaves their names to the artifact, or
/// the one to use for what is not built in.
pub fn open_brain_with(router: &str, embedder: &str, precision: impl Into<Option<Precision>>) -> anyhow::Result<Brain> {
    let precision = precision.into();
    let (mut manifest, mut classifier) = read_artifact(router)?;
    if let Some(why) = second_tier_is_left_out(router, embedder, &manifest, &classifier) {
        tracing::info!("{why}");
        classifier = Arc::new(without_second_tier(&mut manifest, &classifier));
    }
    let names: Vec<&str> = manifest
        .embedders
        .iter()
        .map(|record| {
            let is_built_in = [BUILTIN, BUILTIN_ENCODER].contains(&record.name.as_str());
            let is_given = embedder == CASCADE || is_built_in || record.folder.is_some();
            if is_given { record.name.as_str() } else { embedder }
        })
        .collect();
    if embedder != CASCADE
        && !names.contains(&embedder)
        && manifest.embedders.iter().all(|record| record.name != embedder)
    {
        let trained = names.join(", ");
        return Err(UsageError(format!(
            "router.embedder: {embedder:?} is not what the artifact {router} was trained with ({trained}); write \
             \"{CASCADE}\", or train an artifact with --embedder {embedder}"
        ))
        .into());
    }
    let tiers = names
        .into_iter()
        .zip(&manifest.embedders)
        .map(|(name, record)| {
            let trained_with = || format!("the artifact {router} was trained with the embedder {name:?}");
            let opened = match record.folder {
                Some(_) => open_record(router, record, precision),
                None => open_embedder_as(name, precision),
            };
            Ok(Tier::start(opened.with_context(trained_with)?)?)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    Brain::new(&manifest, classifier, tiers).map_err(|error| UsageError(error.to_string()).into())
}

/// Why a cascade runs on its first tier alone: the user said so, or it is the built-in artifact and the transformer is no part of this build.
/// Another artifact was trained by somebody who has the transformer, so that a missing one is an error.
/// An encoder that quality alone is read from is left out like a second tier.
fn second_tier_is_left_out(
    router: &str,
    embedder: &str,
    manifest: &ArtifactManifest,
    classifier: &Classifier,
) -> Option<String> {
    let second = manifest.second_tier.as_ref().and_then(|second| second.task.embedders.last().copied());
    let at = second.or_else(|| classifier.embedder_of_quality())?;
    let name = &manifest.embedders.get(at)?.name;
    if embedder == BUILTIN {
        return Some(format!("the second tier ({name}) is switched off by embedder = \"{BUILTIN}\""));
    }
    (router == BUILTIN && !embedder::has_builtin_encoder()).then(|| {
        format!(
            "the second tier ({name}) is no part of this build, so unsure prompts keep the first tier's word; build with the feature encoder"
        )
    })
}

/// The first tier of a cascade, with no embedder but those it reads. They come first in every cascade.
fn without_second_tier(manifest: &mut ArtifactManifest, classifier: &Classifier) -> Classifier {
    let first = classifier.first_tier_alone();
    manifest.second_tier = None;
    if let Some(quality) = &mut manifest.quality {
        quality.network_embedder =
            first.quality.as_ref().and_then(|heads| heads.network.as_ref()).map(|network| network.embedder);
    }
    manifest.embedders.truncate(first.first_tier_embedders().last().map_or(0, |last| last + 1));
    first
}

/// An artifact with the embedders it names.
pub fn open_brain(router: &str) -> anyhow::Result<Brain> {
    open_brain_with(router, CASCADE, None)
}

/// Reads a configuration file; an error there is wrong input.
pub fn read_config(path: &Path) -> anyhow::Result<Config> {
    Config::from_file(path).map_err(|error| UsageError(error.to_string()).into())
}

/// The file of the named configuration, or of the one in the current folder, or none.
pub fn config_path(named: Option<&PathBuf>) -> Option<&Path> {
    let default = Path::new(DEFAULT_CONFIG);
    named.map(PathBuf::as_path).or_else(|| default.is_file().then_some(default))
}

/// The router of a configuration. `origin` is its file, named in errors; `artifact_override` goes before `[router] artifact`.
pub fn build_router(config: &Config, origin: &str, artifact_override: Option<&str>) -> anyhow::Result<Router> {
    let registry = config.build_registry(origin).map_err(|error| UsageError(error.to_string()))?;
    let brain = match artifact_override {
        Some(artifact) => open_brain_with(artifact, &config.router.embedder, config.router.precision)?,
        None => open_brain_with(&config.router.artifact, &config.router.embedder, config.router.precision)
            .with_context(|| origin.to_owned())?,
    };
    check_quality_labels(&registry, &brain).with_context(|| origin.to_owned())?;
    warn_of_unnamed_models(&registry, &brain);
    warn_of_missing_outcomes(config, &brain);
    let keeps = keep_of_prompts(config.store.as_ref());
    let router = Router::new(brain, Arc::new(registry), config.router.clone()).keeping(keeps);
    router.with_rules(&config.rules, &config.routes, &config.archetypes).map_err(|error| match error {
        RuleError::Wrong(message) => UsageError(format!("{origin}: {message}")).into(),
        error => anyhow::Error::new(error).context(origin.to_owned()),
    })
}

/// What decisions have to carry of prompts for the log.
fn keep_of_prompts(store: Option<&StoreConfig>) -> KeepOfPrompts {
    match store.map_or(LogPrompts::Off, |store| store.log_prompts) {
        LogPrompts::Off => KeepOfPrompts::Nothing,
        LogPrompts::Features => KeepOfPrompts::Features,
        LogPrompts::Full => KeepOfPrompts::Words,
    }
}

/// A router without models: it classifies, and decides nothing.
pub fn build_router_without_models(router: &str) -> anyhow::Result<Router> {
    Ok(Router::new(open_brain(router)?, Arc::new(Registry::default()), RouterConfig::default()))
}

/// A task field that was named and that no row has is a slip, not a wish to do without tasks.
pub fn check_label_field(field: &str, found_in_any_row: bool) -> Result<(), UsageError> {
    if field != LabelFields::default().task && !found_in_any_row {
        return Err(UsageError(format!(
            "--label-field {field}: no row has this field; name the one that holds the label"
        )));
    }
    Ok(())
}

/// Outcomes of a model that cannot be chosen are often outcomes of one that is configured under another name.
fn warn_of_unnamed_models(registry: &Registry, brain: &Brain) {
    let unnamed: Vec<&str> =
        brain.classifier().outcomes.keys().map(String::as_str).filter(|model| registry.get(model).is_none()).collect();
    if !unnamed.is_empty() {
        let shown = unnamed.iter().take(UNNAMED_SHOWN).copied().collect::<Vec<_>>().join(", ");
        let more = if unnamed.len() > UNNAMED_SHOWN { ", ..." } else { "" };
        tracing::warn!(
            "the artifact {} has outcomes of {} model(s) with no [[models]] entry of that name: {shown}{more}; they are predicted \
             and never chosen",
            brain.artifact(),
            unnamed.len()
        );
    }
}

/// A model that should borrow outcomes which are not there goes by its table.
fn warn_of_missing_outcomes(config: &Config, brain: &Brain) {
    for (index, model) in config.models.iter().enumerate() {
        if let Some(name) = model.outcomes_as.as_ref().filter(|name| !brain.classifier().outcomes.contains_key(*name)) {
            let artifact = brain.artifact();
            tracing::warn!(
                "models[{index}].outcomes_as: the artifact {artifact} has no outcomes of {name:?}; the table counts"
            );
        }
    }
}

/// A quality for a label that the artifact does not know would silently never apply.
fn check_quality_labels(registry: &Registry, brain: &Brain) -> anyhow::Result<()> {
    let known = |label: &str| {
        let (tasks, complexities) = (brain.task_labels(), brain.complexity_labels());
        let is = |labels: &[String], name: &str| labels.iter().any(|label| label == name);
        match label.split_once('/') {
            Some((task, complexity)) => is(tasks, task) && is(complexities, complexity),
            None => is(tasks, label) || is(complexities, label),
        }
    };
    for (index, model) in registry.models().iter().enumerate() {
        if let Some(label) = model.quality.label_keys().find(|label| !known(label)) {
            let message = format!(
                "models[{index}].quality.{label}: not a label of the artifact {}; use \"default\", one of {}, one of {}, or \
                 \"task/complexity\"",
                brain.artifact(),
                brain.task_labels().join(", "),
                brain.complexity_labels().join(", ")
            );
            return Err(UsageError(message).into());
        }
    }
    Ok(())
}
