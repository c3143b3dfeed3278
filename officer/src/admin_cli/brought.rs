//! What a bundle brings, in lines for people, once every signature in it holds by the site card's authority.
//! Never trusts a bundle for its own sake, and knows nothing of what the appliance has already.

use super::names::{self, Names};
use super::trouble::Trouble;
use console::{DETAILS_RU, Exit, Lang, Words, clean};
use journal::act::{Act, Enrol, EnvelopePrint};
use journal::ids::{Hash, LogId};
use journal::statement::{Parsed, VerifiedStatement};
use pki::{Certificate, PersonId, SiteCard};
use protocol::bundle::{BadBundle, Bundle, ended_within};
use protocol::frame::SealedVerifier;
use std::collections::BTreeSet;

/// Lines of a plan that are shown; the rest is counted.
const LINES_MAX: usize = 60;

/// See the module.
pub(super) struct Brought {
    pub(super) acts: Vec<VerifiedStatement>,
    pub(super) verifiers: Vec<SealedVerifier>,
}

/// Why a bundle is not sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum Bad {
    #[error(transparent)]
    Bundle(#[from] BadBundle),
    /// The first one of a site: `conclaved init` takes it.
    #[error("it founds a site")]
    Founding,
    #[error("it brings nothing")]
    Empty,
    /// The act of this number, from 1.
    #[error("act {0} is not signed by this site's authority")]
    Act(usize),
    /// Acts do not follow one another.
    #[error("act {0} does not follow the one before it")]
    Gap(usize),
    #[error("envelopes and verifiers do not match")]
    Verifiers,
}

impl Bad {
    /// In words.
    pub(super) fn of(&self, path: &str) -> Trouble {
        let say = |name: &str, en: String, ru: String| Trouble::say(Exit::No, name, en, ru);
        match self {
            Self::Bundle(BadBundle::NotOne { found: 0 }) => say(
                "not-a-bundle",
                format!("{path} holds no bundle of the authority"),
                format!("в {path} нет пакета удостоверяющего центра"),
            ),
            Self::Bundle(why) => say(
                "not-a-bundle",
                format!("{path} is not what is needed here: {why}"),
                format!("{path} здесь не годится ({DETAILS_RU})"),
            ),
            Self::Founding => say(
                "founding-bundle",
                format!(
                    "{path} founds a site and is for `conclaved init`; mark it as taken in (conclave-pki bundle --taken) and make the next one"
                ),
                format!(
                    "{path} учреждает систему и предназначен для `conclaved init`; отметьте его принятым (conclave-pki bundle --taken) и составьте следующий"
                ),
            ),
            Self::Empty => {
                say("nothing-new", format!("{path} brings nothing"), format!("в {path} ничего нет"))
            }
            Self::Act(number) => say(
                "foreign-act",
                format!("{path}: act {number} is not signed by the authority of this site; nothing was sent"),
                format!(
                    "{path}: акт {number} подписан не удостоверяющим центром этой системы; ничего не отправлено"
                ),
            ),
            Self::Gap(number) => say(
                "acts-missing",
                format!("{path}: act {number} does not follow the one before it; nothing was sent"),
                format!("{path}: акт {number} не следует за предыдущим; ничего не отправлено"),
            ),
            Self::Verifiers => say(
                "verifiers-missing",
                format!(
                    "{path}: its envelopes and password verifiers do not match; make the bundle anew, or reissue the envelopes"
                ),
                format!(
                    "{path}: конверты не соответствуют проверочным значениям паролей; составьте пакет заново или выпустите конверты заново"
                ),
            ),
        }
    }
}

impl Brought {
    /// Reads a bundle whole and verifies every signature in it.
    pub(super) fn read(text: &str, card: &SiteCard) -> Result<Self, Bad> {
        let Bundle { genesis, acts, verifiers, .. } = Bundle::from_text(text)?;
        if genesis.is_some() {
            return Err(Bad::Founding);
        }
        if acts.is_empty() {
            return Err(Bad::Empty);
        }
        let authorities = card.issuing_authorities();
        let mut verified: Vec<VerifiedStatement> = Vec::with_capacity(acts.len());
        for (number, act) in (1..).zip(acts) {
            let act = act.parse().map_err(|_| Bad::Act(number))?;
            if verified.last().is_some_and(|before| !follows(before.get(), &act)) {
                return Err(Bad::Gap(number));
            }
            verified.push(verify(act, &authorities, LogId(card.log_id)).ok_or(Bad::Act(number))?);
        }
        let brought = Self { acts: verified, verifiers };
        if brought.verifiers_fit() { Ok(brought) } else { Err(Bad::Verifiers) }
    }

