//! How a motif is staged so that it is recognised in a picture no larger than a stamp.

use super::{Background, Family};
use crate::scene::{CameraMove, Finish, Motif};

/// How large, how many, how fast, and what is laid over.
pub(super) struct Staging {
    pub(super) scale: f32,
    pub(super) amount: f32,
    pub(super) speed: f32,
    pub(super) finish: Finish,
}

/// No grain, which a small model would learn instead of the picture.
const FINISH: Finish = Finish { glow: 0.4, grain: 0.0, vignette: 0.15, warmth: 0.0, contrast: 0.0, saturation: 0.0 };

pub(super) fn staging(motif: Motif) -> Staging {
    let (scale, amount, speed) = match motif {
        Motif::Fireworks => (1.4, 0.8, 1.0),
        Motif::Snow => (2.7, 0.7, 1.3),
        Motif::SkyLanterns => (2.7, 0.4, 1.4),
        Motif::Petals => (2.6, 0.6, 1.2),
        Motif::Hearts => (2.4, 0.75, 1.2),
        Motif::Confetti => (2.7, 0.5, 1.1),
        Motif::Bokeh => (2.1, 0.55, 1.5),
        Motif::CrescentAndLamps => (1.6, 1.0, 1.2),
        Motif::RangoliLights => (1.1, 0.7, 1.2),
        Motif::TurntableBall | Motif::TurntableBox | Motif::TurntableBottle | Motif::TurntablePhone => (1.1, 1.0, 1.4),
        Motif::PaperLanterns => (1.8, 0.8, 1.6),
        Motif::Waves => (1.15, 1.0, 1.2),
        Motif::Sparkles => (1.6, 0.9, 1.0),
        Motif::GoldDust => (1.8, 1.0, 1.2),
        Motif::CityBokeh => (1.5, 1.0, 1.2),
        Motif::Candles => (1.3, 0.8, 1.2),
        Motif::Aurora => (1.15, 1.0, 1.8),
        Motif::Sunrise => (1.6, 1.0, 2.0),
        Motif::Ribbons => (1.2, 0.7, 1.2),
        Motif::InkInWater => (1.2, 0.8, 1.4),
        Motif::RainOnGlass => (2.2, 0.6, 1.3),
        Motif::Balloons => (1.6, 0.8, 1.3),
        Motif::Leaves => (2.3, 0.7, 1.2),
    };
    Staging { scale, amount, speed, finish: FINISH }
}

/// How far a camera moves, so that its move is seen within two seconds.
pub(super) fn reach(camera: CameraMove) -> f32 {
    match camera {
        CameraMove::Static => 0.0,
        CameraMove::Pan => 1.8,
        CameraMove::Push => 2.0,
        CameraMove::Orbit => 2.2,
        CameraMove::Handheld => 2.4,
    }
}

/// What a motif is made of decides where it shows.
enum Made {
    /// Of light, which shows on what is dark.
    Light,
    /// Of light that is held in something, which also shows on a dusk.
    Lantern,
    /// Of something that shows everywhere.
    Body,
}

fn made(motif: Motif) -> Made {
    match motif {
        Motif::Fireworks
        | Motif::Bokeh
        | Motif::Sparkles
        | Motif::GoldDust
        | Motif::CityBokeh
        | Motif::Aurora
        | Motif::RainOnGlass => Made::Light,
        Motif::SkyLanterns | Motif::Snow | Motif::CrescentAndLamps | Motif::PaperLanterns => Made::Lantern,
        Motif::Petals
        | Motif::Hearts
        | Motif::Confetti
        | Motif::RangoliLights
        | Motif::TurntableBall
        | Motif::TurntableBox
        | Motif::TurntableBottle
        | Motif::TurntablePhone
        | Motif::Waves
        | Motif::Candles
        | Motif::Sunrise
        | Motif::Ribbons
        | Motif::InkInWater
        | Motif::Balloons
        | Motif::Leaves => Made::Body,
    }
}

pub(super) fn clear(motif: Motif, family: Family, background: Background) -> bool {
    let told_apart = match background {
        Background::Night => !matches!(family, Family::Blue),
        Background::Dusk => !matches!(family, Family::Orange | Family::Violet),
        Background::Day => !matches!(family, Family::White),
        Background::Studio => !matches!(family, Family::White),
        Background::Forest => !matches!(family, Family::Green),
        Background::Wine => !matches!(family, Family::Red),
    };
    told_apart
        && match made(motif) {
            Made::Light => background.dark(),
            Made::Lantern => background.dark() || background == Background::Dusk,
            Made::Body => true,
        }
}
