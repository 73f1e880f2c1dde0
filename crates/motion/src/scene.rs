//! What is painted, in plain values, and the check that a painter can paint it.

use std::ops::RangeInclusive;

/// A picture that moves.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// From the farthest to the nearest, 1 to 8. The first layer also sets the stage of its motif (hills, water, a studio
    /// floor); later layers add only what moves.
    pub layers: Vec<Layer>,
    /// Brand tokens.
    pub palette: Palette,
    /// How the eye moves.
    pub camera: Camera,
    /// What is laid over the whole picture.
    pub finish: Finish,
    /// Whether the last frame runs on into the first.
    pub looped: bool,
}

/// One motif at one distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layer {
    /// What is drawn.
    pub motif: Motif,
    /// 0 is near (large, fast, moves most with the camera), 1 is far.
    pub depth: f32,
    /// How many, 0 to 3; 1 is usual.
    pub amount: f32,
    /// How fast, 0 to 3; 1 is usual.
    pub speed: f32,
    /// How large, 0.1 to 3; 1 is usual.
    pub scale: f32,
}

impl Layer {
    /// The motif at its usual amount, speed and scale, in the middle distance.
    pub fn new(motif: Motif) -> Self {
        Self { motif, depth: 0.5, amount: 1.0, speed: 1.0, scale: 1.0 }
    }
}

/// Colours of a scene, as 8-bit sRGB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Palette {
    /// The background from top to bottom: two or three colours.
    pub sky: Vec<[u8; 3]>,
    /// The colours of what moves, the leading one first: one to six.
    pub colours: Vec<[u8; 3]>,
}

/// A camera: its move, and its lens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// Which way the eye moves.
    pub movement: CameraMove,
    /// How far, 0 to 3; 1 is usual.
    pub amount: f32,
    /// The share of a frame's time that the shutter stays open, 0 to 1: what moves in it is smeared along its way. Film
    /// has 0.5.
    pub shutter: f32,
    /// How far the lens is open, 0 to 1: the wider, the softer the layers away from the focus.
    pub aperture: f32,
    /// The depth that is sharp, 0 to 1.
    pub focus: f32,
}

impl Camera {
    /// A camera with a quick shutter and a small aperture, so that everything is sharp.
    pub fn new(movement: CameraMove, amount: f32) -> Self {
        Self { movement, amount, shutter: 0.0, aperture: 0.0, focus: 0.5 }
    }
}

/// Laid over the whole picture; 0 is off.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Finish {
    /// Bloom around light; 1 is strong, 3 is the most.
    pub glow: f32,
    /// Film grain; 1 is strong, 3 is the most.
    pub grain: f32,
    /// Darker corners; 1 is strong, 3 is the most.
    pub vignette: f32,
    /// The white that the picture is seen in, −1 (blue as shade) to 1 (golden as a lamp).
    pub warmth: f32,
    /// −1 (matte) to 1 (hard).
    pub contrast: f32,
    /// Colourfulness, −1 (grey) to 1 (twice as colourful).
    pub saturation: f32,
}

/// Pixels across and down; both even, 16 to 4096.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

impl Size {
    /// Bytes of one RGB frame.
    pub fn rgb_bytes(self) -> usize {
        self.width as usize * self.height as usize * 3
    }
}

macro_rules! names {
    ($(#[$doc:meta])* $name:ident, $unknown:ident { $(#[doc = $about:literal] $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $(#[doc = $about] $variant),+ }
        impl $name {
            /// Every one, in the order of the documentation.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The name used in templates.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
            /// What it is, in a sentence.
            pub const fn about(self) -> &'static str {
                match self { $($name::$variant => $about.trim_ascii()),+ }
            }
            /// The one of that name.
            pub fn from_name(name: &str) -> Result<Self, MotionError> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
                    .ok_or_else(|| MotionError::$unknown { name: name.chars().take(80).collect() })
            }
        }
    };
}

