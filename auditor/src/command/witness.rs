//! `conclave-audit witness run`: a second machine that mirrors the log, compares, and only then cosigns.
//! Never cosigns what does not continue what it cosigned before, and never without having the entries itself.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use console::{Exit, Lang, Voice};
use hkdf::Hkdf;
use journal::Origin;
use journal::checkpoint::SignedCheckpoint;
use journal::ids::{Head, LogId};
use journal::note::{CosignerKey, VerifierKey};
use journal::witness::{AddCheckpoint, Refused, WitnessAnswer, cosigner_name, key_binding_bytes};
use link::terminal::{Terminal, TerminalError};
use minicbor::bytes::ByteVec;
use pki::{PersonId, Role, SecretKey, Signer, SiteCard, Suite, durable_file};
use protocol::answer::Answer;
use protocol::client::{Command as Ask, Reply};
use protocol::query::{Cosigned, Query};
use serde::Serialize;
use sha2::Sha256;

use super::online::{Access, odd, online, runtime};
use super::{ended, shown};
use crate::export::PAGE_ENTRIES;
use crate::mirror::{BadMirror, Mirror};
use crate::names::{hex, roles};
use crate::trouble::Trouble;

/// Between two looks at the log: well below the minute after which officers are alarmed.
const EVERY: Duration = Duration::from_secs(5);
/// Before the connection is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// What the server said that contradicts what was cosigned.
const CONTRADICTION: &str = "contradiction";

/// Be a witness of an appliance's log.
#[derive(Subcommand, Debug)]
#[allow(missing_docs, reason = "the help stands at the command's own struct")]
pub enum Command {
    #[command(after_help = "Example: conclave-audit witness run /srv/witness --once")]
    Run(Run),
}

/// Mirror the log and cosign its checkpoints, with a certificate of the role witness.
///
/// Ends by itself only when the log contradicts what was cosigned (3), with --once, or when it cannot go on. A contradiction
/// that lies in DIR bars the next run too (3), until somebody moves it elsewhere.
#[derive(Args, Debug)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct Run {
    /// Where the mirror is kept; made where there is none. One for each witness.
    pub dir: PathBuf,
    /// Cosign what there is now, and end.
    #[arg(long)]
    pub once: bool,
    #[command(flatten)]
    pub access: Access,
}

console::words! {
    enum Said {
        Begins { key: String, size: u64 }
            => en("witness, {size} entries cosigned so far; auditors add this key: conclave-audit trust witness FILE {key}"),
               ru("свидетель, заверено записей: {size}; аудиторы добавляют этот ключ: conclave-audit trust witness FILE {key}");
        Cosigned { size: u64, root: String }
            => en("cosigned: {size} entries, {root}"), ru("заверено записей: {size}, {root}");
        Diverged { why: String, file: String }
            => en("DIVERGED: {why}. Nothing more is cosigned. Tell the officers and the auditor; what the server said is kept in {file}"),
               ru("РАСХОЖДЕНИЕ: {why}. Больше ничего не заверяется. Сообщите офицерам и аудитору; сказанное сервером сохранено в {file}");
        Contradicted { file: String }
            => en("DIVERGED: {file} holds what the log signed against what was cosigned here. Nothing is cosigned while it lies there: give \
                   it to the officers and the auditor, and move it elsewhere only when it is explained"),
               ru("РАСХОЖДЕНИЕ: в {file} лежит то, что журнал подписал вопреки заверенному здесь. Пока он там, ничего не заверяется: \
                   отдайте его офицерам и аудитору и уберите в другое место, только когда причина ясна");
        Away { why: String }
            => en("{why}; trying again"), ru("{why}; будет новая попытка");
    }
}
console::words! {
    /// What the server's log did.
    enum Why {
        Fewer { has: u64, cosigned: u64 }
            => en("the server's log has {has} entries, {cosigned} were cosigned"),
               ru("в журнале сервера записей {has}, а заверено {cosigned}");
        NotContinued { has: u64, cosigned: u64 }
            => en("the server's log of {has} entries does not continue the {cosigned} that were cosigned"),
               ru("журнал сервера из {has} записей не продолжает заверенных {cosigned}");
        OtherEntries { has: u64 }
            => en("the entries that the server gave are not those that it signed at {has} entries"),
               ru("выданные сервером записи — не те, что он подписал на {has} записях");
        EraPassed { has: u32, cosigned: u32 }
            => en("the server's log comes as that of era {has} again, entries of era {cosigned} were cosigned"),
               ru("журнал сервера снова выдаёт себя за журнал эры {has}, а заверены записи эры {cosigned}");
        Unsigned => en("the server's checkpoint is not signed by its log"), ru("контрольная точка сервера не подписана его журналом");
    }
}

