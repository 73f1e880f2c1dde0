//! What a plate costs before it is painted.

use std::{collections::BTreeMap, path::Path};

use festoon_spec::{ModelDigest, Outcome, Painter, PlateSpec, Scene};
use serde::{Deserialize, Serialize};

use crate::{
    cache::{ManifestReader, Recipe},
    store::StoreError,
};

/// Plates that a forecast learns from; more would not make it better.
const SAMPLE: usize = 200;

/// `[forecast]`: milliseconds of one unit of work, used until this installation has painted something itself. A unit is a million
/// pixels of one frame; for the model, of one evaluation (two a step with guidance).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Defaults {
    /// Of motion graphics, with encoding.
    pub motion_millis: u32,
    /// Of the model.
    pub wan_millis: u32,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { motion_millis: 100, wan_millis: 250 }
    }
}

/// Forecasts painting time: by what plates of the same painter and checkpoint took here before, else by the defaults.
#[derive(Debug, Clone, Default)]
pub struct Costs {
    defaults: Defaults,
    measured: BTreeMap<(Painter, Option<ModelDigest>), Measured>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Measured {
    units: f64,
    millis: u64,
}

impl Costs {
    /// Forecasts by these defaults until something is learned.
    pub fn new(defaults: Defaults) -> Self {
        Self { defaults, measured: BTreeMap::new() }
    }

    /// Forecasts by what was painted in this state folder, of which a sample is read.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn measured_in(state: &Path, defaults: Defaults) -> Result<Self, StoreError> {
        let mut costs = Self::new(defaults);
        for manifest in ManifestReader::of(state).some(SAMPLE)? {
            if let Recipe::Plate(plate) = &manifest.recipe {
                costs.learn(plate, &manifest.outcome);
            }
        }
        Ok(costs)
    }

    /// Takes a painted plate into account.
    pub fn learn(&mut self, plate: &PlateSpec, outcome: &Outcome) {
        let measured = self.measured.entry(kind(plate)).or_default();
        measured.units += units(plate);
        measured.millis += outcome.timings.values().sum::<u64>();
    }

    /// Milliseconds that painting this plate will take.
    pub fn millis(&self, plate: &PlateSpec) -> u64 {
        let per_unit = match self.measured.get(&kind(plate)) {
            Some(measured) if measured.units > 0.0 => measured.millis as f64 / measured.units,
            _ if matches!(plate.scene, Scene::Wan(_)) => f64::from(self.defaults.wan_millis),
            _ => f64::from(self.defaults.motion_millis),
        };
        (units(plate) * per_unit).ceil() as u64
    }

    /// Whether plates like this one were painted here before.
    pub fn has_measured(&self, plate: &PlateSpec) -> bool {
        self.measured.contains_key(&kind(plate))
    }
}

fn kind(plate: &PlateSpec) -> (Painter, Option<ModelDigest>) {
    let needs = plate.needs();
    (needs.painter, needs.model)
}

/// How much there is to do: million pixels over all frames, for the model times its evaluations.
fn units(plate: &PlateSpec) -> f64 {
    let canvas = plate.canvas;
    let pixels = f64::from(canvas.width) * f64::from(canvas.height) * f64::from(canvas.frames) / 1.0e6;
    match &plate.scene {
        Scene::Motion(_) => pixels,
        Scene::Wan(wan) => {
            let evaluations = if wan.guidance_high.get() > 1.0 { 2 } else { 1 };
            pixels * f64::from(wan.steps.max(1) * evaluations)
        }
    }
}
