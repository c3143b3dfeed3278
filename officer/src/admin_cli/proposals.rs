//! Open proposals: `proposals`, and what the other commands need to know of one.
//! Never shows one that was not verified: each is an entry with its proof.

use super::held::{Looking, Stops, warnings};
use super::law;
use super::names::{Names, Text};
use super::now::Now;
use super::online::{Access, For, Online, session};
use super::policy_words::{Change, change_lines, changes};
use super::trouble::Trouble;
use clap::Args;
use console::when::{minute, rfc3339};
use console::{BadValue, Exit, HelpTable, Lang, Voice};
use journal::act::{Act, DualAct, EraseTarget};
use journal::entry::Content;
use journal::{Entry, Index};
use pki::{PersonId, canonical};
use protocol::client::event::EntryView;
use protocol::client::{Command, Reply};
use protocol::query::Query;
use serde::Serialize;
use std::collections::BTreeMap;

/// List open proposals: what waits for a second officer.
#[derive(Args)]
#[command(after_help = "Example: conclave-admin proposals")]
pub(super) struct Proposals {
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    ("proposals/@about", "Перечислить открытые предложения: что ждёт второго офицера."),
    ("proposals/@after", "Пример: conclave-admin proposals"),
];

console::words! {
    pub(super) enum Said {
        None => en("no proposal is open"), ru("открытых предложений нет");
        NoSuch { index: u64 }
            => en("no proposal #{index} is open; `conclave-admin proposals` lists what is"),
               ru("предложения № {index} среди открытых нет; открытые показывает `conclave-admin proposals`");
        Own
            => en("this proposal is your own: another officer must approve it"),
               ru("это ваше собственное предложение: утвердить его должен другой офицер");
    }
}

/// An open proposal.
pub(super) struct Open {
    pub(super) index: Index,
    pub(super) wall_ms: u64,
    pub(super) by: PersonId,
    pub(super) act: DualAct,
}

#[derive(Serialize)]
struct Row {
    index: u64,
    at: String,
    by: String,
    lapses: Option<String>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admits: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    erases: Option<LawRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change>,
}

/// What an erasure or the lifting of a hold is about.
#[derive(Serialize)]
struct LawRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<u64>,
    /// Holds that would stop the erasure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held_by: Vec<u64>,
}

fn law_of(act: &DualAct, held_by: Vec<u64>) -> Option<LawRow> {
    match act {
        DualAct::Erase(order) => Some(LawRow {
            conversation: Some(order.target.conversation().to_string()),
            messages: match &order.target {
                EraseTarget::Messages(_, messages) => messages.clone(),
                EraseTarget::Conversation(_) => Vec::new(),
            },
            order: Some(order.order.number.clone()),
            hold: None,
            held_by,
        }),
        DualAct::LiftHold(hold) => {
            Some(LawRow { conversation: None, messages: Vec::new(), order: None, hold: Some(*hold), held_by })
        }
        DualAct::Policy(_)
        | DualAct::AdmitOfficer(_)
        | DualAct::DropCell(_)
        | DualAct::Close(_)
        | DualAct::SetClock(_) => None,
    }
}

/// What the entry at an index proposes, if it is a proposal.
pub(super) fn of_entry(view: &EntryView) -> Option<Open> {
    let entry = Entry::decode(&view.entry).ok()?;
    let Content::Statement(signed) = entry.content else { return None };
    let parsed = signed.parse().ok()?;
    let by = parsed.header().person;
    if let Act::Propose(propose) = parsed.act() {
        let act = canonical::decode(&propose.act).ok()?;
        return Some(Open { index: view.index, wall_ms: entry.wall_ms, by, act });
    }
    None
}

/// All that are open, by the server's word; each is what its proposer signed.
pub(super) fn open(online: &mut Online) -> Result<Vec<Open>, Trouble> {
    let (mut all, mut next) = (Vec::new(), Some(0));
    while let Some(from) = next {
        let Reply::Entries(entries, more) = online.run(Command::Ask(Query::Proposals(from)))? else {
            return Err(Trouble::odd_answer());
        };
        let last = entries.last().map(|entry| entry.index);
        // As of holds: a part is never given for the whole.
        if more && last.is_none_or(|last| last < from) {
            return Err(Trouble::odd_answer());
        }
        for entry in &entries {
            all.push(of_entry(entry).ok_or_else(Trouble::odd_answer)?);
        }
        next = last.filter(|_| more).map(|last| last + 1);
    }
    Ok(all)
}

/// The open one of this index.
pub(super) fn find(online: &mut Online, index: Index) -> Result<Open, Trouble> {
    let found = open(online)?.into_iter().find(|one| one.index == index);
    found.ok_or_else(|| Trouble::new(Exit::No, "no-such-proposal", &Said::NoSuch { index }))
}

/// One that another person proposed.
pub(super) fn of_another(open: &Open, online: &Online) -> Result<(), Trouble> {
    match open.by == online.person() {
        true => Err(Trouble::new(Exit::NotAllowed, "second-person-needed", &Said::Own)),
        false => Ok(()),
    }
}

