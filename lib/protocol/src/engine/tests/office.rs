//! Officers: the authority's acts taken in, people ended, suspended, revoked.
use super::terminal::*;
use super::world::World;
use crate::answer::Answer;
use crate::code::Code;
use crate::engine::StoreLimits;
use crate::engine::recovery::Recovery;
use crate::frame::{SealedVerifier, Stage, ToCore, ToTerminal};
use crate::io::{Input, VerifierChange};
use crate::limits::STAGED_BYTES_MAX;
use crate::query::Query;
use journal::act::{
    Act, Approve, DualAct, EndSession, EnvelopePrint, EnvelopeVoid, Propose, Resume, Revoke, RevokeReason,
    Submit, Suspend,
};
use journal::register::submit_digest;
use journal::testing::Described;
use journal::{Policy, Refusal, SignedStatement};
use pki::{Clearance, Role, canonical};

fn stage(world: &mut World, login: &str, acts: Vec<Act>, verifiers: Vec<SealedVerifier>) -> Submit {
    let signed: Vec<_> = acts.into_iter().map(|act| world.site.offline(act)).collect();
    let submit =
        Submit { count: signed.len() as u32, digest: submit_digest(signed.iter().map(|(_, id)| id)) };
    let acts: Vec<SignedStatement> = signed.into_iter().map(|(act, _)| act).collect();
    world.frame(world.session(login), &ToCore::Stage(Stage { acts, verifiers }));
    submit
}

#[test]
fn an_officer_takes_in_a_bundle_and_the_newcomer_logs_in() {
    let mut world = World::new(1);
    let watcher = world.enter("anna");
    world.drain(watcher);
    world.enter("olga");
    let (acts, verifier) = world.newcomer("dora", Role::Operator);
    let batches = world.batches.len();
    let submit = stage(&mut world, "olga", acts, vec![verifier.clone()]);
    let index = world.act("olga", Act::Submit(submit)).unwrap();
    assert_eq!((world.batches.len(), world.entries.len() as u64), (batches + 1, index + 4), "one batch");
    let change = VerifierChange::SetSealed(verifier.person, verifier.envelope, verifier.sealed);
    assert_eq!(world.batches.last().unwrap().verifiers, [change]);
    assert!(delivered(&world.drain(watcher)).contains(&(index + 1)), "everyone hears of an Enrol");
    world.enter("dora");
}

#[test]
fn more_people_than_the_store_keeps_passwords_of_are_refused_and_a_renewal_is_not() {
    let mut world = World::new(3);
    world.enter("olga");
    let people_max = world.register().people().count();
    world.engine.fit_to(StoreLimits { people_max, ..StoreLimits::default() });
    let before = (world.entries.len(), world.register().digest());
    let kept = (world.site.offline_sequence, world.site.offline_last);
    let (acts, verifier) = world.newcomer("dora", Role::Operator);
    let submit = stage(&mut world, "olga", acts.clone(), vec![verifier.clone()]);
    assert_eq!(world.act("olga", Act::Submit(submit)), Err(Code::TooManyPeople.number()));
    assert_eq!(before, (world.entries.len(), world.register().digest()));
    (world.site.offline_sequence, world.site.offline_last) = kept;

    let renewal = world.site.issue("anna", &Described::new(Role::Operator, Clearance(3)));
    let submit = stage(&mut world, "olga", vec![Act::Enrol(renewal)], vec![]);
    world.act("olga", Act::Submit(submit)).unwrap();

    world.engine.fit_to(StoreLimits { people_max: people_max + 1, ..StoreLimits::default() });
    let submit = stage(&mut world, "olga", acts, vec![verifier]);
    world.act("olga", Act::Submit(submit)).unwrap();
    world.enter("dora");
}

