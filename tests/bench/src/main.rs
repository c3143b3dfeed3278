//! The bench: figures of the product beside a yardstick measured in the same run on the same machine.
//! Never part of the product, and never says "met" of a bound it did not measure.
#![forbid(unsafe_code)]

mod asked;
mod backfill;
mod connections;
mod entries;
mod erase;
mod fanout;
mod index;
mod load;
mod measure;
mod messages;
#[path = "../../../server/src/randomness.rs"]
mod randomness;
mod site;
mod table;
mod terminal;
mod tiles;
mod vault;
mod vault_store;
mod yardstick;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use table::Row;

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Smaller numbers, under two minutes.
    Quick,
    /// Those of the design, under ten.
    Whole,
}

impl Size {
    /// The first when quick.
    pub(crate) fn pick<T>(self, quick: T, whole: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Whole => whole,
        }
    }
}

type Bench = fn(Size) -> anyhow::Result<Vec<Row>>;

const BENCHES: [(&str, Bench); 10] = [
    ("messages", messages::run),
    ("fanout", fanout::run),
    ("handshakes", connections::handshakes),
    ("idle", connections::idle),
    ("erase", erase::run),
    ("asked", asked::run),
    ("entries", entries::run),
    ("index", index::run),
    ("vault", vault::run),
    ("tiles", tiles::run),
];

const USAGE: &str = "\
usage: bench [--quick] [NAME]...

  messages     1 KiB to a group of 11: 8 senders, 16 outstanding each    5 rounds of 5 s    quick: 1 of 3 s
  fanout       one message to many connections, one at a time            50 to 1,000        quick: 20 to 200
  handshakes   mutual TLS 1.3, 8 at once                                 2,400              quick: 480
  idle         memory of a session that is logged in and silent          512                quick: 128
  erase        one message; a whole conversation                         of 100,000         quick: of 10,000
  asked        the same through the server, until it says so             of 100,000         quick: of 10,000
  entries      audit, and start after kill -9                            1,000,000          quick: 50,000
  index        one person's messages: columns, and a database in memory  1,000,000          quick: 50,000
  vault        beside redb and a bare append: inserts, erasures, start   1,000,000          quick: 50,000
  tiles        a bundle as files of c2sp.org/tlog-tiles, synced          2,000,000          quick: 200,000";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, dir, number] = &arguments[..]
        && let Some(done) = child(command, Path::new(dir), number.parse().unwrap_or(0))
    {
        return match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        };
    }
    let (options, names): (Vec<String>, Vec<String>) =
        arguments.into_iter().partition(|argument| argument.starts_with('-'));
    let known = |name: &String| BENCHES.iter().any(|(known, _)| known == name);
    if options.iter().any(|option| option != "--quick") || !names.iter().all(known) {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    }
    let size = if options.is_empty() { Size::Whole } else { Size::Quick };
    run(size, &names)
}

/// What the bench runs as a process of its own; `None` when the command is none of these.
fn child(command: &str, dir: &Path, number: usize) -> Option<anyhow::Result<()>> {
    match command {
        "yardstick-server" => Some(yardstick::serve(dir, number)),
        vault_store::MEMORY_COMMAND => Some(vault_store::print_memory(dir, number as u64)),
        _ => None,
    }
}

fn run(size: Size, names: &[String]) -> ExitCode {
    let (mut rows, mut failed) = (Vec::new(), false);
    for (name, bench) in
        BENCHES.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|n| n == name))
    {
        eprintln!("{name} ...");
        let begin = Instant::now();
        match bench(size) {
            Ok(found) => rows.extend(found),
            Err(error) => {
                failed = true;
                eprintln!("  {name} failed: {error:#}");
            }
        }
        eprintln!("  {:.1} s", begin.elapsed().as_secs_f64());
    }
    table::print(&rows);
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
