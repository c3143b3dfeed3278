//! The verification: what a replayed bundle, its notes and the auditor's own anchors say together.
//! Never accuses the server where only the bundle may be damaged: "diverged" needs two heads that both count.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::mem::take;

use journal::act::Act;
use journal::ids::{Head, Index};
use journal::register::Applied;
use journal::replay::CheckedEntry;

use crate::bundle::{BadBundle, BundleReader};
use crate::clock_sets::age_ms;
use crate::duplicates::{Duplicate, LoginAt, Sorter};
use crate::judgement::{Flaw, Judgement, Missing, Unanchored};
use crate::let_go::LetGo;
use crate::outside::OutsideHead;
use crate::parallel::processors;
use crate::replaying::{Asked, Observer, Replayed, Start, replay_from};
use crate::spilled::Replay;
use crate::trust::Trust;
use crate::unlinked::Linked;
use crate::weighing::Weighed;

/// What a verification found.
pub struct Audit {
    /// The judgement.
    pub judgement: Judgement,
    /// The state behind the last entry that stands.
    pub replay: Replay,
    /// The notes that confirm these entries: head and text, in the order of the bundle.
    pub confirmed: Vec<(Head, Vec<u8>)>,
    /// The heads from outside that the entries lead to.
    pub agreed: Vec<OutsideHead>,
    /// Entries that somebody else's head covers, by this audit or by the earlier ones that the trust file tells of; 0: none.
    pub by_others: u64,
    /// The heads, from outside and of the bundle, of which entries were lost by a succession: they say nothing.
    pub lost: Vec<OutsideHead>,
    /// The root cells that successions let go of.
    pub let_go: LetGo,
    /// Every Login, ascending, with its entry.
    pub logins: Vec<LoginAt>,
    /// Entries before this one were not read: an earlier audit has verified them.
    pub unread: u64,
    /// Where the entries end in the bundle, bytes; `None` where it could not be read so far.
    pub entries_end: Option<u64>,
    /// The log that it continues, where that was held against its bundle and stands.
    pub predecessor: Option<Linked>,
}

/// What a verification is told.
pub struct Wanted<'a> {
    /// The trust file's content.
    pub trust: &'a Trust,
    /// Further heads from outside.
    pub outside: Vec<OutsideHead>,
    /// Is told how many bytes of the bundle were read.
    pub progress: &'a mut dyn FnMut(u64),
    /// Is told of every entry.
    pub observer: Observer<'a>,
}

/// Verifies a bundle. Only a failing disk is an error.
pub fn audit<R: Read>(reader: BundleReader<R>, wanted: Wanted<'_>) -> Result<Audit, io::Error> {
    let whole = audit_from(reader, wanted, Start::First)?;
    Ok(whole.expect("only where something is known a bundle may begin otherwise"))
}

