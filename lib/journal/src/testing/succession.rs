//! What becomes of a log in memory that loses its end, or is closed into another one.
//! Never skips a rule: each act is admitted as any other.

use super::TestLog;
use crate::Refusal;
use crate::act::{
    Act, Approve, Continues, DualAct, KeptPasswords, LossCause, LossSource, LossTrace, Propose, Succession,
};
use crate::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use crate::entry::Content;
use crate::ids::{Head, Index};
use crate::note::NoteSigner;
use crate::origin::Origin;
use crate::statement::{SignedStatement, Statement};

impl TestLog {
    /// The entries behind the first `size` are lost, and everything that followed from them.
    pub fn cut(&mut self, size: usize) {
        self.entries.truncate(size);
        let mut replay = crate::replay::Replay::new(None);
        for entry in &self.entries {
            replay.feed(entry).expect("what was admitted replays");
        }
        (self.register, self.tree) = (replay.register().clone(), replay.tree().clone());
    }

    /// The succession that keeps all entries that are there, of this era.
    pub fn succession(&self, era: u32) -> Succession {
        let kept = self.head();
        let lost = vec![LossTrace { source: LossSource::Cell, size: kept.size + 5, root: Some([9; 32]) }];
        Succession {
            era,
            kept,
            lost,
            bodies_lost: false,
            cause: LossCause::Damage,
            time_ms: self.now_ms,
            period_key_lost: false,
            bodies_missing: 0,
            passwords: KeptPasswords::InForce,
            cell_let_go: false,
            given_up: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// An officer's statement of a succession.
    pub fn succession_by(&self, login: &str, act: &Succession) -> SignedStatement {
        let person = self.site.person(login);
        let mut header = self.site.blank_header(person.signature_certificate.id());
        (header.log, header.person, header.head) = (self.register.log_id(), person.id, act.kept);
        self.sign(login, Statement { header, act: Act::Succession(act.clone()) }).0
    }

    /// A succession by these officers.
    pub fn succeed(&mut self, officers: &[&str], act: &Succession) -> Result<(), Refusal> {
        for login in officers {
            self.admit(Content::Statement(self.succession_by(login, act)))?;
        }
        Ok(())
    }

    /// An act of two, by olga and oleg. Gives the index of the Approve.
    pub fn of_two(&mut self, act: &DualAct) -> Result<Index, Refusal> {
        self.act("olga", Act::Propose(Propose { act: pki::canonical::encode(act).into() }))?;
        let proposal = self.tree.size() - 1;
        self.act("oleg", Act::Approve(Approve { proposal }))?;
        Ok(self.tree.size() - 1)
    }

    /// This log, closed by the entry at that index, as one that another log continues at this head.
    pub fn continued(&self, closed: Index, head: Head) -> Continues {
        let origin = Origin { log: self.register.log_id(), era: self.register.era() };
        let identity = self.site.identity.public().clone();
        let keys = LogKeys::new(origin, self.period_key.public().clone(), Some(identity)).expect("two keys");
        let identity = keys.identity.as_ref().expect("it was given");
        let signers = [
            NoteSigner { key: &keys.period, signer: &self.period_key },
            NoteSigner { key: identity, signer: &self.site.identity },
        ];
        let note =
            SignedCheckpoint::sign(Checkpoint { origin, head }, &signers).expect("keys in memory sign");
        let site = self.register.site().expect("it is founded");
        Continues {
            log: site.log,
            suite: site.suite,
            identity: site.identity,
            closed,
            head,
            note: note.to_string().into_bytes().into(),
        }
    }

    /// An officer's statement of what this log continues.
    pub fn continues_by(&self, login: &str, act: &Continues) -> SignedStatement {
        let person = self.site.person(login);
        let mut header = self.site.blank_header(person.signature_certificate.id());
        (header.log, header.person) = (self.register.log_id(), person.id);
        self.sign(login, Statement { header, act: Act::Continues(act.clone()) }).0
    }
}
