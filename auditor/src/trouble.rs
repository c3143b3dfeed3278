//! Why a command could not do its work, in words, as an exit code and as a stable code for scripts.
//! Never used for a verdict: that a bundle is bad is an answer, no trouble.

use console::{DETAILS_RU, Exit, PromptError, cause_ru};

use crate::bundle::BadBundle;
use crate::trust::BadTrust;

console::words! {
    /// What went wrong.
    #[derive(Debug)]
    pub enum Trouble {
        /// A file cannot be read.
        Unreadable { file: String, cause: String }
            => en("{file} cannot be read: {cause}"), ru("{file} не читается: {}", cause_ru(cause));
        /// A file is longer than any of the kind that is wanted.
        TooLarge { file: String, bytes: u64 }
            => en("{file} is another kind of file than is wanted here: those have at most {bytes} bytes"),
               ru("{file} — не тот файл, который здесь нужен: в таких не больше {bytes} байт");
        /// A file cannot be written.
        Unwritable { file: String, cause: String }
            => en("{file} cannot be written: {cause}"), ru("{file} не записывается: {}", cause_ru(cause));
        /// A file is there already.
        Exists { file: String }
            => en("{file} exists already and is not overwritten"), ru("{file} уже существует и не переписывается");
        /// Another verifier lies where ours would.
        OtherVerifier { file: String }
            => en("{file} is another build's and is not overwritten: move it away, or leave ours out with --no-verifier"),
               ru("{file} от другой сборки и не переписывается: уберите его или откажитесь от нашего ключом --no-verifier");
        /// Not ours.
        NotABundle { file: String }
            => en("{file} is no journal bundle"), ru("{file} — не выгрузка журнала");
        /// What was read of it once is gone.
        APipe { file: String }
            => en("{file} is no file: it is read more than once here; write the bundle into a file"),
               ru("{file} — не файл, а читать его здесь нужно не один раз; сохраните выгрузку в файл");
        /// Neither of two is of the log of the trust file.
        OtherLogs
            => en("neither bundle is of the log that the trust file believes in"),
               ru("ни одна из выгрузок не относится к журналу из файла доверия");
        /// Nothing but a beginning.
        CutOff { file: String }
            => en("INCOMPLETE: {file} breaks off before its first entry"),
               ru("НЕПОЛНО: {file} обрывается до первой записи");
        /// A part, where a whole is wanted: whoever takes it for one is told.
        Excerpt { file: String }
            => en("INCOMPLETE: {file} is an excerpt, not the whole journal; `check-excerpt` tells what it proves and what not"),
               ru("НЕПОЛНО: {file} — выписка, а не весь журнал; что она доказывает и чего нет, скажет `check-excerpt`");
        /// A whole, where a part is wanted.
        WholeBundle { file: String }
            => en("{file} is a whole journal, no excerpt; `verify` checks it"),
               ru("{file} — весь журнал, а не выписка; его проверяет `verify`");
        /// Nothing to cut out.
        NothingAsked => en("nothing in the bundle was asked for; nothing was written"),
               ru("в выгрузке нет ничего из запрошенного; ничего не записано");
        /// A newer program's.
        NewerBundle { file: String, version: u8 }
            => en("{file} is of version {version}, newer than this program reads"),
               ru("{file} версии {version}: новее, чем читает эта программа");
        /// The bundle is damaged where it is needed.
        DamagedBundle { file: String, entries: u64 }
            => en("{file} is damaged behind entry {entries}; `verify` says more"),
               ru("{file} повреждён после записи {entries}; подробнее скажет `verify`");
        /// The trust file is not one.
        BadTrustFile { file: String, cause: String }
            => en("{file} is no trust file: {cause}; one is made of a site card by `conclave-audit trust init`"),
               ru("{file} — не файл доверия ({DETAILS_RU}); его делает из карты системы `conclave-audit trust init`");
        /// Others may write the trust file.
        Exposed { file: String }
            => en("others may write {file}, so it cannot be trusted; chmod 600 it after a look at what it says"),
               ru("файл {file} могут менять другие, доверять ему нельзя; проверьте его и сделайте chmod 600");
        /// The trust file is another user's.
        ForeignTrust { file: String, owner: u32 }
            => en("{file} belongs to user {owner}, so it cannot be trusted; look at what it says, and copy it to be yours"),
               ru("файл {file} принадлежит пользователю {owner}, доверять ему нельзя; проверьте его и сделайте свою копию");
        /// The site card is not one.
        BadCard { file: String, cause: String }
            => en("{file} is no site card: {cause}"), ru("{file} — не карта системы ({DETAILS_RU})");
        /// A certificate file is not one.
        BadCertificates { file: String, cause: String }
            => en("{file} holds no CA certificates: {cause}"), ru("в {file} нет сертификатов центров ({DETAILS_RU})");
        /// A receipt without its signer's certificate.
        NoCertificate { file: String }
            => en("there is no {file}: the certificate of who signed the entry, which `conclave message receipt` writes beside the \
                   receipt; name another file with --certificate"),
               ru("нет {file}: это сертификат подписавшего, его пишет рядом с квитанцией `conclave message receipt`; другой файл \
                   укажите через --certificate");
        /// A typed value is wrong.
        BadValue { what: String, wanted: String }
            => en("{what}: expected {wanted}"), ru("{what}: ожидается {wanted}");
        /// The fingerprint differs.
        OtherFingerprint { found: String }
            => en("the fingerprint is another one: {found}"), ru("отпечаток другой: {found}");
        /// The person said no.
        NotConfirmed => en("not confirmed; nothing was written"), ru("не подтверждено; ничего не записано");
        /// An anchor that is not the log's.
        BadAnchor { file: String }
            => en("{file} is no checkpoint signed by this log"), ru("{file} — не контрольная точка этого журнала");
        /// A witness to be believed no longer, that never was.
        NoSuchWitness { file: String }
            => en("{file} names no such witness"), ru("{file}: такого свидетеля в нём нет");
        /// The file was another one when it was read once more.
        ChangedMeanwhile { file: String }
            => en("{file} was changed while it was being read"), ru("{file}: файл изменился во время чтения");
        /// No such entry.
        NoSuchEntry { index: u64, entries: u64 }
            => en("there is no entry #{index}; the bundle has {entries}"),
               ru("записи #{index} нет; в выгрузке их {entries}");
        /// Facts have no signature.
        NothingSigned { index: u64 }
            => en("entry #{index} is the server's own claim: no person signed it"),
               ru("запись #{index} — утверждение самого сервера: её никто не подписывал");
        /// No note covers it.
        NotCovered { index: u64 }
            => en("no note in the bundle covers entry #{index}"), ru("ни одна подпись журнала не покрывает запись #{index}");
        /// Entries that no note of their log covers.
        Uncovered { file: String }
            => en("{file} holds no signature of the log over exactly its entries; `verify` says more"),
               ru("в {file} нет подписи журнала ровно под его записями; подробнее скажет `verify`");
        /// Tiles that do not hold together.
        BadTiles { file: String }
            => en("{file} does not lead to the root that its checkpoint names; nothing is proven by it"),
               ru("{file} не приводит к корню из своей контрольной точки; им ничего не доказать");
        /// The temporary disk, where hashes of a long journal lie meanwhile.
        Temporary { cause: String }
            => en("the directory for temporary files failed: {cause}"),
               ru("сбой каталога временных файлов: {}", cause_ru(cause));
        /// The certificate is another role's.
        NoWitness { en: String, ru: String }
            => en("this needs the role witness; this certificate has: {en}"),
               ru("для этого нужна роль «свидетель»; в этом сертификате: {ru}");
        /// The server refused a witness that was never in before, and does not say why.
        WitnessNotLetIn { code: String, exit: Exit, en: String, ru: String }
            => en("{en}. A witness takes the password out of its envelope on this machine: conclave login --envelope"),
               ru("{ru}. Пароль из своего конверта свидетель меняет на этой машине: conclave login --envelope");
        /// It came in with the password of its envelope.
        NoPasswordYet
            => en("the password is still that of the paper envelope: set one of your own first, with conclave login --envelope"),
               ru("пароль всё ещё из бумажного конверта: сначала задайте свой через conclave login --envelope");
        /// A sheet that cannot be drawn.
        Unprintable { cause: String }
            => en("the sheet cannot be printed: {cause}"), ru("лист не напечатать ({DETAILS_RU})");
        /// Another witness runs there.
        MirrorBusy { file: String }
            => en("{file} is in use by another witness"), ru("{file} уже занят другим свидетелем");
        /// A witness' directory that does not hold together.
        BadMirror { file: String, cause: String }
            => en("{file} cannot be gone on with: {cause}. Keep it, tell the auditor, and begin in another directory only when it is explained"),
               ru("{file}: продолжать нельзя, копия не сходится со своей контрольной точкой ({DETAILS_RU}). Сохраните каталог, сообщите \
                   аудитору и начинайте в другом, только когда причина ясна");
        /// An entry cannot be read.
        IllegibleEntry { index: u64 }
            => en("entry #{index} cannot be read"), ru("запись #{index} не читается");
        /// The server leaves an entry out: a bad sector of its store, or its will.
        NotGiven { index: u64 }
            => en("INCOMPLETE: the server does not give entry #{index}: its store does not read there, or it keeps it back. Nothing \
                   that is here counts as its journal; at the machine `conclaved store check` shows what is damaged"),
               ru("НЕПОЛНО: сервер не выдаёт запись #{index}: его хранилище там не читается, или он её утаивает. То, что получено, \
                   журналом не считается; что повреждено, на самой машине покажет `conclaved store check`");
        /// Not a receipt.
        NotAReceipt { file: String, cause: String }
            => en("{file} is no proof: {cause}"), ru("{file} — не доказательство ({DETAILS_RU})");
        /// What `--who` names.
        UnknownPerson { who: String }
            => en("nobody in this journal is called {who}"), ru("в этом журнале нет никого с именем {who}");
        /// What `--conversation` names.
        UnknownConversation { number: u64 }
            => en("no conversation #{number} was founded in this journal"), ru("беседы #{number} в этом журнале нет");
        /// What `--kind` names.
        UnknownKind { kind: String, known: String }
            => en("no kind is called {kind}; there are: {known}"), ru("нет вида записей {kind}; есть: {known}");
        /// A register beyond what one may hold.
        TooLong { limit: u64 }
            => en("the register is longer than {limit}: choose a shorter period with --from and --to, or CSV"),
               ru("реестр длиннее {limit}: выберите период короче через --from и --to или CSV");
        /// A sheet that was not made.
        NotPrinted { cause: String }
            => en("the sheet cannot be made: {cause}"), ru("лист не составить ({DETAILS_RU})");
        /// A question got no answer.
        Asked { words: String, exit: Exit } => en("{words}"), ru("{words}");
        /// Nobody to ask.
        NoTerminal
            => en("there is no terminal to confirm the fingerprint on; give the one on paper with --fingerprint"),
               ru("нет терминала, чтобы подтвердить отпечаток; укажите напечатанный через --fingerprint");
        /// The appliance, or the way to it.
        Online { code: String, exit: Exit, en: String, ru: String } => en("{en}"), ru("{ru}");
    }
}

