//! Stories of conversations, epochs, messages, files and their quotas.
use crate::act::{
    Accept, Acknowledge, Act, ConversationKind, Erase, EraseTarget, FileClaim, HandOver, Invite, Leave,
    Message, Precedence, Purpose, Read, Remove, Reserve, SizeClass, Title,
};
use crate::fact::{Fact, Tick};
use crate::ids::{Commitment, ConversationId, MembershipHead, ReservationId};
use crate::membership::{ActBy, MembershipView};
use crate::register::{Audience, Effect, ErasePlace, RESERVATIONS_MAX, Register};
use crate::testing::{Described, TestLog};
use crate::{Policy, Refusal};
use pki::{Clearance, PersonId, Role, Suite};

pub(super) fn head(log: &TestLog, conversation: ConversationId) -> MembershipHead {
    log.register.conversation(conversation).unwrap().membership.head()
}

pub(super) fn invite(
    log: &mut TestLog,
    by: &str,
    conversation: ConversationId,
    whom: &str,
) -> Result<(), Refusal> {
    let (membership, person) = (head(log, conversation), log.id(whom));
    log.act(by, Act::Invite(Invite { conversation, membership, person })).map(|_| ())
}

fn remove(log: &mut TestLog, by: &str, conversation: ConversationId, whom: &str) -> Result<(), Refusal> {
    let (membership, person) = (head(log, conversation), log.id(whom));
    log.act(by, Act::Remove(Remove { conversation, membership, person })).map(|_| ())
}

#[test]
fn two_have_one_private_conversation() {
    let mut log = TestLog::standard(1);
    let conversation = log.create("anna", &["boris"]).unwrap();
    assert_eq!(log.create("boris", &["anna"]), Err(Refusal::PrivateExists { conversation }));
    let group = log.create_as("anna", &["boris"], ConversationKind::Group, Clearance(0)).unwrap();
    assert_ne!(group, conversation);
    let three = log.create_as("anna", &["boris", "vera"], ConversationKind::Private, Clearance(0));
    assert_eq!(three, Err(Refusal::PrivateIsForTwo));
    assert_eq!(log.create("anna", &["anna", "boris"]), Err(Refusal::BadMembers));
    assert_eq!(log.act("anna", Act::Leave(Leave { conversation })), Err(Refusal::PrivateIsForTwo));
    assert_eq!(invite(&mut log, "anna", conversation, "vera"), Err(Refusal::PrivateIsForTwo));
}

#[test]
fn members_are_cleared_correspondents() {
    let mut log = TestLog::standard(2);
    let high = log.create_as("anna", &["boris"], ConversationKind::Private, Clearance(4));
    assert!(matches!(high, Err(Refusal::ClearanceTooLow { needed: Clearance(4), .. })));
    let person = log.id("igor");
    assert_eq!(log.create("anna", &["igor"]), Err(Refusal::NoCorrespondent { person }));
    assert_eq!(log.create("igor", &["anna"]), Err(Refusal::WrongRole));
    assert_eq!(log.create("adam", &["anna"]), Err(Refusal::WrongRole));
}

#[test]
fn only_members_who_accepted_send() {
    let mut log = TestLog::standard(3);
    let chat = log.create("anna", &["boris"]).unwrap();
    log.epoch("anna", chat).unwrap();
    let (person, conversation) = (log.id("vera"), chat);
    assert_eq!(log.send("boris", chat), Err(Refusal::NotAccepted));
    assert_eq!(log.send("vera", chat), Err(Refusal::NotAMember { person, conversation }));
    let invitation = crate::ids::StatementId([1; 32]);
    assert_eq!(
        log.act("boris", Act::Accept(Accept { conversation, invitation })),
        Err(Refusal::NoInvitation)
    );
    log.accept("boris", chat).unwrap();
    assert_eq!(log.accept("boris", chat), Err(Refusal::NoInvitation), "once is enough");
    let index = log.send("boris", chat).unwrap();
    let message = log.register.message(index).unwrap();
    assert_eq!((message.author, message.item), (log.id("boris"), 1), "item 0 holds the wraps");
    let nowhere = ConversationId([4; 32]);
    assert_eq!(log.send("anna", nowhere), Err(Refusal::UnknownConversation { conversation: nowhere }));
}

