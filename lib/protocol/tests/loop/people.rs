//! Whose key is whose: what a terminal believes of people's certificates, and what no server makes it forget.

use crate::world::World;
use journal::act::{Act, Approve, Crl, CrlPart, DualAct, EraseTarget, Propose, Revoke, RevokeReason, Submit};
use journal::ids::Index;
use journal::policy::{Policy, PrivateErase};
use journal::register::submit_digest;
use journal::testing::{Described, FOUNDED_MS};
use pki::profile::{self, Authority, Validity};
use pki::{AgreementSecret, CertId, CertTime, Clearance, PersonId, Reason, Role, Suite, canonical};
use protocol::answer::{Answer, Standing};
use protocol::client::command::OtherAct;
use protocol::client::{Command, Error, Event, Reply, What};
use protocol::frame::ToTerminal;
use protocol::query::Query;
use std::cell::Cell;
use std::rc::Rc;

impl World {
    /// The authority certifies new keys of a person, and olga submits that. The old agreement key.
    pub(crate) fn renew(&mut self, login: &str) -> (CertId, AgreementSecret) {
        let old = self.site.person(login);
        let secret = AgreementSecret::from_bytes(self.site.suite, &old.agreement.to_bytes()).unwrap();
        let old = (old.agreement_certificate.id(), secret);
        let enrol = self.site.issue(login, &Described::new(Role::Operator, Clearance(3)));
        self.submit(Act::Enrol(enrol));
        old
    }

    /// An act of the authority, which olga submits.
    fn submit(&mut self, act: Act) {
        self.submit_all(vec![act]);
    }

    /// A list by itself, or in parts.
    fn submit_list(&mut self, list: Vec<u8>) {
        match CrlPart::split(&list) {
            Some(parts) => self.submit_all(parts.into_iter().map(Act::CrlPart).collect()),
            None => self.submit(Act::Crl(Crl { list: list.into() })),
        }
    }

    fn submit_all(&mut self, acts: Vec<Act>) {
        let bundle = self.bundle(acts);
        self.ask("olga", bundle).unwrap();
    }

    /// Acts of the authority, and an officer's Submit for them.
    pub(crate) fn bundle(&mut self, acts: Vec<Act>) -> Command {
        let (staged, ids): (Vec<_>, Vec<_>) = acts.into_iter().map(|act| self.site.offline(act)).unzip();
        let act = Act::Submit(Submit { count: ids.len() as u32, digest: submit_digest(&ids) });
        Command::Act(Box::new(OtherAct { act, staged, verifiers: vec![] }))
    }

    /// A revocation list of the authority that names this person's agreement certificate and no other.
    /// And so many others whom nobody knows.
    fn list_with(&mut self, login: &str, others: u32) -> Vec<u8> {
        self.numbered_list(1, login, others)
    }

    fn numbered_list(&mut self, number: u64, login: &str, others: u32) -> Vec<u8> {
        let at = CertTime(FOUNDED_MS as i64 / 1000);
        let serial = self.site.person(login).agreement_certificate.serial().to_vec();
        let authority = Authority { certificate: &self.site.issuing, signer: &self.site.issuing_key };
        let validity = Validity { from: at, until: CertTime(at.0 + 86_400) };
        let others = (0..others).map(|n| [&[0x40][..], &n.to_be_bytes(), &[0x55; 11]].concat());
        let revoked: Vec<_> =
            others.chain([serial]).map(|serial| (serial, at, Reason::KeyCompromise)).collect();
        profile::revocation_list(authority, number, validity, &revoked).unwrap().der().to_vec()
    }

    /// The agent ends; a new one begins with what was persisted.
    pub(crate) fn restart_terminal(&mut self, login: &str) {
        self.cut(login);
        let record = self.terminals[login].record.clone();
        self.terminal(login, record, true);
        self.reconnect(login);
    }

    /// Who is said to have another key than before.
    fn changed(&mut self, login: &str) -> Vec<PersonId> {
        let events = std::mem::take(&mut self.terminals.get_mut(login).unwrap().events);
        let changed = |event: &Event| match event {
            Event::KeyChanged(person, before, after, _) if before != after => Some(*person),
            _ => None,
        };
        events.iter().filter_map(changed).collect()
    }

    /// The server names this Enrol as this person's newest, to that terminal.
    fn name_enrol(&mut self, to: &'static str, person: PersonId, enrolled: Index) {
        self.tamper = Some(Box::new(move |login, frame| match frame {
            ToTerminal::Answer(mut answer) if login == to => {
                if let Answer::People(rows) = &mut answer.answer {
                    rows.iter_mut().filter(|row| row.person == person).for_each(|row| {
                        row.enrolled = enrolled;
                        row.standing = Standing::Good;
                    });
                }
                Some(ToTerminal::Answer(answer))
            }
            other => Some(other),
        }));
    }

