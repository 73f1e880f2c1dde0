//! Other forms of a clip, read by other programs than wrote them.

use std::{fs, io::Cursor, path::Path, process::Command, sync::LazyLock};

use festoon_film::{
    Addressed, Cancel, Derived, Deriver, Ffmpeg, Picture, Rendition, SmallPlate, Storyboard, Variant, X264, master_playlist,
    media_playlist, probe, probe_fragments, probe_init, progressive, small_canvas,
};
use festoon_spec::{Canvas, FrameRange, Media, Still};
use image::{AnimationDecoder, ImageFormat};

use crate::{
    compose::{CANVAS, CUTS, Hot, WINDOWS, decoded, everywhere},
    scene::{encode_with, psnr},
};

static DERIVER: LazyLock<Deriver> = LazyLock::new(|| Deriver::find().unwrap());

/// A clip with a bar on it, and its plate, both as fragmented files.
struct Filmed {
    hot: Hot,
    plate: Vec<u8>,
    clip: Vec<u8>,
}

static FILMED: LazyLock<Filmed> = LazyLock::new(|| {
    let hot = Hot::make();
    let clip = hot.compose(&X264::find().unwrap(), 2, &everywhere()).unwrap().concat();
    let plate = fragmented(&hot.plate);
    Filmed { hot, plate, clip }
});

fn fragmented(plate: &festoon_film::Plate) -> Vec<u8> {
    let segments = plate.segments.iter().flat_map(|held| held.bytes.iter());
    plate.init.iter().chain(segments).copied().collect()
}

fn pictures(file: &[u8]) -> Vec<Picture> {
    Ffmpeg::find().unwrap().pictures(file, &Cancel::default()).unwrap()
}

/// What a program says, having nothing to complain of.
fn said(program: &str, folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).current_dir(folder).args(arguments).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{program} {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A folder with this file in it.
fn lay(name: &str, bytes: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    folder
}

/// RGB of a picture that ffmpeg reads.
fn rgb(name: &str, bytes: &[u8]) -> Vec<u8> {
    let folder = lay(name, bytes);
    let arguments = ["-v", "error", "-i", name, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];
    let output = Command::new("ffmpeg").current_dir(folder.path()).args(arguments).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    output.stdout
}

#[test]
fn a_download_is_the_same_samples_behind_their_index() {
    let Filmed { hot, plate, clip } = &*FILMED;
    assert_eq!(progressive(plate).unwrap(), hot.plate.mp4, "a plate's segments are the whole file");
    let download = progressive(clip).unwrap();
    assert_eq!(probe(&download).unwrap(), hot.plate.media);
    let at = |kind: &[u8]| download.windows(4).position(|window| window == kind).unwrap();
    assert!(at(b"moov") < at(b"mdat"));
    assert_eq!(decoded(&download), decoded(clip));
    // Samples as they are in the file, without decoding.
    let samples = |bytes: &[u8]| {
        let folder = lay("clip.mp4", bytes);
        let arguments = ["-v", "warning", "-i", "clip.mp4", "-c", "copy", "-f", "framemd5", "-"];
        said("ffmpeg", folder.path(), &arguments)
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(samples(&download), samples(clip));
}

#[test]
fn a_file_that_is_cut_off_or_mixed_up_has_no_download() {
    let clip = &FILMED.clip;
    let parts = probe_fragments(clip).unwrap();
    let cuts: Vec<_> = parts.fragments.iter().map(|(frames, _)| (frames.start, frames.end)).collect();
    assert_eq!(cuts, CUTS);
    for length in (0..clip.len()).step_by(97).chain(parts.fragments.iter().map(|(_, place)| place.start)) {
        assert!(progressive(&clip[..length]).is_err(), "cut to {length}");
    }
    let [(_, first), (_, second), ..] = parts.fragments.as_slice() else { panic!("two at least") };
    let mixed = [&clip[parts.init], &clip[second.clone()], &clip[first.clone()]].concat();
    assert!(progressive(&mixed).is_err());
}

#[test]
fn a_poster_looks_like_its_picture_in_every_format() {
    let picture = &pictures(&FILMED.hot.plate.mp4)[20];
    for (still, name, format) in [
        (Still::Jpeg, "poster.jpg", Some(ImageFormat::Jpeg)),
        (Still::Webp, "poster.webp", Some(ImageFormat::WebP)),
        (Still::Avif, "poster.avif", None),
    ] {
        let poster = DERIVER.still(picture, still, &Cancel::default()).unwrap().bytes;
        assert_eq!(poster, DERIVER.still(picture, still, &Cancel::default()).unwrap().bytes, "{name} is the same each time");
        let shown = match format {
            Some(format) => {
                let image = image::load_from_memory_with_format(&poster, format).unwrap().to_rgb8();
                assert_eq!(image.dimensions(), (CANVAS.width, CANVAS.height));
                image.into_raw()
            }
            None => rgb(name, &poster),
        };
        let psnr = psnr(&picture.rgb(), &shown);
        assert!(psnr > 30.0, "{name} has {psnr:.1} dB");
    }
}

#[test]
fn a_poster_may_have_more_bytes_than_the_program_buffers_before_a_pipe() {
    let mut picture = Picture::new(&Canvas { width: 640, height: 480, frames: 1, fps: 24 }).unwrap();
    let mut noise = 1_u32;
    let planes: Vec<u8> = (0..picture.bytes().len())
        .map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        })
        .collect();
    picture.set_planes(&planes);
    for still in [Still::Jpeg, Still::Webp, Still::Avif] {
        let poster = DERIVER.still(&picture, still, &Cancel::default()).unwrap().bytes;
        assert!(poster.len() > 100_000, "{still:?} has {} bytes", poster.len());
    }
}

