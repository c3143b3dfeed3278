//! One message given to a stranger: what it proves, and what it does not when anything in it is another.

use crate::law::act;
use crate::stories::message;
use crate::world::World;
use journal::Origin;
use journal::act::{
    Act, AlarmAcknowledge, AlarmClose, CloseOutcome, Disclose, EraseTarget, Finding, FindingCode, Report,
    ReportReason, Severity,
};
use journal::checkpoint::SignedCheckpoint;
use journal::ids::{ConversationId, Index, LogId};
use journal::note::VerifierKey;
use journal::proof::InclusionProof;
use journal::receipt::Receipt;
use journal::register::Raised;
use pki::Certificate;
use protocol::answer::{Answer, RaisedMessage};
use protocol::client::{Command, Error, Event, Reply};
use protocol::disclosure::{BadDisclosure, Believed, Disclosed, Disclosure, NotProven};
use protocol::frame::ToTerminal;
use protocol::query::Query;
use protocol::seal::keys::BodyKey;

impl World {
    /// A member's disclosure of a message, read again from its file.
    fn disclose(&mut self, login: &str, id: ConversationId, index: Index) -> Disclosure {
        let Ok(Reply::Document(file)) = self.ask(login, Command::Disclose(id, index)) else { panic!() };
        Disclosure::parse(file.expose()).unwrap()
    }

    /// What a stranger makes of it who has the site card of this world.
    fn judge(&self, file: &Disclosure) -> Result<Disclosed, NotProven> {
        self.judge_of(self.log, std::slice::from_ref(&self.site.root), file)
    }

    fn judge_of(&self, log: LogId, roots: &[Certificate], file: &Disclosure) -> Result<Disclosed, NotProven> {
        let identity = self.site.identity.public().clone();
        let key = |era| VerifierKey::new(Origin { log, era }.key_name(), identity.clone()).unwrap();
        file.verify(&Believed { log, identity: &key, roots, issuing: &[] })
    }
}

/// Anna, boris and vera talk; vera's message is the one.
fn talk(seed: u64) -> (World, ConversationId, Index) {
    let mut world = World::new(seed);
    ["anna", "boris", "vera", "olga", "oleg"].into_iter().for_each(|login| world.arrive(login));
    let id = world.group("anna", &["boris", "vera"], "watch");
    world.say("anna", id, "nobody is told of this");
    let index = world.say("vera", id, "the lighthouse is dark");
    world.say("boris", id, "nor of this");
    (world, id, index)
}

#[test]
fn a_stranger_reads_one_message_and_knows_who_wrote_it_where_and_when() {
    let (mut world, id, index) = talk(201);
    let file = world.disclose("boris", id, index);
    let disclosed = world.judge(&file).expect("it proves");
    assert_eq!(disclosed.text.text, "the lighthouse is dark");
    assert_eq!((disclosed.index, disclosed.author.login()), (index, Some("vera")));
    assert_eq!(disclosed.by.login(), Some("boris"));
    let Reply::Conversation(view) = world.ask("anna", Command::Conversation(id)).unwrap() else { panic!() };
    assert_eq!(disclosed.conversation, view.number);
    assert_eq!(disclosed.record, world.entries.len() as u64 - 1, "it is recorded, and was before");
    // The members and the officers are told; and members who were away read it beside the message.
    let told = |event: &Event| *event == Event::Disclosed(world.id("boris"), disclosed.record, index);
    for login in ["anna", "boris", "vera", "olga", "oleg"] {
        assert!(world.terminals[login].events.iter().any(told), "{login}");
    }
    world.restart_terminal("anna");
    let views = world.views("anna", id);
    let shown = views.iter().find(|view| view.index == index).unwrap();
    assert_eq!((shown.disclosed.len(), shown.disclosed[0].index), (1, disclosed.record));
    let others = views.iter().filter(|view| view.index != index);
    assert!(others.flat_map(|view| &view.disclosed).next().is_none());
}

