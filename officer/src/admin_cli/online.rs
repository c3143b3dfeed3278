//! One command's session with the server: opens the credential, logs in, asks and acts, logs out.
//! Never keeps a password longer than the login takes, and never goes on where the server cannot prove its log.

use super::alarms;
use super::home::Home;
use super::names::{self, role};
use super::succession::succession_line;
use super::trouble::Trouble;
use clap::Args;
use console::{Exit, Lang, PassphraseFd, Secret, SecretSource, Voice, Words};
use journal::act::Act;
use journal::policy::Policy;
use link::terminal::{Terminal, TerminalError};
use pki::password::login_proof;
use pki::{CredentialFile, PersonId, Role, SiteCard, canonical};
use protocol::answer::{Answer, FormerRecord};
use protocol::client::command::OtherAct;
use protocol::client::event::{Admitted, EntryView, PersonView, Ready};
use protocol::client::{Command, Event, Reply};
use protocol::query::Query;
use rand_core::{CryptoRng, UnwrapErr};
use std::path::PathBuf;
use tokio::runtime::Runtime;

/// Where the credential lies and how it is opened; flattened into every command that needs it.
#[derive(Args)]
pub(super) struct Access {
    #[command(flatten)]
    pub(super) place: Place,
    #[command(flatten)]
    pub(super) passphrase: PassphraseFd,
    /// Passphrase of the credential and login password are two, and both are asked for.
    #[arg(long)]
    pub(super) separate: bool,
    /// End another session of yours that still lives.
    #[arg(long)]
    pub(super) end_other: bool,
}

/// Where the credential lies.
#[derive(Args)]
pub(super) struct Place {
    /// Directory of credential and site card (else CONCLAVE_HOME, else ~/.config/conclave).
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
}

impl Place {
    pub(super) fn home(&self) -> Result<Home, Trouble> {
        Home::find(self.home.as_deref(), |name| std::env::var_os(name))
    }
}

console::words! {
    pub(super) enum Said {
        Password => en("Password: "), ru("Пароль: ");
        Passphrase => en("Passphrase of the credential: "), ru("Парольная фраза ключей: ");
        LoginPassword => en("Login password: "), ru("Пароль входа: ");
        WrongRole { needs: String, has: String }
            => en("this needs the role {needs}; this certificate has: {has}"),
               ru("для этого нужна роль {needs}; в этом сертификате: {has}");
        MustSet
            => en("first set a password of your own: conclave-admin password --envelope"),
               ru("сначала задайте собственный пароль: conclave-admin password --envelope");
        Succession { en: String, ru: String }
            => en("ATTENTION: the site's log goes on without entries that were lost: {en}. If you did not expect this, ask these officers"),
               ru("ВНИМАНИЕ: журнал системы продолжается без утраченных записей: {ru}. Если вы этого не ожидали, спросите этих офицеров");
        NoProof
            => en("the password is empty or too long, or there is no memory to work with it"),
               ru("пароль пуст или слишком длинен, либо не хватает памяти для работы с ним");
    }
}

/// Who may do it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// Officers alone.
    Officers,
    /// Officers and administrators.
    Office,
    /// Administrators alone.
    Administrators,
    /// Anyone with a credential.
    Anyone,
}

impl For {
    fn roles(self) -> &'static [Role] {
        match self {
            Self::Officers => &[Role::Officer],
            Self::Office => &[Role::Officer, Role::Administrator],
            Self::Administrators => &[Role::Administrator],
            Self::Anyone => &Role::ALL,
        }
    }
}

/// The operating system's randomness. It panics where the system refuses, which it does not after start-up.
pub(super) fn randomness() -> Box<dyn CryptoRng + Send> {
    Box::new(UnwrapErr(getrandom::SysRng))
}

/// Opens the credential and judges by its certificate whether it is worth going on; the server judges again.
pub(super) fn open(
    home: &Home,
    passphrase: &Secret,
    who: For,
    lang: Lang,
) -> Result<(CredentialFile, SiteCard), Trouble> {
    let card = home.card()?;
    let file = CredentialFile::open(&home.credential()?, passphrase.expose().as_bytes())
        .map_err(TerminalError::from)?;
    let roles = file.credential().current().map_err(TerminalError::from)?.signature_certificate().roles();
    if who.roles().iter().any(|role| roles.contains(*role)) {
        return Ok((file, card));
    }
    let needs = who.roles().iter().map(|one| role(*one, lang)).collect::<Vec<_>>();
    let needs = needs.join(lang.pick(" or ", " или "));
    let words = Said::WrongRole { needs, has: names::roles(roles, lang) };
    Err(Trouble::new(Exit::NotAllowed, "wrong-role", &words))
}