/// Verifies a bundle from where an earlier audit ended; `None`: it does not begin with what that one has seen.
pub fn audit_from<R: Read>(
    reader: BundleReader<R>,
    wanted: Wanted<'_>,
    mut start: Start,
) -> Result<Option<Audit>, io::Error> {
    let Wanted { trust, mut outside, progress, observer } = wanted;
    outside.splice(0..0, OutsideHead::trusted(trust));
    let (mut logins, mut let_go) = (Logins::default(), LetGo::default());
    let unread = if let Start::Unread(known, _) = &start { known.head.size } else { 0 };
    match &mut start {
        Start::First => {}
        Start::Hashed(known) | Start::Unread(known, _) => {
            let_go = take(&mut known.let_go);
            take(&mut known.logins).into_iter().try_for_each(|(id, index)| logins.seen.take(id, index))?;
        }
    }
    let observer = &mut |index, entry: &CheckedEntry, applied: &Applied| {
        logins.take(index, entry);
        let_go.take(index, entry);
        observer(index, entry, applied);
    };
    let asked = Asked {
        log: Some(trust.log),
        stamps: outside.iter().filter_map(|anchor| anchor.head.size.checked_sub(1)).collect(),
        threads: processors(),
        progress,
        observer,
    };
    let Some(replayed) = replay_from(reader, asked, start)? else { return Ok(None) };
    let Replayed { mut replay, bad, cut, notes, stamps, entries_end } = replayed;
    let (logins, repeated) = logins.repeated()?;
    let mut found = Weighed::default();
    found.judge(trust, &mut replay, &notes, &outside);
    if let Some(error) = replay.tree().leaves().failure() {
        return Err(error);
    }
    let judgement = match (bad, cut, found.flaw.take()) {
        (Some(bad), _, _) => Judgement::Invalid(Flaw::Entry { index: bad.index, fault: bad.fault }),
        (None, _, Some(judgement @ (Judgement::Invalid(_) | Judgement::Diverged(_)))) => judgement,
        (None, Some(BadBundle::Truncated { .. }), _) => Judgement::Incomplete(Missing::Cut),
        (None, Some(cut), _) => Judgement::Invalid(Flaw::Container(cut)),
        (None, None, Some(judgement)) => judgement,
        (None, None, None) => {
            let forsaken = lost_by_succession(&replay, &found.lost);
            forsaken.map_or_else(|| anchored(trust, &replay, &stamps, &found.agreed), Judgement::Unanchored)
        }
    };
    let lost = found.lost.into_iter().chain(found.lost_notes).collect();
    // Seen among the entries that stand, so before any that does not.
    let again = |Duplicate { first, again }| Judgement::Invalid(Flaw::LoginRepeated { first, again });
    let judgement = repeated.map_or(judgement, again);
    let by_others = by_others(trust, &found.agreed);
    Ok(Some(Audit {
        judgement,
        by_others,
        replay,
        confirmed: found.confirmed,
        agreed: found.agreed,
        lost,
        let_go,
        logins,
        unread,
        entries_end,
        predecessor: None,
    }))
}

/// The Logins of the whole log; the Register remembers only each person's last one.
#[derive(Default)]
struct Logins {
    seen: Sorter,
    failed: Option<io::Error>,
}

impl Logins {
    fn take(&mut self, index: Index, entry: &CheckedEntry) {
        if let Some(statement) = entry.statement()
            && matches!(statement.get().act(), Act::Login(_))
            && self.failed.is_none()
        {
            self.failed = self.seen.take(statement.get().id().0, index).err();
        }
    }

    /// All of them, and the first that stands again.
    fn repeated(self) -> io::Result<(Vec<LoginAt>, Option<Duplicate>)> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut all = Vec::new();
        let repeated = self.seen.finish_telling(&mut |id, index| all.push((*id, index)))?.0;
        Ok((all, repeated.first().copied()))
    }
}

/// Whoever holds a head of what was given up has been told by nobody but this bundle that it was: he is to look at who
/// signed it, and to adopt a head behind it. From then on it is only mentioned.
fn lost_by_succession(replay: &Replay, lost: &[OutsideHead]) -> Option<Unanchored> {
    let anchored = replay.verdict().anchored;
    let given_up = lost.iter().filter_map(|lost| {
        let size = lost.head.size;
        let row = replay.register().lost_by(lost.era.unwrap_or(0), size)?;
        let kept = row.kept;
        match lost.era {
            // Whatever else is known: it may be a fork's.
            None => Some((u64::MAX, Unanchored::EraUnknown { size, kept })),
            Some(_) if anchored < row.end => {
                Some((row.end, Unanchored::LostBySuccession { size, kept, end: row.end }))
            }
            Some(_) => None,
        }
    });
    // Each of them counts; the latest is named.
    given_up.max_by_key(|(end, _)| *end).map(|(_, unanchored)| unanchored)
}

