//! Encode, read back, decode.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use festoon_film::{
    BoxError, Cancel, Encoder, Expectation, Ffmpeg, FilmError, Picture, Recipe, X264, encode_plate, jail::JailError, probe,
};
use festoon_spec::{Canvas, Verdict};

use crate::scene::{PLATE, SMALL, encode, paint, psnr};

#[test]
fn a_plate_decodes_to_what_was_painted() {
    let plate = encode(&X264::find().unwrap(), &PLATE).unwrap();
    assert_eq!(plate.verdict, Verdict::Passed);
    let media = &plate.media;
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

    let described = describe(&plate.mp4);
    for line in [
        "streams.stream.0.codec_name=\"h264\"",
        "streams.stream.0.profile=\"High\"",
        "streams.stream.0.pix_fmt=\"yuv420p\"",
        "streams.stream.0.color_range=\"tv\"",
        "streams.stream.0.color_space=\"bt709\"",
        "streams.stream.0.color_transfer=\"bt709\"",
        "streams.stream.0.color_primaries=\"bt709\"",
        "streams.stream.0.chroma_location=\"left\"",
        "streams.stream.0.sample_aspect_ratio=\"1:1\"",
        "streams.stream.0.avg_frame_rate=\"24/1\"",
        "streams.stream.0.r_frame_rate=\"24/1\"",
        "streams.stream.0.start_time=\"0.000000\"",
        "streams.stream.0.duration=\"5.000000\"",
        "streams.stream.0.nb_frames=\"120\"",
        "format.start_time=\"0.000000\"",
        "format.duration=\"5.000000\"",
    ] {
        assert!(described.lines().any(|found| found == line), "no `{line}` in\n{described}");
    }
    assert!(!described.contains("encoder"), "no program names itself in the file");
    assert!(!plate.mp4.windows(4).any(|window| window == b"x264"));

    // Shown every 512 ticks from 0, a key each second.
    let packets: Vec<_> = described.split("packets.packet.").filter(|line| line.contains(".pts=")).collect();
    let mut times: Vec<i64> = packets.iter().map(|line| value(line).parse().unwrap()).collect();
    times.sort_unstable();
    assert_eq!(times, (0..120).map(|frame| frame * 512).collect::<Vec<_>>());
    let keys = described.split("packets.packet.").filter(|line| line.contains(".flags=\"K"));
    assert_eq!(keys.map(|line| line.split('.').next().unwrap()).collect::<Vec<_>>(), ["0", "24", "48", "72", "96"]);
}

