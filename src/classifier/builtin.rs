//! The default artifact, inside the binary.

use std::sync::{Arc, OnceLock};

use super::artifact::from_bytes;
use super::{ArtifactError, ArtifactManifest, Classifier};

static MANIFEST: &[u8] = include_bytes!("../../models/router/router.json");
static WEIGHTS: &[u8] = include_bytes!("../../models/router/weights.safetensors");

/// The built-in artifact, read on first use and shared afterwards.
pub fn builtin(reader_version: u32) -> Result<Arc<(ArtifactManifest, Classifier)>, ArtifactError> {
    static LOADED: OnceLock<Arc<(ArtifactManifest, Classifier)>> = OnceLock::new();
    if let Some(loaded) = LOADED.get() {
        return Ok(Arc::clone(loaded));
    }
    let loaded = Arc::new(from_bytes("builtin", MANIFEST, WEIGHTS, reader_version)?);
    Ok(Arc::clone(LOADED.get_or_init(|| loaded)))
}
