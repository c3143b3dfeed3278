//! Conversations as this terminal follows them: act by act, from the Create on, each act verified and judged by the same
//! rules as the Register's. What the server says of a conversation beside that is shown, never relied on.
//! Never learns an act in two ways: a push only says that there is something to ask for.

mod rules;

use super::epoch_rows::{EpochRow, Share};
use super::erase::Right;
use super::error::{Error, What};
use super::event::{DisclosedBy, ErasedBy, Eraser};
use super::flow::Cx;
use super::missed::MissedErase;
use super::receive::{Checked, CheckedContent};
use super::retention::AHEAD_MS;
use super::state::State;
use crate::answer::Answer;
use crate::code::Code;
use crate::frame::At;
use crate::query::Query;
use crate::seal::keys::EpochKey;
use journal::act::{Act, ConversationKind, EraseTarget, Title};
use journal::fact::Fact;
use journal::ids::{Commitment, ConversationId, Index};
use journal::membership::MembershipView;
use journal::statement::Header;
use pki::{PersonId, RevocationList, Role};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Conversations followed at once. Beyond that all are forgotten and followed anew when needed.
const CONVERSATIONS_KEPT: usize = 4096;
/// Most of those that were forgotten of which it is known that they were followed: more than an agent holds messages.
const FORGOTTEN_MAX: usize = 65_536;

/// Disclosures of one message that are remembered, the first ones.
const DISCLOSED_MAX: usize = 64;

/// A title as it was signed, and its body.
#[derive(Clone)]
pub(crate) struct TitleRow {
    pub(crate) header: Header,
    pub(crate) act: Title,
    pub(crate) body: Option<Vec<u8>>,
}

/// One conversation.
pub(crate) struct Row {
    pub(crate) id: ConversationId,
    pub(crate) view: Option<MembershipView>,
    /// Whose private conversation it is, by its Create.
    pub(crate) pair: Option<[PersonId; 2]>,
    /// Acts below this index are followed.
    next: Index,
    /// There may be acts that we have not asked for.
    pub(crate) dirty: bool,
    /// The newest epoch is not to be used, though no act says so: it is too old, or its wrap for us is bad.
    pub(crate) epoch_unfit: bool,
    pub(crate) epochs: BTreeMap<u32, EpochRow>,
    pub(crate) shares: Vec<Share>,
    /// Keys made here, until their Epoch is seen.
    pub(crate) made: Vec<(Commitment, Arc<EpochKey>)>,
    /// Who owned it from which index on.
    owners: Vec<(Index, Option<PersonId>)>,
    /// From which index on a person had joined, or had not any more.
    joined: BTreeMap<PersonId, Vec<(Index, bool)>>,
    pub(crate) title: Option<TitleRow>,
    /// Which messages were given away, and by whom.
    pub(crate) disclosed: BTreeMap<Index, Vec<DisclosedBy>>,
    pub(crate) erased: Option<ErasedBy>,
    /// Two officers ordered the whole of it to be erased; it takes effect at a Tick from this time on.
    ordered: Option<(ErasedBy, u64)>,
    /// The Tick at which it does is stamped with this time, which this terminal's clock has not reached.
    ahead_ms: Option<u64>,
    /// The count of [`Conversations::dropped`] when something of it was erased last.
    dropped: u64,
    /// A flow is following it or making an epoch; others wait.
    busy: bool,
    pub(crate) accepting: bool,
}

impl Row {
    fn new(id: ConversationId) -> Self {
        Self {
            id,
            view: None,
            pair: None,
            next: 0,
            dirty: true,
            epoch_unfit: false,
            epochs: BTreeMap::new(),
            shares: Vec::new(),
            made: Vec::new(),
            owners: Vec::new(),
            joined: BTreeMap::new(),
            title: None,
            disclosed: BTreeMap::new(),
            erased: None,
            ordered: None,
            ahead_ms: None,
            dropped: 0,
            busy: false,
            accepting: false,
        }
    }

    /// Private or group, once it is followed.
    pub(crate) fn kind(&self) -> Option<ConversationKind> {
        Some(self.view.as_ref()?.membership().kind())
    }

