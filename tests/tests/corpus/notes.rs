//! Notes: by stolen, former and foreign keys, over invented heads, and texts that no reader should take.
//! Never over entries that were changed.

use journal::ids::Head;
use journal::testing::TestLog;
use pki::{SecretKey, Suite};

use crate::forge::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for (number, suite) in [(30, Suite::Ed25519), (31, Suite::EcdsaP256)] {
        let mut log = talked(number, suite);
        let with = |log: &TestLog, note: Vec<u8>| bundle(&log.entries, &[note]);
        let invented = note(&log, Head { root: [6; 32], ..log.head() });
        all.push(Case::new("an invented head", &log, with(&log, invented.clone()), INVALID, None).known(&[]));
        let both = bundle(&log.entries, &[invented, note(&log, log.head())]);
        all.push(Case::new("two heads signed", &log, both, DIVERGED, None));
        // Today's period key under yesterday's size, beside the good note.
        let early = Head { size: 35, root: log.tree.root_at(35).unwrap() };
        let stolen = bundle(&log.entries, &[note(&log, early), note(&log, log.head())]);
        all.push(Case::new("today's key on yesterday's range", &log, stolen, INVALID, None));
        let good = note(&log, log.head());
        let former = period_key(&log, 1);
        let newest = std::mem::replace(&mut log.period_key, former);
        all.push(Case::new(
            "yesterday's key on today's range",
            &log,
            with(&log, note(&log, log.head())),
            INVALID,
            None,
        ));
        log.period_key = newest;
        let stranger = SecretKey::from_bytes(Suite::Ed25519, &[8; 32]).unwrap();
        let identity = std::mem::replace(&mut log.site.identity, stranger);
        let foreign = note(&log, log.head());
        log.site.identity = identity;
        all.push(Case::new("another identity key", &log, with(&log, foreign), INVALID, None));
        let other = talked(32, suite);
        let elsewhere = note(&other, log.head());
        all.push(Case::new("another log's note", &log, with(&log, elsewhere), INVALID, None));
        // A text is none whatever signed it.
        if suite == Suite::Ed25519 {
            all.extend(hostile(&log, &good));
        }
    }
    all
}

/// Texts of a note that no reader should take.
fn hostile(log: &TestLog, good: &[u8]) -> Vec<Case> {
    let text = String::from_utf8(good.to_vec()).unwrap();
    let size = log.tree.size().to_string();
    let line = text.lines().last().unwrap().to_owned();
    let many = format!("{text}{}", format!("{line}\n").repeat(15));
    let spell = |to: &str| text.replacen(&format!("\n{size}\n"), &format!("\n{to}\n"), 1);
    let texts = [
        ("a control character", text.replacen('\n', "\u{1}\n", 1)),
        ("carriage returns", text.replace('\n', "\r\n")),
        ("a tab in the origin", text.replacen("conclave/", "conclave/\t", 1)),
        ("seventeen signature lines", many),
        ("a size beyond 2^63", spell("9223372036854775809")),
        ("a size beyond 2^64", spell("18446744073709551617")),
        ("a size of 5000 digits", spell(&"9".repeat(5000))),
        ("an era of 5000 digits", text.replacen('\n', &format!("/{}\n", "9".repeat(5000)), 1)),
        ("a size with a zero in front", spell(&format!("0{size}"))),
        ("a size with a sign", spell(&format!("+{size}"))),
        ("an extension line", text.replacen("\n\n", "\nmore\n\n", 1)),
        ("no empty line", text.replacen("\n\n", "\n", 1)),
        ("one line of two", text.lines().take(5).map(|line| format!("{line}\n")).collect()),
        ("the lines swapped", {
            let lines: Vec<&str> = text.lines().collect();
            format!("{}\n{}\n{}\n", lines[..4].join("\n"), lines[5], lines[4])
        }),
        ("no newline at the end", text.trim_end().to_owned()),
        ("a hyphen for the dash", text.replace('\u{2014}', "-")),
        ("an origin in capitals", text.replace("conclave/", "Conclave/")),
    ];
    let case = |(name, text): (&str, String)| {
        Case::new(&format!("note: {name}"), log, bundle(&log.entries, &[text.into_bytes()]), INVALID, None)
    };
    let mut all: Vec<Case> = texts.into_iter().map(case).collect();
    let seventeen = vec![good.to_vec(); 16];
    all.push(Case::new("sixteen notes", log, bundle(&log.entries, &seventeen), VERIFIED, None));
    let mut more = bundle(&log.entries, &seventeen);
    more.truncate(more.len() - 4);
    more.extend((good.len() as u32).to_be_bytes());
    more.extend([good, &[0; 4]].concat());
    all.push(Case::new("seventeen notes", log, more, INVALID, None));
    all
}
