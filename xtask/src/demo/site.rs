//! Makes the site: authority, server, people, envelopes, genesis, and the running daemon.
//! Never takes a short cut: every step is a command of the product.

use std::fs::File;
use std::io::Read;
use std::net::UdpSocket;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::people::{AUTHORITY_PASSPHRASE, PEOPLE, Person, by_login, roster};
use super::stage::{Stage, remark, scene};
use super::terminal::Answer;

/// The site's name.
pub(crate) const SITE: &str = "Штаб-7";
/// Longest wait for the daemon to listen.
const START_TIMEOUT: Duration = Duration::from_secs(30);

fn authority() -> Answer {
    Answer::secret("passphrase: ", AUTHORITY_PASSPHRASE)
}

/// Authority, server and people, up to the site card in everybody's hands.
pub(crate) fn make(stage: &Stage, port: u16) -> Result<()> {
    scene("A security officer, offline: the authority of the site");
    let new = [Answer::secret(": ", AUTHORITY_PASSPHRASE), Answer::secret(": ", AUTHORITY_PASSPHRASE)];
    stage.step(&["conclave-pki", "init", "--site", SITE, "--suite", "ed25519"], &new)?;

    scene("The server's host: its keys, and a request for certificates");
    stage.step(
        &[
            "conclaved",
            "request",
            "--state",
            "server",
            "--server-name",
            "conclave",
            "--out",
            "server.request",
        ],
        &[],
    )?;

    scene("Everybody at a terminal: keys that never leave it, and a request");
    request(stage, by_login("anna"), true)?;
    for person in PEOPLE.iter().filter(|person| person.login != "anna") {
        request(stage, person, false)?;
    }
    remark("(boris, vera, olga, oleg, adam and igor did the same)");

    scene("The security officer: certificates, genesis, site card");
    std::fs::write(stage.folder.join("people.csv"), roster())?;
    stage.step(&["conclave-pki", "issue", "server.request"], &[authority()])?;
    let enrol = [
        "conclave-pki",
        "enrol",
        "--roster",
        "people.csv",
        "--requests",
        "requests",
        "--out",
        "certificates",
    ];
    stage.step(&enrol, &[authority()])?;
    let genesis = [
        "conclave-pki",
        "genesis",
        "--server",
        "server.request",
        "--officers",
        "olga,oleg",
        "--threshold",
        "2",
    ];
    stage.step(&genesis, &[authority()])?;
    let address = format!("127.0.0.1:{port}");
    stage.step(&["conclave-pki", "site-card", "--address", &address, "--out", "site.card"], &[])?;
    Ok(())
}

fn request(stage: &Stage, person: &Person, show: bool) -> Result<()> {
    let out = format!("requests/{}.request", person.login);
    let words = ["conclave", "request", "--login", person.login, "--name", person.name, "--out", &out];
    let secret = person.first_passphrase();
    let answers = [Answer::secret(": ", &secret), Answer::secret(": ", &secret)];
    if show { stage.as_person(person, &words, &answers) } else { stage.quietly(person, &words, &answers) }
        .map(drop)
}

/// An envelope for everybody: printed, handed over, in the journal. Gives the one-time passwords, by person.
pub(crate) fn envelopes(stage: &Stage) -> Result<Vec<String>> {
    scene("The security officer: paper envelopes with one-time passwords, handed over against a signature");
    let mut passwords = Vec::new();
    for (number, person) in (1..).zip(&PEOPLE) {
        passwords.push(print_envelope(stage, person)?);
        let number = format!("{number}");
        let words = ["conclave-pki", "envelope", "hand-over", &number];
        if number == "1" {
            stage.step(&words, &[authority()])?;
        } else {
            stage.quietly(person, &words, &[authority()])?;
        }
    }
    stage.step(&["conclave-pki", "envelope", "list"], &[])?;
    stage.step(&["conclave-pki", "bundle", "--out", "site.bundle"], &[])?;
    Ok(passwords)
}

