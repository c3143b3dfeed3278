//! Whether a history was right: what was promised is there, once; every screen shows what its person may read and
//! nothing else; what was erased opens for nobody; the auditor comes to the same state.
//! Looks at a world at rest. Panics with what is wrong.

use crate::ledger::{self, Room, Sight};
use crate::schedule;
use crate::server::note;
use crate::store::Store;
use crate::world::World;
use journal::act::Act;
use journal::checkpoint::SignedCheckpoint;
use journal::fact::{AlarmKind, Fact};
use journal::ids::{ConversationId, Head, Index, StatementId};
use journal::replay::{BadAt, Compared, Replay, Verdict};
use journal::statement::Statement;
use journal::{Content, Entry};
use pki::{PersonId, SecretKey};
use protocol::client::Event;
use protocol::io::Now;
use std::collections::{BTreeMap, BTreeSet};
use vault::Place;

/// The journal's entries as they lie on the device.
pub struct Log {
    /// Their bytes.
    pub entries: Vec<Vec<u8>>,
    statements: BTreeMap<Index, (StatementId, Statement)>,
    facts: BTreeMap<Index, Fact>,
    /// When each entry was stamped.
    stamps: Vec<Now>,
}

impl Log {
    /// Reads a store's journal.
    pub fn of(store: &Store) -> Self {
        Self::read(store.entries())
    }

    /// Reads entries.
    pub fn read(entries: Vec<Vec<u8>>) -> Self {
        let (mut statements, mut facts, mut stamps) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for (index, bytes) in (0..).zip(&entries) {
            let entry = Entry::decode(bytes).expect("an entry");
            stamps.push(Now { wall_ms: entry.wall_ms, boot_ms: entry.boot_ms });
            match entry.content {
                Content::Statement(signed) => {
                    let parsed = signed.parse().expect("a statement");
                    let statement = Statement { header: parsed.header().clone(), act: parsed.act().clone() };
                    statements.insert(index, (parsed.id(), statement));
                }
                Content::Fact(fact) => drop(facts.insert(index, fact)),
            }
        }
        Self { entries, statements, facts, stamps }
    }

    /// The statement at an index.
    pub fn statement(&self, index: Index) -> Option<(StatementId, &Statement)> {
        self.statements.get(&index).map(|(id, statement)| (*id, statement))
    }

    /// All acts in order: where, which statement, whose.
    pub fn acts(&self) -> impl Iterator<Item = (Index, StatementId, PersonId, &Act)> {
        self.statements.iter().map(|(index, (id, of))| (*index, *id, of.header.person, &of.act))
    }

    /// The runs of the retention schedule.
    pub fn runs(&self) -> impl Iterator<Item = Index> {
        let run = |(index, fact): (&Index, &Fact)| matches!(fact, Fact::RetentionRun(_)).then_some(*index);
        self.facts.iter().filter_map(run)
    }

    /// When an entry was stamped.
    pub fn stamp(&self, index: Index) -> Now {
        self.stamps[usize::try_from(index).expect("few")]
    }

    /// The Fact at an index.
    pub fn fact(&self, index: Index) -> Option<&Fact> {
        self.facts.get(&index)
    }

    /// All Facts in order.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.facts.values()
    }
}

/// What the auditor found.
pub struct Audit {
    /// The replay's verdict, or the entry that does not stand.
    pub verdict: Result<Verdict, BadAt>,
    /// The log's own checkpoint confirms these entries.
    pub confirmed: bool,
    /// The replay's state is the engine's.
    pub same_state: bool,
    /// All heads that ever left the server, or that a terminal keeps, are heads of these entries.
    pub one_past: bool,
}

impl Audit {
    /// Everything fits.
    pub fn is_honest(&self) -> bool {
        self.verdict.is_ok() && self.confirmed && self.same_state && self.one_past
    }

