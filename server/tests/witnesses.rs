//! Cosignatures over the life of the real daemon: what a witness has brought is there again behind a start.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::checkpoint::SignedCheckpoint;
use journal::note::CosignerKey;
use journal::witness::{AddCheckpoint, WitnessAnswer, cosigner_name, key_binding_bytes};
use nix::sys::signal::Signal;
use pki::{Role, SecretKey, Signer, Suite};
use protocol::answer::Answer;
use protocol::client::{Command, Reply};
use protocol::query::{Cosigned, Query};
use support::{Client, Server, Site, runtime};

const TIME_S: u64 = 1_800_000_000;

async fn asked(client: &mut Client, query: Query) -> Answer {
    match client.run(Command::Ask(query)).await {
        Ok(Reply::Answer(answer)) => *answer,
        Ok(_) => panic!("another answer"),
        Err(why) => panic!("{why:?}"),
    }
}

/// The newest cosigned checkpoint, as an exporter gets it.
async fn newest(client: &mut Client) -> Option<SignedCheckpoint> {
    let Answer::Witness(_, note) = asked(client, Query::Witness(0)).await else { panic!("another answer") };
    note.map(|note| SignedCheckpoint::parse(&note).unwrap())
}

/// The witness wera cosigns the newest head, with this key.
async fn cosigns(site: &Site, wera: &mut Client, secret: &SecretKey) -> CosignerKey {
    let person = site.person("wera");
    let key = CosignerKey::new(cosigner_name(site.log, person.id), secret.public().clone()).unwrap();
    let Answer::Witness(body, _) = asked(wera, Query::Witness(0)).await else { panic!("another answer") };
    let request = AddCheckpoint::parse(&body).unwrap();
    let line = key.cosign(request.checkpoint.note().text(), secret, TIME_S).unwrap();
    let answer = WitnessAnswer::Cosigned(vec![line]);
    let brought = Cosigned {
        key: key.to_string(),
        binding: person.signature.sign(&key_binding_bytes(site.log, &key)).unwrap().into(),
        status: answer.status(),
        body: answer.body().into_bytes().into(),
    };
    let size = request.checkpoint.claimed().head.size;
    assert_eq!(asked(wera, Query::Cosigned(brought)).await, Answer::Cosigned(size));
    key
}

fn stopped(server: Server) {
    server.signal(Signal::SIGTERM);
    let (exit, said) = server.wait();
    assert!(exit.success(), "{said}");
}

