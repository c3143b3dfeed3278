//! Persons: enrolment and renewal, revocation by act and by list.
//! Never forgets a person or a key: ids, logins and keys are unique for ever.

use super::certified::valid_until_ms;
use super::say::Lost;
use super::{
    Applied, Audience, Certified, ChainEnd, Context, Effect, PasswordState, Person, Register, Silenced,
};
use crate::act::{Enrol, Revoke};
use crate::ids::Hash;
use crate::refusal::Refusal;
use pki::{
    CertId, Certificate, Clearance, KeyUse, PersonId, Purpose, Question, Revocation, RevocationList, Role,
    RoleSet, UnixMs,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Longest login, bytes.
pub const LOGIN_BYTES_MAX: usize = 64;

/// A pair of certificates that may be enrolled, with what both say alike.
struct Pair {
    signature: Certificate,
    agreement: Certificate,
    person: PersonId,
    login: String,
    name: String,
    unit: Vec<String>,
    roles: RoleSet,
    clearance: Clearance,
}

fn bad(reason: impl Into<String>) -> Refusal {
    Refusal::BadCertificate { reason: reason.into() }
}

fn key_hash(certificate: &Certificate) -> Hash {
    Sha256::digest(certificate.spki()).into()
}

impl Pair {
    /// What needs no state: both certificates are of one person, one login, and of the right kinds.
    fn read(act: &Enrol) -> Result<Self, Refusal> {
        let parse = |der: &[u8]| Certificate::parse(der).map_err(|error| bad(error.to_string()));
        let (signature, agreement) = (parse(&act.signature)?, parse(&act.agreement)?);
        let person = signature.person().ok_or_else(|| bad("no person's id"))?;
        let login = signature.login().ok_or_else(|| bad("no login"))?.to_owned();
        let name = signature.full_name().ok_or_else(|| bad("no name"))?.to_owned();
        let unit: Vec<String> = signature.unit().into_iter().map(str::to_owned).collect();
        let clearance = signature.clearance();
        let alike = agreement.person() == Some(person)
            && agreement.login() == Some(&login)
            && agreement.full_name() == Some(&name)
            && agreement.unit() == unit
            && agreement.clearance() == clearance;
        if !alike {
            return Err(bad("the two certificates do not name one person alike"));
        }
        if login.is_empty() || login.len() > LOGIN_BYTES_MAX {
            return Err(bad("the login is empty or too long"));
        }
        if signature.is_ca() || agreement.is_ca() {
            return Err(bad("an authority is no person"));
        }
        if !signature.allows(KeyUse::DigitalSignature) || !agreement.allows(KeyUse::KeyAgreement) {
            return Err(bad("the key usages are not those of a signature and an agreement certificate"));
        }
        let roles = roles_of(&signature, &agreement)?;
        Ok(Self { signature, agreement, person, login, name, unit, roles, clearance })
    }

    fn is_server(&self) -> bool {
        self.roles.contains(Role::Server)
    }

    /// The last moment at which both certificates are valid by their own dates.
    fn last_ms(&self) -> u64 {
        valid_until_ms(&self.signature).min(valid_until_ms(&self.agreement))
    }

    /// Both certificates hold at this time under the site's authorities. The one call of path validation for people.
    fn check_paths(&self, site: &super::Site, at_ms: u64) -> Result<(), Refusal> {
        let purpose = if self.is_server() { Purpose::Server } else { Purpose::Client };
        let asked = [
            (&self.signature, purpose, KeyUse::DigitalSignature),
            (&self.agreement, Purpose::Any, KeyUse::KeyAgreement),
        ];
        for (certificate, purpose, key_use) in asked {
            let question = Question {
                at: UnixMs(at_ms),
                purpose,
                role: certificate.roles().iter().next(),
                key_use: Some(key_use),
                // What is revoked, the Register knows itself.
                revocation: Revocation::Unchecked,
            };
            let path = pki::verify_path(certificate, &[site.issuing().clone()], &[site.anchor()], &question)
                .map_err(|error| bad(error.to_string()))?;
            if path.chain().get(1).map(Certificate::id) != Some(site.issuing_id()) {
                return Err(bad("not issued by the site's issuing authority"));
            }
        }
        let signature = self.signature.public_key().map_err(|error| bad(error.to_string()))?;
        let agreement = self.agreement.agreement_key().map_err(|error| bad(error.to_string()))?;
        if signature.suite() != site.suite || agreement.suite() != site.suite {
            return Err(bad("not of the site's suite"));
        }
        Ok(())
    }
}

/// Both certificates grant the same roles, none of them the server's; or they are the server's pair.
fn roles_of(signature: &Certificate, agreement: &Certificate) -> Result<RoleSet, Refusal> {
    let (one, other) = (signature.roles(), agreement.roles());
    let (server, core) = (RoleSet::EMPTY.with(Role::Server), RoleSet::EMPTY.with(Role::Core));
    if one == server && other == core {
        return Ok(server.with(Role::Core));
    }
    if one != other || one.is_empty() || one.contains(Role::Server) || one.contains(Role::Core) {
        return Err(bad("the roles are not one person's, nor the server's pair"));
    }
    Ok(one)
}

impl Register {
    /// A new person, or a known one's renewal.
    pub(super) fn enrol(&mut self, cx: &Context<'_>, act: &Enrol) -> Result<Applied, Refusal> {
        let pair = Pair::read(act)?;
        // A bundle may lie for long. What has run out meanwhile was good once, or is bad.
        let last_ms = pair.last_ms();
        pair.check_paths(self.founded()?, cx.now_ms.min(last_ms))?;
        self.check_known(&pair)?;
        if !self.people.contains_key(&pair.person) {
            self.check_joins(pair.roles)?;
        }
        if last_ms < cx.now_ms {
            return Err(Refusal::CertificateExpired { at_ms: cx.now_ms });
        }
        let person = pair.person;
        self.admit_certificates(cx, &pair)?;
        let mut effects = vec![Effect::PersonEnrolled { person }];
        let had_say = self.has_say(person, cx.now_ms);
        match self.people.get_mut(&person) {
            Some(row) => {
                row.signature.push(pair.signature.id());
                row.agreement.push(pair.agreement.id());
                row.name = pair.name;
                row.unit = pair.unit;
                row.roles = pair.roles;
                row.clearance = pair.clearance;
                if had_say && !self.has_say(person, cx.now_ms) {
                    self.lose_say(cx, person, Lost::Certificate, &mut effects);
                }
                self.renew_in_conversations(cx, person, &mut effects);
            }
            None => self.add_person(cx, pair),
        }
        Ok(Applied::with(Audience::Everyone, effects))
    }

    /// Keys and logins are new, or the known person's own.
    fn check_known(&self, pair: &Pair) -> Result<(), Refusal> {
        let (one, other) = (key_hash(&pair.signature), key_hash(&pair.agreement));
        if one == other || self.derived.keys.contains(&one) || self.derived.keys.contains(&other) {
            return Err(Refusal::KeyKnown);
        }
        if let Some(holder) = self.derived.logins.get(&pair.login)
            && *holder != pair.person
        {
            return Err(Refusal::LoginTaken { person: *holder });
        }
        let Some(known) = self.people.get(&pair.person) else { return Ok(()) };
        if known.login != pair.login || known.roles.contains(Role::Server) != pair.is_server() {
            return Err(Refusal::PersonKnownOtherwise { person: pair.person });
        }
        match known.revoked {
            Some(index) => Err(Refusal::CertificateRevoked { index }),
            None => Ok(()),
        }
    }

    fn admit_certificates(&mut self, cx: &Context<'_>, pair: &Pair) -> Result<(), Refusal> {
        let first = self.founded()?.officers.contains(&pair.signature.id());
        // One officer must not be able to make another: two admit each certificate, save those of the genesis.
        let admitted = first || !pair.roles.contains(Role::Officer);
        for certificate in [&pair.signature, &pair.agreement] {
            self.derived.keys.insert(key_hash(certificate));
            let row = Certified::new(certificate.clone(), cx.by.index, admitted);
            self.certificates.insert(certificate.id(), row);
        }
        Ok(())
    }

    fn add_person(&mut self, cx: &Context<'_>, pair: Pair) {
        let ordinal = u32::try_from(self.derived.persons.len()).expect("fewer persons than entries");
        self.derived.persons.push(pair.person);
        self.derived.logins.insert(pair.login.clone(), pair.person);
        self.people.insert(
            pair.person,
            Person {
                id: pair.person,
                ordinal,
                login: pair.login,
                name: pair.name,
                unit: pair.unit,
                roles: pair.roles,
                clearance: pair.clearance,
                signature: vec![pair.signature.id()],
                agreement: vec![pair.agreement.id()],
                enrolled: cx.by.index,
                revoked: None,
                suspended: None,
                locked: None,
                wrong_passwords: 0,
                password: PasswordState::None,
                stored_bytes: 0,
                reservations: 0,
                minute: 0,
                in_minute: 0,
                last_login: None,
                silenced: None,
                disclosed: None,
            },
        );
    }

    /// The end of a person, by the authority or an officer.
    pub(super) fn revoke(&mut self, cx: &Context<'_>, act: &Revoke) -> Result<Applied, Refusal> {
        let person = self.people.get(&act.person).ok_or(Refusal::UnknownPerson { person: act.person })?;
        if let Some(index) = person.revoked {
            return Err(Refusal::CertificateRevoked { index });
        }
        let mut effects = Vec::new();
        self.revoke_person(cx, act.person, &mut effects);
        Ok(Applied::with(Audience::Everyone, effects))
    }

    /// One officer revokes a person, at once.
    pub(super) fn revoke_by_officer(&mut self, cx: &Context<'_>, act: &Revoke) -> Result<Applied, Refusal> {
        let person = self.standing_person(act.person)?;
        if person.roles.contains(Role::Server) {
            return Err(Refusal::ServerRevocation);
        }
        self.check_officers_left(act.person, cx.now_ms)?;
        self.revoke(cx, act)
    }

    /// A person who is not revoked.
    pub(super) fn standing_person(&self, person: PersonId) -> Result<&Person, Refusal> {
        let row = self.people.get(&person).ok_or(Refusal::UnknownPerson { person })?;
        match row.revoked {
            Some(_) => Err(Refusal::Unchanged),
            None => Ok(row),
        }
    }

    /// Two officers remain when this one goes. What stops everybody is not for one officer to do.
    pub(super) fn check_officers_left(&self, going: PersonId, at_ms: u64) -> Result<(), Refusal> {
        let goes = self.people.get(&going).is_some_and(|person| self.is_standing_officer(person, at_ms));
        let left = self.standing_officers_at(at_ms).filter(|person| *person != going).count();
        if goes && left < 2 { Err(Refusal::LastOfficer) } else { Ok(()) }
    }

    fn revoke_person(&mut self, cx: &Context<'_>, person: PersonId, effects: &mut Vec<Effect>) {
        // Before he is out of his conversations: he is still one of those concerned.
        self.silence(person, None, cx.by.index, effects);
        self.drop_proposals_of(person, effects);
        let Some(row) = self.people.get_mut(&person) else { return };
        row.revoked = Some(cx.by.index);
        row.silenced = Some(Silenced::by(cx));
        let certificates: Vec<CertId> = row.signature.iter().chain(&row.agreement).copied().collect();
        for certificate in certificates {
            self.revoke_certificate(cx, certificate, effects);
        }
        self.end_chain(person, ChainEnd::Revoked, effects);
        effects.push(Effect::PersonRevoked { person });
        self.cut_where_unfit(cx, person, effects);
    }

    fn revoke_certificate(&mut self, cx: &Context<'_>, certificate: CertId, effects: &mut Vec<Effect>) {
        if let Some(row) = self.certificates.get_mut(&certificate)
            && row.revoked.is_none()
        {
            row.revoked = Some(cx.by.index);
            effects.push(Effect::CertificateRevoked { certificate });
        }
    }

    /// A revocation list: what it names is revoked for ever, whatever a later list says.
    pub(super) fn take_list(&mut self, cx: &Context<'_>, list: &[u8]) -> Result<Applied, Refusal> {
        let refuse = |reason: &str| Refusal::BadRevocationList { reason: reason.into() };
        let list = RevocationList::parse(list).map_err(|error| refuse(&error.to_string()))?;
        let site = self.founded()?;
        let by_root = list.issuer() == site.root().subject() && list.is_signed_by(site.root().spki());
        let by_issuing =
            list.issuer() == site.issuing().subject() && list.is_signed_by(site.issuing().spki());
        if by_root && !by_issuing {
            return self.take_list_of_root(cx, &list);
        }
        if !by_issuing || !site.issuing().allows(KeyUse::CrlSign) {
            return Err(refuse("not signed by an authority of this site"));
        }
        let number = list.number().ok_or_else(|| refuse("it has no number"))?;
        let number = positive(number).ok_or_else(|| refuse("its number is negative"))?;
        if let Some(last) = &site.crl_number
            && (number.len(), number) <= (last.len(), &last[..])
        {
            return Err(refuse("a list with this number or a later one is known"));
        }
        let serials: BTreeSet<&[u8]> = list.entries().iter().map(|entry| &entry.serial[..]).collect();
        let listed: Vec<CertId> = self
            .certificates
            .values()
            .filter(|row| row.revoked.is_none() && serials.contains(row.certificate().serial()))
            .map(Certified::id)
            .collect();
        let number = number.to_vec();
        if let Some(site) = &mut self.site {
            site.crl_number = Some(number.into());
        }
        Ok(Applied::with(Audience::Everyone, self.revoke_listed(cx, &listed)))
    }

    /// The root may name the issuing authority: then nothing under it acts any more, and nobody under it can object.
    fn take_list_of_root(&mut self, cx: &Context<'_>, list: &RevocationList) -> Result<Applied, Refusal> {
        let Some(site) = &mut self.site else { return Err(Refusal::WrongLog) };
        let mut effects = Vec::new();
        if list.entry(site.issuing().serial()).is_some() {
            site.issuing.revoked = Some(cx.by.index);
            for person in self.people.keys().copied().collect::<Vec<_>>() {
                self.lose_say(cx, person, Lost::Certificate, &mut effects);
            }
        }
        Ok(Applied::with(Audience::Everyone, effects))
    }

    /// Revokes the certificates, and every person who has no unrevoked signature certificate left that is valid.
    fn revoke_listed(&mut self, cx: &Context<'_>, listed: &[CertId]) -> Vec<Effect> {
        let mut effects = Vec::new();
        let person_of = |register: &Self, id: &CertId| {
            register.certificates.get(id).and_then(|row| row.certificate().person())
        };
        let touched: BTreeSet<PersonId> = listed.iter().filter_map(|id| person_of(self, id)).collect();
        // Whoever has others left may have no key to them: of renewals that overlap only the newest one's is kept.
        let spoke = |id: &&CertId| {
            let row = self.certificates.get(*id).filter(|row| row.valid_at(cx.now_ms));
            let person = person_of(self, id).and_then(|person| self.people.get(&person));
            row.is_some() && person.is_some_and(|person| person.signature.contains(*id))
        };
        let spoke: BTreeSet<PersonId> =
            listed.iter().filter(spoke).filter_map(|id| person_of(self, id)).collect();
        let had_say: BTreeSet<PersonId> =
            touched.iter().copied().filter(|person| self.has_say(*person, cx.now_ms)).collect();
        for certificate in listed {
            self.revoke_certificate(cx, *certificate, &mut effects);
        }
        for person in touched {
            if had_say.contains(&person) && (spoke.contains(&person) || !self.has_say(person, cx.now_ms)) {
                self.lose_say(cx, person, Lost::Certificate, &mut effects);
            }
            let Some(row) = self.people.get(&person) else { continue };
            let alive = |id: &CertId| self.certificates.get(id).is_some_and(|row| row.revoked.is_none());
            // One that has run out opens nothing: who has no other is as good as revoked whole.
            let opens = |id: &CertId| {
                self.certificates.get(id).is_some_and(|row| row.revoked.is_none() && row.valid_at(cx.now_ms))
            };
            if row.revoked.is_none() && !row.signature.iter().any(opens) {
                self.revoke_person(cx, person, &mut effects);
                continue;
            }
            let no_wraps = row.agreement.last().is_some_and(|id| !alive(id));
            if self.chains.get(&person).is_some_and(|live| listed.contains(&live.certificate)) {
                self.end_chain(person, ChainEnd::Revoked, &mut effects);
            }
            if no_wraps {
                self.cut_everywhere(cx, person, &mut effects);
            }
        }
        effects
    }
}

/// The value of a positive DER INTEGER without leading zeroes; zero is the empty slice.
fn positive(number: &[u8]) -> Option<&[u8]> {
    if number.first().is_some_and(|first| first & 0x80 != 0) {
        return None;
    }
    let zeroes = number.iter().take_while(|byte| **byte == 0).count();
    Some(&number[zeroes..])
}

#[cfg(test)]
#[path = "people_tests.rs"]
pub(super) mod tests;