/// Opens the credential that lies at home, for what is done without a server.
pub(super) fn open_offline(
    place: &Place,
    passphrase: PassphraseFd,
    lang: Lang,
) -> Result<CredentialFile, Trouble> {
    let home = place.home()?;
    // Where there is none, nobody is asked for its passphrase.
    home.credential()?;
    let mut source = SecretSource::open(passphrase.passphrase_fd)?;
    let passphrase = source.ask(&Said::Passphrase.say(lang))?;
    Ok(open(&home, &passphrase, For::Anyone, lang)?.0)
}

/// A live session. To be closed at the end, also where the work failed.
pub(super) struct Online {
    runtime: Runtime,
    terminal: Terminal,
    ready: Ready,
    site: String,
}

/// Logs in, does the work, logs out.
pub(super) fn session<T>(
    access: &Access,
    voice: Voice,
    who: For,
    work: impl FnOnce(&mut Online) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let home = access.place.home()?;
    // Said before a person types anything in vain.
    home.card()?;
    home.credential()?;
    let mut source = SecretSource::open(access.passphrase.passphrase_fd)?;
    let first = if access.separate { Said::Passphrase } else { Said::Password };
    let passphrase = source.ask(&first.say(voice.lang))?;
    let (file, card) = open(&home, &passphrase, who, voice.lang)?;
    let password = match access.separate {
        true => source.ask(&Said::LoginPassword.say(voice.lang))?,
        false => passphrase,
    };
    let mut online = Online::begin(file, card, &password, access.end_other, voice)?;
    drop(password);
    let done = match online.ready.must_set_password {
        true => Err(Trouble::new(Exit::NotAllowed, "must-set-password", &Said::MustSet)),
        false => online.tell_alarms(voice).and_then(|()| work(&mut online)),
    };
    online.end();
    done
}

