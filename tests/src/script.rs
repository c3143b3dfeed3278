//! Text scripts: commands as people type them, with the output they must give. The one runner of all rooms; those that
//! may not depend on this package take this file in by its path.
//! Never knows a program of ours, and never compares what cannot be known before.
//!
//! ```text
//! # remark
//! anna$ command            run by sh at anna's terminal, wherever that is; `$ command` by nobody in particular
//! % words                  for the room's own tests to understand
//! expected output          standard output first, then standard error; empty lines count for nothing
//! ? 1                      its exit code; 0 when the line is missing
//! ```
//! In expected output `[..]` is anything within a line, a line `[...]` any lines, `[name=]` a word that is remembered;
//! `[=name]` is that word again, in commands too. With CONCLAVE_WRITE_SCRIPTS set, what does not fit is written into the
//! script instead, long hexadecimal numbers and times as `[..]`: look at the difference.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

/// Words that a script remembers, by name.
pub type Words = BTreeMap<String, String>;

/// One command with what it must give.
#[derive(Clone, Default)]
struct Step {
    line: usize,
    who: Option<String>,
    command: String,
    expected: Vec<String>,
    exit: i32,
}

/// What a script asks its room to do.
pub enum Ask<'a> {
    /// A line for sh, at the terminal of this person; of nobody in particular when the name is empty.
    Run(&'a str, &'a str),
    /// The words behind a `%`.
    Do(&'a str),
}

