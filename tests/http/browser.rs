//! The pages in a real browser: each test lays out a server and has a flow of tests/browser/flows.mjs done on it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use festoon::config::Config;
use tokio::{io::AsyncWriteExt, net::TcpListener, sync::oneshot};

use crate::{faults::*, installation::*};

/// A template with a parameter of each kind, in two languages.
const GREETING: &str = r##"
painter = "motion"

[canvas]
width = 320
height = 180
frames = 36
fps = 12
ratios = ["16:9", "1:1"]

[parameters.title]
kind = "text"
touches = "overlay"
max_graphemes = 24
lines = 2

[parameters.palette]
kind = "choice"
touches = "plate"
choices = ["night", "rose"]

[parameters.sparkle]
kind = "boolean"
touches = "plate"
default = false

[parameters.flakes]
kind = "number"
touches = "plate"
min = 1
max = 3
step = 1
default = 1

[parameters.ink]
kind = "colour"
touches = "overlay"
default = "#ffffff"

[parameters.logo]
kind = "image"
touches = "overlay"

[palettes.night]
sky = ["#000010", "#202040"]
colours = ["#ffd166"]

[palettes.rose]
sky = ["#200010", "#702040"]
colours = ["#ffb3c7"]

[scene]
palette = "{palette}"

[[scene.layers]]
motif = "snow"
amount = "{flakes}"

[[scene.layers]]
motif = "petals"
when = { sparkle = true }

[overlay]
windows = [{ name = "title", from = 0.5, until = 2 }]

[[overlay.layers]]
name = "title"
kind = "text"
window = "title"
text = "{title}"
colour = "{ink}"
size = [8, 16]
lines = 2
width = 90
anchor = "middle-centre"

[[overlay.layers]]
name = "logo"
kind = "image"
window = "title"
file = "{logo}"
within = [20, 10]
anchor = "bottom-end"
"##;

fn words(title: &str) -> String {
    format!(
        r#"
title = "Greeting"
description = "Says hello."
[parameters.title]
label = "Title"
default = "{title}"
[parameters.palette]
label = "Colours"
[parameters.palette.choices]
night = "Night"
rose = "Rose"
[parameters.sparkle]
label = "Sparkle"
[parameters.flakes]
label = "Flakes"
[parameters.ink]
label = "Ink"
[parameters.logo]
label = "Logo"
"#
    )
}

fn add_greeting(config: &mut Config) {
    add_template(config, "greeting", GREETING, &words("Hello"));
    let folder = config.path(&config.paths.templates).join("greeting/words");
    std::fs::write(folder.join("ja.toml"), words("こんにちは")).unwrap();
}

/// An installation that has painted the greeting as it is when nothing is chosen.
async fn greeting() -> Installation {
    let installation = Installation::with(add_greeting).await;
    installation.paint("/v1/clips/greeting/en.mp4").await;
    installation
}

/// Where the script finds what it drives the browser with; installed if it is not there.
static PACKAGES: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut install = Command::new("sh");
    install.arg(root.join("scripts/node-packages.sh")).args(["tests/browser", "third_party/browser-tests"]);
    let done = install.stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    root.join("third_party/browser-tests")
});

fn chromium() -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap();
    let mut programs = ["chromium", "google-chrome"]
        .into_iter()
        .flat_map(|name| std::env::split_paths(&folders).map(move |folder| folder.join(name)).collect::<Vec<_>>());
    programs.find(|program| program.is_file()).expect("a browser is installed: apt-get install chromium")
}

/// Does a flow; `cue` is an address that the flow may fetch to have something happen here.
async fn act(installation: &Installation, flow: &'static str, cue: &str) {
    perform(flow, &installation.url(""), |command| {
        command.env("FESTOON_CUE", cue).env("FESTOON_TOKEN", installation.running.opened().token.reveal());
    })
    .await;
}

