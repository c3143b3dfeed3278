//! Which holds would stop an erasure, for whoever proposes or approves it.
//! Never decides: the server refuses, and the log says why.

use super::law::{self, Found, Standing, holds, page};
use super::names::Names;
use super::online::Online;
use super::trouble::Trouble;
use console::Lang;
use journal::act::{EraseTarget, HoldScope};
use journal::{ConversationId, Index};
use pki::PersonId;
use protocol::query::Find;

/// Pages that are asked for to see whether people under a hold wrote in a conversation: one officer places many such holds.
const PERSON_PAGES_MAX: u32 = 64;

/// A hold that would stop an erasure; or that may, where too much would have to be looked through to know.
pub(super) struct Stops {
    pub(super) held: Standing,
    pub(super) sure: bool,
}

/// The holds that stand, and how much may still be looked through to see whom they concern.
pub(super) struct Looking {
    holds: Vec<Standing>,
    pages: u32,
}

impl Looking {
    pub(super) fn begin(online: &mut Online) -> Result<Self, Trouble> {
        Ok(Self { holds: holds(online)?, pages: PERSON_PAGES_MAX })
    }

    /// Those of them that would stop this erasure.
    pub(super) fn stopping(
        &mut self,
        online: &mut Online,
        target: &EraseTarget,
    ) -> Result<Vec<Stops>, Trouble> {
        let Self { holds, pages } = self;
        let rows = match target {
            EraseTarget::Messages(_, messages) if !holds.is_empty() => law::messages(online, messages)?,
            EraseTarget::Messages(..) | EraseTarget::Conversation(_) => Vec::new(),
        };
        let mut found = Vec::new();
        for held in holds.iter() {
            let stops = match (target, &held.hold.scope) {
                (EraseTarget::Messages(..), _) => Some(rows.iter().any(|row| keeps(held, row))),
                (EraseTarget::Conversation(id), HoldScope::Person(person)) => {
                    wrote_in(online, *person, *id, pages)?
                }
                (
                    EraseTarget::Conversation(id),
                    HoldScope::Conversation(kept) | HoldScope::Messages(kept, _),
                ) => Some(id == kept),
            };
            if stops != Some(false) {
                found.push(Stops { held: held.clone(), sure: stops.is_some() });
            }
        }
        Ok(found)
    }
}

/// A warning for each hold that would stop this erasure, with what lifts it.
pub(super) fn held(
    online: &mut Online,
    target: &EraseTarget,
    names: &Names,
    lang: Lang,
) -> Result<String, Trouble> {
    let stops = Looking::begin(online)?.stopping(online, target)?;
    Ok(warnings(&stops, names, lang))
}

/// A warning for each of these.
pub(super) fn warnings(stops: &[Stops], names: &Names, lang: Lang) -> String {
    let words = |one: &Stops| match one.sure {
        true => warning(&one.held, names, lang),
        false => unsure(&one.held, names, lang),
    };
    stops.iter().map(words).collect()
}

/// Who wrote nothing in a conversation has nothing there to keep. `None`: that was looked for in as many pages as may be.
fn wrote_in(
    online: &mut Online,
    person: PersonId,
    id: ConversationId,
    pages: &mut u32,
) -> Result<Option<bool>, Trouble> {
    let mut next = Some(0);
    while let Some(from) = next {
        let Some(left) = pages.checked_sub(1) else { return Ok(None) };
        *pages = left;
        let (person, conversation) = (Some(person), Some(id));
        let find = Find { from, since_ms: 0, until_ms: u64::MAX, person, conversation };
        let (some, on) = page(online, find)?;
        if !some.is_empty() {
            return Ok(Some(true));
        }
        next = on.filter(|on| *on > from);
    }
    Ok(Some(false))
}

fn unsure(held: &Standing, names: &Names, lang: Lang) -> String {
    let shown = super::hold::line(held, names, lang);
    lang.pick(
        format!("  PERHAPS HELD: whether this person wrote here was not looked through\n    {shown}\n"),
        format!("  ВОЗМОЖЕН ЗАПРЕТ: писал ли этот человек здесь, до конца не просмотрено\n    {shown}\n"),
    )
}

fn warning(held: &Standing, names: &Names, lang: Lang) -> String {
    let shown = super::hold::line(held, names, lang);
    lang.pick(
        format!(
            "  HELD: nothing of this is erased while the hold stands\n    {shown}\n  {}\n",
            lift(held.index, lang)
        ),
        format!(
            "  ЗАПРЕТ: пока он действует, ничего из этого не стирается\n    {shown}\n  {}\n",
            lift(held.index, lang)
        ),
    )
}

/// How a hold ends before its time.
pub(super) fn lift(hold: Index, lang: Lang) -> String {
    lang.pick(
        format!("to lift it before its end takes two officers: conclave-admin hold lift {hold}"),
        format!("снять его до срока могут двое офицеров: conclave-admin hold lift {hold}"),
    )
}

pub(super) fn keeps(held: &Standing, row: &Found) -> bool {
    held.hold.scope.keeps(row.conversation, row.index, row.author)
}
