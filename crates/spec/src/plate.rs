//! The plate: footage without text, and everything that makes its pixels.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Canonical, Digest, FrameRange, Milli, ModelDigest, RenderKey, Value, job::Needs};

/// Context of [`PlateSpec::key`].
const PLATE_CONTEXT: &str = "festoon 2026-11 plate key v2";

/// What a painter is asked to make. Two equal specs are one plate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlateSpec {
    /// The template it was resolved from.
    pub template: TemplateId,
    /// Digest of the template's plate part (prompt skeleton, scene, sampler settings), not of its words or overlay.
    pub template_digest: Digest,
    /// What is painted, fully resolved.
    pub scene: Scene,
    /// Size, length and frame rate.
    pub canvas: Canvas,
    /// The frames that overlays may touch: sorted, apart from each other, inside the canvas. The plate is cut where they begin
    /// and end, so they change its bytes; without any it is one segment that nothing can be drawn on.
    #[serde(default)]
    pub windows: Vec<FrameRange>,
    /// The n-th take; the first is 0. It changes the noise, nothing else.
    pub variation: u32,
    /// Build and recipe of the encoder.
    pub encoder: EncoderId,
    /// The mark baked into the plate, if any.
    pub watermark: Option<String>,
}

impl PlateSpec {
    /// Everything that changes pixels, in canonical order.
    pub fn canonical(&self) -> Canonical {
        let mut form = Canonical::default();
        form.text("template", self.template.as_str());
        form.put("template_digest", Value::Digest(*self.template_digest.as_bytes()));
        form.group("scene", |scene| self.scene.write(scene));
        form.group("canvas", |form| self.canvas.write(form));
        form.list("windows", &self.windows, |form, window| {
            form.integer("start", window.start);
            form.integer("end", window.end);
        });
        form.integer("variation", self.variation);
        form.text("encoder", &self.encoder.0);
        form.put("watermark", self.watermark.clone().map_or(Value::Absent, Value::Text));
        form
    }

    /// The plate's name. The painter's noise is drawn from it.
    pub fn key(&self) -> RenderKey {
        self.canonical().key(PLATE_CONTEXT)
    }

    /// What a renderer must have to paint it.
    pub fn needs(&self) -> Needs {
        Needs {
            painter: self.scene.painter(),
            model: match &self.scene {
                Scene::Wan(wan) => Some(wan.model),
                Scene::Motion(_) => None,
            },
            encoder: self.encoder.clone(),
        }
    }
}

/// Frames to make. Sizes are in pixels; both are even.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canvas {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Number of frames.
    pub frames: u32,
    /// Frames per second.
    pub fps: u32,
}

impl Canvas {
    /// Length in milliseconds, rounded down.
    pub fn duration_ms(&self) -> u64 {
        u64::from(self.frames) * 1000 / u64::from(self.fps.max(1))
    }

    fn write(&self, form: &mut Canonical) {
        form.integer("width", self.width);
        form.integer("height", self.height);
        form.integer("frames", self.frames);
        form.integer("fps", self.fps);
    }
}

/// A painter and the version of its pictures. A change that moves pixels takes the next number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Painter(pub String);

impl Painter {
    /// The text-to-video model, its frames as they are.
    pub fn wan() -> Self {
        Self("wan/1".into())
    }
    /// The text-to-video model, its frames cropped, scaled and interpolated to the canvas. How that is done has a version of
    /// its own, so that a better scaler leaves alone what was painted without one.
    pub fn wan_adapted() -> Self {
        Self("wan/1 adapt/2".into())
    }
    /// Procedural motion graphics.
    pub fn motion() -> Self {
        Self("motion/4".into())
    }
}

impl fmt::Display for Painter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An encoder's build and recipe, for example `x264 0.164.3095 plate/1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EncoderId(pub String);

impl EncoderId {
    /// The program, without version and recipe: what one program encodes may be spliced with what it encoded elsewhere.
    pub fn program(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }
}

impl fmt::Display for EncoderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is painted, by which painter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "painter", rename_all = "kebab-case")]
pub enum Scene {
    /// By the text-to-video model.
    Wan(WanScene),
    /// By procedural motion graphics.
    Motion(MotionScene),
}

impl Scene {
    /// The painter that paints it.
    pub fn painter(&self) -> Painter {
        match self {
            Scene::Wan(wan) if wan.adapted.is_some() => Painter::wan_adapted(),
            Scene::Wan(_) => Painter::wan(),
            Scene::Motion(_) => Painter::motion(),
        }
    }

    fn write(&self, form: &mut Canonical) {
        form.text("painter", self.painter().0);
        match self {
            Scene::Wan(wan) => wan.write(form),
            Scene::Motion(motion) => motion.write(form),
        }
    }
}

