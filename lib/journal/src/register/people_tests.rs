//! Stories of enrolment, renewal, revocation, envelopes and the authority's chain.
use crate::act::{
    Act, Approve, Crl, DualAct, Enrol, EnvelopeHandOver, EnvelopePrint, EnvelopeVoid, Propose, Revoke,
    RevokeReason, SetPassword, Submit,
};
use crate::entry::Content;
use crate::fact::{Fact, Stop};
use crate::ids::StatementId;
use crate::register::{Applied, Audience, ChainEnd, Effect, EnvelopeState, check_submit, submit_digest};
use crate::testing::{Described, FOUNDED_MS, TestLog, TestSite, VALID_MS};
use crate::{Policy, Refusal};
use pki::profile::{self, Authority, Validity};
use pki::{CertTime, Clearance, PersonId, Reason, Role, RoleSet, Suite, canonical};

fn operator() -> Described {
    Described::new(Role::Operator, Clearance(3))
}

fn revoke(person: PersonId) -> Act {
    Act::Revoke(Revoke { person, reason: RevokeReason::KeyCompromise, note: String::new() })
}

pub(in crate::register) fn crl(log: &TestLog, number: u64, logins: &[&str]) -> Act {
    let at = CertTime((log.now_ms / 1000) as i64);
    let entry = |login: &&str| {
        (log.site.person(login).signature_certificate.serial().to_vec(), at, Reason::KeyCompromise)
    };
    let revoked: Vec<_> = logins.iter().map(entry).collect();
    let authority = Authority { certificate: &log.site.issuing, signer: &log.site.issuing_key };
    let validity = Validity { from: at, until: CertTime(at.0 + 86_400) };
    let list = profile::revocation_list(authority, number, validity, &revoked).unwrap();
    Act::Crl(Crl { list: list.der().to_vec().into() })
}

/// The root's list, which names the issuing authority.
pub(in crate::register) fn crl_of_root(log: &TestLog) -> Act {
    let at = CertTime((log.now_ms / 1000) as i64);
    let root = Authority { certificate: &log.site.root, signer: &log.site.root_key };
    let validity = Validity { from: at, until: CertTime(at.0 + 86_400) };
    let revoked = [(log.site.issuing.serial().to_vec(), at, Reason::CaCompromise)];
    let list = profile::revocation_list(root, 1, validity, &revoked).unwrap();
    Act::Crl(Crl { list: list.der().to_vec().into() })
}

#[test]
fn acts_of_the_authority_come_only_inside_a_submit() {
    let mut log = TestLog::standard(1);
    let enrol = log.site.issue("gleb", &operator());
    assert_eq!(log.by_authority(Act::Enrol(enrol.clone())), Err(Refusal::NotSubmitted));
    assert_eq!(log.act("olga", Act::Enrol(enrol.clone())), Err(Refusal::NotSubmitted));
    assert_eq!(log.submit("anna", vec![Act::Enrol(enrol.clone())]), Err(Refusal::WrongRole));
    log.submit("olga", vec![Act::Enrol(enrol)]).unwrap();
    assert_eq!(log.register.person_by_login("gleb").unwrap().id, log.id("gleb"));
    assert!(log.register.open_submit().is_none());
}

