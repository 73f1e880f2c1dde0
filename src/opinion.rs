//! What people say of takes: liked, or turned down, and why.
//!
//! Counts without anybody's name, per [`Topic`]: a template, a locale and what the painter was told. The order in which takes are
//! offered follows from them ([`Opinions::ranked`]), and authors read which prompts fail ([`Opinions::all`]).
//!
//! Each topic is a file in `opinions` of the state folder, written whole before the call returns, so that a crash loses nothing
//! that was thanked for. There are [`MOST_TOPICS`] at most; beyond, the one that nobody spoke of for longest goes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use festoon_spec::{Digest, Locale, TemplateId, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::store::{StoreError, durable, make_folder};

/// Topics that are remembered. A file has about a kilobyte.
pub const MOST_TOPICS: usize = 5_000;
/// Characters of what the painter was told that are kept for authors.
const LONGEST_PROMPT: usize = 2_000;

/// What somebody says of a take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opinion {
    /// Kept, or liked.
    Liked,
    /// Another one was asked for.
    Another,
    /// The reason was how it moves.
    Motion,
    /// The reason was a face.
    Faces,
    /// The reason was its colours.
    Colours,
    /// The reason was the text on it.
    Text,
    /// The reason was that it shows something else.
    OffTopic,
}

impl Opinion {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Liked, Self::Another, Self::Motion, Self::Faces, Self::Colours, Self::Text, Self::OffTopic];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Liked => "liked",
            Self::Another => "another",
            Self::Motion => "motion",
            Self::Faces => "faces",
            Self::Colours => "colours",
            Self::Text => "text",
            Self::OffTopic => "off-topic",
        }
    }
}

/// What an opinion is about: every take of it was painted from the same words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// The template.
    pub template: TemplateId,
    /// For whom.
    pub locale: Locale,
    /// The digest of what the painter was told.
    pub prompt: Digest,
    /// The same in words, for authors.
    pub told: String,
}

impl Topic {
    fn name(&self) -> String {
        let Self { template, locale, prompt, .. } = self;
        blake3::hash(format!("{template} {locale} {prompt}").as_bytes()).to_hex().to_string()
    }
}

/// What was said of one take, how often.
pub type Tally = BTreeMap<Opinion, u32>;

/// What was said of the takes of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    version: Version,
    /// The topic.
    pub topic: Topic,
    /// By the take's number.
    pub takes: BTreeMap<u32, Tally>,
    /// When the last word fell.
    pub said_at: UnixMillis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Version {
    #[serde(rename = "festoon opinions v1")]
    V1,
}

impl Heard {
    /// How often any of its takes was liked, and how often turned down.
    pub fn sum(&self) -> (u64, u64) {
        let count = |opinion| self.takes.values().filter_map(|tally| tally.get(&opinion)).map(|count| u64::from(*count)).sum();
        (count(Opinion::Liked), count(Opinion::Another))
    }
}

/// Thousandths: how likely somebody is to like a take, of which nothing is known at first (Laplace's rule of succession).
pub fn score(tally: &Tally) -> u32 {
    let count = |opinion| u64::from(tally.get(&opinion).copied().unwrap_or_default());
    let (liked, turned_down) = (count(Opinion::Liked), count(Opinion::Another));
    (1000 * (liked + 1) / (liked + turned_down + 2)) as u32
}

/// Everything that was said. See the [module](self).
#[derive(Debug)]
pub struct Opinions {
    folder: PathBuf,
    staging: PathBuf,
    most: usize,
    heard: Mutex<HashMap<String, Heard>>,
}

