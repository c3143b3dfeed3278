//! The shape of the load, the same for the product and its yardstick: 11 connections, 8 of them send with 16 messages
//! outstanding each, every message of 1 KiB goes to the 10 others.
//! Never looks at anything but the time stamp and the sender that a message carries.

use crate::measure::{Samples, cpu_of};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Connections.
pub(crate) const MEMBERS: usize = 11;
/// Those of them that send.
pub(crate) const SENDERS: usize = 8;
/// Messages of one sender that wait for their acknowledgement.
pub(crate) const OUTSTANDING: usize = 16;
/// Bytes of a message before it is padded or sealed.
pub(crate) const MESSAGE_BYTES: usize = 1024;
/// What stands at the beginning of a message: time stamp, sender.
pub(crate) const STAMP_BYTES: usize = 12;

/// What all connections of a run share.
pub(crate) struct Run {
    begin: Instant,
    sending: Duration,
    acknowledged: AtomicU64,
    finished_senders: AtomicU64,
}

impl Run {
    /// A run that begins now and sends for so long.
    pub(crate) fn new(sending: Duration) -> Arc<Self> {
        Arc::new(Self {
            begin: Instant::now(),
            sending,
            acknowledged: AtomicU64::new(0),
            finished_senders: AtomicU64::new(0),
        })
    }

    fn now(&self) -> u64 {
        self.begin.elapsed().as_nanos() as u64
    }

    /// Whether new messages are still sent.
    pub(crate) fn is_sending(&self) -> bool {
        self.begin.elapsed() < self.sending
    }

    /// What a message of this sender begins with.
    pub(crate) fn stamp(&self, sender: usize) -> [u8; STAMP_BYTES] {
        let mut stamp = [0; STAMP_BYTES];
        stamp[..8].copy_from_slice(&self.now().to_be_bytes());
        stamp[8..].copy_from_slice(&(sender as u32).to_be_bytes());
        stamp
    }
}

/// What one connection has counted.
pub(crate) struct Member {
    run: Arc<Run>,
    /// Its own number.
    pub(crate) number: usize,
    /// Messages without an acknowledgement.
    pub(crate) outstanding: usize,
    own: u64,
    delivered: u64,
    last: u64,
    done: bool,
    acks: Samples,
    deliveries: Samples,
}

impl Member {
    pub(crate) fn new(run: Arc<Run>, number: usize) -> Self {
        Self {
            run,
            number,
            outstanding: 0,
            own: 0,
            delivered: 0,
            last: 0,
            done: false,
            acks: Samples::default(),
            deliveries: Samples::default(),
        }
    }

    /// The stamp of the next message, if one is to be sent now.
    pub(crate) fn next(&mut self) -> Option<[u8; STAMP_BYTES]> {
        if self.number >= SENDERS || self.outstanding >= OUTSTANDING || !self.run.is_sending() {
            return None;
        }
        self.outstanding += 1;
        Some(self.run.stamp(self.number))
    }

    /// A message of one's own, sent at this time, is acknowledged.
    pub(crate) fn acknowledged(&mut self, sent: u64) {
        self.outstanding -= 1;
        self.own += 1;
        self.acks.add(self.run.now() - sent);
        self.run.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    /// A message came; one's own do not count.
    pub(crate) fn delivered(&mut self, stamp: &[u8]) {
        let sent = u64::from_be_bytes(stamp[..8].try_into().expect("8 bytes"));
        let sender = u32::from_be_bytes(stamp[8..12].try_into().expect("4 bytes"));
        if sender as usize != self.number {
            let now = self.run.now();
            self.deliveries.add(now.saturating_sub(sent));
            self.delivered += 1;
            self.last = now;
        }
    }

    /// Whether nothing more will come: all senders are done, and what they sent is here.
    pub(crate) fn is_over(&mut self) -> bool {
        if self.run.is_sending() || self.outstanding > 0 {
            return false;
        }
        if !self.done {
            self.done = true;
            self.run.finished_senders.fetch_add(u64::from(self.number < SENDERS), Ordering::Relaxed);
        }
        let all = self.run.acknowledged.load(Ordering::Relaxed);
        self.run.finished_senders.load(Ordering::Relaxed) == SENDERS as u64
            && self.delivered + self.own == all
    }
}

/// Processor time of a run: taken once before it and once behind it.
#[derive(Clone, Copy)]
pub(crate) struct Spent {
    server: Duration,
    load: Duration,
}

impl Spent {
    /// Up to now.
    pub(crate) fn so_far(server: u32) -> anyhow::Result<Self> {
        Ok(Self { server: cpu_of(server)?, load: cpu_of(std::process::id())? })
    }

    /// Since then.
    pub(crate) fn since(self, before: Self) -> Self {
        Self { server: self.server - before.server, load: self.load - before.load }
    }
}

/// What a run gave.
pub(crate) struct Outcome {
    pub(crate) messages: u64,
    pub(crate) per_second: f64,
    pub(crate) acks: Samples,
    pub(crate) deliveries: Samples,
    /// Of the server, per message.
    pub(crate) cpu_us: f64,
    /// Of the load generator, per message: all terminals together.
    pub(crate) load_us: f64,
}

impl Outcome {
    /// Adds up the members of a run.
    pub(crate) fn of(members: Vec<Member>, spent: Spent) -> Self {
        let messages = members.iter().map(|member| member.own).sum::<u64>();
        let last = members.iter().map(|member| member.last).max().unwrap_or(0);
        let delivered: u64 = members.iter().map(|member| member.delivered).sum();
        let per_second = delivered as f64 / (MEMBERS - 1) as f64 / (last as f64 / 1e9);
        let (mut acks, mut deliveries) = (Samples::default(), Samples::default());
        for member in members {
            acks.extend(member.acks);
            deliveries.extend(member.deliveries);
        }
        let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / messages.max(1) as f64;
        let (cpu_us, load_us) = (each(spent.server), each(spent.load));
        Self { messages, per_second, acks, deliveries, cpu_us, load_us }
    }
}
