//! What a plate costs before it is painted.

use std::collections::BTreeMap;

use festoon_spec::{ModelDigest, Outcome, Painter, PlateSpec, Scene};
use serde::{Deserialize, Serialize};

/// Seconds of one unit of work per painter, used until this installation has painted something itself. A unit is a million
/// pixels of one frame; for `wan`, of one denoising step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Defaults {
    /// Of motion graphics, with encoding.
    pub motion: f64,
    /// Of the model.
    pub wan: f64,
}

impl Default for Defaults {
    /// Motion: measured on one core of a small machine. Wan: the 14B checkpoint on one data-centre GPU, 81 frames of 1280×720
    /// in 40 steps with guidance in about 25 minutes.
    fn default() -> Self {
        Self { motion: 0.1, wan: 0.25 }
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
            _ => 1000.0 * if matches!(plate.scene, Scene::Wan(_)) { self.defaults.wan } else { self.defaults.motion },
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
