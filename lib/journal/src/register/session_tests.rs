//! Stories of logins, chains and what is refused in them.
use crate::act::{Act, EndSession, EnvelopePrint, Leave, Logout, SetPassword, Suspend, Unlock};
use crate::fact::{EndReason, Fact, FailedLogin, LoginFailure, SessionEnd, Stop};
use crate::ids::{Chain, ConversationId, Head, LogId, StatementId};
use crate::register::{ChainEnd, Effect, PasswordState, Register};
use crate::testing::{Described, TestLog};
use crate::{Policy, Refusal};
use pki::{Clearance, PersonId, Role, Suite};

fn nothing() -> Act {
    Act::Leave(Leave { conversation: ConversationId([9; 32]) })
}

const UNKNOWN: Refusal = Refusal::UnknownConversation { conversation: ConversationId([9; 32]) };

#[test]
fn a_login_opens_a_chain_named_by_its_leaf() {
    let log = TestLog::standard(1);
    let live = log.register.chain_of(log.id("anna")).expect("anna is logged in");
    assert_eq!(Some(&live.chain.0), log.tree.leaf(live.login));
    assert_eq!(live.sequence, 1);
    assert_eq!(live.last, log.site.person("anna").last);
    assert_eq!(log.register.person_of_chain(live.chain), Some(log.id("anna")));
}

#[test]
fn both_suites_found_a_site_and_log_in() {
    let log = TestLog::with_policy(2, Suite::EcdsaP256, Policy::standard());
    assert_eq!(log.register.chains().count(), 7);
    assert_eq!(log.register.suite(), Some(Suite::EcdsaP256));
}

#[test]
fn nobody_logs_in_without_an_envelope_that_was_handed_over() {
    let mut log = TestLog::founded(3, Suite::Ed25519, Policy::standard());
    let enrol = log.site.issue("anna", &Described::new(Role::Operator, Clearance(3)));
    log.by_authority(Act::Enrol(enrol)).unwrap();
    let person = log.id("anna");
    log.by_authority(Act::EnvelopePrint(EnvelopePrint::new(9, person, 0, &[]))).unwrap();
    log.start().unwrap();
    assert_eq!(log.log_in("anna"), Err(Refusal::NoPassword));
}

#[test]
fn after_an_envelope_only_a_new_password_or_a_logout_is_admitted() {
    let mut log = TestLog::standard(4);
    log.fact(Fact::Stop(Stop {})).unwrap();
    log.give_envelope("anna");
    log.start().unwrap();
    let applied = log.log_in("anna").unwrap();
    assert!(matches!(applied.effects[0], Effect::ChainStarted { must_set_password: true, .. }));
    assert_eq!(log.act("anna", nothing()), Err(Refusal::MustSetPassword));
    let applied = log.act("anna", Act::SetPassword(SetPassword {})).unwrap();
    assert!(applied.effects.iter().any(|effect| matches!(effect, Effect::EnvelopeVoided { .. })));
    assert_eq!(log.register.person(log.id("anna")).unwrap().password, PasswordState::Own);
    assert_eq!(log.act("anna", nothing()), Err(UNKNOWN));
}

#[test]
fn a_second_login_must_ask_to_end_the_first() {
    let mut log = TestLog::standard(5);
    let old = log.register.chain_of(log.id("anna")).unwrap().clone();
    assert_eq!(log.log_in("anna"), Err(Refusal::SessionLive { index: old.login }));
    let applied = log.log_in_with("anna", true).unwrap();
    let ended = Effect::ChainEnded { person: log.id("anna"), chain: old.chain, why: ChainEnd::NewLogin };
    assert_eq!(applied.effects[0], ended);
    let mut late = log.draft("anna", nothing());
    late.header.chain = old.chain;
    assert_eq!(log.say("anna", late), Err(Refusal::ChainEnded));
}

