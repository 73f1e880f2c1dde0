//! Names of bytes and of recipes. Two kinds that must never be mixed up: what was *asked* ([`RenderKey`]) and what *is*
//! ([`BlobHash`]). Both are 32 bytes, written as 64 lower-case hexadecimal digits on the wire, as 12 in a log line.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a {what}: expected 64 lower-case hexadecimal digits")]
pub struct DigestError {
    what: &'static str,
    given: String,
}

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Takes 32 bytes that already are such a name.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
            /// The first 12 digits: for people and log lines, never for a lookup.
            pub fn short(&self) -> String {
                self.to_string()[..12].to_owned()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }
        impl FromStr for $name {
            type Err = DigestError;
            fn from_str(text: &str) -> Result<Self, DigestError> {
                let wrong = || DigestError { what: $what, given: text.chars().take(80).collect() };
                if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
                    return Err(wrong());
                }
                blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes())).map_err(|_| wrong())
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
digest!(
    /// The key of a plate or a clip: blake3 `derive_key` over its canonical spec.
    RenderKey,
    "render key"
);
digest!(
    /// The blake3 hash of stored bytes.
    BlobHash,
    "blob hash"
);
digest!(
    /// The blake3 hash of an input that is named inside a spec: a template's part, a LoRA file.
    Digest,
    "digest"
);

digest!(
    /// The digest of a checkpoint folder: see [`ModelDigest::of_folder`].
    ModelDigest,
    "model digest"
);

impl BlobHash {
    /// Names these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl Digest {
    /// Names these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}
