//! What a run has seen.

use std::collections::BTreeMap;

use serde::Serialize;

/// See the [module](self).
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub seed: u64,
    pub kills: u64,
    pub kills_while_starting: u64,
    /// Requests of the writers that were answered.
    pub answers: u64,
    /// Writes that were acknowledged, by kind.
    pub acknowledged: BTreeMap<&'static str, u64>,
    /// Questions after a start that were answered as they must be.
    pub checked: u64,
    /// From the process's beginning to its first answer.
    pub start_millis: Vec<u64>,
    /// Blobs without a manifest that are left at the end: the bytes of hand-ins that were never acknowledged.
    pub orphans: usize,
}

impl Report {
    pub fn of(seed: u64) -> Self {
        Self {
            seed,
            kills: 0,
            kills_while_starting: 0,
            answers: 0,
            acknowledged: BTreeMap::new(),
            checked: 0,
            start_millis: Vec::new(),
            orphans: 0,
        }
    }

    pub fn count(&mut self, answers: usize) {
        self.answers += answers as u64;
    }

    pub fn markdown(&self) -> String {
        let mut starts = self.start_millis.clone();
        starts.sort_unstable();
        let at =
            |permille: usize| starts.get((starts.len() * permille / 1000).min(starts.len() - 1)).copied().unwrap_or_default();
        let mut rows = vec![
            ("seed".to_owned(), self.seed.to_string()),
            ("kills".into(), format!("{}, of which {} while it was starting", self.kills, self.kills_while_starting)),
            ("requests answered under load".into(), self.answers.to_string()),
        ];
        rows.extend(self.acknowledged.iter().map(|(kind, count)| (format!("acknowledged: {kind}"), count.to_string())));
        rows.extend([
            ("looked at after a start".into(), format!("{}, all as acknowledged", self.checked)),
            ("lost, corrupt, leased twice, half".into(), "0".into()),
            ("blobs that only an unacknowledged hand-in left".into(), self.orphans.to_string()),
            ("start to first answer, ms".into(), format!("median {}, p95 {}, most {}", at(500), at(950), at(1000))),
        ]);
        let rows = rows.iter().map(|(what, value)| format!("| {what} | {value} |\n"));
        format!("| what | value |\n|---|---|\n{}", rows.collect::<String>())
    }
}
