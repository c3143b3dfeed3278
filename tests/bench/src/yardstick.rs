//! The yardstick: as little as a server can do that checks a signature, encrypts, and answers from the disk.
//! Bare quinn, mutual TLS, one thread for the network and one that verifies (Ed25519), seals (ChaCha20-Poly1305), writes,
//! and syncs whatever queued during the last sync as one batch. Then it acknowledges and delivers.
//! Never keeps order between senders, proves nothing, remembers nothing and decides nothing: that is the product's work.
//!
//! ```text
//! to the server    length (4) ‖ sender (4) ‖ signature (64) ‖ message
//! to the client    length (4) ‖ 0 ‖ stamp of one's own message, acknowledged
//!                  length (4) ‖ 1 ‖ message
//! ```

use crate::fanout::{Arrivals, Speaker};
use crate::load::{MEMBERS, MESSAGE_BYTES, Member, OUTSTANDING, Outcome, Run, SENDERS, STAMP_BYTES, Spent};
use crate::site::{Server, issue, own, rng};
use anyhow::{Context, Result, ensure};
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use bytes::{Buf, Bytes, BytesMut};
use disk::{BLOCK, Device, FileDevice, Preallocation};
use journal::testing::TestSite;
use link::{Link, TlsProfile};
use pki::{PublicKey, Role, Signer, Suite, Verifier};
use quinn::{Endpoint, RecvStream, SendStream};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const HEAD: usize = 4 + 64;
/// The file, written round and round.
const FILE_BYTES: u64 = 256 << 20;

/// The same people in both processes: everything follows from the seed.
fn people(members: usize) -> TestSite {
    let mut site = TestSite::new(8, Suite::Ed25519);
    issue(&mut site, "server", Role::Server);
    (0..members).for_each(|n| issue(&mut site, &login(n), Role::Operator));
    site
}

fn login(number: usize) -> String {
    format!("member{number}")
}

fn anyone() -> link::PeerCheck {
    Arc::new(|_, _| Ok(()))
}

// --- the server

struct Submitted {
    sender: usize,
    frame: Bytes,
}

/// What became durable together: (sender, message).
type Batch = Arc<Vec<(usize, Bytes)>>;

/// Serves until it is killed.
pub(crate) fn serve(dir: &Path, members: usize) -> Result<()> {
    let site = people(members);
    let device = FileDevice::create(&dir.join("yardstick"), FILE_BYTES, Preallocation::Write)?;
    let keys = (0..SENDERS).map(|n| site.person(&login(n)).signature.public().clone()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let config = TlsProfile::standard().server(&own(&site, "server"), anyone())?;
        let endpoint = Endpoint::server(config, "127.0.0.1:0".parse()?)?;
        eprintln!("listening on {}", endpoint.local_addr()?);
        let (submit, queue) = mpsc::channel();
        let (durable, batches) = unbounded_channel();
        let (joined, joining) = unbounded_channel();
        std::thread::spawn(move || commit(device, keys, &queue, &durable));
        tokio::spawn(distribute(batches, joining));
        while let Some(incoming) = endpoint.accept().await {
            let (submit, joined) = (submit.clone(), joined.clone());
            tokio::spawn(async move {
                let Ok(connection) = incoming.await else { return };
                let Ok((mut send, receive)) = connection.open_bi().await else { return };
                // The client only sees a stream on which something was said.
                if send.write_all(&[0; 4]).await.is_ok() {
                    listen(receive, send, submit, joined).await;
                }
                drop(connection);
            });
        }
        Ok(())
    })
}

/// A connection's first frame names who it is; then come its messages.
async fn listen(
    mut receive: RecvStream,
    send: SendStream,
    submit: mpsc::Sender<Submitted>,
    joined: UnboundedSender<(usize, SendStream)>,
) {
    let mut buffer = BytesMut::new();
    let mut send = Some(send);
    while let Ok(Some(chunk)) = receive.read_chunk(64 * 1024, true).await {
        buffer.extend_from_slice(&chunk.bytes);
        while let Some(frame) = next(&mut buffer) {
            let sender = u32::from_be_bytes(frame[..4].try_into().expect("4 bytes")) as usize;
            match send.take() {
                Some(send) => drop(joined.send((sender, send))),
                None => drop(submit.send(Submitted { sender, frame })),
            }
        }
    }
}

fn next(buffer: &mut BytesMut) -> Option<Bytes> {
    let length = u32::from_be_bytes(*buffer.first_chunk::<4>()?) as usize;
    if buffer.len() < 4 + length {
        return None;
    }
    buffer.advance(4);
    Some(buffer.split_to(length).freeze())
}