    /// Where a person's newest Enrol stands, as the server says it to that terminal.
    fn enrolled(&mut self, login: &str, person: PersonId) -> Index {
        let found = Rc::new(Cell::new(0));
        let keep = found.clone();
        self.tamper = Some(Box::new(move |_, frame| {
            if let ToTerminal::Answer(answer) = &frame
                && let Answer::People(rows) = &answer.answer
            {
                rows.iter().filter(|row| row.person == person).for_each(|row| keep.set(row.enrolled));
            }
            Some(frame)
        }));
        self.ask(login, Command::People).unwrap();
        self.tamper = None;
        found.get()
    }
}

fn listed(world: &mut World, login: &str) -> Vec<PersonId> {
    let Reply::People(people) = world.ask(login, Command::People).unwrap() else { panic!() };
    people.iter().map(|view| view.person).collect()
}

fn all(number: u64) -> World {
    let mut world = World::new(number);
    ["anna", "boris", "vera", "olga"].iter().for_each(|login| world.arrive(login));
    world
}

#[test]
fn a_key_that_changed_while_the_agent_was_away_is_shown_before_anything_is_wrapped_to_it() {
    let mut world = all(90);
    let boris = world.id("boris");
    let id = world.private("anna", "boris");
    world.say("anna", id, "to the old key");
    world.cut("anna");
    world.renew("boris");
    let record = world.terminals["anna"].record.clone();
    world.terminal("anna", record, true);
    world.reconnect("anna");
    world.say("anna", id, "to the new key");
    assert_eq!(world.changed("anna"), [boris]);
    // Once told, it is what is known, in the next process too.
    world.restart_terminal("anna");
    world.say("anna", id, "once more");
    assert!(world.changed("anna").is_empty());
}

#[test]
fn no_server_goes_back_behind_an_enrol_that_was_proven() {
    let mut world = all(91);
    let boris = world.id("boris");
    let old = world.enrolled("anna", boris);
    world.renew("boris");
    assert_eq!(world.changed("anna"), [boris], "it was pushed");
    world.name_enrol("anna", boris, old);
    world.cut("anna");
    world.reconnect("anna");
    assert!(!listed(&mut world, "anna").contains(&boris));
    let new = protocol::client::command::NewPrivate { person: boris, ceiling: None, default_label: None };
    let refused = world.ask("anna", Command::NewPrivate(new.clone())).err();
    assert_eq!(refused, Some(Error::NotVerified { what: What::Enrolment }));
    // A process that wrapped to the newest does not go back after a restart either.
    world.tamper = None;
    let id = world.private("anna", "boris");
    world.say("anna", id, "to the new key");
    world.name_enrol("anna", boris, old);
    world.restart_terminal("anna");
    let refused = world.ask("anna", Command::NewPrivate(new)).err();
    assert_eq!(refused, Some(Error::NotVerified { what: What::Enrolment }));
}

