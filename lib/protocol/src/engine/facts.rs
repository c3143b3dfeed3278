//! The server's own claims: start and stop, failed logins, time, alarms, erasures done.
//! Never claims what it has not seen, and never lets a peer fill the journal with claims.

use super::commit::Release;
use super::session::State;
use super::settle::erase_item;
use super::{Broken, Engine, Phase, Whole};
use crate::code::Code;
use crate::io::{Now, Output, SessionId};
use crate::limits::{
    AROUND_CHUNK_BYTES, BATCH_BYTES_MAX, CLOCK_STEP_MS, EVIDENCE_EVERY_MS, FAILED_LOGINS_PER_MINUTE,
    FAILING_CERTIFICATES_MAX, TEXTS_SHARE,
};
use journal::act::{Act, Family, Purpose, SizeClass};
use journal::fact::{
    Alarm, AlarmKind, CellKind, ClockStep, EndReason, Fact, FailedLogin, LoginFailure, Start, Stop,
};
use pki::{CertId, PersonId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// What the driver found at its start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartFacts {
    /// The kernel's boot id.
    pub boot_id: [u8; 16],
    /// The program's version, for people.
    pub version: String,
    /// What the root cell rests on.
    pub cell: CellKind,
    /// The erasure epoch found in it.
    pub erasure_epoch: u64,
    /// Bytes behind the last commit that were set aside.
    pub set_aside_bytes: u64,
}

/// Wall and boot clock as the last input showed them, and when this run began.
#[derive(Default)]
pub(super) struct Clock {
    last: Option<Now>,
    pub(super) started_boot_ms: u64,
    pub(super) cell: u8,
    /// The cell's epoch when this life began.
    pub(super) erasure_epoch: u64,
}

/// How the device stands, by the driver's word.
pub(super) struct Room {
    takes_messages: bool,
    pub(super) used: u64,
    pub(super) device: u64,
    store: StoreLimits,
}

/// What the store can take, in bytes; the driver reckons it from the device's geometry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoreLimits {
    /// Entries and bodies of one batch.
    pub batch_bytes_max: usize,
    /// Entries of one batch, with what the device puts around them.
    pub journal_bytes_max: usize,
    /// Free room that messages and files leave alone.
    pub reserve_bytes: u64,
    /// One extent of the device, of which only whole bodies are filled; 0 where nobody said.
    pub extent_bytes: u64,
    /// Free room below which only officers and administrators come in: what is left belongs to erasure and to them.
    pub last_bytes: u64,
    /// Free room below which only what takes away is admitted, and periods, which take the old key away.
    pub end_bytes: u64,
    /// Free room that belongs to the erasures admitted before, those of old period keys among them: when no more is left, not
    /// even an erasure is, and one extent earlier no new period begins.
    pub kept_bytes: u64,
    /// People whose passwords it keeps.
    pub people_max: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            batch_bytes_max: BATCH_BYTES_MAX,
            journal_bytes_max: usize::MAX,
            reserve_bytes: 0,
            extent_bytes: 0,
            last_bytes: 0,
            end_bytes: 0,
            kept_bytes: 0,
            people_max: usize::MAX,
        }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self { takes_messages: true, used: 0, device: 0, store: StoreLimits::default() }
    }
}

impl Room {
    pub(super) fn set(&mut self, takes_messages: bool, used: u64, device: u64) {
        *self = Self { takes_messages, used, device, store: self.store };
    }

    pub(super) fn fit_to(&mut self, store: StoreLimits) {
        self.store = store;
    }

    /// Whether the store takes so many people.
    pub(super) fn takes_people(&self, count: usize) -> bool {
        count <= self.store.people_max
    }

    /// Free bytes; nobody has said how many before the first word of the driver.
    fn free(&self) -> u64 {
        if self.device == 0 { u64::MAX } else { self.device.saturating_sub(self.used) }
    }

    /// Bytes that files may still take beside the reserve, the texts' share and what is promised.
    pub(super) fn left_for_files(&self, promised: u64) -> u64 {
        let free = self.free().saturating_sub(self.store.reserve_bytes);
        free.saturating_sub(self.device / TEXTS_SHARE).saturating_sub(promised)
    }

