//! Why a command of the officers was not done: words for people, a stable code for scripts, an exit code.
//! Never holds a secret, and never blames without naming the file, login or number at fault.

use crate::policy_file::unfit;
use crate::roster::{BadRow, clearances_possible, roles_possible, say_bad};
use console::{DETAILS_RU, Exit, Lang, PromptError, Voice, Words, cause_ru};
use journal::policy::UnfitPolicy;

console::words! {
    /// What went wrong.
    #[derive(Debug)]
    pub enum Trouble {
        NoAuthority { dir: String }
            => en("there is no authority in {dir}; make one with: conclave-pki init --ca {dir}"),
               ru("в {dir} нет удостоверяющего центра; создать: conclave-pki init --ca {dir}");
        Exists { path: String } => en("{path} exists already"), ru("{path} уже существует");
        Busy { path: String }
            => en("another conclave-pki is at work on {path}"), ru("с {path} уже работает другой conclave-pki");
        Read { path: String, cause: String }
            => en("{path} cannot be read: {cause}"), ru("{path} не читается: {}", cause_ru(cause));
        Write { path: String, cause: String }
            => en("{path} cannot be written: {cause}"), ru("{path} не записывается: {}", cause_ru(cause));
        NoBlock { path: String, en: &'static str, ru: &'static str }
            => en("{path} holds {en}"), ru("в {path} {ru}");
        TooLong { path: String, limit: u64 }
            => en("{path} is longer than {limit} bytes"), ru("{path} длиннее {limit} байт");
        NotText { path: String } => en("{path} is no text (UTF-8)"), ru("{path} — не текст (UTF-8)");
        BadFile { path: String, why: String }
            => en("{path} is not what is needed here: {why}"), ru("{path} здесь не годится ({DETAILS_RU})");
        ActsDamaged { line: u64, why: String }
            => en("line {line} of acts is damaged ({why}); take the copy of the directory that you keep elsewhere"),
               ru("строка {line} файла acts повреждена; возьмите копию каталога, хранимую отдельно");
        WrongPassphrase
            => en("wrong passphrase, or the key file is damaged"),
               ru("неверная парольная фраза, или файл ключа повреждён");
        PassphrasesDiffer => en("the two passphrases differ"), ru("фразы не совпадают");
        PassphraseShort { least: u64 }
            => en("the passphrase is to have at least {least} characters"),
               ru("в парольной фразе должно быть не меньше {least} знаков");
        UnsupportedSuite { suite: String }
            => en("this build has no arithmetic for suite {suite}"), ru("эта сборка не умеет набор {suite}");
        OtherSuite { login: String, suite: String }
            => en("the request of {login} is of suite {suite}, the site's is another"),
               ru("запрос {login} сделан в наборе {suite}, у объекта набор другой");
        SiteName { limit: u64 }
            => en("a site's name has 1 to {limit} characters"), ru("имя объекта — от 1 до {limit} знаков");
        Names { login: String, why: String }
            => en("the names of {login} cannot stand in a certificate: {why}"),
               ru("имена {login} не годятся для сертификата ({DETAILS_RU})");
        UnknownPerson { who: String }
            => en("nobody here is {who}"), ru("{who} здесь не числится");
        UnknownRole { name: String }
            => en("there is no role \"{name}\"; possible: {}; several joined with +", roles_possible()),
               ru("роли «{name}» нет; возможны: {}; несколько соединяются знаком +", roles_possible());
        UnknownClearance { name: String }
            => en("there is no clearance \"{name}\"; possible: {}", clearances_possible()),
               ru("допуска «{name}» нет; возможны: {}", clearances_possible());
        UnknownName { kind: &'static str, name: String }
            => en("unknown {kind}: {name}"), ru("неизвестное значение ({kind}): {name}");
        Unmade { why: String } => en("not done: {why}"), ru("не выполнено ({DETAILS_RU})");
        RoleNeeded { path: String }
            => en("{path}: say with --role what this person is to be"),
               ru("{path}: укажите роль этого человека параметром --role");
        ServerRole { path: String }
            => en("{path}: the roles server and core belong to requests of conclaved, and to them alone"),
               ru("{path}: роли server и core — только для запросов conclaved, и только они");
        Known { login: String }
            => en("{login} has certificates of other keys; to replace them: conclave-pki renew"),
               ru("у {login} есть сертификаты на другие ключи; чтобы заменить: conclave-pki renew");
        KeyKnown { login: String }
            => en("the request of {login} has a key that was certified before"),
               ru("в запросе {login} ключ, на который уже выдан сертификат");
        Revoked { login: String } => en("{login} is revoked, for ever"), ru("{login}: сертификаты отозваны навсегда");
        AlreadyFounded { log: String }
            => en("the genesis is made already; log {log}"), ru("акт учреждения уже составлен; журнал {log}");
        NotFounded
            => en("first make the genesis: conclave-pki genesis"), ru("сначала составьте акт учреждения: conclave-pki genesis");
        NoIdentity { path: String }
            => en("{path} is no request of a server: it has no log identity key"),
               ru("{path} — не запрос сервера: в нём нет ключа журнала");
        NoServer
            => en("no server is enrolled yet; issue its certificates first: conclave-pki issue server.request"),
               ru("сервер ещё не внесён; сначала выдайте ему сертификаты: conclave-pki issue server.request");
        NotOfficer { login: String }
            => en("{login} has no certificate of an officer"), ru("у {login} нет сертификата офицера");
        Officers
            => en("a site begins with at least two officers and a threshold from two to their number"),
               ru("объект начинается не менее чем с двух офицеров; порог — от двух до их числа");
        BadRows { rows: Vec<BadRow> } => en("{}", say_bad(rows, Lang::En)), ru("{}", say_bad(rows, Lang::Ru));
        RosterColumns { missing: String, all: String }
            => en("the roster lacks columns: {missing}; its first line is: {all}"),
               ru("в списке нет столбцов: {missing}; первая строка такая: {all}");
        BadRoster { why: String } => en("the roster cannot be read: {why}"), ru("список не читается ({DETAILS_RU})");
        BadPolicy { why: UnfitPolicy }
            => en("the policy is not accepted: {}", unfit(*why, Lang::En)), ru("политика не принята: {}", unfit(*why, Lang::Ru));
        PolicyUnread { why: String }
            => en("the file of the policy cannot be read: {why}"),
               ru("файл политики не разобрать: проверьте имена и значения ({DETAILS_RU})");
        PolicyTime => en("retention_at is a time of day: 03:00"), ru("retention_at — время суток: 03:00");
        EnvelopeOpen { login: String, number: u64 }
            => en("{login} has envelope No. {number}; to replace it: conclave-pki envelope reissue @{login}"),
               ru("у {login} есть конверт № {number}; чтобы заменить: conclave-pki envelope reissue @{login}");
        NoEnvelope { login: String }
            => en("{login} has no envelope to replace; print one: conclave-pki envelope print @{login}"),
               ru("у {login} нет конверта для замены; напечатать: conclave-pki envelope print @{login}");
        Address { address: String }
            => en("\"{address}\" is no HOST:PORT, as in 10.0.0.1:4433"),
               ru("«{address}» — не АДРЕС:ПОРТ, как в 10.0.0.1:4433");
        NoSuchEnvelope { number: u64 } => en("there is no envelope No. {number}"), ru("конверта № {number} нет");
        EnvelopeVoid { number: u64 }
            => en("envelope No. {number} is void"), ru("конверт № {number} недействителен");
        EnvelopeHandedOver { number: u64 }
            => en("envelope No. {number} was handed over before"), ru("конверт № {number} уже вручён");
        NoPaper
            => en("say where the sheet goes: --pdf FILE or --printer COMMAND"),
               ru("укажите, куда вывести лист: --pdf ФАЙЛ или --printer КОМАНДА");
        PaperFailed { number: u64, login: String, why: String }
            => en("the sheet of envelope No. {number} did not come out ({why}), and the envelope is void; print another: conclave-pki envelope print @{login}"),
               ru("лист конверта № {number} не вышел ({DETAILS_RU}), и конверт недействителен; напечатать другой: conclave-pki envelope print @{login}");
        ServerLogin { path: String, login: String }
            => en("{path} asks to be the server under the login {login}; conclaved asks as \"server\", people have no such request"),
               ru("{path} — запрос сервера под логином {login}; conclaved составляет его под логином «server», у людей такого не бывает");
        Alike
            => en("nothing is issued: look at the names that look alike; if they are different people, repeat with --alike-ok"),
               ru("ничего не выдаётся: проверьте похожие имена; если это разные люди, повторите с --alike-ok");
        NotTaken { from: u64, taken: u64 }
            => en("--from {from}: the appliance has only the acts before No. {taken}; a bundle must not begin later"),
               ru("--from {from}: у сервера есть только акты до № {taken}; позже пакет начинаться не может");
        Sheet { why: String } => en("the sheet cannot be made: {why}"), ru("лист не составляется ({DETAILS_RU})");
        NotOurBundle
            => en("this is not the next bundle that was made here"), ru("это не следующий из составленных здесь пакетов");
        NothingNew => en("there is nothing new to bundle"), ru("нового для пакета нет");
        Hex { what: &'static str } => en("{what}: neither a file nor hexadecimal digits"), ru("{what}: ни файл, ни шестнадцатеричные цифры");
        Time { text: String } => en("{text} is no time of RFC 3339"), ru("{text} — не время по RFC 3339");
        Extra { why: String } => en("cannot be written: {why}"), ru("не записывается: {}", cause_ru(why));
    }
}

impl Trouble {
    /// The stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAuthority { .. } => "no-authority",
            Self::Exists { .. } => "exists",
            Self::Busy { .. } => "busy",
            Self::Read { .. } => "read-failed",
            Self::Write { .. } | Self::Extra { .. } => "write-failed",
            Self::TooLong { .. } => "too-long",
            Self::NotText { .. } => "not-text",
            Self::BadFile { .. } | Self::NoBlock { .. } => "bad-file",
            Self::ActsDamaged { .. } => "acts-damaged",
            Self::WrongPassphrase => "wrong-passphrase",
            Self::PassphrasesDiffer => "passphrases-differ",
            Self::PassphraseShort { .. } => "passphrase-short",
            Self::UnsupportedSuite { .. } => "unsupported-suite",
            Self::OtherSuite { .. } => "other-suite",
            Self::SiteName { .. } => "site-name",
            Self::Names { .. } => "names",
            Self::UnknownPerson { .. } => "unknown-person",
            Self::UnknownName { .. } | Self::UnknownRole { .. } | Self::UnknownClearance { .. } => {
                "unknown-name"
            }
            Self::Unmade { .. } => "unmade",
            Self::RoleNeeded { .. } => "role-needed",
            Self::ServerRole { .. } => "server-role",
            Self::ServerLogin { .. } => "server-login",
            Self::Alike => "look-alikes",
            Self::NotTaken { .. } => "not-taken",
            Self::Known { .. } => "known",
            Self::KeyKnown { .. } => "key-known",
            Self::Revoked { .. } => "revoked",
            Self::AlreadyFounded { .. } => "already-founded",
            Self::NotFounded => "not-founded",
            Self::NoIdentity { .. } => "no-identity",
            Self::NoServer => "no-server",
            Self::NotOfficer { .. } => "not-an-officer",
            Self::Officers => "officers",
            Self::BadRows { .. } => "bad-row",
            Self::RosterColumns { .. } => "roster-columns",
            Self::BadRoster { .. } => "bad-roster",
            Self::BadPolicy { .. } | Self::PolicyUnread { .. } | Self::PolicyTime => "bad-policy",
            Self::EnvelopeOpen { .. } => "envelope-open",
            Self::NoEnvelope { .. } => "no-envelope",
            Self::Address { .. } => "bad-address",
            Self::NoSuchEnvelope { .. } => "no-such-envelope",
            Self::EnvelopeVoid { .. } => "envelope-void",
            Self::EnvelopeHandedOver { .. } => "envelope-handed-over",
            Self::NoPaper => "no-paper",
            Self::PaperFailed { .. } => "paper-failed",
            Self::Sheet { .. } => "sheet",
            Self::NotOurBundle => "not-our-bundle",
            Self::NothingNew => "nothing-new",
            Self::Hex { .. } => "not-hex",
            Self::Time { .. } => "not-a-time",
        }
    }

    /// How the program ends on it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoAuthority { .. } | Self::UnsupportedSuite { .. } => Exit::Missing,
            Self::Read { .. }
            | Self::Write { .. }
            | Self::Extra { .. }
            | Self::TooLong { .. }
            | Self::NotText { .. }
            | Self::ActsDamaged { .. }
            | Self::PaperFailed { .. } => Exit::Io,
            Self::WrongPassphrase => Exit::NotAllowed,
            Self::RoleNeeded { .. }
            | Self::UnknownName { .. }
            | Self::UnknownRole { .. }
            | Self::UnknownClearance { .. }
            | Self::Address { .. }
            | Self::NoPaper
            | Self::Hex { .. }
            | Self::Time { .. }
            | Self::SiteName { .. }
            | Self::PassphraseShort { .. } => Exit::Usage,
            Self::Exists { .. }
            | Self::Busy { .. }
            | Self::BadFile { .. }
            | Self::NoBlock { .. }
            | Self::PassphrasesDiffer
            | Self::OtherSuite { .. }
            | Self::Names { .. }
            | Self::UnknownPerson { .. }
            | Self::Unmade { .. }
            | Self::ServerRole { .. }
            | Self::ServerLogin { .. }
            | Self::Alike
            | Self::NotTaken { .. }
            | Self::Known { .. }
            | Self::KeyKnown { .. }
            | Self::Revoked { .. }
            | Self::AlreadyFounded { .. }
            | Self::NotFounded
            | Self::NoIdentity { .. }
            | Self::NoServer
            | Self::NotOfficer { .. }
            | Self::Officers
            | Self::BadRows { .. }
            | Self::RosterColumns { .. }
            | Self::BadRoster { .. }
            | Self::BadPolicy { .. }
            | Self::PolicyUnread { .. }
            | Self::PolicyTime
            | Self::EnvelopeOpen { .. }
            | Self::NoEnvelope { .. }
            | Self::NoSuchEnvelope { .. }
            | Self::EnvelopeVoid { .. }
            | Self::EnvelopeHandedOver { .. }
            | Self::Sheet { .. }
            | Self::NotOurBundle
            | Self::NothingNew => Exit::No,
        }
    }
}

