//! SIGTERM and SIGINT.

use std::{
    os::unix::process::ExitStatusExt,
    sync::{Arc, OnceLock},
};

use festoon_spec::FailureKind;

use crate::{
    origin::{Origin, lease},
    plates, program,
};

#[test]
fn a_renderer_without_work_goes_at_once() {
    let origin = Origin::open([]);
    let renderer = program::run(&origin, &[], &[]);
    origin.wait("a request for work", |desk| (!desk.asked.is_empty()).then_some(()));
    let log = renderer.drain();
    assert!(log.iter().any(|line| line.contains("renderer drained")), "{log:#?}");
}

#[test]
fn a_plate_that_takes_longer_is_handed_back() {
    let lease = lease(1, plates::endless());
    let origin = Origin::open([lease.clone()]);
    let renderer = program::run(&origin, &[("DRAIN__FINISH_SECONDS", "0")], &[]);
    origin.progress(&lease.job);
    renderer.signal(libc::SIGINT);
    let failure = origin.failure(&lease.job);
    assert_eq!((failure.kind, failure.reason.as_str()), (FailureKind::HandedBack, "the renderer stops"));
    let (status, log) = renderer.end();
    assert!(status.success(), "{status}: {log:#?}");
}

#[test]
fn a_plate_that_is_ready_in_time_is_finished() {
    let leases = [lease(1, plates::small()), lease(2, plates::small())];
    let origin = Origin::open(leases.clone());
    let process = Arc::new(OnceLock::new());
    let painted = process.clone();
    // The signal comes when the plate is painted and on its way.
    origin.with(|desk| desk.before_put = Some(Box::new(move || program::signal(*painted.wait(), libc::SIGTERM))));
    let renderer = program::run(&origin, &[("DRAIN__FINISH_SECONDS", "600")], &[]);
    process.set(renderer.id()).unwrap();
    origin.hand_in(&leases[0].job);
    let (status, log) = renderer.end();
    assert!(status.success(), "{status}: {log:#?}");
    origin.with(|desk| assert_eq!(desk.leases.len(), 1, "no work is taken while draining"));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let lease = lease(1, plates::endless());
    let origin = Origin::open([lease.clone()]);
    let mut renderer = program::run(&origin, &[("DRAIN__FINISH_SECONDS", "100000")], &[]);
    origin.progress(&lease.job);
    renderer.signal(libc::SIGTERM);
    renderer.wait_for_line("draining");
    renderer.signal(libc::SIGTERM);
    let (status, _) = renderer.end();
    assert_eq!((status.code(), status.signal()), (Some(128 + libc::SIGTERM), None));
    origin.with(|desk| assert!(desk.failures.is_empty() && desk.handed_in.is_empty()));
}
