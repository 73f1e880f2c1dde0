//! Where the components of a checkpoint lie: diffusers' folder layout.

use crate::error::{Result, WanError};
use crate::weights::read_json;
use std::path::{Path, PathBuf};

/// The component folders of a checkpoint and the two settings that belong to none of them.
///
/// `scheduler/` is not among them: a request says its sampler and shift itself, because converted checkpoints carry a
/// shift that is not the one they were meant for.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Holds `tokenizer.json`.
    pub tokenizer: PathBuf,
    /// The UMT5 encoder.
    pub text_encoder: PathBuf,
    /// The only expert, or the one for high noise.
    pub transformer: PathBuf,
    /// The expert for low noise.
    pub transformer_2: Option<PathBuf>,
    /// The autoencoder.
    pub vae: PathBuf,
    /// The share of the schedule, counted from its quiet end, at which the experts change over.
    pub boundary_ratio: Option<f64>,
}

impl Layout {
    /// Reads `model_index.json`.
    pub fn read(folder: &Path) -> Result<Self> {
        #[derive(serde::Deserialize)]
        struct ModelIndex {
            #[serde(rename = "_class_name")]
            class_name: String,
            boundary_ratio: Option<f64>,
            /// `[library, class]`, or nulls where a pipeline goes without.
            transformer_2: Option<(Option<String>, Option<String>)>,
        }
        let path = folder.join("model_index.json");
        let index: ModelIndex = read_json(&path)?;
        if index.class_name != "WanPipeline" {
            return Err(WanError::Unsupported { path, what: format!("the pipeline {}", index.class_name) });
        }
        let second = index.transformer_2.is_some_and(|(library, class)| library.is_some() && class.is_some());
        Ok(Layout {
            tokenizer: folder.join("tokenizer"),
            text_encoder: folder.join("text_encoder"),
            transformer: folder.join("transformer"),
            transformer_2: second.then(|| folder.join("transformer_2")),
            vae: folder.join("vae"),
            boundary_ratio: index.boundary_ratio,
        })
        .and_then(|layout: Layout| layout.checked(&path))
    }

    fn checked(self, path: &Path) -> Result<Self> {
        match (&self.transformer_2, self.boundary_ratio) {
            (_, Some(ratio)) if !(0.0..=1.0).contains(&ratio) => {
                Err(WanError::malformed(path, format!("boundary_ratio {ratio} is not between 0 and 1")))
            }
            (None, Some(_)) => Err(WanError::malformed(path, "has a boundary_ratio but no transformer_2")),
            (Some(_), None) => Err(WanError::malformed(path, "has a transformer_2 but no boundary_ratio")),
            _ => Ok(self),
        }
    }
}
