//! Where a job is found: the keys of its row in the index, which follow from the row alone.

use std::ops::ControlFlow;

use festoon_spec::{JobId, JobState, Lane, TenantId, UnixMillis};

use super::{
    Ahead,
    counts::{Counts, needs_key},
    row::Row,
};
use crate::store::{Batch, Index, IndexError, Table, encode};

fn timed(at: UnixMillis, id: &JobId) -> Vec<u8> {
    [&at.0.to_be_bytes(), id.0.as_bytes()].concat()
}

/// The time and the id of a key that [`timed`] made.
pub(super) fn split(key: &[u8]) -> Result<(UnixMillis, JobId), IndexError> {
    let wrong = || IndexError::Damaged("a key of the queue is too short or no text".into());
    let (time, id) = key.split_first_chunk::<8>().ok_or_else(wrong)?;
    let id = std::str::from_utf8(id).map_err(|_| wrong())?;
    Ok((UnixMillis(u64::from_be_bytes(*time)), JobId(id.to_owned())))
}

pub(super) fn share_key(lane: Lane, tenant: &TenantId) -> Vec<u8> {
    [&[lane as u8], tenant.0.as_bytes()].concat()
}

/// The key by which a row is found while it is in its state, and what is kept there.
pub(super) fn place(row: &Row) -> (Table, Vec<u8>, Vec<u8>) {
    let id = &row.job.id;
    match &row.job.state {
        JobState::Queued { run_at } if row.delayed => (Table::Delayed, timed(*run_at, id), Vec::new()),
        JobState::Queued { .. } => {
            (Table::Ready, [needs_key(&row.needs()).as_slice(), &timed(row.job.deadline, id)].concat(), Vec::new())
        }
        JobState::Leased { until, .. } => (Table::Leases, timed(*until, id), Vec::new()),
        JobState::Dead { .. } => (Table::Ended, timed(row.ended_at.unwrap_or_default(), id), vec![1]),
        JobState::Done | JobState::Cancelled => (Table::Ended, timed(row.ended_at.unwrap_or_default(), id), vec![0]),
    }
}

/// Writes the rows and keys that lead from `old` to `new`.
pub(super) fn write(batch: &mut Batch, old: Option<&Row>, new: &Row) {
    let id = new.job.id.0.as_bytes();
    if let Some(old) = old {
        let (table, key, _) = place(old);
        batch.remove(table, key);
    }
    let (table, key, value) = place(new);
    batch.put(table, key, value);
    batch.put(Table::Jobs, id, encode(new));
    let key = new.job.key.as_bytes().as_slice();
    if new.job.is_live() {
        batch.put(Table::Live, key, id);
    } else if old.is_some_and(|old| old.job.is_live()) {
        batch.remove(Table::Live, key);
    }
}

/// What is leased before a ready job, if nothing more urgent comes.
pub(super) fn ahead(index: &Index, counts: &Counts, row: &Row) -> Result<Ahead, IndexError> {
    let mut ahead = Ahead::default();
    for needs in counts.ready.keys() {
        index.visit(Table::Ready, needs, &[], |key, _| {
            let (deadline, id) = split(&key[needs.len()..])?;
            if (deadline, &id) >= (row.job.deadline, &row.job.id) || ahead.jobs == Ahead::MOST {
                return Ok(ControlFlow::Break(()));
            }
            let other = index.read::<Row>(Table::Jobs, id.0.as_bytes())?;
            ahead.cost_millis += other.ok_or_else(|| dangling(Table::Ready, &id))?.cost_millis;
            ahead.jobs += 1;
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(ahead)
}

/// A table names a job that is not there.
pub(super) fn dangling(table: Table, id: &JobId) -> IndexError {
    IndexError::Damaged(format!("{} names the job `{id}`, which is not there", table.name()))
}
