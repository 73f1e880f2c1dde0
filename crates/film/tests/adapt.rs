//! Frames of one size, number and rate made into those of a canvas.

use festoon_film::Adapter;
use festoon_spec::{Adapted, Canvas, Milli};

fn canvas(width: u32, height: u32, frames: u32, fps: u32) -> Canvas {
    Canvas { width, height, frames, fps }
}

fn bytes(canvas: &Canvas) -> usize {
    (canvas.width * canvas.height * 3) as usize
}

/// Every frame of the canvas.
fn adapt(painted: Canvas, rgb: Vec<u8>, canvas: &Canvas, ping_pong: bool) -> Vec<Vec<u8>> {
    let mut adapter = Adapter::new(&Adapted { painted, ping_pong, corner: None }, canvas, rgb);
    let frame = |index| {
        let mut rgb = vec![0; bytes(canvas)];
        adapter.frame(index, &mut rgb);
        rgb
    };
    (0..canvas.frames).map(frame).collect()
}

/// A striped disc that crosses a shaded ground in two seconds, `seconds` after it set out.
fn disc(canvas: &Canvas, seconds: f32) -> Vec<u8> {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let centre = [width * (0.2 + 0.3 * seconds), height * (0.5 + 0.1 * seconds)];
    let radius = height * 0.22;
    let mut rgb = Vec::with_capacity(bytes(canvas));
    for y in 0..canvas.height {
        for x in 0..canvas.width {
            let (dx, dy) = (x as f32 - centre[0], y as f32 - centre[1]);
            // The edge is a pixel wide.
            let inside = (radius - (dx * dx + dy * dy).sqrt()).clamp(0.0, 1.0);
            let stripe = 20.0 + 180.0 * ((dx * 8.0 / height).rem_euclid(2.0) - 1.0).abs();
            let ground = [40.0 + 60.0 * x as f32 / width, 70.0, 60.0 + 80.0 * y as f32 / height];
            for (ground, own) in ground.into_iter().zip([stripe, 220.0 - stripe, 60.0]) {
                rgb.push((ground + (own - ground) * inside) as u8);
            }
        }
    }
    rgb
}

/// The disc at each frame of a canvas.
fn discs(canvas: &Canvas) -> Vec<Vec<u8>> {
    (0..canvas.frames).map(|index| disc(canvas, index as f32 / canvas.fps as f32)).collect()
}

/// Decibels of peak signal to noise.
fn likeness(one: &[u8], other: &[u8]) -> f64 {
    let squares: u64 = one.iter().zip(other).map(|(one, other)| u64::from(one.abs_diff(*other)).pow(2)).sum();
    10.0 * (255.0 * 255.0 * one.len() as f64 / (squares as f64).max(1e-9)).log10()
}

fn faded(one: &[u8], other: &[u8], share: f32) -> Vec<u8> {
    let mix = |(one, other): (&u8, &u8)| (f32::from(*one) + (f32::from(*other) - f32::from(*one)) * share + 0.5) as u8;
    one.iter().zip(other).map(mix).collect()
}

#[test]
fn painted_frames_of_the_right_size_are_shown_as_they_are() {
    let painted = canvas(96, 64, 5, 8);
    let frames = discs(&painted);
    let shown = adapt(painted, frames.concat(), &canvas(96, 64, 10, 24), false);
    for (shown, painted) in shown.iter().step_by(3).zip(&frames) {
        assert_eq!(shown, painted);
    }
    // As many as are asked for, the rest is cut off.
    assert_eq!(adapt(painted, frames.concat(), &canvas(96, 64, 3, 8), false), frames[..3]);
}

/// The columns of a frame from `left` on.
fn columns(rgb: &[u8], of: &Canvas, left: u32, width: u32) -> Vec<u8> {
    let row = |row: &[u8]| row[left as usize * 3..(left + width) as usize * 3].to_vec();
    rgb.chunks_exact(of.width as usize * 3).flat_map(row).collect()
}

