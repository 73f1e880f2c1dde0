//! What people decided about plates: that they may be seen, that nobody sees them, or that another take is painted in their place.
//!
//! The gate flags what it doubts, and nobody is shown that before somebody looked; who looks may also turn down what the gate let
//! pass. A decision is about one plate, by its key: whatever changes the picture changes the key, and is looked at anew. The last
//! decision of a plate counts.
//!
//! `decisions.jsonl` of the state folder is the truth, a [line](crate::store::lines) for each decision, there for good before the
//! call returns. An edge has no file: it takes over from its origin [what stands for what](Decisions::replacements); the rest the
//! origin decides by what it hands out.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use festoon_spec::{BlobHash, Digest, PlateSpec, RenderKey, TemplateId, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::store::{StoreError, durable, lines};

/// Plates whose decision is remembered. Beyond, the approvals that are oldest go: what they let pass waits to be looked at again.
pub const MOST_DECISIONS: usize = 20_000;
/// Characters of a note.
pub const LONGEST_NOTE: usize = 1_000;

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ruling", rename_all = "kebab-case")]
pub enum Ruling {
    /// It may be seen, whatever the gate doubts.
    Approved {
        /// What it was painted from, as it was then: to tell later what has changed since.
        spec: serde_json::Value,
        /// Who wants it: see [`wish`].
        wishes: BTreeSet<Digest>,
    },
    /// Nobody sees it.
    Rejected,
    /// Nobody sees it, and another take stands in its place.
    Repainted(Replacement),
}

impl Ruling {
    /// Its name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Approved { .. } => "approved",
            Self::Rejected => "rejected",
            Self::Repainted(_) => "repainted",
        }
    }
}

/// A take that stands in another's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// The number of the take whose place it is.
    pub variation: u32,
    /// Its own number.
    pub take: u32,
    /// Its plate's key.
    pub by: RenderKey,
}

/// A decision about a plate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The plate.
    pub plate: RenderKey,
    /// Its template.
    pub template: TemplateId,
    /// What was decided.
    #[serde(flatten)]
    pub ruling: Ruling,
    /// Why, as somebody said.
    pub note: String,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: UnixMillis,
    /// What of the plate was kept then: nobody gets these bytes of a plate that nobody sees.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub blobs: BTreeSet<BlobHash>,
}

/// Names who wants a plate, so that it is known again when a change has made another plate of the same wish.
pub fn wish(campaign: &str, pick: &crate::pick::Pick) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("festoon 2026-11 wish for a plate v1");
    let mut put = |field: &str| {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field.as_bytes());
    };
    put(campaign);
    put(pick.template.as_str());
    put(pick.locale.as_str());
    put(&pick.ratio.map(|ratio| ratio.to_string()).unwrap_or_default());
    put(&pick.variation.to_string());
    for (name, value) in &pick.parameters {
        put(name);
        put(value);
    }
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

/// What painting from `now` would make different from what was approved: the parts of the spec, by their path.
pub fn changes(approved: &serde_json::Value, now: &PlateSpec) -> BTreeSet<String> {
    let now = serde_json::to_value(now).expect("a spec is plain data with text keys");
    let mut changed = BTreeSet::new();
    differing(approved, &now, "", &mut changed);
    changed
}

/// Goes into objects only: of a list it is enough to know that it differs.
fn differing(before: &serde_json::Value, now: &serde_json::Value, path: &str, changed: &mut BTreeSet<String>) {
    let (Some(before), Some(now)) = (before.as_object(), now.as_object()) else {
        if before != now {
            changed.insert(path.to_owned());
        }
        return;
    };
    for name in before.keys().chain(now.keys()) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let none = serde_json::Value::Null;
        differing(before.get(name).unwrap_or(&none), now.get(name).unwrap_or(&none), &path, changed);
    }
}

/// All decisions. Clones are the same ones. See the [module](self).
#[derive(Debug, Clone)]
pub struct Decisions {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// None at an edge.
    path: Option<PathBuf>,
    standing: RwLock<Standing>,
    /// Held over a write, so that memory and file take the same order of two calls.
    writing: Mutex<()>,
}

