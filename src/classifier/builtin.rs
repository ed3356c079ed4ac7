//! The default artifact, inside the binary.

use std::sync::{Arc, OnceLock};

use super::artifact::from_bytes;
use super::{ArtifactError, ArtifactManifest, Classifier};

static MANIFEST: &[u8] = include_bytes!("../../models/router/router.json");
static WEIGHTS: &[u8] = include_bytes!("../../models/router/weights.safetensors");

/// The built-in artifact, read on first use; its weights are shared afterwards.
pub fn builtin(reader_version: u32) -> Result<(ArtifactManifest, Arc<Classifier>), ArtifactError> {
    static LOADED: OnceLock<(ArtifactManifest, Arc<Classifier>)> = OnceLock::new();
    if let Some(loaded) = LOADED.get() {
        return Ok(loaded.clone());
    }
    let (manifest, classifier) = from_bytes("builtin", MANIFEST, WEIGHTS, reader_version)?;
    Ok(LOADED.get_or_init(|| (manifest, Arc::new(classifier))).clone())
}
