//! Somebody looks at plates and decides: what the gate doubts is shown to nobody before that, and what somebody turned down to
//! nobody after it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use festoon_film::Measured;
use festoon_spec::{BlobHash, ClipSpec, Lane, PlateSpec, Profile, Reason, RenderKey, Still, TenantId, UnixMillis, Verdict};

use super::{Edge, EdgeError};
use crate::{
    cache::{CacheError, Entry, EntryKind, Loaded, Manifest, Purging, Recipe, Scope},
    compositor::{CompositorError, FormOrder, Source},
    decision::{Decision, Replacement, Ruling, wish},
    pick::{MAX_VARIATION, Pick, PickError, Resolved},
    queue::{Order, QueueError},
    store::StoreError,
    template::Template,
};

/// A take that is painted in another's place has its number and a multiple of this: campaigns and visitors ask for smaller ones,
/// so that no two wishes come to share a plate.
const TAKES_APART: u32 = 100;

/// What somebody wants to become of a plate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It may be seen.
    Approve,
    /// Nobody sees it.
    Reject,
    /// Nobody sees it, and another take is painted in its place.
    Repaint,
}

impl Judgement {
    /// The one of this name on the wire.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "approve" => Some(Self::Approve),
            "reject" => Some(Self::Reject),
            "repaint" => Some(Self::Repaint),
            _ => None,
        }
    }
}

/// A plate that somebody has to look at.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// What is kept.
    pub entry: Entry,
    /// How it was made.
    pub manifest: Manifest,
    /// Campaigns and rules that need it.
    pub wanted_by: BTreeSet<String>,
}

impl Waiting {
    /// What was painted.
    pub fn spec(&self) -> Option<&PlateSpec> {
        match &self.manifest.recipe {
            Recipe::Plate(spec) => Some(spec),
            _ => None,
        }
    }
}

/// What is known of a plate that is decided about.
struct Known {
    spec: PlateSpec,
    entry: Option<Entry>,
    wishes: BTreeSet<festoon_spec::Digest>,
}

