//! What a plate costs before it is painted.

use std::{collections::BTreeMap, path::Path};

use festoon_spec::{Canvas, ModelDigest, Outcome, Painter, PlateSpec, Scene, WanScene};
use serde::{Deserialize, Serialize};

use crate::{
    cache::{ManifestReader, Recipe},
    store::StoreError,
};

/// Plates that a forecast learns from; more would not make it better.
const SAMPLE: usize = 200;

/// `[forecast]`: milliseconds of one unit of work, used until this installation has painted something itself. A unit is a million
/// pixels of one frame; for the model, of one evaluation (two a step with guidance). What the model paints and is then adapted to
/// a larger canvas costs that too, about as much as motion graphics.
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
        Self { motion_millis: 65, wan_millis: 250 }
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
        let (motion, wan) = (f64::from(self.defaults.motion_millis), f64::from(self.defaults.wan_millis));
        let millis = match (self.measured.get(&kind(plate)), &plate.scene) {
            (Some(measured), _) if measured.units > 0.0 => units(plate) * measured.millis as f64 / measured.units,
            (_, Scene::Wan(WanScene { adapted: Some(_), .. })) => units(plate) * wan + pixels(&plate.canvas) * motion,
            (_, Scene::Wan(_)) => units(plate) * wan,
            (_, Scene::Motion(_)) => units(plate) * motion,
        };
        millis.ceil() as u64
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

/// How much there is to do: million pixels over all frames that are painted, for the model times its evaluations.
fn units(plate: &PlateSpec) -> f64 {
    match &plate.scene {
        Scene::Motion(_) => pixels(&plate.canvas),
        Scene::Wan(wan) => {
            let painted = wan.adapted.map_or(plate.canvas, |adapted| adapted.painted);
            let evaluations = if wan.guidance_high.get() > 1.0 { 2 } else { 1 };
            pixels(&painted) * f64::from(wan.steps.max(1) * evaluations)
        }
    }
}

/// Million pixels over all frames.
fn pixels(canvas: &Canvas) -> f64 {
    f64::from(canvas.width) * f64::from(canvas.height) * f64::from(canvas.frames) / 1.0e6
}
