//! Telling the CDNs in front. Their addresses are the operator's; nothing that a stranger says is ever fetched.

mod cloudfront;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use serde::Serialize;
use serde_json::json;

use super::Tag;
use crate::{
    clock::Clock,
    config::{Cdn, Cdns as Settings},
};

/// A CDN that takes longer is told to be silent.
const PATIENCE: Duration = Duration::from_secs(20);
/// Tags in one request: what Cloudflare takes at most.
const CLOUDFLARE_TAGS: usize = 30;
/// What Fastly takes at most.
const FASTLY_KEYS: usize = 256;
/// Tags in one header field of a generic PURGE: some 70 characters each, below the 8 KiB that servers commonly take.
const HEADER_TAGS: usize = 64;
/// Bytes of an answer that are told when it is no success.
const TOLD_BYTES: usize = 300;

/// The CDNs in front of this installation.
#[derive(Debug, Clone)]
pub struct Cdns {
    settings: Settings,
    client: Option<Client>,
    clock: Arc<dyn Clock>,
}

/// What a CDN said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its name in the settings.
    pub cdn: String,
    /// Whether it lets go.
    pub done: bool,
    /// What it said, if not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Cdns {
    /// Those of the settings.
    pub fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        if !settings.0.is_empty() {
            // Err: the process has a provider already, which will do.
            rustls::crypto::ring::default_provider().install_default().ok();
        }
        let make = || Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).no_proxy().build();
        let client = (!settings.0.is_empty())
            .then(make)
            .and_then(|client| client.inspect_err(|error| tracing::error!(%error, "no CDN can be told anything from here")).ok());
        Self { settings: settings.clone(), client, clock }
    }

    /// Tells every one of them to let go of what carries these tags.
    pub async fn purge(&self, tags: &[Tag]) -> Vec<Told> {
        let tell = |(name, cdn): (&String, &Cdn)| {
            let (name, cdn) = (name.clone(), cdn.clone());
            async move {
                let result = match &self.client {
                    Some(client) if !tags.is_empty() => self.tell(client, &cdn, tags).await,
                    Some(_) => Ok(()),
                    None => Err("no connection can be made from here".to_owned()),
                };
                if let Err(problem) = &result {
                    tracing::error!(cdn = name, problem, "a CDN was told to let go and did not");
                }
                Told { cdn: name, done: result.is_ok(), problem: result.err() }
            }
        };
        join_all(self.settings.0.iter().map(tell)).await
    }

    async fn tell(&self, client: &Client, cdn: &Cdn, tags: &[Tag]) -> Result<(), String> {
        match cdn {
            Cdn::Purge { url, token } => {
                let method = Method::from_bytes(b"PURGE").expect("it is a token");
                for tags in tags.chunks(HEADER_TAGS) {
                    let mut request = client.request(method.clone(), address(url)?);
                    request = request.header("Surrogate-Key", joined(tags, " ")).header("Cache-Tag", joined(tags, ","));
                    if !token.is_empty() {
                        request = request.bearer_auth(token);
                    }
                    send(request).await?;
                }
                Ok(())
            }
            Cdn::Fastly { service, token, api } => {
                let url = below(api, &["service", service, "purge"])?;
                for tags in tags.chunks(FASTLY_KEYS) {
                    let keys: Vec<String> = tags.iter().map(Tag::to_string).collect();
                    let request = client.post(url.clone()).header("Fastly-Key", token).json(&json!({ "surrogate_keys": keys }));
                    send(request).await?;
                }
                Ok(())
            }
            Cdn::Cloudflare { zone, token, api } => {
                let url = below(api, &["client", "v4", "zones", zone, "purge_cache"])?;
                for tags in tags.chunks(CLOUDFLARE_TAGS) {
                    let tags: Vec<String> = tags.iter().map(Tag::to_string).collect();
                    let said = send(client.post(url.clone()).bearer_auth(token).json(&json!({ "tags": tags }))).await?;
                    // It says 200 also when it refuses.
                    let said: BTreeMap<String, serde_json::Value> = serde_json::from_str(&said).unwrap_or_default();
                    if said.get("success") != Some(&true.into()) {
                        return Err(format!("it answers without success: {}", shortened(&json!(said.get("errors")).to_string())));
                    }
                }
                Ok(())
            }
            Cdn::CloudFront { distribution, access_key, secret_key, api } => {
                let url = below(api, &["2020-05-31", "distribution", distribution, "invalidation"])?;
                let (paths, now) = (cloudfront::paths(tags), self.clock.now());
                for (number, paths) in paths.chunks(cloudfront::MOST_PATHS).enumerate() {
                    let body = cloudfront::batch(paths, &format!("festoon-{}-{number}", now.0));
                    let signed = cloudfront::sign(&url, &body, access_key, secret_key, now);
                    let mut request = client.post(url.clone()).header("Content-Type", "text/xml");
                    for (name, value) in signed {
                        request = request.header(name, value);
                    }
                    send(request.body(body)).await?;
                }
                Ok(())
            }
        }
    }
}

fn joined(tags: &[Tag], separator: &str) -> String {
    tags.iter().map(Tag::to_string).collect::<Vec<_>>().join(separator)
}

fn address(url: &str) -> Result<Url, String> {
    url.parse().map_err(|error| format!("its address in the settings: {error}"))
}

/// A path below an address, whose parts are escaped.
fn below(url: &str, parts: &[&str]) -> Result<Url, String> {
    let mut url = address(url)?;
    match url.path_segments_mut() {
        Ok(mut segments) => drop(segments.pop_if_empty().extend(parts)),
        Err(()) => return Err("its address in the settings has no path".to_owned()),
    }
    Ok(url)
}

/// Sends it, and gives what a success says.
async fn send(request: RequestBuilder) -> Result<String, String> {
    let response = request.send().await.map_err(|error| cause(&error))?;
    let status = response.status();
    let said = response.text().await.map_err(|error| cause(&error))?;
    match status {
        StatusCode::OK | StatusCode::CREATED | StatusCode::ACCEPTED | StatusCode::NO_CONTENT => Ok(said),
        status => Err(format!("it answers {status}: {}", shortened(&said))),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(TOLD_BYTES).collect()
}

fn cause(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}
