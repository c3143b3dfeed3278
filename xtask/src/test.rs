//! `cargo xtask test`: the stages, their order, and the last line.
//! Never lists a stage whose room does not exist yet, and never hides what it skipped.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::Result;

use crate::metadata::{self, Package};
use crate::stage::Outcome;
use crate::{arrows, deny, fuzz, libtest, process, system};

/// The package whose test programs are stages of their own.
const WHOLE_PRODUCT: &str = "tests";
/// The one of them that needs root.
const PRIVILEGED: &str = "privileged";
/// The one that needs Go.
const GO: &str = "foreign_go";
/// Set for the test programs under `--full`.
const FULL_VARIABLE: &str = "CONCLAVE_FULL";

/// What the command line asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    stages: Vec<String>,
    full: bool,
    list: bool,
}

impl Options {
    /// Reads the arguments behind `test`.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Options::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--full" => options.full = true,
                "--list" => options.list = true,
                "--stage" => {
                    options.stages.push(arguments.next().ok_or("--stage needs a name")?.clone());
                }
                other => return Err(format!("test has no option \"{other}\"")),
            }
        }
        Ok(options)
    }
}

/// One thing to run. The order of the variants is the order of the stages.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    Format,
    Arrows,
    Deny,
    Build,
    Clippy,
    Unit,
    /// A test program of the package `tests`: sim, fault, e2e, cmd, ...
    Product(String),
    /// The demo, as a test: every step of it has to go as it says.
    Demo,
    Fuzz,
}

impl Stage {
    fn name(&self) -> &str {
        match self {
            Stage::Format => "fmt",
            Stage::Arrows => "arrows",
            Stage::Deny => "deny",
            Stage::Build => "build",
            Stage::Clippy => "clippy",
            Stage::Unit => "unit",
            Stage::Product(name) => name,
            Stage::Demo => "demo",
            Stage::Fuzz => "fuzz",
        }
    }
}

struct Plan {
    root: PathBuf,
    packages: Vec<Package>,
    full: bool,
}

