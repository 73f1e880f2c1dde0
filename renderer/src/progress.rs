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

/// A stage that usually takes fewer thousandths than this says nothing of how long the others take.
const TELLING: u16 = 100;

/// The thousandths of a job that are done when its bytes are ready to be handed in.
pub const READY: u16 = 980;

/// What is told of a plate: how far it is, for whoever watches; how long it still takes, for the renderer's own decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// How far it is.
    pub progress: Progress,
    /// How long it still took when this was told, as far as that could be known.
    left: Option<Duration>,
    at: Instant,
}

impl Told {
    /// The bytes are ready: only handing in is left.
    pub fn ready() -> Self {
        let progress = Progress { stage: Stage::HandIn, done: 0, of: 1, permille: READY };
        Self { progress, left: Some(Duration::ZERO), at: Instant::now() }
    }

    /// How long it still takes; `None` as long as nothing can be said.
    pub fn left(&self) -> Option<Duration> {
        self.left.map(|left| left.saturating_sub(self.at.elapsed()))
    }
}

/// How long a job goes on when `done` of `of` steps of a stage took `spent`: the rest of the stage at the same pace, and for
/// each later stage what the plan says that it takes beside this one. The plan's shares are the usual ones and not this job's
/// (steps, sizes and machines differ), so a small stage, or one of which nothing is done, says nothing.
fn left(plan: Plan, stage: Stage, done: u32, of: u32, spent: Duration) -> Option<Duration> {
    let place = plan.iter().position(|(each, _)| *each == stage)?;
    let (own, done) = (plan[place].1, done.min(of));
    if own < TELLING || done == 0 {
        return None;
    }
    let later: u16 = plan[place + 1..].iter().map(|(_, weight)| weight).sum();
    let whole = spent.mul_f64(f64::from(of) / f64::from(done));
    Some(whole.saturating_sub(spent) + whole.mul_f64(f64::from(later) / f64::from(own)))
}

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
    told: watch::Sender<Option<Told>>,
    plan: Plan,
    /// The stage whose time is measured.
    stage: Option<(Stage, Instant)>,
    /// The stage that was told last, and when it was told first.
    began: Option<(Stage, Instant)>,
    timings: BTreeMap<String, u64>,
}

impl Teller {
    /// Tells into `told`, until `stop` is set.
    pub fn new(stop: Cancel, told: watch::Sender<Option<Told>>) -> Self {
        Self { stop, told, plan: &[], stage: None, began: None, timings: BTreeMap::new() }
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
        let at = Instant::now();
        let began = self.began.filter(|(now, _)| *now == stage).map_or(at, |(_, began)| began);
        self.began = Some((stage, began));
        let progress = Progress { stage, done, of, permille: permille(self.plan, stage, done, of) };
        let left = left(self.plan, stage, done, of, at.duration_since(began));
        self.told.send_replace(Some(Told { progress, left, at }));
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
    fn the_time_left_follows_from_the_pace_of_the_stage_and_not_from_the_share_of_the_whole() {
        let left = |stage, done, of, spent| left(PLAN, stage, done, of, Duration::from_secs(spent));
        // Ten steps at four seconds, and a tenth of all forty for encoding.
        assert_eq!(left(Stage::Denoise, 10, 20, 40), Some(Duration::from_secs(48)));
        assert_eq!(left(Stage::Denoise, 20, 20, 80), Some(Duration::from_secs(8)));
        // Nothing is done yet; and a checkpoint that was slow to read says nothing of how fast it paints.
        assert_eq!(left(Stage::Denoise, 0, 20, 40), None);
        assert_eq!(left(Stage::Encode, 1, 2, 40), None);
        assert_eq!(left(Stage::Text, 1, 1, 40), None);
        assert_eq!(Told::ready().left(), Some(Duration::ZERO));
    }

    #[test]
    fn a_stop_is_met_at_the_next_telling() {
        let stop = Cancel::default();
        let (told, heard) = watch::channel(None);
        let mut teller = Teller::new(stop.clone(), told);
        teller.plan(PLAN);
        teller.tell(Stage::Denoise, 1, 4).unwrap();
        let told = heard.borrow().unwrap().progress;
        assert_eq!(told, Progress { stage: Stage::Denoise, done: 1, of: 4, permille: 300 });
        stop.cancel();
        assert!(matches!(teller.tell(Stage::Denoise, 2, 4), Err(Fault::Stopped)));
    }
}
