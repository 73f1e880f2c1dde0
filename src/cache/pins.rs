//! What campaigns need: a file each, so that a damaged index never lets eviction at it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use festoon_spec::RenderKey;
use serde::{Deserialize, Serialize};

use crate::store::{StoreError, durable, make_folder};

/// The pins of every campaign.
#[derive(Debug)]
pub(super) struct Pins {
    folder: PathBuf,
    staging: PathBuf,
    by_campaign: Mutex<HashMap<String, HashSet<RenderKey>>>,
}

#[derive(Serialize, Deserialize)]
struct PinFile {
    campaign: String,
    keys: HashSet<RenderKey>,
}

impl Pins {
    pub fn open(state: &Path, staging: PathBuf) -> Result<Self, StoreError> {
        let folder = state.join("pins");
        make_folder(&folder)?;
        let mut by_campaign = HashMap::new();
        for file in fs::read_dir(&folder).map_err(|error| StoreError::at(&folder, error))? {
            let path = file.map_err(|error| StoreError::at(&folder, error))?.path();
            let text = fs::read(&path).map_err(|error| StoreError::at(&path, error))?;
            match serde_json::from_slice::<PinFile>(&text) {
                Ok(pins) => {
                    by_campaign.insert(pins.campaign, pins.keys);
                }
                // The campaign pins again at the next tick of the schedule.
                Err(error) => tracing::error!(path = %path.display(), %error, "a campaign's pins do not read"),
            }
        }
        Ok(Self { folder, staging, by_campaign: Mutex::new(by_campaign) })
    }

    /// A campaign's name is somebody's text and no file name.
    fn path(&self, campaign: &str) -> PathBuf {
        self.folder.join(format!("{}.json", blake3::hash(campaign.as_bytes()).to_hex()))
    }

    fn pins(&self) -> MutexGuard<'_, HashMap<String, HashSet<RenderKey>>> {
        self.by_campaign.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set(&self, campaign: &str, keys: HashSet<RenderKey>) -> Result<(), StoreError> {
        if keys.is_empty() {
            return self.remove(campaign);
        }
        // The lock is held over the write, so that memory and file take the same order of two calls.
        let mut pins = self.pins();
        if pins.get(campaign) == Some(&keys) {
            return Ok(());
        }
        let file = PinFile { campaign: campaign.to_owned(), keys };
        let text = serde_json::to_vec(&file).expect("pins are plain data");
        durable::write(&self.path(campaign), &text, &self.staging)?;
        pins.insert(file.campaign, file.keys);
        Ok(())
    }

    pub fn remove(&self, campaign: &str) -> Result<(), StoreError> {
        let mut pins = self.pins();
        durable::remove(&self.path(campaign))?;
        pins.remove(campaign);
        Ok(())
    }

    /// Whether any campaign needs it.
    pub fn hold(&self, key: &RenderKey) -> bool {
        self.pins().values().any(|keys| keys.contains(key))
    }

    /// Who needs it.
    pub fn holders(&self, key: &RenderKey) -> Vec<String> {
        self.pins().iter().filter(|(_, keys)| keys.contains(key)).map(|(campaign, _)| campaign.clone()).collect()
    }

    /// Every pin, by campaign.
    pub fn all(&self) -> BTreeMap<String, BTreeSet<RenderKey>> {
        self.pins().iter().map(|(campaign, keys)| (campaign.clone(), keys.iter().copied().collect())).collect()
    }

    /// How many keys are pinned, each once.
    pub fn count(&self) -> u64 {
        self.pins().values().flatten().collect::<HashSet<_>>().len() as u64
    }
}
