//! Enters the sandbox in a process of its own (this test binary runs alone) and looks at it as the kernel shows it.

use std::fs::read_to_string;

use hardening::{FILES_MAX, Sandbox, Step, StepOutcome};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit};

fn status(field: &str) -> String {
    let status = read_to_string("/proc/thread-self/status").expect("a thread may read its own status");
    let line = status.lines().find(|line| line.starts_with(field)).expect("the kernel knows the field");
    line[field.len()..].trim_start_matches(':').trim().to_owned()
}

/// One test, because a sandbox is entered once per process and for ever.
#[test]
fn the_kernel_shows_every_step_that_the_report_claims() {
    assert!(prctl::get_dumpable().expect("always answered"), "the test must be able to fail");
    let sandboxed = Sandbox::daemon().enter().expect("every system grants the demanded steps");
    println!("{:?}", sandboxed.report());
    let taken: Vec<Step> = sandboxed.report().iter().map(|(step, _)| *step).collect();
    assert_eq!(taken, Sandbox::daemon().steps());

    assert!(!prctl::get_dumpable().expect("always answered"));
    assert_eq!(getrlimit(Resource::RLIMIT_CORE).expect("always answered"), (0, 0));
    // Held by each thread for itself and inherited by those it starts: hence "before threads".
    assert_eq!(status("NoNewPrivs"), "1");
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("always answered");
    assert!(soft == hard && hard <= FILES_MAX);

    let locked_kib: u64 = status("VmLck").trim_end_matches("kB").trim().parse().expect("a number");
    for (step, outcome) in sandboxed.report() {
        match (step, outcome) {
            (Step::LockEverything, StepOutcome::Applied) => assert!(locked_kib > 0),
            (Step::LockEverything, StepOutcome::Missing(errno)) => {
                println!("skipped: locking the whole process ({errno})");
                assert_eq!(locked_kib, 0);
            }
            (Step::NoCoreFiles | Step::NotDumpable | Step::NoNewPrivileges | Step::BoundFiles, outcome) => {
                assert!(!matches!(outcome, StepOutcome::Missing(_)));
            }
            (Step::LockAllowance | Step::LockEverything, _) => {}
        }
    }
    assert!(sandboxed.missing().all(|(step, _)| matches!(step, Step::LockAllowance | Step::LockEverything)));
}
