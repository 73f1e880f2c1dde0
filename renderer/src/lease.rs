//! What is done with one lease: check it, have it painted, keep it meanwhile, hand in or say why not.
//!
//! | what happens | what the server is told | then |
//! |---|---|---|
//! | painted | bytes, then the hand-in | next lease |
//! | a fault | `fail` with the fault's kind | next lease; after a device fault the process ends |
//! | the server cancels | handed back at the next step | next lease |
//! | the lease is lost (409) | nothing: somebody else has the job | the painting stops at the next step; next lease |
//! | SIGTERM, ready in time | as if painted | the process ends |
//! | SIGTERM, not ready in time | handed back at the next step | the process ends |
//!
//! A server that is away for longer than the lease does not stop the painting: if it comes back before it has given the
//! job away, the plate is still welcome, and if not, it says so.

use std::{
    cell::OnceCell,
    time::{Duration, Instant},
};

use bytes::Bytes;
use festoon_film::Cancel;
use festoon_spec::{
    BlobHash, Canvas, Capabilities, Failure, FailureKind, HandIn, Lease, Outcome, RendererInfo, Renewal, Scene, Stage,
    UnixMillis, WanScene,
};
use md5::{Digest as _, Md5};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    config::{LeaseTimes, Limits},
    drain::Drain,
    easel::{Easel, Order},
    fault::Fault,
    plate::Made,
    progress::Told,
    server::{Server, ServerError},
};

/// How long a draining process tries to hand a job back; if it cannot, the lease runs out by itself.
const FAREWELL: Duration = Duration::from_secs(5);

/// What became of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The renderer may take the next one.
    Free,
    /// The device failed: the process must end.
    DeviceFault,
}

/// What works on leases, one after the other.
#[derive(Debug)]
pub struct Bench {
    /// Whom to tell.
    pub server: Server,
    /// Who paints.
    pub easel: Easel,
    /// What can be painted.
    pub capabilities: Capabilities,
    /// Who says so.
    pub renderer: RendererInfo,
    /// The largest plate.
    pub limits: Limits,
    /// When to renew.
    pub times: LeaseTimes,
    /// How long a plate may still take when the process drains.
    pub finish: Duration,
    /// Where the time of making comes from.
    pub clock: fn() -> UnixMillis,
}

/// Why a plate was not handed in.
enum Missed {
    Fault(Fault),
    /// The server has given the job away.
    Lost,
    /// The server does not take the plate, or does not answer any more.
    Server(ServerError),
}

impl Bench {
    /// Works on a lease until nothing is left to do for it. Every outcome is logged here, once.
    pub async fn work(&self, lease: &Lease, drain: &Drain) -> Ended {
        let began = Instant::now();
        let (key, painter) = (lease.key.short(), lease.spec.scene.painter());
        let job = &lease.job;
        tracing::info!(key, %job, template = %lease.spec.template, %painter, attempt = lease.attempt, "plate leased");
        let why = OnceCell::new();
        let missed = match self.paint_and_hand_in(lease, drain, &why).await {
            Ok(outcome) => {
                let (millis, bytes) = (began.elapsed().as_millis() as u64, outcome.bytes);
                let timings: Vec<String> = outcome.timings.iter().map(|(stage, ms)| format!("{stage}={ms}")).collect();
                tracing::info!(key, %job, template = %lease.spec.template, %painter, ms = millis, timings = timings.join(" "), bytes, "plate handed in");
                return Ended::Free;
            }
            Err(missed) => missed,
        };
        let fault = match missed {
            Missed::Lost => {
                tracing::info!(key, %job, "lease lost; its plate is dropped");
                return Ended::Free;
            }
            Missed::Server(error) => {
                let kind = if error.is_passing() { FailureKind::Transient } else { FailureKind::Permanent };
                tracing::warn!(key, %job, %error, "plate not taken");
                self.report(lease, drain, format!("the plate was not taken: {error}"), kind).await;
                return Ended::Free;
            }
            Missed::Fault(fault) => fault,
        };
        let kind = fault.kind(lease.attempt);
        let reason = why.get().map_or_else(|| fault.to_string(), |why: &&str| (*why).to_owned());
        if kind == FailureKind::HandedBack {
            tracing::info!(key, %job, reason, "plate handed back");
        } else {
            tracing::warn!(key, %job, template = %lease.spec.template, %painter, attempt = lease.attempt, ?kind, reason, "plate failed");
        }
        self.report(lease, drain, reason, kind).await;
        if matches!(fault, Fault::Device(_)) { Ended::DeviceFault } else { Ended::Free }
    }

    async fn paint_and_hand_in(&self, lease: &Lease, drain: &Drain, why: &OnceCell<&'static str>) -> Result<Outcome, Missed> {
        self.check(lease).map_err(Missed::Fault)?;
        let stop = Cancel::default();
        let (told, heard) = watch::channel(None);
        let order = Order { key: lease.key, spec: lease.spec.clone(), stop: stop.clone(), told: told.clone() };
        let painting = self.easel.paint(order);
        let lost = self.keep(lease, heard.clone(), &stop, why);
        let time_is_up = self.mind(drain, heard);
        tokio::pin!(painting, lost, time_is_up);

        let made = tokio::select! {
            made = &mut painting => made,
            () = &mut lost => {
                stop.cancel();
                // The next plate needs the easel: wait until it is free.
                let _ = painting.await;
                return Err(Missed::Lost);
            }
            () = &mut time_is_up => {
                let _ = why.set("the renderer stops");
                stop.cancel();
                // What is made in this very moment is handed back too.
                return Err(Missed::Fault(painting.await.err().unwrap_or(Fault::Stopped)));
            }
        };
        let made = made.map_err(Missed::Fault)?;
        told.send_replace(Some(Told::ready()));
        tokio::select! {
            handed = self.hand_in(lease, made) => handed.map_err(|error| match error {
                ServerError::LeaseLost => Missed::Lost,
                other => Missed::Server(other),
            }),
            () = &mut lost => Err(Missed::Lost),
            () = &mut time_is_up => {
                let _ = why.set("the renderer stops");
                Err(Missed::Fault(Fault::Stopped))
            }
        }
    }

