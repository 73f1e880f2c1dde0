//! Who asks: the other end of the connection, or whom a proxy that is trusted speaks for.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The client's address. `forwarded` are the values of `X-Forwarded-For` and `Forwarded` (RFC 7239); they count only if the
/// peer is trusted, and then as far back as the chain of trusted proxies reaches: what a stranger wrote in front of it does not.
pub fn of(peer: IpAddr, forwarded: [Option<&[u8]>; 2], trusted: &[IpNet]) -> IpAddr {
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let [listed, described] = forwarded.map(|field| field.and_then(|field| std::str::from_utf8(field).ok()));
    let hops: Vec<&str> = match (described, listed) {
        (Some(described), _) => described.split(',').map(described_for).collect(),
        (None, Some(listed)) => listed.split(',').collect(),
        (None, None) => Vec::new(),
    };
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        // A name that hides the address, or nonsense: the last proxy that is known stands for whoever is behind it.
        let Some(address) = address(hop) else { return client };
        client = address;
        if !is_trusted(address, trusted) {
            return client;
        }
    }
    client
}

/// Whether somebody at this address is believed.
pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|network| network.contains(&address))
}

/// The `for` of one element of `Forwarded`.
fn described_for(element: &str) -> &str {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let given = pairs.map(|(name, value)| (name.trim(), value.trim()));
    given.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("for")).map_or("", |(_, value)| value)
}

/// An address with or without port, brackets and quotes.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    text.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_trusted_proxy_is_believed_and_a_stranger_is_not() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()).into();
        for (peer, listed, described, client) in [
            ("192.0.2.1", Some("198.51.100.7"), None, "192.0.2.1"),
            ("10.0.0.1", None, None, "10.0.0.1"),
            ("::ffff:10.0.0.1", Some("198.51.100.7"), None, "198.51.100.7"),
            ("10.0.0.1", Some("198.51.100.7, 10.0.0.2"), None, "198.51.100.7"),
            // What the client wrote itself stands in front of what the proxy saw.
            ("10.0.0.1", Some("1.1.1.1, 198.51.100.7"), None, "198.51.100.7"),
            ("10.0.0.1", Some("unknown, 10.0.0.2"), None, "10.0.0.2"),
            ("10.0.0.1", None, Some("for=198.51.100.7;proto=https, for=10.0.0.3"), "198.51.100.7"),
            ("10.0.0.1", None, Some(r#"proto=https; For="[2001:db8::7]:4711""#), "2001:db8::7"),
            ("10.0.0.1", Some("9.9.9.9"), Some("for=_hidden"), "10.0.0.1"),
        ] {
            let fields = [listed.map(str::as_bytes), described.map(str::as_bytes)];
            let found = of(peer.parse().unwrap(), fields, &trusted);
            assert_eq!(found, client.parse::<IpAddr>().unwrap(), "{peer} {listed:?} {described:?}");
        }
        assert_eq!(of("10.0.0.1".parse().unwrap(), [Some(b"1.1.1.1"), None], &[]), "10.0.0.1".parse::<IpAddr>().unwrap());
    }
}