#[test]
fn one_frame_of_a_segment_is_found_without_the_others() {
    let Filmed { hot, .. } = &*FILMED;
    let held = &hot.plate.segments[2];
    let part = Media { frames: held.frames.count(), ..hot.plate.media.clone() };
    let file = [hot.plate.init.clone(), held.bytes.clone()].concat();
    let all = pictures(&hot.plate.mp4);
    for place in [0, 4, held.frames.count() - 1] {
        let picture = DERIVER.picture(&file, &part, place, &Cancel::default()).unwrap();
        assert_eq!(picture, all[(held.frames.start + place) as usize], "{place}");
    }
    let error = DERIVER.picture(&file, &part, held.frames.count(), &Cancel::default()).unwrap_err();
    assert!(error.to_string().starts_with("the file says 1 frames, 0 were decoded"), "{error}");
}

#[test]
fn an_avif_poster_is_one_picture_of_av1() {
    let picture = &pictures(&FILMED.hot.plate.mp4)[0];
    let poster = DERIVER.still(picture, Still::Avif, &Cancel::default()).unwrap().bytes;
    assert_eq!(&poster[4..12], b"ftypavif");
    let folder = lay("poster.avif", &poster);
    let entries =
        ["-v", "warning", "-count_frames", "-show_entries", "stream=codec_name,width,height,nb_read_frames,color_space", "-of"];
    let shown = said("ffprobe", folder.path(), &[&entries[..], &["csv=p=0", "poster.avif"]].concat());
    assert_eq!(shown.trim(), "av1,160,96,bt709,1");
}

#[test]
fn a_video_for_the_web_is_av1_with_every_picture_at_its_time() {
    let Filmed { clip, .. } = &*FILMED;
    let Derived { bytes: webm, media } = DERIVER.webm(clip, &CANVAS, None, &Cancel::default()).unwrap();
    assert_eq!((media.frames, media.fps, &media.codec[..7]), (48, 12, "av01.0."));
    assert_eq!(webm, DERIVER.webm(clip, &CANVAS, None, &Cancel::default()).unwrap().bytes);
    let folder = lay("clip.webm", &webm);
    let show = |entries: &str| {
        said("ffprobe", folder.path(), &["-v", "warning", "-show_entries", entries, "-of", "csv=p=0", "clip.webm"])
    };
    assert_eq!(show("stream=codec_name,width,height,r_frame_rate"), "av1,160,96,12/1\n");
    assert_eq!(show("format=format_name,duration"), "\"matroska,webm\",4.000000\n");
    let times: Vec<f64> = show("packet=pts_time").lines().map(|line| line.trim_end_matches(',').parse().unwrap()).collect();
    let wanted: Vec<f64> = (0..48).map(|frame| (f64::from(frame) * 1000.0 / 12.0).round() / 1000.0).collect();
    assert_eq!(times, wanted);
    // It seeks by its table to the key in front of what is wanted.
    let arguments =
        ["-v", "warning", "-ss", "2.5", "-i", "clip.webm", "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"];
    let shown = Command::new("ffmpeg").current_dir(folder.path()).args(arguments).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&shown.stderr), "");
    let wanted = &pictures(&progressive(clip).unwrap())[30];
    let psnr = psnr(wanted.bytes(), &shown.stdout);
    assert!(psnr > 28.0, "frame 30 has {psnr:.1} dB");
}