#[test]
fn the_part_is_seen_that_begins_at_the_corner_and_none_beyond_the_picture() {
    let (painted, square) = (canvas(160, 96, 2, 8), canvas(96, 96, 2, 8));
    let frames = discs(&painted);
    for (corner, left) in
        [(None, 32), (Some([0, 0]), 0), (Some([40_000, 9_000]), 40), (Some([400_000, 0]), 64), (Some([-1, 0]), 0)]
    {
        let corner = corner.map(|corner: [i64; 2]| corner.map(Milli));
        let mut adapter = Adapter::new(&Adapted { painted, ping_pong: false, corner }, &square, frames.concat());
        let mut shown = vec![0; bytes(&square)];
        for (index, frame) in (0..).zip(&frames) {
            adapter.frame(index, &mut shown);
            assert_eq!(shown, columns(frame, &painted, left, 96), "{corner:?}");
        }
    }
}

#[test]
fn what_moves_is_shown_where_it_is_in_between() {
    let (painted, shown) = (canvas(160, 96, 9, 8), canvas(160, 96, 25, 24));
    let frames = discs(&painted);
    let truth = discs(&shown);
    for (index, shown) in adapt(painted, frames.concat(), &shown, false).iter().enumerate().filter(|(index, _)| index % 3 != 0) {
        let (before, part) = (index / 3, index % 3);
        let faded = faded(&frames[before], &frames[before + 1], part as f32 / 3.0);
        let (moved, faded) = (likeness(shown, &truth[index]), likeness(&faded, &truth[index]));
        assert!(moved > 32.0 && moved > faded + 7.0, "frame {index}: {moved:.1} dB, cross-faded {faded:.1} dB");
    }
}

#[test]
fn two_frames_that_have_nothing_in_common_are_faded() {
    let painted = canvas(96, 64, 2, 8);
    let first = disc(&painted, 0.0);
    let second: Vec<u8> = (0..first.len()).map(|index| ((index * 7919 + index / 288 * 104_729) % 251) as u8).collect();
    let shown = adapt(painted, [first.clone(), second.clone()].concat(), &canvas(96, 64, 3, 16), false);
    let faded = faded(&first, &second, 0.5);
    let apart: u32 = shown[1].iter().zip(&faded).map(|(one, other)| u32::from(one.abs_diff(*other))).sum();
    let mean = f64::from(apart) / faded.len() as f64;
    assert!(mean < 12.0, "{mean:.1} levels from a cross-fade on average");
}

#[test]
fn the_picture_is_cropped_around_its_middle() {
    // Red above and below, blue to the left and right, green in the middle.
    let painted = canvas(160, 96, 1, 8);
    let paint = |inside: &dyn Fn(u32, u32) -> bool, edge: [u8; 3]| -> Vec<u8> {
        let place = (0..96).flat_map(|y| (0..160).map(move |x| (x, y)));
        place.flat_map(|(x, y)| if inside(x, y) { [0, 200, 0] } else { edge }).collect()
    };
    for (rgb, canvas) in [
        // 16:9 shows 90 of 96 rows; what lies a row beyond them is seen a little, as is its contrast.
        (paint(&|_, y| (1..95).contains(&y), [200, 0, 0]), canvas(1280, 720, 1, 8)),
        // A square shows 96 of 160 columns.
        (paint(&|x, _| (30..130).contains(&x), [0, 0, 200]), canvas(64, 64, 1, 8)),
    ] {
        let shown = adapt(painted, rgb, &canvas, false);
        for pixel in shown[0].chunks_exact(3) {
            assert!(pixel[0] < 8 && pixel[1].abs_diff(200) < 8 && pixel[2] < 8, "{pixel:?} on {canvas:?}");
        }
    }
}

