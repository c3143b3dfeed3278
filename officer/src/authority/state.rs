//! What the authority knows: people, certificates, envelopes, revocations. Computed from its acts alone.
//! Never stored anywhere else, and never changed but by applying one more verified act.

use crate::authority::envelopes::Envelopes;
use journal::act::{Act, CrlPart, Enrol, Genesis, Revoke, RevokeReason};
use journal::ids::{Chain, Head};
use journal::register::{offline_chain, verify_genesis};
use journal::statement::{Header, STATEMENT_VERSION, Statement};
use journal::{LogId, SignedStatement, StatementId};
use pki::{Certificate, Clearance, PersonId, PublicKey, Reason, RevocationList, Role, RoleSet, SubjectNames};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A signature certificate and the agreement certificate beside it.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Signs statements and handshakes.
    pub signature: Certificate,
    /// Is wrapped to.
    pub agreement: Certificate,
}

/// Somebody with certificates; the server too.
#[derive(Debug, Clone)]
pub struct Person {
    /// For ever.
    pub id: PersonId,
    /// As the newest certificate has them.
    pub names: SubjectNames,
    /// As the newest certificate has them; the server's pair counts as server and core.
    pub roles: RoleSet,
    /// As the newest certificate has it.
    pub clearance: Clearance,
    /// Oldest first; at least one.
    pub pairs: Vec<Pair>,
    /// Revoked, and why.
    pub revoked: Option<RevokeReason>,
}

impl Person {
    /// The newest pair.
    pub fn newest(&self) -> &Pair {
        self.pairs.last().expect("a person is made by an Enrol, with its pair")
    }

    /// Whether this is the server.
    pub fn is_server(&self) -> bool {
        self.roles.contains(Role::Server)
    }
}

/// The founding of the site.
#[derive(Debug, Clone)]
pub struct Founded {
    /// The log's id.
    pub log: LogId,
    /// As it travels.
    pub signed: SignedStatement,
    /// What it says.
    pub act: Genesis,
}

/// See the head of this file.
#[derive(Debug, Clone)]
pub struct State {
    issuing: Certificate,
    key: PublicKey,
    chain: Chain,
    last: StatementId,
    /// Everybody.
    pub people: BTreeMap<PersonId, Person>,
    logins: BTreeMap<String, PersonId>,
    keys: BTreeMap<Vec<u8>, PersonId>,
    /// Servers, in the order of their last enrolment.
    servers: Vec<PersonId>,
    /// All envelopes.
    pub envelopes: Envelopes,
    /// The newest revocation list.
    pub list: Option<RevocationList>,
    /// The first parts of one whose last has not come.
    parts: Vec<CrlPart>,
    /// The genesis, once it is made.
    pub founded: Option<Founded>,
    /// The acts of the offline chain, in its order; the genesis is none of them.
    pub acts: Vec<SignedStatement>,
}

impl State {
    /// Before the first act.
    pub fn new(issuing: &Certificate, key: PublicKey) -> Self {
        Self {
            chain: offline_chain(issuing.id(), issuing.subject()),
            issuing: issuing.clone(),
            key,
            last: StatementId::ZERO,
            people: BTreeMap::new(),
            logins: BTreeMap::new(),
            keys: BTreeMap::new(),
            servers: Vec::new(),
            envelopes: Envelopes::default(),
            list: None,
            parts: Vec::new(),
            founded: None,
            acts: Vec::new(),
        }
    }

    /// The person of this login.
    pub fn by_login(&self, login: &str) -> Option<&Person> {
        self.people.get(self.logins.get(login)?)
    }

    /// Whose key this is (SubjectPublicKeyInfo), of either kind and of any age.
    pub fn holder(&self, spki: &[u8]) -> Option<PersonId> {
        self.keys.get(spki).copied()
    }

    /// The newest server that is not revoked.
    pub fn server(&self) -> Option<&Person> {
        let newest_first = self.servers.iter().rev().filter_map(|id| self.people.get(id));
        newest_first.into_iter().find(|person| person.is_server() && person.revoked.is_none())
    }

    /// A list of this authority that grew too large for an act, as it was published: newer than any that is one.
    pub fn adopt_list(&mut self, list: RevocationList) {
        if list.is_signed_by(self.issuing.spki())
            && list_number(&list) > self.list.as_ref().and_then(list_number)
        {
            self.list = Some(list);
        }
    }

    /// The statement that would carry this act next.
    pub fn next(&self, act: Act) -> Statement {
        let is_genesis = matches!(act, Act::Genesis(_));
        let log = self.founded.as_ref().map_or(LogId::ZERO, |founded| founded.log);
        let header = Header {
            version: STATEMENT_VERSION,
            suite: self.key.suite(),
            log: if is_genesis { LogId::ZERO } else { log },
            person: PersonId(0),
            certificate: self.issuing.id(),
            chain: if is_genesis { Chain::ZERO } else { self.chain },
            sequence: if is_genesis { 0 } else { self.acts.len() as u64 },
            attempt: 0,
            previous: if is_genesis { StatementId::ZERO } else { self.last },
            head: Head { size: 0, root: journal::tree::empty_root() },
        };
        Statement { header, act }
    }

