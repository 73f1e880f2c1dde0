//! Bytes to clients: conditions, ranges, and a body that is sent in slices.
//!
//! actix copies what a body yields into a buffer per connection, so a plate is yielded in slices: two hundred stalled
//! readers of 4 MiB then cost tens of megabytes, not hundreds. A reader that takes nothing at all is cut off by the
//! kernel ([`cut_stalled_readers`]), since actix has no time limit on writing.

use std::{
    borrow::Cow,
    collections::VecDeque,
    convert::Infallible,
    io,
    ops::Range,
    os::fd::AsFd,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, MessageBody},
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use festoon_spec::{BlobHash, Digest};
use rustix::net::sockopt::set_tcp_user_timeout;

use super::{
    conditions::{Conditions, Decision},
    problem::{Code, Problem},
};
use crate::purge::Tag;

/// Bytes handed to the connection at once. 256 KiB was the best of memory and speed in the measurements.
pub const SLICE: usize = 256 << 10;

/// Fields of an answer.
pub type Fields = Vec<(HeaderName, HeaderValue)>;

/// All that is said of bytes that are delivered.
#[derive(Debug)]
pub struct Described {
    blob: BlobHash,
    /// The strong entity tag with its quotes.
    tag: String,
    media_type: &'static str,
    /// What 200, 206 and 304 say alike.
    always: Fields,
    /// What only comes with bytes.
    content: Fields,
    /// What they are purged by.
    tags: Vec<Tag>,
}

