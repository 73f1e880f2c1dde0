//! What this machine can paint with: a device, painters, checkpoints, an encoder.

use std::sync::Arc;

use festoon_film::{Encoder, FilmError, X264};
use festoon_spec::Capabilities;
use festoon_wan::{
    WanError,
    torch::{self, Device},
};

use crate::{
    config::{self, Config},
    models::{Models, ModelsError},
    painter::{BrokenModel, MotionPainter, Painter, WanPainter},
};

/// Why nothing can be painted here.
#[derive(Debug, thiserror::Error)]
pub enum WorkshopError {
    /// The encoder is missing.
    #[error(transparent)]
    Encoder(#[from] FilmError),
    /// libtorch or its device cannot be used.
    #[error(transparent)]
    Torch(#[from] WanError),
    /// A checkpoint is damaged.
    #[error(transparent)]
    Broken(#[from] BrokenModel),
    /// A checkpoint or LoRA folder cannot be read.
    #[error(transparent)]
    Models(#[from] ModelsError),
}

impl WorkshopError {
    /// What would help, in a line of its own.
    pub fn hint(&self) -> Option<String> {
        match self {
            WorkshopError::Encoder(error) => error.hint(),
            WorkshopError::Torch(error) => error.hint().map(str::to_owned),
            WorkshopError::Broken(error) => error.source.hint().map(str::to_owned),
            WorkshopError::Models(_) => Some("models are set in the settings file or with --model NAME=FOLDER".into()),
        }
    }
}

/// Everything that paints.
pub struct Workshop {
    /// Where the model runs.
    pub device: Device,
    /// The painters, the model's only if there is a checkpoint.
    pub painters: Vec<Box<dyn Painter>>,
    /// The encoder.
    pub encoder: Box<dyn Encoder>,
    /// Checkpoints and LoRA files.
    pub models: Arc<Models>,
}

impl Workshop {
    /// Finds everything that the settings name.
    ///
    /// # Errors
    /// If the encoder, the device or a checkpoint cannot be used.
    pub fn open(config: &Config) -> Result<Self, WorkshopError> {
        let encoder = Box::new(X264::find()?);
        let device = device(config.device)?;
        torch::set_threads(config.threads);
        let models = Arc::new(Models::find(config)?);
        models.loras()?;
        let mut painters: Vec<Box<dyn Painter>> = vec![Box::new(MotionPainter)];
        if !models.all().is_empty() {
            painters.push(Box::new(WanPainter::new(models.clone(), device)?));
        }
        Ok(Self { device, painters, encoder, models })
    }

    /// What jobs may ask for.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            painters: self.painters.iter().map(|painter| painter.id()).collect(),
            models: self.models.all().iter().map(|model| model.digest).collect(),
            encoders: vec![self.encoder.id().clone()],
        }
    }
}

fn device(asked: config::Device) -> Result<Device, WorkshopError> {
    let device = match asked {
        config::Device::Auto => Device::best(),
        config::Device::Cpu => Device::Cpu,
        config::Device::Cuda(index) => Device::Cuda(index),
    };
    device.open()?;
    Ok(device)
}