    /// Whether a reservation of so many bytes of bodies fits beside the reserve and what is promised. A file leaves a
    /// share to texts: one person's large file must not silence everybody.
    pub(super) fn fits(&self, bytes: u64, promised: u64, purpose: Purpose) -> bool {
        let left = match purpose {
            Purpose::File => self.left_for_files(promised),
            Purpose::Wraps => self.free().saturating_sub(self.store.reserve_bytes).saturating_sub(promised),
        };
        left >= bytes
    }

    /// What so many chunks take on the device, with the room behind the last whole one of each extent.
    pub(super) fn taken_by(&self, chunks: u32, size: SizeClass) -> u64 {
        let (one, extent) = (size.bytes() + AROUND_CHUNK_BYTES, self.store.extent_bytes);
        let share = extent.checked_div(extent / one).unwrap_or(one);
        share.max(one).saturating_mul(chunks.into())
    }

    /// Whether what is left is for erasure, officers and administrators alone.
    pub(super) fn officers_only(&self) -> bool {
        self.free() < self.store.last_bytes
    }

    pub(super) fn takes_messages(&self) -> bool {
        self.takes_messages
    }

    /// Whether so little is left that it belongs to what takes away alone, to new periods, and to the starts that come: a
    /// store that is wholly full can neither erase nor start.
    pub(super) fn at_its_end(&self) -> bool {
        self.free() < self.store.end_bytes
    }

    /// Whether an erasure that is admitted now would have to do with what is kept for those before it.
    pub(super) fn keeps_the_rest(&self) -> bool {
        self.store.kept_bytes > 0 && self.free() <= self.store.kept_bytes
    }

    /// Whether a new period begins. It ends earlier than erasures do: periods come by themselves, and the last way to make
    /// room is for people.
    pub(super) fn takes_a_period(&self) -> bool {
        let StoreLimits { kept_bytes, extent_bytes, .. } = self.store;
        kept_bytes == 0 || self.free() > kept_bytes.saturating_add(extent_bytes)
    }

    /// Whether an act may use what is kept back when messages are taken no more: erasure, coming and going, what officers
    /// do, and what is told to them.
    pub(super) fn reserved_for(&self, act: &Act) -> bool {
        match act.family() {
            Family::Session | Family::Office | Family::Erasure | Family::Audit => true,
            Family::Talk => matches!(act, Act::Report(_)),
            Family::Beginning | Family::Authority | Family::Membership => false,
        }
    }
}

/// Whether an act takes something or somebody away: of bodies, rights or sessions there is less behind it.
pub(super) fn takes_away(act: &Act) -> bool {
    match act.family() {
        Family::Erasure => true,
        Family::Session => matches!(act, Act::Logout(_)),
        Family::Office => matches!(act, Act::Revoke(_) | Act::Suspend(_) | Act::EndSession(_)),
        Family::Beginning | Family::Authority | Family::Membership | Family::Talk | Family::Audit => false,
    }
}

/// A login that failed.
#[derive(Clone, Copy)]
pub(super) struct FailedBy {
    pub(super) person: PersonId,
    pub(super) certificate: CertId,
    pub(super) failure: LoginFailure,
}

/// Failed logins of one certificate in one minute.
struct Window {
    person: PersonId,
    minute: u64,
    entries: u32,
    /// Not yet in the journal: by failure.
    rest: [u32; 3],
}

/// Failed logins of the last minute, and equivocations of the last day.
#[derive(Default)]
pub(super) struct Failures {
    logins: HashMap<CertId, Window>,
    /// When the second text of a certificate was kept last, by the time that counts minutes.
    equivocations: HashMap<CertId, u64>,
}

impl Failures {
    /// Whether a second text of this certificate is to be kept; it counts as kept then.
    pub(super) fn may_alarm(&mut self, certificate: CertId, now_ms: u64) -> bool {
        self.equivocations.retain(|_, kept_ms| now_ms.abs_diff(*kept_ms) < EVIDENCE_EVERY_MS);
        if self.equivocations.len() >= FAILING_CERTIFICATES_MAX {
            return false;
        }
        match self.equivocations.entry(certificate) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(now_ms);
                true
            }
        }
    }
}

