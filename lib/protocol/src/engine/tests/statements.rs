//! A statement's place: retries, attempts, equivocation, ended chains.
use super::terminal::*;
use super::world::World;
use crate::code::Code;
use crate::frame::{SubmitFrame, ToCore, ToTerminal};
use crate::io::Input;
use journal::act::{Act, Leave, Logout};
use journal::fact::{AlarmKind, Fact};
use journal::ids::ConversationId;
use journal::{Refusal, SignedStatement};
use pki::canonical;

fn hopeless() -> Act {
    Act::Leave(Leave { conversation: ConversationId([7; 32]) })
}

#[test]
fn the_same_bytes_again_get_the_same_receipt_and_no_second_entry() {
    let mut world = World::new(1);
    world.enter("anna");
    world.enter("boris");
    let chat = world.talking("anna", &["boris"]);
    let (message, body) = world.message(chat);
    let statement = world.draft("anna", Act::Message(message));
    let index = world.say("anna", &statement, Some(body.clone()), None).unwrap();
    let size = world.entries.len();
    assert_eq!(world.say("anna", &statement, Some(body), None), Ok(index));
    world.send("anna", chat).unwrap();
    assert_eq!(world.say("anna", &statement, None, None), Ok(index), "also behind a later one");
    assert_eq!(world.entries.len(), size + 1);
}

#[test]
fn a_refused_number_is_tried_again_with_a_higher_attempt() {
    let mut world = World::new(2);
    world.enter("anna");
    let unknown = code(Refusal::UnknownConversation { conversation: ConversationId([7; 32]) });
    assert_eq!(world.act("anna", hopeless()), Err(unknown));
    let mut again = world.draft("anna", hopeless());
    again.header.attempt = 5;
    assert_eq!(world.say("anna", &again, None, None), Err(unknown));
    assert_eq!(world.say("anna", &again, None, None), Err(unknown), "the same bytes, the same word");
    again.header.attempt = 4;
    let stale = code(Refusal::StaleAttempt { seen: 5, found: 4 });
    assert_eq!(world.say("anna", &again, None, None), Err(stale));
    assert!(!world.has_fact(|fact| matches!(fact, Fact::Alarm(_))));
    let mut other = world.draft("anna", Act::Logout(Logout {}));
    other.header.attempt = 6;
    world.say("anna", &other, None, None).unwrap();
}

#[test]
fn two_texts_under_one_number_are_refused_and_kept_once() {
    let mut world = World::new(3);
    world.enter("anna");
    world.enter("boris");
    let chat = world.talking("anna", &["boris"]);
    let (message, body) = world.message(chat);
    let statement = world.draft("anna", Act::Message(message));
    world.say("anna", &statement, Some(body), None).unwrap();
    let mut second = statement.clone();
    let (message, body) = world.message(chat);
    second.act = Act::Message(message);
    let refusal = Err(code(Refusal::Equivocation));
    assert_eq!(world.say("anna", &second, Some(body), None), refusal);
    let alarms = |world: &World| -> Vec<Vec<u8>> {
        let alarm = |fact| match fact {
            Fact::Alarm(alarm) if alarm.alarm == AlarmKind::Equivocation => Some(alarm.evidence.to_vec()),
            _ => None,
        };
        world.facts().into_iter().filter_map(alarm).collect()
    };
    let signed = world.signed("anna", &second);
    assert_eq!(alarms(&world), [canonical::encode(&signed)]);
    assert!(canonical::decode::<SignedStatement>(&alarms(&world)[0]).is_ok());
    second.act = Act::Logout(Logout {});
    assert_eq!(world.say("anna", &second, None, None), refusal);
    assert_eq!(alarms(&world).len(), 1, "kept once");
    second.header.attempt = 1;
    assert_eq!(world.say("anna", &second, None, None), Err(code(Refusal::AlreadyAdmitted { index: 0 })));
}

#[test]
fn new_sessions_bring_no_new_evidence_before_the_next_day() {
    let mut world = World::new(41);
    world.enter("anna");
    let equivocate = |world: &mut World| {
        let first = world.draft("anna", hopeless());
        world.say("anna", &first, None, None).unwrap_err();
        let mut second = first.clone();
        second.act = Act::Leave(Leave { conversation: ConversationId([3; 32]) });
        assert_eq!(world.say("anna", &second, None, None), Err(code(Refusal::Equivocation)));
    };
    let alarms = |world: &World| world.facts().iter().filter(|fact| matches!(fact, Fact::Alarm(_))).count();
    for _ in 0..20 {
        equivocate(&mut world);
        world.act("anna", Act::Logout(Logout {})).unwrap();
        world.enter("anna");
    }
    assert_eq!(alarms(&world), 1);
    world.wait_ms(crate::limits::EVIDENCE_EVERY_MS);
    equivocate(&mut world);
    assert_eq!(alarms(&world), 2);
}

