//! Places what is due: enumerate, claim, order, remember.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use festoon_spec::{Digest, RenderKey, UnixMillis};

use super::{
    Feasts, OrderError, Orders, PlannedPlate,
    feast::UnknownDate,
    occurrence::{Found, Occurrence, Schedule, UnknownFeast, Wanted, occurrences},
    state::{Claim, PlannerState, Remembered, StateError},
};

/// How the planner looks ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Due dates this far ahead are placed. Long enough to paint in idle hours, short enough that few are placed twice when a
    /// template changes.
    pub horizon: Duration,
}

impl Default for Settings {
    /// 30 days ahead.
    fn default() -> Self {
        Self { horizon: Duration::from_secs(30 * 86400) }
    }
}

/// Occurrences are forgotten this long after their plates were last shown, or due.
const FORGET_MILLIS: u64 = 400 * 86400 * 1000;

/// What one tick did.
#[derive(Debug, Default)]
pub struct Tick {
    /// Occurrences that were placed now.
    pub placed: Vec<Occurrence>,
    /// Occurrences that were missed and are left out.
    pub missed: Vec<Occurrence>,
    /// Dates ahead that nobody knows.
    pub unknown: Vec<UnknownDate>,
    /// Feasts that do not exist.
    pub unknown_feasts: Vec<UnknownFeast>,
    /// Orders that were not taken; tried again once their claim has run out.
    pub refused: Vec<OrderError>,
    /// Plates that no schedule wants any more.
    pub withdrawn: Vec<RenderKey>,
}

/// Turns schedules into orders. Several may share one memory.
pub struct Planner {
    state: Arc<dyn PlannerState>,
    settings: Settings,
    /// What this process pinned last, by schedule; empty at its start, so that each is pinned once more then.
    pinned: Mutex<BTreeMap<String, BTreeSet<RenderKey>>>,
}

impl Planner {
    /// A planner with this memory.
    pub fn new(state: Arc<dyn PlannerState>, settings: Settings) -> Self {
        Self { state, settings, pinned: Mutex::default() }
    }

    /// Places what is due within the horizon and was not placed before; withdraws what changed schedules ordered and no
    /// schedule wants any more; pins what is shown or will be.
    ///
    /// An order that is refused leaves its schedule unplanned: later ticks start there again, with that occurrence once its
    /// claim has run out, and what was placed is not placed twice.
    ///
    /// # Errors
    /// If the memory does not answer. What was placed until then is remembered.
    pub async fn tick(
        &self,
        now: UnixMillis,
        schedules: &[Schedule],
        feasts: &Feasts,
        orders: &dyn Orders,
    ) -> Result<Tick, StateError> {
        let mut tick = Tick::default();
        for schedule in schedules {
            self.place(now, schedule, feasts, orders, &mut tick).await?;
        }
        let remembered = self.state.remembered().await?;
        let stale = self.withdraw(now, schedules, &remembered, orders, &mut tick).await?;
        let kept = remembered.iter().filter(|(key, _)| !stale.contains(key)).map(|(_, remembered)| remembered);
        self.pin(now, schedules, kept, orders, &mut tick).await;
        Ok(tick)
    }

    async fn place(
        &self,
        now: UnixMillis,
        schedule: &Schedule,
        feasts: &Feasts,
        orders: &dyn Orders,
        tick: &mut Tick,
    ) -> Result<(), StateError> {
        let through = now.plus_millis(self.settings.horizon.as_millis() as u64);
        let planned_through = self.state.planned_through(&schedule.id, &schedule.revision).await?;
        let Found { occurrences, missed, unknown, unknown_feast } =
            occurrences(schedule, feasts, planned_through, now, self.settings.horizon);
        tick.unknown.extend(unknown);
        tick.unknown_feasts.extend(unknown_feast);
        let mut complete = true;
        if !occurrences.is_empty() {
            let claims = self.state.claim(&occurrences, now).await?;
            let mut placed = Vec::new();
            for (occurrence, claim) in occurrences.into_iter().zip(claims) {
                match claim {
                    Claim::Placed => {}
                    Claim::Elsewhere => complete = false,
                    Claim::Mine => match self.order(schedule, &occurrence, orders).await {
                        Ok(plates) => {
                            placed.push((occurrence.key, plates));
                            tick.placed.push(occurrence);
                        }
                        Err(refused) => {
                            complete = false;
                            tick.refused.push(refused);
                        }
                    },
                }
            }
            self.state.placed(&placed).await?;
        }
        if complete {
            // Reported once: the next window starts behind them.
            tick.missed.extend(missed);
            // A minute's progress is worth remembering only together with something; an hour's always is.
            let behind = planned_through.is_none_or(|planned| planned > through || through.since(planned) >= 3600 * 1000);
            if behind || tick.placed.iter().any(|occurrence| occurrence.schedule == schedule.id) {
                self.state.advance(&schedule.id, &schedule.revision, through).await?;
            }
        }
        Ok(())
    }

