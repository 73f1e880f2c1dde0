//! What an edge and its origin tell each other besides entries and bytes: one question that the edge asks again and again and the
//! origin holds open until there is something new. So edges need no address of their own, and news travel at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use festoon_spec::{Abilities, BlobHash, Checkpoint, Digest, EncoderId, Gates, ModelDigest, RenderKey};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::{Origin, collect, refused};
use crate::{
    cache::{Scope, UpstreamError},
    decision::Replacement,
    purge::Takedown,
};

/// Most bytes of news: the hashes of ten thousand templates' files, and keys of campaigns.
const NEWS_BYTES: usize = 64 << 20;
/// Most bytes of one file of a template.
pub const FILE_BYTES: usize = 16 << 20;

/// What an edge says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its name.
    pub edge: String,
    /// The release that it runs.
    pub festoon: String,
    /// The [revision](News::revision) of what it knows.
    pub revision: Option<Digest>,
    /// The last purge that it took part in.
    pub seen: Option<Seen>,
    /// What of the [wanted](Standing::wanted) is there.
    #[serde(default)]
    pub warm: BTreeMap<String, Warmth>,
    /// Seconds that the origin may wait for news.
    pub wait_seconds: u64,
}

/// How much of what somebody needs is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Warmth {
    /// Plates that are needed.
    pub wanted: u64,
    /// Those that are there, whole.
    pub there: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What an origin says to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// Changes with what stands.
    pub revision: Digest,
    /// What stands, if the edge knows another revision.
    pub standing: Option<Standing>,
    /// What was purged since, in order.
    pub purges: Vec<Scope>,
    /// Whether there were more purges than are remembered, or the edge is new: then it believes nothing without asking again.
    pub missed: bool,
    /// The last of them.
    pub seen: Seen,
}

/// A purge, by its number among those since the origin was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Differs with each start of the origin.
    pub start: String,
    /// How many there were.
    pub number: u64,
}

/// What holds at the origin, as far as an edge must know it to say the same of the same pick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What plates are asked from.
    pub encoder: EncoderId,
    /// Checkpoints by the names that templates use.
    pub models: BTreeMap<String, Model>,
    /// The files of the templates, by their path inside the folder of templates, with the hash of their bytes.
    pub templates: BTreeMap<String, BlobHash>,
    /// What must not be served.
    pub takedowns: Vec<Takedown>,
    /// Plates that are painted and needed soon, by who needs them: a campaign, or a template's rule.
    #[serde(default)]
    pub wanted: BTreeMap<String, BTreeSet<RenderKey>>,
    /// Takes that stand in the place of others.
    #[serde(default)]
    pub replaced: BTreeMap<RenderKey, Replacement>,
}

/// A checkpoint by what counts in keys and for canvases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Its name.
    pub digest: ModelDigest,
    /// What it can give.
    pub abilities: Abilities,
    /// What it was measured to do.
    pub gates: Gates,
}

impl From<&Checkpoint> for Model {
    fn from(Checkpoint { digest, abilities, gates }: &Checkpoint) -> Self {
        Self { digest: *digest, abilities: abilities.clone(), gates: gates.clone() }
    }
}

impl From<Model> for Checkpoint {
    fn from(Model { digest, abilities, gates }: Model) -> Self {
        Self { digest, abilities, gates }
    }
}

impl Standing {
    /// A name that changes with it.
    pub fn revision(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).expect("it is plain data with text keys"))
    }
}

impl Origin {
    /// Tells the origin how this edge is, and waits for what is new there as long as the report says.
    ///
    /// # Errors
    /// If the origin does not answer. Asked also while it is otherwise left alone: this is how its return is noticed.
    pub async fn news(&self, report: &Report) -> Result<News, UpstreamError> {
        let request = self.request(Method::POST, "/v1/edges").json(report);
        let patience = self.inner.patience + Duration::from_secs(report.wait_seconds);
        let away = |reason| UpstreamError::Away { reason, retry_millis: 1000 };
        let response = match tokio::time::timeout(patience, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(away(super::cause(&error))),
            Err(_) => return Err(away(format!("no news came within {} seconds", patience.as_secs()))),
        };
        if response.status() != StatusCode::OK {
            return Err(refused(response.status()));
        }
        let body = collect(self.pieces(response), NEWS_BYTES).await?;
        let news = serde_json::from_slice(&body);
        let news = news.map_err(|error| UpstreamError::Wrong { what: format!("with news that do not read: {error}") })?;
        self.inner.breaker.succeeded();
        Ok(news)
    }

    /// A file of a template, verified.
    ///
    /// # Errors
    /// If the origin does not answer, or its bytes are not those.
    pub async fn template_file(&self, file: &BlobHash) -> Result<Bytes, UpstreamError> {
        let request = self.request(Method::GET, &format!("/v1/edges/files/{file}"));
        let response = self.send(request, self.inner.patience).await?;
        if response.status() != StatusCode::OK {
            return Err(refused(response.status()));
        }
        let bytes = collect(self.pieces(response), FILE_BYTES).await?;
        match BlobHash::of(&bytes) {
            found if found == *file => Ok(bytes),
            found => Err(UpstreamError::Wrong { what: format!("with {found} for the template's file {file}") }),
        }
    }
}
