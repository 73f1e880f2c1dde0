//! The workers: each takes connections, answers what is plain by itself ([`Express`]), and leaves the rest to actix.

use std::{
    cell::Cell,
    io,
    net::{SocketAddr, TcpListener},
    num::NonZero,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_http::{HttpService, KeepAlive, Protocol};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_factory, fn_service, map_config};
use actix_web::{App, dev::AppConfig, middleware::from_fn, web};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{
    Shared,
    access::{AccessLog, Lines},
    client, delivery,
    express::{Express, Next},
    gate::Gate,
    multiplexed::Multiplexed,
    proxied, routes,
    tls::{self, Certificate},
    wire::Wire,
};
use crate::{config::Config, metrics};

/// Connections beyond the limit that are told so; more wait in the system's queue.
const TURNED_AWAY: usize = 256;
/// How long a connection that is turned away may take to listen.
const FAREWELL: Duration = Duration::from_secs(1);
/// What is said to a connection that there is no room for.
const FULL: &str = r#"{"type":"urn:festoon:problem:unavailable","title":"The server stops or is overloaded","status":503,"code":"unavailable","detail":"too many connections are open","retry_after":1}"#;

/// Answers on listeners until `stop` is done, then finishes what is in flight.
///
/// # Errors
/// If the workers cannot be started.
pub async fn run(
    plain: TcpListener,
    tls: Option<(TcpListener, Arc<Certificate>)>,
    shared: Arc<Shared>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let server = shared.config.server.clone();
    let workers = match server.workers {
        0 => std::thread::available_parallelism().map_or(1, NonZero::get),
        count => count,
    };
    let log = open_log(&shared).map(Arc::new);
    let closing = CancellationToken::new();
    let (for_workers, ended) = (Arc::clone(&shared), closing.clone());
    let lines_of = log.clone();
    let factory = move |acceptor: Option<TlsAcceptor>| {
        let lines = lines_of.as_deref().map(AccessLog::lines);
        worker(Arc::clone(&for_workers), lines, ended.clone(), workers, acceptor)
    };
    let mut building = actix_server::Server::build()
        .workers(workers)
        .max_concurrent_connections(shared.config.limits.connections + TURNED_AWAY)
        .shutdown_timeout(server.shutdown_seconds)
        .disable_signals()
        .listen("plain", plain, {
            let factory = factory.clone();
            move || factory(None)
        })?;
    if let Some((listener, certificate)) = tls {
        let acceptor = certificate.acceptor()?;
        building = building.listen("tls", listener, move || factory(Some(acceptor.clone())))?;
    }
    let running = building.run();
    let handle = running.handle();
    let running = tokio::spawn(running);
    stop.await;
    tokio::time::sleep(Duration::from_secs(server.drain_seconds)).await;
    closing.cancel();
    handle.stop(true).await;
    let ended = running.await.map_err(io::Error::other)?;
    // The workers' threads may hold it a moment longer.
    if let Some(log) = log {
        log.finish();
    }
    ended
}

fn open_log(shared: &Shared) -> Option<AccessLog> {
    let config = &shared.config;
    if !config.log.access {
        return None;
    }
    match AccessLog::open(&config.state(), &config.log) {
        Ok(log) => Some(log),
        Err(error) => {
            tracing::warn!(%error, "there is no access log");
            None
        }
    }
}

