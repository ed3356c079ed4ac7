//! Rewrites a model folder's weights as bytes: every matrix that is multiplied with and the table of words, each with its scales beside it. What is small
//! stays as it was. The numbers are those that precision int8 makes when it loads the folder as it stood before.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use safetensors::serialize;
use safetensors::tensor::{Dtype, View};

use super::folder::{FolderError, TransformerFolder, WEIGHTS_FILE};
use super::fused::{ByteMatrix, QKV_PARTS, SCALE, TensorFile};

/// Ends of the names of what becomes bytes, and how many ranges of a row have a scale of their own.
const MATRICES: [(&str, usize); 7] = [
    ("embeddings.word_embeddings.weight", 1),
    ("attention.self.query.weight", QKV_PARTS),
    ("attention.self.key.weight", QKV_PARTS),
    ("attention.self.value.weight", QKV_PARTS),
    ("attention.output.dense.weight", 1),
    ("intermediate.dense.weight", 1),
    // Behind the attention's, which ends alike.
    ("output.dense.weight", 1),
];

/// A tensor on its way into the file.
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'static, [u8]>,
}

impl View for Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes `model.safetensors` of a folder anew, as one step: a reader finds the old file or the new one. Tensors that are bytes already stay.
///
/// # Errors
/// Names the file that is no model's, or that the file system refuses.
pub fn weights_to_bytes(folder: &Path) -> Result<(), FolderError> {
    let parts = TransformerFolder::read(folder)?;
    let path = folder.join(WEIGHTS_FILE);
    let invalid = |message: String| FolderError::invalid(&path, message);
    if parts.encoder.fused_shape().is_none() {
        return Err(invalid("bytes are for encoders with the activation gelu or relu; keep f16".into()));
    }
    let mut file = parts.files.tensors(WEIGHTS_FILE).map_err(invalid)?;
    let mut tensors = Vec::new();
    for name in file.names() {
        store(&mut file, name, &mut tensors).map_err(invalid)?;
    }
    let bytes = serialize(tensors, None).map_err(|error| invalid(error.to_string()))?;
    let io = |cause| FolderError::File { path: path.display().to_string(), cause };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".semroute-weights-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut fresh = builder.tempfile_in(folder).map_err(io)?;
    fresh.write_all(&bytes).and_then(|()| fresh.as_file().sync_all()).map_err(io)?;
    fresh.persist(&path).map_err(|error| io(error.error))?;
    Ok(())
}

/// One tensor as it will stand, with its scales behind it where it becomes bytes.
fn store(file: &mut TensorFile, name: String, tensors: &mut Vec<(String, Stored)>) -> Result<(), String> {
    let (dtype, shape) = file.shape(&name)?;
    let shape = shape.to_vec();
    let matrix = MATRICES.iter().find(|(end, _)| dtype != Dtype::I8 && name.ends_with(end));
    let (Some((_, parts)), &[outputs, inputs]) = (matrix, shape.as_slice()) else {
        let bytes = file.raw(&name, &shape)?;
        tensors.push((name, Stored { dtype, shape, bytes }));
        return Ok(());
    };
    let matrix = ByteMatrix::of_numbers(&file.read(&name, &shape)?, inputs, *parts);
    let scale_shape = vec![outputs, matrix.parts()];
    let (bytes, scales) = matrix.into_parts();
    let scales: Vec<u8> = scales.into_iter().flat_map(f32::to_le_bytes).collect();
    let scale = format!("{name}{SCALE}");
    tensors.push((name, Stored { dtype: Dtype::I8, shape, bytes }));
    tensors.push((scale, Stored { dtype: Dtype::F32, shape: scale_shape, bytes: Cow::Owned(scales) }));
    Ok(())
}