#[test]
fn a_disclosure_in_which_anything_is_another_proves_nothing() {
    let (mut world, id, index) = talk(202);
    let other = world.say("vera", id, "the lighthouse is lit");
    let fresh = |world: &mut World| world.disclose("boris", id, index);
    let theirs = world.disclose("boris", id, other);
    let judge = |world: &World, file: &Disclosure| world.judge(file).err().expect("proves nothing");

    let good = fresh(&mut world);
    assert!(world.judge(&good).is_ok(), "the file that all the others are made of");
    // Another text, with its own key.
    let file =
        Disclosure { body: theirs.body.clone(), key: BodyKey::from_bytes(theirs.key.expose()), ..good };
    assert_eq!(judge(&world, &file), NotProven::OtherBody);
    // Another key.
    let good = fresh(&mut world);
    let file = Disclosure { key: BodyKey::from_bytes(theirs.key.expose()), ..good };
    assert_eq!(judge(&world, &file), NotProven::OtherKey);
    // Every bit of the body counts: its head, its salt, its key's commitment, its text and its tag.
    for at in [0, 1, 2, 40, 70, 200, theirs.body.len() - 1] {
        let mut file = fresh(&mut world);
        file.body[at] ^= 1;
        assert_eq!(judge(&world, &file), NotProven::OtherBody, "byte {at}");
    }
    // Another entry: the proof is of the one, the entry of another.
    let good = fresh(&mut world);
    let checkpoint = SignedCheckpoint::parse(good.message.checkpoint().to_string().as_bytes()).unwrap();
    let entry = world.entries[other as usize].clone();
    let message = Receipt::new(good.message.proof().clone(), checkpoint).unwrap().with_extra(entry).unwrap();
    assert_eq!(judge(&world, &Disclosure { message, ..good }), NotProven::NotIncluded);
    // Another message, whose entry is well proven.
    let good = fresh(&mut world);
    let file = Disclosure { message: theirs.message, ..good };
    assert_eq!(
        judge(&world, &file),
        NotProven::OtherEntry(file.record.proof().index()),
        "recorded was another"
    );
    // No record of it, but some other act of the log.
    let good = fresh(&mut world);
    let record = good.conversation.clone();
    let at = record.proof().index();
    let mut certificates = good.certificates.clone();
    certificates.push(world.site.person("anna").signature_certificate.der().to_vec());
    let file = Disclosure { record, certificates, ..good };
    assert_eq!(judge(&world, &file), NotProven::OtherEntry(at));
    // Nobody's certificate, or somebody else's.
    let good = fresh(&mut world);
    let file = Disclosure {
        certificates: vec![world.site.person("anna").signature_certificate.der().to_vec()],
        ..good
    };
    assert_eq!(judge(&world, &file), NotProven::Certificate(index));
    // A signature with one bit changed: the log never held such an entry.
    let mut forged = fresh(&mut world);
    let mut entry = world.entries[index as usize].clone();
    let last = entry.len() - 1;
    entry[last] ^= 1;
    forged.message = forged.message.with_extra(entry).unwrap();
    assert_eq!(judge(&world, &forged), NotProven::NotIncluded);
}

#[test]
fn a_message_of_another_conversation_is_not_passed_off_as_one_of_this() {
    let (mut world, id, index) = talk(203);
    let private = world.private("boris", "vera");
    let elsewhere = world.say("vera", private, "between us");
    let theirs = world.disclose("boris", private, elsewhere);
    let good = world.disclose("boris", id, index);
    let at = theirs.conversation.proof().index();
    let file = Disclosure { conversation: theirs.conversation, ..good };
    assert_eq!(world.judge(&file).err(), Some(NotProven::OtherEntry(at)));
}

#[test]
fn only_the_log_and_the_authority_that_the_reader_believes_in_count() {
    let (mut world, id, index) = talk(204);
    let file = world.disclose("boris", id, index);
    let stranger = World::new(205);
    let other_log = LogId([9; 32]);
    let roots = std::slice::from_ref(&world.site.root);
    assert_eq!(world.judge_of(other_log, roots, &file).err(), Some(NotProven::Note));
    assert_eq!(
        stranger.judge_of(world.log, roots, &file).err(),
        Some(NotProven::Note),
        "another identity key"
    );
    let others = std::slice::from_ref(&stranger.site.root);
    let judged = world.judge_of(world.log, others, &file);
    assert_eq!(judged.err(), Some(NotProven::Certificate(index)), "another root");
    // A server that signs a stale head over another tree: the proof leads nowhere.
    let (proof, note) = (file.message.proof(), file.message.checkpoint().clone());
    let mut path = proof.path().to_vec();
    path[0][0] ^= 1;
    let proof = InclusionProof::new(proof.index(), proof.size(), path).unwrap();
    let message =
        Receipt::new(proof, note).unwrap().with_extra(world.entries[index as usize].clone()).unwrap();
    assert_eq!(world.judge(&Disclosure { message, ..file }).err(), Some(NotProven::NotIncluded));
}

