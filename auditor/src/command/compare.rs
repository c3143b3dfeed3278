//! What the head under a single proof (a receipt, a disclosed message) is compared with, and what that comes to.
//! Never takes a head for confirmed because the log signed it: it may have signed it for one reader.

use std::path::PathBuf;

use clap::Args;
use console::Lang;
use journal::checkpoint::Checkpoint;
use journal::ids::{Head, Index};

use super::check_proof::other_head_words;
use super::judging::read_anchor;
use super::shown;
use crate::outside::OutsideHead;
use crate::source::Source;
use crate::trouble::Trouble;
use crate::trust::Trust;

/// What a proof's head is compared with; shared by `check-proof`, `receipt` and `check-disclosure`.
#[derive(Args, Debug)]
pub struct Compare {
    /// A head from outside beside the trust file's: a checkpoint note that the log signed. May be given again.
    #[arg(long, value_name = "FILE")]
    pub anchor: Vec<PathBuf>,
    /// A bundle or a directory of tiles: it shows whether the head under the proof and one from outside are of one log.
    #[arg(long, value_name = "BUNDLE|TILES")]
    pub journal: Option<PathBuf>,
}

/// What a head that is known says of a proof's, the weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum How {
    /// None could be compared with it.
    Not,
    /// One is known of this era alone, another than the proof's: of one size they may well differ.
    OtherEra(u32),
    /// The journal leads to it from a known head of this size: what lies behind that one, nobody has confirmed.
    LedFrom(u64),
    /// The entry lies under a known head of this size, by the journal.
    Continued(u64),
    /// One of them is this very head.
    Same,
}

/// See [`How`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compared {
    how: How,
    /// Somebody else's head says so, and not the auditor's own of an earlier audit.
    by_others: bool,
}

impl Compared {
    const NOT: Self = Self { how: How::Not, by_others: false };

    /// In which order such words count: somebody else's confirmation is worth more than one's own memory, and what neither
    /// confirms is worth less.
    fn worth(self) -> (bool, How, bool) {
        let confirms = matches!(self.how, How::Continued(_) | How::Same);
        (confirms && self.by_others, self.how, self.by_others)
    }

    /// The stable word.
    pub fn name(self) -> &'static str {
        match (self.how, self.by_others) {
            (How::Not | How::OtherEra(_), _) => "none",
            (How::LedFrom(_), _) => "led-from",
            (How::Continued(_), true) => "continued",
            (How::Same, true) => "same",
            (How::Continued(_) | How::Same, false) => "own",
        }
    }

    /// What the proof is worth by it.
    pub fn words(self, lang: Lang) -> String {
        let (en, ru) = match self.by_others {
            true => ("a head from outside", "вершина извне"),
            false => (
                "your own head, of an earlier audit and nobody else's,",
                "лишь ваша собственная вершина от прежней проверки",
            ),
        };
        match self.how {
            How::Same => {
                lang.pick(format!("{en} confirms this checkpoint"), format!("контрольную точку подтверждает {ru}"))
            }
            How::Continued(size) => lang.pick(
                format!("{en} confirms what is proven here, at {size} entries"),
                format!("доказанное здесь подтверждает {ru}, записей: {size}"),
            ),
            How::LedFrom(size) => lang.pick(
                format!(
                    "the journal leads here from a head of {size} entries that is known; what lies behind that one, nobody \
                     outside has confirmed"
                ),
                format!(
                    "журнал ведёт сюда от известной вершины (записей: {size}); стоящее после неё извне никем не подтверждено"
                ),
            ),
            How::OtherEra(era) => lang.pick(
                format!(
                    "no head of its era was compared with this checkpoint; one of era {era} is known, and only the journal tells what \
                     the officers gave up in between: verify it"
                ),
                format!(
                    "ни с какой вершиной своей эры эта контрольная точка не сверена; известна вершина эры {era}, а от чего офицеры \
                     отказались между ними, покажет только сам журнал: проверьте его"
                ),
            ),
            How::Not => lang
                .pick(
                    "no head from outside was compared with this checkpoint: the log signed it, perhaps for this reader alone; give \
                     --anchor with a head of its size; of another size, --journal too, a bundle or tiles that lead from the one to the \
                     other",
                    "ни с какой вершиной извне эта контрольная точка не сверена: журнал её подписал, но, возможно, только для этого \
                     читателя; дайте через --anchor вершину того же размера; если размеры разные, дайте ещё и --journal: выгрузку либо плитки, \
                     ведущие от одной к другой",
                )
                .to_owned(),
        }
    }
}

