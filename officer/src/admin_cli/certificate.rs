//! `erase certificate`: a printable certificate of an erasure that took effect, made from verified entries.
//! Never certifies what the journal does not say: what is the server's word is printed as such.

use super::erase::order;
use super::law::{self, Found};
use super::names::Names;
use super::online::{Access, For, Online, session};
use super::proposals::number;
use super::status::cell;
use super::trouble::Trouble;
use crate::files::{self, Readers};
use clap::Args;
use console::when::{bytes, minute};
use console::{Exit, HelpTable, Lang, Voice};
use journal::act::EraseTarget;
use journal::entry::Content;
use journal::register::OrderState;
use journal::{Entry, Fact, Index};
use pki::PersonId;
use protocol::answer::Answer;
use protocol::client::event::OrderView;
use protocol::client::{Command, Reply};
use protocol::query::{Find, Query};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Messages that stand on the sheet one by one; of the others the indices.
const LISTED: usize = 120;
/// Runs of indices in one line.
const RUNS_A_LINE: usize = 8;

/// Print the certificate of an erasure that took effect, as a PDF.
#[derive(Args)]
#[command(after_help = "Example: conclave-admin erase certificate #1400 order-12-3.pdf")]
pub(super) struct Certificate {
    /// The order's proposal: #index.
    #[arg(value_name = "#N", value_parser = number)]
    proposal: Index,
    /// The sheet; it must not exist yet.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    ("erase certificate/@about", "Напечатать акт об исполненном стирании в PDF."),
    ("erase certificate/@after", "Пример: conclave-admin erase certificate #1400 order-12-3.pdf"),
    ("erase certificate/proposal", "предложение, по которому отдано распоряжение: #номер"),
    ("erase certificate/file", "куда; такого файла ещё не должно быть"),
];

console::words! {
    enum Said {
        Written { file: String, erased: u64, epoch: u64 }
            => en("{file}: the erasure was completed in entry #{erased}, erasure epoch {epoch}"),
               ru("{file}: стирание завершено записью № {erased}, эпоха стирания {epoch}");
        NotDone => en("this order has not taken effect; `conclave-admin erase status` says how it stands"),
               ru("это распоряжение не исполнено; состояние показывает `conclave-admin erase status`");
        StillErasing
            => en("the keys are not destroyed yet: the journal does not say \"erased\". Ask again in a little while"),
               ru("ключи ещё не уничтожены: записи «стёрто» в журнале нет. Повторите немного позже");
    }
}

#[derive(Serialize)]
struct Data {
    proposal: u64,
    approve: u64,
    effect: u64,
    erased: u64,
    epoch: u64,
    messages: u64,
    readers: u64,
    file: String,
}

/// Two sets of persons.
type Persons = (BTreeSet<PersonId>, BTreeSet<PersonId>);

/// What the sheet is made of.
struct Facts {
    view: OrderView,
    effect: Index,
    /// The Fact `Erased`: its index, its time, its epoch.
    erased: (Index, u64, u64),
    messages: Vec<Found>,
    /// Who, by a statement of his own, read or acknowledged any of them; and how many more by the server's word.
    readers: Persons,
    cell: u8,
    site: String,
    names: Names,
    head: journal::Head,
}

impl Certificate {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let facts =
            session(&self.access, voice, For::Officers, |online| gather(online, self.proposal, voice))?;
        let pdf = sheet(&facts, voice.lang)?;
        files::write_new(&self.file, &pdf, Readers::Owner)?;
        let (erased, _, epoch) = facts.erased;
        let file = files::shown(&self.file);
        let data = Data {
            proposal: facts.view.proposal,
            approve: facts.view.approve,
            effect: facts.effect,
            erased,
            epoch,
            messages: facts.messages.len() as u64,
            readers: facts.readers.0.len() as u64,
            file: file.clone(),
        };
        Ok(voice.done("erase certificate", &Said::Written { file, erased, epoch }, data))
    }
}

