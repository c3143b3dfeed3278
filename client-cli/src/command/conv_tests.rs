//! What `conv show` says.

use super::*;
use crate::names::tests::names;

#[test]
fn what_was_shortened_is_told_with_the_day_from_which_it_counts() {
    let one = ConversationView {
        id: ConversationId([1; 32]),
        number: 9,
        kind: ConversationKind::Private,
        title: None,
        owner: None,
        ceiling: Clearance(0),
        default_label: Clearance(0),
        members: Vec::new(),
        epoch: 1,
        last: 0,
        read: 0,
        unread: 0,
        closed: None,
        with: None,
    };
    let before = (86_400_000, vec![None]);
    let names = names();
    let page = |before| One { names: &names, one: &one, holds: &[], orders: &[], kept: &[Some(30)], before };
    let told = page(Some(&before)).page(Lang::En);
    let from = "messages are kept: 30 d, from 1970-01-02 00:00 on at the earliest; until then for ever";
    assert!(told.contains(from), "{told}");
    assert!(page(None).page(Lang::Ru).contains("сообщения хранятся: 30 дн.\n"));
}
