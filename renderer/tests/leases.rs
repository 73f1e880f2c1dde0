//! Leases, through the real program and, where a painter must misbehave, through the same job boundary in this process.

use std::time::Duration;

use festoon_film::{Expectation, X264, probe};
use festoon_renderer::{
    config::Config,
    drain::Drain,
    easel::Easel,
    fault::Fault,
    lease::{Bench, Ended},
    painter::{Frames, Painter},
    progress::{Plan, READY, Teller},
    server::Server,
};
use festoon_spec::{
    BlobHash, Capabilities, FailureKind, FrameRange, JobId, Lease, PlateSpec, RenderKey, RendererInfo, Stage, UnixMillis, Verdict,
};

use crate::{
    origin::{Origin, TOKEN, lease},
    plates, program,
};

#[test]
fn a_motion_plate_is_leased_painted_and_handed_in() {
    let window = FrameRange { start: 3, end: 9 };
    let spec = PlateSpec { windows: vec![window], ..plates::small() };
    let lease = lease(1, spec.clone());
    let origin = Origin::open([lease.clone()]);
    let renderer = program::run(&origin, &[], &[]);

    let hand_in = origin.hand_in(&lease.job);
    let (asked, bytes) = origin.with(|desk| (desk.asked[0].clone(), desk.blobs[&hand_in.outcome.blob].clone()));
    assert_eq!(asked.renderer, "tester");
    assert!(asked.capabilities.meet(&spec.needs()));
    let outcome = hand_in.outcome;
    assert_eq!(hand_in.epoch, lease.epoch);
    assert_eq!(outcome.media, probe(&bytes).unwrap());
    let media = (outcome.media.width, outcome.media.height, outcome.media.frames, outcome.media.fps);
    assert_eq!(media, (160, 96, 12, 24));
    assert_eq!((outcome.bytes, outcome.blob), (bytes.len() as u64, BlobHash::of(&bytes)));
    assert_eq!(outcome.verdict, Verdict::Passed);
    assert_eq!((outcome.renderer.name.as_str(), outcome.renderer.device.as_str()), ("tester", "cpu"));
    assert_eq!(outcome.md5.len(), 32);
    let segmented = outcome.segmented.unwrap();
    let segments: Vec<_> = segmented.segments.iter().map(|held| (held.frames.start, held.frames.end)).collect();
    assert_eq!(segments, [(0, 3), (3, 9), (9, 12)]);
    assert_eq!(segmented.mezzanines.iter().map(|held| held.frames).collect::<Vec<_>>(), [window]);
    assert!(outcome.timings.contains_key("paint") && outcome.timings.contains_key("encode"), "{:?}", outcome.timings);

    let log = renderer.drain();
    assert!(log.iter().any(|line| line.contains("plate leased") && line.contains(&spec.key().short())), "{log:#?}");
    assert!(log.iter().any(|line| line.contains("plate handed in") && line.contains("painter=motion/4")), "{log:#?}");
    assert!(!log.iter().any(|line| line.contains("WARN") || line.contains("ERROR")), "{log:#?}");
}

#[test]
fn the_same_plate_is_the_same_bytes_again() {
    let leases = [lease(1, plates::small()), lease(2, plates::small())];
    let origin = Origin::open(leases.clone());
    let renderer = program::run(&origin, &[], &[]);
    let [first, second] = leases.map(|lease| origin.hand_in(&lease.job).outcome.blob);
    assert_eq!(first, second);
    renderer.drain();
}

#[test]
fn a_key_that_is_not_the_specs_is_refused_for_good() {
    let mut lease = lease(1, plates::small());
    lease.key = RenderKey::from_bytes([9; 32]);
    let origin = Origin::open([lease.clone()]);
    let renderer = program::run(&origin, &[], &[]);
    let failure = origin.failure(&lease.job);
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert!(failure.reason.starts_with("key does not match: the lease says 0909"), "{}", failure.reason);
    renderer.drain();
}

#[test]
fn a_plate_that_needs_another_encoder_is_left_to_others() {
    let mut spec = plates::small();
    spec.encoder.0 = "x264 9.9.9 plate/1".into();
    let lease = lease(1, spec);
    let origin = Origin::open([lease.clone()]);
    let renderer = program::run(&origin, &[], &[]);
    let failure = origin.failure(&lease.job);
    assert_eq!(failure.kind, FailureKind::Transient);
    assert!(failure.reason.contains("encoder x264 9.9.9 plate/1"), "{}", failure.reason);
    renderer.drain();
}

