//! Where a model's files lie: in a folder, or inside the binary. Reads them whole or opens their tensors; knows nothing of what they say.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::fused::TensorFile;

/// A file inside the binary: its path below the model's folder, and its bytes.
pub(super) type FileInBinary = (&'static str, &'static [u8]);

/// The files of a model.
#[derive(Debug, Clone)]
pub(super) enum ModelFiles {
    Folder(PathBuf),
    InBinary {
        /// What errors call the place.
        place: &'static str,
        files: &'static [FileInBinary],
    },
}

impl ModelFiles {
    /// What errors call a file.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.join(name),
            Self::InBinary { place, .. } => Path::new(place).join(name),
        }
    }

    /// A whole file. The error is `NotFound` where there is none.
    pub(super) fn read(&self, name: &str) -> io::Result<Cow<'static, [u8]>> {
        match self {
            Self::Folder(folder) => std::fs::read(folder.join(name)).map(Cow::Owned),
            Self::InBinary { .. } => Ok(Cow::Borrowed(self.in_binary(name)?)),
        }
    }

    /// A safetensors file, opened.
    pub(super) fn tensors(&self, name: &str) -> Result<TensorFile, String> {
        match self {
            Self::Folder(folder) => TensorFile::open(&folder.join(name)),
            Self::InBinary { .. } => TensorFile::in_memory(self.in_binary(name).map_err(|error| error.to_string())?),
        }
    }

    /// Adds a file's length and bytes to a hash, without holding them.
    pub(super) fn hash(&self, name: &str, hasher: &mut blake3::Hasher) -> io::Result<()> {
        match self {
            Self::Folder(folder) => {
                let file = File::open(folder.join(name))?;
                hasher.update(&file.metadata()?.len().to_le_bytes());
                hasher.update_reader(file)?;
            }
            Self::InBinary { .. } => {
                let bytes = self.in_binary(name)?;
                hasher.update(&(bytes.len() as u64).to_le_bytes());
                hasher.update(bytes);
            }
        }
        Ok(())
    }

    fn in_binary(&self, name: &str) -> io::Result<&'static [u8]> {
        let Self::InBinary { files, .. } = self else { return Err(io::ErrorKind::NotFound.into()) };
        let found = files.iter().find(|(known, _)| *known == name);
        found.map(|(_, bytes)| *bytes).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedder::{DeviceChoice, Embedder, Precision, Transformer};

    macro_rules! fixture {
        ($name:literal) => {
            concat!("../../tests/fixtures/transformers/bert-xlmr-vocabulary/", $name)
        };
    }
    static FILES: [FileInBinary; 7] = [
        ("1_Pooling/config.json", include_bytes!(fixture!("1_Pooling/config.json"))),
        ("config.json", include_bytes!(fixture!("config.json"))),
        ("config_sentence_transformers.json", include_bytes!(fixture!("config_sentence_transformers.json"))),
        ("model.safetensors", include_bytes!(fixture!("model.safetensors"))),
        ("modules.json", include_bytes!(fixture!("modules.json"))),
        ("sentence_bert_config.json", include_bytes!(fixture!("sentence_bert_config.json"))),
        ("tokenizer.json", include_bytes!(fixture!("tokenizer.json"))),
    ];

    #[test]
    fn a_model_in_the_binary_is_the_model_of_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/transformers/bert-xlmr-vocabulary");
        for precision in [None, Some(Precision::Int8)] {
            let files = ModelFiles::InBinary { place: "inside", files: &FILES };
            let inside = Transformer::from_files("one", files, DeviceChoice::Cpu, precision).unwrap();
            let outside = Transformer::from_folder("one", Path::new(folder), DeviceChoice::Cpu, precision).unwrap();
            assert_eq!(inside.identity(), outside.identity());
            let texts = ["How do I reverse a linked list?", "Warum singt das Wasser im Kessel?"];
            assert_eq!(inside.embed(&texts).unwrap(), outside.embed(&texts).unwrap());
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        for (files, missing) in [(&FILES[..1], "inside/config.json"), (&FILES[..6], "inside/tokenizer.json")] {
            let files = ModelFiles::InBinary { place: "inside", files };
            let found = Transformer::from_files("one", files, DeviceChoice::Cpu, None);
            let found = found.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(found.contains(missing), "{found}");
        }
    }
}
