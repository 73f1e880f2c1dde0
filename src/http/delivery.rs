//! Bytes to clients: conditions, ranges, and a body that is sent in slices.
//!
//! actix copies what a body yields into a buffer per connection, so a plate is yielded in slices: two hundred stalled
//! readers of 4 MiB then cost tens of megabytes, not hundreds. A reader that takes nothing at all is cut off by the
//! kernel ([`cut_stalled_readers`]), since actix has no time limit on writing.

use std::{
    any::Any,
    collections::VecDeque,
    convert::Infallible,
    io,
    os::fd::AsRawFd,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, MessageBody},
    http::{
        Method, StatusCode,
        header::{self, ETag, EntityTag, Header, HeaderValue, IfMatch, IfNoneMatch, IfRange},
    },
};
use bytes::Bytes;
use festoon_spec::BlobHash;

use super::{
    problem::{Code, Problem},
    range::Ranges,
};

/// Bytes handed to the connection at once. 256 KiB was the best of memory and speed in the measurements.
pub const SLICE: usize = 256 << 10;

/// What is delivered under one address.
#[derive(Debug)]
pub struct Representation {
    /// The whole.
    pub bytes: Bytes,
    /// Its hash: the entity tag.
    pub blob: BlobHash,
    /// Its media type.
    pub media_type: &'static str,
    /// Value of `Cache-Control`.
    pub cache_control: String,
}

impl Representation {
    /// The strong entity tag.
    fn tag(&self) -> EntityTag {
        EntityTag::new_strong(format!("b3-{}", self.blob))
    }

    /// Answers GET or HEAD: preconditions in the order of RFC 9110 §13.2.2, then ranges.
    ///
    /// # Errors
    /// `precondition-failed` or `range-unsatisfiable`.
    pub fn answer(self, request: &HttpRequest, most_ranges: usize) -> Result<HttpResponse<BlobBody>, Problem> {
        let tag = self.tag();
        if let Some(IfMatch::Items(tags)) = condition::<IfMatch>(request, header::IF_MATCH)
            && !tags.iter().any(|given| given.strong_eq(&tag))
        {
            return Err(Problem::new(Code::PreconditionFailed, format!("these bytes are {tag}")));
        }
        let unchanged = match condition::<IfNoneMatch>(request, header::IF_NONE_MATCH) {
            Some(IfNoneMatch::Any) => true,
            Some(IfNoneMatch::Items(tags)) => tags.iter().any(|given| given.weak_eq(&tag)),
            None => false,
        };
        if unchanged {
            return Ok(self.head(StatusCode::NOT_MODIFIED, &tag).set_body(BlobBody::empty()));
        }
        let length = self.bytes.len() as u64;
        match self.ranges(request, &tag, most_ranges) {
            Ranges::Whole => {
                let body = BlobBody::new([self.bytes.clone()], request.method() == Method::HEAD);
                let mut response = self.head(StatusCode::OK, &tag);
                self.describe(&mut response, self.media_type);
                Ok(response.set_body(body))
            }
            Ranges::Unsatisfiable => {
                Err(Problem::new(Code::RangeUnsatisfiable, format!("there are {length} bytes")).length(length))
            }
            Ranges::Parts(parts) => {
                let mut response = self.head(StatusCode::PARTIAL_CONTENT, &tag);
                let body = if let [part] = parts.as_slice() {
                    self.describe(&mut response, self.media_type);
                    let range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
                    set(&mut response, header::CONTENT_RANGE, &range);
                    BlobBody::new([self.bytes.slice(part.start as usize..part.end as usize)], false)
                } else {
                    // The boundary is drawn from the hash of the bytes, so that they cannot contain it on purpose.
                    let boundary = format!("festoon-{}", &self.blob.to_string()[..40]);
                    self.describe(&mut response, &format!("multipart/byteranges; boundary={boundary}"));
                    let mut pieces = Vec::with_capacity(parts.len() * 2 + 1);
                    for part in &parts {
                        let (first, last) = (part.start, part.end - 1);
                        pieces.push(Bytes::from(format!(
                            "\r\n--{boundary}\r\nContent-Type: {}\r\nContent-Range: bytes {first}-{last}/{length}\r\n\r\n",
                            self.media_type
                        )));
                        pieces.push(self.bytes.slice(part.start as usize..part.end as usize));
                    }
                    pieces.push(Bytes::from(format!("\r\n--{boundary}--\r\n")));
                    BlobBody::new(pieces, false)
                };
                Ok(response.set_body(body))
            }
        }
    }

