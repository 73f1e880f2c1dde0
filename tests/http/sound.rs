//! Clips with sound, as players hear them.

use std::{f64::consts::PI, fs, process::Command};

use festoon_spec::{BlobHash, Profile, Segmented};

use super::profiles::form;
use crate::installation::*;

/// 16-bit WAV of one channel: a tone for so many seconds.
pub fn tone(hertz: f64, seconds: f64) -> Vec<u8> {
    let rate = 24_000u32;
    let samples = (0..(seconds * f64::from(rate)) as u32).map(|at| (2.0 * PI * hertz * f64::from(at) / f64::from(rate)).sin());
    let data: Vec<u8> = samples.flat_map(|sample| ((sample * 16_000.0) as i16).to_le_bytes()).collect();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend((data.len() as u32).to_le_bytes());
    [file, data].concat()
}

/// `[audio]` with two beds to choose from, and silence.
pub const AUDIO: &str = r#"
[parameters.sound]
kind = "choice"
touches = "sound"
choices = ["low", "high", "off"]

[audio]
file = { by = "sound", low = "low.wav", high = "high.wav", off = "" }
loop = true
gain = -6
fade_in = 0.25
fade_out = 0.5
"#;

const SOUND_WORDS: &str = r#"
[parameters.sound]
label = "Sound"
[parameters.sound.choices]
low = "Low"
high = "High"
off = "Off"
"#;

/// An installation that has painted two seconds with a title, and a scene without one, both with sound.
pub async fn installation() -> Installation {
    let installation = Installation::with(|config| {
        let canvas = "width = 512\nheight = 640\nframes = 24\nfps = 12";
        let titled = card(canvas, SNOW, 1.5, "size = [10, 16]\nwidth = 90\nanchor = \"middle-centre\"");
        let bare = format!("painter = \"motion\"\n[canvas]\n{}\n{SNOW}", canvas.replace("512", "64").replace("640", "36"));
        let bare_words = "title = \"Bare\"\ndescription = \"No title.\"\n";
        for (id, template, words) in [("card", titled, CARD_WORDS), ("bare", bare, bare_words)] {
            add_template(config, id, &format!("{template}{AUDIO}"), &format!("{words}{SOUND_WORDS}"));
            let folder = config.path(&config.paths.templates).join(id);
            fs::write(folder.join("low.wav"), tone(220.0, 0.7)).unwrap();
            fs::write(folder.join("high.wav"), tone(880.0, 0.7)).unwrap();
        }
    })
    .await;
    installation.paint("/v1/clips/card/en.mp4").await;
    installation.paint("/v1/clips/bare/en.mp4").await;
    installation
}

/// A form of Anna's card.
fn anna(profile: &str, sound: &str) -> String {
    let profile: Profile = profile.parse().unwrap();
    form(&format!("title=Anna&sound={sound}"), profile)
}

/// What a program that has nothing to complain of writes, in a folder with these bytes in `file`.
fn written(program: &str, arguments: &[&str], bytes: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), bytes).unwrap();
    let output = Command::new(program).current_dir(folder.path()).args(arguments).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{program} {arguments:?}");
    output.stdout
}

/// The codecs in a file, the pictures' first.
fn codecs(file: &[u8]) -> String {
    let arguments = ["-v", "warning", "-show_entries", "stream=codec_name", "-of", "csv=p=0", "file"];
    String::from_utf8(written("ffprobe", &arguments, file)).unwrap().trim().replace('\n', " ")
}

/// Samples that are heard, at 48 kHz.
fn heard(input: &str, file: &[u8]) -> Vec<f32> {
    let arguments = ["-v", "warning", "-copyts", "-i", input, "-map", "0:a:0", "-af", "atrim=start=0", "-ac", "1", "-f", "f32le"];
    let bytes = written("ffmpeg", &[&arguments[..], &["-"]].concat(), file);
    bytes.chunks_exact(4).map(|sample| f32::from_le_bytes(sample.try_into().unwrap())).collect()
}

/// How often the sound crosses 0 in its middle second: twice its pitch.
fn pitch(heard: &[f32]) -> usize {
    heard[24_000..72_000].windows(2).filter(|pair| (pair[0] < 0.0) != (pair[1] < 0.0)).count() / 2
}

