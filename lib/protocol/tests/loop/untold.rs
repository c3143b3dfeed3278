//! A receipt that was lost, and a log that does not say what became of the act: nothing is done twice on that, and nobody hears
//! "refused" of what may stand.

use crate::law::{DAY_MS, act, paper, signed};
use crate::lost::{IsSuch, talk};
use crate::stories::message;
use crate::world::World;
use journal::act::{Act, EraseTarget, Hold, HoldScope, Report, ReportReason};
use journal::ids::{ConversationId, Index};
use journal::refusal::code;
use protocol::answer::{Answer, Page};
use protocol::client::{Command, CommandId, Error, Reply, What};
use protocol::frame::{Refused, ToTerminal};
use protocol::query::Query;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// So many answers to one search, and it never ends.
const ANSWERS_MAX: usize = 200;

/// The answers to the search are not what was asked for.
const LYING: Error = Error::Untold { entry: None, what: Some(What::Answer), code: None };

type Wish = fn(ConversationId, Index) -> (Command, IsSuch);

/// What boris does: where it would stand in the conversation, and in the log alone.
const WISHES: [Wish; 4] = [
    |id, index| (Command::Read(id, index), |act| matches!(act, Act::Read(_))),
    |id, _| (Command::Send(message(id, "I am going there")), |act| matches!(act, Act::Message(_))),
    |id, _| (Command::Leave(id), |act| matches!(act, Act::Leave(_))),
    |id, index| (Command::Disclose(id, index), |act| matches!(act, Act::Disclose(_))),
];

/// A world for each wish, numbered from here on.
fn wishes(first: u64) -> impl Iterator<Item = (u64, World, Command, IsSuch)> {
    (first..).zip(WISHES).map(|(number, wish)| {
        let (world, id, index) = talk(number);
        let (command, is_such) = wish(id, index);
        (number, world, command, is_such)
    })
}

fn page_of(frame: &mut ToTerminal) -> Option<&mut Page> {
    let ToTerminal::Answer(answer) = frame else { return None };
    let (Answer::Messages(page)
    | Answer::Acts(page)
    | Answer::Entries(page)
    | Answer::EntriesAt(page)
    | Answer::MessagesBefore(page)) = &mut answer.answer
    else {
        return None;
    };
    Some(page)
}

/// A page that an honest server gave before, of what nobody asks for now.
fn old_page(world: &mut World, login: &'static str, asked: Command) -> Page {
    let kept = Rc::new(RefCell::new(None));
    let keep = kept.clone();
    world.tamper = Some(Box::new(move |to, mut frame| {
        if to == login
            && let Some(page) = page_of(&mut frame)
        {
            *keep.borrow_mut() = Some(page.clone());
        }
        Some(frame)
    }));
    world.ask(login, asked).unwrap();
    world.tamper = None;
    kept.take().expect("a page")
}

impl World {
    /// The receipt is lost; on the next connection the core has forgotten the chain and lies about every page.
    fn lied_to(
        &mut self,
        login: &'static str,
        command: Command,
        mut lie: impl FnMut(&mut Page) + 'static,
    ) -> Option<Result<Reply, Error>> {
        self.lost_and(login, command, |_| {}, move |frame| page_of(frame).into_iter().for_each(&mut lie))
    }
}

#[test]
fn a_page_that_shows_nothing_and_says_that_there_is_more_is_no_end_of_a_search() {
    for (number, mut world, command, is_such) in wishes(320) {
        let done = world.lied_to("boris", command, |page| {
            page.entries.clear();
            page.more = true;
        });
        let stand = world.stand("boris", is_such);
        assert_eq!(stand.len(), 1, "world {number}: it is not signed again");
        assert_eq!(done.expect("it ends").err(), Some(LYING), "world {number}");
    }
}

#[test]
fn a_page_of_before_leads_no_search_back() {
    for (number, mut world, command, is_such) in wishes(330) {
        let before = old_page(&mut world, "boris", Command::Ask(Query::Entries(0, 3)));
        let mut answers = 0;
        let done = world.lied_to("boris", command, move |page| {
            answers += 1;
            assert!(answers < ANSWERS_MAX, "the search goes round");
            *page = Page { more: true, ..before.clone() };
        });
        let stand = world.stand("boris", is_such);
        assert_eq!(stand.len(), 1, "world {number}: it is not signed again");
        assert_eq!(done.expect("it ends").err(), Some(LYING), "world {number}");
    }
}

