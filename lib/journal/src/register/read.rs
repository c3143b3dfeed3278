//! What others may ask the Register.
//! Never changes it.

use super::columns::{ERASED, FILE, MUST_ACKNOWLEDGE, MessageRow, Row};
use super::orders::{OrderRow, OrderState};
use super::rows::*;
use super::{Certified, ErasePlace, Register, Site};
use crate::ids::{Chain, ConversationId, Hash, Index, LogId, ReservationId};
use crate::policy::Policy;
use pki::{CertId, PersonId, PublicKey, Role, RoleSet, Suite};
use std::collections::BTreeMap;
use std::ops::Range;

impl Register {
    /// Number of entries admitted; the next one's index.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The last entry's time: no later one may be earlier.
    pub fn floor_ms(&self) -> u64 {
        self.floor_ms
    }

    /// Whether the daemon runs: a Start without a Stop behind it.
    pub fn running(&self) -> bool {
        self.running
    }

    /// The boot clock of the newest entry.
    pub fn boot_ms(&self) -> u64 {
        self.boot_ms
    }

    /// What the genesis says; `None` before it.
    pub fn site(&self) -> Option<&Site> {
        self.site.as_ref()
    }

    /// The log's id, zero before the genesis.
    pub fn log_id(&self) -> LogId {
        self.site.as_ref().map_or(LogId::ZERO, |site| site.log)
    }

    /// The site's suite.
    pub fn suite(&self) -> Option<Suite> {
        self.site.as_ref().map(|site| site.suite)
    }

    /// The log identity key, Ed25519.
    pub fn identity(&self) -> Option<&[u8; 32]> {
        self.site.as_ref().map(|site| &site.identity)
    }

    /// The policy that rules the next entry.
    pub fn policy(&self) -> Option<&Policy> {
        self.site.as_ref().map(|site| &site.policy)
    }

    /// The key that verifies statements by this certificate: an enrolled one, or the issuing CA's.
    pub fn key_of(&self, certificate: CertId) -> Option<&PublicKey> {
        match &self.site {
            Some(site) if site.issuing_id() == certificate => site.issuing_key(),
            _ => self.certificates.get(&certificate)?.key(),
        }
    }

    /// A certificate that the journal made known.
    pub fn certificate(&self, id: CertId) -> Option<&Certified> {
        self.certificates.get(&id)
    }

    /// All certificates of persons and of the server.
    pub fn certificates(&self) -> impl Iterator<Item = &Certified> {
        self.certificates.values()
    }

    /// A person.
    pub fn person(&self, id: PersonId) -> Option<&Person> {
        self.people.get(&id)
    }

