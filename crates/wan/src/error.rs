//! What can go wrong in this package, each with the file, tensor or field that it is about.

use std::path::PathBuf;

/// The result of everything in this package.
pub type Result<T> = std::result::Result<T, WanError>;

/// Why a checkpoint could not be opened or a clip not be painted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WanError {
    /// A file or folder of the checkpoint could not be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of the checkpoint is not what its name says: broken JSON, a truncated safetensors file …
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The checkpoint asks for something that this package does not implement.
    #[error("{}: {what} is not supported", path.display())]
    Unsupported {
        /// The file that asks for it.
        path: PathBuf,
        /// The setting and its value.
        what: String,
    },
    /// A tensor that the model needs is not in its folder.
    #[error("{}: tensor {tensor:?} is missing", file.display())]
    MissingTensor {
        /// The tensor's name.
        tensor: String,
        /// The file (or, for a sharded checkpoint, the folder) that should hold it.
        file: PathBuf,
        /// The shape that was expected.
        expected: Vec<i64>,
    },
    /// A tensor has another shape than the model's configuration implies.
    #[error("{}: tensor {tensor:?} has shape {found:?}, expected {expected:?}", file.display())]
    Misshapen {
        /// The tensor's name.
        tensor: String,
        /// The file that holds it.
        file: PathBuf,
        /// The shape that the configuration implies.
        expected: Vec<i64>,
        /// The shape in the file.
        found: Vec<i64>,
    },
    /// A file holds a tensor that the model has no place for.
    #[error("{}: tensor {tensor:?} of shape {found:?} belongs to no part of the model", file.display())]
    ExtraTensor {
        /// The tensor's name.
        tensor: String,
        /// The file that holds it.
        file: PathBuf,
        /// The shape in the file.
        found: Vec<i64>,
    },
    /// The request cannot be painted.
    #[error("{field}: {reason}")]
    Input {
        /// The field of the request.
        field: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// The device (or the process) ran out of memory.
    #[error("out of memory: {0}")]
    OutOfMemory(String),
    /// The asked device is not there or failed.
    #[error("device: {0}")]
    Device(String),
    /// The model's numbers are no longer finite.
    #[error("the {stage} left numbers that are not finite")]
    NotFinite {
        /// Where it was noticed.
        stage: &'static str,
    },
    /// The progress callback asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// Any other failure inside libtorch; the first line of its message.
    #[error("torch: {0}")]
    Torch(String),
}

/// What a caller can do about a [`WanError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The checkpoint or a LoRA file is wrong: no request will succeed with it.
    Checkpoint,
    /// The request is wrong: another one may succeed.
    Input,
    /// Memory ran out: a smaller request, or an emptier device, may succeed.
    OutOfMemory,
    /// The device is missing or broken: the process should be restarted.
    Device,
    /// The painting is worthless although nothing failed.
    NotFinite,
    /// The caller stopped it.
    Cancelled,
    /// Anything else.
    Torch,
}

impl WanError {
    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            WanError::Read { .. }
            | WanError::Malformed { .. }
            | WanError::Unsupported { .. }
            | WanError::MissingTensor { .. }
            | WanError::Misshapen { .. }
            | WanError::ExtraTensor { .. } => ErrorKind::Checkpoint,
            WanError::Input { .. } => ErrorKind::Input,
            WanError::OutOfMemory(_) => ErrorKind::OutOfMemory,
            WanError::Device(_) => ErrorKind::Device,
            WanError::NotFinite { .. } => ErrorKind::NotFinite,
            WanError::Cancelled => ErrorKind::Cancelled,
            WanError::Torch(_) => ErrorKind::Torch,
        }
    }

    /// Advice for a person, where there is any.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            WanError::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Some(
                "a checkpoint folder holds model_index.json, tokenizer/, text_encoder/, transformer/, vae/ and, with two experts, transformer_2/",
            ),
            WanError::Malformed { .. } => Some("the file may be truncated: copy or download it again"),
            WanError::MissingTensor { .. } | WanError::Misshapen { .. } | WanError::ExtraTensor { .. } => {
                Some("config.json and the safetensors files must come from the same checkpoint")
            }
            WanError::OutOfMemory(_) => Some("fewer frames, a smaller picture or tiled decoding need less memory"),
            WanError::NotFinite { .. } => Some("a LoRA of another model, or too large a weight or guidance, does this"),
            _ => None,
        }
    }

    pub(crate) fn malformed(path: impl Into<PathBuf>, reason: impl ToString) -> Self {
        WanError::Malformed { path: path.into(), reason: reason.to_string() }
    }

    pub(crate) fn input(field: &'static str, reason: impl Into<String>) -> Self {
        WanError::Input { field, reason: reason.into() }
    }
}