/// A prompt for Wan with its sampling. Defaults are filled in before it gets here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WanScene {
    /// The whole prompt, rendered from the template's skeleton.
    pub prompt: String,
    /// What to keep out of the picture.
    pub negative: String,
    /// The checkpoint folder.
    pub model: ModelDigest,
    /// LoRA files, merged in this order.
    pub loras: Vec<Lora>,
    /// The solver and its time grid.
    pub sampler: Sampler,
    /// Denoising steps.
    pub steps: u32,
    /// Flow shift of the time grid.
    pub shift: Milli,
    /// Classifier-free guidance of the high-noise expert; 1 or less turns guidance off for both.
    pub guidance_high: Milli,
    /// Classifier-free guidance of the low-noise expert.
    pub guidance_low: Milli,
    /// Where the initial noise comes from.
    pub noise: Noise,
    /// Tokens of the prompt that the model sees, with padding.
    pub text_tokens: u32,
    /// What is painted, where that is not the canvas itself.
    pub adapted: Option<Adapted>,
}

impl WanScene {
    fn write(&self, form: &mut Canonical) {
        form.text("prompt", &self.prompt);
        form.text("negative", &self.negative);
        form.put("model", Value::Digest(*self.model.as_bytes()));
        form.list("loras", &self.loras, |form, lora| {
            form.put("digest", Value::Digest(*lora.digest.as_bytes()));
            form.put("weight_high", Value::Milli(lora.weight_high));
            form.put("weight_low", Value::Milli(lora.weight_low));
        });
        form.text("sampler", self.sampler.name());
        form.integer("steps", self.steps);
        form.put("shift", Value::Milli(self.shift));
        form.put("guidance_high", Value::Milli(self.guidance_high));
        form.put("guidance_low", Value::Milli(self.guidance_low));
        match self.noise {
            Noise::PlateKey => form.text("noise", "plate-key/1"),
            Noise::TorchSeed { seed } => {
                form.text("noise", "torch-seed");
                form.put("noise_seed", Value::Integer(seed as i64));
            }
        }
        form.integer("text_tokens", self.text_tokens);
        match &self.adapted {
            None => form.put("adapted", Value::Absent),
            Some(Adapted { painted, ping_pong, corner }) => form.group("adapted", |form| {
                painted.write(form);
                form.put("ping_pong", Value::Flag(*ping_pong));
                // Only where it is said: what is cropped around the middle had its key before a crop could be anywhere else.
                if let Some([left, top]) = corner {
                    form.put("left", Value::Milli(*left));
                    form.put("top", Value::Milli(*top));
                }
            }),
        }
    }
}

/// A canvas that is made from frames of another size, number or rate: cropped to the canvas' ratio, scaled, interpolated in
/// time, the rest cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adapted {
    /// What is painted.
    pub painted: Canvas,
    /// Whether the frames run forth and back until the canvas is full.
    pub ping_pong: bool,
    /// Where the part that is seen begins, across and down, in pixels of what is painted. Without it the middle is seen. A part
    /// that would reach beyond the picture is moved back into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corner: Option<[Milli; 2]>,
}

impl Adapted {
    /// The part of the painted picture that is seen on this canvas, in pixels across and down: as large as fits in its ratio.
    pub fn seen(&self, canvas: &Canvas) -> [f64; 2] {
        let [width, height] = [self.painted.width, self.painted.height].map(f64::from);
        let ratio = f64::from(canvas.width) / f64::from(canvas.height);
        if width / height > ratio { [height * ratio, height] } else { [width, width / ratio] }
    }

    /// How much of the painted picture is not seen on this canvas, in pixels across and down.
    pub fn unseen(&self, canvas: &Canvas) -> [f64; 2] {
        let [width, height] = self.seen(canvas);
        [f64::from(self.painted.width) - width, f64::from(self.painted.height) - height]
    }

    /// Where the part begins that is seen on this canvas, in pixels across and down.
    pub fn seen_from(&self, canvas: &Canvas) -> [f64; 2] {
        let unseen = self.unseen(canvas);
        match self.corner {
            None => unseen.map(|side| side / 2.0),
            Some(corner) => [0, 1].map(|side| corner[side].get().clamp(0.0, unseen[side].max(0.0))),
        }
    }
}

/// A LoRA file and how much of it goes into each expert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lora {
    /// blake3 of the file.
    pub digest: Digest,
    /// Weight in the high-noise expert; 0 leaves it alone.
    pub weight_high: Milli,
    /// Weight in the low-noise expert; 0 leaves it alone.
    pub weight_low: Milli,
}

