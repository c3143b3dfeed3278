//! `envelope …`: paper envelopes with one-time passwords, from print to hand-over.
//! Never leaves a password anywhere but on the sheet, and never leaves a sheet where nobody asked for one.

use super::Place;
use super::site_card::sheet_lang;
use crate::authority::envelopes::EnvelopeState;
use crate::authority::state::Person;
use crate::authority::{Authority, os_rng};
use crate::clock;
use crate::files::{self, Readers, shown};
use crate::trouble::{Failure, Trouble};
use clap::{Args, Subcommand};
use console::{Align, Exit, HelpTable, PassphraseFd, Table, Voice};
use journal::act::{Act, EnvelopeHandOver, EnvelopePrint, EnvelopeVoid};
use pki::OneTimePassword;
use pki::durable_file::Growing;
use pki::subject::{NAME_CHARS_MAX, UNIT_STEPS_MAX};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Paper envelopes with one-time passwords.
#[derive(Subcommand)]
pub(super) enum Envelope {
    Print(Print),
    HandOver(HandOver),
    Void(Void),
    Reissue(Reissue),
    List(ListEnvelopes),
}

/// Print an envelope for a person who has none.
#[derive(Args)]
#[command(after_help = "Example: conclave-pki envelope print @anna --printer \"lp -d office\"")]
pub(super) struct Print {
    #[command(flatten)]
    sheet: Sheet,
}

/// Print a new envelope in the place of a lost or damaged one, which is void from then on.
#[derive(Args)]
#[command(after_help = "Example: conclave-pki envelope reissue @anna --pdf anna.pdf")]
pub(super) struct Reissue {
    #[command(flatten)]
    sheet: Sheet,
}

#[derive(Args)]
struct Sheet {
    /// For whom: @login or the person's id.
    #[arg(value_name = "@PERSON")]
    person: String,
    /// Write the sheet to this file, which must not exist; print it and destroy it.
    #[arg(long, value_name = "FILE")]
    pdf: Option<PathBuf>,
    /// Pipe the sheet (PDF) to this command.
    #[arg(long, value_name = "COMMAND", conflicts_with = "pdf")]
    printer: Option<String>,
    /// Write the one-time password to this open descriptor: for machines that print in another way.
    #[arg(long, value_name = "FD")]
    one_time_fd: Option<u32>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: PassphraseFd,
}

/// Record that an envelope was handed over and its slip signed; only then its password opens.
#[derive(Args)]
#[command(after_help = "Example: conclave-pki envelope hand-over 7")]
pub(super) struct HandOver {
    /// The envelope's number.
    #[arg(value_name = "N")]
    number: u64,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: PassphraseFd,
}

/// Record that an envelope was lost or destroyed: its password opens nothing.
#[derive(Args)]
#[command(after_help = "Example: conclave-pki envelope void 7")]
pub(super) struct Void {
    /// The envelope's number.
    #[arg(value_name = "N")]
    number: u64,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: PassphraseFd,
}

/// List all envelopes.
#[derive(Args)]
#[command(after_help = "Example: conclave-pki envelope list")]
pub(super) struct ListEnvelopes {
    #[command(flatten)]
    place: Place,
}

pub(super) const HELP: &HelpTable = &[
    ("envelope/@about", "Бумажные конверты с одноразовыми паролями."),
    ("envelope print/@about", "Напечатать конверт человеку, у которого его нет."),
    ("envelope print/@after", "Пример: conclave-pki envelope print @anna --printer \"lp -d office\""),
    (
        "envelope reissue/@about",
        "Напечатать новый конверт взамен утерянного или испорченного; прежний недействителен.",
    ),
    ("envelope reissue/@after", "Пример: conclave-pki envelope reissue @anna --pdf anna.pdf"),
    (
        "envelope hand-over/@about",
        "Записать, что конверт вручён и талон подписан; лишь тогда его пароль действует.",
    ),
    ("envelope hand-over/@after", "Пример: conclave-pki envelope hand-over 7"),
    ("envelope void/@about", "Записать, что конверт утерян или уничтожен: его пароль ничего не откроет."),
    ("envelope void/@after", "Пример: conclave-pki envelope void 7"),
    ("envelope list/@about", "Показать все конверты."),
    ("envelope list/@after", "Пример: conclave-pki envelope list"),
    ("*/person", "для кого: @логин или номер лица"),
    ("*/pdf", "записать лист в этот файл, которого ещё не должно быть; напечатайте и уничтожьте его"),
    ("*/printer", "передать лист (PDF) на вход этой команды"),
    ("*/one_time_fd", "записать одноразовый пароль в этот открытый дескриптор: для машин, печатающих иначе"),
    ("*/number", "номер конверта"),
];

