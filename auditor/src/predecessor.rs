//! Whether one log continues another: what the new one's officers claim, held against the old one's own entries.
//! Never believes either side alone: the old log must have closed into this very one, and lead to the head that is named.

use std::collections::BTreeSet;
use std::io::{self, Read};

use console::Lang;
use journal::checkpoint::SignedCheckpoint;
use journal::ids::Index;
use journal::register::{Closed, ContinuesRow, Register};
use journal::replay::Unconfirmed;
use serde::Serialize;

use crate::audit::Audit;
use crate::bundle::{BadBundle, BundleReader};
use crate::judgement::{Flaw, Judgement, Missing};
use crate::names::hex;
use crate::parallel::processors;
use crate::replaying::{Asked, Replayed, replay_bundle};
use crate::unlinked::{Linked, Unlinked};

/// What is known of a predecessor's bundle.
enum Found {
    Holds(Linked),
    No(Unlinked),
    /// It ends before what is claimed.
    Short {
        size: u64,
    },
}

/// Holds what a replayed log claims against its predecessor's bundle; the judgement says what comes of it.
pub fn hold_against<R: Read>(
    found: &mut Audit,
    reader: BundleReader<R>,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let judgement = match examined(found.replay.register(), reader, progress)? {
        Found::Holds(linked) => {
            found.predecessor = Some(linked);
            return Ok(());
        }
        Found::No(why) => Judgement::Invalid(Flaw::Predecessor(why)),
        Found::Short { size } => Judgement::Incomplete(Missing::Predecessor { size }),
    };
    // What is wrong with the log itself weighs more than where it comes from.
    let is_worse = match (&found.judgement, &judgement) {
        (Judgement::Verified | Judgement::Unanchored(_), _) => true,
        (Judgement::Incomplete(_), Judgement::Invalid(_)) => true,
        (Judgement::Incomplete(_) | Judgement::Invalid(_) | Judgement::Diverged(_), _) => false,
    };
    if is_worse {
        found.judgement = judgement;
    }
    Ok(())
}

fn examined<R: Read>(
    own: &Register,
    reader: BundleReader<R>,
    progress: &mut dyn FnMut(u64),
) -> io::Result<Found> {
    let Some(ContinuesRow { act, officers, since }) = own.continues() else {
        return Ok(Found::No(Unlinked::NoClaim));
    };
    if since.is_none() {
        let needed = own.site().map_or(0, |site| site.threshold);
        return Ok(Found::No(Unlinked::TooFew { signed: officers.len(), needed }));
    }
    let asked = Asked {
        log: Some(act.log),
        stamps: BTreeSet::new(),
        threads: processors(),
        progress,
        observer: &mut |_, _, _| {},
    };
    let Replayed { replay, bad, cut, .. } = replay_bundle(reader, asked)?;
    if let Some(bad) = bad {
        let other = matches!(bad.fault, journal::replay::Fault::OtherLog { .. });
        return Ok(Found::No(if other {
            Unlinked::OtherLog
        } else {
            Unlinked::BadEntry { index: bad.index }
        }));
    }
    let (entries, old) = (replay.tree().size(), replay.register());
    let is_short = entries < act.head.size;
    if is_short || matches!(cut, Some(BadBundle::Truncated { .. })) {
        return Ok(Found::Short { size: act.head.size });
    }
    let note = SignedCheckpoint::parse(&act.note).ok().map(|note| match replay.confirm(&note) {
        // Its period's key was gone when it was closed: the identity key's line is what this log's register demanded.
        Err(Unconfirmed::NotSigned(_)) if replay.tree().root_at(act.head.size) == Ok(act.head.root) => {
            Ok(act.head)
        }
        found => found,
    });
    if let Some(error) = replay.tree().leaves().failure() {
        return Err(error);
    }
    let Some(closed) = old.closed().copied() else { return Ok(Found::No(Unlinked::NotClosed)) };
    let (index, log) = (closed.index, closed.successor.log);
    let keys = |site: &journal::register::Site| (site.suite, site.identity) == (act.suite, act.identity);
    let suite = own.site().map(|site| site.suite);
    let why = if log != own.log_id() {
        Unlinked::ClosedElsewhere { index, log }
    } else if index != act.closed {
        Unlinked::OtherClose { index }
    } else if !old.site().is_some_and(keys) || suite != Some(closed.successor.suite) {
        Unlinked::OtherKeys
    } else {
        match note {
            Some(Ok(head)) if head == act.head => {
                return Ok(Found::Holds(Linked { entries, closed, head }));
            }
            Some(Err(Unconfirmed::Beyond { size, .. })) => return Ok(Found::Short { size }),
            Some(Ok(_) | Err(_)) | None => Unlinked::OtherHead { size: act.head.size },
        }
    };
    Ok(Found::No(why))
}