    /// Each printed envelope has the verifier that it was signed for and each verifier its envelope, as the core will
    /// ask for; an envelope that the bundle ends again needs none.
    fn verifiers_fit(&self) -> bool {
        let ended = ended_within(self.acts.iter().map(|act| act.get().act()));
        let has = |number| self.verifiers.iter().any(|one| one.envelope == number);
        let printed = self.acts.iter().filter_map(|act| as_print(act.get().act()));
        let printed = printed.filter(|print| has(print.number) || !ended.contains(&print.number));
        let printed = printed.map(|print| (print.person, print.number, print.verifier));
        let printed: BTreeSet<(PersonId, u64, Hash)> = printed.collect();
        let brought = self.verifiers.iter();
        let brought = brought.map(|one| (one.person, one.envelope, EnvelopePrint::digest(&one.sealed)));
        let brought: BTreeSet<_> = brought.collect();
        printed == brought && brought.len() == self.verifiers.len()
    }

    /// The plan, cut at a limit.
    pub(super) fn shown(&self, names: &Names, lang: Lang) -> String {
        let mut lines: Vec<String> =
            self.lines(names, lang).take(LINES_MAX).map(|line| format!("  {line}")).collect();
        let left = self.acts.len().saturating_sub(LINES_MAX);
        if left > 0 {
            lines.push(format!("  {} {left}", lang.pick("and more:", "и ещё:")));
        }
        lines.join("\n")
    }

    /// One line for each act.
    pub(super) fn lines(&self, names: &Names, lang: Lang) -> impl Iterator<Item = String> {
        self.acts.iter().map(move |act| self.line(act.get().act(), names, lang).say(lang))
    }

    fn line(&self, act: &Act, names: &Names, lang: Lang) -> Said {
        match act {
            Act::Enrol(act) => enrol(act, lang),
            Act::Revoke(act) => Said::Revoke { who: self.full(act.person, names), note: clean(&act.note) },
            Act::Crl(_) => Said::Crl,
            Act::CrlPart(act) => Said::CrlPart { number: act.number, of: act.of },
            Act::EnvelopePrint(act) => {
                let who = self.full(act.person, names);
                match act.replaces {
                    0 => Said::Print { number: act.number, who },
                    replaced => Said::Reissue { number: act.number, who, replaced },
                }
            }
            Act::EnvelopeHandOver(act) => Said::HandOver { number: act.number },
            Act::EnvelopeVoid(act) => Said::Void { number: act.number },
            Act::Genesis(_)
            | Act::Succession(_)
            | Act::Continues(_)
            | Act::Submit(_)
            | Act::Propose(_)
            | Act::Approve(_)
            | Act::Withdraw(_)
            | Act::Login(_)
            | Act::Logout(_)
            | Act::SetPassword(_)
            | Act::Suspend(_)
            | Act::Resume(_)
            | Act::Unlock(_)
            | Act::EndSession(_)
            | Act::Create(_)
            | Act::Invite(_)
            | Act::Accept(_)
            | Act::Leave(_)
            | Act::Remove(_)
            | Act::HandOver(_)
            | Act::Epoch(_)
            | Act::ShareHistory(_)
            | Act::BadWrap(_)
            | Act::Title(_)
            | Act::Reserve(_)
            | Act::Message(_)
            | Act::Read(_)
            | Act::Acknowledge(_)
            | Act::Erase(_)
            | Act::Object(_)
            | Act::Hold(_)
            | Act::Export(_)
            | Act::Backup(_)
            | Act::ClockAttest(_)
            | Act::AlarmAcknowledge(_)
            | Act::AlarmClose(_)
            | Act::Report(_)
            | Act::Disclose(_)
            | Act::Finding(_) => Said::Other { kind: act.name() },
        }
    }

