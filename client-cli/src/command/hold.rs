//! Holds as they concern who works here: nothing that one keeps is erased while it stands.
//! Never says that a hold is right: only that an officer signed it, and by which paper.

use super::order::paper;
use crate::names::Names;
use crate::reach::Line;
use crate::trouble::Trouble;
use console::Lang;
use console::when::minute;
use journal::act::{Act, Hold, HoldScope};
use journal::entry::Content;
use journal::{ConversationId, Entry, Index};
use protocol::client::{Command, Reply};
use protocol::query::Query;

/// A hold as it was signed.
pub(super) struct Held {
    pub(super) index: Index,
    pub(super) hold: Hold,
}

/// The holds that concern a conversation or its members, by their signed acts.
pub(super) fn holds(line: &mut Line, of: ConversationId) -> Result<Vec<Held>, Trouble> {
    let (mut views, mut next) = (Vec::new(), Some(0));
    while let Some(from) = next {
        let Reply::Entries(page, more) = line.run(Command::Ask(Query::Holds(from)))? else {
            return Err(Trouble::odd_answer());
        };
        let last = page.last().map(|view| view.index);
        // A page that is no step further ends nothing: a part is never shown as the whole.
        if more && last.is_none_or(|last| last < from) {
            return Err(Trouble::odd_answer());
        }
        views.extend(page);
        next = last.filter(|_| more).map(|last| last + 1);
    }
    let mut holds = Vec::new();
    for view in &views {
        let entry = Entry::decode(&view.entry).map_err(|_| Trouble::odd_answer())?;
        let Content::Statement(signed) = entry.content else { return Err(Trouble::odd_answer()) };
        let parsed = signed.parse().map_err(|_| Trouble::odd_answer())?;
        let Act::Hold(hold) = parsed.act() else { return Err(Trouble::odd_answer()) };
        if hold.scope.conversation().is_none_or(|id| id == of) {
            holds.push(Held { index: view.index, hold: hold.clone() });
        }
    }
    Ok(holds)
}

/// `hold #12 until 2027-03-01 03:00: order 17 (a court's decision); nothing here is erased`.
pub(super) fn hold_line(held: &Held, names: &Names, lang: Lang) -> String {
    let what = match &held.hold.scope {
        HoldScope::Person(person) => {
            let who = names.full(*person, lang);
            lang.pick(format!("nothing that {who} wrote is erased"), format!("написанное {who} не стирается"))
        }
        HoldScope::Conversation(_) => {
            lang.pick("nothing here is erased", "здесь ничего не стирается").to_owned()
        }
        HoldScope::Messages(_, messages) => {
            let list = messages.iter().take(12).map(|n| format!("#{n}")).collect::<Vec<_>>().join(", ");
            lang.pick(format!("not erased: {list}"), format!("не стирается: {list}"))
        }
    };
    let (end, paper) = (minute(held.hold.end_ms), paper(&held.hold.order, lang));
    let (hold, until) = (lang.pick("hold", "запрет"), lang.pick("until", "до"));
    format!("{hold} #{} {until} {end}: {paper}; {what}\n", held.index)
}
