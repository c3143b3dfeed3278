//! `conclave-audit checkpoint`: a signed head taken out of a file, as text or as a sheet of paper that witnesses it.
//! Never prints a head that the log of the trust file did not sign.

use std::path::PathBuf;

use clap::Args;
use console::{Exit, Lang, Voice};
use journal::checkpoint::SignedCheckpoint;
use journal::note::SignatureLine;
use paper::{CheckpointSheet, Lang as PaperLang};
use serde::Serialize;

use super::{Told, ended, read_trust, shown, write_new};
use crate::names::hex;
use crate::source::Source;
use crate::trouble::Trouble;
use crate::trust::Trust;

/// Show the newest checkpoint of a file, or print it as a sheet that is kept outside the room.
#[derive(Args, Debug)]
pub struct PrintCheckpoint {
    /// A checkpoint, a bundle, or a directory of tiles.
    pub source: PathBuf,
    /// The trust file: its log must have signed.
    #[arg(long, value_name = "FILE")]
    pub trust: PathBuf,
    /// Write a sheet here, PDF: text, QR code of the note, lines for ink signatures.
    #[arg(long, value_name = "PDF")]
    pub print: Option<PathBuf>,
}

console::words! {
    enum Said {
        Printed { size: u64, file: String }
            => en("sheet of the head of {size} entries: {file}; print it, sign it in ink, keep it outside the room"),
               ru("лист контрольной точки размера {size}: {file}; напечатайте его, подпишите чернилами, храните вне помещения");
        PrintedPart { size: u64, file: String, left: usize }
            => en("sheet of the head of {size} entries: {file}; print it, sign it in ink, keep it outside the room\n\
                   {left} signature lines are not on it: of witnesses that the trust file does not name, or more than a code holds"),
               ru("лист контрольной точки размера {size}: {file}; напечатайте его, подпишите чернилами, храните вне помещения\n\
                   строк подписей, которых на нём нет: {left} (свидетелей нет в файле доверия, или код их не вместит)");
    }
}

/// Bytes of the note on a sheet: a QR code of some 113 squares a side, which a telephone reads off 80 mm.
const PRINTED_NOTE_BYTES: usize = 1000;
/// Lines of the log's own in a note at most: its identity's, and two periods' where one gives way to the next.
const OWN_LINES: usize = 3;

#[derive(Serialize)]
struct Data {
    size: u64,
    root: String,
    note: String,
}

/// Runs it.
pub fn run(command: &PrintCheckpoint, voice: Voice) -> Exit {
    ended("checkpoint", voice, work(command, voice))
}

fn work(command: &PrintCheckpoint, voice: Voice) -> Result<Exit, Trouble> {
    let trust = read_trust(&command.trust)?;
    let checkpoint = Source::read(&command.source)?.checkpoint;
    let era = checkpoint.claimed().origin.era;
    let verified = checkpoint.verify_by(&trust.identity_in(era));
    let head = verified.map_err(|_| Trouble::BadAnchor { file: shown(&command.source) })?.head();
    let note = checkpoint.to_string();
    let data = Data { size: head.size, root: hex(&head.root), note: note.clone() };
    let Some(path) = &command.print else { return Ok(voice.done("checkpoint", &Told(note), data)) };
    let lang = match voice.lang {
        Lang::En => PaperLang::En,
        Lang::Ru => PaperLang::Ru,
    };
    let (printed, left) = for_paper(&checkpoint, &trust);
    let printed_ms = link::terminal::now_ms();
    let sheet = CheckpointSheet {
        site: &trust.site,
        era,
        size: head.size,
        root: &head.root,
        note: &printed,
        printed_ms,
        lang,
    };
    let pdf = sheet.pdf().map_err(|error| Trouble::Unprintable { cause: error.to_string() })?;
    write_new(path, &pdf)?;
    let (size, file) = (head.size, shown(path));
    let said = match left {
        0 => Said::Printed { size, file },
        left => Said::PrintedPart { size, file, left },
    };
    Ok(voice.done("checkpoint", &said, data))
}