#[test]
fn the_owner_leads_a_group_by_the_membership_he_saw() {
    let mut log = TestLog::standard(4);
    let group = log.talking("anna", &["boris", "vera"]);
    assert_eq!(remove(&mut log, "boris", group, "vera"), Err(Refusal::NotTheOwner));
    assert_eq!(
        invite(&mut log, "anna", group, "boris"),
        Err(Refusal::AlreadyMember { person: log.id("boris") })
    );
    let stale = head(&log, group);
    remove(&mut log, "anna", group, "vera").unwrap();
    let late = Remove { conversation: group, membership: stale, person: log.id("boris") };
    assert_eq!(log.act("anna", Act::Remove(late)), Err(Refusal::StaleMembership));
    assert_eq!(log.send("boris", group), Err(Refusal::EpochStale), "vera could still read");
    log.epoch("boris", group).unwrap();
    log.send("boris", group).unwrap();
    let membership = head(&log, group);
    let to = |person| Act::HandOver(HandOver { conversation: group, membership, person });
    let boris = log.id("boris");
    assert_eq!(log.act("anna", to(log.id("anna"))), Err(Refusal::Unchanged));
    log.act("anna", to(boris)).unwrap();
    assert_eq!(log.send("boris", group).map(|_| ()), Ok(()), "the keys are still the members'");
    log.act("boris", Act::Leave(Leave { conversation: group })).unwrap();
    let row = log.register.conversation(group).unwrap();
    assert_eq!(row.membership.owner(), Some(log.id("anna")));
    let applied = log.act("anna", Act::Leave(Leave { conversation: group })).unwrap();
    assert!(applied.effects.iter().any(|effect| matches!(effect, Effect::ConversationClosed { .. })));
    assert!(matches!(log.send("anna", group), Err(Refusal::ConversationClosed { .. })));
}

#[test]
fn labels_stay_under_ceiling_and_clearance() {
    let mut log = TestLog::standard(8);
    let chat = log.create_as("anna", &["boris"], ConversationKind::Private, Clearance(2)).unwrap();
    log.epoch("anna", chat).unwrap();
    let labelled = |log: &mut TestLog, label| {
        let message = Message { label: Clearance(label), ..log.message(chat) };
        log.act("anna", Act::Message(message)).map(|_| ())
    };
    assert_eq!(labelled(&mut log, 3), Err(Refusal::LabelTooHigh { ceiling: Clearance(2) }));
    labelled(&mut log, 2).unwrap();
}

#[test]
fn a_reference_is_a_message_of_the_same_conversation() {
    let mut log = TestLog::standard(9);
    let (chat, other) = (log.talking("anna", &["boris"]), log.talking("anna", &["vera"]));
    let (here, there) = (log.send("anna", chat).unwrap(), log.send("anna", other).unwrap());
    let answer = |log: &mut TestLog, index| {
        let message = Message { reference: Some(index), ..log.message(chat) };
        log.act("boris", Act::Message(message)).map(|_| ())
    };
    assert_eq!(answer(&mut log, there), Err(Refusal::NoSuchMessage { index: there }));
    assert_eq!(answer(&mut log, here + 100), Err(Refusal::NoSuchMessage { index: here + 100 }));
    answer(&mut log, here).unwrap();
    let number = log.register.conversation(chat).unwrap().number;
    assert_eq!(log.register.messages_of(number, 0..u64::MAX).count(), 2);
    assert_eq!(log.register.messages_of(number, here + 1..u64::MAX).count(), 1);
    assert_eq!(log.register.messages_of(number, 0..here).count(), 0);
}

#[test]
fn cursors_only_move_forward() {
    let mut log = TestLog::standard(10);
    let chat = log.talking("anna", &["boris"]);
    let (first, second) = (log.send("anna", chat).unwrap(), log.send("anna", chat).unwrap());
    let read = |up_to| Act::Read(Read { conversation: chat, up_to });
    assert_eq!(log.act("boris", read(first - 1)), Err(Refusal::NoSuchMessage { index: first - 1 }));
    log.act("boris", read(second)).unwrap();
    assert_eq!(log.act("boris", read(first)), Err(Refusal::CursorBack { index: second }));
    let number = log.register.conversation(chat).unwrap().number;
    assert_eq!(log.register.cursors(number).unwrap()[&log.id("boris")].up_to, second);
    let (person, conversation) = (log.id("vera"), chat);
    assert_eq!(log.act("vera", read(second)), Err(Refusal::NotAMember { person, conversation }));
}

#[test]
fn acknowledgements_are_asked_for_and_given_once() {
    let mut log = TestLog::standard(11);
    let chat = log.talking("anna", &["boris"]);
    let plain = log.send("anna", chat).unwrap();
    let precedence = Precedence::Flash;
    let urgent = Message { must_acknowledge: true, precedence, ..log.message(chat) };
    log.act("anna", Act::Message(urgent)).unwrap();
    let message = log.tree.size() - 1;
    let ack = |message| Act::Acknowledge(Acknowledge { message });
    assert_eq!(log.act("boris", ack(plain)), Err(Refusal::NothingToAcknowledge { index: plain }));
    assert_eq!(log.act("anna", ack(message)), Err(Refusal::NothingToAcknowledge { index: message }));
    assert!(matches!(log.act("vera", ack(message)), Err(Refusal::NotAMember { .. })));
    log.act("boris", ack(message)).unwrap();
    assert_eq!(log.act("boris", ack(message)), Err(Refusal::Unchanged));
    assert_eq!(log.register.acknowledged(message), [log.id("boris")]);
}

