//! `conclave-audit check-excerpt`: what a part of a journal proves, and what it cannot.
//! Never opens a connection, and never believes anything that the excerpt brings beside the log's own signatures.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use console::when::rfc3339;
use console::{Exit, Voice, Words, count_en, count_ru};
use journal::ids::Head;
use serde::Serialize;

use super::judging::{Against, outside_heads};
use super::show::{Row, line, row};
use super::{ProgressLine, Told, ended, read_trust, shown};
use crate::excerpt::{Asked, ExcerptReader};
use crate::excerpt_check::{CheckAsked, Checked, check};
use crate::judgement::{Flaw, Judgement, Missing, Unanchored};
use crate::names::{Names, What, hex};
use crate::plain::{Said, fault, flaw, missing, unanchored};
use crate::trouble::Trouble;

/// Check an excerpt: a range or a selection.
///
/// Checked are the log's signatures, each entry's place under the signed head, the authors' signatures and
/// certificates, order and numbers. Rights are not: they follow from the whole journal. Ends with 0: a range, verified,
/// complete and anchored; 2: invalid; 3: two heads contradict each other; 4: consistent, not anchored within the trust
/// file's limits; 5: incomplete: a selection proves presence, not completeness.
#[derive(Args, Debug)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct CheckExcerpt {
    /// The excerpt.
    pub file: PathBuf,
    #[command(flatten)]
    pub against: Against,
    /// Show the entries as well, one line each.
    #[arg(long)]
    pub entries: bool,
}

console::words! {
    enum Line {
        Range { first: u64, last: u64, others: u64 }
            => en("VERIFIED RANGE: entries #{first} to #{last} are in the log, all of them, compared with {}",
                  if *others > 0 { "a head from outside" } else { "your own earlier head alone" }),
               ru("ПРОВЕРЕН ПРОМЕЖУТОК: записи с #{first} по #{last} есть в журнале, все до одной, сверено {}",
                  if *others > 0 { "с вершиной извне" } else { "лишь с вашей собственной прежней вершиной" });
        Selection { why: String } => en("{why}"), ru("{why}");
        NotCompared { why: String }
            => en("NOT ANCHORED: everything here is consistent, but {why}"),
               ru("НЕ СВЕРЕНО: внутренних противоречий нет, но {why}");
        Holds { entries: u64, context: u64 }
            => en("{} asked for, {context} more for their check", count_en(*entries, "entry", "entries")),
               ru("запрошено: {}, ещё для их проверки: {context}", count_ru(*entries, "запись", "записи", "записей"));
        Under { size: u64, root: String }
            => en("under the head of {size} entries that the log signed, {root}"),
               ru("под вершиной, которую подписал журнал (записей: {size}), {root}");
        NotJudged
            => en("not judged: who was allowed to do what; that follows from the whole journal (`verify`)"),
               ru("не проверялось: кто на что имел право; это следует только из всего журнала (`verify`)");
    }
}

#[derive(Serialize)]
struct Data {
    verdict: &'static str,
    kind: &'static str,
    /// What was asked for, as the excerpt says itself.
    first: Option<u64>,
    last: Option<u64>,
    who: Vec<String>,
    conversations: Vec<u64>,
    presence: bool,
    completeness: bool,
    rights_judged: bool,
    entries: u64,
    context: u64,
    size: Option<u64>,
    root: Option<String>,
    from: Option<String>,
    to: Option<String>,
    anchored: u64,
    first_bad: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rows: Vec<Row>,
}

/// Runs it.
pub fn run(asked: &CheckExcerpt, voice: Voice) -> Exit {
    ended("check-excerpt", voice, work(asked, voice))
}

fn work(asked: &CheckExcerpt, voice: Voice) -> Result<Exit, Trouble> {
    let trust = read_trust(&asked.against.trust)?;
    let outside = outside_heads(&asked.against, &trust)?;
    let (reader, bytes) = open(&asked.file)?;
    let mut progress = ProgressLine::new(bytes, voice.lang);
    let mut rows = Vec::new();
    let mut names = Names::default();
    let found = check(
        reader,
        CheckAsked {
            trust: &trust,
            outside,
            progress: &mut |done| progress.at(done),
            observer: &mut |wanted, index, entry| {
                let Some(what) = What::of(entry).filter(|_| asked.entries) else { return };
                names.take(index, what);
                if wanted {
                    rows.push(row(index, entry.wall_ms(), what, &names, voice));
                }
            },
        },
    );
    progress.clear();
    let found =
        found.map_err(|error| Trouble::Unreadable { file: shown(&asked.file), cause: error.to_string() })?;
    let mut text = words(&found, voice);
    if !voice.json && !rows.is_empty() {
        let mut shown = Vec::new();
        for row in &rows {
            // Writing to memory does not fail.
            let _ = line(&mut shown, row, voice);
        }
        text = format!("{text}\n{}", String::from_utf8_lossy(&shown).trim_end());
    }
    let (exit, code) = (found.judgement.exit(), code(&found.judgement));
    let data = Data::new(&found, rows);
    Ok(if exit == Exit::Yes {
        voice.done("check-excerpt", &Told(text), data)
    } else {
        voice.verdict("check-excerpt", exit, code, &Told(text), data)
    })
}

