//! What every encoder promises, of each that this machine has.

use festoon_film::{Cancel, Encoder, FilmError, Libx264, X264};

use crate::{
    compose::{CANVAS, Hot, WINDOWS, decoded, everywhere},
    scene::{SMALL, encode_with},
};

fn encoders() -> Vec<Box<dyn Encoder>> {
    vec![Box::new(X264::find().unwrap()), Box::new(Libx264::find().unwrap())]
}

#[test]
fn plates_are_the_same_bytes_each_time_and_name_no_program() {
    for encoder in encoders() {
        let make = || encode_with(encoder.as_ref(), &CANVAS, &WINDOWS).unwrap();
        let plate = make();
        assert_eq!(plate, make(), "{}", encoder.id());
        assert!(!plate.mp4.windows(4).any(|window| window == b"x264"), "{}", encoder.id());
    }
}

#[test]
fn builds_are_told_apart() {
    let builds: Vec<String> = encoders().iter().map(|encoder| encoder.build().to_owned()).collect();
    let [x264, ffmpeg] = builds.as_slice() else { panic!("two encoders") };
    assert!(x264.starts_with("x264 ") && ffmpeg.starts_with("ffmpeg ") && ffmpeg.contains(" libx264 "), "{builds:?}");
    for encoder in encoders() {
        assert_eq!(encoder.id().0, format!("{} plate/2", encoder.build()));
    }
}

#[test]
fn clips_are_composed_of_plates_by_the_same_encoder() {
    for encoder in encoders() {
        encoder.shared_sets(&SMALL, &Cancel::default()).unwrap();
        let hot = Hot::made_by(encoder.as_ref());
        let clip = hot.compose(encoder.as_ref(), 2, &everywhere()).unwrap().concat();
        assert_eq!(decoded(&clip).len(), 48, "{}", encoder.build());
    }
}

#[test]
fn an_overlay_by_another_encoder_is_not_spliced_in() {
    let [x264, ffmpeg] = encoders().try_into().unwrap_or_else(|_| panic!("two encoders"));
    let error = Hot::made_by(x264.as_ref()).compose(ffmpeg.as_ref(), 1, &everywhere()).unwrap_err();
    assert!(matches!(error, FilmError::Sets { .. }), "{error}");
}
