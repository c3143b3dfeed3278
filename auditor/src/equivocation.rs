//! Alarms of two texts under one number: the one claim of the server that proves itself, where both texts are at hand.
//! Never takes the server's word: the person signed the second text, and the first one stands in the journal.

use std::collections::BTreeMap;

use journal::act::Act;
use journal::fact::{Alarm, AlarmKind};
use journal::ids::{Chain, Index, StatementId};
use journal::statement::{Parsed, SignedStatement};
use pki::{CertId, Certificate, PersonId, PublicKey, canonical};

/// Alarms whose evidence is compared; of any further one nothing is proven.
pub const COMPARED_MAX: usize = 10_000;

/// Chain, number and attempt: two texts under it are one too many. A higher attempt is honest.
type Number = (Chain, u64, u32);

/// Gathers second texts during a replay, and looks up the first ones in a second reading.
#[derive(Default)]
pub struct Equivocations {
    keys: BTreeMap<CertId, (PersonId, PublicKey)>,
    /// By number: the alarm's entry, and the text that it keeps.
    seconds: BTreeMap<Number, Vec<(Index, StatementId)>>,
    compared: usize,
    proven: BTreeMap<Index, Index>,
}

impl Equivocations {
    /// The next statement that stands: it may make a certificate known.
    pub fn statement(&mut self, parsed: &Parsed) {
        if let Act::Enrol(act) = parsed.act()
            && let Ok(certificate) = Certificate::parse(&act.signature)
            && let (Some(person), Ok(key)) = (certificate.person(), certificate.public_key())
        {
            self.keys.insert(certificate.id(), (person, key));
        }
    }

    /// The next alarm that stands.
    pub fn alarm(&mut self, index: Index, alarm: &Alarm) {
        if alarm.alarm != AlarmKind::Equivocation || self.compared == COMPARED_MAX {
            return;
        }
        if let Some((number, id)) = self.signed_text(alarm) {
            self.compared += 1;
            self.seconds.entry(number).or_default().push((index, id));
        }
    }

    /// The text in the evidence, if the person whom the alarm names has signed it.
    fn signed_text(&self, alarm: &Alarm) -> Option<(Number, StatementId)> {
        let signed: SignedStatement = canonical::decode(&alarm.evidence).ok()?;
        let parsed = signed.parse().ok()?;
        let (person, key) = self.keys.get(&parsed.certificate())?;
        let text = (number(&parsed), parsed.id());
        let by = (alarm.person == Some(*person)).then_some(parsed.header().person)?;
        let verified = parsed.verify(key).ok().filter(|_| by == *person);
        verified.map(|_| text)
    }

    /// Whether a second reading may prove anything.
    pub fn is_open(&self) -> bool {
        !self.seconds.is_empty()
    }

    /// The next statement of a second reading.
    pub fn first(&mut self, index: Index, parsed: &Parsed) {
        let Some(seconds) = self.seconds.get(&number(parsed)) else { return };
        for (alarm, id) in seconds {
            if *id != parsed.id() {
                self.proven.insert(*alarm, index);
            }
        }
    }

    /// The entry of the first text, where the alarm at this index is proven.
    pub fn proven(&self, alarm: Index) -> Option<Index> {
        self.proven.get(&alarm).copied()
    }
}

fn number(parsed: &Parsed) -> Number {
    let header = parsed.header();
    (header.chain, header.sequence, header.attempt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::{exported, judged, trust};
    use crate::bundle::BundleReader;
    use crate::second_reading::read_again;
    use journal::act::Logout;
    use journal::entry::{Content, Entry};
    use journal::testing::TestLog;
    use journal::{Fact, Statement};

    /// Boris signs two texts under one number; one is admitted, and the server keeps the other in an alarm of `kept`.
    fn told(number: u64, kept: impl FnOnce(&TestLog, Statement) -> Alarm) -> (TestLog, Index, Index) {
        let mut log = TestLog::standard(number);
        let draft = log.draft("boris", Act::Logout(Logout {}));
        log.create("boris", &["anna"]).unwrap();
        let first = log.tree.size() - 1;
        let alarm = kept(&log, draft);
        log.fact(Fact::Alarm(alarm)).unwrap();
        let alarm = log.tree.size() - 1;
        (log, first, alarm)
    }

    fn evidence(log: &TestLog, who: &str, statement: Statement) -> Alarm {
        let evidence = canonical::encode(&log.sign(who, statement).0).into();
        Alarm { alarm: AlarmKind::Equivocation, person: Some(log.id("boris")), evidence }
    }

    fn proven(log: &TestLog, alarm: Index) -> Option<Index> {
        let bundle = exported(log);
        let mut found = Equivocations::default();
        for (index, bytes) in log.entries.iter().enumerate() {
            match Entry::decode(bytes).unwrap().content {
                Content::Statement(signed) => found.statement(&signed.parse().unwrap()),
                Content::Fact(Fact::Alarm(alarm)) => found.alarm(index as Index, &alarm),
                Content::Fact(_) => {}
            }
        }
        let audit = judged(&bundle, &trust(log, None), Vec::new());
        let again = BundleReader::open(&bundle[..]).unwrap();
        let mut first = |index, parsed: &_| found.first(index, parsed);
        read_again(again, audit.replay.tree(), &mut |_| {}, &mut first).unwrap();
        found.proven(alarm)
    }

    #[test]
    fn two_texts_under_one_number_are_proven_and_nothing_else_is() {
        let (log, first, alarm) = told(1, |log, text| evidence(log, "boris", text));
        assert_eq!(proven(&log, alarm), Some(first));
        let junk = |log: &TestLog, _| Alarm {
            alarm: AlarmKind::Equivocation,
            person: Some(log.id("boris")),
            evidence: vec![7; 100].into(),
        };
        let (log, _, alarm) = told(2, junk);
        assert_eq!(proven(&log, alarm), None, "no statement");
        let (log, _, alarm) = told(3, |log, text| evidence(log, "anna", text));
        assert_eq!(proven(&log, alarm), None, "not his signature");
        let another =
            |log: &TestLog, text| Alarm { person: Some(log.id("anna")), ..evidence(log, "boris", text) };
        let (log, _, alarm) = told(4, another);
        assert_eq!(proven(&log, alarm), None, "not whom it accuses");
        let again = |log: &TestLog, mut text: Statement| {
            text.header.attempt += 1;
            evidence(log, "boris", text)
        };
        let (log, _, alarm) = told(5, again);
        assert_eq!(proven(&log, alarm), None, "tried again, honestly");
        let same = |log: &TestLog, _| {
            let Content::Statement(first) = Entry::decode(log.entries.last().unwrap()).unwrap().content
            else {
                panic!("a Create")
            };
            let evidence = canonical::encode(&first).into();
            Alarm { alarm: AlarmKind::Equivocation, person: Some(log.id("boris")), evidence }
        };
        let (log, _, alarm) = told(6, same);
        assert_eq!(proven(&log, alarm), None, "the very text that was admitted");
    }
}
