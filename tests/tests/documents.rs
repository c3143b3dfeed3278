//! FORMAT.md says the numbers that the code has, no more and no fewer.
//! Never judges its prose.

use journal::act::KINDS;
use journal::refusal::REFUSALS;
use journal::{Content, Entry};
use protocol::Code;
use std::collections::{BTreeMap, BTreeSet};

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
