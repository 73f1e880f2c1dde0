//! Interpolation on what the motion painter paints: every other frame is left out, and what is put in its place is compared
//! with it. `examples/bench_adapt.rs` prints the same for every motif.

use festoon_film::Adapter;
use festoon_motion::{Camera, CameraMove, Finish, Layer, Motif, Painting, Palette, Scene, Size};
use festoon_spec::{Adapted, Canvas};

const ALL: Canvas = Canvas { width: 320, height: 180, frames: 9, fps: 24 };
const KEPT: Canvas = Canvas { frames: 5, fps: 12, ..ALL };

/// Frames of a motif under a moving eye, without grain.
fn clip(motif: &str) -> Vec<Vec<u8>> {
    let scene = Scene {
        layers: vec![Layer::new(Motif::from_name(motif).unwrap())],
        palette: Palette {
            sky: vec![[14, 26, 58], [157, 180, 216]],
            colours: vec![[255, 255, 255], [255, 201, 120], [230, 41, 92]],
        },
        camera: Camera::new(CameraMove::Pan, 1.0),
        finish: Finish { glow: 0.5, ..Finish::default() },
        looped: false,
    };
    let size = Size { width: ALL.width, height: ALL.height };
    let mut painting = Painting::new(&scene, size, 200, ALL.fps, [7; 32]).unwrap();
    let frame = |index| {
        let mut rgb = vec![0; size.rgb_bytes()];
        // After the first seconds everything is on its way.
        painting.frame(100 + index, &mut rgb);
        rgb
    };
    (0..ALL.frames).map(frame).collect()
}

/// Decibels of peak signal to noise.
fn likeness(one: &[u8], other: &[u8]) -> f64 {
    let squares: u64 = one.iter().zip(other).map(|(one, other)| u64::from(one.abs_diff(*other)).pow(2)).sum();
    10.0 * (255.0 * 255.0 * one.len() as f64 / (squares as f64).max(1e-9)).log10()
}

#[test]
fn a_frame_that_was_left_out_comes_back_better_than_by_fading() {
    // The last two hardly move: fading is within a level of the truth there, and so must interpolating be.
    let cases = [("hearts", 1.5), ("snow", 2.0), ("confetti", 1.0), ("rangoli-lights", -1.0), ("sky-lanterns", -1.0)];
    for (motif, least_gain) in cases {
        let clip = clip(motif);
        let kept: Vec<u8> = clip.iter().step_by(2).flatten().copied().collect();
        let mut adapter = Adapter::new(&Adapted { painted: KEPT, ping_pong: false, corner: None }, &ALL, kept);
        let (mut moved, mut faded) = (0.0, 0.0);
        for index in (1..ALL.frames as usize).step_by(2) {
            let mut rgb = vec![0; clip[index].len()];
            adapter.frame(index as u32, &mut rgb);
            let fade = clip[index - 1].iter().zip(&clip[index + 1]);
            let fade: Vec<u8> = fade.map(|(one, other)| (u32::from(*one) + u32::from(*other)).div_ceil(2) as u8).collect();
            moved += likeness(&rgb, &clip[index]) / 4.0;
            faded += likeness(&fade, &clip[index]) / 4.0;
        }
        assert!(moved > faded + least_gain, "{motif}: interpolated {moved:.1} dB, faded {faded:.1} dB");
    }
}