impl Opinions {
    /// Opens the folder `opinions` of the state folder; `staging` is on the same file system. A file that does not read is logged
    /// and left out. Blocks.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub fn open(state: &Path, staging: PathBuf) -> Result<Self, StoreError> {
        Self::with(state, staging, MOST_TOPICS)
    }

    fn with(state: &Path, staging: PathBuf, most: usize) -> Result<Self, StoreError> {
        let folder = state.join("opinions");
        make_folder(&folder)?;
        let mut heard = HashMap::new();
        for file in fs::read_dir(&folder).map_err(|error| StoreError::at(&folder, error))? {
            let path = file.map_err(|error| StoreError::at(&folder, error))?.path();
            let bytes = fs::read(&path).map_err(|error| StoreError::at(&path, error))?;
            match serde_json::from_slice::<Heard>(&bytes) {
                Ok(topic) => _ = heard.insert(topic.topic.name(), topic),
                Err(error) => tracing::error!(path = %path.display(), %error, "opinions do not read and do not count"),
            }
        }
        Ok(Self { folder, staging, most, heard: Mutex::new(heard) })
    }

    /// Counts one opinion of a take. Blocks until the disk has it.
    ///
    /// # Errors
    /// If it cannot be written; then it does not count.
    pub fn say(&self, mut topic: Topic, take: u32, opinion: Opinion, now: UnixMillis) -> Result<(), StoreError> {
        topic.told = topic.told.chars().take(LONGEST_PROMPT).collect();
        let name = topic.name();
        // Held over the write, so that memory and file take the same order of two calls.
        let mut all = self.heard();
        let mut heard =
            all.get(&name).cloned().unwrap_or(Heard { version: Version::V1, topic, takes: BTreeMap::new(), said_at: now });
        let count = heard.takes.entry(take).or_default().entry(opinion).or_default();
        *count = count.saturating_add(1);
        heard.said_at = now;
        let bytes = serde_json::to_vec(&heard).expect("opinions are plain data with text keys");
        durable::write(&self.path(&name), &bytes, &self.staging)?;
        all.insert(name, heard);
        if all.len() > self.most {
            let oldest = all.iter().min_by_key(|(name, heard)| (heard.said_at, *name)).map(|(name, _)| name.clone());
            if let Some(oldest) = oldest {
                durable::remove(&self.path(&oldest))?;
                all.remove(&oldest);
            }
        }
        Ok(())
    }

    /// These takes in the order in which they are offered: what people like first, as numbered where nothing tells them apart.
    pub fn ranked(&self, topic: &Topic, takes: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let all = self.heard();
        let heard = all.get(&topic.name());
        let unknown = Tally::default();
        let mut takes: Vec<u32> = takes.into_iter().collect();
        takes.sort_by_key(|take| {
            let tally = heard.and_then(|heard| heard.takes.get(take)).unwrap_or(&unknown);
            (Reverse(score(tally)), *take)
        });
        takes
    }

    /// Everything, what is turned down most in front.
    pub fn all(&self) -> Vec<Heard> {
        let mut all: Vec<Heard> = self.heard().values().cloned().collect();
        all.sort_by_cached_key(|heard| {
            let (liked, turned_down) = heard.sum();
            (Reverse(turned_down.saturating_sub(liked)), Reverse(turned_down), heard.topic.name())
        });
        all
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }

    fn heard(&self) -> MutexGuard<'_, HashMap<String, Heard>> {
        // A change is written before it enters, so a panic leaves what was there.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn topic(told: &str) -> Topic {
        let prompt = Digest::of(told.as_bytes());
        Topic { template: "lantern".parse().unwrap(), locale: "en".parse().unwrap(), prompt, told: told.into() }
    }

    fn open(state: &Path, most: usize) -> Opinions {
        let staging = state.join("staging");
        fs::create_dir_all(&staging).unwrap();
        Opinions::with(state, staging, most).unwrap()
    }

    #[test]
    fn takes_are_offered_in_the_order_in_which_people_like_them() {
        let state = tempfile::tempdir().unwrap();
        let opinions = open(state.path(), 9);
        let say = |take, opinion| opinions.say(topic("snow"), take, opinion, UnixMillis(1)).unwrap();
        assert_eq!(opinions.ranked(&topic("snow"), 0..4), [0, 1, 2, 3]);
        say(0, Opinion::Another);
        say(0, Opinion::Motion);
        say(2, Opinion::Liked);
        assert_eq!(opinions.ranked(&topic("snow"), 0..4), [2, 1, 3, 0]);
        assert_eq!(opinions.ranked(&topic("rain"), 0..4), [0, 1, 2, 3], "another prompt is another matter");
        say(2, Opinion::Another);
        say(2, Opinion::Another);
        assert_eq!(opinions.ranked(&topic("snow"), 0..4), [1, 3, 2, 0]);
    }

    #[test]
    fn what_was_said_survives_a_restart() {
        let state = tempfile::tempdir().unwrap();
        open(state.path(), 9).say(topic("snow"), 3, Opinion::Faces, UnixMillis(7)).unwrap();
        fs::write(state.path().join("opinions/cut.json"), "{").unwrap();
        let again = open(state.path(), 9).all();
        let [heard] = again.as_slice() else { panic!("{again:?}") };
        assert_eq!((heard.topic.told.as_str(), heard.takes[&3][&Opinion::Faces], heard.said_at), ("snow", 1, UnixMillis(7)));
    }

    #[test]
    fn topics_beyond_the_limit_push_out_the_one_that_was_silent_longest() {
        let state = tempfile::tempdir().unwrap();
        let opinions = open(state.path(), 2);
        for (at, told) in ["first", "second", "first", "third"].into_iter().enumerate() {
            opinions.say(topic(told), 0, Opinion::Another, UnixMillis(at as u64)).unwrap();
        }
        let mut left: Vec<_> = open(state.path(), 2).all().into_iter().map(|heard| heard.topic.told).collect();
        left.sort();
        assert_eq!(left, ["first", "third"]);
    }
}
