//! Reads a checkpoint's tensors one by one, so that no more of its file is in memory than the one under way.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

/// A header beyond this is no header of ours: the format's own limit.
const LONGEST_HEADER: u64 = 100_000_000;

/// An open `model.safetensors`.
pub(crate) struct TensorFile {
    file: File,
    /// Bytes before the first tensor's.
    data_start: u64,
    metadata: Metadata,
}

impl TensorFile {
    /// Reads the file's table of contents. Errors are sentences without the file's name.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let mut file = File::open(path).map_err(|error| error.to_string())?;
        let mut length = [0; 8];
        let short = |error: std::io::Error| format!("not a safetensors file: {error}");
        file.read_exact(&mut length).map_err(short)?;
        let length = u64::from_le_bytes(length);
        let file_length = file.metadata().map_err(|error| error.to_string())?.len();
        if length > LONGEST_HEADER.min(file_length) {
            return Err(format!("not a safetensors file: it claims a header of {length} bytes"));
        }
        let mut header = Vec::new();
        Read::by_ref(&mut file).take(length).read_to_end(&mut header).map_err(short)?;
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|error| format!("the safetensors header is broken: {error}"))?;
        let data_start = 8 + length;
        let expected = data_start + metadata.data_len() as u64;
        if expected != file_length {
            return Err(format!(
                "the file holds {file_length} bytes and its tensors end at {expected}; it is cut off or damaged"
            ));
        }
        Ok(Self { file, data_start, metadata })
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.metadata.info(name).is_some()
    }

    /// All numbers of a tensor, row by row, as numbers of 32 bits. That the offsets fit the shape was checked with the header.
    pub(crate) fn read(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let info = self.metadata.info(name).ok_or_else(|| format!("the tensor {name} is missing"))?;
        if info.shape != shape {
            return Err(format!("the tensor {name} has the shape {:?} where {shape:?} is expected", info.shape));
        }
        let ((start, _), dtype) = (info.data_offsets, info.dtype);
        let count = shape.iter().product();
        self.file.seek(SeekFrom::Start(self.data_start + start as u64)).map_err(|error| error.to_string())?;
        let read = match dtype {
            Dtype::F32 => self.numbers(count, f32::from_le_bytes),
            Dtype::F16 => self.numbers(count, |bytes| half::f16::from_le_bytes(bytes).to_f32()),
            Dtype::BF16 => self.numbers(count, |bytes| half::bf16::from_le_bytes(bytes).to_f32()),
            other => return Err(format!("the tensor {name} holds {other:?}; F32, F16 and BF16 are read")),
        };
        read.map_err(|error| format!("the tensor {name}: {error}"))
    }

    fn numbers<const BYTES: usize>(
        &mut self,
        count: usize,
        convert: impl Fn([u8; BYTES]) -> f32,
    ) -> std::io::Result<Vec<f32>> {
        let mut numbers = Vec::with_capacity(count);
        let mut chunk = vec![0; 64 * 1024 * BYTES];
        while numbers.len() < count {
            let take = (count - numbers.len()).min(64 * 1024);
            let bytes = &mut chunk[..take * BYTES];
            self.file.read_exact(bytes)?;
            let (words, _) = bytes.as_chunks::<BYTES>();
            numbers.extend(words.iter().map(|word| convert(*word)));
        }
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test should stop where it failed")]
    use safetensors::tensor::{TensorView, serialize};
    use tempfile::NamedTempFile;

    use super::{Dtype, TensorFile};

    fn file_of(bytes: &[u8]) -> NamedTempFile {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    fn tensor(dtype: Dtype, bytes: &[u8]) -> Vec<u8> {
        let count = bytes.len() / (dtype.bitsize() / 8);
        serialize([("x", TensorView::new(dtype, vec![count], bytes).unwrap())], None).unwrap()
    }

    #[test]
    fn numbers_of_16_and_32_bits_are_read() {
        let numbers = [1.5f32, -0.25, 1024.0];
        let wide: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        let half: Vec<u8> = numbers.iter().flat_map(|x| half::f16::from_f32(*x).to_le_bytes()).collect();
        let brain: Vec<u8> = numbers.iter().flat_map(|x| half::bf16::from_f32(*x).to_le_bytes()).collect();
        for (dtype, bytes) in [(Dtype::F32, wide), (Dtype::F16, half), (Dtype::BF16, brain)] {
            let file = file_of(&tensor(dtype, &bytes));
            let mut tensors = TensorFile::open(file.path()).unwrap();
            assert!(tensors.contains("x") && !tensors.contains("y"));
            assert_eq!(tensors.read("x", &[3]).unwrap(), numbers, "{dtype:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let file = file_of(&tensor(Dtype::I32, &[0; 8]));
        let mut tensors = TensorFile::open(file.path()).unwrap();
        assert!(tensors.read("x", &[2]).unwrap_err().contains("the tensor x holds I32"));
        assert!(tensors.read("x", &[1, 2]).unwrap_err().contains("the shape [2] where [1, 2] is expected"));
        assert_eq!(tensors.read("y", &[2]).unwrap_err(), "the tensor y is missing");
        let whole = tensor(Dtype::F32, &[0; 8]);
        let longer = [&whole[..], &[0]].concat();
        let broken = [&8u64.to_le_bytes()[..], b"{\"x\": 1}"].concat();
        let huge = u64::MAX.to_le_bytes();
        let cases: [(&[u8], &str); 6] = [
            (b"", "not a safetensors file"),
            (b"short", "not a safetensors file"),
            (&huge, "it claims a header of"),
            (&broken, "header is broken"),
            (&whole[..whole.len() - 1], "cut off or damaged"),
            (&longer, "cut off or damaged"),
        ];
        for (bytes, expected) in cases {
            let error = TensorFile::open(file_of(bytes).path()).err().unwrap();
            assert!(error.contains(expected), "{bytes:?}: {error}");
        }
    }
}
