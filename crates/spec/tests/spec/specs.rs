//! One spec of each kind, with every field set to something of its own.

use std::collections::BTreeMap;

use festoon_spec::{
    Adapted, Camera, CameraMove, Canvas, ClipSpec, Colour, Digest, EncoderId, Finish, FrameRange, Laying, Lora, Milli,
    ModelDigest, Motif, MotionLayer, MotionScene, Noise, OverlaySpec, Palette, PlateSpec, Profile, RenderKey, Sampler, Scene,
    SoundCodec, SoundSpec, WanScene,
};

/// Fireworks and snow.
pub fn motion_plate() -> PlateSpec {
    let layer = |motif, depth, amount| MotionLayer {
        motif,
        depth: Milli(depth),
        amount: Milli(amount),
        speed: Milli(900),
        scale: Milli(1100),
    };
    let scene = MotionScene {
        layers: vec![layer(Motif::Fireworks, 700, 1200), layer(Motif::Snow, 200, 400)],
        palette: Palette {
            sky: vec![Colour([4, 6, 15]), Colour([58, 33, 72])],
            colours: vec![Colour([255, 209, 102]), Colour([255, 107, 74])],
        },
        camera: Camera {
            movement: CameraMove::Push,
            amount: Milli(600),
            shutter: Milli(500),
            aperture: Milli(250),
            focus: Milli(700),
        },
        finish: Finish {
            glow: Milli(550),
            grain: Milli(120),
            vignette: Milli(350),
            warmth: Milli(-200),
            contrast: Milli(150),
            saturation: Milli(80),
        },
        looped: true,
    };
    plate("new-year", Scene::Motion(scene), Canvas { width: 1280, height: 720, frames: 120, fps: 24 })
}

/// A fox.
pub fn wan_plate() -> PlateSpec {
    let scene = WanScene {
        prompt: "A red fox in fresh snow".into(),
        negative: "text, watermark".into(),
        model: ModelDigest::from_bytes([7; 32]),
        loras: vec![Lora { digest: Digest::of(b"lora"), weight_high: Milli(1000), weight_low: Milli(500) }],
        sampler: Sampler::Unipc,
        steps: 4,
        shift: Milli(3000),
        guidance_high: Milli(4000),
        guidance_low: Milli(3500),
        noise: Noise::PlateKey,
        text_tokens: 64,
        adapted: Some(Adapted { painted: Canvas { width: 160, height: 96, frames: 17, fps: 8 }, ping_pong: false, corner: None }),
    };
    plate("fox-in-snow", Scene::Wan(scene), Canvas { width: 256, height: 144, frames: 17, fps: 16 })
}

/// The fox, cropped around it.
pub fn focused_plate() -> PlateSpec {
    let mut plate = wan_plate();
    let Scene::Wan(scene) = &mut plate.scene else { unreachable!("the fox is painted by the model") };
    scene.adapted = scene.adapted.map(|adapted| Adapted { corner: Some([Milli(10_500), Milli(0)]), ..adapted });
    plate
}

fn plate(template: &str, scene: Scene, canvas: Canvas) -> PlateSpec {
    PlateSpec {
        template: template.parse().unwrap(),
        template_digest: Digest::of(b"template"),
        scene,
        canvas,
        windows: vec![FrameRange { start: 4, end: 12 }],
        variation: 2,
        encoder: EncoderId("x264 0.164.3095 plate/1".into()),
        watermark: None,
    }
}

/// A Japanese title over a plate.
pub fn clip() -> ClipSpec {
    ClipSpec {
        plate: RenderKey::from_bytes([9; 32]),
        overlay: OverlaySpec {
            digest: Digest::of(b"overlay"),
            locale: "ja-JP".parse::<festoon_spec::Locale>().unwrap().maximized(),
            values: BTreeMap::from([("title".into(), "あけましておめでとう".into()), ("badge".into(), "today".into())]),
        },
        profile: Profile::Mp4,
        frame: None,
        sound: None,
        compositor: "none/1".into(),
    }
}

/// The same with a bed under it.
pub fn sounding_clip() -> ClipSpec {
    let sound = SoundSpec {
        bed: Digest::of(b"bells"),
        laying: Laying { start: Milli(500), looped: true, gain: Milli(-6500), fade_in: Milli(250), fade_out: Milli(1500) },
        frames: 120,
        fps: 24,
        codec: SoundCodec::Aac,
        build: "sound/1 ffmpeg 5.1.9 aac".into(),
    };
    ClipSpec { sound: Some(sound), ..clip() }
}