    /// All persons, ascending by id; the revoked too.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.people.values()
    }

    /// The person of this login.
    pub fn person_by_login(&self, login: &str) -> Option<&Person> {
        self.people.get(self.derived.logins.get(login)?)
    }

    /// The live chain of a person.
    pub fn chain_of(&self, person: PersonId) -> Option<&LiveChain> {
        self.chains.get(&person)
    }

    /// All live chains.
    pub fn chains(&self) -> impl Iterator<Item = (PersonId, &LiveChain)> {
        self.chains.iter().map(|(person, live)| (*person, live))
    }

    /// Whose live chain this is.
    pub fn person_of_chain(&self, chain: Chain) -> Option<PersonId> {
        self.chains.iter().find(|(_, live)| live.chain == chain).map(|(person, _)| *person)
    }

    /// A conversation by its id.
    pub fn conversation(&self, id: ConversationId) -> Option<&Conversation> {
        self.conversations.get(self.derived.conversation_ids.get(&id)?)
    }

    /// A conversation by its number.
    pub fn conversation_by_number(&self, number: u64) -> Option<&Conversation> {
        self.conversations.get(&number)
    }

    /// All conversations, in the order of their founding.
    pub fn conversations(&self) -> impl Iterator<Item = &Conversation> {
        self.conversations.values()
    }

    /// The conversations that a person is in or invited to.
    pub fn conversations_of(&self, person: PersonId) -> impl Iterator<Item = &Conversation> {
        let numbers = self.derived.conversations_of.get(&person);
        numbers.into_iter().flatten().filter_map(|number| self.conversations.get(number))
    }

    /// Who gets wraps of the next epoch and to which agreement certificate, in membership order.
    pub fn recipients(&self, conversation: u64) -> Vec<(PersonId, CertId)> {
        let Some(conversation) = self.conversations.get(&conversation) else { return Vec::new() };
        let persons = conversation.membership.members().keys();
        persons.filter_map(|id| Some((*id, self.people.get(id)?.agreement_now()?))).collect()
    }

    /// Whether a sender has to make a new epoch before anything is admitted at this time.
    pub fn epoch_is_due(&self, conversation: u64, now_ms: u64) -> bool {
        let Some(conversation) = self.conversations.get(&conversation) else { return false };
        self.epoch_in_force(conversation, now_ms).is_err()
    }

    /// The message at this index.
    pub fn message(&self, index: Index) -> Option<MessageRow> {
        Some(self.shown(&self.messages.row(self.messages.find(index)?)))
    }

    /// The messages of a conversation (by number) whose indices lie in the range, in order.
    pub fn messages_of(&self, conversation: u64, range: Range<Index>) -> impl Iterator<Item = MessageRow> {
        let rows = self.conversations.get(&conversation).map_or(&[][..], |found| &found.messages);
        let at = |index| rows.partition_point(|row| self.messages.row(*row).index < index);
        let (from, to) = (at(range.start), at(range.end));
        rows[from.min(to)..to].iter().map(|row| self.shown(&self.messages.row(*row)))
    }

    /// The messages whose indices lie in the range, of all conversations, in order.
    pub fn messages_within(&self, range: Range<Index>) -> impl Iterator<Item = MessageRow> {
        let (from, to) = (self.messages.before(range.start), self.messages.before(range.end));
        self.messages.rows(from.min(to)..to).map(|row| self.shown(&row))
    }

    /// How many messages there are, the erased included.
    pub fn message_count(&self) -> u64 {
        self.messages.len().into()
    }

    pub(super) fn shown(&self, row: &Row) -> MessageRow {
        let number = self.derived.conversation_numbers[row.conversation as usize];
        let whole = self.conversations.get(&number).is_some_and(|found| found.erased.is_some());
        MessageRow {
            index: row.index,
            conversation: number,
            item: row.item.into(),
            author: self.derived.persons[row.author as usize],
            size: row.size,
            label: row.label,
            precedence: row.precedence,
            must_acknowledge: row.flags & MUST_ACKNOWLEDGE != 0,
            erased: whole || row.flags & ERASED != 0,
            file: (row.flags & FILE != 0).then(|| self.files.get(&row.index).copied()).flatten(),
        }
    }

    /// Who acknowledged a message, in order.
    pub fn acknowledged(&self, message: Index) -> &[PersonId] {
        self.acknowledged.get(&message).map_or(&[], |persons| persons)
    }

    /// Who has read up to where in a conversation.
    pub fn cursors(&self, conversation: u64) -> Option<&BTreeMap<PersonId, Cursor>> {
        self.conversations.get(&conversation).map(|found| &found.cursors)
    }

    /// An open reservation.
    pub fn reservation(&self, id: ReservationId) -> Option<&Reservation> {
        self.reservations.get(&id)
    }

    /// Open reservations, by their ids.
    pub fn reservations(&self) -> impl Iterator<Item = (ReservationId, &Reservation)> {
        self.reservations.iter().map(|(id, reservation)| (*id, reservation))
    }

    /// Open proposals, by the index of their `Propose`.
    pub fn proposals(&self) -> impl Iterator<Item = (Index, &Proposal)> {
        self.proposals.iter().map(|(index, proposal)| (*index, proposal))
    }

    /// All envelopes by number.
    pub fn envelopes(&self) -> impl Iterator<Item = (u64, &Envelope)> {
        self.envelopes.iter().map(|(number, envelope)| (*number, envelope))
    }

    /// An envelope by its number.
    pub fn envelope(&self, number: u64) -> Option<&Envelope> {
        self.envelopes.get(&number)
    }

    /// Erasures asked for and not yet done, by the index that asked.
    pub fn erasures_pending(&self) -> impl Iterator<Item = (Index, &[ErasePlace])> {
        self.erasures.iter().map(|(index, what)| (*index, &what[..]))
    }

    /// The last erasure epoch that an `Erased` named, 0 before the first.
    pub fn erasure_epoch(&self) -> u64 {
        self.erasure_epoch
    }

    /// All revoked certificates with the index that revoked them.
    pub fn revocations(&self) -> impl Iterator<Item = (CertId, Index)> {
        self.certificates.iter().filter_map(|(id, certified)| Some((*id, certified.revoked?)))
    }

    /// Where the authority's offline chain stands; `None` before the genesis.
    pub fn offline(&self) -> Option<&OfflineChain> {
        self.offline.as_ref()
    }

    /// The Submit whose acts have not all come yet.
    pub fn open_submit(&self) -> Option<&OpenSubmit> {
        self.submit.as_ref()
    }

    /// The current period; `None` before the first KeyRoll.
    pub fn period(&self) -> Option<&Period> {
        self.period.as_ref()
    }

    /// Entries of the current period by kind, Facts as 1000 + their number; the very list of a `PeriodEnd`.
    pub fn counts(&self) -> Vec<crate::fact::KindCount> {
        self.counts
            .iter()
            .map(|(kind, count)| crate::fact::KindCount { kind: *kind, count: *count })
            .collect()
    }

    /// A Tick must come before the first entry at or after this time.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        let wall_ms = self.derived.deadlines.first().map(|(deadline_ms, _)| *deadline_ms);
        let ran = self.derived.running.first().map(|(ran_ms, _)| self.wall_of(*ran_ms));
        wall_ms.into_iter().chain(ran).min()
    }

    /// For how long the server has run, by the boot clock of its entries, from each Start to that run's last entry. Time
    /// to object is counted by it: neither a clock that is set nor a server that stands still lets it pass.
    pub fn ran_ms(&self) -> u64 {
        self.ran_ms
    }

    /// When the server will have run for so long, if it goes on.
    pub(super) fn wall_of(&self, ran_ms: u64) -> u64 {
        self.floor_ms.saturating_add(ran_ms).saturating_sub(self.ran_ms)
    }

    /// How an order stands, with the time until which those concerned may object as it is to be expected now.
    pub fn order_state(&self, row: &OrderRow) -> OrderState {
        let later = |until_ms: u64| until_ms.max(self.wall_of(row.ran_ms));
        match row.state {
            OrderState::Counting(until_ms) => OrderState::Counting(later(until_ms)),
            OrderState::Objected(person, index, until_ms) => {
                OrderState::Objected(person, index, later(until_ms))
            }
            OrderState::Silenced(person, index, until_ms) => {
                OrderState::Silenced(person, index, later(until_ms))
            }
            state @ (OrderState::Held(_) | OrderState::Done(_)) => state,
        }
    }

    /// The roles in which a certificate acts and reads: those that it grants and that its person's newest one still
    /// grants, so that a renewal without a role takes it from the older ones too. None before two officers admitted it
    /// (an officer's) and none once it is revoked. Its dates are not looked at: what acts is judged at its own time.
    pub fn roles_of_session(&self, certificate: CertId) -> RoleSet {
        let acting = |found: &&Certified| found.admitted && found.revoked.is_none();
        let Some(found) = self.certificates.get(&certificate).filter(acting) else { return RoleSet::EMPTY };
        let person = found.certificate().person().and_then(|person| self.people.get(&person));
        let newest = person.map_or(RoleSet::EMPTY, |person| person.roles);
        found.certificate().roles().iter().filter(|role| newest.contains(*role)).collect()
    }

    /// Officers who may act, as of the last entry: not suspended, and with a certificate by which they act as officers.
    pub fn standing_officers(&self) -> impl Iterator<Item = PersonId> {
        self.standing_officers_at(self.floor_ms)
    }

    pub(super) fn standing_officers_at(&self, at_ms: u64) -> impl Iterator<Item = PersonId> {
        let stands = move |person: &&Person| self.is_standing_officer(person, at_ms);
        self.people.values().filter(stands).map(|person| person.id)
    }

    /// One certificate must do it all: grant the role, be admitted and unrevoked, and be valid at this time. An old
    /// operator's certificate makes no officer of somebody whose renewal nobody admitted.
    pub(super) fn is_standing_officer(&self, person: &Person, at_ms: u64) -> bool {
        let acts = |id: &CertId| {
            let valid = self.certificates.get(id).is_some_and(|found| found.valid_at(at_ms));
            valid && self.roles_of_session(*id).contains(Role::Officer)
        };
        person.revoked.is_none() && person.suspended.is_none() && person.signature.iter().any(acts)
    }

    /// SHA-256 of the state, as a `PeriodEnd` names it: of the snapshot's form, with whole blocks of messages as digests.
    pub fn digest(&self) -> Hash {
        super::snapshot::digest(self)
    }

    /// Whether what the digests of whole blocks were made of is still in memory as it was then. Reckons them all anew.
    pub fn is_as_digested(&self) -> bool {
        self.messages.are_as_kept()
    }
}
