//! A year of a site's life, made up: twenty people who talk, erase, forget passwords; a server that is cut off at times.

use journal::Fact;
use journal::act::{
    Act, Approve, DualAct, Erase, EraseOrder, EraseTarget, Export, Ground, Hold, HoldScope, Order, Propose,
    Revoke, RevokeReason, SetPassword,
};
use journal::fact::{Alarm, AlarmKind, ClockStep, Erased, FailedLogin, LoginFailure, Stop, Tick};
use journal::ids::{ConversationId, Index};
use journal::testing::{Described, TestLog};
use pki::{Clearance, Role, canonical};

const DAY_MS: u64 = 86_400_000;
const PEOPLE: [&str; 20] = [
    "petrov",
    "ivanova",
    "smirnov",
    "kuznetsova",
    "popov",
    "volkova",
    "sokolov",
    "lebedeva",
    "kozlov",
    "novikova",
    "morozov",
    "pavlova",
    "egorov",
    "orlova",
    "makarov",
    "zaitseva",
    "fedorov",
    "belova",
    "tarasov",
    "komarova",
];

struct Site {
    log: TestLog,
    seed: u64,
    chats: Vec<(ConversationId, Vec<&'static str>)>,
    sent: Vec<(ConversationId, &'static str, Index)>,
    period: u64,
}

/// So many days.
pub(crate) fn year(days: u64) -> TestLog {
    let mut log = TestLog::standard(2026);
    log.watch_refusals = false;
    let mut site = Site { log, seed: 7, chats: Vec::new(), sent: Vec::new(), period: 0 };
    for login in PEOPLE {
        site.log.enrol_by("olga", login, &Described::new(Role::Operator, Clearance(3)));
        site.ready(login);
        site.log.act(login, Act::SetPassword(SetPassword {})).unwrap();
    }
    for pair in PEOPLE.chunks(2) {
        let [one, other] = pair else { continue };
        let chat = site.log.talking(one, &[other]);
        site.chats.push((chat, pair.to_vec()));
    }
    for group in PEOPLE.chunks(5) {
        let chat = site.log.talking(group[0], &group[1..]);
        site.chats.push((chat, group.to_vec()));
    }
    for day in 1..days {
        site.day(day);
    }
    site.log
}

impl Site {
    /// A number below `below`, which follows from those before.
    fn draw(&mut self, below: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % below
    }

    fn wait(&mut self, ms: u64) {
        self.log.wait_ms(ms);
        while self.log.register.next_deadline_ms().is_some_and(|at| at <= self.log.now_ms) {
            self.log.fact(Fact::Tick(Tick {})).unwrap();
        }
    }

    fn ready(&mut self, login: &str) {
        let id = self.log.id(login);
        if self.log.register.chain_of(id).is_none() {
            self.log.log_in(login).unwrap();
        }
    }

    fn day(&mut self, day: u64) {
        let evening = self.log.now_ms + DAY_MS;
        self.wait(DAY_MS / 3);
        let end = self.log.period_end();
        self.log.fact(end).unwrap();
        self.period += 1;
        let roll = self.log.key_roll(self.period);
        self.log.fact(roll).unwrap();
        if day.is_multiple_of(31) {
            self.log.fact(Fact::Stop(Stop {})).unwrap();
            self.wait(3_600_000);
            self.log.start().unwrap();
        }
        if matches!(day, 77 | 203) {
            self.log.start().unwrap();
        }
        let weekend = matches!((day + 3) % 7, 5 | 6);
        let messages = if weekend { self.draw(4) } else { 6 + self.draw(14) };
        for _ in 0..messages {
            self.wait(600_000);
            self.message();
        }
        self.accidents(day);
        self.wait(evening - self.log.now_ms);
    }

    fn message(&mut self) {
        let at = self.draw(self.chats.len() as u64) as usize;
        let (chat, members) = self.chats[at].clone();
        let who = members[self.draw(members.len() as u64) as usize];
        if self.log.register.person(self.log.id(who)).is_some_and(|person| person.revoked.is_some()) {
            return;
        }
        self.ready(who);
        let number = self.log.register.conversation(chat).unwrap().number;
        if self.log.register.epoch_is_due(number, self.log.now_ms) {
            self.log.epoch(who, chat).unwrap();
        }
        let index = self.log.send(who, chat).unwrap();
        self.sent.push((chat, who, index));
    }

    fn accidents(&mut self, day: u64) {
        if day.is_multiple_of(9) && !self.sent.is_empty() {
            let at = self.draw(self.sent.len() as u64) as usize;
            let (chat, author, index) = self.sent.swap_remove(at);
            // The owner of a group may take back what any member wrote.
            let members = &self.chats.iter().find(|(id, _)| *id == chat).unwrap().1;
            let by = if members.len() > 2 { members[0] } else { author };
            self.ready(by);
            self.log.act(by, Act::Erase(Erase { target: EraseTarget::Messages(chat, vec![index]) })).unwrap();
            let (epoch, through) = (self.log.register.erasure_epoch() + 1, self.log.tree.size() - 1);
            self.log.fact(Fact::Erased(Erased { epoch, through })).unwrap();
        }
        if day.is_multiple_of(13) {
            let login = PEOPLE[self.draw(20) as usize];
            let (person, certificate) =
                (self.log.id(login), self.log.site.person(login).signature_certificate.id());
            let (failure, count) = (LoginFailure::Password, 1);
            self.log.fact(Fact::FailedLogin(FailedLogin { person, certificate, failure, count })).unwrap();
        }
        match day {
            50 | 180 => {
                let (expected_ms, found_ms) = (self.log.now_ms, self.log.now_ms + 400_000);
                self.log.fact(Fact::ClockStep(ClockStep { expected_ms, found_ms })).unwrap();
            }
            20 | 250 => {
                let (chat, members) = self.chats.remove(0);
                self.sent.retain(|(id, ..)| *id != chat);
                self.ready(members[0]);
                let target = EraseTarget::Conversation(chat);
                self.log.act(members[0], Act::Erase(Erase { target })).unwrap();
            }
            120 => self.alarm(AlarmKind::NearlyFull),
            121 | 300 => self.alarm(AlarmKind::LoginFlood),
            240 => self.alarm(AlarmKind::BodyDamaged),
            100 => {
                self.ready("igor");
                let to = self.log.tree.size();
                self.log.act("igor", Act::Export(Export { from: 0, to })).unwrap();
            }
            130 => self.order(),
            150 => {
                self.ready("olga");
                let scope = HoldScope::Person(self.log.id("petrov"));
                let order = Order { number: "17/3".into(), ground: Ground::Court };
                let end_ms = self.log.now_ms + 60 * DAY_MS;
                self.log.act("olga", Act::Hold(Hold { scope, order, end_ms })).unwrap();
            }
            200 => {
                self.ready("oleg");
                let person = self.log.id("komarova");
                let (reason, note) = (RevokeReason::KeyCompromise, String::new());
                self.log.act("oleg", Act::Revoke(Revoke { person, reason, note })).unwrap();
            }
            _ => {}
        }
    }

    /// Two officers order a message to be erased; nobody objects.
    fn order(&mut self) {
        let Some((chat, _, index)) = self.sent.pop() else { return };
        let order = EraseOrder {
            target: EraseTarget::Messages(chat, vec![index]),
            order: Order { number: "5/26".into(), ground: Ground::Court },
            confirms: None,
        };
        for officer in ["olga", "oleg"] {
            self.ready(officer);
        }
        let act = canonical::encode(&DualAct::Erase(order)).into();
        self.log.act("olga", Act::Propose(Propose { act })).unwrap();
        let proposal = self.log.tree.size() - 1;
        self.log.act("oleg", Act::Approve(Approve { proposal })).unwrap();
    }

    fn alarm(&mut self, alarm: AlarmKind) {
        self.log.fact(Fact::Alarm(Alarm { alarm, person: None, evidence: Vec::new().into() })).unwrap();
    }
}
