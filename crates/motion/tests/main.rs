//! What a painting promises, seen from outside.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path, thread};

use festoon_motion::{Camera, CameraMove, Finish, Layer, Motif, MotionError, Painting, Palette, Scene, Size};

/// Small, but large enough for every motif's parts to be seen.
const SMALL: Size = Size { width: 192, height: 108 };

fn scene(motif: Motif) -> Scene {
    Scene {
        layers: vec![Layer::new(motif)],
        palette: Palette {
            sky: vec![[14, 20, 52], [58, 44, 92]],
            colours: vec![[255, 180, 84], [255, 111, 97], [240, 240, 255]],
        },
        camera: Camera::new(CameraMove::Static, 1.0),
        finish: Finish { glow: 0.6, grain: 0.2, vignette: 0.4, ..Finish::default() },
        looped: false,
    }
}

fn paint(scene: &Scene, size: Size, frames: u32, seed: u8) -> Painting {
    Painting::new(scene, size, frames, 24, [seed; 32]).unwrap()
}

fn frame(painting: &mut Painting, index: u32) -> Vec<u8> {
    let mut rgb = vec![0; painting.size().rgb_bytes()];
    painting.frame(index, &mut rgb);
    rgb
}

/// Mean difference per value, in codes.
fn apart(a: &[u8], b: &[u8]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
}

#[test]
fn a_frame_is_the_same_in_whatever_order_frames_are_painted() {
    for &motif in Motif::ALL {
        for movement in [CameraMove::Static, CameraMove::Handheld] {
            let mut scene = scene(motif);
            scene.camera.movement = movement;
            let (mut forth, mut back) = (paint(&scene, SMALL, 24, 1), paint(&scene, SMALL, 24, 1));
            let ahead: Vec<_> = [0, 5, 11, 23].map(|index| frame(&mut forth, index)).into();
            let mut behind: Vec<_> = [23, 11, 5, 0].map(|index| frame(&mut back, index)).into();
            behind.reverse();
            assert!(ahead == behind, "{} {}", motif.name(), movement.name());
            assert!(frame(&mut forth.clone(), 5) == ahead[1], "{}: a clone paints the same", motif.name());
        }
    }
}

#[test]
fn frames_are_the_same_on_however_many_threads_they_are_painted() {
    const FRAMES: u32 = 8;
    for &motif in Motif::ALL {
        let mut scene = scene(motif);
        scene.camera = Camera { shutter: 0.5, ..Camera::new(CameraMove::Orbit, 1.0) };
        let painting = paint(&scene, SMALL, FRAMES, 1);
        let painted = |threads: u32| -> Vec<Vec<u8>> {
            thread::scope(|scope| {
                let every = |first: u32| {
                    let mut own = painting.clone();
                    move || (first..FRAMES).step_by(threads as usize).map(|index| frame(&mut own, index)).collect::<Vec<_>>()
                };
                let painters: Vec<_> = (0..threads).map(|first| scope.spawn(every(first))).collect();
                let mut shares: Vec<_> = painters.into_iter().map(|painter| painter.join().unwrap().into_iter()).collect();
                (0..FRAMES).map(|index| shares[(index % threads) as usize].next().unwrap()).collect()
            })
        };
        let alone = painted(1);
        for threads in [2, 3, 8] {
            assert!(painted(threads) == alone, "{} on {threads} threads", motif.name());
        }
    }
}