#[test]
fn a_page_of_other_messages_than_were_asked_for_is_shown_to_nobody() {
    let (mut world, id, first) = talk(366);
    let last = world.say("vera", id, "and now it is lit");
    let old = old_page(&mut world, "boris", Command::MessagesFrom(id, first));
    for asked in [Command::MessagesFrom(id, last), Command::MessagesBefore(id, last)] {
        let old = old.clone();
        world.tamper = Some(Box::new(move |_, mut frame| {
            page_of(&mut frame).into_iter().for_each(|page| *page = old.clone());
            Some(frame)
        }));
        let shown = world.ask("boris", asked);
        assert_eq!(shown.err(), Some(Error::NotVerified { what: What::Answer }));
    }
    // An old page again and again would have the plan of an erasure never end.
    let whole = Command::ErasePlan(EraseTarget::Conversation(id));
    world.tamper = Some(Box::new(move |_, mut frame| {
        page_of(&mut frame).into_iter().for_each(|page| *page = Page { more: true, ..old.clone() });
        Some(frame)
    }));
    let planned = world.ask("boris", whole);
    assert_eq!(planned.err(), Some(Error::NotVerified { what: What::Answer }));
}

#[test]
fn a_search_ends_where_ones_own_next_session_began() {
    let (mut world, id, _) = talk(340);
    world.say("boris", id, "where?");
    let command = world.unsent("boris", Command::Send(message(id, "I am going there")));
    let is_page = |frame: &ToTerminal| matches!(frame, ToTerminal::Answer(answer) if matches!(answer.answer, Answer::Messages(_)));
    world.tamper = Some(Box::new(move |to, frame| (to != "boris" || !is_page(&frame)).then_some(frame)));
    world.reconnect("boris");
    // It is looked for, and the conversation grows by more than a page behind the Login.
    for n in 0..300 {
        world.say("anna", id, &format!("meanwhile {n}"));
    }
    assert!(world.result("boris", command).is_none());
    let pages = Rc::new(Cell::new(0));
    let count = pages.clone();
    world.tamper = Some(Box::new(move |to, frame| {
        count.set(count.get() + usize::from(to == "boris" && is_page(&frame)));
        Some(frame)
    }));
    world.cut("boris");
    world.reconnect("boris");
    assert!(matches!(world.result("boris", command), Some(Ok(Reply::Admitted(_)))));
    assert_eq!(pages.get(), 1, "it does not go on behind the session that began then");
    assert_eq!(world.stand("boris", |act| matches!(act, Act::Message(_))).len(), 2);
}

#[test]
fn an_entry_that_fails_to_read_is_not_taken_for_one_that_is_not_there() {
    for (number, mut world, command, is_such) in wishes(350) {
        let done = world.lost("boris", command, |world| {
            world.restart(None);
            let own = world.stand("boris", is_such)[0];
            world.bad_sectors.push(own);
        });
        let stand = world.stand("boris", is_such);
        assert_eq!(stand.len(), 1, "world {number}: it is not signed again");
        assert_eq!(
            done.err(),
            Some(Error::Untold { entry: Some(stand[0]), what: None, code: None }),
            "world {number}"
        );
    }
}

#[test]
fn another_entry_that_fails_to_read_keeps_nobody_from_hearing_of_his_own() {
    let (mut world, id, index) = talk(360);
    let done = world.lost("boris", Command::Disclose(id, index), |world| {
        world.say("anna", id, "a bad place");
        let other = world.entries.len() as Index - 1;
        world.restart(None);
        world.bad_sectors.push(other);
    });
    assert!(matches!(done, Ok(Reply::Document(_))), "he has his file");
    assert_eq!(world.stand("boris", |act| matches!(act, Act::Disclose(_))).len(), 1);
}

