//! Makes the runs of the retention schedule when they are due, and says so when one was missed.
//! Never chooses what falls: the Register works that out and refuses every other run.

use super::{Engine, Whole};
use journal::fact::{Alarm, AlarmKind, Fact};

impl Engine {
    /// What is due by now, and that the clock went so far that it waits. A large run goes in parts, the next one when the
    /// erasure of those before it is done.
    pub(super) fn runs(&mut self) -> Whole {
        let (now_ms, boot_ms) = (self.ledger.wall_ms(), self.ledger.boot_ms());
        if self.ledger.register.running()
            && let Some(leapt_ms) = self.ledger.register.clock_leapt(now_ms, boot_ms)
        {
            let evidence = pki::canonical::encode(&leapt_ms).into();
            self.claim(Fact::Alarm(Alarm { alarm: AlarmKind::ClockLeapt, person: None, evidence }))?;
        }
        while let Some(due_ms) = self.ledger.register.retention().next_ms
            && due_ms <= now_ms
            && self.ledger.register.running()
        {
            if let Some(due_ms) = self.ledger.register.retention_missed(now_ms, boot_ms) {
                let evidence = pki::canonical::encode(&due_ms).into();
                self.claim(Fact::Alarm(Alarm { alarm: AlarmKind::RetentionMissed, person: None, evidence }))?;
            }
            let Some(run) = self.ledger.register.retention_due(now_ms, boot_ms) else { break };
            self.claim(Fact::RetentionRun(run))?;
        }
        Ok(())
    }
}