#[test]
fn a_plate_above_the_limits_is_refused_by_the_field() {
    let lease = lease(1, plates::small());
    let origin = Origin::open([lease.clone()]);
    let renderer = program::run(&origin, &[("LIMITS__MAX_FRAMES", "11")], &[]);
    let failure = origin.failure(&lease.job);
    assert_eq!(failure.reason, "canvas.frames is 12: this renderer's limit is 11");
    renderer.drain();
}

#[test]
fn a_mark_that_nobody_can_draw_is_refused_and_not_left_out() {
    let mut spec = plates::small();
    spec.watermark = Some("festoon".into());
    let lease = lease(1, spec);
    let origin = Origin::open([lease.clone()]);
    let renderer = program::run(&origin, &[], &[]);
    let failure = origin.failure(&lease.job);
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert!(failure.reason.contains("watermark"), "{}", failure.reason);
    renderer.drain();
}

#[test]
fn a_cancelled_job_is_handed_back_and_the_next_one_painted() {
    let leases = [lease(1, plates::endless()), lease(2, plates::small())];
    let origin = Origin::open(leases.clone());
    origin.with(|desk| desk.cancelled.push(leases[0].job.clone()));
    let renderer = program::run(&origin, &[], &[]);
    let failure = origin.failure(&leases[0].job);
    assert_eq!((failure.kind, failure.reason.as_str()), (FailureKind::HandedBack, "cancelled"));
    origin.hand_in(&leases[1].job);
    renderer.drain();
}

#[test]
fn a_lost_lease_is_dropped_without_a_word() {
    let leases = [lease(1, plates::endless()), lease(2, plates::small())];
    let origin = Origin::open(leases.clone());
    let renderer = program::run(&origin, &[], &[]);
    origin.progress(&leases[0].job);
    origin.with(|desk| desk.lost.push(leases[0].job.clone()));
    origin.hand_in(&leases[1].job);
    origin.with(|desk| assert!(desk.failures.is_empty() && desk.handed_in.len() == 1));
    let log = renderer.drain();
    assert!(log.iter().any(|line| line.contains("lease lost")), "{log:#?}");
}

#[test]
fn a_lease_that_is_lost_while_the_bytes_travel_is_dropped_too() {
    let leases = [lease(1, plates::small()), lease(2, plates::small())];
    let origin = Origin::open(leases.clone());
    origin.with(|desk| desk.lost.push(leases[0].job.clone()));
    let renderer = program::run(&origin, &[("LEASE__PROGRESS_MILLIS", "60000")], &[]);
    origin.hand_in(&leases[1].job);
    origin.with(|desk| assert!(desk.failures.is_empty() && desk.handed_in.len() == 1));
    renderer.drain();
}

#[test]
fn a_server_that_is_away_is_waited_for_and_told_of_once() {
    let lease = lease(1, plates::small());
    let origin = Origin::open([lease.clone()]);
    origin.with(|desk| desk.unavailable = vec!["/v1/leases"; 3]);
    let renderer = program::run(&origin, &[], &[]);
    origin.hand_in(&lease.job);
    let log = renderer.drain();
    let count = |text: &str| log.iter().filter(|line| line.contains(text)).count();
    assert_eq!((count("the server does not answer"), count("the server answers again")), (1, 1), "{log:#?}");
}

#[test]
fn a_hand_in_survives_a_server_that_is_away_for_a_moment() {
    let lease = lease(1, plates::small());
    let origin = Origin::open([lease.clone()]);
    origin.with(|desk| desk.unavailable = vec!["/v1/blobs/", "/v1/blobs/", "/hand-in"]);
    let renderer = program::run(&origin, &[], &[]);
    origin.hand_in(&lease.job);
    origin.with(|desk| assert!(desk.unavailable.is_empty() && desk.failures.is_empty()));
    renderer.drain();
}

#[test]
fn a_plate_that_the_server_does_not_take_is_given_up_with_its_words() {
    let lease = lease(1, plates::small());
    let origin = Origin::open([lease.clone()]);
    origin.with(|desk| desk.full = true);
    let renderer = program::run(&origin, &[], &[]);
    let failure = origin.failure(&lease.job);
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert!(failure.reason.ends_with("answers 413 Payload Too Large: test: too large"), "{}", failure.reason);
    renderer.drain();
}

/// Does as the variation says.
struct Moody;

