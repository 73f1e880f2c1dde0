//! How long answers are kept: as the template says, else the settings, and never beyond a signed address.

use actix_web::http::header::{self, HeaderName, HeaderValue};

use super::{
    Shared,
    delivery::{Fields, ascii},
};
use crate::{config::Delivery, signing::Signed, template::Lifetimes};

/// For CDNs alone (RFC 9213): those that know it take it for `Cache-Control`, and most do not pass it on.
const FOR_CDNS: HeaderName = HeaderName::from_static("cdn-cache-control");

/// How long what is at an address is kept.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime<'a> {
    settings: &'a Delivery,
    own: Lifetimes,
    /// Seconds that the address holds.
    holds: u64,
}

impl<'a> Lifetime<'a> {
    /// That of clips of a template.
    pub fn of(shared: &'a Shared, own: Lifetimes, signed: Option<&Signed>) -> Self {
        let holds = signed.map_or(u64::MAX, |signed| signed.expires.since(shared.edge.now()) / 1000);
        Self { settings: &shared.config.delivery, own, holds }
    }

    /// Of a clip under its name.
    pub fn of_clip(&self) -> Fields {
        let Delivery { clip_seconds, clip_shared_seconds, clip_stale_seconds, clip_error_seconds, .. } = *self.settings;
        let browser = or(self.own.clip_seconds, clip_seconds).min(self.holds);
        let shared = or(self.own.clip_shared_seconds, clip_shared_seconds).min(self.holds);
        let rest = self.holds - shared;
        let stale = or(self.own.clip_stale_seconds, clip_stale_seconds).min(rest);
        let error = or(self.own.clip_error_seconds, clip_error_seconds).min(rest);
        let later = format!("stale-while-revalidate={stale}, stale-if-error={error}");
        vec![
            (header::CACHE_CONTROL, ascii(&format!("public, max-age={browser}, s-maxage={shared}, {later}"))),
            (FOR_CDNS, ascii(&format!("max-age={shared}, {later}"))),
        ]
    }

    /// Of what stands in for it.
    pub fn of_stand_in(&self) -> Fields {
        let seconds = or(self.own.nearest_seconds, self.settings.nearest_seconds).min(self.holds);
        vec![(header::CACHE_CONTROL, ascii(&format!("public, max-age={seconds}")))]
    }
}

/// Of bytes under their hash, which never change.
pub fn for_ever() -> Fields {
    vec![(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"))]
}

/// Of one spelling's redirect to another: they will always mean the same.
pub fn of_spelling() -> Fields {
    vec![(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"))]
}

fn or(own: Option<u32>, settings: u64) -> u64 {
    own.map_or(settings, u64::from)
}