    pub(crate) fn of(world: &World, log: &Log) -> Self {
        let server = world.server.as_ref().expect("the server lives");
        let mut replay = Replay::new(Some(world.site.log));
        for bytes in &log.entries {
            if let Err(bad) = replay.feed(bytes) {
                return Self { verdict: Err(bad), confirmed: false, same_state: false, one_past: false };
            }
        }
        let head = Head { size: replay.tree().size(), root: replay.tree().root() };
        let suite = world.site.test.suite;
        let period =
            SecretKey::from_bytes(suite, &Store::period_key(&server.store.vault, server.engine.period().0))
                .unwrap();
        let checkpoint = SignedCheckpoint::parse(&note(&world.site, &period, head)).unwrap();
        let confirmed = replay.confirm(&checkpoint).is_ok_and(|found| found == head);
        let kept = world.terminals.values().flat_map(|terminal| terminal.heads.iter().copied());
        let spoken = world.spoken.iter().map(|(size, root)| Head { size: *size, root: *root });
        let all: Vec<Head> = kept.chain(spoken).collect();
        let one_past = all.into_iter().all(|head| replay.compare(0, head) == Ok(Compared::Same));
        let same_state = replay.register().digest() == server.engine.register().digest();
        Self { verdict: Ok(replay.verdict()), confirmed, same_state, one_past }
    }
}

/// Everything at once.
pub fn judge(world: &mut World) {
    everything_was_sent(world);
    let log = world.log();
    nothing_acknowledged_is_missing(world, &log);
    screens(world, &log);
    let audit = world.audit();
    assert!(audit.verdict.is_ok(), "the auditor: {}", audit.verdict.err().unwrap());
    assert!(audit.confirmed, "the checkpoint does not confirm the entries");
    assert!(audit.same_state, "the auditor's state is not the server's");
    assert!(audit.one_past, "a head that left the server is none of this log");
    let log = world.log();
    erased_is_erased(world, &log);
    if schedule::rules(world.seed) {
        schedule::runs_are_as_they_must_be(&log);
    }
    nobody_was_alarmed(world, &log);
}

/// When faults stop, everything that was unsent is sent.
fn everything_was_sent(world: &mut World) {
    for (login, terminal) in world.terminals.iter().filter(|(login, _)| !world.is_out(login)) {
        assert_eq!(terminal.client.unsettled(), 0, "{login} has unsent acts");
        assert!(terminal.told.is_empty(), "{login} waits for {:?}", terminal.told);
        assert!(terminal.client.is_ready(), "{login} is not logged in");
    }
}

/// What a terminal was told is in the log is there, of its person, and was said where he said it.
fn nothing_acknowledged_is_missing(world: &World, log: &Log) {
    for (login, terminal) in &world.terminals {
        for sent in &terminal.sent {
            let found = log.statement(sent.index);
            let (_, statement) = found.unwrap_or_else(|| panic!("{login}'s {sent:?} is missing"));
            let Act::Message(message) = &statement.act else { panic!("{login}'s {sent:?} is no message") };
            assert_eq!((statement.header.person, message.conversation), (world.id(login), sent.conversation));
        }
        let mut indices: Vec<Index> = terminal.sent.iter().map(|sent| sent.index).collect();
        indices.sort_unstable();
        indices.dedup();
        assert_eq!(indices.len(), terminal.sent.len(), "two texts of {login} under one index");
    }
}

/// Which text stands at an index, by its sender's own word.
fn known_texts(world: &World) -> BTreeMap<Index, String> {
    let sent = world.terminals.values().flat_map(|terminal| &terminal.sent);
    sent.map(|sent| (sent.index, sent.text.clone())).collect()
}

/// Every screen shows exactly the messages that its person may read, in order; nothing stands twice.
fn screens(world: &mut World, log: &Log) {
    let rooms = ledger::rooms(log);
    let mut texts = known_texts(world);
    let logins: Vec<String> = world.terminals.keys().cloned().collect();
    let id_of: BTreeMap<PersonId, String> =
        logins.iter().map(|login| (world.id(login), login.clone())).collect();
    for login in logins.iter().filter(|login| !world.is_out(login)).cloned().collect::<Vec<_>>().iter() {
        let person = world.id(login);
        let own: BTreeSet<ConversationId> =
            rooms.iter().filter(|(_, room)| room.sight(person).is_some()).map(|(id, _)| *id).collect();
        let shown: BTreeSet<ConversationId> = world.conversations(login).into_iter().collect();
        assert_eq!(shown, own, "{login}'s conversations");
        for (id, room) in &rooms {
            let Some(sight) = room.sight(person) else {
                assert!(world.read(login, *id).is_err(), "{login} reads where he is not");
                continue;
            };
            let lines = world.read(login, *id).expect("a member reads");
            let indices =
                |lines: &[(Index, String)]| lines.iter().map(|(index, _)| *index).collect::<Vec<_>>();
            let due: Vec<Index> = sight.iter().map(|(said, _)| said.index).collect();
            assert_eq!(indices(&lines), due, "{login}'s messages in {}", room.number);
            for ((said, sight), (index, shown)) in sight.iter().zip(&lines) {
                let at = format!("{login} sees message {index}");
                match sight {
                    Sight::Erased => assert_eq!(shown, "erased", "{at}"),
                    Sight::NoKey => assert_eq!(shown, "no key", "{at}"),
                    Sight::Text => {
                        let text = texts.entry(*index).or_insert_with(|| shown.clone());
                        assert_eq!(shown, text, "{at}");
                        let author = &id_of[&said.author];
                        let given = &world.terminals[author];
                        let known = given.sent.iter().any(|sent| sent.index == *index);
                        let lost = given.lost.iter().any(|(of, text)| of == id && text == shown);
                        assert!(known || lost, "{at}: nobody wrote {shown:?}");
                    }
                }
            }
        }
    }
    nothing_stands_twice(world, &rooms, &texts);
}

