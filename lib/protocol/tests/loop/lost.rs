//! Acts whose receipt was lost: what stands is found and told to who did it, and never stands twice.

use crate::law::{DAY_MS, act, paper, signed};
use crate::stories::message;
use crate::world::World;
use journal::act::{
    Act, AlarmAcknowledge, AlarmClose, CloseOutcome, EraseTarget, Export, Finding, FindingCode, Hold,
    HoldScope, Precedence, Report, ReportReason, Resume, Severity, Suspend,
};
use journal::ids::{ConversationId, Index};
use journal::refusal::code;
use journal::testing::Described;
use pki::{Clearance, Role};
use protocol::client::command::Send;
use protocol::client::{Command, CommandId, Error, Reply};
use protocol::frame::{Refused, ToTerminal};
use protocol::query::Query;

/// Whether an act is of the kind that is looked for.
pub(crate) type IsSuch = fn(&Act) -> bool;

/// Everybody is there; vera said something in anna's group.
pub(crate) fn talk(number: u64) -> (World, ConversationId, Index) {
    let mut world = World::new(number);
    ["anna", "boris", "vera", "olga", "oleg", "igor"].into_iter().for_each(|login| world.arrive(login));
    let id = world.group("anna", &["boris", "vera"], "watch");
    let index = world.say("vera", id, "the lighthouse is dark");
    (world, id, index)
}

impl World {
    /// A command is admitted and its receipt lost with the connection. Then others do something, and the person comes back to
    /// a core that has forgotten the chain.
    pub(crate) fn lost(
        &mut self,
        login: &'static str,
        command: Command,
        meanwhile: impl FnOnce(&mut Self),
    ) -> Result<Reply, Error> {
        self.lost_and(login, command, meanwhile, |_| {}).expect("what became of it")
    }

    /// Likewise, and the server lies to the person when he is back.
    pub(crate) fn lost_and(
        &mut self,
        login: &'static str,
        command: Command,
        meanwhile: impl FnOnce(&mut Self),
        lie: impl FnMut(&mut ToTerminal) + 'static,
    ) -> Option<Result<Reply, Error>> {
        self.tamper = Some(Box::new(move |to, frame| {
            (to != login || !matches!(frame, ToTerminal::Receipt(_))).then_some(frame)
        }));
        let command = self.tell(login, command);
        assert!(self.result(login, command).is_none(), "nobody knows yet");
        self.tamper = None;
        self.cut(login);
        meanwhile(self);
        self.come_back(login, lie);
        self.result(login, command)
    }

    /// A person comes back to a core that has forgotten the chain of the last act, and lies.
    pub(crate) fn come_back(&mut self, login: &'static str, mut lie: impl FnMut(&mut ToTerminal) + 'static) {
        let mut first = true;
        self.tamper = Some(Box::new(move |to, frame| match frame {
            ToTerminal::Receipt(receipt) if to == login && std::mem::take(&mut first) => {
                let (request, code) = (receipt.request, code::ChainEnded);
                Some(ToTerminal::Refused(Refused { request, code }))
            }
            mut other if to == login => {
                lie(&mut other);
                Some(other)
            }
            other => Some(other),
        }));
        self.reconnect(login);
        self.tamper = None;
    }

    /// A command whose statement is lost with the line, on its way to the server.
    pub(crate) fn unsent(&mut self, login: &str, command: Command) -> CommandId {
        let session = self.terminals.get_mut(login).unwrap().session.take();
        let command = self.tell(login, command);
        self.terminals.get_mut(login).unwrap().session = session;
        self.cut(login);
        command
    }

    fn lost_act(&mut self, login: &'static str, what: Act, meanwhile: impl FnOnce(&mut Self)) -> Index {
        match self.lost(login, act(what), meanwhile) {
            Ok(Reply::Admitted(admitted)) => admitted.index,
            Ok(_) => panic!("an act is admitted"),
            Err(error) => panic!("{error}"),
        }
    }

    /// Where a person's acts of this kind stand.
    pub(crate) fn stand(&self, login: &str, wanted: IsSuch) -> Vec<Index> {
        let person = self.id(login);
        let is_such = |entry: &[u8]| match journal::Entry::decode(entry).unwrap().content {
            journal::Content::Statement(signed) => {
                let parsed = signed.parse().unwrap();
                parsed.header().person == person && wanted(parsed.act())
            }
            journal::Content::Fact(_) => false,
        };
        (0..).zip(&self.entries).filter(|(_, entry)| is_such(entry)).map(|(index, _)| index).collect()
    }
}

