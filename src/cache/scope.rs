//! Which entries are meant, when some of them are to go: in memory, on disk, and as copies of an origin's.

use std::{
    collections::{BTreeSet, HashSet},
    ops::ControlFlow,
    sync::atomic::Ordering,
};

use festoon_spec::{BlobHash, Locale, RenderKey, TemplateId};
use serde::{Deserialize, Serialize};

use super::{
    Cache, CacheError, Entry, EntryKind, Recipe, blocking,
    borrowing::{Borrowing, entry_of_row},
    uninterrupted,
};
use crate::store::{Batch, StoreError, Table, decode};

/// Entries by what they are of. One that any of these means is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// All of these templates.
    pub templates: BTreeSet<TemplateId>,
    /// Clips in these locales.
    pub locales: BTreeSet<Locale>,
    /// These plates with all that was made of them, and these clips.
    pub keys: BTreeSet<RenderKey>,
    /// Whatever has these bytes, as a whole file or as footage.
    pub blobs: BTreeSet<BlobHash>,
}

/// What became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Purged {
    /// Entries that are gone.
    pub entries: u64,
    /// Bytes that are free.
    pub bytes: u64,
}

/// What goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purging {
    /// What was made of plates, and every copy. Plates that were painted here stay: they are no copies.
    Copies,
    /// The plates as well.
    Everything,
}

impl Scope {
    /// Whether it means nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a plate is meant, or anything by its own key or bytes.
    fn means(&self, entry: &Entry) -> bool {
        let template = matches!(&entry.kind, EntryKind::Plate(template) if self.templates.contains(template));
        template || self.keys.contains(&entry.key) || footage(entry).any(|blob| self.blobs.contains(&blob))
    }

    /// With what else it means, by what is kept: the keys of whatever has its bytes, and the bytes of whatever has its keys, of
    /// plates also those of what was made of them. Bytes that something else has as well, such as a second of black, stay out:
    /// that would be meant, too.
    fn widened(mut self, entries: &[Entry]) -> Self {
        let meant: HashSet<RenderKey> = entries.iter().filter(|entry| self.means(entry)).map(|entry| entry.key).collect();
        let is_of = |entry: &Entry| matches!(&entry.kind, EntryKind::Clip(plate) if meant.contains(plate));
        let (go, stay): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| meant.contains(&entry.key) || is_of(entry));
        let shared: HashSet<BlobHash> = stay.into_iter().flat_map(footage).collect();
        for entry in go {
            self.keys.insert(entry.key);
            self.blobs.extend(footage(entry).filter(|blob| !shared.contains(blob)));
        }
        self
    }
}

/// The bytes that pictures or sound are in. A plate's index is not: all plates of one size and encoder have the same.
fn footage(entry: &Entry) -> impl Iterator<Item = BlobHash> {
    let index = entry.segmented.as_ref().map(|segmented| segmented.init.blob);
    entry.parts().into_iter().map(|part| part.blob).filter(move |blob| Some(*blob) != index)
}

/// Every entry: those that are kept here, and those that are borrowed.
struct Listed {
    own: Vec<Entry>,
    borrowed: Vec<Entry>,
}

impl Cache {
    /// A scope with the keys and bytes of what it means among what is kept here.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn widen(&self, scope: Scope) -> Result<Scope, CacheError> {
        Ok(scope.widened(&self.list().await?.own))
    }

    /// Lets go of what is meant: in memory, on disk, and of what is borrowed. Readers that have the bytes keep them.
    ///
    /// # Errors
    /// If the disk fails; the next call goes on.
    pub async fn purge(&self, scope: &Scope, purging: Purging) -> Result<Purged, CacheError> {
        let (cache, scope) = (self.clone(), scope.clone());
        uninterrupted(async move { cache.let_go(&scope, purging).await }).await
    }

    async fn list(&self) -> Result<Listed, StoreError> {
        self.inner
            .store
            .run(|index| {
                let mut listed = Listed { own: Vec::new(), borrowed: Vec::new() };
                index.visit(Table::Entries, &[], &[], |_, row| {
                    listed.own.push(decode(row)?);
                    Ok(ControlFlow::Continue(()))
                })?;
                index.visit(Table::Borrowed, &[], &[], |_, row| {
                    listed.borrowed.extend(entry_of_row(row)?);
                    Ok(ControlFlow::Continue(()))
                })?;
                Ok(listed)
            })
            .await
    }

    async fn let_go(&self, scope: &Scope, purging: Purging) -> Result<Purged, CacheError> {
        let Listed { own, borrowed } = self.list().await?;
        let meant: Vec<&Entry> = own.iter().chain(&borrowed).filter(|entry| scope.means(entry)).collect();
        let keys: HashSet<RenderKey> = meant.iter().map(|entry| entry.key).chain(scope.keys.iter().copied()).collect();
        let mut blobs: HashSet<BlobHash> = scope.blobs.iter().copied().collect();
        blobs.extend(meant.iter().flat_map(|entry| footage(entry)));
        let locales: HashSet<Locale> = scope.locales.iter().map(Locale::maximized).collect();
        let mut purged = Purged::default();
        for entry in own {
            let goes = match &entry.kind {
                EntryKind::Plate(_) => purging == Purging::Everything && keys.contains(&entry.key),
                EntryKind::Clip(plate) => {
                    keys.contains(plate) || keys.contains(&entry.key) || self.is_in(&entry.key, &locales).await?
                }
                EntryKind::Image | EntryKind::Sound => keys.contains(&entry.key),
            };
            if goes {
                let _shelf = self.inner.shelf.lock().await;
                purged.bytes += self.drop_key(entry).await?;
                purged.entries += 1;
            }
        }
        for blob in &blobs {
            self.inner.memory.forget(blob).await;
        }
        if let Some(borrowing) = &self.inner.borrowing {
            purged.entries += borrowed.iter().filter(|entry| keys.contains(&entry.key)).count() as u64;
            purged.bytes += self.give_back(borrowing, keys, blobs.into_iter().collect()).await?;
        }
        self.inner.losses.fetch_add(1, Ordering::Release);
        Ok(purged)
    }

    /// Whether a clip is in one of these locales, which are maximised.
    async fn is_in(&self, clip: &RenderKey, locales: &HashSet<Locale>) -> Result<bool, CacheError> {
        if locales.is_empty() {
            return Ok(false);
        }
        let recipe = self.manifest(clip).await?.map(|manifest| manifest.recipe);
        Ok(matches!(recipe, Some(Recipe::Clip(spec)) if locales.contains(&spec.overlay.locale.maximized())))
    }

    /// Forgets what the origin said of keys, and deletes copies. Gives their bytes.
    async fn give_back(&self, borrowing: &Borrowing, keys: HashSet<RenderKey>, blobs: Vec<BlobHash>) -> Result<u64, StoreError> {
        let forget = move |index: &crate::store::Index| {
            let mut batch = Batch::default();
            for key in &keys {
                batch.remove(Table::Borrowed, key.as_bytes().as_slice());
            }
            index.commit(&batch)
        };
        self.inner.store.run(forget).await?;
        borrowing.forget_what_was_said();
        let cache = self.clone();
        blocking(move || cache.inner.borrowing.as_ref().map_or(Ok(0), |borrowing| borrowing.delete_copies(&blobs))).await
    }
}
