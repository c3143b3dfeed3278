//! What the authority does at its own desk: certificates and envelopes, as acts for an officer to submit.
//! Never talks to a server.

use super::{LONG_MS, Site, rng};
use journal::act::{Act, Crl, EnvelopeHandOver, EnvelopePrint, FileClaim};
use journal::ids::ReservationId;
use journal::statement::SignedStatement;
use journal::testing::Described;
use pki::profile::{self, Authority, Validity};
use pki::{CertTime, Clearance, Reason, Role, password};
use protocol::frame::{SealedVerifier, VERIFIER_INFO};
use protocol::seal::body::BodyRef;
use protocol::seal::file::chunk_root;

fn long(role: Role) -> Described {
    Described { valid_ms: LONG_MS, ..Described::new(role, Clearance(3)) }
}

/// What a message says of the file that these chunks are.
pub(crate) fn claim(reservation: ReservationId, chunks: &[Vec<u8>]) -> FileClaim {
    let commitments = chunks.iter().map(|chunk| BodyRef::parse(chunk).unwrap().commitment());
    FileClaim { reservation, root: chunk_root(commitments), chunks: chunks.len() as u32 }
}

impl Site {
    /// The next act of the authority.
    pub(crate) fn offline(&mut self, act: Act) -> SignedStatement {
        self.offline_before = (self.authority.offline_sequence, self.authority.offline_last);
        self.authority.offline(act).0
    }

    /// An act that was refused used up no number of the authority's.
    pub(crate) fn take_back_offline(&mut self) {
        (self.authority.offline_sequence, self.authority.offline_last) = self.offline_before;
    }

    /// A revocation list of the issuing authority that names the signature certificates of these people.
    pub(crate) fn list(&mut self, number: u64, logins: &[&str]) -> SignedStatement {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let at = CertTime(now.as_secs() as i64);
        let entry = |login: &&str| {
            (self.person(login).signature_certificate.serial().to_vec(), at, Reason::KeyCompromise)
        };
        let revoked: Vec<_> = logins.iter().map(entry).collect();
        let authority =
            Authority { certificate: &self.authority.issuing, signer: &self.authority.issuing_key };
        let validity = Validity { from: at, until: CertTime(at.0 + 86_400) };
        let list = profile::revocation_list(authority, number, validity, &revoked).unwrap();
        self.offline(Act::Crl(Crl { list: list.der().to_vec().into() }))
    }

    /// Keys and certificates for a new person.
    pub(crate) fn enrol(&mut self, login: &str, role: Role) -> SignedStatement {
        self.enrol_as(login, &long(role))
    }

    /// The same for a person described; new keys for a known one.
    pub(crate) fn enrol_as(&mut self, login: &str, described: &Described) -> SignedStatement {
        let enrol = self.authority.issue(login, described);
        self.offline(Act::Enrol(enrol))
    }

    /// An envelope: its number, the act, and the verifier that travels beside it.
    pub(crate) fn print(&mut self, login: &str, one_time: &str) -> (u64, SignedStatement, SealedVerifier) {
        self.envelopes += 1;
        let (number, person) = (self.envelopes, self.person(login).id);
        let phc = password::verifier(one_time.as_bytes(), &mut rng()).unwrap();
        let aad = [person.0.to_be_bytes(), number.to_be_bytes()].concat();
        let core = self.core.as_ref().expect("the server's request was answered");
        let sealed = core.seal(VERIFIER_INFO, &aad, phc.as_bytes(), &mut rng()).unwrap();
        let print = self.offline(Act::EnvelopePrint(EnvelopePrint::new(number, person, 0, &sealed)));
        (number, print, SealedVerifier { person, envelope: number, sealed: sealed.into() })
    }

    pub(crate) fn hand_over(&mut self, number: u64) -> SignedStatement {
        self.offline(Act::EnvelopeHandOver(EnvelopeHandOver { number }))
    }

    /// Everything that lets a new person in with `one-time LOGIN`.
    pub(crate) fn welcome(&mut self, login: &str, role: Role) -> (Vec<SignedStatement>, Vec<SealedVerifier>) {
        self.welcome_as(login, &long(role))
    }

    /// The same for a person described.
    pub(crate) fn welcome_as(
        &mut self,
        login: &str,
        described: &Described,
    ) -> (Vec<SignedStatement>, Vec<SealedVerifier>) {
        let enrol = self.enrol_as(login, described);
        let (number, print, verifier) = self.print(login, &format!("one-time {login}"));
        (vec![enrol, print, self.hand_over(number)], vec![verifier])
    }
}
