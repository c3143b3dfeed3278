//! Anything in any order: the world checks on every step that nothing is heard before its commit; in the end the
//! journal replays to the engine's own state.
use super::world::World;
use crate::frame::{ToCore, encode};
use crate::io::{Input, Now, Output};
use crate::query::Query;
use journal::act::{Act, Erase, EraseTarget, Logout, Read};
use journal::replay::Replay;
use rand_core::Rng;

const OPERATORS: [&str; 3] = ["anna", "boris", "vera"];

fn step(world: &mut World, rng: &mut impl Rng, chat: journal::ConversationId) {
    let login = OPERATORS[rng.next_u32() as usize % 3];
    let live = world.terminals.contains_key(login)
        && world.register().chain_of(world.site.id(login)).is_some_and(|live| {
            let terminal = &world.terminals[login];
            live.chain == terminal.chain
        });
    match rng.next_u32() % 16 {
        0 => world.hold_commits = true,
        1..=3 => world.let_go(),
        4 => world.hold_workers = true,
        5 => {
            world.let_go();
            if live {
                world.input(Input::Closed(world.session(login)));
            } else {
                world.enter(login);
            }
        }
        6 => world.wait_ms(u64::from(rng.next_u32() % 100_000_000)),
        7 => world.input(Input::Wake),
        8 if live => {
            let target = EraseTarget::Messages(chat, vec![world.register().size().saturating_sub(2)]);
            let statement = world.draft(login, Act::Erase(Erase { target }));
            world.post(login, &statement, None);
        }
        9 if live => {
            let at = crate::frame::At { conversation: chat, index: 0 };
            let request = world.request(login);
            let ask = crate::frame::Ask { request, query: Query::Messages(at) };
            world.frame(world.session(login), &ToCore::Ask(ask));
        }
        10 if live => {
            let up_to = world.register().size().saturating_sub(1);
            let statement = world.draft(login, Act::Read(Read { conversation: chat, up_to }));
            world.post(login, &statement, None);
        }
        11 if live => {
            let statement = world.draft(login, Act::Logout(Logout {}));
            world.post(login, &statement, None);
        }
        12 if live => {
            let mut bytes = vec![0; rng.next_u32() as usize % 300];
            rng.fill_bytes(&mut bytes);
            world.input(Input::Received(world.session(login), bytes.into()));
        }
        _ if live => {
            // After a refusal the draft no longer fits: refused too, which is as good here.
            let (message, body) = world.message(chat);
            let statement = world.draft(login, Act::Message(message));
            world.post(login, &statement, Some(body));
        }
        _ => {}
    }
}

#[test]
fn whatever_comes_in_whatever_order() {
    for number in 0..24 {
        let mut world = World::new(number);
        world.all_enter();
        let chat = world.talking("anna", &["boris", "vera"]);
        let mut rng = world.rng();
        for _ in 0..120 {
            step(&mut world, &mut rng, chat);
        }
        world.let_go();
        let mut replay = Replay::new(Some(world.log));
        world.entries.iter().for_each(|entry| {
            replay.feed(entry).unwrap();
        });
        assert_eq!(replay.register().digest(), world.register().digest(), "seed {number}");
        let (before, size) = (world.register().message_count(), world.entries.len());
        world.crash();
        assert_eq!(world.register().message_count(), before);
        assert!(world.entries.len() > size);
    }
}

/// Not a test of anything: prints how many messages one thread decides in a second. `-- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
#[allow(clippy::disallowed_methods)] // the one clock here measures this program, it decides nothing
fn messages_a_second() {
    const COUNT: usize = 4096;
    const BATCH: usize = 256;
    let mut world = World::new(99);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let session = world.session("anna");
    let frames: Vec<Vec<u8>> = (0..COUNT)
        .map(|request| {
            let (message, body) = world.message(chat);
            let statement = world.draft("anna", Act::Message(message));
            let (signed, id) = world.site.sign(statement, &world.site.person("anna").signature);
            let terminal = world.terminals.get_mut("anna").unwrap();
            (terminal.sequence, terminal.last) = (terminal.sequence + 1, id);
            let request = request as u32 + 1;
            let frame = crate::frame::SubmitFrame {
                request,
                statement: signed,
                body: Some(body.into()),
                password: None,
            };
            encode(&ToCore::Submit(frame)).to_vec()
        })
        .collect();
    let mut out = Vec::new();
    let (mut committed, mut sent) = (0, 0);
    let now = Now { wall_ms: world.now.wall_ms, boot_ms: world.now.boot_ms };
    let started = std::time::Instant::now();
    for chunk in frames.chunks(BATCH) {
        for frame in chunk {
            world.engine.handle(now, Input::Received(session, frame.clone().into()), &mut out);
        }
        while let Some(at) = out.iter().position(|output| matches!(output, Output::Commit(_))) {
            let Output::Commit(batch) = out.swap_remove(at) else { unreachable!() };
            committed += batch.entries.len();
            world.engine.handle(now, Input::Committed(batch.number), &mut out);
        }
        for output in out.drain(..) {
            if let Output::Send(sessions, bytes) = output {
                sent += bytes.len() * sessions.len();
            }
        }
        for login in ["anna", "boris"] {
            world.engine.handle(now, Input::Drained(vec![(world.session(login), u64::MAX)]), &mut out);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{:.0} messages/s, {committed} committed, {} bytes sent each",
        committed as f64 / seconds,
        sent / COUNT
    );
}
