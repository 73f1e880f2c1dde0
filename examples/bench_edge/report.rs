//! What was measured, as a table, as JSON and as a picture.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::{Value, json};

/// What a case cost at one server.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Processor time of the server, user and system.
    pub cpu_micros: f64,
    pub p50_micros: f64,
    pub p99_micros: f64,
    pub per_second: f64,
}

impl Measured {
    /// Of one burst.
    pub fn of(cpu_micros: f64, mut latencies: Vec<f64>) -> Self {
        let requests = latencies.len() as f64;
        latencies.sort_by(f64::total_cmp);
        let at = |share: f64| latencies[((requests - 1.0) * share) as usize];
        let cpu_micros = cpu_micros / requests;
        Self { cpu_micros, p50_micros: at(0.5), p99_micros: at(0.99), per_second: 1e6 / cpu_micros }
    }

    pub fn median(rounds: &[Self]) -> Self {
        let median = |value: fn(&Self) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Self {
            cpu_micros: median(|one| one.cpu_micros),
            p50_micros: median(|one| one.p50_micros),
            p99_micros: median(|one| one.p99_micros),
            per_second: median(|one| one.per_second),
        }
    }
}

/// What readers cost that take nothing.
#[derive(Debug, Clone, Copy)]
pub struct Stalled {
    pub readers: usize,
    pub bytes: usize,
    pub mib: f64,
}

/// A small index and a full one.
#[derive(Debug, Clone, Copy)]
pub struct Index {
    pub entries: [u32; 2],
    pub ready_millis: [f64; 2],
    pub resident_mib: [f64; 2],
}

/// Everything.
#[derive(Debug)]
pub struct Report {
    pub rounds: usize,
    /// Medians by case and server.
    pub measured: BTreeMap<(&'static str, &'static str), Measured>,
    pub stalled: Stalled,
    pub index: Option<Index>,
    pub peers: Vec<String>,
}

/// A peer's cost over ours; more than 1 is good.
struct Ratio {
    name: String,
    unit: &'static str,
    ours: f64,
    peer: f64,
    floor: Option<f64>,
}

impl Ratio {
    fn ratio(&self) -> f64 {
        self.peer / self.ours
    }

    fn holds(&self) -> bool {
        self.floor.is_none_or(|floor| self.ratio() >= floor)
    }
}

const CPU: &str = "CPU µs per request";
const CASES: [&str; 6] = ["4k", "64k", "1m", "4m", "range64k", "304"];
const PEERS: [&str; 3] = ["nginx-static", "nginx-proxy-cache", "varnish"];

/// What must hold.
const FLOORS: [(&str, f64); 11] = [
    ("nginx-static/4k", 1.2),
    ("nginx-static/64k", 0.95),
    ("nginx-static/1m", 0.8),
    ("nginx-static/4m", 0.85),
    ("nginx-static/range64k", 0.9),
    ("nginx-static/304", 0.9),
    ("nginx-proxy-cache/4k", 2.0),
    ("nginx-proxy-cache/64k", 1.3),
    ("self/query5", 0.9),
    // 64 MiB for 200 readers.
    ("self/stalled200", 1.0),
    // A hit at a full index may cost 1.2 times what it costs at a small one.
    ("self/full-index", 1.0 / 1.2),
];

impl Report {
    fn cost(&self, case: &'static str, server: &'static str) -> Option<f64> {
        self.measured.get(&(case, server)).map(|measured| measured.cpu_micros)
    }

    /// What a peer costs, the better of its two settings of `tcp_nopush`: on the one, a cached answer in several writes waits
    /// for the client's delayed acknowledgement; on the other, each goes out in one packet more.
    fn peer(&self, case: &'static str, server: &'static str) -> Option<f64> {
        let nopush = match server {
            "nginx-static" => "nginx-static nopush",
            "nginx-proxy-cache" => "nginx-proxy-cache nopush",
            _ => server,
        };
        Some(self.cost(case, server)?.min(self.cost(case, nopush)?))
    }

    fn ratios(&self) -> Vec<Ratio> {
        let floor = |name: &str| FLOORS.iter().find(|(of, _)| *of == name).map(|(_, floor)| *floor);
        let ratio = |name: String, unit, ours, peer| Ratio { floor: floor(&name), name, unit, ours, peer };
        let mut ratios = Vec::new();
        for server in PEERS {
            for case in CASES {
                if let (Some(ours), Some(peer)) = (self.cost(case, "festoon"), self.peer(case, server)) {
                    ratios.push(ratio(format!("{server}/{case}"), CPU, ours, peer));
                }
            }
        }
        if let (Some(query), Some(hash)) = (self.cost("query5", "festoon"), self.cost("4k", "festoon")) {
            ratios.push(ratio("self/query5".into(), CPU, query, hash));
        }
        ratios.push(ratio("self/stalled200".into(), "MiB", self.stalled.mib.max(1.0), 64.0));
        if let (Some(full), Some(small)) = (self.cost("4k", "festoon full"), self.cost("4k", "festoon")) {
            ratios.push(ratio("self/full-index".into(), CPU, full, small));
        }
        if let (Some(full), Some(small)) = (self.cost("query5", "festoon full"), self.cost("query5", "festoon")) {
            ratios.push(ratio("self/full-index-query5".into(), CPU, full, small));
        }
        ratios
    }

