//! Text of others in every field that has room for it, and in the names of files: nothing that any command prints steers
//! a terminal or turns letters round.
//! Never judges what is printed.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use auditor::bundle::{BundleReader, BundleWriter};
use journal::act::{Act, Revoke, RevokeReason};
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::note::NoteSigner;
use journal::testing::TestLog;
use journal::{Content, Entry};
use pki::{SiteCard, SiteFacts};

/// What a hostile hand writes: it clears the screen, sets the window's title, goes back, hides and turns round.
const HOSTILE: &str =
    "x\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}31m\u{85}\r\u{8}\u{202E}gpj\u{2066}\u{200F}\u{200B}\u{E0041}y";

/// What nothing of ours prints: a control character but the line's end, or a sign that turns letters round or hides.
fn steers(letter: char) -> bool {
    let turns = matches!(letter, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}');
    let hides = matches!(letter, '\u{200B}'..='\u{200D}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}');
    (letter.is_control() && letter != '\n') || turns || hides
}

fn signed(log: &TestLog) -> Vec<u8> {
    let identity = log.site.identity.public().clone();
    let keys = LogKeys::new(log.register.log_id(), log.period_key.public().clone(), Some(identity)).unwrap();
    let signers = [
        NoteSigner { key: &keys.period, signer: &log.period_key },
        NoteSigner { key: keys.identity.as_ref().unwrap(), signer: &log.site.identity },
    ];
    let checkpoint = Checkpoint { origin: log.register.log_id().into(), head: log.head() };
    SignedCheckpoint::sign(checkpoint, &signers).unwrap().to_string().into_bytes()
}

fn bundle<'a>(entries: impl IntoIterator<Item = &'a Vec<u8>>, note: &[u8]) -> Vec<u8> {
    let mut writer = BundleWriter::new(Vec::new()).unwrap();
    entries.into_iter().for_each(|entry| writer.entry(entry).unwrap());
    writer.finish(&[note]).unwrap()
}

fn card(log: &TestLog, site: &str) -> Option<SiteCard> {
    let identity = log.site.identity.public().clone();
    let keys = LogKeys::new(log.register.log_id(), log.period_key.public().clone(), Some(identity)).unwrap();
    SiteCard::new(SiteFacts {
        site: site.into(),
        suite: log.site.suite,
        addresses: vec!["127.0.0.1:4433".into()],
        server_name: "conclave".into(),
        roots: vec![log.site.root.clone()],
        issuing: vec![log.site.issuing.clone()],
        log_id: log.register.log_id().0,
        log_identity: keys.identity.unwrap().to_string(),
        core_key: None,
    })
    .ok()
}

/// The golden entries, one of each kind.
fn golden() -> Vec<Vec<u8>> {
    let vectors = include_str!("../../lib/journal/tests/vectors/statements.json");
    let lines = vectors.lines().filter(|line| line.trim_start().starts_with("\"entry\""));
    let hex = lines.filter_map(|line| line.split('"').nth(3));
    hex.map(|hex| {
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    })
    .collect()
}

/// Length and major type of an item's head, and how many bytes the head has.
fn head(bytes: &[u8]) -> (u8, usize, usize) {
    let (major, low) = (bytes[0] >> 5, bytes[0] & 31);
    let wide = if low < 24 { 0 } else { 1 << (low - 24) };
    let number = bytes[1..1 + wide].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    (major, if wide == 0 { usize::from(low) } else { number }, 1 + wide)
}

fn put_head(out: &mut Vec<u8>, major: u8, number: usize) {
    match number {
        0..24 => out.push(major << 5 | number as u8),
        24..256 => out.extend([major << 5 | 24, number as u8]),
        _ => out.extend([&[major << 5 | 25][..], &(number as u16).to_be_bytes()].concat()),
    }
}

/// The same value with every text changed, also inside of bytes that hold a value; how many bytes were read.
fn infected(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    let (major, number, length) = head(bytes);
    let rest = &bytes[length..];
    match major {
        2 => {
            let mut inner = rest[..number].to_vec();
            if whole(&inner) {
                let mut changed = Vec::new();
                infected(&inner, &mut changed);
                inner = changed;
            }
            let inner = infected_names(inner);
            put_head(out, 2, inner.len());
            out.extend(inner);
            length + number
        }
        3 => {
            put_head(out, 3, HOSTILE.len());
            out.extend(HOSTILE.as_bytes());
            length + number
        }
        4 => {
            put_head(out, 4, number);
            length + (0..number).fold(0, |at, _| at + infected(&rest[at..], out))
        }
        _ => {
            out.extend(&bytes[..length]);
            length
        }
    }
}

/// Whether these bytes are one array and nothing else, so that what is in it is a value, too.
fn whole(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first >> 5 == 4) && minicbor::decode::<Whole>(bytes).is_ok()
}

struct Whole;

impl<'b, C> minicbor::Decode<'b, C> for Whole {
    fn decode(input: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        input.skip()?;
        let ended = input.position() == input.input().len();
        ended.then_some(Self).ok_or_else(|| minicbor::decode::Error::message("more follows"))
    }
}

/// Names in certificates, in place: as many bytes as before.
fn infected_names(mut der: Vec<u8>) -> Vec<u8> {
    let name = "\u{1b}[2J\u{202E}".as_bytes();
    for wanted in
        [&b"Test anna"[..], b"Test boris", b"Test vera", b"Test olga", b"Test unit", b"Test mallory"]
    {
        while let Some(at) = der.windows(wanted.len()).position(|found| found == wanted) {
            der[at..at + name.len()].copy_from_slice(name);
        }
    }
    der
}

