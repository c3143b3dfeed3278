//! Makes the runs of the retention schedule when they are due, and says so when one was missed.
//! Never chooses what falls: the Register works that out and refuses every other run.

use super::{Engine, Whole};
use journal::fact::{Alarm, AlarmKind, Fact};
use journal::register::RUN_MESSAGES_MAX;

impl Engine {
    /// What is due by now. A large run goes in parts, the next one when the erasure of those before it is done: what
    /// waits to be erased stays bounded.
    pub(super) fn runs(&mut self) -> Whole {
        let now_ms = self.ledger.wall_ms();
        while let Some(due_ms) = self.ledger.register.retention().next_ms
            && due_ms <= now_ms
            && self.ledger.register.running()
        {
            let open = self.ledger.register.retention().open.is_some();
            let pending: usize = self.ledger.register.erasures_pending().map(|(_, what)| what.len()).sum();
            if open && pending >= RUN_MESSAGES_MAX {
                break;
            }
            if let Some(due_ms) = self.ledger.register.retention_missed(now_ms) {
                let evidence = pki::canonical::encode(&due_ms).into();
                self.claim(Fact::Alarm(Alarm { alarm: AlarmKind::RetentionMissed, person: None, evidence }))?;
            }
            let Some(run) = self.ledger.register.retention_due(now_ms) else { break };
            self.claim(Fact::RetentionRun(run))?;
        }
        Ok(())
    }
}
