//! The pages of whoever runs the installation: who is let in.
//!
//! Who shows the installation's token gets a cookie for the addresses below `/operator`: when it ends, and a keyed hash of that
//! under the token. Nothing is kept of it here, it lasts over a restart, and another token ends it. It goes along with no request
//! that another site starts.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use festoon_spec::{Locale, UnixMillis};
use serde::Serialize;
use serde_json::json;

use super::{Frame, Made, language::Words, submitted::Submitted, visitor::Visitor};
use crate::{
    edge::RendererToken,
    http::{
        Shared, body, gate, leases,
        problem::{Code, Problem},
    },
};

/// The cookie's name.
const COOKIE: &str = "festoon_operator";
/// How long it lasts.
const LASTS_SECONDS: u64 = 12 * 3600;
/// What its hash is for.
const CONTEXT: &str = "festoon operator session v1";
/// Bytes of the form that signs in.
const FORM_BYTES: usize = 4096;
/// Guesses of the token from one address in a minute.
pub const GUESSES: u32 = 10;

/// The pages, by the word that names each.
const PAGES: [(&str, &str); 4] = [
    ("operations", "/operator"),
    ("campaigns", "/operator/campaigns"),
    ("review", "/operator/review"),
    ("opinions", "/operator/takes"),
];

/// A page for operators, ready to be filled in.
pub struct Desk {
    /// Who looks.
    pub visitor: Visitor,
    /// What operators read, and in which language.
    pub words: (&'static Locale, &'static Words),
    /// The hosts' own frame.
    frame: Frame,
}

impl Desk {
    /// The page, with `current` marked among the pages of its kind.
    ///
    /// # Errors
    /// If it is no plain data.
    pub fn made(self, current: &str, view: &impl Serialize) -> Result<Made, Problem> {
        let (lang, words) = self.words;
        let pages = PAGES.into_iter().map(|(name, path)| Tab {
            title: &words[name],
            href: self.visitor.link(path, &[]),
            current: name == current,
        });
        let desk = DeskFrame { lang, words, title: &words[current], pages: pages.collect() };
        let made = Made::new(self.frame, format!("{} – festoon", words[current]), view)?;
        Ok(Made { desk: Some(desk), ..made })
    }
}

/// What every page of operators has around it.
#[derive(Debug, Serialize)]
pub struct DeskFrame {
    lang: &'static Locale,
    /// What operators read.
    #[serde(skip)]
    pub words: &'static Words,
    title: &'static str,
    pages: Vec<Tab>,
}

/// One of the pages of operators, as each of them names it.
#[derive(Debug, Serialize)]
struct Tab {
    title: &'static str,
    href: String,
    current: bool,
}

/// Lets an operator in.
///
/// # Errors
/// `unauthorized`, or if the address cannot be read.
pub fn admit(request: &HttpRequest, shared: &Shared) -> Result<Desk, Problem> {
    let is_signed_in = cookie(request)?.is_some_and(|shown| opens(&shared.token, &shown, shared.edge.now()));
    if !is_signed_in {
        leases::admit(request, shared)?;
    }
    let visitor = Visitor::of(request)?;
    Ok(Desk { words: visitor.language.for_operators(), frame: Frame::of(&visitor, request), visitor })
}

/// Lets an operator do something. What another site's page sends is not theirs.
///
/// # Errors
/// As [`admit`].
pub fn admit_act(request: &HttpRequest, shared: &Shared) -> Result<Desk, Problem> {
    from_this_site(request)?;
    admit(request, shared)
}

/// What an operator sees who did something: the page that they came from, or what is wrong.
pub fn done(request: &HttpRequest, shared: &Shared, done: Result<String, Problem>) -> HttpResponse {
    let seen = done.and_then(|to| see_other(&to));
    seen.unwrap_or_else(|problem| answer(request, shared, "problem", Err(problem)))
}

/// The page for an operator, for others the one that signs in.
pub fn answer(request: &HttpRequest, shared: &Shared, name: &str, made: Result<Made, Problem>) -> HttpResponse {
    match made {
        Err(problem) if problem.code() == Code::Unauthorized => sign_in_page(request, shared, false),
        made => super::answer(request, shared, name, made),
    }
}

fn sign_in_page(request: &HttpRequest, shared: &Shared, is_wrong: bool) -> HttpResponse {
    let made = Visitor::of(request).and_then(|visitor| {
        let (lang, words) = visitor.language.for_operators();
        let here = match request.path() {
            "/operator/sign-in" => "/operator",
            path => path,
        };
        let view = json!({ "o": words, "lang": lang, "wrong": is_wrong, "here": visitor.link(here, &[]) });
        Made::new(Frame::of(&visitor, request), format!("{} – festoon", words["sign_in"]), &view)
    });
    let mut response = super::answer(request, shared, "sign-in", made);
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    response
}

