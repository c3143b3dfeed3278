//! How a command answers: words for a person, or one line of JSON for a script, and the exit code with it.
//! Never both: with `--json` standard output holds exactly one line.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

use crate::clean::clean_lines;
use crate::exit::Exit;
use crate::json::Json;
use crate::lang::Lang;
use crate::system::system_ru;
use crate::words::Words;

crate::words! {
    enum Unconfined {
        Because { why: String }
            => en("the process cannot be confined: {why}"), ru("процесс не удалось ограничить: {}", crate::cause_ru(why));
    }
}

/// The way this run of a program answers.
#[derive(Clone, Copy, Debug)]
pub struct Voice {
    /// The reader's language.
    pub lang: Lang,
    /// `--json` was given.
    pub json: bool,
}

impl Voice {
    /// The command did what it was asked.
    pub fn done<T: Serialize>(self, command: &str, words: &dyn Words, data: T) -> Exit {
        let line = match self.json {
            true => Json::done(command, data).line(),
            false => Ok(clean_lines(&words.say(self.lang))),
        };
        self.out(line.map_err(io::Error::from), Exit::Yes)
    }

    /// The command came to a verdict against; people read it on standard output too, for it is the answer.
    pub fn verdict<T: Serialize>(
        self,
        command: &str,
        exit: Exit,
        code: &str,
        words: &dyn Words,
        data: T,
    ) -> Exit {
        let said = words.say(self.lang);
        let line = match self.json {
            true => Json::verdict(command, code, &said, data).line(),
            false => Ok(clean_lines(&said)),
        };
        self.out(line.map_err(io::Error::from), exit)
    }

    /// The command failed: people read why on standard error, scripts on standard output.
    pub fn failed(self, command: &str, exit: Exit, code: &str, words: &dyn Words) -> Exit {
        let said = self.complaint(words);
        if self.json {
            return self.out(Json::failed(command, code, &said).line().map_err(io::Error::from), exit);
        }
        match print_to(&mut io::stderr().lock(), &clean_lines(&said)) {
            Ok(()) => exit,
            Err(_) => Exit::Io,
        }
    }

    /// The process could not be confined (`why` is the system's answer), so `program` does nothing at all.
    pub fn unconfined(self, program: &str, why: &dyn Display) -> Exit {
        self.failed(program, Exit::Missing, "confinement", &Unconfined::Because { why: why.to_string() })
    }

    /// A remark beside the answer (a warning, a hint): standard error, and nothing with `--json`.
    pub fn remark(self, words: &dyn Words) {
        if !self.json {
            // A remark that nobody can read is no reason to fail.
            let _ = print_to(&mut io::stderr().lock(), &clean_lines(&self.complaint(words)));
        }
    }

    /// What must be known while nothing comes: standard error, also with `--json`.
    pub fn notice(self, words: &dyn Words) {
        let _ = print_to(&mut io::stderr().lock(), &clean_lines(&self.complaint(words)));
    }

    /// In one language, whatever the system has put in.
    fn complaint(self, words: &dyn Words) -> String {
        match self.lang {
            Lang::En => words.en(),
            Lang::Ru => system_ru(&words.ru()),
        }
    }

    fn out(self, line: io::Result<String>, exit: Exit) -> Exit {
        match line.and_then(|line| print_to(&mut io::stdout().lock(), &line)) {
            Ok(()) => exit,
            Err(_) => Exit::Io,
        }
    }
}

/// Writes a text and the newline it may lack. A reader that has gone away (`| head`) has seen enough: no error.
pub fn print_to(out: &mut impl Write, text: &str) -> io::Result<()> {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes()));
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails as the system does when the reader is gone or the disk is full.
    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_complaint_is_in_one_language() {
        crate::words! {
            enum Failed {
                Because { why: String } => en("not read: {why}"), ru("не читается: {why}");
            }
        }
        let why = Failed::Because { why: io::Error::from_raw_os_error(2).to_string() };
        let said = |lang| Voice { lang, json: false }.complaint(&why);
        assert_eq!(said(Lang::Ru), "не читается: такого файла или каталога нет");
        assert_eq!(said(Lang::En), "not read: No such file or directory (os error 2)");
    }

    #[test]
    fn a_text_ends_with_exactly_one_newline() {
        for (text, printed) in [("да", "да\n"), ("да\n", "да\n"), ("", "")] {
            let mut out = Vec::new();
            print_to(&mut out, text).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), printed);
        }
    }

    #[test]
    fn a_reader_that_left_is_no_error_but_a_full_disk_is() {
        assert!(print_to(&mut Failing(io::ErrorKind::BrokenPipe), "x").is_ok());
        assert!(print_to(&mut Failing(io::ErrorKind::StorageFull), "x").is_err());
    }
}