#[test]
fn what_is_erased_or_not_ones_own_is_not_disclosed_and_leaves_no_record() {
    let (mut world, id, index) = talk(206);
    let stranger = world.private("anna", "boris");
    let secret = world.say("anna", stranger, "for boris");
    let refused = world.ask("vera", Command::Disclose(stranger, secret));
    assert!(matches!(refused, Err(Error::UnknownConversation { .. })));
    let wrong = world.ask("vera", Command::Disclose(id, secret));
    assert!(matches!(wrong, Err(Error::UnknownMessage { .. })));
    let act = act(Act::Disclose(Disclose { message: secret }));
    let by_hand = world.ask("vera", act);
    assert!(matches!(by_hand, Err(Error::Refused { .. })), "the server judges too");
    world.ask("vera", Command::Erase(EraseTarget::Messages(id, vec![index]))).unwrap();
    let erased = world.ask("boris", Command::Disclose(id, index));
    assert!(matches!(erased, Err(Error::Erased { .. })));
    assert!(!is_recorded(&world));
}

#[test]
fn a_file_is_read_whole_or_not_at_all() {
    let (mut world, id, index) = talk(207);
    let text = world.disclose("boris", id, index).to_text();
    let again = Disclosure::parse(text.as_bytes()).expect("it reads");
    assert_eq!(*again.to_text(), *text, "one spelling");
    assert!(matches!(Disclosure::parse(b""), Err(BadDisclosure::Armour)));
    let twice = format!("{}{}", *text, *text);
    assert!(matches!(Disclosure::parse(twice.as_bytes()), Err(BadDisclosure::Armour)));
    let long = vec![b' '; protocol::disclosure::DISCLOSURE_BYTES_MAX + 1];
    assert!(matches!(Disclosure::parse(&long), Err(BadDisclosure::TooLong)));
    // "[8 fields, version 1" → version 2
    let newer = text.replacen("iAFZ", "iAJZ", 1);
    assert_ne!(newer, *text);
    assert!(matches!(Disclosure::parse(newer.as_bytes()), Err(BadDisclosure::Newer(2))));
}

#[test]
fn a_receipt_is_a_proof_that_any_stock_tool_reads() {
    let (mut world, _, index) = talk(208);
    let Ok(Reply::Document(file)) = world.ask("anna", Command::Receipt(index)) else { panic!() };
    let receipt = Receipt::parse(file.expose()).unwrap();
    assert_eq!((receipt.proof().index(), receipt.extra()), (index, &world.entries[index as usize][..]));
    let root = receipt.checkpoint().claimed().head.root;
    receipt.proof().verify(&journal::tree::leaf_hash(receipt.extra()), &root).unwrap();
}

#[test]
fn officers_hear_of_reports_and_what_they_did_about_them_is_theirs_to_see() {
    let (mut world, id, index) = talk(209);
    let report = act(Act::Report(Report { message: index, reason: ReportReason::NotMine }));
    let Ok(Reply::Admitted(reported)) = world.ask("vera", report) else { panic!() };
    let raised = reported.index;
    let heard = |event: &Event| {
        matches!(event, Event::Alarm(view) if view.what == Raised::Report(ReportReason::NotMine, index)
            && view.by == Some(world.id("vera")))
    };
    assert!(world.terminals["olga"].events.iter().any(heard));
    assert!(!world.terminals["anna"].events.iter().any(heard), "officers alone");
    let open = |world: &mut World, login: &str| match world.ask(login, Command::Ask(Query::Raised)) {
        Ok(Reply::Answer(answer)) => match *answer {
            Answer::Raised(rows) => Some(rows),
            _ => panic!("another answer"),
        },
        _ => None,
    };
    assert_eq!(open(&mut world, "anna"), None);
    let rows = open(&mut world, "olga").unwrap();
    assert_eq!((rows.len(), rows[0].raised, rows[0].row.acknowledged), (1, raised, None));
    let Reply::Conversation(view) = world.ask("anna", Command::Conversation(id)).unwrap() else { panic!() };
    let of_vera = RaisedMessage { author: world.id("vera"), conversation: view.number };
    assert_eq!(rows[0].message, Some(of_vera));
    // An auditor's finding tells its message likewise; that of another entry tells none.
    world.arrive("igor");
    let finding = |entry| Finding { entry, severity: Severity::Low, code: FindingCode::Clock };
    for (entry, named) in [(index, Some(of_vera)), (0, None)] {
        let Ok(Reply::Admitted(found)) = world.ask("igor", act(Act::Finding(finding(entry)))) else {
            panic!()
        };
        let heard = |event: &Event| matches!(event, Event::Alarm(view) if view.index == found.index);
        assert!(world.terminals["olga"].events.iter().any(heard), "pushed to the officers");
        let rows = open(&mut world, "olga").unwrap();
        let row = rows.iter().find(|row| row.raised == found.index).unwrap();
        assert_eq!(
            (row.message, row.row.about),
            (named, None),
            "#{entry}: the Register itself knows no person of it"
        );
        for close in [
            Act::AlarmAcknowledge(AlarmAcknowledge { raised: found.index }),
            Act::AlarmClose(AlarmClose { raised: found.index, outcome: CloseOutcome::Mended }),
        ] {
            world.ask("olga", act(close)).unwrap();
        }
    }
    world.ask("olga", act(Act::AlarmAcknowledge(AlarmAcknowledge { raised }))).unwrap();
    let close = || act(Act::AlarmClose(AlarmClose { raised, outcome: CloseOutcome::False }));
    world.ask("oleg", close()).unwrap();
    assert_eq!(open(&mut world, "olga").unwrap(), []);
    let desk = world.ask("oleg", Command::Ask(Query::Desk(0)));
    assert!(matches!(desk, Ok(Reply::Entries(entries, false)) if entries.len() == 6));
    assert!(world.ask("vera", Command::Ask(Query::Desk(0))).is_err());
    assert!(world.ask("oleg", close()).is_err(), "once");
    // A start over the log knows the same.
    world.restart(None);
    world.reconnect("olga");
    assert_eq!(open(&mut world, "olga").unwrap(), []);
}