#[derive(Serialize)]
struct Data {
    entries: u64,
    root: String,
    verifier_key: String,
}

/// What lies in the witness' directory, and bars it.
#[derive(Serialize)]
struct Kept {
    file: String,
}

/// Why a round ends the command.
enum End {
    Trouble(Trouble),
    /// The connection: try again.
    Away(TerminalError),
    Diverged(Why),
}

impl From<Trouble> for End {
    fn from(trouble: Trouble) -> Self {
        End::Trouble(trouble)
    }
}

/// What does not last is tried again.
fn away(error: TerminalError) -> End {
    if Exit::of_reason(&error.words().name) == Exit::Missing {
        End::Away(error)
    } else {
        End::Trouble(online(&error))
    }
}

/// Runs it.
pub fn run(command: &Command, voice: Voice) -> Exit {
    match command {
        Command::Run(run) => ended("witness run", voice, work(run, voice)),
    }
}

/// Who cosigns, and for which log.
struct Witness {
    log: LogId,
    identity: VerifierKey,
    key: CosignerKey,
    secret: SecretKey,
    binding: Vec<u8>,
}

impl Witness {
    fn new(terminal: &Terminal, card: &SiteCard) -> Result<Self, Trouble> {
        let bad = || Trouble::BadCard { file: "site.card".into(), cause: "log identity key".into() };
        let (log, person) = (LogId(card.log_id), terminal.person());
        let identity = card.log_identity.parse::<VerifierKey>().map_err(|_| bad())?;
        let keys = terminal.credential().current().map_err(|error| online(&error.into()))?;
        let has = keys.signature_certificate().roles();
        if !has.contains(Role::Witness) {
            return Err(Trouble::NoWitness { en: roles(has, Lang::En), ru: roles(has, Lang::Ru) });
        }
        let signature = keys.signature();
        let secret = cosigning_key(signature, log);
        let key = cosigner(log, person, &secret);
        let binding = signature.sign(&key_binding_bytes(log, &key)).map_err(|_| bad())?;
        Ok(Self { log, identity, key, secret, binding })
    }

    /// The log's key under the name of an era.
    fn key_in(&self, origin: Origin) -> VerifierKey {
        let key = self.identity.key().clone();
        VerifierKey::new(origin.key_name(), key).expect("a good key is one under any good name")
    }
}

fn cosigner(log: LogId, person: PersonId, secret: &SecretKey) -> CosignerKey {
    CosignerKey::new(cosigner_name(log, person), secret.public().clone()).expect("an Ed25519 key")
}

/// A key of its own, whatever the site's suite: C2SP's cosignatures are Ed25519, and its own key is never used for
/// statements. It follows from the person's signature key and the log, so that there is nothing more to keep or to lose.
fn cosigning_key(signature: &SecretKey, log: LogId) -> SecretKey {
    let mut seed = [0; 32];
    let kdf = Hkdf::<Sha256>::new(None, &signature.to_bytes());
    kdf.expand_multi_info(&[b"conclave/1 cosigning key", &log.0], &mut seed)
        .expect("32 bytes are not too many");
    SecretKey::from_bytes(Suite::Ed25519, &seed).expect("every 32 bytes are a key")
}

fn work(run: &Run, voice: Voice) -> Result<Exit, Trouble> {
    prepare(&run.dir)?;
    let kept = run.dir.join(CONTRADICTION);
    if kept.symlink_metadata().is_ok() {
        let said = Said::Contradicted { file: shown(&kept) };
        return Ok(voice.verdict(
            "witness run",
            Exit::Diverged,
            "contradicted",
            &said,
            Kept { file: shown(&kept) },
        ));
    }
    let card = run.access.card()?;
    let (mut terminal, proof) = run.access.open(card.clone(), voice)?;
    let witness = Witness::new(&terminal, &card)?;
    runtime()?.block_on(async {
        let done = watch(&mut terminal, &witness, &proof, run, voice).await;
        terminal.close().await;
        done
    })
}

/// Makes the directory, for the owner alone, with its parents. Its name lasts before anything is said of what is in it.
fn prepare(dir: &Path) -> Result<(), Trouble> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.and_then(|()| durable_file::sync_name(dir)).map_err(|error| unwritable(dir, &error))
}

