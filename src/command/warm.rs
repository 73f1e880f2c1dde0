//! `festoon warm`: has campaigns warm before their time, and shows what is warm where.

use std::{collections::BTreeMap, time::Duration};

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Exit, Invocation,
    operator::OperatorArguments,
    prerender::client::{Client, ClientError},
    state::{size, wait},
    terminal::{Progress, table},
};

/// Between two looks at what the edges have.
const PAUSE: Duration = Duration::from_millis(500);

/// What `--help` says below the arguments.
pub const HELP: &str = "\
Examples:
  festoon warm
  festoon warm spring --wait 300
  festoon warm spring --stop

With --json: {here, edges}; an edge has {edge, answers, warm}";

/// Arguments of `festoon warm`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Campaigns, by their ids; without any, only what is warm where is shown
    #[arg(value_name = "CAMPAIGN")]
    campaigns: Vec<String>,
    /// Let them go instead
    #[arg(long, requires = "campaigns")]
    stop: bool,
    /// Seconds to wait for the edges that answer to have them
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
    #[command(flatten)]
    operator: OperatorArguments,
}

/// What is warm where, as the server says.
#[derive(Debug, Serialize, Deserialize)]
struct Report {
    here: BTreeMap<String, Warmth>,
    edges: Vec<AtEdge>,
}

#[derive(Debug, Serialize, Deserialize)]
struct AtEdge {
    edge: String,
    answers: bool,
    warm: BTreeMap<String, Warmth>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Warmth {
    wanted: u64,
    there: u64,
    bytes: u64,
}

impl Report {
    /// Whether each edge that answers has what is there of what was asked for.
    fn is_warm(&self, names: &[String]) -> bool {
        let has = |edge: &AtEdge, name: &String| {
            let there = self.here.get(name).map_or(0, |here| here.there);
            there == edge.warm.get(name).map_or(0, |warm| warm.there)
        };
        self.edges.iter().filter(|edge| edge.answers).all(|edge| names.iter().all(|name| has(edge, name)))
    }

    /// How many plates the edges that answer have of what is there, and how many they should have.
    fn reached(&self, names: &[String]) -> (u64, u64) {
        let mut reached = (0, 0);
        for edge in self.edges.iter().filter(|edge| edge.answers) {
            for name in names {
                reached.0 += edge.warm.get(name).map_or(0, |warm| warm.there);
                reached.1 += self.here.get(name).map_or(0, |here| here.there);
            }
        }
        reached
    }

    fn text(&self) -> String {
        let mut rows = table(&["Needed by", "Where", "Plates", "Bytes"]);
        let mut row = |name: &str, place: &str, warmth: &Warmth| {
            rows.add_row([name, place, &format!("{} of {}", warmth.there, warmth.wanted), &size(warmth.bytes)]);
        };
        for (name, warmth) in &self.here {
            row(name, "origin", warmth);
            for AtEdge { edge, answers, warm } in &self.edges {
                let place = if *answers { edge.clone() } else { format!("{edge} (silent)") };
                // An edge is told only of what is painted; the campaign wants as much everywhere.
                let there = warm.get(name).copied().unwrap_or(Warmth { there: 0, bytes: 0, wanted: 0 });
                row(name, &place, &Warmth { wanted: warmth.wanted, ..there });
            }
        }
        rows.to_string()
    }
}

/// Warms, lets go, or shows. Ends with [`Exit::Found`] if an edge that answers lacks something after the wait.
///
/// # Errors
/// If no server answers, it knows no such campaign, or refuses.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let Arguments { campaigns, stop, wait: patience, operator } = arguments;
    let client = operator.client(invocation)?;
    let names: Vec<String> = campaigns.iter().map(|campaign| format!("warm:{campaign}")).collect();
    let report = wait(async {
        if stop {
            for campaign in &campaigns {
                let campaign: String = form_urlencoded::byte_serialize(campaign.as_bytes()).collect();
                client.operate::<Value>(Method::DELETE, &format!("/v1/warm/{campaign}"), None).await?;
            }
        } else if !campaigns.is_empty() {
            client.operate::<Value>(Method::POST, "/v1/warm", Some(&json!({ "campaigns": campaigns }))).await?;
        }
        let patience = tokio::time::sleep(Duration::from_secs(patience));
        tokio::pin!(patience);
        let mut progress = None;
        loop {
            let report = ask(&client).await?;
            if stop || report.is_warm(&names) {
                return Ok::<_, ClientError>(report);
            }
            let (there, wanted) = report.reached(&names);
            progress.get_or_insert_with(|| Progress::of("warming", wanted)).at(there);
            tokio::select! {
                () = &mut patience => return Ok(report),
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    })??;
    invocation.answer(&report, || report.text());
    Ok(Exit::found(stop || report.is_warm(&names)))
}

async fn ask(client: &Client) -> Result<Report, ClientError> {
    let report = client.operate(Method::GET, "/v1/warm", None).await?;
    Ok(report.unwrap_or(Report { here: BTreeMap::new(), edges: Vec::new() }))
}