/// As many statements of one terminal are signed and not answered at once.
const UNANSWERED_MAX: usize = 16;

/// Whether anybody disclosed anything.
fn is_recorded(world: &World) -> bool {
    world.entries.iter().any(|entry| match journal::Entry::decode(entry).unwrap().content {
        journal::Content::Statement(signed) => matches!(signed.parse().unwrap().act(), Act::Disclose(_)),
        journal::Content::Fact(_) => false,
    })
}

#[test]
fn a_disclosure_given_up_before_it_was_signed_is_never_recorded() {
    let (mut world, id, index) = talk(210);
    // The connection goes with each of its questions unanswered in turn; in the end with the signature on its way.
    for unanswered in 0.. {
        let mut left = unanswered;
        world.tamper = Some(Box::new(move |login, frame| {
            let asked = login == "boris" && matches!(frame, ToTerminal::Answer(_) | ToTerminal::Receipt(_));
            let passes = !asked || left > 0;
            left -= usize::from(asked && passes);
            passes.then_some(frame)
        }));
        let command = world.tell("boris", Command::Disclose(id, index));
        let recorded = is_recorded(&world);
        world.tamper = None;
        world.cut("boris");
        let given_up = world.give_up("boris", command);
        assert_eq!(given_up, !recorded, "after {unanswered} answers");
        world.reconnect("boris");
        if recorded {
            assert!(unanswered >= 3, "it asks before it signs");
            assert!(matches!(world.result("boris", command), Some(Ok(Reply::Document(_)))), "it goes on");
            break;
        }
        assert!(!is_recorded(&world), "after {unanswered} answers");
        assert!(
            world.result("boris", command).is_none() && world.terminals["boris"].client.pending().is_empty()
        );
    }
}

#[test]
fn a_disclosure_that_only_waits_to_be_signed_is_taken_back_too() {
    let (mut world, id, index) = talk(211);
    // So much of his is unanswered that nothing more is signed on this connection.
    world.tamper = Some(Box::new(|login, frame| {
        (login != "boris" || !matches!(frame, ToTerminal::Receipt(_))).then_some(frame)
    }));
    let said: Vec<_> = (0..UNANSWERED_MAX)
        .map(|number| {
            let text = number.to_string();
            world.tell("boris", Command::Send(message(id, &text)))
        })
        .collect();
    let command = world.tell("boris", Command::Disclose(id, index));
    assert_eq!(world.terminals["boris"].client.unsettled(), UNANSWERED_MAX + 1, "it is made, and waits");
    assert!(world.give_up("boris", command));
    world.tamper = None;
    world.cut("boris");
    world.reconnect("boris");
    assert!(said.into_iter().all(|id| matches!(world.result("boris", id), Some(Ok(_)))), "what was said is");
    assert!(!is_recorded(&world));
    assert!(!world.give_up("boris", command), "it is there no more");
}

#[test]
fn who_cannot_prove_his_record_hears_its_number() {
    let (mut world, id, index) = talk(212);
    // All that is asked for before the act is answered; behind it one answer shows the record bent.
    let mut stands = false;
    world.tamper = Some(Box::new(move |login, frame| match frame {
        ToTerminal::Receipt(_) if login == "boris" => {
            stands = true;
            Some(frame)
        }
        ToTerminal::Answer(mut answer) if login == "boris" && stands => {
            if let Answer::EntriesAt(page) = &mut answer.answer {
                page.entries.clear();
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
    let told = world.ask("boris", Command::Disclose(id, index));
    let record = world.entries.len() as u64 - 1;
    assert!(is_recorded(&world));
    assert_eq!(told.err(), Some(Error::RecordedAlone { index: record }));
}
