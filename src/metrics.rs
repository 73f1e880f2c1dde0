//! What is counted, as Prometheus text. Labels are routes, layers, lanes and states: never a key, a template's title or a
//! tenant.

use std::{
    sync::{LazyLock, OnceLock},
    time::Duration,
};

use crate::cache::Usage;
use metrics::{Counter, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the latency buckets in seconds: a hit takes microseconds, a held request a minute.
const SECONDS: [f64; 14] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];

/// `None` if the process already counts elsewhere.
static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Starts counting in this process. Later calls do nothing.
pub fn start() {
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
            .and_then(PrometheusBuilder::install_recorder);
        match recorder {
            Ok(handle) => {
                describe();
                Some(handle)
            }
            Err(error) => {
                tracing::error!(%error, "nothing is counted: /metrics stays empty");
                None
            }
        }
    });
}

fn describe() {
    describe_counter!("festoon_http_requests_total", "Requests answered, by route and status class.");
    describe_histogram!("festoon_http_request_seconds", "Time to the head of the answer, by route.");
    describe_counter!("festoon_answers_total", "Picks answered: ready, nearest, ticket, refused.");
    describe_counter!("festoon_delivered_bytes_total", "Bytes of clips and blobs sent.");
    describe_counter!("festoon_deliveries_cut_total", "Clip and blob bodies that ended before their last byte.");
    describe_counter!("festoon_accepted_total", "Plates handed in: kept, refused, stale.");
    describe_histogram!(
        "festoon_composition_seconds",
        "Time from an order for a clip to its last byte, by its end: whole, left, failed."
    );
    describe_histogram!(
        "festoon_derivation_seconds",
        "Time from an order for another form of a clip to its last byte, its clip included, by profile and end."
    );
    describe_counter!("festoon_queue_full_total", "Orders turned away because too much is promised.");
    describe_gauge!("festoon_queue_jobs", "Live jobs: queued ones by lane, and leased ones.");
    describe_gauge!("festoon_queue_seconds", "Painting time that queued jobs are expected to take.");
    describe_gauge!("festoon_cache_entries", "Plates in the index.");
    describe_gauge!("festoon_cache_bytes", "Bytes kept, by layer.");
    describe_counter!("festoon_cache_loads_total", "Blobs loaded, by the layer that had them.");
    describe_counter!("festoon_cache_lost_total", "Blobs that were damaged or missing, and are painted again.");
    describe_counter!("festoon_cache_evicted_total", "Plates dropped for room.");
    describe_counter!("festoon_origin_blobs_total", "Blobs that came from an edge's origin: right, or wrong and dropped.");
    describe_gauge!("festoon_origin_answers", "1 while an edge's origin answers, 0 while it is left alone.");
    describe_counter!("festoon_connections_turned_away_total", "Connections answered 503 because there are too many.");
    describe_counter!("festoon_access_lines_lost_total", "Lines that the access log had no room for.");
    describe_gauge!("festoon_draining", "1 while the server stops.");
}

/// Everything counted so far, in the Prometheus text format.
pub fn render() -> String {
    RECORDER.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
}

/// Folds histograms, so that they do not grow between scrapes.
pub fn upkeep() {
    if let Some(Some(handle)) = RECORDER.get() {
        handle.run_upkeep();
    }
}

/// Samples of a text that [`render`] wrote.
pub struct Samples<'t>(Vec<(&'t str, &'t str, f64)>);

impl<'t> Samples<'t> {
    /// Reads the lines that are samples: `name{labels} value`.
    pub fn read(text: &'t str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.filter_map(|line| {
            let (named, value) = line.rsplit_once(' ')?;
            let (name, labels) = named.split_once('{').unwrap_or((named, ""));
            Some((name, labels.trim_end_matches('}'), value.parse().ok()?))
        });
        Self(samples.collect())
    }

    /// The sum of a counter over all of its samples that have these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let has = |sample: &str| labels.iter().all(|(label, value)| sample.contains(&format!("{label}=\"{value}\"")));
        let named = self.0.iter().filter(|(given, sample, _)| *given == name && has(sample));
        named.map(|(_, _, value)| *value as u64).sum()
    }
}

/// The counters of one route, looked up once: a lookup by labels costs more than what is counted.
#[derive(Clone)]
pub struct Route {
    /// By the first digit of the status.
    classes: [Counter; 5],
    seconds: Histogram,
}

impl Route {
    /// The counters of a route; a fixed text, however many addresses strangers make up.
    pub fn of(route: &'static str) -> Self {
        let class = |class: &'static str| counter!("festoon_http_requests_total", "route" => route, "status" => class);
        Self {
            classes: ["1xx", "2xx", "3xx", "4xx", "5xx"].map(class),
            seconds: histogram!("festoon_http_request_seconds", "route" => route),
        }
    }

