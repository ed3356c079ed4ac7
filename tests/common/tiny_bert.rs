//! Writes a tiny BERT as sentence-transformers lays a model out: real configuration, tokenizer and weights, 62 words, 32
//! dimensions. Its vectors mean nothing, but they are computed as a real model's are.
#![allow(dead_code, reason = "each test file uses the part it needs")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop where it failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const HIDDEN: usize = 32;
pub const LAYERS: usize = 2;
pub const POSITIONS: usize = 64;
pub const MAX_TOKENS: usize = 16;
pub const LAYER_NORM_EPS: f32 = 1e-12;
const INTERMEDIATE: usize = 48;

/// By id. The special tokens first, then whole words, then pieces of words.
pub const VOCABULARY: [&str; 62] = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    ".",
    ",",
    "?",
    "a",
    "the",
    "to",
    "in",
    "of",
    "is",
    "this",
    "what",
    "how",
    "please",
    "translate",
    "sentence",
    "french",
    "german",
    "spanish",
    "word",
    "letter",
    "write",
    "fix",
    "python",
    "rust",
    "function",
    "loop",
    "list",
    "code",
    "bug",
    "test",
    "solve",
    "equation",
    "sum",
    "prove",
    "number",
    "prime",
    "angle",
    "square",
    "root",
    "good",
    "morning",
    "house",
    "tree",
    "river",
    "winter",
    "song",
    "story",
    "plan",
    "cook",
    "##s",
    "##ing",
    "##er",
    "##ed",
    "##ly",
    "##un",
    "un",
    "able",
];

/// What the layers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layers {
    /// Attention and feed-forward with random weights.
    Mixing,
    /// Both add nothing, so that a token's vector is its own normalised embedding, which a test computes by itself.
    Silent,
}

/// A model folder that is gone with this value.
pub struct TinyBert {
    folder: TempDir,
}

impl TinyBert {
    /// Mean pooling, 16 tokens at most; the same seed gives the same files.
    pub fn new(seed: u64) -> Self {
        Self::with_layers(seed, Layers::Mixing)
    }

    pub fn with_layers(seed: u64, layers: Layers) -> Self {
        let tiny = Self { folder: TempDir::new().unwrap() };
        tiny.write("config.json", &config().to_string());
        tiny.write("tokenizer.json", &tokenizer().to_string());
        tiny.write_weights(&weights(seed, layers));
        tiny.write_pooling("pooling_mode_mean_tokens");
        tiny.write("sentence_bert_config.json", &json!({"max_seq_length": MAX_TOKENS}).to_string());
        tiny
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.file(name).parent().unwrap()).unwrap();
        fs::write(self.file(name), text).unwrap();
    }

    /// Changes one JSON file.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut value: Value = serde_json::from_slice(&fs::read(self.file(name)).unwrap()).unwrap();
        change(&mut value);
        self.write(name, &value.to_string());
    }

    /// Sets this pooling mode and no other.
    pub fn write_pooling(&self, mode: &str) {
        self.write("1_Pooling/config.json", &json!({"word_embedding_dimension": HIDDEN, mode: true}).to_string());
    }

    pub fn write_weights(&self, weights: &BTreeMap<String, Weight>) {
        let bytes: BTreeMap<&String, Vec<u8>> = weights
            .iter()
            .map(|(name, weight)| (name, weight.values.iter().flat_map(|x| x.to_le_bytes()).collect()))
            .collect();
        let views = weights
            .iter()
            .map(|(name, weight)| (name, TensorView::new(Dtype::F32, weight.shape.clone(), &bytes[name]).unwrap()));
        fs::write(self.file("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
    }
}

/// A tensor.
pub struct Weight {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// Id of a word.
pub fn id_of(word: &str) -> u32 {
    u32::try_from(VOCABULARY.iter().position(|token| *token == word).expect("not in the vocabulary")).unwrap()
}

/// All tensors by name, as BERT checkpoints call them.
pub fn weights(seed: u64, layers: Layers) -> BTreeMap<String, Weight> {
    let mut weights = Weights { random: Random(seed.wrapping_mul(2).wrapping_add(1)), tensors: BTreeMap::new() };
    for (table, rows) in [("word", VOCABULARY.len()), ("position", POSITIONS), ("token_type", 2)] {
        weights.random(format!("embeddings.{table}_embeddings.weight"), &[rows, HIDDEN], 1.0);
    }
    weights.layer_norm("embeddings");
    for layer in 0..LAYERS {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        for part in ["query", "key", "value"] {
            weights.linear(&name(&format!("attention.self.{part}")), HIDDEN, HIDDEN, 0.3);
        }
        let loudness = if layers == Layers::Silent { 0.0 } else { 0.3 };
        weights.linear(&name("attention.output.dense"), HIDDEN, HIDDEN, loudness);
        weights.layer_norm(&name("attention.output"));
        weights.linear(&name("intermediate.dense"), HIDDEN, INTERMEDIATE, 0.3);
        weights.linear(&name("output.dense"), INTERMEDIATE, HIDDEN, loudness);
        weights.layer_norm(&name("output"));
    }
    weights.tensors
}

struct Weights {
    random: Random,
    tensors: BTreeMap<String, Weight>,
}

impl Weights {
    fn random(&mut self, name: String, shape: &[usize], scale: f32) {
        let values = (0..shape.iter().product()).map(|_| self.random.next() * scale).collect();
        self.tensors.insert(name, Weight { shape: shape.to_vec(), values });
    }

    fn linear(&mut self, name: &str, from: usize, to: usize, scale: f32) {
        self.random(format!("{name}.weight"), &[to, from], scale);
        self.random(format!("{name}.bias"), &[to], scale);
    }

    fn layer_norm(&mut self, name: &str) {
        let ones = Weight { shape: vec![HIDDEN], values: vec![1.0; HIDDEN] };
        let zeros = Weight { shape: vec![HIDDEN], values: vec![0.0; HIDDEN] };
        self.tensors.insert(format!("{name}.LayerNorm.weight"), ones);
        self.tensors.insert(format!("{name}.LayerNorm.bias"), zeros);
    }
}

/// xorshift64*, between -1 and 1.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40;
        high as f32 / (1u64 << 23) as f32 - 1.0
    }
}

fn config() -> Value {
    json!({
        "architectures": ["BertModel"], "model_type": "bert", "vocab_size": VOCABULARY.len(), "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS, "num_attention_heads": 4, "intermediate_size": INTERMEDIATE, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "max_position_embeddings": POSITIONS,
        "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": LAYER_NORM_EPS, "pad_token_id": 0,
        "position_embedding_type": "absolute",
    })
}

fn tokenizer() -> Value {
    let special = |token: &str| {
        json!({
            "id": id_of(token), "content": token, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    };
    let template = |token: &str| json!({"id": token, "ids": [id_of(token)], "tokens": [token]});
    let piece = |token: &str| json!({"SpecialToken": {"id": token, "type_id": 0}});
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    let vocabulary: BTreeMap<&str, u32> = VOCABULARY.iter().copied().zip(0..).collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": (VOCABULARY[..5].iter().map(|token| special(token)).collect::<Vec<_>>()),
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing", "single": [piece("[CLS]"), text, piece("[SEP]")],
            "pair": [piece("[CLS]"), text, piece("[SEP]")],
            "special_tokens": {"[CLS]": template("[CLS]"), "[SEP]": template("[SEP]")},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
    })
}
