//! The stage `arrows`: which room may depend on which (ARCHITECTURE.md), and what the pure rooms may not even name.
//! Never looks inside functions; clippy does that, by the lists this stage demands.

use std::collections::{BTreeMap, BTreeSet};

use crate::metadata::Package;
use crate::stage::Outcome;

/// "May depend on"; what is reached from there may be used too. A room that is not named here is refused.
const ARROWS: &[(&str, &[&str])] = &[
    ("gost", &[]),
    ("hardening", &[]),
    ("disk", &["hardening"]),
    ("console", &[]),
    ("paper", &[]),
    ("xtask", &[]),
    ("pki", &["gost"]),
    ("journal", &["pki"]),
    ("protocol", &["journal"]),
    ("vault", &["disk", "hardening"]),
    ("backup", &["disk", "pki"]),
    ("link", &["protocol"]),
    ("server", &["protocol", "vault", "disk", "backup", "hardening", "link", "console", "paper"]),
    ("client-cli", &["link", "console", "hardening"]),
    ("officer", &["link", "backup", "console", "paper", "hardening"]),
    ("auditor", &["link", "console", "paper", "hardening"]),
];
/// The rooms that see everything.
const SEES_ALL: [&str; 2] = ["tests", "bench"];

/// No I/O, no clock, no randomness.
const PURE: [&str; 2] = ["journal", "protocol"];
/// What a pure room may not name in its manifest. Cryptographic libraries below `pki` bring getrandom along; there it
/// cannot be called from here.
const PURE_NEVER_NAMES: [&str; 12] = [
    "getrandom",
    "rand",
    "nix",
    "libc",
    "rustix",
    "chrono",
    "time",
    "tempfile",
    "aws-lc-rs",
    "memmap2",
    "fs2",
    "log",
];
/// What may not come with anything a pure room names.
const PURE_NEVER_REACHES: [&str; 8] =
    ["tokio", "mio", "socket2", "quinn", "quinn-proto", "quinn-udp", "async-std", "async-io"];
/// What the clippy.toml of a pure room must forbid.
const PURE_FORBIDS: [&str; 9] = [
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::thread::sleep",
    "getrandom::fill",
    "std::fs::read",
    "std::fs::write",
    "std::fs::File",
    "std::net::TcpStream",
    "std::net::UdpSocket",
];

/// Rooms whose unsafe code is their purpose.
const UNSAFE: [&str; 2] = ["hardening", "gost"];

/// Judges the packages of the workspace.
pub(crate) fn run(packages: &[Package]) -> Outcome {
    let mut outcome = Outcome::default();
    let names: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let allowed = closure(ARROWS);
    outcome.absorb(Outcome::of(no_circles(&allowed)));
    for package in packages {
        outcome.absorb(Outcome::of(arrows_hold(package, &names, &allowed)));
        outcome.absorb(Outcome::of(unsafe_is_forbidden(package)));
        if PURE.contains(&package.name.as_str()) {
            outcome.absorb(Outcome::of(stays_pure(package)));
        }
    }
    outcome
}

type Reach = BTreeMap<&'static str, BTreeSet<&'static str>>;

/// Everything each room may use.
fn closure(arrows: &'static [(&str, &[&str])]) -> Reach {
    let direct: BTreeMap<&str, &[&str]> = arrows.iter().copied().collect();
    let mut all = BTreeMap::new();
    for (room, first) in arrows {
        let mut reached = BTreeSet::new();
        let mut open = first.to_vec();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(direct.get(next).into_iter().copied().flatten());
            }
        }
        all.insert(*room, reached);
    }
    all
}

fn no_circles(allowed: &Reach) -> Result<(), String> {
    match allowed.iter().find(|(room, reached)| reached.contains(*room)) {
        Some((room, _)) => Err(format!("the arrows of {room} lead back to {room}")),
        None => Ok(()),
    }
}

