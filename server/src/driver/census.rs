//! Counts connections: in all, by certificate and by address. A place is given back by being dropped.
//! Never says who may come in, only how many.

use crate::limits::Limits;
use pki::CertId;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Counts {
    all: usize,
    by_certificate: HashMap<CertId, usize>,
    by_address: HashMap<IpAddr, usize>,
}

/// How many connections there are.
#[derive(Default)]
pub(super) struct Census(Mutex<Counts>);

impl Census {
    /// The counts, also after a task died with them in hand: they stay usable.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A counted connection.
pub(super) struct Place {
    census: Arc<Census>,
    address: IpAddr,
    certificate: Option<CertId>,
}

impl Place {
    /// A place for a connection from this address, if the limits leave one.
    pub(super) fn take(census: &Arc<Census>, address: IpAddr, limits: Limits) -> Option<Self> {
        let mut counts = census.counts();
        if counts.all >= limits.connections
            || !more(&mut counts.by_address, address, limits.connections_per_address)
        {
            return None;
        }
        counts.all += 1;
        drop(counts);
        Some(Self { census: census.clone(), address, certificate: None })
    }

    /// Counts the certificate too; `false` when it has its share already.
    pub(super) fn name(&mut self, certificate: CertId, limits: Limits) -> bool {
        let taken =
            more(&mut self.census.counts().by_certificate, certificate, limits.connections_per_certificate);
        self.certificate = taken.then_some(certificate);
        taken
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.census.counts();
        counts.all -= 1;
        less(&mut counts.by_address, &self.address);
        if let Some(certificate) = &self.certificate {
            less(&mut counts.by_certificate, certificate);
        }
    }
}

/// One more of this, unless there are as many as may be.
fn more<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K, max: usize) -> bool {
    if counts.get(&key).is_some_and(|count| *count >= max) || max == 0 {
        return false;
    }
    *counts.entry(key).or_default() += 1;
    true
}

/// One less; what nobody has is forgotten, so that the map stays as small as the connections are few.
fn less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const LIMITS: Limits =
        Limits { connections: 3, connections_per_certificate: 1, connections_per_address: 2 };

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    #[test]
    fn every_limit_refuses_and_gives_its_places_back() {
        let census = Arc::new(Census::default());
        let mut first = Place::take(&census, address(1), LIMITS).unwrap();
        let mut second = Place::take(&census, address(1), LIMITS).unwrap();
        assert!(Place::take(&census, address(1), LIMITS).is_none(), "two from one address");
        let third = Place::take(&census, address(2), LIMITS).unwrap();
        assert!(Place::take(&census, address(3), LIMITS).is_none(), "three in all");
        assert!(first.name(CertId([7; 32]), LIMITS));
        assert!(!second.name(CertId([7; 32]), LIMITS), "one per certificate");
        drop(first);
        assert!(second.name(CertId([7; 32]), LIMITS));
        drop((second, third));
        let counts = census.counts();
        assert!(counts.all == 0 && counts.by_address.is_empty() && counts.by_certificate.is_empty());
    }
}