#[test]
fn a_disclosure_stands_once_whether_the_line_breaks_or_the_server_starts_anew() {
    for restarts in [false, true] {
        let (mut world, id, index) = talk(301);
        let disclosed = world.lost("boris", Command::Disclose(id, index), |world| {
            if restarts {
                world.restart(None);
                world.reconnect("anna");
            }
        });
        assert!(matches!(disclosed, Ok(Reply::Document(_))), "he has his file");
        let stand = world.stand("boris", |act| matches!(act, Act::Disclose(_)));
        assert_eq!(stand.len(), 1, "one wish, one record; the server started anew: {restarts}");
        let views = world.views("anna", id);
        let told = &views.iter().find(|view| view.index == index).unwrap().disclosed;
        assert_eq!(told.iter().map(|by| by.index).collect::<Vec<_>>(), stand);
    }
}

#[test]
fn what_officers_closed_meanwhile_is_not_raised_again() {
    let (mut world, _, index) = talk(303);
    let close = |world: &mut World, raised: Index| {
        signed(world, "olga", Act::AlarmAcknowledge(AlarmAcknowledge { raised })).unwrap();
        signed(world, "oleg", Act::AlarmClose(AlarmClose { raised, outcome: CloseOutcome::False })).unwrap();
    };
    let is_report = |act: &Act| matches!(act, Act::Report(_));
    let report = Act::Report(Report { message: index, reason: ReportReason::NotMine });
    let reported = world.lost_act("vera", report, |world| {
        let raised = world.stand("vera", is_report)[0];
        close(world, raised);
    });
    assert_eq!(world.stand("vera", is_report), [reported]);

    let is_finding = |act: &Act| matches!(act, Act::Finding(_));
    let finding = Finding { entry: 0, severity: Severity::High, code: FindingCode::Clock };
    let found = world.lost_act("igor", Act::Finding(finding), |world| {
        let raised = world.stand("igor", is_finding)[0];
        close(world, raised);
    });
    assert_eq!(world.stand("igor", is_finding), [found]);
}

#[test]
fn an_officer_learns_that_his_act_stands_and_nothing_is_done_twice_or_again_behind_what_others_did() {
    let (mut world, _, index) = talk(304);
    let scope = HoldScope::Person(world.id("vera"));
    let hold = Hold { scope, order: paper(), end_ms: world.now.wall_ms + DAY_MS };
    let held = world.lost_act("olga", Act::Hold(hold), |_| {});
    assert_eq!(world.stand("olga", |act| matches!(act, Act::Hold(_))), [held], "one hold, to be lifted once");

    let person = world.id("boris");
    let suspended = world.lost_act("olga", Act::Suspend(Suspend { person }), |world| {
        signed(world, "oleg", Act::Resume(Resume { person })).unwrap();
    });
    assert_eq!(world.stand("olga", |act| matches!(act, Act::Suspend(_))), [suspended]);
    world.reconnect("boris");
    assert!(world.terminals["boris"].client.is_ready(), "nobody suspended him again");

    let report = Act::Report(Report { message: index, reason: ReportReason::Other });
    let raised = signed(&mut world, "anna", report).unwrap();
    let acknowledged = world.lost_act("olga", Act::AlarmAcknowledge(AlarmAcknowledge { raised }), |_| {});
    assert_eq!(world.stand("olga", |act| matches!(act, Act::AlarmAcknowledge(_))), [acknowledged]);
    let close = Act::AlarmClose(AlarmClose { raised, outcome: CloseOutcome::False });
    let closed = world.lost_act("oleg", close, |_| {});
    assert_eq!(world.stand("oleg", |act| matches!(act, Act::AlarmClose(_))), [closed]);
}

#[test]
fn an_export_serves_its_own_session_and_is_made_anew_for_the_next() {
    let (mut world, _, index) = talk(305);
    let to = world.entries.len() as Index;
    let exported = world.lost_act("igor", Act::Export(Export { from: 0, to }), |_| {});
    let stand = world.stand("igor", |act| matches!(act, Act::Export(_)));
    assert_eq!((stand.len(), stand.last()), (2, Some(&exported)));
    let read = world.ask("igor", Command::Ask(Query::EntriesAt(vec![index])));
    assert!(matches!(read, Ok(Reply::Entries(entries, _)) if entries.len() == 1), "he reads what he exports");
}

