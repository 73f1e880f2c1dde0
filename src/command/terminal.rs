//! One terminal for log lines and progress bars: a line takes the bars away, is written, and the bars come back.

use std::{
    io::{self, Write},
    sync::LazyLock,
};

use indicatif::MultiProgress;

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