/// What a log says of a log before it, and what is proven of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContinuesFound {
    /// Which log.
    pub log: String,
    /// Its suite.
    pub suite: &'static str,
    /// The entry of it that closed it.
    pub closed: Index,
    /// Entries that the named head covers.
    pub size: u64,
    /// Its root, hex.
    pub root: String,
    /// The first officers who signed it here.
    pub officers: Vec<String>,
    /// The entry with which enough had; absent where they have not.
    pub index: Option<Index>,
    /// The predecessor's own entries say the same.
    pub proven: bool,
}

/// That a log was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClosedFound {
    /// By which entry.
    pub index: Index,
    /// When, RFC 3339.
    pub at: String,
    /// Into which log.
    pub successor: String,
    /// Of which suite.
    pub suite: &'static str,
}

impl ContinuesFound {
    /// What the log claims, if anything.
    pub fn of(found: &Audit) -> Option<Self> {
        let register = found.replay.register();
        let ContinuesRow { act, officers, since } = register.continues()?;
        let login = |id: &pki::PersonId| match register.person(*id) {
            Some(person) => console::clean(&person.login),
            None => id.to_string(),
        };
        Some(Self {
            log: act.log.to_string(),
            suite: act.suite.name(),
            closed: act.closed,
            size: act.head.size,
            root: hex(&act.head.root),
            officers: officers.iter().map(login).collect(),
            index: *since,
            proven: found.predecessor.is_some(),
        })
    }

    /// As a person reads it.
    pub(crate) fn line(&self, lang: Lang) -> String {
        let Self { log, closed, size, .. } = self;
        let by = self.officers.iter().map(|login| format!("@{login}")).collect::<Vec<_>>().join(", ");
        let Some(index) = self.index else {
            return lang.pick(
                format!("{by} said that it continues the log {log}: NOT ENOUGH of its first officers did"),
                format!("{by} сказали, что он продолжает журнал {log}: первых офицеров НЕ ДОСТАТОЧНО"),
            );
        };
        let proven = match self.proven {
            true => lang.pick("PROVEN by that log's own entries", "ДОКАЗАНО записями того журнала"),
            false => lang.pick(
                "a CLAIM, until --predecessor holds it against that log's bundle",
                "лишь УТВЕРЖДЕНИЕ, пока его не сверят с выгрузкой того журнала (--predecessor)",
            ),
        };
        lang.pick(
            format!("continues the log {log}, closed by its entry #{closed}, head of {size} entries (#{index}, by {by}): {proven}"),
            format!("продолжает журнал {log}, закрытый его записью #{closed}, вершина размера {size} (запись #{index}, {by}): {proven}"),
        )
    }
}

impl ClosedFound {
    /// Whether the log was closed.
    pub fn of(register: &Register) -> Option<Self> {
        let Closed { index, at_ms, successor } = *register.closed()?;
        let at = console::when::rfc3339(at_ms);
        Some(Self { index, at, successor: successor.log.to_string(), suite: successor.suite.name() })
    }

