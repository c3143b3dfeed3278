//! The authority's acts that came too late and do nothing: who is not known is not revoked, and nobody joins a closed log to
//! talk. Both verifiers know whom such an act leaves able to act, in an excerpt as far as it tells.
//! Never which of its acts are refused (`authority.rs`).

use journal::act::{Act, DualAct, Login, Revoke, RevokeReason, Successor};
use journal::testing::{Described, FOUNDED_MS, TestLog};
use journal::{LogId, Policy};
use pki::{Clearance, Role, RoleSet, Suite};

use crate::excerpts::cut;
use crate::forge::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut all = never_known();
    all.extend(known());
    all.extend(closed());
    all
}

fn operator() -> Described {
    Described::new(Role::Operator, Clearance(3))
}

fn revoke(log: &TestLog, login: &str) -> Act {
    let person = log.id(login);
    Act::Revoke(Revoke { person, reason: RevokeReason::KeyCompromise, note: String::new() })
}

/// His Enrol had run out when it came in, so his revocation ended nobody, and the authority enrols him.
fn never_known() -> Vec<Case> {
    let mut log = TestLog::standard(170);
    log.wait_ms(3_600_000);
    let late =
        log.site.issue("petr", &Described { valid_ms: (FOUNDED_MS, log.now_ms - 60_000), ..operator() });
    let first = log.tree.size();
    let acts = vec![Act::Enrol(late), revoke(&log, "petr")];
    log.submit("olga", acts).unwrap();
    log.enrol_by("olga", "petr", &operator());
    log.log_in("petr").unwrap();
    let (whole, last) = (honest(&log), log.tree.size() - 1);
    let name = "revoked before anything of him held, then enrolled";
    let excerpt = |what: &str, wanted| {
        let file = cut(&whole, &wanted, &[]);
        let exit = if what == "selected" { INCOMPLETE } else { VERIFIED };
        Case::new(&format!("excerpt: {name}, {what}"), &log, file, exit, None).excerpt()
    };
    vec![
        excerpt("all of it here", auditor::cutting::Wanted::Range(first, last)),
        excerpt("his first Enrol not here", auditor::cutting::Wanted::Range(last, last)),
        excerpt("selected", auditor::cutting::Wanted::Selection(vec!["petr".into()], Vec::new())),
        Case::new(name, &log, whole, VERIFIED, None),
    ]
}

/// This person's Login behind the entries, whatever the rules say.
fn logs_in(name: &str, log: &mut TestLog, login: &str) -> Case {
    let server_certificate = log.site.person("server").signature_certificate.id();
    let said = Login { nonce: log.fresh(), exporter: [2; 32], server_certificate, end_other: true };
    let signed = log.sign(login, log.draft(login, Act::Login(said))).0;
    behind(name, log, &[signed], 0)
}

/// Who was known is revoked for ever: enrolled once more he does not act. An excerpt with both Enrols says so, too.
fn known() -> Vec<Case> {
    let mut log = TestLog::standard(171);
    let first = log.register.person(log.id("anna")).unwrap().enrolled;
    let acts = vec![revoke(&log, "anna"), Act::Enrol(log.site.issue("anna", &operator()))];
    log.submit("olga", acts).unwrap();
    let whole = logs_in("revoked, and enrolled once more", &mut log, "anna");
    let mut all: Vec<Case> = part_from(&log, &whole, first).into_iter().collect();
    all.push(whole);
    all
}

/// In a closed log: an officer who also talks does not come in; one who does not talk does, and acts.
fn closed() -> Vec<Case> {
    let mut all = Vec::new();
    for (number, talks) in [(172, Some(Role::Operator)), (173, Some(Role::Bot)), (174, None)] {
        let mut log = TestLog::standard(number);
        log.of_two(&DualAct::Close(Successor { log: LogId([7; 32]), suite: Suite::Ed25519 })).unwrap();
        let roles = RoleSet::EMPTY.with(Role::Officer);
        let described = Described { roles: talks.map_or(roles, |role| roles.with(role)), ..operator() };
        let Some(role) = talks else {
            log.third_officer("petr", &described);
            let act = DualAct::Policy(Policy { proposal_ms: 24 * 3_600_000, ..Policy::standard() });
            let act = pki::canonical::encode(&act).into();
            log.act("petr", Act::Propose(journal::act::Propose { act })).unwrap();
            all.push(Case::new("an officer enrolled in a closed log", &log, honest(&log), VERIFIED, None));
            continue;
        };
        let enrol = log.site.issue("petr", &described);
        log.submit("olga", vec![Act::Enrol(enrol)]).unwrap();
        let name = format!("an officer who is also {role:?} enrolled in a closed log");
        all.push(logs_in(&name, &mut log, "petr"));
        // Whom the log knows already goes on.
        let renewed = log.site.issue("anna", &operator());
        log.submit("olga", vec![Act::Enrol(renewed)]).unwrap();
        log.log_in_with("anna", true).unwrap();
        let name = format!("an operator's new certificate in a closed log, {role:?}");
        all.push(Case::new(&name, &log, honest(&log), VERIFIED, None));
    }
    all
}
