//! One look of a witness at the log: asks, compares, mirrors, records, cosigns, brings, in this order.
//! Never lets a cosignature leave before the mirror holds, durably, what it is over.

use std::path::Path;

use journal::checkpoint::SignedCheckpoint;
use journal::ids::Head;
use journal::note::VerifierKey;
use journal::witness::{AddCheckpoint, Refused, WitnessAnswer};
use link::terminal::{ANSWER_TIMEOUT, Terminal, TerminalError};
use minicbor::bytes::ByteVec;
use pki::durable_file;
use protocol::answer::Answer;
use protocol::client::{Command as Ask, Reply};
use protocol::query::{Cosigned, Query};

use super::key::Witness;
use super::{CONTRADICTION, away, unwritable};
use crate::command::online::odd;
use crate::export::PAGE_ENTRIES;
use crate::mirror::Mirror;
use crate::trouble::Trouble;

console::words! {
    /// What the server's log did.
    #[derive(Debug)]
    pub(super) enum Why {
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

/// Why a round ends the command.
pub(super) enum End {
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

/// What the log signed last, as the server offers it to who has cosigned so many entries.
pub(super) async fn asked(terminal: &mut Terminal, old: u64) -> Result<(AddCheckpoint, Vec<u8>), End> {
    let reply = terminal.request(Ask::Ask(Query::Witness(old))).await.map_err(away)?;
    let Reply::Answer(answer) = reply else { return Err(odd().into()) };
    let Answer::Witness(body, _) = *answer else { return Err(odd().into()) };
    let request = AddCheckpoint::parse(&body).map_err(|_| odd())?;
    Ok((request, body.to_vec()))
}

/// Compares, mirrors, records, cosigns, brings: in this order. Gives the head that is cosigned.
pub(super) async fn round(
    terminal: &mut Terminal,
    (witness, log): (&Witness, &VerifierKey),
    mirror: &mut Mirror,
    request: &AddCheckpoint,
    brought: Option<Head>,
    dir: &Path,
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
            let end = diverged(dir, request.to_string().as_bytes(), why);
            // It may also never answer.
            let refused = WitnessAnswer::Refused(refused);
            drop(tokio::time::timeout(ANSWER_TIMEOUT, bring(terminal, witness, &refused)).await);
            return Err(end);
        }
    };
    if brought == Some(head) {
        return Ok(head);
    }
    while mirror.tree().size() < head.size {
        fetch(terminal, mirror, head.size, dir).await?;
    }
    if !mirror.leads_to(head).map_err(|error| unwritable(dir, &error))? {
        return Err(diverged(dir, request.to_string().as_bytes(), Why::OtherEntries { has }));
    }
    let text = request.checkpoint.note().text();
    let line = witness.key.cosign(text, &witness.secret, link::terminal::now_ms() / 1000);
    let line = line.map_err(|_| odd())?;
    let mut checkpoint: SignedCheckpoint = request.checkpoint.clone();
    checkpoint.add_line(line.clone()).map_err(|_| odd())?;
    mirror.record(checkpoint).map_err(|error| unwritable(dir, &error))?;
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
pub(super) fn diverged(dir: &Path, said: &[u8], why: Why) -> End {
    // What the log has not signed is proof of nothing, and must not stand in the place of what it signs later.
    if let Why::Unsigned = why {
        return End::Diverged(why);
    }
    let path = dir.join(CONTRADICTION);
    match durable_file::create(&path, said, durable_file::OWNER_ONLY) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => unwritable(dir, &error).into(),
        // The first one is what matters.
        Ok(()) | Err(_) => End::Diverged(why),
    }
}