#[test]
fn a_file_is_its_reservation_claimed() {
    let mut log = TestLog::standard(12);
    let chat = log.talking("anna", &["boris"]);
    let reservation = log.reserve("anna", chat, Purpose::File, 5).unwrap();
    let place = log.register.reservation(reservation).unwrap().place;
    let with = |log: &mut TestLog, by: &str, reservation, chunks| {
        let file = Some(FileClaim { reservation, root: [0; 32], chunks });
        let message = Message { file, ..log.message(chat) };
        log.act(by, Act::Message(message))
    };
    assert!(matches!(with(&mut log, "anna", reservation, 5), Err(Refusal::ReservationUnfit { .. })));
    assert_eq!(with(&mut log, "boris", reservation, 4), Err(Refusal::NoSuchReservation { reservation }));
    let wraps = log.reserve("anna", chat, Purpose::Wraps, 2).unwrap();
    assert!(matches!(with(&mut log, "anna", wraps, 1), Err(Refusal::ReservationUnfit { .. })));
    let applied = with(&mut log, "anna", reservation, 4).unwrap();
    let claimed = Effect::ReservationClaimed { id: reservation, place };
    assert_eq!(applied.effects, [claimed, Effect::ItemAllocated { place }]);
    let message = log.register.message(log.tree.size() - 1).unwrap();
    assert_eq!((message.item, message.file.unwrap().chunks), (place.item, 4));
    assert_eq!(with(&mut log, "anna", reservation, 4), Err(Refusal::NoSuchReservation { reservation }));
}

#[test]
fn what_nothing_claims_falls_at_a_tick() {
    let mut log = TestLog::standard(13);
    let chat = log.talking("anna", &["boris"]);
    let before = log.register.person(log.id("anna")).unwrap().stored_bytes;
    let id = log.reserve("anna", chat, Purpose::File, 5).unwrap();
    let row = log.register.reservation(id).unwrap().clone();
    assert_eq!(log.register.person(log.id("anna")).unwrap().stored_bytes, before + 4 * 256);
    let tick = || Fact::Tick(Tick {});
    assert!(matches!(log.fact(tick()), Err(Refusal::BadFact { .. })), "too early");
    assert_eq!(log.register.next_deadline_ms(), Some(row.deadline_ms));
    log.wait_ms(row.deadline_ms - log.now_ms);
    let deadline_ms = row.deadline_ms;
    assert_eq!(log.send("boris", chat), Err(Refusal::DeadlinePassed { deadline_ms }));
    let index = log.tree.size();
    let what = vec![ErasePlace::Item(row.place)];
    let dropped = Effect::ReservationDropped { id, place: row.place };
    assert_eq!(log.fact(tick()).unwrap().effects, [dropped, Effect::EraseIntended { index, what }]);
    assert_eq!(log.register.person(log.id("anna")).unwrap().stored_bytes, before);
    assert_eq!(log.register.erasures_pending().count(), 1);
    log.send("boris", chat).unwrap();
}

#[test]
fn room_is_limited_in_bytes_and_in_number() {
    let policy = Policy { stored_bytes_per_person: 64 * 256, ..Policy::standard() };
    let mut log = TestLog::with_policy(14, Suite::Ed25519, policy);
    let chat = log.talking("anna", &["boris"]);
    let limit = 64 * 256;
    let (conversation, purpose, size) = (chat, Purpose::File, SizeClass::CHUNK_MAX);
    let big = Reserve { id: ReservationId([1; 16]), conversation, purpose, chunks: 2, size };
    assert_eq!(log.act("anna", Act::Reserve(big.clone())), Err(Refusal::QuotaExceeded { limit }));
    let bare = Reserve { chunks: 1, size: SizeClass::MIN, ..big };
    assert!(matches!(log.act("anna", Act::Reserve(bare)), Err(Refusal::ReservationUnfit { .. })));
    for _ in 0..RESERVATIONS_MAX {
        log.reserve("anna", chat, Purpose::File, 2).unwrap();
    }
    let many = Refusal::TooManyReservations { limit: RESERVATIONS_MAX.into() };
    assert_eq!(log.reserve("anna", chat, Purpose::File, 2), Err(many));
    while log.register.person(log.id("anna")).unwrap().stored_bytes < limit {
        log.send("anna", chat).unwrap();
    }
    assert_eq!(log.send("anna", chat), Err(Refusal::QuotaExceeded { limit }));
    log.send("boris", chat).expect("boris has a quota of his own");
}