    /// Who it is: by the directory, or by an enrolment in this very bundle.
    fn full(&self, person: PersonId, names: &Names) -> String {
        let by_directory = names.full(person);
        if by_directory != person.to_string() {
            return by_directory;
        }
        let enrolled = self.acts.iter().filter_map(|act| certificate(act.get().act()));
        let mut enrolled = enrolled.filter(|certificate| certificate.person() == Some(person));
        enrolled.next().map_or(by_directory, |certificate| full(&certificate))
    }
}

console::words! {
    enum Said {
        Enrol { who: String, roles: String, rank: String, until: String }
            => en("enrols {who}: {roles}; clearance {rank}; until {until}"),
               ru("вносит {who}: {roles}; допуск {rank}; до {until}");
        Officer { who: String, roles: String, rank: String, until: String }
            => en("enrols {who}: {roles}; clearance {rank}; until {until}; to act as an officer, two officers must admit: conclave-admin admit"),
               ru("вносит {who}: {roles}; допуск {rank}; до {until}; чтобы действовать как офицер, нужно решение двух офицеров: conclave-admin admit");
        Unreadable => en("enrols somebody whose certificate cannot be read"), ru("вносит кого-то с нечитаемым сертификатом");
        Revoke { who: String, note: String }
            => en("revokes {who} for ever{}{note}", if note.is_empty() { "" } else { ": " }),
               ru("отзывает навсегда: {who}{}{note}", if note.is_empty() { "" } else { " — " });
        Crl => en("publishes a revocation list"), ru("публикует список отозванных");
        CrlPart { number: u32, of: u32 }
            => en("publishes part {number} of {of} of a revocation list"),
               ru("публикует часть {number} из {of} списка отозванных");
        Print { number: u64, who: String }
            => en("envelope No. {number} for {who} was printed"), ru("напечатан конверт № {number} для {who}");
        Reissue { number: u64, who: String, replaced: u64 }
            => en("envelope No. {number} for {who} was printed in place of No. {replaced}"),
               ru("напечатан конверт № {number} для {who} взамен № {replaced}");
        HandOver { number: u64 }
            => en("envelope No. {number} was handed over: its password opens the first login"),
               ru("конверт № {number} вручён: его пароль открывает первый вход");
        Void { number: u64 } => en("envelope No. {number} is void"), ru("конверт № {number} недействителен");
        Other { kind: &'static str }
            => en("{kind}: not an act of the authority; the appliance will refuse it"),
               ru("{kind}: не акт удостоверяющего центра; сервер его отклонит");
    }
}

fn verify(act: Parsed, authorities: &[Certificate], log: LogId) -> Option<VerifiedStatement> {
    let header = act.header();
    if header.person != PersonId(0) || (header.log != LogId::ZERO && header.log != log) {
        return None;
    }
    let authority = authorities.iter().find(|authority| authority.id() == header.certificate)?;
    act.verify(&authority.public_key().ok()?).ok()
}

fn follows(before: &Parsed, act: &Parsed) -> bool {
    let (a, b) = (before.header(), act.header());
    b.chain == a.chain && b.sequence == a.sequence.saturating_add(1) && b.previous == before.id()
}

fn as_print(act: &Act) -> Option<&EnvelopePrint> {
    if let Act::EnvelopePrint(print) = act { Some(print) } else { None }
}

fn certificate(act: &Act) -> Option<Certificate> {
    if let Act::Enrol(enrol) = act { Certificate::parse(&enrol.signature).ok() } else { None }
}

fn full(certificate: &Certificate) -> String {
    let text = |text: Option<&str>| clean(text.unwrap_or_default());
    format!("{} @{}", text(certificate.full_name()), text(certificate.login()))
}

fn enrol(act: &Enrol, lang: Lang) -> Said {
    let Ok(certificate) = Certificate::parse(&act.signature) else { return Said::Unreadable };
    let who = full(&certificate);
    let roles = names::roles(certificate.roles(), lang);
    let rank = format!("{} ({})", certificate.clearance().name(), certificate.clearance().rank());
    let until = certificate.validity().1.to_string();
    match certificate.roles().contains(pki::Role::Officer) {
        true => Said::Officer { who, roles, rank, until },
        false => Said::Enrol { who, roles, rank, until },
    }
}