/// No text is in the log twice, although terminals tried again and again.
fn nothing_stands_twice(
    world: &World,
    rooms: &BTreeMap<ConversationId, Room>,
    texts: &BTreeMap<Index, String>,
) {
    let mut seen = BTreeMap::new();
    for (index, text) in texts {
        let before = seen.insert(text, index);
        assert!(before.is_none(), "{text:?} stands at {before:?} and at {index}");
    }
    for (login, terminal) in &world.terminals {
        let person = world.id(login);
        let in_log = rooms.values().flat_map(|room| &room.messages).filter(|said| said.author == person);
        let (in_log, sent, lost) = (in_log.count(), terminal.sent.len(), terminal.lost.len());
        assert!(
            (sent..=sent + lost).contains(&in_log),
            "{login} has {in_log} messages in the log, {sent} were acknowledged, {lost} were lost sight of"
        );
    }
}

/// With every key there is and every block ever written, nothing erased opens and everything else does.
fn erased_is_erased(world: &mut World, log: &Log) {
    let server = world.server.as_ref().expect("the server lives");
    let register = server.engine.register();
    assert_eq!(register.erasures_pending().count(), 0, "an erasure is still to be done");
    let opened = world.machine.open_everything(&server.powered, &server.store.vault);
    let secrets = opened.keys().filter(|place| place.conversation == vault::SECRETS_CONVERSATION);
    let secrets: Vec<u64> = secrets.map(|place| place.item).collect();
    assert_eq!(
        secrets,
        [server.engine.period().0],
        "of the log's own keys the running period's opens, and no other"
    );
    for room in ledger::rooms(log).values() {
        if room.erased {
            let back = opened.keys().find(|place| place.conversation == room.number);
            assert_eq!(back, None, "of erased conversation {} something opens", room.number);
        }
        let rows = register.messages_of(room.number, 0..u64::MAX);
        for (row, said) in rows.zip(&room.messages) {
            assert_eq!(row.index, said.index);
            let of = |place: &&Place| (place.conversation, place.item) == (row.conversation, row.item);
            let found = opened.keys().find(of);
            if said.erased || room.erased {
                assert_eq!(found, None, "erased message {} opens", said.index);
            } else {
                assert!(
                    found.is_some(),
                    "live message {} does not open: the adversary is too weak",
                    said.index
                );
            }
        }
    }
}

/// Nobody lied here, so nobody may have been accused.
fn nobody_was_alarmed(world: &mut World, log: &Log) {
    // Devices fill up, and a clock that jumps by days jumps over runs; whether these are true is looked at where they
    // are told.
    let borne = [AlarmKind::NearlyFull, AlarmKind::RetentionMissed, AlarmKind::ClockLeapt];
    let alarm = log.facts().find(|fact| matches!(fact, Fact::Alarm(alarm) if !borne.contains(&alarm.alarm)));
    assert!(alarm.is_none(), "an honest world has an alarm: {alarm:?}");
    for (login, terminal) in &world.terminals {
        for event in &terminal.events {
            let told = match event {
                Event::Distrust(distrust) => format!("{distrust:?}"),
                Event::MissingBody(_, index) => format!("a body is missing at {index}"),
                Event::BadWrap(_, epoch, _) => format!("a bad wrap of epoch {epoch}"),
                Event::Dropped(index, what) => format!("{index} dropped: {what:?}"),
                _ => continue,
            };
            panic!("{login} was alarmed in an honest world: {told}");
        }
    }
}
