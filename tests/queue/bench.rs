//! Queues under test, and things to put into them.

use std::sync::Arc;

use festoon::{
    clock::{CountingIds, ManualClock},
    queue::{EmbeddedQueue, JobQueue, Order, Policy},
    store::Store,
};
use festoon_spec::*;

/// When tests begin.
pub const START: UnixMillis = UnixMillis(1_800_000_000_000);

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
            camera: Camera { movement: CameraMove::Static, amount: Milli::ONE },
            finish: Finish { glow: Milli(0), grain: Milli(0), vignette: Milli(0) },
            looped: false,
        }),
        canvas: Canvas { width: 1280, height: 720, frames: 48, fps: 24 },
        variation: number,
        encoder: EncoderId("x264 test plate/1".into()),
        watermark: None,
    }
}

/// A paid order of a numbered plate.
pub fn order(number: u32) -> Order {
    let spec = plate(number);
    Order { key: spec.key(), spec, lane: Lane::Paid, tenant: TenantId::default(), due: None, cost_millis: 60_000, max_attempts: 3 }
}

/// A renderer that can paint every [`plate`] asks for work.
pub fn ask(renderer: &str) -> LeaseRequest {
    LeaseRequest {
        renderer: renderer.into(),
        capabilities: Capabilities {
            painters: vec![Painter::motion()],
            models: Vec::new(),
            encoders: vec![EncoderId("x264 test plate/1".into())],
        },
        wait_seconds: 0,
    }
}

/// An embedded queue in a folder of its own.
pub struct Embedded {
    pub folder: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
    pub ids: Arc<CountingIds>,
}

impl Embedded {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::at(START)),
            ids: Arc::new(CountingIds::default()),
        }
    }

    pub fn queue(&self) -> Arc<dyn JobQueue> {
        let store = Store::open(self.folder.path(), self.clock.clone()).unwrap();
        Arc::new(EmbeddedQueue::open(&store, Policy::default(), self.clock.clone(), self.ids.clone()).unwrap())
    }
}
