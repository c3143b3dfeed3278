//! What the authority does at its own desk: certificates and envelopes, as acts for an officer to submit.
//! Never talks to a server.

use super::{LONG_MS, Site, rng};
use journal::act::{Act, EnvelopeHandOver, EnvelopePrint};
use journal::statement::SignedStatement;
use journal::testing::Described;
use pki::{Clearance, Role, password};
use protocol::frame::{SealedVerifier, VERIFIER_INFO};

impl Site {
    /// The next act of the authority.
    pub(crate) fn offline(&mut self, act: Act) -> SignedStatement {
        self.authority.offline(act).0
    }

    /// Keys and certificates for a new person.
    pub(crate) fn enrol(&mut self, login: &str, role: Role) -> SignedStatement {
        let described = Described { valid_ms: LONG_MS, ..Described::new(role, Clearance(3)) };
        let enrol = self.authority.issue(login, &described);
        self.offline(Act::Enrol(enrol))
    }

    /// An envelope: its number, the act, and the verifier that travels beside it.
    pub(crate) fn print(&mut self, login: &str, one_time: &str) -> (u64, SignedStatement, SealedVerifier) {
        self.envelopes += 1;
        let (number, person) = (self.envelopes, self.person(login).id);
        let print = self.offline(Act::EnvelopePrint(EnvelopePrint { number, person, replaces: 0 }));
        let phc = password::verifier(one_time.as_bytes(), &mut rng()).unwrap();
        let aad = [person.0.to_be_bytes(), number.to_be_bytes()].concat();
        let core = self.core.as_ref().expect("the server's request was answered");
        let sealed = core.seal(VERIFIER_INFO, &aad, phc.as_bytes(), &mut rng()).unwrap().into();
        (number, print, SealedVerifier { person, envelope: number, sealed })
    }

    pub(crate) fn hand_over(&mut self, number: u64) -> SignedStatement {
        self.offline(Act::EnvelopeHandOver(EnvelopeHandOver { number }))
    }

    /// Everything that lets a new person in with `one-time LOGIN`.
    pub(crate) fn welcome(&mut self, login: &str, role: Role) -> (Vec<SignedStatement>, Vec<SealedVerifier>) {
        let enrol = self.enrol(login, role);
        let (number, print, verifier) = self.print(login, &format!("one-time {login}"));
        (vec![enrol, print, self.hand_over(number)], vec![verifier])
    }
}
