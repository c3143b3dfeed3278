//! What several targets share: a site whose keys all follow from a seed, and an engine with its driver in memory.
//! Never reads a clock, a network or anything of the machine but a scratch file.

pub mod driver;
pub mod watched;

use journal::testing::{Described, TestSite};
use pki::{Clearance, Role, SubjectNames, Suite};
use std::path::PathBuf;
use std::sync::LazyLock;

/// Logins and roles of the site's people; `server` is the appliance.
pub const PEOPLE: [(&str, Role, u8); 7] = [
    ("server", Role::Server, 5),
    ("olga", Role::Officer, 5),
    ("oleg", Role::Officer, 5),
    ("anna", Role::Operator, 3),
    ("boris", Role::Operator, 3),
    ("vera", Role::Operator, 1),
    ("igor", Role::Auditor, 3),
];

static SITE: LazyLock<TestSite> = LazyLock::new(new_site);

/// The one site of this process.
pub fn site() -> &'static TestSite {
    &SITE
}

/// A site of its own, for whoever must change it.
pub fn new_site() -> TestSite {
    let mut site = TestSite::new(0, Suite::Ed25519);
    for (login, role, clearance) in PEOPLE {
        site.issue(login, &Described::new(role, Clearance(clearance)));
    }
    site
}

/// Names as a request has them.
pub fn names(login: &str) -> SubjectNames {
    SubjectNames {
        full_name: "Анна Петрова".into(), login: login.into(), unit: vec!["Test unit".into()]
    }
}

/// A file with these bytes, one for each process, for readers that want a path.
pub fn scratch(bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("conclave-fuzz-{}", std::process::id()));
    std::fs::write(&path, bytes).expect("the temporary folder takes a small file");
    path
}
