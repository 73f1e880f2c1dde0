//! A whole installation in a temporary folder: settings, small templates, a server in this process, and a renderer that
//! speaks the real protocol and encodes real plates of a few small frames.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, LazyLock, Once},
};

use bytes::Bytes;
use festoon::{
    clock::{CountingIds, ManualClock},
    command::serve::{Running, StartError},
    config::{Config, MayAsk},
};
use festoon_film::{Cancel, Encoder, Expectation, Held, OpenH264, X264, encode_plate};
use festoon_spec::*;
use md5::{Digest as _, Md5};
use reqwest::{Client, Response, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use crate::{bench::START, described::INTERFACE};

/// The encoder of this machine.
pub static X264_HERE: LazyLock<X264> = LazyLock::new(|| X264::find().expect("x264 is installed: apt-get install x264"));

/// A template of motion graphics that is painted in no time.
const LANTERN: &str = r##"
painter = "motion"

[canvas]
width = 64
height = 36
frames = 6
fps = 24

[parameters.title]
kind = "text"
touches = "overlay"
max_graphemes = 12

[parameters.tint]
kind = "colour"
touches = "overlay"
default = "#ffcc00"

[parameters.size]
kind = "choice"
touches = "plate"
choices = ["small", "large"]

[palettes.night]
sky = ["#000010", "#202040"]
colours = ["#ffd166"]

[scene]
palette = "night"

[[scene.layers]]
motif = "fireworks"
amount = { by = "size", small = 1.0, large = 2.0 }
"##;

const LANTERN_WORDS: &str = r#"
title = "Lantern"
description = "A lantern."
[parameters.title]
label = "Title"
default = "Hello"
[parameters.tint]
label = "Tint"
[parameters.size]
label = "Size"
[parameters.size.choices]
small = "Small"
large = "Large"
"#;

/// A template that the model paints, with a text in its prompt.
const POSTER: &str = r##"
painter = "wan"

[canvas]
width = 64
height = 32
frames = 5
fps = 8

[parameters.subject]
kind = "text"
touches = "plate"
max_graphemes = 80
in_prompt = true

[prompt]
skeleton = "A painting of {{ subject }} in {{ place }}."
negative = "text"

[prompt.fragments]
place = "a meadow"

[sampling]
model = "tiny"
sampler = "unipc"
steps = 2
shift = 3
guidance_high = 1
guidance_low = 1
"##;

const POSTER_WORDS: &str = r#"
title = "Poster"
description = "A poster. Painted by a text-to-video model."
[parameters.subject]
label = "Subject"
default = "a fox"
"#;

/// Snow at night.
pub const SNOW: &str = r##"
[palettes.night]
sky = ["#000010", "#202040"]
colours = ["#ffd166"]

[scene]
palette = "night"

[[scene.layers]]
motif = "snow"
"##;

/// A template with this canvas and this scene, and a title from half a second on until then, in a layer like this.
pub fn card(canvas: &str, scene: &str, until: f32, layer: &str) -> String {
    format!(
        r##"
painter = "motion"

[canvas]
{canvas}

[parameters.title]
kind = "text"
touches = "overlay"
max_graphemes = 40
{scene}
[overlay]
windows = [{{ name = "title", from = 0.5, until = {until} }}]

[[overlay.layers]]
name = "title"
kind = "text"
window = "title"
text = "{{title}}"
colour = "#ffffff"
{layer}
"##
    )
}

pub const CARD_WORDS: &str = r#"
title = "Card"
description = "A card."
[parameters.title]
label = "Title"
default = "Hello"
"#;

/// Adds a template that speaks English.
pub fn add_template(config: &Config, id: &str, template: &str, words: &str) {
    let folder = config.path(&config.paths.templates).join(id);
    fs::create_dir_all(folder.join("words")).unwrap();
    fs::write(folder.join("template.toml"), template).unwrap();
    fs::write(folder.join("words/en.toml"), words).unwrap();
}

/// A running installation.
pub struct Installation {
    pub folder: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
    pub running: Running,
    pub client: Client,
}

/// An HTTP client that never leaves this machine.
pub fn client() -> Client {
    static PROVIDER: Once = Once::new();
    // A server in this process may have been first.
    PROVIDER.call_once(|| _ = rustls::crypto::ring::default_provider().install_default());
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Writes templates, an empty folder of feasts, a checkpoint, and settings into `root`.
pub fn lay_out(root: &Path) -> Config {
    for (id, template, words, locales) in
        [("lantern", LANTERN, LANTERN_WORDS, &["en", "ja", "ar"][..]), ("poster", POSTER, POSTER_WORDS, &["en"][..])]
    {
        let folder = root.join("templates").join(id);
        fs::create_dir_all(folder.join("words")).unwrap();
        fs::write(folder.join("template.toml"), template).unwrap();
        for locale in locales {
            fs::write(folder.join(format!("words/{locale}.toml")), words).unwrap();
        }
    }
    fs::create_dir_all(root.join("models/tiny")).unwrap();
    fs::write(root.join("models/tiny/model_index.json"), "{}").unwrap();
    let said = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/tiny/festoon.json");
    fs::copy(said, root.join("models/tiny/festoon.json")).unwrap();
    fs::create_dir_all(root.join("config/feasts")).unwrap();
    let mut config = Config::in_folder(root);
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.server.workers = 2;
    config.schedule.enabled = false;
    config.compositor.eager.clear();
    config.limits.free_disk_bytes = 1;
    // Most tests are about what happens when it is asked for.
    config.strangers.may = MayAsk::Everything;
    config.strangers.work_per_minute = 10_000;
    config
}

impl Installation {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = lay_out(folder.path());
        change(&mut config);
        let clock = Arc::new(ManualClock::at(START));
        let running = match Self::run(config, &clock).await {
            Ok(running) => running,
            Err(error) => panic!("{error}"),
        };
        Self { folder, clock, running, client: client() }
    }

    pub async fn run(config: Config, clock: &Arc<ManualClock>) -> Result<Running, StartError> {
        Running::start(config, clock.clone(), Arc::new(CountingIds::default())).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url())
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// As [`Installation::get`], by somebody who has the installation's token.
    pub async fn get_as_operator(&self, path: &str) -> Answer {
        let bearer = format!("Bearer {}", self.running.opened().token.reveal());
        self.get_with(path, &[("authorization", &bearer)]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request =
            headers.iter().fold(self.client.get(self.url(path)), |request, (name, value)| request.header(*name, *value));
        INTERFACE.held("GET", path, Answer::of(request.send().await.unwrap()).await)
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        INTERFACE.held("POST", path, Answer::of(self.client.post(self.url(path)).json(body).send().await.unwrap()).await)
    }

    /// As [`Installation::post`], by somebody who has the installation's token.
    pub async fn post_as_operator(&self, path: &str, body: &Value) -> Answer {
        let token = self.running.opened().token.reveal();
        let answer = Answer::of(self.client.post(self.url(path)).bearer_auth(token).json(body).send().await.unwrap()).await;
        INTERFACE.held("POST", path, answer)
    }

    /// A renderer of this installation.
    pub fn renderer(&self, name: &str) -> Renderer {
        let token = self.running.opened().token.reveal().to_owned();
        Renderer { client: self.client.clone(), url: self.running.url().to_owned(), token, name: name.to_owned() }
    }

    /// Has a clip painted, and gives its bytes' name.
    pub async fn paint(&self, path: &str) -> BlobHash {
        let asked = self.get(path).await;
        assert_eq!(asked.status, 202, "{}", asked.text());
        let renderer = self.renderer("painter");
        let lease = renderer.lease(0).await.unwrap();
        let outcome = renderer.paint(&lease).await;
        assert_eq!(renderer.hand_in(&lease, &outcome).await.status, 204);
        outcome.blob
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        Self::whole(response).await.unwrap()
    }

    /// Fails if the server goes away in the middle.
    pub async fn whole(response: Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.bytes().await? })
    }

    /// A header field, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The code of a problem; checks that it is one.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let document = self.json();
        assert_eq!(document["status"], self.status);
        document["code"].as_str().unwrap().to_owned()
    }
}