/// Connects for as long as it takes.
async fn watch(
    terminal: &mut Terminal,
    witness: &Witness,
    proof: &str,
    run: &Run,
    voice: Voice,
) -> Result<Exit, Trouble> {
    loop {
        match session(terminal, witness, proof, run, voice).await {
            Ok(exit) => return Ok(exit),
            Err(End::Trouble(trouble)) => return Err(trouble),
            Err(End::Away(error)) if run.once => return Err(online(&error)),
            Err(End::Away(error)) => {
                let words = error.words();
                voice.notice(&Said::Away { why: voice.lang.pick(words.en, words.ru) });
                terminal.hang_up();
                tokio::time::sleep(AGAIN).await;
            }
            Err(End::Diverged(why)) => {
                let why = console::Words::say(&why, voice.lang);
                let said = Said::Diverged { why, file: shown(&run.dir.join(CONTRADICTION)) };
                let data = Data { entries: 0, root: String::new(), verifier_key: witness.key.to_string() };
                return Ok(voice.verdict("witness run", Exit::Diverged, "diverged", &said, data));
            }
        }
    }
}

/// One connection.
async fn session(
    terminal: &mut Terminal,
    witness: &Witness,
    proof: &str,
    run: &Run,
    voice: Voice,
) -> Result<Exit, End> {
    terminal.connect().await.map_err(away)?;
    terminal.login(proof, run.access.end_other).await.map_err(away)?;
    let mut kept: Option<(Origin, Mirror)> = None;
    // The server forgets what was cosigned when it starts anew: the first answer of a session is always brought.
    let mut brought = None;
    loop {
        let old = kept.as_ref().map_or(0, |(_, mirror)| mirror.last().size);
        let (mut request, bytes) = asked(terminal, old).await?;
        let origin = request.checkpoint.claimed().origin;
        if origin.log != witness.log {
            return Err(diverged(run, &bytes, Why::Unsigned));
        }
        if kept.as_ref().is_none_or(|(of, _)| *of != origin) {
            // An era is a log of its own to a witness: what was given up with the one before stays in its mirror.
            let mirror = mirror(run, witness, &request, &bytes)?;
            if kept.is_none() {
                voice.remark(&Said::Begins { key: witness.key.to_string(), size: mirror.last().size });
            }
            request = asked(terminal, mirror.last().size).await?.0;
            kept = Some((origin, mirror));
        }
        let Some((origin, mirror)) = &mut kept else { continue };
        // The key is that of the mirror's origin, whatever this answer claims to be of.
        let log = witness.key_in(*origin);
        let head = round(terminal, (witness, &log), mirror, &request, brought, run).await?;
        if brought != Some(head) {
            brought = Some(head);
            let (size, root) = (head.size, hex(&head.root));
            let data = Data { entries: size, root: root.clone(), verifier_key: witness.key.to_string() };
            let exit = voice.done("witness run", &Said::Cosigned { size, root }, data);
            if run.once || exit != Exit::Yes {
                return Ok(exit);
            }
        }
        rest(terminal).await?;
    }
}

/// The mirror of the era that a request is of. A log that is signed under a former era's name again is one rolled back.
fn mirror(run: &Run, witness: &Witness, request: &AddCheckpoint, bytes: &[u8]) -> Result<Mirror, End> {
    let origin = request.checkpoint.claimed().origin;
    let key = witness.key_in(origin);
    match Mirror::open(&run.dir, origin.era, &key) {
        Err(BadMirror::EraPassed { cosigned }) => {
            let signed = request.checkpoint.verify_by(&key).is_ok();
            let why = if signed { Why::EraPassed { has: origin.era, cosigned } } else { Why::Unsigned };
            Err(diverged(run, bytes, why))
        }
        opened => Ok(opened.map_err(|bad| unusable(&run.dir.join(format!("era-{}", origin.era)), &bad))?),
    }
}

/// Lets time pass, and the connection be looked after.
async fn rest(terminal: &mut Terminal) -> Result<(), End> {
    let until = tokio::time::Instant::now() + EVERY;
    while let Ok(news) = tokio::time::timeout_at(until, terminal.next()).await {
        if let link::terminal::News::Lost(error) = news {
            return Err(away(error));
        }
    }
    Ok(())
}

async fn asked(terminal: &mut Terminal, old: u64) -> Result<(AddCheckpoint, Vec<u8>), End> {
    let reply = terminal.request(Ask::Ask(Query::Witness(old))).await.map_err(away)?;
    let Reply::Answer(answer) = reply else { return Err(odd().into()) };
    let Answer::Witness(body, _) = *answer else { return Err(odd().into()) };
    let request = AddCheckpoint::parse(&body).map_err(|_| odd())?;
    Ok((request, body.to_vec()))
}

