//! A clip that is sent while it is composed.
//!
//! It has no length and no entity tag yet, but its bytes are the ones that will be kept: a player that comes back with a range
//! gets the rest of the same file. A clip that breaks ends the connection before its last chunk, so that nobody takes it for
//! whole.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
};
use bytes::Bytes;
use festoon_spec::BlobHash;
use futures_util::Stream;

use super::{
    body,
    delivery::{Representation, SLICE},
    problem::{Code, Problem},
};
use crate::{
    edge::{Broken, Playing},
    metrics,
};

/// Answers GET: at once with what there is, or with a part once everything is there.
///
/// # Errors
/// `bad-header`, `range-unsatisfiable`; `unavailable` if a part was asked for and the clip breaks.
pub async fn answer(
    request: &HttpRequest,
    playing: Playing,
    media_type: &'static str,
    cache_control: String,
    most_ranges: usize,
) -> Result<HttpResponse, Problem> {
    let range = body::text(request.headers(), header::RANGE)?.map(str::trim);
    // Browsers ask for everything like this, to learn whether parts are to be had.
    if range.is_some_and(|range| range != "bytes=0-") {
        let broken = |Broken| Problem::new(Code::Unavailable, Broken.to_string()).retry_after(1);
        let bytes = playing.whole().await.map_err(broken)?;
        let representation = Representation { blob: BlobHash::of(&bytes), bytes, media_type, cache_control };
        return Ok(representation.answer(request, most_ranges)?.map_into_boxed_body());
    }
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static(media_type)))
        .insert_header((header::CACHE_CONTROL, cache_control))
        .insert_header((header::ACCEPT_RANGES, HeaderValue::from_static("bytes")))
        .streaming(slices(playing)))
}

/// A clip in slices, and how much of it was sent.
struct Sent {
    playing: Playing,
    rest: Bytes,
    bytes: u64,
    whole: bool,
}

impl Drop for Sent {
    fn drop(&mut self) {
        metrics::delivered(self.bytes, !self.whole);
    }
}

fn slices(playing: Playing) -> impl Stream<Item = Result<Bytes, Broken>> {
    let sent = Sent { playing, rest: Bytes::new(), bytes: 0, whole: false };
    futures_util::stream::unfold(sent, |mut sent| async move {
        if sent.rest.is_empty() {
            match sent.playing.next().await {
                Some(Ok(piece)) => sent.rest = piece,
                Some(Err(broken)) => return Some((Err(broken), sent)),
                None => {
                    sent.whole = true;
                    drop(sent);
                    return None;
                }
            }
        }
        let slice = sent.rest.split_to(sent.rest.len().min(SLICE));
        sent.bytes += slice.len() as u64;
        Some((Ok(slice), sent))
    })
}
