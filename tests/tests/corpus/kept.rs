//! Files that stay: a small journal, excerpts of it and what attackers made of them, judged alike by every later version.
//! Never written anew in the ordinary run: `CONCLAVE_WRITE_CORPUS=1` writes what is missing, and nobody changes what is there.
//!
//! ```text
//! tests/corpus/manifest.txt     FILE EXIT FIRST-BAD|- journal|excerpt [SIZE:ROOT…]      one line each
//! tests/corpus/site.trust       what the reader believes (FORMAT 9), root.pem its root certificate
//! ```

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use auditor::cutting::{Wanted, plan};
use auditor::trust::Trust;
use journal::Policy;
use journal::act::Act;
use journal::fact::Fact;
use journal::ids::Head;
use journal::testing::TestLog;
use pki::Suite;

use crate::forge::*;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// What the files were made of, once.
fn made() -> (TestLog, Vec<Case>) {
    let mut log = TestLog::founded(90, Suite::Ed25519, Policy::standard());
    log.start().unwrap();
    log.log_in("olga").unwrap();
    log.act("olga", Act::SetPassword(journal::act::SetPassword {})).unwrap();
    let end = log.period_end();
    log.fact(end).unwrap();
    let roll = log.key_roll(1);
    log.fact(roll).unwrap();
    log.log_in("oleg").unwrap();
    let whole = honest(&log);
    let last = log.entries.len() - 1;
    let open = || auditor::bundle::BundleReader::open(&whole[..]).unwrap();
    let cut = |wanted| plan(open(), &wanted, &[]).unwrap().write(open(), Vec::new()).unwrap().1;
    let range = cut(Wanted::Range(8, 12));
    let selection = cut(Wanted::Selection(vec!["olga".into()], Vec::new()));
    let twice = {
        let Fact::PeriodEnd(end) = log.period_end() else { panic!("a PeriodEnd") };
        let entry = fact(&log, Fact::PeriodEnd(end));
        changed(&log, |entries| entries.extend([entry.clone(), entry]))
    };
    let bent = signature(&log.entries[last], |bytes| bytes[40] ^= 4);
    let (bad, next) = (last as u64, last as u64 + 2);
    let dropped = changed(&log, |entries| drop(entries.remove(last - 4)));
    let invented = note(&log, Head { root: [6; 32], ..log.head() });
    let cases = vec![
        Case::new("honest", &log, whole.clone(), VERIFIED, None),
        Case::new(
            "bent-signature",
            &log,
            resigned(&log, &changed(&log, |e| e[last] = bent)),
            INVALID,
            Some(bad),
        )
        .known(&[]),
        Case::new("dropped", &log, resigned(&log, &dropped), INVALID, Some(bad - 4)).known(&[]),
        Case::new("period-ended-twice", &log, resigned(&log, &twice), INVALID, Some(next)).known(&[]),
        Case::new("invented-head", &log, bundle(&log.entries, &[invented]), INVALID, None).known(&[]),
        Case::new("cut", &log, whole[..whole.len() / 2].to_vec(), INCOMPLETE, None),
        Case::new("range", &log, range, VERIFIED, None).excerpt(),
        Case::new("selection", &log, selection, INCOMPLETE, None).excerpt(),
    ];
    (log, cases)
}

fn write() {
    let (log, cases) = made();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder().join(name);
        if !path.exists() {
            fs::write(path, bytes).unwrap();
        }
    };
    fs::create_dir_all(folder()).unwrap();
    put("site.trust", trust(&log).to_text().as_bytes());
    put("root.pem", pki::pem::encode(pki::pem::CERTIFICATE, log.site.root.der()).as_bytes());
    let mut manifest = String::new();
    for case in &cases {
        put(&case.name, &case.file);
        let bad = case.first_bad.map_or("-".to_owned(), |index| index.to_string());
        let kind = if case.excerpt { "excerpt" } else { "journal" };
        write!(manifest, "{} {} {bad} {kind}", case.name, case.exit).unwrap();
        for known in &case.outside {
            let root: String = known.head.root.iter().map(|byte| format!("{byte:02x}")).collect();
            write!(manifest, " {}:{root}", known.head.size).unwrap();
        }
        manifest.push('\n');
    }
    put("manifest.txt", manifest.as_bytes());
}

/// The files as the manifest names them.
pub(crate) fn cases() -> Vec<Case> {
    if std::env::var_os("CONCLAVE_WRITE_CORPUS").is_some() {
        write();
    }
    let text = |name: &str| fs::read_to_string(folder().join(name)).unwrap();
    let trust = Trust::from_text(&text("site.trust")).unwrap();
    let root = pki::pem::decode(&text("root.pem"), pki::pem::CERTIFICATE).unwrap().remove(0);
    let case = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let head = |word: &&str| {
            let (size, root) = word.split_once(':').unwrap();
            let digit = |at: usize| u8::from_str_radix(&root[2 * at..2 * at + 2], 16).unwrap();
            known(Head { size: size.parse().unwrap(), root: std::array::from_fn(digit) })
        };
        Case {
            name: format!("kept: {}", words[0]),
            file: fs::read(folder().join(words[0])).unwrap(),
            excerpt: words[3] == "excerpt",
            trust: trust.clone(),
            root: root.clone(),
            outside: words[4..].iter().map(head).collect(),
            exit: words[1].parse().unwrap(),
            first_bad: words[2].parse().ok(),
            python: None,
        }
    };
    text("manifest.txt").lines().map(case).collect()
}
