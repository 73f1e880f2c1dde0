//! Errors become answers here, and only here: `application/problem+json` (RFC 9457) with a stable code.
//!
//! The client sees code, status, title, detail and hint. What went wrong inside goes to the log, under a reference that
//! the client sees too.

use std::{error::Error, fmt, io};

use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use serde::Serialize;

use crate::{
    cache::{CacheError, UpstreamError},
    campaign::NotKept,
    edge::{CompositorError, EdgeError},
    pick::{Fault, PickError},
    queue::QueueError,
    store::StoreError,
    template::NotPublic,
};

/// That something was taken down is told by caches for so long.
const TAKEN_DOWN_SECONDS: u64 = 30;

macro_rules! codes {
    ($($variant:ident, $name:literal, $status:literal, $title:literal;)*) => {
        /// What can go wrong, as clients tell it apart. Published codes never change their meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the reference page.
            pub const ALL: &[Code] = &[$(Code::$variant),*];

            /// The stable name.
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name),* }
            }
            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Code::$variant => $status),* }
            }
            /// The code in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Code::$variant => $title),* }
            }
        }
    };
}

codes! {
    NotFound, "not-found", 404, "There is nothing at this address";
    MethodNotAllowed, "method-not-allowed", 405, "This address does not answer this method";
    UnknownTemplate, "unknown-template", 404, "There is no such template";
    UnknownLocale, "unknown-locale", 404, "There is no such locale";
    UnknownProfile, "unknown-profile", 404, "There is no such profile";
    UnknownRatio, "unknown-ratio", 404, "The template does not offer this ratio";
    UnknownFileType, "unknown-file-type", 404, "There is no such type of file here";
    UnknownBlob, "unknown-blob", 404, "No such bytes are kept here";
    UnknownTakedown, "unknown-takedown", 404, "There is no such takedown";
    UnknownCampaign, "unknown-campaign", 404, "There is no such campaign";
    UnknownEntry, "unknown-entry", 404, "Nothing is kept under this key";
    UnknownTicket, "unknown-ticket", 404, "There is no such ticket";
    ForeignHost, "foreign-host", 421, "A preview answers its own page alone";
    NotYourOrder, "not-your-order", 403, "The ticket only shows how far others' order is";
    BadLocale, "bad-locale", 422, "This is not a locale";
    UnknownParameter, "unknown-parameter", 422, "The template has no such parameter";
    RepeatedParameter, "repeated-parameter", 422, "A parameter is given more than once";
    BadRatio, "bad-ratio", 422, "This is not a ratio";
    BadVariation, "bad-variation", 422, "This is not a variation";
    UnknownChoice, "unknown-choice", 422, "A parameter has no such choice";
    TextTooLong, "text-too-long", 422, "A text is longer than allowed";
    TooManyLines, "too-many-lines", 422, "A text has more lines than allowed";
    ForbiddenCharacter, "forbidden-character", 422, "A text has a character that is not allowed";
    PiledUpCharacter, "piled-up-character", 422, "A text piles up combining marks";
    PatternMismatch, "pattern-mismatch", 422, "A text has not the form that is asked for";
    BadMoment, "bad-moment", 422, "This is not a moment of the clip";
    NoSmallerForm, "no-smaller-form", 404, "The clip has no smaller form";
    NoSound, "no-sound", 404, "The clip has no sound";
    BadColour, "bad-colour", 422, "This is not a colour";
    BadNumber, "bad-number", 422, "This is not a number";
    NumberOutOfRange, "number-out-of-range", 422, "A number is too small or too large";
    NumberOffStep, "number-off-step", 422, "A number lies between two steps";
    BadImage, "bad-image", 422, "This is not an image that can be shown";
    MissingImage, "missing-image", 422, "The image is not here";
    ImageTooLarge, "image-too-large", 413, "The image has more bytes or pixels than allowed";
    BadCampaign, "bad-campaign", 422, "The campaign cannot be made of what there is";
    TooManyGuesses, "too-many-guesses", 429, "This address guesses too often";
    TooManyOpinions, "too-many-opinions", 429, "This address has too many opinions";
    TooManyImages, "too-many-images", 429, "This address brings too many images";
    TextDoesNotFit, "text-does-not-fit", 422, "A text does not fit into the picture at its smallest size";
    MissingGlyph, "missing-glyph", 422, "A text has a character that no face can write";
    InvisibleText, "invisible-text", 422, "A text has nothing to be seen";
    OutOfBounds, "out-of-bounds", 422, "A text leaves the picture";
    BadLayer, "bad-layer", 503, "The template draws something impossible";
    BadFace, "bad-face", 503, "The template brings a face that is none";
    BadBoolean, "bad-boolean", 422, "This is neither yes nor no";
    UnknownModel, "unknown-model", 503, "This installation lacks the model that paints the template";
    PromptFails, "prompt-fails", 503, "The template's prompt fails on these values";
    BadQuery, "bad-query", 400, "The query cannot be read";
    BadBody, "bad-body", 400, "The body cannot be read";
    BadHeader, "bad-header", 400, "A header field cannot be read";
    BodyTooLarge, "body-too-large", 413, "The body is larger than allowed";
    UriTooLong, "uri-too-long", 414, "The address is longer than allowed";
    WrongMediaType, "wrong-media-type", 415, "The body is of another type than expected";
    HeadersTooLarge, "headers-too-large", 431, "The header fields are larger than allowed";
    TooSlow, "too-slow", 408, "The body did not arrive in time";
    PreconditionFailed, "precondition-failed", 412, "The bytes are not those of If-Match";
    RangeUnsatisfiable, "range-unsatisfiable", 416, "The range is outside the bytes";
    NotPainted, "not-painted", 404, "This clip is not painted, and painting on demand is off";
    TakenDown, "taken-down", 451, "This was taken down";
    Refused, "refused", 422, "This clip was painted and refused";
    QueueFull, "queue-full", 429, "More is asked for than can be painted soon";
    KeyReused, "idempotency-key-reused", 422, "The Idempotency-Key was used for another request";
    NotPublic, "not-public", 403, "This is not made for strangers";
    BadSignature, "bad-signature", 403, "The signature does not belong to this address";
    SignatureExpired, "signature-expired", 403, "The signed address has expired";
    TooMuchWork, "too-much-work", 429, "Enough was made for this address of late";
    Unauthorized, "unauthorized", 401, "Only this installation's renderers and operator may do this";
    LeaseLost, "lease-lost", 409, "The lease was lost; stop working on the job";
    BadOutcome, "bad-outcome", 422, "What was handed in is not what was ordered";
    StoreUnavailable, "store-unavailable", 503, "Nothing can be stored at the moment";
    StoreFull, "store-full", 507, "The disk has no room";
    OriginAway, "origin-away", 503, "This is not here, and the origin cannot be asked";
    Unavailable, "unavailable", 503, "The server stops or is overloaded";
    Internal, "internal", 500, "Something went wrong inside";
}