#[test]
fn a_submit_is_exactly_its_acts() {
    let mut log = TestLog::standard(2);
    let enrol = log.site.issue("gleb", &operator());
    let kept = (log.register.clone(), log.tree.size());
    let (first, id) = log.site.offline(Act::Enrol(enrol));
    let (second, other) = log.site.offline(revoke(log.id("vera")));
    assert_eq!(check_submit(&Submit { count: 1, digest: submit_digest([&id]) }, &[id]), Ok(()));
    let swapped = Submit { count: 2, digest: submit_digest([&other, &id]) };
    assert_eq!(check_submit(&swapped, &[id, other]), Err(Refusal::SubmitMismatch));
    assert_eq!(
        check_submit(&Submit { count: 0, digest: submit_digest([]) }, &[]),
        Err(Refusal::SubmitMismatch)
    );
    log.act("olga", Act::Submit(swapped)).unwrap();
    log.admit(Content::Statement(first)).unwrap();
    assert_eq!(log.act("oleg", revoke(log.id("vera"))), Err(Refusal::SubmitOpen { missing: 1 }));
    assert_eq!(log.fact(Fact::Stop(Stop {})), Err(Refusal::SubmitOpen { missing: 1 }));
    assert_eq!(log.admit(Content::Statement(second)), Err(Refusal::SubmitMismatch));
    assert_eq!(
        log.start(),
        Err(Refusal::SubmitOpen { missing: 1 }),
        "all or none: no crash leaves a half one"
    );
    assert_ne!(log.register, kept.0);
}

#[test]
fn the_offline_chain_has_no_gap_and_no_fork() {
    let mut log = TestLog::founded(3, Suite::Ed25519, Policy::standard());
    let enrol = log.site.issue("gleb", &operator());
    let next = log.site.offline_sequence;
    log.site.offline_sequence += 1;
    let gap = Refusal::OutOfSequence { expected: next, found: next + 1 };
    assert_eq!(log.by_authority(Act::Enrol(enrol.clone())), Err(gap));
    log.site.offline_sequence = next;
    let last = log.site.offline_last;
    log.site.offline_last = StatementId([1; 32]);
    assert_eq!(log.by_authority(Act::Enrol(enrol.clone())), Err(Refusal::WrongPrevious));
    log.site.offline_last = last;
    log.by_authority(Act::Enrol(enrol)).unwrap();
}

#[test]
fn certificates_that_do_not_fit_are_not_enrolled() {
    let mut log = TestLog::founded(4, Suite::Ed25519, Policy::standard());
    let good = log.site.issue("anna", &operator());
    let other = log.site.issue("boris", &operator());
    let late = log.site.issue(
        "vera",
        &Described { valid_ms: (FOUNDED_MS + VALID_MS, FOUNDED_MS + 2 * VALID_MS), ..operator() },
    );
    let expired =
        log.site.issue("adam", &Described { valid_ms: (FOUNDED_MS - VALID_MS, FOUNDED_MS), ..operator() });
    let mut foreign_site = TestSite::new(99, Suite::Ed25519);
    let foreign = foreign_site.issue("igor", &operator());
    let mixed = Enrol { signature: good.signature.clone(), agreement: other.agreement.clone() };
    let swapped = Enrol { signature: good.agreement.clone(), agreement: good.signature.clone() };
    let junk = Enrol { signature: vec![0x30, 0].into(), agreement: good.agreement.clone() };
    let both = Described { roles: RoleSet::EMPTY.with(Role::Operator).with(Role::Core), ..operator() };
    let core = log.site.issue("petr", &both);
    assert_eq!(
        log.by_authority(Act::Enrol(expired)),
        Ok(Applied::to(Audience::Officers)),
        "run out meanwhile"
    );
    assert!(log.register.person(log.id("adam")).is_none());
    for bad in [late, foreign, mixed, swapped, junk, core] {
        let refusal = log.by_authority(Act::Enrol(bad)).unwrap_err();
        assert!(matches!(refusal, Refusal::BadCertificate { .. }), "{refusal}");
    }
    log.by_authority(Act::Enrol(good.clone())).unwrap();
    assert_eq!(log.by_authority(Act::Enrol(good)), Err(Refusal::KeyKnown));
}

#[test]
fn a_login_belongs_to_one_person_for_ever() {
    let mut log = TestLog::founded(5, Suite::Ed25519, Policy::standard());
    let first = log.site.issue("anna", &operator());
    let person = log.id("anna");
    log.by_authority(Act::Enrol(first)).unwrap();
    // Another authority run of the same site: the same login for another person.
    let mut twin = TestSite::new(5, Suite::Ed25519);
    twin.number = 77;
    let second = twin.issue("anna", &operator());
    assert_eq!(log.by_authority(Act::Enrol(second)), Err(Refusal::LoginTaken { person }));
}

