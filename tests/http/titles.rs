//! Titles in the picture: composed, streamed, kept, refused.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use festoon::config::Config;
use festoon_spec::BlobHash;
use serde_json::json;

use crate::installation::*;

pub const WINDOW: std::ops::Range<usize> = 6..24;
pub const CLIP: &str = "/v1/clips/card/en.mp4?title=Anna";

/// Adds three seconds that a title is seen in for one and a half.
pub fn add_card(config: &mut Config) {
    let canvas = "width = 320\nheight = 180\nframes = 36\nfps = 12";
    let template = card(canvas, SNOW, 2.0, "size = [14, 22]\nwidth = 90\nanchor = \"middle-centre\"");
    add_template(config, "card", &template, CARD_WORDS);
}

async fn installation() -> Installation {
    Installation::with(add_card).await
}

/// An installation that has painted the card, and a hash of each of the plate's frames.
pub async fn painted_card() -> (Installation, Vec<String>) {
    let installation = installation().await;
    let blob = installation.paint(CLIP).await;
    let plate = installation.get(&format!("/v1/blobs/{blob}.mp4")).await;
    let frames = frames(&plate.body);
    (installation, frames)
}

/// The first answer to GET that says which bytes it is of: the clip is kept.
async fn kept(installation: &Installation) -> Answer {
    loop {
        let answer = installation.get(CLIP).await;
        if answer.headers.contains_key("etag") {
            return answer;
        }
    }
}

/// A hash and the time of each frame of a clip. A warning of the decoder fails.
pub fn frames(clip: &[u8]) -> Vec<String> {
    let arguments = ["-v", "warning", "-i", "pipe:0", "-fps_mode", "passthrough", "-f", "framemd5", "-"];
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut ffmpeg = ffmpeg.spawn().unwrap();
    ffmpeg.stdin.take().unwrap().write_all(clip).unwrap();
    let output = ffmpeg.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.replace(' ', "")).collect()
}

/// Which frames differ.
pub fn different(one: &[String], other: &[String]) -> Vec<usize> {
    assert_eq!(one.len(), other.len());
    (0..one.len()).filter(|&frame| one[frame] != other[frame]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_is_streamed_while_it_is_made_and_kept_as_it_was_streamed() {
    let (installation, plate) = painted_card().await;
    let head = Answer::of(installation.client.head(installation.url(CLIP)).send().await.unwrap()).await;
    assert_eq!(
        (head.status, head.header("etag"), head.header("content-type")),
        (200, "", "video/mp4"),
        "asking composes nothing"
    );

    let first = installation.get(CLIP).await;
    assert_eq!((first.status, first.header("content-length"), first.header("transfer-encoding")), (200, "", "chunked"));
    assert_eq!((first.header("festoon-overlay"), first.header("content-type")), ("festoon", "video/mp4"));
    let titled = frames(&first.body);
    assert_eq!(different(&plate, &titled), WINDOW.collect::<Vec<_>>());

    let tag = format!("\"b3-{}\"", BlobHash::of(&first.body));
    let second = kept(&installation).await;
    assert_eq!((second.header("etag"), &second.body), (tag.as_str(), &first.body));
    assert_eq!(second.header("content-length"), first.body.len().to_string());
    let same = installation.get(second.header("content-location")).await;
    assert_eq!((same.status, &same.body), (200, &first.body));
    let head = Answer::of(installation.client.head(installation.url(CLIP)).send().await.unwrap()).await;
    assert_eq!(head.header("etag"), tag);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_at_once_for_one_title_gets_one_clip_and_another_title_is_another() {
    let (installation, plate) = painted_card().await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let request = installation.client.get(installation.url(CLIP));
        asking.spawn(async move { Answer::of(request.send().await.unwrap()).await });
    }
    let answers = asking.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body));
    let other = frames(&installation.get("/v1/clips/card/en.mp4?title=Bert").await.body);
    let anna = frames(&answers[0].body);
    let changed = different(&anna, &other);
    assert!(!changed.is_empty() && changed.iter().all(|frame| WINDOW.contains(frame)), "{changed:?}");
    assert_eq!(different(&plate, &other).len(), WINDOW.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_clip_that_is_being_made_is_the_part_of_the_whole() {
    let (installation, _) = painted_card().await;
    let part = installation.get_with(CLIP, &[("Range", "bytes=-1000")]).await;
    let whole = kept(&installation).await;
    assert_eq!((part.status, part.body.len()), (206, 1000));
    assert_eq!(part.body, whole.body[whole.body.len() - 1000..]);
    assert_eq!(part.header("etag"), whole.header("etag"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pick_with_a_title_names_its_blob_once_there_is_one() {
    let (installation, _) = painted_card().await;
    let pick = json!({"template": "card", "locale": "en", "parameters": {"title": "Anna"}});
    let before = installation.post("/v1/picks", &pick).await.json();
    assert_eq!((before["status"].as_str(), before["overlay"].as_str()), (Some("ready"), Some("festoon")));
    assert!(before.get("blob").is_none() && before.get("blob_url").is_none(), "{before}");
    let clip = installation.get(before["clip_url"].as_str().unwrap()).await;
    kept(&installation).await;
    let after = installation.post("/v1/picks", &pick).await.json();
    assert_eq!(after["blob"], BlobHash::of(&clip.body).to_string());
    assert_eq!(after["bytes"], clip.body.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_that_cannot_be_drawn_is_refused_before_anything_is_painted() {
    let installation = installation().await;
    for (title, code) in [("MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM", "text-does-not-fit"), ("\u{12000}", "missing-glyph")] {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("title", title).finish();
        let answer = installation.get(&format!("/v1/clips/card/en.mp4?{query}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, code), "{}", answer.text());
        assert!(answer.text().contains("title"), "{}", answer.text());
    }
    assert_eq!(installation.renderer("r1").lease(0).await, None, "a plate was ordered for a title that is refused");
}
