//! Clips by their name, bytes by their hash.

use std::{collections::BTreeSet, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, HeaderName, HeaderValue},
    },
    web,
};
use festoon_spec::{BlobHash, Locale, Profile, Reason, UnixMillis};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    Shared, address, body,
    delivery::{Described, Fields, Representation, ascii, tag_fields},
    language,
    lifetime::{self, Lifetime},
    passing,
    passing::Told,
    problem::{Code, Problem},
    stream, tickets, visitors, written,
};
use crate::{
    cache::Entry,
    config::MayAsk,
    edge::{Answer, Clip, How, Shown},
    pick::{Pick, PickError, Resolved},
    purge::Tag,
    signing::{self, Signed},
    template::Lifetimes,
};

/// Extension of the blobs that playlists name: fragments of an MP4 file.
pub const SEGMENT: &str = "m4s";
/// A refusal is told by caches for so long.
const REFUSED_SECONDS: u64 = 30;
/// Letters of a file's name; systems take 255 bytes.
const NAME_LETTERS: usize = 60;
/// What is escaped in a parameter's value: everything but `attr-char` of RFC 8187.
const NOT_ATTR_CHARS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');
/// A redirect to the visitor's locale is kept for so long.
const NEGOTIATED: &str = "public, max-age=60";

/// `/v1/clips/{template}/{locale}.{ext}`
pub async fn clip(
    request: HttpRequest,
    shared: web::Data<Shared>,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (template, locale, extension) = path.into_inner();
    let mut pairs = address::read_query(request.uri().query().unwrap_or_default())?;
    let signed = visitors::signature(&request, &shared, &mut pairs)?;
    let asked = Asked::read(&shared, &template, &locale, &extension, pairs)?;
    if signed.is_none()
        && let Some(location) = &asked.respelt
    {
        return Ok(respelt(&asked.pick, location));
    }
    let wait = wanted_wait(&request, shared.config.limits.wait_seconds)?;
    let visitor = visitors::visitor(&request, &shared, signed.as_ref());
    let how = How { wait: Duration::from_secs(wait.unwrap_or(0)), nearest: asked.nearest, visitor, ..How::default() };
    let lifetime = Lifetime::of(&shared, asked.lifetimes, signed.as_ref());
    let show = async |shown, kept| show(&request, &shared, shown, signed.as_ref(), &how, kept).await;
    // A blob that is found damaged when it is loaded is dropped, and asked for again: the second answer is a ticket.
    for _ in 0..2 {
        let mut response = match shared.edge.answer(&asked.pick, &how).await? {
            Answer::Ready(shown) => match show(shown, lifetime.of_clip()).await? {
                Some(response) => response,
                None => continue,
            },
            Answer::Nearest { shown, differs, ticket } => {
                let Some(mut response) = show(shown, lifetime.of_stand_in()).await? else { continue };
                let headers = response.headers_mut();
                headers.insert(HeaderName::from_static("festoon-nearest"), HeaderValue::from_static(differs));
                if let Some(ticket) = ticket {
                    headers.insert(HeaderName::from_static("festoon-ticket"), ascii(&tickets::address(&ticket.id)));
                }
                response
            }
            Answer::Ticket { ticket, .. } => tickets::promise(&ticket),
            Answer::Refused { reasons, until } => return Err(refused(&shared, &reasons, until)),
            Answer::AtOrigin => match passing::ask(&request, &shared).await? {
                // What it promises or refuses, it says itself; its bytes are taken from it as any others, verified.
                Told::Answer(response) => response,
                Told::Ready => {
                    shared.edge.forget_lack(&asked.pick).await?;
                    continue;
                }
                Told::Nearest { differs, ticket } => {
                    let Some(shown) = shared.edge.peek(&asked.pick, true).await? else { continue };
                    let Some(mut response) = show(shown, lifetime.of_stand_in()).await? else { continue };
                    let headers = response.headers_mut();
                    headers.insert(HeaderName::from_static("festoon-nearest"), differs);
                    if let Some(ticket) = ticket {
                        headers.insert(HeaderName::from_static("festoon-ticket"), ticket);
                    }
                    response
                }
            },
        };
        if let Some(wait) = wait {
            response.headers_mut().insert(HeaderName::from_static("preference-applied"), ascii(&format!("wait={wait}")));
        }
        return Ok(response);
    }
    Err(Problem::new(Code::Unavailable, "the clip was there and gone twice").retry_after(1))
}