/// Verifies, seals, writes and syncs all that waits, again and again.
fn commit(
    device: FileDevice,
    keys: Vec<PublicKey>,
    queue: &mpsc::Receiver<Submitted>,
    durable: &UnboundedSender<Batch>,
) {
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &[7; 32]).expect("a key has 32 bytes"));
    let (mut offset, mut counter) = (0, 0u64);
    while let Ok(first) = queue.recv() {
        let mut block = Vec::new();
        let mut batch = Vec::new();
        let mut waiting = Some(first);
        while let Some(Submitted { sender, frame }) = waiting.take().or_else(|| queue.try_recv().ok()) {
            let message = frame.slice(HEAD..);
            keys[sender].verify(&message, &frame[4..HEAD]).expect("our own load signs well");
            let mut nonce = [0; NONCE_LEN];
            counter += 1;
            nonce[..8].copy_from_slice(&counter.to_be_bytes());
            let start = block.len();
            block.extend_from_slice(&frame);
            let nonce = Nonce::assume_unique_for_key(nonce);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut block[start..]);
            block.extend_from_slice(tag.expect("a message is short").as_ref());
            batch.push((sender, message));
        }
        block.resize(block.len().next_multiple_of(BLOCK), 0);
        if offset + block.len() as u64 > FILE_BYTES {
            offset = 0;
        }
        device.write(offset, &block).and_then(|()| device.sync()).expect("a bench's disk works");
        offset += block.len() as u64;
        if durable.send(Arc::new(batch)).is_err() {
            return;
        }
    }
}

/// Hands batches to everyone's own task.
async fn distribute(
    mut batches: UnboundedReceiver<Batch>,
    mut joining: UnboundedReceiver<(usize, SendStream)>,
) {
    let mut members: Vec<UnboundedSender<Batch>> = Vec::new();
    loop {
        tokio::select! {
            biased;
            Some((number, send)) = joining.recv() => {
                let (sender, receiver) = unbounded_channel();
                members.push(sender);
                tokio::spawn(write(number, send, receiver));
            }
            Some(batch) = batches.recv() => members.retain(|member| member.send(batch.clone()).is_ok()),
            else => return,
        }
    }
}

async fn write(number: usize, mut send: SendStream, mut batches: UnboundedReceiver<Batch>) {
    while let Some(batch) = batches.recv().await {
        let mut chunks = Vec::with_capacity(batch.len() * 2);
        let (mut acks, length) = (BytesMut::new(), 1 + STAMP_BYTES as u32);
        for (sender, message) in batch.iter() {
            if *sender == number {
                acks.extend_from_slice(&length.to_be_bytes());
                acks.extend_from_slice(&[0]);
                acks.extend_from_slice(&message[..STAMP_BYTES]);
            } else {
                let length = 1 + message.len() as u32;
                let head = [&length.to_be_bytes()[..], &[1]].concat();
                chunks.extend([Bytes::from(head), message.clone()]);
            }
        }
        chunks.insert(0, acks.freeze());
        if send.write_all_chunks(&mut chunks).await.is_err() {
            return;
        }
    }
}

// --- the load

/// Starts it in a process of its own.
pub(crate) fn start(dir: &Path, members: usize) -> Result<Server> {
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.arg("yardstick-server").arg(dir).arg(members.to_string());
    Server::start(command)
}

/// One run of the load.
pub(crate) async fn run(server: &Server, sending: Duration) -> Result<Outcome> {
    let site = people(MEMBERS);
    let mut links = Vec::new();
    for number in 0..MEMBERS {
        links.push(enter(&site, number, server).await?);
    }
    let before = Spent::so_far(server.process())?;
    let run = Run::new(sending);
    let mut tasks = Vec::new();
    for (number, link) in links.into_iter().enumerate() {
        let key =
            pki::SecretKey::from_bytes(Suite::Ed25519, &site.person(&login(number)).signature.to_bytes())?;
        tasks.push(tokio::spawn(member(Member::new(run.clone(), number), link, key)));
    }
    let mut members = Vec::new();
    for task in tasks {
        members.push(task.await??);
    }
    Ok(Outcome::of(members, Spent::so_far(server.process())?.since(before)))
}

async fn connect(site: &TestSite, number: usize, server: &Server) -> Result<Link> {
    let own = own(site, &login(number));
    Ok(Link::connect(&TlsProfile::standard(), &own, anyone(), server.address, "yardstick").await?)
}

