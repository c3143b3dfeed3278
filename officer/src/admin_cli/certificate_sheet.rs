//! The sheet of `erase certificate`: what stands on it, in both languages, and the list beside it.
//! Never asks the server anything.

use super::cell_words::cell;
use super::certificate::Facts;
use super::law::{self, Found};
use super::trouble::Trouble;
use console::when::{bytes, minute};
use console::{DETAILS_RU, Exit, Lang};
use journal::Index;
use journal::act::{EraseTarget, IndexRange};
use sha2::{Digest, Sha256};

/// Messages that stand on the sheet one by one; of the others the indices.
const LISTED: usize = 120;
/// Runs of indices in one line.
const RUNS_A_LINE: usize = 24;
/// Most runs on the sheet: as many as one order has messages. Of more the indices stand in a list beside it, whose SHA-256
/// the sheet names.
const RUNS_MAX: usize = 1024;

pub(super) fn sheet(facts: &Facts, indices: &[String], lang: Lang) -> Result<paper::Pdf, Trouble> {
    let what = what(facts, indices, lang);
    let ordered = ordered(facts, lang);
    let released = released(facts, lang);
    let (_, en, ru) = cell(facts.cell);
    let file = lang.pick(
        "The cell is a file: an old copy of it would open what was erased.",
        "Ячейка — файл: старая её копия открыла бы стёртое.",
    );
    let let_go = lang.pick(
        "If officers let go of a root cell before this, that cell still opens it, with a copy of the store from before. Their decision is in the journal.",
        "Если ранее офицеры отказались от какой-либо ячейки, она вместе с прежней копией хранилища всё ещё открывает это. Их решение есть в журнале.",
    );
    let limits: &[&str] = if facts.cell == 1 { &[file, let_go] } else { &[let_go] };
    let sheet = paper::ErasureCertificate {
        site: &facts.site,
        erase_index: facts.effect,
        erased_index: facts.erased.0,
        epoch: facts.erased.2,
        what: &what.iter().map(String::as_str).collect::<Vec<_>>(),
        ordered_by: &ordered.iter().map(String::as_str).collect::<Vec<_>>(),
        released: &released.iter().map(String::as_str).collect::<Vec<_>>(),
        cell: lang.pick(en, ru),
        limits,
        head_size: facts.head.size,
        head_root: &facts.head.root,
        erased_ms: facts.erased.1,
        lang: lang.pick(paper::Lang::En, paper::Lang::Ru),
    };
    sheet.pdf().map_err(|error| {
        let (en, ru) = (format!("no sheet: {error}"), format!("лист не составлен ({DETAILS_RU})"));
        Trouble::say(Exit::No, "no-sheet", en, ru)
    })
}

/// Who ordered it, by which paper, and what was against it.
fn ordered(facts: &Facts, lang: Lang) -> Vec<String> {
    let Facts { view, names, .. } = facts;
    let mut ordered = vec![
        lang.pick(
            format!("{}; proposed in entry #{}", names.full(view.by), view.proposal),
            format!("{}; предложено записью № {}", names.full(view.by), view.proposal),
        ),
        lang.pick(
            format!(
                "{}; approved in entry #{}, {}",
                names.full(view.with),
                view.approve,
                minute(view.approved_ms)
            ),
            format!(
                "{}; утверждено записью № {}, {}",
                names.full(view.with),
                view.approve,
                minute(view.approved_ms)
            ),
        ),
        law::paper(&view.order.order, lang),
    ];
    ordered.extend(view.order.confirms.map(|stopped| {
        lang.pick(
            format!(
                "it confirms, by two officers, the order of entry #{stopped}, which had been stopped: by an objection, by a hold, \
                 or because somebody concerned could not object"
            ),
            format!(
                "двумя офицерами подтверждено распоряжение записи № {stopped}, которое было остановлено: возражением, запретом на \
                 стирание или тем, что кто-то из тех, кого оно касается, не мог возразить"
            ),
        )
    }));
    ordered
}