#[test]
fn renewal_keeps_the_person_and_moves_the_wraps() {
    let mut log = TestLog::standard(6);
    let chat = log.talking("anna", &["boris"]);
    let old = log.site.person("boris").signature_certificate.id();
    let renewal = log.site.issue("boris", &operator());
    log.submit("olga", vec![Act::Enrol(renewal)]).unwrap();
    let row = log.register.person(log.id("boris")).unwrap();
    assert_eq!((row.signature.len(), row.agreement.len(), row.signature[0]), (2, 2, old));
    let number = log.register.conversation(chat).unwrap().number;
    let newest = log.site.person("boris").agreement_certificate.id();
    assert!(log.register.recipients(number).contains(&(log.id("boris"), newest)));
    assert_eq!(log.send("anna", chat), Err(Refusal::EpochStale));
    log.epoch("anna", chat).unwrap();
    log.send("anna", chat).unwrap();
    assert_eq!(log.send("boris", chat), Err(Refusal::ChainEnded), "the chain is of the old certificate");
    log.log_in_with("boris", true).unwrap();
    log.send("boris", chat).unwrap();
}

#[test]
fn a_lower_clearance_takes_the_person_out_where_it_does_not_reach() {
    let mut log = TestLog::standard(7);
    let group = log.talking("anna", &["boris", "vera"]);
    let lowered = log.site.issue("boris", &Described::new(Role::Operator, Clearance(1)));
    log.submit("olga", vec![Act::Enrol(lowered)]).unwrap();
    let row = log.register.conversation(group).unwrap();
    assert!(!row.membership.members().contains_key(&log.id("boris")));
    assert!(row.epoch_stale);
    assert_eq!(log.register.conversations_of(log.id("boris")).count(), 0);
}

#[test]
fn a_revocation_cuts_the_session_and_every_conversation() {
    let mut log = TestLog::standard(8);
    let group = log.talking("anna", &["boris", "vera"]);
    let person = log.id("anna");
    let head = log.register.conversation(group).unwrap().membership.head();
    let index = log.tree.size();
    let applied = log.act("olga", revoke(person)).unwrap();
    let kinds = |effect: &&Effect| matches!(effect, Effect::ChainEnded { why: ChainEnd::Revoked, .. });
    assert_eq!(applied.effects.iter().filter(kinds).count(), 1);
    assert!(applied.effects.contains(&Effect::PersonRevoked { person }));
    assert_eq!(log.register.revocations().count(), 2);
    let row = log.register.conversation(group).unwrap();
    assert_ne!(row.membership.head(), head);
    let heirs = [log.id("boris"), log.id("vera")];
    assert_eq!(row.membership.owner(), heirs.iter().copied().min());
    assert_eq!(log.send("boris", group), Err(Refusal::EpochStale));
    assert_eq!(log.send("anna", group), Err(Refusal::CertificateRevoked { index }));
    assert_eq!(log.log_in("anna"), Err(Refusal::CertificateRevoked { index }));
    assert_eq!(log.act("olga", revoke(person)), Err(Refusal::Unchanged));
}

