//! `erase certificate`: a printable certificate of an erasure that took effect, made from verified entries.
//! Never certifies what the journal does not say: what is the server's word is printed as such.

use super::certificate_sheet::{indices, sheet};
use super::law::{self, Found};
use super::names::Names;
use super::online::{Access, For, Online, session};
use super::orders::order;
use super::proposals::number;
use super::trouble::Trouble;
use crate::files::{self, Readers};
use clap::Args;
use console::{Exit, HelpTable, Voice};
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
use std::path::{Path, PathBuf};

/// Questions under way at once.
pub(super) const ASKED_AHEAD: usize = 32;
/// Messages between two words of how far it is.
const SAID_EVERY: usize = 2048;

/// Print the certificate of an erasure that took effect, as a PDF.
#[derive(Args)]
#[command(after_help = "Example: conclave-admin erase certificate 1400 order-12-3.pdf")]
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
    ("erase certificate/@after", "Пример: conclave-admin erase certificate 1400 order-12-3.pdf"),
    ("erase certificate/proposal", "предложение, по которому отдано распоряжение: #номер"),
    ("erase certificate/file", "куда; такого файла ещё не должно быть"),
];

console::words! {
    enum Said {
        Written { file: String, erased: u64, epoch: u64 }
            => en("{file}: the erasure was completed in entry #{erased}, erasure epoch {epoch}"),
               ru("{file}: стирание завершено записью № {erased}, эпоха стирания {epoch}");
        WithList { file: String, list: String, erased: u64, epoch: u64 }
            => en("{file}: the erasure was completed in entry #{erased}, erasure epoch {epoch}\n{list}: the indices of the messages; its SHA-256 stands on the sheet, keep both together"),
               ru("{file}: стирание завершено записью № {erased}, эпоха стирания {epoch}\n{list}: номера сообщений; её SHA-256 напечатан на листе, храните их вместе");
        Asking { done: u64, all: u64 }
            => en("who had copies: {done} of {all} messages asked about"),
               ru("у кого были копии: опрошено сообщений {done} из {all}");
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
    /// Beside the sheet, where the indices do not fit on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<String>,
}

/// Two sets of persons.
type Persons = (BTreeSet<PersonId>, BTreeSet<PersonId>);

/// What the sheet is made of.
pub(super) struct Facts {
    pub(super) view: OrderView,
    pub(super) effect: Index,
    /// The Fact `Erased`: its index, its time, its epoch.
    pub(super) erased: (Index, u64, u64),
    pub(super) messages: Vec<Found>,
    /// Who, by a statement of his own, read or acknowledged any of them; and how many more by the server's word.
    pub(super) readers: Persons,
    pub(super) cell: u8,
    pub(super) site: String,
    pub(super) names: Names,
    pub(super) head: journal::Head,
}

impl Certificate {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let facts =
            session(&self.access, voice, For::Officers, |online| gather(online, self.proposal, voice))?;
        let (indices, list) = indices(&facts.messages, voice.lang);
        let pdf = sheet(&facts, &indices, voice.lang)?;
        let list_path = self.list_path();
        write(&self.file, &pdf, list.as_deref().map(|list| (&*list_path, list)))?;
        let (erased, _, epoch) = facts.erased;
        let file = files::shown(&self.file);
        let list = list.map(|_| files::shown(&list_path));
        let data = Data {
            proposal: facts.view.proposal,
            approve: facts.view.approve,
            effect: facts.effect,
            erased,
            epoch,
            messages: facts.messages.len() as u64,
            readers: facts.readers.0.len() as u64,
            file: file.clone(),
            list: list.clone(),
        };
        let said = match list {
            Some(list) => Said::WithList { file, list, erased, epoch },
            None => Said::Written { file, erased, epoch },
        };
        Ok(voice.done("erase certificate", &said, data))
    }

    /// `order.pdf` has its list in `order.pdf.txt`.
    fn list_path(&self) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(".txt");
        name.into()
    }
}

/// Both files or none, so that whoever mends what was wrong gives the same command again.
fn write(file: &Path, pdf: &[u8], list: Option<(&Path, &str)>) -> Result<(), Trouble> {
    files::write_new(file, pdf, Readers::Owner)?;
    if let Some((path, list)) = list
        && let Err(error) = files::write_new(path, list.as_bytes(), Readers::Owner)
    {
        // It is new, and says that there is a list beside it.
        std::fs::remove_file(file).ok();
        return Err(error.into());
    }
    Ok(())
}

fn gather(online: &mut Online, proposal: Index, voice: Voice) -> Result<Facts, Trouble> {
    let view = order(online, proposal, voice)?;
    let OrderState::Done(effect) = view.state else {
        return Err(Trouble::new(Exit::No, "not-erased-yet", &Said::NotDone));
    };
    let still = || Trouble::new(Exit::No, "still-erasing", &Said::StillErasing);
    let erased = completed(online, effect)?.ok_or_else(still)?;
    let messages = taken(online, &view)?;
    let readers = readers(online, &messages, voice)?;
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
fn readers(online: &mut Online, messages: &[Found], voice: Voice) -> Result<Persons, Trouble> {
    let (mut said, mut word) = (BTreeSet::new(), BTreeSet::new());
    let (mut asked, all) = (messages.iter(), messages.len());
    // Many questions travel at once: of a large conversation nobody waits for each round trip.
    for row in asked.by_ref().take(ASKED_AHEAD) {
        online.ask_ahead(Query::MessageStatus(row.index))?;
    }
    for done in 1..=all {
        let Reply::Answer(answer) = online.answer_ahead()? else { return Err(Trouble::odd_answer()) };
        let Answer::MessageStatus(records) = *answer else { return Err(Trouble::odd_answer()) };
        for record in records {
            if record.read.is_some() || record.acknowledged.is_some() {
                said.insert(record.person);
            } else if record.delivered {
                word.insert(record.person);
            }
        }
        if let Some(row) = asked.next() {
            online.ask_ahead(Query::MessageStatus(row.index))?;
        }
        if done % SAID_EVERY == 0 {
            voice.remark(&Said::Asking { done: done as u64, all: all as u64 });
        }
    }
    word.retain(|person| !said.contains(person));
    Ok((said, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_command_is_given_again_where_one_of_the_two_files_was_in_the_way() {
        let place = tempfile::tempdir().unwrap();
        let (file, list) = (place.path().join("order.pdf"), place.path().join("order.pdf.txt"));
        let written = || write(&file, b"sheet", Some((&list, "12"))).is_ok();
        for in_the_way in [&file, &list] {
            std::fs::write(in_the_way, "another's").unwrap();
            assert!(!written());
            assert_eq!(std::fs::read(in_the_way).unwrap(), b"another's");
            std::fs::remove_file(in_the_way).unwrap();
            assert!(!file.exists() && !list.exists(), "and nothing is left behind");
        }
        assert!(written());
        assert_eq!(
            (std::fs::read(&file).unwrap(), std::fs::read(&list).unwrap()),
            (b"sheet".into(), b"12".into())
        );
    }
}