console::words! {
    enum Said {
        Printed { number: u64, login: String, place: String }
            => en("envelope No. {number} for {login}: {place}\nWhen it is handed over and the slip signed: conclave-pki envelope hand-over {number}"),
               ru("конверт № {number} для {login}: {place}\nКогда он вручён и талон подписан: conclave-pki envelope hand-over {number}");
        HandedOver { number: u64, login: String }
            => en("envelope No. {number} was handed over to {login}; it opens once the next bundle is taken in"),
               ru("конверт № {number} вручён {login}; подействует, когда будет принят следующий пакет");
        Voided { number: u64, login: String }
            => en("envelope No. {number} of {login} is void once the next bundle is taken in"),
               ru("конверт № {number} ({login}) станет недействительным, когда будет принят следующий пакет");
        Table { text: String } => en("{text}"), ru("{text}");
        None => en("there are no envelopes"), ru("конвертов нет");
    }
}

#[derive(Serialize)]
struct Data {
    number: u64,
    login: String,
    person: String,
    state: &'static str,
}

fn state_name(state: EnvelopeState) -> &'static str {
    match state {
        EnvelopeState::Printed => "printed",
        EnvelopeState::HandedOver => "handed-over",
        EnvelopeState::Void => "void",
    }
}

fn state_ru(state: EnvelopeState) -> &'static str {
    match state {
        EnvelopeState::Printed => "напечатан",
        EnvelopeState::HandedOver => "вручён",
        EnvelopeState::Void => "недействителен",
    }
}

impl Envelope {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Print(_) => "envelope print",
            Self::HandOver(_) => "envelope hand-over",
            Self::Void(_) => "envelope void",
            Self::Reissue(_) => "envelope reissue",
            Self::List(_) => "envelope list",
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        match self {
            Self::Print(it) => it.sheet.run(false, voice),
            Self::Reissue(it) => it.sheet.run(true, voice),
            Self::HandOver(it) => it.run(voice),
            Self::Void(it) => it.run(voice),
            Self::List(it) => it.run(voice),
        }
    }
}

/// Where a sheet goes, opened before the envelope is recorded. What did not come to a good end is not left behind: the
/// file has its name last of all.
struct Outlet {
    pdf: Option<(PathBuf, Growing)>,
    one_time: Option<File>,
}