/// An error on its way to the client.
#[derive(Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    hint: Option<String>,
    retry_after: Option<u64>,
    allow: Option<String>,
    length: Option<u64>,
    cacheable_seconds: u64,
}

impl Problem {
    /// A problem; the detail names what the client gave and what would be right.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), hint: None, retry_after: None, allow: None, length: None, cacheable_seconds: 0 }
    }

    /// A failure inside: the cause is logged, the client gets a reference to the log line.
    pub fn internal(cause: &(dyn Error + 'static)) -> Self {
        Self::inside(Code::Internal, cause)
    }

    /// A failure inside that has a code of its own.
    pub fn inside(code: Code, cause: &(dyn Error + 'static)) -> Self {
        let reference = uuid::Uuid::new_v4().simple().to_string();
        let causes: Vec<String> =
            std::iter::successors(cause.source(), |error| (*error).source()).map(ToString::to_string).collect();
        tracing::error!(%reference, code = code.name(), error = %cause, ?causes, "a request failed");
        Self::new(code, format!("the log has the cause under the reference {reference}"))
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.code
    }
    /// What was wrong this time.
    pub fn detail(&self) -> &str {
        &self.detail
    }
    /// What would be right, if it says.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// With advice.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// With `Retry-After`.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
    /// With `Allow`.
    pub fn allow(mut self, methods: String) -> Self {
        self.allow = Some(methods);
        self
    }
    /// With `Content-Range: bytes */length`.
    pub fn length(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }
    /// May be kept that long: a verdict does not change from one second to the next.
    pub fn cacheable(mut self, seconds: u64) -> Self {
        self.cacheable_seconds = seconds;
        self
    }
}

impl From<&PickError> for Problem {
    fn from(error: &PickError) -> Self {
        let Some(code) = Code::ALL.iter().copied().find(|code| code.name() == error.code()) else {
            return Self::internal(error);
        };
        let problem = Self { hint: error.hint(), ..Self::new(code, error.to_string()) };
        if error.fault() == Fault::Installation { problem.retry_after(60) } else { problem }
    }
}

impl From<&NotPublic> for Problem {
    fn from(error: &NotPublic) -> Self {
        Self::new(Code::NotPublic, error.to_string()).hint(error.hint())
    }
}

impl From<EdgeError> for Problem {
    fn from(error: EdgeError) -> Self {
        match &error {
            EdgeError::Pick(pick) => pick.into(),
            EdgeError::NotPublic(not_public) => not_public.into(),
            EdgeError::TooMuchWork { seconds } => Self::new(Code::TooMuchWork, error.to_string()).retry_after(*seconds),
            EdgeError::NotPainted { .. } => Self::new(Code::NotPainted, error.to_string()),
            EdgeError::QueueFull { promised_seconds, .. } => {
                Self::new(Code::QueueFull, error.to_string()).retry_after((promised_seconds / 4).clamp(5, 600))
            }
            EdgeError::NotYourOrder { .. } => Self::new(Code::NotYourOrder, error.to_string())
                .hint("an order of one's own is made with POST /v1/picks; its ticket takes it back"),
            EdgeError::Image(image) => {
                let code = if image.is_too_large() { Code::ImageTooLarge } else { Code::BadImage };
                Self { hint: image.hint().map(str::to_owned), ..Self::new(code, error.to_string()) }
            }
            EdgeError::TakenDown => Self::new(Code::TakenDown, error.to_string()).cacheable(TAKEN_DOWN_SECONDS),
            EdgeError::UnknownCampaign { known, .. } => {
                Self::new(Code::UnknownCampaign, error.to_string()).hint(format!("the campaigns are: {}", known.join(", ")))
            }
            EdgeError::Campaign(NotKept::Unknown(_)) => Self::new(Code::UnknownCampaign, error.to_string()),
            EdgeError::Campaign(NotKept::Paused(_)) => Self::new(Code::BadCampaign, error.to_string()).hint("resume it first"),
            EdgeError::Campaign(NotKept::Wrong(wrong)) => {
                Self { hint: wrong.hint.clone(), ..Self::new(Code::BadCampaign, wrong.to_string()) }
            }
            EdgeError::Campaign(NotKept::Store(store)) => store.into(),
            EdgeError::UnknownPlate { .. } => {
                Self::new(Code::UnknownEntry, error.to_string()).hint("what is to be approved has to be painted first")
            }
            EdgeError::TooWide => Self::new(Code::BadBody, error.to_string()),
            EdgeError::NoCompositor => {
                Self::new(Code::Unavailable, error.to_string()).hint("ask an edge that has the encoder of the plates")
            }
            EdgeError::Silent { .. } => Self::new(Code::NoSound, error.to_string()),
            EdgeError::NoSmallerForm { .. } => Self::new(Code::NoSmallerForm, error.to_string()).hint("ask for `profile=mp4`"),
            EdgeError::Compositor(CompositorError::Full(_)) => Self::new(Code::Unavailable, error.to_string()).retry_after(2),
            EdgeError::Compositor(CompositorError::Lost { .. }) => {
                Self::new(Code::Unavailable, error.to_string()).retry_after(30)
            }
            EdgeError::Compositor(CompositorError::Broken(_)) => Self::new(Code::Unavailable, error.to_string()).retry_after(1),
            EdgeError::Compositor(_) => Self::internal(&error),
            EdgeError::LeaseLost { .. } => Self::new(Code::LeaseLost, error.to_string()),
            EdgeError::BadOutcome { .. } => Self::new(Code::BadOutcome, error.to_string()),
            EdgeError::Cache(CacheError::Upstream(upstream)) => upstream.into(),
            EdgeError::Cache(CacheError::TooLarge { .. }) => Self::new(Code::BodyTooLarge, error.to_string()),
            EdgeError::Cache(CacheError::Empty | CacheError::Mismatch { .. }) => Self::new(Code::BadOutcome, error.to_string()),
            EdgeError::Store(store) | EdgeError::Cache(CacheError::Store(store)) | EdgeError::Queue(QueueError::Store(store)) => {
                store.into()
            }
            EdgeError::Queue(QueueError::Full { .. }) => Self::new(Code::QueueFull, error.to_string()).retry_after(60),
            EdgeError::Queue(QueueError::NoSuchJob(_)) => Self::new(Code::UnknownTicket, error.to_string()),
            EdgeError::Cache(CacheError::Read(store)) => store.as_ref().into(),
            EdgeError::Queue(_) => Self::internal(&error),
        }
    }
}

impl From<&UpstreamError> for Problem {
    fn from(error: &UpstreamError) -> Self {
        match error {
            // Logged when the origin went away, not for each request until it is back; the address is nobody's business.
            UpstreamError::Away { retry_millis, .. } => {
                Self::new(Code::OriginAway, "the origin does not answer").retry_after(retry_millis.div_ceil(1000).max(1))
            }
            UpstreamError::Busy { .. } => Self::new(Code::Unavailable, error.to_string()).retry_after(2),
            UpstreamError::Wrong { .. } => Self::inside(Code::OriginAway, error).retry_after(10),
        }
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Full { .. } => Self::inside(Code::StoreFull, error).retry_after(60),
            StoreError::ReadOnly { .. } | StoreError::Closing => Self::inside(Code::StoreUnavailable, error).retry_after(10),
            StoreError::Io { source, .. } if is_shortage(source) => Self::inside(Code::StoreUnavailable, error).retry_after(1),
            _ => Self::internal(error),
        }
    }
}

