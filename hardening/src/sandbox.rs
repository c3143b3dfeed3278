//! The steps by which a process confines itself, in one straight line, and the report of what was applied.
//! Never takes a step back. The daemon opens no socket before it holds a [`Sandboxed`].

use std::fmt;

use nix::errno::Errno;

use crate::{dump, limits, memory};

/// One step, in the order they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// No core file by size limit.
    NoCoreFiles,
    /// Not dumpable, not traceable by the same user.
    NotDumpable,
    /// Nothing started from here gains rights.
    NoNewPrivileges,
    /// Open descriptors are bounded.
    BoundFiles,
    /// The whole allowance for locked memory is in use.
    LockAllowance,
    /// Everything mapped is locked.
    LockEverything,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::NoCoreFiles => "no core files",
            Step::NotDumpable => "not dumpable",
            Step::NoNewPrivileges => "no new privileges",
            Step::BoundFiles => "bounded descriptors",
            Step::LockAllowance => "allowance for locked memory",
            Step::LockEverything => "all memory locked",
        })
    }
}

impl Step {
    /// Whether the process may go on without it. The others are refused only by a broken system.
    const fn is_demanded(self) -> bool {
        match self {
            Step::NoCoreFiles | Step::NotDumpable | Step::NoNewPrivileges | Step::BoundFiles => true,
            // An unprivileged terminal has a small allowance; secrets then live in secret pages all the same.
            Step::LockAllowance | Step::LockEverything => false,
        }
    }
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// In force.
    Applied,
    /// In force, with this value (descriptors, or bytes; `u64::MAX` is no limit).
    AppliedAt(u64),
    /// Not in force: refused by the system, or pointless for want of an allowance (`ENOMEM`). Said in the log and in
    /// `status`.
    Missing(Errno),
}

/// A demanded step was refused: the process must not go on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("confinement failed at \"{step}\": {errno}")]
pub struct SandboxError {
    /// The step.
    pub step: Step,
    /// The system's answer.
    pub errno: Errno,
}

/// The confinement of one process, not yet entered. Namespaces, system call filters and Landlock get their fields
/// here, each with its step.
#[derive(Clone, Copy, Debug)]
pub struct Sandbox {
    /// Lock the whole process where there is no limit on it (the daemon), or only its secret pages (terminals).
    pub lock_everything: bool,
}

/// The proof that the steps were taken; only [`Sandbox::enter`] makes one.
#[derive(Debug)]
#[must_use = "what must be confined takes this as its argument"]
pub struct Sandboxed {
    report: Vec<(Step, StepOutcome)>,
}

impl Sandbox {
    /// For the daemon.
    pub const fn daemon() -> Sandbox {
        Sandbox { lock_everything: true }
    }

    /// For the authority's program, through which its keys and passphrase pass.
    pub const fn authority() -> Sandbox {
        Sandbox { lock_everything: true }
    }

    /// For a person's program on a terminal.
    pub const fn terminal() -> Sandbox {
        Sandbox { lock_everything: false }
    }

    /// The steps that [`Self::enter`] will take, in their order.
    pub fn steps(self) -> Vec<Step> {
        let mut steps = vec![
            Step::NoCoreFiles,
            Step::NotDumpable,
            Step::NoNewPrivileges,
            Step::BoundFiles,
            Step::LockAllowance,
        ];
        if self.lock_everything {
            steps.push(Step::LockEverything);
        }
        steps
    }

    /// Takes every step. Call it first in `main`: before threads, because some steps (no new privileges, later the
    /// filters) hold for the calling thread and those it starts; before keys and sockets, because what was read
    /// before was not protected.
    pub fn enter(self) -> Result<Sandboxed, SandboxError> {
        let mut report = Vec::new();
        for step in self.steps() {
            let outcome = match take(step) {
                Ok(outcome) => outcome,
                Err(errno) if step.is_demanded() => return Err(SandboxError { step, errno }),
                Err(errno) => StepOutcome::Missing(errno),
            };
            report.push((step, outcome));
        }
        Ok(Sandboxed { report })
    }
}

fn take(step: Step) -> Result<StepOutcome, Errno> {
    match step {
        Step::NoCoreFiles => dump::no_core_files().map(|()| StepOutcome::Applied),
        Step::NotDumpable => dump::not_dumpable().map(|()| StepOutcome::Applied),
        Step::NoNewPrivileges => dump::no_new_privileges().map(|()| StepOutcome::Applied),
        Step::BoundFiles => limits::bound_files().map(StepOutcome::AppliedAt),
        Step::LockAllowance => match limits::use_whole_lock_allowance()? {
            small if small < limits::LOCKED_BYTES_MIN => Err(Errno::ENOMEM),
            enough => Ok(StepOutcome::AppliedAt(enough)),
        },
        Step::LockEverything => {
            let allowance = limits::use_whole_lock_allowance()?;
            if !limits::may_lock_everything(allowance) {
                return Err(Errno::ENOMEM);
            }
            memory::lock_everything().map(|()| StepOutcome::Applied)
        }
    }
}

impl Sandboxed {
    /// What became of each step.
    pub fn report(&self) -> &[(Step, StepOutcome)] {
        &self.report
    }

    /// Steps that are not in force.
    pub fn missing(&self) -> impl Iterator<Item = (Step, Errno)> + '_ {
        self.report.iter().filter_map(|(step, outcome)| match outcome {
            StepOutcome::Applied | StepOutcome::AppliedAt(_) => None,
            StepOutcome::Missing(errno) => Some((*step, *errno)),
        })
    }
}
