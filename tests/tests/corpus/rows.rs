//! Of each row of `tests/README.md` that a bundle can show, files that stay (`tests::kept`).
//! Never written anew in the ordinary run: `CONCLAVE_WRITE_CORPUS=1` writes what is missing, and nobody changes what is there.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use auditor::outside::OutsideHead;
use sha2::{Digest, Sha256};
use tests::kept::Foreign::{self, Beyond, None as Nothing, Refused, Taken};
use tests::kept::{Kept, folder, kept};

use crate::forge::*;

/// All files of the folder, bytes.
const BYTES_MAX: u64 = 3 << 20;

/// Which cases are kept of each row, and what readers say of them that are not ours.
const ROWS: &[(&str, &[(&str, Foreign)])] = &[
    ("any bit of an entry, a length or a note flipped", &[("a bit of an entry", Refused)]),
    (
        "the same with every hash repaired and the log's own signature",
        &[
            ("a bit of a statement's body, all signed anew", Beyond),
            ("a bit of a statement's signature, all signed anew", Beyond),
            ("a bit of a Fact, all signed anew", Beyond),
            ("a bit of a stamp, all signed anew", Beyond),
            ("a bit of the last stamp, all signed anew", Beyond),
            ("two reordered, all signed anew", Beyond),
        ],
    ),
    (
        "today's stolen period key on yesterday's range",
        &[
            ("a bit of yesterday's last stamp, signed with today's key", Beyond),
            ("yesterday's key on today's range", Beyond),
        ],
    ),
    (
        "one entry dropped, two reordered, one inserted",
        &[("one dropped", Refused), ("two reordered", Refused), ("one put in twice", Refused)],
    ),
    (
        "one sender's message dropped, his chain and the log signed anew",
        &[("one sender's message dropped, his chain and the log signed anew", Beyond)],
    ),
    (
        "cut at an edge, cut inside",
        &[
            ("cut at an edge, the note kept", Refused),
            ("cut at an edge and signed anew", Beyond),
            ("cut inside, 30 bytes", Nothing),
            ("no note", Nothing),
        ],
    ),
    ("an invented head", &[("an invented head", Refused), ("two heads signed", Beyond)]),
    (
        "server key, log key or genesis replaced",
        &[
            ("another identity key", Refused),
            ("another log's note", Refused),
            ("a key roll by a former key", Beyond),
            ("the genesis dropped", Refused),
            ("another log whole", Refused),
        ],
    ),
    (
        "a period's end missing, empty, doubled",
        &[
            ("a period without its end", Beyond),
            ("a period end that counts nothing", Beyond),
            ("a period ended twice", Beyond),
            ("a period left out", Beyond),
        ],
    ),
    ("back-dated entries, the clock set back", &[("back-dated", Beyond), ("the clock set back", Beyond)]),
    (
        "a revoked, expired, not yet recorded certificate",
        &[
            ("signed behind the revocation", Beyond),
            ("signed when the certificate had run out", Beyond),
            ("signed before the certificate was recorded", Beyond),
            ("excerpt: signed behind the revocation", Nothing),
        ],
    ),
    ("a hidden revocation list", &[("the list hidden", Beyond)]),
    (
        "a statement replayed across session, conversation, appliance, TLS",
        &[
            ("said in one session, put into the next", Beyond),
            ("said in one conversation, put into another", Beyond),
            ("said in another log", Beyond),
            ("a Login said once more", Beyond),
        ],
    ),
    ("one number signed twice", &[("one number signed twice", Beyond)]),
    ("a commitment used twice", &[("a commitment used twice", Taken)]),
    ("segments swapped between two journals", &[("segments of another log", Beyond)]),
    (
        "suite confusion, high-s ECDSA, a second key under which a signature verifies",
        &[
            ("another suite than the key's", Beyond),
            ("high s", Beyond),
            ("a statement said to be of whoever has a second key for it", Beyond),
        ],
    ),
    (
        "small-order and non-canonical Ed25519: period keys, certified keys, R, s",
        &[
            ("a period key of small order", Beyond),
            ("a certificate for a key of small order", Beyond),
            ("R that is not canonical, beyond the prime", Beyond),
            ("s beyond the order", Beyond),
        ],
    ),
    ("non-canonical CBOR", &[("a number spelled too wide", Beyond), ("an array without its length", Beyond)]),
    (
        "hostile notes",
        &[
            ("note: a control character", Refused),
            ("note: carriage returns", Refused),
            // A limit of ours: by C2SP a reader may take more lines.
            ("note: seventeen signature lines", Beyond),
            ("note: a size beyond 2^63", Refused),
            ("note: an extension line", Refused),
        ],
    ),
    ("a bundle that brings its own trust file", &[("its own trust file", Nothing)]),
    ("a bundle whose only anchor is a year old", &[("the only anchor is a year old", Beyond)]),
    (
        "a selection passed off as complete",
        &[
            ("excerpt: a selection passed off as the whole", Nothing),
            ("excerpt: a selection passed off as a range", Nothing),
        ],
    ),
    (
        "one of the reader's heads left without a proof",
        &[("excerpt: one head known and the other not led to", Nothing)],
    ),
    (
        "a head that a succession gave up",
        &[
            ("a succession, the newest head known", Taken),
            ("a succession, only a head of what it gave up known", Beyond),
            ("a succession, a fork in the new era", Beyond),
            ("a succession, its note in the former era's name", Beyond),
        ],
    ),
    (
        "what a log continues, said in a chain",
        &[
            ("what a log continues, said as it should be", Taken),
            ("what a log continues, in a chain", Beyond),
            ("what a log continues, another log's note", Beyond),
        ],
    ),
    (
        "an alarm that accuses an absent witness where none is wanted",
        &[("a witness' silence where none is wanted", Beyond)],
    ),
    (
        "a succession beyond its rules",
        &[
            ("a succession, a plan of 30 days and a millisecond ago", Beyond),
            ("a succession, ranges that touch", Beyond),
            ("a succession, one officer twice", Beyond),
            ("a succession, another one within it", Beyond),
            ("excerpt: a succession, another one within it", Nothing),
            ("excerpt: a succession, another one across its end", Nothing),
            ("excerpt: a succession, another one within it, and the note is of its era", Nothing),
        ],
    ),
    (
        "an officer's act by somebody who is none",
        &[
            ("an officer's act, an admission approved by an operator", Beyond),
            ("an officer's act, who was suspended is resumed by an operator", Beyond),
        ],
    ),
    (
        "the authority's act when it has run out",
        &[
            ("a list in parts, begun within itself", Beyond),
            (
                "enrolled anew, and only lists that said nothing new had come since his last one ran out",
                Taken,
            ),
        ],
    ),
    (
        "the time set back beyond its rules",
        &[("the time set back, too far", Beyond), ("the time set back, approved unseen", Beyond)],
    ),
    ("(the controls)", &[("honest, Ed25519", Taken), ("honest, EcdsaP256", Taken), ("a group", Taken)]),
];

