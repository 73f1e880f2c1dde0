//! Tickets: how far an order is, asked now or told as it happens.

use std::time::Duration;

use actix_web::{HttpResponse, Responder, http::header, web};
use actix_web_lab::sse;
use festoon_spec::Profile;
use futures_util::stream;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;

use super::{
    Shared, address as addresses,
    delivery::ascii,
    problem::{Code, Problem},
};
use crate::{
    edge::{Edge, Status, Ticket, TicketId},
    queue::JobEventKind,
};

/// A silent connection is kept alive by a comment this often, within the patience of common proxies.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A client that asks again waits at least and at most so long.
const RETRY_SECONDS: (u64, u64) = (1, 30);

/// A ticket with its addresses.
#[derive(Debug, Serialize)]
pub struct TicketPage<'a> {
    #[serde(flatten)]
    ticket: &'a Ticket,
    url: String,
    events_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_url: Option<String>,
}

impl<'a> TicketPage<'a> {
    /// The page of a ticket.
    pub fn of(ticket: &'a Ticket) -> Self {
        let url = address(&ticket.id);
        let blob_url = ticket.blob.map(|blob| addresses::of_blob(&blob, Profile::default()));
        Self { ticket, events_url: format!("{url}/events"), url, blob_url }
    }
}

/// Where a ticket is.
pub fn address(id: &TicketId) -> String {
    format!("/v1/tickets/{id}")
}

/// `202`: not ready, ask there.
pub fn promise(ticket: &Ticket) -> HttpResponse {
    HttpResponse::Accepted()
        .insert_header((header::LOCATION, ascii(&address(&ticket.id))))
        .insert_header((header::RETRY_AFTER, retry_after(ticket)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(TicketPage::of(ticket))
}

/// When it is worth asking again: soon at first and near the end, seldom in between.
fn retry_after(ticket: &Ticket) -> u64 {
    let (least, most) = RETRY_SECONDS;
    let left = ticket.progress.map_or(500, |progress| 1000 - u64::from(progress.permille.min(1000)));
    (left / 100).clamp(least, most)
}

/// `GET /v1/tickets/{id}`
pub async fn ticket(shared: web::Data<Shared>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let ticket = find(&shared.edge, &id).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    if !ticket.status.is_final() {
        response.insert_header((header::RETRY_AFTER, retry_after(&ticket)));
    }
    Ok(response.json(TicketPage::of(&ticket)))
}

/// `DELETE /v1/tickets/{id}`
pub async fn cancel(shared: web::Data<Shared>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let ticket = shared.edge.leave(&known(&id)?).await?.ok_or_else(|| unknown(&id))?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(TicketPage::of(&ticket)))
}

/// `GET /v1/tickets/{id}/events`: each event is the whole ticket, so that a client that was away misses nothing. The last
/// one is `done`, `failed` or `cancelled`; others are `progress`.
pub async fn events(shared: web::Data<Shared>, id: web::Path<String>) -> Result<impl Responder, Problem> {
    let news = shared.edge.subscribe();
    let ticket = find(&shared.edge, &id).await?;
    let follow = Follow { edge: shared.edge.clone(), news, next: Some(ticket), number: 0 };
    let events = stream::unfold(follow, |mut follow| async {
        let ticket = follow.next().await?;
        let event = event(&ticket, follow.number);
        Some((event, follow))
    });
    Ok(sse::Sse::from_infallible_stream(events).with_keep_alive(HEARTBEAT).with_retry_duration(Duration::from_secs(2)))
}

/// Follows one ticket to its end.
struct Follow {
    edge: Edge,
    news: tokio::sync::broadcast::Receiver<crate::queue::JobEvent>,
    /// Told first; afterwards the last one told.
    next: Option<Ticket>,
    number: u64,
}

impl Follow {
    async fn next(&mut self) -> Option<Ticket> {
        self.number += 1;
        let last = self.next.take()?;
        if self.number == 1 {
            self.next = (!last.status.is_final()).then(|| last.clone());
            return Some(last);
        }
        loop {
            let news = tokio::select! {
                news = self.news.recv() => news,
                () = self.edge.draining().cancelled() => return None,
            };
            let ticket = match news {
                Ok(event) if event.job.id == last.id.job => self.edge.view(&event.job, last.id.order.clone()).await,
                // Others that begin or end move it up.
                Ok(event) if last.status == Status::Queued && event.kind == JobEventKind::Ended => {
                    match self.edge.ticket(&last.id).await {
                        Ok(ticket) => Ok(ticket?),
                        Err(error) => Err(error),
                    }
                }
                Ok(_) => continue,
                Err(RecvError::Lagged(_)) => match self.edge.ticket(&last.id).await {
                    Ok(ticket) => Ok(ticket?),
                    Err(error) => Err(error),
                },
                Err(RecvError::Closed) => return None,
            };
            match ticket {
                Ok(ticket) if ticket == last => {}
                Ok(ticket) => {
                    self.next = (!ticket.status.is_final()).then(|| ticket.clone());
                    return Some(ticket);
                }
                Err(error) => {
                    // The client asks again by itself.
                    tracing::error!(job = %last.id.job, %error, "a ticket cannot be followed");
                    return None;
                }
            }
        }
    }
}

fn event(ticket: &Ticket, number: u64) -> sse::Event {
    let name = match ticket.status {
        status if !status.is_final() => "progress",
        Status::Done => "done",
        Status::Failed => "failed",
        _ => "cancelled",
    };
    let page = serde_json::to_string(&TicketPage::of(ticket)).expect("a ticket is plain data");
    sse::Event::Data(sse::Data::new(page).event(name).id(number.to_string()))
}

async fn find(edge: &Edge, id: &str) -> Result<Ticket, Problem> {
    edge.ticket(&known(id)?).await?.ok_or_else(|| unknown(id))
}

/// An id that can be one.
pub fn known(id: &str) -> Result<TicketId, Problem> {
    TicketId::read(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Problem {
    let given: String = id.chars().take(40).collect();
    Problem::new(Code::UnknownTicket, format!("`{given}` is not known, or ended long ago"))
}