impl Sheet {
    /// (1) The place for the sheet is opened. (2) The verifier is kept. (3) The act is recorded. (4) The sheet comes out.
    /// A crash before 3: no envelope; an empty part may lie beside the place. A crash after 3: the envelope is recorded
    /// and its password is lost with this process: `envelope reissue`. (5) A sheet that did not come out: its envelope is
    /// void, for nobody will ever know its password.
    fn run(&self, is_reissue: bool, voice: Voice) -> Result<Exit, Failure> {
        if self.pdf.is_none() && self.printer.is_none() && self.one_time_fd.is_none() {
            return Err(Trouble::NoPaper.into());
        }
        let mut authority = self.place.write()?;
        let person = authority.person(&self.person)?.clone();
        let login = person.names.login.clone();
        if person.revoked.is_some() {
            return Err(Trouble::Revoked { login }.into());
        }
        if authority.state.server().is_none() {
            return Err(Trouble::NoServer.into());
        }
        let open = authority.state.envelopes.open_of(person.id).map(|envelope| envelope.number);
        let replaces = match (open, is_reissue) {
            (Some(number), false) => return Err(Trouble::EnvelopeOpen { login, number }.into()),
            (None, true) => return Err(Trouble::NoEnvelope { login }.into()),
            (Some(number), true) => number,
            (None, false) => 0,
        };
        let key = authority.unlock(self.passphrase.passphrase_fd, voice.lang)?;
        let outlet = self.open()?;
        let mut rng = os_rng();
        let number = authority.state.envelopes.next_number();
        let one_time = OneTimePassword::random(&mut rng);
        let pdf = sheet(&authority, &person, number, &one_time, voice)?;
        let sealed = authority.keep_verifier(number, person.id, &one_time, &mut rng)?;
        let act = EnvelopePrint::new(number, person.id, replaces, &sealed);
        authority.record(&key, Act::EnvelopePrint(act))?;
        let place = match self.put_out(outlet, &pdf, &one_time) {
            Ok(place) => place,
            Err(why) => {
                authority.record(&key, Act::EnvelopeVoid(EnvelopeVoid { number }))?;
                return Err(Trouble::PaperFailed { number, login, why }.into());
            }
        };
        let data = Data { number, login: login.clone(), person: person.id.to_string(), state: "printed" };
        let command = if is_reissue { "envelope reissue" } else { "envelope print" };
        Ok(voice.done(command, &Said::Printed { number, login, place }, data))
    }

    fn open(&self) -> Result<Outlet, Trouble> {
        let one_time = self.one_time_fd.map(|fd| {
            // Opened anew by its name, as for passphrases: adopting a bare number would need unsafe code.
            let path = PathBuf::from(format!("/dev/fd/{fd}"));
            OpenOptions::new().append(true).open(&path).map_err(|cause| files::write_trouble(&path, &cause))
        });
        let one_time = one_time.transpose()?;
        let pdf = self.pdf.as_ref().map(|path| Ok((path.clone(), files::grow(path, Readers::Owner)?)));
        Ok(Outlet { pdf: pdf.transpose()?, one_time })
    }

    /// Everything that was asked for, or the first failure in words. Gives where the sheet is.
    fn put_out(&self, outlet: Outlet, pdf: &[u8], one_time: &OneTimePassword) -> Result<String, String> {
        let Outlet { pdf: mut file, one_time: mut descriptor } = outlet;
        let mut places = Vec::new();
        if let Some((path, file)) = &mut file {
            file.write_all(pdf).map_err(|why| why.to_string())?;
            places.push(shown(path));
        }
        if let Some(command) = &self.printer {
            print(command, pdf)?;
            places.push(console::clean(command));
        }
        if let (Some(descriptor), Some(fd)) = (&mut descriptor, self.one_time_fd) {
            let line = zeroize::Zeroizing::new(format!("{}\n", one_time.groups().join("-")));
            descriptor.write_all(line.as_bytes()).map_err(|why| why.to_string())?;
            places.push(format!("/dev/fd/{fd}"));
        }
        if let Some((_, file)) = file {
            file.finish_new().map_err(|why| why.to_string())?;
        }
        Ok(places.join(", "))
    }
}

/// Between the steps of a unit on the sheet.
const STEP_MARK: &str = " / ";
/// Whoever has a certificate gets an envelope: the longest unit fits.
const _: () = assert!(
    paper::FIELD_BYTES_MAX >= UNIT_STEPS_MAX * (NAME_CHARS_MAX * char::MAX.len_utf8() + STEP_MARK.len())
);

fn sheet(
    authority: &Authority,
    person: &Person,
    number: u64,
    password: &OneTimePassword,
    voice: Voice,
) -> Result<paper::Pdf, Trouble> {
    let unit = person.names.unit.join(STEP_MARK);
    let envelope = paper::Envelope {
        site: authority.site(),
        number,
        full_name: &person.names.full_name,
        login: &person.names.login,
        unit: if unit.is_empty() { "—" } else { &unit },
        password: password.groups(),
        issued_ms: clock::now_ms(),
        lang: sheet_lang(voice.lang),
    };
    envelope.pdf().map_err(|why| Trouble::Sheet { why: why.to_string() })
}

