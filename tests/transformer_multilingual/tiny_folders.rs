//! The tiny models of `tests/fixtures/transformers/`: where they lie, what sentence-transformers makes of them, and copies
//! that a test may spoil.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test should stop where it failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use semroute::embedder::{DeviceChoice, FolderError, Precision, Transformer};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

/// BERT with an XLM-R vocabulary, as multilingual-e5-small: has a prefix.
pub const BERT: &str = "bert-xlmr-vocabulary";
/// As paraphrase-multilingual-mpnet-base-v2.
pub const XLM_ROBERTA: &str = "xlm-roberta";
/// Byte pairs, and no word about pooling and length.
pub const ROBERTA: &str = "roberta";
pub const ALL: [&str; 3] = [BERT, XLM_ROBERTA, ROBERTA];
pub const PROMPTS: &str = "config_sentence_transformers.json";

#[derive(Deserialize)]
struct Reference {
    models: BTreeMap<String, ModelReference>,
}

#[derive(Deserialize)]
pub struct ModelReference {
    pub max_tokens: usize,
    pub sha256: String,
    pub rows: Vec<Row>,
    #[serde(default)]
    pub cls: Vec<Pooled>,
    #[serde(default)]
    pub max: Vec<Pooled>,
}

#[derive(Deserialize)]
pub struct Row {
    pub about: String,
    pub tokens: usize,
    /// Of the text by itself.
    pub vector: Vec<f32>,
    /// Of the text among all others, padded to the longest.
    pub in_batch: Vec<f32>,
}

#[derive(Deserialize)]
pub struct Pooled {
    pub about: String,
    pub vector: Vec<f32>,
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/transformers").join(name)
}

pub fn reference(name: &str) -> ModelReference {
    let text = fs::read_to_string(fixture("reference.json")).unwrap();
    let mut reference: Reference = serde_json::from_str(&text).unwrap();
    reference.models.remove(name).unwrap()
}

/// By name, in the order of the reference's rows.
pub fn texts(rows: &[Row]) -> Vec<String> {
    let texts: BTreeMap<String, String> = serde_json::from_slice(&fs::read(fixture("texts.json")).unwrap()).unwrap();
    rows.iter().map(|row| texts[&row.about].clone()).collect()
}

/// A copy of a model that may be changed.
pub struct Copied(TempDir);

impl Copied {
    pub fn of(name: &str) -> Self {
        let copy = Self(TempDir::new().unwrap());
        fs::create_dir(copy.file("1_Pooling")).unwrap();
        for folder in ["", "1_Pooling/"] {
            // A model may have no word about pooling.
            for entry in fs::read_dir(fixture(name).join(folder)).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let name = path.file_name().unwrap().to_str().unwrap();
                    fs::copy(&path, copy.file(&format!("{folder}{name}"))).unwrap();
                }
            }
        }
        copy
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, value: &Value) {
        fs::write(self.file(name), value.to_string()).unwrap();
    }

    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut value: Value = serde_json::from_slice(&fs::read(self.file(name)).unwrap()).unwrap();
        change(&mut value);
        self.write(name, &value);
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.file(name)).unwrap();
    }

    pub fn load(&self) -> Transformer {
        load(self.0.path())
    }

    pub fn refusal(&self) -> String {
        match Transformer::from_folder("tiny", self.0.path(), DeviceChoice::Cpu, Precision::F32) {
            Ok(_) => panic!("the folder was taken"),
            Err(error @ (FolderError::File { .. } | FolderError::Invalid { .. })) => error.to_string(),
        }
    }
}

pub fn load(folder: &Path) -> Transformer {
    Transformer::from_folder("tiny", folder, DeviceChoice::Cpu, Precision::F32).unwrap()
}
