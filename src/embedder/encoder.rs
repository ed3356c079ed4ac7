//! The encoders that a folder's `config.json` may name: BERT, and RoBERTa with its multilingual sibling XLM-RoBERTa. Checks
//! the configuration, loads the weights, runs the layers. Knows nothing of tokenizers and pooling.

use candle_core::{Result, Tensor};
use candle_nn::{Activation, VarBuilder};
use candle_transformers::models::bert::{self, BertModel, HiddenAct};
use candle_transformers::models::xlm_roberta::{self, XLMRobertaModel};
use serde::Deserialize;

use super::folder::parse_json;
use super::fused::{FusedActivation, FusedShape, Positions};

/// RoBERTa's own, where the file leaves it out.
const ROBERTA_PAD_ID: u32 = 1;

/// What `config.json` says of an encoder.
#[derive(Debug, Clone)]
pub(super) struct EncoderConfig {
    layout: Layout,
    /// Length of its vectors.
    pub(super) dims: usize,
    /// Rows of the table of word embeddings: every token id must be below.
    pub(super) vocabulary_size: usize,
    /// The most tokens that have a position.
    pub(super) positions: usize,
    /// What stands where a text of a batch has ended. The mask keeps it out of attention and pooling. RoBERTa counts its
    /// positions from behind this id and gives none to it, so it must be the configuration's and not the tokenizer's.
    pub(super) pad_id: u32,
}

#[derive(Debug, Clone)]
enum Layout {
    Bert(bert::Config),
    Roberta(xlm_roberta::Config),
}

/// A loaded encoder.
pub(super) enum Encoder {
    Bert(BertModel),
    Roberta(XLMRobertaModel),
}

#[derive(Deserialize)]
struct ModelType {
    model_type: Option<String>,
}

/// The fields of a RoBERTa that decide its vectors. Files of different ages leave different ones of the others out.
#[derive(Deserialize)]
struct RobertaConfig {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_act: Activation,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f64,
    pad_token_id: Option<u32>,
    position_embedding_type: Option<String>,
}

impl EncoderConfig {
    /// Reads the text of `config.json`. The error names the field.
    pub(super) fn from_json(text: &str) -> std::result::Result<Self, String> {
        const SUPPORTED: &str = "supported are \"bert\", \"roberta\" and \"xlm-roberta\"";
        let kind: ModelType = parse_json(text)?;
        match kind.model_type.as_deref() {
            Some("bert") => Self::bert(parse_json(text)?),
            Some("roberta" | "xlm-roberta") => Self::roberta(parse_json(text)?),
            Some(other) => Err(format!("model_type is {other:?}; {SUPPORTED}")),
            None => Err(format!("model_type is missing; {SUPPORTED}")),
        }
    }

    fn bert(config: bert::Config) -> std::result::Result<Self, String> {
        check_sizes(config.hidden_size, config.num_attention_heads, config.intermediate_size, config.type_vocab_size)?;
        Ok(Self {
            dims: config.hidden_size,
            vocabulary_size: config.vocab_size,
            positions: config.max_position_embeddings,
            pad_id: pad_id(config.pad_token_id, config.vocab_size)?,
            layout: Layout::Bert(config),
        })
    }

    fn roberta(config: RobertaConfig) -> std::result::Result<Self, String> {
        check_sizes(config.hidden_size, config.num_attention_heads, config.intermediate_size, config.type_vocab_size)?;
        let position_embedding_type = config.position_embedding_type.unwrap_or_else(|| "absolute".to_owned());
        if position_embedding_type != "absolute" {
            let message = format!("position_embedding_type is {position_embedding_type:?}; supported is \"absolute\"");
            return Err(message);
        }
        let pad_id = pad_id(config.pad_token_id.unwrap_or(ROBERTA_PAD_ID) as usize, config.vocab_size)?;
        let layout = xlm_roberta::Config {
            hidden_size: config.hidden_size,
            layer_norm_eps: config.layer_norm_eps,
            // Only training drops anything out.
            attention_probs_dropout_prob: 0.0,
            hidden_dropout_prob: 0.0,
            num_attention_heads: config.num_attention_heads,
            position_embedding_type,
            intermediate_size: config.intermediate_size,
            hidden_act: config.hidden_act,
            num_hidden_layers: config.num_hidden_layers,
            vocab_size: config.vocab_size,
            max_position_embeddings: config.max_position_embeddings,
            type_vocab_size: config.type_vocab_size,
            pad_token_id: pad_id,
        };
        Ok(Self {
            dims: config.hidden_size,
            vocabulary_size: config.vocab_size,
            // The first token stands at `pad_id + 1`.
            positions: config.max_position_embeddings.saturating_sub(pad_id as usize + 1),
            pad_id,
            layout: Layout::Roberta(layout),
        })
    }

