//! What one installation plans: its templates' rules and its campaigns, kept up to date, handed to the planner each minute.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Feasts, Orders, Planner, Schedule, Settings, StateError, Tick, state::PlannerState};
use crate::{
    campaign::{Campaign, Campaigns, Costs, Unresolved},
    clock::Clock,
    makers::Makers,
    template::{Library, Templates},
};

/// Everything that a minute tick needs. Share it in an [`Arc`] and give [`Agenda::run`] to a [`Ticker`](super::Ticker).
pub struct Agenda {
    library: Library,
    campaigns: Arc<Campaigns>,
    makers: Makers,
    costs: Costs,
    feasts: Feasts,
    planner: Planner,
    orders: Arc<dyn Orders>,
    clock: Arc<dyn Clock>,
    made: Mutex<Option<Made>>,
    /// What was complained about before, so that each thing is logged once and not each minute.
    complaints: Mutex<BTreeSet<String>>,
}

/// Schedules, and what they were made from.
struct Made {
    templates: Arc<Templates>,
    campaigns: Arc<BTreeMap<PathBuf, Campaign>>,
    schedules: Arc<[Schedule]>,
}

impl Agenda {
    /// An agenda over these templates, campaigns, feasts and makers.
    #[expect(clippy::too_many_arguments, reason = "each is a separate door of the installation; it is called once")]
    pub fn new(
        library: Library,
        campaigns: Arc<Campaigns>,
        makers: Makers,
        costs: Costs,
        feasts: Feasts,
        state: Arc<dyn PlannerState>,
        settings: Settings,
        orders: Arc<dyn Orders>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let planner = Planner::new(state, settings);
        let (made, complaints) = Default::default();
        Self { library, campaigns, makers, costs, feasts, planner, orders, clock, made, complaints }
    }

    /// One tick, at the clock's time.
    ///
    /// # Errors
    /// If the planner's memory does not answer.
    pub async fn tick(&self) -> Result<Tick, StateError> {
        let schedules = self.schedules();
        self.planner.tick(self.clock.now(), &schedules, &self.feasts, self.orders.as_ref()).await
    }

    /// One tick, logged: what was placed each time, what is wrong once.
    pub async fn run(&self) {
        let tick = match self.tick().await {
            Ok(tick) => tick,
            Err(error) => return tracing::error!(%error, "nothing was planned in this minute"),
        };
        for occurrence in &tick.placed {
            tracing::info!(schedule = occurrence.schedule, locale = %occurrence.locale, date = ?occurrence.date, due = occurrence.due.0, "placed");
        }
        for occurrence in &tick.missed {
            tracing::warn!(schedule = occurrence.schedule, locale = %occurrence.locale, date = ?occurrence.date, "missed and left out");
        }
        for refused in &tick.refused {
            tracing::warn!(error = %refused, "an order is tried again");
        }
        if !tick.withdrawn.is_empty() {
            tracing::info!(plates = tick.withdrawn.len(), "withdrawn, since no schedule wants them any more");
        }
        for unknown in &tick.unknown {
            self.complain(unknown.to_string(), &unknown.hint());
        }
        for unknown in &tick.unknown_feasts {
            self.complain(unknown.to_string(), &format!("the feasts are: {}", self.feasts.ids().collect::<Vec<_>>().join(", ")));
        }
    }

    fn complain(&self, message: String, hint: &str) {
        if self.complaints.lock().unwrap_or_else(PoisonError::into_inner).insert(message.clone()) {
            tracing::warn!(hint, "{message}");
        }
    }

    /// The schedules of the templates and campaigns as they are now; made anew only when these have changed.
    fn schedules(&self) -> Arc<[Schedule]> {
        let templates = self.library.current();
        let (campaigns, mistakes) = self.campaigns.follow();
        for mistake in mistakes {
            tracing::warn!("a campaign stays as it was: {}", mistake.line());
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let before = made.take();
        let same = |made: &&Made| Arc::ptr_eq(&made.templates, &templates) && Arc::ptr_eq(&made.campaigns, &campaigns);
        if let Some(schedules) = before.as_ref().filter(same).map(|made| Arc::clone(&made.schedules)) {
            *made = before;
            return schedules;
        }
        let (mut schedules, unresolved) = schedules(&templates, &self.makers, &self.costs);
        for (schedule, unresolved) in unresolved {
            self.complain(format!("the schedule `{schedule}` is left out: {unresolved}"), "see `festoon check`");
        }
        for campaign in campaigns.values() {
            match Schedule::of_campaign(campaign, &templates, &self.makers, &self.costs) {
                Ok(schedule) => schedules.push(schedule),
                Err(error) => self.complain(format!("the campaign `{}` is left out", campaign.id), &error.line()),
            }
        }
        let schedules: Arc<[Schedule]> = schedules.into();
        *made = Some(Made { templates, campaigns, schedules: Arc::clone(&schedules) });
        schedules
    }
}

/// The schedules of all templates' rules, and the ids of those that cannot be resolved here, with the reason.
pub fn schedules(templates: &Templates, makers: &Makers, costs: &Costs) -> (Vec<Schedule>, Vec<(String, Unresolved)>) {
    let (mut made, mut unresolved) = (Vec::new(), Vec::new());
    for template in templates.iter() {
        for rule in &template.prerender {
            match Schedule::of(template, rule, makers, costs) {
                Ok(schedule) => made.push(schedule),
                Err(error) => unresolved.push((format!("{}/{}", template.id, rule.id), error)),
            }
        }
    }
    (made, unresolved)
}