    async fn order(
        &self,
        schedule: &Schedule,
        occurrence: &Occurrence,
        orders: &dyn Orders,
    ) -> Result<BTreeSet<RenderKey>, OrderError> {
        let mut plates = BTreeSet::new();
        for Wanted { spec, key, cost_millis, .. } in schedule.plates.get(&occurrence.locale).into_iter().flatten() {
            let plate = PlannedPlate {
                schedule: schedule.id.clone(),
                spec: spec.clone(),
                key: *key,
                due: occurrence.due,
                cost_millis: *cost_millis,
            };
            orders.order(&plate).await?;
            plates.insert(*key);
        }
        Ok(plates)
    }

    /// Withdraws what earlier revisions ordered for dates still ahead, and what schedules ordered that are gone, unless another
    /// still wants it; forgets both and what is long past. Returns what is forgotten.
    async fn withdraw(
        &self,
        now: UnixMillis,
        schedules: &[Schedule],
        remembered: &BTreeMap<Digest, Remembered>,
        orders: &dyn Orders,
        tick: &mut Tick,
    ) -> Result<BTreeSet<Digest>, StateError> {
        let current: BTreeSet<_> = schedules.iter().map(|schedule| (schedule.id.clone(), schedule.revision)).collect();
        let wanted: BTreeSet<_> =
            schedules.iter().flat_map(|schedule| schedule.plates.values().flatten()).map(|plate| plate.key).collect();
        let (mut gone, mut stale) = (BTreeSet::new(), BTreeSet::new());
        for (key, occurrence) in remembered {
            // What is shown already stays when its rule changes, and goes when nobody's rule or campaign it is any more.
            let gone_at_once = !schedules.iter().any(|schedule| schedule.id == occurrence.schedule) && now <= ends(occurrence);
            let ahead = occurrence.due > now || occurrence.shown_until.is_none();
            // What goes on is placed anew.
            let paused = schedules.iter().any(|schedule| schedule.id == occurrence.schedule && schedule.paused.is_some());
            let replaced =
                gone_at_once || paused || ahead && !current.contains(&(occurrence.schedule.clone(), occurrence.revision));
            if replaced {
                gone.extend(occurrence.plates.iter().flatten().filter(|plate| !wanted.contains(plate)).copied());
            }
            if replaced || ends(occurrence).plus_millis(FORGET_MILLIS) < now {
                stale.insert(*key);
            }
        }
        for plate in gone {
            match orders.withdraw(&plate).await {
                Ok(()) => tick.withdrawn.push(plate),
                Err(refused) => tick.refused.push(refused),
            }
        }
        if tick.refused.is_empty() && !stale.is_empty() {
            self.state.forget(&stale.iter().copied().collect::<Vec<_>>()).await?;
        }
        Ok(stale)
    }

    /// Keeps in the cache what was ordered, from then until it is no longer shown.
    async fn pin<'a>(
        &self,
        now: UnixMillis,
        schedules: &[Schedule],
        remembered: impl Iterator<Item = &'a Remembered>,
        orders: &dyn Orders,
        tick: &mut Tick,
    ) {
        let mut live: BTreeMap<String, BTreeSet<RenderKey>> = BTreeMap::new();
        live.extend(schedules.iter().map(|schedule| (schedule.id.clone(), schedule.paused.clone().unwrap_or_default())));
        for occurrence in remembered {
            let plates = live.entry(occurrence.schedule.clone()).or_default();
            if now <= ends(occurrence) {
                plates.extend(occurrence.plates.iter().flatten());
            }
        }
        let before = self.pinned.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ended = before.keys().filter(|schedule| !live.contains_key(*schedule)).cloned().collect::<Vec<_>>();
        live.extend(ended.into_iter().map(|schedule| (schedule, BTreeSet::new())));
        for (schedule, plates) in live {
            if before.get(&schedule) == Some(&plates) {
                continue;
            }
            match orders.pin(&schedule, &plates).await {
                Ok(()) => {
                    self.pinned.lock().unwrap_or_else(PoisonError::into_inner).insert(schedule, plates);
                }
                Err(refused) => tick.refused.push(refused),
            }
        }
    }
}

/// When the plates of an occurrence are no longer needed. Those of a rule without a feast are needed while it stands.
fn ends(occurrence: &Remembered) -> UnixMillis {
    occurrence.shown_until.unwrap_or(UnixMillis(u64::MAX))
}