    fn ranges(&self, request: &HttpRequest, tag: &EntityTag, most: usize) -> Ranges {
        // HEAD has no range semantics (RFC 9110 §14.2).
        if request.method() != Method::GET {
            return Ranges::Whole;
        }
        let Some(field) = request.headers().get(header::RANGE).and_then(|value| value.to_str().ok()) else {
            return Ranges::Whole;
        };
        if request.headers().contains_key(header::IF_RANGE) {
            let same = match condition::<IfRange>(request, header::IF_RANGE) {
                Some(IfRange::EntityTag(given)) => given.strong_eq(tag),
                _ => false,
            };
            if !same {
                return Ranges::Whole;
            }
        }
        Ranges::read(field, self.bytes.len() as u64, most)
    }

    fn head(&self, status: StatusCode, tag: &EntityTag) -> HttpResponse<()> {
        let mut response = HttpResponse::with_body(status, ());
        set(&mut response, header::ETAG, &ETag(tag.clone()).to_string());
        set(&mut response, header::CACHE_CONTROL, &self.cache_control);
        response
    }

    fn describe(&self, response: &mut HttpResponse<()>, media_type: &str) {
        set(response, header::CONTENT_TYPE, media_type);
        set(response, header::ACCEPT_RANGES, "bytes");
    }
}

/// Sets a header field whose value is made of plain ASCII.
fn set(response: &mut HttpResponse<()>, name: header::HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("made of digits, hashes and checked settings");
    response.headers_mut().insert(name, value);
}

/// A typed precondition; one that cannot be read counts as absent.
fn condition<H: Header>(request: &HttpRequest, name: header::HeaderName) -> Option<H> {
    request.headers().contains_key(name).then(|| H::parse(request).ok()).flatten()
}

/// A body of known length that hands out slices.
#[derive(Debug)]
pub struct BlobBody {
    pieces: VecDeque<Bytes>,
    left: u64,
    length: u64,
    head: bool,
}

impl BlobBody {
    fn new(pieces: impl IntoIterator<Item = Bytes>, head: bool) -> Self {
        let pieces: VecDeque<Bytes> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        let length = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self { pieces, left: length, length, head }
    }

    fn empty() -> Self {
        Self::new([], false)
    }
}

impl MessageBody for BlobBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let body = self.get_mut();
        let Some(piece) = body.pieces.front_mut() else { return Poll::Ready(None) };
        let slice = piece.split_to(piece.len().min(SLICE));
        if piece.is_empty() {
            body.pieces.pop_front();
        }
        body.left -= slice.len() as u64;
        Poll::Ready(Some(Ok(slice)))
    }
}

impl Drop for BlobBody {
    fn drop(&mut self) {
        if !self.head {
            crate::metrics::delivered(self.length - self.left, self.left > 0);
        }
    }
}

/// Has the kernel close a connection whose peer takes nothing for `limit`, when actix opens it.
///
/// `TCP_USER_TIMEOUT` also bounds how long a zero window is probed (tcp(7)), which is what a stalled reader shows.
pub fn cut_stalled_readers(connection: &dyn Any, limit: Duration) {
    let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>() else { return };
    let millis = libc::c_uint::try_from(limit.as_millis()).unwrap_or(libc::c_uint::MAX);
    // SAFETY: the descriptor is open while `stream` is borrowed; the option value is a `c_uint` that outlives the call.
    let result = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_USER_TIMEOUT,
            (&raw const millis).cast(),
            size_of_val(&millis) as libc::socklen_t,
        )
    };
    if result != 0 {
        tracing::warn!(error = %io::Error::last_os_error(), "a stalled reader of this connection will not be cut off");
    }
}