fn gather(online: &mut Online, proposal: Index, voice: Voice) -> Result<Facts, Trouble> {
    let view = order(online, proposal)?;
    let OrderState::Done(effect) = view.state else {
        return Err(Trouble::new(Exit::No, "not-erased-yet", &Said::NotDone));
    };
    let still = || Trouble::new(Exit::No, "still-erasing", &Said::StillErasing);
    let erased = completed(online, effect)?.ok_or_else(still)?;
    let messages = taken(online, &view)?;
    let readers = readers(online, &messages)?;
    let Reply::Server(status) = online.run(Command::Ask(Query::Status))? else {
        return Err(Trouble::odd_answer());
    };
    let head =
        journal::checkpoint::SignedCheckpoint::parse(&status.note).map_err(|_| Trouble::odd_answer())?;
    let head = head.claimed().head;
    if head.size <= erased.0 {
        return Err(Trouble::odd_answer());
    }
    let names = Names::fetch(online, voice.lang)?;
    let site = online.site();
    Ok(Facts { view, effect, erased, messages, readers, cell: status.cell, site, names, head })
}

/// The first Fact `Erased` that covers the entry by which the order took effect.
fn completed(online: &mut Online, effect: Index) -> Result<Option<(Index, u64, u64)>, Trouble> {
    const PAGE: u32 = 256;
    let mut from = effect + 1;
    loop {
        let Reply::Entries(views, more) = online.run(Command::Ask(Query::Entries(from, PAGE)))? else {
            return Err(Trouble::odd_answer());
        };
        for view in &views {
            let entry = Entry::decode(&view.entry).map_err(|_| Trouble::odd_answer())?;
            if let Content::Fact(Fact::Erased(fact)) = entry.content
                && fact.through >= effect
            {
                return Ok(Some((view.index, entry.wall_ms, fact.epoch)));
            }
        }
        // Entries that do not concern an officer are left out, so a page may be short or empty.
        from += u64::from(PAGE);
        if !more && from > online.ready().head.size {
            return Ok(None);
        }
    }
}

/// The messages that the order took, by what the server says erased each.
fn taken(online: &mut Online, view: &OrderView) -> Result<Vec<Found>, Trouble> {
    if let EraseTarget::Messages(_, messages) = &view.order.target {
        let mut all = law::messages(online, messages)?;
        all.retain(|row| row.erased == Some(view.approve));
        return Ok(all);
    }
    let conversation = Some(view.order.target.conversation());
    let (mut all, mut next) = (Vec::new(), Some(0));
    while let Some(from) = next {
        let find = Find { from, since_ms: 0, until_ms: u64::MAX, person: None, conversation };
        let (some, on) = law::page(online, find)?;
        all.extend(some.into_iter().filter(|row| row.erased == Some(view.approve)));
        next = on.filter(|on| *on > from);
    }
    Ok(all)
}

/// Whose terminals had copies, as far as statements say so, and as far as the server remembers.
fn readers(online: &mut Online, messages: &[Found]) -> Result<Persons, Trouble> {
    let (mut said, mut word) = (BTreeSet::new(), BTreeSet::new());
    for row in messages {
        let Reply::Answer(answer) = online.run(Command::Ask(Query::MessageStatus(row.index)))? else {
            return Err(Trouble::odd_answer());
        };
        let Answer::MessageStatus(records) = *answer else { return Err(Trouble::odd_answer()) };
        for record in records {
            if record.read.is_some() || record.acknowledged.is_some() {
                said.insert(record.person);
            } else if record.delivered {
                word.insert(record.person);
            }
        }
    }
    word.retain(|person| !said.contains(person));
    Ok((said, word))
}

fn sheet(facts: &Facts, lang: Lang) -> Result<paper::Pdf, Trouble> {
    let Facts { view, names, .. } = facts;
    let what = what(facts, lang);
    let ordered = [
        lang.pick(
            format!("{}; proposed in entry #{}", names.full(view.by), view.proposal),
            format!("{}; предложено записью № {}", names.full(view.by), view.proposal),
        ),
        lang.pick(
            format!(
                "{}; approved in entry #{}, {}",
                names.full(view.with),
                view.approve,
                minute(view.approved_ms)
            ),
            format!(
                "{}; утверждено записью № {}, {}",
                names.full(view.with),
                view.approve,
                minute(view.approved_ms)
            ),
        ),
        law::paper(&view.order.order, lang),
    ];
    let released = released(facts, lang);
    let (_, en, ru) = cell(facts.cell);
    let limits: &[&str] = match facts.cell {
        1 => &[lang.pick(
            "The cell is a file: an old copy of it would open what was erased.",
            "Ячейка — файл: старая её копия открыла бы стёртое.",
        )],
        _ => &[],
    };
    let sheet = paper::ErasureCertificate {
        site: &facts.site,
        erase_index: facts.effect,
        erased_index: facts.erased.0,
        epoch: facts.erased.2,
        what: &what.iter().map(String::as_str).collect::<Vec<_>>(),
        ordered_by: &ordered.iter().map(String::as_str).collect::<Vec<_>>(),
        released: &released.iter().map(String::as_str).collect::<Vec<_>>(),
        cell: lang.pick(en, ru),
        limits,
        head_size: facts.head.size,
        head_root: &facts.head.root,
        erased_ms: facts.erased.1,
        lang: lang.pick(paper::Lang::En, paper::Lang::Ru),
    };
    sheet.pdf().map_err(|error| {
        let (en, ru) = (format!("no sheet: {error}"), format!("лист не составлен: {error}"));
        Trouble::say(Exit::No, "no-sheet", en, ru)
    })
}