fn assert_two_seconds(heard: &[f32], what: &str) {
    assert!(heard.len().abs_diff(96_000) <= 1024, "{what}: {} samples, 96000 belong there", heard.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_that_can_be_heard_has_the_bed_that_was_picked() {
    let installation = installation().await;
    for (profile, named, held) in
        [("mp4", "aac", "h264 aac"), ("download", "aac", "h264 aac"), ("480p", "aac", "h264 aac"), ("webm", "opus", "av1 opus")]
    {
        for (sound, hertz) in [("low", 220), ("high", 880)] {
            let clip = installation.get(&anna(profile, sound)).await;
            assert_eq!((clip.status, clip.header("festoon-sound")), (200, named), "{profile}: {}", clip.text());
            assert_eq!(codecs(&clip.body), held, "{profile}");
            let heard = heard("file", &clip.body);
            assert_two_seconds(&heard, profile);
            assert!(pitch(&heard).abs_diff(hertz) < 12, "{profile}, {sound}: {} Hz", pitch(&heard));
        }
        let silent = installation.get(&anna(profile, "off")).await;
        assert_eq!((silent.header("festoon-sound"), codecs(&silent.body).split_once(' ')), ("none", None), "{profile}");
        // Kept now, and the same.
        let again = installation.get(&anna(profile, "low")).await;
        assert_eq!(again.header("festoon-sound"), named);
        assert_eq!(again.header("etag"), format!("\"b3-{}\"", BlobHash::of(&again.body)), "{profile}");
    }
    for profile in ["poster-jpg", "preview", "storyboard", "captions"] {
        let [low, off] = [installation.get(&anna(profile, "low")).await, installation.get(&anna(profile, "off")).await];
        assert_eq!((low.status, low.header("festoon-sound")), (200, ""), "{profile}");
        assert_eq!(low.header("etag"), off.header("etag"), "{profile} is the same whatever sounds");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_touches_no_plate_and_is_encoded_once_for_all_clips() {
    let installation = installation().await;
    let edge = &installation.running.opened().edge;
    let template = "card".parse().unwrap();
    let plates = edge.cache().plates_of(&template, 2).await.unwrap();
    assert_eq!(plates.len(), 1);
    let Segmented { segments, .. } = plates[0].segmented.clone().unwrap();
    let entries = || edge.cache().usage().entries;
    assert_eq!(entries(), 2, "the plates");
    let clip = installation.get(&anna("mp4", "low")).await.body;
    while entries() < 4 {
        tokio::task::yield_now().await;
    }
    // What no title touches is in the clip as the plate has it.
    let mut shared = 0;
    for segment in &segments {
        let bytes = edge.blob(&segment.part.blob).await.unwrap().unwrap();
        shared += usize::from(clip.windows(bytes.len()).any(|window| window == bytes));
    }
    assert_eq!((shared, segments.len()), (2, 3));
    // Another title, and the clip of another plate with the same bed and length.
    installation.get("/v1/clips/card/en.mp4?title=Bert&sound=low").await;
    installation.get("/v1/clips/bare/en.mp4").await;
    while entries() < 6 {
        tokio::task::yield_now().await;
    }
    assert_eq!(entries(), 6, "two plates, three clips, one sound");
    assert_eq!(edge.cache().plates_of(&template, 2).await.unwrap().len(), 1);
    assert_eq!(edge.cache().reindex().await.unwrap(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_with_nothing_but_sound_streams_its_plate() {
    let installation = installation().await;
    let english = installation.get("/v1/clips/bare/en.mp4").await;
    assert_eq!((english.status, english.header("festoon-overlay"), english.header("festoon-sound")), (200, "none", "aac"));
    assert_eq!(codecs(&english.body), "h264 aac");
    assert_two_seconds(&heard("file", &english.body), "bare");
    // One for all locales, and for whoever asks again.
    let others = loop {
        let others = installation.get("/v1/clips/bare/ja.mp4").await;
        if !others.header("etag").is_empty() {
            break others;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(others.body, english.body);
    let webm = installation.get("/v1/clips/bare/en.webm").await;
    assert_eq!((codecs(&webm.body).as_str(), webm.header("festoon-sound")), ("vp9 opus", "opus"));
    let download = installation.get("/v1/clips/bare/en.mp4?profile=download").await;
    let at = |kind: &[u8]| download.body.windows(4).position(|window| window == kind).unwrap();
    assert!(at(b"moov") < at(b"mdat") && codecs(&download.body) == "h264 aac");
    assert_two_seconds(&heard("file", &download.body), "download");
    let silent = installation.get("/v1/clips/bare/en.mp4?sound=off").await;
    assert_eq!((codecs(&silent.body).as_str(), silent.header("festoon-sound")), ("h264", "none"));
    let poster = installation.get("/v1/clips/bare/en.jpg").await;
    assert_eq!(poster.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_has_the_sound_as_a_rendition_that_all_clips_share() {
    let installation = installation().await;
    let master = installation.get(&anna("hls", "low")).await.text();
    let sound = "/v1/clips/card/en.m3u8?sound=low&title=Anna&profile=hls-sound";
    assert!(
        master.contains(&format!(
            "TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"Sound\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"{sound}\"\n"
        )),
        "{master}"
    );
    assert_eq!(master.matches(",mp4a.40.2\"").count(), 2, "{master}");
    assert_eq!(master.matches(",AUDIO=\"sound\"\n").count(), 2, "{master}");

    let playlist = installation.get(sound).await;
    assert_eq!((playlist.status, playlist.header("festoon-sound")), (200, "aac"));
    let files = |text: &str| -> Vec<String> { text.lines().filter(|line| line.starts_with('/')).map(str::to_owned).collect() };
    let bert = installation.get("/v1/clips/card/en.m3u8?title=Bert&profile=hls-sound").await.text();
    assert_eq!(files(&playlist.text()), files(&bert), "the same bytes for both");
    let target = |text: &str| text.lines().find(|line| line.starts_with("#EXT-X-TARGETDURATION")).map(str::to_owned);
    let full = installation.get(&anna("hls-full", "low")).await;
    assert_eq!(full.header("festoon-sound"), "", "its segments have none");
    assert_eq!(target(&playlist.text()), target(&full.text()));

    // The pictures' segments are the same with and without sound where no title touches them.
    let silent = installation.get(&anna("hls-full", "off")).await.text();
    let [sounding, silent] = [files(&full.text()), files(&silent)];
    assert!(sounding[0] == silent[0] && sounding[2] == silent[2], "{sounding:?} {silent:?}");

    // Through the server, as a player does it.
    let url = installation.url(&anna("hls", "low"));
    let played = tokio::task::block_in_place(|| heard(&url, &[]));
    assert!(played.len().abs_diff(96_000) <= 2048 && pitch(&played).abs_diff(220) < 12, "{} samples", played.len());
    tokio::task::block_in_place(|| written("ffmpeg", &["-v", "warning", "-i", &url, "-f", "null", "-"], &[]));

    let none = installation.get(&anna("hls-sound", "off")).await;
    assert_eq!((none.status, none.code().as_str()), (404, "no-sound"));
    assert!(!installation.get(&anna("hls", "off")).await.text().contains("AUDIO"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pick_says_what_will_be_heard() {
    let installation = installation().await;
    for (sound, heard) in [("high", "aac"), ("off", "none")] {
        let pick = serde_json::json!({"template": "card", "locale": "en", "parameters": {"title": "Anna", "sound": sound}});
        let ready = installation.post("/v1/picks", &pick).await.json();
        assert_eq!((&ready["status"], &ready["sound"]), (&"ready".into(), &heard.into()));
    }
    let refused = installation.get("/v1/clips/card/en.mp4?sound=loud").await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "unknown-choice"));
    let listed = installation.get("/v1/templates").await.json();
    let card = listed["templates"].as_array().unwrap().iter().find(|template| template["id"] == "card").unwrap();
    let sound = card["parameters"].as_array().unwrap().iter().find(|parameter| parameter["name"] == "sound").unwrap();
    assert_eq!(sound["touches"], "sound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bed_that_is_saved_anew_is_heard_from_then_on() {
    let installation = installation().await;
    let before = installation.get(&anna("download", "low")).await;
    let library = installation.running.opened().edge.library().clone();
    let folder = installation.folder.path().join("templates/card");
    fs::write(folder.join("low.wav"), tone(440.0, 0.7)).unwrap();
    library.reload();
    let after = installation.get(&anna("download", "low")).await;
    assert_ne!(before.header("etag"), after.header("etag"));
    assert!(pitch(&heard("file", &after.body)).abs_diff(440) < 12);
    assert_eq!(installation.get(&anna("poster-jpg", "low")).await.status, 200);
    // A broken save leaves the one before.
    fs::write(folder.join("low.wav"), b"RIFF").unwrap();
    library.reload();
    assert!(library.problems().lines().any(|line| line.contains("bad-bed")), "{}", library.problems());
    assert_eq!(installation.get(&anna("download", "low")).await.header("etag"), after.header("etag"));
}