/// The problem of a clip that was refused; caches may tell it for a while.
pub fn refused(shared: &Shared, reasons: &[Reason], until: UnixMillis) -> Problem {
    let told: Vec<&str> = reasons.iter().map(|reason| reason.detail.as_str()).collect();
    let seconds = until.since(shared.edge.now()).div_ceil(1000);
    let problem = Problem::new(Code::Refused, told.join("; ")).retry_after(seconds);
    problem.hint("ask for another `variation`").cacheable(seconds.min(REFUSED_SECONDS))
}

/// The bytes of what is shown; `None` if they are gone.
async fn show(
    request: &HttpRequest,
    shared: &Shared,
    shown: Shown,
    signed: Option<&Signed>,
    how: &How,
    lifetime: Fields,
) -> Result<Option<HttpResponse>, Problem> {
    let resolved = &shown.resolved;
    let (profile, ranges) = (resolved.pick.profile, shared.config.limits.ranges);
    if profile.is_written() {
        return written::answer(request, shared, &shown, signed, how, lifetime).await.map(Some);
    }
    // Asking what there is composes nothing.
    let clip = match *request.method() {
        Method::HEAD => {
            let kept = shared.edge.kept_clip(&shown).await?;
            if kept.is_none() {
                shared.edge.check_drawing(&shown).await?;
            }
            kept.map(|kept| Clip::Kept(kept.into()))
        }
        _ => Some(shared.edge.clip(&shown, how).await?),
    };
    let mut response = match clip {
        Some(Clip::Kept(entry)) => {
            let Some(loaded) = shared.edge.open_blob(&entry.blob).await? else { return Ok(None) };
            let described = described(shared, resolved, &entry, lifetime);
            return stream::answer_blob(request, shared, loaded, described).await.map(Some);
        }
        Some(Clip::Playing(playing)) => stream::answer(request, playing, profile.media_type(), lifetime, ranges).await?,
        None => stream::not_known_yet(profile.media_type(), lifetime).finish(),
    };
    let headers = response.headers_mut();
    for (name, value) in description(shared, resolved).into_iter().chain(tag_fields(&tags(shared, resolved))) {
        headers.insert(name, value);
    }
    Ok(Some(response))
}

/// All that is said of a clip that is kept.
fn described(shared: &Shared, resolved: &Resolved, entry: &Entry, lifetime: Fields) -> Described {
    let profile = resolved.pick.profile;
    let location = (header::CONTENT_LOCATION, ascii(&address::of_blob(&entry.blob, profile)));
    let described = Described::new(entry.blob, profile.media_type(), lifetime);
    described.with([location]).with(description(shared, resolved)).tagged(tags(shared, resolved))
}

/// What is delivered at an address of clips without making or ordering anything; `None` if somebody has to look closer.
///
/// # Errors
/// As those of the clip.
pub async fn ready(shared: &Shared, path: [&str; 3], query: &str) -> Result<Option<Representation>, Problem> {
    let [template, locale, extension] = path;
    let pairs = address::read_query(query)?;
    if shared.config.strangers.may == MayAsk::Nothing || signing::is_shown(&pairs) {
        return Ok(None);
    }
    let asked = Asked::read(shared, template, locale, extension, pairs)?;
    if asked.respelt.is_some() {
        return Ok(None);
    }
    let Some(shown) = shared.edge.peek(&asked.pick, false).await? else { return Ok(None) };
    if shown.resolved.pick.profile.is_written() {
        return Ok(None);
    }
    let Some(entry) = shared.edge.kept_clip(&shown).await? else { return Ok(None) };
    let described = described(shared, &shown.resolved, &entry, Lifetime::of(shared, asked.lifetimes, None).of_clip());
    at_hand(shared, described).await
}

/// The bytes that are described, if they are here.
async fn at_hand(shared: &Shared, described: Described) -> Result<Option<Representation>, Problem> {
    let Some((bytes, digest)) = shared.edge.at_hand(&described.blob()).await? else { return Ok(None) };
    Ok(Some(Representation::new(bytes, described.digested(&digest))))
}

/// What is said of a clip in every form.
pub fn description(shared: &Shared, resolved: &Resolved) -> Fields {
    let Pick { template, locale, profile, .. } = &resolved.pick;
    // What drew on the plate; `none` is a plate as it is.
    let compositor = resolved.clip.compositor.split('/').next().unwrap_or_default();
    let mut fields =
        vec![(header::CONTENT_LANGUAGE, ascii(locale.as_str())), (HeaderName::from_static("festoon-overlay"), ascii(compositor))];
    if *profile == Profile::Download {
        let templates = shared.edge.library().current();
        let title = templates.find(template.as_str()).ok().map(|template| template.words(locale).1.title.clone());
        let name = attachment(&format!("{template}-{locale}"), title.as_deref(), profile.extension());
        fields.push((header::CONTENT_DISPOSITION, ascii(&name)));
    }
    if let Some(heard) = resolved.heard(*profile) {
        fields.push((HeaderName::from_static("festoon-sound"), HeaderValue::from_static(heard.name())));
    }
    fields
}