/// The demo cannot read paper: it takes the password from the descriptor that printing machines use.
fn print_envelope(stage: &Stage, person: &Person) -> Result<String> {
    let secret = stage.runtime.join("one-time");
    File::options().write(true).create_new(true).mode(0o600).open(&secret)?;
    let to = format!("@{}", person.login);
    let pdf = format!("envelope-{}.pdf", person.login);
    let line = ["conclave-pki", "envelope", "print", &to, "--pdf", &pdf];
    if person.login == "anna" {
        println!("\u{1b}[1m$ {}\u{1b}[0m", line.join(" "));
    }
    let program = stage.programs.join("conclave-pki");
    let words = [&line[1..], &["--one-time-fd", "3"]].concat();
    let mut command = Command::new("sh");
    command.args(["-c", r#"exec "$@" 3>"$ONE_TIME""#, "sh"]).arg(program).args(words);
    command.current_dir(&stage.folder).env("CONCLAVE_LANG", "en").env("ONE_TIME", &secret);
    let seen = super::terminal::run(&mut command, &[authority()], person.login == "anna")?;
    if !seen.status.success() {
        bail!("no envelope for {}: {}", person.login, seen.output);
    }
    let mut password = String::new();
    File::open(&secret)?.read_to_string(&mut password)?;
    std::fs::remove_file(&secret)?;
    Ok(password.trim().to_owned())
}

/// Founds the log and starts the daemon. The child is the running `conclaved`.
pub(crate) fn start(stage: &Stage, port: u16) -> Result<Child> {
    scene("The server's host: the log begins, the daemon runs");
    std::fs::write(stage.folder.join("conclaved.toml"), configuration(stage, port))?;
    stage.step(&["conclaved", "init", "--config", "conclaved.toml", "--bundle", "site.bundle"], &[])?;
    stage.step(&["conclave-pki", "bundle", "--taken", "site.bundle"], &[])?;
    println!("\u{1b}[1m$ conclaved run --config conclaved.toml &\u{1b}[0m");
    let child = run(stage)?;
    stage.step(&["conclaved", "status", "--config", "conclaved.toml"], &[])?;
    Ok(child)
}

/// Starts the daemon and waits until it listens.
pub(crate) fn run(stage: &Stage) -> Result<Child> {
    let log = stage.folder.join("conclaved.log");
    let file = File::create(&log)?;
    let mut child = stage
        .program(&["conclaved", "run", "--config", "conclaved.toml"])
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .context("cannot run conclaved")?;
    let begun = Instant::now();
    loop {
        let said = std::fs::read_to_string(&log)?;
        if said.contains("listening on") {
            print!("{said}");
            return Ok(child);
        }
        if let Some(status) = child.try_wait()? {
            bail!("conclaved ended ({status}):\n{said}");
        }
        if begun.elapsed() > START_TIMEOUT {
            child.kill()?;
            bail!("conclaved does not listen:\n{said}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn configuration(stage: &Stage, port: u16) -> String {
    let folder = stage.folder.display();
    // The daemon's socket lies with the agents', where paths are short.
    let runtime = stage.runtime.display();
    format!(
        "state_dir = \"{folder}/server\"\nruntime_dir = \"{runtime}/server\"\n\n\
         [store]\npath = \"{folder}/server/store\"\ncell = \"{folder}/server/cell\"\nbytes = 268435456\n\n\
         [network]\nlisten = [\"127.0.0.1:{port}\"]\n"
    )
}

/// Site card and certificates in, then the first login with the envelope and a password of one's own.
pub(crate) fn first_login(stage: &Stage, person: &Person, one_time: &str, show: bool) -> Result<()> {
    let certificates = format!("certificates/{}.certificates", person.login);
    let first = person.first_passphrase();
    let password = person.password();
    let steps: [(&[&str], Vec<Answer>); 3] = [
        (&["conclave", "setup", "site.card"], vec![Answer::line("] ", "yes")]),
        (&["conclave", "request", "--take", &certificates], vec![Answer::secret(": ", &first)]),
        (
            &["conclave", "login", "--envelope"],
            vec![
                Answer::secret(": ", &first),
                Answer::secret("envelope: ", one_time),
                Answer::secret("New password: ", &password),
                Answer::secret("Once more: ", &password),
            ],
        ),
    ];
    for (words, answers) in steps {
        if show {
            stage.as_person(person, words, &answers)?;
        } else {
            stage.quietly(person, words, &answers)?;
        }
    }
    Ok(())
}

/// A UDP port that nobody uses now.
pub(crate) fn free_port() -> Result<u16> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).context("no free UDP port on loopback")?;
    Ok(socket.local_addr()?.port())
}