/// A solver with its time grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampler {
    /// UniPC multistep (bh2, order 2) on flow sigmas.
    Unipc,
    /// Euler on the grid of diffusers' FlowMatchEulerDiscreteScheduler.
    Euler,
    /// Euler on the grid of the distilled (Lightning, LightX2V) LoRAs.
    Lightning,
}

impl Sampler {
    /// The name used in templates and keys.
    pub fn name(self) -> &'static str {
        match self {
            Sampler::Unipc => "unipc",
            Sampler::Euler => "euler",
            Sampler::Lightning => "lightning",
        }
    }
}

/// Where the initial noise comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Noise {
    /// Philox seeded with the plate key: the same bits on every machine.
    PlateKey,
    /// libtorch's `manual_seed` and `randn`, as the reference implementation draws it.
    TorchSeed {
        /// The seed.
        seed: u64,
    },
}

/// A picture of procedural motion graphics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MotionScene {
    /// From the farthest to the nearest.
    pub layers: Vec<MotionLayer>,
    /// Brand tokens.
    pub palette: Palette,
    /// How the eye moves.
    pub camera: Camera,
    /// What is laid over the whole picture.
    pub finish: Finish,
    /// Whether the last frame runs on into the first.
    pub looped: bool,
}

impl MotionScene {
    fn write(&self, form: &mut Canonical) {
        form.list("layers", &self.layers, |form, layer| {
            form.text("motif", layer.motif.name());
            form.put("depth", Value::Milli(layer.depth));
            form.put("amount", Value::Milli(layer.amount));
            form.put("speed", Value::Milli(layer.speed));
            form.put("scale", Value::Milli(layer.scale));
        });
        form.list("palette.sky", &self.palette.sky, |form, colour| form.text("rgb", colour.to_string()));
        form.list("palette.colours", &self.palette.colours, |form, colour| form.text("rgb", colour.to_string()));
        form.text("camera.movement", self.camera.movement.name());
        let Camera { movement: _, amount, shutter, aperture, focus } = self.camera;
        for (name, number) in [("amount", amount), ("shutter", shutter), ("aperture", aperture), ("focus", focus)] {
            form.put(&format!("camera.{name}"), Value::Milli(number));
        }
        let Finish { glow, grain, vignette, warmth, contrast, saturation } = self.finish;
        for (name, number) in [("glow", glow), ("grain", grain), ("vignette", vignette)] {
            form.put(&format!("finish.{name}"), Value::Milli(number));
        }
        for (name, number) in [("warmth", warmth), ("contrast", contrast), ("saturation", saturation)] {
            form.put(&format!("finish.{name}"), Value::Milli(number));
        }
        form.put("looped", Value::Flag(self.looped));
    }
}

/// One motif at one distance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MotionLayer {
    /// What is drawn.
    pub motif: Motif,
    /// 0 is near (sharp, large, fast), 1 is far.
    #[serde(default)]
    pub depth: Milli,
    /// How many; 1 is usual, up to 3.
    #[serde(default = "one")]
    pub amount: Milli,
    /// How fast; 1 is usual, up to 3.
    #[serde(default = "one")]
    pub speed: Milli,
    /// How large; 1 is usual, up to 3.
    #[serde(default = "one")]
    pub scale: Milli,
}

fn one() -> Milli {
    Milli::ONE
}

/// Colours of a scene.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Palette {
    /// The background from top to bottom: two or three colours.
    pub sky: Vec<Colour>,
    /// The colours of what moves: one to six.
    pub colours: Vec<Colour>,
}

/// A camera: its move, and its lens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camera {
    /// Which way the eye moves.
    pub movement: CameraMove,
    /// How far; 1 is usual, up to 3.
    #[serde(default = "one")]
    pub amount: Milli,
    /// The share of a frame's time that the shutter stays open, 0 to 1.
    #[serde(default)]
    pub shutter: Milli,
    /// How soft the layers away from the focus are, 0 to 1.
    #[serde(default)]
    pub aperture: Milli,
    /// The depth that is sharp, 0 to 1.
    #[serde(default = "Camera::usual_focus")]
    pub focus: Milli,
}

impl Camera {
    /// A camera with a quick shutter and a small aperture, so that everything is sharp.
    pub fn new(movement: CameraMove, amount: Milli) -> Self {
        Self { movement, amount, shutter: Milli(0), aperture: Milli(0), focus: Self::usual_focus() }
    }

    /// The middle distance.
    pub fn usual_focus() -> Milli {
        Milli(500)
    }
}