    /// Who owned the group when the entry at this index came.
    pub(crate) fn owner_at(&self, index: Index) -> Option<PersonId> {
        self.owners.iter().rev().find(|(since, _)| *since < index).and_then(|(_, owner)| *owner)
    }

    /// Whether this person might write here when the entry at this index came, under that epoch.
    pub(crate) fn might_write(&self, person: PersonId, epoch: u32, index: Index) -> bool {
        self.had_joined(person, index) && self.in_force(epoch, index)
    }

    /// Whether this person was in it when the entry at this index came.
    fn had_joined(&self, person: PersonId, index: Index) -> bool {
        let stays = self.joined.get(&person).map(Vec::as_slice).unwrap_or_default();
        stays.iter().rev().find(|(since, _)| *since < index).is_some_and(|(_, joined)| *joined)
    }

    /// Whether this person had the right to erase what this author wrote, at that entry. Policy may withdraw an
    /// author's right; that the core judged.
    pub(crate) fn may_erase(&self, by: PersonId, at: Index, author: PersonId) -> bool {
        self.owner_at(at) == Some(by) || by == author
    }

    /// Whether the Erase of this person at that entry takes this author's message by right. Of an Erase of the whole
    /// conversation that was judged when it was followed, among the members of that moment.
    pub(crate) fn had_right(&self, right: &Right, at: Index, message: Index, author: PersonId) -> bool {
        let may = match &right.target {
            EraseTarget::Messages(..) => match right.by {
                Eraser::Officers(..) => true,
                Eraser::Person(person) => self.may_erase(person, at, author),
                Eraser::Schedule => false,
            },
            EraseTarget::Conversation(_) => self.erased == Some(right.erased_by(at)),
        };
        right.names(self.id, message, at) && may
    }

    /// Whether this person had the right to erase the whole conversation, at that entry.
    pub(crate) fn may_erase_all(&self, by: PersonId, at: Index) -> bool {
        let Some(view) = &self.view else { return false };
        match view.membership().kind() {
            ConversationKind::Private => view.membership().member(by).is_ok(),
            ConversationKind::Group => self.owner_at(at) == Some(by),
        }
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Conversations {
    rows: BTreeMap<ConversationId, Row>,
    /// Those that were followed once and whose rows had to go: whoever asks may hold messages of them.
    forgotten: BTreeSet<ConversationId>,
    /// Counts what was erased under our hands: what was asked for before may show it.
    drops: u64,
    /// The newest of these that may have been in any conversation.
    dropped_everywhere: u64,
}

impl Conversations {
    pub(crate) fn get(&self, id: ConversationId) -> Option<&Row> {
        self.rows.get(&id)
    }

    pub(crate) fn row(&mut self, id: ConversationId) -> &mut Row {
        if self.rows.len() >= CONVERSATIONS_KEPT && !self.rows.contains_key(&id) {
            self.forget();
        }
        self.rows.entry(id).or_insert_with(|| Row::new(id))
    }

    fn forget(&mut self) {
        let idle = self.rows.values().filter(|row| !row.busy && row.view.is_some());
        self.forgotten.extend(idle.map(|row| row.id));
        while self.forgotten.len() > FORGOTTEN_MAX {
            self.forgotten.pop_first();
        }
        self.rows.retain(|_, row| row.busy);
        self.dropped_everywhere();
    }

    /// Something of this conversation was erased.
    pub(crate) fn dropped(&mut self, id: ConversationId) {
        self.drops += 1;
        let drops = self.drops;
        self.row(id).dropped = drops;
    }

    /// Something was erased, in whichever conversation.
    pub(crate) fn dropped_everywhere(&mut self) {
        self.drops += 1;
        self.dropped_everywhere = self.drops;
    }

    /// Another one whenever something of this conversation may have been erased since.
    pub(crate) fn drops_of(&self, id: ConversationId) -> u64 {
        let here = self.rows.get(&id).map_or(0, |row| row.dropped);
        here.max(self.dropped_everywhere)
    }

    /// Nothing that was asked for before is shown any more, nor the title of what waits to be erased as a whole.
    pub(crate) fn let_go(&mut self) {
        self.dropped_everywhere();
        self.rows.values_mut().filter(|row| row.ahead_ms.is_some()).for_each(|row| row.title = None);
    }

    pub(crate) fn dirty(&mut self, id: ConversationId) {
        self.row(id).dirty = true;
    }

    pub(crate) fn all_dirty(&mut self) {
        self.rows.values_mut().for_each(|row| row.dirty = true);
    }

    /// Those that are followed at all, or were: of no other one are there copies here.
    pub(crate) fn followed(&self) -> BTreeSet<ConversationId> {
        let rows = self.rows.values().filter(|row| row.view.is_some()).map(|row| row.id);
        rows.chain(self.forgotten.iter().copied()).collect()
    }

    /// Whether it could be followed; it is not forgotten then.
    fn is_followed(&mut self, id: ConversationId) -> bool {
        let followed = self.row(id).view.is_some();
        if followed {
            self.forgotten.remove(&id);
        }
        followed
    }

    /// The conversations that this person is in, as far as they are followed.
    pub(crate) fn of(&self, person: PersonId) -> Vec<ConversationId> {
        let has = |row: &&Row| row.view.as_ref().is_some_and(|view| view.membership().member(person).is_ok());
        self.rows.values().filter(has).map(|row| row.id).collect()
    }
}

/// Holds a conversation for one flow; gives it free when dropped.
pub(crate) struct Held {
    cx: Cx,
    id: ConversationId,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.cx.with(|state| {
            state.conversations.row(self.id).busy = false;
            state.moved();
        });
    }
}

impl Cx {
    /// Waits until no other flow works on this conversation.
    pub(crate) async fn hold(&self, id: ConversationId) -> Held {
        self.until(|state| {
            let row = state.conversations.row(id);
            (!row.busy).then(|| row.busy = true)
        })
        .await;
        Held { cx: self.clone(), id }
    }

