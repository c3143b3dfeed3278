//! What an entry is about: which conversation, which people besides its signer, which earlier entries. For filters.
//! Never reads a text; there is none in the journal.

use std::collections::BTreeSet;

use journal::act::{Act, Disclose, DualAct, EraseTarget, HoldScope, Report};
use journal::fact::Fact;
use journal::ids::{ConversationId, Index};
use pki::{Certificate, PersonId, canonical};

use crate::names::{Names, What};

/// The conversation that an act is about, for filters.
pub fn conversation(what: What<'_>, index: Index, names: &Names) -> Option<Index> {
    let What::Statement(parsed) = what else { return None };
    let act = parsed.act();
    if let Act::Create(_) = act {
        return Some(index);
    }
    if let Act::Acknowledge(act) = act {
        return names.conversation_of(act.message);
    }
    if let Act::Disclose(Disclose { message }) | Act::Report(Report { message, .. }) = act {
        return names.conversation_of(*message);
    }
    act.conversation().and_then(|id| names.conversation(id))
}

/// The entries of one person or conversation: what he signed or names him, what is of it, and what was done about any of that
/// (a message acknowledged, reported, erased; an order about it approved; what was raised about it closed).
pub struct Concern {
    of: Of,
    /// Its entries so far, ascending: all that grows with them.
    entries: Vec<Index>,
    /// Where he has written; the conversation itself.
    places: BTreeSet<ConversationId>,
}

enum Of {
    /// By login or id.
    Person(String),
    /// By the index of the founding.
    Conversation(Index),
}

impl Concern {
    /// Of whom this login or id names.
    pub fn person(wanted: &str) -> Self {
        Self { of: Of::Person(wanted.to_owned()), entries: Vec::new(), places: BTreeSet::new() }
    }

    /// Of the conversation of this number.
    pub fn conversation(number: Index) -> Self {
        Self { of: Of::Conversation(number), entries: Vec::new(), places: BTreeSet::new() }
    }

    /// Whether the next entry is one of them. To be asked of every entry, in order.
    pub fn take(&mut self, index: Index, what: What<'_>, names: &Names) -> bool {
        let own = match &self.of {
            Of::Person(wanted) => names.find(wanted).is_some_and(|person| {
                if signer(what) == Some(person) {
                    self.places.extend(written_in(what));
                }
                signer(what) == Some(person) || concerned(what).contains(&person)
            }),
            Of::Conversation(number) => {
                self.places.extend(founded(what).filter(|_| index == *number));
                conversation(what, index, names) == Some(*number)
            }
        };
        let concerns = own || self.is_about(what);
        if concerns {
            self.entries.push(index);
        }
        concerns
    }

    fn is_about(&self, what: What<'_>) -> bool {
        let What::Statement(parsed) = what else { return false };
        let About { entries, whole } = About::of(parsed.act());
        entries.iter().any(|index| self.entries.binary_search(index).is_ok())
            || whole.is_some_and(|place| self.places.contains(&place))
    }
}

fn written_in(what: What<'_>) -> Option<ConversationId> {
    let What::Statement(parsed) = what else { return None };
    if let Act::Message(act) = parsed.act() { Some(act.conversation) } else { None }
}

fn founded(what: What<'_>) -> Option<ConversationId> {
    let What::Statement(parsed) = what else { return None };
    if let Act::Create(_) = parsed.act() { Some(ConversationId(parsed.id().0)) } else { None }
}

/// Who signed it; nobody a claim of the server.
pub fn signer(what: What<'_>) -> Option<PersonId> {
    match what {
        What::Statement(parsed) => Some(parsed.header().person),
        What::Fact(_) => None,
    }
}

/// What was there already and an act does something about. An answer, or having read up to somewhere, does nothing about it.
#[derive(Default)]
struct About {
    entries: Vec<Index>,
    /// A conversation with everything in it.
    whole: Option<ConversationId>,
}

impl About {
    fn of(act: &Act) -> Self {
        let one = |index: Index| Self { entries: vec![index], whole: None };
        match act {
            Act::Acknowledge(act) => one(act.message),
            Act::Report(act) => one(act.message),
            Act::Disclose(act) => one(act.message),
            Act::Finding(act) => one(act.entry),
            Act::AlarmAcknowledge(act) => one(act.raised),
            Act::AlarmClose(act) => one(act.raised),
            Act::Approve(act) => one(act.proposal),
            Act::Withdraw(act) => one(act.proposal),
            Act::Object(act) => one(act.proposal),
            Act::Erase(act) => Self::target(&act.target),
            Act::Hold(act) => match &act.scope {
                HoldScope::Messages(_, entries) => Self { entries: entries.clone(), whole: None },
                HoldScope::Conversation(place) => Self { entries: Vec::new(), whole: Some(*place) },
                HoldScope::Person(_) => Self::default(),
            },
            Act::Propose(act) => match canonical::decode(&act.act) {
                Ok(DualAct::Erase(order)) => Self::target(&order.target),
                Ok(DualAct::LiftHold(hold)) => one(hold),
                Ok(
                    DualAct::Policy(_)
                    | DualAct::AdmitOfficer(_)
                    | DualAct::DropCell(_)
                    | DualAct::Close(_)
                    | DualAct::SetClock(_),
                )
                | Err(_) => Self::default(),
            },
            Act::Genesis(_)
            | Act::Submit(_)
            | Act::Login(_)
            | Act::Logout(_)
            | Act::SetPassword(_)
            | Act::Enrol(_)
            | Act::Revoke(_)
            | Act::Crl(_)
            | Act::CrlPart(_)
            | Act::EnvelopePrint(_)
            | Act::EnvelopeHandOver(_)
            | Act::EnvelopeVoid(_)
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
            | Act::Succession(_)
            | Act::Continues(_)
            | Act::Export(_)
            | Act::Backup(_)
            | Act::ClockAttest(_) => Self::default(),
        }
    }