impl Painter for Moody {
    fn ids(&self) -> Vec<festoon_spec::Painter> {
        vec![festoon_spec::Painter::motion()]
    }
    fn plan(&self, _: &PlateSpec) -> Plan {
        &[(Stage::Paint, READY)]
    }
    fn paint(&mut self, _: &RenderKey, spec: &PlateSpec, _: &mut Teller) -> Result<Box<dyn Frames>, Fault> {
        match spec.variation {
            1 => panic!("out of paint"),
            2 => Err(Fault::Device("CUDA error: an illegal memory access".into())),
            3 => Err(Fault::OutOfMemory("tried to allocate 60 GiB".into())),
            number => Ok(Box::new(Stripes(number == 4))),
        }
    }
}

/// Stripes that move, or nothing at all.
struct Stripes(bool);

impl Frames for Stripes {
    fn stage(&self) -> Stage {
        Stage::Paint
    }
    fn expectation(&self) -> Expectation {
        Expectation::default()
    }
    fn frame(&mut self, index: u32, rgb: &mut [u8]) -> Result<(), Fault> {
        for (at, pixel) in rgb.chunks_exact_mut(3).enumerate() {
            pixel.fill(if self.0 { 0 } else { ((at as u32 / 8 + index * 4) % 16 * 12 + 30) as u8 });
        }
        Ok(())
    }
}

/// The job boundary of the program, with a painter that misbehaves.
async fn work(leases: &[Lease]) -> (Origin, Vec<Ended>) {
    let origin = Origin::open(leases.to_vec());
    let mut config = Config::load(None).unwrap();
    config.server = origin.address.clone();
    config.token = TOKEN.to_owned().into();
    let capabilities =
        Capabilities { painters: vec![festoon_spec::Painter::motion()], models: Vec::new(), encoders: vec![plates::encoder()] };
    let bench = Bench {
        server: Server::new(&config).unwrap(),
        easel: Easel::set_up(vec![Box::new(Moody)], Box::new(X264::find().unwrap())).unwrap(),
        capabilities,
        renderer: RendererInfo { name: "moody".into(), version: "0".into(), device: "cpu".into() },
        limits: config.limits.clone(),
        times: config.lease.clone(),
        finish: Duration::ZERO,
        clock: || UnixMillis(1_800_000_000_000),
    };
    let drain = Drain::on_signals().unwrap();
    origin.with(|desk| desk.accept_all());
    let mut ended = Vec::new();
    for lease in leases {
        ended.push(bench.work(lease, &drain).await);
    }
    (origin, ended)
}

fn variation(number: u32) -> Lease {
    let mut spec = plates::small();
    spec.variation = number;
    lease(number, spec)
}

#[tokio::test]
async fn a_panic_fails_its_own_plate_and_no_other() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let leases = [variation(0), variation(1), variation(5)];
    let (origin, ended) = work(&leases).await;
    assert_eq!(ended, [Ended::Free; 3]);
    let failure = origin.failure(&leases[1].job);
    assert_eq!(failure.kind, FailureKind::Transient);
    assert_eq!(failure.reason, "the painter panicked: out of paint");
    for lease in [&leases[0], &leases[2]] {
        assert_eq!(origin.hand_in(&lease.job).outcome.made_at, UnixMillis(1_800_000_000_000));
    }
}

#[tokio::test]
async fn a_device_fault_is_reported_and_ends_the_process() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let leases = [variation(2)];
    let (origin, ended) = work(&leases).await;
    assert_eq!(ended, [Ended::DeviceFault]);
    assert_eq!(origin.failure(&leases[0].job).kind, FailureKind::Transient);
}

#[tokio::test]
async fn memory_that_runs_out_is_tried_once_more() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut again = variation(3);
    (again.job, again.attempt) = (JobId("f".repeat(32)), 2);
    let leases = [variation(3), again];
    let (origin, ended) = work(&leases).await;
    assert_eq!(ended, [Ended::Free; 2]);
    assert_eq!(origin.failure(&leases[0].job).kind, FailureKind::Transient);
    assert_eq!(origin.failure(&leases[1].job).kind, FailureKind::Permanent);
}

#[tokio::test]
async fn a_black_picture_is_rejected_for_good() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let leases = [variation(4)];
    let (origin, _) = work(&leases).await;
    let failure = origin.failure(&leases[0].job);
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert!(failure.reason.starts_with("the picture was rejected: black"), "{}", failure.reason);
}
