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
use crate::audit::{Audit, OUTSIDE_MAX, OutsideHead, Wanted, audit_from};
use crate::judgement::Judgement;
use crate::known::Known;
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
    let whole = Verification { bundle, against, trust, known: None, voice }.judge(observer, Start::First)?;
    Ok(whole.expect("a whole audit begins nowhere else"))
}

/// How far a verification went on from the one before.
#[derive(Default)]
pub(super) struct WentOn {
    /// Entries before this one were verified by an earlier audit, and not replayed.
    pub(super) replayed_from: u64,
    /// Those before this one were not even read.
    pub(super) read_from: u64,
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
    let (known, mut why_not) = keeper.map_or(Ok((None, None)), |keeper| keeper.known(trust))?;
    let job = Verification { bundle, against, trust, known: known.as_ref(), voice };
    let quiet: Observer<'_> = &mut |_, _, _| {};
    if let (Some(keeper), Some(known), None) = (keeper, &known, &why_not) {
        let size = known.replay.size;
        let seen = keeper.seen(known)?;
        let mut said = Vec::from_iter((keeper.only_new() && seen.is_none()).then_some(Kept::NoLeaves));
        if let Some(seen) = seen
            && let Some(found) = job.judge(quiet, Start::Unread(known, seen))?
            // Whatever else it says may lie at what was not read.
            && matches!(found.judgement, Judgement::Verified | Judgement::Unanchored(_))
        {
            let said = vec![Kept::Unread { size }];
            return Ok((found, WentOn { replayed_from: size, read_from: size, said }));
        }
        if let Some(found) = job.judge(quiet, Start::Hashed(known))? {
            said.insert(0, Kept::WentOn { size });
            return Ok((found, WentOn { replayed_from: size, read_from: 0, said }));
        }
        why_not = Some(Kept::Otherwise);
    }
    let whole = job.judge(quiet, Start::First)?.expect("a whole audit begins nowhere else");
    Ok((whole, WentOn { said: Vec::from_iter(why_not), ..WentOn::default() }))
}

/// What one verification is about, wherever it begins.
struct Verification<'a> {
    bundle: &'a Path,
    against: &'a Against,
    trust: &'a Trust,
    /// The state file's: its head is one from outside.
    known: Option<&'a Known>,
    voice: Voice,
}

impl Verification<'_> {
    /// Verifies with progress; `None`: the bundle begins otherwise.
    fn judge(&self, observer: Observer<'_>, start: Start<'_>) -> Result<Option<Audit>, Trouble> {
        let Self { bundle, against, trust, known, voice } = *self;
        let unreadable =
            |error: io::Error| Trouble::Unreadable { file: shown(bundle), cause: error.to_string() };
        let open = || match &start {
            Start::First | Start::Hashed(_) => open_bundle(bundle),
            Start::Unread(known, seen) => {
                open_bundle_at(bundle, |reader| reader.pass_over(known.replay.size, seen.end))
            }
        };
        let mut outside = outside_heads(against, trust)?;
        outside.extend(known.map(|known| OutsideHead {
            file: Some(voice.lang.pick("the state file", "файл состояния").to_owned()),
            era: Some(known.era),
            head: Head { size: known.replay.size, root: known.root },
            cosigned_ms: None,
            own: true,
        }));
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
