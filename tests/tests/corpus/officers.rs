//! What only officers do, and what successions and the time hang on: proposing, approving, suspending, resuming, revoking.
//! Never what else the rules forbid an officer: who judges no rights does not judge that.

use journal::Policy;
use journal::act::{Act, Approve, DualAct, Propose, Resume, Revoke, RevokeReason, Suspend};
use journal::ids::Index;
use journal::testing::{Described, TestLog};
use pki::{CertId, Clearance, Role};

use crate::forge::*;

const DAY_MS: u64 = 24 * 3_600_000;

fn officer() -> Described {
    Described::new(Role::Officer, Clearance(5))
}

fn proposed(act: &DualAct) -> Act {
    Act::Propose(Propose { act: pki::canonical::encode(act).into() })
}

fn propose(log: &mut TestLog, act: &DualAct) -> Index {
    log.act("petr", proposed(act)).unwrap();
    log.tree.size() - 1
}

/// What this person says next falls.
fn falls(name: &str, log: &TestLog, login: &str, act: Act) -> Case {
    let signed = log.sign(login, log.draft(login, act)).0;
    behind(&format!("an officer's act, {name}"), log, &[signed], 0)
}

/// A log of three officers. One of the first has a certificate that nobody has admitted.
fn renewed() -> (TestLog, CertId) {
    let mut log = TestLog::standard(160);
    log.third_officer("petr", &officer());
    let renewed = log.site.issue("oleg", &officer());
    log.submit("olga", vec![Act::Enrol(renewed)]).unwrap();
    let certificate = log.site.person("oleg").signature_certificate.id();
    (log, certificate)
}

pub(crate) fn cases() -> Vec<Case> {
    let mut all = of_two();
    all.extend(admissions());
    all.extend(of_one());
    all
}

/// What two decide, one of them being none.
fn of_two() -> Vec<Case> {
    let (mut log, certificate) = renewed();
    let policy = DualAct::Policy(Policy { proposal_ms: DAY_MS, ..Policy::standard() });
    let admit = DualAct::AdmitOfficer(certificate);
    let mut all = Vec::new();
    for (name, act) in [("a policy", &policy), ("an admission", &admit)] {
        all.push(falls(&format!("{name} proposed by an operator"), &log, "anna", proposed(act)));
        let proposal = propose(&mut log, act);
        let approve = || Act::Approve(Approve { proposal });
        all.push(falls(&format!("{name} approved by an operator"), &log, "anna", approve()));
    }
    all
}

/// Nobody is admitted but an officer who waits for it.
fn admissions() -> Vec<Case> {
    let (mut log, certificate) = renewed();
    let admit = DualAct::AdmitOfficer(certificate);
    let other = |login: &str| DualAct::AdmitOfficer(log.site.person(login).signature_certificate.id());
    let mut all = vec![
        falls(
            "an admission of a certificate to come",
            &log,
            "petr",
            proposed(&DualAct::AdmitOfficer(CertId([7; 32]))),
        ),
        falls("an admission of an operator", &log, "petr", proposed(&other("anna"))),
        falls("an admission of an officer of the genesis", &log, "petr", proposed(&other("olga"))),
    ];
    let (first, second) = (propose(&mut log, &admit), propose(&mut log, &admit));
    log.act("olga", Act::Approve(Approve { proposal: first })).unwrap();
    let again = Act::Approve(Approve { proposal: second });
    all.push(falls("an admission approved once more", &log, "olga", again));
    all
}

/// What each does alone.
fn of_one() -> Vec<Case> {
    let (mut log, _) = renewed();
    let person = log.id("petr");
    let suspend = || Act::Suspend(Suspend { person });
    let revoke = Act::Revoke(Revoke { person, reason: RevokeReason::KeyCompromise, note: String::new() });
    let mut all = vec![
        falls("a revocation by an operator", &log, "anna", revoke),
        falls("a suspension by an operator", &log, "anna", suspend()),
    ];
    log.act("olga", suspend()).unwrap();
    let resume = Act::Resume(Resume { person });
    all.push(falls("who was suspended is resumed by an operator", &log, "anna", resume));
    all
}
