//! An order of erasure by any number that people have of it, how it stands, and whether there is anything in it to confirm.
//! Never takes one order for another: where numbers meet, the newest is meant, and its own proposal is what is named on.
//! Never gives a part for the whole: what the server lists and does not prove is told.

use super::held;
use super::law::Standing;
use super::names::Names;
use super::online::Online;
use super::trouble::Trouble;
use console::when::minute;
use console::{Exit, Lang, Voice};
use journal::Index;
use journal::register::OrderState;
use link::terminal::unshown_words;
use protocol::client::event::OrderView;
use protocol::client::{Command, Reply};

console::words! {
    enum Said {
        NoSuchOrder { index: u64 }
            => en("no order of erasure #{index}; `conclave-admin erase status` lists them"),
               ru("распоряжения о стирании № {index} нет; их показывает `conclave-admin erase status`");
        Counting { index: u64, at: String }
            => en("nobody has objected to the order #{index} and no hold stops it: there is nothing to confirm. It takes effect by itself, from {at} on"),
               ru("против распоряжения № {index} никто не возразил, и запрет его не держит: подтверждать нечего. Оно исполнится само, с {at}");
        CountingHeld { index: u64, hold: u64, at: String }
            => en("the hold #{hold} keeps the order #{index}, and those concerned may object until {at}: until then there is nothing to confirm"),
               ru("распоряжение № {index} удерживает запрет № {hold}, и до {at} ещё можно возразить: до тех пор подтверждать нечего");
        DoneAlready { index: u64, effect: u64 }
            => en("the order #{index} has taken effect already: #{effect}"),
               ru("распоряжение № {index} уже исполнено: запись № {effect}");
        Unshown { en: String, ru: String } => en("{en}"), ru("{ru}");
    }
}

fn no_such_order(index: Index) -> Trouble {
    Trouble::new(Exit::No, "no-such-order", &Said::NoSuchOrder { index })
}

/// All orders of erasure, or the one of this proposal, both officers' signatures checked. Which of all the server lists and
/// does not prove, or only later, is said.
pub(super) fn orders(
    online: &mut Online,
    only: Option<Index>,
    voice: Voice,
) -> Result<Vec<OrderView>, Trouble> {
    let Reply::Orders(views, unshown) = online.run(Command::Orders(only))? else {
        return Err(Trouble::odd_answer());
    };
    for told in unshown_words(&unshown) {
        voice.notice(&Said::Unshown { en: told.en, ru: told.ru });
    }
    Ok(views)
}

/// The order of this proposal; or the one that goes by this number otherwise: that of its approval, of its effect, or of the
/// order that it confirms.
pub(super) fn order(online: &mut Online, index: Index, voice: Voice) -> Result<OrderView, Trouble> {
    let found = orders(online, Some(index), voice)?.into_iter().find(|view| view.proposal == index);
    if let Some(found) = found {
        return Ok(found);
    }
    let all = orders(online, None, voice)?;
    named(all, index).ok_or_else(|| no_such_order(index))
}

/// The newest order that goes by this number.
fn named(all: Vec<OrderView>, index: Index) -> Option<OrderView> {
    let is = |view: &OrderView| {
        let done = matches!(view.state, OrderState::Done(effect) if effect == index);
        view.proposal == index || view.approve == index || view.order.confirms == Some(index) || done
    };
    all.into_iter().rev().find(is)
}

/// What an order that nobody stopped, or that took effect, needs no confirmation for.
pub(super) fn to_confirm(view: &OrderView) -> Result<(), Trouble> {
    let index = view.proposal;
    match view.state {
        OrderState::Counting(at_ms) => {
            let at = minute(at_ms);
            let words = match view.hold {
                None => Said::Counting { index, at },
                Some(hold) => Said::CountingHeld { index, hold, at },
            };
            Err(Trouble::new(Exit::No, "nothing-to-confirm", &words))
        }
        OrderState::Done(effect) => {
            Err(Trouble::new(Exit::No, "order-done", &Said::DoneAlready { index, effect }))
        }
        OrderState::Objected(..) | OrderState::Silenced(..) | OrderState::Held(_) => Ok(()),
    }
}

/// How an order stands, in words, and what may be done about it; `holds`: all that stand.
pub(super) fn state(view: &OrderView, holds: &[Standing], names: &Names, lang: Lang) -> String {
    let confirm = format!("conclave-admin erase propose --confirm {}", view.proposal);
    match view.state {
        OrderState::Counting(at_ms) => {
            let at = minute(at_ms);
            match view.hold {
                None => lang.pick(format!("waits for objections until {at}"), format!("ждёт возражений до {at}")),
                Some(hold) => {
                    let kept = kept_by(hold, holds, names, lang);
                    lang.pick(
                        format!("HELD: {kept}\n  if it still stands at {at}, when the time to object is over, two officers must confirm the order afterwards"),
                        format!("УДЕРЖАНО: {kept}\n  если он ещё действует {at}, когда истечёт срок возражений, потом двое офицеров должны будут подтвердить распоряжение"),
                    )
                }
            }
        }
        OrderState::Objected(person, index, until_ms) => {
            let (who, until) = (names.full(person), minute(until_ms));
            lang.pick(
                format!("STOPPED: {who} objects, #{index}; two officers may confirm it from {until} on: {confirm}"),
                format!("ОСТАНОВЛЕНО: возражает {who}, #{index}; с {until} двое офицеров могут подтвердить: {confirm}"),
            )
        }
        OrderState::Silenced(person, index, until_ms) => {
            let (who, until) = (names.full(person), minute(until_ms));
            lang.pick(
                format!("STOPPED: {who} was kept from objecting by #{index}; two officers may confirm it from {until} on: {confirm}"),
                format!("ОСТАНОВЛЕНО: {who} не может возразить из-за #{index}; с {until} двое офицеров могут подтвердить: {confirm}"),
            )
        }
        OrderState::Held(hold) if holds.iter().any(|held| held.index == hold) => {
            let kept = kept_by(hold, holds, names, lang);
            lang.pick(
                format!("STOPPED: {kept}\n  then two officers may confirm the order: {confirm}"),
                format!("ОСТАНОВЛЕНО: {kept}\n  затем двое офицеров могут подтвердить распоряжение: {confirm}"),
            )
        }
        OrderState::Held(hold) => lang.pick(
            format!("STOPPED by the hold #{hold}, which has ended; two officers may confirm it: {confirm}"),
            format!("ОСТАНОВЛЕНО запретом #{hold}, который уже кончился; двое офицеров могут подтвердить: {confirm}"),
        ),
        OrderState::Done(index) => {
            lang.pick(format!("took effect: #{index}"), format!("исполнено: запись № {index}"))
        }
    }
}

