//! Following a conversation: its acts are asked for, verified, and taken in one by one; people's acts likewise.
//! Never follows one conversation in two flows at once, and never judges an act here: `rules` does.

use super::super::book::Known;
use super::super::error::{Error, What};
use super::super::event::DisclosedBy;
use super::super::flow::Cx;
use super::super::missed::MissedErase;
use super::super::receive::{Checked, CheckedContent};
use super::super::retention::AHEAD_MS;
use super::super::state::State;
use super::{DISCLOSED_MAX, TitleRow};
use crate::answer::Answer;
use crate::code::Code;
use crate::frame::At;
use crate::query::Query;
use journal::act::{Act, ConversationKind};
use journal::fact::Fact;
use journal::ids::{ConversationId, Index};
use journal::membership::MembershipView;
use pki::{PersonId, RevocationList, Role};
use std::sync::Arc;

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
            let entries = self.check_page_of(page, from..Index::MAX).await?;
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
        let officer = |known: Arc<Known>| known.certificate().roles().contains(Role::Officer);
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
