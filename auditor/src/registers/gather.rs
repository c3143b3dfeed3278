//! Gathers the rows of a register during the replay.
//! Never decides how a thing stands: that follows from the Register at the end.

use std::collections::BTreeMap;

use console::Lang;
use journal::act::{Act, HoldScope};
use journal::fact::Fact;
use journal::ids::Index;
use journal::register::{Applied, Effect};
use journal::replay::CheckedEntry;
use journal::statement::Parsed;
use pki::{CertId, PersonId};

use super::state::{Ends, State};
use super::{Period, REGISTER_ROWS_MAX, RegisterKind, RegisterRow, shown};
use crate::about_whom::AboutWhom;
use crate::audit::Audit;
use crate::describe::describe;
use crate::desk_rows::about_words;
use crate::names::{Names, What};

/// A row whose state is still open.
struct Draft {
    index: Index,
    wall_ms: u64,
    /// The time as which the stamp counts: an earlier one where two officers set the journal's time back behind it.
    counted_ms: u64,
    who: String,
    what: String,
    state: State,
}

/// Rows as far as there is room.
#[derive(Default)]
struct Drafts {
    rows: Vec<Draft>,
    /// Those for which there was none.
    more: u64,
}

impl Drafts {
    fn push(&mut self, row: impl FnOnce() -> Draft) {
        match self.rows.len() < REGISTER_ROWS_MAX {
            true => self.rows.push(row()),
            false => self.more += 1,
        }
    }

    fn append(&mut self, other: Self) {
        self.more += other.more;
        other.rows.into_iter().for_each(|row| self.push(|| row));
    }
}

/// Gathers the rows of one register.
pub struct Gatherer {
    kind: RegisterKind,
    period: Period,
    lang: Lang,
    names: Names,
    /// Whose Submit the authority's acts that follow belong to, and how many more there are.
    submit: Option<(PersonId, u32)>,
    rows: Drafts,
    /// Rows that are stamped behind the period: they belong to it where a time within it is set behind them.
    ahead: Drafts,
    ends: Ends,
    about: AboutWhom,
}

impl Gatherer {
    /// For this register.
    pub fn new(kind: RegisterKind, period: Period, lang: Lang) -> Self {
        Self {
            kind,
            period,
            lang,
            names: Names::default(),
            submit: None,
            rows: Drafts::default(),
            ahead: Drafts::default(),
            ends: Ends::default(),
            about: AboutWhom::default(),
        }
    }

    /// The next entry that stands.
    pub fn take(&mut self, index: Index, entry: &CheckedEntry, applied: &Applied) {
        let Some(what) = What::of(entry) else { return };
        self.names.take(index, what);
        self.ends.take(index, what, applied);
        if self.kind == RegisterKind::Findings {
            self.about.take(index, what);
        }
        let by = self.submitted(what);
        if entry.wall_ms() >= self.period.from_ms {
            for state in self.states(index, what, applied) {
                self.row(index, entry.wall_ms(), what, by, state);
            }
        }
        if let Some((_, to_ms)) = applied.clock_set() {
            self.set_back(to_ms);
        }
    }

    fn states(&self, index: Index, what: What<'_>, applied: &Applied) -> Vec<State> {
        match self.kind {
            RegisterKind::Envelopes => envelopes(what, applied),
            RegisterKind::People => people(what, applied),
            RegisterKind::Keys => keys(what, applied),
            RegisterKind::Erasures => erasures(index, what, applied),
            RegisterKind::Holds => holds(index, what, applied),
            RegisterKind::Exports => exports(what),
            RegisterKind::Disclosures => disclosures(what),
            RegisterKind::Findings => findings(index, what),
        }
    }

    /// What was stamped later than this time counts as stamped at it.
    fn set_back(&mut self, to_ms: u64) {
        for draft in self.rows.rows.iter_mut().chain(&mut self.ahead.rows) {
            draft.counted_ms = draft.counted_ms.min(to_ms);
        }
        if to_ms <= self.period.to_ms {
            self.rows.append(std::mem::take(&mut self.ahead));
        }
        let from_ms = self.period.from_ms;
        self.rows.rows.retain(|draft| draft.counted_ms >= from_ms);
    }

