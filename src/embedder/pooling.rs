//! How token vectors become one vector: read from the folder's own configuration, computed with the attention mask.

use candle_core::{DType, IndexOp, Result, Tensor};
use serde::Deserialize;

/// Which token vectors are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    /// The mean over real tokens.
    Mean,
    /// The first token.
    Cls,
}

/// `1_Pooling/config.json` of a sentence-transformers folder; fields for other modes are refused where they are set.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PoolingConfig {
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
}

impl Pooling {
    /// Reads the file's text. The error says which mode is not supported.
    pub(super) fn from_json(text: &str) -> std::result::Result<Self, String> {
        let config: PoolingConfig = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let unsupported = [
            (config.pooling_mode_max_tokens, "pooling_mode_max_tokens"),
            (config.pooling_mode_mean_sqrt_len_tokens, "pooling_mode_mean_sqrt_len_tokens"),
            (config.pooling_mode_weightedmean_tokens, "pooling_mode_weightedmean_tokens"),
            (config.pooling_mode_lasttoken, "pooling_mode_lasttoken"),
        ];
        if let Some((_, field)) = unsupported.iter().find(|(set, _)| *set) {
            return Err(format!("{field} is set, and only mean and CLS pooling are supported"));
        }
        match (config.pooling_mode_cls_token, config.pooling_mode_mean_tokens) {
            (true, false) => Ok(Self::Cls),
            (false, true) => Ok(Self::Mean),
            (true, true) => Err("both mean and CLS pooling are set; choose one".into()),
            (false, false) => Err("no pooling mode is set".into()),
        }
    }

    /// `hidden`: [batch, tokens, dims]; `mask`: [batch, tokens], 1 for real tokens. Gives [batch, dims].
    pub(super) fn pool(self, hidden: &Tensor, mask: &Tensor) -> Result<Tensor> {
        match self {
            Self::Cls => hidden.i((.., 0))?.contiguous(),
            Self::Mean => {
                let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
                let sum = hidden.broadcast_mul(&mask)?.sum(1)?;
                sum.broadcast_div(&mask.sum(1)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pooling;

    #[test]
    fn the_folder_decides_and_unsupported_modes_are_named() {
        assert_eq!(Pooling::from_json(r#"{"pooling_mode_mean_tokens": true}"#), Ok(Pooling::Mean));
        assert_eq!(Pooling::from_json(r#"{"pooling_mode_cls_token": true}"#), Ok(Pooling::Cls));
        let error = Pooling::from_json(r#"{"pooling_mode_max_tokens": true}"#).unwrap_err();
        assert!(error.contains("pooling_mode_max_tokens"), "{error}");
        assert!(Pooling::from_json("{}").is_err());
    }
}
