//! `/preview`: a template while it is written. Only `festoon preview` serves it, to whoever sits at this machine.
//!
//! The page is a plain form; its script asks for it again whenever something is typed or saved, and puts the new parts in place.
//! It is in English: it is a tool of authors, as the reference of templates is.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    http::{
        Uri,
        header::{self, HeaderMap},
    },
    web,
};
use actix_web_lab::sse;
use festoon_spec::{Locale, TemplateId};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use super::{
    Frame, Made, answer,
    form::{Field, Setting, fields, locales, ratios},
    language::Language,
    visitor::Visitor,
};
use crate::{
    edge::{Below, EdgeError, Stills},
    http::{
        Shared, address,
        problem::{Code, Problem},
    },
    pick::{Pick, PickError, Resolved},
    template::{Findings, Mistake, Ratio, Template},
};

/// A silent connection is kept alive by a comment this often.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Who writes a template at this machine.
pub struct Author {
    template: TemplateId,
    findings: watch::Receiver<Arc<Findings>>,
    stills: Stills,
    /// Whether a renderer runs.
    paints: bool,
    /// What browsers on this machine may call this server.
    hosts: Vec<String>,
}

impl Author {
    /// Somebody who writes this template, on a server at this address; `paints` says whether a renderer runs.
    pub fn new(
        template: TemplateId,
        findings: watch::Receiver<Arc<Findings>>,
        stills: Stills,
        paints: bool,
        address: SocketAddr,
    ) -> Self {
        let port = address.port();
        let mut hosts = vec![format!("127.0.0.1:{port}"), format!("localhost:{port}")];
        if port == 80 {
            hosts.extend(["127.0.0.1", "localhost"].map(str::to_owned));
        }
        Self { template, findings, stills, paints, hosts }
    }

    /// Whether a request comes from this server's own pages or from programs of this machine.
    ///
    /// # Errors
    /// `foreign-host`.
    pub fn admits(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        admitted(&self.hosts, uri, headers).map_err(|foreign| {
            let given: String = foreign.chars().take(80).collect();
            Problem::new(Code::ForeignHost, format!("`{given}` is not {}", self.hosts[0]))
        })
    }
}

/// Refuses whoever calls this server by another name, or is a page of another one: a page elsewhere whose name is made to lead
/// here says that name, and one that sends something here says where it comes from.
fn admitted(hosts: &[String], uri: &Uri, headers: &HeaderMap) -> Result<(), String> {
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let host = text(header::HOST).map(|host| host.into_owned()).or_else(|| uri.authority().map(ToString::to_string));
    let is_own = |host: &str| hosts.iter().any(|own| own.eq_ignore_ascii_case(host));
    match (host, text(header::ORIGIN)) {
        (None, _) => Err("no host".into()),
        (Some(host), _) if !is_own(&host) => Err(host),
        (_, Some(origin)) if !origin.strip_prefix("http://").is_some_and(is_own) => Err(origin.into_owned()),
        _ => Ok(()),
    }
}

#[derive(Debug, Serialize)]
struct View {
    template: String,
    findings: Told,
    /// Nothing if the template was never right.
    scene: Option<Scene>,
    paints: bool,
}

/// What is wrong with the files.
#[derive(Debug, Serialize)]
struct Told {
    reading: u64,
    proved: bool,
    mistakes: Vec<TellMistake>,
}

#[derive(Debug, Serialize)]
struct TellMistake {
    /// `file:line:column`, below the template's folder.
    place: String,
    message: String,
    hint: Option<String>,
    code: &'static str,
    /// The line itself.
    line: String,
}

/// What is shown of the template.
#[derive(Debug, Serialize)]
struct Scene {
    /// Names the files that the form is made from.
    revision: String,
    title: String,
    fields: Vec<Field>,
    locales: Vec<Setting>,
    ratios: Vec<Setting>,
    width: u32,
    height: u32,
    /// Where the picture is in time, in seconds, the last one that there is, and how far frames are apart.
    at: String,
    last: String,
    step: String,
    /// Why there is no picture of these values.
    problem: Option<Wrong>,
    seen: Option<Seen>,
}

/// What is in the picture.
#[derive(Debug, Serialize)]
struct Seen {
    picture: String,
    /// What it is drawn on, in a sentence.
    below: String,
    is_own: bool,
    /// The whole clip, if its plate is painted.
    clip: Option<String>,
    /// What is ordered to have it painted, as `POST /v1/picks` takes it.
    order: String,
}

#[derive(Debug, Serialize)]
struct Wrong {
    title: String,
    detail: String,
    hint: Option<String>,
    field: Option<String>,
}

/// What the address asks for.
struct Asked {
    template: Arc<Template>,
    pick: Pick,
    /// Seconds into the clip.
    at: Option<f64>,
}

