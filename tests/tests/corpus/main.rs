//! Bundles and excerpts as an attacker would leave them, each with its verdict and first bad index: our auditor and the
//! independent `verify_bundle.py` read the same files and must say the same, wherever both judge.
//! Never a second time what `auditor/src/audit_tests.rs` and `tests/attacks` mount by themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_enum_match_arm)]

mod arguments;
mod authority;
mod clock_sets;
mod entries;
mod eras;
mod excerpts;
mod figures;
mod forge;
mod judge;
mod kept;
mod keys;
mod linked;
mod notes;
mod officers;
mod overtaken;
mod repaired;
mod rows;
mod russian;
mod second_key;
mod successions;
mod weak;

use forge::Case;

/// Every case of the table.
fn all() -> Vec<Case> {
    let mut all = entries::cases();
    all.extend(keys::cases());
    all.extend(authority::cases());
    all.extend(notes::cases());
    all.extend(officers::cases());
    all.extend(eras::cases());
    all.extend(overtaken::cases());
    all.extend(clock_sets::cases());
    all.extend(linked::cases());
    all.extend(second_key::cases());
    all.extend(successions::cases());
    all.extend(excerpts::cases());
    all.extend(repaired::cases());
    all.extend(weak::cases());
    all
}

#[test]
fn both_verifiers_come_to_the_expected_verdict_on_every_case() {
    judge::judge(&all());
}

/// What was once written and judged is judged alike by every later version.
#[test]
fn the_kept_files_are_judged_as_ever() {
    let kept = kept::cases();
    assert!(kept.len() >= 8);
    judge::judge(&kept);
}

/// The same of those of each row.
#[test]
fn the_kept_files_of_every_row_are_judged_as_ever() {
    if std::env::var_os("CONCLAVE_WRITE_CORPUS").is_some() {
        rows::write(all());
    }
    let rows = rows::cases();
    assert!(rows.len() >= 60);
    judge::judge(&rows);
}

/// A bad sector under the file is nobody's verdict: 74, not a journal that ends there.
#[test]
fn a_file_that_does_not_read_gets_no_verdict_from_the_python() {
    let case = &kept::cases()[0];
    let dir = tempfile::tempdir().unwrap();
    // Opens, and gives EIO at its first byte.
    let out = judge::asked(case, std::path::Path::new("/proc/self/mem"), dir.path()).output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    assert_eq!(out.status.code(), Some(74), "{said}{}", String::from_utf8_lossy(&out.stderr));
    assert!(said.contains("cannot be read: Input/output error"), "{said}");
}

#[test]
fn the_pythons_own_vectors_hold() {
    let out = judge::python().arg("--self-test").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// Any bit of entries, lengths and notes, by seed.
#[test]
fn a_flipped_bit_anywhere_is_never_verified() {
    judge::judge(&entries::flips(24));
    judge::judge_ours(&entries::flips(1500));
}

/// Any bit of an entry with every hash repaired and the log's own signature, by seed, where the true head is known.
#[test]
fn a_flipped_bit_with_all_repaired_is_never_verified() {
    judge::judge(&repaired::flips(24));
    judge::judge_ours(&repaired::flips(600));
}

/// All bits of one small log: minutes, so with `--ignored` only.
#[test]
#[ignore = "all bits of a log: minutes"]
fn every_flipped_bit_is_found() {
    judge::judge_ours(&entries::flips(usize::MAX));
}
