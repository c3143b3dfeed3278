//! `conclaved log closing`: the proof that this log was closed, as a file for the new server.
//! Never changes anything: the store is looked at under glass.

use super::said::{ClosedData, Said, closed_text};
use super::{file_trouble, refused};
use crate::command::{open_trouble, read_config, store_trouble};
use crate::keys::ServerKeys;
use crate::recovery::{self, RecoveryError, Replayed};
use crate::store::{self, Rehearsed};
use crate::words::{Reason, Trouble};
use console::{Exit, Voice};
use journal::act::Act;
use journal::entry::{Content, Entry};
use journal::ids::{Head, Index};
use journal::register::Register;
use journal::statement::SignedStatement;
use journal::tree::Tree;
use minicbor::bytes::ByteVec;
use pki::durable_file::{self, UMASK};
use protocol::continuation::{Closing as Proof, Proven};
use std::path::PathBuf;
use vault::Vault;

/// Take out the proof that this log was closed: at the old server, once it is stopped. Changes nothing.
#[derive(clap::Args)]
#[command(
    after_help = "Example: conclaved log closing --config /etc/conclave/conclaved.toml --out old.closing"
)]
pub(in crate::command) struct Closing {
    /// The old server's configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where the proof is written to.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Closing {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        let config = read_config(&self.config)?;
        let keys = ServerKeys::load(&config.state_dir);
        let keys = keys.map_err(|error| Trouble::Keys { reason: error.reason() })?;
        if self.out.exists() {
            return Err(Trouble::FileExists { path: self.out.display().to_string() });
        }
        let rehearsed = store::rehearse(&config.store).map_err(|error| open_trouble(&config.store, error))?;
        let Rehearsed { vault, opened, .. } = rehearsed;
        if vault.journal().0 == 0 {
            return Err(Trouble::StoreEmpty { path: config.store.path.display().to_string() });
        }
        // Every entry with every signature: what is taken out is what an audit finds.
        let replayed = recovery::from_genesis(&vault, &opened).map_err(RecoveryError::trouble)?;
        let head = replayed.head();
        let Replayed { register, tree, .. } = replayed;
        let closed = register.closed().ok_or(Trouble::NotClosed)?.index;
        let period = match recovery::period_key(&vault, &register) {
            Ok(period) => Some(period),
            // What the new log demands is the identity key's line.
            Err(RecoveryError::PeriodKey(number)) => {
                voice.remark(&Said::PeriodKeyGone { number });
                None
            }
            Err(error) => return Err(error.trouble()),
        };
        if register.identity() != Some(&keys.identity_public()) {
            return Err(Trouble::OtherIdentity);
        }
        let signers: Vec<_> = period.iter().chain([&keys.identity]).collect();
        let note = recovery::signed_note(&register, head, &signers).map_err(RecoveryError::trouble)?;
        let proof = Taking { vault: &vault, tree: &tree, head }.proof(&register, closed, note)?;
        // By the very judgement that the new server and its officers make.
        let found = proof.check().map_err(|error| refused(&error))?;
        durable_file::create(&self.out, proof.to_text().as_bytes(), UMASK)
            .map_err(|error| file_trouble(&self.out, error))?;
        let text = closed_text(&found, voice.lang);
        let words = Said::ClosingWritten { text, out: self.out.display().to_string() };
        Ok(voice.done("log closing", &words, ClosedData::new(&found, Some(&self.out))))
    }
}

/// From where the proof is taken.
struct Taking<'a> {
    vault: &'a Vault,
    tree: &'a Tree,
    head: Head,
}

impl Taking<'_> {
    fn proof(&self, register: &Register, closed: Index, note: Vec<u8>) -> Result<Proof, Trouble> {
        let (approve, approved) = self.entry(closed)?;
        let approved = approved.parse().map_err(|error| odd(&error))?;
        let Act::Approve(act) = approved.act() else { return Err(odd(&"the closing entry")) };
        let (propose, proposed) = self.entry(act.proposal)?;
        let proposed = proposed.parse().map_err(|error| odd(&error))?;
        let (_, genesis) = self.entry(0)?;
        let signers = [proposed.certificate(), approved.certificate()];
        let certificates: Vec<ByteVec> = register
            .certificates()
            .filter(|row| signers.contains(&row.id()))
            .map(|row| row.certificate().der().to_vec().into())
            .collect();
        Ok(Proof::new(genesis, certificates, (propose, approve), note.into()))
    }

    fn entry(&self, index: Index) -> Result<(Proven, SignedStatement), Trouble> {
        let found = self.vault.journal_entries(index).next().ok_or_else(|| odd(&"an entry is missing"))?;
        let bytes = found.map_err(|error| store_trouble(vault::Error::from(error).into()))?.bytes;
        let proof = self.tree.inclusion_proof(index, self.head.size).map_err(|error| odd(&error))?;
        let entry = Entry::decode(&bytes).map_err(|error| odd(&error))?;
        let Content::Statement(statement) = entry.content else { return Err(odd(&"an entry is no act")) };
        Ok((Proven { entry: bytes.into(), proof }, statement))
    }
}

/// What replayed a moment ago does not read.
fn odd(error: &dyn std::fmt::Display) -> Trouble {
    Trouble::StoreDamaged {
        reason: Reason::of(error, "запись журнала не читается".into())
    }
}
