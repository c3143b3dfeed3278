//! Stories of conversations, epochs, messages, files and their quotas.
use crate::act::{
    Accept, Acknowledge, Act, BadWrap, ConversationKind, Create, Epoch, Erase, EraseTarget, FileClaim,
    HandOver, Invite, Leave, Message, Precedence, Purpose, Read, Remove, Reserve, ShareHistory, SizeClass,
    Title, WrapClaim,
};
use crate::fact::{Fact, Tick};
use crate::ids::{Commitment, ConversationId, MembershipHead, ReservationId, StatementId};
use crate::membership::{ActBy, MembershipView, Standing};
use crate::register::{Audience, Effect, ErasePlace, RESERVATIONS_MAX, Register};
use crate::testing::{Described, TestLog};
use crate::{Policy, Refusal};
use pki::{Clearance, PersonId, Role, Suite};

fn head(log: &TestLog, conversation: ConversationId) -> MembershipHead {
    log.register.conversation(conversation).unwrap().membership.head()
}

fn invite(log: &mut TestLog, by: &str, conversation: ConversationId, whom: &str) -> Result<(), Refusal> {
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
fn who_joins_reads_from_the_next_epoch_on() {
    let mut log = TestLog::standard(5);
    let group = log.talking("anna", &["boris"]);
    assert_eq!(log.register.conversation(group).unwrap().membership.kind(), ConversationKind::Private);
    let group = log.create_as("anna", &["boris"], ConversationKind::Group, Clearance(3)).unwrap();
    log.epoch("anna", group).unwrap();
    log.send("anna", group).unwrap();
    invite(&mut log, "anna", group, "vera").unwrap();
    assert_eq!(log.send("anna", group), Err(Refusal::EpochStale));
    log.epoch("anna", group).unwrap();
    let member = log.register.conversation(group).unwrap().membership.members()[&log.id("vera")];
    assert_eq!((member.standing, member.reads_from), (Standing::Invited, 2));
    log.accept("vera", group).unwrap();
    log.accept("boris", group).unwrap();
    let share = |log: &mut TestLog, by: &str, whom: &str, from_epoch, to_epoch| {
        let reservation = log.reserve(by, group, Purpose::Wraps, 1).unwrap();
        let wraps = WrapClaim { reservation, root: [0; 32], count: 1 };
        let act = ShareHistory { conversation: group, person: log.id(whom), from_epoch, to_epoch, wraps };
        log.act(by, Act::ShareHistory(act)).map(|_| ())
    };
    let refused = Err(Refusal::WrongEpoch { current: 2, found: 1 });
    assert_eq!(share(&mut log, "vera", "boris", 1, 1), refused, "vera has no such key");
    assert_eq!(share(&mut log, "anna", "vera", 1, 3), Err(Refusal::WrongEpoch { current: 2, found: 3 }));
    share(&mut log, "boris", "vera", 1, 1).unwrap();
    let member = log.register.conversation(group).unwrap().membership.members()[&log.id("vera")];
    assert_eq!(member.reads_from, 1);
    share(&mut log, "vera", "boris", 1, 2).expect("now vera has it");
}

#[test]
fn an_epoch_fits_membership_number_and_wraps() {
    let mut log = TestLog::standard(6);
    let chat = log.create("anna", &["boris"]).unwrap();
    let (conversation, membership) = (chat, head(&log, chat));
    let two = log.reserve("anna", chat, Purpose::Wraps, 2).unwrap();
    let one = log.reserve("anna", chat, Purpose::Wraps, 1).unwrap();
    let file = log.reserve("anna", chat, Purpose::File, 2).unwrap();
    let good = Epoch {
        conversation,
        epoch: 1,
        membership,
        key_commitment: Commitment([0; 32]),
        wraps: WrapClaim { reservation: two, root: [0; 32], count: 2 },
    };
    let mut refused = |change: &dyn Fn(&mut Epoch)| {
        let mut act = good.clone();
        change(&mut act);
        log.act("anna", Act::Epoch(act)).unwrap_err()
    };
    assert_eq!(refused(&|act| act.epoch = 2), Refusal::WrongEpoch { current: 0, found: 2 });
    assert_eq!(refused(&|act| act.epoch = 0), Refusal::WrongEpoch { current: 0, found: 0 });
    assert_eq!(refused(&|act| act.membership.0[0] ^= 1), Refusal::StaleMembership);
    for wraps in [(two, 1), (one, 2), (file, 2), (one, 1)] {
        let refusal = refused(&|act| (act.wraps.reservation, act.wraps.count) = wraps);
        assert!(matches!(refusal, Refusal::ReservationUnfit { .. }), "{refusal}");
    }
    let reservation = ReservationId([3; 16]);
    let missing = Refusal::NoSuchReservation { reservation };
    assert_eq!(refused(&|act| act.wraps.reservation = reservation), missing);
    assert_eq!(log.act("boris", Act::Epoch(good.clone())), Err(Refusal::NotAccepted));
    log.accept("boris", chat).unwrap();
    let others = Refusal::NoSuchReservation { reservation: two };
    assert_eq!(log.act("boris", Act::Epoch(good.clone())), Err(others), "the reservation is anna's");
    log.act("anna", Act::Epoch(good.clone())).expect("an Accept does not move the head");
    let second = Refusal::WrongEpoch { current: 1, found: 1 };
    assert_eq!(log.act("anna", Act::Epoch(good)), Err(second), "the first in order wins");
}

#[test]
fn age_and_bad_wraps_make_an_epoch_due() {
    let mut log = TestLog::standard(7);
    let chat = log.talking("anna", &["boris"]);
    let bad = |epoch| Act::BadWrap(BadWrap { conversation: chat, epoch });
    assert_eq!(log.act("boris", bad(2)), Err(Refusal::WrongEpoch { current: 1, found: 2 }));
    log.act("boris", bad(1)).unwrap();
    assert_eq!(log.act("boris", bad(1)), Err(Refusal::Unchanged));
    assert_eq!(log.send("anna", chat), Err(Refusal::EpochStale));
    log.epoch("anna", chat).unwrap();
    let old = Refusal::WrongEpoch { current: 2, found: 1 };
    assert_eq!(log.act("boris", bad(1)), Err(old.clone()), "of one that rules no more nothing is said");
    let late = Message { epoch: 1, ..log.message(chat) };
    assert_eq!(log.act("boris", Act::Message(late)), Err(old), "nor under it");
    log.wait_ms(Policy::standard().epoch_ms - 1);
    log.send("anna", chat).unwrap();
    log.wait_ms(1);
    assert_eq!(log.send("anna", chat), Err(Refusal::EpochStale));
    assert!(log.register.epoch_is_due(log.register.conversation(chat).unwrap().number, log.now_ms));
}

#[test]
fn one_member_does_not_starve_a_group_by_bad_wraps() {
    let mut log = TestLog::standard(7);
    let group = log.talking("anna", &["boris"]);
    let bad = |log: &mut TestLog, by: &str| {
        let epoch = log.register.conversation(group).unwrap().epoch_number();
        log.act(by, Act::BadWrap(BadWrap { conversation: group, epoch })).map(|_| ())
    };
    bad(&mut log, "boris").unwrap();
    log.epoch("anna", group).unwrap();
    assert_eq!(
        bad(&mut log, "boris"),
        Err(Refusal::Unchanged),
        "said once, for this membership and this long"
    );
    log.send("anna", group).expect("and so the others go on");
    bad(&mut log, "anna").expect("each member has a word");
    log.epoch("anna", group).unwrap();
    log.wait_ms(Policy::standard().epoch_ms);
    log.epoch("anna", group).unwrap();
    bad(&mut log, "boris").expect("and again after the age of an epoch");
    assert_eq!(log.register.conversation(group).unwrap().bad_wraps.len(), 1, "what is past is forgotten");
}

#[test]
fn who_has_not_accepted_makes_no_epoch_due_and_a_new_membership_gives_a_new_word() {
    let mut log = TestLog::standard(7);
    let group = log.create("anna", &["boris", "vera"]).unwrap();
    log.accept("boris", group).unwrap();
    log.epoch("anna", group).unwrap();
    let bad = |log: &mut TestLog, by: &str| {
        let epoch = log.register.conversation(group).unwrap().epoch_number();
        log.act(by, Act::BadWrap(BadWrap { conversation: group, epoch })).map(|_| ())
    };
    assert_eq!(bad(&mut log, "vera"), Err(Refusal::NotAccepted));
    bad(&mut log, "boris").unwrap();
    log.epoch("anna", group).unwrap();
    assert_eq!(bad(&mut log, "boris"), Err(Refusal::Unchanged));
    log.act("vera", Act::Leave(Leave { conversation: group })).unwrap();
    log.epoch("anna", group).unwrap();
    bad(&mut log, "boris").unwrap();
}

#[test]
fn the_wraps_of_an_epoch_that_was_due_are_nobodys_quota() {
    let mut log = TestLog::standard(7);
    let stored = |log: &TestLog| log.register.person(log.id("anna")).unwrap().stored_bytes;
    let chat = log.talking("anna", &["boris"]);
    assert_eq!(stored(&log), 0);
    log.epoch("anna", chat).unwrap();
    assert_eq!(stored(&log), 2 * 256, "nobody needed this one");
    log.wait_ms(Policy::standard().epoch_ms);
    log.epoch("anna", chat).unwrap();
    assert_eq!(stored(&log), 2 * 256);
}

#[test]
fn a_terminal_and_the_register_judge_shared_history_alike() {
    let (anna, boris) = (PersonId(1), PersonId(2));
    let create = Create {
        random: [1; 16],
        kind: ConversationKind::Group,
        ceiling: Clearance(1),
        default_label: Clearance(0),
        invited: vec![boris],
    };
    let by = |signer, n: u8| ActBy { signer, id: StatementId([n; 32]), index: n.into() };
    let mut view = MembershipView::found(&by(anna, 1), &create).unwrap();
    let conversation = view.membership().id();
    let wraps = WrapClaim { reservation: ReservationId([0; 16]), root: [0; 32], count: 1 };
    let share = |from_epoch, to_epoch| {
        let wraps = wraps.clone();
        Act::ShareHistory(ShareHistory { conversation, person: boris, from_epoch, to_epoch, wraps })
    };
    let wrong = Err(Refusal::WrongEpoch { current: 0, found: 1 });
    assert_eq!(view.follow(&by(anna, 2), &share(1, 1)), wrong, "no epoch has begun");
    let epoch = Epoch {
        conversation,
        epoch: 1,
        membership: view.membership().head(),
        key_commitment: Commitment([0; 32]),
        wraps: WrapClaim { count: 2, ..wraps.clone() },
    };
    view.follow(&by(anna, 3), &Act::Epoch(epoch)).unwrap();
    assert_eq!(view.follow(&by(boris, 4), &share(1, 1)), Err(Refusal::NotAccepted));
    view.follow(&by(anna, 5), &share(1, 1)).unwrap();
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