    /// Who submitted this act of the authority, if it came inside a Submit.
    fn submitted(&mut self, what: What<'_>) -> Option<PersonId> {
        let What::Statement(parsed) = what else { return None };
        if let Act::Submit(act) = parsed.act() {
            self.submit = Some((parsed.header().person, act.count));
            return None;
        }
        let (by, left) = self.submit?;
        self.submit = left.checked_sub(1).filter(|left| *left > 0).map(|left| (by, left));
        (left > 0).then_some(by)
    }

    fn row(&mut self, index: Index, wall_ms: u64, what: What<'_>, by: Option<PersonId>, state: State) {
        let (names, lang) = (&self.names, self.lang);
        let rows = if wall_ms <= self.period.to_ms { &mut self.rows } else { &mut self.ahead };
        rows.push(|| Draft {
            index,
            wall_ms,
            counted_ms: wall_ms,
            who: who(what, by, names, lang),
            what: describe(what, names, lang) + &state.more(what, lang),
            state,
        });
    }

    /// Whether a second reading of the bundle may tell more.
    pub fn wants_second_reading(&mut self, audit: &Audit) -> bool {
        self.about.ask(audit.replay.register());
        self.about.is_open()
    }

    /// The next statement of it.
    pub fn again(&mut self, index: Index, parsed: &Parsed) {
        self.about.statement(index, parsed);
    }

    /// The rows with the state behind the last entry, and how many did not fit.
    pub fn finish(mut self, audit: &Audit) -> (Vec<RegisterRow>, u64) {
        self.about.ask(audit.replay.register());
        let Self { rows: Drafts { rows, more }, ends, names, lang, about, .. } = self;
        let register = audit.replay.register();
        let row = |draft: Draft| RegisterRow {
            index: draft.index,
            at: shown(draft.wall_ms),
            who: draft.who,
            what: draft.what
                + &about_words(about.of(draft.index), &names, lang)
                + &ahead(draft.wall_ms, draft.counted_ms, lang),
            state: draft.state.words(register, &ends, &names, lang),
        };
        (rows.into_iter().map(row).collect(), more)
    }
}

/// Who signed it, and who brought it where it is an act of the authority.
fn who(what: What<'_>, by: Option<PersonId>, names: &Names, lang: Lang) -> String {
    let who = match what {
        What::Fact(_) => lang.pick("server (its own word)", "сервер (его слова)").to_owned(),
        What::Statement(parsed) => names.person(parsed.header().person, lang),
    };
    let Some(by) = by else { return who };
    let by = names.person(by, lang);
    lang.pick(format!("{who}, brought by {by}"), format!("{who}, внёс {by}"))
}

/// Where the clock was ahead: as which time the stamp counts.
fn ahead(wall_ms: u64, counted_ms: u64, lang: Lang) -> String {
    if counted_ms == wall_ms {
        return String::new();
    }
    let counted = shown(counted_ms);
    lang.pick(
        format!("; stamped ahead of the time, counts as of {counted}"),
        format!("; помечено временем вперёд, считается за {counted}"),
    )
}

fn envelopes(what: What<'_>, applied: &Applied) -> Vec<State> {
    if let What::Statement(parsed) = what {
        if let Act::EnvelopePrint(act) = parsed.act() {
            return vec![State::Envelope(act.number)];
        } else if let Act::EnvelopeHandOver(act) = parsed.act() {
            return vec![State::Envelope(act.number)];
        } else if let Act::EnvelopeVoid(act) = parsed.act() {
            return vec![State::Envelope(act.number)];
        }
    }
    // A new password uses it up, a revocation voids it.
    let ended = |effect: &Effect| {
        if let Effect::EnvelopeVoided { number, .. } = effect {
            Some(State::EnvelopeEnded(*number))
        } else {
            None
        }
    };
    applied.effects.iter().filter_map(ended).collect()
}

fn people(what: What<'_>, applied: &Applied) -> Vec<State> {
    let touched = |effect: &Effect| {
        if let Effect::PersonEnrolled { person }
        | Effect::PersonRevoked { person }
        | Effect::PersonLocked { person } = effect
        {
            Some(State::Person(*person))
        } else if let Effect::OfficerAdmitted { certificate } = effect {
            Some(State::Certificate(*certificate))
        } else {
            None
        }
    };
    let mut states: Vec<State> = applied.effects.iter().filter_map(touched).collect();
    if let What::Statement(parsed) = what {
        if let Act::Suspend(act) = parsed.act() {
            states.push(State::Person(act.person));
        } else if let Act::Resume(act) = parsed.act() {
            states.push(State::Person(act.person));
        } else if let Act::Unlock(act) = parsed.act() {
            states.push(State::Person(act.person));
        }
    }
    states
}

