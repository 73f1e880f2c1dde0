//! The routing table: docs/http.md lists the same rows, and a test compares.

use actix_web::{Route, guard, http::Method, web};

use super::{
    Shared, clips, edges, health, images, leases, openapi, opinions, page, passing, picks,
    problem::{Code, Problem},
    purges, reviews, tickets, warm,
};
use crate::config::Role;

/// One row.
pub struct Row {
    /// The methods, as written in `Allow`.
    pub methods: &'static [&'static str],
    /// The address.
    pub path: &'static str,
    /// What it is for.
    pub about: &'static str,
    handler: fn() -> Route,
}

const READ: &[&str] = &["GET", "HEAD"];

/// A clip.
pub const CLIP: &str = "/v1/clips/{template}/{locale}.{ext}";
/// Bytes by their hash.
pub const BLOB: &str = "/v1/blobs/{blob}.{ext}";
/// Addresses of bytes that players and pages of other sites fetch.
const DELIVERY: [&str; 3] = [CLIP, "/v1/clips/{template}.{ext}", BLOB];

/// Every row.
pub const ROWS: &[Row] = &[
    Row { methods: READ, path: DELIVERY[0], about: "A clip, or a ticket for it", handler: || web::to(clips::clip) },
    Row { methods: READ, path: DELIVERY[1], about: "Redirects to the visitor's locale", handler: || web::to(clips::negotiate) },
    Row { methods: READ, path: DELIVERY[2], about: "Bytes by their hash, for ever", handler: || web::to(clips::blob) },
    Row {
        methods: &["OPTIONS"],
        path: DELIVERY[0],
        about: "Tells other sites what they may send",
        handler: || web::to(clips::preflight),
    },
    Row {
        methods: &["OPTIONS"],
        path: DELIVERY[1],
        about: "Tells other sites what they may send",
        handler: || web::to(clips::preflight),
    },
    Row {
        methods: &["OPTIONS"],
        path: DELIVERY[2],
        about: "Tells other sites what they may send",
        handler: || web::to(clips::preflight),
    },
    Row { methods: READ, path: "/v1/templates", about: "What can be picked", handler: || web::to(picks::templates) },
    Row { methods: &["POST"], path: "/v1/picks", about: "Asks for a clip: ready, or a ticket", handler: || web::to(picks::pick) },
    Row {
        methods: &["POST"],
        path: "/v1/images",
        about: "Brings an image that picks may name",
        handler: || web::to(images::bring),
    },
    Row { methods: READ, path: "/v1/images/{image}.png", about: "An image as it is kept", handler: || web::to(images::image) },
    Row {
        methods: &["POST"],
        path: "/v1/clips/{key}/another",
        about: "Turns a take down, says which comes next",
        handler: || web::to(opinions::another),
    },
    Row {
        methods: &["POST"],
        path: "/v1/clips/{key}/opinion",
        about: "Says what somebody thinks of a take",
        handler: || web::to(opinions::opinion),
    },
    Row {
        methods: READ,
        path: "/v1/opinions",
        about: "Operators: what was said of takes",
        handler: || web::to(opinions::opinions),
    },
    Row { methods: READ, path: "/v1/tickets/{id}", about: "How far a ticket is", handler: || web::to(tickets::ticket) },
    Row { methods: &["DELETE"], path: "/v1/tickets/{id}", about: "Takes an order back", handler: || web::to(tickets::cancel) },
    Row {
        methods: &["GET"],
        path: "/v1/tickets/{id}/events",
        about: "Progress as it happens (SSE)",
        handler: || web::to(tickets::events),
    },
    Row { methods: &["POST"], path: "/v1/leases", about: "Renderers: asks for work", handler: || web::to(leases::lease) },
    Row {
        methods: &["POST"],
        path: "/v1/leases/{job}/renew",
        about: "Renderers: keeps a lease, tells progress",
        handler: || web::to(leases::renew),
    },
    Row { methods: &["PUT"], path: DELIVERY[2], about: "Renderers: a plate's bytes", handler: || web::to(leases::put) },
    Row {
        methods: &["POST"],
        path: "/v1/leases/{job}/hand-in",
        about: "Renderers: a plate is done",
        handler: || web::to(leases::hand_in),
    },
    Row {
        methods: &["POST"],
        path: "/v1/leases/{job}/fail",
        about: "Renderers: an attempt failed",
        handler: || web::to(leases::fail),
    },
    Row { methods: &["POST"], path: "/v1/edges", about: "Edges: what is new at the origin", handler: || web::to(edges::news) },
    Row {
        methods: &["GET"],
        path: "/v1/edges",
        about: "Which edges there are, and what they know",
        handler: || web::to(edges::edges),
    },
    Row {
        methods: &["GET"],
        path: "/v1/edges/files/{blob}",
        about: "Edges: a file of a template",
        handler: || web::to(edges::file),
    },
    Row {
        methods: &["GET"],
        path: "/v1/entries/{key}",
        about: "Edges: what is kept under a key",
        handler: || web::to(edges::entry),
    },
    Row { methods: &["POST"], path: "/v1/purge", about: "Lets go of copies, everywhere", handler: || web::to(purges::purge) },
    Row {
        methods: &["POST"],
        path: "/v1/takedowns",
        about: "Deletes, and keeps from being made again",
        handler: || web::to(purges::take_down),
    },
    Row { methods: &["GET"], path: "/v1/takedowns", about: "What is taken down", handler: || web::to(purges::list) },
    Row { methods: &["DELETE"], path: "/v1/takedowns/{id}", about: "Lifts a takedown", handler: || web::to(purges::lift) },
    Row {
        methods: &["POST"],
        path: "/v1/warm",
        about: "Has campaigns warm at every edge before their time",
        handler: || web::to(warm::warm),
    },
    Row { methods: &["GET"], path: "/v1/warm", about: "What is warm where", handler: || web::to(warm::report) },
    Row {
        methods: &["DELETE"],
        path: "/v1/warm/{campaign}",
        about: "Lets a campaign go that was warmed before its time",
        handler: || web::to(warm::cool),
    },
    Row { methods: READ, path: "/v1/reviews", about: "Operators: plates to look at", handler: || web::to(reviews::reviews) },
    Row {
        methods: &["POST"],
        path: "/v1/reviews",
        about: "Operators: approves, rejects or repaints plates",
        handler: || web::to(reviews::decide),
    },
    Row { methods: READ, path: "/healthz", about: "The process answers", handler: || web::to(health::healthz) },
    Row { methods: READ, path: "/readyz", about: "It can do its work", handler: || web::to(health::readyz) },
    Row { methods: READ, path: "/metrics", about: "Counters, as Prometheus text", handler: || web::to(health::metrics) },
    Row { methods: READ, path: "/openapi.json", about: "This interface, as OpenAPI 3.1", handler: || web::to(openapi::openapi) },
    Row { methods: READ, path: "/docs", about: "This interface, to read", handler: || web::to(page::docs) },
    Row { methods: READ, path: "/", about: "The gallery", handler: || web::to(page::gallery) },
    Row { methods: READ, path: "/t/{template}", about: "A template's page", handler: || web::to(page::studio) },
    Row {
        methods: READ,
        path: "/operator",
        about: "Operators: what the installation does now",
        handler: || web::to(page::operations),
    },
    Row { methods: READ, path: "/operator/campaigns", about: "Operators: the campaigns", handler: || web::to(page::campaigns) },
    Row {
        methods: &["POST"],
        path: "/operator/campaigns",
        about: "Operators: makes a campaign of a form, a table or a file",
        handler: || web::to(page::create),
    },
    Row {
        methods: READ,
        path: "/operator/campaigns/new",
        about: "Operators: the form of a campaign",
        handler: || web::to(page::new),
    },
    Row {
        methods: READ,
        path: "/operator/campaigns/{campaign}/{file}",
        about: "Operators: `campaign.toml`, `wishes.csv`, and `table.csv` with the state of each clip",
        handler: || web::to(page::export),
    },
    Row {
        methods: &["POST"],
        path: "/operator/campaigns/{campaign}",
        about: "Operators: pauses, resumes or plans a campaign, says when it goes live",
        handler: || web::to(page::act),
    },
    Row {
        methods: READ,
        path: "/operator/campaigns/{campaign}",
        about: "Operators: a campaign's board",
        handler: || web::to(page::board),
    },
    Row { methods: READ, path: "/operator/review", about: "Operators: plates to look at", handler: || web::to(page::review) },
    Row {
        methods: &["POST"],
        path: "/operator/review",
        about: "Operators: approves, rejects or repaints plates",
        handler: || web::to(page::decide),
    },
    Row { methods: READ, path: "/operator/review/{plate}", about: "Operators: one plate", handler: || web::to(page::reviewed) },
    Row {
        methods: READ,
        path: "/operator/review/{plate}/plate.mp4",
        about: "Operators: a plate, whatever was decided",
        handler: || web::to(page::film),
    },
    Row {
        methods: READ,
        path: "/operator/review/{plate}/frames/{frame}.jpg",
        about: "Operators: a picture of a plate",
        handler: || web::to(page::frame),
    },
    Row {
        methods: READ,
        path: "/operator/takes",
        about: "Operators: what people say of takes",
        handler: || web::to(page::judgements),
    },
    Row {
        methods: &["POST"],
        path: "/operator/sign-in",
        about: "Takes the installation's token",
        handler: || web::to(page::sign_in),
    },
    Row { methods: &["POST"], path: "/operator/sign-out", about: "Forgets who signed in", handler: || web::to(page::sign_out) },
    Row { methods: READ, path: "/assets/{name}", about: "The pages' styles and scripts", handler: || web::to(page::asset) },
];