    fn target(target: &EraseTarget) -> Self {
        match target {
            EraseTarget::Messages(_, entries) => Self { entries: entries.clone(), whole: None },
            EraseTarget::Conversation(place) => Self { entries: Vec::new(), whole: Some(*place) },
        }
    }
}

/// Whom an entry names besides its signer.
fn concerned(what: What<'_>) -> Vec<PersonId> {
    match what {
        What::Fact(Fact::FailedLogin(fact)) => vec![fact.person],
        What::Fact(Fact::Alarm(fact)) => fact.person.into_iter().collect(),
        What::Fact(
            Fact::Start(_)
            | Fact::Stop(_)
            | Fact::SessionEnd(_)
            | Fact::ClockStep(_)
            | Fact::Tick(_)
            | Fact::Erased(_)
            | Fact::KeyRoll(_)
            | Fact::PeriodEnd(_)
            | Fact::RetentionRun(_),
        ) => Vec::new(),
        What::Statement(parsed) => {
            let act = parsed.act();
            let mut found = person_of(act).into_iter().collect::<Vec<_>>();
            if let Act::Create(act) = act {
                found.extend(&act.invited);
            }
            found
        }
    }
}

fn person_of(act: &Act) -> Option<PersonId> {
    match act {
        Act::Hold(act) => match &act.scope {
            HoldScope::Person(person) => Some(*person),
            HoldScope::Conversation(_) | HoldScope::Messages(..) => None,
        },
        Act::Revoke(act) => Some(act.person),
        Act::EnvelopePrint(act) => Some(act.person),
        Act::Suspend(act) => Some(act.person),
        Act::Resume(act) => Some(act.person),
        Act::Unlock(act) => Some(act.person),
        Act::EndSession(act) => Some(act.person),
        Act::Invite(act) => Some(act.person),
        Act::Remove(act) => Some(act.person),
        Act::HandOver(act) => Some(act.person),
        Act::ShareHistory(act) => Some(act.person),
        Act::Enrol(act) => Certificate::parse(&act.signature).ok()?.person(),
        Act::Genesis(_)
        | Act::Submit(_)
        | Act::Propose(_)
        | Act::Approve(_)
        | Act::Withdraw(_)
        | Act::Login(_)
        | Act::Logout(_)
        | Act::SetPassword(_)
        | Act::Crl(_)
        | Act::CrlPart(_)
        | Act::EnvelopeHandOver(_)
        | Act::EnvelopeVoid(_)
        | Act::Create(_)
        | Act::Accept(_)
        | Act::Leave(_)
        | Act::Epoch(_)
        | Act::BadWrap(_)
        | Act::Title(_)
        | Act::Reserve(_)
        | Act::Message(_)
        | Act::Read(_)
        | Act::Acknowledge(_)
        | Act::Erase(_)
        | Act::Object(_)
        | Act::Succession(_)
        | Act::Continues(_)
        | Act::Export(_)
        | Act::Backup(_)
        | Act::ClockAttest(_)
        | Act::AlarmAcknowledge(_)
        | Act::AlarmClose(_)
        | Act::Report(_)
        | Act::Disclose(_)
        | Act::Finding(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Opened;
    use journal::act::{AlarmAcknowledge, Erase, Finding, FindingCode, ReportReason, Severity};
    use journal::testing::TestLog;

    fn entries(log: &TestLog, mut concern: Concern) -> Vec<Index> {
        let mut names = Names::default();
        let concerns = |(index, bytes): (Index, &Vec<u8>)| {
            let opened = Opened::read(bytes).unwrap();
            names.take(index, opened.what());
            concern.take(index, opened.what(), &names).then_some(index)
        };
        (0..).zip(&log.entries).filter_map(concerns).collect()
    }

    #[test]
    fn what_was_done_about_a_message_concerns_its_author_and_its_conversation() {
        let mut log = TestLog::standard(71);
        let chat = log.talking("anna", &["boris"]);
        let founds = |bytes: &Vec<u8>| founded(Opened::read(bytes).unwrap().what()) == Some(chat);
        let number = log.entries.iter().position(founds).unwrap() as Index;
        let message = log.send("anna", chat).unwrap();
        let answer = log.send("boris", chat).unwrap();
        let mut done = Vec::new();
        let mut act = |who: &str, act: Act| {
            log.act(who, act).unwrap();
            done.push(log.tree.size() - 1);
            log.tree.size() - 1
        };
        let raised = act("boris", Act::Report(Report { message, reason: ReportReason::Mislabelled }));
        act("olga", Act::AlarmAcknowledge(AlarmAcknowledge { raised }));
        let (severity, code) = (Severity::Low, FindingCode::Rights);
        act("igor", Act::Finding(Finding { entry: message, severity, code }));
        act("boris", Act::Disclose(Disclose { message }));
        act("boris", Act::Erase(Erase { target: EraseTarget::Conversation(chat) }));
        log.log_in_with("vera", true).unwrap();
        let vera = log.tree.size() - 1;
        let anna = entries(&log, Concern::person("anna"));
        let has = |found: &[Index], wanted: &[Index]| wanted.iter().all(|index| found.contains(index));
        assert!(has(&anna, &done) && has(&anna, &[message]), "{anna:?} has not all of {done:?}");
        assert!(!anna.contains(&answer) && !anna.contains(&vera), "{anna:?}");
        let here = entries(&log, Concern::conversation(number));
        assert!(has(&here, &done) && has(&here, &[number, message, answer]), "{here:?}");
        assert!(!here.contains(&vera), "{here:?}");
        assert!(entries(&log, Concern::person("nobody")).is_empty());
    }
}
