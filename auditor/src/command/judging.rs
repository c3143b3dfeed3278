//! One verification of a bundle, from where it may begin, held against all heads from outside.
//! Never says what follows from it, and moves no file.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use console::Voice;
use journal::checkpoint::SignedCheckpoint;
use journal::ids::Head;

use super::keeping::{Keeper, Kept};
use super::{Bundle, ProgressLine, open_bundle, open_bundle_at, shown, unhex32};
use crate::audit::{Audit, Wanted, audit_from};
use crate::judgement::Judgement;
use crate::known::Known;
use crate::outside::{OUTSIDE_MAX, OutsideHead};
use crate::replaying::{Observer, Start};
use crate::source::read_note;
use crate::trouble::Trouble;
use crate::trust::Trust;

/// What verification compares with; shared by `verify`, `report` and others.
#[derive(Args, Debug)]
pub struct Against {
    /// The trust file.
    #[arg(long, value_name = "FILE")]
    pub trust: PathBuf,
    /// A further head from outside: a checkpoint note that the log signed, as a terminal or a witness keeps it.
    #[arg(long, value_name = "FILE")]
    pub anchor: Vec<PathBuf>,
    /// A further head from outside, read from paper: SIZE:ROOT, the root in hex or base64; ERA/SIZE:ROOT where it says so.
    #[arg(long, value_name = "SIZE:ROOT")]
    pub head: Vec<String>,
}

/// Verifies a bundle with progress.
pub fn judge(
    bundle: &Path,
    against: &Against,
    trust: &Trust,
    voice: Voice,
    observer: Observer<'_>,
) -> Result<Audit, Trouble> {
    let whole = Verification { bundle, against, trust, own: None, voice }.judge(observer, Start::First)?;
    Ok(whole.expect("a whole audit begins nowhere else"))
}

/// How far a verification went on from the one before.
#[derive(Default)]
pub(super) struct WentOn {
    /// Entries before this one were verified by an earlier audit, and not replayed.
    pub(super) replayed_from: u64,
    /// What is to be said of it.
    pub(super) said: Vec<Kept>,
}

/// Verifies from where the state file's audit ended, as far as it may; what was seen then counts in any case: a bundle that
/// contradicts it is not "verified".
pub(super) fn go_on(
    bundle: &Path,
    against: &Against,
    trust: &Trust,
    keeper: Option<&Keeper>,
    voice: Voice,
) -> Result<(Audit, WentOn), Trouble> {
    let (audited, mut why_not) = keeper.map_or(Ok((None, None)), |keeper| keeper.known(trust))?;
    let own = audited.as_ref().map(|audited| OutsideHead {
        file: Some(voice.lang.pick("the state file", "файл состояния").to_owned()),
        era: Some(audited.era),
        head: audited.head,
        cosigned_ms: None,
        own: true,
    });
    let job = Verification { bundle, against, trust, own, voice };
    if let (Some(keeper), Some(known)) = (keeper, audited.and_then(|audited| audited.known)) {
        if let Some(gone_on) = job.go_on(known, keeper)? {
            return Ok(gone_on);
        }
        why_not = Some(Kept::Otherwise);
    }
    let quiet: Observer<'_> = &mut |_, _, _| {};
    let whole = job.judge(quiet, Start::First)?.expect("a whole audit begins nowhere else");
    Ok((whole, WentOn { said: Vec::from_iter(why_not), ..WentOn::default() }))
}

/// What one verification is about, wherever it begins.
struct Verification<'a> {
    bundle: &'a Path,
    against: &'a Against,
    trust: &'a Trust,
    /// The state file's head.
    own: Option<OutsideHead>,
    voice: Voice,
}

