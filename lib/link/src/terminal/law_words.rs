//! The ground of an order, how one stands, and why one that the server lists is not shown, for every program that shows
//! orders. Never a text of anybody's: the journal knows grounds by their numbers.

use super::refusal_words::Words;
use journal::act::Ground;
use journal::ids::Index;
use journal::register::OrderState;
use protocol::client::event::{OrderView, UnshownOrders};

/// For scripts: what the server shows is stamped later than this computer's clock, and is taken for nothing until then.
pub const CLOCK_BEHIND: &str = "clock-behind";

/// Name for scripts, English, Russian.
pub fn ground_words(ground: Ground) -> (&'static str, &'static str, &'static str) {
    match ground {
        Ground::Court => ("court", "a court's decision", "решение суда"),
        Ground::Authority => ("authority", "a demand of an authority", "требование органа власти"),
        Ground::PersonsRequest => ("persons-request", "a person's request", "просьба лица"),
        Ground::Inquiry => ("inquiry", "an inquiry", "служебное расследование"),
        Ground::Spill => ("spill", "said where it may not be", "сказано там, где нельзя"),
        Ground::Other => ("other", "another ground", "иное основание"),
    }
}

/// How an order of erasure stands, for scripts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderStanding {
    /// Its name.
    pub name: &'static str,
    /// When it takes effect, where nothing is known that will stop it; milliseconds since 1970.
    pub effect_ms: Option<u64>,
    /// The entry that stopped it, or at which it took effect.
    pub at: Option<Index>,
    /// The hold that will stop it as long as it stands.
    pub hold: Option<Index>,
}

/// See [`OrderStanding`].
pub fn order_standing(view: &OrderView) -> OrderStanding {
    let (name, effect_ms, at) = match view.state {
        OrderState::Counting(at_ms) => ("waiting", Some(at_ms).filter(|_| view.hold.is_none()), None),
        OrderState::Objected(_, index, _) => ("objected", None, Some(index)),
        OrderState::Silenced(_, index, _) => ("silenced", None, Some(index)),
        OrderState::Held(index) => ("held", None, Some(index)),
        OrderState::Done(index) => ("done", None, Some(index)),
    };
    OrderStanding { name, effect_ms, at, hold: view.hold }
}

/// A notice for each order of erasure that the server lists and of which nothing is shown.
pub fn unshown_words(unshown: &UnshownOrders) -> Vec<Words> {
    let unproven = |index: &u64| {
        Words::new(
            "unproven",
            format!("ALARM: the server lists the order #{index} and does not prove it; it was not believed"),
            format!("ТРЕВОГА: сервер называет распоряжение № {index} и не доказывает его; оно отвергнуто"),
        )
    };
    let ahead = |index: &u64| {
        Words::new(
            CLOCK_BEHIND,
            format!(
                "the order #{index} took effect, the server says, at a time that is more than an hour later than this \
                 computer's clock: one of the two clocks is wrong; it is shown when that time has come"
            ),
            format!(
                "распоряжение № {index}, по словам сервера, исполнено во время, которое больше чем на час позже часов этого \
                 компьютера: одни из часов неверны; оно будет показано, когда это время наступит"
            ),
        )
    };
    unshown.unproven.iter().map(unproven).chain(unshown.ahead.iter().map(ahead)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_that_is_not_shown_is_named_with_the_reason() {
        let told = unshown_words(&UnshownOrders { unproven: vec![7], ahead: vec![9, 11] });
        let names: Vec<&str> = told.iter().map(|words| &*words.name).collect();
        assert_eq!(names, ["unproven", CLOCK_BEHIND, CLOCK_BEHIND]);
        assert!(told[0].en.contains("the order #7") && told[2].ru.contains("№ 11"), "{told:?}");
    }
}