#[test]
fn a_bundle_is_taken_in_whole_or_not_at_all() {
    let mut world = World::new(2);
    world.enter("olga");
    let (mut acts, verifier) = world.newcomer("dora", Role::Operator);
    acts.push(acts[0].clone()); // the same keys again
    let before = (world.entries.len(), world.register().digest());
    let kept = (world.site.offline_sequence, world.site.offline_last);
    let submit = stage(&mut world, "olga", acts, vec![verifier.clone()]);
    let refusal = code(Refusal::KeyKnown);
    assert_eq!(world.act("olga", Act::Submit(submit.clone())), Err(refusal));
    assert_eq!(before, (world.entries.len(), world.register().digest()));
    assert_eq!(
        world.act("olga", Act::Submit(submit)),
        Err(code(Refusal::SubmitMismatch)),
        "staged no longer"
    );
    (world.site.offline_sequence, world.site.offline_last) = kept;
    let (acts, _) = world.newcomer("dora", Role::Operator);
    let submit = stage(&mut world, "olga", acts.clone(), vec![]);
    assert_eq!(world.act("olga", Act::Submit(submit)), own(Code::Body), "an envelope without its verifier");
    (world.site.offline_sequence, world.site.offline_last) = kept;
    let known = SealedVerifier { sealed: b"known to whoever carried it".to_vec().into(), ..verifier.clone() };
    let submit = stage(&mut world, "olga", acts.clone(), vec![known]);
    assert_eq!(
        world.act("olga", Act::Submit(submit)),
        own(Code::Body),
        "another verifier than the signed one"
    );
    (world.site.offline_sequence, world.site.offline_last) = kept;
    let person = world.site.id("boris");
    let submit = stage(&mut world, "olga", acts.clone(), vec![SealedVerifier { person, ..verifier.clone() }]);
    assert_eq!(world.act("olga", Act::Submit(submit)), own(Code::Body), "another person's");
    (world.site.offline_sequence, world.site.offline_last) = kept;
    let stray = SealedVerifier { envelope: 5, ..verifier.clone() };
    let submit = stage(&mut world, "olga", acts.clone(), vec![verifier, stray]);
    assert_eq!(world.act("olga", Act::Submit(submit)), own(Code::Body), "a verifier without its envelope");
    (world.site.offline_sequence, world.site.offline_last) = kept;
    let mut forged = world.site.offline(acts[0].clone()).0;
    forged.signature[3] ^= 1;
    let parsed = forged.clone().parse().unwrap().id();
    let submit = Submit { count: 1, digest: submit_digest([&parsed]) };
    world.frame(world.session("olga"), &ToCore::Stage(Stage { acts: vec![forged], verifiers: vec![] }));
    assert_eq!(world.act("olga", Act::Submit(submit)), own(Code::Statement));
    assert_eq!(before.0, world.entries.len());
}

#[test]
fn an_envelope_that_its_own_submit_ends_again_needs_no_verifier() {
    let mut world = World::new(4);
    world.enter("olga");
    let (mut acts, first) = world.newcomer("dora", Role::Operator);
    let (person, number) = (first.person, first.envelope);
    // Handed over in the newcomer's bundle; printed anew since, for the first one's verifier was lost.
    let again = EnvelopePrint::new(number + 1, person, number, b"again");
    let third = EnvelopePrint::new(number + 2, person, 0, b"third");
    let kept = (world.site.offline_sequence, world.site.offline_last);
    acts.extend([Act::EnvelopePrint(again.clone()), Act::EnvelopePrint(third)]);
    acts.push(Act::EnvelopeVoid(EnvelopeVoid { number: number + 2 }));
    let sealed = SealedVerifier { envelope: number + 1, sealed: b"again".to_vec().into(), ..first.clone() };
    // One that is not ended still needs its own, and one that is here must be the very one.
    for verifiers in [vec![], vec![SealedVerifier { sealed: b"no".to_vec().into(), ..first }, sealed.clone()]]
    {
        let submit = stage(&mut world, "olga", acts.clone(), verifiers);
        assert_eq!(world.act("olga", Act::Submit(submit)), own(Code::Body));
        (world.site.offline_sequence, world.site.offline_last) = kept;
    }
    let submit = stage(&mut world, "olga", acts, vec![sealed]);
    world.act("olga", Act::Submit(submit)).expect("the chain goes on");
    let change = VerifierChange::SetSealed(person, number + 1, b"again".to_vec().into());
    let changes = &world.batches.last().unwrap().verifiers;
    assert!(changes.contains(&change), "{changes:?}");
    let is_set =
        |number| changes.iter().any(|one| matches!(one, VerifierChange::SetSealed(_, n, _) if *n == number));
    assert!(!is_set(number) && !is_set(number + 2));
    // Verifiers are in no entry: whoever replays the journal comes to the same state without them.
    let mut replay = Recovery::new();
    world.entries.iter().for_each(|entry| replay.feed(entry).unwrap());
    assert_eq!(replay.into_parts().0.digest(), world.register().digest());
}