fn what(facts: &Facts, indices: &[String], lang: Lang) -> Vec<String> {
    let (n, id) = (facts.messages.len(), facts.view.order.target.conversation());
    let whole = matches!(facts.view.order.target, EraseTarget::Conversation(_));
    let scope = match whole {
        true => lang.pick("the whole of conversation", "вся беседа"),
        false => lang.pick("in conversation", "в беседе"),
    };
    let mut lines =
        vec![lang.pick(format!("{scope} {id}: {n} messages"), format!("{scope} {id}: сообщений {n}"))];
    lines.extend(facts.messages.iter().take(LISTED).map(|row| {
        let (at, who, size) = (minute(row.wall_ms), facts.names.full(row.author), bytes(row.bytes, lang));
        let file = match row.chunks {
            0 => String::new(),
            n => lang.pick(format!(", a file of {n} pieces"), format!(", файл, частей: {n}")),
        };
        lang.pick(
            format!("entry #{}, {at}, {who}, {size}{file}", row.index),
            format!("запись № {}, {at}, {who}, {size}{file}", row.index),
        )
    }));
    lines.extend(indices.iter().cloned());
    lines
}

/// Lines with the indices of those that are not listed one by one; and the list beside the sheet, where they do not fit.
pub(super) fn indices(messages: &[Found], lang: Lang) -> (Vec<String>, Option<String>) {
    let rest = messages.get(LISTED..).unwrap_or_default();
    let (Some(first), Some(last)) = (rest.first(), rest.last()) else { return (Vec::new(), None) };
    let n = rest.len();
    let runs = runs(rest.iter().map(|row| row.index));
    if runs.len() <= RUNS_MAX {
        let mut lines = vec![lang.pick(format!("and {n} more, entries:"), format!("и ещё {n}, записи:"))];
        lines.extend(runs.chunks(RUNS_A_LINE).map(|some| some.join(", ")));
        return (lines, None);
    }
    let list: String = messages.iter().map(|row| format!("#{}\n", row.index)).collect();
    let digest = hex::encode(Sha256::digest(list.as_bytes()));
    let (first, last) = (first.index, last.index);
    let lines = vec![
        lang.pick(
            format!("and {n} more, from entry #{first} to entry #{last}: each index stands in the list beside this sheet"),
            format!("и ещё {n}, от записи № {first} до записи № {last}: номер каждой в перечне при этом листе"),
        ),
        lang.pick(format!("SHA-256 of the list: {digest}"), format!("SHA-256 перечня: {digest}")),
    ];
    (lines, Some(list))
}

/// `#5–#9` and `#12`, of ascending indices.
fn runs(indices: impl Iterator<Item = Index>) -> Vec<String> {
    let shown = |run: &IndexRange| match run.first == run.last {
        true => format!("#{}", run.first),
        false => format!("#{}–#{}", run.first, run.last),
    };
    IndexRange::over(indices.collect(), usize::MAX).iter().map(shown).collect()
}

