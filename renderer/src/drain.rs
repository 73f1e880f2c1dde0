//! SIGTERM and SIGINT: the first asks to finish or hand back and go; the second goes at once.

use std::{io, process};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Whether the process is on its way out.
#[derive(Debug, Clone)]
pub struct Drain(watch::Receiver<bool>);

impl Drain {
    /// Listens to signals from now on.
    ///
    /// # Errors
    /// If the system refuses the handlers.
    pub fn on_signals() -> io::Result<Self> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let (tell, drain) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                let number = tokio::select! {
                    _ = terminate.recv() => libc::SIGTERM,
                    _ = interrupt.recv() => libc::SIGINT,
                };
                if tell.send_replace(true) {
                    process::exit(128 + number);
                }
                tracing::info!("draining: no more work is taken; a second signal ends it at once");
            }
        });
        Ok(Self(drain))
    }

    /// Waits for the first signal.
    pub async fn begun(&self) {
        let mut drain = self.0.clone();
        if drain.wait_for(|begun| *begun).await.is_err() {
            // The task that listens ends only with the process.
            std::future::pending::<()>().await;
        }
    }

    /// Whether the first signal has come.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }
}
