//! A ratio from the address to the decoded picture, by the real programs.
#![allow(clippy::unwrap_used)]

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::{
    faults::{Server, renderer_program, settings, with_real_renderers},
    installation::{Answer, CARD_WORDS, add_template, card, client},
};

/// Dim lights in the dark: what is bright is the title.
const LIGHTS: &str = r##"
[palettes.night]
sky = ["#000010", "#101028"]
colours = ["#402028"]

[scene]
palette = "night"

[[scene.layers]]
motif = "bokeh"
"##;

/// Brightness, frame by frame.
struct Film {
    width: usize,
    height: usize,
    frames: Vec<Vec<u8>>,
}

impl Film {
    /// Decodes a clip. A warning of the decoder fails.
    fn of(clip: &[u8]) -> Self {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "warning", "-i", "pipe:0", "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", "-"]);
        let mut ffmpeg = ffmpeg.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut input, clip) = (ffmpeg.stdin.take().unwrap(), clip.to_vec());
        let feeding = std::thread::spawn(move || input.write_all(&clip).unwrap());
        let output = ffmpeg.wait_with_output().unwrap();
        feeding.join().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let end = output.stdout.iter().position(|byte| *byte == b'\n').unwrap();
        let head = String::from_utf8(output.stdout[..end].to_vec()).unwrap();
        let side = |letter: char| head.split(' ').find_map(|part| part.strip_prefix(letter)).unwrap().parse().unwrap();
        let (width, height): (usize, usize) = (side('W'), side('H'));
        let frame = "FRAME\n".len() + width * height * 3 / 2;
        let frames = output.stdout[end + 1..].chunks_exact(frame);
        let frames = frames.map(|frame| frame["FRAME\n".len()..][..width * height].to_vec()).collect();
        Self { width, height, frames }
    }

    /// Where a frame is bright, in shares of its size: left, top, right, bottom.
    fn ink(&self, frame: usize) -> Option<[f64; 4]> {
        let bright = |(at, level): (usize, &u8)| (*level > 200).then_some([at % self.width, at / self.width]);
        let places: Vec<[usize; 2]> = self.frames[frame].iter().enumerate().filter_map(bright).collect();
        let first = |side: usize, of: usize| Some(places.iter().map(|at| at[side]).min()? as f64 / of as f64);
        let behind = |side: usize, of: usize| Some((places.iter().map(|at| at[side]).max()? + 1) as f64 / of as f64);
        Some([first(0, self.width)?, first(1, self.height)?, behind(0, self.width)?, behind(1, self.height)?])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upright_clip_is_painted_upright_with_its_title_clear_of_what_apps_lay_over_it() {
    let program = renderer_program();
    let root = tempfile::tempdir().unwrap();
    let settings = settings(root.path(), |config| {
        with_real_renderers(config, program);
        let canvas = "width = 1280\nheight = 720\nframes = 18\nfps = 12\nratios = [\"16:9\", \"9:16\", \"1:1\", \"4:5\"]";
        let template = card(canvas, LIGHTS, 1.25, "size = [8, 20]\nanchor = \"bottom-centre\"");
        add_template(config, "card", &template, CARD_WORDS);
    });
    let server = Server::start(&["up", "--renderers", "1"], &settings);
    let url = |path: &str| format!("{}{path}", server.url);

    let missing = server.get("/v1/clips/card/en.mp4?ratio=2:3").await;
    assert_eq!((missing.status, missing.code().as_str()), (404, "unknown-ratio"));
    assert_eq!(missing.json()["hint"], "the ratios are: 16:9, 9:16, 1:1, 4:5");
    let templates = server.get("/v1/templates?locale=en").await.json();
    let card = templates["templates"].as_array().unwrap().iter().find(|template| template["id"] == "card").unwrap().clone();
    assert_eq!(card["ratios"][1], json!({"ratio": "9:16", "width": 720, "height": 1280}));

    let upright = client().get(url("/v1/clips/card/en.mp4?ratio=9:16&title=Anna")).header("Prefer", "wait=60");
    let answer = Answer::of(upright.send().await.unwrap()).await;
    assert_eq!((answer.status, answer.header("festoon-overlay")), (200, "festoon"), "{}", answer.text());
    let film = Film::of(&answer.body);
    assert_eq!((film.width, film.height, film.frames.len()), (720, 1280, 18));
    assert_eq!(film.ink(0), None, "before its window there is no title");
    let [left, top, right, bottom] = film.ink(10).expect("a title");
    assert!(left > 0.06 && right < 0.94 && (left + right - 1.0).abs() < 0.02, "in the middle: {left} {right}");
    assert!(top > 0.6 && (0.74..0.8).contains(&bottom), "at the bottom of the safe area, of which 20 % are kept: {top} {bottom}");

    let pick = json!({"template": "card", "locale": "en", "ratio": "18:32", "parameters": {"title": "Anna"}});
    let ready = client().post(url("/v1/picks")).json(&pick).send().await.unwrap();
    let ready = Answer::of(ready).await.json();
    assert_eq!(ready["clip_url"], "/v1/clips/card/en.mp4?title=Anna&ratio=9%3A16");
    assert_eq!((ready["status"].as_str(), ready["media"]["height"].as_u64()), (Some("ready"), Some(1280)));
    let landscape = server.get("/v1/clips/card/en.mp4?title=Anna&fallback=nearest").await;
    assert_eq!(landscape.status, 202, "an upright plate stands in for no other ratio");
}