fn open(path: &Path) -> Result<(ExcerptReader<BufReader<File>>, u64), Trouble> {
    let unreadable = |error: io::Error| Trouble::Unreadable { file: shown(path), cause: error.to_string() };
    let file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    let reader = ExcerptReader::open(BufReader::with_capacity(1 << 20, file));
    Ok((reader.map_err(|bad| Trouble::bundle(shown(path), &bad, 0))?, bytes))
}

fn words(found: &Checked, voice: Voice) -> String {
    let lang = voice.lang;
    let first: Box<dyn Words> = match &found.judgement {
        Judgement::Verified => match found.asked {
            Asked::Range(first, last) => Box::new(Line::Range { first, last, others: found.by_others }),
            Asked::Selection(..) => Box::new(Line::Selection { why: missing(&Missing::Selection, 0, lang) }),
        },
        Judgement::Invalid(Flaw::Entry { index, fault: why }) => {
            Box::new(Said::BadEntry { index: *index, why: fault(why, lang) })
        }
        Judgement::Invalid(why) => Box::new(Said::Invalid { why: flaw(why, lang) }),
        Judgement::Diverged(heads) => {
            Box::new(Said::Diverged { size: heads.size, named: hex(&heads.named), found: hex(&heads.found) })
        }
        Judgement::Unanchored(why) => Box::new(Line::NotCompared { why: not_compared(why, found, voice) }),
        Judgement::Incomplete(why @ Missing::Selection) => {
            Box::new(Line::Selection { why: missing(why, found.entries, lang) })
        }
        Judgement::Incomplete(why) => {
            Box::new(Said::Incomplete { why: missing(why, found.entries + found.context, lang) })
        }
    };
    let mut lines = vec![first];
    if let (
        Some(Head { size, root }),
        Judgement::Verified | Judgement::Unanchored(_) | Judgement::Incomplete(_),
    ) = (found.head, &found.judgement)
    {
        lines.push(Box::new(Line::Holds { entries: found.entries, context: found.context }));
        lines.push(Box::new(Line::Under { size, root: hex(&root) }));
        if let Some((from, to)) = found.span_ms {
            lines.push(Box::new(Said::Span { from: rfc3339(from), to: rfc3339(to) }));
        }
        if let (Asked::Selection(..), Judgement::Unanchored(_)) = (&found.asked, &found.judgement) {
            lines.push(Box::new(Line::Selection { why: missing(&Missing::Selection, 0, lang) }));
        }
        lines.push(Box::new(Line::NotJudged));
    }
    lines.iter().map(|line| line.say(lang)).collect::<Vec<_>>().join("\n")
}

/// Whoever holds an excerpt can neither adopt its head nor compare one of another size, unless a proof inside links both.
fn not_compared(why: &Unanchored, found: &Checked, voice: Voice) -> String {
    let size = found.head.map_or(0, |head| head.size);
    match why {
        Unanchored::NoAnchor => voice.lang.pick(
            format!(
                "no head from outside was there to compare with: give one of {size} entries with --anchor or --head, or \
                 have the excerpt made with --link for the size of the head that you hold"
            ),
            format!(
                "сверить не с чем: дайте вершину размера {size} через --anchor или --head либо попросите \
                 выписку, сделанную с --link для размера вашей вершины"
            ),
        ),
        Unanchored::LostBySuccession { .. }
        | Unanchored::EraUnknown { .. }
        | Unanchored::NotLinked { .. }
        | Unanchored::TooMany { .. }
        | Unanchored::TooOld { .. } => unanchored(why, voice.lang),
    }
}

/// The stable code: a selection never says less than what it is.
fn code(judgement: &Judgement) -> &'static str {
    match judgement {
        Judgement::Incomplete(Missing::Selection) => "presence",
        judged @ (Judgement::Verified
        | Judgement::Invalid(_)
        | Judgement::Diverged(_)
        | Judgement::Unanchored(_)
        | Judgement::Incomplete(_)) => judged.code(),
    }
}

impl Data {
    fn new(found: &Checked, rows: Vec<Row>) -> Self {
        let (kind, span, who, conversations) = match &found.asked {
            Asked::Range(first, last) => ("range", Some((*first, *last)), Vec::new(), Vec::new()),
            Asked::Selection(who, places) => {
                ("selection", None, who.iter().map(ToString::to_string).collect(), places.clone())
            }
        };
        let stands = matches!(
            found.judgement,
            Judgement::Verified | Judgement::Unanchored(_) | Judgement::Incomplete(Missing::Selection)
        );
        let first_bad = match &found.judgement {
            Judgement::Invalid(
                Flaw::Entry { index, .. } | Flaw::Disordered { index } | Flaw::RangeGap { index },
            ) => Some(*index),
            Judgement::Invalid(_)
            | Judgement::Verified
            | Judgement::Diverged(_)
            | Judgement::Unanchored(_)
            | Judgement::Incomplete(_) => None,
        };
        Self {
            verdict: code(&found.judgement),
            kind,
            first: span.map(|(first, _)| first),
            last: span.map(|(_, last)| last),
            who,
            conversations,
            presence: stands,
            completeness: stands && span.is_some(),
            rights_judged: false,
            entries: found.entries,
            context: found.context,
            size: found.head.map(|head| head.size),
            root: found.head.map(|head| hex(&head.root)),
            from: found.span_ms.map(|(from, _)| rfc3339(from)),
            to: found.span_ms.map(|(_, to)| rfc3339(to)),
            anchored: found.anchored,
            first_bad,
            rows,
        }
    }
}