/// The number of an entry, as people write it.
pub(super) fn number(typed: &str) -> Result<Index, BadValue> {
    let bad = BadValue::new("a journal index, like 1234", "нужен номер записи журнала, например 1234");
    console::number(typed).ok_or(bad)
}

/// What stands around the list.
struct Around {
    names: Names,
    now: Now,
    /// The holds that would stop an erasure, by its proposal.
    held: BTreeMap<Index, Vec<Stops>>,
}

impl Around {
    /// When a proposal lapses: known as long as the policy is still the one under which it was made.
    fn lapses_ms(&self, open: &Open) -> Option<u64> {
        (self.now.policy_index < open.index).then(|| open.wall_ms.saturating_add(self.now.policy.proposal_ms))
    }

    /// Holds that would stop what this proposes.
    fn stops(&self, proposal: Index) -> impl Iterator<Item = &Stops> {
        self.held.get(&proposal).into_iter().flatten()
    }

    fn row(&self, open: &Open, lang: Lang) -> Row {
        let (kind, certificate, admits, changed) = match &open.act {
            DualAct::Policy(policy) => ("policy", None, None, changes(&self.now.policy, policy, lang)),
            DualAct::AdmitOfficer(id) => {
                let login = self.names.holder(*id).map(|view| view.login.clone());
                ("admit-officer", Some(id.to_string()), login, Vec::new())
            }
            DualAct::Erase(_) => ("erase", None, None, Vec::new()),
            DualAct::LiftHold(_) => ("lift-hold", None, None, Vec::new()),
            DualAct::DropCell(_) => ("drop-cell", None, None, Vec::new()),
            DualAct::Close(_) => ("close", None, None, Vec::new()),
            DualAct::SetClock(_) => ("set-clock", None, None, Vec::new()),
        };
        Row {
            index: open.index,
            at: rfc3339(open.wall_ms),
            by: self.names.login(open.by),
            lapses: self.lapses_ms(open).map(rfc3339),
            kind,
            certificate,
            admits,
            erases: law_of(&open.act, self.stops(open.index).map(|one| one.held.index).collect()),
            changes: changed,
        }
    }

    fn shown(&self, open: &Open, lang: Lang) -> String {
        let (at, by) = (minute(open.wall_ms), self.names.full(open.by));
        let mut out = format!("#{}  {at}  {by}", open.index);
        if let Some(ms) = self.lapses_ms(open) {
            out.push_str(&format!("  {} {}", lang.pick("lapses", "истекает"), minute(ms)));
        }
        out.push('\n');
        out.push_str(&what(&open.act, &self.now, &self.names, lang));
        if let Some(stops) = self.held.get(&open.index) {
            out.push_str(&warnings(stops, &self.names, lang));
        }
        out
    }
}

/// What an act of two would do, in lines.
pub(super) fn what(act: &DualAct, now: &Now, names: &Names, lang: Lang) -> String {
    match act {
        DualAct::Policy(policy) => {
            let lines = change_lines(&changes(&now.policy, policy, lang));
            let lines = if lines.is_empty() { now.unchanged(lang) } else { lines };
            let (later, counts_on) = (now.later(policy, lang), now.counts_on(lang));
            format!("  {}\n{lines}{later}{counts_on}", lang.pick("policy:", "политика:"))
        }
        DualAct::AdmitOfficer(id) => {
            let unknown = lang.pick("nobody's newest certificate", "не новейший сертификат кого-либо");
            let who = names.holder(*id).map_or_else(|| unknown.to_owned(), |view| names.full(view.person));
            format!(
                "  {} {who}\n  {} {id}\n",
                lang.pick("admits as officer:", "допустить офицером:"),
                lang.pick("certificate:", "сертификат:")
            )
        }
        DualAct::Erase(order) => {
            let at_once = match order.confirms {
                None => lang.pick("after the time to object", "по истечении срока возражений").to_owned(),
                Some(n) => {
                    lang.pick(format!("at once, confirming #{n}"), format!("сразу, в подтверждение #{n}"))
                }
            };
            format!(
                "  {} {}\n  {}\n  {at_once}\n",
                lang.pick("erases:", "стереть:"),
                law::target(&order.target, lang),
                law::paper(&order.order, lang)
            )
        }
        DualAct::LiftHold(hold) => {
            format!("  {} #{hold}\n", lang.pick("lifts the hold", "снять запрет на стирание"))
        }
        DualAct::DropCell(cell) => format!(
            "  {} {cell}; {}\n",
            lang.pick("lets go of the root cell", "отказаться от корневой ячейки"),
            lang.pick(
                "wherever it is, it opens what is erased since it went away",
                "где бы она ни была, она открывает уничтоженное с тех пор, как пропала"
            )
        ),
        DualAct::Close(next) => super::log_close::what(next, lang),
        DualAct::SetClock(to_ms) => format!(
            "  {} {}\n",
            lang.pick("sets the journal's time back to", "перевести время журнала назад на"),
            rfc3339(*to_ms)
        ),
    }
}

