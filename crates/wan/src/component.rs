//! A component of the pipeline: its folder stays open, its model is in memory only while it is needed.

use crate::autoencoder_kl_wan::{AutoencoderKLWan, AutoencoderKLWanConfig};
use crate::error::Result;
use crate::lora::Patches;
use crate::modeling_umt5::{UMT5Config, UMT5EncoderModel};
use crate::transformer_wan::{WanTransformer3DConfig, WanTransformer3DModel};
use crate::weights::{Loader, Place, Weights, read_json};
use std::path::Path;

/// A model that is made from a configuration and a folder of weights.
pub(crate) trait Model: Sized {
    type Config: serde::de::DeserializeOwned;
    /// Prefixes of tensors that the folder may hold and the model does not use.
    const SPARE: &'static [&'static str] = &[];
    fn validate(config: &Self::Config, path: &Path) -> Result<()>;
    fn load(config: &Self::Config, loader: &Loader<'_>) -> Result<Self>;
}

impl Model for UMT5EncoderModel {
    type Config = UMT5Config;
    fn validate(config: &UMT5Config, path: &Path) -> Result<()> {
        config.validate(path)
    }
    fn load(config: &UMT5Config, loader: &Loader<'_>) -> Result<Self> {
        UMT5EncoderModel::new(config, loader)
    }
}

impl Model for WanTransformer3DModel {
    type Config = WanTransformer3DConfig;
    fn validate(config: &WanTransformer3DConfig, path: &Path) -> Result<()> {
        config.validate(path)
    }
    fn load(config: &WanTransformer3DConfig, loader: &Loader<'_>) -> Result<Self> {
        WanTransformer3DModel::new(config, loader)
    }
}

impl Model for AutoencoderKLWan {
    type Config = AutoencoderKLWanConfig;
    const SPARE: &'static [&'static str] = &AutoencoderKLWan::SPARE;
    fn validate(config: &AutoencoderKLWanConfig, path: &Path) -> Result<()> {
        config.validate(path)
    }
    fn load(config: &AutoencoderKLWanConfig, loader: &Loader<'_>) -> Result<Self> {
        AutoencoderKLWan::new(config, loader)
    }
}

/// An open folder, and its model while that is loaded.
#[derive(Debug)]
pub(crate) struct Component<M: Model> {
    pub(crate) config: M::Config,
    weights: Weights,
    patches: Patches,
    model: Option<M>,
}

impl<M: Model> Component<M> {
    /// Opens the folder and checks every tensor's name, shape and type against the configuration, without reading values.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        let config: M::Config = read_json(&path)?;
        M::validate(&config, &path)?;
        let component = Component { config, weights: Weights::open(folder)?, patches: Patches::default(), model: None };
        component.build(Place::Nowhere)?;
        Ok(component)
    }

    fn build(&self, place: Place) -> Result<M> {
        let loader = Loader::new(&self.weights, &self.patches, place);
        let model = M::load(&self.config, &loader)?;
        loader.finish(M::SPARE)?;
        Ok(model)
    }

    /// The model, loaded if it is not.
    pub(crate) fn load(&mut self, place: Place) -> Result<&M> {
        if self.model.is_none() {
            self.model = Some(self.build(place)?);
        }
        Ok(self.model.as_ref().expect("loaded on the line above"))
    }

    /// Drops the model; whether there was one.
    pub(crate) fn release(&mut self) -> bool {
        self.model.take().is_some()
    }

    pub(crate) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Loads the model again, with these patches, when it is next needed.
    pub(crate) fn patch(&mut self, patches: Patches) {
        self.patches = patches;
        self.model = None;
    }
}