#[test]
fn the_same_login_opens_no_second_session() {
    let mut log = TestLog::standard(16);
    log.act("anna", Act::Logout(Logout {})).unwrap();
    log.log_in("anna").unwrap();
    let index = log.tree.size() - 1;
    let said = crate::Entry::decode(log.entries.last().unwrap()).unwrap().content;
    log.act("anna", Act::Logout(Logout {})).unwrap();
    assert_eq!(log.admit(said.clone()), Err(Refusal::LoginRepeated { index }));
    // A restored state knows it too.
    log.register = Register::restore(&log.register.snapshot()).unwrap();
    assert_eq!(log.admit(said), Err(Refusal::LoginRepeated { index }));
    log.log_in("anna").unwrap();
}

#[test]
fn a_statement_stands_only_at_its_place() {
    let mut log = TestLog::standard(6);
    let good = log.draft("anna", nothing());
    let head = good.header.head;
    let mut cases = Vec::new();
    let mut case = |change: &dyn Fn(&mut crate::Header), refusal| {
        let mut statement = good.clone();
        change(&mut statement.header);
        cases.push((statement, refusal));
    };
    case(&|header| header.log = LogId::ZERO, Refusal::WrongLog);
    case(&|header| header.chain = Chain([1; 32]), Refusal::ChainEnded);
    case(&|header| header.sequence = 1, Refusal::OutOfSequence { expected: 2, found: 1 });
    case(&|header| header.sequence = 3, Refusal::OutOfSequence { expected: 2, found: 3 });
    case(&|header| header.previous = StatementId([1; 32]), Refusal::WrongPrevious);
    let empty = Head { size: 0, root: crate::tree::empty_root() };
    case(&|header| header.head = empty, Refusal::WrongHead { size: 0 });
    case(&|header| header.head.root = [0; 32], Refusal::WrongHead { size: head.size });
    case(&|header| header.head.size += 1, Refusal::WrongHead { size: head.size + 1 });
    case(&|header| header.head.size -= 1, Refusal::WrongHead { size: head.size - 1 });
    case(&|header| header.person = PersonId(5), Refusal::WrongPerson { person: log.id("anna") });
    case(&|header| header.certificate = pki::CertId([3; 32]), Refusal::UnknownCertificate);
    case(&|_| {}, UNKNOWN);
    for (statement, refusal) in cases {
        assert_eq!(log.say("anna", statement).unwrap_err(), refusal);
    }
}

#[test]
fn the_agreement_key_signs_no_statement() {
    let log = TestLog::with_policy(7, Suite::EcdsaP256, Policy::standard());
    let agreement = log.site.person("anna").agreement_certificate.id();
    assert!(log.register.certificate(agreement).is_some());
    assert!(log.register.key_of(agreement).is_none());
}

#[test]
fn a_check_with_another_key_proves_nothing() {
    let mut log = TestLog::standard(15);
    let forged = log.draft("anna", nothing());
    let boris = &log.site.person("boris").signature;
    let (signed, _) = log.site.sign(forged, boris);
    let verified = signed.clone().parse().unwrap().verify(boris.public()).expect("it is boris' signature");
    let index = log.tree.size();
    let content = crate::CandidateContent::Statement(&verified);
    let (wall_ms, boot_ms) = (log.now_ms, log.boot_ms);
    let candidate = crate::Candidate { index, leaf: [1; 32], wall_ms, boot_ms, content };
    assert_eq!(log.register.apply(&candidate, &|_| None), Err(Refusal::WrongCertificateUse));
    let key = log.register.key_of(log.site.person("anna").signature_certificate.id()).unwrap();
    assert!(signed.parse().unwrap().verify(key).is_err());
}

