//! Linear light and the way to it from sRGB.

use std::sync::LazyLock;

use crate::curve::mix;

/// Linear light, red, green, blue; 1 is the white of the screen, sources of light go beyond.
pub(crate) type Tint = [f32; 3];

/// What no light comes from.
pub(crate) const BLACK: Tint = [0.0; 3];
/// The white of the screen.
pub(crate) const WHITE: Tint = [1.0; 3];

/// sRGB's decoding curve, IEC 61966-2-1.
static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|code| {
        let v = code as f32 / 255.0;
        if v <= 0.040_45 { v / 12.92 } else { libm::powf((v + 0.055) / 1.055, 2.4) }
    })
});

/// sRGB's encoding curve, IEC 61966-2-1.
pub(crate) fn encode(v: f32) -> f32 {
    if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * libm::powf(v, 1.0 / 2.4) - 0.055 }
}

pub(crate) fn linear(rgb: [u8; 3]) -> Tint {
    rgb.map(|code| LINEAR[usize::from(code)])
}

pub(crate) fn scaled(tint: Tint, by: f32) -> Tint {
    tint.map(|v| v * by)
}

pub(crate) fn plus(a: Tint, b: Tint) -> Tint {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// From `a` to `b` in linear light, as light and smoke mix.
pub(crate) fn blend(a: Tint, b: Tint, t: f32) -> Tint {
    [mix(a[0], b[0], t), mix(a[1], b[1], t), mix(a[2], b[2], t)]
}

pub(crate) fn luminance(tint: Tint) -> f32 {
    0.2126 * tint[0] + 0.7152 * tint[1] + 0.0722 * tint[2]
}

/// The same colour as a source of light of that luminance; a dark colour keeps its hue and gets brighter.
pub(crate) fn glowing(tint: Tint, bright: f32) -> Tint {
    let peak = tint[0].max(tint[1]).max(tint[2]);
    if peak < 1e-4 {
        return [bright; 3];
    }
    // Half by peak, half by luminance: a pure blue becomes a bright blue, not a blinding one.
    let level = 0.5 * peak + 0.5 * luminance(tint);
    scaled(tint, bright / level)
}

/// Air of the colour `air` that catches light of the colour `light`: it shines, and stays its own colour for the most part.
pub(crate) fn haze(air: Tint, light: Tint, bright: f32) -> Tint {
    blend(glowing(air, bright), glowing(light, bright), 0.3)
}

/// Oklab (Björn Ottosson, 2020), in which even steps look even: for gradients between brand colours.
fn oklab([r, g, b]: Tint) -> Tint {
    let l = libm::cbrtf(0.412_221_46 * r + 0.536_332_54 * g + 0.051_445_995 * b);
    let m = libm::cbrtf(0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b);
    let s = libm::cbrtf(0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b);
    [
        0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
        1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
        0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
    ]
}

pub(crate) fn from_oklab([lightness, a, b]: Tint) -> Tint {
    let cube = |v: f32| v * v * v;
    let l = cube(lightness + 0.396_337_78 * a + 0.215_803_76 * b);
    let m = cube(lightness - 0.105_561_346 * a - 0.063_854_17 * b);
    let s = cube(lightness - 0.089_484_18 * a - 1.291_485_5 * b);
    [
        4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
        -1.268_438 * l + 2.609_757_4 * m - 0.341_319_38 * s,
        -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s,
    ]
    .map(|v| v.max(0.0))
}

/// From `a` to `b` as the eye sees it.
pub(crate) fn gradient(a: Tint, b: Tint, t: f32) -> Tint {
    from_oklab(blend(oklab(a), oklab(b), t))
}

/// The same hue, lighter (above 1) or darker (below 1) to the eye, with its colourfulness times `chroma`.
pub(crate) fn shaded(tint: Tint, lightness: f32, chroma: f32) -> Tint {
    let [l, a, b] = oklab(tint);
    from_oklab([(l * lightness).min(1.0), a * chroma, b * chroma])
}

/// A scene's colours in linear light.
#[derive(Debug, Clone)]
pub(crate) struct Colours {
    /// From top to bottom, two or three.
    pub(crate) sky: Vec<Tint>,
    /// What moves, one to six.
    pub(crate) moving: Vec<Tint>,
}

impl Colours {
    /// The n-th colour of what moves, starting over at the end.
    pub(crate) fn moving(&self, index: usize) -> Tint {
        self.moving[index % self.moving.len()]
    }

    /// The sky at a height: 0 is the top, 1 the bottom.
    pub(crate) fn sky(&self, height: f32) -> Tint {
        let place = height.clamp(0.0, 1.0) * (self.sky.len() - 1) as f32;
        let index = (place as usize).min(self.sky.len() - 2);
        gradient(self.sky[index], self.sky[index + 1], place - index as f32)
    }

    /// Whether the scene is a night, so that light is added to darkness.
    pub(crate) fn night(&self) -> bool {
        self.sky.iter().map(|&tint| luminance(tint)).sum::<f32>() / (self.sky.len() as f32) < 0.18
    }
}

/// The sky's gradient as a table, for pictures that show all of it above a horizon. It is smoothed, as so much nearer
/// together its middle colour would be seen as a line.
#[derive(Debug, Clone)]
pub(crate) struct Air(Vec<Tint>);

impl Air {
    const STEPS: usize = 256;

    pub(crate) fn new(colours: &Colours) -> Self {
        let height = |step: usize| {
            let at = |off: i32| colours.sky(step as f32 / Self::STEPS as f32 + off as f32 * 0.045);
            scaled((-3..=3).map(at).fold(BLACK, plus), 1.0 / 7.0)
        };
        Self((0..=Self::STEPS).map(height).collect())
    }

    /// 0 is the top of the picture, 1 the horizon.
    pub(crate) fn at(&self, height: f32) -> Tint {
        self.0[(height.clamp(0.0, 1.0) * Self::STEPS as f32) as usize]
    }
}
