//! Reads each case with both verifiers and compares.
//! Never gives either of them anything that the other does not get.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use auditor::audit::{Wanted, audit};
use auditor::bundle::{BadBundle, BundleReader};
use auditor::excerpt::ExcerptReader;
use auditor::excerpt_check::{CheckAsked, check};
use auditor::judgement::{Flaw, Judgement};
use auditor::trouble::Trouble;
use journal::ids::Index;

use crate::forge::{Case, DIVERGED, INCOMPLETE, INVALID, NOT_VERIFIED, REPAIRED};

/// Exit code and first bad index.
type Verdict = (u8, Option<Index>);

/// The independent verifier.
pub(crate) fn verifier() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../auditor/verify_bundle.py")
}

pub(crate) fn python() -> Command {
    let mut python = Command::new("python3");
    python.arg(verifier());
    python
}

/// Every case by both; what differs is told all at once.
pub(crate) fn judge(cases: &[Case]) {
    let dir = tempfile::tempdir().unwrap();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((at, case)) = {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    cases.get(at).map(|case| (at, case))
                } {
                    let place = dir.path().join(at.to_string());
                    fs::create_dir(&place).unwrap();
                    let found = compared(case, &place);
                    wrong.lock().unwrap().extend(found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn compared(case: &Case, place: &Path) -> Option<String> {
    let (ours, theirs) = (ours(case), theirs(case, place));
    let expected = (case.exit, case.first_bad);
    if case.exit == NOT_VERIFIED && NOT_READ.contains(&ours.0) && ours.0 == theirs.0 {
        return None;
    }
    if case.exit == REPAIRED && [ours.0, theirs.0].iter().all(|exit| TOLD.contains(exit)) {
        return None;
    }
    // What only the rules forbid is found later by who does not judge them, or never.
    let agreed = case.python.map_or(expected, |exit| (exit, theirs.1));
    if ours == expected && theirs == agreed {
        return None;
    }
    Some(format!("{}: expected {expected:?}, ours {ours:?}, verify_bundle.py {theirs:?}", case.name))
}

/// What may become of a file in which one bit was flipped.
const NOT_READ: [u8; 3] = [1, INVALID, INCOMPLETE];

/// What may become of one with all repaired.
const TOLD: [u8; 2] = [INVALID, DIVERGED];

/// Flipped bits by ours alone: too many for a process each.
pub(crate) fn judge_ours(cases: &[Case]) {
    for case in cases {
        let found = ours(case);
        let allowed = if case.exit == REPAIRED { &TOLD[..] } else { &NOT_READ };
        assert!(allowed.contains(&found.0), "{}: {found:?}", case.name);
    }
}

/// What our auditor says; `Err` where the file is none of its kind.
pub(crate) fn judgement(case: &Case) -> Result<Judgement, BadBundle> {
    let (trust, outside) = (&case.trust, case.outside.clone());
    if case.excerpt {
        let reader = ExcerptReader::open(&case.file[..])?;
        let asked = CheckAsked { trust, outside, progress: &mut |_| {}, observer: &mut |_, _, _| {} };
        return Ok(check(reader, asked).unwrap().judgement);
    }
    let reader = BundleReader::open(&case.file[..])?;
    let wanted = Wanted { trust, outside, progress: &mut |_| {}, observer: &mut |_, _, _| {} };
    Ok(audit(reader, wanted).unwrap().judgement)
}

fn ours(case: &Case) -> Verdict {
    let judgement = match judgement(case) {
        Err(bad) => return (Trouble::bundle(String::new(), &bad, 0).exit() as u8, None),
        Ok(judgement) => judgement,
    };
    let index = match &judgement {
        Judgement::Invalid(
            Flaw::Entry { index, .. }
            | Flaw::LoginRepeated { again: index, .. }
            | Flaw::Disordered { index }
            | Flaw::RangeGap { index },
        ) => Some(*index),
        _ => None,
    };
    (judgement.exit() as u8, index)
}

/// What the Python is asked of a file, as the reader of this case would ask.
pub(crate) fn asked(case: &Case, file: &Path, place: &Path) -> Command {
    let put = |name: &str, bytes: &[u8]| {
        let path = place.join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let mut command = python();
    command.arg(file);
    command.args(["--identity", &case.trust.identity().to_string()]);
    command
        .arg("--root")
        .arg(put("root.pem", pki::pem::encode(pki::pem::CERTIFICATE, &case.root).as_bytes()));
    command.args(["--age-days", &(case.trust.age_ms_max / 86_400_000).to_string()]);
    command.args(["--beyond", &case.trust.beyond_max.to_string()]);
    for known in &case.outside {
        let root: String = known.head.root.iter().map(|byte| format!("{byte:02x}")).collect();
        let era = known.era.map_or(String::new(), |era| format!("{era}/"));
        let head = format!("{era}{}:{root}", known.head.size);
        command.args(["--head", &head]);
    }
    if case.excerpt {
        command.arg("--excerpt");
    }
    command
}

fn theirs(case: &Case, place: &Path) -> Verdict {
    let file = place.join("file");
    fs::write(&file, &case.file).unwrap();
    let out = asked(case, &file, place).arg("--json").output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    let exit = out.status.code().and_then(|code| u8::try_from(code).ok());
    let Some(exit) = exit.filter(|_| said.starts_with('{')) else {
        panic!("{}: {said}{}", case.name, String::from_utf8_lossy(&out.stderr));
    };
    let index = said.split("\"first_bad\": ").nth(1).and_then(|rest| rest.split([',', '}']).next());
    (exit, index.and_then(|digits| digits.parse().ok()))
}
