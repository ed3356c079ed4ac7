//! What fine-tuning takes of a model folder: the sizes, the weights by their published names, and token ids of texts cut from both ends. Runs
//! no model and changes nothing in the folder.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::folder::{FolderError, TOKENIZER_FILE, TUNED_FILE, TransformerFolder, WEIGHTS_FILE, parse_json};
use super::fused::{FusedShape, TensorFile};
use super::pooling::Pooling;
use super::prefix::PROMPTS_FILE;
use super::text_tokenizer::{Cut, TextTokenizer};
use super::{EmbedError, Transformer};

/// Where checkpoints put the encoder: by itself, or under the name that its family gives it when a head stands on top.
const ROOTS: [&str; 3] = ["", "bert.", "roberta."];
const WORDS: &str = "embeddings.word_embeddings.weight";

/// Poolings that gradients are passed back through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrainablePooling {
    /// The mean over the text's tokens.
    Mean,
    /// The first token.
    Cls,
}

/// A model folder, opened to be trained further.
pub(crate) struct TrainableEncoder {
    /// Sizes, activation and positions.
    pub(crate) shape: FusedShape,
    pub(crate) pooling: TrainablePooling,
    /// The most tokens that the encoder has positions for.
    pub(crate) max_tokens: usize,
    tokenizer: TextTokenizer,
    weights: TensorFile,
    folder: PathBuf,
    weights_path: PathBuf,
    root: &'static str,
}

impl TrainableEncoder {
    /// Opens a folder. Refused are encoders with an activation or a pooling that no backward pass exists for.
    pub(crate) fn open(folder: &Path) -> Result<Self, FolderError> {
        let parts = TransformerFolder::read(folder)?;
        let of_config = |message: &str| FolderError::invalid(&folder.join("config.json"), message);
        let shape = parts.encoder.fused_shape();
        let shape = shape
            .ok_or_else(|| of_config("hidden_act: only gelu and relu can be fine-tuned; choose another base model"))?;
        let pooling = match parts.pooling {
            Pooling::Mean => TrainablePooling::Mean,
            Pooling::Cls => TrainablePooling::Cls,
            Pooling::Max => {
                let message = "max pooling cannot be fine-tuned; set mean or CLS pooling, or choose another base model";
                return Err(FolderError::invalid(&folder.join("1_Pooling").join("config.json"), message));
            }
        };
        let tokenizer = Transformer::tokenizer_of(&parts)?;
        let weights_path = folder.join(WEIGHTS_FILE);
        let weights =
            TensorFile::open(&weights_path).map_err(|message| FolderError::invalid(&weights_path, message))?;
        let root = ROOTS.into_iter().find(|root| weights.contains(&format!("{root}{WORDS}"))).unwrap_or_default();
        let max_tokens = parts.encoder.positions;
        let folder = folder.to_owned();
        Ok(Self { shape, pooling, max_tokens, tokenizer, weights, folder, weights_path, root })
    }

    /// A tensor by its published name, in numbers of 32 bits. Checkpoints converted from TensorFlow call a normalisation's vectors gamma and
    /// beta.
    pub(crate) fn read(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, FolderError> {
        let mut stored = format!("{}{name}", self.root);
        if !self.weights.contains(&stored) && name.contains("LayerNorm.") {
            let old = stored.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
            if self.weights.contains(&old) {
                stored = old;
            }
        }
        self.weights.read(&stored, shape).map_err(|message| FolderError::invalid(&self.weights_path, message))
    }

    /// Writes everything but the weights into another folder, so that a reader of it cuts texts as training did.
    ///
    /// # Errors
    /// Names the file that the file system refuses.
    pub(crate) fn write_small_files(&self, folder: &Path, max_tokens: usize) -> Result<(), FolderError> {
        let named = |name: &str, done: io::Result<()>| {
            done.map_err(|cause| FolderError::File { path: folder.join(name).display().to_string(), cause })
        };
        named(TOKENIZER_FILE, std::fs::copy(self.folder.join(TOKENIZER_FILE), folder.join(TOKENIZER_FILE)).map(drop))?;
        named("1_Pooling", std::fs::create_dir(folder.join("1_Pooling")))?;
        let is_cls = self.pooling == TrainablePooling::Cls;
        let pooling = json!({
            "word_embedding_dimension": self.shape.hidden,
            "pooling_mode_cls_token": is_cls,
            "pooling_mode_mean_tokens": !is_cls,
        });
        let module = |at: usize, path: &str, class: &str| json!({"idx": at, "name": at.to_string(), "path": path, "type": format!("sentence_transformers.models.{class}")});
        let modules = json!([
            module(0, "", "Transformer"),
            module(1, "1_Pooling", "Pooling"),
            module(2, "2_Normalize", "Normalize")
        ]);
        let most = max_tokens.min(self.max_tokens);
        let mut files = vec![
            ("config.json", self.config()?),
            ("1_Pooling/config.json", pooling),
            ("modules.json", modules),
            ("sentence_bert_config.json", json!({"max_seq_length": most, "do_lower_case": false})),
            (TUNED_FILE, json!({"cut": Cut::Ends})),
        ];
        let prefix = self.tokenizer.prefix();
        if !prefix.is_empty() {
            files.push((PROMPTS_FILE, json!({"prompts": {"query": prefix}, "default_prompt_name": "query"})));
        }
        for (name, value) in files {
            named(name, std::fs::write(folder.join(name), format!("{value:#}\n")))?;
        }
        Ok(())
    }

    /// The base model's own, without where and with what it was made: this is another model.
    fn config(&self) -> Result<Value, FolderError> {
        let path = self.folder.join("config.json");
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|cause| FolderError::File { path: path.display().to_string(), cause })?;
        let mut config: Map<String, Value> =
            parse_json(&text).map_err(|message| FolderError::invalid(&path, message))?;
        config.retain(|key, _| !key.starts_with('_') && key != "transformers_version");
        Ok(config.into())
    }

    /// Token ids of a text with the special tokens around it; of a longer one, two thirds of `most` from its front and one third from its back.
    pub(crate) fn tokenize_ends(&self, text: &str, most: usize) -> Result<Vec<u32>, EmbedError> {
        Ok(self.tokenizer.tokenize_ends(text, most.min(self.max_tokens))?.ids)
    }
}