/// `POST /operator/sign-in`
pub async fn sign_in(request: HttpRequest, shared: web::Data<Shared>, payload: web::Payload) -> Result<HttpResponse, Problem> {
    // Else another site could sign somebody in as somebody else.
    from_this_site(&request)?;
    shared.guesses.spend(gate::client(&request), shared.edge.now()).map_err(|seconds| {
        Problem::new(Code::TooManyGuesses, format!("at most {GUESSES} a minute are looked at")).retry_after(seconds)
    })?;
    let form = Submitted::read(&request, &shared, payload, FORM_BYTES).await?;
    if !shared.token.opens(form.one("token").trim()) {
        return Ok(sign_in_page(&request, &shared, true));
    }
    let secure = if request.connection_info().scheme() == "https" { "; Secure" } else { "" };
    let value = minted(&shared.token, shared.edge.now());
    let cookie = format!("{COOKIE}={value}; Path=/operator; Max-Age={LASTS_SECONDS}; HttpOnly; SameSite=Strict{secure}");
    with_cookie(see_other(form.one("to"))?, &cookie)
}

/// `POST /operator/sign-out`
pub async fn sign_out(request: HttpRequest) -> Result<HttpResponse, Problem> {
    from_this_site(&request)?;
    let cookie = format!("{COOKIE}=; Path=/operator; Max-Age=0; HttpOnly; SameSite=Strict");
    with_cookie(see_other("/operator")?, &cookie)
}

fn with_cookie(mut response: HttpResponse, cookie: &str) -> Result<HttpResponse, Problem> {
    let cookie = header::HeaderValue::from_str(cookie).map_err(|error| Problem::internal(&error))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Leads only to pages of this kind, whoever wrote the address.
fn see_other(to: &str) -> Result<HttpResponse, Problem> {
    let to = if to.starts_with("/operator") { to } else { "/operator" };
    let to = header::HeaderValue::from_str(to).map_err(|_| Problem::new(Code::BadBody, "`to` is no address"))?;
    let response = HttpResponse::SeeOther()
        .insert_header((header::LOCATION, to))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish();
    Ok(response)
}

/// Browsers say which site a form comes from.
fn from_this_site(request: &HttpRequest) -> Result<(), Problem> {
    let Some(origin) = body::text(request.headers(), header::ORIGIN)? else { return Ok(()) };
    let connection = request.connection_info();
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    if host == connection.host() {
        return Ok(());
    }
    Err(Problem::new(Code::Unauthorized, "the form was sent by a page of another site"))
}

fn cookie(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let all = body::text(request.headers(), header::COOKIE)?.unwrap_or_default();
    let named = all.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE);
    Ok(named.map(|(_, value)| value.to_owned()))
}

fn hash(token: &RendererToken, ends: &str) -> blake3::Hash {
    blake3::keyed_hash(&blake3::derive_key(CONTEXT, token.reveal().as_bytes()), ends.as_bytes())
}

fn minted(token: &RendererToken, now: UnixMillis) -> String {
    let ends = now.plus_millis(LASTS_SECONDS * 1000).0.to_string();
    format!("{ends}.{}", hash(token, &ends).to_hex())
}

fn opens(token: &RendererToken, shown: &str, now: UnixMillis) -> bool {
    let Some((ends, shown)) = shown.split_once('.') else { return false };
    let is_over = ends.parse::<u64>().map_or(true, |ends| ends <= now.0);
    // Hashes are compared in constant time.
    !is_over && blake3::Hash::from_hex(shown).is_ok_and(|shown| shown == hash(token, ends))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_cookie_opens_until_it_ends_and_only_where_its_token_does() {
        let [token, other] = ["one", "other"].map(|text| RendererToken::open(text, Path::new("/nowhere")).unwrap());
        let now = UnixMillis(1_800_000_000_000);
        let shown = minted(&token, now);
        let end = now.plus_millis(LASTS_SECONDS * 1000);
        assert!(opens(&token, &shown, now) && !opens(&token, &shown, end) && !opens(&other, &shown, now));
        let later = shown.replacen(&end.0.to_string(), &end.plus_millis(1).0.to_string(), 1);
        assert!(!opens(&token, &later, now), "its end is signed");
        assert!(!["", ".", "x.y", &end.0.to_string()].iter().any(|shown| opens(&token, shown, now)));
    }
}
