//! HTTP/2: many requests on one connection, and limits on what one connection may make this server do.
//!
//! actix's own loop takes as many streams as somebody opens, reads heads of megabytes, and waits for ever for a reader that opens
//! no window; none of that can be set. So the connection is driven here, and each request is given to actix's application.

use std::{future::poll_fn, net::SocketAddr, pin::pin, rc::Rc, sync::Arc, time::Duration};

use actix_http::{Payload, Request, Response};
use actix_service::Service;
use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    http::{
        Method, StatusCode, Version,
        header::{self, HeaderValue},
    },
};
use bytes::Bytes;
use h2_of_actix::{
    Reason, RecvStream, SendStream,
    server::{Builder, Connection, SendResponse},
};
use http_of_actix::{Request as Received, Response as Head};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Shared, delivery::SLICE, express::date, wire::Wire};

/// Bytes of one body that may come before they are read, and of all bodies of a connection.
const WINDOWS: [u32; 2] = [64 << 10, 1 << 20];
/// Bytes of each answer that wait for the connection.
const WAITING: usize = 256 << 10;
/// Requests that may be taken back before they are answered, unless as many were answered: what is left then is an attack
/// (CVE-2023-44487) and no impatience.
const TAKEN_BACK: u32 = 100;
/// The same of those that this loop has not even seen.
const TAKEN_BACK_UNSEEN: usize = 20;

/// A connection of HTTP/2.
pub struct Multiplexed {
    shared: Arc<Shared>,
    peer: SocketAddr,
    answered: u32,
    taken_back: u32,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It was answered as far as somebody wanted to read.
    Answered,
    /// Nobody wants an answer any more.
    TakenBack,
}

impl Multiplexed {
    /// A connection with somebody.
    pub fn new(shared: Arc<Shared>, peer: SocketAddr) -> Self {
        Self { shared, peer, answered: 0, taken_back: 0 }
    }

    /// Answers its requests until it ends, is idle for too long, or the server closes: then what is under way is finished.
    ///
    /// # Errors
    /// What the other side did wrong.
    pub async fn serve<S, B>(mut self, wire: Wire, service: Rc<S>, closing: &CancellationToken) -> Result<(), h2_of_actix::Error>
    where
        S: Service<Request> + 'static,
        S::Response: Into<Response<B>>,
        S::Error: Into<Response<BoxBody>>,
        B: MessageBody + 'static,
    {
        let limits = &self.shared.config.limits;
        let patience = Duration::from_secs(limits.head_seconds);
        let idle = Duration::from_secs(limits.keep_alive_seconds);
        let [stream_window, window] = WINDOWS;
        let mut settings = Builder::new();
        settings
            .initial_window_size(stream_window)
            .initial_connection_window_size(window)
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .max_send_buffer_size(WAITING)
            .max_pending_accept_reset_streams(TAKEN_BACK_UNSEEN);
        let Ok(connection) = timeout(patience, settings.handshake::<_, Bytes>(wire)).await else { return Ok(()) };
        let mut connection: Connection<Wire, Bytes> = connection?;
        // Dropping it ends what nobody can be told any more.
        let mut requests = JoinSet::new();
        let mut alarm = pin!(sleep_until(Instant::now() + idle));
        let mut closed = pin!(closing.cancelled());
        let mut leaving = false;
        loop {
            tokio::select! {
                accepted = connection.accept() => match accepted {
                    None => return Ok(()),
                    Some(accepted) => {
                        let (request, respond) = accepted?;
                        requests.spawn_local(answer(Arc::clone(&self.shared), Rc::clone(&service), self.peer, request, respond));
                    }
                },
                Some(ended) = requests.join_next() => {
                    self.count(ended.unwrap_or(End::Answered));
                    if self.is_attacked() {
                        tracing::debug!(peer = %self.peer, "requests are taken back as fast as they come; the connection is closed");
                        connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    }
                    if !leaving {
                        alarm.as_mut().reset(Instant::now() + idle);
                    }
                }
                () = &mut alarm => match requests.is_empty() {
                    // It was told to go, and does not.
                    true if leaving => return Ok(()),
                    true => {
                        connection.graceful_shutdown();
                        leaving = true;
                        alarm.as_mut().reset(Instant::now() + patience);
                    }
                    false => alarm.as_mut().reset(Instant::now() + patience),
                },
                () = &mut closed, if !leaving => {
                    connection.graceful_shutdown();
                    leaving = true;
                    alarm.as_mut().reset(Instant::now() + patience);
                }
            }
        }
    }

