//! `festoon purge` and `festoon takedown`: what is to go everywhere, and what must not come back.

use chrono::DateTime;
use festoon_spec::{Digest, TemplateId, UnixMillis};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Exit, Invocation,
    operator::OperatorArguments,
    state::{size, wait},
    terminal::{Progress, table},
};
use crate::purge::{Selector, Tag};

/// What `festoon purge --help` says below the arguments.
pub const PURGE_HELP: &str = "\
Examples:
  festoon purge --template new-year
  festoon purge --tag locale-ja --tag template-new-year --reason \"new words\"
  festoon purge --campaign spring --server http://127.0.0.1:8080 --json

With --json: {here, edges, cdns}";

/// What `festoon takedown --help` says below the arguments.
pub const TAKEDOWN_HELP: &str = "\
Examples:
  festoon takedown --template new-year --reason \"a brand's wish\"
  festoon takedown --list
  festoon takedown --lift 17

With --json: {takedown, here, edges, cdns}; with --list {takedowns}; with --lift {lifted}";

/// What goes.
#[derive(Debug, clap::Args)]
struct What {
    /// Everything of a template; may be repeated, as all of these
    #[arg(long, value_name = "ID")]
    template: Vec<TemplateId>,
    /// Everything that a campaign wants
    #[arg(long, value_name = "ID")]
    campaign: Vec<String>,
    /// Everything that is delivered with a tag: template-<id>, locale-<tag>, key-<digest>, blob-<digest>
    #[arg(long, value_name = "TAG")]
    tag: Vec<Tag>,
    /// A plate or clip by its key, or whatever has these bytes
    #[arg(long, value_name = "DIGEST")]
    digest: Vec<Digest>,
}

impl What {
    fn selectors(&self) -> Vec<Selector> {
        let templates = self.template.iter().cloned().map(Selector::Template);
        let campaigns = self.campaign.iter().cloned().map(Selector::Campaign);
        let tags = self.tag.iter().cloned().map(Selector::Tag);
        templates.chain(campaigns).chain(tags).chain(self.digest.iter().copied().map(Selector::Digest)).collect()
    }
}

/// Arguments of `festoon purge`.
#[derive(Debug, clap::Args)]
pub struct PurgeArguments {
    #[command(flatten)]
    what: What,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    operator: OperatorArguments,
}

/// Arguments of `festoon takedown`.
#[derive(Debug, clap::Args)]
pub struct TakedownArguments {
    #[command(flatten)]
    what: What,
    /// Why: needed, and kept in the audit
    #[arg(long, value_name = "TEXT", required_unless_present_any = ["list", "lift"])]
    reason: Option<String>,
    /// Show what is taken down
    #[arg(long, conflicts_with_all = ["reason", "lift"])]
    list: bool,
    /// Lift the takedown of this name
    #[arg(long, value_name = "ID", conflicts_with = "reason")]
    lift: Option<String>,
    #[command(flatten)]
    operator: OperatorArguments,
}

/// How far it came, as the server says.
#[derive(Debug, Serialize, Deserialize)]
struct Purge {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    takedown: Option<String>,
    here: Here,
    edges: Vec<AtEdge>,
    cdns: Vec<AtCdn>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Here {
    entries: u64,
    bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct AtEdge {
    edge: String,
    reached: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct AtCdn {
    cdn: String,
    done: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct List {
    takedowns: Vec<Standing>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Standing {
    id: String,
    at: UnixMillis,
    reason: String,
    what: Vec<Selector>,
}

/// Lets go of copies everywhere. Ends with [`Exit::Found`] if an edge or a CDN was not reached.
///
/// # Errors
/// If no server answers, or it refuses.
pub fn purge(arguments: PurgeArguments, invocation: &Invocation) -> miette::Result<Exit> {
    let PurgeArguments { what, reason, operator } = arguments;
    let body = body(&what, &reason)?;
    let client = operator.client(invocation)?;
    let progress = Progress::of("letting go here, at edges and in CDNs", 0);
    let purged = wait(progress.follow(client.operate(Method::POST, "/v1/purge", Some(&body)), || 0))??;
    drop(progress);
    report(invocation, purged)
}

/// Deletes and keeps away, lists what is kept away, or lifts it. Ends with [`Exit::Found`] if an edge or a CDN was not reached.
///
/// # Errors
/// If no server answers, or it refuses.
pub fn take_down(arguments: TakedownArguments, invocation: &Invocation) -> miette::Result<Exit> {
    let TakedownArguments { what, reason, list, lift, operator } = arguments;
    let client = operator.client(invocation)?;
    if list {
        let list: Option<List> = wait(client.operate(Method::GET, "/v1/takedowns", None))??;
        let list = list.unwrap_or(List { takedowns: Vec::new() });
        invocation.answer(&list, || list.text());
        return Ok(Exit::Done);
    }
    if let Some(id) = lift {
        // A name is digits; anything else is no path.
        let path: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let _: Option<Value> = wait(client.operate(Method::DELETE, &format!("/v1/takedowns/{path}"), None))??;
        invocation.answer(&json!({ "lifted": id }), || "lifted: what it meant may be ordered again".to_owned());
        return Ok(Exit::Done);
    }
    let body = body(&what, &reason.unwrap_or_default())?;
    let progress = Progress::of("taking down here, at edges and in CDNs", 0);
    let purged = wait(progress.follow(client.operate(Method::POST, "/v1/takedowns", Some(&body)), || 0))??;
    drop(progress);
    report(invocation, purged)
}

fn body(what: &What, reason: &str) -> miette::Result<Value> {
    let what = what.selectors();
    if what.is_empty() {
        return Err(miette::miette!(help = "--template, --campaign, --tag or --digest names it", "nothing is named"));
    }
    Ok(json!({ "what": what, "reason": reason }))
}

fn report(invocation: &Invocation, purge: Option<Purge>) -> miette::Result<Exit> {
    let purge = purge.ok_or_else(|| miette::miette!("the server does not say what it did"))?;
    invocation.answer(&purge, || purge.text());
    Ok(Exit::found(purge.edges.iter().all(|edge| edge.reached) && purge.cdns.iter().all(|cdn| cdn.done)))
}

impl Purge {
    fn text(&self) -> String {
        let mut lines = vec![format!("here: {} entries are gone, {} are free", self.here.entries, size(self.here.bytes))];
        for AtEdge { edge, reached } in &self.edges {
            let told = if *reached { "gone" } else { "not reached; it lets go once it is heard of again" };
            lines.push(format!("edge {edge}: {told}"));
        }
        for AtCdn { cdn, done, problem } in &self.cdns {
            lines.push(format!("CDN {cdn}: {}", problem.as_deref().filter(|_| !done).unwrap_or("gone")));
        }
        lines.extend(self.takedown.iter().map(|id| format!("lift it with `festoon takedown --lift {id}`")));
        lines.join("\n")
    }
}

impl List {
    fn text(&self) -> String {
        let mut rows = table(&["Takedown", "Since", "What", "Why"]);
        for Standing { id, at, reason, what } in &self.takedowns {
            let since = DateTime::from_timestamp_millis(at.0 as i64).unwrap_or_default().format("%Y-%m-%d %H:%MZ");
            let what: Vec<_> = what.iter().map(Selector::to_string).collect();
            rows.add_row([id.clone(), since.to_string(), what.join("\n"), reason.clone()]);
        }
        rows.to_string()
    }
}
