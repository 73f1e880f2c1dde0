//! The gallery at `/`: the templates with playing clips, and a form that picks one.
//!
//! Everything is embedded and served by this process; the policy below lets the page load nothing else. Style and script
//! have the hash of their bytes in their names and are kept for ever.

mod view;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use minijinja::Environment;

use super::{
    Shared, picks,
    problem::{Code, Problem},
};
use view::View;

const CSS: &str = include_str!("page/gallery.css");
const JS: &str = include_str!("page/gallery.js");
const HTML: &str = include_str!("page/gallery.html");

/// What the page may load: its own style, script and media, nothing inline, from nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; media-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page, ready to be filled in.
pub struct Gallery {
    pages: Environment<'static>,
    style: Asset,
    script: Asset,
}

struct Asset {
    name: String,
    media_type: &'static str,
    text: &'static str,
}

impl Asset {
    fn new(extension: &str, media_type: &'static str, text: &'static str) -> Self {
        let hash = blake3::hash(text.as_bytes()).to_hex();
        Self { name: format!("gallery.{}.{extension}", &hash[..16]), media_type, text }
    }
}

impl Gallery {
    /// Reads what is embedded.
    pub fn new() -> Self {
        let mut pages = Environment::new();
        pages.add_template("gallery.html", HTML).expect("the embedded page is checked by a test");
        Self {
            pages,
            style: Asset::new("css", "text/css; charset=utf-8", CSS),
            script: Asset::new("js", "text/javascript; charset=utf-8", JS),
        }
    }

    fn render(&self, view: &View) -> Result<String, minijinja::Error> {
        let page = self.pages.get_template("gallery.html")?;
        page.render(minijinja::context! {
            view => minijinja::value::Serde(view),
            style => format!("/assets/{}", self.style.name),
            script => format!("/assets/{}", self.script.name),
        })
    }
}

/// `/`
pub async fn gallery(request: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let wanted = picks::wanted_locale(&request)?;
    let view = View::of(&shared.edge, &wanted, request.uri().query().unwrap_or_default()).await?;
    let page = shared.gallery.render(&view).map_err(|error| Problem::internal(&error))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::VARY, "Accept-Language"))
        .content_type("text/html; charset=utf-8")
        .body(page))
}

/// `/assets/{name}`
pub async fn asset(shared: web::Data<Shared>, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let gallery = &shared.gallery;
    let asset = [&gallery.style, &gallery.script].into_iter().find(|asset| asset.name == *name);
    let asset = asset.ok_or_else(|| Problem::new(Code::NotFound, "no such file"))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .content_type(asset.media_type)
        .body(asset.text))
}
