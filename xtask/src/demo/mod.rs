//! `cargo xtask demo`: a whole site in `./demo`, and the product's main job with the real programs.
//! Never hides a step: what is shown is the command a person types and what it answers.

mod canary;
mod people;
mod site;
mod stage;
mod story;
mod terminal;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::system;
use people::{PEOPLE, by_login};
use stage::{Stage, remark, scene};
use story::Canaries;

/// The programs that the demo runs, and the packages that build them.
const PACKAGES: [&str; 4] = ["server", "client-cli", "officer", "auditor"];

/// What was asked for.
pub(crate) struct Options {
    keep: bool,
    /// Where the site is made, instead of `./demo`.
    folder: Option<PathBuf>,
}

impl Options {
    /// Reads `--keep` and `--in DIR`.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self { keep: false, folder: None };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--keep" => options.keep = true,
                "--in" => options.folder = Some(arguments.next().ok_or("--in needs a folder")?.into()),
                other => return Err(format!("demo knows no \"{other}\"")),
            }
        }
        Ok(options)
    }
}

/// Runs the demo with the programs of the checkout `root`.
pub(crate) fn run(root: &Path, options: &Options) -> Result<ExitCode> {
    system::ensure()?;
    build(root)?;
    let begun = Instant::now();
    let folder = match &options.folder {
        Some(folder) => std::path::absolute(folder).context("no such folder")?,
        None => root.join("demo"),
    };
    let stage = Stage::take(root, folder)?;
    let port = site::free_port()?;
    site::make(&stage, port)?;
    let one_time = site::envelopes(&stage)?;
    let mut server = site::start(&stage, port)?;
    let verdict = play(&stage, &one_time, &mut server);
    if verdict.is_err() || !options.keep {
        leave(&stage, &mut server)?;
    }
    verdict?;
    farewell(&stage, options.keep, begun);
    Ok(ExitCode::SUCCESS)
}

fn build(root: &Path) -> Result<()> {
    println!("building the programs (release)…");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Crates that are not there yet are fetched as this cargo is configured; the lock file names each.
    cargo.args(["build", "--release", "--locked"]).current_dir(root);
    for package in PACKAGES {
        cargo.args(["--package", package]);
    }
    if !cargo.status().context("cannot run cargo")?.success() {
        bail!("the build failed");
    }
    Ok(())
}

fn play(stage: &Stage, one_time: &[String], server: &mut Child) -> Result<()> {
    let canaries = Canaries::new()?;
    story::first_logins(stage, one_time)?;
    story::first_audit(stage)?;
    let order = story::conversations(stage, &canaries)?;
    story::file_and_readers(stage, &canaries, order)?;
    story::outage(stage, server)?;
    story::erasures(stage, &canaries)?;
    story::revocation(stage)?;
    story::second_audit(stage)?;

    scene("The scan: is anything of the erased texts left in any file of the site?");
    let scanned = canary::scan(&stage.folder, &canaries.all())?;
    if !scanned.found.is_empty() {
        bail!("an erased text stands in {:?}", scanned.found);
    }
    println!(
        "{} files, {:.0} MiB: none of the erased texts, in UTF-8, UTF-16 or Base64 (a planted one was found)",
        scanned.files,
        scanned.bytes as f64 / f64::from(1 << 20)
    );

    story::verdict(stage)
}

/// Logs everybody out and stops the daemon in good order.
fn leave(stage: &Stage, server: &mut Child) -> Result<()> {
    for person in PEOPLE.iter().filter(|person| person.role == "operator") {
        // Whoever is out already stays out.
        let _ended = stage.quietly(person, &["conclave", "logout"], &[]);
    }
    let id = i32::try_from(server.id()).context("a process id")?;
    kill(Pid::from_raw(id), Signal::SIGTERM).context("conclaved cannot be told to stop")?;
    let status = server.wait().context("conclaved cannot be waited for")?;
    if !status.success() {
        bail!("conclaved did not stop in good order: {status}");
    }
    std::fs::remove_dir_all(&stage.runtime).context("cannot clear the sockets' folder")
}

fn farewell(stage: &Stage, keep: bool, begun: Instant) {
    let anna = by_login("anna");
    let (home, runtime) = (stage.home(anna), stage.runtime_of(anna));
    println!(
        "\nThe whole took {} s. To go on by hand, as Anna (password \"{}\"):",
        begun.elapsed().as_secs(),
        anna.password()
    );
    let session = format!(
        "export PATH={}:$PATH CONCLAVE_HOME={} XDG_RUNTIME_DIR={}",
        stage.programs.display(),
        home.display(),
        runtime.display()
    );
    if keep {
        println!("  {session}");
        println!("  conclave inbox; conclave --help        (the server runs until it gets SIGTERM)");
    } else {
        println!("  {session}; mkdir -p -m 700 $XDG_RUNTIME_DIR");
        let config = stage.folder.join("conclaved.toml");
        println!("  (conclaved run --config {} &); conclave login && conclave conv list", config.display());
    }
    remark(
        "Everybody's password is LOGIN demo password; the authority's passphrase is in xtask/src/demo/people.rs.",
    );
}