fn what(facts: &Facts, lang: Lang) -> Vec<String> {
    let (n, id) = (facts.messages.len(), facts.view.order.target.conversation());
    let whole = matches!(facts.view.order.target, EraseTarget::Conversation(_));
    let scope = match whole {
        true => lang.pick("the whole of conversation", "вся беседа"),
        false => lang.pick("in conversation", "в беседе"),
    };
    let mut lines =
        vec![lang.pick(format!("{scope} {id}: {n} messages"), format!("{scope} {id}: сообщений {n}"))];
    lines.extend(facts.messages.iter().take(LISTED).map(|row| {
        let (at, who, size) = (minute(row.wall_ms), facts.names.full(row.author), bytes(row.bytes, lang));
        let file = match row.chunks {
            0 => String::new(),
            n => lang.pick(format!(", a file of {n} pieces"), format!(", файл, частей: {n}")),
        };
        lang.pick(
            format!("entry #{}, {at}, {who}, {size}{file}", row.index),
            format!("запись № {}, {at}, {who}, {size}{file}", row.index),
        )
    }));
    if n > LISTED {
        let rest = n - LISTED;
        lines.push(lang.pick(format!("and {rest} more, entries:"), format!("и ещё {rest}, записи:")));
        let runs = runs(facts.messages[LISTED..].iter().map(|row| row.index));
        lines.extend(runs.chunks(RUNS_A_LINE).map(|some| some.join(", ")));
    }
    lines
}

/// `#5–#9` and `#12`, of ascending indices.
fn runs(indices: impl Iterator<Item = Index>) -> Vec<String> {
    let mut runs: Vec<(Index, Index)> = Vec::new();
    for index in indices {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == index => *last = index,
            _ => runs.push((index, index)),
        }
    }
    let shown = |(first, last): &(Index, Index)| match first == last {
        true => format!("#{first}"),
        false => format!("#{first}–#{last}"),
    };
    runs.iter().map(shown).collect()
}

fn released(facts: &Facts, lang: Lang) -> Vec<String> {
    let (said, word) = (facts.readers.0.len(), facts.readers.1.len());
    vec![
        lang.pick(
            format!(
                "read or acknowledged, by statements in the journal: {said} persons beside the authors, each at one terminal at a time"
            ),
            format!(
                "прочитали или подтвердили, по заявлениям в журнале: человек {said}, кроме авторов; у каждого в одно время один терминал"
            ),
        ),
        lang.pick(
            format!("handed over besides, by the server's word alone: {word}"),
            format!("кроме того, выдано, только со слов сервера: {word}"),
        ),
        lang.pick(
            "That the order took effect at that entry was checked against the log. Which of its messages went by it and not by an earlier erasure, and that nobody objected, is the server's word here: an audit of the journal shows it.",
            "Что распоряжение исполнено этой записью, сверено с журналом. Какие из сообщений стёрты именно им, а не раньше, и что никто не возразил, указано со слов сервера: это показывает проверка журнала.",
        )
        .to_owned(),
        lang.pick(
            "Their terminals drop their copies once they are shown this order, before anything else. Paper, photographs and exports are out of its reach.",
            "Их терминалы уничтожают копии, как только им показано это распоряжение, раньше всего остального. Бумага, снимки и выгрузки ему недоступны.",
        )
        .to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_stands_on_the_sheet() {
        assert_eq!(runs([5, 6, 7, 9, 12, 13].into_iter()), ["#5–#7", "#9", "#12–#13"]);
        assert!(runs(std::iter::empty()).is_empty());
    }
}
