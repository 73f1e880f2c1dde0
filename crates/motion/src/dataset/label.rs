//! The names of colours and backgrounds, and what they look like.

use crate::{
    colour::{Tint, encode, from_oklab},
    curve::{cosine, mix, sine},
    dice::Hand,
    scene::Palette,
};

macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }
        impl $name {
            /// Every one.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The name in the labels.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }
    };
}

labels!(
    /// A family of colours that one word names.
    Family {
        /// Signal red to crimson.
        Red = "red",
        /// The fruit's.
        Orange = "orange",
        /// A warm yellow.
        Gold = "gold",
        /// Leaf green.
        Green = "green",
        /// Azure to royal blue.
        Blue = "blue",
        /// Purple.
        Violet = "violet",
        /// Light rose.
        Pink = "pink",
        /// White, and a trace of anything.
        White = "white",
    }
);

labels!(
    /// What a motif is drawn on.
    Background {
        /// Deep blue.
        Night = "night",
        /// Violet above, orange below.
        Dusk = "dusk",
        /// Pale blue.
        Day = "day",
        /// Light grey.
        Studio = "studio",
        /// Deep green.
        Forest = "forest",
        /// Deep red.
        Wine = "wine",
    }
);

impl Background {
    /// Whether light shows on it.
    pub(super) fn dark(self) -> bool {
        matches!(self, Background::Night | Background::Forest | Background::Wine)
    }
}

/// Lightness, colourfulness and hue (in degrees) in Oklab, each from one end to the other.
type Range = [(f32, f32); 3];

fn range(family: Family) -> Range {
    match family {
        Family::Red => [(0.57, 0.62), (0.21, 0.235), (23.0, 29.0)],
        Family::Orange => [(0.71, 0.75), (0.17, 0.185), (50.0, 57.0)],
        Family::Gold => [(0.83, 0.87), (0.155, 0.175), (86.0, 93.0)],
        Family::Green => [(0.68, 0.76), (0.18, 0.21), (142.0, 150.0)],
        Family::Blue => [(0.56, 0.63), (0.17, 0.2), (252.0, 262.0)],
        Family::Violet => [(0.53, 0.6), (0.2, 0.235), (297.0, 306.0)],
        Family::Pink => [(0.76, 0.81), (0.13, 0.155), (352.0, 362.0)],
        Family::White => [(0.96, 0.98), (0.0, 0.01), (0.0, 360.0)],
    }
}

fn sky(background: Background) -> &'static [[u8; 3]] {
    match background {
        Background::Night => &[[7, 12, 42], [20, 36, 98]],
        Background::Dusk => &[[66, 38, 112], [150, 66, 112], [246, 150, 84]],
        Background::Day => &[[128, 186, 236], [206, 231, 250]],
        Background::Studio => &[[226, 227, 230], [188, 190, 196]],
        Background::Forest => &[[6, 36, 24], [18, 82, 50]],
        Background::Wine => &[[48, 6, 20], [112, 16, 42]],
    }
}

fn rgb(tint: Tint) -> [u8; 3] {
    tint.map(|v| (encode(v.min(1.0)) * 255.0 + 0.5) as u8)
}

fn oklch(lightness: f32, chroma: f32, degrees: f32) -> [u8; 3] {
    let turns = degrees / 360.0;
    rgb(from_oklab([lightness, chroma * cosine(turns), chroma * sine(turns)]))
}

/// A brand's colours of that family: the leading one, a lighter and a deeper one of nearly the same hue; and the sky,
/// a little lighter or darker each time.
pub(super) fn palette(family: Family, background: Background, hand: &mut Hand) -> Palette {
    let [lightness, chroma, hue] = range(family).map(|(low, high)| hand.range(low, high));
    let turn = hand.spread(5.0);
    let colours = match family {
        Family::White => vec![
            oklch(lightness, chroma, hue),
            oklch(0.93, hand.range(0.005, 0.018), hand.range(60.0, 110.0)),
            oklch(0.87, hand.range(0.003, 0.014), hand.range(230.0, 290.0)),
        ],
        _ => vec![
            oklch(lightness, chroma, hue),
            oklch(mix(lightness, 0.97, 0.32), chroma * 0.74, hue + turn),
            oklch(lightness * 0.86, chroma * 0.95, hue - turn),
        ],
    };
    let light = hand.range(0.9, 1.1);
    let sky = sky(background).iter().map(|colour| colour.map(|v| (f32::from(v) * light).min(250.0) as u8)).collect();
    Palette { sky, colours }
}
