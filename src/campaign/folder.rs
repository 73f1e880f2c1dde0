//! The campaigns of an installation: the files of one folder, followed.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{Campaign, CampaignError, file};

/// The campaigns of a folder: every `*.toml` in it is one, and lives as long as its file.
#[derive(Debug)]
pub struct Campaigns {
    folder: PathBuf,
    read: Mutex<Read>,
}

#[derive(Debug, Default)]
struct Read {
    /// What each file said last.
    texts: BTreeMap<PathBuf, String>,
    /// The last good form of each file.
    campaigns: Arc<BTreeMap<PathBuf, Campaign>>,
}

impl Campaigns {
    /// Reads the campaigns of a folder; none if there is no such folder.
    ///
    /// # Errors
    /// If it cannot be read, or with the first mistake.
    pub fn open(folder: PathBuf) -> Result<Self, CampaignError> {
        let campaigns = Self { folder, read: Mutex::default() };
        match campaigns.follow() {
            (_, errors) if errors.is_empty() => Ok(campaigns),
            (_, mut errors) => Err(errors.swap_remove(0)),
        }
    }

    /// The campaigns as they are now, the same ones again while no file changes, and what is wrong with files that were saved
    /// since the last call. A file with a mistake counts as it was before.
    pub fn follow(&self) -> (Arc<BTreeMap<PathBuf, Campaign>>, Vec<CampaignError>) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = match texts(&self.folder) {
            Ok(texts) => texts,
            Err(error) => return (Arc::clone(&read.campaigns), vec![error]),
        };
        if texts == read.texts {
            return (Arc::clone(&read.campaigns), Vec::new());
        }
        let (mut campaigns, mut errors) = (BTreeMap::new(), Vec::new());
        for (path, text) in &texts {
            let earlier = read.campaigns.get(path);
            let campaign = match earlier {
                Some(earlier) if read.texts.get(path) == Some(text) => Some(earlier.clone()),
                _ => match file::parse(path, text.clone()) {
                    Ok(campaign) => Some(campaign),
                    Err(mistake) => {
                        errors.push(CampaignError::Mistake(Box::new(mistake)));
                        earlier.cloned()
                    }
                },
            };
            campaigns.extend(campaign.map(|campaign| (path.clone(), campaign)));
        }
        *read = Read { texts, campaigns: Arc::new(campaigns) };
        (Arc::clone(&read.campaigns), errors)
    }
}

fn texts(folder: &Path) -> Result<BTreeMap<PathBuf, String>, CampaignError> {
    let files = match fs::read_dir(folder) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(CampaignError::Read { path: folder.to_owned(), source }),
    };
    let mut texts = BTreeMap::new();
    for file in files {
        let path = file.map_err(|source| CampaignError::Read { path: folder.to_owned(), source })?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = fs::read_to_string(&path).map_err(|source| CampaignError::Read { path: path.clone(), source })?;
            texts.insert(path, text);
        }
    }
    Ok(texts)
}
