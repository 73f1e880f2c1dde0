//! A connection as bytes: plain or in TLS, with what was read ahead in front of what is still to come.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

/// Bytes of a body that are given to the kernel at once. More is slower: what waits in the socket falls out of the processor's
/// cache before the other side reads it (a megabyte at once costs a tenth more, 64 KiB at once a tenth as well).
const PIECE: usize = 256 << 10;
/// Room for what comes next.
const ROOM: usize = 2048;

/// A connection.
#[derive(Debug)]
pub struct Wire {
    stream: Stream,
    ahead: BytesMut,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// A plain connection.
    pub fn plain(stream: TcpStream) -> Self {
        Self { stream: Stream::Plain(stream), ahead: BytesMut::new() }
    }

    /// A connection after its handshake.
    pub fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self { stream: Stream::Tls(Box::new(stream)), ahead: BytesMut::new() }
    }

    /// What was read and not taken.
    pub fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// Reads more ahead; 0 is the end.
    pub async fn fill(&mut self) -> io::Result<usize> {
        if self.ahead.capacity() - self.ahead.len() < ROOM / 2 {
            self.ahead.reserve(ROOM);
        }
        match &mut self.stream {
            Stream::Plain(stream) => stream.read_buf(&mut self.ahead).await,
            Stream::Tls(stream) => stream.read_buf(&mut self.ahead).await,
        }
    }

    /// Takes bytes from what was read ahead.
    pub fn take(&mut self, count: usize) {
        // Without the detour, the buffer would be made anew for each request.
        if count == self.ahead.len() { self.ahead.clear() } else { self.ahead.advance(count) }
    }

    /// Writes a head and a body; says how much of the body went out. Nothing is copied on the way to the kernel of a plain
    /// connection.
    ///
    /// # Errors
    /// If the connection ends first, with the bytes of the body that went out.
    pub async fn send(&mut self, head: &[u8], body: &[u8]) -> Result<(), (u64, io::Error)> {
        let all = head.len() + body.len();
        let mut sent = 0;
        while sent < all {
            let pieces = pieces(head, body, sent).map(io::IoSlice::new);
            let written = match &mut self.stream {
                Stream::Plain(stream) => stream.write_vectored(&pieces).await,
                Stream::Tls(stream) => stream.write_vectored(&pieces).await,
            };
            let written = written.and_then(|count| if count == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(count) });
            sent += written.map_err(|error| (sent.saturating_sub(head.len()) as u64, error))?;
        }
        let flushed = match &mut self.stream {
            Stream::Plain(_) => return Ok(()),
            Stream::Tls(stream) => stream.flush().await,
        };
        flushed.map_err(|error| (body.len() as u64, error))
    }
}

/// What is given to the kernel next, once so many bytes of a head and its body are sent: what is left of the head, and a piece of
/// the body.
fn pieces<'a>(head: &'a [u8], body: &'a [u8], sent: usize) -> [&'a [u8]; 2] {
    let rest = &body[sent.saturating_sub(head.len())..];
    [&head[sent.min(head.len())..], &rest[..rest.len().min(PIECE)]]
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if !wire.ahead.is_empty() {
            let count = wire.ahead.len().min(buffer.remaining());
            buffer.put_slice(&wire.ahead.split_to(count));
            return Poll::Ready(Ok(()));
        }
        match &mut wire.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_byte_goes_out_once_in_pieces_that_are_as_large_as_they_may_be(
            head in 0_usize..300,
            body in 0_usize..3 * PIECE,
            taken in proptest::collection::vec(1_usize..2 * PIECE, 1..20),
        ) {
            let all: Vec<u8> = (0..head + body).map(|at| (at % 251) as u8).collect();
            let (head, body) = all.split_at(head);
            let (mut sent, mut came) = (0, Vec::new());
            // However much the kernel takes at once.
            for taken in taken.into_iter().cycle() {
                if sent == all.len() {
                    break;
                }
                let [first, second] = pieces(head, body, sent);
                prop_assert_eq!(second.len(), (all.len() - sent.max(head.len())).min(256 << 10));
                let given = [first, second].concat();
                let taken = taken.min(given.len());
                came.extend_from_slice(&given[..taken]);
                sent += taken;
            }
            prop_assert!(came == all);
        }
    }
}
