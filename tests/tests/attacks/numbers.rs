//! Who tries to say one thing twice, or under a number, a head or a connection that is not his.
//! Never succeeds.

use crate::{alarms, group, own, unharmed};
use journal::Refusal;
use journal::act::{Act, Leave, Logout};
use journal::fact::{AlarmKind, Fact};
use journal::ids::{ConversationId, Head};
use journal::statement::Statement;
use pki::canonical;
use protocol::Code;
use protocol::frame::{ToCore, ToTerminal};

#[test]
fn of_two_texts_under_one_number_the_second_is_refused_and_kept_as_evidence() {
    let (mut world, id, mut anna) = group(3);
    let header = world.header(&anna);
    let (first, first_body) = world.rogue_message(&anna, id, 1);
    let first = world.sign_as("anna", Statement { header: header.clone(), act: Act::Message(first) }).0;
    anna.attempt = 77; // Only so that the second body is another one.
    let (second, second_body) = world.rogue_message(&anna, id, 1);
    let second = world.sign_as("anna", Statement { header, act: Act::Message(second) }).0;
    world.rogue_send(&mut anna, first, Some(first_body.into_bytes())).unwrap();
    let refused = world.rogue_send(&mut anna, second.clone(), Some(second_body.into_bytes()));
    assert_eq!(refused, Err(Refusal::Equivocation.code()));
    assert_eq!(alarms(&mut world), [AlarmKind::Equivocation]);
    let evidence = world.log().facts().find_map(|fact| match fact {
        Fact::Alarm(alarm) => Some(alarm.evidence.to_vec()),
        _ => None,
    });
    assert_eq!(evidence.unwrap(), canonical::encode(&second), "both texts are in the journal");
    let shown = world.screen("boris");
    assert_eq!(shown.len(), 2, "one of the two: {shown:?}");
    assert!(world.audit().is_honest());
}

#[test]
fn a_number_is_used_once_and_honestly_tried_again_after_a_refusal() {
    let (mut world, id, mut anna) = group(4);
    let nowhere = Act::Leave(Leave { conversation: ConversationId([9; 32]) });
    let unknown = Refusal::UnknownConversation { conversation: ConversationId([9; 32]) }.code();
    assert_eq!(world.rogue_act(&mut anna, nowhere.clone(), None), Err(unknown));
    let header = world.header(&anna);
    let stale =
        Statement { header: journal::statement::Header { attempt: 0, ..header.clone() }, act: nowhere };
    let (signed, _) = world.sign_as("anna", stale);
    assert_eq!(world.rogue_send(&mut anna, signed, None), Err(unknown), "the same bytes, the same word");
    let (message, body) = world.rogue_message(&anna, id, 1);
    let (signed, message_id) = world.sign_as("anna", Statement { header, act: Act::Message(message) });
    let index = world.rogue_send(&mut anna, signed.clone(), Some(body.bytes().to_vec())).unwrap();
    let size = world.log().entries.len();
    assert_eq!(world.rogue_send(&mut anna, signed, Some(body.into_bytes())), Ok(index), "the old receipt");
    assert_eq!(world.log().entries.len(), size, "and no second entry");
    // Another text under the number that was used, with a higher attempt.
    let logout = Statement {
        header: journal::statement::Header { attempt: 5, ..world.header(&anna) },
        act: Act::Logout(Logout {}),
    };
    let (signed, _) = world.sign_as("anna", logout);
    assert_eq!(world.rogue_send(&mut anna, signed, None), Err(Refusal::AlreadyAdmitted { index }.code()));
    (anna.sequence, anna.attempt, anna.last) = (anna.sequence + 1, 0, message_id);
    world.rogue_act(&mut anna, Act::Leave(Leave { conversation: id }), None).unwrap();
    assert!(alarms(&mut world).is_empty());
    assert!(world.audit().is_honest());
}