fn keys(what: What<'_>, applied: &Applied) -> Vec<State> {
    match what {
        What::Fact(Fact::KeyRoll(roll)) => return vec![State::Period(roll.period)],
        What::Fact(
            Fact::Start(_)
            | Fact::Stop(_)
            | Fact::SessionEnd(_)
            | Fact::ClockStep(_)
            | Fact::FailedLogin(_)
            | Fact::Tick(_)
            | Fact::Erased(_)
            | Fact::Alarm(_)
            | Fact::PeriodEnd(_)
            | Fact::RetentionRun(_),
        ) => {}
        What::Statement(parsed) => {
            if let Act::Enrol(act) = parsed.act() {
                return vec![
                    State::Certificate(CertId::of(&act.signature)),
                    State::Certificate(CertId::of(&act.agreement)),
                ];
            } else if let Act::Genesis(_) = parsed.act() {
                return vec![State::Founded];
            }
        }
    }
    let touched = |effect: &Effect| {
        if let Effect::CertificateRevoked { certificate } = effect {
            Some(State::Certificate(*certificate))
        } else if let Effect::PersonRevoked { person } = effect {
            Some(State::Person(*person))
        } else {
            None
        }
    };
    applied.effects.iter().filter_map(touched).collect()
}

fn erasures(index: Index, what: What<'_>, applied: &Applied) -> Vec<State> {
    if let What::Statement(parsed) = what
        && let Act::Erase(_) = parsed.act()
    {
        return vec![State::Erasure(index)];
    }
    let touched = |effect: &Effect| {
        if let Effect::OrderBegan { proposal, .. } | Effect::OrderStopped { proposal } = effect {
            Some(State::Order(*proposal))
        } else if let Effect::OrderCarriedOut { proposal, .. } = effect {
            Some(State::OrderErasure(*proposal, index))
        } else {
            None
        }
    };
    let mut states: Vec<State> = applied.effects.iter().filter_map(touched).collect();
    if let What::Fact(Fact::RetentionRun(_)) = what {
        states.push(State::Erasure(index));
    }
    states
}

fn holds(index: Index, what: What<'_>, applied: &Applied) -> Vec<State> {
    if let What::Statement(parsed) = what
        && let Act::Hold(act) = parsed.act()
    {
        // The scope's kind is in the words already; the state needs the hold alone.
        return match &act.scope {
            HoldScope::Person(_) | HoldScope::Conversation(_) | HoldScope::Messages(..) => {
                vec![State::Hold(index)]
            }
        };
    }
    let ended = |effect: &Effect| {
        if let Effect::HoldEnded { hold } = effect { Some(State::HoldEnded(*hold)) } else { None }
    };
    applied.effects.iter().filter_map(ended).collect()
}

fn exports(what: What<'_>) -> Vec<State> {
    let What::Statement(parsed) = what else { return Vec::new() };
    match matches!(parsed.act(), Act::Export(_) | Act::Backup(_)) {
        true => vec![State::TakenOut],
        false => Vec::new(),
    }
}

fn disclosures(what: What<'_>) -> Vec<State> {
    let What::Statement(parsed) = what else { return Vec::new() };
    if let Act::Disclose(act) = parsed.act() { vec![State::GivenAway(act.message)] } else { Vec::new() }
}

fn findings(index: Index, what: What<'_>) -> Vec<State> {
    let parsed = match what {
        What::Statement(parsed) => parsed,
        What::Fact(Fact::Alarm(_)) => return vec![State::Raised(index)],
        What::Fact(
            Fact::Start(_)
            | Fact::Stop(_)
            | Fact::SessionEnd(_)
            | Fact::ClockStep(_)
            | Fact::FailedLogin(_)
            | Fact::Tick(_)
            | Fact::Erased(_)
            | Fact::KeyRoll(_)
            | Fact::PeriodEnd(_)
            | Fact::RetentionRun(_),
        ) => return Vec::new(),
    };
    if let Act::Report(_) | Act::Finding(_) = parsed.act() {
        vec![State::Raised(index)]
    } else if let Act::AlarmAcknowledge(act) = parsed.act() {
        vec![State::Raised(act.raised)]
    } else if let Act::AlarmClose(act) = parsed.act() {
        vec![State::Raised(act.raised)]
    } else {
        Vec::new()
    }
}

/// By the entry that ended it.
pub(super) type Ended = BTreeMap<Index, Index>;
