//! The pages for people: the gallery at `/`, a template's page at `/t/{template}`, the interface at `/docs`,
//! and below `/operator` those of whoever runs the installation.
//!
//! Everything is embedded and served by this process; the policy below lets a page load nothing else. Styles and scripts have
//! the hash of their bytes in their names and are kept for ever. Each page works without its script: forms are plain GETs, and
//! clips and downloads plain links. In a debug build the files are read from the source when the server starts.

mod board;
mod card;
mod docs;
mod export;
mod form;
mod gallery;
mod judgements;
mod language;
mod operations;
mod operator;
mod planning;
mod preview;
mod review;
mod standing;
mod studio;
mod submitted;
mod visitor;

use std::{borrow::Cow, collections::BTreeMap};

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::header, web};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use serde_json::Value;

pub use board::{board, campaigns};
pub use docs::docs;
pub use export::export;
pub use gallery::gallery;
pub use judgements::judgements;
pub use operations::operations;
pub use operator::{GUESSES, sign_in, sign_out};
pub use planning::{act, create, new};
pub use preview::{Author, events as preview_events, picture as preview_picture, preview};
pub use review::{decide, film, frame, review, reviewed};
pub use studio::studio;

use super::{
    Shared,
    problem::{Code, Problem},
};
use language::{Language, Words};
use operator::DeskFrame;
use visitor::{LANG, Visitor};

/// What a page may load: its own style, script and media, nothing inline, from nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; media-src 'self' blob:; connect-src 'self'; \
                      img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The pages' own files.
#[derive(rust_embed::Embed)]
#[folder = "src/http/page/pages"]
struct PageFiles;

#[derive(rust_embed::Embed)]
#[folder = "src/http/page/assets"]
struct AssetFiles;

/// The pages, ready to be filled in.
pub struct Pages {
    pages: Environment<'static>,
    /// By the name in addresses.
    assets: BTreeMap<String, Asset>,
    /// Addresses by the name in the source.
    addresses: BTreeMap<String, String>,
}

struct Asset {
    media_type: &'static str,
    bytes: Cow<'static, [u8]>,
}

impl Pages {
    /// Reads what is embedded.
    pub fn new() -> Self {
        let mut pages = Environment::new();
        pages.set_undefined_behavior(UndefinedBehavior::Strict);
        pages.add_filter("fill", fill);
        pages.add_filter("prose", docs::prose);
        pages.add_filter("kind", docs::kind);
        for file in PageFiles::iter() {
            let bytes = PageFiles::get(&file).expect("it was just listed").data;
            let text = String::from_utf8(bytes.into_owned()).expect("a test shows every page");
            pages.add_template_owned(file.into_owned(), text).expect("a test shows every page");
        }
        let (mut assets, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        for file in AssetFiles::iter() {
            let bytes = AssetFiles::get(&file).expect("it was just listed").data;
            let (stem, extension) = file.rsplit_once('.').expect("assets have extensions");
            let media_type = match extension {
                "css" => "text/css; charset=utf-8",
                _ => "text/javascript; charset=utf-8",
            };
            let hash = blake3::hash(&bytes).to_hex();
            let name = format!("{stem}.{}.{extension}", &hash[..16]);
            addresses.insert(file.replace(['.', '-'], "_"), format!("/assets/{name}"));
            assets.insert(name, Asset { media_type, bytes });
        }
        Self { pages, assets, addresses }
    }

    /// The page `name` in the frame of every page, one of operators in that of theirs as well, with its script.
    fn render(&self, name: &str, made: &Made) -> Result<String, Problem> {
        let Made { frame, title, view, desk } = made;
        let base = minijinja::context! {
            frame => minijinja::value::Serde(frame),
            w => minijinja::value::Serde(frame.words),
            asset => minijinja::value::Serde(&self.addresses),
        };
        let fill = |file: &str, values| {
            let page = self.pages.get_template(file).and_then(|page| page.render(values));
            page.map_err(|error| Problem::internal(&error))
        };
        let desk = desk
            .as_ref()
            .map(|desk| minijinja::context! { desk => minijinja::value::Serde(desk), o => minijinja::value::Serde(desk.words) });
        let around = minijinja::context! { ..desk.clone().unwrap_or_default(), ..base.clone() };
        let mut main =
            fill(&format!("{name}.html"), minijinja::context! { view => minijinja::value::Serde(view), ..around.clone() })?;
        if desk.is_some() {
            main = fill("desk.html", minijinja::context! { main => minijinja::Value::from_safe_string(main), ..around })?;
        }
        let frame = minijinja::context! {
            title,
            script => self.addresses.get(script_of(name)),
            main => minijinja::Value::from_safe_string(main),
        };
        fill("base.html", minijinja::context! { ..frame, ..base })
    }
}

/// The operator's pages share a script.
fn script_of(name: &str) -> &'static str {
    match name {
        "gallery" => "gallery_js",
        "studio" => "studio_js",
        "preview" => "preview_js",
        "docs" => "docs_js",
        _ => "desk_js",
    }
}