/// What a worker does with connections.
fn worker(
    shared: Arc<Shared>,
    lines: Option<Lines>,
    closing: CancellationToken,
    workers: usize,
    acceptor: Option<TlsAcceptor>,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = (), InitError = ()> {
    let (limits, role) = (shared.config.limits.clone(), shared.config.server.role);
    let for_author = shared.author.is_some();
    let gate = Gate::new(lines.clone());
    let data = web::Data::from(Arc::clone(&shared));
    let application = || {
        let gate = Rc::clone(&gate);
        let application = App::new()
            .app_data(data.clone())
            .wrap(from_fn(move |request, next| Rc::clone(&gate).pass(request, next)))
            .configure(|application| routes::configure(application, role, for_author))
            .default_service(web::to(routes::nothing))
            .into_factory()
            .map_err(|error: actix_web::Error| error.error_response());
        map_config(application, |()| AppConfig::default())
    };
    let ended = closing.clone();
    let actix = HttpService::build()
        .keep_alive(KeepAlive::Timeout(Duration::from_secs(limits.keep_alive_seconds)))
        .client_request_timeout(Duration::from_secs(limits.head_seconds))
        .client_disconnect_timeout(Duration::from_secs(limits.head_seconds))
        .h1_write_buffer_size(delivery::SLICE)
        .graceful_shutdown_signal(move || ended.clone().cancelled_owned())
        .finish(application());
    let (actix, multiplexed) = (Rc::new(actix), Rc::new(application()));
    fn_factory(move || {
        let express = Express::new(Arc::clone(&shared), lines.clone(), closing.clone(), workers);
        let door = Rc::new(Door { express, config: Arc::clone(&shared.config), acceptor: acceptor.clone(), for_author });
        let (actix, multiplexed, open) = (Rc::clone(&actix), Rc::clone(&multiplexed), Rc::new(Cell::new(0)));
        let (shared, closing) = (Arc::clone(&shared), closing.clone());
        async move {
            let (actix, multiplexed) = (Rc::new(actix.new_service(()).await?), Rc::new(multiplexed.new_service(()).await?));
            Ok(fn_service(move |stream: TcpStream| {
                let (door, actix, place) = (Rc::clone(&door), Rc::clone(&actix), Place::take(&open));
                let (multiplexed, shared, closing) = (Rc::clone(&multiplexed), Arc::clone(&shared), closing.clone());
                async move {
                    if place.number > door.config.limits.connections {
                        metrics::connection_turned_away();
                        turn_away(stream).await;
                    } else if let Some((rest, next, peer)) = door.answer(stream).await {
                        let ended = match next {
                            Next::Over => Ok(()),
                            Next::Http1 => {
                                let ended = actix.call((rest, Protocol::Http1, Some(peer))).await;
                                ended.map_err(|error| error.to_string())
                            }
                            Next::Http2 => {
                                let ended = Multiplexed::new(shared, peer).serve(rest, multiplexed, &closing).await;
                                ended.map_err(|error| error.to_string())
                            }
                        };
                        if let Err(error) = ended {
                            tracing::debug!(%peer, error, "a connection ended early");
                        }
                    }
                    drop(place);
                    Ok::<_, ()>(())
                }
            }))
        }
    })
}

/// What a connection passes before its first request.
struct Door {
    express: Express,
    config: Arc<Config>,
    acceptor: Option<TlsAcceptor>,
    /// Whether the server is there for an author alone.
    for_author: bool,
}

impl Door {
    /// Answers what is plain. What is left of the connection is for others.
    async fn answer(&self, mut stream: TcpStream) -> Option<(Wire, Next, SocketAddr)> {
        let limits = &self.config.limits;
        let patience = Duration::from_secs(limits.head_seconds);
        // Else every answer of more than one write waits 40 ms for the other side's delayed acknowledgement.
        stream.set_nodelay(true).ok()?;
        delivery::cut_stalled_readers(&stream, Duration::from_secs(limits.stall_seconds));
        let mut peer = stream.peer_addr().ok()?;
        if self.config.server.proxy_protocol {
            if !client::is_trusted(peer.ip(), &self.config.server.trusted_proxies) {
                tracing::warn!(%peer, "a connection that did not come through a trusted proxy was closed");
                return None;
            }
            match tokio::time::timeout(patience, proxied::read(&mut stream)).await {
                Ok(Ok(announced)) => peer = announced.unwrap_or(peer),
                Ok(Err(error)) => {
                    tracing::debug!(%peer, %error, "a connection was closed");
                    return None;
                }
                Err(_) => return None,
            }
        }
        let mut wire = match &self.acceptor {
            None => Wire::plain(stream),
            Some(acceptor) => match tokio::time::timeout(patience, acceptor.accept(stream)).await {
                Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(tls::HTTP2) => {
                    return Some((Wire::tls(stream), Next::Http2, peer));
                }
                Ok(Ok(stream)) => Wire::tls(stream),
                Ok(Err(error)) => {
                    tracing::debug!(%peer, %error, "no TLS was agreed on");
                    return None;
                }
                Err(_) => return None,
            },
        };
        if self.for_author {
            // The gate looks at who asks; what is answered here does not pass it.
            return Some((wire, Next::Http1, peer));
        }
        let next = self.express.serve(&mut wire, peer.ip()).await;
        Some((wire, next, peer))
    }
}

/// One of the open connections of a worker.
struct Place {
    open: Rc<Cell<usize>>,
    number: usize,
}

impl Place {
    fn take(open: &Rc<Cell<usize>>) -> Self {
        open.set(open.get() + 1);
        Self { open: Rc::clone(open), number: open.get() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.set(self.open.get() - 1);
    }
}

/// Says at once that there is no room.
async fn turn_away(mut stream: TcpStream) {
    let farewell = async {
        // What was asked is read first: closing over it would reset the connection and take the answer with it.
        let mut asked = [0; 4096];
        stream.readable().await?;
        if let Err(error) = stream.try_read(&mut asked)
            && error.kind() != io::ErrorKind::WouldBlock
        {
            return Err(error);
        }
        let head = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncache-control: no-store";
        let length = FULL.len();
        let answer = format!("{head}\r\ncontent-type: application/problem+json\r\ncontent-length: {length}\r\n\r\n{FULL}");
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    if let Ok(Err(error)) = tokio::time::timeout(FAREWELL, farewell).await {
        tracing::debug!(%error, "a connection went before it was turned away");
    }
}