const FAILURES: [LoginFailure; 3] = [LoginFailure::Password, LoginFailure::Refused, LoginFailure::Statement];

impl Engine {
    /// Writes the Start and with it the erasures that were asked for and not done. Nobody is served before it is
    /// durable.
    pub fn start(&mut self, now: Now, facts: StartFacts, out: &mut Vec<Output>) {
        if self.phase != Phase::New {
            return;
        }
        self.phase = Phase::Running;
        self.ledger.set_now(now);
        self.period_boot_ms = now.boot_ms;
        self.clock = Clock {
            last: Some(now),
            started_boot_ms: now.boot_ms,
            cell: cell_number(facts.cell),
            erasure_epoch: facts.erasure_epoch,
        };
        let done = self.write_start(facts).and_then(|()| self.flush(out));
        self.ask_for_period(out);
        self.halt_if_broken(done, out);
    }

    fn write_start(&mut self, facts: StartFacts) -> Whole {
        let rules = self.ledger.register.policy().map_or(journal::RULES, |policy| policy.rules);
        let StartFacts { boot_id, version, cell, erasure_epoch, set_aside_bytes } = facts;
        // A crash between an Erase and its epoch leaves the intent in the journal: it is done again from there.
        let pending = self.ledger.register.erasures_pending().flat_map(|(_, what)| what.iter().copied());
        self.commits.open.erase.extend(pending.map(erase_item));
        // So does one between an Approve and the cell that it lets go of.
        self.commits.open.drop_cells.extend(self.ledger.register.dropped_cells());
        let start = Start { boot_id, rules, version, cell, erasure_epoch, set_aside_bytes };
        let admitted = self.ledger.admit_fact(Fact::Start(start));
        let admitted = admitted.map_err(|refusal| Broken(format!("the Fact start: {refusal}")))?;
        self.settle(admitted, Default::default());
        self.ticks()
    }

    pub(super) fn stop(&mut self, out: &mut Vec<Output>) -> Whole {
        let waiting = |(id, session): (&SessionId, &super::session::Session)| match session.state {
            State::AwaitLogin(_) | State::CheckingPassword => Some(*id),
            State::Live(_) | State::Over => None,
        };
        let waiting: Vec<SessionId> = self.sessions.all.iter().filter_map(waiting).collect();
        self.flush_failures(u64::MAX)?;
        self.fact(Fact::Stop(Stop {}))?;
        self.phase = Phase::Stopping;
        for id in waiting {
            self.sessions.leave(id);
            self.say(Release::end(id, Code::Stopping), out);
        }
        Ok(())
    }

    pub(super) fn stopped(&mut self, out: &mut Vec<Output>) {
        self.phase = Phase::Done;
        out.push(Output::Stopped);
    }

    pub(super) fn wake(&mut self, out: &mut Vec<Output>) -> Whole {
        self.ticks()?;
        self.flush_failures(self.minute())?;
        let now_ms = self.ledger.boot_ms();
        let late = |(id, session): (&SessionId, &super::session::Session)| match &session.state {
            State::AwaitLogin(state) if state.deadline_ms <= now_ms => Some(*id),
            State::AwaitLogin(_) | State::CheckingPassword | State::Live(_) | State::Over => None,
        };
        let late: Vec<SessionId> = self.sessions.all.iter().filter_map(late).collect();
        late.into_iter().try_for_each(|id| self.broke_protocol(id, Code::Idle, out))?;
        self.end_run_out(out)
    }

    /// A certificate that has run out lets nobody in, and nobody stay: what he signs is refused, and what others say is
    /// not for him any more.
    fn end_run_out(&mut self, out: &mut Vec<Output>) -> Whole {
        let at_ms = self.ledger.wall_ms();
        let valid = |certificate| {
            self.ledger.register.certificate(certificate).is_some_and(|certified| certified.valid_at(at_ms))
        };
        let here = self.sessions.all.iter().filter(|(_, session)| !session.is_over());
        let run_out = here.filter(|(_, session)| !valid(session.peer.certificate)).map(|(id, _)| *id);
        let run_out: Vec<SessionId> = run_out.collect();
        run_out.into_iter().try_for_each(|id| self.end_for(id, EndReason::Expired, Code::Certificate, out))
    }