/// An entry's last bit, the note kept.
fn of_a_bit() -> Case {
    let log = talked(75, pki::Suite::Ed25519);
    let bad = log.entries.len() - 2;
    let entries = changed(&log, |entries| *entries[bad].last_mut().unwrap() ^= 1);
    let file = bundle(&entries, &[note(&log, log.head())]);
    Case::new("a bit of an entry", &log, file, INVALID, Some(bad as u64))
}

/// Its file's name: of two suites the latter is kept, which is P-256.
fn file_name(case: &str) -> String {
    let plain = case.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let words: String = plain.collect();
    words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// Writes what is missing: behind the lines that are there.
pub(crate) fn write(mut all: Vec<Case>) {
    all.push(of_a_bit());
    fs::create_dir_all(folder()).unwrap();
    let mut manifest = fs::read_to_string(folder().join("manifest.txt")).unwrap_or_default();
    for (row, cases) in ROWS {
        for (name, foreign) in *cases {
            if manifest.lines().any(|line| line.starts_with(&format!("{}\t", file_name(name)))) {
                continue;
            }
            let found = all.iter().rev().find(|case| case.name == *name);
            let case = found.unwrap_or_else(|| panic!("no case is called {name}"));
            writeln!(manifest, "{}", written(case, *foreign, row)).unwrap();
        }
    }
    fs::write(folder().join("manifest.txt"), manifest).unwrap();
}

/// Writes a case's files; its line of the manifest.
fn written(case: &Case, foreign: Foreign, row: &str) -> String {
    let (believed, file) = (case.trust.to_text(), file_name(&case.name));
    let root = pki::pem::encode(pki::pem::CERTIFICATE, &case.root);
    // Many cases have one reader.
    let digest = Sha256::digest(format!("{believed}{root}"));
    let trust: String = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(folder().join(format!("{trust}.trust")), &believed).unwrap();
    fs::write(folder().join(format!("{trust}.pem")), &root).unwrap();
    fs::write(folder().join(&file), &case.file).unwrap();
    let kind = if case.excerpt { "excerpt" } else { "journal" };
    let bad = case.first_bad.map_or("-".to_owned(), |index| index.to_string());
    let (exit, python) = (case.exit, case.python.unwrap_or(case.exit));
    let heads: Vec<String> = case.outside.iter().map(head_word).collect();
    let heads = if heads.is_empty() { "-".to_owned() } else { heads.join(" ") };
    let foreign = foreign.word();
    format!("{file}\t{kind}\t{exit}\t{python}\t{bad}\t{foreign}\t{trust}\t{heads}\t{row}")
}

fn head_word(known: &OutsideHead) -> String {
    let root: String = known.head.root.iter().map(|byte| format!("{byte:02x}")).collect();
    let era = known.era.map_or(String::new(), |era| format!("{era}/"));
    format!("{era}{}:{root}", known.head.size)
}

/// The kept files as cases.
pub(crate) fn cases() -> Vec<Case> {
    let case = |kept: Kept| {
        let outside =
            kept.heads.iter().map(|(era, head)| OutsideHead { era: *era, ..known(*head) }).collect();
        Case {
            name: format!("kept: {}", kept.name),
            file: kept.file,
            excerpt: kept.excerpt,
            trust: kept.trust,
            root: kept.root,
            outside,
            exit: kept.exit,
            first_bad: kept.first_bad,
            python: (kept.python != kept.exit).then_some(kept.python),
        }
    };
    kept().into_iter().map(case).collect()
}

/// What is to be kept is kept, and nothing else: neither a case without its file nor a file that nobody names.
#[test]
fn the_folder_holds_what_the_table_names_and_nothing_else() {
    let named: BTreeSet<(String, &str)> =
        ROWS.iter().flat_map(|(row, cases)| cases.iter().map(|(name, _)| (file_name(name), *row))).collect();
    let kept = kept();
    let of_manifest: BTreeSet<(String, &str)> =
        kept.iter().map(|kept| (kept.name.clone(), &kept.row[..])).collect();
    assert_eq!(named, of_manifest);
    assert_eq!(kept.len(), of_manifest.len(), "a line stands twice");
    let trusts = kept.iter().map(|kept| &kept.reader);
    let files = trusts.flat_map(|reader| [format!("{reader}.trust"), format!("{reader}.pem")]);
    let files = files.chain(kept.iter().map(|kept| kept.name.clone())).chain(["manifest.txt".into()]);
    let found: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, files.collect());
}

/// Each row that names a case of the corpus has a file, and the folder stays small.
#[test]
fn of_every_row_that_a_bundle_can_show_a_file_is_kept() {
    let kept = kept();
    for line in include_str!("../../README.md").lines().filter(|line| line.starts_with('|')) {
        let row = line.split('|').nth(1).unwrap().trim();
        let named = !line.contains("`corpus: ") || kept.iter().any(|kept| row.starts_with(&kept.row));
        assert!(named, "nothing is kept of: {row}");
    }
    let bytes: u64 =
        fs::read_dir(folder()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes < BYTES_MAX, "{bytes} bytes");
}
