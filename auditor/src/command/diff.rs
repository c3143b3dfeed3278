//! `conclave-audit diff`: two bundles side by side: one journal, or two.
//! Never judges the entries: `verify` does. It says where two files part, and whether the log vouches for both.

use std::path::{Path, PathBuf};

use clap::Args;
use console::when::rfc3339;
use console::{Exit, Lang, Voice, Words};
use journal::checkpoint::SignedCheckpoint;
use journal::ids::{Head, Index, LogId};
use journal::tree::{Frontier, leaf_hash};
use serde::Serialize;

use super::{Bundle, ProgressLine, Told, ended, open_bundle, read_trust, shown};
use crate::bundle::BadBundle;
use crate::describe::describe;
use crate::names::{Names, Opened, What, hex};
use crate::trouble::Trouble;
use crate::trust::Trust;

/// Compare two bundles: the same journal, one that goes on, or two that contradict each other.
///
/// Ends with 0: the same, or one is the beginning of the other; 1: they part, and the log signed not both (or no trust file
/// says whether it did); 3: they part, and the log signed both.
#[derive(Args, Debug)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct Diff {
    /// The one bundle.
    pub one: PathBuf,
    /// The other bundle.
    pub other: PathBuf,
    /// The trust file: with it the notes' signatures are looked at.
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
}

console::words! {
    enum Said {
        Same { entries: u64 }
            => en("THE SAME: both hold these {entries} entries"), ru("ОДНО И ТО ЖЕ: в обеих одни и те же записи, числом {entries}");
        GoesOn { shorter: String, entries: u64, longer: String, more: u64 }
            => en("ONE JOURNAL: the {entries} entries of {shorter} are the beginning of {longer}, which has {more} more"),
               ru("ОДИН ЖУРНАЛ: {shorter} (записей: {entries}) — начало {longer}, где ещё записей: {more}");
        Part { index: Index, one: String, one_says: String, other: String, other_says: String }
            => en("THEY PART at entry #{index}; all before it is the same in both\n\x20 {one}: {one_says}\n\x20 {other}: {other_says}"),
               ru("РАСХОДЯТСЯ с записи #{index}; всё до неё в обеих одинаково\n\x20 {one}: {one_says}\n\x20 {other}: {other_says}");
        Alike
            => en("They say the same; what differs is their signature, an id or a time below the second."),
               ru("Говорят они одно и то же; различаются подпись, номер или время в долях секунды.");
        BothSigned
            => en("The log signed a head over each of them: somebody was shown another journal. Keep both files as they are, and \
                   tell the officers."),
               ru("Журнал подписал вершину и той, и другой: кому-то показали другой журнал. Сохраните обе выгрузки как есть и \
                   сообщите офицерам.");
        OneSigned { file: String }
            => en("Only {file} carries a head that the log signed over what it holds: the other is damaged, or somebody made it up."),
               ru("Вершина, подписанная журналом, есть только в {file}: другая выгрузка повреждена или подделана.");
        NoneSigned
            => en("Neither carries a head that the log signed over what it holds: verify each."),
               ru("Ни в одной нет вершины, подписанной журналом для её записей: проверьте каждую.");
        Eras
            => en("The log signed a head over each, in two eras: between them entries were given up by a succession. \
                   `verify` on the later one says by whom, and whether it holds."),
               ru("Журнал подписал вершину и той, и другой, но в разных эрах: между ними часть записей утрачена по решению о \
                  преемстве. Кто решил и верно ли это, скажет `verify` для более поздней.");
        NotAsked
            => en("Whether the log signed both, `--trust FILE` tells."),
               ru("Подписал ли журнал обе, покажет `--trust ФАЙЛ`.");
    }
}

#[derive(Serialize)]
struct Data {
    outcome: &'static str,
    /// Entries that are the same in both, from the first on.
    common: u64,
    /// Root over them, hex.
    common_root: String,
    entries: [u64; 2],
    /// Whether the log signed a head over each that covers where they part; `null` without a trust file, or where they do not.
    signed: Option<[bool; 2]>,
    /// Whether both notes are of one era; a succession gives up entries of the one before.
    #[serde(skip)]
    same_era: bool,
}

