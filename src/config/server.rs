//! What a server is and where it listens.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// `[server]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Threads that answer requests; 0 is one per core.
    pub workers: usize,
    /// Whether each connection begins with the PROXY protocol; those of others than trusted proxies are closed then.
    pub proxy_protocol: bool,
    /// Networks of proxies whose word on the client's address counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Seconds between `/readyz` turning to 503 and the listener closing, for a proxy to notice.
    pub drain_seconds: u64,
    /// Seconds that requests in flight get to finish at the end.
    pub shutdown_seconds: u64,
    /// What this server is to others.
    pub role: Role,
}

/// What a server is to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It has queue, plan and plates, answers visitors, and is the origin of edges.
    #[default]
    Both,
    /// It answers visitors with what it borrows from an origin, and composes clips of it.
    Edge,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            workers: 0,
            proxy_protocol: false,
            trusted_proxies: Vec::new(),
            drain_seconds: 0,
            shutdown_seconds: 30,
            role: Role::Both,
        }
    }
}

/// `[tls]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Address and port; none leaves TLS to a proxy in front.
    #[serde(with = "address")]
    pub listen: Option<SocketAddr>,
    /// PEM file with the certificate and those between it and the root.
    pub certificate: PathBuf,
    /// PEM file with its key.
    pub key: PathBuf,
}

/// An address, or an empty text for none.
mod address {
    use std::net::SocketAddr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(address: &Option<SocketAddr>, serializer: S) -> Result<S::Ok, S::Error> {
        match address {
            Some(address) => serializer.collect_str(address),
            None => serializer.serialize_str(""),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
    }
}

/// `[paths]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Paths {
    /// Everything that festoon keeps.
    pub state: PathBuf,
    /// Template folders.
    pub templates: PathBuf,
    /// Feast tables.
    pub feasts: PathBuf,
    /// Campaign files.
    pub campaigns: PathBuf,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            state: "state".into(),
            templates: "templates".into(),
            feasts: "config/feasts".into(),
            campaigns: "config/campaigns".into(),
        }
    }
}
