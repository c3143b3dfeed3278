//! An order of erasure by any number that people have of it, and whether there is anything in it to confirm.
//! Never takes one order for another: where numbers meet, the newest is meant, and its own proposal is what is named on.

use super::law;
use super::online::Online;
use super::trouble::Trouble;
use console::Exit;
use console::when::minute;
use journal::Index;
use journal::register::OrderState;
use protocol::client::event::OrderView;

console::words! {
    enum Said {
        NoSuchOrder { index: u64 }
            => en("no order of erasure #{index}; `conclave-admin erase status` lists them"),
               ru("распоряжения о стирании № {index} нет; их показывает `conclave-admin erase status`");
        Counting { index: u64, at: String }
            => en("nobody has objected to the order #{index} and no hold stops it: there is nothing to confirm. It takes effect by itself, from {at} on"),
               ru("против распоряжения № {index} никто не возразил, и запрет его не держит: подтверждать нечего. Оно исполнится само, с {at}");
        DoneAlready { index: u64, effect: u64 }
            => en("the order #{index} has taken effect already: #{effect}"),
               ru("распоряжение № {index} уже исполнено: запись № {effect}");
    }
}

fn no_such_order(index: Index) -> Trouble {
    Trouble::new(Exit::No, "no-such-order", &Said::NoSuchOrder { index })
}

/// The order of this proposal; or the one that goes by this number otherwise: that of its approval, of its effect, or of the
/// order that it confirms.
pub(super) fn order(online: &mut Online, index: Index) -> Result<OrderView, Trouble> {
    let found = law::orders(online, Some(index))?.into_iter().find(|view| view.proposal == index);
    if let Some(found) = found {
        return Ok(found);
    }
    let all = law::orders(online, None)?;
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
            Err(Trouble::new(Exit::No, "nothing-to-confirm", &Said::Counting { index, at }))
        }
        OrderState::Done(effect) => {
            Err(Trouble::new(Exit::No, "order-done", &Said::DoneAlready { index, effect }))
        }
        OrderState::Objected(..) | OrderState::Silenced(..) | OrderState::Held(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::ConversationId;
    use journal::act::{EraseOrder, EraseTarget, Ground, Order};
    use pki::PersonId;

    fn view(proposal: Index, confirms: Option<Index>, state: OrderState) -> OrderView {
        let target = EraseTarget::Messages(ConversationId([1; 32]), vec![7]);
        let order = Order { number: "1".into(), ground: Ground::Court };
        let order = EraseOrder { target, order, confirms };
        let (by, with) = (PersonId(1), PersonId(2));
        OrderView { proposal, approve: proposal + 1, by, with, approved_ms: 0, order, state }
    }

    #[test]
    fn an_order_is_found_by_any_of_its_numbers() {
        let all = || vec![view(20, None, OrderState::Done(40)), view(60, Some(50), OrderState::Done(61))];
        let found = |index| named(all(), index).map(|view| view.proposal);
        let expected = [Some(20), Some(20), Some(20), Some(60), Some(60), Some(60), None];
        assert_eq!([20, 21, 40, 50, 60, 61, 51].map(found), expected);
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
