//! What a log continues, brought by more of its first officers than must sign.
use crate::engine::founding::found;
use crate::engine::taking::{AtRest, CannotTake, take_continues};
use crate::io::{Batch, Now};
use journal::act::{Act, DualAct, Successor};
use journal::register::Register;
use journal::statement::{SignedStatement, Statement};
use journal::testing::{Described, FOUNDED_MS, TestLog, TestSite, seed};
use journal::{LogId, Policy, Refusal};
use pki::{Clearance, Role, SecretKey, Suite};

const OFFICERS: [&str; 3] = ["olga", "oleg", "pavel"];

/// A new site with three first officers of whom two must sign, nobody logged in; and what was closed into it.
struct Beginning {
    site: TestSite,
    log: LogId,
    keys: (SecretKey, SecretKey),
    old: TestLog,
}

impl Beginning {
    fn new() -> Self {
        let mut site = TestSite::new(401, Suite::Ed25519);
        site.issue("server", &Described::new(Role::Server, Clearance(5)));
        for login in OFFICERS {
            site.issue(login, &Described::new(Role::Officer, Clearance(5)));
        }
        let identity = SecretKey::from_bytes(Suite::Ed25519, &site.identity.to_bytes()).unwrap();
        let period = SecretKey::from_bytes(Suite::Ed25519, &seed(401, "period/0")).unwrap();
        let log = LogId(journal::register::verify_genesis(genesis(&site)).unwrap().get().id().0);
        Self { site, log, keys: (identity, period), old: TestLog::standard(402) }
    }

    fn at_rest(&self) -> AtRest {
        let mut site = TestSite::new(401, Suite::Ed25519);
        let enrol = |login: &&str| Act::Enrol(self.site.person(login).enrol());
        let enrolled = ["server"].iter().chain(&OFFICERS).map(enrol);
        let acts = enrolled.map(|act| site.offline(act).0).collect();
        let keys = (&self.keys.0, &self.keys.1);
        let founding = found(now(), genesis(&self.site), acts, Vec::new(), usize::MAX, keys).unwrap();
        AtRest { register: founding.register, tree: founding.tree, books: founding.books }
    }

    /// These officers' word for the same.
    fn signed(&mut self, logins: &[&str]) -> Vec<SignedStatement> {
        let closed = match self.old.register.closed() {
            Some(closed) => closed.index,
            None => {
                let into = Successor { log: self.log, suite: Suite::Ed25519 };
                self.old.of_two(&DualAct::Close(into)).unwrap()
            }
        };
        let act = self.old.continued(closed, self.old.head());
        let sign = |login: &&str| {
            let person = self.site.person(login);
            let mut header = self.site.blank_header(person.signature_certificate.id());
            (header.log, header.person) = (self.log, person.id);
            let statement = Statement { header, act: Act::Continues(act.clone()) };
            self.site.sign(statement, &person.signature).0
        };
        logins.iter().map(sign).collect()
    }

    fn take(&mut self, logins: &[&str]) -> Result<(Batch, Register), CannotTake> {
        let signed = self.signed(logins);
        take_continues(now(), self.at_rest(), signed, (&self.keys.0, &self.keys.1))
    }
}

fn genesis(site: &TestSite) -> SignedStatement {
    site.genesis(&OFFICERS, Policy::standard())
}

fn now() -> Now {
    Now { wall_ms: FOUNDED_MS + 1000, boot_ms: 1000 }
}

#[test]
fn more_signatures_than_must_be_are_no_reason_to_refuse() {
    let mut beginning = Beginning::new();
    let (enough, register) = beginning.take(&["olga", "oleg"]).expect("two of three must");
    assert_eq!(enough.entries.len(), 2);
    let two = register.continues().unwrap().clone();
    assert_eq!(two.since, Some(register.size() - 1));
    // All three have signed: the first two stand, and the third is left out.
    let (more, register) = beginning.take(&["olga", "oleg", "pavel"]).expect("one more than must");
    assert_eq!((more.entries.len(), register.continues()), (2, Some(&two)));
    // Whoever comes first counts.
    let (other, register) = beginning.take(&["pavel", "olga", "oleg"]).expect("in any order");
    assert_eq!(other.entries.len(), 2);
    let officers = &register.continues().unwrap().officers;
    assert_eq!(*officers, ["pavel", "olga"].map(|login| beginning.site.id(login)));
    // One alone does not make it hold, and the same one twice is refused.
    let (_, register) = beginning.take(&["olga"]).expect("it stands, and says nothing yet");
    assert_eq!(register.continues().unwrap().since, None);
    let twice = beginning.take(&["olga", "olga"]);
    assert!(matches!(twice, Err(CannotTake::Refused { refusal: Refusal::SecondPersonNeeded, .. })));
}
