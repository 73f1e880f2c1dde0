//! Specs to paint.

use festoon_film::{Encoder, X264};
use festoon_spec::{
    Camera, CameraMove, Canvas, Colour, Digest, EncoderId, Finish, Milli, ModelDigest, Motif, MotionLayer, MotionScene, Noise,
    Palette, PlateSpec, Sampler, Scene, WanScene,
};

/// What this machine's encoder is called.
pub fn encoder() -> EncoderId {
    X264::find().unwrap().id().clone()
}

fn plate(scene: Scene, canvas: Canvas) -> PlateSpec {
    PlateSpec {
        template: "new-year".parse().unwrap(),
        template_digest: Digest::of(b"new-year"),
        scene,
        canvas,
        windows: Vec::new(),
        variation: 0,
        encoder: encoder(),
        watermark: None,
    }
}

/// Confetti in motion graphics.
pub fn motion(width: u32, height: u32, frames: u32) -> PlateSpec {
    let layer =
        |motif, depth| MotionLayer { motif, depth: Milli(depth), amount: Milli::ONE, speed: Milli::ONE, scale: Milli::ONE };
    let scene = MotionScene {
        layers: vec![layer(Motif::Bokeh, 800), layer(Motif::Confetti, 300)],
        palette: Palette {
            sky: vec![Colour([30, 30, 80]), Colour([120, 60, 120])],
            colours: vec![Colour([255, 200, 60]), Colour([255, 90, 90])],
        },
        camera: Camera::new(CameraMove::Pan, Milli::ONE),
        finish: Finish { glow: Milli(500), grain: Milli(100), vignette: Milli(300), ..Finish::default() },
        looped: false,
    };
    plate(Scene::Motion(scene), Canvas { width, height, frames, fps: 24 })
}

/// A small plate that is painted in a moment.
pub fn small() -> PlateSpec {
    motion(160, 96, 12)
}

/// A plate that takes far longer than any test waits: it is always caught in the middle.
pub fn endless() -> PlateSpec {
    motion(1920, 1080, 1200)
}

/// What the model is asked for.
pub fn wan(model: ModelDigest, width: u32, height: u32, frames: u32) -> PlateSpec {
    let scene = WanScene {
        prompt: "a red balloon over the sea".into(),
        negative: "blurry".into(),
        model,
        loras: Vec::new(),
        sampler: Sampler::Unipc,
        steps: 4,
        shift: Milli(3000),
        guidance_high: Milli(4000),
        guidance_low: Milli(3000),
        noise: Noise::PlateKey,
        text_tokens: 512,
        adapted: None,
    };
    plate(Scene::Wan(scene), Canvas { width, height, frames, fps: 16 })
}