    /// A request was answered.
    pub fn answered(&self, status: u16, took: Duration) {
        self.classes[usize::from(status / 100).clamp(1, 5) - 1].increment(1);
        self.seconds.record(took);
    }
}

/// A body of a clip or blob is over.
pub fn delivered(bytes: u64, cut: bool) {
    static BYTES: LazyLock<Counter> = LazyLock::new(|| counter!("festoon_delivered_bytes_total"));
    BYTES.increment(bytes);
    if cut {
        counter!("festoon_deliveries_cut_total").increment(1);
    }
}

/// A connection came, and was turned away because there are too many.
pub fn connection_turned_away() {
    counter!("festoon_connections_turned_away_total").increment(1);
}

/// Lines of the access log that nobody wrote, because the disk is slower than the requests or full.
pub fn access_lines_lost(lines: u64) {
    counter!("festoon_access_lines_lost_total").increment(lines);
}

/// A pick was answered.
pub fn pick(answer: &'static str) {
    counter!("festoon_answers_total", "answer" => answer).increment(1);
}

/// A pick was answered with what is ready, which happens most.
pub fn ready() {
    static READY: LazyLock<Counter> = LazyLock::new(|| counter!("festoon_answers_total", "answer" => "ready"));
    READY.increment(1);
}

/// A plate was handed in.
pub fn accepted(result: &'static str) {
    counter!("festoon_accepted_total", "result" => result).increment(1);
}

/// A composition is over: `whole`, `left` by everybody, or `failed`.
pub fn composed(end: &'static str, took: Duration) {
    histogram!("festoon_composition_seconds", "end" => end).record(took);
}

/// The making of another form of a clip is over: `whole`, `left` by everybody, or `failed`.
pub fn derived(profile: &'static str, end: &'static str, took: Duration) {
    histogram!("festoon_derivation_seconds", "profile" => profile, "end" => end).record(took);
}

/// An order was turned away.
pub fn turned_away() {
    counter!("festoon_queue_full_total").increment(1);
}

/// The server begins to stop.
pub fn draining(draining: bool) {
    gauge!("festoon_draining").set(f64::from(u8::from(draining)));
}

/// Live jobs in one place: a lane's queue, or with renderers.
pub fn queue_jobs(place: &'static str, jobs: u64) {
    gauge!("festoon_queue_jobs", "where" => place).set(jobs as f64);
}

/// Whether an edge's origin answers.
pub fn origin(answers: bool) {
    gauge!("festoon_origin_answers").set(f64::from(u8::from(answers)));
}

/// What queued jobs are expected to take.
pub fn queue_time(time: Duration) {
    gauge!("festoon_queue_seconds").set(time.as_secs_f64());
}

/// What the cache holds and did.
pub fn cache(usage: &Usage) {
    gauge!("festoon_cache_entries").set(usage.entries as f64);
    gauge!("festoon_cache_bytes", "layer" => "disk").set(usage.bytes as f64);
    gauge!("festoon_cache_bytes", "layer" => "memory").set(usage.memory_bytes as f64);
    counter!("festoon_cache_loads_total", "layer" => "memory").absolute(usage.memory_hits);
    counter!("festoon_cache_loads_total", "layer" => "disk").absolute(usage.disk_reads);
    counter!("festoon_cache_lost_total", "why" => "corrupt").absolute(usage.corrupt);
    counter!("festoon_cache_lost_total", "why" => "missing").absolute(usage.missing);
    counter!("festoon_cache_evicted_total").absolute(usage.evicted);
    gauge!("festoon_cache_bytes", "layer" => "borrowed").set(usage.borrowed.bytes as f64);
    counter!("festoon_origin_blobs_total", "bytes" => "right").absolute(usage.pulled);
    counter!("festoon_origin_blobs_total", "bytes" => "wrong").absolute(usage.forged);
}

#[cfg(test)]
mod tests {
    use super::Samples;

    #[test]
    fn a_counter_is_summed_over_the_labels_that_are_asked_for() {
        let text = "# HELP hits_total Hits.\n# TYPE hits_total counter\nhits_total{layer=\"disk\",kind=\"a\"} 2\n\
                    hits_total{layer=\"disk\",kind=\"b\"} 3\nhits_total{layer=\"memory\",kind=\"a\"} 7\n\nhits_total_more 9\nplain 4\n";
        let samples = Samples::read(text);
        let hits = |labels: &[(&str, &str)]| samples.sum("hits_total", labels);
        assert_eq!((hits(&[]), hits(&[("layer", "disk")]), hits(&[("layer", "disk"), ("kind", "b")])), (12, 5, 3));
        assert_eq!((samples.sum("plain", &[]), samples.sum("none", &[])), (4, 0));
    }
}