#[test]
fn the_owner_titles_a_group() {
    let mut log = TestLog::standard(15);
    let group = log.talking("anna", &["boris", "vera"]);
    let title = |epoch| {
        let (commitment, size) = (Commitment([0; 32]), SizeClass::MIN);
        Act::Title(Title { conversation: group, epoch, commitment, size })
    };
    assert_eq!(log.act("boris", title(1)), Err(Refusal::NotTheOwner));
    assert_eq!(log.act("anna", title(2)), Err(Refusal::WrongEpoch { current: 1, found: 2 }));
    // Where the engine does not look at the body, as in a replay, the claimed size is all that is charged.
    for size in [SizeClass(0), SizeClass(11), SizeClass(32), SizeClass(255)] {
        let act = Act::Title(Title { conversation: group, epoch: 1, commitment: Commitment([0; 32]), size });
        let statement = log.draft("anna", act);
        let signed = log.sign("anna", statement).0;
        assert!(signed.parse().is_err(), "{size:?}");
    }
    let applied = log.act("anna", title(1)).unwrap();
    let row = log.register.conversation(group).unwrap();
    assert_eq!(applied.audience, Audience::Conversation(row.number));
    assert_eq!(applied.effects, [Effect::ItemAllocated { place: row.title.unwrap().place }]);
}

#[test]
fn a_terminal_follows_the_same_membership() {
    let mut log = TestLog::standard(16);
    let group = log.talking("anna", &["boris", "vera"]);
    remove(&mut log, "anna", group, "vera").unwrap();
    log.epoch("boris", group).unwrap();
    invite(&mut log, "anna", group, "vera").unwrap();
    let revoked = log.id("boris");
    let revoke = crate::act::Revoke {
        person: revoked,
        reason: crate::act::RevokeReason::Unspecified,
        note: String::new(),
    };
    log.act("olga", Act::Revoke(revoke)).unwrap();
    let mut view: Option<MembershipView> = None;
    for (index, bytes) in log.entries.iter().enumerate() {
        let entry = crate::Entry::decode(bytes).unwrap();
        let crate::Content::Statement(signed) = entry.content else { continue };
        let parsed = signed.parse().unwrap();
        let by = ActBy { signer: parsed.header().person, id: parsed.id(), index: index as u64 };
        match (parsed.act(), &mut view) {
            (Act::Create(act), None) => view = Some(MembershipView::found(&by, act).unwrap()),
            (Act::Revoke(act), Some(view)) => view.cut(act.person, by.id),
            (act, Some(view)) => view.follow(&by, act).unwrap(),
            (_, None) => {}
        }
    }
    let (view, row) = (view.unwrap(), log.register.conversation(group).unwrap());
    assert_eq!(view.membership(), &row.membership);
    assert_eq!((view.epoch(), view.epoch_is_due(), view.number()), (2, row.epoch_stale, row.number));
    let mut view = view;
    let stranger = ActBy { signer: PersonId(4), id: crate::ids::StatementId([0; 32]), index: 999 };
    let conversation = group;
    let forged =
        Act::Remove(Remove { conversation, membership: view.membership().head(), person: log.id("vera") });
    assert!(view.follow(&stranger, &forged).is_err(), "a ghost owner is seen");
}

#[test]
fn a_private_conversation_that_was_erased_takes_none_of_its_pairs_next_one_with_it() {
    let mut log = TestLog::standard(31);
    let first = log.create_as("anna", &["boris"], ConversationKind::Private, Clearance(3)).unwrap();
    log.accept("boris", first).unwrap();
    log.act("anna", Act::Erase(Erase { target: EraseTarget::Conversation(first) })).unwrap();
    let conversation = log.create_as("anna", &["boris"], ConversationKind::Private, Clearance(0)).unwrap();
    // Boris is cleared for the second one alone from here on, so he is out of the first one.
    let renewal = log.site.issue("boris", &Described::new(Role::Operator, Clearance(1)));
    log.submit("olga", vec![Act::Enrol(renewal)]).unwrap();
    let again = log.create_as("anna", &["boris"], ConversationKind::Private, Clearance(0));
    assert_eq!(again, Err(Refusal::PrivateExists { conversation }), "as a start from a snapshot would say");
    assert!(Register::restore(&log.register.snapshot()).unwrap() == log.register);
}
