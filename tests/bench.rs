//! Things to order, to keep and to ask for, and a state folder to do it in.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use bytes::Bytes;
use festoon::{
    cache::{Cache, CacheOptions, Entry, Manifest, Recipe},
    clock::{CountingIds, ManualClock},
    queue::{EmbeddedQueue, Order, Policy},
    store::Store,
};
use festoon_spec::*;
use md5::{Digest as _, Md5};

/// When tests begin.
pub const START: UnixMillis = UnixMillis(1_800_000_000_000);
/// The encoder of [`plate`].
pub const ENCODER: &str = "x264 test plate/1";

/// A plate that differs from others by its number.
pub fn plate(number: u32) -> PlateSpec {
    PlateSpec {
        template: "new-year".parse().unwrap(),
        template_digest: Digest::of(b"template"),
        scene: Scene::Motion(MotionScene {
            layers: vec![MotionLayer {
                motif: Motif::Fireworks,
                depth: Milli(0),
                amount: Milli::ONE,
                speed: Milli::ONE,
                scale: Milli::ONE,
            }],
            palette: Palette { sky: vec![Colour([0, 0, 40])], colours: vec![Colour([255, 215, 0])] },
            camera: Camera::new(CameraMove::Static, Milli::ONE),
            finish: Finish::default(),
            looped: false,
        }),
        canvas: Canvas { width: 1280, height: 720, frames: 48, fps: 24 },
        windows: Vec::new(),
        variation: number,
        encoder: EncoderId(ENCODER.into()),
        watermark: None,
    }
}

/// The key of a numbered plate.
pub fn key(number: u32) -> RenderKey {
    plate(number).key()
}

/// A paid order of a numbered plate.
pub fn order(number: u32) -> Order {
    order_of(plate(number))
}

/// A paid order of any plate.
pub fn order_of(spec: PlateSpec) -> Order {
    Order {
        key: spec.key(),
        spec,
        lane: Lane::Paid,
        tenant: TenantId::default(),
        due: None,
        cost_millis: 60_000,
        max_attempts: 3,
        planned: false,
    }
}

/// A renderer that can paint every [`plate`] asks for work.
pub fn ask(renderer: &str) -> LeaseRequest {
    LeaseRequest {
        renderer: renderer.into(),
        capabilities: Capabilities {
            painters: vec![Painter::motion()],
            models: Vec::new(),
            encoders: vec![EncoderId(ENCODER.into())],
        },
        wait_seconds: 0,
    }
}

/// The footage of a numbered plate: no real video, but bytes of its own.
pub fn footage(number: u32, bytes: usize) -> Bytes {
    let mut footage = vec![0; bytes];
    blake3::Hasher::new().update(&number.to_be_bytes()).finalize_xof().fill(&mut footage);
    Bytes::from(footage)
}

/// What a renderer says of some bytes.
pub fn outcome(bytes: &[u8]) -> Outcome {
    Outcome {
        blob: BlobHash::of(bytes),
        bytes: bytes.len() as u64,
        md5: Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        verdict: Verdict::Passed,
        media: Media { width: 1280, height: 720, frames: 48, fps: 24, codec: "avc1.64001f".into() },
        renderer: RendererInfo { name: "r1".into(), version: "0.1.0".into(), device: "cpu".into() },
        timings: BTreeMap::new(),
        segmented: None,
        made_at: START,
    }
}

/// What a renderer says of a plate in segments, and the blobs beside the whole file: an index, the segments, the mezzanine.
pub fn outcome_in_segments(bytes: &[u8], parts: &[Bytes]) -> Outcome {
    let part = |bytes: &Bytes| Part { blob: BlobHash::of(bytes), bytes: bytes.len() as u64 };
    let [init, segments @ .., mezzanine] = parts else { panic!("an index, a segment and a mezzanine at least") };
    let frames = |start| FrameRange { start, end: start + 1 };
    let held = |(start, bytes): (u32, &Bytes)| FramesPart { frames: frames(start), part: part(bytes) };
    let segmented =
        Segmented { init: part(init), segments: (0..).zip(segments).map(held).collect(), mezzanines: vec![held((0, mezzanine))] };
    Outcome { segmented: Some(segmented), ..outcome(bytes) }
}

/// Keeps a numbered plate in segments.
pub async fn keep_in_segments(cache: &Cache, number: u32, footage: &Bytes, parts: &[Bytes]) -> Entry {
    let whole = cache.stage_bytes(footage.clone()).await.unwrap();
    let mut staged = Vec::new();
    for part in parts {
        staged.push(cache.stage_bytes(part.clone()).await.unwrap());
    }
    let manifest = Manifest::new(Recipe::Plate(Box::new(plate(number))), outcome_in_segments(footage, parts), START);
    cache.keep_all(whole, staged, manifest).await.unwrap()
}

/// Keeps a numbered plate.
pub async fn keep(cache: &Cache, number: u32, footage: &Bytes) -> Entry {
    let staged = cache.stage_bytes(footage.clone()).await.unwrap();
    let manifest = Manifest::new(Recipe::Plate(Box::new(plate(number))), outcome(footage), START);
    cache.keep(staged, manifest).await.unwrap()
}

/// A state folder with clock and ids.
#[derive(Debug)]
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
    pub ids: Arc<CountingIds>,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::at(START)),
            ids: Arc::new(CountingIds::default()),
        }
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn store(&self) -> Store {
        Store::open(&self.state(), self.clock.clone()).unwrap()
    }

    pub fn queue(&self, store: &Store, policy: Policy) -> EmbeddedQueue {
        EmbeddedQueue::open(store, policy, self.clock.clone(), self.ids.clone()).unwrap()
    }

    pub fn cache(&self, store: &Store) -> Cache {
        self.cache_of(store, CacheOptions::default())
    }

    pub fn cache_of(&self, store: &Store, options: CacheOptions) -> Cache {
        Cache::open(store, options, self.clock.clone()).unwrap()
    }

    /// Where a blob lies.
    pub fn blob_path(&self, blob: &BlobHash) -> PathBuf {
        let name = blob.to_string();
        self.state().join("blobs").join(&name[..2]).join(name)
    }

    /// Where a manifest lies.
    pub fn manifest_path(&self, key: &RenderKey) -> PathBuf {
        let name = key.to_string();
        self.state().join("manifests").join(&name[..2]).join(format!("{name}.json"))
    }
}