/// Laid over the whole picture; 0 is off, 1 is strong.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finish {
    /// Bloom around light.
    #[serde(default)]
    pub glow: Milli,
    /// Film grain.
    #[serde(default)]
    pub grain: Milli,
    /// Darker corners.
    #[serde(default)]
    pub vignette: Milli,
    /// The white that the picture is seen in, −1 (blue) to 1 (golden).
    #[serde(default)]
    pub warmth: Milli,
    /// −1 (matte) to 1 (hard).
    #[serde(default)]
    pub contrast: Milli,
    /// Colourfulness, −1 (grey) to 1 (twice as colourful).
    #[serde(default)]
    pub saturation: Milli,
}

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant),+ }
        impl $name {
            /// Every one, in the order of the documentation.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The name used in templates and keys.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }
    };
}

names!(
    /// What motion graphics can draw.
    Motif {
        /// Rockets that burst into falling sparks over a night sky.
        Fireworks = "fireworks",
        /// Falling snow in depth.
        Snow = "snow",
        /// Glowing paper lanterns that rise into the sky.
        SkyLanterns = "sky-lanterns",
        /// Blossom petals on the wind.
        Petals = "petals",
        /// Rising, beating hearts.
        Hearts = "hearts",
        /// Tumbling paper confetti.
        Confetti = "confetti",
        /// Out-of-focus lights.
        Bokeh = "bokeh",
        /// A crescent moon, stars and hanging lamps.
        CrescentAndLamps = "crescent-and-lamps",
        /// A rangoli pattern lit by small oil lamps.
        RangoliLights = "rangoli-lights",
        /// A ball on a turntable in studio light.
        TurntableBall = "turntable-ball",
        /// A gift box on a turntable in studio light.
        TurntableBox = "turntable-box",
        /// A bottle on a turntable in studio light.
        TurntableBottle = "turntable-bottle",
        /// A phone that floats above a turntable in studio light.
        TurntablePhone = "turntable-phone",
        /// Round paper lanterns with tassels that sway on cords.
        PaperLanterns = "paper-lanterns",
        /// A sea under a low light, with foam and glints.
        Waves = "waves",
        /// Glints of light that flare and twinkle.
        Sparkles = "sparkles",
        /// Fine glittering dust that drifts in shafts of light.
        GoldDust = "gold-dust",
        /// A street at night, out of focus, with traffic and wet asphalt.
        CityBokeh = "city-bokeh",
        /// Candles with flickering flames and glowing wax.
        Candles = "candles",
        /// Curtains of polar light over mountains and a lake.
        Aurora = "aurora",
        /// The sun rising behind misty hills.
        Sunrise = "sunrise",
        /// Ribbons of silk that flow through space.
        Ribbons = "ribbons",
        /// Plumes of coloured ink that unfold in water.
        InkInWater = "ink-in-water",
        /// Rain drops on a window before lights out of focus.
        RainOnGlass = "rain-on-glass",
        /// Glossy balloons on strings that rise.
        Balloons = "balloons",
        /// Autumn leaves that tumble through a wood.
        Leaves = "leaves",
    }
);

names!(
    /// How the eye moves.
    CameraMove {
        /// Not at all.
        Static = "static",
        /// Sideways.
        Pan = "pan",
        /// Slowly in.
        Push = "push",
        /// Around the middle.
        Orbit = "orbit",
        /// As if held by hand.
        Handheld = "handheld",
    }
);

/// Not a motif.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no motif `{0}`")]
pub struct UnknownMotif(pub String);

impl FromStr for Motif {
    type Err = UnknownMotif;
    fn from_str(text: &str) -> Result<Self, UnknownMotif> {
        Motif::ALL.iter().copied().find(|motif| motif.name() == text).ok_or_else(|| UnknownMotif(text.to_owned()))
    }
}

/// An sRGB colour, written `#rrggbb` in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Colour(pub [u8; 3]);

/// Not a colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a colour: expected `#rrggbb`, for example `#d4af37`")]
pub struct ColourError(pub String);

impl FromStr for Colour {
    type Err = ColourError;
    fn from_str(text: &str) -> Result<Self, ColourError> {
        let wrong = || ColourError(text.chars().take(40).collect());
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii()).ok_or_else(wrong)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| wrong())?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Colour([red, green, blue]))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Serialize for Colour {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The name of a template: its folder. Lower-case ASCII letters, digits and single hyphens, 1 to 64 characters, so that
/// it is safe in a path, a URL and a metric.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct TemplateId(String);

/// Not a template id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a template id: expected lower-case letters, digits and single hyphens, for example `new-year`")]
pub struct TemplateIdError(pub String);

impl TemplateId {
    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TemplateId {
    type Err = TemplateIdError;
    fn from_str(text: &str) -> Result<Self, TemplateIdError> {
        let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if text.len() <= 64 && text.split('-').all(part) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TemplateIdError(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for TemplateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TemplateId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
