//! What officers do in a storm: they suspend and resume, revoke in mid-session, and change the policy by two.
//! Never touches an officer, so that there are always two of them.

use crate::storm::Storm;
use crate::terminal::Told;
use crate::world::World;
use journal::act::{Act, Approve, DualAct, Propose, Resume, Revoke, RevokeReason, Suspend, Withdraw};
use journal::policy::Policy;
use pki::canonical;
use protocol::client::Command;
use protocol::client::command::OtherAct;

/// The officers, who have terminals in some worlds.
pub const OFFICERS: [&str; 2] = ["olga", "oleg"];

fn command(act: Act) -> Command {
    Command::Act(Box::new(OtherAct { act, staged: Vec::new(), verifiers: Vec::new() }))
}

impl World {
    /// Whether this person has been told to stay away: revoked, or suspended for now.
    pub fn is_out(&self, login: &str) -> bool {
        let person = self.server.as_ref().and_then(|server| server.engine.register().person(self.id(login)));
        person.is_some_and(|person| person.revoked.is_some() || person.suspended.is_some())
    }

    /// Those who write to each other and are not out.
    pub fn operators(&self) -> Vec<String> {
        let all = self.terminals.keys().filter(|login| !OFFICERS.contains(&login.as_str()));
        all.filter(|login| !self.is_out(login)).cloned().collect()
    }

    /// When the storm is over the officers let everybody back whom they only suspended, and the terminals of those who
    /// are revoked are switched off.
    pub fn make_peace(&mut self) {
        self.run();
        let logins: Vec<String> = self.terminals.keys().cloned().collect();
        for login in logins.iter().filter(|login| !OFFICERS.contains(&login.as_str())) {
            let register = self.server.as_ref().expect("the world is calm").engine.register();
            let person = register.person(self.id(login)).expect("everybody is enrolled");
            if person.revoked.is_some() {
                self.lose_power(login);
            } else if person.suspended.is_some() {
                let person = self.id(login);
                let resumed = self.ask(OFFICERS[0], command(Act::Resume(Resume { person })));
                assert!(resumed.is_ok(), "{login} is resumed");
            }
        }
        self.run();
    }
}

impl Storm {
    /// One of the officers does something, where there are any.
    pub(crate) fn an_officer_acts(&mut self, world: &mut World) {
        let Some(officer) = world.dice.pick(&OFFICERS).copied() else { return };
        let people: Vec<String> =
            world.terminals.keys().filter(|login| !OFFICERS.contains(&login.as_str())).cloned().collect();
        let Some(login) = world.dice.pick(&people).cloned() else { return };
        let Some(server) = &world.server else { return };
        let person = world.id(&login);
        let open = server.engine.register().proposals().last().map(|(index, _)| index);
        let act = match world.dice.below(12) {
            0..=2 => Act::Suspend(Suspend { person }),
            3..=6 => Act::Resume(Resume { person }),
            7 if world.dice.once_in(3) => {
                let (reason, note) = (RevokeReason::KeyCompromise, String::new());
                Act::Revoke(Revoke { person, reason, note })
            }
            8 | 9 => {
                let idle_lock_ms = 60_000 + world.dice.below(600_000);
                let policy = DualAct::Policy(Policy { idle_lock_ms, ..Policy::standard() });
                Act::Propose(Propose { act: canonical::encode(&policy).into() })
            }
            _ => match open {
                Some(proposal) if world.dice.once_in(5) => Act::Withdraw(Withdraw { proposal }),
                Some(proposal) => Act::Approve(Approve { proposal }),
                None => return,
            },
        };
        world.tell(officer, command(act), Told::Other);
    }
}
