//! One memory-mapped safetensors file.

use crate::error::{Result, WanError};
use crate::torch::{DType, Tensor};
use memmap2::Mmap;
use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorInfo};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A safetensors file, its header read and checked, its tensors still on disk until they are touched.
///
/// The file must not be truncated while it is open: a page that is gone raises SIGBUS. Checkpoints are replaced by
/// renaming a new folder into place, never by writing into the old one.
#[derive(Debug)]
pub(crate) struct SafeTensorsFile {
    path: PathBuf,
    map: Mmap,
    data: usize,
    metadata: Metadata,
}

impl SafeTensorsFile {
    pub(crate) fn open(path: &Path) -> Result<Arc<Self>> {
        let read = |source| WanError::Read { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(read)?;
        if file.metadata().map_err(read)?.len() < 8 {
            return Err(WanError::malformed(path, "shorter than a safetensors header"));
        }
        // SAFETY: read only; see the type's note on truncation.
        let map = unsafe { Mmap::map(&file) }.map_err(read)?;
        // The library checks that the header's offsets cover the rest of the file exactly.
        let (header, metadata) = SafeTensors::read_metadata(&map).map_err(|error| WanError::malformed(path, error))?;
        Ok(Arc::new(SafeTensorsFile { path: path.to_owned(), data: header + 8, metadata, map }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Names and shapes, sorted.
    pub(crate) fn tensors(&self) -> BTreeMap<String, Vec<i64>> {
        self.metadata.tensors().into_iter().map(|(name, info)| (name, shape(info))).collect()
    }

    /// A value of the header's free-form part.
    pub(crate) fn note(&self, key: &str) -> Option<&str> {
        self.metadata.metadata().as_ref()?.get(key).map(String::as_str)
    }

    /// The tensor where it lies in the file (copied only if it is not aligned), or `None` if there is none of that name.
    pub(crate) fn tensor(self: &Arc<Self>, name: &str) -> Result<Option<Tensor>> {
        let Some(info) = self.metadata.info(name) else { return Ok(None) };
        let dtype = match info.dtype {
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::Bf16,
            other => {
                return Err(WanError::Unsupported {
                    path: self.path.clone(),
                    what: format!("element type {other:?} of tensor {name:?}"),
                });
            }
        };
        let bytes = &self.map[self.data + info.data_offsets.0..self.data + info.data_offsets.1];
        let shape = shape(info);
        if bytes.as_ptr().align_offset(dtype.size()) != 0 {
            let aligned = Arc::new(Aligned::copy(bytes));
            return Tensor::from_shared(aligned.bytes(bytes.len()), &shape, dtype, aligned.clone()).map(Some);
        }
        Tensor::from_shared(bytes, &shape, dtype, self.clone()).map(Some)
    }
}

fn shape(info: &TensorInfo) -> Vec<i64> {
    info.shape.iter().map(|&size| size as i64).collect()
}

/// Bytes at an address that any element type may have.
struct Aligned(Vec<u64>);

impl Aligned {
    fn copy(bytes: &[u8]) -> Self {
        let words = bytes.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(word)
        });
        Aligned(words.collect())
    }

    fn bytes(&self, length: usize) -> &[u8] {
        // SAFETY: a Vec<u64> is at least `length` initialised bytes long, and u8 has no alignment.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), length.min(self.0.len() * 8)) }
    }
}
