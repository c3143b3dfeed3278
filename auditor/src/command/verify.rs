//! `conclave-audit verify`: the replay, the verdict, and the trust file moved on.
//! Never opens a connection.

use std::path::{Path, PathBuf};

use clap::Args;
use console::when::rfc3339;
use console::{Exit, Voice, Words};
use journal::register::SuccessionRow;
use serde::Serialize;

use super::cosigned::{Cosigned, freshness};
use super::judging::{Against, go_on};
use super::keeping::{Keeper, Keeping, Kept};
use super::{ProgressLine, Told, ended, open_bundle, read_trust, shown};
use crate::audit::Audit;
use crate::judgement::{Flaw, Judgement, Unanchored};
use crate::names::hex;
use crate::outside::OutsideHead;
use crate::plain::{Said, coverage, judgement};
use crate::predecessor::{ClosedFound, ContinuesFound, hold_against};
use crate::trouble::Trouble;
use crate::trust::{Anchor, Trust};

/// Verify a bundle by replaying every entry.
///
/// Ends with 0: verified and anchored; 1: it is no bundle, or the trust file is none, and nothing was judged; 2: invalid; 3: two
/// heads contradict each other; 4: consistent, not anchored within the trust file's limits; 5: incomplete.
#[derive(Args, Debug)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct Verify {
    /// The bundle.
    pub bundle: PathBuf,
    #[command(flatten)]
    pub against: Against,
    /// The bundle of the log that this one continues: held against what this one says of it.
    #[arg(long, value_name = "BUNDLE")]
    pub predecessor: Option<PathBuf>,
    /// Leave the trust file as it is.
    #[arg(long)]
    pub no_update: bool,
    /// Take this head as the anchor though nothing outside confirms it: on your own word.
    #[arg(long, conflicts_with = "no_update")]
    pub adopt: bool,
    #[command(flatten)]
    pub keeping: Keeping,
}

/// Runs it.
pub fn run(verify: &Verify, voice: Voice) -> Exit {
    ended("verify", voice, work(verify, voice))
}

fn work(verify: &Verify, voice: Voice) -> Result<Exit, Trouble> {
    let mut trust = read_trust(&verify.against.trust)?;
    let keeper = Keeper::open(&verify.keeping, voice)?;
    let (mut found, went_on) = go_on(&verify.bundle, &verify.against, &trust, keeper.as_ref(), voice)?;
    look_behind(&mut found, verify.predecessor.as_deref(), voice)?;
    let mut lines = vec![judgement(&found, voice.lang)];
    lines.extend(coverage(&found, voice.lang));
    lines.extend(matches!(found.judgement, Judgement::Invalid(_)).then_some(Said::KeepIt));
    let moved = advance(verify, &mut trust, &found);
    let is_moved = matches!(moved, Some(Said::Advanced { .. } | Said::Adopted { .. }));
    let mut data = Data::new(&found, is_moved);
    data.trust_not_written = matches!(moved, Some(Said::NotAdvanced { .. }));
    data.replayed_from = went_on.replayed_from;
    let stands = matches!(found.judgement, Judgement::Verified) || is_moved;
    let keeper = keeper.filter(|_| stands);
    let kept = keeper.map_or(Ok(Vec::new()), |keeper| keeper.keep(&found))?;
    data.state_written = kept.iter().any(|line| matches!(line, Kept::Written { .. }));
    lines.extend(moved);
    let mut lines: Vec<String> = lines.iter().map(|line| line.say(voice.lang)).collect();
    data.cosigned = freshness(&found, &trust, link::terminal::now_ms());
    lines.extend(data.cosigned.as_ref().map(|line| line.say(voice.lang)));
    lines.extend(went_on.said.iter().chain(&kept).map(|line| line.say(voice.lang)));
    let text = lines.join("\n");
    Ok(said("verify", voice, &found, text, data))
}

/// Says a verdict with its data.
pub fn said<T: Serialize>(command: &str, voice: Voice, found: &Audit, text: String, data: T) -> Exit {
    if found.judgement.exit() == Exit::Yes {
        return voice.done(command, &Told(text), data);
    }
    voice.verdict(command, found.judgement.exit(), found.judgement.code(), &Told(text), data)
}

/// Holds what the log says of a log before it against that one's bundle, where that was given.
pub fn look_behind(found: &mut Audit, predecessor: Option<&Path>, voice: Voice) -> Result<(), Trouble> {
    let Some(predecessor) = predecessor else { return Ok(()) };
    let (reader, bytes) = open_bundle(predecessor)?;
    let mut line = ProgressLine::new(bytes, voice.lang);
    let held = hold_against(found, reader, &mut |done| line.at(done));
    line.clear();
    held.map_err(|error| Trouble::Unreadable { file: shown(predecessor), cause: error.to_string() })
}