fn arrows_hold(package: &Package, names: &BTreeSet<&str>, allowed: &Reach) -> Result<(), String> {
    if SEES_ALL.contains(&package.name.as_str()) {
        return Ok(());
    }
    let Some(allowed) = allowed.get(package.name.as_str()) else {
        return Err(format!(
            "room {} has no arrows: name it in xtask/src/arrows.rs and ARCHITECTURE.md",
            package.name
        ));
    };
    let ours = package.dependencies.iter().filter(|(name, _)| names.contains(name.as_str()));
    let wrong: Vec<String> = ours
        .filter(|(name, _)| !allowed.contains(name.as_str()))
        .map(|(name, kind)| format!("{} may not depend on {name} ({kind})", package.name))
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn unsafe_is_forbidden(package: &Package) -> Result<(), String> {
    if UNSAFE.contains(&package.name.as_str()) {
        return Ok(());
    }
    let roots = package.targets.iter().filter(|target| target.kind == "lib" || target.kind == "bin");
    let bare = roots.filter(|target| {
        let source = std::fs::read_to_string(&target.source).unwrap_or_default();
        !source.lines().any(|line| line == "#![forbid(unsafe_code)]")
    });
    let bare: Vec<String> = bare.map(|target| target.source.display().to_string()).collect();
    if bare.is_empty() { Ok(()) } else { Err(format!("no #![forbid(unsafe_code)] in {}", bare.join(", "))) }
}

fn stays_pure(package: &Package) -> Result<(), String> {
    let room = &package.name;
    let mut wrong = Vec::new();
    for (name, kind) in &package.dependencies {
        if kind == "normal" && PURE_NEVER_NAMES.contains(&name.as_str()) {
            wrong.push(format!("{room} is pure and may not depend on {name}"));
        }
    }
    for name in PURE_NEVER_REACHES.iter().filter(|name| package.reached.contains(**name)) {
        wrong.push(format!("{room} is pure, but its dependencies bring {name} along"));
    }
    let list = std::fs::read_to_string(package.folder.join("clippy.toml")).unwrap_or_default();
    for path in PURE_FORBIDS.iter().filter(|path| !list.contains(&format!("\"{path}\""))) {
        wrong.push(format!("clippy.toml of {room} does not forbid {path}"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.into(),
            folder: "/nowhere".into(),
            dependencies: dependencies.iter().map(|name| ((*name).into(), "normal".into())).collect(),
            targets: Vec::new(),
            reached: BTreeSet::new(),
        }
    }

    fn holds(name: &str, dependencies: &[&str]) -> Result<(), String> {
        let names = ARROWS.iter().map(|(room, _)| *room).chain(SEES_ALL).collect();
        arrows_hold(&package(name, dependencies), &names, &closure(ARROWS))
    }

    #[test]
    fn arrows_are_followed_transitively_and_not_backwards() {
        assert_eq!(holds("officer", &["link", "pki", "anyhow"]), Ok(()));
        assert_eq!(holds("tests", &["server", "xtask"]), Ok(()));
        assert_eq!(holds("pki", &["journal"]), Err("pki may not depend on journal (normal)".into()));
        assert_eq!(holds("disk", &["vault"]), Err("disk may not depend on vault (normal)".into()));
        assert_eq!(
            holds("client-cli", &["vault"]),
            Err("client-cli may not depend on vault (normal)".into())
        );
        assert!(holds("attic", &[]).is_err());
    }

    #[test]
    fn a_circle_is_seen() {
        const CIRCLE: &[(&str, &[&str])] = &[("a", &["b"]), ("b", &["c"]), ("c", &["b"])];
        assert_eq!(no_circles(&closure(CIRCLE)), Err("the arrows of b lead back to b".into()));
        assert_eq!(no_circles(&closure(ARROWS)), Ok(()));
    }

    #[test]
    fn a_pure_room_names_no_randomness_and_forbids_the_clock() {
        let complaint = stays_pure(&package("journal", &["getrandom"])).unwrap_err();
        assert!(complaint.contains("may not depend on getrandom"));
        assert!(complaint.contains("does not forbid std::time::Instant::now"));
        let mut reaches = package("protocol", &[]);
        reaches.reached.insert("tokio".into());
        assert!(stays_pure(&reaches).unwrap_err().contains("bring tokio along"));
    }
}