pub async fn perform(flow: &'static str, url: &str, with: impl FnOnce(&mut Command)) {
    let mut command = Command::new("node");
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/run.mjs"))
        .args([flow, url])
        .env("FESTOON_BROWSER_TESTS", &*PACKAGES)
        .env("FESTOON_CHROMIUM", chromium())
        .stdin(Stdio::null());
    with(&mut command);
    let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(done.status.success(), "{flow}: {}", String::from_utf8_lossy(&done.stderr));
}

/// An address, and what is told when somebody fetches it.
async fn cue() -> (String, oneshot::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (given, told) = oneshot::channel();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        given.send(()).unwrap();
        connection.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.unwrap();
    });
    (url, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_has_a_serious_barrier_in_any_language_theme_or_size() {
    act(&greeting().await, "no_barriers", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_interface_is_read_and_its_command_lines_are_copied() {
    act(&Installation::start().await, "interface_", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gallery_is_searched_filtered_and_walked_by_keyboard() {
    act(&greeting().await, "gallery", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_script_the_gallery_the_form_and_downloads_work() {
    act(&greeting().await, "without_script", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_is_in_the_picture_while_it_is_typed() {
    act(&greeting().await, "a_title", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_painted_is_stood_in_for_and_swapped_when_it_arrives() {
    let installation = greeting().await;
    let (url, told) = cue().await;
    let renderer = installation.renderer("painter");
    let painting = tokio::spawn(async move {
        told.await.unwrap();
        let lease = renderer.lease(0).await.unwrap();
        let outcome = renderer.paint(&lease).await;
        assert_eq!(renderer.hand_in(&lease, &outcome).await.status, 204);
    });
    act(&installation, "a_plate_that_is_not_painted", &url).await;
    painting.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_taken_back_on_the_page() {
    act(&greeting().await, "an_order_taken_back", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logo_is_brought_drawn_and_left_out_again() {
    act(&greeting().await, "a_logo", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_take_is_shown_judged_compared_and_kept() {
    let installation = greeting().await;
    installation.paint("/v1/clips/greeting/en.mp4?variation=1").await;
    act(&installation, "another_one", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_with_sound_and_its_hls_are_played() {
    act(&super::sound::installation().await, "sound", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_signs_in_and_sees_a_board_fill() {
    act(&Installation::with(super::operator::add_campaign).await, "an_operator", "").await;
}

/// `festoon up` with what comes with festoon and a renderer process, and a flow in which models paint.
async fn act_as_it_comes(flow: &'static str) {
    renderer_program();
    let state = tempfile::tempdir().unwrap();
    let server = Server::start_as_it_comes(&["up", "--renderers", "1"], state.path());
    let token = std::fs::read_to_string(state.path().join("renderer.token")).unwrap();
    // On a processor that others may have to themselves.
    perform(flow, &server.url, |command| {
        command.env("FESTOON_PATIENCE", "600000").env("FESTOON_TOKEN", token.trim());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_has_clips_of_the_default_model_painted_on_the_pages_as_they_come() {
    act_as_it_comes("as_it_comes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_has_a_campaign_painted_by_the_default_model_and_one_plate_painted_anew() {
    act_as_it_comes("an_owner_as_it_comes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flagged_plates_are_decided_about_by_keyboard_and_without_a_script() {
    let installation = Installation::start().await;
    for path in ["/v1/clips/lantern/en.mp4", "/v1/clips/lantern/en.mp4?size=large", "/v1/clips/lantern/en.mp4?variation=1"] {
        super::review::flagged(&installation, path).await;
    }
    act(&installation, "a_review", "").await;
    let rulings: Vec<&str> = installation.running.edge().decisions().latest(9).iter().map(|made| made.ruling.name()).collect();
    assert_eq!(rulings.len(), 3, "{rulings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_made_planned_decided_about_and_dated_on_its_board() {
    let installation = Installation::start().await;
    super::review::flagged(&installation, "/v1/clips/lantern/en.mp4").await;
    act(&installation, "a_campaign", "").await;
    let (campaigns, mistakes) = installation.running.edge().campaigns().follow();
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let made: Vec<_> = campaigns.values().map(|campaign| (campaign.id.as_str(), campaign.paused, campaign.live.len())).collect();
    assert_eq!(made, [("spring", true, 1), ("tour", false, 0)]);
}