/// Puts a value into a sentence: `{{ w.in_days | fill(days=3) }}`.
fn fill(sentence: String, values: minijinja::value::Kwargs) -> Result<String, minijinja::Error> {
    let mut filled = sentence;
    for name in values.args() {
        filled = filled.replace(&format!("{{{name}}}"), &values.get::<minijinja::Value>(name)?.to_string());
    }
    Ok(filled)
}

/// A page before it is written.
struct Made {
    frame: Frame,
    title: String,
    view: Value,
    /// What is around a page of operators.
    desk: Option<DeskFrame>,
}

impl Made {
    fn new(frame: Frame, title: String, view: &impl Serialize) -> Result<Self, Problem> {
        let view = serde_json::to_value(view).map_err(|error| Problem::internal(&error))?;
        Ok(Self { frame, title, view, desk: None })
    }
}

/// What every page has around it.
#[derive(Debug, Serialize)]
struct Frame {
    /// The page's language.
    lang: String,
    direction: &'static str,
    #[serde(skip)]
    words: &'static Words,
    /// What scripts say, as JSON.
    script_words: String,
    languages: Vec<Link>,
    /// The gallery, for the same visitor.
    home: String,
    /// Pairs that a form carries on.
    carried: Vec<(&'static str, String)>,
}

/// The page in another language.
#[derive(Debug, Serialize)]
struct Link {
    lang: String,
    name: String,
    href: String,
    current: bool,
}

impl Frame {
    fn of(visitor: &Visitor, request: &HttpRequest) -> Self {
        let Language { locale, words, problems, .. } = visitor.language;
        let rest: Vec<(&str, &str)> = visitor.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let languages = Language::all().iter().map(|language| {
            let tag = language.locale.to_string();
            let pairs: Vec<(&str, &str)> = [(LANG, tag.as_str())].into_iter().chain(rest.iter().copied()).collect();
            Link {
                href: visitor.link(request.path(), &pairs),
                name: language.name.clone(),
                current: language.locale == *locale,
                lang: tag,
            }
        });
        let script_words: BTreeMap<&String, &String> = words.iter().chain(problems).collect();
        Self {
            lang: locale.to_string(),
            direction: if locale.is_right_to_left() { "rtl" } else { "ltr" },
            words,
            script_words: serde_json::to_string(&script_words).expect("words are texts"),
            languages: languages.collect(),
            home: visitor.link("/", &[]),
            carried: visitor.said.clone(),
        }
    }
}

/// The page, or one that says what is wrong, in the visitor's language.
fn answer(request: &HttpRequest, shared: &Shared, name: &str, made: Result<Made, Problem>) -> HttpResponse {
    let page = made.and_then(|made| shared.pages.render(name, &made).map(|page| (200, page)));
    let page = page.or_else(|problem| {
        // An address that cannot be read says nothing of who looks.
        let visitor = Visitor::of(request).unwrap_or_else(|_| Visitor::unknown());
        let (status, code) = (problem.status_code().as_u16(), problem.code());
        let title = visitor.language.problems.get(code.name()).map_or_else(|| code.title().to_owned(), Clone::clone);
        let view = serde_json::json!({ "status": status, "title": title, "detail": problem.detail(), "hint": problem.advice() });
        let made = Made::new(Frame::of(&visitor, request), format!("{title} – festoon"), &view)?;
        shared.pages.render("problem", &made).map(|page| (status, page))
    });
    match page {
        Ok((status, page)) => {
            let status = actix_web::http::StatusCode::from_u16(status).expect("problems have HTTP statuses");
            HttpResponse::build(status)
                .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
                // Nobody else is told where a visitor was; without it a form would not say that it comes from here.
                .insert_header((header::REFERRER_POLICY, "same-origin"))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .insert_header((header::VARY, "Accept-Language"))
                .content_type("text/html; charset=utf-8")
                .body(page)
        }
        Err(problem) => problem.error_response(),
    }
}

/// `/assets/{name}`
pub async fn asset(shared: web::Data<Shared>, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let asset = shared.pages.assets.get(&*name);
    let asset = asset.ok_or_else(|| Problem::new(Code::NotFound, "no such file"))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .content_type(asset.media_type)
        .body(asset.bytes.to_vec()))
}
