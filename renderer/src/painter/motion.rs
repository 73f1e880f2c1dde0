//! Procedural motion graphics: an honest painter of its own, not a model.

use festoon_film::Expectation;
use festoon_motion::{Painting, Size};
use festoon_spec::{CameraMove, Milli, MotionScene, PlateSpec, RenderKey, Scene, Stage};

use super::{Frames, Painter};
use crate::{
    fault::Fault,
    progress::{Plan, READY, Teller},
};

/// Frames are painted while they are encoded, so there is one stage.
const PLAN: Plan = &[(Stage::Paint, READY)];

/// Paints [`Scene::Motion`].
#[derive(Debug, Default)]
pub struct MotionPainter;

impl Painter for MotionPainter {
    fn ids(&self) -> Vec<festoon_spec::Painter> {
        vec![festoon_spec::Painter::motion()]
    }

    fn plan(&self, _: &PlateSpec) -> Plan {
        PLAN
    }

    fn paint(&mut self, key: &RenderKey, spec: &PlateSpec, _teller: &mut Teller) -> Result<Box<dyn Frames>, Fault> {
        let Scene::Motion(scene) = &spec.scene else {
            return Err(Fault::Unpaintable(format!("the motion painter does not paint {}", spec.scene.painter())));
        };
        let canvas = spec.canvas;
        let size = Size { width: canvas.width, height: canvas.height };
        let painting = translate(scene)
            .and_then(|scene| Painting::new(&scene, size, canvas.frames, canvas.fps, *key.as_bytes()))
            .map_err(|error| Fault::Unpaintable(format!("scene: {error}; {}", error.hint())))?;
        // A scene without speed under a camera at rest is asked to stand still.
        let rests = scene.camera.movement == CameraMove::Static || scene.camera.amount == Milli(0);
        let still = rests && scene.layers.iter().all(|layer| layer.speed == Milli(0));
        // How light a picture is, is its palette's choice.
        let expectation = Expectation { still, bright: true, noise: false };
        Ok(Box::new(MotionFrames { painting, expectation }))
    }
}

struct MotionFrames {
    painting: Painting,
    expectation: Expectation,
}

impl Frames for MotionFrames {
    fn stage(&self) -> Stage {
        Stage::Paint
    }

    fn expectation(&self) -> Expectation {
        self.expectation
    }

    fn frame(&mut self, index: u32, rgb: &mut [u8]) -> Result<(), Fault> {
        self.painting.frame(index, rgb);
        Ok(())
    }
}

/// The contract's scene in the painter's words.
fn translate(scene: &MotionScene) -> Result<festoon_motion::Scene, festoon_motion::MotionError> {
    let fraction = |number: Milli| number.get() as f32;
    let colours = |list: &[festoon_spec::Colour]| list.iter().map(|colour| colour.0).collect();
    let mut layers = Vec::with_capacity(scene.layers.len());
    for layer in &scene.layers {
        layers.push(festoon_motion::Layer {
            motif: festoon_motion::Motif::from_name(layer.motif.name())?,
            depth: fraction(layer.depth),
            amount: fraction(layer.amount),
            speed: fraction(layer.speed),
            scale: fraction(layer.scale),
        });
    }
    Ok(festoon_motion::Scene {
        layers,
        palette: festoon_motion::Palette { sky: colours(&scene.palette.sky), colours: colours(&scene.palette.colours) },
        camera: festoon_motion::Camera {
            movement: festoon_motion::CameraMove::from_name(scene.camera.movement.name())?,
            amount: fraction(scene.camera.amount),
            shutter: fraction(scene.camera.shutter),
            aperture: fraction(scene.camera.aperture),
            focus: fraction(scene.camera.focus),
        },
        finish: festoon_motion::Finish {
            glow: fraction(scene.finish.glow),
            grain: fraction(scene.finish.grain),
            vignette: fraction(scene.finish.vignette),
            warmth: fraction(scene.finish.warmth),
            contrast: fraction(scene.finish.contrast),
            saturation: fraction(scene.finish.saturation),
        },
        looped: scene.looped,
    })
}

#[cfg(test)]
mod tests {
    use festoon_spec::{CameraMove, Motif};

    #[test]
    fn the_painter_knows_each_motif_and_camera_move_of_the_contract() {
        for motif in Motif::ALL {
            assert!(festoon_motion::Motif::from_name(motif.name()).is_ok(), "no motif {}", motif.name());
        }
        for movement in CameraMove::ALL {
            assert!(festoon_motion::CameraMove::from_name(movement.name()).is_ok(), "no camera move {}", movement.name());
        }
    }
}