#[test]
fn what_the_authority_signed_about_somebody_whom_an_officer_revoked_goes_in_without_effect() {
    let mut log = TestLog::standard(8);
    let (person, known) = (log.id("anna"), log.register.people().count());
    let number = log.envelope + 1;
    let print = |number| EnvelopePrint::new(number, person, 0, &[]);
    log.submit("olga", vec![Act::EnvelopePrint(print(number))]).unwrap();
    let index = log.tree.size();
    log.act("olga", revoke(person)).unwrap();
    let old = log.site.person("anna").signature_certificate.id();
    let list = crl(&log, 7, &["anna"]);
    let renewal = log.site.issue("anna", &operator());
    let overtaken = vec![
        Act::EnvelopeHandOver(EnvelopeHandOver { number }),
        Act::EnvelopePrint(print(number + 1)),
        Act::EnvelopeHandOver(EnvelopeHandOver { number: number + 1 }),
        Act::EnvelopeVoid(EnvelopeVoid { number: number + 1 }),
        Act::Enrol(renewal),
        revoke(person),
    ];
    let nothing = Applied::to(Audience::Officers);
    let applied = log.submit("olga", overtaken).unwrap();
    assert!(applied[1..].iter().all(|one| *one == nothing), "{applied:?}");
    log.submit("olga", vec![list]).unwrap();
    let row = log.register.person(person).unwrap();
    assert_eq!((row.revoked, &row.signature[..]), (Some(index), &[old][..]));
    assert_eq!(log.register.revocations().count(), 2);
    let enrol = log.site.issue("gleb", &operator());
    log.submit("olga", vec![Act::Enrol(enrol)]).expect("what stands behind them goes in");
    assert_eq!(log.register.people().count(), known + 1);
}

#[test]
fn a_bundle_that_lay_too_long_keeps_nothing_out() {
    let mut log = TestLog::standard(8);
    let mut short = operator();
    short.valid_ms.1 = log.now_ms + 10_000;
    let enrol = log.site.issue("gleb", &short);
    let (person, number) = (log.id("gleb"), log.envelope + 1);
    let forged = {
        let mut foreign = TestSite::new(97, Suite::Ed25519);
        foreign.issue("gleb", &short)
    };
    log.wait_ms(20_000);
    let late = vec![
        Act::Enrol(enrol),
        Act::EnvelopePrint(EnvelopePrint::new(number, person, 0, &[])),
        Act::EnvelopeHandOver(EnvelopeHandOver { number }),
        revoke(person),
    ];
    let applied = log.submit("olga", late).unwrap();
    assert!(applied[1..].iter().all(|one| *one == Applied::to(Audience::Officers)), "{applied:?}");
    assert!(log.register.person(person).is_none());
    let refused = log.submit("olga", vec![Act::Enrol(forged)]);
    assert!(matches!(refused, Err(Refusal::BadCertificate { .. })), "another site's stays out: {refused:?}");
}

#[test]
fn one_officer_stops_neither_the_site_nor_the_server() {
    let mut log = TestLog::standard(9);
    assert_eq!(log.act("olga", revoke(log.id("oleg"))), Err(Refusal::LastOfficer));
    assert_eq!(log.act("olga", revoke(log.id("server"))), Err(Refusal::ServerRevocation));
    assert_eq!(log.act("olga", revoke(PersonId(1))), Err(Refusal::UnknownPerson { person: PersonId(1) }));
    let person = log.id("oleg");
    log.submit("olga", vec![revoke(person)]).expect("the authority may");
    assert_eq!(log.register.standing_officers().count(), 1);
}

#[test]
fn nobody_stands_as_an_officer_by_an_operators_certificate() {
    let mut log = TestLog::standard(9);
    let person = log.id("anna");
    let old = log.site.person("anna").signature_certificate.id();
    let enrol = log.site.issue("anna", &Described::new(Role::Officer, Clearance(3)));
    log.submit("olga", vec![Act::Enrol(enrol)]).unwrap();
    let new = log.site.person("anna").signature_certificate.id();
    assert_eq!(log.register.standing_officers().count(), 2, "two officers have not admitted anna");
    assert_eq!(log.register.roles_of_session(old), RoleSet::EMPTY, "no longer an operator's");
    assert_eq!(log.register.roles_of_session(new), RoleSet::EMPTY, "not yet an officer's");
    assert_eq!(log.act("olga", revoke(log.id("oleg"))), Err(Refusal::LastOfficer));
    assert!(log.register.person(person).unwrap().roles.contains(Role::Officer));
    let act = canonical::encode(&DualAct::AdmitOfficer(new));
    log.act("olga", Act::Propose(Propose { act: act.into() })).unwrap();
    log.act("oleg", Act::Approve(Approve { proposal: log.tree.size() - 1 })).unwrap();
    assert_eq!(log.register.standing_officers().count(), 3);
    assert_eq!(log.register.roles_of_session(old), RoleSet::EMPTY);
    log.act("olga", revoke(log.id("oleg"))).expect("two remain");
}