names!(
    /// What can be drawn.
    Motif, UnknownMotif {
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
    CameraMove, UnknownCameraMove {
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

/// Why a scene cannot be painted. The text names the field; [`MotionError::hint`] says what would be right.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MotionError {
    /// A number outside its range, or not a number.
    #[error("`{field}` is {found}, outside {low} to {high}")]
    Range {
        /// The field's path, for example `layers[0].amount`.
        field: String,
        /// What it holds.
        found: f64,
        /// The least that can be painted.
        low: f64,
        /// The most that can be painted.
        high: f64,
    },
    /// A list with too few or too many entries.
    #[error("`{field}` has {found} entries, expected {low} to {high}")]
    Count {
        /// The field's path.
        field: &'static str,
        /// Its length.
        found: usize,
        /// The shortest.
        low: usize,
        /// The longest.
        high: usize,
    },
    /// A size that is not even; the video's colour planes are half as large.
    #[error("`{field}` is {found}, which is odd")]
    Odd {
        /// `width` or `height`.
        field: &'static str,
        /// What it holds.
        found: u32,
    },
    /// No motif has that name.
    #[error("there is no motif `{name}`")]
    UnknownMotif {
        /// The name, shortened.
        name: String,
    },
    /// No camera move has that name.
    #[error("there is no camera move `{name}`")]
    UnknownCameraMove {
        /// The name, shortened.
        name: String,
    },
}

impl MotionError {
    /// What would be right, in one line.
    pub fn hint(&self) -> String {
        let names = |all: Vec<&str>| format!("use one of {}", all.join(", "));
        match self {
            MotionError::Range { field, low, high, .. } => format!("set `{field}` between {low} and {high}"),
            MotionError::Count { field, low, high, .. } => format!("give `{field}` between {low} and {high} entries"),
            MotionError::Odd { field, found } => format!("use {} for `{field}`", found.saturating_add(1)),
            MotionError::UnknownMotif { .. } => names(Motif::ALL.iter().map(|motif| motif.name()).collect()),
            MotionError::UnknownCameraMove { .. } => names(CameraMove::ALL.iter().map(|one| one.name()).collect()),
        }
    }
}

fn within(field: impl Into<String>, found: f64, range: RangeInclusive<f64>) -> Result<(), MotionError> {
    if range.contains(&found) {
        return Ok(());
    }
    Err(MotionError::Range { field: field.into(), found, low: *range.start(), high: *range.end() })
}

fn counted(field: &'static str, found: usize, range: RangeInclusive<usize>) -> Result<(), MotionError> {
    if range.contains(&found) {
        return Ok(());
    }
    Err(MotionError::Count { field, found, low: *range.start(), high: *range.end() })
}

/// Refuses what cannot be painted, naming the first field that is wrong.
pub(crate) fn check(scene: &Scene, size: Size, frames: u32, fps: u32) -> Result<(), MotionError> {
    for (field, found) in [("width", size.width), ("height", size.height)] {
        within(field, f64::from(found), 16.0..=4096.0)?;
        if found % 2 == 1 {
            return Err(MotionError::Odd { field, found });
        }
    }
    within("frames", f64::from(frames), 1.0..=1200.0)?;
    within("fps", f64::from(fps), 1.0..=120.0)?;
    counted("layers", scene.layers.len(), 1..=8)?;
    for (index, layer) in scene.layers.iter().enumerate() {
        within(format!("layers[{index}].depth"), f64::from(layer.depth), 0.0..=1.0)?;
        within(format!("layers[{index}].amount"), f64::from(layer.amount), 0.0..=3.0)?;
        within(format!("layers[{index}].speed"), f64::from(layer.speed), 0.0..=3.0)?;
        // A tenth in f32 is a little more than a tenth in f64, so the bound is not read off the field's own type.
        within(format!("layers[{index}].scale"), f64::from(layer.scale), 0.1..=3.0)?;
    }
    counted("palette.sky", scene.palette.sky.len(), 2..=3)?;
    counted("palette.colours", scene.palette.colours.len(), 1..=6)?;
    let Camera { movement: _, amount, shutter, aperture, focus } = scene.camera;
    within("camera.amount", f64::from(amount), 0.0..=3.0)?;
    for (field, found) in [("camera.shutter", shutter), ("camera.aperture", aperture), ("camera.focus", focus)] {
        within(field, f64::from(found), 0.0..=1.0)?;
    }
    let Finish { glow, grain, vignette, warmth, contrast, saturation } = scene.finish;
    for (field, found) in [("finish.glow", glow), ("finish.grain", grain), ("finish.vignette", vignette)] {
        within(field, f64::from(found), 0.0..=3.0)?;
    }
    for (field, found) in [("finish.warmth", warmth), ("finish.contrast", contrast), ("finish.saturation", saturation)] {
        within(field, f64::from(found), -1.0..=1.0)?;
    }
    Ok(())
}
