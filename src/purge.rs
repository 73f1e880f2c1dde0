//! What is to go everywhere: from memory, from disk, from edges and from the CDNs in front; and what must not come back.
//!
//! A **purge** lets go of copies and of what was made of plates: they are made again when somebody asks. A **takedown** deletes the
//! plates too, and nothing it means is served, ordered or painted until it is lifted. Both leave a line in the audit file.

mod audit;
mod cdn;
mod takedowns;

use std::{fmt, str::FromStr};

use festoon_spec::{BlobHash, Digest, Locale, RenderKey, TemplateId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cache::Scope;

/// Bytes of a campaign's id in a tag; CDNs take tags of 1024.
const MOST_ID: usize = 200;

pub use audit::{Audit, AuditLine};
pub use cdn::{Cdns, Told};
pub use takedowns::{Takedown, Takedowns};

/// What somebody names to be purged or taken down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selector {
    /// Everything of a template.
    Template(TemplateId),
    /// Everything that a campaign wants.
    Campaign(String),
    /// Everything that is delivered with this tag.
    Tag(Tag),
    /// A plate or clip by its key, or whatever has these bytes.
    Digest(Digest),
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(template) => write!(f, "template {template}"),
            Self::Campaign(campaign) => write!(f, "campaign {campaign}"),
            Self::Tag(tag) => write!(f, "tag {tag}"),
            Self::Digest(digest) => write!(f, "digest {digest}"),
        }
    }
}

/// A tag that answers carry in `Surrogate-Key` and `Cache-Tag`, for CDNs to purge by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Tag {
    /// Of a template.
    Template(TemplateId),
    /// In a locale.
    Locale(Locale),
    /// Of this plate, or this clip.
    Key(RenderKey),
    /// These bytes.
    Blob(BlobHash),
    /// Needed by a campaign.
    Campaign(String),
}

impl Tag {
    /// That of a campaign, unless its id has letters that a header field cannot carry or that tell tags apart.
    pub fn of_campaign(id: &str) -> Option<Self> {
        let fits = (1..=MOST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
        fits.then(|| Self::Campaign(id.to_owned()))
    }
}

/// Not a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a tag: expected `template-<id>`, `locale-<tag>`, `key-<digest>`, `blob-<digest>` or `campaign-<id>`")]
pub struct TagError {
    /// As given, shortened.
    pub given: String,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(template) => write!(f, "template-{template}"),
            Self::Locale(locale) => write!(f, "locale-{locale}"),
            Self::Key(key) => write!(f, "key-{key}"),
            Self::Blob(blob) => write!(f, "blob-{blob}"),
            Self::Campaign(id) => write!(f, "campaign-{id}"),
        }
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let read = |kind: &str, value: &str| match kind {
            "template" => value.parse().ok().map(Self::Template),
            "locale" => value.parse().ok().map(Self::Locale),
            "key" => value.parse().ok().map(Self::Key),
            "blob" => value.parse().ok().map(Self::Blob),
            "campaign" => Self::of_campaign(value),
            _ => None,
        };
        let tag = text.split_once('-').and_then(|(kind, value)| read(kind, value));
        tag.ok_or_else(|| TagError { given: text.chars().take(80).collect() })
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Adds what a digest may mean: nobody need know whether it is a key or the hash of bytes.
pub fn add_digest(scope: &mut Scope, digest: &Digest) {
    scope.keys.insert(RenderKey::from_bytes(*digest.as_bytes()));
    scope.blobs.insert(BlobHash::from_bytes(*digest.as_bytes()));
}

/// The tags of what a scope means.
pub fn tags(scope: &Scope) -> Vec<Tag> {
    let templates = scope.templates.iter().cloned().map(Tag::Template);
    let locales = scope.locales.iter().cloned().map(Tag::Locale);
    let keys = scope.keys.iter().copied().map(Tag::Key);
    let blobs = scope.blobs.iter().copied().map(Tag::Blob);
    templates.chain(locales).chain(keys).chain(blobs).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_as_it_is_written() {
        let key = Digest::of(b"key");
        for text in [
            "template-new-year".to_owned(),
            "locale-zh-Hant-TW".into(),
            format!("key-{key}"),
            format!("blob-{key}"),
            "campaign-spring-2027".into(),
        ] {
            let tag: Tag = text.parse().unwrap();
            assert_eq!(tag.to_string(), text);
        }
        // What a header field cannot carry, or what would be two tags there, is none.
        for id in ["", "a b", "a,b", "spring\n", "é"] {
            assert_eq!(Tag::of_campaign(id), None, "{id}");
        }
        for text in ["", "template-", "template-New Year", "key-12", "everything", "locale-x y"] {
            assert!(text.parse::<Tag>().is_err(), "{text}");
        }
    }
}
