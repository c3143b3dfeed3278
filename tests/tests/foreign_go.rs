//! Our tiles, notes and proofs before the packages `note` and `tlog` of Go's checksum database (`tests/foreign`).
//! Never trusts our own reader in it: Go says yes or no.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use journal::testing::TestLog;
use journal::tree::Tree;
use pki::Suite;
use tests::Dice;
use tests::foreign::{Exported, SIZES, bendable, export, export_entries};
use tests::kept::{Foreign, kept};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/foreign/tiles.go");

/// Builds the checker from the packages that Debian's golang carries, without a network.
fn built(dir: &Path) -> PathBuf {
    let root = Command::new("go").args(["env", "GOROOT"]).output();
    let root =
        root.expect("Go is needed for this test: apt-get install -y --no-install-recommends golang-go");
    let root = PathBuf::from(String::from_utf8(root.stdout).unwrap().trim());
    fs::create_dir_all(dir.join("src/golang.org")).unwrap();
    symlink(root.join("src/cmd/vendor/golang.org/x"), dir.join("src/golang.org/x")).unwrap();
    let program = dir.join("tiles");
    let mut go = Command::new("go");
    go.args(["build", "-o"]).arg(&program).arg(SOURCE);
    go.env("GO111MODULE", "off").env("GOPATH", dir).env("GOCACHE", dir.join("cache")).env("GOFLAGS", "");
    go.env("GOPROXY", "off");
    let output = go.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

/// What Go says: its word, or its complaint.
fn judged(program: &Path, folder: &Path, key: &str, proofs: Option<&Path>) -> Result<String, String> {
    let output = Command::new(program).arg(folder).arg(key).args(proofs).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Proofs that our tree makes, in the words that the checker reads.
fn proofs(tree: &Tree) -> String {
    let size = tree.size();
    let line = |lines: &mut String, first: &str, hashes: &[[u8; 32]]| {
        let hashes: Vec<String> = hashes.iter().map(|hash| STANDARD.encode(hash)).collect();
        writeln!(lines, "{first} {}", hashes.join(" ")).unwrap();
    };
    let mut lines = String::new();
    for n in [1, 2, 3, 255, 256, 257, 300, 65_535, 65_536, size].into_iter().filter(|n| *n <= size && *n > 0)
    {
        let proof = tree.inclusion_proof(n - 1, size).unwrap();
        line(&mut lines, &format!("record {}", n - 1), proof.path());
        let proof = tree.consistency_proof(n, size).unwrap();
        let root = [tree.root_at(n).unwrap()];
        line(&mut lines, &format!("tree {n}"), &[&root, proof.path()].concat());
    }
    lines
}

#[test]
fn go_reads_every_tile_and_every_proof_of_ours() {
    let dir = tempfile::tempdir().unwrap();
    let program = built(&dir.path().join("go"));
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        for size in SIZES {
            let folder = dir.path().join(format!("{size}-{}", suite.name()));
            let Exported { key, tree } = export(&folder, size, suite);
            let given = dir.path().join("proofs");
            fs::write(&given, proofs(&tree)).unwrap();
            assert_eq!(judged(&program, &folder, &key, Some(&given)), Ok(format!("{size} entries")));
        }
    }
    // The entries of a real journal, of all lengths.
    let mut log = TestLog::standard(1);
    log.talking("anna", &["boris", "vera"]);
    let folder = dir.path().join("real");
    let Exported { key, .. } = export_entries(&folder, log.entries.iter().cloned(), Suite::Ed25519);
    assert_eq!(judged(&program, &folder, &key, None), Ok(format!("{} entries", log.entries.len())));
}

/// The control: a checker that says yes to everything would pass the test above. Every file of the folder, at places by seed;
/// of the note its text and the one line whose key Go has.
#[test]
fn go_refuses_one_bent_byte_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let program = built(&dir.path().join("go"));
    let folder = dir.path().join("log");
    let Exported { key, tree } = export(&folder, 257, Suite::Ed25519);
    let mut dice = Dice::new(257);
    for (name, places) in bendable(&folder) {
        let path = folder.join(name);
        let good = fs::read(&path).unwrap();
        let (first, last) = (*places.start(), *places.end());
        let drawn: Vec<usize> =
            (0..40).map(|_| first + dice.below((last - first + 1) as u64) as usize).collect();
        for at in [first, last].into_iter().chain(drawn) {
            let mut bad = good.clone();
            bad[at] ^= 1 << dice.below(8);
            fs::write(&path, bad).unwrap();
            let found = judged(&program, &folder, &key, None);
            assert!(found.is_err(), "{name} bent at {at}: {found:?}");
        }
        fs::write(&path, good).unwrap();
    }
    assert!(judged(&program, &folder, &key, None).is_ok(), "as it was");
    let given = dir.path().join("proofs");
    let mut wrong = Tree::new();
    for n in 0..257u32 {
        wrong.append([n as u8; 32]);
    }
    fs::write(&given, proofs(&wrong)).unwrap();
    assert!(judged(&program, &folder, &key, Some(&given)).is_err());
    fs::write(&given, proofs(&tree)).unwrap();
    assert!(judged(&program, &folder, &key, Some(&given)).is_ok());
    fs::write(folder.join("tile/more"), b"?").unwrap();
    assert!(judged(&program, &folder, &key, None).is_err(), "a file that belongs to no tile");
}

/// The kept corpus before Go: what lies beyond it (statements, periods, the law) it takes, and the manifest says so of each file.
#[test]
fn go_judges_the_kept_corpus_as_far_as_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let program = built(&dir.path().join("go"));
    for (number, kept) in kept().iter().enumerate() {
        let folder = dir.path().join(number.to_string());
        let found = kept.lay_out(&folder).map(|key| judged(&program, &folder, &key, None));
        match kept.foreign {
            Foreign::Taken | Foreign::Beyond => {
                assert!(matches!(found, Some(Ok(_))), "{}: {found:?}", kept.name);
            }
            Foreign::Refused => assert!(matches!(found, Some(Err(_))), "{}: {found:?}", kept.name),
            Foreign::None => assert!(found.is_none(), "{}: {found:?}", kept.name),
        }
    }
}