impl Compare {
    /// Compares all that a file rests on; the weakest counts. The words of a contradiction where there is one, also between
    /// those: `proven` is what the log signed, and which entry stands under it.
    pub fn with(
        &self,
        trust: &Trust,
        proven: &[(Checkpoint, Index)],
        lang: Lang,
    ) -> Result<Result<Compared, String>, Trouble> {
        let mut known: Vec<OutsideHead> = OutsideHead::trusted(trust).into_iter().collect();
        for path in &self.anchor {
            let (era, head, _) = read_anchor(path, trust)?;
            known.push(OutsideHead::given(shown(path), Some(era), head));
        }
        let journal = self.journal.as_deref().map(Source::read).transpose()?;
        if let (Some(journal), Some(path)) = (&journal, &self.journal)
            && journal.checkpoint.claimed().origin.log != trust.log
        {
            return Err(Trouble::BadAnchor { file: shown(path) });
        }
        let mut weakest: Option<Compared> = None;
        for (at, (checkpoint, index)) in proven.iter().enumerate() {
            // One size with two roots in one file: the log contradicts itself.
            let twice = proven[..at].iter().map(|(other, _)| other).find(|other| {
                (other.origin.era, other.head.size) == (checkpoint.origin.era, checkpoint.head.size)
                    && other.head.root != checkpoint.head.root
            });
            if let Some(other) = twice {
                return Ok(Err(other_head_words(other.head, checkpoint.head, lang)));
            }
            match best(&known, (*checkpoint, *index), journal.as_ref())? {
                Ok(said) => weakest = weakest.into_iter().chain([said]).min_by_key(|one| one.worth()),
                Err((named, found)) => return Ok(Err(other_head_words(named, found, lang))),
            }
        }
        Ok(Ok(weakest.unwrap_or(Compared::NOT)))
    }
}

/// Two heads of one size that contradict each other.
type Contradiction = (Head, Head);

/// The strongest that is said of one head.
fn best(
    known: &[OutsideHead],
    (proven, index): (Checkpoint, Index),
    journal: Option<&Source>,
) -> Result<Result<Compared, Contradiction>, Trouble> {
    let mut eras = known.iter().filter_map(|known| known.era);
    let has_its_own = eras.clone().any(|era| era == proven.origin.era);
    let other_era = if has_its_own { None } else { eras.next() };
    let mut best = Compared { how: other_era.map_or(How::Not, How::OtherEra), by_others: false };
    // An era may have given up what another had: only heads of one era say anything of each other.
    for OutsideHead { head, own, .. } in known.iter().filter(|known| known.era == Some(proven.origin.era)) {
        let how = match judge(*head, proven.head, journal)? {
            None => continue,
            Some(Err(heads)) => return Ok(Err(heads)),
            Some(Ok(())) if head.size == proven.head.size => How::Same,
            // The entry itself lies before that head.
            Some(Ok(())) if head.size > index => How::Continued(head.size),
            Some(Ok(())) => How::LedFrom(head.size),
        };
        let said = Compared { how, by_others: !own };
        if said.worth() > best.worth() {
            best = said;
        }
    }
    Ok(Ok(best))
}

