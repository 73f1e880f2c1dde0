//! What a checkpoint was asked to show before it is shipped, and whether it did: `gates.json` in its folder.
//!
//! ```json
//! {"passed": {"autoencoder >= 30 dB on every motif": true, "judge >= 85% on painted clips": false}}
//! ```
//!
//! `make judge` writes it, with the measurements, which are not read here. It makes no pixels, so it is not part of the
//! checkpoint's name.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::{Deserialize, Serialize};

use crate::CheckpointError;

/// The file's name in the checkpoint's folder.
const FILE: &str = "gates.json";
/// A larger file is refused unread.
const MOST_BYTES: u64 = 1 << 20;

/// The gates of a checkpoint; none if nobody measured it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gates {
    /// Whether each is passed, by what it asks.
    pub passed: BTreeMap<String, bool>,
}

impl Gates {
    /// What was measured of the checkpoint in `folder`.
    ///
    /// # Errors
    /// If the file is there and cannot be read, or is not of its form.
    pub fn of_folder(folder: &Path) -> Result<Self, CheckpointError> {
        let path = folder.join(FILE);
        let length = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(CheckpointError::Read { path, source }),
        };
        if length > MOST_BYTES {
            let problem = format!("the file has {length} bytes, expected at most {MOST_BYTES}");
            return Err(CheckpointError::Abilities { path, problem });
        }
        let text = fs::read(&path).map_err(|source| CheckpointError::Read { path: path.clone(), source })?;
        serde_json::from_slice(&text).map_err(|error| CheckpointError::Abilities { path, problem: error.to_string() })
    }

    /// The gates that it did not pass.
    pub fn missed(&self) -> impl Iterator<Item = &str> {
        self.passed.iter().filter(|(_, passed)| !**passed).map(|(gate, _)| gate.as_str())
    }

    /// Whether it was measured and passed every gate.
    pub fn are_passed(&self) -> bool {
        !self.passed.is_empty() && self.missed().next().is_none()
    }
}
