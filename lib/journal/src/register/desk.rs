//! What is raised by members and auditors, what officers do about it, and what is given away of a conversation.
//! Never lets anything be closed unseen, nor by who raised it or whom it is about.

use super::raised::{
    AcknowledgedBy, FINDINGS_OF_ONE_MAX, FINDINGS_OPEN_MAX, REPORTS_OF_ONE_MAX, REPORTS_OPEN_MAX, Raised,
    RaisedRow, RaisedRows,
};
use super::session::check_covered;
use super::{Applied, Audience, Context, MessageRow, Register};
use crate::act::{AlarmAcknowledge, AlarmClose, ClockAttest, Disclose, Finding, Report, ReportReason};
use crate::ids::Index;
use crate::refusal::Refusal;
use crate::retention::DAY_MS;
use pki::PersonId;

/// Disclosures of one person in a day of UTC: each stays with its conversation for ever, and everybody reads it.
pub(super) const DISCLOSURES_A_DAY_MAX: u32 = 64;

impl Register {
    /// A member gives one message away; the entry is the record of it.
    pub(super) fn disclose(&mut self, cx: &Context<'_>, act: &Disclose) -> Result<Applied, Refusal> {
        let message = self.message_of_member(cx, act.message)?;
        if message.erased {
            return Err(Refusal::MessageErased { index: act.message });
        }
        let person =
            self.people.get_mut(&cx.by.signer).ok_or(Refusal::UnknownPerson { person: cx.by.signer })?;
        let today = cx.now_ms / DAY_MS;
        let before = person.disclosed.filter(|(day, _)| *day == today).map_or(0, |(_, count)| count);
        if before >= DISCLOSURES_A_DAY_MAX {
            return Err(Refusal::TooManyDisclosures { limit: DISCLOSURES_A_DAY_MAX });
        }
        person.disclosed = Some((today, before + 1));
        Ok(Applied::to(Audience::ConversationAndOfficers(message.conversation)))
    }

    pub(super) fn report(&mut self, cx: &Context<'_>, act: &Report) -> Result<Applied, Refusal> {
        let message = self.message_of_member(cx, act.message)?;
        if act.reason == ReportReason::NotMine && message.author != cx.by.signer {
            return Err(Refusal::NotTheAuthor { index: act.message });
        }
        let is_report = |what: &Raised| matches!(what, Raised::Report(..));
        self.raise(
            cx,
            Raised::Report(act.reason, act.message),
            Some(message.author),
            is_report,
            (REPORTS_OPEN_MAX, REPORTS_OF_ONE_MAX),
        )
    }

    pub(super) fn finding(&mut self, cx: &Context<'_>, act: &Finding) -> Result<Applied, Refusal> {
        check_covered(cx.header, act.entry)?;
        let is_finding = |what: &Raised| matches!(what, Raised::Finding(..));
        let what = Raised::Finding(act.severity, act.code, act.entry);
        self.raise(cx, what, None, is_finding, (FINDINGS_OPEN_MAX, FINDINGS_OF_ONE_MAX))
    }

    pub(super) fn alarm_acknowledge(
        &mut self,
        cx: &Context<'_>,
        act: &AlarmAcknowledge,
    ) -> Result<Applied, Refusal> {
        let row = self.raised_row(cx, act.raised)?;
        if row.acknowledged.is_some() {
            return Err(Refusal::Unchanged);
        }
        row.acknowledged = Some(AcknowledgedBy { index: cx.by.index, person: cx.by.signer });
        Ok(Applied::to(Audience::Officers))
    }

    pub(super) fn alarm_close(&mut self, cx: &Context<'_>, act: &AlarmClose) -> Result<Applied, Refusal> {
        let raised = act.raised;
        let row = self.raised_row(cx, raised)?;
        if row.acknowledged.is_none() {
            return Err(Refusal::NotAcknowledged { raised });
        }
        if [row.by, row.about].contains(&Some(cx.by.signer)) {
            return Err(Refusal::OwnAlarm { raised });
        }
        self.raised_rows().rows.remove(&raised);
        // With nothing open the state is the one of a site where nothing was ever raised.
        self.raised = self.raised.take().filter(|open| !open.rows.is_empty());
        Ok(Applied::to(Audience::Officers))
    }

    /// Changes nothing: the stamp and what the watch shows stand side by side.
    pub(super) fn clock_attest(&mut self, _: &Context<'_>, _: &ClockAttest) -> Result<Applied, Refusal> {
        Ok(Applied::to(Audience::Officers))
    }

    /// A message that the signer, who is in its conversation, has seen.
    fn message_of_member(&self, cx: &Context<'_>, index: Index) -> Result<MessageRow, Refusal> {
        let message = self.message(index).ok_or(Refusal::NoSuchMessage { index })?;
        self.row(message.conversation)?.membership.joined(cx.by.signer)?;
        check_covered(cx.header, index)?;
        Ok(message)
    }

    /// The open row that this entry raised; all that it stands for was seen.
    fn raised_row(&mut self, cx: &Context<'_>, raised: Index) -> Result<&mut RaisedRow, Refusal> {
        let row = self.raised.as_mut().and_then(|open| open.rows.get_mut(&raised));
        let row = row.ok_or(Refusal::NoSuchAlarm { raised })?;
        check_covered(cx.header, row.last)?;
        Ok(row)
    }

    pub(super) fn raised_rows(&mut self) -> &mut RaisedRows {
        self.raised.get_or_insert_default()
    }

    fn raise(
        &mut self,
        cx: &Context<'_>,
        what: Raised,
        about: Option<PersonId>,
        is_such: fn(&Raised) -> bool,
        (limit, limit_of_one): (usize, usize),
    ) -> Result<Applied, Refusal> {
        let by = Some(cx.by.signer);
        let such = || self.raised().map(|(_, row)| row).filter(|row| is_such(&row.what));
        if such().any(|row| row.by == by && row.what == what) {
            return Err(Refusal::Unchanged);
        }
        if such().count() >= limit {
            return Err(Refusal::TooManyRaised { limit: limit as u64 });
        }
        if such().filter(|row| row.by == by).count() >= limit_of_one {
            return Err(Refusal::TooManyOwnRaised { limit: limit_of_one as u64 });
        }
        let row = RaisedRow { what, by, about, last: cx.by.index, times: 1, acknowledged: None };
        self.raised_rows().rows.insert(cx.by.index, row);
        Ok(Applied::to(Audience::Officers))
    }

    /// What was raised and is open, by the entry that raised it first.
    pub fn raised(&self) -> impl Iterator<Item = (Index, &RaisedRow)> {
        self.raised.iter().flat_map(|open| open.rows.iter().map(|(index, row)| (*index, row)))
    }
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