/// The holds that would stop what is proposed to be erased.
fn stopping(online: &mut Online, open: &[Open]) -> Result<BTreeMap<Index, Vec<Stops>>, Trouble> {
    let mut held = BTreeMap::new();
    let mut looking = Looking::begin(online)?;
    for one in open {
        if let DualAct::Erase(order) = &one.act {
            held.insert(one.index, looking.stopping(online, &order.target)?);
        }
    }
    Ok(held)
}

impl Proposals {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (open, around) = session(&self.access, voice, For::Officers, |online| {
            let open = open(online)?;
            let now = Now::fetch(online, open.iter().map(|one| &one.act))?;
            let names = Names::fetch(online, voice.lang)?;
            let held = stopping(online, &open)?;
            Ok((open, Around { names, now, held }))
        })?;
        let rows: Vec<Row> = open.iter().map(|one| around.row(one, voice.lang)).collect();
        if open.is_empty() {
            return Ok(voice.done("proposals", &Said::None, rows));
        }
        let shown: String = open.iter().map(|one| around.shown(one, voice.lang)).collect();
        Ok(voice.done("proposals", &Text(shown), rows))
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::tests::person;
    use super::super::now::tests::standard;
    use super::*;
    use journal::ConversationId;
    use journal::act::{EraseOrder, Ground, Hold, HoldScope, Order};
    use journal::policy::Policy;
    use pki::CertId;

    fn around() -> Around {
        let names =
            Names::new(vec![person(1, "olga", "Ольга Зимина"), person(2, "irina", "Ирина Новая")], Lang::En);
        Around { names, now: standard(), held: BTreeMap::new() }
    }

    #[test]
    fn a_proposal_is_shown_with_what_it_would_change() {
        let policy = Policy { file_save: false, ..Policy::standard() };
        let open = Open { index: 40, wall_ms: 0, by: PersonId(1), act: DualAct::Policy(policy) };
        let shown = around().shown(&open, Lang::En);
        assert!(
            shown.starts_with("#40  1970-01-01 00:00  Ольга Зимина @olga  lapses 1970-01-08 00:00\n"),
            "{shown}"
        );
        assert!(shown.contains("files may be saved outside: yes → no  (file_save)"), "{shown}");
        let known = Open { act: DualAct::AdmitOfficer(CertId([102; 32])), ..open };
        assert!(around().shown(&known, Lang::Ru).contains("допустить офицером: Ирина Новая @irina"));
        let unknown = Open { act: DualAct::AdmitOfficer(CertId([9; 32])), ..known };
        assert!(around().shown(&unknown, Lang::En).contains("nobody's newest certificate"));
    }

    #[test]
    fn who_approves_reads_that_what_is_shortened_waits() {
        let of = |objection_ms| {
            let act = DualAct::Policy(Policy { objection_ms, ..Policy::standard() });
            let open = Open { index: 40, wall_ms: 0, by: PersonId(1), act };
            around().shown(&open, Lang::En)
        };
        assert!(
            of(60_000).contains("counts from 1970-01-04 00:00 at the earliest, 3 d after"),
            "{}",
            of(60_000)
        );
        assert!(!of(Policy::standard().objection_ms + 1).contains("counts from"));
    }

    #[test]
    fn an_erasure_that_a_hold_would_stop_says_so_in_the_list() {
        let target = EraseTarget::Messages(ConversationId([1; 32]), vec![7]);
        let order = || Order { number: "9/2026".into(), ground: Ground::Court };
        let act = DualAct::Erase(EraseOrder { target, order: order(), confirms: None });
        let open = Open { index: 40, wall_ms: 0, by: PersonId(1), act };
        assert!(!around().shown(&open, Lang::En).contains("HELD"));
        let hold = Hold { scope: HoldScope::Person(PersonId(2)), order: order(), end_ms: 60_000 };
        let held = law::Standing { index: 12, placed_ms: 0, by: PersonId(1), hold };
        let around = Around { held: BTreeMap::from([(40, vec![Stops { held, sure: true }])]), ..around() };
        let shown = around.shown(&open, Lang::En);
        assert!(
            shown.contains("HELD: nothing of this is erased") && shown.contains("hold lift 12"),
            "{shown}"
        );
        assert_eq!(around.row(&open, Lang::En).erases.map(|row| row.held_by), Some(vec![12]));
    }

    #[test]
    fn when_it_lapses_is_not_guessed_under_another_policy() {
        let open =
            Open { index: 4, wall_ms: 0, by: PersonId(1), act: DualAct::AdmitOfficer(CertId([9; 32])) };
        assert!(around().lapses_ms(&open).is_some());
        let now = Now { policy_index: 9, ..standard() };
        assert_eq!(Around { now, ..around() }.lapses_ms(&open), None);
    }

    #[test]
    fn an_index_is_typed_with_or_without_its_mark() {
        assert_eq!((number("#12"), number("12")), (Ok(12), Ok(12)));
        assert!(number("@anna").is_err());
    }
}