/// The note with the lines that count for whoever reads the sheet back: the log's own, and of witnesses that are trusted as
/// many as the code holds; and how many lines were left out. Any stranger may have added others.
fn for_paper(checkpoint: &SignedCheckpoint, trust: &Trust) -> (String, usize) {
    let (note, origin) = (checkpoint.note(), checkpoint.claimed().origin);
    let (own, identity, witnesses) = (origin.key_name(), trust.identity_in(origin.era), trust.witnesses());
    let is_identity = |line: &SignatureLine| line.name() == &own && line.id() == identity.id();
    let mut kept: Vec<&SignatureLine> =
        note.lines().iter().filter(|line| is_identity(line)).take(1).collect();
    let others = note.lines().iter().filter(|line| line.name() == &own && !is_identity(line));
    kept.extend(others.take(OWN_LINES - 1));
    let mut bytes = note.text().len() + 1 + kept.iter().map(|line| line.to_string().len() + 1).sum::<usize>();
    let by_witness =
        |line: &&SignatureLine| witnesses.iter().any(|key| key.time_of(note.text(), line).is_ok());
    for line in note.lines().iter().filter(by_witness) {
        let more = line.to_string().len() + 1;
        if bytes + more <= PRINTED_NOTE_BYTES {
            bytes += more;
            kept.push(line);
        }
    }
    // In the order of the note: the period's line is the first.
    let in_order = note.lines().iter().filter(|line| kept.iter().any(|kept| std::ptr::eq(*kept, *line)));
    let lines: String = in_order.map(|line| format!("{line}\n")).collect();
    (format!("{}\n{lines}", note.text()), note.lines().len() - kept.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::{signed, trust};
    use journal::note::CosignerKey;
    use journal::testing::TestLog;
    use pki::{SecretKey, Suite};

    fn cosigned(checkpoint: &mut SignedCheckpoint, number: u8) -> CosignerKey {
        let secret = SecretKey::from_bytes(Suite::Ed25519, &[number; 32]).unwrap();
        let name = format!("witness-{number}.example.com/{}", "x".repeat(30));
        let key = CosignerKey::new(name.parse().unwrap(), secret.public().clone()).unwrap();
        let line = key.cosign(checkpoint.note().text(), &secret, 1_800_000_000).unwrap();
        checkpoint.add_line(line).unwrap();
        key
    }

    /// Lines of strangers cost nothing, and would make a code that nobody reads, or none at all.
    #[test]
    fn a_sheet_has_the_lines_that_count_and_no_more_than_a_code_holds() {
        let log = TestLog::standard(1);
        let mut checkpoint = SignedCheckpoint::parse(&signed(&log, log.head())).unwrap();
        let mut trust = trust(&log, None);
        assert_eq!(for_paper(&checkpoint, &trust), (checkpoint.to_string(), 0));
        let keys: Vec<CosignerKey> = (1..=14).map(|number| cosigned(&mut checkpoint, number)).collect();
        trust.add_witness(&keys[12]).unwrap();
        let (printed, left) = for_paper(&checkpoint, &trust);
        let read = SignedCheckpoint::parse(printed.as_bytes()).unwrap();
        assert_eq!((left, read.note().lines().len()), (13, 3));
        assert!(read.verify_by(&trust.identity_in(0)).is_ok());
        assert_eq!(read.note().lines()[..2], checkpoint.note().lines()[..2]);
        assert_eq!(keys[12].cosigned(read.note()), Ok(Some(1_800_000_000)));
        keys[..7].iter().for_each(|key| trust.add_witness(key).unwrap());
        let (printed, left) = for_paper(&checkpoint, &trust);
        assert!(printed.len() <= PRINTED_NOTE_BYTES && left > 0, "{} {left}", printed.len());
        assert!(
            SignedCheckpoint::parse(printed.as_bytes()).unwrap().verify_by(&trust.identity_in(0)).is_ok()
        );
    }
}
