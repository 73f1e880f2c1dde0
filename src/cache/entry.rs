//! The rows of the index that the cache keeps, and how they are made from the manifests.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering},
};

use festoon_spec::{BlobHash, Media, Part, Reason, RenderKey, Segmented, TemplateId, UnixMillis, Verdict};
use serde::{Deserialize, Serialize};

use super::{Blobs, Manifests, usage::Counters};
use crate::store::{Batch, Comparison, Index, IndexError, Rebuild, Table, decode, encode};

/// Rows written in one transaction when many are.
const AT_ONCE: usize = 256;
/// Entries that a crash can leave half kept or half dropped: the shelf lets one through at a time.
const HALF_KEPT: usize = 1;

/// What is there for a render key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What was asked.
    pub key: RenderKey,
    /// The whole file's name.
    pub blob: BlobHash,
    /// Its number of bytes.
    pub bytes: u64,
    /// MD5 of its bytes, 32 lower-case digits.
    pub md5: String,
    /// What the gate says.
    pub verdict: Verdict,
    /// What is inside.
    pub media: Media,
    /// When it was made.
    pub made_at: UnixMillis,
    /// Plate, clip, picture or sound.
    pub kind: EntryKind,
    /// A plate in the form that clips are composed from.
    pub segmented: Option<Segmented>,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// Footage of a template.
    Plate(TemplateId),
    /// A plate, by its key, with an overlay.
    Clip(RenderKey),
    /// A picture that somebody brought.
    Image,
    /// What sounds under clips.
    Sound,
}

impl Entry {
    /// Whether the gate lets anybody see it, now or once somebody looked.
    pub fn may_be_served(&self) -> bool {
        !matches!(self.verdict, Verdict::Failed { .. })
    }

    /// Its blobs, the whole file first, each once.
    pub fn parts(&self) -> Vec<Part> {
        let mut seen = HashSet::new();
        let whole = Part { blob: self.blob, bytes: self.bytes };
        let parts = std::iter::once(whole).chain(self.segmented.iter().flat_map(Segmented::parts));
        parts.filter(|part| seen.insert(part.blob)).collect()
    }
}

/// Why a key cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What was found.
    pub reasons: Vec<Reason>,
    /// When it may be tried again.
    pub until: UnixMillis,
}

fn pair(first: &[u8], second: &RenderKey) -> Vec<u8> {
    [first, second.as_bytes()].concat()
}

fn plate_prefix(template: &TemplateId) -> Vec<u8> {
    [template.as_str().as_bytes(), &[0]].concat()
}

/// The key at the end of a row's key.
fn last_key(key: &[u8]) -> Result<RenderKey, IndexError> {
    let bytes = key.last_chunk::<32>().ok_or_else(|| IndexError::Damaged("a key of the cache is too short".into()))?;
    Ok(RenderKey::from_bytes(*bytes))
}

fn put(batch: &mut Batch, entry: &Entry, used: UnixMillis) {
    let key = entry.key.as_bytes().as_slice();
    batch.put(Table::Entries, key, encode(entry));
    for part in entry.parts() {
        let held = [part.bytes.to_be_bytes().as_slice(), &[u8::from(part.blob == entry.blob)]].concat();
        batch.put(Table::Holders, pair(part.blob.as_bytes(), &entry.key), held);
    }
    batch.put(Table::Touches, key, used.0.to_be_bytes());
    if let EntryKind::Plate(template) = &entry.kind {
        batch.put(Table::Plates, pair(&plate_prefix(template), &entry.key), []);
    }
}

fn take(batch: &mut Batch, entry: &Entry) {
    let key = entry.key.as_bytes().as_slice();
    batch.remove(Table::Entries, key);
    for part in entry.parts() {
        batch.remove(Table::Holders, pair(part.blob.as_bytes(), &entry.key));
    }
    batch.remove(Table::Touches, key);
    if let EntryKind::Plate(template) = &entry.kind {
        batch.remove(Table::Plates, pair(&plate_prefix(template), &entry.key));
    }
}

/// A blob of an entry as eviction sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub key: RenderKey,
    pub blob: BlobHash,
    pub bytes: u64,
    /// Whether it is the entry's whole file.
    pub whole: bool,
    pub used: UnixMillis,
}

/// What an insertion added.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inserted {
    pub new_entry: bool,
    /// Bytes of blobs that no entry had.
    pub new_bytes: u64,
}

/// What the cache does with the index.
pub(super) struct Rows<'a>(pub &'a Index);

