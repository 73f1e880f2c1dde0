//! How full the queue is, kept beside the index: asking the index would mean walking it.

use std::{collections::BTreeMap, ops::ControlFlow};

use festoon_spec::{JobId, JobState, Needs};

use super::{Depth, places::dangling, row::Row};
use crate::store::{Index, IndexError, Table};

/// What would be slow to ask of the index.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub depth: Depth,
    /// Jobs that are done, dead or cancelled and still remembered.
    pub ended: u64,
    /// What the ready jobs need, and how many need the same.
    pub ready: BTreeMap<NeedsKey, (Needs, u64)>,
}

pub(super) type NeedsKey = [u8; 16];

impl Counts {
    pub fn of(index: &Index) -> Result<Self, IndexError> {
        let mut counts = Self::default();
        index.visit(Table::Live, &[], &[], |_, id| {
            let row = index.read::<Row>(Table::Jobs, id)?;
            let dangling = || dangling(Table::Live, &JobId(String::from_utf8_lossy(id).into_owned()));
            counts.add(&row.ok_or_else(dangling)?);
            Ok(ControlFlow::Continue(()))
        })?;
        index.visit(Table::Ended, &[], &[], |_, dead| {
            counts.ended += 1;
            counts.depth.dead += u64::from(dead == [1]);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(counts)
    }

    pub fn add(&mut self, row: &Row) {
        match &row.job.state {
            JobState::Queued { .. } => {
                self.depth.queued[row.job.lane as usize] += 1;
                self.depth.queued_cost_millis[row.job.lane as usize] += row.cost_millis;
                if row.delayed {
                    self.depth.delayed += 1;
                } else {
                    let needs = row.needs();
                    self.ready.entry(needs_key(&needs)).or_insert((needs, 0)).1 += 1;
                }
            }
            JobState::Leased { .. } => self.depth.leased += 1,
            JobState::Done | JobState::Cancelled => self.ended += 1,
            JobState::Dead { .. } => {
                self.ended += 1;
                self.depth.dead += 1;
            }
        }
    }

    pub fn take(&mut self, row: &Row) {
        let less = |count: &mut u64, by: u64| *count = count.saturating_sub(by);
        match &row.job.state {
            JobState::Queued { .. } => {
                less(&mut self.depth.queued[row.job.lane as usize], 1);
                less(&mut self.depth.queued_cost_millis[row.job.lane as usize], row.cost_millis);
                if row.delayed {
                    less(&mut self.depth.delayed, 1);
                } else if let Some((_, count)) = self.ready.get_mut(&needs_key(&row.needs())) {
                    less(count, 1);
                }
                self.ready.retain(|_, (_, count)| *count > 0);
            }
            JobState::Leased { .. } => less(&mut self.depth.leased, 1),
            JobState::Done | JobState::Cancelled => less(&mut self.ended, 1),
            JobState::Dead { .. } => {
                less(&mut self.ended, 1);
                less(&mut self.depth.dead, 1);
            }
        }
    }

    pub fn live(&self) -> u64 {
        self.depth.queued.iter().sum::<u64>() + self.depth.leased
    }
}

pub(super) fn needs_key(needs: &Needs) -> NeedsKey {
    let hash = blake3::hash(&serde_json::to_vec(needs).expect("needs are plain data"));
    let mut key = [0; 16];
    key.copy_from_slice(&hash.as_bytes()[..16]);
    key
}
