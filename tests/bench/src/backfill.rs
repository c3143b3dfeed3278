//! Writes entries into a stopped server's store by library calls, as its writer would have: each is signed, verified and
//! admitted by the Register first.
//! Never writes an entry that a replay would refuse.

use crate::site::{Site, open_store, rng};
use anyhow::{Result, anyhow};
use journal::act::{
    Accept, Act, ConversationKind, Create, Epoch, Login, Message, Precedence, Purpose, Reserve, SetPassword,
    SizeClass, WrapClaim,
};
use journal::entry::ENTRY_VERSION;
use journal::fact::{CellKind, Fact, Start};
use journal::ids::{Chain, Commitment, ConversationId, Head, ReservationId, StatementId};
use journal::register::{Candidate, CandidateContent, Register};
use journal::testing::TestSite;
use journal::tree::{Tree, leaf_hash};
use journal::{Content, Entry, Statement};
use pki::{CertId, Clearance, PersonId};
use protocol::engine::recovery::Recovery;
use protocol::engine::{Books, snapshot};
use std::collections::BTreeMap;
use std::time::Instant;
use vault::{Row, Rows, Vault};

/// Entries of one batch.
const BATCH: usize = 4096;
/// A body of 1 KiB of text.
pub(crate) const BODY_BYTES: usize = 1024 + 82;

#[derive(Clone, Copy)]
struct Live {
    chain: Chain,
    sequence: u64,
    last: StatementId,
}

/// An open store with the state that follows from it.
pub(crate) struct Backfill<'a> {
    site: &'a TestSite,
    server_certificate: CertId,
    register: Register,
    tree: Tree,
    books: Books,
    rows: Rows,
    vault: Vault,
    waiting: Vec<Vec<u8>>,
    /// Bodies that are written with them.
    bodies: Vec<vault::Place>,
    live: BTreeMap<String, Live>,
    head: Head,
    wall_ms: u64,
    names: u64,
}

impl<'a> Backfill<'a> {
    /// Opens the store of a stopped server and starts its log.
    pub(crate) fn open(site: &'a Site) -> Result<Self> {
        let vault = open_store(site.dir())?;
        let (mut recovery, mut rows) = (Recovery::new(), Rows::default());
        for entry in vault.journal_entries(0) {
            let entry = entry?;
            recovery.feed(&entry.bytes)?;
            rows.push(Row { leaf: leaf_hash(&entry.bytes), position: entry.position });
        }
        let (register, tree, books) = recovery.into_parts();
        let head = Head { size: tree.size(), root: tree.root() };
        let wall_ms = register.floor_ms();
        let mut backfill = Self {
            site: &site.authority,
            server_certificate: site.server_certificate,
            register,
            tree,
            books,
            rows,
            vault,
            waiting: Vec::new(),
            bodies: Vec::new(),
            live: BTreeMap::new(),
            head,
            wall_ms,
            names: 0,
        };
        let start = Start {
            boot_id: [7; 16],
            rules: journal::RULES,
            version: "bench".into(),
            cell: CellKind::File,
            erasure_epoch: backfill.register.erasure_epoch(),
            set_aside_bytes: 0,
        };
        backfill.admit(Content::Fact(Fact::Start(start)))?;
        Ok(backfill)
    }

    /// Entries so far.
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// A group of all of them, founded by the first, all accepted, its first epoch in force.
    pub(crate) fn group(&mut self, logins: &[String]) -> Result<ConversationId> {
        for login in logins {
            self.log_in(login)?;
        }
        let (owner, others) = logins.split_first().ok_or_else(|| anyhow!("a group of nobody"))?;
        let mut invited: Vec<PersonId> = others.iter().map(|login| self.site.id(login)).collect();
        invited.sort_unstable();
        let kind = ConversationKind::Group;
        let (ceiling, default_label) = (Clearance(3), Clearance(0));
        let create = Create { random: self.fresh(), kind, ceiling, default_label, invited };
        let conversation = ConversationId(self.act(owner, Act::Create(create))?.0);
        for login in others {
            let invitation = StatementId(conversation.0);
            self.act(login, Act::Accept(Accept { conversation, invitation }))?;
        }
        let reservation = ReservationId(self.fresh());
        let (count, size) = (logins.len() as u32, SizeClass::MIN);
        let reserve = Reserve { id: reservation, conversation, purpose: Purpose::Wraps, chunks: count, size };
        self.act(owner, Act::Reserve(reserve))?;
        let row = self.register.conversation(conversation).ok_or_else(|| anyhow!("no conversation"))?;
        let membership = row.membership.head();
        let epoch = Epoch {
            conversation,
            epoch: 1,
            membership,
            key_commitment: Commitment([9; 32]),
            wraps: WrapClaim { reservation, root: [5; 32], count },
        };
        self.act(owner, Act::Epoch(epoch))?;
        self.write()?;
        Ok(conversation)
    }

    /// Messages in a group until the journal has `size` entries. Their bodies are nowhere: this is about entries.
    pub(crate) fn messages(
        &mut self,
        logins: &[String],
        conversation: ConversationId,
        size: u64,
    ) -> Result<()> {
        self.fill(logins, conversation, size, false)
    }

    /// So many messages with their bodies, as they lie a while later; the index of the first.
    pub(crate) fn stored(
        &mut self,
        logins: &[String],
        conversation: ConversationId,
        count: u64,
    ) -> Result<u64> {
        let first = self.size();
        self.fill(logins, conversation, first + count, true)?;
        self.vault.fold(&mut rng())?;
        Ok(first)
    }