impl Trouble {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. }
            | Self::Unwritable { .. }
            | Self::Temporary { .. }
            | Self::NoCertificate { .. } => Exit::Io,
            Self::CutOff { .. } | Self::Excerpt { .. } | Self::NotGiven { .. } => Exit::Incomplete,
            Self::Exposed { .. }
            | Self::ForeignTrust { .. }
            | Self::NoWitness { .. }
            | Self::NoPasswordYet => Exit::NotAllowed,
            Self::NoTerminal => Exit::Missing,
            Self::Asked { exit, .. } | Self::Online { exit, .. } | Self::WitnessNotLetIn { exit, .. } => {
                *exit
            }
            Self::BadValue { .. } | Self::UnknownKind { .. } => Exit::Usage,
            Self::Exists { .. }
            | Self::OtherVerifier { .. }
            | Self::TooLarge { .. }
            | Self::NotABundle { .. }
            | Self::APipe { .. }
            | Self::OtherLogs
            | Self::WholeBundle { .. }
            | Self::NothingAsked
            | Self::NewerBundle { .. }
            | Self::DamagedBundle { .. }
            | Self::BadTrustFile { .. }
            | Self::BadCard { .. }
            | Self::BadCertificates { .. }
            | Self::OtherFingerprint { .. }
            | Self::NotConfirmed
            | Self::BadAnchor { .. }
            | Self::NoSuchWitness { .. }
            | Self::ChangedMeanwhile { .. }
            | Self::NoSuchEntry { .. }
            | Self::NothingSigned { .. }
            | Self::NotCovered { .. }
            | Self::Uncovered { .. }
            | Self::BadTiles { .. }
            | Self::Unprintable { .. }
            | Self::MirrorBusy { .. }
            | Self::BadMirror { .. }
            | Self::IllegibleEntry { .. }
            | Self::NotAReceipt { .. }
            | Self::TooLong { .. }
            | Self::NotPrinted { .. }
            | Self::UnknownPerson { .. }
            | Self::UnknownConversation { .. } => Exit::No,
        }
    }

    /// The stable code for scripts.
    pub fn code(&self) -> &str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::TooLarge { .. } => "too-large",
            Self::Unwritable { .. } => "unwritable",
            Self::Exists { .. } | Self::OtherVerifier { .. } => "exists",
            Self::NotABundle { .. } => "not-a-bundle",
            Self::APipe { .. } => "a-pipe",
            Self::OtherLogs => "other-log",
            Self::CutOff { .. } => "cut-off",
            Self::Excerpt { .. } => "excerpt",
            Self::WholeBundle { .. } => "whole-bundle",
            Self::NothingAsked => "nothing-asked",
            Self::NewerBundle { .. } => "newer-bundle",
            Self::DamagedBundle { .. } => "damaged-bundle",
            Self::BadTrustFile { .. } => "bad-trust-file",
            Self::Exposed { .. } => "exposed",
            Self::ForeignTrust { .. } => "foreign",
            Self::BadCard { .. } => "bad-card",
            Self::BadCertificates { .. } => "bad-certificates",
            Self::NoCertificate { .. } => "no-certificate-file",
            Self::BadValue { .. } => "bad-value",
            Self::OtherFingerprint { .. } => "other-fingerprint",
            Self::NotConfirmed => "not-confirmed",
            Self::BadAnchor { .. } => "bad-anchor",
            Self::NoSuchWitness { .. } => "no-such-witness",
            Self::ChangedMeanwhile { .. } => "changed-meanwhile",
            Self::NoSuchEntry { .. } => "no-such-entry",
            Self::NothingSigned { .. } => "nothing-signed",
            Self::NotCovered { .. } => "not-covered",
            Self::Uncovered { .. } => "uncovered",
            Self::BadTiles { .. } => "bad-tiles",
            Self::Temporary { .. } => "temporary",
            Self::NoWitness { .. } => "wrong-role",
            Self::Unprintable { .. } => "unprintable",
            Self::MirrorBusy { .. } => "mirror-busy",
            Self::BadMirror { .. } => "bad-mirror",
            Self::IllegibleEntry { .. } => "illegible-entry",
            Self::NotGiven { .. } => "not-given",
            Self::NotAReceipt { .. } => "not-a-receipt",
            Self::UnknownPerson { .. } => "unknown-person",
            Self::UnknownConversation { .. } => "unknown-conversation",
            Self::UnknownKind { .. } => "unknown-kind",
            Self::TooLong { .. } => "too-long",
            Self::NotPrinted { .. } => "not-printed",
            Self::Asked { .. } => "not-asked",
            Self::NoTerminal => "no-terminal",
            Self::NoPasswordYet => "no-password-yet",
            Self::Online { code, .. } | Self::WitnessNotLetIn { code, .. } => code,
        }
    }

    /// A bundle that cannot be used.
    pub fn bundle(file: String, bad: &BadBundle, entries: u64) -> Self {
        match bad {
            BadBundle::NotABundle => Self::NotABundle { file },
            BadBundle::Newer(version) => Self::NewerBundle { file, version: *version },
            BadBundle::Io(cause) => Self::Unreadable { file, cause: cause.to_string() },
            BadBundle::Truncated { .. } if entries == 0 => Self::CutOff { file },
            BadBundle::Excerpt => Self::Excerpt { file },
            BadBundle::Whole => Self::WholeBundle { file },
            BadBundle::Truncated { .. }
            | BadBundle::TooLong { .. }
            | BadBundle::Malformed { .. }
            | BadBundle::TooManyNotes
            | BadBundle::BringsTrust
            | BadBundle::TrailingBytes => Self::DamagedBundle { file, entries },
        }
    }

    /// A trust file that cannot be used.
    pub fn trust(file: String, bad: &BadTrust) -> Self {
        match bad {
            BadTrust::Io(cause) => Self::Unreadable { file, cause: cause.to_string() },
            BadTrust::Exists => Self::Exists { file },
            BadTrust::Exposed { .. } => Self::Exposed { file },
            BadTrust::Foreign { owner } => Self::ForeignTrust { file, owner: *owner },
            BadTrust::NotText
            | BadTrust::Pem(_)
            | BadTrust::NotOne { .. }
            | BadTrust::NotCanonical(_)
            | BadTrust::Newer(_)
            | BadTrust::Field(_) => Self::BadTrustFile { file, cause: bad.to_string() },
        }
    }

    /// A question that got no answer.
    pub fn asked(error: &PromptError, lang: console::Lang) -> Self {
        Self::Asked { words: console::Words::say(error, lang), exit: error.exit() }
    }
}

#[cfg(test)]
mod tests {
    use console::Words;

    use super::*;

    #[test]
    fn a_russian_reader_reads_no_reason_of_a_library() {
        let (file, cause) = (|| "x".to_owned(), || "english reason".to_owned());
        let all = [
            Trouble::Unreadable { file: file(), cause: cause() },
            Trouble::Unwritable { file: file(), cause: cause() },
            Trouble::BadTrustFile { file: file(), cause: cause() },
            Trouble::BadCard { file: file(), cause: cause() },
            Trouble::BadCertificates { file: file(), cause: cause() },
            Trouble::NotAReceipt { file: file(), cause: cause() },
        ];
        for trouble in all {
            assert!(trouble.en().contains("english"), "{}", trouble.en());
            assert!(!trouble.ru().contains("english"), "{}", trouble.ru());
        }
    }
}
