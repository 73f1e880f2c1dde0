//! The campaigns of an installation: the files of one folder, followed.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::NaiveDate;
use toml_edit::{DocumentMut, InlineTable, Item, TableLike, value};

use super::{Campaign, CampaignError, Draft, Written, Wrong, file};
use crate::store::{StoreError, durable, make_folder};

/// Campaigns that may be there before no more are made.
const MOST: usize = 1_000;
/// Characters of an id.
const LONGEST_ID: usize = 64;
/// Ids that are addresses of something else.
const TAKEN: [&str; 1] = ["new"];

/// Why a campaign is not kept, or not changed.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// Something is wrong with it.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// There is none of this id.
    #[error("there is no campaign `{0}`")]
    Unknown(String),
    /// It is paused.
    #[error("the campaign `{0}` is paused")]
    Paused(String),
    /// Its file cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The campaigns of a folder: every `*.toml` in it is one, and lives as long as its file.
#[derive(Debug)]
pub struct Campaigns {
    folder: PathBuf,
    /// Held over a change of a file, so that none is made from what another is about to replace.
    changing: Mutex<()>,
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
        let campaigns = Self { folder, changing: Mutex::default(), read: Mutex::default() };
        match campaigns.follow() {
            (_, errors) if errors.is_empty() => Ok(campaigns),
            (_, mut errors) => Err(errors.swap_remove(0)),
        }
    }

    /// Makes a campaign of a draft: writes its file, whole or not at all. `look` says whether it can be made of what there is. One of
    /// the same id stays, unless it is to be replaced. Blocks.
    ///
    /// # Errors
    /// See [`NotKept`]; then nothing is changed.
    pub fn keep(
        &self,
        draft: &Draft,
        replace: bool,
        look: impl FnOnce(&Campaign) -> Result<(), CampaignError>,
    ) -> Result<Campaign, NotKept> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong = |message: String| Wrong::new(draft.place_of_id(), message);
        // A file that does not read has no id, and is told what is wrong with it under any.
        let id = file::id_of(draft.as_text()).unwrap_or_else(|| "campaign".into());
        if !is_name(&id) {
            let hint = format!("small letters, digits and dashes, at most {LONGEST_ID}");
            return Err(wrong("this is not a name for a campaign's file".into()).hinted(hint).into());
        }
        let path = self.folder.join(format!("{id}.toml"));
        let parsed = file::parse(&path, draft.as_text().to_owned()).map_err(|mistake| CampaignError::Mistake(Box::new(mistake)));
        let campaign = parsed.map_err(|error| draft.told(&error))?;
        let (campaigns, _) = self.follow();
        if path.exists() && !replace {
            return Err(wrong(format!("there is a campaign `{id}`")).hinted("have it replaced, or take another id").into());
        }
        if !campaigns.contains_key(&path) && campaigns.len() >= MOST {
            return Err(wrong(format!("there are {MOST} campaigns, which is as many as there may be")).into());
        }
        look(&campaign).map_err(|error| draft.told(&error))?;
        self.write(&path, draft.as_text())?;
        Ok(campaign)
    }

    /// Has nothing painted for a campaign, or has it go on. Blocks.
    ///
    /// # Errors
    /// See [`NotKept`].
    pub fn pause(&self, id: &str, paused: bool) -> Result<Campaign, NotKept> {
        self.edit(id, |file| match paused {
            true => file["paused"] = value(true),
            false => _ = file.remove("paused"),
        })
    }

    /// Says when a campaign goes live in these regions; a region without a date goes live with the window. Blocks.
    ///
    /// # Errors
    /// See [`NotKept`].
    pub fn go_live(&self, id: &str, dates: &BTreeMap<String, Option<NaiveDate>>) -> Result<Campaign, NotKept> {
        self.edit(id, |file| {
            if file.get("live").is_none_or(|live| !live.is_table_like()) {
                file["live"] = Item::Value(InlineTable::new().into());
            }
            let Some(live) = file["live"].as_table_like_mut() else { return };
            for (region, date) in dates {
                match date {
                    Some(date) => _ = live.insert(region, value(date.to_string())),
                    None => _ = live.remove(region),
                }
            }
            if TableLike::is_empty(live) {
                file.remove("live");
            }
        })
    }

    /// Changes a campaign's file and leaves everything else in it as somebody wrote it.
    fn edit(&self, id: &str, change: impl FnOnce(&mut DocumentMut)) -> Result<Campaign, NotKept> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (campaigns, _) = self.follow();
        let unknown = || NotKept::Unknown(id.chars().take(80).collect());
        let path = campaigns.iter().find(|(_, campaign)| campaign.id == id).map(|(path, _)| path.clone()).ok_or_else(unknown)?;
        // As it is on the disk, which may be a later save with a mistake.
        let text = fs::read_to_string(&path).map_err(|error| StoreError::at(&path, error))?;
        let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
            let at = error.span().map_or(0, |span| span.start);
            let (line, column) = crate::template::SourceFile::new(path.clone(), text.clone()).line_and_column(at);
            Wrong::new(Written::File(line, column), error.message())
        })?;
        change(&mut document);
        let text = document.to_string();
        let parsed = file::parse(&path, text.clone()).map_err(|mistake| CampaignError::Mistake(Box::new(mistake)));
        let campaign = parsed.map_err(|error| Draft::of_file(text.clone()).told(&error))?;
        self.write(&path, &text)?;
        Ok(campaign)
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), NotKept> {
        make_folder(&self.folder)?;
        // Beside it, since the folder may be on a file system of its own; the name ends in nothing that is read.
        Ok(durable::write(path, text.as_bytes(), &self.folder)?)
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

/// Whether a file may be called so, whatever the file system.
fn is_name(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(is_plain) && !id.starts_with('-') && !TAKEN.contains(&id)
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
