//! Reads a checkpoint's tensors one by one, so that no more of its file is in memory than the one under way.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::byte_matrix::ByteMatrix;

/// A header beyond this is no header of ours: the format's own limit.
const LONGEST_HEADER: u64 = 100_000_000;
/// Behind the name of a tensor of bytes: its scales, [outputs, parts].
pub(crate) const SCALE: &str = "_scale";

/// An open `model.safetensors`.
pub(crate) struct TensorFile {
    source: Source,
    /// Bytes before the first tensor's.
    data_start: u64,
    metadata: Metadata,
}

/// Where the bytes lie.
enum Source {
    File(File),
    Memory(Cursor<&'static [u8]>),
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(out),
            Self::Memory(cursor) => cursor.read(out),
        }
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(to),
            Self::Memory(cursor) => cursor.seek(to),
        }
    }
}

impl TensorFile {
    /// Reads the file's table of contents. Errors are sentences without the file's name.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        Self::begin(Source::File(file), length)
    }

    /// The same of a file that is in memory for good.
    pub(crate) fn in_memory(bytes: &'static [u8]) -> Result<Self, String> {
        Self::begin(Source::Memory(Cursor::new(bytes)), bytes.len() as u64)
    }

    fn begin(mut source: Source, file_length: u64) -> Result<Self, String> {
        let mut length = [0; 8];
        let short = |error: io::Error| format!("not a safetensors file: {error}");
        source.read_exact(&mut length).map_err(short)?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST_HEADER.min(file_length) {
            return Err(format!("not a safetensors file: it claims a header of {length} bytes"));
        }
        let mut header = Vec::new();
        Read::by_ref(&mut source).take(length).read_to_end(&mut header).map_err(short)?;
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|error| format!("the safetensors header is broken: {error}"))?;
        let data_start = 8 + length;
        let expected = data_start + metadata.data_len() as u64;
        if expected != file_length {
            return Err(format!(
                "the file holds {file_length} bytes and its tensors end at {expected}; it is cut off or damaged"
            ));
        }
        Ok(Self { source, data_start, metadata })
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.metadata.info(name).is_some()
    }

    /// The names of all tensors, in the file's order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.metadata.offset_keys()
    }

    /// A tensor's type and shape.
    pub(crate) fn shape(&self, name: &str) -> Result<(Dtype, &[usize]), String> {
        let info = self.metadata.info(name).ok_or_else(|| format!("the tensor {name} is missing"))?;
        Ok((info.dtype, &info.shape))
    }

    /// Whether a tensor is stored as bytes with scales.
    pub(crate) fn holds_bytes(&self, name: &str) -> bool {
        self.metadata.info(name).is_some_and(|info| info.dtype == Dtype::I8)
    }

    /// Whether any tensor is.
    pub(crate) fn has_bytes(&self) -> bool {
        self.metadata.tensors().values().any(|info| info.dtype == Dtype::I8)
    }

    /// All numbers of a tensor, row by row, as numbers of 32 bits. That the offsets fit the shape was checked with the header.
    pub(crate) fn read(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let dtype = self.seek(name, shape)?;
        let count = shape.iter().product();
        let read = match dtype {
            Dtype::F32 => self.numbers(count, f32::from_le_bytes),
            Dtype::F16 => self.numbers(count, |bytes| half::f16::from_le_bytes(bytes).to_f32()),
            Dtype::BF16 => self.numbers(count, |bytes| half::bf16::from_le_bytes(bytes).to_f32()),
            Dtype::I8 => {
                let &[outputs, inputs] = shape else {
                    return Err(format!("the tensor {name} holds I8 and is no matrix"));
                };
                return Ok(self.read_bytes(name, [outputs, inputs])?.numbers());
            }
            other => return Err(format!("the tensor {name} holds {other:?}; F32, F16, BF16 and I8 are read")),
        };
        read.map_err(|error| format!("the tensor {name}: {error}"))
    }

    /// A matrix that is stored as bytes, with its scales. What lies in memory for good is not copied.
    pub(crate) fn read_bytes(&mut self, name: &str, shape: [usize; 2]) -> Result<ByteMatrix, String> {
        let scale = format!("{name}{SCALE}");
        let needed = |found: &dyn std::fmt::Display| {
            format!("the tensor {name} holds I8, so that {scale} must be F32 [{}, scales a row]; {found}", shape[0])
        };
        let parts = match self.shape(&scale) {
            Ok((Dtype::F32, &[outputs, parts])) if outputs == shape[0] => parts,
            Ok((dtype, found)) => return Err(needed(&format_args!("it is {dtype:?} {found:?}"))),
            Err(_) => return Err(needed(&"it is missing")),
        };
        let scales = self.read(&scale, &[shape[0], parts])?;
        if let Some(at) = scales.iter().position(|scale| !scale.is_finite()) {
            return Err(format!("the tensor {scale}: number {at} is {}, and every scale must be finite", scales[at]));
        }
        let bytes = self.raw(name, &shape)?;
        ByteMatrix::of_bytes(bytes, scales, shape, parts)
            .ok_or_else(|| needed(&format_args!("{parts} scales do not fit rows of {} bytes", shape[1])))
    }

    /// A tensor's bytes as they are stored.
    pub(crate) fn raw(&mut self, name: &str, shape: &[usize]) -> Result<Cow<'static, [u8]>, String> {
        let dtype = self.seek(name, shape)?;
        let length = (shape.iter().product::<usize>() * dtype.bitsize()).div_ceil(8);
        let failed = |error: io::Error| format!("the tensor {name}: {error}");
        if let Source::Memory(cursor) = &self.source {
            let whole = *cursor.get_ref();
            let from = usize::try_from(cursor.position()).unwrap_or(whole.len());
            let bytes = whole.get(from..).and_then(|rest| rest.get(..length));
            return bytes.map(Cow::Borrowed).ok_or_else(|| failed(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut bytes = Vec::with_capacity(length);
        Read::by_ref(&mut self.source).take(length as u64).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() < length {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(Cow::Owned(bytes))
    }

    /// Goes to a tensor's first byte and gives its type.
    fn seek(&mut self, name: &str, shape: &[usize]) -> Result<Dtype, String> {
        let info = self.metadata.info(name).ok_or_else(|| format!("the tensor {name} is missing"))?;
        if info.shape != shape {
            return Err(format!("the tensor {name} has the shape {:?} where {shape:?} is expected", info.shape));
        }
        let ((start, _), dtype) = (info.data_offsets, info.dtype);
        self.source.seek(SeekFrom::Start(self.data_start + start as u64)).map_err(|error| error.to_string())?;
        Ok(dtype)
    }

    fn numbers<const BYTES: usize>(
        &mut self,
        count: usize,
        convert: impl Fn([u8; BYTES]) -> f32,
    ) -> io::Result<Vec<f32>> {
        let mut numbers = Vec::with_capacity(count);
        let mut chunk = vec![0; 64 * 1024 * BYTES];
        while numbers.len() < count {
            let take = (count - numbers.len()).min(64 * 1024);
            let bytes = &mut chunk[..take * BYTES];
            self.source.read_exact(bytes)?;
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

    use super::{ByteMatrix, Dtype, TensorFile};

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
    fn bytes_with_scales_are_read_from_a_file_and_from_memory() {
        let numbers = [0.5f32, -1.0, 0.25, 2.0, 0.0, -4.0];
        let (bytes, scales) = ByteMatrix::of_numbers(&numbers, 3, 2).into_parts();
        let scales: Vec<u8> = scales.iter().flat_map(|x| x.to_le_bytes()).collect();
        let with = |scale: &str, scales: &[u8], shape: &[usize]| {
            let views = [
                ("x", TensorView::new(Dtype::I8, vec![2, 3], &bytes).unwrap()),
                (scale, TensorView::new(Dtype::F32, shape.to_vec(), scales).unwrap()),
            ];
            serialize(views, None).unwrap()
        };
        let whole = with("x_scale", &scales, &[2, 2]);
        let file = file_of(&whole);
        let of_file = TensorFile::open(file.path()).unwrap();
        let of_memory = TensorFile::in_memory(Box::leak(whole.clone().into_boxed_slice())).unwrap();
        for mut tensors in [of_file, of_memory] {
            assert!(tensors.holds_bytes("x") && tensors.has_bytes());
            let found = tensors.read("x", &[2, 3]).unwrap();
            assert!(found.iter().zip(numbers).all(|(x, y)| (x - y).abs() < 0.01), "{found:?}");
            assert_eq!(tensors.read_bytes("x", [2, 3]).unwrap(), ByteMatrix::of_numbers(&numbers, 3, 2));
        }
        let infinite: Vec<u8> = [1.0, f32::INFINITY, 1.0, 1.0].iter().flat_map(|x: &f32| x.to_le_bytes()).collect();
        for (bytes, expected) in [
            (with("y_scale", &scales, &[2, 2]), "x_scale must be F32 [2, scales a row]; it is missing"),
            (with("x_scale", &scales, &[4, 1]), "it is F32 [4, 1]"),
            (with("x_scale", &[&scales[..], &scales[..]].concat(), &[2, 4]), "4 scales do not fit rows of 3 bytes"),
            (with("x_scale", &infinite, &[2, 2]), "x_scale: number 1 is inf"),
        ] {
            let error = TensorFile::open(file_of(&bytes).path()).unwrap().read("x", &[2, 3]).unwrap_err();
            assert!(error.contains(expected), "{error}");
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
