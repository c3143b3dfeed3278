//! Counts connections: handshakes under way by where they come from, live ones in all, by certificate and by address.
//! Never says who may come in, only how many; and never lets a handshake take what is kept for those who showed a
//! certificate: the two are counted apart.

use crate::limits::{HANDSHAKE_GRACE, HANDSHAKES_MAX, HANDSHAKES_PER_SOURCE, Limits};
use pki::CertId;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// Where handshakes come from, as shares are given: an IPv4 address, or the /64 network of an IPv6 one, which one host
/// can have all of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Source(IpAddr);

impl Source {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            v4 @ IpAddr::V4(_) => Self(v4),
            IpAddr::V6(v6) => Self(Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX)).into()),
        }
    }
}

/// A handshake under way, as the census sees it. Dropping `_push` pushes it out.
struct Begun {
    source: Source,
    at: Instant,
    _push: oneshot::Sender<()>,
}

#[derive(Default)]
struct Counts {
    /// By their numbers, so the oldest first.
    handshakes: BTreeMap<u64, Begun>,
    next: u64,
    live: usize,
    by_certificate: HashMap<CertId, usize>,
    by_address: HashMap<IpAddr, usize>,
}

impl Counts {
    fn has_room(&self, address: IpAddr, limits: Limits) -> bool {
        let here = self.by_address.get(&address).copied().unwrap_or(0);
        self.live < limits.connections && here < limits.connections_per_address
    }

    /// Makes room for one more handshake: who has dawdled longest goes, of the same source where that has its share.
    fn make_room(&mut self, source: Source, now: Instant) -> bool {
        let of_source = self.handshakes.values().filter(|begun| begun.source == source).count();
        let has_share = of_source >= HANDSHAKES_PER_SOURCE;
        if !has_share && self.handshakes.len() < HANDSHAKES_MAX {
            return true;
        }
        let dawdles = |begun: &Begun| {
            (!has_share || begun.source == source) && now.duration_since(begun.at) >= HANDSHAKE_GRACE
        };
        let slow = self.handshakes.iter().find(|(_, begun)| dawdles(begun)).map(|(number, _)| *number);
        slow.is_some_and(|number| self.handshakes.remove(&number).is_some())
    }
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

/// A counted handshake.
pub(super) struct Handshake {
    census: Arc<Census>,
    number: u64,
    address: IpAddr,
    pushed: oneshot::Receiver<()>,
}

impl Handshake {
    /// A place for a handshake with this address, if the limits leave one.
    pub(super) fn begin(census: &Arc<Census>, address: IpAddr, now: Instant, limits: Limits) -> Option<Self> {
        let source = Source::of(address);
        let mut counts = census.counts();
        // Where no connection could follow, the work of a handshake is saved.
        if !counts.has_room(address, limits) || !counts.make_room(source, now) {
            return None;
        }
        let number = counts.next;
        counts.next += 1;
        let (push, pushed) = oneshot::channel();
        counts.handshakes.insert(number, Begun { source, at: now, _push: push });
        drop(counts);
        Some(Self { census: census.clone(), number, address, pushed })
    }

    /// Comes back when another handshake was given this one's room.
    pub(super) async fn pushed_out(&mut self) {
        let _dropped = (&mut self.pushed).await;
    }

    /// The handshake is done and showed this certificate: a place among the live ones, if there is one.
    pub(super) fn done(self, certificate: CertId, limits: Limits) -> Option<Place> {
        let (census, address) = (self.census.clone(), self.address);
        drop(self);
        let mut counts = census.counts();
        let room = counts.has_room(address, limits)
            && more(&mut counts.by_certificate, certificate, limits.connections_per_certificate);
        if !room {
            return None;
        }
        counts.live += 1;
        *counts.by_address.entry(address).or_default() += 1;
        drop(counts);
        Some(Place { census, address, certificate })
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.census.counts().handshakes.remove(&self.number);
    }
}

/// A counted connection. The place is given back by being dropped.
pub(super) struct Place {
    census: Arc<Census>,
    address: IpAddr,
    certificate: CertId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.census.counts();
        counts.live -= 1;
        less(&mut counts.by_address, &self.address);
        less(&mut counts.by_certificate, &self.certificate);
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

    struct World {
        census: Arc<Census>,
        now: Instant,
    }

    impl World {
        fn new() -> Self {
            Self { census: Arc::default(), now: Instant::now() }
        }

        fn begin(&self, address: IpAddr) -> Option<Handshake> {
            Handshake::begin(&self.census, address, self.now, LIMITS)
        }

        fn live(&self, last: u8, certificate: u8) -> Option<Place> {
            self.begin(address(last))?.done(CertId([certificate; 32]), LIMITS)
        }
    }

    fn is_pushed_out(handshake: &mut Handshake) -> bool {
        handshake.pushed.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn every_limit_of_live_ones_refuses_and_gives_its_places_back() {
        let world = World::new();
        let first = world.live(1, 7).unwrap();
        assert!(world.live(1, 7).is_none(), "one per certificate");
        let second = world.live(1, 8).unwrap();
        assert!(world.live(1, 9).is_none(), "two from one address");
        let third = world.live(2, 9).unwrap();
        assert!(world.live(3, 10).is_none() && world.begin(address(3)).is_none(), "three in all");
        drop(first);
        let again = world.live(3, 7).unwrap();
        drop((second, third, again));
        let counts = world.census.counts();
        assert!(counts.live == 0 && counts.by_address.is_empty() && counts.by_certificate.is_empty());
        assert!(counts.handshakes.is_empty());
    }

    #[test]
    fn handshakes_take_no_place_of_a_connection() {
        let world = World::new();
        let strangers: Vec<_> =
            (0..HANDSHAKES_PER_SOURCE).map(|_| world.begin(address(66)).unwrap()).collect();
        assert!(world.begin(address(66)).is_none(), "its share");
        let places: Vec<_> = (1..=3).map(|n| world.live(n, n).unwrap()).collect();
        drop((strangers, places));
        assert!(world.census.counts().handshakes.is_empty());
    }

    #[test]
    fn whoever_dawdles_makes_room_and_whoever_is_quick_stays() {
        let mut world = World::new();
        let sources = HANDSHAKES_MAX / HANDSHAKES_PER_SOURCE;
        let mut slow: Vec<_> =
            (0..HANDSHAKES_MAX).map(|n| world.begin(address((n % sources) as u8)).unwrap()).collect();
        assert!(world.begin(address(200)).is_none(), "full, and nobody has dawdled yet");
        world.now += HANDSHAKE_GRACE;
        let mut quick = world.begin(address(200)).unwrap();
        assert!(is_pushed_out(&mut slow[0]) && !is_pushed_out(&mut slow[1]), "the oldest of all");
        let _of_the_same = world.begin(address(1)).unwrap();
        assert!(is_pushed_out(&mut slow[1]) && !is_pushed_out(&mut slow[2]), "the oldest of its source");
        let _others: Vec<_> = (0..20).map(|n| world.begin(address(100 + n)).unwrap()).collect();
        assert!(!is_pushed_out(&mut quick));
        assert_eq!(world.census.counts().handshakes.len(), HANDSHAKES_MAX);
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_a_mapped_address_is_its_own() {
        let source = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(source("fe80::1"), source("fe80::ffff:2:3"));
        assert_ne!(source("fd00:0:0:1::1"), source("fd00:0:0:2::1"));
        assert_eq!(source("::ffff:10.0.0.1"), source("10.0.0.1"));
        assert_ne!(source("10.0.0.1"), source("10.0.0.2"));
    }
}