/// Plays a script. Panics at the first step that gives something else.
pub fn play(path: &Path, words: &mut Words, room: &mut dyn FnMut(Ask<'_>) -> Option<Output>) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let write = std::env::var_os("CONCLAVE_WRITE_SCRIPTS").is_some();
    let mut steps = steps(&text);
    let mut changed = false;
    for step in &mut steps {
        let command = filled(&step.command, words);
        let ask = match &step.who {
            Some(who) => Ask::Run(who, &command),
            None => Ask::Do(&command),
        };
        let Some(output) = room(ask) else { continue };
        let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("programs say text");
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let code = output.status.code();
        let mut learnt = words.clone();
        if fits(&step.expected, &lines, &mut learnt) && code == Some(step.exit) {
            *words = learnt;
            continue;
        }
        if !write {
            panic!(
                "{}:{}: {command}\nexit {code:?}, expected {}\n{said}\nexpected:\n{}\n",
                path.display(),
                step.line,
                step.exit,
                step.expected.join("\n"),
            );
        }
        step.expected = lines.iter().map(|line| blurred(line)).collect();
        step.exit = code.unwrap_or(-1);
        changed = true;
    }
    if changed {
        std::fs::write(path, written(&text, &steps)).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// The person and the command of a line that begins a step.
fn command_of(line: &str) -> Option<(Option<&str>, &str)> {
    if let Some(words) = line.strip_prefix("% ") {
        return Some((None, words));
    }
    let (who, command) = line.split_once("$ ")?;
    who.chars().all(|c| c.is_ascii_lowercase()).then_some((Some(who), command))
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some((who, command)) = command_of(line) {
            let (who, command) = (who.map(str::to_owned), command.to_owned());
            steps.push(Step { line: at + 1, who, command, ..Step::default() });
        } else if let Some(step) = steps.last_mut().filter(|_| !line.starts_with("# ") && !line.is_empty()) {
            match line.strip_prefix("? ") {
                Some(exit) => step.exit = exit.parse().expect("an exit code"),
                None => step.expected.push(line.to_owned()),
            }
        }
    }
    steps
}

/// The script with what the steps say now; remarks and empty lines before a command stay.
fn written(text: &str, steps: &[Step]) -> String {
    let (mut out, mut kept, mut at) = (String::new(), Vec::new(), 0);
    for line in text.lines() {
        if command_of(line).is_some() {
            kept.drain(..).for_each(|line: &str| out.push_str(&format!("{line}\n")));
            out.push_str(&format!("{line}\n"));
            let step = &steps[at];
            step.expected.iter().for_each(|line| out.push_str(&format!("{line}\n")));
            if step.exit != 0 {
                out.push_str(&format!("? {}\n", step.exit));
            }
            at += 1;
        } else if line.starts_with("# ") || line.is_empty() {
            kept.push(line);
        }
    }
    out
}

/// A command with the words that are remembered.
fn filled(command: &str, words: &Words) -> String {
    words.iter().fold(command.to_owned(), |filled, (name, word)| filled.replace(&format!("[={name}]"), word))
}

/// Keys and hashes differ from site to site, times from run to run; the story does not.
fn blurred(line: &str) -> String {
    let (mut out, mut word) = (String::new(), String::new());
    let is_blurred = |word: &str| {
        let hex = word.len() >= 16 && word.chars().all(|c| c.is_ascii_hexdigit());
        let time = word.len() >= 4
            && word.contains([':', '-'])
            && word.chars().all(|c| c.is_ascii_digit() || "T:-.Z+".contains(c));
        hex || time
    };
    let flush = |word: &mut String, out: &mut String| {
        out.push_str(if is_blurred(word) { "[..]" } else { word });
        word.clear();
    };
    for letter in line.chars() {
        if letter.is_ascii_alphanumeric() || ":-.+".contains(letter) {
            word.push(letter);
        } else {
            flush(&mut word, &mut out);
            out.push(letter);
        }
    }
    flush(&mut word, &mut out);
    out
}

/// What stands at the beginning of a pattern.
enum Token<'a> {
    Anything,
    Remember(&'a str),
    Again(&'a str),
}

/// The letters before the first token, the token, the rest behind it.
fn token(pattern: &str) -> Option<(&str, Token<'_>, &str)> {
    let mut from = 0;
    loop {
        let open = from + pattern[from..].find('[')?;
        let close = open + pattern[open..].find(']')?;
        let inner = &pattern[open + 1..close];
        let name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        let token = if inner == ".." {
            Token::Anything
        } else if let Some(word) = inner.strip_suffix('=').filter(|word| name(word)) {
            Token::Remember(word)
        } else if let Some(word) = inner.strip_prefix('=').filter(|word| name(word)) {
            Token::Again(word)
        } else {
            from = open + 1;
            continue;
        };
        return Some((&pattern[..open], token, &pattern[close + 1..]));
    }
}

fn line_fits(pattern: &str, line: &str, words: &mut Words) -> bool {
    let Some((head, token, tail)) = token(pattern) else { return pattern == line };
    let Some(rest) = line.strip_prefix(head) else { return false };
    match token {
        Token::Anything => {
            let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.any(|at| {
                let mut learnt = words.clone();
                let fits = line_fits(tail, &rest[at..], &mut learnt);
                if fits {
                    *words = learnt;
                }
                fits
            })
        }
        Token::Remember(name) => {
            let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
            words.insert(name.to_owned(), rest[..end].to_owned());
            end > 0 && line_fits(tail, &rest[end..], words)
        }
        Token::Again(name) => {
            let word = words.get(name).unwrap_or_else(|| panic!("no word is remembered as {name}")).clone();
            rest.strip_prefix(word.as_str()).is_some_and(|rest| line_fits(tail, rest, words))
        }
    }
}

fn fits(expected: &[String], found: &[&str], words: &mut Words) -> bool {
    match (expected.split_first(), found.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "[...]" => (0..=found.len()).any(|at| {
            let mut learnt = words.clone();
            let fits = fits(rest, &found[at..], &mut learnt);
            if fits {
                *words = learnt;
            }
            fits
        }),
        (Some((first, rest)), Some((line, more))) => line_fits(first, line, words) && fits(rest, more, words),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(pattern: &str, line: &str) -> bool {
        line_fits(pattern, line, &mut Words::new())
    }

    fn whole(expected: &str, found: &[&str]) -> bool {
        let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
        fits(&expected, found, &mut Words::new())
    }

    #[test]
    fn the_runner_tells_outputs_apart() {
        assert!(line("a[..]c[..]", "abcd") && line("[..]", "") && line("[1] a", "[1] a"));
        assert!(!line("a[..]c", "abd") && !line("a", "ab") && !line("head [..] of", "head 12 of 13"));
        assert!(whole("a\n[...]\nz", &["a", "b", "c", "z"]));
        assert!(!whole("a", &["a", "b"]) && !whole("a\nb", &["a"]) && !whole("a\nz", &["a", "b", "z"]));
    }

    #[test]
    fn words_are_remembered_and_demanded_again() {
        let mut words = Words::new();
        assert!(line_fits("sent: #[order=].", "sent: #12.", &mut words));
        assert_eq!(filled("conclave ack [=order]", &words), "conclave ack 12");
        assert!(line_fits("#[=order], read", "#12, read", &mut words));
        assert!(!line_fits("#[=order], read", "#13, read", &mut words));
    }

    #[test]
    fn scripts_are_read_and_written_back() {
        let text = "# one\n$ true\n\n# two\nanna$ false\nout\n? 1\n";
        let read = steps(text);
        assert_eq!(read.len(), 2);
        assert_eq!(
            (read[1].who.as_deref(), read[1].exit, &read[1].expected[..]),
            (Some("anna"), 1, &["out".to_owned()][..])
        );
        assert_eq!(written(text, &read), text);
        assert_eq!(blurred("at 09:15, 0123456789abcdef (#12)"), "at [..], [..] (#12)");
    }
}
