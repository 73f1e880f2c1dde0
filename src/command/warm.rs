//! `festoon warm`: has campaigns warm before their time, and shows what is warm where.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    operator::OperatorArguments,
    prerender::client::{Client, ClientError},
    schedule::table,
    state::{size, wait},
};

/// Between two looks at what the edges have.
const PAUSE: Duration = Duration::from_millis(500);

/// Arguments of `festoon warm`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Campaigns, by their ids; without any, only what is warm where is shown.
    #[arg(value_name = "CAMPAIGN")]
    campaigns: Vec<String>,
    /// Let them go instead.
    #[arg(long, requires = "campaigns")]
    stop: bool,
    /// Seconds to wait for the edges that answer to have them.
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
}

/// Warms, lets go, or shows. Ends with 1 if an edge that answers lacks something after the wait.
///
/// # Errors
/// If no server answers, it knows no such campaign, or refuses.
pub fn run(arguments: Arguments) -> miette::Result<ExitCode> {
    let Arguments { campaigns, stop, wait: patience, operator } = arguments;
    let client = operator.client()?;
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
        loop {
            let report = ask(&client).await?;
            if stop || report.is_warm(&names) {
                return Ok::<_, ClientError>(report);
            }
            tokio::select! {
                () = &mut patience => return Ok(report),
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    })??;
    if operator.json {
        println!("{}", serde_json::to_string(&report).expect("it is plain data with text keys"));
    } else {
        print(&report);
    }
    Ok(if stop || report.is_warm(&names) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn ask(client: &Client) -> Result<Report, ClientError> {
    let report = client.operate(Method::GET, "/v1/warm", None).await?;
    Ok(report.unwrap_or(Report { here: BTreeMap::new(), edges: Vec::new() }))
}

fn print(report: &Report) {
    let mut rows = table(&["Needed by", "Where", "Plates", "Bytes"]);
    let mut row = |name: &str, place: &str, warmth: &Warmth| {
        rows.add_row([name, place, &format!("{} of {}", warmth.there, warmth.wanted), &size(warmth.bytes)]);
    };
    for (name, warmth) in &report.here {
        row(name, "origin", warmth);
        for AtEdge { edge, answers, warm } in &report.edges {
            let place = if *answers { edge.clone() } else { format!("{edge} (silent)") };
            // An edge is told only of what is painted; the campaign wants as much everywhere.
            let there = warm.get(name).copied().unwrap_or(Warmth { there: 0, bytes: 0, wanted: 0 });
            row(name, &place, &Warmth { wanted: warmth.wanted, ..there });
        }
    }
    println!("{rows}");
}
