//! What stands before every act that takes something away: a plan in plain words, and the person's yes.
//! Never acts.

use super::online::Online;
use super::trouble::Trouble;
use clap::Args;
use console::{Voice, Words};

/// Flattened into each command that shows a plan first.
#[derive(Args, Clone, Copy)]
pub(super) struct Decision {
    /// Do not ask for confirmation.
    #[arg(long, conflicts_with = "plan")]
    pub(super) yes: bool,
    /// Only show what would be done.
    #[arg(long)]
    pub(super) plan: bool,
}

console::words! {
    enum Said {
        GoOn => en("Do it?"), ru("Выполнить?");
        Blind { plan: String } => en("{plan}\nDo it?"), ru("{plan}\nВыполнить?");
    }
}

/// What the person decided.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Decided {
    /// Act.
    Yes,
    /// The plan was all that was wanted.
    PlanOnly,
}

impl Decision {
    /// Shows the plan and asks, unless the command line says it all.
    pub(super) fn ask(self, online: &Online, voice: Voice, plan: &dyn Words) -> Result<Decided, Trouble> {
        if self.plan {
            return Ok(Decided::PlanOnly);
        }
        voice.remark(plan);
        // With `--json` nothing is remarked, and nobody is asked about what was not shown.
        let question = match voice.json {
            true => Said::Blind { plan: plan.say(voice.lang) },
            false => Said::GoOn,
        };
        match self.yes || online.confirm(&question, voice)? {
            true => Ok(Decided::Yes),
            false => Err(Trouble::not_confirmed()),
        }
    }
}