#[test]
fn an_epoch_of_which_nobody_can_tell_keeps_no_message_from_being_sent() {
    let (mut world, id, _) = talk(364);
    let vera = world.id("vera");
    world.ask("anna", Command::Remove(id, vera)).unwrap();
    // The epoch that is due now is admitted, and its receipt lost: that of its Reserve alone comes.
    let mut receipts = 0;
    world.tamper = Some(Box::new(move |to, frame| {
        receipts += usize::from(to == "boris" && matches!(frame, ToTerminal::Receipt(_)));
        (to != "boris" || !matches!(frame, ToTerminal::Receipt(_)) || receipts == 1).then_some(frame)
    }));
    let command = world.tell("boris", Command::Send(message(id, "she is gone")));
    world.tamper = None;
    world.cut("boris");
    let is_epoch = |act: &Act| matches!(act, Act::Epoch(_));
    assert_eq!(world.stand("boris", is_epoch).len(), 1, "the server has it");
    let mut searched = false;
    world.come_back("boris", move |frame| {
        if let Some(page) = page_of(frame)
            && !std::mem::replace(&mut searched, true)
        {
            page.entries.clear();
            page.more = true;
        }
    });
    let sent = world.result("boris", command);
    assert!(
        matches!(sent, Some(Ok(Reply::Admitted(_)))),
        "it was never signed before: {:?}",
        sent.map(Result::err)
    );
    assert_eq!(world.stand("boris", |act| matches!(act, Act::Message(_))).len(), 1);
    assert_eq!(world.stand("boris", is_epoch).len(), 1, "the epoch is found as everybody finds it");
}

/// Olga's hold is admitted and its receipt lost; she hears of what comes behind it. Where the hold stands, and its command.
fn hold_without_receipt(world: &mut World, message: Index) -> (Index, CommandId) {
    world.tamper = Some(Box::new(|to, frame| {
        (to != "olga" || !matches!(frame, ToTerminal::Receipt(_))).then_some(frame)
    }));
    let scope = HoldScope::Person(world.id("vera"));
    let hold = Hold { scope, order: paper(), end_ms: world.now.wall_ms + DAY_MS };
    let command = world.tell("olga", act(Act::Hold(hold)));
    let stands = world.entries.len() as Index - 1;
    let report = Act::Report(Report { message, reason: ReportReason::Other });
    signed(world, "anna", report).unwrap();
    assert!(world.result("olga", command).is_none());
    (stands, command)
}

fn holds(world: &World) -> Vec<Index> {
    world.stand("olga", |act| matches!(act, Act::Hold(_)))
}

#[test]
fn an_act_that_stands_in_what_a_succession_keeps_is_told_where_it_stands() {
    let (mut world, _, index) = talk(361);
    let (stands, command) = hold_without_receipt(&mut world, index);
    world.tamper = None;
    world.cut("olga");
    world.succeed(stands as usize + 1);
    world.reconnect("olga");
    let Some(Ok(Reply::Admitted(held))) = world.result("olga", command) else { panic!("it stands") };
    assert_eq!((held.index, holds(&world)), (stands, vec![stands]));
}

#[test]
fn an_act_that_a_succession_gave_up_is_not_done_again_and_its_person_hears_why() {
    let (mut world, _, index) = talk(362);
    let (stands, command) = hold_without_receipt(&mut world, index);
    world.tamper = None;
    world.cut("olga");
    world.succeed(stands as usize);
    world.reconnect("olga");
    assert!(matches!(world.result("olga", command), Some(Err(Error::Overtaken))));
    assert_eq!(holds(&world), [0; 0]);
}

#[test]
fn a_succession_amid_the_search_neither_loses_nor_doubles_what_it_keeps() {
    let (mut world, _, index) = talk(363);
    let (stands, command) = hold_without_receipt(&mut world, index);
    world.cut("olga");
    // The core has forgotten the chain, and no answer comes any more.
    world.tamper = Some(Box::new(|to, frame| match frame {
        ToTerminal::Receipt(receipt) if to == "olga" => {
            let (request, code) = (receipt.request, code::ChainEnded);
            Some(ToTerminal::Refused(Refused { request, code }))
        }
        ToTerminal::Answer(answer) if to == "olga" && matches!(answer.answer, Answer::Entries(_)) => None,
        other => Some(other),
    }));
    world.reconnect("olga");
    assert!(world.result("olga", command).is_none(), "it is looked for");
    world.tamper = None;
    world.cut("olga");
    world.succeed(stands as usize + 1);
    world.reconnect("olga");
    let Some(Ok(Reply::Admitted(held))) = world.result("olga", command) else { panic!("it stands") };
    assert_eq!((held.index, holds(&world)), (stands, vec![stands]));
}
