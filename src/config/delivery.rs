//! How answers are kept elsewhere: browsers, CDNs, edges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `[origin]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Origin {
    /// Its address.
    pub url: String,
    /// What the edge is called in the origin's reports; empty takes the machine's name and the port.
    pub name: String,
    /// Seconds an entry is served without asking again.
    pub fresh_seconds: u64,
    /// Seconds it is served while the origin does not answer.
    pub stale_seconds: u64,
    /// Seconds that the lack of an entry is believed.
    pub missing_seconds: u64,
    /// Seconds for the origin to begin an answer, and for its next piece.
    pub answer_seconds: u64,
    /// Requests to the origin at once.
    pub at_once: usize,
    /// Requests that wait for one of these places.
    pub waiting: usize,
    /// Requests of clients that are passed on at once: they may be held open.
    pub passed_on: usize,
    /// Failures in a row after which the origin is left alone.
    pub failures: u32,
    /// Longest pause before it is asked again, in seconds.
    pub pause_seconds: u64,
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            url: String::new(),
            name: String::new(),
            fresh_seconds: 30,
            stale_seconds: 604_800,
            missing_seconds: 5,
            answer_seconds: 10,
            at_once: 64,
            waiting: 512,
            passed_on: 512,
            failures: 5,
            pause_seconds: 30,
        }
    }
}

/// `[delivery]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// Seconds a browser keeps a clip under its name.
    pub clip_seconds: u64,
    /// Seconds a shared cache keeps it.
    pub clip_shared_seconds: u64,
    /// Seconds a stale clip may be served while it is asked for again.
    pub clip_stale_seconds: u64,
    /// Seconds a stale clip may be served while festoon is down.
    pub clip_error_seconds: u64,
    /// Seconds a stand-in (`fallback=nearest`) is kept.
    pub nearest_seconds: u64,
    /// Whether plates that the inspection flagged are served before somebody looked.
    pub serve_flagged: bool,
    /// Value of `Access-Control-Allow-Origin` on clips and blobs.
    pub allow_origin: String,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            clip_seconds: 60,
            clip_shared_seconds: 600,
            clip_stale_seconds: 86_400,
            clip_error_seconds: 604_800,
            nearest_seconds: 5,
            serve_flagged: false,
            allow_origin: "*".into(),
        }
    }
}

/// `[cdn]`: CDNs by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cdns(pub BTreeMap<String, Cdn>);

/// `[cdn.<name>]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Cdn {
    /// Anything that takes HTTP `PURGE` with `Surrogate-Key` or `Cache-Tag`: Varnish, Souin and others.
    Purge {
        /// Where it is sent.
        url: String,
        /// Sent as `Authorization: Bearer`, unless it is empty.
        #[serde(default)]
        token: String,
    },
    /// Fastly.
    Fastly {
        /// The service's id.
        service: String,
        /// An API token that may purge.
        token: String,
        /// The API's address.
        #[serde(default = "fastly")]
        api: String,
    },
    /// Cloudflare.
    Cloudflare {
        /// The zone's id.
        zone: String,
        /// An API token that may purge.
        token: String,
        /// The API's address.
        #[serde(default = "cloudflare")]
        api: String,
    },
    /// Amazon CloudFront.
    CloudFront {
        /// The distribution's id.
        distribution: String,
        /// The id of an access key that may create invalidations.
        access_key: String,
        /// Its secret.
        secret_key: String,
        /// The API's address.
        #[serde(default = "cloudfront")]
        api: String,
    },
}

fn fastly() -> String {
    "https://api.fastly.com".into()
}

fn cloudflare() -> String {
    "https://api.cloudflare.com".into()
}

fn cloudfront() -> String {
    "https://cloudfront.amazonaws.com".into()
}