    /// As a person reads it.
    pub(crate) fn line(&self, lang: Lang) -> String {
        let Self { index, at, successor, suite } = self;
        lang.pick(
            format!("CLOSED by entry #{index}, {at}, into the log {successor} ({suite}): nothing more was said in it since"),
            format!("ЗАКРЫТ записью #{index}, {at}, его продолжает журнал {successor} ({suite}); с тех пор нового в нём не писали"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::{bundle, exported, judged, trust};
    use crate::unlinked::unlinked;
    use journal::Content;
    use journal::act::{Continues, DualAct, Successor};
    use journal::policy::Policy;
    use journal::testing::TestLog;
    use pki::Suite;

    /// A log that its first officers say continues another; what they say, the test may bend.
    fn claiming(number: u64, old: &TestLog, closed: Index, bend: impl Fn(Continues) -> Continues) -> TestLog {
        let mut next = TestLog::founded(number, Suite::EcdsaP256, Policy::standard());
        let act = bend(old.continued(closed, old.head()));
        for login in ["olga", "oleg"] {
            let statement = next.continues_by(login, &act);
            next.admit(Content::Statement(statement)).unwrap();
        }
        next.start().unwrap();
        next
    }

    /// Without the line of the period's key.
    fn by_identity_alone(act: Continues) -> Continues {
        let note = String::from_utf8(act.note.to_vec()).unwrap();
        let (text, signatures) = note.split_once("\n\n").unwrap();
        let (_, identity) = signatures.split_once('\n').unwrap();
        Continues { note: format!("{text}\n\n{identity}").into_bytes().into(), ..act }
    }

    fn into(number: u64) -> DualAct {
        let log = TestLog::founded(number, Suite::EcdsaP256, Policy::standard()).register.log_id();
        DualAct::Close(Successor { log, suite: Suite::EcdsaP256 })
    }

    fn held(next: &TestLog, old: &[u8]) -> Audit {
        let anchor = Some(next.head());
        let mut found = judged(&exported(next), &trust(next, anchor), Vec::new());
        hold_against(&mut found, BundleReader::open(old).unwrap(), &mut |_| {}).unwrap();
        found
    }

    fn why(found: &Audit) -> &Unlinked {
        let Judgement::Invalid(Flaw::Predecessor(why)) = &found.judgement else {
            panic!("not told: {:?}", found.judgement)
        };
        why
    }

    #[test]
    fn a_log_that_continues_another_is_proven_by_both() {
        let mut old = TestLog::standard(302);
        let closed = old.of_two(&into(301)).unwrap();
        old.log_in_with("anna", true).unwrap();
        let next = claiming(301, &old, closed, |act| act);
        old.log_in_with("boris", true).expect("the old one is read on");
        let alone = judged(&exported(&next), &trust(&next, Some(next.head())), Vec::new());
        let claim = ContinuesFound::of(&alone).unwrap();
        assert!(!claim.proven && claim.line(Lang::En).contains("a CLAIM, until --predecessor"));
        let found = held(&next, &exported(&old));
        assert!(matches!(found.judgement, Judgement::Verified), "{:?}", found.judgement);
        assert_eq!(found.predecessor.as_ref().unwrap().closed.index, closed);
        let claim = ContinuesFound::of(&found).unwrap();
        assert!(claim.proven && claim.line(Lang::Ru).contains("ДОКАЗАНО"), "{}", claim.line(Lang::Ru));
        let alone = held(&claiming(301, &old, closed, by_identity_alone), &exported(&old));
        assert!(matches!(alone.judgement, Judgement::Verified), "the key of the old log's period was gone");
        let own = judged(&exported(&old), &trust(&old, Some(old.head())), Vec::new());
        let line = ClosedFound::of(own.replay.register()).unwrap().line(Lang::En);
        assert!(line.contains(&format!("into the log {}", next.register.log_id())), "{line}");
        let short = held(&next, &bundle(&old.entries[..closed as usize], &[]));
        assert!(matches!(short.judgement, Judgement::Incomplete(Missing::Predecessor { .. })));
    }

    #[test]
    fn a_lying_link_is_found_whoever_lies() {
        // The old log was closed into another one, and these officers take it for theirs.
        let mut old = TestLog::standard(312);
        let closed = old.of_two(&into(399)).unwrap();
        let thief = claiming(311, &old, closed, |act| act);
        assert!(
            matches!(why(&held(&thief, &exported(&old))), Unlinked::ClosedElsewhere { index, .. } if *index == closed)
        );
        // It was never closed at all.
        let mut open = TestLog::standard(314);
        open.log_in_with("anna", true).unwrap();
        let thief = claiming(313, &open, open.tree.size() - 1, |act| act);
        assert_eq!(*why(&held(&thief, &exported(&open))), Unlinked::NotClosed);
        // It was closed by another entry than they say, has another suite, or is another log altogether.
        let mut old = TestLog::standard(316);
        let closed = old.of_two(&into(315)).unwrap();
        let bent = claiming(315, &old, closed, |act| Continues { closed: act.closed - 1, ..act });
        assert_eq!(*why(&held(&bent, &exported(&old))), Unlinked::OtherClose { index: closed });
        let bent = claiming(315, &old, closed, |act| Continues { suite: Suite::EcdsaP256, ..act });
        assert_eq!(*why(&held(&bent, &exported(&old))), Unlinked::OtherKeys);
        let next = claiming(315, &old, closed, |act| act);
        assert_eq!(*why(&held(&next, &exported(&open))), Unlinked::OtherLog);
        // The old log's own server shows the officers another end than the auditor.
        let mut fork = TestLog::standard(316);
        ["anna", "boris"].iter().for_each(|login| drop(fork.log_in_with(login, true).unwrap()));
        let size = fork.tree.size();
        assert_eq!(size, old.tree.size());
        let forked = claiming(315, &old, closed, |_| fork.continued(closed, fork.head()));
        assert_eq!(*why(&held(&forked, &exported(&old))), Unlinked::OtherHead { size });
        let forked = claiming(315, &old, closed, |_| by_identity_alone(fork.continued(closed, fork.head())));
        assert_eq!(*why(&held(&forked, &exported(&old))), Unlinked::OtherHead { size });
        // One officer alone has signed.
        let mut single = TestLog::founded(318, Suite::EcdsaP256, Policy::standard());
        let statement = single.continues_by("olga", &old.continued(closed, old.head()));
        single.admit(Content::Statement(statement)).unwrap();
        single.start().unwrap();
        let found = held(&single, &exported(&old));
        assert_eq!(*why(&found), Unlinked::TooFew { signed: 1, needed: 2 });
        assert!(unlinked(why(&found), Lang::Ru).contains("1 из нужных 2"));
        // Nothing is claimed.
        let plain = TestLog::standard(317);
        assert_eq!(*why(&held(&plain, &exported(&old))), Unlinked::NoClaim);
    }
}