#[test]
fn enlarging_keeps_the_picture_and_adds_nothing_but_fine_grain() {
    let (painted, large) = (canvas(160, 96, 1, 8), canvas(640, 384, 1, 8));
    let shown = adapt(painted, disc(&painted, 0.5), &large, false);
    let likeness = likeness(&shown[0], &disc(&large, 0.5));
    assert!(likeness > 26.0, "{likeness:.1} dB");
    let plain = adapt(painted, [90, 120, 150].repeat(160 * 96), &large, false);
    let (mut sum, mut most) = (0.0, 0);
    for pixel in plain[0].chunks_exact(3) {
        for (level, wanted) in pixel.iter().zip([90, 120, 150]) {
            sum += f64::from(*level) - f64::from(wanted);
            most = most.max(level.abs_diff(wanted));
        }
    }
    assert!((sum / plain[0].len() as f64).abs() < 0.05 && (1..=3).contains(&most), "mean {sum}, most {most}");
}

#[test]
fn what_a_model_paints_at_its_border_is_not_enlarged() {
    let (painted, large) = (canvas(160, 96, 1, 8), canvas(1280, 768, 1, 8));
    let is_border = |place: usize| !(1..159).contains(&(place % 160)) || !(1..95).contains(&(place / 160));
    let rgb: Vec<u8> = (0..160 * 96).flat_map(|place| if is_border(place) { [0, 120, 120] } else { [90, 90, 90] }).collect();
    let shown = adapt(painted, rgb.clone(), &large, false);
    let most = shown[0].iter().map(|level| level.abs_diff(90)).max().unwrap();
    assert!(most <= 3, "{most} levels from the picture");
    assert_eq!(adapt(painted, rgb.clone(), &painted, false)[0], rgb, "what is not enlarged is left as it is");
}

#[test]
fn shrinking_takes_the_mean_and_no_grain() {
    let painted = canvas(320, 192, 1, 8);
    let places = (0..192).flat_map(|y| (0..320).map(move |x| (x + y) % 2 == 1));
    let checks = places.flat_map(|odd| [if odd { 200 } else { 0 }; 3]).collect();
    let shown = adapt(painted, checks, &canvas(80, 48, 1, 8), false);
    assert!(shown[0].iter().all(|level| level.abs_diff(100) <= 2), "{:?}", &shown[0][..12]);
}

#[test]
fn frames_may_be_asked_for_in_any_order() {
    let (painted, shown) = (canvas(64, 48, 3, 8), canvas(96, 72, 7, 24));
    let frames = discs(&painted).concat();
    let in_order = adapt(painted, frames.clone(), &shown, false);
    let mut adapter = Adapter::new(&Adapted { painted, ping_pong: false, corner: None }, &shown, frames);
    for index in [5, 1, 6, 0, 1] {
        let mut rgb = vec![0; bytes(&shown)];
        adapter.frame(index, &mut rgb);
        assert_eq!(rgb, in_order[index as usize], "frame {index}");
    }
}

#[test]
fn forth_and_back_is_the_same_way() {
    let (painted, shown) = (canvas(64, 48, 3, 8), canvas(64, 48, 14, 24));
    let frames = adapt(painted, discs(&painted).concat(), &shown, true);
    for index in 0..6 {
        assert_eq!(frames[6 + index], frames[6 - index], "{index} after the turn");
    }
    assert_eq!(frames[12], frames[0], "and forth again");
    assert_eq!(frames[13], frames[1]);
}

/// What is published as `adapt/2`: a change that moves these takes the next number in `Painter::wan_adapted`.
#[test]
fn the_bits_are_published() {
    let (painted, shown) = (canvas(64, 48, 3, 8), canvas(160, 90, 4, 24));
    let frames = adapt(painted, discs(&painted).concat(), &shown, false);
    // FNV-1a.
    let hash = |rgb: &Vec<u8>| {
        rgb.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    };
    assert_eq!(
        frames.iter().map(hash).collect::<Vec<_>>(),
        [1_852_681_167_403_722_343, 10_992_406_244_013_421_625, 4_104_883_329_642_589_310, 6_931_041_800_859_114_702]
    );
}