/// Anything that ends a command.
#[derive(Debug)]
pub enum Failure {
    /// A question got no answer.
    Prompt(PromptError),
    /// Everything else.
    Trouble(Trouble),
}

impl From<PromptError> for Failure {
    fn from(error: PromptError) -> Self {
        Self::Prompt(error)
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl Failure {
    /// Tells the person or the script, and gives the exit code.
    pub fn tell(&self, voice: Voice, command: &str) -> Exit {
        let (exit, code, words): (Exit, &str, &dyn Words) = match self {
            Self::Prompt(error) => (error.exit(), error.code(), error),
            Self::Trouble(trouble) => (trouble.exit(), trouble.code(), trouble),
        };
        voice.failed(command, exit, code, words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_russian_reader_reads_no_reason_of_a_library() {
        let (why, path, login) = ("english reason".to_owned(), "x".to_owned(), "anna".to_owned());
        let all = [
            Trouble::Read { path: path.clone(), cause: why.clone() },
            Trouble::Write { path: path.clone(), cause: why.clone() },
            Trouble::BadFile { path, why: why.clone() },
            Trouble::ActsDamaged { line: 1, why: why.clone() },
            Trouble::Names { login: login.clone(), why: why.clone() },
            Trouble::Unmade { why: why.clone() },
            Trouble::BadRoster { why: why.clone() },
            Trouble::PolicyUnread { why: why.clone() },
            Trouble::PaperFailed { number: 1, login, why: why.clone() },
            Trouble::Sheet { why: why.clone() },
            Trouble::Extra { why },
        ];
        for trouble in all {
            assert!(trouble.en().contains("english"), "{}", trouble.en());
            assert!(!trouble.ru().contains("english"), "{}", trouble.ru());
        }
    }
}
