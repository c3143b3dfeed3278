//! Every command of every program at least once against a living `conclaved`, as people type them: text scripts in
//! `tests/scripts/live`, played in order on one site for each suite, with the real programs over real QUIC.
//! Needs the programs built: `cargo xtask test --stage live` sees to that.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../server/tests/support/clock.rs"]
mod clock;

use clock::Clock;
use nix::sys::signal::Signal;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tests::script::{self, Ask, Words};

/// Who has a terminal here.
const PEOPLE: [&str; 10] = ["anna", "boris", "vera", "gleb", "olga", "oleg", "irina", "adam", "igor", "zoya"];
/// Files that hold what people know by heart, one line each.
const SECRETS: [(&str, &str); 5] = [
    ("authority", "authority of the town"),
    ("first", "before the first login"),
    ("own", "my very own password"),
    ("next", "the password after it"),
    ("wrong", "something else entirely"),
];
/// A command that takes longer has failed; none is right because of it.
const WATCHDOG_SECONDS: &str = "100";

/// The scripts begin at noon, UTC, whatever the hour is: their leaps of the clock cross the hour of the daily run, or none.
const NOON: i64 = 12 * 3600;
const DAY: i64 = 24 * 3600;

/// A site's directory, its people's terminals, its server, and the clocks of all their machines.
struct Town {
    dir: tempfile::TempDir,
    clock: Clock,
    /// What has passed already when the town is founded, in seconds.
    until_noon: i64,
    server: Option<Child>,
}

fn programs() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    here.parent().and_then(Path::parent).unwrap().to_owned()
}

impl Town {
    fn new(suite: &str) -> (Self, Words) {
        let dir = tempfile::tempdir().unwrap();
        let private = |path: PathBuf| {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).unwrap();
        };
        for person in PEOPLE {
            private(dir.path().join("run").join(person));
        }
        for name in ["people", "requests", "run/server"] {
            private(dir.path().join(name));
        }
        for (name, secret) in SECRETS {
            std::fs::write(dir.path().join(name), format!("{secret}\n")).unwrap();
        }
        let clock = Clock::right(dir.path());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let until_noon = (NOON - i64::try_from(now.as_secs()).unwrap()).rem_euclid(DAY);
        clock.set_passed(until_noon);
        let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = dir.path().display();
        let config = format!(
            "state_dir = \"{at}/state\"\nruntime_dir = \"{at}/run/server\"\n[store]\npath = \"{at}/store\"\n\
             cell = \"{at}/cell\"\nbytes = 100663296\n[network]\nlisten = [\"127.0.0.1:{port}\"]\n"
        );
        std::fs::write(dir.path().join("conclaved.toml"), config).unwrap();
        let pairs = [("suite", suite.to_owned()), ("port", port.to_string())];
        (
            Self { dir, clock, until_noon, server: None },
            pairs.into_iter().map(|(name, word)| (name.to_owned(), word)).collect(),
        )
    }

    /// A line of sh in the site's directory, at a person's terminal.
    fn run(&self, who: &str, line: &str) -> Output {
        let search = format!("{}:{}", programs().display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("timeout");
        shell.args([WATCHDOG_SECONDS, "/bin/sh", "-c", line]).current_dir(self.dir.path());
        shell.stdin(Stdio::null()).env_clear().env("PATH", search).env("CONCLAVE_LANG", "en");
        self.clock.hang_in(&mut shell);
        if !who.is_empty() {
            assert!(PEOPLE.contains(&who), "{who} has no terminal here");
            shell.env("CONCLAVE_HOME", self.dir.path().join("people").join(who));
            shell.env("XDG_RUNTIME_DIR", self.dir.path().join("run").join(who));
        }
        shell.output().unwrap()
    }

    /// Starts the server and waits until it listens.
    fn serve(&mut self) {
        let mut server = Command::new(programs().join("conclaved"));
        server.args(["run", "--config", "conclaved.toml"]).current_dir(self.dir.path());
        server.env("CONCLAVE_LANG", "en").stdin(Stdio::null()).stderr(Stdio::piped());
        self.clock.hang_in(&mut server);
        let mut child = server.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let said: Vec<String> = lines.by_ref().take_while(|line| !line.contains("listening on")).collect();
        assert!(child.try_wait().unwrap().is_none(), "conclaved ended: {said:?}");
        std::thread::spawn(move || lines.for_each(drop));
        self.server = Some(child);
    }

    fn signal(&self, signal: Signal) {
        let server = self.server.as_ref().expect("it runs");
        let id = nix::unistd::Pid::from_raw(i32::try_from(server.id()).unwrap());
        nix::sys::signal::kill(id, signal).unwrap();
    }

    /// Stops it in good order.
    fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        assert!(self.server.take().expect("it runs").wait().unwrap().success());
    }

    /// Ends it without a word to anybody.
    fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        let _killed = self.server.take().expect("it runs").wait().unwrap();
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        for person in PEOPLE.into_iter().filter(|person| self.dir.path().join("people").join(person).exists())
        {
            // Whoever is out already stays out.
            let _ended = self.run(person, "conclave logout");
        }
        if let Some(mut server) = self.server.take() {
            let _gone_already = server.kill();
            let _status = server.wait();
        }
    }
}

fn a_town_from_its_papers_to_the_verdict(suite: &str) {
    let (mut town, mut words) = Town::new(suite);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/live");
    let mut scripts: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    for path in scripts {
        script::play(&path, &mut words, &mut |ask| match ask {
            Ask::Run(who, line) => Some(town.run(who, line)),
            Ask::Do("serve") => {
                town.serve();
                None
            }
            Ask::Do("stop") => {
                town.stop();
                None
            }
            Ask::Do("kill") => {
                town.kill();
                None
            }
            // Alive, and says nothing.
            Ask::Do("freeze") => {
                town.signal(Signal::SIGSTOP);
                None
            }
            Ask::Do("thaw") => {
                town.signal(Signal::SIGCONT);
                None
            }
            // Everybody's wall clock: the journal keeps what is stamped meanwhile.
            Ask::Do("the clock goes two hours ahead") => {
                town.clock.set_ahead(2 * 3600);
                None
            }
            Ask::Do("the clock is right again") => {
                town.clock.set_ahead(0);
                None
            }
            Ask::Do("four days") => {
                town.clock.set_passed(town.until_noon + 4 * DAY);
                None
            }
            Ask::Do(words) => panic!("nobody here does \"{words}\""),
        });
    }
}

#[test]
fn ed25519() {
    a_town_from_its_papers_to_the_verdict("ed25519");
}

#[test]
fn ecdsa_p256() {
    a_town_from_its_papers_to_the_verdict("ecdsa-p256");
}
