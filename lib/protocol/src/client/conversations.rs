//! Conversations as this terminal follows them: act by act, from the Create on, each act verified and judged by the same
//! rules as the Register's. What the server says of a conversation beside that is shown, never relied on.
//! Never learns an act in two ways: a push only says that there is something to ask for.

mod following;
mod rules;

pub(crate) use following::Held;

use super::epoch_rows::{EpochRow, Share};
use super::erase::Right;
use super::event::{DisclosedBy, ErasedBy, Eraser};
use crate::seal::keys::EpochKey;
use journal::act::{ConversationKind, EraseTarget, Title};
use journal::ids::{Commitment, ConversationId, Index};
use journal::membership::MembershipView;
use journal::statement::Header;
use pki::PersonId;
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