impl Described {
    /// Bytes under their hash, and the fields that say how long they are kept.
    pub fn new(blob: BlobHash, media_type: &'static str, lifetime: Fields) -> Self {
        let tag = format!("\"b3-{blob}\"");
        let mut always = vec![
            (header::ETAG, ascii(&tag)),
            (HeaderName::from_static("cache-status"), HeaderValue::from_static("festoon; hit")),
        ];
        always.extend(lifetime);
        let content = vec![(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"))];
        Self { blob, tag, media_type, always, content, tags: vec![Tag::Blob(blob)] }
    }

    /// With the SHA-256 of the bytes.
    pub fn digested(mut self, sha256: &Digest) -> Self {
        let digest = format!("sha-256=:{}:", STANDARD.encode(sha256.as_bytes()));
        self.content.push((HeaderName::from_static("repr-digest"), ascii(&digest)));
        self
    }

    /// With more that is said of them.
    pub fn with(mut self, fields: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        self.always.extend(fields);
        self
    }

    /// With more tags to purge them by.
    pub fn tagged(mut self, tags: impl IntoIterator<Item = Tag>) -> Self {
        self.tags.extend(tags);
        self
    }

    /// Their hash.
    pub fn blob(&self) -> BlobHash {
        self.blob
    }
    /// The strong entity tag with its quotes.
    pub fn tag(&self) -> &str {
        &self.tag
    }
    /// What 200, 206 and 304 say alike.
    pub fn always(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> + '_ {
        self.always.iter().cloned().chain(tag_fields(&self.tags))
    }
    /// What 200 and a 206 of one part say beside it.
    pub fn content(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> + '_ {
        let media_type = (header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        self.content.iter().cloned().chain([media_type])
    }

    /// An answer without its body.
    pub fn head(&self, status: StatusCode) -> HttpResponse<()> {
        let mut response = HttpResponse::with_body(status, ());
        let headers = response.headers_mut();
        for (name, value) in self.always() {
            headers.insert(name, value);
        }
        if status != StatusCode::NOT_MODIFIED {
            for (name, value) in self.content() {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// What is delivered under one address: bytes, and all that is said of them.
#[derive(Debug)]
pub struct Representation {
    /// The whole.
    pub bytes: Bytes,
    /// All that is said of it.
    pub described: Described,
}

impl Representation {
    /// Bytes that are described so.
    pub fn new(bytes: Bytes, described: Described) -> Self {
        Self { bytes, described }
    }

    /// Answers GET or HEAD.
    ///
    /// # Errors
    /// `precondition-failed` or `range-unsatisfiable`.
    pub fn answer(self, request: &HttpRequest, most_ranges: usize) -> Result<HttpResponse<BlobBody>, Problem> {
        let length = self.bytes.len() as u64;
        let joined = |name| joined(request, name);
        let if_match = joined(header::IF_MATCH);
        let (if_none_match, if_range) = (joined(header::IF_NONE_MATCH), joined(header::IF_RANGE));
        let range = joined(header::RANGE).filter(|_| request.method() == Method::GET);
        let conditions = Conditions {
            if_match: if_match.as_deref(),
            if_none_match: if_none_match.as_deref(),
            if_range: if_range.as_deref(),
            range: range.as_deref(),
        };
        Ok(match conditions.decide(self.described.tag(), length, most_ranges) {
            Decision::Failed => {
                return Err(Problem::new(Code::PreconditionFailed, format!("these bytes are {}", self.described.tag())));
            }
            Decision::Outside => {
                return Err(Problem::new(Code::RangeUnsatisfiable, format!("there are {length} bytes")).length(length));
            }
            Decision::Unchanged => self.described.head(StatusCode::NOT_MODIFIED).set_body(BlobBody::empty()),
            Decision::Whole => {
                let body = BlobBody::new([self.bytes.clone()], request.method() == Method::HEAD);
                self.described.head(StatusCode::OK).set_body(body)
            }
            Decision::Parts(parts) => match parts.as_slice() {
                [part] => {
                    let mut response = self.described.head(StatusCode::PARTIAL_CONTENT);
                    let range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
                    response.headers_mut().insert(header::CONTENT_RANGE, ascii(&range));
                    response.set_body(BlobBody::new([self.slice(part)], false))
                }
                parts => self.several(parts),
            },
        })
    }

    /// Several parts as `multipart/byteranges`.
    fn several(self, parts: &[Range<u64>]) -> HttpResponse<BlobBody> {
        // The boundary is drawn from the hash of the bytes, so that they cannot contain it on purpose.
        let boundary = format!("festoon-{}", &self.described.blob.to_string()[..40]);
        let (length, media_type) = (self.bytes.len() as u64, self.described.media_type);
        let mut pieces = Vec::with_capacity(parts.len() * 2 + 1);
        for part in parts {
            let (first, last) = (part.start, part.end - 1);
            pieces.push(Bytes::from(format!(
                "\r\n--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: bytes {first}-{last}/{length}\r\n\r\n",
            )));
            pieces.push(self.slice(part));
        }
        pieces.push(Bytes::from(format!("\r\n--{boundary}--\r\n")));
        let mut response = self.described.head(StatusCode::PARTIAL_CONTENT);
        let together = format!("multipart/byteranges; boundary={boundary}");
        response.headers_mut().insert(header::CONTENT_TYPE, ascii(&together));
        response.set_body(BlobBody::new(pieces, false))
    }

    fn slice(&self, part: &Range<u64>) -> Bytes {
        self.bytes.slice(part.start as usize..part.end as usize)
    }
}

/// The fields that tell caches in front what an answer is purged by, in the two spellings that they know.
pub fn tag_fields(tags: &[Tag]) -> [(HeaderName, HeaderValue); 2] {
    let tags: Vec<String> = tags.iter().map(Tag::to_string).collect();
    let field = |name, separator| (HeaderName::from_static(name), ascii(&tags.join(separator)));
    [field("surrogate-key", " "), field("cache-tag", ",")]
}

/// A header value that is known to be plain ASCII.
pub fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("made of digits, hashes, ids, locales, checked settings and percent-encoded text")
}

/// A field's lines, joined; `None` if there are none, or one is no text.
fn joined(request: &HttpRequest, name: HeaderName) -> Option<Cow<'_, str>> {
    let mut lines = request.headers().get_all(name).map(HeaderValue::to_str);
    let first = Cow::from(lines.next()?.ok()?);
    lines.try_fold(first, |joined, line| Some(Cow::from(format!("{joined}, {}", line.ok()?))))
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

/// Has the kernel close a connection whose peer takes nothing for `limit`.
///
/// `TCP_USER_TIMEOUT` also bounds how long a zero window is probed (tcp(7)), which is what a stalled reader shows.
pub fn cut_stalled_readers(connection: impl AsFd, limit: Duration) {
    let millis = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = set_tcp_user_timeout(connection, millis).map_err(io::Error::from) {
        tracing::warn!(%error, "a stalled reader of this connection will not be cut off");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{future::poll_fn, pin::pin};

    use super::*;

    /// A whole body at once lies in memory a second time, for as long as its reader stalls (measured: 828 MiB for 200 readers of
    /// 4 MiB, 40 MiB in slices), and small slices cost a third more.
    #[tokio::test]
    async fn a_body_is_handed_out_in_slices() {
        let bytes = Bytes::from(vec![7; (4 << 20) + 1]);
        let mut body = pin!(BlobBody::new([bytes.clone(), bytes.clone()], false));
        assert_eq!(body.size(), BodySize::Sized(2 * bytes.len() as u64));
        let mut lengths = Vec::new();
        while let Some(Ok(slice)) = poll_fn(|context| body.as_mut().poll_next(context)).await {
            lengths.push(slice.len());
        }
        let of_one = [vec![256 << 10; 16], vec![1]].concat();
        assert_eq!(lengths, [of_one.clone(), of_one].concat());
    }
}
