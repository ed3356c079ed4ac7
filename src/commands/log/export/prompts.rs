//! The prompt of an exported row: its words where they were kept, or else its features, if the artifact in service can be trained on them.

use serde_json::{Map, Value, json};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Skipped;
use crate::classifier::SpaceName;
use crate::commands::parts;
use crate::config::Config;
use crate::prompt::READER_VERSION;
use crate::store::DecisionRecord;

/// What features must hold to be of use.
pub(super) struct Prompts {
    /// Name and fingerprint of the embedders that read every prompt.
    embedders: Vec<(String, String)>,
}

impl Prompts {
    /// As the artifact of a configuration wants them.
    pub(super) fn of(config: &Config) -> anyhow::Result<Self> {
        let (manifest, classifier) = parts::read_artifact(&config.router.artifact)?;
        let records = classifier.first_tier_embedders().into_iter().filter_map(|at| manifest.embedders.get(at));
        Ok(Self { embedders: records.map(|record| (record.name.clone(), record.fingerprint.clone())).collect() })
    }

    /// The beginning of a row: its id and its prompt.
    pub(super) fn of_row(&self, decision: &DecisionRecord) -> Result<Map<String, Value>, Skipped> {
        let mut row = Map::new();
        row.insert("id".into(), json!(decision.id));
        match (&decision.prompt, &decision.feature_space, &decision.features) {
            (Some(prompt), _, _) => drop(row.insert("prompt".into(), json!(prompt))),
            (None, Some(space), Some(features)) => {
                self.check(space).map_err(Skipped::Foreign)?;
                row.insert("feature_space".into(), json!(space));
                row.insert("features".into(), BASE64_STANDARD.encode(features).into());
            }
            _ => return Err(Skipped::NothingKept),
        }
        Ok(row)
    }

    fn check(&self, space: &str) -> Result<(), String> {
        let name = SpaceName::parse(space).ok_or_else(|| format!("{space:?} is no name of a space"))?;
        if let Some(why) = name.is_foreign(READER_VERSION) {
            return Err(why);
        }
        match self.embedders.iter().find(|(_, fingerprint)| name.place_of(fingerprint).is_none()) {
            Some((embedder, _)) => {
                Err(format!("{space} has no vectors of the embedder {embedder}, which [router] artifact reads"))
            }
            None => Ok(()),
        }
    }
}
