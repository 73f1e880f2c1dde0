//! The PROXY protocol, versions 1 and 2: what a balancer that passes bytes on says of the client, before its first byte.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::io::{AsyncRead, AsyncReadExt};

/// What version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The shortest line of version 1, `PROXY UNKNOWN\r\n`; version 2 is longer as well.
const SHORTEST: usize = 15;
/// The longest line of version 1.
const LONGEST: usize = 107;
/// Bytes of additions that version 2 may carry.
const ADDITIONS: usize = 2048;

/// Reads the header and not a byte more. `None` if the proxy speaks for itself, as when it asks how the server is.
///
/// # Errors
/// If it is no such header, or the connection ends in it.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut begin = [0; SHORTEST];
    stream.read_exact(&mut begin).await?;
    if begin.starts_with(&SIGNATURE) {
        return read_2(stream, begin[12], begin[13], begin[14]).await;
    }
    let mut line = begin.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= LONGEST {
            return Err(wrong("a line that does not end"));
        }
        line.push(stream.read_u8().await?);
    }
    let text = std::str::from_utf8(&line).map_err(|_| wrong("no text"))?;
    let mut words = text.trim_end().split(' ');
    if words.next() != Some("PROXY") {
        return Err(wrong("no PROXY header"));
    }
    match words.next() {
        Some("UNKNOWN") => Ok(None),
        Some("TCP4" | "TCP6") => {
            let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
            let port = words.nth(1).and_then(|word| word.parse().ok());
            address.zip(port).map(|(address, port)| Some(SocketAddr::new(address, port))).ok_or_else(|| wrong("no address"))
        }
        _ => Err(wrong("an unknown protocol")),
    }
}

async fn read_2(
    stream: &mut (impl AsyncRead + Unpin),
    command: u8,
    family: u8,
    length_high: u8,
) -> io::Result<Option<SocketAddr>> {
    let length = usize::from(u16::from_be_bytes([length_high, stream.read_u8().await?]));
    if length > ADDITIONS {
        return Err(wrong("more additions than are read"));
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    let port = |at: usize| rest.get(at..at + 2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
    let (address, port) = match (command, family) {
        (0x20, _) => return Ok(None),
        (0x21, 0x11) => (rest.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes).into()), port(8)),
        (0x21, 0x21) => (rest.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes).into()), port(32)),
        (0x21, _) => return Ok(None),
        _ => return Err(wrong("an unknown version or command")),
    };
    let address: Option<IpAddr> = address;
    address.zip(port).map(|(address, port)| Some(SocketAddr::new(address, port))).ok_or_else(|| wrong("too few bytes"))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} where a PROXY header should be"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn told(header: &[u8]) -> io::Result<(Option<String>, Vec<u8>)> {
        let bytes = [header, b"GET"].concat();
        let mut stream = &bytes[..];
        let told = read(&mut stream).await?;
        Ok((told.map(|address| address.to_string()), stream.to_vec()))
    }

    fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        [&SIGNATURE[..], &[command, family], &(rest.len() as u16).to_be_bytes(), rest].concat()
    }

    #[tokio::test]
    async fn a_header_tells_the_client_and_ends_where_the_request_begins() {
        let v4 = version_2(0x21, 0x11, &[192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0, 80, 3, 0, 1, 0]);
        let v6 = [&[0x20, 1, 0x0d, 0xb8], &[0; 11][..], &[7], &[0; 16], &[0x30, 0x39, 0, 80]].concat();
        for (header, expected) in [
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 12345 80\r\n".to_vec(), Some("192.0.2.7:12345")),
            (b"PROXY TCP6 2001:db8::7 ::1 12345 80\r\n".to_vec(), Some("[2001:db8::7]:12345")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (v4, Some("192.0.2.7:12345")),
            (version_2(0x21, 0x21, &v6), Some("[2001:db8::7]:12345")),
            (version_2(0x20, 0, &[]), None),
        ] {
            let told = told(&header).await.unwrap();
            assert_eq!(told, (expected.map(str::to_owned), b"GET".to_vec()), "{header:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        let endless = [b"PROXY TCP4 ".to_vec(), vec![b'1'; 200]].concat();
        for header in [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            b"PROXY TCP4 nobody 10.0.0.1 1 80\r\n".to_vec(),
            b"PROXY UDP4 192.0.2.7 10.0.0.1 1 80\r\n".to_vec(),
            endless,
            version_2(0x21, 0x11, &[192, 0, 2]),
            version_2(0x31, 0x11, &[0; 12]),
            version_2(0x21, 0x11, &[0; 4000]),
        ] {
            assert!(told(&header).await.is_err(), "{header:?}");
        }
    }
}
