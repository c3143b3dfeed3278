//! What an entry is about: which conversation, and which people besides its signer. For filters.
//! Never reads a text; there is none in the journal.

use journal::act::{Act, Disclose, HoldScope, Report};
use journal::fact::Fact;
use journal::ids::Index;
use pki::{Certificate, PersonId};

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

/// Whom an entry concerns besides its signer, for filters.
pub fn concerned(what: What<'_>) -> Vec<PersonId> {
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