    /// Takes the weights. The error names the tensor that is missing or of another shape.
    pub(super) fn load(&self, tensors: VarBuilder<'_>) -> Result<Encoder> {
        match &self.layout {
            Layout::Bert(config) => BertModel::load(tensors, config).map(Encoder::Bert),
            Layout::Roberta(config) => {
                // Checkpoints that were saved with a head on top put the encoder under its name; BERT's loader looks by itself.
                let below = tensors.contains_tensor("roberta.embeddings.word_embeddings.weight");
                let tensors = if below { tensors.pp("roberta") } else { tensors };
                XLMRobertaModel::new(config, tensors).map(Encoder::Roberta)
            }
        }
    }
}

impl EncoderConfig {
    /// What the fused forward pass goes by; `None` where it computes something else than this encoder.
    pub(super) fn fused_shape(&self) -> Option<FusedShape> {
        // candle has a type a family, with the same names for the sizes.
        macro_rules! shape {
            ($config:expr, $activation:expr, $counting:expr) => {
                FusedShape {
                    vocabulary: $config.vocab_size,
                    positions: $config.max_position_embeddings,
                    types: $config.type_vocab_size,
                    hidden: $config.hidden_size,
                    intermediate: $config.intermediate_size,
                    heads: $config.num_attention_heads,
                    layers: $config.num_hidden_layers,
                    activation: $activation,
                    epsilon: $config.layer_norm_eps,
                    counting: $counting,
                }
            };
        }
        match &self.layout {
            Layout::Bert(config) => {
                let activation = match config.hidden_act {
                    HiddenAct::Gelu => FusedActivation::Gelu,
                    HiddenAct::Relu => FusedActivation::Relu,
                    HiddenAct::GeluApproximate => return None,
                };
                Some(shape!(config, activation, Positions::FromZero))
            }
            Layout::Roberta(config) => {
                let activation = match config.hidden_act {
                    Activation::Gelu => FusedActivation::Gelu,
                    Activation::Relu => FusedActivation::Relu,
                    _ => return None,
                };
                Some(shape!(config, activation, Positions::BehindPadding(config.pad_token_id)))
            }
        }
    }
}

impl Encoder {
    /// `ids` and `mask`: [batch, tokens], the mask 1 for real tokens. Gives [batch, tokens, dims].
    pub(super) fn forward(&self, ids: &Tensor, mask: &Tensor) -> Result<Tensor> {
        // One text and no second: all tokens are of type 0.
        let types = ids.zeros_like()?;
        match self {
            Self::Bert(model) => model.forward(ids, &types, Some(mask)),
            Self::Roberta(model) => model.forward(ids, mask, &types, None, None, None),
        }
    }
}

fn check_sizes(dims: usize, heads: usize, intermediate: usize, types: usize) -> std::result::Result<(), String> {
    if dims == 0 || dims.checked_rem(heads) != Some(0) {
        return Err(format!("hidden_size is {dims} and num_attention_heads {heads}; the first must be a multiple"));
    }
    if intermediate == 0 {
        return Err("intermediate_size is 0; at least 1 is needed".to_owned());
    }
    if types == 0 {
        return Err("type_vocab_size is 0; at least 1 is needed".to_owned());
    }
    Ok(())
}

fn pad_id(id: usize, vocabulary_size: usize) -> std::result::Result<u32, String> {
    match u32::try_from(id) {
        Ok(pad_id) if id < vocabulary_size => Ok(pad_id),
        _ => Err(format!("pad_token_id is {id} and vocab_size {vocabulary_size}; the first must be below")),
    }
}