/// Whether two heads are of one list; `None` where nothing here can say. Hashes alone decide: a journal whose leaves do not
/// lead to the larger one says nothing of either.
fn judge(
    known: Head,
    proven: Head,
    journal: Option<&Source>,
) -> Result<Option<Result<(), Contradiction>>, Trouble> {
    let agree =
        |named: Head, found: Head| if named.root == found.root { Ok(()) } else { Err((named, found)) };
    if known.size == proven.size {
        return Ok(Some(agree(known, proven)));
    }
    let Some(journal) = journal else { return Ok(None) };
    let (small, large) = if known.size < proven.size { (known, proven) } else { (proven, known) };
    if journal.root_at(large.size)? != Some(large.root) {
        return Ok(None);
    }
    let Some(root) = journal.root_at(small.size)? else { return Ok(None) };
    let led = Head { root, ..small };
    Ok(Some(if known.size < proven.size { agree(known, led) } else { agree(led, proven) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::{bundle, exported, signed, trust};
    use journal::testing::TestLog;
    use std::fs;

    fn claimed(log: &TestLog, size: u64) -> Checkpoint {
        let head = Head { size, root: log.tree.root_at(size).unwrap() };
        Checkpoint { origin: log.register.log_id().into(), head }
    }

    fn others(how: How) -> Compared {
        Compared { how, by_others: true }
    }

    #[test]
    fn the_weakest_of_what_a_file_rests_on_counts_and_an_own_head_is_nobody_elses() {
        let log = TestLog::standard(3);
        let (size, none) = (log.tree.size(), Compare { anchor: Vec::new(), journal: None });
        let known = trust(&log, Some(log.head()));
        let told =
            |trust: &Trust, proven: &[(Checkpoint, Index)]| none.with(trust, proven, Lang::En).unwrap();
        assert_eq!(
            told(&known, &[(claimed(&log, size), 0), (claimed(&log, size - 1), 0)]),
            Ok(Compared::NOT)
        );
        let mut later = claimed(&log, size);
        later.origin.era = 1;
        let of_era_0 = Compared { how: How::OtherEra(0), by_others: false };
        assert_eq!(told(&known, &[(later, 0)]), Ok(of_era_0), "says nothing of another era");
        let mut forked = claimed(&log, size - 1);
        forked.head.root = [9; 32];
        assert!(
            told(&known, &[(claimed(&log, size - 1), 0), (forked, 0)]).is_err(),
            "the log contradicts itself"
        );
        let mut own = known;
        let anchor = own.anchor.clone().unwrap();
        own.advance(anchor, 0);
        let newest = (claimed(&log, size), size - 1);
        let by_own = told(&own, &[newest]).unwrap();
        assert_eq!((by_own, by_own.name()), (Compared { how: How::Same, by_others: false }, "own"));
        // Somebody else confirms one of two, the auditor's own head alone the other.
        let dir = tempfile::tempdir().unwrap();
        let (journal, note) = (dir.path().join("whole"), dir.path().join("note"));
        fs::write(&journal, exported(&log)).unwrap();
        fs::write(&note, signed(&log, claimed(&log, size - 3).head)).unwrap();
        let both = Compare { anchor: vec![note], journal: Some(journal) };
        for proven in [[newest, (claimed(&log, size), 4)], [(claimed(&log, size), 4), newest]] {
            assert_eq!(both.with(&own, &proven, Lang::En).unwrap(), Ok(by_own), "the weakest counts");
        }
    }

    #[test]
    fn a_head_counts_as_confirmed_only_where_one_from_outside_leads_to_it() {
        let (dir, log) = (tempfile::tempdir().unwrap(), TestLog::standard(1));
        let size = log.tree.size();
        let (journal, note) = (dir.path().join("whole"), dir.path().join("note"));
        fs::write(&journal, exported(&log)).unwrap();
        fs::write(&note, signed(&log, claimed(&log, size - 3).head)).unwrap();
        let none = Compare { anchor: Vec::new(), journal: None };
        let told = |compare: &Compare, trust: &Trust, size: u64| {
            compare.with(trust, &[(claimed(&log, size), size - 1)], Lang::En).unwrap()
        };
        assert_eq!(told(&none, &trust(&log, None), size), Ok(Compared::NOT));
        assert_eq!(told(&none, &trust(&log, Some(log.head())), size), Ok(others(How::Same)));
        assert_eq!(told(&none, &trust(&log, Some(log.head())), size - 2), Ok(Compared::NOT));
        let with = |anchor: &[&PathBuf]| Compare {
            anchor: anchor.iter().map(|path| (*path).clone()).collect(),
            journal: Some(journal.clone()),
        };
        let led = |at| told(&with(&[&note]), &trust(&log, None), at);
        assert_eq!(led(size - 5), Ok(others(How::Continued(size - 3))));
        assert_eq!(led(size), Ok(others(How::LedFrom(size - 3))), "nobody outside has seen the rest");
        let early = with(&[&note]).with(&trust(&log, None), &[(claimed(&log, size), 4)], Lang::En).unwrap();
        assert_eq!(early, Ok(others(How::Continued(size - 3))));
        assert_eq!(told(&with(&[]), &trust(&log, None), size), Ok(Compared::NOT));
        // A head that the log signed for somebody else: the same size, or shown by the journal.
        let forked = Head { root: [3; 32], ..claimed(&log, size - 3).head };
        for at in [size - 3, size] {
            assert!(told(&with(&[]), &trust(&log, Some(forked)), at).is_err());
        }
        // A journal that does not lead to the larger head accuses nobody.
        let beyond = Head { size: size + 9, root: [3; 32] };
        assert_eq!(told(&with(&[]), &trust(&log, Some(beyond)), size), Ok(Compared::NOT));
        let other = TestLog::standard(2);
        fs::write(&journal, bundle(&other.entries, &[signed(&other, other.head())])).unwrap();
        let found = with(&[]).with(&trust(&log, None), &[(claimed(&log, size), size - 1)], Lang::En);
        assert!(matches!(found, Err(Trouble::BadAnchor { .. })));
    }
}