#[test]
fn two_texts_under_a_refused_attempt_are_an_equivocation_too() {
    let mut world = World::new(4);
    world.enter("anna");
    let first = world.draft("anna", hopeless());
    world.say("anna", &first, None, None).unwrap_err();
    let mut second = first.clone();
    second.act = Act::Logout(Logout {});
    assert_eq!(world.say("anna", &second, None, None), Err(code(Refusal::Equivocation)));
    assert!(world.has_fact(|fact| matches!(fact, Fact::Alarm(_))));
}

#[test]
fn numbers_out_of_order_are_refused() {
    let mut world = World::new(5);
    world.enter("anna");
    let mut statement = world.draft("anna", Act::Logout(Logout {}));
    statement.header.sequence += 1;
    let found = world.say("anna", &statement, None, None);
    assert_eq!(found, Err(code(Refusal::OutOfSequence { expected: 0, found: 0 })));
    statement.header.sequence -= 1;
    statement.header.previous = journal::StatementId([1; 32]);
    assert_eq!(world.say("anna", &statement, None, None), Err(code(Refusal::WrongPrevious)));
}

#[test]
fn another_persons_statement_or_signature_is_refused() {
    let mut world = World::new(6);
    world.enter("anna");
    world.enter("boris");
    let session = world.session("anna");
    let replayed = world.signed("boris", &world.draft("boris", Act::Logout(Logout {})));
    let mut forged = world.signed("anna", &world.draft("anna", Act::Logout(Logout {})));
    forged.signature[5] ^= 1;
    let mut misread = world.signed("anna", &world.draft("anna", Act::Logout(Logout {})));
    misread.statement.push(0);
    let login = world.signed("anna", &world.draft_login("anna", session, true));
    for statement in [replayed, forged, misread, login] {
        let request = world.request("anna");
        world.frame(session, &ToCore::Submit(SubmitFrame { request, statement, body: None, password: None }));
        let said = world.answer_to(session, request).unwrap();
        assert_eq!(refused(&said), Some(Code::Statement.number()));
    }
    assert!(!world.ended.contains(&session));
}

#[test]
fn after_a_reconnect_the_old_receipt_comes_again_and_nothing_new_is_admitted_on_the_old_chain() {
    let mut world = World::new(7);
    let session = world.enter("anna");
    world.enter("boris");
    let chat = world.talking("anna", &["boris"]);
    let (message, body) = world.message(chat);
    let statement = world.draft("anna", Act::Message(message));
    let index = world.say("anna", &statement, Some(body.clone()), None).unwrap();
    let (message, second_body) = world.message(chat);
    let unanswered = world.draft("anna", Act::Message(message));
    world.input(Input::Closed(session));
    world.enter("anna");
    assert_eq!(world.say("anna", &statement, Some(body.clone()), None), Ok(index));
    let ended = Err(code(Refusal::ChainEnded));
    assert_eq!(world.say("anna", &unanswered, Some(second_body.clone()), None), ended);
    world.crash();
    world.terminals.clear();
    world.enter("anna");
    assert_eq!(world.say("anna", &statement, Some(body), None), Ok(index), "also after a restart");
    assert_eq!(world.say("anna", &unanswered, Some(second_body), None), ended);
}

#[test]
fn another_person_is_not_told_of_a_receipt() {
    let mut world = World::new(8);
    world.enter("anna");
    world.enter("boris");
    let chat = world.talking("anna", &["boris"]);
    let (message, body) = world.message(chat);
    let statement = world.draft("anna", Act::Message(message));
    world.say("anna", &statement, Some(body), None).unwrap();
    let session = world.session("boris");
    let request = world.request("boris");
    let statement = world.signed("anna", &statement);
    world.frame(session, &ToCore::Submit(SubmitFrame { request, statement, body: None, password: None }));
    assert_eq!(world.answer_to(session, request).as_ref().and_then(refused), Some(Code::Statement.number()));
}

#[test]
fn logout_is_answered_and_then_the_session_ends() {
    let mut world = World::new(9);
    let session = world.enter("anna");
    world.act("anna", Act::Logout(Logout {})).unwrap();
    let ended = crate::frame::Ended { code: Code::LoggedOut.number() };
    assert_eq!(world.drain(session).last(), Some(&ToTerminal::Ended(ended)));
    assert!(world.ended.contains(&session));
}