#[test]
fn a_role_taken_by_renewal_is_gone_from_older_certificates() {
    let mut log = TestLog::standard(16);
    let renewal = log.site.issue("adam", &Described::new(Role::Operator, Clearance(3)));
    let person = log.id("vera");
    let chain = log.register.chain_of(person).unwrap().chain;
    let old = log.register.chain_of(log.id("adam")).unwrap().certificate;
    let end = Act::EndSession(EndSession { person, chain });
    let mut statement = log.draft("adam", end);
    statement.header.certificate = old;
    log.submit("olga", vec![Act::Enrol(renewal)]).unwrap();
    statement.header.head = log.head();
    let old_key =
        pki::SecretKey::from_bytes(Suite::Ed25519, &crate::testing::seed(16, "adam/signature/0")).unwrap();
    let (signed, _) = log.site.sign(statement, &old_key);
    assert_eq!(log.admit(crate::Content::Statement(signed)), Err(Refusal::WrongRole));
}

#[test]
fn wrong_passwords_lock_until_an_officer_unlocks() {
    let mut log = TestLog::standard(8);
    log.act("anna", Act::Logout(Logout {})).unwrap();
    let (person, certificate) = (log.id("anna"), log.site.person("anna").signature_certificate.id());
    let wrong = |count| FailedLogin { person, certificate, failure: LoginFailure::Password, count };
    log.fact(Fact::FailedLogin(wrong(4))).unwrap();
    log.log_in("anna").expect("four are one too few");
    log.act("anna", Act::Logout(Logout {})).unwrap();
    log.fact(Fact::FailedLogin(wrong(4))).unwrap();
    let refused = FailedLogin { failure: LoginFailure::Refused, ..wrong(9) };
    assert_eq!(log.fact(Fact::FailedLogin(refused)).unwrap().effects, []);
    let applied = log.fact(Fact::FailedLogin(wrong(1))).unwrap();
    assert_eq!(applied.effects, [Effect::PersonLocked { person }]);
    assert_eq!(log.log_in("anna"), Err(Refusal::Locked));
    log.act("olga", Act::Unlock(Unlock { person })).unwrap();
    assert_eq!(log.act("oleg", Act::Unlock(Unlock { person })), Err(Refusal::Unchanged));
    log.log_in("anna").unwrap();
}

#[test]
fn where_every_officer_is_locked_a_new_envelope_behind_a_stop_lets_one_in_again() {
    let mut log = TestLog::standard(28);
    for login in ["olga", "oleg"] {
        log.act(login, Act::Logout(Logout {})).unwrap();
        let (person, certificate) = (log.id(login), log.site.person(login).signature_certificate.id());
        let wrong = FailedLogin { person, certificate, failure: LoginFailure::Password, count: 5 };
        log.fact(Fact::FailedLogin(wrong)).unwrap();
        assert_eq!(log.log_in(login), Err(Refusal::Locked));
    }
    let envelope = |log: &mut TestLog, number| {
        let person = log.id("olga");
        let print = crate::act::EnvelopePrint::new(number, person, 0, &[]);
        let over = crate::act::EnvelopeHandOver { number };
        [Act::EnvelopePrint(print), Act::EnvelopeHandOver(over)]
    };
    // Nobody can submit it, and beside a running server the authority has no voice of its own.
    for act in envelope(&mut log, 80) {
        assert_eq!(log.by_authority(act).map(drop), Err(Refusal::NotSubmitted));
    }
    log.fact(Fact::Stop(Stop {})).unwrap();
    for act in envelope(&mut log, 80) {
        log.by_authority(act).unwrap();
    }
    log.start().unwrap();
    assert_eq!(log.log_in("oleg"), Err(Refusal::Locked), "for himself alone");
    log.log_in("olga").unwrap();
    log.act("olga", Act::SetPassword(SetPassword {})).unwrap();
    log.act("olga", Act::Unlock(Unlock { person: log.id("oleg") })).unwrap();
    log.log_in("oleg").unwrap();
}