#[test]
fn what_comes_too_late_goes_in_and_changes_no_verifier() {
    let mut world = World::new(2);
    world.enter("olga");
    let (acts, verifier) = world.newcomer("dora", Role::Operator);
    let submit = stage(&mut world, "olga", acts, vec![verifier.clone()]);
    world.act("olga", Act::Submit(submit)).unwrap();
    let person = verifier.person;
    let revoke = Revoke { person, reason: RevokeReason::KeyCompromise, note: String::new() };
    world.act("olga", Act::Revoke(revoke)).unwrap();
    let number = verifier.envelope;
    let late = vec![
        Act::EnvelopePrint(EnvelopePrint::new(number, person, 0, b"another")),
        Act::EnvelopeVoid(EnvelopeVoid { number: 77 }),
    ];
    let again = SealedVerifier { sealed: b"another".to_vec().into(), ..verifier };
    let submit = stage(&mut world, "olga", late, vec![again]);
    world.act("olga", Act::Submit(submit)).expect("the chain goes on");
    assert!(world.batches.last().unwrap().verifiers.is_empty());
}

#[test]
fn who_was_not_admitted_as_an_officer_reads_nothing_of_the_officers() {
    let mut world = World::new(3);
    let anna = world.enter("anna");
    let boris = world.enter("boris");
    for login in ["olga", "oleg"] {
        world.enter(login);
    }
    let enrol = world.site.person("anna").enrol();
    let renewal = world.site.issue("anna", &Described::new(Role::Officer, Clearance(3)));
    assert_ne!(enrol, renewal);
    let submit = stage(&mut world, "olga", vec![Act::Enrol(renewal)], vec![]);
    world.act("olga", Act::Submit(submit)).unwrap();
    assert!(world.register().person(world.site.id("anna")).unwrap().roles.contains(Role::Officer));
    world.drain(anna);
    world.drain(boris);
    let suspend = Suspend { person: world.site.id("vera") };
    let secret = world.act("olga", Act::Suspend(suspend)).unwrap();
    assert!(!delivered(&world.drain(anna)).contains(&secret), "her session is still the old certificate's");
    for query in [Query::Status, Query::Sessions, Query::Proposals(0)] {
        assert_eq!(world.ask("anna", query), Err(Code::NotFound.number()));
    }
    world.drain(anna);
    world.frame(anna, &ToCore::Stage(Stage { acts: vec![], verifiers: vec![] }));
    assert!(world.ended.contains(&anna), "nor stages");
    let policy = DualAct::Policy(Policy { file_save: false, ..Policy::standard() });
    let propose = Propose { act: canonical::encode(&policy).into() };
    let proposal = world.act("olga", Act::Propose(propose)).unwrap();
    let approve = world.act("oleg", Act::Approve(Approve { proposal })).unwrap();
    assert!(delivered(&world.drain(boris)).contains(&approve), "a new policy is for everyone");
    let Ok(Answer::Entries(page)) = world.ask("boris", Query::Entries(proposal, 2)) else { panic!() };
    let seen: Vec<_> = page.entries.iter().map(|entry| entry.index).collect();
    assert_eq!(seen, [proposal, approve], "and everyone may read what was approved");
}

