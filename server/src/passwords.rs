//! The desk where passwords are checked: opens what terminals sealed to the core, runs Argon2id, compares.
//! Never says why a password is wrong, never keeps one, and runs only as many at once as the engine asks for.

use crate::inbox::Inbox;
use crate::log::Log;
use crate::verifiers::Verifiers;
use crate::vital;
use pki::password::{self, PasswordError};
use pki::{AgreementSecret, PersonId};
use protocol::frame::{PASSWORD_INFO, VERIFIER_INFO};
use protocol::io::{CheckPassword, Input};
use protocol::limits::PASSWORD_CHECKS_MAX;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// What the desk is asked.
pub(crate) enum Job {
    /// Is it right?
    Check(CheckPassword),
    /// Make a verifier of it.
    Make(CheckPassword),
}

/// What the workers share.
struct Desk {
    agreement: AgreementSecret,
    verifiers: Verifiers,
    log: Log,
}

/// Starts the workers. They end when the sender is dropped.
pub(crate) fn start(
    agreement: AgreementSecret,
    verifiers: Verifiers,
    inbox: Inbox,
    log: Log,
) -> std::io::Result<Sender<Job>> {
    // Unbounded by itself; the engine asks for `PASSWORD_CHECKS_MAX` at once.
    let (sender, jobs) = channel();
    let (desk, jobs) = (Arc::new(Desk { agreement, verifiers, log }), Arc::new(Mutex::new(jobs)));
    for _ in 0..PASSWORD_CHECKS_MAX {
        let (desk, jobs, inbox) = (Arc::clone(&desk), Arc::clone(&jobs), inbox.clone());
        vital::spawn("password", log, move || work(&desk, &jobs, &inbox))?;
    }
    Ok(sender)
}

fn work(desk: &Desk, jobs: &Mutex<Receiver<Job>>, inbox: &Inbox) {
    loop {
        hardening::scrub_stack();
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let answer = match job {
            Ok(Job::Check(check)) => Input::PasswordChecked(check.ticket, desk.is_right(&check)),
            Ok(Job::Make(check)) => Input::VerifierMade(check.ticket, desk.make(&check).map(Into::into)),
            Err(_nobody_asks) => return,
        };
        if !inbox.give(answer) {
            return;
        }
    }
}

impl Desk {
    /// The work is the same whether a verifier is there or not, and whether the seal opens or not.
    fn is_right(&self, check: &CheckPassword) -> bool {
        let proof = self.opened(check);
        let verifier = self.verifier(check.person, check.envelope);
        let (proof, verifier) = match (&proof, &verifier) {
            (Some(proof), Some(verifier)) => (proof, verifier),
            (Some(_), None) | (None, Some(_)) | (None, None) => {
                let _same_work = password::verify_nothing(b"nobody");
                return false;
            }
        };
        match password::verify(verifier, proof) {
            Ok(right) => right,
            Err(error) => self.failed(check.person, error),
        }
    }

    fn make(&self, check: &CheckPassword) -> Option<Vec<u8>> {
        let proof = self.opened(check)?;
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        match password::verifier(&proof, &mut rng) {
            Ok(made) => Some(made.into_bytes()),
            Err(error) => {
                self.failed(check.person, error);
                None
            }
        }
    }

    fn failed(&self, person: PersonId, error: PasswordError) -> bool {
        self.log.warn(format_args!("password of person {person}: {error}"));
        false
    }

    fn opened(&self, check: &CheckPassword) -> Option<Zeroizing<Vec<u8>>> {
        self.agreement.open(PASSWORD_INFO, &check.statement, &check.sealed).ok()
    }

    /// The verifier that rules: the envelope's, which only this key opens, or the person's own.
    fn verifier(&self, person: PersonId, envelope: u64) -> Option<String> {
        let record = self.verifiers.record(person)?;
        let bytes = match envelope {
            0 => Zeroizing::new(record.own?.to_vec()),
            number => {
                let aad = [person.0.to_be_bytes(), number.to_be_bytes()].concat();
                self.agreement.open(VERIFIER_INFO, &aad, record.envelope(number)?).ok()?
            }
        };
        String::from_utf8(bytes.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Level;
    use pki::Suite;
    use protocol::io::VerifierChange;

    const ANNA: PersonId = PersonId(7);

    struct World {
        desk: Desk,
        public: pki::AgreementPublic,
    }

    fn rng() -> impl rand_core::CryptoRng {
        rand_core::UnwrapErr(getrandom::SysRng)
    }

    impl World {
        fn new() -> Self {
            let agreement = AgreementSecret::generate(Suite::Ed25519, &mut rng()).unwrap();
            let public = agreement.public().clone();
            let log = Log::new(Level::Error);
            Self { desk: Desk { agreement, verifiers: Verifiers::default(), log }, public }
        }

        fn check(&self, proof: &[u8], envelope: u64) -> CheckPassword {
            let sealed = self.public.seal(PASSWORD_INFO, &[3; 32], proof, &mut rng()).unwrap().into();
            CheckPassword { ticket: 1, person: ANNA, sealed, statement: [3; 32], envelope }
        }

        fn put(&self, change: VerifierChange) {
            self.desk.verifiers.put(self.desk.verifiers.changed(&[change]));
        }
    }

    #[test]
    fn an_own_password_is_recognised_and_only_for_its_statement() {
        let world = World::new();
        assert!(!world.desk.is_right(&world.check(b"proof", 0)), "nobody has a verifier yet");
        let made = world.desk.make(&world.check(b"proof", 0)).unwrap();
        world.put(VerifierChange::Set(ANNA, made.into()));
        assert!(world.desk.is_right(&world.check(b"proof", 0)));
        assert!(!world.desk.is_right(&world.check(b"wrong", 0)));
        assert!(!world.desk.is_right(&CheckPassword { statement: [4; 32], ..world.check(b"proof", 0) }));
        assert!(
            !world.desk.is_right(&CheckPassword { sealed: vec![1, 2].into(), ..world.check(b"proof", 0) })
        );
        assert_eq!(
            world.desk.make(&CheckPassword { sealed: vec![].into(), ..world.check(b"proof", 0) }),
            None
        );
    }

    #[test]
    fn an_envelope_is_recognised_under_its_own_number_and_person() {
        let world = World::new();
        let phc = password::verifier(b"one-time", &mut rng()).unwrap();
        let seal = |person: u64, number: u64| {
            let aad = [person.to_be_bytes(), number.to_be_bytes()].concat();
            world.public.seal(VERIFIER_INFO, &aad, phc.as_bytes(), &mut rng()).unwrap()
        };
        world.put(VerifierChange::SetSealed(ANNA, 5, seal(7, 5).into()));
        assert!(world.desk.is_right(&world.check(b"one-time", 5)));
        assert!(!world.desk.is_right(&world.check(b"one-time", 0)), "not the own one");
        assert!(!world.desk.is_right(&world.check(b"one-time", 4)));
        world.put(VerifierChange::SetSealed(ANNA, 6, seal(8, 6).into()));
        assert!(!world.desk.is_right(&world.check(b"one-time", 6)), "sealed for another person");
    }
}