impl Verification<'_> {
    /// From where the audit before ended; `None`: the bundle begins otherwise.
    fn go_on(&self, mut known: Known, keeper: &Keeper) -> Result<Option<(Audit, WentOn)>, Trouble> {
        let quiet: Observer<'_> = &mut |_, _, _| {};
        let replayed_from = known.head.size;
        let mut said = vec![Kept::WentOn { size: replayed_from }];
        match keeper.seen(&known) {
            None => {}
            Some(Err(none)) => said.push(none),
            Some(Ok(seen)) => {
                // Whatever else it says, and what it cannot read, may lie at what was passed over.
                if let Ok(Some(found)) = self.judge(quiet, Start::Unread(known, seen))
                    && matches!(found.judgement, Judgement::Verified | Judgement::Unanchored(_))
                {
                    return Ok(Some((found, WentOn { replayed_from, said: Vec::new() })));
                }
                // What was read of the state file went into that attempt.
                match keeper.known(self.trust)?.0.and_then(|audited| audited.known) {
                    Some(again) => known = again,
                    None => return Ok(None),
                }
                said.push(Kept::NotBehind);
            }
        }
        let found = self.judge(quiet, Start::Hashed(known))?;
        Ok(found.map(|found| (found, WentOn { replayed_from, said })))
    }

    /// Verifies with progress; `None`: the bundle begins otherwise.
    fn judge(&self, observer: Observer<'_>, start: Start) -> Result<Option<Audit>, Trouble> {
        let Self { bundle, against, trust, own, voice } = self;
        let unreadable =
            |error: io::Error| Trouble::Unreadable { file: shown(bundle), cause: error.to_string() };
        let open = || match &start {
            Start::First | Start::Hashed(_) => open_bundle(bundle),
            Start::Unread(known, seen) => {
                open_bundle_at(bundle, |reader| reader.pass_over(known.head.size, seen.end))
            }
        };
        let mut outside = outside_heads(against, trust)?;
        outside.extend(own.clone());
        if !trust.witnesses().is_empty() {
            outside.extend(cosigned_heads(open()?.0, trust));
        }
        let (reader, bytes) = open()?;
        let mut line = ProgressLine::new(bytes, voice.lang);
        let wanted = Wanted { trust, outside, progress: &mut |done| line.at(done), observer };
        let found = audit_from(reader, wanted, start);
        line.clear();
        found.map_err(unreadable)
    }
}

/// The heads from outside that the command line names.
pub fn outside_heads(against: &Against, trust: &Trust) -> Result<Vec<OutsideHead>, Trouble> {
    if against.anchor.len() + against.head.len() > OUTSIDE_MAX {
        let wanted = format!("<= {OUTSIDE_MAX}");
        return Err(Trouble::BadValue { what: "--anchor, --head".into(), wanted });
    }
    let mut outside = Vec::new();
    for path in &against.anchor {
        let (era, head, _) = read_anchor(path, trust)?;
        outside.push(OutsideHead::given(shown(path), Some(era), head));
    }
    for text in &against.head {
        let (era, head) = outside_head(text)?;
        outside.push(OutsideHead::given(text.clone(), era, head));
    }
    Ok(outside)
}

/// Heads in the bundle's own notes that a witness of the trust file cosigned: he has seen them outside, whoever carried
/// them here. The notes stand behind the entries, so the file is gone through once more, and only where it may matter.
fn cosigned_heads(bundle: Bundle, trust: &Trust) -> Vec<OutsideHead> {
    let witnesses = trust.witnesses();
    // What is wrong with the bundle is the verification's to say.
    let Ok(notes) = bundle.notes() else { return Vec::new() };
    let mut heads = Vec::new();
    for checkpoint in notes.iter().filter_map(|note| SignedCheckpoint::parse(note).ok()) {
        let era = checkpoint.claimed().origin.era;
        let by = witnesses.iter().filter_map(|key| Some((key.cosigned(checkpoint.note()).ok()??, key)));
        let newest = by.max_by_key(|(time_s, _)| *time_s);
        if let (Some((time_s, key)), Ok(found)) = (newest, checkpoint.verify_by(&trust.identity_in(era))) {
            heads.push(OutsideHead {
                file: Some(key.name().to_string()),
                era: Some(era),
                head: found.head(),
                cosigned_ms: Some(time_s.saturating_mul(1000)),
                own: false,
            });
        }
    }
    heads
}

/// A checkpoint note from outside, signed by the log's identity key.
pub fn read_anchor(path: &Path, trust: &Trust) -> Result<(u32, Head, Vec<u8>), Trouble> {
    let bad = || Trouble::BadAnchor { file: shown(path) };
    let checkpoint = read_note(path)?;
    let era = checkpoint.claimed().origin.era;
    let head = checkpoint.verify_by(&trust.identity_in(era)).map_err(|_| bad())?.head();
    Ok((era, head, checkpoint.to_string().into_bytes()))
}

/// A head typed from paper, with the era before it where entries were given up since: `2/4711:ROOT`.
pub fn outside_head(text: &str) -> Result<(Option<u32>, Head), Trouble> {
    let bad = || Trouble::BadValue {
        what: format!("--head {}", console::clean(text)),
        wanted: "[ERA/]SIZE:ROOT (ROOT: 64 × 0-9a-f | base64)".into(),
    };
    let (before, root) = text.split_once(':').ok_or_else(bad)?;
    let (era, size) = match before.split_once('/') {
        Some((era, size)) => (Some(era.parse().map_err(|_| bad())?), size),
        None => (None, before),
    };
    let size = size.trim().parse().map_err(|_| bad())?;
    // On paper the digits stand in groups.
    let root = root.replace(' ', "");
    let from_base64 = || STANDARD.decode(&root).ok()?.try_into().ok();
    let root = unhex32(&root).or_else(from_base64).ok_or_else(bad)?;
    Ok((era, Head { size, root }))
}
