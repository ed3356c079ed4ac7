//! How token vectors become one vector: read from the folder's own configuration, computed with the attention mask.

use candle_core::{DType, IndexOp, Result, Tensor};
use serde::Deserialize;

use super::folder::parse_json;

/// Which token vectors are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    /// The mean over real tokens.
    Mean,
    /// The first token.
    Cls,
    /// Each component's highest value over real tokens.
    Max,
}

/// `1_Pooling/config.json` of a sentence-transformers folder, in both its notations: the modes by name, or a flag a mode.
#[derive(Deserialize)]
#[serde(default)]
struct PoolingConfig {
    pooling_mode: Option<ModeNames>,
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
    include_prompt: bool,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected the name of a mode or a list of names")]
enum ModeNames {
    One(String),
    Several(Vec<String>),
}

impl Default for PoolingConfig {
    fn default() -> Self {
        Self {
            pooling_mode: None,
            pooling_mode_cls_token: false,
            pooling_mode_mean_tokens: false,
            pooling_mode_max_tokens: false,
            pooling_mode_mean_sqrt_len_tokens: false,
            pooling_mode_weightedmean_tokens: false,
            pooling_mode_lasttoken: false,
            include_prompt: true,
        }
    }
}

impl Pooling {
    /// Reads the file's text. The error names the mode that is not supported, as the file writes it.
    pub(super) fn from_json(text: &str, has_prefix: bool) -> std::result::Result<Self, String> {
        let config: PoolingConfig = parse_json(text)?;
        if has_prefix && !config.include_prompt {
            return Err("include_prompt is false, and leaving the prompt out of the pooling is not supported".into());
        }
        let flags = [
            (config.pooling_mode_cls_token, "pooling_mode_cls_token"),
            (config.pooling_mode_mean_tokens, "pooling_mode_mean_tokens"),
            (config.pooling_mode_max_tokens, "pooling_mode_max_tokens"),
            (config.pooling_mode_mean_sqrt_len_tokens, "pooling_mode_mean_sqrt_len_tokens"),
            (config.pooling_mode_weightedmean_tokens, "pooling_mode_weightedmean_tokens"),
            (config.pooling_mode_lasttoken, "pooling_mode_lasttoken"),
        ];
        let modes = match config.pooling_mode {
            Some(ModeNames::One(name)) => vec![name],
            Some(ModeNames::Several(names)) => names,
            None => flags.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag.to_owned()).collect(),
        };
        let read = |mode: &String| match mode.as_str() {
            "mean" | "pooling_mode_mean_tokens" => Ok(Self::Mean),
            "cls" | "pooling_mode_cls_token" => Ok(Self::Cls),
            "max" | "pooling_mode_max_tokens" => Ok(Self::Max),
            other => Err(format!("pooling mode {other:?} is set; supported are mean, CLS and max pooling")),
        };
        match modes.iter().map(read).collect::<std::result::Result<Vec<_>, _>>()?.as_slice() {
            [mode] => Ok(*mode),
            [] => Err("no pooling mode is set".into()),
            _ => Err(format!("several pooling modes are set ({}); choose one", modes.join(", "))),
        }
    }

    /// Of one text's rows, [tokens, dims], as `pool`; zeros where there are none.
    pub(super) fn pool_rows(self, rows: &[f32], dims: usize) -> Vec<f32> {
        let mut tokens = rows.chunks_exact(dims);
        let Some(first) = tokens.next() else { return vec![0.0; dims] };
        let mut pooled = first.to_vec();
        match self {
            Self::Cls => {}
            Self::Mean => {
                let inverse = dims as f32 / rows.len() as f32;
                tokens.for_each(|token| pooled.iter_mut().zip(token).for_each(|(sum, x)| *sum += x));
                pooled.iter_mut().for_each(|x| *x *= inverse);
            }
            Self::Max => {
                tokens
                    .for_each(|token| pooled.iter_mut().zip(token).for_each(|(highest, x)| *highest = highest.max(*x)));
            }
        }
        pooled
    }

    /// `hidden`: [batch, tokens, dims]; `mask`: [batch, tokens], 1 for real tokens. Gives [batch, dims].
    pub(super) fn pool(self, hidden: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
        match self {
            Self::Cls => hidden.i((.., 0))?.contiguous(),
            Self::Mean => {
                let sum = hidden.broadcast_mul(&mask)?.sum(1)?;
                sum.broadcast_div(&mask.sum(1)?)
            }
            Self::Max => {
                // 0 for real tokens, and for padding so low that it is never the highest.
                let sunk = ((mask - 1.0)? * f64::from(f32::MAX))?;
                hidden.broadcast_add(&sunk)?.max(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]
    use candle_core::{Device, Tensor};

    use super::Pooling;

    fn read(text: &str) -> Result<Pooling, String> {
        Pooling::from_json(text, false)
    }

    #[test]
    fn both_notations_are_read() {
        let cases = [
            (r#"{"pooling_mode_mean_tokens": true}"#, Pooling::Mean),
            (r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#, Pooling::Cls),
            (r#"{"pooling_mode_max_tokens": true}"#, Pooling::Max),
            (r#"{"embedding_dimension": 32, "pooling_mode": "mean", "include_prompt": true}"#, Pooling::Mean),
            (r#"{"pooling_mode": ["cls"]}"#, Pooling::Cls),
            // The names count where both stand.
            (r#"{"pooling_mode": "max", "pooling_mode_lasttoken": true}"#, Pooling::Max),
        ];
        for (text, pooling) in cases {
            assert_eq!(read(text), Ok(pooling), "{text}");
        }
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let cases = [
            (r#"{"pooling_mode_lasttoken": true}"#, "pooling_mode_lasttoken"),
            (r#"{"pooling_mode": "weightedmean"}"#, "weightedmean"),
            (r#"{"pooling_mode": ["cls", "mean"]}"#, "(cls, mean); choose one"),
            (r#"{"pooling_mode_cls_token": true, "pooling_mode_max_tokens": true}"#, "choose one"),
            (r#"{"pooling_mode": 3}"#, "pooling_mode: expected the name"),
            (r#"{"pooling_mode_cls_token": "yes"}"#, "pooling_mode_cls_token: invalid type"),
            ("{}", "no pooling mode"),
        ];
        for (text, expected) in cases {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_prompt_left_out_of_the_pooling_matters_only_where_there_is_one() {
        let text = r#"{"pooling_mode": "mean", "include_prompt": false}"#;
        assert_eq!(read(text), Ok(Pooling::Mean));
        assert!(Pooling::from_json(text, true).unwrap_err().starts_with("include_prompt"));
    }

    #[test]
    fn padding_is_never_the_highest() {
        let hidden = Tensor::new(&[[[-3.0f32, -1e30], [-2.0, -1e30], [9.0, 9.0]]], &Device::Cpu).unwrap();
        let mask = Tensor::new(&[[1u32, 1, 0]], &Device::Cpu).unwrap();
        let pool = |pooling: Pooling| pooling.pool(&hidden, &mask).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(pool(Pooling::Max), [[-2.0, -1e30]]);
        assert_eq!(pool(Pooling::Cls), [[-3.0, -1e30]]);
        assert_eq!(pool(Pooling::Mean), [[-2.5, -1e30]]);
    }
}