/// The hold that keeps what an order takes: whose it is, until when, and how it ends before.
fn kept_by(hold: Index, holds: &[Standing], names: &Names, lang: Lang) -> String {
    let lift = held::lift(hold, lang);
    match holds.iter().find(|held| held.index == hold) {
        Some(held) => {
            let (by, end) = (names.full(held.by), minute(held.hold.end_ms));
            lang.pick(
                format!("the hold #{hold} of {by} keeps it until {end}; {lift}"),
                format!("запрет #{hold}, наложил {by}, действует до {end}; {lift}"),
            )
        }
        None => lang.pick(format!("the hold #{hold} keeps it; {lift}"), format!("запрет #{hold}; {lift}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::tests::person;
    use super::*;
    use journal::ConversationId;
    use journal::act::{EraseOrder, EraseTarget, Ground, Hold, HoldScope, Order};
    use pki::PersonId;

    fn view(proposal: Index, confirms: Option<Index>, state: OrderState) -> OrderView {
        let target = EraseTarget::Messages(ConversationId([1; 32]), vec![7]);
        let order = Order { number: "1".into(), ground: Ground::Court };
        let order = EraseOrder { target, order, confirms };
        let (by, with) = (PersonId(1), PersonId(2));
        OrderView { proposal, approve: proposal + 1, by, with, approved_ms: 0, order, state, hold: None }
    }

    #[test]
    fn an_order_is_found_by_any_of_its_numbers() {
        let all = || vec![view(20, None, OrderState::Done(40)), view(60, Some(50), OrderState::Done(61))];
        let found = |index| named(all(), index).map(|view| view.proposal);
        let expected = [Some(20), Some(20), Some(20), Some(60), Some(60), Some(60), None];
        assert_eq!([20, 21, 40, 50, 60, 61, 51].map(found), expected);
    }

    #[test]
    fn what_a_hold_stopped_names_it_who_set_it_and_the_next_step() {
        let names = Names::new(vec![person(4, "olga", "Ольга Зимина")], Lang::En);
        let order = Order { number: "2".into(), ground: Ground::Court };
        let hold = Hold { scope: HoldScope::Person(PersonId(9)), order, end_ms: 0 };
        let held = Standing { index: 12, placed_ms: 0, by: PersonId(4), hold };
        let view = view(20, None, OrderState::Held(12));
        let told = state(&view, std::slice::from_ref(&held), &names, Lang::En);
        assert!(
            told.contains("the hold #12 of Ольга Зимина @olga keeps it until 1970-01-01 00:00"),
            "{told}"
        );
        assert!(told.contains("takes two officers: conclave-admin hold lift 12"), "{told}");
        assert!(told.ends_with("conclave-admin erase propose --confirm 20"), "{told}");
        let ended = state(&view, &[], &names, Lang::Ru);
        assert!(ended.contains("уже кончился") && ended.ends_with("--confirm 20"), "{ended}");
    }

    #[test]
    fn an_order_that_counts_under_a_hold_names_it_and_promises_no_time() {
        let names = Names::new(vec![person(4, "olga", "Ольга Зимина")], Lang::En);
        let order = Order { number: "2".into(), ground: Ground::Court };
        let hold = Hold { scope: HoldScope::Person(PersonId(9)), order, end_ms: 86_400_000 };
        let held = Standing { index: 12, placed_ms: 0, by: PersonId(4), hold };
        let view = OrderView { hold: Some(12), ..view(20, None, OrderState::Counting(60_000)) };
        let told = state(&view, std::slice::from_ref(&held), &names, Lang::En);
        assert!(
            told.starts_with("HELD: the hold #12 of Ольга Зимина @olga keeps it until 1970-01-02"),
            "{told}"
        );
        assert!(told.contains("hold lift 12\n  if it still stands at 1970-01-01 00:01"), "{told}");
        assert!(state(&view, &[], &names, Lang::Ru).starts_with("УДЕРЖАНО: запрет #12; "));
        let refused = to_confirm(&view).unwrap_err();
        let said = console::Words::en(&refused);
        assert!(said.contains("the hold #12 keeps the order #20"), "{said}");
    }

    #[test]
    fn only_what_was_stopped_is_confirmed() {
        let refused = |state| to_confirm(&view(20, None, state)).err().map(|trouble| trouble.name);
        assert_eq!(refused(OrderState::Counting(5)).as_deref(), Some("nothing-to-confirm"));
        assert_eq!(refused(OrderState::Done(5)).as_deref(), Some("order-done"));
        assert_eq!(refused(OrderState::Held(5)), None);
        assert_eq!(refused(OrderState::Objected(PersonId(3), 5, 6)), None);
    }
}