/// What `festoon preview` answers besides.
const AUTHOR_ROWS: &[Row] = &[
    Row { methods: READ, path: "/preview", about: "A template while it is written", handler: || web::to(page::preview) },
    Row {
        methods: READ,
        path: "/preview/picture.jpg",
        about: "A picture of it, drawn anew",
        handler: || web::to(page::preview_picture),
    },
    Row {
        methods: &["GET"],
        path: "/preview/events",
        about: "What is wrong with it, each time it is saved (SSE)",
        handler: || web::to(page::preview_events),
    },
];

impl Row {
    /// Whether it is a page for people, or what belongs to one: all else is described in the OpenAPI document.
    pub fn is_page(&self) -> bool {
        self.path == "/" || ["/t/", "/docs", "/operator", "/assets/"].iter().any(|folder| self.path.starts_with(folder))
    }

    /// Its handler in a server of this role: an edge answers what it has, passes on what concerns orders, and is no origin.
    fn route(&self, role: Role) -> Route {
        let is_below = |prefix: &str| self.path.starts_with(prefix);
        let writes = self.methods.iter().any(|method| matches!(*method, "POST" | "PUT" | "DELETE"));
        match role {
            Role::Both => (self.handler)(),
            // What is said of takes is counted in one place.
            Role::Edge if is_below("/v1/opinions") || is_below("/v1/clips/{key}") => web::to(passing::everything),
            Role::Edge if is_below("/v1/tickets") || is_below("/v1/images") && writes => web::to(passing::everything),
            Role::Edge if is_below("/v1/picks") => (self.handler)(),
            Role::Edge
                if writes
                    || ["/v1/edges", "/v1/entries", "/v1/takedowns", "/v1/warm", "/v1/reviews"].into_iter().any(is_below) =>
            {
                web::to(passing::not_at_an_edge)
            }
            Role::Edge => (self.handler)(),
        }
    }
}

