//! Requests so plain that there is no doubt about them: a GET or HEAD for kept bytes, with no body, no upgrade and nothing to
//! negotiate. Anything else, also everything malformed, is left to actix, byte for byte: two servers that read the same bytes
//! differently would be a hole, so this one reads only what cannot be read in two ways.

use std::mem::MaybeUninit;

use httparse::{Header, Request, Status};

use super::conditions::Conditions;

/// Fields of a plain request; more are left to actix.
const FIELDS: usize = 48;

/// A plain request, borrowed from the bytes it came in.
#[derive(Debug)]
pub struct Plain<'a> {
    /// Bytes of its head.
    pub length: usize,
    /// Whether only the head of the answer is wanted.
    pub head_only: bool,
    /// The target as it came.
    pub target: &'a str,
    /// What decides about the answer.
    pub conditions: Conditions<'a>,
    /// `User-Agent`.
    pub agent: Option<&'a [u8]>,
    /// `X-Forwarded-For` and `Forwarded`, for who comes through a proxy.
    pub forwarded: [Option<&'a [u8]>; 2],
}

/// What bytes are.
#[derive(Debug)]
pub enum Read<'a> {
    /// A plain request.
    Plain(Plain<'a>),
    /// The beginning of a request.
    Part,
    /// Something else.
    Other,
}

impl<'a> Read<'a> {
    /// Reads what came; at most `most_bytes` of fields and `most_target` of a target.
    pub fn from(bytes: &'a [u8], most_bytes: usize, most_target: usize) -> Self {
        let mut fields = [const { MaybeUninit::<Header<'_>>::uninit() }; FIELDS];
        let mut request = Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(bytes, &mut fields) {
            Ok(Status::Complete(length)) if length <= most_bytes => length,
            Ok(Status::Partial) if bytes.len() <= most_bytes => return Self::Part,
            _ => return Self::Other,
        };
        Self::plain(&request, length, most_target).map_or(Self::Other, Self::Plain)
    }

    fn plain(request: &Request<'_, 'a>, length: usize, most_target: usize) -> Option<Plain<'a>> {
        let head_only = match request.method? {
            "GET" => false,
            "HEAD" => true,
            _ => return None,
        };
        let target = request.path.filter(|target| target.starts_with("/v1/") && target.len() <= most_target)?;
        if request.version != Some(1) {
            return None;
        }
        let mut plain = Plain { length, head_only, target, conditions: Conditions::default(), agent: None, forwarded: [None; 2] };
        let mut hosts = 0;
        for field in request.headers.iter() {
            // Told apart by their lengths first: most fields of most clients say nothing here.
            match field.name.len() {
                4 if is(field, "host") => hosts += 1,
                5 if is(field, "range") => set(&mut plain.conditions.range, field)?,
                8 if is(field, "if-match") => set(&mut plain.conditions.if_match, field)?,
                8 if is(field, "if-range") => set(&mut plain.conditions.if_range, field)?,
                13 if is(field, "if-none-match") => set(&mut plain.conditions.if_none_match, field)?,
                10 if is(field, "user-agent") => plain.agent = Some(field.value),
                15 if is(field, "x-forwarded-for") => once(&mut plain.forwarded[0], field.value)?,
                9 if is(field, "forwarded") => once(&mut plain.forwarded[1], field.value)?,
                10 if is(field, "connection") && !field.value.eq_ignore_ascii_case(b"keep-alive") => return None,
                // Bodies, other protocols, waiting, and whatever may change who asks.
                6 if is(field, "expect") || is(field, "prefer") => return None,
                7 if is(field, "upgrade") || is(field, "trailer") => return None,
                13 if is(field, "authorization") => return None,
                14 if is(field, "content-length") => return None,
                17 if is(field, "transfer-encoding") => return None,
                _ => {}
            }
        }
        if head_only {
            plain.conditions.range = None;
        }
        (hosts == 1).then_some(plain)
    }
}

fn is(field: &Header<'_>, name: &str) -> bool {
    field.name.eq_ignore_ascii_case(name)
}

/// A field of text that may come once.
fn set<'a>(value: &mut Option<&'a str>, field: &Header<'a>) -> Option<()> {
    let text = std::str::from_utf8(field.value).ok().filter(|text| text.is_ascii())?;
    once(value, text)
}

fn once<T>(value: &mut Option<T>, given: T) -> Option<()> {
    value.replace(given).is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &str) -> Read<'_> {
        Read::from(bytes.as_bytes(), 16 << 10, 8 << 10)
    }

    #[test]
    fn a_plain_request_is_read_with_its_conditions() {
        let bytes = "GET /v1/blobs/x.mp4 HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\nIf-None-Match: \"a\"\r\nUser-Agent: p\r\nCookie: c\r\n\r\nGET";
        let Read::Plain(plain) = read(bytes) else { panic!("{bytes}") };
        assert_eq!((plain.target, plain.head_only, plain.length), ("/v1/blobs/x.mp4", false, bytes.len() - 3));
        assert_eq!((plain.conditions.range, plain.conditions.if_none_match), (Some("bytes=0-9"), Some("\"a\"")));
        assert_eq!(plain.agent, Some(&b"p"[..]));
        let Read::Plain(head) = read("HEAD /v1/x HTTP/1.1\r\nhost: x\r\nrange: bytes=0-9\r\nconnection: Keep-Alive\r\n\r\n")
        else {
            panic!("a HEAD is plain")
        };
        assert!(head.head_only && head.conditions.range.is_none());
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_left_to_others() {
        for line in [
            "POST /v1/x HTTP/1.1\r\nHost: x",
            "GET /v1/x HTTP/1.0\r\nHost: x",
            "GET /other HTTP/1.1\r\nHost: x",
            "GET http://x/v1/x HTTP/1.1\r\nHost: x",
            "GET /v1/x HTTP/1.1",
            "GET /v1/x HTTP/1.1\r\nHost: x\r\nHost: y",
            "GET /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0",
            "GET /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked",
            "GET /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked",
            "GET /v1/x HTTP/1.1\r\nHost: x\r\n Folded: y",
            "GET /v1/x HTTP/1.1\r\nHost: x\r\nConnection: close",
            "GET /v1/x HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c",
            "GET /v1/x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue",
            "GET /v1/x HTTP/1.1\r\nHost: x\r\nPrefer: wait=3",
            "GET /v1/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t",
            "GET /v1/x HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\nRange: bytes=2-3",
            "GET /v1/x HTTP/1.1\r\nHost: x\r\nX: \u{7f}",
            "PRI * HTTP/2.0",
        ] {
            let bytes = format!("{line}\r\n\r\n");
            assert!(matches!(read(&bytes), Read::Other), "{bytes}: {:?}", read(&bytes));
        }
        assert!(matches!(read("GET /v1/x HTTP/1.1\r\nHost: x\r\n"), Read::Part));
        let long = format!("GET /v1/{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(9000));
        assert!(matches!(read(&long), Read::Other));
        assert!(matches!(read(&format!("GET /v1/x HTTP/1.1\r\nX: {}", "a".repeat(17_000))), Read::Other));
    }
}
