//! Two hidden subcommands of every program, for packagers: shell completions and manual pages.
//! Never called by people in daily work.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Command, Subcommand};
use clap_complete::Shell;

/// Flatten it into the program's subcommands.
#[derive(Subcommand, Debug)]
pub enum Extra {
    /// Print completions for a shell (bash, zsh, fish).
    #[command(hide = true)]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write manual pages into a directory.
    #[command(hide = true)]
    Man {
        /// The directory; it is made if it is not there.
        dir: PathBuf,
    },
}

impl Extra {
    /// Does it for `command` (already localised), writing completions to `out`.
    pub fn run(&self, mut command: Command, out: &mut impl Write) -> io::Result<()> {
        match self {
            Extra::Completions { shell } => {
                let name = command.get_name().to_owned();
                // Into memory first: the generator panics when its output is closed early.
                let mut text = Vec::new();
                clap_complete::generate(*shell, &mut command, name, &mut text);
                out.write_all(&text)
            }
            Extra::Man { dir } => {
                std::fs::create_dir_all(dir)?;
                clap_mangen::generate_to(command, dir)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lang, localise};
    use clap::{CommandFactory, Parser};

    /// Talks.
    #[derive(Parser)]
    #[command(name = "talk")]
    struct Talk {
        #[command(subcommand)]
        what: What,
    }

    #[derive(Subcommand)]
    enum What {
        /// Says.
        Say,
        #[command(flatten)]
        Extra(Extra),
    }

    fn parsed(words: &[&str]) -> Extra {
        match Talk::try_parse_from(words).unwrap().what {
            What::Extra(extra) => extra,
            What::Say => panic!("say is no extra"),
        }
    }

    #[test]
    fn completions_name_the_subcommands() {
        let mut out = Vec::new();
        let extra = parsed(&["talk", "completions", "bash"]);
        extra.run(localise(Talk::command(), Lang::Ru, &[]), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("_talk()") && text.contains("say"), "{text}");
    }

    #[test]
    fn there_is_a_page_for_the_program_and_one_for_each_visible_subcommand() {
        let dir = tempfile::tempdir().unwrap();
        let pages = dir.path().join("not/there/yet");
        let extra = parsed(&["talk", "man", pages.to_str().unwrap()]);
        extra
            .run(localise(Talk::command(), Lang::Ru, &[("say/@about", "Сказать")]), &mut Vec::new())
            .unwrap();
        let mut found: Vec<String> = std::fs::read_dir(&pages)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        assert_eq!(found, ["talk-say.1", "talk.1"]);
        assert!(std::fs::read_to_string(pages.join("talk-say.1")).unwrap().contains("Сказать"));
    }
}