    /// Verifies one act and takes it in, or says in English why it is not the next one.
    pub fn apply(&mut self, signed: &SignedStatement) -> Result<(), String> {
        let parsed = signed.clone().parse().map_err(|why| why.to_string())?;
        if let Act::Genesis(act) = parsed.act() {
            return self.take_genesis(signed, act);
        }
        let (id, header, act) = (parsed.id(), parsed.header().clone(), parsed.act().clone());
        parsed.verify(&self.key).map_err(|why| why.to_string())?;
        let mut expected = self.next(act.clone()).header;
        if header.log == LogId::ZERO {
            // Made before the genesis, or kept that way.
            expected.log = LogId::ZERO;
        }
        if header != expected {
            return Err(format!("not the act that follows number {}", self.acts.len()));
        }
        self.take(&act)?;
        self.acts.push(signed.clone());
        self.last = id;
        Ok(())
    }

    fn take_genesis(&mut self, signed: &SignedStatement, act: &Genesis) -> Result<(), String> {
        if self.founded.is_some() {
            return Err("a second genesis".into());
        }
        let verified = verify_genesis(signed.clone()).map_err(|why| why.to_string())?;
        if *act.issuing != *self.issuing.der() {
            return Err("the genesis of another authority".into());
        }
        let log = LogId(verified.get().id().0);
        self.founded = Some(Founded { log, signed: signed.clone(), act: act.clone() });
        Ok(())
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever an authority does not do is refused, also later kinds"
    )]
    fn take(&mut self, act: &Act) -> Result<(), String> {
        match act {
            Act::Enrol(act) => self.enrol(act),
            Act::Revoke(act) => self.revoke(act),
            Act::Crl(act) => self.take_list(&act.list),
            Act::CrlPart(act) => self.take_part(act),
            Act::EnvelopePrint(act) => {
                let person = self.people.get(&act.person).ok_or("an envelope for nobody")?;
                if person.revoked.is_some() {
                    return Err("an envelope for somebody revoked".into());
                }
                self.envelopes.print(act, self.acts.len() as u64)
            }
            Act::EnvelopeHandOver(act) => self.envelopes.hand_over(act.number),
            Act::EnvelopeVoid(act) => self.envelopes.void(act.number),
            other => Err(format!("an act of kind {} is not the authority's", other.name())),
        }
    }

    fn enrol(&mut self, act: &Enrol) -> Result<(), String> {
        let parse = |der: &[u8]| Certificate::parse(der).map_err(|why| why.to_string());
        let (signature, agreement) = (parse(&act.signature)?, parse(&act.agreement)?);
        let id = signature.person().ok_or("a certificate without a person")?;
        let names =
            SubjectNames::from_name(signature.subject(), Some(id)).ok_or("a name that is not ours")?;
        if self.logins.get(&names.login).is_some_and(|holder| *holder != id) {
            return Err("a login that another person has".into());
        }
        for spki in [signature.spki(), agreement.spki()] {
            if self.keys.insert(spki.to_vec(), id).is_some() {
                return Err("a key that was certified before".into());
            }
        }
        let roles: RoleSet = signature.roles().iter().chain(agreement.roles().iter()).collect();
        let clearance = signature.clearance();
        if roles.contains(Role::Server) {
            self.servers.retain(|known| *known != id);
            self.servers.push(id);
        }
        self.logins.insert(names.login.clone(), id);
        let pair = Pair { signature, agreement };
        match self.people.get_mut(&id) {
            Some(person) if person.revoked.is_some() => return Err("a renewal of somebody revoked".into()),
            Some(person) => {
                (person.names, person.roles, person.clearance) = (names, roles, clearance);
                person.pairs.push(pair);
            }
            None => {
                let person = Person { id, names, roles, clearance, pairs: vec![pair], revoked: None };
                self.people.insert(id, person);
            }
        }
        Ok(())
    }

    fn revoke(&mut self, act: &Revoke) -> Result<(), String> {
        let person = self.people.get_mut(&act.person).ok_or("a revocation of nobody")?;
        if person.revoked.replace(act.reason).is_some() {
            return Err("a second revocation".into());
        }
        Ok(())
    }

    fn take_part(&mut self, act: &CrlPart) -> Result<(), String> {
        let follows = match self.parts.last() {
            None => act.number == 1,
            Some(before) => act.follows(before),
        };
        if !follows {
            return Err("a part of a list that does not follow".into());
        }
        self.parts.push(act.clone());
        if !act.is_last() {
            return Ok(());
        }
        let parts = std::mem::take(&mut self.parts);
        let list: Vec<u8> = parts.iter().flat_map(|part| part.bytes.iter().copied()).collect();
        if Sha256::digest(&list)[..] != act.whole[..] {
            return Err("parts of another list than they name".into());
        }
        self.take_list(&list)
    }

    fn take_list(&mut self, list: &[u8]) -> Result<(), String> {
        let list = RevocationList::parse(list).map_err(|why| why.to_string())?;
        if !list.is_signed_by(self.issuing.spki())
            || list_number(&list) <= self.list.as_ref().and_then(list_number)
        {
            return Err("a list of another authority, or an old one".into());
        }
        self.list = Some(list);
        Ok(())
    }
}

/// A list's number, of those that we make.
pub fn list_number(list: &RevocationList) -> Option<u64> {
    let number = list.number()?;
    let significant = number.iter().position(|byte| *byte != 0).map_or(&[][..], |at| &number[at..]);
    (significant.len() <= 8).then(|| significant.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// The list's word for a revocation's reason.
pub fn list_reason(reason: RevokeReason) -> Reason {
    match reason {
        RevokeReason::Unspecified => Reason::Unspecified,
        RevokeReason::KeyCompromise => Reason::KeyCompromise,
        RevokeReason::AffiliationChanged => Reason::AffiliationChanged,
        RevokeReason::Superseded => Reason::Superseded,
        RevokeReason::CessationOfOperation => Reason::CessationOfOperation,
    }
}
