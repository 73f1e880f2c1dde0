//! What the inspector says of frames with a known defect.

use festoon_film::{Expectation, Inspector, Picture};
use festoon_spec::{Canvas, Verdict};

use crate::scene::{self, SMALL};

/// The verdict on frames made from the scene: `fail` or `flag`, and the codes.
fn verdict(expectation: Expectation, canvas: &Canvas, mut spoil: impl FnMut(u32, &mut [u8])) -> (&'static str, Vec<String>) {
    let mut inspector = Inspector::new(canvas, expectation);
    let mut picture = Picture::new(canvas).unwrap();
    let mut rgb = vec![0; picture.rgb_len()];
    for index in 0..canvas.frames {
        scene::paint(canvas, index, &mut rgb);
        spoil(index, &mut rgb);
        picture.set_rgb(&rgb);
        inspector.look(&picture);
    }
    let codes = |reasons: Vec<festoon_spec::Reason>| reasons.into_iter().map(|reason| reason.code).collect();
    match inspector.verdict() {
        Verdict::Passed => ("pass", Vec::new()),
        Verdict::Flagged { reasons } => ("flag", codes(reasons)),
        Verdict::Failed { reasons } => ("fail", codes(reasons)),
    }
}

fn found(kind: &'static str, codes: &[&str]) -> (&'static str, Vec<String>) {
    (kind, codes.iter().map(|code| (*code).to_owned()).collect())
}

const NOTHING: Expectation = Expectation { still: false, bright: false, noise: false };

#[test]
fn a_good_plate_passes() {
    assert_eq!(verdict(NOTHING, &SMALL, |_, _| {}), found("pass", &[]));
}

#[test]
fn a_black_plate_fails() {
    assert_eq!(verdict(NOTHING, &SMALL, |_, rgb| rgb.fill(2)), found("fail", &["black", "frozen"]));
}

#[test]
fn a_fade_from_black_passes_and_more_black_than_picture_fails() {
    let black_until = |end: u32| {
        move |index: u32, rgb: &mut [u8]| {
            if index < end {
                rgb.fill(0)
            }
        }
    };
    // Eleven frames are black, and still.
    assert_eq!(verdict(NOTHING, &SMALL, black_until(11)), found("pass", &[]));
    assert_eq!(verdict(NOTHING, &SMALL, black_until(16)), found("fail", &["black", "frozen"]));
}

#[test]
fn stars_in_a_night_sky_are_not_black() {
    let night = |index: u32, rgb: &mut [u8]| {
        let lit = |place: usize| place * 7919 % 31 == index as usize;
        rgb.as_chunks_mut()
            .0
            .iter_mut()
            .enumerate()
            .for_each(|(place, pixel)| *pixel = if lit(place) { [100; 3] } else { [0; 3] });
    };
    assert_eq!(verdict(NOTHING, &SMALL, night), found("pass", &[]));
}

#[test]
fn one_colour_fails_even_if_it_changes() {
    let plain = |index: u32, rgb: &mut [u8]| rgb.as_chunks_mut().0.fill([200, 40, index as u8 * 4]);
    assert_eq!(verdict(NOTHING, &SMALL, plain), found("fail", &["flat"]));
}

#[test]
fn a_picture_in_colours_of_one_brightness_is_not_flat() {
    let isoluminant = |index: u32, rgb: &mut [u8]| {
        let (pixels, _) = rgb.as_chunks_mut();
        for (place, pixel) in pixels.iter_mut().enumerate() {
            // Both have a luma of 74; every third frame is exchanged.
            *pixel = if (place % 96 < 48) == index.is_multiple_of(3) { [200, 40, 40] } else { [20, 88, 95] };
        }
    };
    let (kind, codes) = verdict(Expectation { still: true, ..NOTHING }, &SMALL, isoluminant);
    assert!(!codes.contains(&"flat".to_owned()), "{kind} {codes:?}");
}

#[test]
fn a_frozen_plate_fails_unless_it_is_meant() {
    let mut kept = Vec::new();
    let mut freeze = |from: u32, index: u32, rgb: &mut [u8]| {
        if index <= from {
            kept = rgb.to_vec();
        }
        rgb.copy_from_slice(&kept);
    };
    // Frame 20 and the eleven or ten behind it.
    assert_eq!(
        verdict(NOTHING, &Canvas { frames: 32, ..SMALL }, |index, rgb| freeze(20, index, rgb)),
        found("fail", &["frozen"])
    );
    assert_eq!(verdict(NOTHING, &Canvas { frames: 31, ..SMALL }, |index, rgb| freeze(20, index, rgb)), found("pass", &[]));
    let still = Expectation { still: true, ..NOTHING };
    assert_eq!(verdict(still, &SMALL, |index, rgb| freeze(0, index, rgb)), found("pass", &[]));
    // Shorter than half a second: all of it.
    assert_eq!(verdict(NOTHING, &Canvas { frames: 5, ..SMALL }, |index, rgb| freeze(0, index, rgb)), found("fail", &["frozen"]));
    // One frame cannot freeze.
    assert_eq!(verdict(NOTHING, &Canvas { frames: 1, ..SMALL }, |index, rgb| freeze(0, index, rgb)), found("pass", &[]));
}

#[test]
fn an_overexposed_plate_is_flagged_unless_it_is_meant() {
    let expose = |_: u32, rgb: &mut [u8]| rgb.iter_mut().for_each(|level| *level = level.saturating_add(170));
    assert_eq!(verdict(NOTHING, &SMALL, expose), found("flag", &["blown-out"]));
    assert_eq!(verdict(Expectation { bright: true, ..NOTHING }, &SMALL, expose), found("pass", &[]));
}

/// Grey noise of this many levels around the middle.
fn noise(levels: u32) -> impl FnMut(u32, &mut [u8]) {
    let mut state = 1u32;
    move |_, rgb| {
        for pixel in rgb.as_chunks_mut::<3>().0 {
            // The minimal standard generator.
            state = (u64::from(state) * 48271 % 0x7fff_ffff) as u32;
            *pixel = [(128 - levels / 2 + (state >> 8) % levels) as u8; 3];
        }
    }
}

#[test]
fn noise_is_flagged_unless_it_is_meant() {
    assert_eq!(verdict(NOTHING, &SMALL, noise(256)), found("flag", &["noise"]));
    assert_eq!(verdict(Expectation { noise: true, ..NOTHING }, &SMALL, noise(256)), found("pass", &[]));
}

#[test]
fn the_faint_noise_of_an_untrained_checkpoint_passes() {
    // 44 levels in RGB deviate by 11 in luma.
    assert_eq!(verdict(NOTHING, &SMALL, noise(44)), found("pass", &[]));
}

#[test]
fn a_reason_says_what_was_measured() {
    let mut inspector = Inspector::new(&SMALL, NOTHING);
    let picture = Picture::new(&SMALL).unwrap();
    (0..31).for_each(|_| inspector.look(&picture));
    let Verdict::Failed { reasons } = inspector.verdict() else { panic!("{:?}", inspector.verdict()) };
    let details: Vec<_> = reasons.iter().map(|reason| reason.detail.as_str()).collect();
    assert_eq!(details, ["31 of 31 frames are black", "nothing changes in 31 frames from frame 0; 12 are too many"]);
}