/// Runs what was asked for and prints the last line.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let root = crate::root()?;
    let packages = metadata::packages(&root.join("Cargo.toml"), true)?;
    let plan = Plan { root, packages, full: options.full };
    let stages = plan.stages();
    if options.list {
        stages.iter().for_each(|stage| println!("{}", stage.name()));
        return Ok(ExitCode::SUCCESS);
    }
    for asked in &options.stages {
        if !stages.iter().any(|stage| stage.name() == asked) {
            let known: Vec<&str> = stages.iter().map(Stage::name).collect();
            eprintln!("there is no stage \"{asked}\"; there are: {}", known.join(", "));
            return Ok(ExitCode::from(crate::EXIT_USAGE));
        }
    }
    system::ensure()?;
    let chosen =
        |stage: &&Stage| options.stages.is_empty() || options.stages.iter().any(|name| name == stage.name());
    let mut all = Outcome::default();
    for stage in stages.iter().filter(chosen) {
        let begin = Instant::now();
        let outcome = plan.run(stage)?;
        outcome.print(stage.name(), begin.elapsed());
        let built = outcome.failed == 0;
        all.absorb(outcome);
        if *stage == Stage::Build && !built {
            println!("nothing behind the build was run");
            break;
        }
    }
    println!("{}", all.counts());
    Ok(if all.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Plan {
    fn stages(&self) -> Vec<Stage> {
        let mut stages =
            vec![Stage::Format, Stage::Arrows, Stage::Deny, Stage::Build, Stage::Clippy, Stage::Unit];
        let product = self.packages.iter().filter(|package| package.name == WHOLE_PRODUCT);
        let programs = product.flat_map(|package| &package.targets).filter(|target| target.kind == "test");
        stages.extend(programs.map(|target| Stage::Product(target.name.clone())));
        stages.push(Stage::Demo);
        if self.root.join("fuzz/Cargo.toml").is_file() {
            stages.push(Stage::Fuzz);
        }
        stages
    }

    fn run(&self, stage: &Stage) -> Result<Outcome> {
        match stage {
            Stage::Format => self.format(),
            Stage::Arrows => Ok(arrows::run(&self.packages)),
            Stage::Deny => deny::run(&self.root),
            Stage::Build => self.build(),
            Stage::Clippy => {
                let lints = ["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"];
                self.check("clippy", &lints)
            }
            Stage::Unit => self.unit(),
            Stage::Product(name) => self.product(name),
            Stage::Demo => self.demo(),
            Stage::Fuzz => fuzz::run(&self.root, self.full),
        }
    }

    fn format(&self) -> Result<Outcome> {
        let mut outcome = self.check("fmt", &["fmt", "--all", "--check"])?;
        if self.root.join("fuzz/Cargo.toml").is_file() {
            outcome
                .absorb(self.check("fmt-fuzz", &["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"])?);
        }
        Ok(outcome)
    }

    /// One build for all stages behind it: the product's programs, then every test program.
    fn build(&self) -> Result<Outcome> {
        let mut outcome = self.check("build", &["build", "--release", "--workspace"])?;
        if outcome.failed == 0 {
            outcome.absorb(self.check("build-tests", &["test", "--release", "--workspace", "--no-run"])?);
        }
        Ok(outcome)
    }

    /// All tests that stand beside the code.
    fn unit(&self) -> Result<Outcome> {
        let mut rooms = vec!["test", "--release", "--no-fail-fast", "--workspace"];
        if self.packages.iter().any(|package| package.name == WHOLE_PRODUCT) {
            rooms.extend(["--exclude", WHOLE_PRODUCT]);
        }
        let mut outcome = self.tests("unit", &rooms)?;
        let library = |package: &&Package| package.name == WHOLE_PRODUCT;
        let mut targets = self.packages.iter().filter(library).flat_map(|package| &package.targets);
        if targets.any(|target| target.kind == "lib") {
            outcome.absorb(self.tests("unit-tests", &["test", "--release", "-p", WHOLE_PRODUCT, "--lib"])?);
        }
        Ok(outcome)
    }

    fn product(&self, name: &str) -> Result<Outcome> {
        if name == PRIVILEGED && !process::is_root() {
            let mut outcome = Outcome::default();
            outcome.skip(name, "needs root");
            return Ok(outcome);
        }
        if name == GO && !process::on_path("go") {
            let mut outcome = Outcome::default();
            outcome.skip(name, "needs Go (golang-go), which is not here and could not be installed");
            return Ok(outcome);
        }
        // For `--stage NAME` alone; after the stage `build` there is nothing left to do.
        let built = self.check("build", &["build", "--release", "--workspace"])?;
        if built.failed > 0 {
            return Ok(built);
        }
        self.tests(name, &["test", "--release", "--no-fail-fast", "-p", WHOLE_PRODUCT, "--test", name])
    }

    /// Our own `demo`, in a folder of the build's.
    fn demo(&self) -> Result<Outcome> {
        // Through cargo, because the build stage may have replaced the file that we run from.
        let mut command =
            self.cargo(&["run", "--quiet", "--release", "--package", "xtask", "--", "demo", "--in"]);
        command.arg(self.root.join("target/xtask/demo"));
        let ran = process::run(&self.root, "demo", &mut command)?;
        Ok(Outcome::of(if ran.ok { Ok(()) } else { Err(format!("the demo failed\n{}", ran.complaint())) }))
    }

    /// A command that holds or does not.
    fn check(&self, name: &str, arguments: &[&str]) -> Result<Outcome> {
        let ran = process::run(&self.root, name, &mut self.cargo(arguments))?;
        let complaint = || format!("cargo {}\n{}", arguments.join(" "), ran.complaint());
        Ok(Outcome::of(if ran.ok { Ok(()) } else { Err(complaint()) }))
    }

    /// A command that counts its tests.
    fn tests(&self, name: &str, arguments: &[&str]) -> Result<Outcome> {
        let ran = process::run(&self.root, name, &mut self.cargo(arguments))?;
        Ok(libtest::outcome(&format!("cargo {}", arguments.join(" ")), &ran))
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("cargo");
        command.args(arguments).current_dir(&self.root);
        if self.full {
            command.env(FULL_VARIABLE, "1");
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        assert_eq!(parse(""), Ok(Options::default()));
        let some = parse("--full --stage sim --stage unit").unwrap();
        assert_eq!((some.full, some.stages), (true, vec!["sim".to_owned(), "unit".to_owned()]));
        assert_eq!(parse("--stage"), Err("--stage needs a name".into()));
        assert!(parse("--fast").is_err());
    }
}