impl Asked {
    /// Nothing if there is no template that could be shown.
    fn of(request: &HttpRequest, shared: &Shared, author: &Author) -> Result<Option<Self>, Problem> {
        let templates = shared.edge.library().current();
        let Some(template) = templates.get(&author.template).map(Arc::clone) else { return Ok(None) };
        let mut pairs = address::read_query(request.uri().query().unwrap_or_default())?;
        pairs.retain(|(_, value)| !value.is_empty());
        let mut take = |name: &str| {
            let place = pairs.iter().position(|(given, _)| given == name)?;
            Some(pairs.swap_remove(place).1)
        };
        let (at, locale, _) = (take("at"), take("locale"), take("key"));
        let locale = match locale {
            Some(tag) => tag.parse::<Locale>().map_err(|error| Problem::from(&PickError::BadLocale(error)))?,
            None => template.default_locale().clone(),
        };
        // The form may be of a moment ago, when the template had other parameters and ratios.
        pairs.retain(|(name, value)| match name.as_str() {
            "ratio" => value.parse::<Ratio>().is_ok_and(|ratio| template.canvases.ratios().contains(&ratio)),
            name => template.parameter(name).is_some(),
        });
        let pairs = pairs.iter().map(|(name, value)| (name, value));
        let pick = Pick::from_query(template.id.clone(), locale, pairs).map_err(|error| Problem::from(&error))?;
        let at = at.and_then(|at| at.parse::<f64>().ok()).filter(|at| at.is_finite() && *at >= 0.0);
        Ok(Some(Self { template, pick, at }))
    }

    /// The frame that is asked for, or the one that stands for the clip.
    fn frame(&self) -> u32 {
        let canvas = self.template.canvases.of(self.template.canvases.usual());
        let asked = self.at.map(|at| (at * f64::from(canvas.fps)).round() as u32);
        asked.unwrap_or(self.template.poster).min(canvas.frames - 1)
    }
}

fn author(shared: &Shared) -> Result<&Author, Problem> {
    shared.author.as_ref().ok_or_else(|| Problem::new(Code::NotFound, "only `festoon preview` has previews"))
}

/// `/preview`
pub async fn preview(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    answer(&request, &shared, "preview", view(&request, &shared).await)
}

async fn view(request: &HttpRequest, shared: &Shared) -> Result<Made, Problem> {
    let author = author(shared)?;
    let findings = Arc::clone(&author.findings.borrow());
    let scene = match Asked::of(request, shared, author)? {
        Some(asked) => Some(Scene::of(shared, &asked).await?),
        None => None,
    };
    let view =
        View { template: author.template.to_string(), findings: Told::of(&findings, shared), scene, paints: author.paints };
    let visitor = Visitor::unknown();
    let frame = Frame { languages: Vec::new(), home: "/preview".into(), ..Frame::of(&visitor, request) };
    Made::new(frame, format!("{} – festoon preview", author.template), &view)
}

impl Told {
    fn of(findings: &Findings, shared: &Shared) -> Self {
        let mistakes = findings.mistakes.iter().map(|mistake| TellMistake::of(mistake, shared)).collect();
        Self { reading: findings.reading, proved: findings.proved, mistakes }
    }
}

impl TellMistake {
    fn of(mistake: &Mistake, shared: &Shared) -> Self {
        let file = &mistake.place.file;
        let (line, column) = file.line_and_column(mistake.place.span.start);
        let path = file.path.strip_prefix(shared.edge.library().folder()).unwrap_or(&file.path);
        Self {
            place: format!("{}:{line}:{column}", path.display()),
            message: mistake.message.clone(),
            hint: mistake.hint.clone(),
            code: mistake.code,
            line: file.text().lines().nth(line - 1).unwrap_or_default().to_owned(),
        }
    }
}

impl Scene {
    async fn of(shared: &Shared, asked: &Asked) -> Result<Self, Problem> {
        let Asked { template, pick, .. } = asked;
        let edge = &shared.edge;
        let (below, resolved, problem) = match edge.below(pick).await {
            Ok((below, resolved)) => (Some(below), Some(resolved), None),
            Err(EdgeError::Pick(error)) => (None, pick.resolve(template, &edge.makers()).ok(), Some(Wrong::of(&error))),
            Err(error) => return Err(error.into()),
        };
        let ratio = pick.ratio.unwrap_or(template.canvases.usual());
        let canvas = template.canvases.of(ratio);
        let seconds = |frame: u32| format!("{:.3}", f64::from(frame) / f64::from(canvas.fps));
        let english = &Language::english().locale;
        let (_, words) = template.words(english);
        let seen = below.zip(resolved.as_ref()).map(|(below, resolved)| Seen::of(&below, resolved, asked));
        Ok(Self {
            revision: template.revision.short(),
            title: words.title.clone(),
            fields: fields(edge, template, english, &pick.parameters, resolved.as_ref()).await?,
            locales: locales(template, &pick.locale, |own| format!("{own} – {}", Language::name_of(own))),
            ratios: ratios(template, ratio),
            width: canvas.width,
            height: canvas.height,
            at: seconds(asked.frame()),
            last: seconds(canvas.frames - 1),
            step: seconds(1),
            problem,
            seen,
        })
    }
}