/// What a clip is purged by, in caches in front.
pub fn tags(shared: &Shared, resolved: &Resolved) -> Vec<Tag> {
    let keys = [resolved.plate_key, resolved.clip_key].map(Tag::Key);
    let campaigns = shared.edge.campaigns_of(&resolved.plate_key).into_iter().filter_map(|id| Tag::of_campaign(&id));
    names(&resolved.pick).into_iter().chain(keys).chain(campaigns).collect()
}

/// What everything of a template in a locale is purged by.
fn names(pick: &Pick) -> [Tag; 2] {
    [Tag::Template(pick.template.clone()), Tag::Locale(pick.locale.clone())]
}

/// The redirect from one spelling of a pick's address to that of festoon.
fn respelt(pick: &Pick, location: &str) -> HttpResponse {
    let mut moved = HttpResponse::MovedPermanently();
    moved.insert_header((header::LOCATION, ascii(location)));
    for field in lifetime::of_spelling().into_iter().chain(tag_fields(&names(pick))) {
        moved.insert_header(field);
    }
    moved.finish()
}

/// A download under a name in the visitor's language, and a plain one for who knows no other (RFC 6266, RFC 8187).
fn attachment(plain: &str, title: Option<&str>, extension: &str) -> String {
    let named: String = title.unwrap_or_default().chars().filter(|letter| !is_no_file_name(*letter)).take(NAME_LETTERS).collect();
    let plain = format!("attachment; filename=\"{plain}.{extension}\"");
    match named.trim_matches([' ', '.']) {
        "" => plain,
        named => format!("{plain}; filename*=UTF-8''{}.{extension}", utf8_percent_encode(named, NOT_ATTR_CHARS)),
    }
}

/// What systems do not take in the name of a file, or what hides what it is.
fn is_no_file_name(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\u{200e}' | '\u{200f}')
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `/v1/clips/{template}.{ext}`
pub async fn negotiate(
    request: HttpRequest,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (name, extension) = path.into_inner();
    let templates = shared.edge.library().current();
    let template = templates.find(&name).map_err(|error| Problem::from(&PickError::from(error)))?;
    usual_profile(&extension)?;
    let wanted = body::text(request.headers(), header::ACCEPT_LANGUAGE)?.unwrap_or_default();
    let spoken: Vec<&Locale> = template.locales().collect();
    let locale = language::wanted(wanted, &spoken).unwrap_or(template.default_locale());
    let mut pairs = address::read_query(request.uri().query().unwrap_or_default())?;
    let path = format!("/v1/clips/{}/{locale}.{extension}", template.id);
    let query = match visitors::signature(&request, &shared, &mut pairs)? {
        Some(signed) => Some(signed.query(&path, &pairs)),
        None => request.uri().query().map(str::to_owned),
    };
    let location = path + &query.map(|query| format!("?{query}")).unwrap_or_default();
    Ok(HttpResponse::TemporaryRedirect()
        .insert_header((header::LOCATION, ascii(&location)))
        .insert_header((header::VARY, HeaderValue::from_static("Accept-Language")))
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static(NEGOTIATED)))
        .finish())
}

/// `/v1/blobs/{blob}.{ext}`
pub async fn blob(
    request: HttpRequest,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (name, extension) = path.into_inner();
    let described = by_hash(&name, &extension)?;
    let missing = || Problem::new(Code::UnknownBlob, format!("{} is not kept here", described.blob()));
    let loaded = shared.edge.open_blob(&described.blob()).await?.ok_or_else(missing)?;
    stream::answer_blob(&request, &shared, loaded, described).await
}

/// What is delivered under a hash, if it is here.
///
/// # Errors
/// As those of [`blob`].
pub async fn bytes_of(shared: &Shared, name: &str, extension: &str) -> Result<Option<Representation>, Problem> {
    at_hand(shared, by_hash(name, extension)?).await
}

/// All that is said of bytes under a hash.
fn by_hash(name: &str, extension: &str) -> Result<Described, Problem> {
    let media_type = match extension {
        SEGMENT => Profile::Mp4.media_type(),
        _ => usual_profile(extension)?.media_type(),
    };
    let blob: BlobHash =
        name.parse().map_err(|error: festoon_spec::DigestError| Problem::new(Code::UnknownBlob, error.to_string()))?;
    Ok(Described::new(blob, media_type, lifetime::for_ever()))
}