/// Many who listen, and one who speaks.
pub(crate) struct Crowd {
    link: Link,
    key: pki::SecretKey,
}

impl Crowd {
    /// Connects all of them; each listens in a task of its own.
    pub(crate) async fn gather(server: &Server, receivers: usize, arrivals: &Arc<Arrivals>) -> Result<Self> {
        let site = people(receivers + 1);
        for number in 1..=receivers {
            let link = enter(&site, number, server).await?;
            let arrivals = arrivals.clone();
            tokio::spawn(async move { listen_only(link, &arrivals).await });
        }
        let key = &site.person(&login(0)).signature;
        Ok(Self {
            link: enter(&site, 0, server).await?,
            key: pki::SecretKey::from_bytes(Suite::Ed25519, &key.to_bytes())?,
        })
    }
}

impl Speaker for Crowd {
    async fn say(&mut self) -> Result<()> {
        let content = [9; MESSAGE_BYTES];
        let signature = self.key.sign(&content).context("our own key signs")?;
        let length = ((HEAD + MESSAGE_BYTES) as u32).to_be_bytes();
        Ok(self.link.send.write_all(&[&length[..], &[0; 4], &signature, &content].concat()).await?)
    }
}

async fn listen_only(mut link: Link, arrivals: &Arrivals) -> Result<()> {
    let mut buffer = BytesMut::new();
    while let Some(chunk) = link.receive.read_chunk(64 * 1024, true).await? {
        buffer.extend_from_slice(&chunk.bytes);
        while let Some(frame) = next(&mut buffer) {
            arrivals.add(u64::from(frame.first() == Some(&1)));
        }
    }
    Ok(())
}

/// Connects and says who it is.
async fn enter(site: &TestSite, number: usize, server: &Server) -> Result<Link> {
    let mut link = connect(site, number, server).await?;
    link.send.write_all(&[&4u32.to_be_bytes()[..], &(number as u32).to_be_bytes()].concat()).await?;
    Ok(link)
}

/// Those of so many who connect and say who they are, and no more.
pub(crate) struct Silent(TestSite);

impl Silent {
    /// Who they are.
    pub(crate) fn of(members: usize) -> Self {
        Self(people(members))
    }

    /// One of them.
    pub(crate) async fn enter(&self, number: usize, server: &Server) -> Result<Link> {
        enter(&self.0, number, server).await
    }
}

/// Connects and hangs up, again and again; how often.
pub(crate) async fn handshakes(server: &Server, number: usize, count: usize) -> Result<()> {
    let site = people(MEMBERS);
    for _ in 0..count {
        drop(connect(&site, number, server).await?);
    }
    Ok(())
}

async fn member(mut member: Member, mut link: Link, key: pki::SecretKey) -> Result<Member> {
    let mut buffer = BytesMut::new();
    let mut content = vec![0; MESSAGE_BYTES];
    rand_core::Rng::fill_bytes(&mut rng(), &mut content);
    loop {
        let mut frames = Vec::with_capacity(OUTSTANDING * (MESSAGE_BYTES + HEAD + 4));
        while let Some(stamp) = member.next() {
            content[..STAMP_BYTES].copy_from_slice(&stamp);
            let signature = key.sign(&content).context("our own key signs")?;
            frames.extend_from_slice(&((HEAD + MESSAGE_BYTES) as u32).to_be_bytes());
            frames.extend_from_slice(&(member.number as u32).to_be_bytes());
            frames.extend_from_slice(&signature);
            frames.extend_from_slice(&content);
        }
        if !frames.is_empty() {
            link.send.write_all(&frames).await?;
        }
        if member.is_over() {
            return Ok(member);
        }
        // The end may come without a word to this connection.
        let read = tokio::time::timeout(Duration::from_millis(200), link.receive.read_chunk(64 * 1024, true));
        let Ok(chunk) = read.await else { continue };
        buffer.extend_from_slice(&chunk?.context("the yardstick hung up")?.bytes);
        while let Some(frame) = next(&mut buffer) {
            match frame.first() {
                Some(0) => {
                    ensure!(frame.len() == 1 + STAMP_BYTES, "a wrong acknowledgement");
                    member.acknowledged(u64::from_be_bytes(frame[1..9].try_into().expect("8 bytes")));
                }
                Some(_) => member.delivered(&frame[1..1 + STAMP_BYTES]),
                None => {}
            }
        }
    }
}
