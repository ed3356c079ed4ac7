//! The static table on disk: `table.safetensors` (int8 rows and one scale a row) and `vocab.txt` (one token a line). Reads and
//! writes bytes; knows nothing of tokenizing.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use thiserror::Error;

pub(super) const TABLE_FILE: &str = "table.safetensors";
pub(super) const VOCAB_FILE: &str = "vocab.txt";

/// Why a static table could not be read or written.
#[derive(Debug, Error)]
pub enum TableFileError {
    /// The file system said no.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: String,
        /// What it said.
        cause: std::io::Error,
    },
    /// Not a safetensors file, or cut short.
    #[error("{TABLE_FILE}: {0}")]
    Safetensors(#[from] safetensors::SafeTensorError),
    /// A tensor of another shape or type.
    #[error("{TABLE_FILE}: tensor {tensor:?} must be {expected}, found {found}")]
    Shape {
        /// The tensor.
        tensor: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Rows and vocabulary do not belong together.
    #[error("{VOCAB_FILE} holds {tokens} tokens but {TABLE_FILE} holds {rows} rows")]
    VocabularySize {
        /// Lines of the vocabulary.
        tokens: usize,
        /// Rows of the table.
        rows: usize,
    },
    /// The tokenizer refused the vocabulary.
    #[error("{VOCAB_FILE}: {0}")]
    Vocabulary(String),
}

/// Quantised rows: token `i`'s vector is `scales[i] * rows[i * dims .. (i + 1) * dims]`. Frequency weights are part of the scale.
pub struct TableRows<'a> {
    /// `tokens * dims` signed bytes, row after row.
    pub rows: &'a [u8],
    /// One a token.
    pub scales: Vec<f32>,
    /// Columns.
    pub dims: usize,
}

impl<'a> TableRows<'a> {
    /// Reads the tensors `rows` (I8, tokens x dims) and `scales` (F32, tokens).
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, TableFileError> {
        let tensors = SafeTensors::deserialize(bytes)?;
        let rows = tensors.tensor("rows")?;
        let scales = tensors.tensor("scales")?;
        let shape_error = |tensor, expected: String, view: &TensorView<'_>| TableFileError::Shape {
            tensor,
            expected,
            found: format!("{:?} {:?}", view.dtype(), view.shape()),
        };
        let &[tokens, dims] = rows.shape() else {
            return Err(shape_error("rows", "I8 [tokens, dims]".into(), &rows));
        };
        if rows.dtype() != Dtype::I8 || dims == 0 {
            return Err(shape_error("rows", "I8 [tokens, dims]".into(), &rows));
        }
        if scales.dtype() != Dtype::F32 || scales.shape() != [tokens] {
            return Err(shape_error("scales", format!("F32 [{tokens}]"), &scales));
        }
        let scales = scales.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok(Self { rows: rows.data(), scales, dims })
    }
}

/// Writes the two files of a table into `folder`, which must exist.
pub fn write_table(folder: &Path, vocabulary: &[String], table: &TableRows<'_>) -> Result<(), TableFileError> {
    if vocabulary.len() != table.scales.len() {
        return Err(TableFileError::VocabularySize { tokens: vocabulary.len(), rows: table.scales.len() });
    }
    let scale_bytes: Vec<u8> = table.scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
    let tensors = HashMap::from([
        ("rows", TensorView::new(Dtype::I8, vec![vocabulary.len(), table.dims], table.rows)?),
        ("scales", TensorView::new(Dtype::F32, vec![vocabulary.len()], &scale_bytes)?),
    ]);
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::File::create(&path)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .map_err(|cause| TableFileError::Io { path: path.display().to_string(), cause })
    };
    write(TABLE_FILE, &serialize(tensors, None)?)?;
    let mut vocab = vocabulary.join("\n");
    vocab.push('\n');
    write(VOCAB_FILE, vocab.as_bytes())
}