#[derive(Debug, Default)]
struct Standing {
    /// The last of each plate.
    decisions: HashMap<RenderKey, Arc<Decision>>,
    /// The plate that was approved last, by who wants it.
    approved: HashMap<Digest, RenderKey>,
    /// Blobs of plates that nobody sees.
    withheld: HashSet<BlobHash>,
    replaced: BTreeMap<RenderKey, Replacement>,
    /// The number of the take in whose place a plate stands.
    stands_for: HashMap<RenderKey, u32>,
}

impl Standing {
    fn put(&mut self, decision: Decision) {
        let plate = decision.plate;
        if let Some(before) = self.decisions.remove(&plate) {
            self.withheld.retain(|blob| !before.blobs.contains(blob));
        }
        self.replaced.remove(&plate);
        match &decision.ruling {
            Ruling::Approved { wishes, .. } => self.approved.extend(wishes.iter().map(|wish| (*wish, plate))),
            Ruling::Rejected => self.withheld.extend(&decision.blobs),
            Ruling::Repainted(replacement) => {
                self.withheld.extend(&decision.blobs);
                self.replace(plate, *replacement);
            }
        }
        self.decisions.insert(plate, Arc::new(decision));
    }

    fn replace(&mut self, plate: RenderKey, replacement: Replacement) {
        // A chain of takes stands in the place of its first.
        let variation = self.stands_for.get(&plate).copied().unwrap_or(replacement.variation);
        self.stands_for.insert(replacement.by, variation);
        self.replaced.insert(plate, replacement);
    }

    /// Lets the oldest approvals go that are too many.
    fn shrink(&mut self, most: usize) {
        let excess = self.decisions.len().saturating_sub(most);
        if excess == 0 {
            return;
        }
        let approvals = self.decisions.values().filter(|decision| matches!(decision.ruling, Ruling::Approved { .. }));
        let mut approvals: Vec<(UnixMillis, RenderKey)> = approvals.map(|decision| (decision.at, decision.plate)).collect();
        approvals.sort_unstable();
        for (_, plate) in approvals.into_iter().take(excess) {
            self.decisions.remove(&plate);
            self.approved.retain(|_, approved| *approved != plate);
        }
    }
}

impl Decisions {
    /// Reads those of a state folder. A line that is damaged is logged and left out; the file is written anew when most of it no
    /// longer counts. Blocks.
    ///
    /// # Errors
    /// If the file cannot be read: nobody is shown what was turned down.
    pub fn open(state: &Path, staging: &Path) -> Result<Self, StoreError> {
        Self::with(state, staging, MOST_DECISIONS)
    }