#[test]
fn an_officer_whose_certificate_has_run_out_does_not_stand() {
    let mut log = TestLog::standard(9);
    let mut short = Described::new(Role::Officer, Clearance(3));
    short.valid_ms.1 = log.now_ms + 10_000;
    let enrol = log.site.issue("pavel", &short);
    log.submit("olga", vec![Act::Enrol(enrol)]).unwrap();
    let act = canonical::encode(&DualAct::AdmitOfficer(log.site.person("pavel").signature_certificate.id()));
    log.act("olga", Act::Propose(Propose { act: act.into() })).unwrap();
    log.act("oleg", Act::Approve(Approve { proposal: log.tree.size() - 1 })).unwrap();
    assert_eq!(log.register.standing_officers().count(), 3);
    log.wait_ms(20_000);
    assert_eq!(log.act("olga", revoke(log.id("oleg"))), Err(Refusal::LastOfficer));
}

#[test]
fn a_list_revokes_what_it_names_and_never_comes_twice() {
    let mut log = TestLog::standard(10);
    let list = crl(&log, 5, &["anna", "boris"]);
    let applied = log.submit("olga", vec![list]).unwrap();
    assert!(applied[1].effects.contains(&Effect::PersonRevoked { person: log.id("anna") }));
    assert!(log.register.chain_of(log.id("boris")).is_none());
    for number in [4, 5] {
        let again = crl(&log, number, &["vera"]);
        assert!(matches!(log.submit("olga", vec![again]), Err(Refusal::BadRevocationList { .. })));
    }
    // A list that no longer names somebody takes nothing back.
    let empty = crl(&log, 6, &[]);
    log.submit("olga", vec![empty]).unwrap();
    assert!(log.register.person(log.id("anna")).unwrap().revoked.is_some());
    let foreign = TestLog::standard(98);
    let list = crl(&foreign, 9, &[]);
    assert!(matches!(log.submit("olga", vec![list]), Err(Refusal::BadRevocationList { .. })));
}

#[test]
fn a_listed_old_certificate_leaves_the_renewed_person_standing() {
    let mut log = TestLog::standard(11);
    let list = crl(&log, 1, &["anna"]);
    let renewal = log.site.issue("anna", &operator());
    log.submit("olga", vec![Act::Enrol(renewal), list]).unwrap();
    let person = log.register.person(log.id("anna")).unwrap();
    assert!(person.revoked.is_none() && log.register.chain_of(log.id("anna")).is_none());
    log.log_in("anna").unwrap();
}

#[test]
fn the_root_stops_the_issuing_authority() {
    let mut log = TestLog::standard(12);
    let list = crl_of_root(&log);
    log.submit("olga", vec![list]).unwrap();
    assert!(log.register.site().unwrap().issuing_revoked().is_some());
    assert!(matches!(log.log_in_with("anna", true), Err(Refusal::CertificateRevoked { .. })));
}

