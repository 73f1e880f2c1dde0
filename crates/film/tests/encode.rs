//! Encode, read back, decode.

use festoon_film::{Cancel, Encoder, Ffmpeg, X264, probe};

use crate::scene::{PLATE, SMALL, encode, paint, psnr};

#[test]
fn a_plate_decodes_to_what_was_painted() {
    let plate = encode(&X264::find().unwrap(), &PLATE).unwrap();
    let media = probe(&plate.mp4).unwrap();
    assert_eq!((media.width, media.height, media.frames, media.fps), (1280, 720, 120, 24));
    assert_eq!(media.codec, "avc1.64001f");
    let mut expected = vec![0; 1280 * 720 * 3];
    let mut worst = f64::INFINITY;
    // `decode` fails on any warning.
    Ffmpeg::find()
        .unwrap()
        .decode(&plate.mp4, &Cancel::default(), &mut |index, rgb| {
            paint(&PLATE, index, &mut expected);
            worst = worst.min(psnr(&expected, rgb));
            Ok(())
        })
        .unwrap();
    assert!(worst > 36.0, "the worst frame has {worst:.2} dB");
}

#[test]
fn the_same_frames_make_the_same_bytes() {
    let x264 = X264::find().unwrap();
    assert_eq!(encode(&x264, &SMALL).unwrap().mp4, encode(&x264, &SMALL).unwrap().mp4);
    assert!(x264.id().0.ends_with(" plate/1"), "{}", x264.id());
}