/// How far somebody else's heads reach. Up to where the auditor's own head continues what he has compared before, so do the
/// entries that lead to it.
fn by_others(trust: &Trust, agreed: &[OutsideHead]) -> u64 {
    let continued = agreed.iter().any(|known| known.file.is_none());
    let before = if continued { trust.compared() } else { 0 };
    agreed.iter().filter(|known| !known.own).map(|known| known.head.size).max().unwrap_or(0).max(before)
}

/// How old the newest head from outside is. One that a witness cosigned is of the time by the witness' clock, any other of
/// the time of its last entry.
fn anchored(
    trust: &Trust,
    replay: &Replay,
    stamps: &BTreeMap<Index, u64>,
    agreed: &[OutsideHead],
) -> Judgement {
    let verdict = replay.verdict();
    let Some(last) = verdict.anchored.checked_sub(1) else {
        return Judgement::Unanchored(Unanchored::NoAnchor);
    };
    if verdict.beyond > trust.beyond_max {
        return Judgement::Unanchored(Unanchored::TooMany { limit: trust.beyond_max });
    }
    let stamp = stamps.get(&last).copied().unwrap_or_default();
    let newest = agreed.iter().filter(|known| known.head.size == verdict.anchored);
    let taken_ms = newest.map(|known| known.cosigned_ms.unwrap_or(stamp)).max().unwrap_or(stamp);
    let sets = replay.register().clock_sets().iter().map(|row| (row.index, row.to_ms));
    let age_ms = age_ms(verdict.span_ms.1, (last, taken_ms), sets);
    if age_ms > trust.age_ms_max {
        return Judgement::Unanchored(Unanchored::TooOld { age_ms, limit_ms: trust.age_ms_max });
    }
    Judgement::Verified
}

#[cfg(test)]
pub(crate) mod tests {
    use journal::Origin;
    use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
    use journal::ids::Head;
    use journal::note::NoteSigner;
    use journal::testing::TestLog;

    use super::*;
    use crate::bundle::BundleWriter;

    /// The log's own checkpoint over a head.
    pub(crate) fn signed(log: &TestLog, head: Head) -> Vec<u8> {
        let id = log.register.log_id();
        let identity = log.site.identity.public().clone();
        let origin = Origin { log: id, era: log.register.era_at(head.size) };
        let keys = LogKeys::new(origin, log.period_key.public().clone(), Some(identity)).unwrap();
        let signers = [
            NoteSigner { key: &keys.period, signer: &log.period_key },
            NoteSigner { key: keys.identity.as_ref().unwrap(), signer: &log.site.identity },
        ];
        SignedCheckpoint::sign(Checkpoint { origin, head }, &signers).unwrap().to_string().into_bytes()
    }

    /// A bundle of these entries and notes.
    pub(crate) fn bundle(entries: &[Vec<u8>], notes: &[Vec<u8>]) -> Vec<u8> {
        let mut writer = BundleWriter::new(Vec::new()).unwrap();
        for entry in entries {
            writer.entry(entry).unwrap();
        }
        let notes: Vec<&[u8]> = notes.iter().map(|note| &note[..]).collect();
        writer.finish(&notes).unwrap()
    }

    /// The bundle that an honest export makes.
    pub(crate) fn exported(log: &TestLog) -> Vec<u8> {
        bundle(&log.entries, &[signed(log, log.head())])
    }

    /// Trust in this log with this anchor.
    pub(crate) fn trust(log: &TestLog, anchor: Option<Head>) -> Trust {
        let mut trust = crate::trust::tests::trust(&log.site, log.register.log_id());
        trust.anchor = anchor.map(|head| crate::trust::Anchor { head, note: Vec::new().into() });
        trust
    }

    /// A verification without anyone looking on.
    pub(crate) fn judged(bundle: &[u8], trust: &Trust, outside: Vec<OutsideHead>) -> Audit {
        let wanted = Wanted { trust, outside, progress: &mut |_| {}, observer: &mut |_, _, _| {} };
        audit(BundleReader::open(bundle).unwrap(), wanted).unwrap()
    }
}