impl Data {
    fn new(outcome: &'static str, common: Head, sides: &[Side<'_>; 2], signed: Option<[bool; 2]>) -> Self {
        let entries = sides.each_ref().map(|side| side.frontier.size());
        Self { outcome, common: common.size, common_root: hex(&common.root), entries, signed, same_era: true }
    }
}

/// One of the two, read up to here.
struct Side<'a> {
    path: &'a Path,
    reader: Bundle,
    frontier: Frontier,
    /// The log that its genesis founds.
    log: Option<LogId>,
}

/// Runs it.
pub fn run(diff: &Diff, voice: Voice) -> Exit {
    ended("diff", voice, work(diff, voice))
}

fn work(diff: &Diff, voice: Voice) -> Result<Exit, Trouble> {
    let trust = diff.trust.as_deref().map(read_trust).transpose()?;
    let ((one, bytes), (other, more)) = (open_bundle(&diff.one)?, open_bundle(&diff.other)?);
    let mut line = ProgressLine::new(bytes.saturating_add(more), voice.lang);
    let mut sides = [Side::new(&diff.one, one), Side::new(&diff.other, other)];
    let mut names = Names::default();
    let parted = together(&mut sides, &mut names, &mut line)?;
    let common = Head { size: sides[0].frontier.size(), root: sides[0].frontier.root() };
    let tells = parted.each_ref().map(|entry| entry.as_deref().map(|bytes| told(bytes, &names, voice.lang)));
    for (side, entry) in sides.iter_mut().zip(&parted) {
        side.finish(entry.as_deref(), &mut line)?;
    }
    line.clear();
    if let Some(trust) = &trust
        && sides.iter().all(|side| side.log != Some(trust.log))
    {
        return Err(Trouble::OtherLogs);
    }
    match tells {
        [None, None] => {
            let data = Data::new("same", common, &sides, None);
            Ok(voice.done("diff", &Said::Same { entries: common.size }, data))
        }
        [Some(_), None] => Ok(goes_on(&sides, common, 1, voice)),
        [None, Some(_)] => Ok(goes_on(&sides, common, 0, voice)),
        [Some(one_says), Some(other_says)] => {
            let data = Data::new("parts", common, &sides, None);
            let [one, other] = sides.each_ref().map(|side| shown(side.path));
            let index = common.size;
            let eras = match &trust {
                Some(trust) => Some(signed(sides, index, trust)?),
                None => None,
            };
            let signed = eras.map(|eras| eras.map(|era| era.is_some()));
            let same_era = eras.is_none_or(|[one, other]| one == other);
            let alike = (one_says == other_says).then_some(Said::Alike);
            let part = Said::Part { index, one: one.clone(), one_says, other: other.clone(), other_says };
            let parts = [Some(part), alike].into_iter().flatten().collect();
            Ok(part_ways(parts, [one, other], Data { signed, same_era, ..data }, voice))
        }
    }
}