#[test]
fn a_person_is_who_the_authority_enrolled_and_nobody_else() {
    let mut world = all(92);
    let (boris, vera) = (world.id("boris"), world.id("vera"));
    let of_vera = world.enrolled("olga", vera);
    // Another person's Enrol.
    world.name_enrol("anna", boris, of_vera);
    let people = listed(&mut world, "anna");
    assert!(!people.contains(&boris) && people.contains(&vera));
    // An Enrol that is in no log.
    world.restart_terminal("anna");
    world.tamper = Some(Box::new(|login, frame| match frame {
        ToTerminal::Answer(mut answer) if login == "anna" => {
            if let Answer::EntriesAt(page) = &mut answer.answer {
                page.entries.iter_mut().for_each(|delivered| {
                    let middle = delivered.entry.len() / 2;
                    delivered.entry[middle] ^= 1;
                });
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
    let refused = world.ask("anna", Command::People).err();
    assert_eq!(refused, Some(Error::NotVerified { what: What::Inclusion }));
}

#[test]
fn a_proven_revocation_holds_whatever_the_server_says_later() {
    let mut world = all(93);
    let boris = world.id("boris");
    let old = world.enrolled("anna", boris);
    let id = world.private("anna", "boris");
    world.say("anna", id, "while he is one of us");
    let revoke = Revoke { person: boris, reason: RevokeReason::KeyCompromise, note: String::new() };
    let act = OtherAct { act: Act::Revoke(revoke), staged: Vec::new(), verifiers: Vec::new() };
    world.ask("olga", Command::Act(Box::new(act))).unwrap();
    world.name_enrol("anna", boris, old);
    let new = protocol::client::command::NewPrivate { person: boris, ceiling: None, default_label: None };
    let cannot = Some(Error::CannotReceive { person: boris });
    assert_eq!(world.ask("anna", Command::NewPrivate(new.clone())).err(), cannot);
    // Anna signed something since, so her next process knows it as well.
    let group = world.group("anna", &["vera"], "without him");
    world.say("anna", group, "he is out");
    world.restart_terminal("anna");
    world.name_enrol("anna", boris, old);
    assert_eq!(world.ask("anna", Command::NewPrivate(new)).err(), cannot);
    assert!(listed(&mut world, "anna").contains(&boris), "his name is shown all the same");
}

#[test]
fn to_a_key_on_a_proven_revocation_list_nothing_is_wrapped_whatever_the_server_says() {
    for others in [0, 3000] {
        let mut world = all(96);
        let boris = world.id("boris");
        let id = world.private("anna", "boris");
        world.say("anna", id, "while his key was his own");
        let list = world.list_with("boris", others);
        world.submit_list(list);
        // He himself is not revoked: the server may go on naming him and his Enrol, and does.
        let new = protocol::client::command::NewPrivate { person: boris, ceiling: None, default_label: None };
        let refused = world.ask("anna", Command::NewPrivate(new)).err();
        assert_eq!(refused, Some(Error::CannotReceive { person: boris }), "{others}");
    }
}

#[test]
fn what_is_wrapped_to_a_key_that_was_replaced_is_an_alarm() {
    let mut world = all(94);
    let boris = world.id("boris");
    let old = world.enrolled("boris", boris);
    world.cut("boris");
    let replaced = world.renew("boris");
    // Seen from a terminal for which the other of the two keys is the newest: what its server shows it of itself, and
    // what others wrap to, are then the wrong way round, as a server would have it that brings a lost key back to use.
    let newest = world.own_agreement("boris");
    world.terminal_with("boris", None, true, vec![replaced, newest]);
    world.name_enrol("boris", boris, old);
    world.reconnect("boris");
    let id = world.private("anna", "boris");
    world.say("anna", id, "to the wrong key");
    let alarm = |event: &Event| matches!(event, Event::BadWrap(of, ..) if *of == id);
    assert!(world.terminals["boris"].events.iter().any(alarm));
    assert!(world.pushed("boris").iter().all(|text| text != "to the wrong key"));
}

#[test]
fn a_revocation_list_in_parts_is_put_together_and_followed() {
    let mut world = all(99);
    let id = world.group("anna", &["boris", "vera"], "three");
    world.say("anna", id, "to all");
    world.cut("vera");
    let list = world.list_with("boris", 3000);
    assert!(CrlPart::split(&list).is_some_and(|parts| parts.len() >= 3));
    world.submit_list(list);
    world.say("anna", id, "he is cut");
    // Who was here, and who was away.
    world.reconnect("vera");
    world.say("vera", id, "by whoever was away, too");
    assert_eq!(world.screen("anna", id), ["to all", "he is cut", "by whoever was away, too"]);
    assert_eq!(world.screen("vera", id), ["to all", "he is cut", "by whoever was away, too"]);
    assert!(world.pushed("boris").iter().all(|text| text == "to all"));
    for login in ["anna", "vera"] {
        let bad = |event: &Event| matches!(event, Event::Dropped(..) | Event::Distrust(_));
        assert!(!world.terminals[login].events.iter().any(bad), "{login}");
    }
}

#[test]
fn who_was_away_follows_more_lists_in_parts_than_are_kept_at_hand() {
    let mut world = all(98);
    let id = world.group("anna", &["boris", "vera"], "three");
    world.say("anna", id, "to all");
    world.cut("vera");
    for number in 1..=4 {
        let list = world.numbered_list(number, "boris", 2500);
        assert!(CrlPart::split(&list).is_some());
        world.submit_list(list);
    }
    world.say("anna", id, "he is cut");
    world.reconnect("vera");
    world.say("vera", id, "by whoever was away, too");
    assert_eq!(world.screen("vera", id), ["to all", "he is cut", "by whoever was away, too"]);
    let bad = |event: &Event| matches!(event, Event::Dropped(..) | Event::Distrust(_));
    assert!(!world.terminals["vera"].events.iter().any(bad));
}

#[test]
fn what_was_wrapped_before_a_renewal_is_read_after_it() {
    let mut world = all(95);
    let id = world.private("anna", "boris");
    world.say("anna", id, "to the old key");
    world.cut("boris");
    let record = world.terminals["boris"].record.clone();
    let old = world.renew("boris");
    let newest = world.own_agreement("boris");
    world.terminal_with("boris", record, true, vec![newest, old]);
    world.reconnect("boris");
    world.say("anna", id, "to the new key");
    assert_eq!(world.screen("boris", id), ["to the old key", "to the new key"]);
    assert!(!world.terminals["boris"].events.iter().any(|event| matches!(event, Event::BadWrap(..))));
}

fn policy(world: &mut World, login: &str) -> Result<(Policy, Index), Error> {
    match world.ask(login, Command::Ask(Query::Policy))? {
        Reply::Answer(answer) => match *answer {
            Answer::Policy(bytes, index, _) => Ok((canonical::decode(&bytes).unwrap(), index)),
            _ => panic!("another answer"),
        },
        _ => panic!("no answer"),
    }
}

/// The server names this policy of this entry, to anna.
fn name_policy(world: &mut World, policy: &Policy, index: Index) {
    let bytes = canonical::encode(policy);
    world.tamper = Some(Box::new(move |login, frame| match frame {
        ToTerminal::Answer(mut answer) if login == "anna" => {
            if let Answer::Policy(..) = &answer.answer {
                answer.answer = Answer::Policy(bytes.clone().into(), index, None);
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
}

#[test]
fn a_policy_is_believed_by_the_entries_that_set_it() {
    let mut world = World::new(96);
    ["anna", "olga", "oleg"].iter().for_each(|login| world.arrive(login));
    let (first, unproven) = (Policy::standard(), Some(Error::NotVerified { what: What::Policy }));
    assert_eq!(policy(&mut world, "anna"), Ok((first.clone(), 0)));
    let second = Policy { author_erases: false, file_save: false, ..Policy::standard() };
    // What no entry says.
    name_policy(&mut world, &second, 0);
    assert_eq!(policy(&mut world, "anna").err(), unproven);
    world.tamper = None;
    let act = |act| Command::Act(Box::new(OtherAct { act, staged: Vec::new(), verifiers: Vec::new() }));
    let bytes = canonical::encode(&DualAct::Policy(second.clone())).into();
    let proposed = world.ask("olga", act(Act::Propose(Propose { act: bytes }))).unwrap();
    let Reply::Admitted(proposed) = proposed else { panic!() };
    // What one officer proposed, and nobody approved.
    name_policy(&mut world, &second, proposed.index);
    assert_eq!(policy(&mut world, "anna").err(), unproven);
    world.tamper = None;
    let approved = world.ask("oleg", act(Act::Approve(Approve { proposal: proposed.index }))).unwrap();
    let Reply::Admitted(approved) = approved else { panic!() };
    let told = |event: &Event| matches!(event, Event::Approved(at) if *at == approved.index);
    assert!(world.terminals["anna"].events.iter().any(told));
    // Another policy than the one that was approved.
    let third = Policy { one_password: false, ..second.clone() };
    name_policy(&mut world, &third, approved.index);
    assert_eq!(policy(&mut world, "anna").err(), unproven);
    world.tamper = None;
    assert_eq!(policy(&mut world, "anna"), Ok((second, approved.index)));
    // No way back, not for the next process either.
    name_policy(&mut world, &first, 0);
    assert_eq!(policy(&mut world, "anna").err(), unproven);
    world.restart_terminal("anna");
    assert_eq!(policy(&mut world, "anna").err(), unproven);
}

#[test]
fn a_plan_knows_what_the_policy_lets_an_author_erase() {
    let strict = Policy { author_erases: false, private_erase: PrivateErase::Officers, ..Policy::standard() };
    let mut world = World::with(97, Suite::Ed25519, strict);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    let index = world.say("anna", id, "stays");
    for target in [EraseTarget::Messages(id, vec![index]), EraseTarget::Conversation(id)] {
        let Reply::Plan(plan) = world.ask("anna", Command::ErasePlan(target.clone())).unwrap() else {
            panic!()
        };
        assert!(!plan.right);
        assert!(world.ask("anna", Command::Erase(target)).is_err());
    }
}

#[test]
fn a_welcome_goes_on_from_the_period_that_the_terminal_knows() {
    let mut world = all(98);
    let record = world.terminals["anna"].record.clone().unwrap();
    assert_eq!(record.period.as_ref().map(|mark| mark.period), Some(0));
    // A terminal that knows another key of that period believes neither Welcome nor note.
    let mut other = record;
    let mark = other.period.as_mut().unwrap();
    mark.key = world.site.identity.public().spki().to_vec().into();
    world.cut("anna");
    world.terminal("anna", Some(other), true);
    world.connect("anna");
    assert_eq!(world.log_in("anna", "own").err(), Some(Error::NotVerified { what: What::KeyRoll }));
    world.restart_terminal("boris");
}
