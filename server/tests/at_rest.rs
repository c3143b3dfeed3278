//! The authority's acts that come in while no server runs: at the founding, and at the machine's console. Over logs in memory.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use journal::SignedStatement;
use journal::act::{Act, EnvelopeHandOver, EnvelopePrint, EnvelopeVoid, Revoke, RevokeReason};
use journal::testing::{Described, FOUNDED_MS, TestSite, seed};
use journal::{Policy, Refusal};
use pki::{Clearance, Role, SecretKey, Suite};
use protocol::engine::founding::{Founding, found};
use protocol::engine::taking::{AtRest, CannotTake, take_in};
use protocol::frame::SealedVerifier;
use protocol::io::{Batch, Now, VerifierChange};

const NOW: Now = Now { wall_ms: FOUNDED_MS + 1000, boot_ms: 1000 };

/// A site with two officers and anna, and nothing founded of it.
struct Room {
    site: TestSite,
    genesis: SignedStatement,
    acts: Vec<SignedStatement>,
    keys: [SecretKey; 2],
    next_envelope: u64,
}

impl Room {
    fn new(number: u64) -> Self {
        let mut site = TestSite::new(number, Suite::Ed25519);
        let people = [("olga", Role::Officer), ("oleg", Role::Officer), ("anna", Role::Operator)];
        people.iter().for_each(|(login, role)| drop(site.issue(login, &Described::new(*role, Clearance(3)))));
        let genesis = site.genesis(&["olga", "oleg"], Policy::standard());
        let enrols = people.map(|(login, _)| Act::Enrol(site.person(login).enrol()));
        let acts = enrols.map(|enrol| site.offline(enrol).0).to_vec();
        let identity = SecretKey::from_bytes(Suite::Ed25519, &site.identity.to_bytes()).unwrap();
        let period = SecretKey::from_bytes(Suite::Ed25519, &seed(number, "period/0")).unwrap();
        Self { site, genesis, acts, keys: [identity, period], next_envelope: 1 }
    }

    fn founded(&self, people_max: usize) -> Result<Founding, CannotTake> {
        let [identity, period] = &self.keys;
        let (genesis, acts) = (self.genesis.clone(), self.acts.clone());
        found(NOW, genesis, acts, Vec::new(), people_max, (identity, period))
    }

    /// Into a log that was just founded, with room for so many people.
    fn taken(
        &self,
        acts: &[SignedStatement],
        verifiers: &[SealedVerifier],
        people_max: usize,
    ) -> Result<Batch, CannotTake> {
        self.taken_where(acts, verifiers, people_max, false)
    }

    /// The same; whether the store has the verifiers of envelopes that came before.
    fn taken_where(
        &self,
        acts: &[SignedStatement],
        verifiers: &[SealedVerifier],
        people_max: usize,
        has: bool,
    ) -> Result<Batch, CannotTake> {
        let Founding { register, tree, books, .. } = self.founded(usize::MAX).unwrap();
        let [identity, period] = &self.keys;
        let state = AtRest { register, tree, books };
        let signers = (identity, period);
        let taken = take_in(NOW, state, acts.to_vec(), verifiers.to_vec(), people_max, &|_, _| has, signers);
        taken.map(|(batch, _)| batch)
    }

    /// A newly printed envelope of this person's, and its verifier.
    fn print(&mut self, login: &str) -> (SignedStatement, SealedVerifier) {
        let (number, person) = (self.next_envelope, self.site.id(login));
        self.next_envelope += 1;
        let print = self.site.offline(Act::EnvelopePrint(EnvelopePrint::new(number, person, 0, b"one-time")));
        (print.0, SealedVerifier { person, envelope: number, sealed: b"one-time".to_vec().into() })
    }

    fn newcomer(&mut self) -> (Vec<SignedStatement>, SealedVerifier) {
        let enrol = self.site.issue("dora", &Described::new(Role::Operator, Clearance(3)));
        let enrol = self.site.offline(Act::Enrol(enrol)).0;
        let (print, verifier) = self.print("dora");
        (vec![enrol, print], verifier)
    }
}

