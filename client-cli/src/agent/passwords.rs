//! A new password: first the server takes it, then, where the policy says that they are one, the credential is sealed
//! under it.
//! Never changes a password that the person cannot repeat, save the one from an envelope.

use super::core::Agent;
use super::errands::policy_of;
use super::pending::{ConnectionId, Errand};
use super::proof::Proof;
use super::wire::Tell;
use crate::trouble::Trouble;
use console::Exit;
use pki::KdfCost;
use pki::one_time::OneTimePassword;
use protocol::client::{Command, Reply, SecretText};

impl Agent {
    /// A new password in place of one that is repeated: who finds an unlocked terminal does not know it.
    pub(super) async fn change_password(&mut self, id: ConnectionId, old: &SecretText, new: SecretText) {
        self.used();
        let Some(work) = &self.work else { return self.fail(id, &self.locked()).await };
        // One that took effect later, when nobody waits for it any more, would lock its person out.
        if !work.is_online() {
            return self.fail(id, &Trouble::no_connection()).await;
        }
        let repeated = Proof::of(old.expose(), work.terminal.person());
        if !repeated.is_ok_and(|repeated| repeated.is(&work.proof)) {
            let words = ("the old password is another one", "старый пароль другой");
            return self.fail(id, &Trouble::say(Exit::No, "wrong-password", words.0, words.1)).await;
        }
        self.set_password(id, new).await;
    }

    /// Step 1 of a new password: the server takes it. A crash before the answer: one of the two passwords holds at the
    /// server, the credential opens with the old passphrase; `login --separate` takes both kinds.
    pub(super) async fn set_password(&mut self, id: ConnectionId, new: SecretText) {
        self.used();
        let Some(work) = &mut self.work else { return self.fail(id, &self.locked()).await };
        if work.setting.is_some() {
            return self.fail(id, &Trouble::odd_answer()).await;
        }
        let person = work.terminal.person();
        let Ok(proof) = Proof::of(new.expose(), person) else {
            return self.fail(id, &Trouble::no_proof()).await;
        };
        // The envelope's password stands on paper: it is read back however it is typed.
        let on_paper = OneTimePassword::parse(new.expose()).ok();
        let on_paper = on_paper.and_then(|read| Proof::of(read.canonical(), person).ok());
        if work.proof.is(&proof) || on_paper.is_some_and(|read| work.proof.is(&read)) {
            return self.fail(id, &Trouble::password_unchanged()).await;
        }
        work.setting = Some((id, new));
        work.errand(Command::SetPassword(proof.text()), Errand::SetPassword);
        work.next_proof = Some(proof);
    }

    /// Step 2: from here on only the new one holds at the server. What the policy says decides about the credential.
    pub(super) async fn password_admitted(&mut self) {
        self.must_set_password = false;
        if let Some(work) = &mut self.work
            && let Some(proof) = work.next_proof.take()
        {
            work.proof = proof;
        }
        self.learn();
    }

    /// The policy came: how long until the idle lock, and, in step 3 of a new password, whether the credential is sealed
    /// under it. A crash before the new file has its name: `login --separate` takes the old passphrase and the new
    /// password. A crash after it: one password for both.
    pub(super) async fn policy(&mut self, reply: &Reply) {
        let Some(policy) = policy_of(reply) else {
            return self.policy_failed(&Trouble::odd_answer()).await;
        };
        self.idle_policy_ms = Some(policy.idle_lock_ms);
        let Some(work) = &mut self.work else { return };
        // One that was asked for before the server had the new password decides nothing about it.
        if work.next_proof.is_some() {
            return;
        }
        let Some((id, new)) = work.setting.take() else { return };
        if !policy.one_password {
            return self.tell(id, Tell::PasswordSet(false)).await;
        }
        match work.terminal.reseal(new.expose().as_bytes(), KdfCost::STANDARD) {
            Ok(()) => self.tell(id, Tell::PasswordSet(true)).await,
            Err(error) => self.fail(id, &half_set(&Trouble::from(error))).await,
        }
    }

    /// No policy was proven. The idle lock stays as it was: of what is not proven nothing takes effect.
    pub(super) async fn policy_failed(&mut self, why: &Trouble) {
        self.trouble = Some(why.into());
        let Some(work) = self.work.as_mut().filter(|work| work.next_proof.is_none()) else { return };
        if let Some((id, _)) = work.setting.take() {
            self.fail(id, &half_set(why)).await;
        }
    }
}

fn half_set(why: &Trouble) -> Trouble {
    Trouble::say(
        Exit::Io,
        "password-half-set",
        format!(
            "the new password holds at the server, but the credential still opens with the old passphrase ({}): log in \
             with --separate",
            why.en
        ),
        format!(
            "новый пароль действует на сервере, но ключи пока открываются старой парольной фразой ({}): входите с \
             --separate",
            why.ru
        ),
    )
}
