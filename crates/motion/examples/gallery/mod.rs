//! The scenes that the examples show: each motif in three palettes.

use festoon_motion::{Camera, CameraMove, Finish, Layer, Motif, Palette, Scene};

/// A palette: the sky from top to bottom, and what moves.
type Colours = (&'static [u32], &'static [u32]);

fn palettes(motif: Motif) -> [Colours; 3] {
    match motif {
        Motif::Fireworks => [
            (&[0x060a1f, 0x14204a, 0x3a2a5c], &[0xffc65c, 0xff5a5f, 0x6fd3ff, 0xffe9b8, 0xc792ff]),
            (&[0x1a0508, 0x4a0d14], &[0xffd166, 0xff3b30, 0xffb347]),
            (&[0x02101a, 0x063247, 0x0d5c63], &[0x7df9c6, 0x5ab8ff, 0xffffff, 0xff7ac6]),
        ],
        Motif::Snow => [
            (&[0x0e1a3a, 0x34508a, 0x9db4d8], &[0xffffff, 0xffc978]),
            (&[0x6a86ad, 0xb9cbe0, 0xf1e3dc], &[0xffffff, 0xffd9a0]),
            (&[0x12231f, 0x24483f, 0x8fae9c], &[0xf6fff9, 0xff6b5a]),
        ],
        Motif::SkyLanterns => [
            (&[0x0a1030, 0x2a2558, 0x7a3f5d], &[0xffab4a, 0xff7a3c, 0xffd27a]),
            (&[0x12060a, 0x4a1220, 0x9c3b2a], &[0xff5a36, 0xffb03a]),
            (&[0x05202b, 0x0f4a55, 0x5b8a80], &[0xffd98a, 0xff9e6b, 0xffe9c9]),
        ],
        Motif::Petals => [
            (&[0x9fc9e8, 0xd9e9f2, 0xfce4ec], &[0xf8b4cb, 0xfcd6e2, 0xf48fb1]),
            (&[0xfdf0e3, 0xf7d9cf, 0xe8b7b0], &[0xd94f6b, 0xf08aa0, 0xffd4d4]),
            (&[0x1b1740, 0x4b3573, 0xa06a9c], &[0xffc7de, 0xe79ac8, 0xffffff]),
        ],
        Motif::Hearts => [
            (&[0xffe3ea, 0xffb8c9, 0xf7839f], &[0xe6295c, 0xff5c8a, 0xffffff]),
            (&[0x2a0618, 0x6b0f33, 0xb3244f], &[0xff3b6b, 0xff8fab, 0xffd1dc]),
            (&[0xf3e7ff, 0xd9c2f5, 0xa98ee0], &[0x8a4fff, 0xff6fb5, 0xffc4e1]),
        ],
        Motif::Confetti => [
            (&[0x2236b8, 0x4a5ce8, 0x8ea2ff], &[0xffd23f, 0xff5d73, 0x3bceac, 0xffffff, 0xff9f1c]),
            (&[0x120c1f, 0x2b1a45], &[0xd4af37, 0xf6e27a, 0xffffff, 0xb8860b]),
            (&[0xfff7e8, 0xffe1c2], &[0xe63946, 0x1d9a8a, 0xf4a261, 0x264653, 0xe9c46a]),
        ],
        Motif::Bokeh => [
            (&[0x0a0d1c, 0x1c1f3d, 0x3a2744], &[0xffb454, 0xff6f61, 0xffe0a3, 0x6fb7ff]),
            (&[0x06211a, 0x0f4233, 0x2b6a45], &[0xffd76a, 0xff5146, 0x8ff0b0, 0xfff2cf]),
            (&[0xf6d9cb, 0xeeb4b0, 0xc98ba8], &[0xffffff, 0xfff0d0, 0xffc9c0]),
        ],
        Motif::CrescentAndLamps => [
            (&[0x071033, 0x1b2f6b, 0x4b4a8f], &[0xffcf6b, 0xe8a33d, 0x6fe0d2]),
            (&[0x04231f, 0x0b4a3f, 0x2e7d64], &[0xf4d58d, 0xd4af37, 0xffffff]),
            (&[0x240b36, 0x5a1f5e, 0xc3577a], &[0xffd79a, 0xff9e7a, 0x8fd3ff]),
        ],
        Motif::RangoliLights => [
            (&[0x1c0a24, 0x35103a], &[0xff8a1f, 0xe6286b, 0xffd23f, 0x22b8a5, 0x8a4fff]),
            (&[0x1f0d08, 0x3d1a10], &[0xffb703, 0xfb5607, 0xff006e, 0xffffff]),
            (&[0x071a2b, 0x0e3350], &[0x4cc9f0, 0xf72585, 0xffd166, 0x80ed99]),
        ],
        Motif::PaperLanterns => [
            (&[0x0b1030, 0x2b2352, 0x7a3a4e], &[0xe8352b, 0xf6b73c, 0xff7a3c]),
            (&[0x1c0508, 0x5a0f16, 0xa8321f], &[0xffc247, 0xe9a13b, 0xd92b20]),
            (&[0x06222c, 0x12505a, 0x7fa89a], &[0xf4a3b5, 0xf2d7a0, 0xffe9d2, 0xe86f6a]),
        ],
        Motif::Waves => [
            (&[0x2c4a7c, 0xe8a27c, 0xffd9a0], &[0x14708c, 0x49b8b4, 0xffd8a8]),
            (&[0x050b22, 0x14264e, 0x44598a], &[0x12325c, 0x3f7fb8, 0xdfe9ff]),
            (&[0x6fc2e8, 0xbfe6f5, 0xfdf3dc], &[0x0a9396, 0x52d1c6, 0xffffff]),
        ],
        Motif::TurntableBall | Motif::TurntableBox | Motif::TurntableBottle | Motif::TurntablePhone => [
            (&[0xdfe6ee, 0xf4f6f8], &[0x2f6fed, 0xffffff, 0xf5b942]),
            (&[0x14161c, 0x2a2e38], &[0xd4af37, 0x1b1b1f, 0xf7e7b0]),
            (&[0xffe1d6, 0xffc4b8], &[0xff5a4f, 0xfff4ec, 0x2a9d8f]),
        ],
    }
}

fn rgb(code: u32) -> [u8; 3] {
    let [_, red, green, blue] = code.to_be_bytes();
    [red, green, blue]
}

/// The motif alone, at its usual amount, in its three palettes.
pub fn scenes(motif: Motif) -> [Scene; 3] {
    palettes(motif).map(|(sky, colours)| Scene {
        layers: vec![Layer::new(motif)],
        palette: Palette { sky: sky.iter().copied().map(rgb).collect(), colours: colours.iter().copied().map(rgb).collect() },
        camera: Camera::new(CameraMove::Static, 1.0),
        finish: Finish { glow: 0.6, grain: 0.15, vignette: 0.4, ..Finish::default() },
        looped: false,
    })
}

/// A seed that is always the same.
pub fn seed(number: u8) -> [u8; 32] {
    std::array::from_fn(|place| number.wrapping_mul(31).wrapping_add(place as u8))
}