    pub fn floors_hold(&self) -> bool {
        self.ratios().iter().all(Ratio::holds)
    }

    pub fn json(&self) -> Value {
        let cases: Vec<Value> = self
            .ratios()
            .iter()
            .map(|ratio| {
                json!({
                    "name": ratio.name, "ratio": ratio.ratio(), "unit": ratio.unit, "ours": ratio.ours, "peer": ratio.peer,
                    "runs": self.rounds, "floor": ratio.floor,
                })
            })
            .collect();
        let measured: Vec<Value> = self
            .measured
            .iter()
            .map(|((case, server), one)| {
                json!({
                    "case": case, "server": server, "cpu_micros": one.cpu_micros, "p50_micros": one.p50_micros,
                    "p99_micros": one.p99_micros,
                })
            })
            .collect();
        let index = self.index.map(
            |index| json!({"entries": index.entries, "ready_millis": index.ready_millis, "resident_mib": index.resident_mib}),
        );
        json!({"cases": cases, "measured": measured, "index": index, "peers": self.peers})
    }

    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# A hit beside nginx and Varnish\n\nServer on one core, load on the other, 16 keep-alive connections over loopback, \
             {} rounds in turns, medians. festoon as it is shipped: access log and metrics on; the peers log nothing. {}.\n\n\
             ## Processor time\n\n| case | ours | peer | peer ÷ ours | floor |\n|---|---|---|---|---|\n",
            self.rounds,
            self.peers.join("; ")
        );
        for ratio in self.ratios() {
            let floor = ratio
                .floor
                .map_or(String::new(), |floor| format!("{floor:.2} {}", if ratio.holds() { "holds" } else { "**not held**" }));
            let Ratio { name, unit, ours, peer, .. } = &ratio;
            line(&mut text, format_args!("| {name} | {ours:.1} {unit} | {peer:.1} | {:.2} | {floor} |", ratio.ratio()));
        }
        text += "\n## Each server\n\n| case | server | CPU µs | p50 µs | p99 µs | requests per second of one core |\n|---|---|---|---|---|---|\n";
        for ((case, server), one) in &self.measured {
            let Measured { cpu_micros, p50_micros, p99_micros, per_second } = one;
            line(
                &mut text,
                format_args!("| {case} | {server} | {cpu_micros:.1} | {p50_micros:.0} | {p99_micros:.0} | {per_second:.0} |"),
            );
        }
        let Stalled { readers, bytes, mib } = self.stalled;
        line(&mut text, format_args!("\n{readers} readers that take nothing of {} MiB cost {mib:.1} MiB.", bytes >> 20));
        if let Some(Index { entries, ready_millis, resident_mib }) = self.index {
            for (entries, (millis, mib)) in entries.iter().zip(ready_millis.iter().zip(resident_mib)) {
                line(
                    &mut text,
                    format_args!(
                        "\n{entries} entries in the index: ready {millis:.0} ms after the start, {mib:.0} MiB resident."
                    ),
                );
            }
        }
        text
    }

    /// The ratios as bars, with a line at 1 and a tick at each floor.
    pub fn plot(&self) -> String {
        let (left, width, row_height, most) = (220.0, 560.0, 24.0, 3.5);
        let ratios = self.ratios();
        let height = 60.0 + row_height * ratios.len() as f64;
        let x = |ratio: f64| left + width * ratio.min(most) / most;
        let mut text = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='880' height='{height}' font-family='sans-serif' font-size='13'>\n\
             <rect width='100%' height='100%' fill='#fff'/><text x='12' y='24' font-size='15'>Processor time of the peer ÷ ours (more is better)</text>\n"
        );
        for (row, ratio) in ratios.iter().enumerate() {
            let (y, value) = (44.0 + row_height * row as f64, ratio.ratio());
            let colour = if ratio.holds() { "#2f6f9f" } else { "#b5402a" };
            line(&mut text, format_args!("<text x='{}' y='{}' text-anchor='end'>{}</text>", left - 8.0, y + 14.0, ratio.name));
            line(
                &mut text,
                format_args!("<rect x='{left}' y='{y}' width='{:.1}' height='18' fill='{colour}'/>", x(value) - left),
            );
            line(&mut text, format_args!("<text x='{:.1}' y='{}'>{value:.2}</text>", x(value) + 6.0, y + 14.0));
            if let Some(floor) = ratio.floor {
                line(&mut text, format_args!("<path d='M{:.1} {y}v18' stroke='#111' stroke-width='2'/>", x(floor)));
            }
        }
        line(
            &mut text,
            format_args!("<path d='M{:.1} 40V{}' stroke='#888' stroke-dasharray='4 3'/></svg>", x(1.0), height - 14.0),
        );
        text
    }
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("a string grows");
}
