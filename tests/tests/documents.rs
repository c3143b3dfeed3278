//! FORMAT.md says the numbers that the code has, no more and no fewer; what THREATS.md, ARCHITECTURE.md and the list of attacks
//! (`tests/README.md`) name is there.
//! Never judges their prose.

use journal::act::KINDS;
use journal::refusal::REFUSALS;
use journal::{Content, Entry};
use protocol::Code;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const FORMAT: &str = include_str!("../../FORMAT.md");

/// Number and name of each row of the table with this heading.
fn table(heading: &str) -> BTreeMap<u16, String> {
    let mut lines = FORMAT.lines().skip_while(|line| !line.starts_with(heading)).skip(2).peekable();
    assert!(lines.peek().is_some(), "FORMAT.md has no table {heading}");
    let mut rows = BTreeMap::new();
    for line in lines.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let number = cells[1].parse().unwrap_or_else(|_| panic!("no number: {line}"));
        assert!(rows.insert(number, cells[2].to_owned()).is_none(), "twice: {line}");
    }
    rows
}

fn numbered<'a>(pairs: impl IntoIterator<Item = (u16, &'a str)>) -> BTreeMap<u16, String> {
    pairs.into_iter().map(|(number, name)| (number, name.to_owned())).collect()
}

#[test]
fn the_kinds_of_statements_are_those_of_the_code() {
    assert_eq!(table("| kind | name | fields |"), numbered(KINDS.iter().copied()));
}

#[test]
fn the_refusals_are_those_of_the_code() {
    assert_eq!(table("| code | refusal | meaning |"), numbered(REFUSALS.iter().copied()));
    let names: Vec<(u16, String)> =
        Code::ALL.iter().map(|code| (code.number(), format!("{code:?}"))).collect();
    let expected = numbered(names.iter().map(|(number, name)| (*number, name.as_str())));
    assert_eq!(table("| code | protocol | why |"), expected);
}

#[test]
fn the_facts_are_those_of_the_vectors() {
    let vectors = include_str!("../../lib/journal/tests/vectors/statements.json");
    let hex = |line: &str| line.split('"').nth(3).map(str::to_owned);
    let entries: Vec<String> =
        vectors.lines().filter(|line| line.trim_start().starts_with("\"entry\"")).filter_map(hex).collect();
    assert!(!entries.is_empty());
    let mut facts = BTreeSet::new();
    for entry in entries {
        let digits: Vec<u8> = entry.bytes().map(|b| char::from(b).to_digit(16).expect("hex") as u8).collect();
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        if let Content::Fact(fact) = Entry::decode(&bytes).expect("a golden vector").content {
            facts.insert(fact.kind());
        }
    }
    assert_eq!(table("| Fact | name | fields |"), numbered(facts));
}

// --- what THREATS.md, ARCHITECTURE.md and the list of attacks name is there

/// Every Rust file of the tree by its path, with its text.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tree");
    let mut sources = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && !name.starts_with('.') && !["target", "vendor", "demo"].contains(&name) {
                folders.push(path);
            } else if name.ends_with(".rs") {
                let text = std::fs::read_to_string(&path).expect("a file");
                let path = path.strip_prefix(root).expect("below the root");
                sources.insert(path.to_str().expect("plain names").to_owned(), text);
            }
        }
    }
    sources
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn is_name(text: &str) -> bool {
    text.contains('_') && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether a file may be called so: by the end of its path, or in the short words of THREATS.md.
fn is_called(path: &str, name: &str) -> bool {
    let engine = path.replace("lib/protocol/src/engine/tests/", "engine/");
    let client = path.replace("lib/protocol/tests/loop/", "client/");
    let attacks = name == "attacks" && path.starts_with("tests/tests/attacks/");
    let ends = |path: &str| path == name || path.ends_with(&format!("/{name}"));
    attacks || ends(path) || ends(&engine) || ends(&client)
}

/// What stands between backticks in the last column of each table.
fn cells(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| line.starts_with('|'))
        .filter_map(|line| line.split('|').nth(3))
        .flat_map(quoted)
}

#[test]
fn every_test_that_threats_names_is_there() {
    assert!(tests_named_in("THREATS.md", include_str!("../../THREATS.md")) > 100);
}

#[test]
fn every_test_and_case_of_the_list_of_attacks_is_there() {
    let list = include_str!("../README.md");
    assert!(tests_named_in("tests/README.md", list) > 30);
    let corpus: Vec<String> = sources()
        .into_iter()
        .filter_map(|(path, source)| path.starts_with("tests/tests/corpus/").then_some(source))
        .collect();
    let cases: Vec<&str> = cells(list).filter_map(|text| text.strip_prefix("corpus: ")).collect();
    assert!(cases.len() > 50, "only {} cases were found", cases.len());
    for case in cases {
        let named = format!("\"{case}\"");
        assert!(corpus.iter().any(|source| source.contains(&named)), "tests/README.md names the case {case}");
    }
}

/// How many tests a document names; panics where one is not there.
fn tests_named_in(document: &str, text: &str) -> usize {
    let sources = sources();
    let (mut file, mut named) = (None, 0);
    for text in cells(text) {
        let (of, test) = match text.split_once(": ") {
            Some((of, test)) if is_name(test) => (Some(of), Some(test)),
            // A name alone is in the file named last.
            Some(_) | None => (file, Some(text).filter(|text| is_name(text))),
        };
        let Some((of, test)) = of.zip(test) else { continue };
        file = Some(of);
        let is_there = |(path, source): (&String, &String)| {
            is_called(path, of) && source.contains(&format!("fn {test}("))
        };
        named += 1;
        assert!(sources.iter().any(is_there), "{document} names {of}: {test}");
    }
    named
}

#[test]
fn every_file_that_architecture_names_is_there() {
    let (architecture, sources) = (include_str!("../../ARCHITECTURE.md"), sources());
    let files: Vec<&str> =
        architecture.lines().flat_map(quoted).filter(|text| text.ends_with(".rs")).collect();
    assert!(files.len() > 30, "only {} files were found in ARCHITECTURE.md", files.len());
    for file in files {
        assert!(sources.keys().any(|path| path == file || path.ends_with(&format!("/{file}"))), "{file}");
    }
}