#[test]
fn only_officers_stage_and_not_without_end() {
    let mut world = World::new(3);
    let anna = world.enter("anna");
    stage(&mut world, "anna", vec![], vec![]);
    assert!(world.ended.contains(&anna));
    let olga = world.enter("olga");
    let sealed = vec![0; 400 * 1024];
    let verifiers =
        vec![SealedVerifier { person: world.site.id("anna"), envelope: 1, sealed: sealed.into() }];
    for _ in 0..STAGED_BYTES_MAX / (400 * 1024) {
        stage(&mut world, "olga", vec![], verifiers.clone());
    }
    assert!(!world.ended.contains(&olga));
    stage(&mut world, "olga", vec![], verifiers);
    assert!(world.ended.contains(&olga));
}

#[test]
fn who_is_ended_suspended_or_revoked_is_out_at_once() {
    let mut world = World::new(4);
    world.enter("olga");
    world.all_enter();
    let person = ["anna", "boris", "vera"].map(|login| world.site.id(login));
    let chain = world.terminals["anna"].chain;
    world.act("olga", Act::EndSession(EndSession { person: person[0], chain })).unwrap();
    world.act("olga", Act::Suspend(Suspend { person: person[1] })).unwrap();
    let reason = RevokeReason::AffiliationChanged;
    world.act("olga", Act::Revoke(Revoke { person: person[2], reason, note: String::new() })).unwrap();
    assert!(world.batches.last().unwrap().verifiers.contains(&VerifierChange::Drop(person[2])));
    for login in ["anna", "boris", "vera"] {
        let session = world.session(login);
        let ended = crate::frame::Ended { code: Code::Expelled.number() };
        assert_eq!(world.drain(session).last(), Some(&ToTerminal::Ended(ended)), "{login}");
        world.input(Input::Closed(session));
    }
    let (session, said) = world.try_login("boris", b"own", false);
    assert_eq!(refused(&said), Some(Code::Login.number()));
    world.input(Input::Closed(session));
    world.act("olga", Act::Resume(Resume { person: person[1] })).unwrap();
    world.enter("boris");
    world.enter("anna");
    let refusal = code(Refusal::WrongRole);
    assert_eq!(world.act("anna", Act::Suspend(Suspend { person: person[1] })), Err(refusal));
}

#[test]
fn a_revocation_in_a_bundle_ends_the_session_too() {
    let mut world = World::new(5);
    let anna = world.enter("anna");
    world.enter("olga");
    let revoke =
        Revoke { person: world.site.id("anna"), reason: RevokeReason::KeyCompromise, note: String::new() };
    let submit = stage(&mut world, "olga", vec![Act::Revoke(revoke)], vec![]);
    world.act("olga", Act::Submit(submit)).unwrap();
    assert!(world.ended.contains(&anna));
}

#[test]
fn a_reissued_envelope_opens_beside_the_old_password_until_it_is_handed_over() {
    let mut world = World::new(6);
    let anna = world.enter("anna");
    world.input(Input::Closed(anna));
    world.enter("olga");
    let person = world.site.id("anna");
    let print = Act::EnvelopePrint(EnvelopePrint::new(500, person, 0, b"second"));
    let verifier = SealedVerifier { person, envelope: 500, sealed: b"second".to_vec().into() };
    let submit = stage(&mut world, "olga", vec![print], vec![verifier]);
    world.act("olga", Act::Submit(submit)).unwrap();
    let session = world.enter("anna");
    world.input(Input::Closed(session));
    let hand_over = Act::EnvelopeHandOver(journal::act::EnvelopeHandOver { number: 500 });
    let submit = stage(&mut world, "olga", vec![hand_over], vec![]);
    world.act("olga", Act::Submit(submit)).unwrap();
    let (session, said) = world.try_login("anna", b"own", false);
    assert_eq!(refused(&said), Some(Code::Login.number()));
    world.input(Input::Closed(session));
    let (_, said) = world.try_login("anna", b"second", false);
    assert!(matches!(said, ToTerminal::Welcome(welcome) if welcome.must_set_password));
}