/// Moves the trust file's anchor to the end of a bundle that was verified, or adopted. Where it cannot be written, the verdict
/// stands all the same.
fn advance(verify: &Verify, trust: &mut Trust, found: &Audit) -> Option<Said> {
    let adopted = match &found.judgement {
        Judgement::Verified => false,
        Judgement::Unanchored(
            Unanchored::NoAnchor
            | Unanchored::LostBySuccession { .. }
            | Unanchored::NotLinked { .. }
            | Unanchored::TooMany { .. }
            | Unanchored::TooOld { .. },
        ) if verify.adopt => true,
        Judgement::Unanchored(_)
        | Judgement::Invalid(_)
        | Judgement::Diverged(_)
        | Judgement::Incomplete(_) => return None,
    };
    let newest = found.confirmed.iter().max_by_key(|(head, _)| head.size);
    let (head, note) = newest.filter(|_| !verify.no_update)?;
    let before = trust.clone();
    trust.advance(Anchor { head: *head, note: note.clone().into() }, found.by_others);
    if *trust == before {
        return None;
    }
    let path = &verify.against.trust;
    Some(match (trust.replace(path), adopted) {
        (Err(error), _) => Said::NotAdvanced { file: shown(path), cause: error.to_string() },
        (Ok(()), true) => Said::Adopted { size: head.size },
        (Ok(()), false) => Said::Advanced { size: head.size },
    })
}

#[derive(Serialize)]
struct Data {
    verdict: &'static str,
    log: String,
    entries: u64,
    root: String,
    state: String,
    from: String,
    to: String,
    anchored: u64,
    beyond: u64,
    /// Entries that somebody else's head covers; the others rest on what the auditor saw himself.
    by_others: u64,
    first_bad: Option<u64>,
    contradiction: Option<Contradiction>,
    /// Where the log went on without entries that were lost.
    successions: Vec<Succeeded>,
    /// Heads of which entries were lost so: they say nothing.
    lost_heads: Vec<LostHead>,
    /// The log that it says it continues.
    #[serde(skip_serializing_if = "Option::is_none")]
    continues: Option<ContinuesFound>,
    /// It was closed into another log.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<ClosedFound>,
    trust_advanced: bool,
    /// It was to be, and the file cannot be written.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    trust_not_written: bool,
    /// How old the newest head is that confirms the entries, where a witness cosigned it and nobody gave a fresher one.
    #[serde(skip_serializing_if = "Option::is_none")]
    cosigned: Option<Cosigned>,
    /// Entries before this one were verified by an earlier audit, and not replayed.
    replayed_from: u64,
    /// Those before this one were not read in this bundle, the others of them hashed.
    read_from: u64,
    state_written: bool,
}

#[derive(Serialize)]
struct Succeeded {
    era: u32,
    kept: u64,
    end: u64,
    known: u64,
    bodies_lost: bool,
    officers: Vec<String>,
    cell_let_go: bool,
    /// The root cells that were let go of, as far as their names were known.
    cells: Vec<String>,
}

#[derive(Serialize)]
struct LostHead {
    file: Option<String>,
    era: u32,
    size: u64,
}

#[derive(Serialize)]
struct Contradiction {
    size: u64,
    known: String,
    found: String,
}

impl Data {
    fn new(found: &Audit, trust_advanced: bool) -> Self {
        let verdict = found.replay.verdict();
        let (first_bad, contradiction) = match &found.judgement {
            Judgement::Invalid(Flaw::Entry { index, .. } | Flaw::LoginRepeated { again: index, .. }) => {
                (Some(*index), None)
            }
            Judgement::Diverged(heads)
            | Judgement::Invalid(Flaw::NotWhatWasSigned(heads) | Flaw::NotWhatIsKnown(heads)) => {
                (None, Some(heads))
            }
            Judgement::Invalid(_)
            | Judgement::Verified
            | Judgement::Unanchored(_)
            | Judgement::Incomplete(_) => (None, None),
        };
        Self {
            verdict: found.judgement.code(),
            log: verdict.log.to_string(),
            entries: verdict.head.size,
            root: hex(&verdict.head.root),
            state: hex(&verdict.state),
            from: rfc3339(verdict.span_ms.0),
            to: rfc3339(verdict.span_ms.1),
            anchored: verdict.anchored,
            beyond: verdict.beyond,
            by_others: found.by_others,
            first_bad,
            contradiction: contradiction.map(|heads| Contradiction {
                size: heads.size,
                known: hex(&heads.named),
                found: hex(&heads.found),
            }),
            successions: verdict.successions.iter().map(|row| Succeeded::of(row, found)).collect(),
            lost_heads: found.lost.iter().map(LostHead::from).collect(),
            continues: ContinuesFound::of(found),
            closed: ClosedFound::of(found.replay.register()),
            trust_advanced,
            trust_not_written: false,
            cosigned: None,
            replayed_from: 0,
            read_from: found.unread,
            state_written: false,
        }
    }
}

impl Succeeded {
    fn of(row: &SuccessionRow, found: &Audit) -> Self {
        let SuccessionRow { era, kept, end, known, bodies_lost, .. } = *row;
        let officers = row.officers.iter().map(ToString::to_string).collect();
        let let_go = found.let_go.by(row);
        let cells = let_go.unwrap_or_default().iter().map(ToString::to_string).collect();
        Self { era, kept, end, known, bodies_lost, officers, cell_let_go: let_go.is_some(), cells }
    }
}

impl From<&OutsideHead> for LostHead {
    fn from(lost: &OutsideHead) -> Self {
        Self { file: lost.file.clone(), era: lost.era.unwrap_or(0), size: lost.head.size }
    }
}