/// Runs the printer's command with the sheet on its standard input; it never touches a file. The command gets none of
/// our descriptors: the authority's passphrase may still be readable on one.
fn print(command: &str, pdf: &[u8]) -> Result<(), String> {
    hardening::close_on_exec().map_err(|why| why.to_string())?;
    let spawned =
        Command::new("/bin/sh").args(["-c", command]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let mut child = spawned.map_err(|why| why.to_string())?;
    let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(pdf));
    let status = child.wait().map_err(|why| why.to_string())?;
    written.map_err(|why| why.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("{}: {status}", console::clean(command))) }
}

/// The login of an envelope's person.
fn login_of(authority: &Authority, number: u64) -> Result<(String, String), Trouble> {
    let envelope = authority.state.envelopes.get(number).ok_or(Trouble::NoSuchEnvelope { number })?;
    let person = authority.state.people.get(&envelope.person).ok_or(Trouble::NoSuchEnvelope { number })?;
    Ok((person.names.login.clone(), person.id.to_string()))
}

impl HandOver {
    fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let number = self.number;
        let mut authority = self.place.write()?;
        let (login, person) = login_of(&authority, number)?;
        match authority.state.envelopes.get(number).map(|envelope| envelope.state) {
            Some(EnvelopeState::Printed) => {}
            Some(EnvelopeState::HandedOver) => return Err(Trouble::EnvelopeHandedOver { number }.into()),
            Some(EnvelopeState::Void) => return Err(Trouble::EnvelopeVoid { number }.into()),
            None => return Err(Trouble::NoSuchEnvelope { number }.into()),
        }
        let key = authority.unlock(self.passphrase.passphrase_fd, voice.lang)?;
        authority.record(&key, Act::EnvelopeHandOver(EnvelopeHandOver { number }))?;
        let data = Data { number, login: login.clone(), person, state: "handed-over" };
        Ok(voice.done("envelope hand-over", &Said::HandedOver { number, login }, data))
    }
}

impl Void {
    fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let number = self.number;
        let mut authority = self.place.write()?;
        let (login, person) = login_of(&authority, number)?;
        let is_open = |state| state != EnvelopeState::Void;
        if !authority.state.envelopes.get(number).is_some_and(|envelope| is_open(envelope.state)) {
            return Err(Trouble::EnvelopeVoid { number }.into());
        }
        let key = authority.unlock(self.passphrase.passphrase_fd, voice.lang)?;
        authority.record(&key, Act::EnvelopeVoid(EnvelopeVoid { number }))?;
        let data = Data { number, login: login.clone(), person, state: "void" };
        Ok(voice.done("envelope void", &Said::Voided { number, login }, data))
    }
}

impl ListEnvelopes {
    fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let authority = self.place.read()?;
        let pick = |en, ru| voice.lang.pick(en, ru);
        let mut table = Table::new([
            (pick("No.", "№"), Align::Right),
            (pick("login", "логин"), Align::Left),
            (pick("name", "имя"), Align::Left),
            (pick("state", "состояние"), Align::Left),
        ]);
        let mut data = Vec::new();
        for envelope in authority.state.envelopes.iter() {
            let Some(person) = authority.state.people.get(&envelope.person) else { continue };
            let (login, state) = (person.names.login.clone(), state_name(envelope.state));
            let shown = voice.lang.pick(state, state_ru(envelope.state));
            table.row([&envelope.number.to_string(), &login, &person.names.full_name, shown]);
            data.push(Data { number: envelope.number, login, person: person.id.to_string(), state });
        }
        let said = match table.is_empty() {
            true => Said::None,
            false => Said::Table { text: table.render(console::terminal::output_columns()) },
        };
        Ok(voice.done("envelope list", &said, data))
    }
}
