//! Text to vector. Two kinds behind one trait: the static token table built into the binary, and transformers of the BERT
//! family (BERT, RoBERTa, XLM-RoBERTa) through candle. Plain strings go in and plain `Vec<f32>`s come out: no candle or
//! tokenizer type crosses this door.

mod builtin;
mod builtin_encoder;
pub mod download;
mod encoder;
mod folder;
mod fused;
mod half_precision;
mod int8_folder;
mod model_files;
mod open;
mod pass;
mod pooling;
mod prefix;
mod queue;
mod queue_load;
mod static_table;
mod table_file;
mod text_tokenizer;
mod trainable;
mod transformer;

use thiserror::Error;

pub use builtin::builtin;
pub use builtin_encoder::{builtin_encoder, has_builtin_encoder};
pub use download::{ModelFilesError, locate, pull};
pub use folder::{FolderError, TransformerFolder};
#[doc(hidden)]
pub use fused::KernelBench;
pub(crate) use fused::{
    Finish, FusedActivation, FusedShape, Multiply, PanelWidth, Panels, Positions, Rows, exp, gelu, gelu_slope,
};
pub use int8_folder::weights_to_bytes;
pub use open::{OpenError, OpenedEmbedder, open};
pub use pass::DeviceChoice;
pub use queue::{EmbeddingQueue, QUEUE_SECONDS, QueueError, QueueLimits};
pub use static_table::StaticTable;
pub use table_file::{TableFileError, TableRows, write_table};
pub use text_tokenizer::TokenIds;
pub(crate) use trainable::{TrainableEncoder, TrainablePooling};
pub use transformer::Transformer;

/// Name under which the built-in static table is asked for and reported.
pub const BUILTIN: &str = "builtin";
/// The name of the fine-tuned encoder inside the binary, in the built-in artifact and in any other.
pub const BUILTIN_ENCODER: &str = "builtin-encoder";

/// What an artifact remembers of the embedder it was trained on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EmbedderIdentity {
    /// `builtin`, a hub name, or the name of a folder.
    pub name: String,
    /// Length of its vectors.
    pub dims: usize,
    /// blake3 of the files that decide its vectors, as 64 hexadecimal digits.
    pub fingerprint: String,
}

/// What a transformer's weights are multiplied as. On the processor: `F32` or `Int8`; on an accelerator: all but `Int8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Numbers of 32 bits: the vectors of the plain forward pass, to about 1e-6.
    #[default]
    F32,
    /// Bytes, with one scale a column of weights, a word and a token: faster, a quarter of the memory, vectors within a cosine of about 0.997.
    Int8,
    /// Half precision with the finer steps and the smaller range: numbers beyond 65,504 are lost, and a text that meets them is an error.
    F16,
    /// Half precision with the range of `F32` and the coarser steps.
    Bf16,
}

impl Precision {
    /// As configurations and flags write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Int8 => "int8",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

/// One text's vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// Unit length, or all zeros when the text holds no known token.
    pub vector: Vec<f32>,
    /// Tokens that were read, special tokens included.
    pub tokens: usize,
    /// Whether the text went on past what the embedder reads.
    pub truncated: bool,
}

/// Why a text could not be embedded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EmbedError {
    /// The tokenizer refused the text.
    #[error("tokenizing failed: {0}")]
    Tokenize(String),
    /// The model's arithmetic failed.
    #[error("the embedding model failed: {0}")]
    Model(String),
}

/// Turns texts into vectors, one a text, in order. A batch gives the same vectors as its texts one by one.
pub trait Embedder: Send + Sync {
    /// Name, size and fingerprint.
    fn identity(&self) -> &EmbedderIdentity;
    /// Embeds every text.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError>;
}

/// Scales to unit length; leaves zeros alone.
fn normalise(vector: &mut [f32]) {
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        let inverse = 1.0 / norm;
        vector.iter_mut().for_each(|x| *x *= inverse);
    }
}