/// Reads both as long as they are the same; gives the first entries that are not.
fn together(
    [one, other]: &mut [Side<'_>; 2],
    names: &mut Names,
    line: &mut ProgressLine,
) -> Result<[Option<Vec<u8>>; 2], Trouble> {
    loop {
        line.at(one.reader.bytes() + other.reader.bytes());
        match (one.next()?, other.next()?) {
            (Some(left), Some(right)) if left == right => {
                if let Ok(opened) = Opened::read(&left) {
                    names.take(one.frontier.size(), opened.what());
                }
                let leaf = leaf_hash(&left);
                one.frontier.append(leaf);
                other.frontier.append(leaf);
            }
            (left, right) => return Ok([left, right]),
        }
    }
}

fn goes_on(sides: &[Side<'_>; 2], common: Head, shorter: usize, voice: Voice) -> Exit {
    let (short, long) = (&sides[shorter], &sides[1 - shorter]);
    let more = long.frontier.size() - common.size;
    let (shorter, longer) = (shown(short.path), shown(long.path));
    let said = Said::GoesOn { shorter, entries: common.size, longer, more };
    voice.done("diff", &said, Data::new("goes-on", common, sides, None))
}

fn part_ways(mut said: Vec<Said>, [one, other]: [String; 2], data: Data, voice: Voice) -> Exit {
    let (exit, outcome, why) = match data.signed {
        Some([true, true]) if !data.same_era => (Exit::No, "parts", Said::Eras),
        Some([true, true]) => (Exit::Diverged, "diverged", Said::BothSigned),
        Some([true, false]) => (Exit::No, "parts", Said::OneSigned { file: one }),
        Some([false, true]) => (Exit::No, "parts", Said::OneSigned { file: other }),
        Some([false, false]) => (Exit::No, "parts", Said::NoneSigned),
        None => (Exit::No, "parts", Said::NotAsked),
    };
    said.push(why);
    let text = said.iter().map(|said| said.say(voice.lang)).collect::<Vec<_>>().join("\n");
    voice.verdict("diff", exit, outcome, &Told(text), Data { outcome, ..data })
}

fn signed([one, other]: [Side<'_>; 2], common: u64, trust: &Trust) -> Result<[Option<u32>; 2], Trouble> {
    Ok([one.signed_beyond(common, trust)?, other.signed_beyond(common, trust)?])
}

/// What an entry says, in one line.
fn told(bytes: &[u8], names: &Names, lang: Lang) -> String {
    let Ok(opened) = Opened::read(bytes) else {
        return lang.pick("an entry that cannot be read", "запись, которая не читается").to_owned();
    };
    let who = match opened.what() {
        What::Statement(parsed) => names.person(parsed.header().person, lang),
        What::Fact(_) => lang.pick("[server]", "[сервер]").to_owned(),
    };
    format!("{} {who}: {}", rfc3339(opened.wall_ms), describe(opened.what(), names, lang))
}

impl<'a> Side<'a> {
    fn new(path: &'a Path, reader: Bundle) -> Self {
        Self { path, reader, frontier: Frontier::default(), log: None }
    }

    fn damaged(&self, bad: &BadBundle) -> Trouble {
        Trouble::bundle(shown(self.path), bad, self.frontier.size())
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        let entry = self.reader.next_entry().map_err(|bad| self.damaged(&bad))?;
        if let (0, Some(bytes)) = (self.frontier.size(), &entry)
            && let Ok(opened) = Opened::read(bytes)
            && let What::Statement(genesis) = opened.what()
        {
            self.log = Some(LogId(genesis.id().0));
        }
        Ok(entry)
    }

    /// Takes the entry that was read last, and all behind it.
    fn finish(&mut self, last: Option<&[u8]>, line: &mut ProgressLine) -> Result<(), Trouble> {
        let Some(last) = last else { return Ok(()) };
        self.frontier.append(leaf_hash(last));
        while let Some(entry) = self.next()? {
            self.frontier.append(leaf_hash(&entry));
            line.at(self.reader.bytes());
        }
        Ok(())
    }

    /// The era of a note that the log's identity key signed over the very head of these entries, beyond the common ones.
    fn signed_beyond(self, common: u64, trust: &Trust) -> Result<Option<u32>, Trouble> {
        let Self { path, reader, frontier, log: _ } = self;
        let own = Head { size: frontier.size(), root: frontier.root() };
        let notes = reader.notes().map_err(|bad| Trouble::bundle(shown(path), &bad, own.size))?;
        let mut heads = notes.iter().filter_map(|note| {
            let checkpoint = SignedCheckpoint::parse(note).ok()?;
            let era = checkpoint.claimed().origin.era;
            Some((checkpoint.verify_by(&trust.identity_in(era)).ok()?.head(), era))
        });
        Ok(heads.find(|(head, _)| *head == own && own.size > common).map(|(_, era)| era))
    }
}