#[test]
fn a_replayed_login_opens_nothing() {
    let (mut world, _, anna) = group(5);
    let frame = anna.login_frame.clone().unwrap();
    // On a session of its own, with the right certificate: another nonce, another connection.
    let other = world.rogue("anna");
    let said = world.rogue_frame(&other, &ToCore::Login(frame.clone()));
    let refused = said.iter().find_map(|frame| match frame {
        ToTerminal::Refused(refused) => Some(refused.code),
        _ => None,
    });
    assert_eq!(refused, Some(own(Code::Login)));
    // On a session of somebody else.
    let vera = world.rogue("vera");
    let said = world.rogue_frame(&vera, &ToCore::Login(frame.clone()));
    assert!(
        said.iter().any(|frame| matches!(frame, ToTerminal::Refused(one) if one.code == own(Code::Login)))
    );
    // On the very session that it opened: a breach of the protocol, which ends it.
    let said = world.rogue_frame(&anna, &ToCore::Login(frame));
    assert!(
        said.iter().any(|frame| matches!(frame, ToTerminal::Ended(one) if one.code == own(Code::Protocol)))
    );
    let log = world.log();
    let logins =
        log.acts().filter(|(_, _, person, act)| matches!(act, Act::Login(_)) && *person == world.id("anna"));
    assert_eq!(logins.count(), 2, "her terminal's and her own");
    unharmed(&mut world, &["welcome"]);
}

#[test]
fn a_statement_is_good_for_one_place_of_one_chain_only() {
    let (mut world, id, mut anna) = group(6);
    let (message, body) = world.rogue_message(&anna, id, 1);
    let (signed, _) =
        world.sign_as("anna", Statement { header: world.header(&anna), act: Act::Message(message) });
    let index = world.rogue_send(&mut anna, signed.clone(), Some(body.bytes().to_vec())).unwrap();
    // Bent towards another conversation: the signature does not hold.
    let second = world.group("vera", &["boris"]);
    let mut bent = signed.clone();
    let at = bent.statement.windows(32).position(|bytes| bytes == id.0).unwrap();
    bent.statement[at..at + 32].copy_from_slice(&second.0);
    assert_eq!(world.rogue_send(&mut anna, bent, Some(body.bytes().to_vec())), Err(own(Code::Statement)));
    // By another person: not his.
    let mut vera = world.rogue_in("vera");
    let stolen = world.rogue_send(&mut vera, signed.clone(), Some(body.bytes().to_vec()));
    assert_eq!(stolen, Err(own(Code::Statement)));
    // Under a new Login: what was admitted gives its old receipt, what was not is of an ended chain.
    let (message, late_body) = world.rogue_message(&anna, id, 1);
    let header = journal::statement::Header { sequence: 2, ..world.header(&anna) };
    let (late, _) = world.sign_as("anna", Statement { header, act: Act::Message(message) });
    let mut again = world.rogue_in("anna");
    let size = world.log().entries.len();
    assert_eq!(world.rogue_send(&mut again, signed, Some(body.into_bytes())), Ok(index));
    let ended = world.rogue_send(&mut again, late, Some(late_body.into_bytes()));
    assert_eq!(ended, Err(Refusal::ChainEnded.code()));
    assert_eq!(world.log().entries.len(), size);
    assert!(world.audit().is_honest());
}

#[test]
fn a_head_that_is_none_of_ours_is_refused() {
    let (mut world, id, mut anna) = group(8);
    let true_head = anna.head;
    for head in [
        Head { size: true_head.size, root: [3; 32] },
        Head { size: true_head.size + 1000, root: true_head.root },
        Head { size: true_head.size - 1, root: true_head.root },
    ] {
        anna.head = head;
        let (message, body) = world.rogue_message(&anna, id, 1);
        let refused = world.rogue_act(&mut anna, Act::Message(message), Some(body.into_bytes()));
        assert_eq!(refused, Err(Refusal::WrongHead { size: head.size }.code()));
    }
    anna.head = true_head;
    let (message, body) = world.rogue_message(&anna, id, 1);
    world.rogue_act(&mut anna, Act::Message(message), Some(body.into_bytes())).unwrap();
    assert!(alarms(&mut world).is_empty(), "a bare wrong head is an ordinary refusal");
}
