//! How far a plate is, told by the thread that paints it and heard by the task that keeps its lease; the other way round,
//! the wish to stop.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use festoon_film::Cancel;
use festoon_spec::{Outcome, Progress, Stage};
use tokio::sync::watch;

use crate::fault::Fault;

/// The stages of a painter with the thousandths of the whole job that each usually takes, in order. What is missing to a
/// thousand is left for handing in.
pub type Plan = &'static [(Stage, u16)];

/// The thousandths of a job that are done when its bytes are ready to be handed in.
pub const READY: u16 = 980;

/// How far a plate is when `done` of `of` steps of a stage are done.
fn permille(plan: Plan, stage: Stage, done: u32, of: u32) -> u16 {
    let mut before = 0;
    for &(each, weight) in plan {
        if each == stage {
            let share = u64::from(weight) * u64::from(done.min(of)) / u64::from(of.max(1));
            return before + share as u16;
        }
        before += weight;
    }
    before
}

/// The painting thread's end.
#[derive(Debug)]
pub struct Teller {
    stop: Cancel,
    told: watch::Sender<Option<Progress>>,
    plan: Plan,
    stage: Option<(Stage, Instant)>,
    timings: BTreeMap<String, u64>,
}

impl Teller {
    /// Tells into `told`, until `stop` is set.
    pub fn new(stop: Cancel, told: watch::Sender<Option<Progress>>) -> Self {
        Self { stop, told, plan: &[], stage: None, timings: BTreeMap::new() }
    }

    /// Takes the painter's stages.
    pub fn plan(&mut self, plan: Plan) {
        self.plan = plan;
    }

    /// Tells that `done` of `of` steps of a stage are done. The first telling of a stage starts its time, which runs until
    /// another stage is told or [`Teller::close_stage`].
    ///
    /// # Errors
    /// [`Fault::Stopped`] if somebody asked to stop.
    pub fn tell(&mut self, stage: Stage, done: u32, of: u32) -> Result<(), Fault> {
        if self.stage.is_none_or(|(now, _)| now != stage) {
            self.close_stage();
            self.stage = Some((stage, Instant::now()));
        }
        self.tell_untimed(stage, done, of)
    }

    /// The same for stages that run side by side; their time is added with [`Teller::spent`].
    ///
    /// # Errors
    /// [`Fault::Stopped`] if somebody asked to stop.
    pub fn tell_untimed(&mut self, stage: Stage, done: u32, of: u32) -> Result<(), Fault> {
        if self.stop.is_cancelled() {
            return Err(Fault::Stopped);
        }
        self.told.send_replace(Some(Progress { stage, done, of, permille: permille(self.plan, stage, done, of) }));
        Ok(())
    }

    /// Ends the time of the stage that was told last.
    pub fn close_stage(&mut self) {
        if let Some((stage, since)) = self.stage.take() {
            self.spent(stage, since.elapsed());
        }
    }

    /// Adds time to a stage.
    pub fn spent(&mut self, stage: Stage, time: Duration) {
        Outcome::spent(&mut self.timings, stage, time.as_millis() as u64);
    }

    /// Whom to ask whether to stop.
    pub fn stop(&self) -> &Cancel {
        &self.stop
    }

    /// Milliseconds per stage.
    pub fn into_timings(self) -> BTreeMap<String, u64> {
        self.timings
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PLAN: Plan = &[(Stage::Load, 100), (Stage::Denoise, 800), (Stage::Encode, 80)];

    #[test]
    fn the_whole_grows_through_the_stages_up_to_handing_in() {
        assert_eq!(permille(PLAN, Stage::Load, 0, 1), 0);
        assert_eq!(permille(PLAN, Stage::Denoise, 0, 40), 100);
        assert_eq!(permille(PLAN, Stage::Denoise, 20, 40), 500);
        assert_eq!(permille(PLAN, Stage::Encode, 17, 17), READY);
        assert_eq!(permille(PLAN, Stage::HandIn, 0, 1), READY);
    }

    #[test]
    fn a_stop_is_met_at_the_next_telling() {
        let stop = Cancel::default();
        let (told, heard) = watch::channel(None);
        let mut teller = Teller::new(stop.clone(), told);
        teller.plan(PLAN);
        teller.tell(Stage::Denoise, 1, 4).unwrap();
        assert_eq!(heard.borrow().unwrap(), Progress { stage: Stage::Denoise, done: 1, of: 4, permille: 300 });
        stop.cancel();
        assert!(matches!(teller.tell(Stage::Denoise, 2, 4), Err(Fault::Stopped)));
    }
}