fn hostile(entry: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    infected(entry, &mut out);
    out
}

/// Runs the program; what it printed, on both.
fn printed(dir: &Path, words: &[&OsStr]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conclave-audit"));
    command.args(words).current_dir(dir).env("LC_ALL", "C").env_remove("CONCLAVE_LANG").stdin(Stdio::null());
    let out = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    text(out.stdout) + &text(out.stderr)
}

/// Runs it in both languages and with `--json`.
fn clean(dir: &Path, words: &[&OsStr]) -> String {
    let more: [&[&str]; 3] = [&["--lang", "en"], &["--lang", "ru"], &["--json"]];
    let mut all = String::new();
    for more in more {
        let words: Vec<&OsStr> = words.iter().copied().chain(more.iter().map(OsStr::new)).collect();
        let said = printed(dir, &words);
        let found = said.lines().find(|line| line.chars().any(steers));
        assert!(!said.chars().any(steers), "{words:?}: {found:?}");
        all.push_str(&said);
    }
    all
}

#[test]
fn no_command_prints_what_steers_a_terminal_whoever_wrote_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = TestLog::standard(1);
    let person = log.id("vera");
    let revoke = Revoke { person, reason: RevokeReason::KeyCompromise, note: HOSTILE.into() };
    log.act("olga", Act::Revoke(revoke)).unwrap();
    let chat = log.talking("anna", &["boris"]);
    log.send("boris", chat).unwrap();
    let note = signed(&log);
    let name = |kind: &str| OsString::from(format!("{}.{kind}", HOSTILE.replace('/', "")));
    let put = |kind: &str, bytes: &[u8]| {
        std::fs::write(dir.path().join(name(kind)), bytes).unwrap();
        name(kind)
    };
    let own = card(&log, HOSTILE).or_else(|| card(&log, "site")).unwrap();
    let (card, print) = (put("card", own.to_text().as_bytes()), own.fingerprint().to_string());
    let trust = name("trust");
    let word = OsStr::new;
    clean(
        dir.path(),
        &[
            word("trust"),
            word("init"),
            word("--card"),
            &card,
            word("--out"),
            &trust,
            word("--fingerprint"),
            word(&print),
        ],
    );
    assert!(dir.path().join(&trust).exists());

    // A journal that stands, with a note of an officer in it, and one entry of each kind behind it that does not.
    let honest = put("journal", &bundle(&log.entries, &note));
    let shown = clean(dir.path(), &[word("show"), &honest]);
    assert!(shown.contains("x[2J]0;t31m"), "the note is there, and readable: {shown}");
    let (mut all, mut opened) = (log.entries.clone(), 0);
    let golden: Vec<Vec<u8>> = golden().iter().map(|entry| hostile(entry)).collect();
    for (number, entry) in golden.iter().enumerate() {
        let entries: Vec<Vec<u8>> = log.entries.iter().chain([entry]).cloned().collect();
        let bad = put(&format!("{number}.journal"), &bundle(&entries, &note));
        for command in ["verify", "report"] {
            clean(dir.path(), &[word(command), &bad, word("--trust"), &trust]);
        }
        clean(dir.path(), &[word("diff"), &bad, &honest]);
        let read = Entry::decode(entry).ok().filter(|entry| match &entry.content {
            Content::Statement(signed) => signed.clone().parse().is_ok(),
            Content::Fact(_) => true,
        });
        if read.is_some() {
            opened += 1;
            all.push(entry.clone());
        }
    }
    assert!(opened * 2 > golden.len(), "only {opened} of {} are read at all", golden.len());
    let all = put("all.journal", &bundle(&all, &note));
    let shown = clean(dir.path(), &[word("show"), &all]);
    assert!(shown.lines().count() > 3 * opened);
    for who in ["anna", HOSTILE] {
        clean(dir.path(), &[word("show"), &all, word("--who"), word(who)]);
    }
    for index in 0..BundleReader::open(&std::fs::read(dir.path().join(&all)).unwrap()[..]).map_or(0, |_| 12) {
        let index = index.to_string();
        clean(dir.path(), &[word("extract"), &all, word(&index)]);
        clean(dir.path(), &[word("prove"), &all, word(&index)]);
    }
    // Files that are of no kind, texts where numbers belong, what is not there.
    let junk = put("junk", HOSTILE.as_bytes());
    for command in [
        "verify",
        "report",
        "show",
        "check-excerpt",
        "check-proof",
        "receipt",
        "check-disclosure",
        "checkpoint",
    ] {
        for file in [&junk, &name("nothing"), &card] {
            clean(dir.path(), &[word(command), file, word("--trust"), &trust]);
            clean(dir.path(), &[word(command), file]);
        }
    }
    for (option, value) in
        [("--head", HOSTILE), ("--kind", HOSTILE), ("--since", HOSTILE), ("--conversation", HOSTILE)]
    {
        clean(dir.path(), &[word("show"), &all, word(option), word(value)]);
        clean(dir.path(), &[word("verify"), &honest, word("--trust"), &trust, word(option), word(value)]);
    }
    clean(dir.path(), &[word(HOSTILE)]);
    clean(dir.path(), &[OsStr::from_bytes(b"verify\xff\x9b"), &honest]);
}
