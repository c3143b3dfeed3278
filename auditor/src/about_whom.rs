//! Whose entries findings and reports are about: a finding names an entry and no person.
//! Never guesses: what is no message is looked up where the entry stands, in a second reading.

use std::collections::BTreeMap;

use journal::act::Act;
use journal::ids::Index;
use journal::register::Register;
use journal::statement::Parsed;
use pki::PersonId;

use crate::names::What;

/// Findings and reports whose person is looked up; of any further one he is not said.
pub const ABOUT_MAX: usize = 200_000;

/// Gathers the entries that were named, then whose they are.
#[derive(Default)]
pub struct AboutWhom {
    /// By the finding or report: the entry that it names.
    named: BTreeMap<Index, Index>,
    /// By that entry: who signed it, as far as that is known.
    whose: BTreeMap<Index, Option<PersonId>>,
}

impl AboutWhom {
    /// The next entry that stands.
    pub fn take(&mut self, index: Index, what: What<'_>) {
        let What::Statement(parsed) = what else { return };
        let entry = if let Act::Finding(act) = parsed.act() {
            act.entry
        } else if let Act::Report(act) = parsed.act() {
            act.message
        } else {
            return;
        };
        if self.named.len() < ABOUT_MAX {
            self.named.insert(index, entry);
            self.whose.entry(entry).or_default();
        }
    }

    /// The authors of messages stand in the Register.
    pub fn ask(&mut self, register: &Register) {
        for (entry, whose) in self.whose.iter_mut().filter(|(_, whose)| whose.is_none()) {
            *whose = register.message(*entry).map(|message| message.author);
        }
    }

    /// Whether a second reading may tell more.
    pub fn is_open(&self) -> bool {
        self.whose.values().any(Option::is_none)
    }

    /// The next statement of a second reading.
    pub fn statement(&mut self, index: Index, parsed: &Parsed) {
        if let Some(whose) = self.whose.get_mut(&index) {
            *whose = Some(parsed.header().person);
        }
    }

    /// Whom the finding or report at this index is about; `None` also where it is about a claim of the server.
    pub fn of(&self, raised: Index) -> Option<PersonId> {
        *self.whose.get(self.named.get(&raised)?)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Opened;
    use journal::act::{Finding, FindingCode, Report, ReportReason, Severity};
    use journal::testing::TestLog;

    fn last(log: &TestLog) -> Index {
        log.tree.size() - 1
    }

    fn finding(log: &mut TestLog, entry: Index) -> Index {
        let finding = Finding { entry, severity: Severity::High, code: FindingCode::Clock };
        log.act("igor", Act::Finding(finding)).unwrap();
        last(log)
    }

    fn report(log: &mut TestLog, message: Index) -> Index {
        log.act("boris", Act::Report(Report { message, reason: ReportReason::Mislabelled })).unwrap();
        last(log)
    }

    /// The first reading, with what the Register says behind it.
    fn read(log: &TestLog) -> AboutWhom {
        let mut about = AboutWhom::default();
        for (index, entry) in (0..).zip(&log.entries) {
            about.take(index, Opened::read(entry).unwrap().what());
        }
        about.ask(&log.register);
        about
    }

    fn read_again(log: &TestLog, about: &mut AboutWhom) {
        for (index, entry) in (0..).zip(&log.entries) {
            if let What::Statement(parsed) = Opened::read(entry).unwrap().what() {
                about.statement(index, parsed);
            }
        }
    }

    #[test]
    fn what_is_about_a_message_is_about_its_author_and_needs_no_second_reading() {
        let mut log = TestLog::standard(71);
        let chat = log.talking("anna", &["boris"]);
        let message = log.send("anna", chat).unwrap();
        let raised = [report(&mut log, message), finding(&mut log, message)];
        let other = log.send("boris", chat).unwrap();
        let of_other = finding(&mut log, other);
        let about = read(&log);
        assert!(!about.is_open());
        assert_eq!(raised.map(|index| about.of(index)), [Some(log.id("anna")); 2]);
        assert_eq!(about.of(of_other), Some(log.id("boris")));
        assert_eq!(about.of(message), None, "nothing was raised there");
    }

    #[test]
    fn what_is_about_another_act_is_about_who_signed_it_as_the_second_reading_tells() {
        let mut log = TestLog::standard(72);
        let chat = log.talking("anna", &["boris"]);
        let message = log.send("anna", chat).unwrap();
        let first = report(&mut log, message);
        let second = finding(&mut log, first);
        let mut about = read(&log);
        assert!(about.is_open());
        assert_eq!((about.of(first), about.of(second)), (Some(log.id("anna")), None));
        read_again(&log, &mut about);
        assert!(!about.is_open());
        assert_eq!(about.of(first), Some(log.id("anna")), "who wrote the message, not who reported it");
        assert_eq!(about.of(second), Some(log.id("boris")), "who signed the report");
    }

    #[test]
    fn what_is_about_a_claim_of_the_server_is_about_nobody() {
        let mut log = TestLog::standard(73);
        let is_claim = |entry: &Vec<u8>| matches!(Opened::read(entry).unwrap().what(), What::Fact(_));
        let claim = log.entries.iter().position(is_claim).unwrap() as Index;
        let raised = finding(&mut log, claim);
        let mut about = read(&log);
        read_again(&log, &mut about);
        assert_eq!(about.of(raised), None);
    }

    #[test]
    fn beyond_the_limit_nobody_is_looked_for() {
        let mut log = TestLog::standard(74);
        let chat = log.talking("anna", &["boris"]);
        let message = log.send("anna", chat).unwrap();
        let raised = report(&mut log, message);
        for (others, known) in [(ABOUT_MAX - 1, true), (ABOUT_MAX, false)] {
            let mut about = AboutWhom::default();
            about.named.extend((0..others as Index).map(|other| (raised + 1 + other, message)));
            about.take(raised, Opened::read(&log.entries[raised as usize]).unwrap().what());
            about.ask(&log.register);
            assert_eq!(about.of(raised), known.then(|| log.id("anna")), "behind {others} others");
            assert_eq!(about.named.len(), ABOUT_MAX);
        }
    }
}