#[test]
fn more_people_than_the_store_keeps_passwords_of_are_refused_at_the_founding_and_at_the_console() {
    let mut room = Room::new(1);
    let people = room.founded(usize::MAX).unwrap().register.people().count();
    assert!(room.founded(people).is_ok());
    let Err(CannotTake::TooManyPeople { people: would_be, people_max }) = room.founded(people - 1) else {
        panic!("one too many")
    };
    assert_eq!((would_be, people_max), (people, people - 1));

    let (acts, verifier) = room.newcomer();
    let verifiers = [verifier];
    assert!(matches!(room.taken(&acts, &verifiers, people), Err(CannotTake::TooManyPeople { .. })));
    assert_eq!(room.taken(&acts, &verifiers, people + 1).unwrap().entries.len(), 2);
    // New envelopes of people who are there are what a store needs whose passwords are lost, however full it is.
    let mut full = Room::new(1);
    let (print, verifier) = full.print("anna");
    assert_eq!(full.taken(&[print], &[verifier], people - 1).unwrap().entries.len(), 1);
    // One who goes in the same bundle makes room.
    let mut changed = Room::new(1);
    let (mut acts, verifier) = changed.newcomer();
    let person = changed.site.id("anna");
    let revoke = Revoke { person, reason: RevokeReason::AffiliationChanged, note: String::new() };
    acts.push(changed.site.offline(Act::Revoke(revoke)).0);
    assert_eq!(changed.taken(&acts, &[verifier], people).unwrap().entries.len(), 3);
}

#[test]
fn only_acts_of_this_logs_own_authority_come_in_at_the_console() {
    let room = Room::new(2);
    assert_eq!(room.taken(&room.acts, &[], 9).unwrap().entries.len(), 0, "the log has them");
    let old = room.taken(&room.acts[..1], &[], 9);
    assert!(
        matches!(old, Err(CannotTake::Older { acts: 1, here: 3 })),
        "what is older says nothing of the log"
    );
    let mut other = Room::new(3);
    let elsewhere = other.acts.clone();
    assert!(matches!(room.taken(&elsewhere, &[], 9), Err(CannotTake::NotTheAuthoritys { number: 0 })));
    let (acts, verifier) = other.newcomer();
    assert!(matches!(room.taken(&acts, &[verifier], 9), Err(CannotTake::NotTheAuthoritys { number: 0 })));

    // An authority that was put back from an older copy signs its last number anew.
    let mut again = Room::new(2);
    let first = again.acts.pop().unwrap();
    again.site.offline_sequence -= 1;
    again.site.offline_last = again.acts.last().map(|act| act.clone().parse().unwrap().id()).unwrap();
    let (print, verifier) = again.print("olga");
    assert_ne!(first, print);
    again.acts.push(print);
    let refused = room.taken(&again.acts, &[verifier], 9);
    assert!(matches!(refused, Err(CannotTake::OtherPast { number: 2 })));
}

#[test]
fn an_envelope_that_came_too_late_brings_no_password() {
    let mut room = Room::new(4);
    let person = room.site.id("anna");
    let revoke = Revoke { person, reason: RevokeReason::AffiliationChanged, note: String::new() };
    let revoke = room.site.offline(Act::Revoke(revoke)).0;
    let (print, verifier) = room.print("anna");
    let batch = room.taken(&[revoke, print], &[verifier], 9).unwrap();
    assert_eq!(batch.entries.len(), 2, "both stand in the log");
    assert_eq!(batch.verifiers, [VerifierChange::Drop(person)]);
}

#[test]
fn a_bundle_that_comes_again_with_more_behind_it_is_no_forgery() {
    let mut room = Room::new(6);
    let person = room.site.id("anna");
    let revoke = Revoke { person, reason: RevokeReason::AffiliationChanged, note: String::new() };
    let revoke = room.site.offline(Act::Revoke(revoke)).0;
    let (late, of_late) = room.print("anna");
    room.acts.extend([revoke, late]);
    let (next, own) = room.print("olga");
    let all: Vec<_> = room.acts.iter().cloned().chain([next]).collect();
    let batch = room.taken(&all, &[of_late, own.clone()], 9).unwrap();
    assert_eq!(batch.entries.len(), 1);
    assert_eq!(batch.verifiers, [VerifierChange::SetSealed(own.person, own.envelope, own.sealed)]);
}

#[test]
fn an_envelope_that_the_store_cannot_check_is_not_handed_over() {
    let mut room = Room::new(7);
    let (print, verifier) = room.print("anna");
    room.acts.push(print.clone());
    let number = verifier.envelope;
    let hand_over = room.site.offline(Act::EnvelopeHandOver(EnvelopeHandOver { number })).0;
    let of =
        |has| room.taken_where(&[print.clone(), hand_over.clone()], std::slice::from_ref(&verifier), 9, has);
    assert!(matches!(of(false), Err(CannotTake::NoVerifier { number: bare }) if bare == number));
    assert_eq!(of(true).unwrap().entries.len(), 1);
}

#[test]
fn an_act_out_of_its_order_is_refused_whole() {
    let mut room = Room::new(5);
    let (print, verifier) = room.print("anna");
    let void = room.site.offline(Act::EnvelopeVoid(EnvelopeVoid { number: verifier.envelope })).0;
    let refused = room.taken(&[void, print], &[verifier], 9);
    let Err(CannotTake::Refused { refusal, .. }) = refused else { panic!("out of order") };
    assert!(matches!(refusal, Refusal::OutOfSequence { .. }));
}
