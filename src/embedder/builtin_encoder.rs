//! The fine-tuned encoder that ships inside the binary, where the feature `encoder` is on: the second tier of the built-in artifact, and of whoever inherits its labels. Its bytes stay where
//! they are; what is packed of them is shared by everybody who opens it in the same precision.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::model_files::{FileInBinary, ModelFiles};
use super::{DeviceChoice, FolderError, OpenedEmbedder, Precision, Transformer};

/// What errors call the place.
const PLACE: &str = "the encoder inside the binary";

#[cfg(feature = "encoder")]
macro_rules! shipped {
    ($($name:literal),*) => {
        &[$(($name, include_bytes!(concat!("../../models/router/encoder/", $name)))),*]
    };
}

#[cfg(feature = "encoder")]
static FILES: &[FileInBinary] = shipped![
    "1_Pooling/config.json",
    "config.json",
    "model.safetensors",
    "modules.json",
    "semroute_encoder.json",
    "sentence_bert_config.json",
    "tokenizer.json"
];
#[cfg(not(feature = "encoder"))]
static FILES: &[FileInBinary] = &[];

/// Whether this binary carries it.
pub fn has_builtin_encoder() -> bool {
    cfg!(feature = "encoder")
}

/// Opens it under this name. It is loaded on first use, and again only when nobody uses it any more or in another precision.
pub fn builtin_encoder(name: &str, precision: Option<Precision>) -> Result<OpenedEmbedder, FolderError> {
    type Loaded = (String, Option<Precision>, Weak<Transformer>);
    static LOADED: Mutex<Vec<Loaded>> = Mutex::new(Vec::new());
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_same = |(known, its, _): &&Loaded| known == name && *its == precision;
    if let Some(transformer) = loaded.iter().find(is_same).and_then(|(_, _, transformer)| transformer.upgrade()) {
        return Ok(OpenedEmbedder::Transformer(transformer));
    }
    let files = ModelFiles::InBinary { place: PLACE, files: FILES };
    let transformer = Arc::new(Transformer::from_files(name, files, DeviceChoice::Best, precision)?);
    loaded.retain(|(_, _, transformer)| transformer.strong_count() > 0);
    loaded.push((name.to_owned(), precision, Arc::downgrade(&transformer)));
    Ok(OpenedEmbedder::Transformer(transformer))
}