/// What ffprobe says of a file, without a warning.
fn describe(file: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plate.mp4");
    fs::write(&path, file).unwrap();
    let output = Command::new("ffprobe")
        .args(["-v", "warning", "-show_streams", "-show_format", "-show_packets", "-of", "flat"])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

fn value(line: &str) -> &str {
    line.trim().rsplit('=').next().unwrap()
}

#[test]
fn the_same_frames_make_the_same_bytes() {
    let x264 = X264::find().unwrap();
    assert_eq!(encode(&x264, &SMALL).unwrap().mp4, encode(&x264, &SMALL).unwrap().mp4);
    assert!(x264.id().0.ends_with(" plate/3"), "{}", x264.id());
}

#[test]
fn parameter_sets_do_not_depend_on_what_is_in_the_picture() {
    let x264 = X264::find().unwrap();
    let stream = |seed: u8| {
        let mut frames = |index: u32, picture: &mut Picture| {
            let rgb: Vec<u8> = (0..picture.rgb_len()).map(|place| (place as u8).wrapping_mul(seed) ^ index as u8).collect();
            picture.set_rgb(&rgb);
            Ok(())
        };
        x264.encode(Recipe::Plate, &SMALL, &mut frames, &Cancel::default()).unwrap()
    };
    let (still, wild) = (stream(0), stream(37));
    assert_eq!(still.sets, wild.sets);
    assert_ne!(still.samples, wild.samples);
}

#[test]
fn plates_and_overlays_of_any_size_rate_and_length_have_the_same_parameter_sets() {
    let x264 = X264::find().unwrap();
    let sets = |canvas| x264.shared_sets(&canvas, &Cancel::default()).unwrap();
    // Every level that the templates' sizes need, an odd number of blocks, the slowest and a fast rate.
    for (width, height, fps) in [(1280, 720, 24), (720, 1280, 30), (1920, 1080, 60), (98, 70, 1)] {
        sets(Canvas { width, height, frames: 1, fps });
    }
    // One frame, as many as the encoder reorders, more than it looks ahead.
    for frames in [1, 2, 3, 4, 25, 60] {
        let canvas = Canvas { frames, ..SMALL };
        for recipe in [Recipe::Plate, Recipe::Overlay] {
            let stream = x264.encode(recipe, &canvas, &mut |_, _| Ok(()), &Cancel::default()).unwrap();
            assert_eq!(stream.sets, sets(SMALL), "{recipe:?}, {frames} frames");
            assert!(stream.delay() <= 2, "{recipe:?}, {frames} frames");
        }
    }
}

#[test]
fn every_length_and_rate_is_kept() {
    let x264 = X264::find().unwrap();
    let ffmpeg = Ffmpeg::find().unwrap();
    // One frame; shorter than the encoder looks ahead for B frames; one frame into the second group; the smallest size; a
    // rate at which a group would be one frame.
    for (width, height, frames, fps) in [(64, 48, 1, 24), (64, 48, 2, 24), (64, 48, 25, 24), (2, 2, 3, 16), (16, 16, 5, 1)] {
        let canvas = Canvas { width, height, frames, fps };
        let plate = encode(&x264, &canvas).unwrap();
        let media = ffmpeg.decode(&plate.mp4, &Cancel::default(), &mut |_, _| Ok(())).unwrap();
        assert_eq!((media.width, media.height, media.frames, media.fps), (width, height, frames, fps));
    }
}

#[test]
fn a_painters_error_comes_back_with_its_frame() {
    let mut painter = |index: u32, _: &mut [u8]| if index == 3 { Err(BoxError::from("out of paint")) } else { Ok(()) };
    let x264 = X264::find().unwrap();
    let error = encode_plate(&x264, &SMALL, &[], Expectation::default(), &mut painter, &Cancel::default()).unwrap_err();
    assert!(matches!(&error, FilmError::Frame { index: 3, source } if source.to_string() == "out of paint"), "{error}");
}

#[test]
fn a_cancelled_encode_asks_for_no_more_frames() {
    let cancel = Cancel::default();
    let mut painted = 0;
    let mut painter = |index: u32, _: &mut [u8]| {
        painted += 1;
        if index == 3 {
            cancel.cancel();
        }
        Ok(())
    };
    let x264 = X264::find().unwrap();
    let error = encode_plate(&x264, &SMALL, &[], Expectation::default(), &mut painter, &cancel).unwrap_err();
    assert!(matches!(error, FilmError::Cancelled), "{error}");
    assert_eq!(painted, 4);
}

#[test]
fn a_canvas_beyond_h264_is_refused_before_a_frame_is_painted() {
    let canvas = Canvas { width: 8192, height: 8192, frames: 1, fps: 240 };
    let mut painter = |_: u32, _: &mut [u8]| -> Result<(), BoxError> { panic!("no frame is wanted") };
    let x264 = X264::find().unwrap();
    let error = encode_plate(&x264, &canvas, &[], Expectation::default(), &mut painter, &Cancel::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot make a video of 8192x8192 pixels, 1 frames, 240 frames per second: no level of H.264 holds that many pixels \
         per second"
    );
}

/// An encoder of this script, which is called like x264 and says that it is one.
fn impostor(script: &str) -> (tempfile::TempDir, X264) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x264");
    let says = "[ \"$1\" = --version ] && { echo x264 0.0.1 false; exit; }";
    fs::write(&path, format!("#!/bin/bash\n{says}\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let x264 = X264::at(path).unwrap();
    assert_eq!(x264.id().0, "x264 0.0.1 plate/3");
    (folder, x264)
}

#[test]
fn an_encoder_that_fails_is_quoted() {
    let (_folder, x264) = impostor("echo no such preset >&2; exit 7");
    let error = encode(&x264, &SMALL).unwrap_err();
    assert!(matches!(error, FilmError::Jail(JailError::Failed { .. })), "{error}");
    assert!(error.to_string().ends_with("failed (exit status: 7): no such preset"), "{error}");
}

#[test]
fn an_encoder_that_makes_something_else_is_not_believed() {
    let (_folder, x264) = impostor("printf 'not a stream'");
    assert_eq!(
        encode(&x264, &SMALL).unwrap_err().to_string(),
        "the encoder made a stream that festoon does not take: 31 pictures went in, 0 came out"
    );
    // The stream of another size.
    let (_folder, x264) = impostor(r"printf '\0\0\0\1\x67\x64\0\x1f\xac\xd9\x40\x50\x05\xbb\x01\x6a\x02\x02\x02\x80'");
    assert_eq!(
        encode(&x264, &SMALL).unwrap_err().to_string(),
        "the encoder made a stream that festoon does not take: the pictures are 1280 x 720"
    );
}

#[test]
fn a_program_that_is_no_x264_is_refused() {
    let error = X264::at("/bin/cat".into()).unwrap_err();
    assert!(matches!(error, FilmError::Version { .. }), "{error}");
}

#[test]
fn a_file_with_a_damaged_picture_does_not_pass_the_decoder() {
    let mut mp4 = encode(&X264::find().unwrap(), &SMALL).unwrap().mp4;
    probe(&mp4).unwrap();
    let end = mp4.len();
    mp4[end - 2000..].fill(0x55);
    let error = Ffmpeg::find().unwrap().decode(&mp4, &Cancel::default(), &mut |_, _| Ok(())).unwrap_err();
    assert!(matches!(error, FilmError::Frames { .. } | FilmError::Jail(JailError::Failed { .. })), "{error}");
}
