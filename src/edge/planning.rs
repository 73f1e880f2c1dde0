//! Campaigns as operators change them: made, paused, moved, planned anew. Their files are the truth, and what is ordered follows.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use festoon_spec::RenderKey;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Edge, EdgeError};
use crate::{
    campaign::{Campaign, Cell, Draft, Matrix, NotKept},
    schedule::{Schedule, schedules, shown},
    store::StoreError,
};

/// Orders that are written at once: they share a sync of the disk.
const AT_ONCE: usize = 32;
/// When plates of a campaign without dates are due, counted from when they are planned by hand.
const STANDING_MILLIS: u64 = 24 * 3600 * 1000;

impl Edge {
    /// The campaign of this id.
    ///
    /// # Errors
    /// [`EdgeError::UnknownCampaign`].
    pub fn campaign(&self, id: &str) -> Result<Campaign, EdgeError> {
        let (campaigns, _) = self.inner.campaigns.follow();
        let found = campaigns.values().find(|campaign| campaign.id == id).cloned();
        found.ok_or_else(|| self.unknown_campaign(id, None))
    }

    /// What a campaign wants.
    ///
    /// # Errors
    /// [`EdgeError::UnknownCampaign`] if it cannot be made of what there is.
    pub fn matrix_of(&self, campaign: &Campaign) -> Result<Matrix, EdgeError> {
        let matrix = campaign.matrix(&self.inner.library.current(), &self.makers(), &self.costs());
        matrix.map_err(|error| self.unknown_campaign(&campaign.id, Some(error.line())))
    }

    fn unknown_campaign(&self, id: &str, reason: Option<String>) -> EdgeError {
        let (campaigns, _) = self.inner.campaigns.follow();
        let known = campaigns.values().map(|campaign| campaign.id.clone()).collect();
        EdgeError::UnknownCampaign { given: id.chars().take(80).collect(), reason, known }
    }

    /// Makes a campaign of a draft, if it can be made of what there is; the next minute orders what it wants.
    ///
    /// # Errors
    /// [`EdgeError::Campaign`]; then nothing is written.
    pub async fn keep_campaign(&self, draft: Draft, replace: bool) -> Result<Campaign, EdgeError> {
        let edge = self.clone();
        changing(move || {
            let (templates, makers, costs) = (edge.inner.library.current(), edge.makers(), edge.costs());
            edge.inner.campaigns.keep(&draft, replace, |campaign| campaign.matrix(&templates, &makers, &costs).map(drop))
        })
        .await
    }

    /// Has nothing painted for a campaign until it goes on: what only it ordered leaves the queue, what is painted stays.
    ///
    /// # Errors
    /// [`EdgeError::Campaign`]; if the queue fails.
    pub async fn pause_campaign(&self, id: &str) -> Result<(), EdgeError> {
        let (edge, name) = (self.clone(), id.to_owned());
        let campaign = changing(move || edge.inner.campaigns.pause(&name, true)).await?;
        let Ok(matrix) = self.matrix_of(&campaign) else { return Ok(()) };
        let others = self.wanted_besides(id);
        for cell in matrix.cells {
            for key in self.chain(cell.key).filter(|key| !others.contains(key)) {
                self.inner.queue.withdraw(&key).await?;
            }
        }
        Ok(())
    }

    /// Has a campaign go on that was paused; the next minute orders what it lacks.
    ///
    /// # Errors
    /// [`EdgeError::Campaign`].
    pub async fn resume_campaign(&self, id: &str) -> Result<(), EdgeError> {
        let (edge, name) = (self.clone(), id.to_owned());
        changing(move || edge.inner.campaigns.pause(&name, false)).await.map(drop)
    }

    /// Says when a campaign goes live in these regions.
    ///
    /// # Errors
    /// [`EdgeError::Campaign`].
    pub async fn go_live(&self, id: &str, dates: BTreeMap<String, Option<NaiveDate>>) -> Result<(), EdgeError> {
        let (edge, name) = (self.clone(), id.to_owned());
        changing(move || edge.inner.campaigns.go_live(&name, &dates)).await.map(drop)
    }

    /// Orders at once what a campaign lacks, also what painters failed at before; what somebody turned down is not ordered. Says how
    /// many plates were ordered.
    ///
    /// # Errors
    /// [`EdgeError::UnknownCampaign`], [`EdgeError::Campaign`] if it is paused; if the queue is full or fails: what was ordered until
    /// then stays.
    pub async fn plan_campaign(&self, id: &str) -> Result<u64, EdgeError> {
        let campaign = self.campaign(id)?;
        if campaign.paused {
            return Err(NotKept::Paused(campaign.id).into());
        }
        let matrix = self.matrix_of(&campaign)?;
        let ordered = matrix.cells.iter().map(|cell| self.plan_cell(&campaign, cell));
        let ordered: Vec<bool> = stream::iter(ordered).buffered(AT_ONCE).try_collect().await?;
        Ok(ordered.into_iter().filter(|ordered| *ordered).count() as u64)
    }

    async fn plan_cell(&self, campaign: &Campaign, cell: &Cell) -> Result<bool, EdgeError> {
        let (spec, key) = self.in_its_place(&cell.plate);
        if self.turned_down(&key).is_some() || self.inner.queue.live(&key).await?.is_some() {
            return Ok(false);
        }
        self.inner.cache.forgive(&key).await?;
        let first = cell.locales().into_iter().filter_map(|locale| shown(campaign, locale)).map(|days| days.start).min();
        self.order_ahead(spec, key, first.unwrap_or(self.now().plus_millis(STANDING_MILLIS))).await
    }

    /// What rules and other campaigns want.
    fn wanted_besides(&self, id: &str) -> BTreeSet<RenderKey> {
        let (templates, makers, costs) = (self.inner.library.current(), self.makers(), self.costs());
        let (mut all, _) = schedules(&templates, &makers, &costs);
        let (campaigns, _) = self.inner.campaigns.follow();
        let others = campaigns.values().filter(|campaign| campaign.id != id);
        // One that cannot be made of what there is wants nothing.
        all.extend(others.filter_map(|campaign| Schedule::of_campaign(campaign, &templates, &makers, &costs).ok()));
        all.iter().flat_map(|schedule| schedule.plates.values().flatten()).flat_map(|wanted| self.chain(wanted.key)).collect()
    }
}

/// Changes files of campaigns in the pool for blocking work.
async fn changing(change: impl FnOnce() -> Result<Campaign, NotKept> + Send + 'static) -> Result<Campaign, EdgeError> {
    let changed = tokio::task::spawn_blocking(change).await.unwrap_or(Err(StoreError::Closing.into()));
    Ok(changed?)
}