/// Compares, mirrors, records, cosigns, brings: in this order. Gives the head that is cosigned.
async fn round(
    terminal: &mut Terminal,
    (witness, log): (&Witness, &VerifierKey),
    mirror: &mut Mirror,
    request: &AddCheckpoint,
    brought: Option<Head>,
    run: &Run,
) -> Result<Head, End> {
    let last = mirror.last();
    let has = request.checkpoint.claimed().head.size;
    let head = match request.judge(log, last) {
        Ok(head) => head,
        Err(refused) => {
            let cosigned = last.size;
            let why = match refused {
                Refused::Conflict { .. } => Why::Fewer { has, cosigned },
                Refused::Inconsistent => Why::NotContinued { has, cosigned },
                Refused::NotSigned | Refused::UnknownLog => Why::Unsigned,
                Refused::BadRequest => return Err(odd().into()),
            };
            // Kept before the server hears of it: it may hang up.
            let end = diverged(run, request.to_string().as_bytes(), why);
            drop(bring(terminal, witness, &WitnessAnswer::Refused(refused)).await);
            return Err(end);
        }
    };
    if brought == Some(head) {
        return Ok(head);
    }
    while mirror.tree().size() < head.size {
        fetch(terminal, mirror, head.size, &run.dir).await?;
    }
    if !mirror.leads_to(head).map_err(|error| unwritable(&run.dir, &error))? {
        return Err(diverged(run, request.to_string().as_bytes(), Why::OtherEntries { has }));
    }
    let text = request.checkpoint.note().text();
    let line = witness.key.cosign(text, &witness.secret, link::terminal::now_ms() / 1000);
    let line = line.map_err(|_| odd())?;
    let mut checkpoint: SignedCheckpoint = request.checkpoint.clone();
    checkpoint.add_line(line.clone()).map_err(|_| odd())?;
    mirror.record(checkpoint).map_err(|error| unwritable(&run.dir, &error))?;
    // Durable: only now does the line leave.
    bring(terminal, witness, &WitnessAnswer::Cosigned(vec![line])).await?;
    Ok(head)
}

async fn fetch(terminal: &mut Terminal, mirror: &mut Mirror, size: u64, dir: &Path) -> Result<(), End> {
    let from = mirror.tree().size();
    let count = u32::try_from(size - from).unwrap_or(u32::MAX).min(PAGE_ENTRIES);
    let reply = terminal.request(Ask::Ask(Query::Entries(from, count))).await.map_err(away)?;
    let Reply::Entries(entries, _) = reply else { return Err(odd().into()) };
    let given = (from..).zip(&entries).take_while(|(index, view)| view.index == *index).count();
    if entries.is_empty() || given < entries.len() {
        return Err(Trouble::NotGiven { index: from + given as u64 }.into());
    }
    for view in entries.iter().take(count as usize) {
        mirror.append(&view.entry).map_err(|error| unwritable(dir, &error))?;
    }
    Ok(())
}

async fn bring(terminal: &mut Terminal, witness: &Witness, answer: &WitnessAnswer) -> Result<(), End> {
    let brought = Cosigned {
        key: witness.key.to_string(),
        binding: ByteVec::from(witness.binding.clone()),
        status: answer.status(),
        body: ByteVec::from(answer.body().into_bytes()),
    };
    let reply = terminal.request(Ask::Ask(Query::Cosigned(brought))).await.map_err(away)?;
    if let Reply::Answer(answer) = reply
        && let Answer::Cosigned(_) = *answer
    {
        return Ok(());
    }
    Err(odd().into())
}

/// What the server said is kept: with the log's signature under it, it is proof.
fn diverged(run: &Run, said: &[u8], why: Why) -> End {
    // What the log has not signed is proof of nothing, and must not stand in the place of what it signs later.
    if let Why::Unsigned = why {
        return End::Diverged(why);
    }
    let path = run.dir.join(CONTRADICTION);
    match durable_file::create(&path, said, durable_file::OWNER_ONLY) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            unwritable(&run.dir, &error).into()
        }
        // The first one is what matters.
        Ok(()) | Err(_) => End::Diverged(why),
    }
}

fn unwritable(dir: &Path, error: &std::io::Error) -> Trouble {
    Trouble::Unwritable { file: shown(dir), cause: error.to_string() }
}

fn unusable(dir: &Path, bad: &BadMirror) -> Trouble {
    let file = shown(dir);
    match bad {
        BadMirror::Busy => Trouble::MirrorBusy { file },
        BadMirror::Io(error) => unwritable(dir, error),
        BadMirror::Journal(_)
        | BadMirror::Checkpoint
        | BadMirror::Contradiction { .. }
        | BadMirror::EraPassed { .. } => Trouble::BadMirror { file, cause: bad.to_string() },
    }
}