#[test]
fn what_a_witness_has_cosigned_is_there_behind_a_start_before_the_witness_is() {
    let (mut site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let server = site.start();
    let secret = SecretKey::from_bytes(Suite::Ed25519, &[77; 32]).unwrap();
    let (mut olga, key, head) = runtime.block_on(async {
        let mut olga = Client::new(&site, "olga");
        olga.first_login(&site, "olga", &server).await;
        let (acts, verifiers) = site.welcome("wera", Role::Witness);
        olga.take_in(acts, verifiers).await.unwrap();
        let mut wera = Client::new(&site, "wera");
        wera.first_login(&site, "wera", &server).await;
        assert!(newest(&mut olga).await.is_none(), "nobody has cosigned yet");
        let key = cosigns(&site, &mut wera, &secret).await;
        let head = newest(&mut olga).await.unwrap().claimed().head;
        olga.hang_up();
        wera.hang_up();
        (olga, key, head)
    });
    stopped(server);
    let server = site.start();
    assert!(server.began.contains(&format!("witnesses have cosigned {} entries", head.size)));
    runtime.block_on(async {
        olga.enter(&site, "olga", &server).await;
        let note = newest(&mut olga).await.expect("before the witness is back");
        assert_eq!((note.claimed().head, key.cosigned(note.note())), (head, Ok(Some(TIME_S))));
        olga.hang_up();
    });
    // Killed at any time, it keeps what it had.
    server.kill();
    let kept = site.path("state/cosigned");
    let bytes = std::fs::read(&kept).unwrap();
    // What is torn, or somebody has written there, is told and not believed; the server serves.
    for bad in [&bytes[..bytes.len() / 2], b"", &[&bytes[..], b"x"].concat()] {
        std::fs::write(&kept, bad).unwrap();
        let server = site.start();
        assert!(server.began.contains("is not taken back"), "{}", server.began);
        runtime.block_on(async {
            olga.enter(&site, "olga", &server).await;
            assert!(newest(&mut olga).await.is_none());
            olga.hang_up();
        });
        stopped(server);
    }
    std::fs::write(&kept, &bytes).unwrap();
    let journal = {
        let server = site.start();
        assert!(server.began.contains("witnesses have cosigned"), "{}", server.began);
        site.audited(server, &[&olga])
    };
    assert!(journal.entries.len() as u64 > head.size);
}

/// Store and cell are put back to what they were, both at once, so that they fit each other; what a witness cosigned meanwhile
/// says so.
#[test]
fn a_journal_put_back_behind_what_was_cosigned_does_not_start_before_it_is_answered_for() {
    let (mut site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let server = site.start();
    let secret = SecretKey::from_bytes(Suite::Ed25519, &[77; 32]).unwrap();
    let (mut olga, mut wera) = runtime.block_on(async {
        let mut olga = Client::new(&site, "olga");
        olga.first_login(&site, "olga", &server).await;
        let (acts, verifiers) = site.welcome("wera", Role::Witness);
        olga.take_in(acts, verifiers).await.unwrap();
        let mut wera = Client::new(&site, "wera");
        wera.first_login(&site, "wera", &server).await;
        olga.hang_up();
        wera.hang_up();
        (olga, wera)
    });
    stopped(server);
    let before = site.files();
    let server = site.start();
    runtime.block_on(async {
        olga.enter(&site, "olga", &server).await;
        wera.enter(&site, "wera", &server).await;
        cosigns(&site, &mut wera, &secret).await;
        olga.hang_up();
        wera.hang_up();
    });
    stopped(server);
    let kept = site.path("state/cosigned");
    let bytes = std::fs::read(&kept).unwrap();
    site.put_back(&before);
    let (status, why) = site.start_refused();
    let words =
        ["put back to an older state", "conclaved recover --accept-loss --cause restored", kept.as_str()];
    assert!(status.code() == Some(2) && words.iter().all(|word| why.contains(word)), "{why}");
    assert!(std::fs::read(&kept).unwrap() == bytes, "it stays");
    assert!(site.files() == before, "and nothing was written");
    // The way on that it names: two officers give up what is lost, and the file contradicts nothing any more.
    let head = site.path("olga.head");
    std::fs::write(&head, olga.checkpoint()).unwrap();
    site.recovered(&["--cause", "restored", "--head", &head]);
    let server = site.start();
    assert!(server.began.contains("is not taken back"), "{}", server.began);
    runtime.block_on(olga.enter(&site, "olga", &server));
    olga.hang_up();
    stopped(server);
}

/// A link that lies where the file grows is not written through.
#[test]
fn a_link_in_the_state_directory_is_not_written_through() {
    let (mut site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let server = site.start();
    let secret = SecretKey::from_bytes(Suite::Ed25519, &[77; 32]).unwrap();
    let elsewhere = site.path("elsewhere");
    std::fs::write(&elsewhere, b"untouched").unwrap();
    std::os::unix::fs::symlink(&elsewhere, site.path("state/cosigned.part")).unwrap();
    runtime.block_on(async {
        let mut olga = Client::new(&site, "olga");
        olga.first_login(&site, "olga", &server).await;
        let (acts, verifiers) = site.welcome("wera", Role::Witness);
        olga.take_in(acts, verifiers).await.unwrap();
        let mut wera = Client::new(&site, "wera");
        wera.first_login(&site, "wera", &server).await;
        cosigns(&site, &mut wera, &secret).await;
        olga.hang_up();
        wera.hang_up();
    });
    stopped(server);
    assert!(std::fs::read(&elsewhere).unwrap() == b"untouched");
    assert!(std::fs::symlink_metadata(site.path("state/cosigned")).unwrap().is_file());
}
