//! What this machine can paint with: a device, painters, checkpoints, an encoder.

use std::sync::Arc;

use festoon_film::{Encoder, FilmError, find_encoder};
use festoon_spec::Capabilities;
use festoon_wan::{WanError, torch::Device};

use crate::{
    config::{self, Config},
    models::Models,
    painter::{MotionPainter, Painter, WanPainter},
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
}

impl WorkshopError {
    /// What would help, in a line of its own.
    pub fn hint(&self) -> Option<String> {
        match self {
            WorkshopError::Encoder(error) => error.hint(),
            WorkshopError::Torch(error) => error.hint().map(str::to_owned),
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
    /// Finds everything that the settings name. A checkpoint that cannot be used is logged and left out: without it the other
    /// painters still paint.
    ///
    /// # Errors
    /// If the encoder or the device cannot be used.
    pub fn open(config: &Config) -> Result<Self, WorkshopError> {
        let encoder = find_encoder()?;
        let device = device(config.device)?;
        let mut painters: Vec<Box<dyn Painter>> = vec![Box::new(MotionPainter)];
        let mut models = Models::find(config);
        let first = WanPainter::try_out(&mut models, device);
        for broken in models.broken() {
            let hint = broken.hint.as_deref().unwrap_or("none");
            tracing::error!(what = broken.what, error = broken.error, hint, "left out: plates that need it are not painted here");
        }
        let models = Arc::new(models);
        if let Some(first) = first {
            painters.push(Box::new(WanPainter::new(models.clone(), device, config.threads, first)));
        }
        Ok(Self { device, painters, encoder, models })
    }

    /// What jobs may ask for.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            painters: self.painters.iter().flat_map(|painter| painter.ids()).collect(),
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
