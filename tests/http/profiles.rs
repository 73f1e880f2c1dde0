//! Clips in every form, as players, pages and feeds ask for them.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use festoon_spec::{BlobHash, Profile, Segmented};
use image::ImageFormat;

use crate::installation::*;

/// An installation with two seconds in the ratio of a phone held upright, larger than the small form, that a title is seen in for
/// one.
async fn installation_with(change: impl FnOnce(&mut festoon::config::Config)) -> Installation {
    Installation::with(|config| {
        let canvas = "width = 512\nheight = 640\nframes = 24\nfps = 12";
        let template = card(canvas, SNOW, 1.5, "size = [10, 16]\nwidth = 90\nanchor = \"middle-centre\"");
        add_template(config, "card", &template, CARD_WORDS);
        change(config);
    })
    .await
}

/// An installation that has painted the card.
async fn painted() -> Installation {
    let installation = installation_with(|_| {}).await;
    installation.paint("/v1/clips/card/en.mp4").await;
    installation
}

/// The address of a form of Anna's card.
fn anna(profile: &str) -> String {
    let profile: Profile = profile.parse().unwrap();
    form("title=Anna", profile)
}

/// Where the card is in a form, as festoon spells it.
pub fn form(query: &str, profile: Profile) -> String {
    let extension = profile.extension();
    let named = if Profile::of_extension(extension) == Some(profile) { String::new() } else { format!("&profile={profile}") };
    format!("/v1/clips/card/en.{extension}?{query}{named}")
}

async fn head(installation: &Installation, path: &str) -> Answer {
    Answer::of(installation.client.head(installation.url(path)).send().await.unwrap()).await
}

/// What a program that has nothing to complain of says of a file.
fn said(program: &str, arguments: &[&str], bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), bytes).unwrap();
    said_in(program, arguments, folder.path())
}