/// A bundle of the authority: the renewal of somebody's certificates.
fn renewal(world: &mut World, login: &str) -> Command {
    let enrol = world.site.issue(login, &Described::new(Role::Operator, Clearance(3)));
    world.bundle(vec![Act::Enrol(enrol)])
}

/// How many Submits of olga stand.
fn submits(world: &World) -> usize {
    world.stand("olga", |act| matches!(act, Act::Submit(_))).len()
}

#[test]
fn a_bundle_that_never_reached_the_server_is_taken_in_on_the_next_connection() {
    let (mut world, ..) = talk(306);
    let bundle = renewal(&mut world, "anna");
    let command = world.unsent("olga", bundle);
    world.reconnect("olga");
    assert!(matches!(world.result("olga", command), Some(Ok(Reply::Admitted(_)))));
    assert_eq!(submits(&world), 1);
}

#[test]
fn a_bundle_whose_receipt_was_lost_stands_once_and_hinders_no_other() {
    let (mut world, ..) = talk(307);
    let bundle = renewal(&mut world, "anna");
    assert!(matches!(world.lost("olga", bundle, |_| {}), Ok(Reply::Admitted(_))));
    assert_eq!(submits(&world), 1);
    let next = renewal(&mut world, "boris");
    assert!(
        matches!(world.ask("olga", next), Ok(Reply::Admitted(_))),
        "nothing of the first is left beside it"
    );
    assert_eq!(submits(&world), 2);
}

#[test]
fn a_bundle_behind_an_act_that_was_refused_is_taken_in() {
    let (mut world, ..) = talk(308);
    let bundle = renewal(&mut world, "anna");
    let person = world.id("vera");
    // Both are signed and sent before the first is answered.
    let refused = world.begin("olga", act(Act::Resume(Resume { person })));
    let submit = world.begin("olga", bundle);
    world.run();
    assert!(matches!(world.result("olga", refused), Some(Err(Error::Refused { .. }))));
    assert!(matches!(world.result("olga", submit), Some(Ok(Reply::Admitted(_)))));
    assert_eq!(submits(&world), 1);
}

#[test]
fn who_erased_acknowledged_or_read_hears_that_it_is_done() {
    let (mut world, id, index) = talk(309);
    let urgent = Send { must_acknowledge: true, precedence: Precedence::Flash, ..message(id, "answer me") };
    let Ok(Reply::Admitted(urgent)) = world.ask("vera", Command::Send(urgent)) else { panic!("not sent") };
    let erase = Command::Erase(EraseTarget::Messages(id, vec![index]));
    let whole = Command::Erase(EraseTarget::Conversation(id));
    let wishes: [(_, _, IsSuch); 4] = [
        ("boris", Command::Acknowledge(urgent.index), |act| matches!(act, Act::Acknowledge(_))),
        ("boris", Command::Read(id, urgent.index), |act| matches!(act, Act::Read(_))),
        ("vera", erase, |act| matches!(act, Act::Erase(_))),
        ("anna", whole, |act| matches!(act, Act::Erase(_))),
    ];
    for (login, command, is_such) in wishes {
        let done = world.lost(login, command, |_| {});
        let Ok(Reply::Admitted(done)) = done else { panic!("{login}: {:?}", done.err()) };
        assert_eq!(world.stand(login, is_such), [done.index], "{login}: once, and there");
    }
}

#[test]
fn who_accepted_an_invitation_hears_that_he_is_in() {
    let (mut world, ..) = talk(310);
    let record = world.terminals["boris"].record.clone();
    world.cut("boris");
    world.terminal("boris", record, false);
    world.reconnect("boris");
    let id = world.group("anna", &["boris"], "another");
    let accepted = world.lost("boris", Command::Accept(id), |_| {});
    let Ok(Reply::Admitted(accepted)) = accepted else { panic!("{:?}", accepted.err()) };
    assert_eq!(world.stand("boris", |act| matches!(act, Act::Accept(_))).last(), Some(&accepted.index));
    world.say("boris", id, "here I am");
}