#[test]
fn an_officer_acts_only_after_two_officers_admitted_the_certificate() {
    let mut log = TestLog::standard(13);
    log.enrol_by("olga", "pavel", &Described::new(Role::Officer, Clearance(3)));
    assert_eq!(log.log_in("pavel"), Err(Refusal::NotAdmitted));
    let certificate = log.site.person("pavel").signature_certificate.id();
    let act = canonical::encode(&DualAct::AdmitOfficer(certificate));
    log.act("olga", Act::Propose(Propose { act: act.clone().into() })).unwrap();
    let proposal = log.tree.size() - 1;
    assert_eq!(log.act("olga", Act::Approve(Approve { proposal })), Err(Refusal::SecondPersonNeeded));
    let applied = log.act("oleg", Act::Approve(Approve { proposal })).unwrap();
    assert_eq!(applied.effects, [Effect::OfficerAdmitted { certificate }]);
    assert_eq!(
        log.act("olga", Act::Approve(Approve { proposal })),
        Err(Refusal::NoSuchProposal { proposal })
    );
    assert_eq!(log.act("olga", Act::Propose(Propose { act: act.into() })), Err(Refusal::Unchanged));
    log.log_in("pavel").unwrap();
    log.act("pavel", Act::SetPassword(SetPassword {})).unwrap();
    assert_eq!(log.register.standing_officers().count(), 3);
}

#[test]
fn envelopes_go_their_way_and_no_other() {
    let mut log = TestLog::founded(14, Suite::Ed25519, Policy::standard());
    let enrol = log.site.issue("anna", &operator());
    log.by_authority(Act::Enrol(enrol)).unwrap();
    let person = log.id("anna");
    let print = |number, replaces| Act::EnvelopePrint(EnvelopePrint::new(number, person, replaces, &[]));
    let nothing = Ok(Applied::to(Audience::Officers));
    assert_eq!(log.by_authority(print(2, 0)), nothing, "2 was used for oleg");
    log.by_authority(print(3, 0)).unwrap();
    log.by_authority(Act::EnvelopeHandOver(EnvelopeHandOver { number: 3 })).unwrap();
    assert_eq!(log.by_authority(Act::EnvelopeHandOver(EnvelopeHandOver { number: 3 })), nothing);
    assert_eq!(log.by_authority(Act::EnvelopeHandOver(EnvelopeHandOver { number: 4 })), nothing);
    assert_eq!(log.by_authority(print(4, 1)), nothing, "1 is olga's");
    log.by_authority(print(4, 3)).unwrap();
    log.start().unwrap();
    assert_eq!(log.log_in("anna"), Err(Refusal::NoPassword), "3 is void, 4 not handed over");
    log.fact(Fact::Stop(Stop {})).unwrap();
    log.by_authority(Act::EnvelopeVoid(EnvelopeVoid { number: 4 })).unwrap();
    assert_eq!(log.by_authority(Act::EnvelopeVoid(EnvelopeVoid { number: 4 })), nothing);
    let states: Vec<_> = log.register.envelopes().map(|(_, envelope)| envelope.state).collect();
    use EnvelopeState::{HandedOver, Void};
    assert_eq!(states, [HandedOver, HandedOver, Void, Void]);
}

#[test]
fn a_genesis_stands_once_and_first() {
    let mut log = TestLog::standard(15);
    let again = log.site.genesis(&["olga", "oleg"], Policy::standard());
    assert_eq!(log.admit(Content::Statement(again)), Err(Refusal::AlreadyFounded));
    let mut site = TestSite::new(16, Suite::Ed25519);
    site.issue("olga", &Described::new(Role::Officer, Clearance(3)));
    assert!(crate::register::verify_genesis(site.genesis(&["olga"], Policy::standard())).is_err());
    assert!(crate::register::verify_genesis(site.genesis(&["olga", "olga"], Policy::standard())).is_err());
    site.issue("oleg", &Described::new(Role::Officer, Clearance(3)));
    let mut forged = site.genesis(&["olga", "oleg"], Policy::standard());
    forged.signature[0] ^= 1;
    assert!(crate::register::verify_genesis(forged).is_err());
    site.issuing_key = pki::SecretKey::from_bytes(Suite::Ed25519, &[9; 32]).unwrap();
    assert!(crate::register::verify_genesis(site.genesis(&["olga", "oleg"], Policy::standard())).is_err());
}