    /// A failed login: an entry at once where it counts towards the lock, and for the first few of a minute; the rest
    /// as one entry with their number when the minute is over.
    pub(super) fn count_failure(&mut self, by: FailedBy) -> Whole {
        let minute = self.minute();
        if self.failures.logins.len() >= FAILING_CERTIFICATES_MAX
            && !self.failures.logins.contains_key(&by.certificate)
        {
            self.flush_failures(u64::MAX)?;
        }
        let locked = self.ledger.register.person(by.person).is_none_or(|person| person.locked.is_some());
        let counts = by.failure == LoginFailure::Password && !locked;
        let fresh = Window { person: by.person, minute, entries: 0, rest: [0; 3] };
        let window = self.failures.logins.entry(by.certificate).or_insert(fresh);
        if window.minute != minute && window.rest == [0; 3] {
            (window.minute, window.entries) = (minute, 0);
        }
        if counts || window.entries < FAILED_LOGINS_PER_MINUTE {
            window.entries += 1;
            let FailedBy { person, certificate, failure } = by;
            return self.fact(Fact::FailedLogin(FailedLogin { person, certificate, failure, count: 1 }));
        }
        let at = FAILURES.iter().position(|failure| *failure == by.failure).unwrap_or(0);
        window.rest[at] = window.rest[at].saturating_add(1);
        Ok(())
    }

    /// The minute by which statements are counted too: it ends also where the journal's time stands.
    fn minute(&self) -> u64 {
        self.ledger.counting_ms() / 60_000
    }

    /// Writes what was summed up in other minutes than this one: before it, and before the clock was set back.
    fn flush_failures(&mut self, minute: u64) -> Whole {
        let over = self.failures.logins.extract_if(|_, window| window.minute != minute);
        let mut over: Vec<(CertId, Window)> = over.filter(|(_, window)| window.rest != [0; 3]).collect();
        over.sort_unstable_by_key(|(certificate, _)| *certificate);
        for (certificate, window) in over {
            let person = window.person;
            for (failure, count) in FAILURES.into_iter().zip(window.rest).filter(|(_, count)| *count > 0) {
                self.fact(Fact::FailedLogin(FailedLogin { person, certificate, failure, count }))?;
            }
            self.alarm(AlarmKind::LoginFlood, Some(person))?;
        }
        Ok(())
    }

    pub(super) fn alarm(&mut self, alarm: AlarmKind, person: Option<PersonId>) -> Whole {
        self.fact(Fact::Alarm(Alarm { alarm, person, evidence: Vec::new().into() }))
    }

    /// Both clocks ought to run alike between two inputs.
    pub(super) fn check_clock(&mut self, now: Now) -> Whole {
        let Some(last) = self.clock.last.replace(now) else { return Ok(()) };
        let expected_ms = last.wall_ms.saturating_add(now.boot_ms.saturating_sub(last.boot_ms));
        if expected_ms.abs_diff(now.wall_ms) < CLOCK_STEP_MS {
            return Ok(());
        }
        self.fact(Fact::ClockStep(ClockStep { expected_ms, found_ms: now.wall_ms }))
    }

    /// How far the journal's time is ahead of the machine's clock, milliseconds.
    pub fn clock_ahead_ms(&self) -> u64 {
        self.clock.last.map_or(0, |now| self.ledger.wall_ms().saturating_sub(now.wall_ms))
    }

    pub(super) fn room_changed(&mut self, takes_messages: bool, used: u64, device: u64) -> Whole {
        let filled = self.room.takes_messages && !takes_messages;
        self.room.set(takes_messages, used, device);
        if filled { self.alarm(AlarmKind::NearlyFull, None) } else { Ok(()) }
    }
}

/// The number of the kind in the journal's encoding.
fn cell_number(cell: CellKind) -> u8 {
    match cell {
        CellKind::File => 1,
        CellKind::Sector => 2,
        CellKind::Tpm => 3,
    }
}