/// Whether the system lacks descriptors or memory at the moment; the file itself is as it was.
fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.detail)
    }
}

impl Error for Problem {}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).expect("the table of codes has HTTP statuses")
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(methods) = &self.allow {
            response.insert_header((header::ALLOW, methods.as_str()));
        }
        if let Some(length) = self.length {
            response.insert_header((header::CONTENT_RANGE, format!("bytes */{length}")));
        }
        if self.code == Code::Unauthorized {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        match self.cacheable_seconds {
            0 => response.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store"))),
            seconds => response.insert_header((header::CACHE_CONTROL, format!("public, max-age={seconds}"))),
        };
        response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")));
        let document = Document {
            r#type: format!("urn:festoon:problem:{}", self.code.name()),
            title: self.code.title(),
            status: self.code.status(),
            code: self.code.name(),
            detail: &self.detail,
            hint: self.hint.as_deref(),
            retry_after: self.retry_after,
        };
        response.body(serde_json::to_vec(&document).expect("texts and numbers always fit JSON"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_has_a_name_of_its_own_and_an_error_status() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| (400..600).contains(&code.status())));
    }

    #[test]
    fn the_cause_inside_is_not_told() {
        let cause = io::Error::other("/srv/secret/path is broken");
        let problem = Problem::internal(&cause);
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
}
