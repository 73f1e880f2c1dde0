//! One terminal for log lines, tables and progress bars: a line takes the bars away, is written, and the bars come back.

use std::{
    io::{self, IsTerminal, Write},
    pin::pin,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use comfy_table::{Table, presets};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// How often somebody sees that something moves.
const LOOK: Duration = Duration::from_millis(250);
/// Where there is no terminal, a line is written no more often than this, and none about what is over sooner.
const QUIET: Duration = Duration::from_secs(2);

static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Where progress bars are shown.
pub fn bars() -> &'static MultiProgress {
    &BARS
}

/// Standard error, beside the bars. Each write must be whole lines.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines;

impl Write for Lines {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        BARS.suspend(|| io::stderr().write_all(lines)).map(|()| lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// An empty table in the style of the command line.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(header.iter().copied());
    table
}

/// How far long work is, on standard error: a bar on a terminal, else a line now and then. It is gone when this is dropped.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    bar: ProgressBar,
    lines: Option<Mutex<Told>>,
}

/// When the last line was written, and what it said.
#[derive(Debug)]
struct Told {
    at: Instant,
    tenth: u64,
}

impl Progress {
    /// Of `length` pieces of work; 0 if nobody knows how many.
    pub fn of(what: &'static str, length: u64) -> Self {
        let template =
            if length == 0 { "{spinner} {prefix}  {msg}  {elapsed}" } else { "{prefix} {bar:32} {pos} of {len}  {msg}" };
        Self::drawn(what, length, template)
    }

    /// Of so many bytes.
    pub fn of_bytes(what: &'static str, length: u64) -> Self {
        Self::drawn(what, length, "{prefix} {bar:32} {binary_bytes} of {binary_total_bytes}  {msg}")
    }

    /// Of work that is expected to take so many milliseconds.
    pub fn of_time(what: &'static str, millis: u64) -> Self {
        Self::drawn(what, millis.max(1), "{bar:32} {percent:>3} %  {msg}  {eta} left")
    }

    fn drawn(what: &'static str, length: u64, template: &str) -> Self {
        let style = ProgressStyle::with_template(template).expect("the templates are written well");
        let bar = ProgressBar::new(length).with_style(style).with_prefix(what);
        let lines = (!io::stderr().is_terminal()).then(|| Mutex::new(Told { at: Instant::now(), tenth: 0 }));
        let bar = bars().add(bar);
        bar.enable_steady_tick(LOOK);
        Self { what, bar, lines }
    }

    /// So much is done.
    pub fn at(&self, position: u64) {
        self.bar.set_position(position);
        let Some(told) = &self.lines else { return };
        let length = self.bar.length().unwrap_or(0);
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tenth) = told.due(position, length, told.at.elapsed()) {
            *told = Told { at: Instant::now(), tenth };
            eprintln!("{}: {} %", self.what, tenth * 10);
        }
    }

    /// One more is done.
    pub fn one_more(&self) {
        self.at(self.bar.position() + 1);
    }

    /// What is being done now.
    pub fn say(&self, now: String) {
        self.bar.set_message(now);
    }

    /// Does the work, and looks now and then how far it is.
    pub async fn follow<T>(&self, work: impl Future<Output = T>, position: impl Fn() -> u64) -> T {
        let mut work = pin!(work);
        let mut tick = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = tick.tick() => self.at(position()),
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Told {
    /// The tenth that a line is due about, so long after the last one.
    fn due(&self, position: u64, length: u64, since: Duration) -> Option<u64> {
        let tenth = (position.min(length) * 10).checked_div(length)?;
        (tenth > self.tenth && since >= QUIET).then_some(tenth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_when_another_tenth_is_done_and_some_time_has_passed() {
        let told = Told { at: Instant::now(), tenth: 2 };
        let due = |position, since| told.due(position, 50, since);
        assert_eq!((due(14, QUIET), due(15, QUIET), due(50, QUIET)), (None, Some(3), Some(10)));
        assert_eq!(due(40, QUIET / 2), None, "too soon");
        assert_eq!(told.due(7, 0, QUIET), None, "nobody knows how much there is");
    }
}
