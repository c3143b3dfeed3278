//! What the head under a single proof (a receipt, a disclosed message) is compared with, and what that comes to.
//! Never takes a head for confirmed because the log signed it: it may have signed it for one reader.

use std::path::PathBuf;

use clap::Args;
use console::Lang;
use journal::checkpoint::Checkpoint;
use journal::ids::Head;

use super::check_proof::other_head_words;
use super::shown;
use super::verify::read_anchor;
use crate::source::Source;
use crate::trouble::Trouble;
use crate::trust::Trust;

/// What a proof's head is compared with; shared by `receipt` and `check-disclosure`.
#[derive(Args, Debug)]
pub struct Compare {
    /// A head from outside beside the trust file's: a checkpoint note that the log signed. May be given again.
    #[arg(long, value_name = "FILE")]
    pub anchor: Vec<PathBuf>,
    /// A bundle or a directory of tiles: it shows whether the head under the proof and one from outside are of one log.
    #[arg(long, value_name = "BUNDLE|TILES")]
    pub journal: Option<PathBuf>,
}

/// What the heads from outside say of the proof's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compared {
    /// One of them is this very head.
    Same,
    /// The journal leads from one to the other: the head from outside has this size.
    Continued(u64),
    /// None could be compared with it.
    Not,
}

impl Compared {
    /// The stable word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Continued(_) => "continued",
            Self::Not => "none",
        }
    }

    /// What the proof is worth by it.
    pub fn words(self, lang: Lang) -> String {
        match self {
            Self::Same => lang
                .pick("a head from outside confirms this checkpoint", "контрольную точку подтверждает точка извне")
                .to_owned(),
            Self::Continued(size) => lang.pick(
                format!("the head of {size} entries from outside confirms this checkpoint"),
                format!("контрольную точку подтверждает точка извне на {size} записей"),
            ),
            Self::Not => lang
                .pick(
                    "no head from outside was compared with this checkpoint: the log signed it, perhaps for this reader alone; give \
                     --anchor, or --journal with a bundle or tiles that lead from the one to the other",
                    "ни с какой точкой извне эта контрольная точка не сверена: журнал её подписал, но, возможно, только для этого \
                     читателя; дайте --anchor или --journal с выгрузкой либо плитками, ведущими от одной к другой",
                )
                .to_owned(),
        }
    }
}

impl Compare {
    /// Compares; the words of a contradiction where there is one. `proven` is what the log signed.
    pub fn with(
        &self,
        trust: &Trust,
        proven: Checkpoint,
        lang: Lang,
    ) -> Result<Result<Compared, String>, Trouble> {
        let mut outside: Vec<(u32, Head)> =
            trust.anchor.iter().map(|anchor| (anchor.era(), anchor.head)).collect();
        for path in &self.anchor {
            let (era, head, _) = read_anchor(path, trust)?;
            outside.push((era, head));
        }
        let journal = self.journal.as_deref().map(Source::read).transpose()?;
        if let (Some(journal), Some(path)) = (&journal, &self.journal)
            && journal.checkpoint.claimed().origin.log != trust.log
        {
            return Err(Trouble::BadAnchor { file: shown(path) });
        }
        let mut compared = Compared::Not;
        // An era may have given up what another had: only heads of one era say anything of each other.
        for (_, known) in outside.into_iter().filter(|(era, _)| *era == proven.origin.era) {
            match judge(known, proven.head, journal.as_ref())? {
                Some(true) if known.size == proven.head.size => compared = Compared::Same,
                Some(true) if compared == Compared::Not => compared = Compared::Continued(known.size),
                Some(true) | None => {}
                Some(false) => return Ok(Err(other_head_words(known, proven.head, lang))),
            }
        }
        Ok(Ok(compared))
    }
}

/// Whether two heads are of one list; `None` where nothing here can say. Hashes alone decide: a journal whose leaves do not
/// lead to the larger one says nothing of either.
fn judge(known: Head, proven: Head, journal: Option<&Source>) -> Result<Option<bool>, Trouble> {
    if known.size == proven.size {
        return Ok(Some(known.root == proven.root));
    }
    let Some(journal) = journal else { return Ok(None) };
    let (small, large) = if known.size < proven.size { (known, proven) } else { (proven, known) };
    if journal.root_at(large.size)? != Some(large.root) {
        return Ok(None);
    }
    Ok(journal.root_at(small.size)?.map(|root| root == small.root))
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

    #[test]
    fn a_head_counts_as_confirmed_only_where_one_from_outside_leads_to_it() {
        let (dir, log) = (tempfile::tempdir().unwrap(), TestLog::standard(1));
        let size = log.tree.size();
        let (journal, note) = (dir.path().join("whole"), dir.path().join("note"));
        fs::write(&journal, exported(&log)).unwrap();
        fs::write(&note, signed(&log, claimed(&log, size - 3).head)).unwrap();
        let none = Compare { anchor: Vec::new(), journal: None };
        let told = |compare: &Compare, trust: &Trust, size: u64| {
            compare.with(trust, claimed(&log, size), Lang::En).unwrap()
        };
        assert_eq!(told(&none, &trust(&log, None), size), Ok(Compared::Not));
        assert_eq!(told(&none, &trust(&log, Some(log.head())), size), Ok(Compared::Same));
        assert_eq!(told(&none, &trust(&log, Some(log.head())), size - 2), Ok(Compared::Not));
        let with = |anchor: &[&PathBuf]| Compare {
            anchor: anchor.iter().map(|path| (*path).clone()).collect(),
            journal: Some(journal.clone()),
        };
        for at in [size - 5, size] {
            assert_eq!(told(&with(&[&note]), &trust(&log, None), at), Ok(Compared::Continued(size - 3)));
        }
        assert_eq!(told(&with(&[]), &trust(&log, None), size), Ok(Compared::Not));
        // A head that the log signed for somebody else: the same size, or shown by the journal.
        let forked = Head { root: [3; 32], ..claimed(&log, size - 3).head };
        for at in [size - 3, size] {
            assert!(told(&with(&[]), &trust(&log, Some(forked)), at).is_err());
        }
        // A journal that does not lead to the larger head accuses nobody.
        let beyond = Head { size: size + 9, root: [3; 32] };
        assert_eq!(told(&with(&[]), &trust(&log, Some(beyond)), size), Ok(Compared::Not));
        let other = TestLog::standard(2);
        fs::write(&journal, bundle(&other.entries, &[signed(&other, other.head())])).unwrap();
        let found = with(&[]).with(&trust(&log, None), claimed(&log, size), Lang::En);
        assert!(matches!(found, Err(Trouble::BadAnchor { .. })));
    }
}
