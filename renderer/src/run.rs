//! The loop of a renderer: lease, work, again; until a signal or a device fault.

use std::{
    io,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use festoon_spec::{LeaseRequest, RendererInfo, UnixMillis};
use tokio::time::sleep;

use crate::{
    config::Config,
    drain::Drain,
    easel::Easel,
    lease::{Bench, Ended},
    server::{Server, ServerError},
    workshop::Workshop,
};

/// Why a renderer stopped without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The server will never give work.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The device failed; a new process may find it well again.
    #[error("the device failed; this process cannot paint any more")]
    DeviceFault,
    /// The system gives no thread or no signal handler.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// Paints whatever the server leases. Returns after a signal, when the work in hand is finished or handed back.
///
/// # Errors
/// If the server refuses the token, or the device fails.
pub async fn run(config: &Config, workshop: Workshop) -> Result<(), RunError> {
    let drain = Drain::on_signals()?;
    let capabilities = workshop.capabilities();
    let request = LeaseRequest {
        renderer: config.name.clone(),
        capabilities: capabilities.clone(),
        wait_seconds: config.lease.wait_seconds,
    };
    let bench = Bench {
        server: Server::new(config)?,
        renderer: RendererInfo {
            name: config.name.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            device: workshop.device.to_string(),
        },
        easel: Easel::set_up(workshop.painters, workshop.encoder)?,
        capabilities,
        limits: config.limits.clone(),
        times: config.lease.clone(),
        finish: Duration::from_secs(config.drain.finish_seconds),
        clock: now,
    };
    tracing::info!(
        name = bench.renderer.name,
        server = config.server,
        device = bench.renderer.device,
        painters = bench.capabilities.painters.len(),
        models = bench.capabilities.models.len(),
        "renderer ready"
    );
    while !drain.has_begun() {
        let asked = Instant::now();
        let lease = tokio::select! {
            biased;
            // A lease that is granted in this very moment runs out by itself.
            () = drain.begun() => break,
            lease = bench.server.lease(&request) => lease?,
        };
        match lease {
            Some(lease) => {
                if bench.work(&lease, &drain).await == Ended::DeviceFault {
                    return Err(RunError::DeviceFault);
                }
            }
            // A server that does not hold requests open is not asked in a tight loop.
            None => tokio::select! {
                () = drain.begun() => break,
                () = sleep(config.retry.first().saturating_sub(asked.elapsed())) => {}
            },
        }
    }
    tracing::info!("renderer drained");
    Ok(())
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(since.as_millis() as u64)
}