impl Edge {
    /// The plates that the gate flagged and nobody decided about, those that wait longest in front; at most so many, and how many
    /// there are.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn to_review(&self, most: usize) -> Result<(Vec<Waiting>, usize), EdgeError> {
        let mut flagged = self.inner.cache.flagged().await?;
        flagged.retain(|entry| self.inner.decisions.of(&entry.key).is_none());
        let count = flagged.len();
        let mut waiting = Vec::new();
        for entry in flagged.into_iter().take(most) {
            waiting.extend(self.plate_to_review(&entry.key).await?);
        }
        Ok((waiting, count))
    }

    /// A plate that is kept, with all that is known of it, whatever was decided.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn plate_to_review(&self, key: &RenderKey) -> Result<Option<Waiting>, EdgeError> {
        let cache = &self.inner.cache;
        let Some(entry) = cache.find(key).await?.filter(|entry| matches!(entry.kind, EntryKind::Plate(_))) else {
            return Ok(None);
        };
        let Some(manifest) = cache.manifest(key).await? else { return Ok(None) };
        let wanted_by = cache.pinned().into_iter().filter(|(_, keys)| keys.contains(key)).map(|(name, _)| name).collect();
        Ok(Some(Waiting { entry, manifest, wanted_by }))
    }

    /// What the gate measures of each frame of a plate; `None` where nothing is decoded, or if it cannot be at the moment, which is
    /// logged.
    pub async fn measured(&self, plate: &Entry) -> Option<Arc<Vec<Measured>>> {
        let measured = self.inner.compositor.as_ref()?.measured(plate).await;
        measured.inspect_err(|error| tracing::warn!(plate = %plate.key.short(), %error, "a plate is not measured")).ok()
    }

    /// A picture of a plate: this frame, as JPEG.
    ///
    /// # Errors
    /// [`EdgeError::UnknownPlate`] if it is not kept or has no such frame; [`EdgeError::NoCompositor`]; if decoding fails.
    pub async fn frame_of_plate(&self, key: &RenderKey, frame: u32) -> Result<Bytes, EdgeError> {
        let plate = self.plate_to_review(key).await?.map(|waiting| waiting.entry);
        let plate = plate.filter(|plate| frame < plate.media.frames).ok_or(EdgeError::UnknownPlate { key: *key })?;
        let Some(compositor) = &self.inner.compositor else { return Err(EdgeError::NoCompositor) };
        let spec = ClipSpec::of_plate(*key, Profile::Poster(Still::Jpeg), Some(frame), compositor.deriver());
        let order = FormOrder { spec, source: Source::Plate(plate.into()), bed: None, lane: Lane::Free };
        let picture = compositor.form(order).await?;
        let lost = CompositorError::Lost { plate: *key, blob: picture.blob };
        Ok(self.inner.cache.load(&picture.blob).await?.ok_or(lost)?)
    }

    /// The whole file of a plate, whatever was decided.
    ///
    /// # Errors
    /// [`EdgeError::UnknownPlate`] if it is not kept; if the disk fails.
    pub async fn film_of_plate(&self, key: &RenderKey) -> Result<(BlobHash, Loaded), EdgeError> {
        let unknown = || EdgeError::UnknownPlate { key: *key };
        let plate = self.plate_to_review(key).await?.ok_or_else(unknown)?.entry;
        let loaded = self.inner.cache.open_blob(&plate.blob).await?.ok_or_else(unknown)?;
        Ok((plate.blob, loaded))
    }

    /// Decides about plates, all alike: all of it counts, or nothing. What is turned down goes out of service here, at the edges and
    /// in the CDNs; what is to be repainted is ordered anew.
    ///
    /// # Errors
    /// [`EdgeError::UnknownPlate`] for one that nobody wants and that is not kept, or that is to be approved and not painted;
    /// [`EdgeError::Pick`] if there are no more takes; if the disk fails.
    pub async fn decide(
        &self,
        plates: BTreeSet<RenderKey>,
        judgement: Judgement,
        note: String,
        by: String,
    ) -> Result<Vec<Decision>, EdgeError> {
        // In a task of its own: whoever goes away in the middle must not leave half of it done.
        let edge = self.clone();
        let task = tokio::spawn(async move { edge.decide_now(&plates, judgement, &note, &by).await });
        match task.await {
            Ok(decided) => decided,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(CacheError::from(StoreError::Closing).into()),
        }
    }

    async fn decide_now(
        &self,
        plates: &BTreeSet<RenderKey>,
        judgement: Judgement,
        note: &str,
        by: &str,
    ) -> Result<Vec<Decision>, EdgeError> {
        let (mut decided, mut anew) = (Vec::new(), Vec::new());
        {
            // Nothing is handed in, and no other take chosen, in between.
            let _desk = self.inner.desk.lock().await;
            let known = self.known(plates).await?;
            let mut taken: BTreeSet<RenderKey> = plates.clone();
            for key in plates {
                let unknown = || EdgeError::UnknownPlate { key: *key };
                let Known { spec, entry, wishes } = known.get(key).ok_or_else(unknown)?;
                let ruling = match judgement {
                    Judgement::Approve if entry.is_none() => return Err(unknown()),
                    Judgement::Approve => {
                        let spec = serde_json::to_value(spec).expect("a spec is plain data with text keys");
                        Ruling::Approved { spec, wishes: wishes.clone() }
                    }
                    Judgement::Reject => Ruling::Rejected,
                    Judgement::Repaint => {
                        let spec = self.another_take(spec, &taken).await?;
                        let replacement =
                            Replacement { variation: known[key].spec.variation, take: spec.variation, by: spec.key() };
                        taken.insert(replacement.by);
                        anew.push((spec, replacement.by));
                        Ruling::Repainted(replacement)
                    }
                };
                let blobs = entry.iter().flat_map(Entry::parts).map(|part| part.blob);
                decided.push(Decision {
                    plate: *key,
                    template: spec.template.clone(),
                    blobs: if judgement == Judgement::Approve { BTreeSet::new() } else { blobs.collect() },
                    ruling,
                    note: note.to_owned(),
                    by: by.to_owned(),
                    at: self.now(),
                });
            }
            let (decisions, fresh) = (self.inner.decisions.clone(), decided.clone());
            let added = tokio::task::spawn_blocking(move || decisions.add(fresh)).await.unwrap_or(Err(StoreError::Closing));
            added.map_err(CacheError::from)?;
        }
        tracing::info!(plates = decided.len(), ?judgement, by, note, "somebody decided about plates");
        for (spec, key) in anew {
            self.order_ahead(spec, key, self.now()).await?;
        }
        if judgement == Judgement::Approve {
            // Edges believe that there is none.
            self.inner.children.move_on();
        } else {
            self.take_out_of_service(&decided).await?;
        }
        Ok(decided)
    }

    async fn take_out_of_service(&self, decided: &[Decision]) -> Result<(), EdgeError> {
        for Decision { plate, .. } in decided {
            if let Some(job) = self.inner.queue.live(plate).await? {
                match self.inner.queue.cancel(&job.id).await {
                    Ok(_) | Err(QueueError::NoSuchJob(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        let scope = Scope {
            keys: decided.iter().map(|decision| decision.plate).collect(),
            blobs: decided.iter().flat_map(|decision| &decision.blobs).copied().collect(),
            ..Scope::default()
        };
        self.let_go(scope, Purging::Copies, None).await.map(drop)
    }

    /// Orders a plate that nobody waits for, unless it is there or on its way.
    pub(super) async fn order_ahead(&self, spec: PlateSpec, key: RenderKey, due: UnixMillis) -> Result<bool, EdgeError> {
        let Self { inner } = self;
        if self.allowed(Some(&spec.template), &[key], None).is_err() || inner.cache.find(&key).await?.is_some() {
            return Ok(false);
        }
        let order = Order {
            key,
            lane: Lane::Prerender,
            tenant: TenantId::default(),
            due: Some(due),
            cost_millis: self.costs().millis(&spec),
            max_attempts: inner.config.queue.max_attempts,
            planned: true,
            spec,
        };
        inner.queue.order(order).await?;
        Ok(true)
    }

    /// The next take that nobody turned down and no painter failed at.
    async fn another_take(&self, spec: &PlateSpec, taken: &BTreeSet<RenderKey>) -> Result<PlateSpec, EdgeError> {
        let all = MAX_VARIATION + 1;
        for number in 1..all {
            // First those of the same last digits, then those beside them: each number once.
            let take = (spec.variation + number * TAKES_APART + number / (all / TAKES_APART)) % all;
            let spec = PlateSpec { variation: take, ..spec.clone() };
            let key = spec.key();
            let is_free =
                !taken.contains(&key) && self.turned_down(&key).is_none() && self.inner.cache.refusal(&key).await?.is_none();
            if is_free {
                return Ok(spec);
            }
        }
        Err(PickError::BadVariation { given: "one more than there can be".into() }.into())
    }

    /// What is known of plates: those that are kept, and those that campaigns want.
    async fn known(&self, plates: &BTreeSet<RenderKey>) -> Result<BTreeMap<RenderKey, Known>, EdgeError> {
        let mut known = BTreeMap::new();
        for key in plates {
            if let Some(waiting) = self.plate_to_review(key).await?
                && let Some(spec) = waiting.spec().cloned()
            {
                known.insert(*key, Known { spec, entry: Some(waiting.entry), wishes: BTreeSet::new() });
            }
        }
        let (campaigns, _) = self.inner.campaigns.follow();
        for campaign in campaigns.values() {
            // One that cannot be made of what there is wants nothing.
            let Ok(matrix) = campaign.matrix(&self.inner.library.current(), &self.makers(), &self.costs()) else { continue };
            for cell in matrix.cells {
                let (spec, key) = self.in_its_place(&cell.plate);
                if !plates.contains(&key) {
                    continue;
                }
                let known = known.entry(key).or_insert(Known { spec, entry: None, wishes: BTreeSet::new() });
                known.wishes.extend(cell.picks.iter().map(|pick| wish(&campaign.id, pick)));
            }
        }
        Ok(known)
    }

    /// Why nobody sees a plate, if somebody decided so.
    pub(super) fn turned_down(&self, plate: &RenderKey) -> Option<Vec<Reason>> {
        let decisions = &self.inner.decisions;
        let is_turned_down = match decisions.of(plate) {
            Some(decision) => !matches!(decision.ruling, Ruling::Approved { .. }),
            None => decisions.replacement(plate).is_some(),
        };
        // The note is for those who decide.
        let reason = || Reason { code: "turned-down".into(), detail: "somebody looked at it and turned it down".into() };
        is_turned_down.then(|| vec![reason()])
    }

    /// Whether somebody, or else the gate, lets an entry be seen; of what was made of a plate, the plate.
    pub(super) fn may_be_served(&self, entry: &Entry) -> bool {
        let plate = match &entry.kind {
            EntryKind::Clip(plate) => plate,
            _ => &entry.key,
        };
        if self.turned_down(plate).is_some() {
            return false;
        }
        match entry.verdict {
            Verdict::Passed => true,
            Verdict::Flagged { .. } => self.inner.config.delivery.serve_flagged || self.inner.decisions.of(plate).is_some(),
            Verdict::Failed { .. } => false,
        }
    }

    /// What a pick means, and what stands in its place if its take was repainted.
    ///
    /// # Errors
    /// [`EdgeError::Pick`].
    pub fn resolve(&self, pick: &Pick) -> Result<(Arc<Template>, Resolved), EdgeError> {
        let template = self.template(pick)?;
        let resolved = self.resolve_with(pick, &template)?;
        Ok((template, resolved))
    }

    pub(super) fn resolve_with(&self, pick: &Pick, template: &Template) -> Result<Resolved, PickError> {
        let makers = self.makers();
        let resolved = pick.resolve(template, &makers)?;
        match self.in_its_place(&resolved.plate) {
            (_, key) if key == resolved.plate_key => Ok(resolved),
            (spec, _) => Pick { variation: spec.variation, ..pick.clone() }.resolve(template, &makers),
        }
    }

    /// The plate that stands in the place of one: itself, unless it was repainted.
    pub fn in_its_place(&self, plate: &PlateSpec) -> (PlateSpec, RenderKey) {
        let mut spec = plate.clone();
        let mut key = spec.key();
        // As many as there are takes: an origin that says something in circles holds nobody up.
        for _ in 0..=MAX_VARIATION {
            let Some(Replacement { take, .. }) = self.inner.decisions.replacement(&key) else { break };
            spec.variation = take;
            key = spec.key();
        }
        (spec, key)
    }

    /// A plate and what stands in its place.
    pub(super) fn chain(&self, key: RenderKey) -> impl Iterator<Item = RenderKey> {
        let next = |key: &RenderKey| self.inner.decisions.replacement(key).map(|replacement| replacement.by);
        std::iter::successors(Some(key), next).take(MAX_VARIATION as usize)
    }
}