impl Rows<'_> {
    /// Puts an entry.
    pub fn insert(&self, entry: &Entry, now: UnixMillis) -> Result<Inserted, IndexError> {
        let new_entry = self.0.get(Table::Entries, entry.key.as_bytes())?.is_none();
        let mut new_bytes = 0;
        for part in entry.parts() {
            if self.0.first(Table::Holders, part.blob.as_bytes())?.is_none() {
                new_bytes += part.bytes;
            }
        }
        let mut batch = Batch::default();
        put(&mut batch, entry, now);
        batch.remove(Table::Refusals, entry.key.as_bytes().as_slice());
        self.0.commit(&batch)?;
        self.0.flush()?;
        Ok(Inserted { new_entry, new_bytes })
    }

    /// Takes an entry, and says which of its blobs no other entry has.
    pub fn remove(&self, entry: &Entry) -> Result<Vec<Part>, IndexError> {
        let mut batch = Batch::default();
        take(&mut batch, entry);
        self.0.commit(&batch)?;
        self.0.flush()?;
        let mut free = entry.parts();
        let mut failed = None;
        free.retain(|part| match self.0.first(Table::Holders, part.blob.as_bytes()) {
            Ok(holder) => holder.is_none(),
            Err(error) => {
                failed = Some(error);
                false
            }
        });
        failed.map_or(Ok(free), Err)
    }

    /// The entries of a blob.
    pub fn holders(&self, blob: &BlobHash) -> Result<Vec<Entry>, IndexError> {
        self.entries(Table::Holders, blob.as_bytes(), usize::MAX)
    }

    /// One of the entries of a blob.
    pub fn holder(&self, blob: &BlobHash) -> Result<Option<RenderKey>, IndexError> {
        self.0.first(Table::Holders, blob.as_bytes())?.map(|key| last_key(&key)).transpose()
    }

    pub fn plates_of(&self, template: &TemplateId, limit: usize) -> Result<Vec<Entry>, IndexError> {
        self.entries(Table::Plates, &plate_prefix(template), limit)
    }

    pub fn flagged(&self) -> Result<Vec<Entry>, IndexError> {
        let mut flagged = Vec::new();
        // Of the plates alone: there are far more clips.
        self.0.visit(Table::Plates, &[], &[], |key, _| {
            let entry: Option<Entry> = self.0.read(Table::Entries, last_key(key)?.as_bytes())?;
            flagged.extend(entry.filter(|entry| matches!(entry.verdict, Verdict::Flagged { .. })));
            Ok(ControlFlow::Continue(()))
        })?;
        flagged.sort_by_key(|entry| (entry.made_at, entry.key));
        Ok(flagged)
    }

    fn entries(&self, table: Table, prefix: &[u8], limit: usize) -> Result<Vec<Entry>, IndexError> {
        let mut entries = Vec::new();
        self.0.visit(table, prefix, prefix, |key, _| {
            if entries.len() >= limit {
                return Ok(ControlFlow::Break(()));
            }
            let key = last_key(key)?;
            let entry = self.0.read(Table::Entries, key.as_bytes())?;
            entries.push(entry.ok_or_else(|| IndexError::Damaged(format!("{} names {key}, which is not there", table.name())))?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(entries)
    }

    /// Notes last uses of entries that are still there. Not flushed: losing them costs little.
    pub fn touch(&self, touches: &HashMap<RenderKey, UnixMillis>) -> Result<(), IndexError> {
        let mut batch = Batch::default();
        for (key, used) in touches {
            if self.0.get(Table::Touches, key.as_bytes())?.is_some() {
                batch.put(Table::Touches, key.as_bytes().as_slice(), used.0.to_be_bytes());
            }
        }
        self.0.commit(&batch)
    }

    pub fn forget_refusals(&self, now: UnixMillis) -> Result<(), IndexError> {
        let mut batch = Batch::default();
        self.0.visit(Table::Refusals, &[], &[], |key, value| {
            if decode::<Refusal>(value)?.until <= now {
                batch.remove(Table::Refusals, key);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.0.commit(&batch)
    }

    /// Every blob of every entry, with the entry's last use, in no order.
    pub fn held(&self) -> Result<Vec<Held>, IndexError> {
        let mut used = HashMap::new();
        self.0.visit(Table::Touches, &[], &[], |key, value| {
            used.insert(last_key(key)?, UnixMillis(number(value)?));
            Ok(ControlFlow::Continue(()))
        })?;
        let mut held = Vec::with_capacity(used.len());
        self.0.visit(Table::Holders, &[], &[], |key, value| {
            let (blob, bytes, whole) = holder(key, value)?;
            let key = last_key(key)?;
            held.push(Held { key, blob, bytes, whole, used: used.get(&key).copied().unwrap_or_default() });
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(held)
    }

    /// The keys of every entry.
    pub fn keys(&self) -> Result<HashSet<RenderKey>, IndexError> {
        let mut keys = HashSet::new();
        self.0.visit(Table::Entries, &[], &[], |key, _| {
            keys.insert(last_key(key)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(keys)
    }

    /// Number of entries, and bytes of their blobs, each blob once.
    fn sums(&self) -> Result<(u64, u64), IndexError> {
        let (mut entries, mut bytes) = (0, 0);
        let mut last = None;
        self.0.visit(Table::Holders, &[], &[], |key, value| {
            let (blob, size, whole) = holder(key, value)?;
            entries += u64::from(whole);
            if last.replace(blob) != Some(blob) {
                bytes += size;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((entries, bytes))
    }
}

/// A blob, its bytes, and whether it is the whole file of the entry that holds it.
fn holder(key: &[u8], value: &[u8]) -> Result<(BlobHash, u64, bool), IndexError> {
    let blob = key.first_chunk::<32>().ok_or_else(|| IndexError::Damaged("a key of the cache is too short".into()))?;
    let (whole, bytes) = value.split_last().ok_or_else(|| IndexError::Damaged("a holder of a blob is empty".into()))?;
    Ok((BlobHash::from_bytes(*blob), number(bytes)?, *whole == 1))
}

fn number(value: &[u8]) -> Result<u64, IndexError> {
    let bytes = value.try_into().map_err(|_| IndexError::Damaged("a number of the cache is not 8 bytes".into()))?;
    Ok(u64::from_be_bytes(bytes))
}

/// Makes the rows from the manifests whose blobs are all there.
#[derive(Debug)]
pub(super) struct FromManifests {
    manifests: Manifests,
    blobs: Blobs,
    counters: Arc<Counters>,
}

impl FromManifests {
    pub fn new(manifests: Manifests, blobs: Blobs, counters: Arc<Counters>) -> Self {
        Self { manifests, blobs, counters }
    }

    /// Rows without a manifest go, manifests without a row get one; with `all`, every row is looked at and written anew.
    fn align(&self, index: &Index, all: bool) -> Result<(), IndexError> {
        let rows = Rows(index);
        let known = rows.keys()?;
        let written: HashSet<RenderKey> = self.manifests.keys()?.into_iter().collect();
        self.counters.aligned.store(0, Ordering::Relaxed);
        let mut batch = Batch::default();
        let mut waiting = 0;
        let mut next = |batch: &mut Batch| {
            waiting += 1;
            if waiting % AT_ONCE == 0 { index.commit(&std::mem::take(batch)) } else { Ok(()) }
        };
        for key in known.difference(&written) {
            if let Some(entry) = index.read(Table::Entries, key.as_bytes())? {
                take(&mut batch, &entry);
                next(&mut batch)?;
            }
        }
        for key in written.iter().filter(|key| all || !known.contains(key)) {
            self.counters.aligned.fetch_add(1, Ordering::Relaxed);
            let Some(manifest) = self.manifests.read(key)? else { continue };
            let entry = manifest.entry();
            if !self.blobs.have_all(&entry.parts())? {
                tracing::warn!(key = %key.short(), blob = %entry.blob.short(), "a blob of a manifest is not there; it gets no row");
                if known.contains(key) {
                    take(&mut batch, &entry);
                    next(&mut batch)?;
                }
                continue;
            }
            let used = match index.get(Table::Touches, key.as_bytes())? {
                Some(used) => UnixMillis(number(&used)?),
                None => entry.made_at,
            };
            put(&mut batch, &entry, used);
            next(&mut batch)?;
        }
        index.commit(&batch)?;
        index.flush()?;
        self.count(index)
    }

    /// Makes every row again.
    pub fn make(&self, index: &Index) -> Result<(), IndexError> {
        self.align(index, true)
    }

    fn count(&self, index: &Index) -> Result<(), IndexError> {
        let (entries, bytes) = Rows(index).sums()?;
        self.counters.entries.store(entries, Ordering::Relaxed);
        self.counters.bytes.store(bytes, Ordering::Relaxed);
        Ok(())
    }
}

impl Rebuild for FromManifests {
    fn name(&self) -> &'static str {
        "cache"
    }

    fn compare(&self, index: &Index) -> Result<Comparison, IndexError> {
        let known = Rows(index).keys()?;
        let written: HashSet<RenderKey> = self.manifests.keys()?.into_iter().collect();
        let (lost, ghosts) = (written.difference(&known).count(), known.difference(&written).count());
        // A manifest whose blob is gone has no row and never gets one; it is not the index that lost it.
        let lost = if lost > HALF_KEPT { self.lost_rows(&written, &known)? } else { lost };
        if lost > HALF_KEPT {
            return Ok(Comparison::Lost(format!("it has {} entries, the manifests {}", known.len(), written.len())));
        }
        if lost + ghosts > 0 {
            return Ok(Comparison::Behind);
        }
        self.count(index)?;
        Ok(Comparison::Same)
    }

    fn rebuild(&self, index: &Index) -> Result<(), IndexError> {
        self.align(index, false)
    }
}

impl FromManifests {
    fn lost_rows(&self, written: &HashSet<RenderKey>, known: &HashSet<RenderKey>) -> Result<usize, IndexError> {
        let mut lost = 0;
        for key in written.difference(known) {
            if let Some(manifest) = self.manifests.read(key)?
                && self.blobs.have_all(&manifest.entry().parts())?
            {
                lost += 1;
            }
        }
        Ok(lost)
    }
}