/// FNV-1a, 64 bits.
fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let bytes = parts.into_iter().flatten();
    bytes.fold(0xcbf2_9ce4_8422_2325, |state, &byte| (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// What every motif is painted as: two frames from the hand, with an open shutter, before the focus. A painter that is changed
/// on purpose gets new digests here and, as plates are kept by it, a new name in `Painter::motion` of festoon-spec.
const PAINTED: &[(&str, u64)] = &[
    ("fireworks", 0x9dece14274971002),
    ("snow", 0x919021ebe811e38c),
    ("sky-lanterns", 0xc7bd3b0e4aa6086b),
    ("petals", 0x40c5a0a08cb1436d),
    ("hearts", 0xf2fcae3945717397),
    ("confetti", 0x5eadff5c5918b390),
    ("bokeh", 0xd2eb7e20460dd3b2),
    ("crescent-and-lamps", 0xbb4ed64e59744ab2),
    ("rangoli-lights", 0x1b1bf4ae56aa1665),
    ("turntable-ball", 0xa89f95a1dff8beae),
    ("turntable-box", 0xa31d51279ae7c5a7),
    ("turntable-bottle", 0x2d0ce8e7a9449b20),
    ("turntable-phone", 0xe8d0477145fce66b),
    ("paper-lanterns", 0x6c9aa4fdf1d128a7),
    ("waves", 0x94b361c0011235d9),
    ("sparkles", 0xee190c57e292e371),
    ("gold-dust", 0xc2a5b1ad3f453f69),
    ("city-bokeh", 0xd3f0882404609a6c),
    ("candles", 0x66f591259f47266a),
    ("aurora", 0x0d1576ac0d515824),
    ("sunrise", 0x879cea5f8ff05c57),
    ("ribbons", 0x81f0d16ab3d097f5),
    ("ink-in-water", 0x85fd4e6cab5fbba5),
    ("rain-on-glass", 0xe64f41e843b558ba),
    ("balloons", 0xe71e0f428a53385d),
    ("leaves", 0xf9b5e77e03e92ce7),
];

#[test]
fn the_same_seed_paints_the_same_bytes_on_every_machine() {
    let painted: Vec<(&str, u64)> = Motif::ALL
        .iter()
        .map(|&motif| {
            let mut scene = scene(motif);
            scene.camera = Camera { shutter: 0.5, aperture: 0.4, focus: 0.8, ..Camera::new(CameraMove::Handheld, 1.0) };
            let mut painting = paint(&scene, SMALL, 24, 12);
            let frames = [frame(&mut painting, 3), frame(&mut painting, 17)];
            (motif.name(), digest(frames.iter().map(Vec::as_slice)))
        })
        .collect();
    let table: String = painted.iter().map(|(name, digest)| format!("    (\"{name}\", 0x{digest:016x}),\n")).collect();
    assert!(painted == PAINTED, "the painter paints otherwise than it did:\n{table}");
}

#[test]
fn every_motif_moves_shines_and_depends_on_its_seed() {
    for &motif in Motif::ALL {
        let mut painting = paint(&scene(motif), SMALL, 48, 1);
        let (first, last) = (frame(&mut painting, 0), frame(&mut painting, 40));
        assert!(apart(&first, &last) > 0.25, "{} moves by {}", motif.name(), apart(&first, &last));
        let mean = first.iter().map(|&v| f64::from(v)).sum::<f64>() / first.len() as f64;
        assert!((8.0..235.0).contains(&mean), "{} is {mean} bright on average", motif.name());
        let spread = first.iter().max().unwrap() - first.iter().min().unwrap();
        assert!(spread > 60, "{} spans {spread} codes", motif.name());
        let other = frame(&mut paint(&scene(motif), SMALL, 48, 2), 0);
        assert!(apart(&first, &other) > 0.25, "{} with another seed differs by {}", motif.name(), apart(&first, &other));
    }
}

#[test]
fn the_last_frame_of_a_loop_runs_on_into_the_first() {
    const FRAMES: u32 = 40;
    for &motif in Motif::ALL {
        for &movement in CameraMove::ALL {
            let mut scene = scene(motif);
            scene.looped = true;
            scene.camera = Camera { shutter: 0.5, ..Camera::new(movement, 1.0) };
            scene.finish.grain = 0.0;
            let mut painting = paint(&scene, Size { width: 128, height: 72 }, FRAMES, 3);
            let frames: Vec<_> = (0..=FRAMES).map(|index| frame(&mut painting, index)).collect();
            let name = format!("{} {}", motif.name(), movement.name());
            assert!(frames[0] == frames[FRAMES as usize], "{name}: frame {FRAMES} is not frame 0");
            let steps: Vec<f64> = frames.windows(2).map(|pair| apart(&pair[0], &pair[1])).collect();
            let (seam, others) = steps.split_last().unwrap();
            let (most, beside) = (others.iter().copied().fold(0.0, f64::max), (others[0] + others[others.len() - 1]) / 2.0);
            assert!(*seam <= 1.05 * most + 0.02, "{name}: the seam is {seam}, the largest step {most}");
            assert!(*seam <= 2.0 * beside + 0.3, "{name}: the seam is {seam}, the steps beside it {beside}");
        }
    }
}

#[test]
fn every_motif_is_painted_under_every_camera_in_every_ratio() {
    // The smallest canvas, sizes that no tile of four or eight divides, a square, and the narrowest strip both ways.
    let sizes = [(16, 16), (98, 54), (54, 98), (90, 90), (72, 90), (256, 16), (16, 256)];
    for &motif in Motif::ALL {
        for (lens, &movement) in CameraMove::ALL.iter().enumerate() {
            for (width, height) in sizes {
                let mut scene = scene(motif);
                // From a layer in focus to one as far out of it as can be.
                let (shutter, aperture) = (lens as f32 / 4.0, lens as f32 / 4.0);
                scene.camera = Camera { shutter, aperture, focus: 0.0, ..Camera::new(movement, 3.0) };
                let mut painting = paint(&scene, Size { width, height }, 12, 4);
                let rgb = frame(&mut painting, 11);
                assert!(rgb.iter().any(|&v| v > 20), "{} {} {width}×{height} is black", motif.name(), movement.name());
                // A border that no picture reaches would stay black on one side.
                let row = width as usize * 3;
                for (side, edge) in [("top", &rgb[..row]), ("bottom", &rgb[rgb.len() - row..])] {
                    assert!(edge.iter().any(|&v| v > 0), "{} {} {width}×{height}: {side} edge", motif.name(), movement.name());
                }
            }
        }
    }
}

#[test]
fn amounts_at_their_ends_are_painted_and_nothing_is_drawn_of_none() {
    for &motif in Motif::ALL {
        for (amount, speed, scale, depth) in
            [(0.0, 0.0, 0.1, 0.0), (3.0, 3.0, 3.0, 1.0), (3.0, 0.0, 3.0, 0.0), (0.5, 3.0, 0.1, 1.0)]
        {
            let mut scene = scene(motif);
            scene.layers = vec![Layer { motif, amount, speed, scale, depth }; 2];
            scene.looped = speed == 3.0;
            scene.finish = Finish { glow: 3.0, grain: 3.0, vignette: 3.0, ..Finish::default() };
            let rgb = frame(&mut paint(&scene, SMALL, 24, 5), 13);
            assert!(rgb.iter().any(|&v| v > 20), "{} at {amount}, {speed}, {scale}, {depth}", motif.name());
        }
    }
    let mut empty = scene(Motif::Bokeh);
    empty.layers[0].amount = 0.0;
    empty.finish.grain = 0.0;
    let mut painting = paint(&empty, SMALL, 24, 6);
    assert_eq!(frame(&mut painting, 0), frame(&mut painting, 23), "no bokeh, no change");
}

#[test]
fn a_brand_colour_comes_out_as_it_went_in() {
    let mut plain = scene(Motif::Bokeh);
    plain.layers[0].amount = 0.0;
    plain.palette = Palette { sky: vec![[40, 90, 160], [40, 90, 160]], colours: vec![[0, 0, 0]] };
    plain.finish = Finish::default();
    let rgb = frame(&mut paint(&plain, SMALL, 1, 7), 0);
    // The top left corner, where the motif lays no light into the sky; dither moves a code by at most one.
    for (found, wanted) in rgb[..30].iter().zip([40u8, 90, 160].into_iter().cycle()) {
        assert!(found.abs_diff(wanted) <= 3, "{found} instead of {wanted}");
    }
}

#[test]
fn a_grade_changes_colours_and_nothing_else() {
    let mut graded = scene(Motif::Confetti);
    graded.finish.grain = 0.0;
    let plain = frame(&mut paint(&graded, SMALL, 24, 9), 12);
    graded.finish.saturation = -1.0;
    let grey = frame(&mut paint(&graded, SMALL, 24, 9), 12);
    for (pixel, before) in grey.chunks_exact(3).zip(plain.chunks_exact(3)) {
        assert!(pixel[0] == pixel[1] && pixel[1] == pixel[2], "{pixel:?} is not grey");
        let (least, most) = (before.iter().min().unwrap(), before.iter().max().unwrap());
        assert!((least.saturating_sub(1)..=most.saturating_add(1)).contains(&pixel[0]), "{pixel:?} from {before:?}");
    }
    graded.finish = Finish { warmth: 0.6, saturation: 0.0, ..graded.finish };
    let warm = frame(&mut paint(&graded, SMALL, 24, 9), 12);
    let mean = |rgb: &[u8], channel: usize| rgb.iter().skip(channel).step_by(3).map(|&v| u64::from(v)).sum::<u64>();
    assert!(mean(&warm, 0) > mean(&plain, 0) && mean(&warm, 2) < mean(&plain, 2), "warm is more red and less blue");
}

#[test]
fn layers_of_several_motifs_are_painted_over_one_another() {
    let mut layered = scene(Motif::SkyLanterns);
    let alone = frame(&mut paint(&layered, SMALL, 24, 8), 6);
    layered.layers.push(Layer { depth: 0.1, ..Layer::new(Motif::Petals) });
    let both = frame(&mut paint(&layered, SMALL, 24, 8), 6);
    assert!(apart(&alone, &both) > 0.2, "petals over lanterns change {}", apart(&alone, &both));
}

/// How much neighbours above one another differ: less in a softer picture.
fn detail(rgb: &[u8], width: u32) -> f64 {
    let below = rgb[width as usize * 3..].iter();
    rgb.iter().zip(below).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / rgb.len() as f64
}

fn mean(rgb: &[u8]) -> f64 {
    rgb.iter().map(|&v| f64::from(v)).sum::<f64>() / rgb.len() as f64
}

#[test]
fn an_open_shutter_smears_what_moves_and_keeps_its_light() {
    let size = Size { width: 320, height: 180 };
    for &motif in Motif::ALL {
        let mut quick = scene(motif);
        quick.layers[0].speed = 3.0;
        quick.finish = Finish::default();
        let mut open = quick.clone();
        open.camera.shutter = 1.0;
        let sharp = frame(&mut paint(&quick, size, 48, 10), 20);
        let smeared = frame(&mut paint(&open, size, 48, 10), 20);
        let (before, after) = (mean(&sharp), mean(&smeared));
        assert!((before - after).abs() < 0.01 * before + 0.5, "{}: {before} bright, smeared {after}", motif.name());
        let (before, after) = (detail(&sharp, size.width), detail(&smeared, size.width));
        assert!(after < 1.03 * before, "{}: detail {before}, smeared {after}", motif.name());
    }
    // Things that cross several pixels while the shutter is open lose their edges on the way.
    let mut fast = scene(Motif::Confetti);
    fast.finish = Finish::default();
    let mut at = |amount: f32, shutter: f32| {
        fast.layers[0] = Layer { speed: 3.0, amount, depth: 0.2, ..fast.layers[0] };
        fast.camera.shutter = shutter;
        detail(&frame(&mut paint(&fast, size, 48, 10), 20), size.width)
    };
    let empty = at(0.0, 0.0);
    let (sharp, smeared) = (at(1.0, 0.0) - empty, at(1.0, 1.0) - empty);
    assert!(smeared < 0.8 * sharp, "detail {sharp}, smeared {smeared}, without confetti {empty}");
}

#[test]
fn a_wide_aperture_softens_the_layers_away_from_the_focus_and_no_other() {
    let size = Size { width: 320, height: 180 };
    let mut two = scene(Motif::SkyLanterns);
    two.finish = Finish::default();
    two.layers = vec![Layer { depth: 0.9, ..Layer::new(Motif::SkyLanterns) }, Layer { depth: 0.2, ..Layer::new(Motif::Petals) }];
    let mut at = |aperture: f32, focus: f32| {
        two.camera = Camera { aperture, focus, ..Camera::new(CameraMove::Static, 1.0) };
        frame(&mut paint(&two, size, 24, 11), 12)
    };
    let sharp = at(0.0, 0.2);
    let [near, far, neither] = [at(1.0, 0.2), at(1.0, 0.9), at(1.0, 0.55)].map(|rgb| detail(&rgb, size.width));
    let all = detail(&sharp, size.width);
    assert!(near < 0.9 * all && far < 0.9 * all, "detail {all}, focus near {near}, far {far}");
    assert!(neither < 0.95 * all, "detail {all}, {neither} with the focus between the layers");
    two.layers.truncate(1);
    let mut alone = |aperture: f32| {
        two.camera = Camera { aperture, focus: 0.9, ..Camera::new(CameraMove::Static, 1.0) };
        frame(&mut paint(&two, size, 24, 11), 12)
    };
    assert!(alone(0.0) == alone(1.0), "what is in focus stays as it is");
}

#[test]
fn names_lead_to_motifs_and_moves_and_back() {
    for &motif in Motif::ALL {
        assert_eq!(Motif::from_name(motif.name()), Ok(motif));
    }
    for &movement in CameraMove::ALL {
        assert_eq!(CameraMove::from_name(movement.name()), Ok(movement));
    }
    let wrong = Motif::from_name("firework").unwrap_err();
    assert_eq!(wrong.to_string(), "there is no motif `firework`");
    assert!(wrong.hint().starts_with("use one of fireworks, snow,"), "{}", wrong.hint());
    assert_eq!(CameraMove::from_name("dolly").unwrap_err().to_string(), "there is no camera move `dolly`");
}

#[test]
fn the_page_of_the_motifs_shows_a_loop_of_each() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/motion");
    let page = fs::read_to_string(folder.join("README.md")).unwrap();
    for &motif in Motif::ALL {
        let name = motif.name();
        let shown = format!("![{name}]({name}.webp)<br>`{name}`: {}", motif.about());
        assert!(page.contains(&shown), "`make sheets` would add {shown}");
        // A file of frames (ANMF) that says how often they are shown (ANIM): 0 is for ever.
        let bytes = fs::read(folder.join(format!("{name}.webp"))).unwrap();
        let at = |chunk: &[u8]| bytes.windows(4).position(|found| found == chunk);
        assert!(bytes.starts_with(b"RIFF") && at(b"ANMF").is_some(), "{name}.webp does not move");
        let head = at(b"ANIM").unwrap();
        assert_eq!(bytes[head + 12..head + 14], [0, 0], "{name}.webp ends");
    }
}

#[test]
fn what_cannot_be_painted_is_refused_by_the_name_of_its_field() {
    let refused = |change: &dyn Fn(&mut Scene), size: Size, frames: u32, fps: u32| -> MotionError {
        let mut scene = scene(Motif::Snow);
        change(&mut scene);
        Painting::new(&scene, size, frames, fps, [0; 32]).err().unwrap()
    };
    let at = |width, height| refused(&|_| {}, Size { width, height }, 24, 24).to_string();
    assert_eq!(at(14, 108), "`width` is 14, outside 16 to 4096");
    assert_eq!(at(192, 4098), "`height` is 4098, outside 16 to 4096");
    assert_eq!(at(192, 109), "`height` is 109, which is odd");
    assert_eq!(refused(&|_| {}, SMALL, 0, 24).to_string(), "`frames` is 0, outside 1 to 1200");
    assert_eq!(refused(&|_| {}, SMALL, 24, 0).to_string(), "`fps` is 0, outside 1 to 120");
    type Change = fn(&mut Scene);
    let wrong: [(Change, &str); 11] = [
        (|s| s.layers.clear(), "`layers` has 0 entries, expected 1 to 8"),
        (|s| s.layers = vec![s.layers[0]; 9], "`layers` has 9 entries, expected 1 to 8"),
        (|s| s.layers.push(Layer { amount: 4.0, ..s.layers[0] }), "`layers[1].amount` is 4, outside 0 to 3"),
        (|s| s.layers[0].depth = f32::NAN, "`layers[0].depth` is NaN, outside 0 to 1"),
        (|s| s.palette.sky.truncate(1), "`palette.sky` has 1 entries, expected 2 to 3"),
        (|s| s.palette.colours.clear(), "`palette.colours` has 0 entries, expected 1 to 6"),
        (|s| s.camera.amount = f32::INFINITY, "`camera.amount` is inf, outside 0 to 3"),
        (|s| s.finish.grain = -0.5, "`finish.grain` is -0.5, outside 0 to 3"),
        (|s| s.camera.shutter = 1.5, "`camera.shutter` is 1.5, outside 0 to 1"),
        (|s| s.camera.focus = f32::NAN, "`camera.focus` is NaN, outside 0 to 1"),
        (|s| s.finish.warmth = -2.0, "`finish.warmth` is -2, outside -1 to 1"),
    ];
    for (change, text) in wrong {
        let error = refused(&change, SMALL, 24, 24);
        assert_eq!(error.to_string(), text);
        assert!(error.hint().contains(" between ") && error.hint().contains(" and "), "{}", error.hint());
    }
    assert_eq!(refused(&|_| {}, Size { width: 192, height: 109 }, 24, 24).hint(), "use 110 for `height`");
}
