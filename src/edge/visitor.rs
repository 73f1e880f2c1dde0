//! Strangers: who shows neither a signature nor the token, and how much work is done for one of them.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use festoon_spec::{ClipSpec, UnixMillis};

use super::{Edge, EdgeError, How, Shown};
use crate::{
    config::MayAsk,
    pick::{Pick, Resolved},
    template::{NotPublic, Template},
};

/// In which time an address may do so much.
const WINDOW_MILLIS: u64 = 60_000;
/// Addresses that are counted; beyond it the one that came first is forgotten.
const MOST_ADDRESSES: usize = 10_000;

/// How often each address did something of late.
#[derive(Debug)]
pub struct Budget {
    per_minute: u32,
    counted: Mutex<HashMap<IpAddr, Window>>,
}

#[derive(Debug)]
struct Window {
    since: UnixMillis,
    times: u32,
}

impl Budget {
    /// So many times a minute for each address; of IPv6, for all with the same first half, which one subscriber has.
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, counted: Mutex::default() }
    }

    /// Counts one more.
    ///
    /// # Errors
    /// After how many seconds the address may come again.
    pub fn spend(&self, address: IpAddr, now: UnixMillis) -> Result<(), u64> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        if counted.len() >= MOST_ADDRESSES && !counted.contains_key(&address) {
            counted.retain(|_, window| now.is_within(WINDOW_MILLIS, window.since));
            let oldest = counted.iter().min_by_key(|(_, window)| window.since).map(|(address, _)| *address);
            if let Some(oldest) = oldest.filter(|_| counted.len() >= MOST_ADDRESSES) {
                counted.remove(&oldest);
            }
        }
        let window = counted.entry(address).or_insert(Window { since: now, times: 0 });
        if !now.is_within(WINDOW_MILLIS, window.since) {
            *window = Window { since: now, times: 0 };
        }
        if window.times >= self.per_minute {
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

/// Somebody without a right of their own.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Where they come from.
    pub address: IpAddr,
    /// What work may be done for them.
    pub work: Arc<Budget>,
}

impl Edge {
    /// Whether who asks may cause this.
    ///
    /// # Errors
    /// [`EdgeError::NotPublic`].
    pub(super) fn check_public(&self, how: &How, template: &Template, resolved: &Resolved) -> Result<(), EdgeError> {
        match (&how.visitor, self.inner.config.strangers.may) {
            (None, _) | (_, MayAsk::Everything) => Ok(()),
            (_, MayAsk::Public) => {
                let Pick { locale, parameters, variation, .. } = &resolved.pick;
                // What stands in the place of a public take is public.
                let asked = self.inner.decisions.stands_for(&resolved.plate_key).unwrap_or(*variation);
                Ok(template.public.check(template, locale, parameters, asked)?)
            }
            (_, MayAsk::Nothing) => Err(NotPublic::Anything.into()),
        }
    }

    /// Counts a piece of work for who asks.
    ///
    /// # Errors
    /// [`EdgeError::TooMuchWork`].
    pub(super) fn spend(&self, how: &How) -> Result<(), EdgeError> {
        let Some(Visitor { address, work }) = &how.visitor else { return Ok(()) };
        work.spend(*address, self.now()).map_err(|seconds| EdgeError::TooMuchWork { seconds })
    }

    /// Lets who asks have a clip or another form made, unless it is there.
    ///
    /// # Errors
    /// [`EdgeError::NotPublic`], [`EdgeError::TooMuchWork`]; if the cache fails.
    pub(super) async fn admit_making(&self, how: &How, shown: &Shown, spec: &ClipSpec) -> Result<(), EdgeError> {
        if how.visitor.is_some() && self.inner.cache.find(&spec.key()).await?.is_none() {
            self.check_public(how, self.template(&shown.resolved.pick)?.as_ref(), &shown.resolved)?;
            self.spend(how)?;
        }
        Ok(())
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
    fn an_address_has_so_much_a_minute_and_a_network_of_ipv6_is_one_address() {
        let budget = Budget::new(2);
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::ffff:1".parse().unwrap();
        assert_eq!(budget.spend(one, at(0)), Ok(()));
        assert_eq!(budget.spend(neighbour, at(10)), Ok(()));
        assert_eq!(budget.spend(one, at(20)), Err(40));
        assert_eq!(budget.spend("2001:db8:0:1::1".parse().unwrap(), at(20)), Ok(()));
        assert_eq!(budget.spend(one, at(60)), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_shuts_nobody_out() {
        let (budget, one) = (Budget::new(1), "192.0.2.1".parse().unwrap());
        const DAY: u64 = 24 * 3600;
        assert_eq!(budget.spend(one, at(DAY)), Ok(()));
        assert_eq!(budget.spend(one, at(DAY)), Err(60));
        assert_eq!(budget.spend(one, at(0)), Ok(()));
        assert_eq!(budget.spend(one, at(0)), Err(60));
    }

    #[test]
    fn no_number_of_addresses_makes_the_count_grow_without_end() {
        let budget = Budget::new(1);
        for number in 0..MOST_ADDRESSES as u32 + 50 {
            budget.spend(IpAddr::from(number.to_be_bytes()), at(u64::from(number) / 1000)).unwrap();
        }
        assert_eq!(budget.counted.lock().unwrap().len(), MOST_ADDRESSES);
    }
}
