//! How far the plates of a campaign are, as its board and its tables show it.

use std::collections::BTreeSet;

use festoon_spec::{JobState, Locale, Reason, RenderKey, Verdict};

use crate::{
    campaign::{Campaign, Cell},
    decision::{Ruling, changes, wish},
    edge::{Edge, EdgeError},
    http::problem::Problem,
    schedule::shown,
};

/// The states, in the order of the legend.
pub const STATES: [&str; 8] = ["live", "ready", "painting", "queued", "flagged", "failed", "rejected", "open"];

/// How far a plate is.
pub struct Standing {
    /// The plate that stands in the cell's place.
    pub key: RenderKey,
    /// One of [`STATES`], but for `live`, which a plate is in one region and not in another.
    pub state: &'static str,
    /// Of painting.
    pub permille: u16,
    /// What painting took.
    pub spent_millis: u64,
    /// In words.
    pub detail: String,
    /// Whether there is something to look at.
    pub is_kept: bool,
    /// Whether somebody approved it.
    pub is_approved: bool,
    /// Parts of what is painted that have changed since somebody approved the same wish.
    pub changed: BTreeSet<String>,
}

impl Standing {
    /// Of a cell.
    ///
    /// # Errors
    /// If the disk or the queue fails.
    pub async fn of(edge: &Edge, campaign: &Campaign, cell: &Cell) -> Result<Self, Problem> {
        let (spec, key) = edge.in_its_place(&cell.plate);
        let decision = edge.decisions().of(&key);
        let is_approved = decision.as_ref().is_some_and(|made| matches!(made.ruling, Ruling::Approved { .. }));
        let wishes = cell.picks.iter().map(|pick| wish(&campaign.id, pick)).collect();
        let earlier = edge.decisions().approved_for(&wishes).filter(|earlier| !is_approved && earlier.plate != key);
        let changed = earlier.map(|earlier| match &earlier.ruling {
            Ruling::Approved { spec: approved, .. } => changes(approved, &spec),
            _ => BTreeSet::new(),
        });
        let mut standing = Self {
            key,
            state: "open",
            permille: 0,
            spent_millis: 0,
            detail: String::new(),
            is_kept: false,
            is_approved,
            changed: changed.unwrap_or_default(),
        };
        if let Some(entry) = edge.cache().find(&key).await.map_err(EdgeError::from)? {
            let manifest = edge.cache().manifest(&key).await.map_err(EdgeError::from)?;
            standing.spent_millis = manifest.map_or(0, |manifest| manifest.outcome.timings.values().sum());
            (standing.is_kept, standing.permille) = (true, 1000);
            (standing.state, standing.detail) = match &entry.verdict {
                Verdict::Flagged { reasons } if !is_approved => ("flagged", told(reasons)),
                Verdict::Failed { reasons } => ("failed", told(reasons)),
                _ => ("ready", String::new()),
            };
        } else if let Some(job) = edge.queue().live(&key).await.map_err(EdgeError::from)? {
            standing.permille = job.progress.map_or(0, |progress| progress.permille);
            (standing.state, standing.detail) = match job.state {
                JobState::Leased { renderer, .. } => ("painting", renderer),
                _ => ("queued", String::new()),
            };
        } else if let Some(refusal) = edge.cache().refusal(&key).await.map_err(EdgeError::from)? {
            (standing.state, standing.detail) = ("failed", told(&refusal.reasons));
        }
        if let Some(made) = decision.filter(|_| !is_approved) {
            (standing.state, standing.detail) = ("rejected", made.note.clone());
        }
        Ok(standing)
    }

    /// What it is for a locale: what is ready is live while it is shown there.
    pub fn state_in(&self, edge: &Edge, campaign: &Campaign, locale: &Locale) -> &'static str {
        let now = edge.now();
        let is_shown = shown(campaign, locale).is_none_or(|days| days.contains(&now));
        if self.state == "ready" && is_shown { "live" } else { self.state }
    }
}

fn told(reasons: &[Reason]) -> String {
    let told: BTreeSet<&str> = reasons.iter().map(|reason| reason.detail.as_str()).collect();
    told.into_iter().collect::<Vec<_>>().join("; ")
}