/// A renderer as the protocol sees it.
#[derive(Clone)]
pub struct Renderer {
    pub client: Client,
    pub url: String,
    pub token: String,
    pub name: String,
}

impl Renderer {
    async fn post(&self, path: &str, body: &impl serde::Serialize) -> reqwest::Result<Answer> {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.token).json(body);
        Ok(INTERFACE.held("POST", path, Answer::whole(request.send().await?).await?))
    }

    /// Asks for work of any kind.
    pub async fn lease(&self, wait_seconds: u32) -> Option<Lease> {
        self.try_lease(wait_seconds).await.unwrap()
    }

    /// As [`Renderer::lease`]; fails if the server goes away.
    pub async fn try_lease(&self, wait_seconds: u32) -> reqwest::Result<Option<Lease>> {
        let capabilities = Capabilities {
            painters: vec![Painter::motion(), Painter::wan(), Painter::wan_adapted()],
            models: vec![self.model()],
            encoders: vec![X264_HERE.id().clone(), OpenH264::here().id().clone()],
        };
        let answer = self.post("/v1/leases", &LeaseRequest { renderer: self.name.clone(), capabilities, wait_seconds }).await?;
        Ok(match StatusCode::from_u16(answer.status).unwrap() {
            StatusCode::OK => Some(serde_json::from_slice(&answer.body).unwrap()),
            StatusCode::NO_CONTENT => None,
            other => panic!("{other}: {}", answer.text()),
        })
    }

    /// The digest of the checkpoint that [`lay_out`] writes.
    fn model(&self) -> ModelDigest {
        static MODEL: LazyLock<ModelDigest> = LazyLock::new(|| {
            let root = tempfile::tempdir().unwrap();
            lay_out(root.path());
            ModelDigest::of_folder(&root.path().join("models/tiny")).unwrap()
        });
        *MODEL
    }

    /// Paints a leased plate and puts its bytes.
    pub async fn paint(&self, lease: &Lease) -> Outcome {
        let (blobs, outcome) = painted(lease);
        for bytes in blobs {
            let put = self.put(lease, &BlobHash::of(&bytes), bytes).await;
            assert_eq!(put.status, 204, "{}", put.text());
        }
        outcome
    }

    pub async fn put(&self, lease: &Lease, blob: &BlobHash, bytes: impl Into<reqwest::Body>) -> Answer {
        self.try_put(lease, blob, bytes).await.unwrap()
    }

    /// As [`Renderer::put`]; fails if the server goes away.
    pub async fn try_put(&self, lease: &Lease, blob: &BlobHash, bytes: impl Into<reqwest::Body>) -> reqwest::Result<Answer> {
        let url = format!("{}/v1/blobs/{blob}.mp4?job={}&epoch={}", self.url, lease.job, lease.epoch);
        Answer::whole(self.client.put(url).bearer_auth(&self.token).body(bytes).send().await?).await
    }

    pub async fn hand_in(&self, lease: &Lease, outcome: &Outcome) -> Answer {
        self.try_hand_in(lease, outcome).await.unwrap()
    }

    /// As [`Renderer::hand_in`]; fails if the server goes away.
    pub async fn try_hand_in(&self, lease: &Lease, outcome: &Outcome) -> reqwest::Result<Answer> {
        let hand_in = HandIn { epoch: lease.epoch, outcome: outcome.clone() };
        self.post(&format!("/v1/leases/{}/hand-in", lease.job), &hand_in).await
    }

    pub async fn renew(&self, lease: &Lease, permille: u16) -> Answer {
        let progress = Some(Progress { stage: Stage::Paint, done: 1, of: 2, permille });
        self.post(&format!("/v1/leases/{}/renew", lease.job), &Renewal { epoch: lease.epoch, progress }).await.unwrap()
    }

    pub async fn fail(&self, lease: &Lease, kind: FailureKind) -> Answer {
        self.try_fail(lease, kind).await.unwrap()
    }

    /// As [`Renderer::fail`]; fails if the server goes away.
    pub async fn try_fail(&self, lease: &Lease, kind: FailureKind) -> reqwest::Result<Answer> {
        let failure = Failure { epoch: lease.epoch, reason: "the brush broke".into(), kind };
        self.post(&format!("/v1/leases/{}/fail", lease.job), &failure).await
    }
}