#[test]
fn a_preview_moves_and_begins_anew() {
    let Derived { bytes: preview, media } = DERIVER.preview(&FILMED.clip, &CANVAS, &Cancel::default()).unwrap();
    assert_eq!(preview, DERIVER.preview(&FILMED.clip, &CANVAS, &Cancel::default()).unwrap().bytes);
    assert_eq!((media.frames, media.fps), (48, 12));
    let decoder = image::codecs::webp::WebPDecoder::new(Cursor::new(&preview)).unwrap();
    assert!(decoder.has_animation());
    let frames = decoder.into_frames().collect_frames().unwrap();
    assert_eq!(frames.len(), 48);
    assert_eq!(frames[0].buffer().dimensions(), (160, 96));
    assert_ne!(frames[0].buffer(), frames[24].buffer());
    let anim = preview.windows(4).position(|window| window == b"ANIM").unwrap();
    assert_eq!(preview[anim + 12..anim + 14], [0, 0], "it loops for ever");
}

#[test]
fn each_tile_of_a_storyboard_is_what_the_clip_shows_then() {
    let Filmed { hot, clip, .. } = &*FILMED;
    let sheet = DERIVER.storyboard(clip, &hot.plate.media, &Cancel::default()).unwrap().bytes;
    let sheet = image::load_from_memory_with_format(&sheet, ImageFormat::Jpeg).unwrap().to_rgb8();
    let board = Storyboard::of(&CANVAS);
    assert_eq!((sheet.dimensions(), board.size()), ((800, 192), (800, 192)));
    let track = board.track("sheet.jpg?a=1&b=2");
    assert!(track.starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:00.500\nsheet.jpg?a=1&b=2#xywh=0,0,160,96\n\n"), "{track}");
    let shown = pictures(&progressive(clip).unwrap());
    let mut tiles = 0;
    for cue in track.split("\n\n").skip(1) {
        let (time, place) = cue.trim().split_once('\n').unwrap();
        let seconds: f64 = time[6..12].parse().unwrap();
        let place: Vec<u32> = place.split_once("#xywh=").unwrap().1.split(',').map(|number| number.parse().unwrap()).collect();
        let tile = image::imageops::crop_imm(&sheet, place[0], place[1], place[2], place[3]).to_image();
        let psnr = psnr(&shown[(seconds * 12.0).round() as usize].rgb(), tile.as_raw());
        assert!(psnr > 28.0, "the tile at {seconds} s has {psnr:.1} dB");
        tiles += 1;
    }
    assert_eq!(tiles, 8);
    assert!(track.trim_end().ends_with("00:00:03.500 --> 00:00:04.000\nsheet.jpg?a=1&b=2#xywh=320,96,160,96"), "{track}");
}

#[test]
fn a_storyboard_of_an_hour_is_one_sheet() {
    let hour = Canvas { width: 720, height: 1280, frames: 3600 * 24, fps: 24 };
    let board = Storyboard::of(&hour);
    assert_eq!(board.size(), (5 * 90, 20 * 160));
    assert_eq!(board.track("x").matches(" --> ").count(), 100);
    let moment = Storyboard::of(&Canvas { frames: 1, ..hour });
    assert_eq!(moment.size(), (90, 160));
    assert_eq!(moment.track("x"), "WEBVTT\n\n00:00:00.000 --> 00:00:00.042\nx#xywh=0,0,90,160\n");
}

/// Larger than the small form, in the ratio of a phone held upright.
const TALL: Canvas = Canvas { width: 512, height: 640, frames: 24, fps: 12 };

#[test]
fn the_small_form_has_the_cuts_of_the_clip_and_the_fragments_of_the_plate() {
    let window = FrameRange { start: 6, end: 14 };
    let x264 = X264::find().unwrap();
    let plate = encode_with(&x264, &TALL, &[window]).unwrap();
    // Another picture between the cuts, from another plate.
    let other = encode_with(&x264, &TALL, &[window, FrameRange { start: 20, end: 24 }]).unwrap();
    let full = fragmented(&plate);
    let small = DERIVER.small(&x264, &full, None, &Cancel::default()).unwrap().bytes;
    assert_eq!(small, DERIVER.small(&x264, &full, None, &Cancel::default()).unwrap().bytes);
    let (large_parts, small_parts) = (probe_fragments(&full).unwrap(), probe_fragments(&small).unwrap());
    let cuts = |parts: &festoon_film::Fragments| parts.fragments.iter().map(|(frames, _)| *frames).collect::<Vec<_>>();
    assert_eq!(cuts(&small_parts), cuts(&large_parts));
    let media = probe_init(&small[small_parts.init.clone()]).unwrap().media;
    assert_eq!((media.width, media.height, media.frames, media.fps), (480, 600, 24, 12));
    let frames = decoded(&small);
    assert_eq!(frames.len(), 24);

    // A clip whose second segment is not the plate's.
    let mut clip = full[large_parts.init.clone()].to_vec();
    for (place, held) in plate.segments.iter().enumerate() {
        clip.extend(if place == 1 { touched(&x264, held.frames) } else { held.bytes.clone() });
    }
    let base = SmallPlate { full: &full, small: &small };
    let titled = DERIVER.small(&x264, &clip, Some(base), &Cancel::default()).unwrap().bytes;
    let parts = probe_fragments(&titled).unwrap();
    for (place, (one, plates)) in parts.fragments.iter().zip(&small_parts.fragments).enumerate() {
        assert_eq!(titled[one.1.clone()] == small[plates.1.clone()], place != 1, "{}", one.0);
    }
    assert_eq!(decoded(&titled).len(), 24);
    // Of a plate that is cut elsewhere nothing can be taken but what is the same.
    let elsewhere = SmallPlate { full: &fragmented(&other), small: &small };
    assert_eq!(decoded(&DERIVER.small(&x264, &full, Some(elsewhere), &Cancel::default()).unwrap().bytes).len(), 24);
}

/// A segment of these frames that shows nothing.
fn touched(x264: &X264, frames: FrameRange) -> Vec<u8> {
    use festoon_film::{Encoder as _, Recipe, fragment};
    let canvas = Canvas { frames: frames.count(), ..TALL };
    let stream = x264.encode(Recipe::Overlay, &canvas, &mut |_, _| Ok(()), &Cancel::default()).unwrap();
    fragment(&stream.samples, frames.start).unwrap()
}

#[test]
fn a_clip_that_is_small_has_no_smaller_form() {
    assert_eq!(small_canvas(&CANVAS), None);
    assert_eq!(small_canvas(&Canvas { width: 1280, height: 720, ..CANVAS }), Some(Canvas { width: 854, height: 480, ..CANVAS }));
    assert_eq!(small_canvas(&Canvas { width: 1080, height: 1920, ..CANVAS }), Some(Canvas { width: 480, height: 854, ..CANVAS }));
    let error = DERIVER.small(&X264::find().unwrap(), &FILMED.plate, None, &Cancel::default()).unwrap_err();
    assert_eq!(error.to_string(), "a clip of 160x96 pixels has no smaller form");
}

/// A clip as HLS: segments of the plate as files, the others as parts of the clip's file.
fn rendition(filmed: &Filmed, folder: &Path) -> Rendition {
    let Filmed { hot, clip, .. } = filmed;
    fs::write(folder.join("clip.mp4"), clip).unwrap();
    fs::write(folder.join("init.mp4"), &hot.plate.init).unwrap();
    let parts = probe_fragments(clip).unwrap();
    let segments = parts.fragments.into_iter().zip(&hot.plate.segments).map(|((frames, place), held)| {
        let bytes = place.len() as u64;
        if WINDOWS.iter().any(|window| window.touches(frames)) {
            return (frames, Addressed { uri: "clip.mp4".into(), range: Some(place.start as u64..place.end as u64), bytes });
        }
        let uri = format!("segment-{}.m4s", frames.start);
        fs::write(folder.join(&uri), &held.bytes).unwrap();
        (frames, Addressed { uri, range: None, bytes })
    });
    let init = Addressed { uri: "init.mp4".into(), range: None, bytes: hot.plate.init.len() as u64 };
    Rendition { media: hot.plate.media.clone(), init, segments: segments.collect() }
}

#[test]
fn a_playlist_plays_every_picture_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let rendition = rendition(&FILMED, folder.path());
    fs::write(folder.path().join("full.m3u8"), media_playlist(&rendition)).unwrap();
    fs::write(folder.path().join("clip.m3u8"), master_playlist(&[Variant { uri: "full.m3u8".into(), rendition }], None)).unwrap();
    for playlist in ["full.m3u8", "clip.m3u8"] {
        let arguments = ["-v", "warning", "-i", playlist, "-fps_mode", "passthrough", "-f", "framemd5", "-"];
        let shown = said("ffmpeg", folder.path(), &arguments);
        let hash = |line: &str| line.rsplit(',').next().unwrap().trim().to_owned();
        let shown: Vec<_> = shown.lines().filter(|line| !line.starts_with('#')).map(hash).collect();
        let wanted: Vec<_> = decoded(&FILMED.clip).iter().map(|line| hash(line)).collect();
        assert_eq!(shown, wanted, "{playlist}");
    }
}