/// What pages of other sites may send (CORS preflight).
pub async fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD")))
        .insert_header((
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("Range, If-None-Match, If-Match, If-Range, Prefer"),
        ))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")))
        .finish()
}

/// A pick as a URL says it.
struct Asked {
    pick: Pick,
    nearest: bool,
    /// How long its template wants it to be kept.
    lifetimes: Lifetimes,
    /// Where it is as festoon spells it, if that is elsewhere.
    respelt: Option<String>,
}

impl Asked {
    fn read(
        shared: &Shared,
        template: &str,
        locale: &str,
        extension: &str,
        mut pairs: Vec<(String, String)>,
    ) -> Result<Self, Problem> {
        let templates = shared.edge.library().current();
        let template = templates.find(template).map_err(|error| Problem::from(&PickError::from(error)))?;
        let (given, spelt) = (pairs.clone(), locale);
        let locale: Locale = locale.parse().map_err(|error| Problem::from(&PickError::BadLocale(error)))?;
        let nearest = match pairs.iter().position(|(name, _)| name == "fallback") {
            Some(at) => match pairs.remove(at).1.as_str() {
                "nearest" => true,
                "none" => false,
                other => {
                    let given: String = other.chars().take(40).collect();
                    return Err(Problem::new(Code::BadQuery, format!("`fallback` is `{given}`: expected `nearest` or `none`")));
                }
            },
            None => false,
        };
        let usual = usual_profile(extension)?;
        if pairs.iter().all(|(name, _)| name != "profile") {
            pairs.push(("profile".into(), usual.name().into()));
        }
        let pick = Pick::from_query(template.id.clone(), locale, pairs).map_err(|error| Problem::from(&error))?;
        if pick.profile.extension() != extension {
            let detail =
                format!("`.{extension}`: files of the profile `{}` end in `.{}`", pick.profile, pick.profile.extension());
            let there: Vec<&str> = Profile::with_extension(extension).map(Profile::name).collect();
            let hint = format!("the profiles of `.{extension}` are: {}", there.join(", "));
            return Err(Problem::new(Code::UnknownFileType, detail).hint(hint));
        }
        let respelt = pick.spelt(template).and_then(|pick| address::respelt(&pick, nearest, spelt, &given));
        Ok(Self { pick, nearest, lifetimes: template.lifetimes, respelt })
    }
}

/// The profile that files of this extension have where none is named.
pub fn usual_profile(extension: &str) -> Result<Profile, Problem> {
    Profile::of_extension(extension).ok_or_else(|| {
        let given: String = extension.chars().take(20).collect();
        let there = Profile::all().map(Profile::extension).collect::<BTreeSet<_>>();
        let there: Vec<String> = there.iter().map(|extension| format!("`.{extension}`")).collect();
        Problem::new(Code::UnknownFileType, format!("`.{given}`: expected one of {}", there.join(", ")))
    })
}

/// Seconds that `Prefer: wait=N` (RFC 7240) asks for, as many as are given.
fn wanted_wait(request: &HttpRequest, most: u64) -> Result<Option<u64>, Problem> {
    let field = body::text(request.headers(), HeaderName::from_static("prefer"))?.unwrap_or_default();
    let wait = field.split([',', ';']).find_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"').parse::<u64>().ok()).flatten()
    });
    Ok(wait.map(|wait| wait.min(most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_has_a_name_that_every_client_can_read() {
        for (title, named) in [
            (Some("新年の灯"), "; filename*=UTF-8''%E6%96%B0%E5%B9%B4%E3%81%AE%E7%81%AF.mp4"),
            (Some("L'année (2027) 100 %"), "; filename*=UTF-8''L%27ann%C3%A9e%20%282027%29%20100%20%25.mp4"),
            // Nothing in it ends the field, leaves a folder or hides what it is.
            (Some("../a\\b:\"c\"\r\nSet-Cookie\u{202e}4pm."), "; filename*=UTF-8''abcSet-Cookie4pm.mp4"),
            (Some("../.."), ""),
            (None, ""),
        ] {
            assert_eq!(attachment("card-ja", title, "mp4"), format!("attachment; filename=\"card-ja.mp4\"{named}"));
        }
        let long = attachment("card-ja", Some(&"年".repeat(500)), "mp4");
        assert_eq!(long.matches("%E5%B9%B4").count(), NAME_LETTERS);
    }
}
