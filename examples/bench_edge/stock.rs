//! Installations to measure: one template with five parameters, a clip of each size, and any number of other entries.

use std::{error::Error, fs, path::Path, sync::Arc};

use bytes::Bytes;
use festoon::{
    cache::{Cache, CacheOptions, Manifest, Recipe},
    clock::SystemClock,
    config::Config,
    http::clip_address,
    pick::Pick,
    store::Store,
    template::Library,
};
use festoon_spec::*;
use md5::{Digest as _, Md5};

type Failure = Box<dyn Error + Send + Sync>;

/// A thumbnail, a poster, a usual clip, a large one.
pub const SIZES: [(&str, usize); 4] = [("4k", 4 << 10), ("64k", 64 << 10), ("1m", 1 << 20), ("4m", 4 << 20)];

const TEMPLATE: &str = r##"
painter = "motion"
[canvas]
width = 1280
height = 720
frames = 120
fps = 24
[parameters.title]
kind = "text"
touches = "overlay"
max_graphemes = 40
[parameters.subtitle]
kind = "text"
touches = "overlay"
max_graphemes = 60
[parameters.tint]
kind = "colour"
touches = "overlay"
default = "#ffffff"
[parameters.mood]
kind = "choice"
touches = "overlay"
choices = ["calm", "merry"]
[parameters.framed]
kind = "boolean"
touches = "overlay"
default = false
[palettes.night]
sky = ["#000010", "#202040"]
colours = ["#ffd166"]
[scene]
palette = "night"
[[scene.layers]]
motif = "fireworks"
"##;
const WORDS: &str = r#"
title = "Bench"
description = "A bench."
[parameters.title]
label = "Title"
default = "Hello"
[parameters.subtitle]
label = "Subtitle"
default = "from all of us"
[parameters.tint]
label = "Tint"
[parameters.mood]
label = "Mood"
[parameters.mood.choices]
calm = "Calm"
merry = "Merry"
[parameters.framed]
label = "Framed"
"#;

/// The pairs of a query that no default answers.
const PAIRS: [&str; 5] =
    ["title=Gl%C3%BCckliches+neues+Jahr", "subtitle=from+all+of%20us", "tint=%23ffcc00", "mood=merry", "framed=true"];

/// What is asked for.
pub struct Target {
    pub size: &'static str,
    pub bytes: usize,
    pub clip: String,
    pub blob: String,
    /// The same bytes under the folder of blobs, as a file server names them.
    pub file: String,
}

impl Target {
    /// The clip by all five parameters, in each of their orders.
    pub fn queries(&self) -> Vec<String> {
        let mut orders = vec![Vec::new()];
        for pair in PAIRS {
            let places = orders.iter().flat_map(|order: &Vec<&str>| {
                (0..=order.len()).map(move |at| {
                    let mut longer = order.clone();
                    longer.insert(at, pair);
                    longer
                })
            });
            orders = places.collect();
        }
        orders.iter().map(|order| format!("{}?{}", self.clip.split('?').next().unwrap_or_default(), order.join("&"))).collect()
    }
}

/// An installation in a folder.
pub struct Stock {
    pub config: Config,
    pub targets: Vec<Target>,
}

impl Stock {
    /// Lays the installation out, with `entries` beside the targets; what is there from an earlier run stays.
    pub fn lay_out(root: &Path, port: u16, entries: u32) -> Result<Self, Failure> {
        fs::create_dir_all(root.join("templates/bench/words"))?;
        fs::create_dir_all(root.join("config/feasts"))?;
        fs::write(root.join("templates/bench/template.toml"), TEMPLATE)?;
        fs::write(root.join("templates/bench/words/en.toml"), WORDS)?;
        let mut config = Config::in_folder(root);
        config.server.listen.set_port(port);
        config.schedule.enabled = false;
        config.models.0.clear();
        config.encoder.id = "x264 bench plate/1".into();
        fs::write(root.join("festoon.toml"), toml::to_string(&config)?)?;
        let targets = fill(root, &config, entries)?;
        Ok(Self { config, targets })
    }
}

fn fill(root: &Path, config: &Config, entries: u32) -> Result<Vec<Target>, Failure> {
    let library = Library::open(root.join("templates"))?;
    let (templates, makers) = (library.current(), config.makers()?);
    let template = templates.find("bench")?;
    let usual = Pick::usual("bench".parse()?, "en".parse()?);
    let plate = usual.resolve(template, &makers)?.plate;
    // Before the cache is opened, which takes them in.
    let footage = footage(&plate, 1024);
    for number in 0..entries {
        let plate = PlateSpec { variation: 1000 + number, ..plate.clone() };
        write(&config.state(), &manifest(plate, &footage))?;
        if number % 100_000 == 99_999 {
            eprintln!("{} of {entries} entries written", number + 1);
        }
    }
    tokio::runtime::Runtime::new()?.block_on(async {
        let clock = Arc::new(SystemClock);
        let store = Store::open(&config.state(), clock.clone())?;
        let cache = Cache::open(&store, CacheOptions::default(), clock)?;
        cache.stage_bytes(footage.clone()).await?;
        let mut targets = Vec::new();
        for (variation, (size, bytes)) in SIZES.into_iter().enumerate() {
            let pick = Pick { variation: variation as u32, ..usual.clone() };
            let resolved = pick.resolve(template, &makers)?;
            let footage = self::footage(&resolved.plate, bytes);
            let staged = cache.stage_bytes(footage.clone()).await?;
            let blob = cache.keep(staged, manifest(resolved.plate, &footage)).await?.blob;
            let name = blob.to_string();
            targets.push(Target {
                size,
                bytes,
                clip: clip_address(&resolved.pick),
                blob: format!("/v1/blobs/{blob}.mp4"),
                file: format!("/{}/{name}", &name[..2]),
            });
        }
        Ok(targets)
    })
}

/// Bytes that no compression helps with, of a plate's own.
fn footage(plate: &PlateSpec, bytes: usize) -> Bytes {
    let mut footage = vec![0; bytes];
    blake3::Hasher::new().update(plate.key().as_bytes()).finalize_xof().fill(&mut footage);
    Bytes::from(footage)
}

fn manifest(plate: PlateSpec, footage: &[u8]) -> Manifest {
    let made_at = UnixMillis(1_800_000_000_000);
    let outcome = Outcome {
        blob: BlobHash::of(footage),
        bytes: footage.len() as u64,
        md5: Md5::digest(footage).iter().map(|byte| format!("{byte:02x}")).collect(),
        verdict: Verdict::Passed,
        media: Media { width: 1280, height: 720, frames: 120, fps: 24, codec: "avc1.64001f".into() },
        renderer: RendererInfo { name: "bench".into(), version: "0".into(), device: "cpu".into() },
        timings: Default::default(),
        segmented: None,
        made_at,
    };
    Manifest::new(Recipe::Plate(Box::new(plate)), outcome, made_at)
}

/// Writes a manifest where the cache looks for it. The way through the cache syncs each file: a million would take hours.
fn write(state: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let key = manifest.key.to_string();
    let folder = state.join("manifests").join(&key[..2]);
    let path = folder.join(format!("{key}.json"));
    if !path.exists() {
        fs::create_dir_all(&folder)?;
        fs::write(path, manifest.sealed())?;
    }
    Ok(())
}