    /// Follows the conversation up to now, if there may be something new.
    pub(crate) async fn follow(&self, id: ConversationId) -> Result<(), Error> {
        let held = self.hold(id).await;
        self.follow_held(&held).await
    }

    pub(crate) async fn follow_held(&self, held: &Held) -> Result<(), Error> {
        let id = held.id;
        while let Some(from) = self.with(|state| {
            let row = state.conversations.row(id);
            // Set back before asking: what is pushed while we ask sets it again.
            std::mem::replace(&mut row.dirty, false).then_some(row.next)
        }) {
            if let Err(error) = self.follow_from(id, from).await {
                self.with(|state| state.conversations.dirty(id));
                return Err(error);
            }
        }
        let followed = self.with(|state| state.conversations.is_followed(id));
        if followed { Ok(()) } else { Err(Error::UnknownConversation { conversation: id }) }
    }

    async fn follow_from(&self, id: ConversationId, mut from: Index) -> Result<(), Error> {
        loop {
            let page = match self.ask(Query::Acts(At { conversation: id, index: from })).await {
                Err(error) if error.is_refusal(Code::NotFound.number()) => {
                    return Err(Error::UnknownConversation { conversation: id });
                }
                answer => answer?,
            };
            let Answer::Acts(page) = page else { return Err(Error::unverified(What::Answer)) };
            let more = page.more;
            let entries = self.check_page(page).await?;
            self.prefetch(id, &entries).await?;
            let last = entries.last().map(Checked::next);
            for entry in entries {
                // One list after another: a page may name more than are kept at hand.
                if let Some((_, Act::CrlPart(_))) = entry.act() {
                    self.whole_list(&entry).await?;
                }
                self.with(|state| state.follow_act(id, entry))?;
            }
            match last {
                Some(next) if more => from = next,
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// A revocation list names certificates, not persons: to know whom it cuts, the members' certificates are needed. An
    /// approval names a proposal: to know what it orders, that is needed.
    async fn prefetch(&self, id: ConversationId, entries: &[Checked]) -> Result<(), Error> {
        for entry in entries.iter().filter(|entry| matches!(entry.act(), Some((_, Act::Approve(_))))) {
            // What is not shown, or orders nothing, erases nothing: its tombstones will not hold.
            let _ = self.erase_at(entry.index).await;
        }
        let is_list = |entry: &Checked| matches!(entry.act(), Some((_, Act::Crl(_) | Act::CrlPart(_))));
        if !entries.iter().any(is_list) {
            return Ok(());
        }
        let members = self.with(|state| {
            let view = state.conversations.row(id).view.as_ref();
            view.map(|view| view.membership().members().keys().copied().collect::<Vec<_>>())
                .unwrap_or_default()
        });
        for member in members {
            // Whose certificates do not hold any more cannot be told apart here; a wrong guess shows at the next Epoch.
            let _ = self.person(member).await;
        }
        Ok(())
    }
}

impl State {
    /// By whom a message was given away, as far as the conversation is followed.
    pub(crate) fn disclosed(&self, id: ConversationId, message: Index) -> Vec<DisclosedBy> {
        let told = self.conversations.get(id).and_then(|row| row.disclosed.get(&message));
        told.cloned().unwrap_or_default()
    }

    /// Applies one verified act to the conversation, if it is the next one.
    fn follow_act(&mut self, id: ConversationId, entry: Checked) -> Result<(), Error> {
        let bad = Error::unverified(What::Membership);
        let me = self.me.person;
        let (gap, mut missed) = (self.gap, None);
        let unheard = gap.is_some_and(|since| entry.index >= since) || self.heard.awaits(entry.index);
        let full = self.missed_enough();
        let not_after_ms = self.now_ms.saturating_add(AHEAD_MS);
        let signed_by_officer = self.is_officer(&entry);
        let listed = self.listed(id, &entry);
        let ordered = self.erases.whole(entry.index, id);
        self.take_people_act(&entry)?;
        let row = self.conversations.row(id);
        if entry.index < row.next {
            return Ok(());
        }
        let (Some(by), CheckedContent::Statement(statement)) = (entry.by(), &entry.content) else {
            // A Fact grants nothing and takes nobody out; a Tick lets come what two officers ordered.
            if matches!(entry.content, CheckedContent::Fact(Fact::Tick(_))) {
                row.carry_out(entry.wall_ms, not_after_ms);
            }
            row.next = entry.next();
            return Ok(());
        };
        let (header, act) = (statement.get().header(), statement.get().act());
        match act {
            Act::Create(create) => {
                if row.view.is_some() || id.0 != by.id.0 {
                    return Err(bad);
                }
                row.view = Some(MembershipView::found(&by, create).map_err(|_| bad)?);
                if let (ConversationKind::Private, [other]) = (create.kind, &create.invited[..]) {
                    row.pair = Some([by.signer, *other]);
                }
                row.note_joined(by.signer, by.index);
            }
            Act::Revoke(revoke) if signed_by_officer => row.cut(&[revoke.person], &by)?,
            Act::Revoke(_) => return Err(bad),
            Act::Crl(_) | Act::CrlPart(_) => row.cut(&listed, &by)?,
            Act::Enrol(enrol) => row.renewed(&enrol.signature, &by)?,
            Act::Erase(erase) => {
                row.erase(&erase.target, &by)?;
                if unheard && full {
                    return Err(Error::Busy);
                }
                if unheard {
                    let (index, by, target) = (by.index, by.signer, erase.target.clone());
                    missed = Some(MissedErase { index, by, target });
                }
            }
            Act::Approve(_) => row.order(ordered),
            Act::Disclose(disclose) => {
                if !row.had_joined(by.signer, by.index) {
                    return Err(bad);
                }
                let told = row.disclosed.entry(disclose.message).or_default();
                if told.len() < DISCLOSED_MAX {
                    told.push(DisclosedBy { person: by.signer, index: by.index });
                }
            }
            Act::Title(title) => {
                let owner = row.owner_at(by.index) == Some(by.signer);
                if title.conversation != id || !owner || !row.in_force(title.epoch, by.index) {
                    return Err(bad);
                }
                let (act, body) = (title.clone(), entry.body.clone());
                row.title = Some(TitleRow { header: header.clone(), act, body });
            }
            Act::Epoch(epoch) => row.begin_epoch(me, &by, entry.wall_ms, epoch)?,
            Act::ShareHistory(share) => row.share(me, &by, entry.wall_ms, share, act)?,
            Act::Accept(_) | Act::Leave(_) => {
                row.membership_act(&by, act)?;
                row.note_joined(by.signer, by.index);
            }
            Act::Remove(remove) => {
                row.membership_act(&by, act)?;
                row.note_joined(remove.person, by.index);
            }
            Act::Invite(_) | Act::HandOver(_) | Act::BadWrap(_) => row.membership_act(&by, act)?,
            // Shown beside the others by the server; no rule of membership knows them.
            Act::Genesis(_)
            | Act::Succession(_)
            | Act::Continues(_)
            | Act::Submit(_)
            | Act::Propose(_)
            | Act::Withdraw(_)
            | Act::Login(_)
            | Act::Logout(_)
            | Act::SetPassword(_)
            | Act::EnvelopePrint(_)
            | Act::EnvelopeHandOver(_)
            | Act::EnvelopeVoid(_)
            | Act::Suspend(_)
            | Act::Resume(_)
            | Act::Unlock(_)
            | Act::EndSession(_)
            | Act::Reserve(_)
            | Act::Message(_)
            | Act::Read(_)
            | Act::Acknowledge(_)
            | Act::Object(_)
            | Act::Hold(_)
            | Act::Export(_)
            | Act::Backup(_)
            | Act::ClockAttest(_)
            | Act::AlarmAcknowledge(_)
            | Act::AlarmClose(_)
            | Act::Report(_)
            | Act::Finding(_) => {}
        }
        row.note_owner(by.index);
        // Only now: what contradicts the membership is asked for again, and never worked past.
        row.next = entry.next();
        if let Some(missed) = missed {
            self.met_erase(missed);
        }
        Ok(())
    }

    /// What a verified act says of people's certificates, wherever it is shown.
    pub(crate) fn take_people_act(&mut self, entry: &Checked) -> Result<(), Error> {
        let Some((header, act)) = entry.act() else { return Ok(()) };
        let by_authority = header.person == PersonId(0);
        let bad = Error::unverified(What::Statement);
        if let Act::Enrol(_) = act {
            self.take_enrol(entry)
        } else if let Act::Revoke(revoke) = act {
            if !self.is_officer(entry) {
                return Err(bad);
            }
            self.take_revoke(revoke.person);
            Ok(())
        } else if let Act::Crl(crl) = act {
            let list = RevocationList::parse(&crl.list).ok().filter(|_| by_authority);
            self.take_list(&list.ok_or(bad)?);
            Ok(())
        } else if let Act::CrlPart(part) = act {
            let whole = self.lists.get(entry.index).filter(|_| by_authority);
            match whole {
                Some(list) => self.take_list(&list),
                // The list comes with the last one.
                None if !part.is_last() => {}
                None => return Err(bad),
            }
            Ok(())
        } else {
            Ok(())
        }
    }

    /// An authority's offline act, or an officer's.
    pub(crate) fn is_officer(&self, entry: &Checked) -> bool {
        let Some((header, _)) = entry.act() else { return false };
        let officer = |known: Arc<super::book::Known>| known.certificate().roles().contains(Role::Officer);
        header.person == PersonId(0) || self.book.get(header.certificate).is_some_and(officer)
    }

    /// Members whose certificates a revocation list names, ascending.
    fn listed(&self, id: ConversationId, entry: &Checked) -> Vec<PersonId> {
        let list = match entry.act() {
            Some((_, Act::Crl(crl))) => RevocationList::parse(&crl.list).ok().map(Arc::new),
            Some((_, Act::CrlPart(_))) => self.lists.get(entry.index),
            _ => None,
        };
        let Some(list) = list else { return Vec::new() };
        let Some(view) = self.conversations.get(id).and_then(|row| row.view.as_ref()) else {
            return Vec::new();
        };
        let named = |person: &PersonId| {
            let known = self.directory.get(*person);
            known.is_some_and(|known| known.serials().iter().any(|serial| list.entry(serial).is_some()))
        };
        view.membership().members().keys().copied().filter(named).collect()
    }
}
