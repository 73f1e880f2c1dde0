//! `/operator`: what the installation does now, by the same numbers as `/metrics`.

use actix_web::{HttpRequest, HttpResponse, web};
use festoon_spec::{Job, JobState, Lane, UnixMillis};
use serde::Serialize;

use super::{Made, operator};
use crate::{
    http::{Shared, health, problem::Problem},
    metrics::Samples,
    queue::{JobFilter, StateName},
};

/// Queued jobs of a lane that are looked at for the oldest and the most urgent one.
const MOST_QUEUED: usize = 1000;
/// Jobs that were given up, of which the last ones are shown.
const GIVEN_UP: usize = 8;

#[derive(Debug, Serialize)]
struct View {
    answers: Vec<Share>,
    loads: Vec<Share>,
    lanes: Vec<LaneRow>,
    renderers: Vec<Renderer>,
    given_up: Vec<GivenUp>,
    disk: Disk,
    errors: Vec<Count>,
    checks: Vec<Check>,
}

/// One part of a whole.
#[derive(Debug, Serialize)]
struct Share {
    name: &'static str,
    count: u64,
    /// Thousandths of the whole.
    permille: u64,
}

#[derive(Debug, Serialize)]
struct LaneRow {
    name: &'static str,
    queued: u64,
    /// Seconds of painting that wait.
    cost_seconds: u64,
    /// Seconds that the oldest job has waited.
    oldest_seconds: Option<u64>,
    /// Seconds until the most urgent job's deadline; less than nothing if it is late.
    slack_seconds: Option<i64>,
}

#[derive(Debug, Serialize)]
struct Renderer {
    name: String,
    template: String,
    lane: &'static str,
    stage: Option<String>,
    permille: u16,
    attempt: u32,
}

#[derive(Debug, Serialize)]
struct GivenUp {
    template: String,
    reason: String,
    attempts: u32,
}

#[derive(Debug, Serialize)]
struct Disk {
    free_bytes: Option<u64>,
    kept_bytes: u64,
    budget_bytes: u64,
    memory_bytes: u64,
    entries: u64,
    pinned: u64,
    evicted: u64,
}

#[derive(Debug, Serialize)]
struct Count {
    name: &'static str,
    count: u64,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    passed: bool,
    detail: String,
}

/// `/operator`
pub async fn operations(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    operator::answer(&request, &shared, "operations", made(&request, &shared).await)
}

async fn made(request: &HttpRequest, shared: &Shared) -> Result<Made, Problem> {
    operator::admit(request, shared)?.made("operations", &view(shared).await?)
}

async fn view(shared: &Shared) -> Result<View, Problem> {
    let (edge, now) = (&shared.edge, shared.edge.now());
    let text = health::measured(edge).await?;
    let samples = Samples::read(&text);
    let count = |name: &str, label: (&str, &str)| samples.sum(name, &[label]);
    let answers = ["ready", "nearest", "ticket", "refused"].map(|name| (name, count("festoon_answers_total", ("answer", name))));
    let loads = ["memory", "disk"].map(|name| (name, count("festoon_cache_loads_total", ("layer", name))));

    let depth = edge.queue().depth().await.map_err(|error| Problem::internal(&error))?;
    let mut lanes = Vec::new();
    for (lane, place) in Lane::ALL.into_iter().zip(0..) {
        let queued = list(
            shared,
            JobFilter { state: Some(StateName::Queued), lane: Some(lane), limit: MOST_QUEUED, ..JobFilter::default() },
        );
        let queued = queued.await?;
        lanes.push(LaneRow {
            name: lane.name(),
            queued: depth.queued[place],
            cost_seconds: depth.queued_cost_millis[place] / 1000,
            oldest_seconds: queued.iter().map(|job| now.since(job.ordered_at) / 1000).max(),
            slack_seconds: queued.iter().map(|job| seconds_until(job.deadline, now)).min(),
        });
    }
    let leased = list(shared, JobFilter { state: Some(StateName::Leased), ..JobFilter::default() }).await?;
    let dead = list(shared, JobFilter { state: Some(StateName::Dead), limit: GIVEN_UP, ..JobFilter::default() }).await?;
    let usage = edge.cache().usage();
    Ok(View {
        answers: shares(&answers),
        loads: shares(&loads),
        lanes,
        renderers: leased.iter().filter_map(Renderer::of).collect(),
        given_up: dead.iter().filter_map(GivenUp::of).collect(),
        disk: Disk {
            free_bytes: edge.cache().free_bytes().await.ok(),
            kept_bytes: usage.bytes,
            budget_bytes: shared.config.cache.disk_bytes,
            memory_bytes: usage.memory_bytes,
            entries: usage.entries,
            pinned: usage.pinned_keys,
            evicted: usage.evicted,
        },
        errors: vec![
            Count { name: "server_errors", count: count("festoon_http_requests_total", ("status", "5xx")) },
            Count { name: "client_errors", count: count("festoon_http_requests_total", ("status", "4xx")) },
            Count { name: "turned_away", count: samples.sum("festoon_queue_full_total", &[]) },
            Count { name: "cut_off", count: samples.sum("festoon_deliveries_cut_total", &[]) },
            Count { name: "refused_plates", count: count("festoon_accepted_total", ("result", "refused")) },
            Count { name: "broken_clips", count: count("festoon_composition_seconds_count", ("end", "failed")) },
            Count { name: "lost_blobs", count: samples.sum("festoon_cache_lost_total", &[]) },
        ],
        checks: edge
            .check()
            .await
            .into_iter()
            .map(|check| Check { name: check.name, passed: check.passed, detail: check.detail })
            .collect(),
    })
}

async fn list(shared: &Shared, filter: JobFilter) -> Result<Vec<Job>, Problem> {
    shared.edge.queue().list(&filter).await.map_err(|error| Problem::internal(&error))
}

fn seconds_until(deadline: UnixMillis, now: UnixMillis) -> i64 {
    (deadline.0 as i64 - now.0 as i64) / 1000
}

fn shares(counts: &[(&'static str, u64)]) -> Vec<Share> {
    let whole = counts.iter().map(|(_, count)| count).sum::<u64>().max(1);
    counts.iter().map(|(name, count)| Share { name, count: *count, permille: 1000 * count / whole }).collect()
}

impl Renderer {
    fn of(job: &Job) -> Option<Self> {
        let JobState::Leased { renderer, .. } = &job.state else { return None };
        Some(Self {
            name: renderer.clone(),
            template: job.spec.template.to_string(),
            lane: job.lane.name(),
            stage: job.progress.map(|progress| format!("{:?} {}/{}", progress.stage, progress.done, progress.of)),
            permille: job.progress.map_or(0, |progress| progress.permille),
            attempt: job.attempts,
        })
    }
}

impl GivenUp {
    fn of(job: &Job) -> Option<Self> {
        let JobState::Dead { reason } = &job.state else { return None };
        Some(Self { template: job.spec.template.to_string(), reason: reason.clone(), attempts: job.attempts })
    }
}