/// A real plate for a lease: a gradient that moves, different for each key. The whole file is the first of its blobs.
pub fn painted(lease: &Lease) -> (Vec<Bytes>, Outcome) {
    let canvas = lease.spec.canvas;
    let shades = lease.key.as_bytes();
    let mut paint = |index: u32, rgb: &mut [u8]| {
        for (at, value) in rgb.iter_mut().enumerate() {
            *value = (at as u32).wrapping_mul(7).wrapping_add(index * 31) as u8 ^ shades[at % shades.len()];
        }
        Ok(())
    };
    let openh264 = OpenH264::here();
    let encoder: &dyn Encoder = if lease.spec.encoder == *openh264.id() { &openh264 } else { &*X264_HERE };
    let plate =
        encode_plate(encoder, &canvas, &lease.spec.windows, Expectation::default(), &mut paint, &Cancel::default()).unwrap();
    let bytes = Bytes::from(plate.mp4);
    let mut blobs = vec![bytes.clone()];
    let mut named = |bytes: Vec<u8>| {
        blobs.push(bytes.into());
        let bytes = &blobs[blobs.len() - 1];
        Part { blob: BlobHash::of(bytes), bytes: bytes.len() as u64 }
    };
    let init = named(plate.init);
    let mut held = |all: Vec<Held>| {
        all.into_iter().map(|Held { frames, bytes }| FramesPart { frames, part: named(bytes) }).collect::<Vec<_>>()
    };
    let segmented = Some(Segmented { init, segments: held(plate.segments), mezzanines: held(plate.mezzanines) });
    let outcome = Outcome {
        blob: BlobHash::of(&bytes),
        bytes: bytes.len() as u64,
        md5: Md5::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        verdict: Verdict::Passed,
        media: plate.media,
        renderer: RendererInfo { name: "test".into(), version: "0".into(), device: "cpu".into() },
        timings: BTreeMap::from([("paint".into(), 10)]),
        made_at: START,
        segmented,
    };
    (blobs, outcome)
}

/// The body of `POST /v1/picks` for a lantern.
pub fn lantern(parameters: Value) -> Value {
    json!({"template": "lantern", "locale": "en", "parameters": parameters})
}