    fn fill(
        &mut self,
        logins: &[String],
        conversation: ConversationId,
        size: u64,
        bodies: bool,
    ) -> Result<()> {
        let mut writers = logins.iter().cycle();
        while let Some(login) = writers.next().filter(|_| self.size() < size) {
            let commitment = Commitment(leaf_hash(&self.tree.size().to_be_bytes()));
            let message = Message {
                conversation,
                epoch: 1,
                reference: None,
                commitment,
                size: SizeClass(10),
                label: Clearance(0),
                precedence: Precedence::Routine,
                must_acknowledge: false,
                time_ms: self.wall_ms,
                file: None,
            };
            self.act(login, Act::Message(message))?;
            if let Some(row) = self.register.message(self.size() - 1).filter(|_| bodies) {
                self.bodies.push(vault::Place::item(row.conversation, row.item));
            }
            if self.waiting.len() >= BATCH {
                self.write()?;
            }
        }
        self.write()
    }

    /// Every entry of the journal, to be written by the caller.
    pub(crate) fn entries(&self) -> disk::JournalEntries {
        self.vault.journal_entries(0)
    }

    fn fresh(&mut self) -> [u8; 16] {
        self.names += 1;
        let name = journal::testing::seed(self.site.number, &format!("backfill/{}", self.names));
        name[..16].try_into().expect("16 of 32 bytes")
    }

    fn log_in(&mut self, login: &str) -> Result<()> {
        let nonce = leaf_hash(login.as_bytes());
        let server_certificate = self.server_certificate;
        self.live.remove(login);
        let act = Act::Login(Login { nonce, exporter: [2; 32], server_certificate, end_other: true });
        self.act(login, act)?;
        // Who still has an envelope's password may do nothing else; for the others it changes nothing.
        self.act(login, Act::SetPassword(SetPassword {}))?;
        Ok(())
    }

    fn act(&mut self, login: &str, act: Act) -> Result<StatementId> {
        let person = self.site.person(login);
        let mut header = self.site.blank_header(person.signature_certificate.id());
        (header.log, header.person, header.head) = (self.register.log_id(), person.id, self.head);
        if let Some(live) = self.live.get(login) {
            (header.chain, header.sequence, header.previous) = (live.chain, live.sequence + 1, live.last);
        }
        let sequence = header.sequence;
        let (signed, id) = self.site.sign(Statement { header, act }, &person.signature);
        let leaf = self.admit(Content::Statement(signed))?;
        let chain = self.live.get(login).map_or(Chain(leaf), |live| live.chain);
        self.live.insert(login.to_owned(), Live { chain, sequence, last: id });
        Ok(id)
    }

    fn admit(&mut self, content: Content) -> Result<[u8; 32]> {
        let statement = match &content {
            Content::Statement(signed) => {
                let parsed = signed.clone().parse()?;
                let key = self.register.key_of(parsed.certificate());
                let key = key.ok_or_else(|| anyhow!("an unknown certificate"))?.clone();
                Some(parsed.verify(&key)?)
            }
            Content::Fact(_) => None,
        };
        let (wall_ms, boot_ms) = (self.wall_ms, 1000);
        let entry = Entry { version: ENTRY_VERSION, wall_ms, boot_ms, content };
        let bytes = entry.encode();
        let leaf = leaf_hash(&bytes);
        let content = match (&statement, &entry.content) {
            (Some(statement), _) => CandidateContent::Statement(statement),
            (None, Content::Fact(fact)) => CandidateContent::Fact(fact),
            (None, Content::Statement(_)) => unreachable!("statements were verified above"),
        };
        let candidate = Candidate { index: self.tree.size(), leaf, wall_ms, boot_ms, content };
        let head = self.head;
        let heads = |size| (size == head.size).then_some(head.root);
        let applied = self.register.apply(&candidate, &heads);
        let applied = applied.map_err(|refusal| anyhow!("refused: {refusal}"))?;
        self.tree.append(leaf);
        self.books.observe(&candidate, &bytes, &applied, &self.register);
        self.waiting.push(bytes);
        Ok(leaf)
    }

    /// Writes what waits as one batch.
    fn write(&mut self) -> Result<()> {
        let mut rng = rng();
        let mut batch = self.vault.begin(disk::Claim::Ordinary, &mut rng)?;
        for entry in self.waiting.drain(..) {
            let position = batch.entry(&entry)?;
            self.rows.push(Row { leaf: leaf_hash(&entry), position });
        }
        for place in self.bodies.drain(..) {
            batch.insert(place, &[7; BODY_BYTES])?;
        }
        self.head = Head { size: self.tree.size(), root: self.tree.root() };
        batch.commit(self.head.root)?;
        Ok(())
    }

    /// Writes a snapshot behind the newest entry, as the server would have.
    pub(crate) fn snapshot(&mut self) -> Result<()> {
        let (begin, mut rng) = (Instant::now(), rng());
        let state = snapshot::write(&self.register, &self.books, self.head);
        let encoded = begin.elapsed();
        self.vault.write_pages(&mut self.rows, &mut rng)?;
        let mut batch = self.vault.begin(disk::Claim::Ordinary, &mut rng)?;
        let paged = batch.snapshot(&self.rows, &state)?;
        batch.commit(self.head.root)?;
        self.rows.paged(paged);
        let (entries, bytes) = (self.head.size, state.len());
        let (encoded, all) = (encoded.as_millis(), begin.elapsed().as_millis());
        eprintln!("  snapshot of {entries} entries: {bytes} bytes in {encoded} ms, written after {all} ms");
        Ok(())
    }
}
