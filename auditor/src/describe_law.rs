//! One line on what two officers order, and on holds, in the reader's language.
//! Never shows a text of others uncleaned.

use console::clean;
use journal::act::{DualAct, EraseTarget, Hold, HoldScope, Order};
use link::terminal::ground_words;
use pki::canonical;

use crate::describe::Teller;

impl Teller<'_> {
    fn paper(&self, order: &Order) -> String {
        let (number, ground) = (clean(&order.number), self.ground(order));
        self.say(format!("order {number}, {ground}"), format!("распоряжение {number}, {ground}"))
    }

    pub(crate) fn hold(&self, act: &Hold) -> String {
        let what = match &act.scope {
            HoldScope::Person(person) => {
                let who = self.who(*person);
                self.say(format!("all that {who} wrote"), format!("всё написанное: {who}"))
            }
            HoldScope::Conversation(id) => self.target(&EraseTarget::Conversation(*id)),
            HoldScope::Messages(id, messages) => self.messages(&self.at(*id), messages),
        };
        let (paper, end) = (self.paper(&act.order), console::when::rfc3339(act.end_ms));
        self.say(
            format!("holds until {end} {what}: {paper}"),
            format!("запрещает до {end} стирать {what}: {paper}"),
        )
    }

    pub(crate) fn proposal(&self, act: &[u8]) -> String {
        match canonical::decode::<DualAct>(act) {
            Ok(DualAct::Policy(_)) => {
                self.say("proposes a new policy".into(), "предлагает новую политику".into())
            }
            Ok(DualAct::AdmitOfficer(certificate)) => {
                let id = &certificate.to_string()[..16];
                self.say(
                    format!("proposes to admit the officer with certificate {id}…"),
                    format!("предлагает допустить офицера с сертификатом {id}…"),
                )
            }
            Ok(DualAct::Erase(order)) => {
                let (what, paper) = (self.target(&order.target), self.paper(&order.order));
                let again = match order.confirms {
                    None => String::new(),
                    Some(n) => self.say(format!(", confirming #{n}"), format!(", в подтверждение #{n}")),
                };
                self.say(
                    format!("proposes to erase {what}: {paper}{again}"),
                    format!("предлагает стереть {what}: {paper}{again}"),
                )
            }
            Ok(DualAct::LiftHold(n)) => {
                self.say(format!("proposes to lift the hold #{n}"), format!("предлагает снять запрет #{n}"))
            }
            Ok(DualAct::DropCell(cell)) => self.say(
                format!("proposes to let go of the root cell {cell}, which opens what is erased since it went away"),
                format!("предлагает отказаться от корневой ячейки {cell}; она открывает уничтоженное с тех пор, как пропала"),
            ),
            Ok(DualAct::Close(next)) => self.say(
                format!("proposes to CLOSE THIS LOG into the log {} ({})", next.log, next.suite.name()),
                format!("предлагает ЗАКРЫТЬ ЭТОТ ЖУРНАЛ, продолжив его журналом {} ({})", next.log, next.suite.name()),
            ),
            Ok(DualAct::SetClock(to_ms)) => {
                let to = console::when::rfc3339(to_ms);
                self.say(
                    format!("proposes to set the journal's time back to {to}"),
                    format!("предлагает перевести время журнала назад на {to}"),
                )
            }
            Err(_) => self.say("proposes something illegible".into(), "предлагает нечто нечитаемое".into()),
        }
    }

    fn ground(&self, order: &Order) -> &'static str {
        let (_, en, ru) = ground_words(order.ground);
        self.lang.pick(en, ru)
    }
}