#[test]
fn suspension_ends_the_session_and_forbids_the_next() {
    let mut log = TestLog::standard(9);
    let (person, index) = (log.id("anna"), log.tree.size());
    let applied = log.act("olga", Act::Suspend(Suspend { person })).unwrap();
    assert!(matches!(applied.effects[0], Effect::ChainEnded { why: ChainEnd::Suspended, .. }));
    assert_eq!(log.act("anna", nothing()), Err(Refusal::ChainEnded));
    assert_eq!(log.log_in("anna"), Err(Refusal::Suspended { index }));
    log.act("oleg", Act::Resume(crate::act::Resume { person })).unwrap();
    log.log_in("anna").unwrap();
}

#[test]
fn sessions_end_by_officer_by_fact_by_stop_and_by_start() {
    let mut log = TestLog::standard(10);
    let person = log.id("anna");
    let chain = log.register.chain_of(person).unwrap().chain;
    assert_eq!(log.act("anna", Act::EndSession(EndSession { person, chain })), Err(Refusal::WrongRole));
    log.act("adam", Act::EndSession(EndSession { person, chain })).unwrap();
    assert_eq!(log.act("adam", Act::EndSession(EndSession { person, chain })), Err(Refusal::NoSuchSession));
    let chain = log.register.chain_of(log.id("boris")).unwrap().chain;
    let end = Fact::SessionEnd(SessionEnd { chain, reason: EndReason::Lost });
    log.fact(end.clone()).unwrap();
    assert_eq!(log.fact(end), Err(Refusal::NoSuchSession));
    let live = log.register.chains().count();
    assert_eq!(log.fact(Fact::Stop(Stop {})).unwrap().effects.len(), live);
    assert_eq!(log.log_in("anna"), Err(Refusal::NotRunning));
    log.start().unwrap();
    log.log_in("anna").unwrap();
    assert_eq!(log.start().unwrap().effects.len(), 1, "a crash: Start without Stop ends anna's chain");
}

#[test]
fn a_login_names_the_server_it_saw() {
    let mut log = TestLog::standard(11);
    log.act("anna", Act::Logout(Logout {})).unwrap();
    let server_certificate = log.site.person("boris").signature_certificate.id();
    let login = crate::act::Login { nonce: [0; 32], exporter: [0; 32], server_certificate, end_other: false };
    assert_eq!(log.act("anna", Act::Login(login)), Err(Refusal::UnknownCertificate));
}

#[test]
fn a_certificate_out_of_its_dates_signs_nothing() {
    let mut log = TestLog::standard(12);
    log.wait_ms(crate::testing::VALID_MS);
    let at_ms = log.now_ms;
    assert_eq!(log.act("anna", nothing()), Err(Refusal::CertificateExpired { at_ms }));
    assert_eq!(log.log_in_with("anna", true), Err(Refusal::CertificateExpired { at_ms }));
}

#[test]
fn statements_in_a_minute_are_limited() {
    let mut log =
        TestLog::with_policy(13, Suite::Ed25519, Policy { statements_per_minute: 10, ..Policy::standard() });
    log.wait_ms(60_000);
    let chat = log.create("anna", &["boris"]).unwrap();
    log.epoch("anna", chat).unwrap();
    for _ in 0..7 {
        log.send("anna", chat).unwrap();
    }
    assert_eq!(log.send("anna", chat), Err(Refusal::TooManyStatements { per_minute: 10 }));
    log.accept("boris", chat).expect("boris has a share of his own");
    log.wait_ms(60_000);
    log.send("anna", chat).unwrap();
}

#[test]
fn a_snapshot_restores_the_very_state() {
    let mut log = TestLog::standard(14);
    let chat = log.talking("anna", &["boris", "vera"]);
    log.send("boris", chat).unwrap();
    let bytes = log.register.snapshot();
    let restored = Register::restore(&bytes).unwrap();
    assert!(restored == log.register, "what is derived differs");
    assert_eq!(restored.digest(), <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(&bytes)));
    assert!(Register::restore(&bytes[..bytes.len() - 1]).is_err());
    let mut newer = bytes.clone();
    newer[1] = 2;
    assert!(matches!(Register::restore(&newer), Err(crate::register::BadSnapshot::Newer(2))));
}