    /// What can be known of a plate before it is painted.
    fn check(&self, lease: &Lease) -> Result<(), Fault> {
        let computed = lease.spec.key();
        if computed != lease.key {
            return Err(Fault::WrongKey { leased: lease.key, computed });
        }
        let needs = lease.spec.needs();
        if !self.capabilities.meet(&needs) {
            return Err(Fault::Unmet(Box::new(needs)));
        }
        self.check_size("canvas", &lease.spec.canvas)?;
        match &lease.spec.scene {
            Scene::Wan(WanScene { adapted: Some(adapted), .. }) => self.check_size("adapted.painted", &adapted.painted),
            _ => Ok(()),
        }
    }

    fn check_size(&self, of: &'static str, canvas: &Canvas) -> Result<(), Fault> {
        let pixels = u64::from(canvas.width) * u64::from(canvas.height) * u64::from(canvas.frames);
        for (what, asked, limit) in [
            ("width", canvas.width.into(), self.limits.max_width.into()),
            ("height", canvas.height.into(), self.limits.max_height.into()),
            ("frames", canvas.frames.into(), self.limits.max_frames.into()),
            ("pixels", pixels, self.limits.max_pixels),
        ] {
            if asked > limit {
                return Err(Fault::TooLarge { what: format!("{of}.{what}"), asked, limit });
            }
        }
        Ok(())
    }

    /// Renews the lease with the newest progress until it is lost: at a third of its time, or sooner if there is news.
    async fn keep(&self, lease: &Lease, mut heard: watch::Receiver<Option<Told>>, stop: &Cancel, why: &OnceCell<&'static str>) {
        let mut lasts = lease.lease_millis;
        loop {
            let due = Duration::from_millis(lasts / 3);
            let pause = due.min(Duration::from_millis(self.times.progress_millis));
            tokio::select! {
                () = sleep(due) => {}
                () = async { sleep(pause).await; news(&mut heard).await } => {}
            }
            let progress = heard.borrow_and_update().map(|told| told.progress);
            match self.server.renew(&lease.job, &Renewal { epoch: lease.epoch, progress }).await {
                Ok(answer) => {
                    lasts = answer.lease_millis;
                    if answer.cancel && why.set("cancelled").is_ok() {
                        stop.cancel();
                    }
                }
                Err(ServerError::LeaseLost) => return,
                Err(error) if error.is_passing() => {}
                Err(error) => {
                    tracing::warn!(key = lease.key.short(), job = %lease.job, %error, "lease not renewed");
                    return;
                }
            }
        }
    }

    /// Ends when the process drains and this plate has no time left.
    async fn mind(&self, drain: &Drain, heard: watch::Receiver<Option<Told>>) {
        drain.begun().await;
        let left = heard.borrow().and_then(|told| told.left());
        if left.is_some_and(|left| left <= self.finish) {
            sleep(self.finish).await;
        }
    }

    async fn hand_in(&self, lease: &Lease, made: Made) -> Result<Outcome, ServerError> {
        let Made { mp4, media, segmented, parts, verdict, mut timings } = made;
        let began = Instant::now();
        let blob = BlobHash::of(&mp4);
        for (part, bytes) in parts {
            self.server.put_blob(&lease.job, lease.epoch, &part, bytes).await?;
        }
        self.server.put_blob(&lease.job, lease.epoch, &blob, mp4.clone()).await?;
        Outcome::spent(&mut timings, Stage::HandIn, began.elapsed().as_millis() as u64);
        let outcome = Outcome {
            blob,
            bytes: mp4.len() as u64,
            md5: md5(&mp4),
            verdict,
            media,
            renderer: self.renderer.clone(),
            timings,
            made_at: (self.clock)(),
            segmented: Some(segmented),
        };
        let hand_in = HandIn { epoch: lease.epoch, outcome };
        self.server.hand_in(&lease.job, &hand_in).await?;
        Ok(hand_in.outcome)
    }

    async fn report(&self, lease: &Lease, drain: &Drain, reason: String, kind: FailureKind) {
        let failure = Failure { epoch: lease.epoch, reason, kind };
        let report = self.server.fail(&lease.job, &failure);
        let answer = if drain.has_begun() {
            timeout(FAREWELL, report).await.unwrap_or(Ok(()))
        } else {
            // A drain that begins now must not wait for a server that is gone.
            tokio::select! {
                answer = report => answer,
                () = async { drain.begun().await; sleep(FAREWELL).await } => Ok(()),
            }
        };
        match answer {
            Ok(()) | Err(ServerError::LeaseLost) => {}
            Err(error) => tracing::warn!(key = lease.key.short(), job = %lease.job, %error, "failure not reported"),
        }
    }
}

/// Waits for a telling that was not seen yet; for ever once nobody tells any more.
async fn news(heard: &mut watch::Receiver<Option<Told>>) {
    if heard.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// 32 lower-case digits.
fn md5(bytes: &Bytes) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