    fn count(&mut self, end: End) {
        match end {
            End::Answered => self.answered = self.answered.saturating_add(1),
            End::TakenBack => self.taken_back = self.taken_back.saturating_add(1),
        }
    }

    fn is_attacked(&self) -> bool {
        self.taken_back > TAKEN_BACK.max(self.answered)
    }
}

/// Answers one request.
async fn answer<S, B>(
    shared: Arc<Shared>,
    service: Rc<S>,
    peer: SocketAddr,
    request: Received<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> End
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
    S::Error: Into<Response<BoxBody>>,
    B: MessageBody + 'static,
{
    let (parts, body) = request.into_parts();
    let is_head = parts.method == Method::HEAD;
    let mut request = Request::with_payload(Payload::from(body));
    let head = request.head_mut();
    (head.method, head.uri, head.version, head.headers) = (parts.method, parts.uri, parts.version, parts.headers.into());
    head.peer_addr = Some(peer);
    let response = tokio::select! {
        biased;
        answered = service.call(request) => match answered {
            Ok(response) => response.into().map_into_boxed_body(),
            Err(error) => error.into(),
        },
        _ = poll_fn(|context| respond.poll_reset(context)) => return End::TakenBack,
    };
    let (response, body) = response.into_parts();
    let (head, is_whole) = head_of(&response, body.size(), shared.edge.now().0 / 1000);
    let is_whole = is_whole || is_head;
    let Ok(stream) = respond.send_response(head, is_whole) else { return End::TakenBack };
    if !is_whole {
        send(stream, body, Duration::from_secs(shared.config.limits.stall_seconds)).await;
    }
    End::Answered
}

/// The head of an answer, without what only HTTP/1 knows, and whether it is the whole answer.
fn head_of(response: &Response<()>, size: BodySize, second: u64) -> (Head<()>, bool) {
    let mut head = Head::new(());
    (*head.status_mut(), *head.version_mut()) = (response.status(), Version::HTTP_2);
    let of_connection = [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::CONTENT_LENGTH];
    for (name, value) in response.headers().iter().filter(|(name, _)| !of_connection.contains(name)) {
        head.headers_mut().append(name.clone(), value.clone());
    }
    let bodiless = matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if let BodySize::Sized(bytes) = size
        && !bodiless
    {
        head.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    }
    let date = HeaderValue::from_str(&date(second)).expect("a date is ASCII");
    head.headers_mut().entry(header::DATE).or_insert(date);
    (head, bodiless || size.is_eof())
}

/// Sends a body as fast as it is read. A reader that takes nothing for so long is left.
async fn send(mut stream: SendStream<Bytes>, body: BoxBody, stall: Duration) {
    let mut body = pin!(body);
    loop {
        let piece = tokio::select! {
            biased;
            _ = poll_fn(|context| stream.poll_reset(context)) => return,
            piece = poll_fn(|context| body.as_mut().poll_next(context)) => piece,
        };
        let mut piece = match piece {
            Some(Ok(piece)) => piece,
            None => break,
            Some(Err(error)) => {
                tracing::debug!(%error, "an answer broke off");
                return stream.send_reset(Reason::INTERNAL_ERROR);
            }
        };
        while !piece.is_empty() {
            stream.reserve_capacity(piece.len().min(SLICE));
            let room = match timeout(stall, poll_fn(|context| stream.poll_capacity(context))).await {
                Ok(Some(Ok(room))) => room,
                // It was taken back, or the connection is gone.
                Ok(_) => return,
                Err(_) => return stream.send_reset(Reason::CANCEL),
            };
            if stream.send_data(piece.split_to(room.min(piece.len())), false).is_err() {
                return;
            }
        }
    }
    // Who does not take the end has left.
    drop(stream.send_data(Bytes::new(), true));
}