#[test]
fn playlists_say_what_the_standard_asks_for() {
    let media = Media { width: 1280, height: 720, frames: 36, fps: 24, codec: "avc1.64001f".into() };
    let part = |uri: &str, range, bytes| Addressed { uri: uri.into(), range, bytes };
    let segments = vec![
        (FrameRange { start: 0, end: 12 }, part("/v1/blobs/a.m4s", None, 1000)),
        (FrameRange { start: 12, end: 36 }, part("/v1/blobs/c.mp4", Some(700..4200), 3500)),
    ];
    let rendition = Rendition { media, init: part("/v1/blobs/i.mp4", Some(0..700), 700), segments };
    assert_eq!(
        media_playlist(&rendition),
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:1\n#EXT-X-PLAYLIST-TYPE:VOD\n\
         #EXT-X-MAP:URI=\"/v1/blobs/i.mp4\",BYTERANGE=\"700@0\"\n\
         #EXTINF:0.500000,\n/v1/blobs/a.m4s\n\
         #EXTINF:1.000000,\n#EXT-X-BYTERANGE:3500@700\n/v1/blobs/c.mp4\n#EXT-X-ENDLIST\n"
    );
    let variant = Variant { uri: "en.m3u8?profile=hls-full".into(), rendition };
    assert_eq!(
        master_playlist(&[variant], None),
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-STREAM-INF:BANDWIDTH=28000,AVERAGE-BANDWIDTH=24000,CODECS=\"avc1.64001f\",RESOLUTION=1280x720,FRAME-RATE=24.000\n\
         en.m3u8?profile=hls-full\n"
    );
}

#[test]
fn what_is_no_clip_becomes_nothing() {
    let cancel = Cancel::default();
    for junk in [&b""[..], b"not a clip", &FILMED.clip[..200]] {
        assert!(DERIVER.webm(junk, &CANVAS, None, &cancel).is_err());
        assert!(DERIVER.preview(junk, &CANVAS, &cancel).is_err());
        assert!(DERIVER.storyboard(junk, &FILMED.hot.plate.media, &cancel).is_err());
        assert!(DERIVER.small(&X264::find().unwrap(), junk, None, &cancel).is_err());
    }
    let stopped = Cancel::default();
    stopped.cancel();
    let error = DERIVER.webm(&FILMED.clip, &CANVAS, None, &stopped).unwrap_err();
    assert_eq!(error.to_string(), "cancelled");
}
