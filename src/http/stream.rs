//! A clip that is sent while it is composed, and bytes that are sent while they come from the origin.
//!
//! A clip that is composed has no length and no entity tag yet, but its bytes are the ones that will be kept: a player that comes back with a range
//! gets the rest of the same file. Bytes from the origin have a length and a tag, and the last of them are sent once all are verified.
//! What breaks, or is wrong, ends the connection before its last byte, so that nobody takes it for whole.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::SizedStream,
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
};
use bytes::Bytes;
use festoon_spec::BlobHash;
use futures_util::{
    Stream, StreamExt,
    stream::{BoxStream, unfold},
};

use super::{
    Shared, body,
    delivery::{Described, Fields, Representation, SLICE},
    problem::{Code, Problem},
};
use crate::{
    cache::{BrokenOff, Loaded, Pulling},
    edge::{Broken, EdgeError, Playing},
    metrics,
};

/// Answers GET and HEAD for a blob that is here or on its way from the origin.
///
/// # Errors
/// As those of [`Representation::answer`]; `origin-away` if a part was asked for and the origin goes away.
pub async fn answer_blob(
    request: &HttpRequest,
    shared: &Shared,
    loaded: Loaded,
    described: Described,
) -> Result<HttpResponse, Problem> {
    let bytes = match loaded {
        Loaded::Whole(bytes) => bytes,
        Loaded::Coming(pulling) if wants_everything(request)? => {
            let body = SizedStream::new(pulling.length(), slices(pieces_of_pull(pulling)));
            return Ok(described.head(StatusCode::OK).set_body(body).map_into_boxed_body());
        }
        Loaded::Coming(pulling) => {
            let away = |broken: BrokenOff| Problem::new(Code::OriginAway, broken.to_string()).retry_after(1);
            pulling.whole().await.map_err(away)?
        }
    };
    let digest = shared.edge.cache().sha256(&described.blob(), &bytes).await.map_err(EdgeError::from)?;
    let representation = Representation::new(bytes, described.digested(&digest));
    Ok(representation.answer(request, shared.config.limits.ranges)?.map_into_boxed_body())
}

/// Whether this is a plain GET for all bytes, under no condition.
fn wants_everything(request: &HttpRequest) -> Result<bool, Problem> {
    let conditional = [header::IF_MATCH, header::IF_NONE_MATCH].iter().any(|name| request.headers().contains_key(name));
    Ok(request.method() == Method::GET && !conditional && !wants_part(request)?)
}

/// Whether a part is asked for. Browsers ask for everything as `bytes=0-`, to learn whether parts are to be had.
fn wants_part(request: &HttpRequest) -> Result<bool, Problem> {
    Ok(body::text(request.headers(), header::RANGE)?.is_some_and(|range| range.trim() != "bytes=0-"))
}

/// Answers GET: at once with what there is, or with a part once everything is there.
///
/// # Errors
/// `bad-header`, `range-unsatisfiable`; `unavailable` if a part was asked for and the clip breaks.
pub async fn answer(
    request: &HttpRequest,
    playing: Playing,
    media_type: &'static str,
    lifetime: Fields,
    most_ranges: usize,
) -> Result<HttpResponse, Problem> {
    if wants_part(request)? {
        let broken = |Broken| Problem::new(Code::Unavailable, Broken.to_string()).retry_after(1);
        let bytes = playing.whole().await.map_err(broken)?;
        let blob = BlobHash::of(&bytes);
        let representation = Representation::new(bytes, Described::new(blob, media_type, lifetime));
        return Ok(representation.answer(request, most_ranges)?.map_into_boxed_body());
    }
    Ok(not_known_yet(media_type, lifetime).streaming(slices(pieces_of_clip(playing))))
}

/// The head of an answer whose bytes nobody has seen as a whole.
pub fn not_known_yet(media_type: &'static str, lifetime: Fields) -> HttpResponseBuilder {
    let mut head = HttpResponse::Ok();
    head.insert_header((header::CONTENT_TYPE, HeaderValue::from_static(media_type)));
    head.insert_header((header::ACCEPT_RANGES, HeaderValue::from_static("bytes")));
    for field in lifetime {
        head.insert_header(field);
    }
    head
}

fn pieces_of_clip(playing: Playing) -> BoxStream<'static, Result<Bytes, Broken>> {
    unfold(playing, |mut playing| async move { Some((playing.next().await?, playing)) }).boxed()
}

fn pieces_of_pull(pulling: Pulling) -> BoxStream<'static, Result<Bytes, BrokenOff>> {
    unfold(pulling, |mut pulling| async move { Some((pulling.next().await?, pulling)) }).boxed()
}

/// A body in slices, and how much of it was sent.
struct Sent<E> {
    pieces: BoxStream<'static, Result<Bytes, E>>,
    rest: Bytes,
    bytes: u64,
    whole: bool,
}

impl<E> Drop for Sent<E> {
    fn drop(&mut self) {
        metrics::delivered(self.bytes, !self.whole);
    }
}

fn slices<E: 'static>(pieces: BoxStream<'static, Result<Bytes, E>>) -> impl Stream<Item = Result<Bytes, E>> {
    let sent = Sent { pieces, rest: Bytes::new(), bytes: 0, whole: false };
    unfold(sent, |mut sent| async move {
        if sent.rest.is_empty() {
            match sent.pieces.next().await {
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
