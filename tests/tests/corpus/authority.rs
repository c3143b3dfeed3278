//! What the authority signs: until it has run out or is revoked, lists in parts as a whole, and whom a list ends.
//! Never whose statement stands behind which list (`keys.rs`).

use journal::act::{Act, Crl, CrlPart, EnvelopePrint, Login, Submit};
use journal::register::submit_digest;
use journal::testing::{Described, FOUNDED_MS, TestLog, VALID_MS};
use journal::{Policy, SignedStatement};
use pki::profile::{self, Authority, Validity};
use pki::{CertTime, Certificate, Clearance, Reason, Role, SecretKey, Suite};

use crate::forge::*;

fn founded(number: u64) -> TestLog {
    TestLog::founded(number, Suite::Ed25519, Policy::standard())
}

pub(crate) fn cases() -> Vec<Case> {
    let mut all = run_out();
    all.extend(revoked());
    all.extend(parts());
    all.extend(listed());
    all.push(listed_again());
    all
}

fn said_next(log: &mut TestLog, act: Act) -> SignedStatement {
    log.site.offline(act).0
}

fn envelope(log: &TestLog) -> Act {
    Act::EnvelopePrint(EnvelopePrint::new(log.envelope + 1, log.id("olga"), 0, &[]))
}

/// Until the last second of its certificate.
fn run_out() -> Vec<Case> {
    let mut log = founded(150);
    log.now_ms = FOUNDED_MS + 10 * VALID_MS + 1000;
    let print = envelope(&log);
    let late = said_next(&mut log, print);
    let late = behind("the authority, when it has run out", &log, &[late], 0);
    let mut log = founded(150);
    log.now_ms = FOUNDED_MS + 10 * VALID_MS + 999;
    let print = envelope(&log);
    log.by_authority(print).unwrap();
    vec![late, Case::new("the authority, in its last second", &log, honest(&log), VERIFIED, None)]
}

/// The list of this authority that names this certificate.
fn list(log: &TestLog, issuer: (&Certificate, &SecretKey), named: &Certificate) -> Act {
    let at = |ms: u64| CertTime((ms / 1000) as i64);
    let revoked = [(named.serial().to_vec(), at(log.now_ms), Reason::KeyCompromise)];
    let validity = Validity { from: at(log.now_ms), until: at(FOUNDED_MS + VALID_MS) };
    let issuer = Authority { certificate: issuer.0, signer: issuer.1 };
    let list = profile::revocation_list(issuer, log.tree.size(), validity, &revoked).unwrap();
    Act::Crl(Crl { list: list.der().to_vec().into() })
}

/// Not once the root has named it.
fn revoked() -> Vec<Case> {
    let mut log = founded(151);
    let named = list(&log, (&log.site.root, &log.site.root_key), &log.site.issuing);
    log.by_authority(named).unwrap();
    let stands = Case::new("the authority, revoked by the root", &log, honest(&log), VERIFIED, None);
    let print = envelope(&log);
    let late = said_next(&mut log, print);
    vec![stands, behind("the authority, behind the root's list", &log, &[late], 0)]
}

fn part(number: u32) -> Act {
    Act::CrlPart(CrlPart { number, of: 3, whole: [1; 32], bytes: vec![1; 48 * 1024].into() })
}

/// Nothing stands between the parts of a list, and a Submit does not end between them.
fn parts() -> Vec<Case> {
    let mut log = founded(152);
    log.by_authority(part(1)).unwrap();
    let act = log.succession(1);
    let between =
        behind("a succession, between two parts of a list", &log, &[log.succession_by("olga", &act)], 0);
    let again = said_next(&mut log, part(1));
    let mut all = vec![between, behind("a list in parts, begun within itself", &log, &[again], 0)];
    let mut log = TestLog::standard(153);
    let first = said_next(&mut log, part(1));
    let id = first.clone().parse().unwrap().id();
    log.act("olga", Act::Submit(Submit { count: 1, digest: submit_digest(&[id]) })).unwrap();
    all.push(behind("a list in parts, and its Submit ends within it", &log, &[first], 0));
    all
}

/// Whoever is left without a certificate is revoked whole: the authority enrols him no more.
fn listed() -> Vec<Case> {
    let mut all = Vec::new();
    for another in [false, true] {
        let mut log = TestLog::standard(154);
        let first = log.site.person("anna").signature_certificate.clone();
        let described = Described::new(Role::Operator, Clearance(3));
        if another {
            let enrol = log.site.issue("anna", &described);
            log.submit("olga", vec![Act::Enrol(enrol)]).unwrap();
        }
        let named = list(&log, (&log.site.issuing, &log.site.issuing_key), &first);
        log.submit("olga", vec![named]).unwrap();
        let enrol = log.site.issue("anna", &described);
        log.submit("olga", vec![Act::Enrol(enrol)]).unwrap();
        if another {
            log.log_in("anna").unwrap();
            let name = "enrolled anew, and one certificate was left";
            all.push(Case::new(name, &log, honest(&log), VERIFIED, None));
        } else {
            let server_certificate = log.site.person("server").signature_certificate.id();
            let nonce = log.fresh();
            let login = Login { nonce, exporter: [2; 32], server_certificate, end_other: true };
            let signed = log.sign("anna", log.draft("anna", Act::Login(login))).0;
            all.push(behind("enrolled anew when a list had left nothing", &log, &[signed], 0));
        }
    }
    all
}

/// A list names again whom the one before it named. Meanwhile the person's other certificate has run out: that is no list's
/// doing, and the authority may enrol him anew.
fn listed_again() -> Case {
    let mut log = TestLog::standard(155);
    let described = Described::new(Role::Operator, Clearance(3));
    let first = log.site.person("anna").signature_certificate.clone();
    let valid_ms = (FOUNDED_MS, log.now_ms + 3_600_000);
    let enrol = log.site.issue("anna", &Described { valid_ms, ..described.clone() });
    log.submit("olga", vec![Act::Enrol(enrol)]).unwrap();
    for hours in [0, 2] {
        log.wait_ms(hours * 3_600_000);
        let named = list(&log, (&log.site.issuing, &log.site.issuing_key), &first);
        log.submit("olga", vec![named]).unwrap();
    }
    let enrol = log.site.issue("anna", &described);
    log.submit("olga", vec![Act::Enrol(enrol)]).unwrap();
    log.log_in("anna").unwrap();
    let name = "enrolled anew, and only lists that said nothing new had come since his last one ran out";
    Case::new(name, &log, honest(&log), VERIFIED, None)
}