impl Seen {
    fn of(below: &Below, resolved: &Resolved, asked: &Asked) -> Self {
        let plate = match below {
            Below::Own(shown) | Below::Nearest(shown, _) => shown.entry.blob.short(),
            Below::Nothing => "sky".into(),
        };
        let told = match below {
            Below::Own(_) => "Drawn on its own plate.".to_owned(),
            Below::Nearest(_, differs) => format!("Drawn on the nearest plate, which differs in its {differs}."),
            Below::Nothing => "Drawn on a plain background: no plate is painted yet.".to_owned(),
        };
        // As it was asked for, so that the address of a picture says all that is in it.
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("locale", asked.pick.locale.as_str());
        for (name, value) in &asked.pick.parameters {
            query.append_pair(name, value);
        }
        if let Some(ratio) = asked.pick.ratio {
            query.append_pair("ratio", &ratio.to_string());
        }
        let fps = f64::from(resolved.plate.canvas.fps);
        query.append_pair("at", &format!("{:.3}", f64::from(asked.frame()) / fps));
        query.append_pair("key", &format!("{}-{plate}", asked.template.revision.short()));
        let Pick { template, locale, parameters, ratio, .. } = &resolved.pick;
        let order = json!({ "template": template, "locale": locale, "parameters": parameters, "ratio": ratio });
        Self {
            picture: format!("/preview/picture.jpg?{}", query.finish()),
            below: told,
            is_own: matches!(below, Below::Own(_)),
            clip: matches!(below, Below::Own(_)).then(|| address::of_clip(&resolved.pick)),
            order: order.to_string(),
        }
    }
}

impl Wrong {
    fn of(error: &PickError) -> Self {
        let title = Code::ALL.iter().find(|code| code.name() == error.code()).map_or("", |code| code.title());
        let field = match error {
            PickError::Value { parameter, .. } | PickError::UnknownImage { parameter, .. } => Some(parameter.clone()),
            _ => None,
        };
        Self { title: title.to_owned(), detail: error.to_string(), hint: error.hint(), field }
    }
}

/// `/preview/picture.jpg`: drawn anew for each request.
pub async fn picture(request: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let author = author(&shared)?;
    let unknown = || Problem::new(Code::UnknownTemplate, "the template has mistakes, and was never right");
    let asked = Asked::of(&request, &shared, author)?.ok_or_else(unknown)?;
    let picture = shared.edge.still(&author.stills, &asked.pick, asked.frame()).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).content_type("image/jpeg").body(picture))
}

/// `/preview/events`: what is wrong with the template, each time that it was read or drawn again. What was found last comes at
/// once.
pub async fn events(shared: web::Data<Shared>) -> Result<impl Responder, Problem> {
    let mut findings = author(&shared)?.findings.clone();
    findings.mark_changed();
    let draining = shared.edge.draining().clone();
    let events = stream::unfold((findings, draining), |(mut findings, draining)| async move {
        tokio::select! {
            changed = findings.changed() => changed.ok()?,
            () = draining.cancelled() => return None,
        }
        let found = Arc::clone(&findings.borrow_and_update());
        let Findings { reading, mistakes, proved } = &*found;
        let told = json!({ "reading": reading, "proved": proved, "mistakes": mistakes });
        let event = sse::Event::Data(sse::Data::new(told.to_string()).event("findings"));
        Some((event, (findings, draining)))
    });
    Ok(sse::Sse::from_infallible_stream(events).with_keep_alive(HEARTBEAT).with_retry_duration(Duration::from_secs(1)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn only_its_own_page_and_programs_of_this_machine_are_answered() {
        let hosts = ["127.0.0.1:7777", "localhost:7777"];
        let admits = |given: &[(HeaderName, &'static str)]| {
            let headers: HeaderMap = given.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
            let own: Vec<String> = hosts.map(str::to_owned).into();
            admitted(&own, &Uri::from_static("/preview"), &headers).is_ok()
        };
        assert!(admits(&[(header::HOST, "127.0.0.1:7777")]));
        assert!(admits(&[(header::HOST, "LOCALHOST:7777"), (header::ORIGIN, "http://localhost:7777")]));
        assert!(!admits(&[(header::HOST, "evil.example:7777")]), "a name that leads here");
        assert!(!admits(&[(header::HOST, "127.0.0.1:8888")]), "another port");
        assert!(!admits(&[(header::HOST, "127.0.0.1:7777"), (header::ORIGIN, "http://evil.example")]), "another site's page");
        assert!(!admits(&[(header::HOST, "127.0.0.1:7777"), (header::ORIGIN, "null")]), "a page of nowhere");
        assert!(!admits(&[]));
    }
}