fn said_in(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).current_dir(folder).args(arguments).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{program} {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A hash of each frame.
fn frames(arguments: &[&str], bytes: &[u8]) -> Vec<String> {
    let arguments = [&["-v", "warning"], arguments, &["-fps_mode", "passthrough", "-f", "framemd5", "-"]].concat();
    let text = said("ffmpeg", &arguments, bytes);
    let hash = |line: &str| line.rsplit(',').next().unwrap().trim().to_owned();
    text.lines().filter(|line| !line.starts_with('#')).map(hash).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_is_delivered_like_a_clip() {
    let installation = painted().await;
    let lifetime = "public, max-age=60, s-maxage=600, stale-while-revalidate=86400, stale-if-error=604800";
    // The card is silent.
    for profile in Profile::all().filter(|profile| !matches!(profile, Profile::Mp4 | Profile::HlsSound)) {
        let path = anna(profile.name());
        let before = head(&installation, &path).await;
        assert_eq!((before.status, before.header("content-type")), (200, profile.media_type()), "{profile}");
        let first = installation.get(&path).await;
        assert_eq!(first.status, 200, "{profile}: {}", first.text());
        assert_eq!(first.header("etag"), format!("\"b3-{}\"", BlobHash::of(&first.body)), "{profile}");
        assert_eq!((first.header("content-type"), first.header("cache-control")), (profile.media_type(), lifetime), "{profile}");
        assert_eq!((first.header("content-language"), first.header("festoon-overlay")), ("en", "festoon"), "{profile}");
        assert_eq!(first.header("content-length"), first.body.len().to_string(), "{profile}");
        assert_eq!(first.header("access-control-allow-origin"), "*");

        let again = installation.get_with(&path, &[("If-None-Match", first.header("etag"))]).await;
        assert_eq!(again.status, 304, "{profile}");
        let part = installation.get_with(&path, &[("Range", "bytes=2-5")]).await;
        assert_eq!((part.status, &part.body[..]), (206, &first.body[2..6]), "{profile}");
        let location = first.header("content-location");
        assert_eq!(location.is_empty(), profile.is_written(), "{profile}: {location}");
        if !profile.is_written() {
            let same = installation.get(location).await;
            assert_eq!((same.status, &same.body, same.header("content-type")), (200, &first.body, profile.media_type()));
            assert_eq!(head(&installation, &path).await.header("etag"), first.header("etag"), "{profile}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_what_its_name_says() {
    let installation = painted().await;
    let clip = installation.get(&anna("mp4")).await.body;
    let show = |bytes: &[u8]| {
        let entries = ["-v", "warning", "-count_frames", "-show_entries", "stream=codec_name,width,height,nb_read_frames"];
        said("ffprobe", &[&entries[..], &["-of", "csv=p=0", "file"]].concat(), bytes).trim().to_owned()
    };
    for (profile, shown) in
        [("mp4", "h264,512,640,24"), ("download", "h264,512,640,24"), ("480p", "h264,480,600,24"), ("webm", "av1,512,640,24")]
    {
        assert_eq!(show(&installation.get(&anna(profile)).await.body), shown, "{profile}");
    }
    let download = installation.get(&anna("download")).await;
    assert_eq!(download.header("content-disposition"), "attachment; filename=\"card-en.mp4\"; filename*=UTF-8''Card.mp4");
    let at = |kind: &[u8]| download.body.windows(4).position(|window| window == kind).unwrap();
    assert!(at(b"moov") < at(b"mdat"));
    assert_eq!(frames(&["-i", "file"], &download.body), frames(&["-i", "file"], &clip));

    let size = |bytes: &[u8], format| {
        let image = image::load_from_memory_with_format(bytes, format).unwrap();
        (image.width(), image.height())
    };
    assert_eq!(size(&installation.get(&anna("poster-jpg")).await.body, ImageFormat::Jpeg), (512, 640));
    assert_eq!(size(&installation.get(&anna("poster-webp")).await.body, ImageFormat::WebP), (512, 640));
    assert_eq!(size(&installation.get(&anna("preview")).await.body, ImageFormat::WebP), (384, 480));
    assert_eq!(size(&installation.get(&anna("storyboard")).await.body, ImageFormat::Jpeg), (4 * 128, 160));
    assert_eq!(show(&installation.get(&anna("poster-avif")).await.body), "av1,512,640,1");

    let captions = installation.get(&anna("captions")).await.text();
    assert_eq!(captions, "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\nAnna\n");
    let track = installation.get(&anna("storyboard-track")).await.text();
    let sheet = track.lines().find_map(|line| line.split_once("#xywh=")).unwrap().0;
    let sheet = installation.get(sheet).await;
    assert_eq!(sheet.header("etag"), installation.get(&anna("storyboard")).await.header("etag"), "the track names its sheet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poster_shows_the_title_and_waits_for_no_clip() {
    let installation = painted().await;
    let poster = async |query: &str| installation.get(&format!("/v1/clips/card/en.jpg?{query}")).await;
    let anna_there = poster("title=Anna").await;
    assert_eq!(anna_there.status, 200);
    assert_eq!(head(&installation, &anna("mp4")).await.header("etag"), "", "nothing was composed for it");
    assert_ne!(poster("title=Bert").await.body, anna_there.body);
    assert_eq!(poster("title=Anna&at=1").await.header("etag"), anna_there.header("etag"), "the middle of the window");
    // In front of the title all of them are the plate.
    assert_eq!(poster("title=Anna&at=0.1").await.body, poster("title=Bert&at=0.1").await.body);
    // As the clip shows it: the mezzanine's picture against the delivered one.
    let clip = installation.get(&anna("mp4")).await.body;
    let arguments = ["-v", "error", "-ss", "1", "-i", "file", "-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-"];
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), &clip).unwrap();
    let shown = Command::new("ffmpeg").current_dir(folder.path()).args(arguments).output().unwrap().stdout;
    let [shown, poster] = [&shown[..], &anna_there.body].map(|bytes| image::load_from_memory(bytes).unwrap().to_rgb8());
    let differs: u64 = shown.iter().zip(poster.iter()).map(|(one, other)| u64::from(one.abs_diff(*other))).sum();
    assert!(differs / (shown.len() as u64) < 12, "{} levels on average", differs / shown.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_more_posters_than_frames() {
    let installation = painted().await;
    let mut tags = BTreeSet::new();
    // A frame lasts 83 ms.
    for at in ["0", "0.001", "0.02", "0.08", "0.083"] {
        let answer = installation.get(&format!("/v1/clips/card/en.jpg?at={at}")).await;
        assert_eq!(answer.status, 200, "{at}: {}", answer.text());
        tags.insert(answer.header("etag").to_owned());
    }
    assert_eq!(tags.len(), 1);
    tags.insert(installation.get("/v1/clips/card/en.jpg?at=0.084").await.header("etag").to_owned());
    assert_eq!(tags.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_plays_and_shares_what_no_title_touches() {
    let installation = painted().await;
    let master = installation.get(&anna("hls")).await.text();
    let variants: Vec<&str> = master.lines().filter(|line| line.starts_with('/')).collect();
    assert_eq!(
        variants,
        ["/v1/clips/card/en.m3u8?title=Anna&profile=hls-full", "/v1/clips/card/en.m3u8?title=Anna&profile=hls-480p"]
    );
    assert!(master.contains("RESOLUTION=512x640,FRAME-RATE=12.000") && master.contains("RESOLUTION=480x600,"), "{master}");

    let template = "card".parse().unwrap();
    let plates = installation.running.opened().edge.cache().plates_of(&template, 2).await.unwrap();
    let Segmented { init, segments, .. } = plates[0].segmented.clone().unwrap();
    let full = installation.get(variants[0]).await.text();
    assert!(full.contains(&format!("#EXT-X-MAP:URI=\"/v1/blobs/{}.mp4\"\n", init.blob)), "{full}");
    let shared: Vec<bool> = segments.iter().map(|part| full.contains(&format!("\n/v1/blobs/{}.m4s\n", part.part.blob))).collect();
    assert_eq!(shared, [true, false, true], "{full}");
    // Of the small form too, but for the middle.
    let small = installation.get(variants[1]).await.text();
    let files: Vec<&str> = small.lines().filter(|line| line.starts_with("/v1/blobs/")).collect();
    assert!(files[0] == files[2] && files[0] != files[1], "{small}");
    let other = installation.get("/v1/clips/card/en.m3u8?title=Bert&profile=hls-480p").await.text();
    assert!(other.contains(files[0]) && !other.contains(files[1]), "{other}");

    // Through the server, as a player does it.
    let clip = installation.get(&anna("mp4")).await.body;
    let url = |path: &str| installation.url(path);
    for (path, stream, wanted) in [
        (variants[0], "0:v:0", frames(&["-i", "file"], &clip)),
        (variants[1], "0:v:0", {
            let small = installation.get(&anna("480p")).await.body;
            frames(&["-i", "file"], &small)
        }),
    ] {
        let played = tokio::task::block_in_place(|| frames(&["-i", &url(path), "-map", stream], &[]));
        assert_eq!(played, wanted, "{path}");
    }
    let both = tokio::task::block_in_place(|| frames(&["-i", &url(&anna("hls"))], &[]));
    assert_eq!(both.len(), 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_an_untouched_plate_is_one_for_all() {
    let installation = Installation::start().await;
    let blob = installation.paint("/v1/clips/lantern/en.mp4").await;
    let english = installation.get("/v1/clips/lantern/en.webm?title=Anna").await;
    assert_eq!((english.status, english.header("festoon-overlay")), (200, "none"));
    let others = installation.get("/v1/clips/lantern/ar.webm?title=Bert").await;
    assert_eq!(others.header("content-location"), english.header("content-location"));
    // The plate is a progressive file as it is.
    let download = installation.get("/v1/clips/lantern/ja.mp4?profile=download").await;
    assert_eq!(download.header("content-location"), format!("/v1/blobs/{blob}.mp4"));
    assert_eq!(download.header("content-disposition"), "attachment; filename=\"lantern-ja.mp4\"; filename*=UTF-8''Lantern.mp4");
    // It is small: there is one rendition, and its segments are the plate's.
    let master = installation.get("/v1/clips/lantern/en.m3u8").await.text();
    assert_eq!(master.matches("#EXT-X-STREAM-INF").count(), 1, "{master}");
    for path in ["/v1/clips/lantern/en.m3u8?profile=hls-480p", "/v1/clips/lantern/en.mp4?profile=480p"] {
        let none = installation.get(path).await;
        assert_eq!((none.status, none.code().as_str()), (404, "no-smaller-form"), "{path}");
    }
    assert_eq!(installation.get("/v1/clips/lantern/en.vtt").await.text(), "WEBVTT\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_at_once_for_one_form_gets_one() {
    let installation = painted().await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let request = installation.client.get(installation.url(&anna("webm")));
        asking.spawn(async move { Answer::of(request.send().await.unwrap()).await });
    }
    let answers = asking.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body));
    // The plate, the clip, the form.
    assert_eq!(installation.running.opened().edge.cache().usage().entries, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn configured_forms_are_made_before_anybody_asks() {
    let profiles = ["480p", "poster-jpg", "poster-webp"];
    let installation = installation_with(|config| {
        config.compositor.eager = profiles.map(|profile| profile.parse().unwrap()).into();
    })
    .await;
    let cache = installation.running.opened().edge.cache().clone();
    // Of a plate that titles are drawn on the small form, of the other one the posters.
    installation.paint("/v1/clips/card/en.mp4").await;
    while cache.usage().entries < 2 {
        tokio::task::yield_now().await;
    }
    installation.paint("/v1/clips/lantern/en.mp4").await;
    while cache.usage().entries < 5 {
        tokio::task::yield_now().await;
    }
    for path in ["/v1/clips/lantern/en.jpg", "/v1/clips/lantern/ja.webp"] {
        let made = head(&installation, path).await;
        assert!(made.header("etag").starts_with("\"b3-"), "{path} is there");
    }
    assert_eq!(cache.usage().entries, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_form_or_moment_is_refused_with_what_there_is() {
    let installation = painted().await;
    for (path, status, code, told) in [
        ("card/en.gif", 404, "unknown-file-type", "expected one of `.avif`, `.jpg`, `.m3u8`, `.mp4`, `.vtt`, `.webm`, `.webp`"),
        ("card.gif", 404, "unknown-file-type", "`.gif`: expected one of"),
        ("card/en.mp4?profile=gif", 404, "unknown-profile", "expected one of mp4, download, 480p, webm"),
        ("card/en.webp?profile=download", 404, "unknown-file-type", "files of the profile `download` end in `.mp4`"),
        ("card/en.webp?profile=download", 404, "unknown-file-type", "the profiles of `.webp` are: poster-webp, preview"),
        ("card/en.jpg?at=2", 422, "bad-moment", "expected seconds from 0 to less than 2"),
        ("card/en.jpg?at=99999999999", 422, "bad-moment", "less than 2"),
        ("card/en.jpg?at=-1", 422, "bad-moment", "expected seconds such as `1.5`"),
        ("card/en.jpg?at=1e3", 422, "bad-moment", "`at` is `1e3`"),
        ("card/en.jpg?at=", 422, "bad-moment", "`at` is ``"),
        ("card/en.webm?at=1", 422, "bad-moment", "the profile is `webm`"),
        ("card/en.jpg?profile=storyboard&at=1", 422, "bad-moment", "the profile is `storyboard`"),
    ] {
        let answer = installation.get(&format!("/v1/clips/{path}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}");
        assert!(answer.text().contains(told), "{path}: {}", answer.text());
    }
    assert_eq!(installation.running.opened().edge.cache().usage().entries, 1, "nothing was made");
}
