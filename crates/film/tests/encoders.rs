//! What every encoder promises, of each that this machine has.

use festoon_film::{Cancel, Decoder, Encoder, FilmError, OpenH264, Picture, Recipe, X264, mux};
use festoon_spec::Canvas;

use crate::{
    compose::{CANVAS, Hot, WINDOWS, decoded, differ, everywhere},
    scene::{PLATE, SMALL, encode_with, paint, psnr},
};

fn encoders() -> [Box<dyn Encoder>; 3] {
    [Box::new(X264::find().unwrap()), Box::new(X264::find_in_ffmpeg().unwrap()), Box::new(OpenH264::here())]
}

#[test]
fn plates_are_the_same_bytes_each_time_and_name_no_program() {
    for encoder in encoders() {
        let make = || encode_with(encoder.as_ref(), &CANVAS, &WINDOWS).unwrap();
        let plate = make();
        assert_eq!(plate, make(), "{}", encoder.id());
        assert!(!plate.mp4.windows(4).any(|window| matches!(window, b"x264" | b"h264")), "{}", encoder.id());
    }
}

#[test]
fn builds_are_told_apart() {
    let encoders = encoders();
    let [x264, ffmpeg, openh264] = encoders.each_ref().map(|encoder| encoder.build());
    assert!(x264.starts_with("x264 ") && openh264.starts_with("openh264 "), "{x264}, {openh264}");
    assert!(ffmpeg.starts_with("ffmpeg ") && ffmpeg.contains(" libx264 "), "{ffmpeg}");
    for (encoder, recipe) in encoders.iter().zip(["plate/3", "plate/3", "plate/1"]) {
        assert_eq!(encoder.id().0, format!("{} {recipe}", encoder.build()));
    }
}

#[test]
fn clips_are_composed_of_plates_by_the_same_encoder() {
    for encoder in encoders() {
        encoder.shared_sets(&SMALL, &Cancel::default()).unwrap();
        let hot = Hot::made_by(encoder.as_ref());
        let clip = hot.compose(encoder.as_ref(), 2, &everywhere()).unwrap().concat();
        let drawn: Vec<u32> = WINDOWS.iter().flat_map(|window| window.start..window.end).collect();
        assert_eq!(differ(&decoded(&hot.plate.mp4), &decoded(&clip)), drawn, "{}", encoder.build());
    }
}

#[test]
fn an_overlay_by_another_encoder_is_not_spliced_in() {
    let encoders = encoders();
    for (one, other) in [(0, 1), (1, 2), (2, 0)] {
        let hot = Hot::made_by(encoders[one].as_ref());
        let error = hot.compose(encoders[other].as_ref(), 1, &everywhere()).unwrap_err();
        assert!(matches!(error, FilmError::Sets { .. }), "{error}");
    }
}

#[test]
fn openh264_keeps_every_size_rate_and_length_that_it_takes() {
    let openh264 = OpenH264::here();
    for (width, height, frames, fps) in
        [(16, 16, 1, 24), (98, 70, 25, 24), (720, 1280, 3, 30), (1920, 1080, 2, 60), (64, 48, 5, 1)]
    {
        let canvas = Canvas { width, height, frames, fps };
        openh264.check(&canvas).unwrap();
        let sets = openh264.shared_sets(&canvas, &Cancel::default()).unwrap();
        for recipe in [Recipe::Plate, Recipe::Overlay] {
            let stream = openh264.encode(recipe, &canvas, &mut |_, _| Ok(()), &Cancel::default()).unwrap();
            assert_eq!((stream.sets, stream.samples.len()), (sets.clone(), frames as usize), "{recipe:?}, {canvas:?}");
            let keys: Vec<_> = stream.samples.iter().map(|sample| sample.key).collect();
            assert_eq!(keys, (0..frames).map(|frame| frame % fps.max(2) == 0).collect::<Vec<_>>(), "{recipe:?}, {canvas:?}");
        }
    }
    for (width, height) in [(2, 64), (64, 14), (4096, 64), (2400, 2400)] {
        let error = openh264.check(&Canvas { width, height, frames: 1, fps: 24 }).unwrap_err();
        assert!(matches!(error, FilmError::Canvas { .. }), "{error}");
    }
}

#[test]
fn without_a_program_what_openh264_encoded_is_decoded_as_ffmpeg_decodes_it() {
    let (built_in, ffmpeg) = (Decoder::built_in(), Decoder::find().unwrap());
    let cancel = Cancel::default();
    let hot = Hot::made_by(&OpenH264::here());
    let (plate, clip) = (&hot.plate, hot.compose(&OpenH264::here(), 2, &everywhere()).unwrap().concat());
    for file in plate.mezzanines.iter().map(|held| &held.bytes).chain([&plate.mp4, &clip]) {
        assert_eq!(built_in.pictures(file, &cancel).unwrap(), ffmpeg.pictures(file, &cancel).unwrap());
    }
    let mut worst = f64::INFINITY;
    let mut expected = vec![0; (CANVAS.width * CANVAS.height * 3) as usize];
    built_in
        .decode(&plate.mp4, &cancel, &mut |index, rgb| {
            paint(&CANVAS, index, &mut expected);
            worst = worst.min(psnr(&expected, rgb));
            Ok(())
        })
        .unwrap();
    assert!(worst > 30.0, "the worst frame has {worst:.2} dB");
}

#[test]
fn noise_that_openh264_has_no_room_for_is_quantised_more() {
    let openh264 = OpenH264::here();
    let canvas = Canvas { width: 320, height: 180, frames: 4, fps: 24 };
    let encode = |recipe| {
        let mut noise = 1_u32;
        let mut frames = |_: u32, picture: &mut Picture| {
            let planes: Vec<u8> = (0..picture.bytes().len())
                .map(|_| {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (noise >> 24) as u8
                })
                .collect();
            picture.set_planes(&planes);
            Ok(())
        };
        openh264.encode(recipe, &canvas, &mut frames, &Cancel::default()).unwrap()
    };
    for recipe in [Recipe::Mezzanine, Recipe::Plate] {
        let stream = encode(recipe);
        assert_eq!(stream, encode(recipe), "the same bytes each time");
        let file = mux(&stream, &canvas).unwrap();
        assert_eq!(decoded(&file).len(), 4, "without a warning");
        assert_eq!(Decoder::built_in().pictures(&file, &Cancel::default()).unwrap().len(), 4);
    }
    assert_eq!(encode(Recipe::Plate).sets, openh264.shared_sets(&canvas, &Cancel::default()).unwrap());
}

#[test]
fn openh264_decodes_neither_damage_nor_what_others_encoded() {
    let (built_in, cancel) = (Decoder::built_in(), Cancel::default());
    let x264 = encode_with(&X264::find().unwrap(), &SMALL, &[]).unwrap();
    let error = built_in.pictures(&x264.mp4, &cancel).unwrap_err().to_string();
    assert!(error.contains("avc1.64") && error.contains("install ffmpeg"), "{error}");
    let mut damaged = encode_with(&OpenH264::here(), &SMALL, &[]).unwrap().mp4;
    let end = damaged.len();
    damaged[end - 2000..].fill(0x55);
    let error = built_in.pictures(&damaged, &cancel).unwrap_err();
    assert!(matches!(error, FilmError::Frames { .. } | FilmError::OpenH264 { .. }), "{error}");
    cancel.cancel();
    assert!(matches!(OpenH264::here().encode(Recipe::Plate, &PLATE, &mut |_, _| Ok(()), &cancel), Err(FilmError::Cancelled)));
}