fn released(facts: &Facts, lang: Lang) -> Vec<String> {
    let (said, word) = (facts.readers.0.len(), facts.readers.1.len());
    vec![
        lang.pick(
            format!(
                "read or acknowledged, by statements in the journal: {said} persons beside the authors, each at one terminal at a time"
            ),
            format!(
                "прочитали или подтвердили, по заявлениям в журнале: человек {said}, кроме авторов; у каждого в одно время один терминал"
            ),
        ),
        lang.pick(
            format!("handed over besides, by the server's word alone: {word}"),
            format!("кроме того, выдано, только со слов сервера: {word}"),
        ),
        match facts.view.order.confirms {
            None => lang.pick(
                "That the order took effect at that entry was checked against the log. Which of its messages went by it and not by an earlier erasure, that nobody objected, and that nobody concerned was kept from it, is the server's word here: an audit of the journal shows it.",
                "Что распоряжение исполнено этой записью, сверено с журналом. Какие из сообщений стёрты именно им, а не раньше, что никто не возразил и что никому из тех, кого это касается, возразить не помешали, указано со слов сервера: это показывает проверка журнала.",
            ),
            Some(_) => lang.pick(
                "That the order took effect at that entry was checked against the log. Which of its messages went by it and not by an earlier erasure is the server's word here: an audit of the journal shows it, and what had stopped the order.",
                "Что распоряжение исполнено этой записью, сверено с журналом. Какие из сообщений стёрты именно им, а не раньше, указано со слов сервера: это показывает проверка журнала, как и то, чем распоряжение было остановлено.",
            ),
        }
        .to_owned(),
        lang.pick(
            "Their terminals drop their copies once they are shown this order, before anything else. Paper, photographs and exports are out of its reach.",
            "Их терминалы уничтожают копии, как только им показано это распоряжение, раньше всего остального. Бумага, снимки и выгрузки ему недоступны.",
        )
        .to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::names::Names;
    use super::*;
    use journal::ConversationId;
    use journal::act::{EraseOrder, Ground, Order};
    use journal::register::OrderState;
    use pki::Clearance;
    use pki::PersonId;
    use protocol::client::event::OrderView;
    use std::collections::BTreeSet;

    fn facts(count: u64) -> Facts {
        let message = |n: u64| Found {
            index: 2 * n + 1_000_001,
            wall_ms: 0,
            author: PersonId(1),
            conversation: ConversationId([7; 32]),
            bytes: 256,
            chunks: 0,
            label: Clearance(0),
            erased: Some(5_000_000),
        };
        let order = EraseOrder {
            target: EraseTarget::Conversation(ConversationId([7; 32])),
            order: Order { number: "12-3/2026".into(), ground: Ground::Court },
            confirms: None,
        };
        let (by, with, state) = (PersonId(1), PersonId(2), OrderState::Done(5_000_001));
        Facts {
            view: OrderView {
                proposal: 4_999_999,
                approve: 5_000_000,
                by,
                with,
                approved_ms: 0,
                order,
                state,
                hold: None,
            },
            effect: 5_000_001,
            erased: (5_000_002, 0, 3),
            messages: (0..count).map(message).collect(),
            readers: (BTreeSet::new(), BTreeSet::new()),
            cell: 3,
            site: "Site".into(),
            names: Names::new(Vec::new(), Lang::Ru),
            head: journal::Head { size: 5_000_003, root: [1; 32] },
        }
    }

    #[test]
    fn a_sheet_is_made_of_any_number_of_messages_that_never_stand_side_by_side() {
        for (count, listed) in [(1, false), (1024, false), (100_000, true)] {
            let facts = facts(count);
            for lang in [Lang::En, Lang::Ru] {
                let (lines, list) = indices(&facts.messages, lang);
                assert!(sheet(&facts, &lines, lang).is_ok(), "{count}");
                assert_eq!(list.is_some(), listed);
                let Some(list) = list else { continue };
                assert_eq!(list.lines().count() as u64, count);
                assert!(lines[1].ends_with(&hex::encode(Sha256::digest(list.as_bytes()))));
            }
        }
    }

    #[test]
    fn a_sheet_of_what_was_confirmed_names_the_order_that_was_stopped() {
        let mut facts = facts(1);
        facts.view.order.confirms = Some(72);
        for lang in [Lang::En, Lang::Ru] {
            assert!(sheet(&facts, &[], lang).is_ok());
            assert!(!released(&facts, lang).iter().any(|line| line.contains("nobody objected")));
            let told = ordered(&facts, lang).concat();
            assert!(told.contains(lang.pick("could not object", "не мог возразить")), "{told}");
        }
    }

    #[test]
    fn every_index_stands_on_the_sheet() {
        assert_eq!(runs([5, 6, 7, 9, 12, 13].into_iter()), ["#5–#7", "#9", "#12–#13"]);
        assert!(runs(std::iter::empty()).is_empty());
    }
}