    fn with(state: &Path, staging: &Path, most: usize) -> Result<Self, StoreError> {
        let path = state.join("decisions.jsonl");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(StoreError::at(&path, error)),
        };
        let (mut standing, mut count) = (Standing::default(), 0);
        for (number, line) in text.lines().enumerate() {
            count += 1;
            match lines::read::<Decision>(line) {
                Some(decision) => standing.put(decision),
                None => tracing::error!(path = %path.display(), line = number + 1, "a decision does not read and does not count"),
            }
        }
        standing.shrink(most);
        if count > most.max(2 * standing.decisions.len()) {
            let mut kept: Vec<_> = standing.decisions.values().collect();
            kept.sort_by_key(|decision| (decision.at, decision.plate));
            let text: String = kept.into_iter().map(|decision| lines::written(&**decision)).collect();
            durable::write(&path, text.as_bytes(), staging)?;
        }
        Ok(Self::holding(Some(path), standing))
    }

    /// Those of an edge: none before its origin said something.
    pub fn of_an_edge() -> Self {
        Self::holding(None, Standing::default())
    }

    fn holding(path: Option<PathBuf>, standing: Standing) -> Self {
        Self { inner: Arc::new(Inner { path, standing: RwLock::new(standing), writing: Mutex::default() }) }
    }

    /// Has decisions count, once they are there for good: all of them, or none. Blocks.
    ///
    /// # Errors
    /// If the disk is full or failing.
    pub fn add(&self, decisions: Vec<Decision>) -> Result<(), StoreError> {
        let _writing = self.inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &self.inner.path {
            let text: String = decisions.iter().map(lines::written).collect();
            lines::append(path, &text)?;
        }
        let mut standing = self.inner.standing.write().unwrap_or_else(PoisonError::into_inner);
        decisions.into_iter().for_each(|decision| standing.put(decision));
        standing.shrink(MOST_DECISIONS);
        Ok(())
    }

    /// What was decided about a plate last.
    pub fn of(&self, plate: &RenderKey) -> Option<Arc<Decision>> {
        self.standing().decisions.get(plate).cloned()
    }

    /// What was approved last for one of these wishes.
    pub fn approved_for(&self, wishes: &BTreeSet<Digest>) -> Option<Arc<Decision>> {
        let standing = self.standing();
        let plates = wishes.iter().filter_map(|wish| standing.approved.get(wish));
        plates.filter_map(|plate| standing.decisions.get(plate)).max_by_key(|decision| decision.at).cloned()
    }

    /// Whether these bytes are of a plate that nobody sees.
    pub fn withhold(&self, blob: &BlobHash) -> bool {
        self.standing().withheld.contains(blob)
    }

    /// What stands in a plate's place.
    pub fn replacement(&self, plate: &RenderKey) -> Option<Replacement> {
        self.standing().replaced.get(plate).copied()
    }

    /// The number of the take in whose place a plate stands, if it is not its own.
    pub fn stands_for(&self, plate: &RenderKey) -> Option<u32> {
        self.standing().stands_for.get(plate).copied()
    }

    /// What stands for what: edges are told.
    pub fn replacements(&self) -> BTreeMap<RenderKey, Replacement> {
        self.standing().replaced.clone()
    }

    /// What the origin says of that, at an edge.
    pub fn take_over(&self, replacements: &BTreeMap<RenderKey, Replacement>) {
        let mut standing = self.inner.standing.write().unwrap_or_else(PoisonError::into_inner);
        if standing.replaced != *replacements {
            *standing = Standing::default();
            // In the order of their numbers, in which chains were made.
            let mut replacements: Vec<_> = replacements.iter().collect();
            replacements.sort_by_key(|(plate, replacement)| (replacement.take, **plate));
            replacements.into_iter().for_each(|(plate, replacement)| standing.replace(*plate, *replacement));
        }
    }

    /// The latest, at most so many.
    pub fn latest(&self, most: usize) -> Vec<Arc<Decision>> {
        let mut all: Vec<_> = self.standing().decisions.values().cloned().collect();
        all.sort_by_key(|decision| (std::cmp::Reverse(decision.at), decision.plate));
        all.truncate(most);
        all
    }

    fn standing(&self) -> RwLockReadGuard<'_, Standing> {
        self.inner.standing.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn plate(number: u8) -> RenderKey {
        RenderKey::from_bytes([number; 32])
    }

    fn decided(number: u8, at: u64, ruling: Ruling) -> Decision {
        let (template, note) = ("lantern".parse().unwrap(), "too \"bright\"\nby far".into());
        let blobs = BTreeSet::from([BlobHash::of(&[number])]);
        Decision { plate: plate(number), template, ruling, note, by: "operator".into(), at: UnixMillis(at), blobs }
    }

    fn approved(wish: u8) -> Ruling {
        Ruling::Approved { spec: serde_json::json!({}), wishes: BTreeSet::from([Digest::from_bytes([wish; 32])]) }
    }

    fn repainted(take: u32, by: u8) -> Ruling {
        Ruling::Repainted(Replacement { variation: 0, take, by: plate(by) })
    }

    fn open(state: &Path, most: usize) -> Decisions {
        let staging = state.join("staging");
        fs::create_dir_all(&staging).unwrap();
        Decisions::with(state, &staging, most).unwrap()
    }

    #[test]
    fn the_last_decision_of_a_plate_counts_also_after_a_restart() {
        let state = tempfile::tempdir().unwrap();
        let decisions = open(state.path(), 9);
        decisions.add(vec![decided(1, 1, Ruling::Rejected), decided(2, 1, approved(2))]).unwrap();
        assert!(decisions.withhold(&BlobHash::of(&[1])) && !decisions.withhold(&BlobHash::of(&[2])));
        decisions.add(vec![decided(1, 2, approved(1)), decided(2, 2, Ruling::Rejected)]).unwrap();
        for decisions in [decisions, open(state.path(), 9)] {
            assert_eq!(decisions.of(&plate(1)).unwrap().ruling.name(), "approved");
            assert_eq!(*decisions.of(&plate(2)).unwrap(), decided(2, 2, Ruling::Rejected));
            assert!(!decisions.withhold(&BlobHash::of(&[1])) && decisions.withhold(&BlobHash::of(&[2])));
            let wishes = BTreeSet::from([Digest::from_bytes([1; 32])]);
            assert_eq!(decisions.approved_for(&wishes).unwrap().plate, plate(1));
        }
    }

    #[test]
    fn a_line_that_a_crash_cut_off_costs_no_other_decision() {
        let state = tempfile::tempdir().unwrap();
        open(state.path(), 9).add(vec![decided(1, 1, Ruling::Rejected)]).unwrap();
        let path = state.path().join("decisions.jsonl");
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{}", &whole[..whole.len() / 2])).unwrap();
        open(state.path(), 9).add(vec![decided(2, 2, Ruling::Rejected)]).unwrap();
        let again = open(state.path(), 9);
        assert_eq!(again.latest(9).iter().map(|decision| decision.plate).collect::<Vec<_>>(), [plate(2), plate(1)]);
    }

    #[test]
    fn a_chain_of_takes_stands_in_the_place_of_its_first_here_and_at_an_edge() {
        let state = tempfile::tempdir().unwrap();
        let decisions = open(state.path(), 9);
        decisions.add(vec![decided(1, 1, repainted(100, 2))]).unwrap();
        decisions.add(vec![decided(2, 2, repainted(200, 3))]).unwrap();
        let edge = Decisions::of_an_edge();
        edge.take_over(&decisions.replacements());
        for decisions in [&decisions, &edge] {
            assert_eq!(decisions.replacement(&plate(1)).unwrap().by, plate(2));
            assert_eq!(decisions.stands_for(&plate(3)), Some(0));
            assert_eq!(decisions.stands_for(&plate(1)), None);
        }
        decisions.add(vec![decided(1, 3, approved(1))]).unwrap();
        assert_eq!(decisions.replacement(&plate(1)), None);
    }

    #[test]
    fn too_many_decisions_push_out_old_approvals_and_no_rejection() {
        let state = tempfile::tempdir().unwrap();
        let decisions = open(state.path(), 2);
        for number in 1..=4 {
            let ruling = if number % 2 == 0 { approved(number) } else { Ruling::Rejected };
            decisions.add(vec![decided(number, number.into(), ruling)]).unwrap();
        }
        let left: Vec<_> = open(state.path(), 2).latest(9).iter().map(|decision| decision.plate).collect();
        assert_eq!(left, [plate(3), plate(1)]);
        assert_eq!(fs::read_to_string(state.path().join("decisions.jsonl")).unwrap().lines().count(), 4);
        decisions.add(vec![decided(1, 9, Ruling::Rejected)]).unwrap();
        open(state.path(), 2);
        assert_eq!(fs::read_to_string(state.path().join("decisions.jsonl")).unwrap().lines().count(), 2, "written anew");
    }

    #[test]
    fn what_changed_since_an_approval_is_named_part_by_part() {
        let canvas = festoon_spec::Canvas { width: 64, height: 36, frames: 6, fps: 24 };
        let scene = serde_json::json!({ "painter": "motion", "seed": 1 });
        let before = serde_json::json!({ "canvas": canvas, "scene": scene, "variation": 0, "gone": [1] });
        let now = serde_json::json!({ "canvas": { "width": 64, "height": 64, "frames": 6, "fps": 24 }, "scene": scene, "variation": 0 });
        let mut changed = BTreeSet::new();
        differing(&before, &now, "", &mut changed);
        assert_eq!(changed.into_iter().collect::<Vec<_>>(), ["canvas.height", "gone"]);
    }
}