impl Online {
    /// Connects and logs in, and says what this login was the first to hear of entries that were given up.
    pub(super) fn begin(
        file: CredentialFile,
        card: SiteCard,
        password: &Secret,
        end_other: bool,
        voice: Voice,
    ) -> Result<Self, Trouble> {
        let site = console::clean(&card.site);
        let mut terminal = Terminal::open(file, card, false, randomness)?;
        let proof = proof(password.expose(), terminal.person())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Trouble::system(&error))?;
        let (terminal, ready) = runtime.block_on(async {
            match greeted(&mut terminal, &proof, end_other).await {
                Ok(ready) => Ok((terminal, ready)),
                Err(error) => {
                    // Told that we are gone the server frees this connection's place at once; there are few.
                    terminal.close().await;
                    Err(error)
                }
            }
        })?;
        let mut online = Self { runtime, terminal, ready, site };
        online.tell_successions(voice);
        Ok(online)
    }

    /// Tells an officer the alarms that nobody was shown here, before anything else. Scripts read them in `status`.
    pub(super) fn tell_alarms(&mut self, voice: Voice) -> Result<(), Trouble> {
        if self.is_officer() && !voice.json { alarms::tell(self, voice) } else { Ok(()) }
    }

    fn tell_successions(&mut self, voice: Voice) {
        for event in self.terminal.take_kept() {
            if let Event::Succession(view) = event {
                let (en, ru) = succession_line(&view);
                voice.remark(&Said::Succession { en, ru });
            }
        }
    }

    /// Logs out and closes the connection.
    pub(super) fn end(self) {
        let Self { runtime, terminal, .. } = self;
        runtime.block_on(terminal.close());
    }

    /// The site's name, by the site card.
    pub(super) fn site(&self) -> String {
        self.site.clone()
    }

    /// Who works here.
    pub(super) fn person(&self) -> PersonId {
        self.ready.person
    }

    /// Whether that is an officer, by the certificate that this session came with.
    pub(super) fn is_officer(&self) -> bool {
        let current = self.terminal.credential().current();
        current.is_ok_and(|own| own.signature_certificate().roles().contains(Role::Officer))
    }

    /// What the login brought.
    pub(super) fn ready(&self) -> &Ready {
        &self.ready
    }

    /// The terminal itself, for a new password.
    pub(super) fn terminal(&mut self) -> &mut Terminal {
        &mut self.terminal
    }

    /// Gives a command and waits for what comes of it.
    pub(super) fn run(&mut self, command: Command) -> Result<Reply, Trouble> {
        Ok(self.runtime.block_on(self.terminal.request(command))?)
    }

    /// Asks, and goes on: [`Self::answer_ahead`] gives the answers in the order of the questions.
    pub(super) fn ask_ahead(&mut self, query: Query) -> Result<(), Trouble> {
        Ok(self.runtime.block_on(async { self.terminal.ask_ahead(query) })?)
    }

    /// The answer to the oldest question that was asked ahead.
    pub(super) fn answer_ahead(&mut self) -> Result<Reply, Trouble> {
        Ok(self.runtime.block_on(self.terminal.answer_ahead())?)
    }

    /// Signs an act; it is in the log, proven, when this returns.
    pub(super) fn act(&mut self, act: Act) -> Result<Admitted, Trouble> {
        self.submit(OtherAct { act, staged: Vec::new(), verifiers: Vec::new() })
    }

    /// Likewise, with what is staged beside it.
    pub(super) fn submit(&mut self, act: OtherAct) -> Result<Admitted, Trouble> {
        let Reply::Admitted(admitted) = self.run(Command::Act(Box::new(act)))? else {
            return Err(Trouble::odd_answer());
        };
        Ok(admitted)
    }

    /// Everybody, by verified certificates.
    pub(super) fn people(&mut self) -> Result<Vec<PersonView>, Trouble> {
        let Reply::People(people) = self.run(Command::People)? else { return Err(Trouble::odd_answer()) };
        Ok(people)
    }

    /// The policy in force and the entry that set it, by the server's word (`policy::proven` asks for the entry).
    pub(super) fn policy(&mut self) -> Result<(Policy, u64), Trouble> {
        let Reply::Answer(answer) = self.run(Command::Ask(Query::Policy))? else {
            return Err(Trouble::odd_answer());
        };
        let Answer::Policy(bytes, index, _) = *answer else { return Err(Trouble::odd_answer()) };
        let policy = canonical::decode(&bytes).map_err(|_| Trouble::odd_answer())?;
        Ok((policy, index))
    }

    /// What counts on beside the policy in force, because it was longer.
    pub(super) fn former(&mut self) -> Result<Option<Box<FormerRecord>>, Trouble> {
        let Reply::Answer(answer) = self.run(Command::Ask(Query::Former))? else {
            return Err(Trouble::odd_answer());
        };
        let Answer::Former(former) = *answer else { return Err(Trouble::odd_answer()) };
        Ok(former)
    }

    /// One entry, verified; `None` where the server does not show it to this person.
    pub(super) fn entry(&mut self, index: u64) -> Result<Option<EntryView>, Trouble> {
        let Reply::Entries(entries, _) = self.run(Command::Ask(Query::Entries(index, 1)))? else {
            return Err(Trouble::odd_answer());
        };
        match &entries[..] {
            [] => Ok(None),
            [entry] if entry.index == index => Ok(Some(entry.clone())),
            [..] => Err(Trouble::odd_answer()),
        }
    }

    /// Asks the person, while the connection stays alive.
    pub(super) fn confirm(&self, question: &dyn Words, voice: Voice) -> Result<bool, Trouble> {
        let (question, lang) = (question.say(voice.lang), voice.lang);
        let asking =
            self.runtime.spawn_blocking(move || console::confirm_at_terminal(&question, lang, "--yes"));
        let asked = self.runtime.block_on(asking);
        // A question that panicked was not answered with yes.
        Ok(asked.map_err(|_| Trouble::not_confirmed())??)
    }
}

/// Connects and logs in.
async fn greeted(terminal: &mut Terminal, proof: &str, end_other: bool) -> Result<Ready, TerminalError> {
    terminal.connect().await?;
    terminal.login(proof, end_other).await
}

/// The login proof of a password.
pub(super) fn proof(password: &str, person: PersonId) -> Result<zeroize::Zeroizing<String>, Trouble> {
    login_proof(password.as_bytes(), person)
        .map_err(|_| Trouble::new(Exit::No, "password-unfit", &Said::NoProof))
}
