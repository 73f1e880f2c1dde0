//! How often strangers do what costs something: so many times a minute from one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use actix_web::HttpRequest;
use festoon_spec::UnixMillis;

use super::gate;

/// What an address may do in …
const WINDOW_MILLIS: u64 = 60_000;
/// Addresses that are counted; beyond it the one that came first is forgotten.
const MOST_ADDRESSES: usize = 10_000;

/// How often each address did something of late. Behind a proxy all are one address: there the proxy has to count.
#[derive(Default)]
pub struct Counted(Mutex<HashMap<IpAddr, Window>>);

struct Window {
    since: UnixMillis,
    times: u32,
}

impl Counted {
    /// Counts one more of whoever sent this request, or says after how many seconds it may come again.
    pub fn admit(&self, request: &HttpRequest, now: UnixMillis, most: u32) -> Result<(), u64> {
        self.count(gate::client(request), now, most)
    }

    fn count(&self, address: IpAddr, now: UnixMillis, most: u32) -> Result<(), u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        if counted.len() >= MOST_ADDRESSES && !counted.contains_key(&address) {
            counted.retain(|_, window| now.since(window.since) < WINDOW_MILLIS);
            let oldest = counted.iter().min_by_key(|(_, window)| window.since).map(|(address, _)| *address);
            if let Some(oldest) = oldest.filter(|_| counted.len() >= MOST_ADDRESSES) {
                counted.remove(&oldest);
            }
        }
        let window = counted.entry(address).or_insert(Window { since: now, times: 0 });
        if now.since(window.since) >= WINDOW_MILLIS {
            *window = Window { since: now, times: 0 };
        }
        if window.times >= most {
            return Err((WINDOW_MILLIS - now.since(window.since)).div_ceil(1000));
        }
        window.times += 1;
        Ok(())
    }
}

/// Who has one address of IPv6 has all with the same first half.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixMillis {
        UnixMillis(1_800_000_000_000 + seconds * 1000)
    }

    #[test]
    fn an_address_may_do_so_much_a_minute_and_a_network_of_ipv6_is_one_address() {
        let counted = Counted::default();
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::ffff:1".parse().unwrap();
        assert_eq!(counted.count(one, at(0), 2), Ok(()));
        assert_eq!(counted.count(neighbour, at(10), 2), Ok(()));
        assert_eq!(counted.count(one, at(20), 2), Err(40));
        assert_eq!(counted.count("2001:db8:0:1::1".parse().unwrap(), at(20), 2), Ok(()));
        assert_eq!(counted.count(one, at(60), 2), Ok(()));
    }

    #[test]
    fn no_number_of_addresses_makes_the_count_grow_without_end() {
        let counted = Counted::default();
        for number in 0..MOST_ADDRESSES as u32 + 50 {
            counted.count(IpAddr::from(number.to_be_bytes()), at(u64::from(number) / 1000), 1).unwrap();
        }
        assert_eq!(counted.0.lock().unwrap().len(), MOST_ADDRESSES);
    }
}
