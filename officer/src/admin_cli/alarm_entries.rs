//! The entries behind what was raised: asked for by index, and what each of them says.
//! Never asked about what officers may not read: the server leaves that out.

use super::online::Online;
use super::trouble::Trouble;
use journal::act::{Act, Finding, Report};
use journal::fact::Fact;
use journal::register::Raised;
use journal::{Content, Entry, Index};
use pki::PersonId;
use protocol::client::event::EntryView;
use protocol::client::{Command, Reply};
use protocol::limits::ENTRIES_AT_MAX;
use protocol::query::Query;
use std::collections::BTreeMap;

/// These entries, ascending, as far as they are given.
pub(super) fn entries(online: &mut Online, wanted: &[Index]) -> Result<BTreeMap<Index, EntryView>, Trouble> {
    let mut found = BTreeMap::new();
    for some in wanted.chunks(ENTRIES_AT_MAX) {
        let mut rest = some;
        while !rest.is_empty() {
            let asked = Command::Ask(Query::EntriesAt(rest.to_vec()));
            let Reply::Entries(views, _) = online.run(asked)? else { return Err(Trouble::odd_answer()) };
            // Fewer where the answer would have been too long: asked on behind the last.
            let Some(last) = views.last().map(|view| view.index) else { break };
            rest = &rest[rest.partition_point(|index| *index <= last)..];
            found.extend(views.into_iter().map(|view| (view.index, view)));
        }
    }
    Ok(found)
}

/// When the entry was stamped, what it raises and who signed it.
pub(super) fn raised_by(view: &EntryView) -> Option<(u64, Raised, Option<PersonId>)> {
    let entry = Entry::decode(&view.entry).ok()?;
    let (what, by) = match entry.content {
        Content::Fact(Fact::Alarm(fact)) => (Raised::by_fact(&fact), None),
        Content::Fact(_) => return None,
        Content::Statement(signed) => {
            let parsed = signed.parse().ok()?;
            let act = parsed.act();
            let what = if let Act::Report(Report { message, reason }) = act {
                Raised::Report(*reason, *message)
            } else if let Act::Finding(Finding { entry, severity, code }) = act {
                Raised::Finding(*severity, *code, *entry)
            } else {
                return None;
            };
            (what, Some(parsed.header().person))
        }
    };
    Some((entry.wall_ms, what, by))
}

/// Who signed the entry; nobody a claim of the server.
pub(super) fn signer(view: &EntryView) -> Option<PersonId> {
    match Entry::decode(&view.entry).ok()?.content {
        Content::Fact(_) => None,
        Content::Statement(signed) => Some(signed.parse().ok()?.header().person),
    }
}