/// Puts the table into an application.
pub fn configure(application: &mut web::ServiceConfig, role: Role, for_author: bool) {
    let rows = || ROWS.iter().chain(if for_author { AUTHOR_ROWS } else { &[] });
    let mut paths: Vec<&str> = rows().map(|row| row.path).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let mut resource = web::resource(path);
        let mut allow = Vec::new();
        for row in rows().filter(|row| row.path == path) {
            allow.extend_from_slice(row.methods);
            for method in row.methods {
                let method = Method::from_bytes(method.as_bytes()).expect("the table holds methods");
                resource = resource.route(row.route(role).guard(guard::Method(method)));
            }
        }
        let allow = allow.join(", ");
        application.service(resource.default_service(web::to(move || {
            let problem = Problem::new(Code::MethodNotAllowed, format!("expected one of {allow}")).allow(allow.clone());
            std::future::ready(Err::<&str, _>(problem))
        })));
    }
}

/// The path of a row for a label: a fixed text, however many addresses strangers make up. The last one is of no row.
pub fn labels() -> impl Iterator<Item = &'static str> {
    ROWS.iter().chain(AUTHOR_ROWS).map(|row| row.path).chain(["none"])
}

/// Whether other sites' pages may use what lies there.
pub fn is_delivery(label: &str) -> bool {
    DELIVERY.contains(&label)
}

/// What no row answers.
pub async fn nothing(_shared: web::Data<Shared>) -> Result<&'static str, Problem> {
    Err(Problem::new(Code::NotFound, "no address of this server").hint("/docs lists the addresses"))
}
